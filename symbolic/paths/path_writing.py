"""Expansions along a run: an equation for print, a table for terminals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sympy import Symbol as SympySymbol

from sgdiagrams.symbolic.layout.documents import Equation, Order, Signed, Table, TableRow
from sgdiagrams.symbolic.layout.formulas import Times
from sgdiagrams.symbolic.layout.nodes import (
    ONE,
    Fence,
    Node,
    Numeral,
    Operator,
    Row,
    Scripts,
    Sign,
    Symbol,
    Text,
)
from sgdiagrams.symbolic.layout.text import plain_text
from sgdiagrams.symbolic.paths.legends import path_legend
from sgdiagrams.symbolic.paths.path_layout import path_coefficient, path_factors, path_row
from sgdiagrams.symbolic.writing.titles import assumptions, left_side

if TYPE_CHECKING:
    from sgdiagrams.symbolic.layout.renderer import Renderer
    from sgdiagrams.symbolic.paths.path_formula import PathFormula

__all__ = ["path_heading", "write_path"]


def write_path(formula: PathFormula, renderer: Renderer[Any]) -> str:
    """Return an expansion along a run in a format."""
    return (
        renderer.table(_table(formula))
        if renderer.is_tabular
        else renderer.equation(_equation(formula))
    )


def path_heading(formula: PathFormula) -> str:
    """Return what stands above the table."""
    part = formula.part
    words = [part.observable.text, part.training.label, "along the path", f"noise {formula.noise}"]
    return " | ".join([*words, *assumptions((part,))])


def _equation(formula: PathFormula) -> Equation:
    orders = []
    for terms in formula.orders:
        signed = tuple(
            Signed(-1 if term.weight < 0 else 1, path_row(term, formula.sampling)) for term in terms
        )
        if signed:
            orders.append(Order(signed))
    name = formula.observable.replace("-", " ")
    words = [
        f"{name[:1].upper()}{name[1:]}",
        "expansion in the noise along the path",
        formula.part.training.label,
        *assumptions((formula.part,)),
        f"to noise {formula.noise}; sums over updates and repeated indices:",
    ]
    return Equation(
        title=(", ".join(words),),
        left=left_side((formula.part,)),
        relation=Operator("="),
        shares_line=True,
        orders=tuple(orders),
        remainder=_remainder(formula),
        legend=path_legend(formula, [term.body for order in orders for term in order.terms]),
        inner_indent=2,
    )


def _remainder(formula: PathFormula) -> Node:
    """Return the order of what is left out: a power of 1/B or 1/N where noise is one."""
    scheme = formula.sampling
    base = {"none": scheme.batch_size, "all": scheme.datapoints}.get(scheme.sharing)
    power = formula.noise + 1
    if isinstance(base, SympySymbol):
        exponent = Row((Sign(-1, is_unary=True), Numeral(str(power))))
        left_out: Node = Scripts(Symbol(base.name), above=exponent)
    else:
        left_out = Text("noise")
        left_out = left_out if power == 1 else Scripts(left_out, above=Numeral(str(power)))
    return Row((Symbol("O"), Fence("("), left_out, Fence(")")))


def _table(formula: PathFormula) -> Table:
    rows = []
    for k, terms in enumerate(formula.orders):
        for i, term in enumerate(terms):
            number = path_coefficient(term, formula.sampling)
            value = Times(path_factors(term.means, formula.sampling))
            head = Text(f"noise {k}") if i == 0 else None
            rows.append(TableRow(head, number.sign, number.node or ONE, value))
    notes = path_legend(formula, [row.value for row in rows]) if rows else ()
    return Table((path_heading(formula), *map(plain_text, notes)), tuple(rows))
