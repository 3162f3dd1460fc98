r"""LaTeX of several lines: filling them, left sides and whole documents.

Nothing is measured by TeX, so widths are estimated in characters; brackets have fixed sizes
(``\bigl``) because pairs that grow cannot span lines.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sgdiagrams.symbolic.writing.coefficients import Piece

__all__ = ["LINE_WIDTH", "Lines", "document", "plain_width", "sign_tex"]


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


def plain_width(tex: str) -> int:
    """Return about as many characters as a left side is wide."""
    return len(re.sub(r"\\[A-Za-z]+|[{},_\\ ]", lambda m: "x" if len(m[0]) > 5 else "", tex))
