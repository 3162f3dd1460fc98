"""Expansions as a table for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sgdiagrams.symbolic.checks import check_choice
from sgdiagrams.symbolic.contractions.notation import text_of
from sgdiagrams.symbolic.training.optimizer import SGD
from sgdiagrams.symbolic.writing.coefficients import coefficient

if TYPE_CHECKING:
    from sgdiagrams.symbolic.formula import Formula, Part
    from sgdiagrams.symbolic.vocabulary import Coefficients, EtaStyle

__all__ = ["text_expansion", "title"]

_PLAIN = SGD().label
# Where coefficients are wider than this they stand on the right, so that the table stays readable.
_NARROW = 32


def text_expansion(
    expansion: Formula, *, eta: EtaStyle = "scalar", coefficients: Coefficients = "factored"
) -> str:
    """Return an expansion as a table: power of eta, coefficient, value; see `Expansion.text`."""
    check_choice("eta", eta, ("scalar", "tensor"))
    check_choice("coefficients", coefficients, ("factored", "expanded", "binomial"))
    rows = []
    for k in range(expansion.order + 1):
        for i, term in enumerate(expansion.order_terms(k)):
            value = term.contraction.with_metric("eta") if eta == "tensor" else term.contraction
            number = coefficient(term.weight, coefficients).text
            power = (f"eta^{k}" if eta == "scalar" else f"order {k}") if i == 0 else ""
            rows.append((power, number if number.startswith("-") else f" {number}", text_of(value)))
    lines = [title(expansion)]
    if not rows:
        return "\n".join([*lines, "  0"])
    powers = max(len(row[0]) for row in rows)
    numbers = max(len(row[1]) for row in rows)
    values = max(len(row[2]) for row in rows)
    for power, number, shown in rows:
        if numbers <= _NARROW:
            lines.append(f"  {power:<{powers}}  {number:<{numbers}}   {shown}")
        else:
            lines.append(f"  {power:<{powers}}   {shown:<{values}}  *  {number.strip()}")
    return "\n".join(lines)


def _method(part: Part) -> str:
    return "" if part.optimizer.label == _PLAIN else f", {part.optimizer.label}"


def title(expansion: Formula) -> str:
    """Return what stands above the table."""
    pieces = []
    for i, part in enumerate(expansion.parts):
        c = part.coefficient
        sign = ("-" if c < 0 else "") if i == 0 else ("- " if c < 0 else "+ ")
        number = "" if abs(c) == 1 else f"{abs(c)} "
        where = ""
        if len(expansion.parts) > 1 and part.sampling is not None:
            where = f" ({part.sampling.label}{_method(part)})"
        pieces.append(f"{sign}{number}{part.observable.text}{where}")
    words = [" ".join(pieces) or "0"]
    if expansion.sampling is not None:
        words.append(expansion.sampling.label)
    methods = dict.fromkeys(part.optimizer.label for part in expansion.parts)
    if len(methods) == 1 and list(methods) != [_PLAIN]:
        words += methods
    words += [f"{expansion.basis} basis", f"order {expansion.order}"]
    return " | ".join(words)
