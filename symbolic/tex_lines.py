r"""LaTeX of several lines: filling them, left sides and whole documents.

Nothing is measured by TeX, so widths are estimated in characters; brackets have fixed sizes
(``\bigl``) because pairs that grow cannot span lines.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sgdiagrams.symbolic.optimizer import SGD

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sgdiagrams.symbolic.coefficients import Piece
    from sgdiagrams.symbolic.expansion import Part

__all__ = ["LINE_WIDTH", "Lines", "document", "left_side", "plain_width", "protocol", "sign_tex"]

#: Characters a line; fits A4 and letter paper with margins of 2 cm at ten points.
LINE_WIDTH = 78

_DOCUMENT = r"""\documentclass[10pt]{article}
\usepackage[margin=2cm]{geometry}
\usepackage{amsmath,amssymb}
\allowdisplaybreaks
\begin{document}
\noindent %(title)s
%(formula)s
\end{document}
"""


def document(title: str, formula: str) -> str:
    """Return a whole document with one formula."""
    return _DOCUMENT % {"title": title, "formula": formula}


class Lines:
    r"""Fills lines with terms; breaks inside a term only when it is longer than a line.

    Attributes
    ----------
    limit
        The width of a line.
    inner
        The indent of a line that begins inside a term; other lines but the first have ``\quad``.
    """

    def __init__(self, limit: int, *, inner: str = r"\quad") -> None:
        self.limit = limit
        self.inner = inner
        self.lines: list[str] = []
        self.width = 0

    def term(self, pieces: Sequence[Piece]) -> None:
        """Append the pieces of a term, the first of which has its sign."""
        total = sum(piece.width for piece in pieces)
        if self.lines and self.width + total > self.limit:
            self._new_line(r"\quad")
        for piece in pieces:
            if self.lines and self.width + piece.width > self.limit and self.width > 8:
                self._new_line(self.inner)
            if not self.lines:
                self.lines.append("{}")
            # A line that starts with + or - needs something before it to keep the spacing.
            at_start = self.lines[-1].endswith("{}")
            tex = piece.tex.lstrip().removeprefix(r"\, ") if at_start else piece.tex
            self.lines[-1] += tex
            self.width += piece.width

    def _new_line(self, indent: str) -> None:
        self.lines.append(indent + "{}")
        self.width = 2 if indent == r"\quad" else 4


def sign_tex(sign: int) -> str:
    """Return a sign with the space after it."""
    return "+ " if sign > 0 else "- "


def left_side(parts: Sequence[Part]) -> str:
    """Return the sum of expected observables that is expanded."""
    if not parts:
        return "0"
    names = []
    for i, part in enumerate(parts):
        c = part.coefficient
        lead = ("-" if c < 0 else "") if i == 0 else (" - " if c < 0 else " + ")
        number = "" if abs(c) == 1 else str(abs(c)) + r"\,"
        if abs(c) != 1 and c.denominator != 1:
            number = rf"\frac{{{abs(c.numerator)}}}{{{c.denominator}}}\,"
        body = part.observable.latex
        if len(parts) > 1 and part.sampling is not None:
            body += rf"\big|_{{\text{{{protocol(part)}}}}}"
        names.append(f"{lead}{number}{body}")
    return "".join(names)


def protocol(part: Part) -> str:
    """Return the sampling and, if it is not plain SGD, the optimiser, as text for TeX."""
    label = "" if part.sampling is None else part.sampling.label
    if part.optimizer != SGD():
        label += f", {part.optimizer.label}"
    return label.replace("_", r"\_")


def plain_width(tex: str) -> int:
    """Return about as many characters as a left side is wide."""
    return len(re.sub(r"\\[A-Za-z]+|[{},_\\ ]", lambda m: "x" if len(m[0]) > 5 else "", tex))
