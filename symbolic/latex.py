r"""Expansions as LaTeX: one ``align*`` with long orders broken over lines.

Nothing is measured by TeX, so widths are estimated in characters; brackets have fixed sizes
(``\bigl``) because pairs that grow cannot span lines.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sgdiagrams.symbolic.checks import check_choice
from sgdiagrams.symbolic.coefficients import Piece, coefficient
from sgdiagrams.symbolic.notation import latex_of, text_of
from sgdiagrams.symbolic.optimizer import SGD

if TYPE_CHECKING:
    from sgdiagrams.symbolic.expansion import Coefficients, EtaStyle, Expansion, Part, Term

__all__ = ["LINE_WIDTH", "latex_expansion"]

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


def latex_expansion(
    expansion: Expansion,
    *,
    eta: EtaStyle = "scalar",
    coefficients: Coefficients = "factored",
    standalone: bool = False,
    environment: str = "align*",
) -> str:
    """Return an expansion in LaTeX; see `Expansion.latex`."""
    check_choice("eta", eta, ("scalar", "tensor"))
    check_choice("coefficients", coefficients, ("factored", "expanded", "binomial"))
    # The left side stands in its own column; that of a difference gets a line of its own.
    alone = len(expansion.parts) > 1
    width = LINE_WIDTH - (0 if alone else len(_plain_left_side(expansion)) - 5)
    lines: list[str] = []
    for k in range(expansion.order + 1):
        terms = expansion.order_terms(k)
        if terms:
            lines += _order_lines(k, terms, eta, coefficients, width)
    lines.append(rf"{{}}+ O(\eta^{{{expansion.order + 1}}})")
    lines[0] = lines[0].removeprefix("{}").removeprefix("+ ")
    left = _left_side(expansion)
    left = f"& {left} \\\\\n  ={{}}& " if alone else f"{left} ={{}}& "
    body = " \\\\\n  & ".join(lines)
    formula = f"\\begin{{{environment}}}\n  {left}{body}\n\\end{{{environment}}}"
    if not standalone:
        return formula
    return _DOCUMENT % {"title": _title(expansion), "formula": formula}


def _order_lines(
    k: int, terms: tuple[Term, ...], eta: EtaStyle, coefficients: Coefficients, width: int
) -> list[str]:
    """Return the lines of one order, each starting with its sign."""
    signed = [_term_pieces(term, eta, coefficients) for term in terms]
    factor = Piece("", "", 0)
    if eta == "scalar" and k:
        factor = Piece(r"\eta\, " if k == 1 else rf"\eta^{{{k}}} ", "eta", 2)
    bracket = bool(factor.tex) and len(terms) > 1
    overall = signed[0][0] if bracket else 1
    writer = _Lines(width)
    for i, (sign, pieces) in enumerate(signed):
        first = i == 0
        if bracket and first:
            start = Piece(f"{_sign(overall)}{factor.tex}\\Bigl[ ", "", 6)
        elif bracket:
            start = Piece("" if first else " " + _sign(sign * overall), "", 3)
        else:
            start = Piece(" " * (not first) + _sign(sign) + factor.tex, "", 3 + factor.width)
        whole = list(pieces)
        if bracket and i == len(signed) - 1:
            whole.append(Piece(r" \Bigr]", "", 1))
        writer.term([Piece(start.tex + whole[0].tex, "", start.width + whole[0].width), *whole[1:]])
    return writer.lines


class _Lines:
    """Fills lines with terms; breaks inside a term only when it is longer than a line."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.lines: list[str] = []
        self.width = 0

    def term(self, pieces: list[Piece]) -> None:
        total = sum(piece.width for piece in pieces)
        if self.lines and self.width + total > self.limit:
            self._new_line()
        for piece in pieces:
            if self.lines and self.width + piece.width > self.limit and self.width > 8:
                self._new_line()
            if not self.lines:
                self.lines.append("{}")
            # A line that starts with + or - needs something before it to keep the spacing.
            at_start = self.lines[-1].endswith("{}")
            self.lines[-1] += piece.tex.lstrip() if at_start else piece.tex
            self.width += piece.width

    def _new_line(self) -> None:
        self.lines.append(r"\quad{}")
        self.width = 2


def _term_pieces(term: Term, eta: EtaStyle, coefficients: Coefficients) -> tuple[int, list[Piece]]:
    contraction = term.contraction.with_metric("eta") if eta == "tensor" else term.contraction
    number = coefficient(term.weight, coefficients)
    tensors = [
        Piece(tex, text, len(text.replace("_", "").replace("^", "").replace("eta", "n")))
        for tex, text in zip(
            latex_of(contraction).split(r"\, "), text_of(contraction).split(" "), strict=True
        )
    ]
    glued = [Piece((r"\, " if i else "") + p.tex, p.text, p.width) for i, p in enumerate(tensors)]
    if not number.pieces:
        return number.sign, glued
    gap = Piece(r"\, " + glued[0].tex, "", glued[0].width)
    return number.sign, [*number.pieces, gap, *glued[1:]]


def _sign(sign: int) -> str:
    return "+ " if sign > 0 else "- "


def _left_side(expansion: Expansion) -> str:
    parts = expansion.parts
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
            body += rf"\big|_{{\text{{{_protocol(part)}}}}}"
        names.append(f"{lead}{number}{body}")
    return "".join(names)


def _protocol(part: Part) -> str:
    """Return the sampling and, if it is not plain SGD, the optimiser, as text for TeX."""
    label = "" if part.sampling is None else part.sampling.label
    if part.optimizer != SGD():
        label += f", {part.optimizer.label}"
    return label.replace("_", r"\_")


def _plain_left_side(expansion: Expansion) -> str:
    """Return about as many characters as the left side is wide."""
    tex = _left_side(expansion)
    return re.sub(r"\\[A-Za-z]+|[{},_\\ ]", lambda m: "x" if len(m[0]) > 5 else "", tex)


def _title(expansion: Expansion) -> str:
    schemes = sorted({_protocol(part) for part in expansion.parts if part.sampling})
    name = expansion.observable.replace("-", " ").replace("_", r"\_")
    title = f"{name[:1].upper()}{name[1:]}, {expansion.basis} basis"
    if schemes:
        title += f", {' and '.join(schemes)}"
    return title + f", to order {expansion.order}; repeated indices are summed:"
