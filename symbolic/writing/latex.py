"""Expansions as LaTeX: one ``align*`` with long orders broken over lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sgdiagrams.symbolic.checks import check_choice
from sgdiagrams.symbolic.contractions.notation import latex_of, text_of
from sgdiagrams.symbolic.writing.coefficients import Piece, coefficient
from sgdiagrams.symbolic.writing.lines import LINE_WIDTH, Lines, document, plain_width, sign_tex
from sgdiagrams.symbolic.writing.titles import left_side, protocol

if TYPE_CHECKING:
    from sgdiagrams.symbolic.formula import Formula, Term
    from sgdiagrams.symbolic.vocabulary import Coefficients, EtaStyle

__all__ = ["latex_expansion"]


def latex_expansion(
    expansion: Formula,
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
    left = left_side(expansion.parts)
    alone = len(expansion.parts) > 1
    width = LINE_WIDTH - (0 if alone else plain_width(left) - 5)
    lines: list[str] = []
    for k in range(expansion.order + 1):
        terms = expansion.order_terms(k)
        if terms:
            lines += _order_lines(k, terms, eta, coefficients, width)
    lines.append(rf"{{}}+ O(\eta^{{{expansion.order + 1}}})")
    lines[0] = lines[0].removeprefix("{}").removeprefix("+ ")
    left = f"& {left} \\\\\n  ={{}}& " if alone else f"{left} ={{}}& "
    body = " \\\\\n  & ".join(lines)
    formula = f"\\begin{{{environment}}}\n  {left}{body}\n\\end{{{environment}}}"
    if not standalone:
        return formula
    return document(_title(expansion), formula)


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
    writer = Lines(width)
    for i, (sign, pieces) in enumerate(signed):
        first = i == 0
        if bracket and first:
            start = Piece(f"{sign_tex(overall)}{factor.tex}\\Bigl[ ", "", 6)
        elif bracket:
            start = Piece("" if first else " " + sign_tex(sign * overall), "", 3)
        else:
            start = Piece(" " * (not first) + sign_tex(sign) + factor.tex, "", 3 + factor.width)
        whole = list(pieces)
        if bracket and i == len(signed) - 1:
            whole.append(Piece(r" \Bigr]", "", 1))
        writer.term([Piece(start.tex + whole[0].tex, "", start.width + whole[0].width), *whole[1:]])
    return writer.lines


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


def _title(expansion: Formula) -> str:
    schemes = sorted({protocol(part) for part in expansion.parts if part.sampling})
    name = expansion.observable.replace("-", " ").replace("_", r"\_")
    title = f"{name[:1].upper()}{name[1:]}, {expansion.basis} basis"
    if schemes:
        title += f", {' and '.join(schemes)}"
    return title + f", to order {expansion.order}; repeated indices are summed:"
