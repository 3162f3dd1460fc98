"""Re-summed expansions for terminals."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sgdiagrams.symbolic.contractions.notation import tensors_of
from sgdiagrams.symbolic.layout.documents import Table, TableRow
from sgdiagrams.symbolic.layout.formulas import Group, Sum, Times, product
from sgdiagrams.symbolic.layout.nodes import ONE, Node, Numeral, Scripts, Symbol
from sgdiagrams.symbolic.resummation.complete import PowerTerm
from sgdiagrams.symbolic.writing.resummed.names import fraction_of, grouped
from sgdiagrams.symbolic.writing.resummed.names_explained import names_of, one_line_legend
from sgdiagrams.symbolic.writing.resummed.powers import (
    head_of_powers,
    in_curvatures,
    notes_of_powers,
)
from sgdiagrams.symbolic.writing.resummed.products import SpectralTerms, merged
from sgdiagrams.symbolic.writing.resummed.summands import Summand
from sgdiagrams.symbolic.writing.titles import assumptions, heading

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sgdiagrams.symbolic.formula import Term
    from sgdiagrams.symbolic.resummation.formula import ResummedFormula

__all__ = ["resummed_heading", "resummed_table"]


def resummed_table(formula: ResummedFormula) -> Table:
    """Return the layout of a re-summed expansion as a table: order, weight, value."""
    terms = formula.terms
    rows = []
    before = None
    for term in terms:
        head = _head(term)
        sign, weight = _weight(term, formula)
        value = Times(tensors_of(term.contraction))
        rows.append(TableRow(None if head == before else head, sign, weight, value))
        before = head
    legend = one_line_legend(formula, terms, [row.weight for row in rows]) if rows else ""
    notes = notes_of_powers(formula) if rows else ()
    return Table((resummed_heading(formula), *([legend] if legend else []), *notes), tuple(rows))


def _head(term: Term) -> Node:
    """Return what stands before the terms of an order."""
    if isinstance(term, PowerTerm):
        return head_of_powers(term.grade)
    return Scripts(Symbol("eta"), above=Numeral(str(term.order)))


def resummed_heading(formula: ResummedFormula) -> str:
    """Return what stands above the table."""
    schemes = dict.fromkeys(part.sampling.label for part in formula.parts if part.sampling)
    flat = f", flat along {', '.join(formula.flat)}" if formula.flat else ""
    return heading(
        formula,
        list(schemes) if len(schemes) == 1 else [],
        f"re-summed ({formula.form}{flat})",
        f"order {formula.order}" if formula.through is None else f"through power {formula.through}",
        *assumptions(formula.parts),
    )


def _weight(term: Term, formula: ResummedFormula) -> tuple[int, Node]:
    """Return a weight as a sign and a node."""
    names = names_of(formula, len(term.indices), eta_apart=False)
    weight = term.weight
    if isinstance(term, PowerTerm):
        # Powers of N stand before the row.
        weight, names = (
            in_curvatures(term, formula, without_rows=True),
            replace(names, in_rates=True),
        )
    scalar, summands = SpectralTerms(names, "brackets").common(weight)
    if len(summands) == 1:
        return _product(summands[0]._replace(scalar=summands[0].scalar * scalar))
    return _product(Summand(scalar, beside=(summands,)))


def _product(summand: Summand) -> tuple[int, Node]:
    sign, above, below = merged(summand)
    shown = fraction_of(above, below)
    if shown is not None and summand.beside:
        shown = grouped(shown)
    beside = [b if isinstance(b, Node) else Group(_sum(b)) for b in summand.beside]
    return sign, product([shown, *beside]) or ONE


def _sum(summands: Sequence[Summand]) -> Sum:
    return Sum(tuple(map(_product, summands)))
