"""Power series in eta: an equation for print, a table for terminals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sympy import degree

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.symbolic import symbols
from sgdiagrams.symbolic.checks import check_choice
from sgdiagrams.symbolic.contractions.notation import tensors_of
from sgdiagrams.symbolic.formula import check_scalar_rate
from sgdiagrams.symbolic.layout.documents import Equation, Order, Signed, Table, TableRow
from sgdiagrams.symbolic.layout.formulas import Times
from sgdiagrams.symbolic.layout.nodes import (
    BREAK,
    INNER_BREAK,
    ONE,
    SPACE,
    THIN,
    Fence,
    Node,
    Numeral,
    Operator,
    Row,
    Scripts,
    Symbol,
    Text,
    joined,
    power,
)
from sgdiagrams.symbolic.printing.coefficients import coefficient
from sgdiagrams.symbolic.printing.rounding import rounded_equation, rounded_table
from sgdiagrams.symbolic.writing.titles import (
    assumptions,
    heading,
    left_side,
    protocols,
    sentence,
)

if TYPE_CHECKING:
    from sgdiagrams.symbolic.formula import Formula, Term
    from sgdiagrams.symbolic.layout.renderer import Renderer
    from sgdiagrams.symbolic.vocabulary import Coefficients, EtaStyle, TooLong

__all__ = ["series_heading", "write_series"]

_ETA = Symbol("eta")


def write_series(
    formula: Formula,
    renderer: Renderer[Any],
    *,
    eta: EtaStyle = "scalar",
    coefficients: Coefficients = "factored",
    too_long: TooLong = "refuse",
    digits: int | None = None,
) -> str:
    """Return an expansion in a format; see `Expansion.write`, and `coefficient` for `too_long`."""
    check_choice("eta", eta, ("scalar", "tensor"))
    check_choice("coefficients", coefficients, ("factored", "expanded", "binomial"))
    if eta == "tensor":
        check_scalar_rate(formula)
    if coefficients == "binomial":
        _check_binomial(formula)
    if digits is not None:
        too_long = "write"
    if renderer.is_tabular:
        return renderer.table(rounded_table(_table(formula, eta, coefficients, too_long), digits))
    return renderer.equation(
        rounded_equation(_equation(formula, eta, coefficients, too_long), digits)
    )


def _check_binomial(formula: Formula) -> None:
    """Refuse binomials where no coefficient is a polynomial in T alone, and some have symbols."""
    weights = [term.weight for term in formula.terms if term.weight.free_symbols]
    alone = [w for w in weights if w.free_symbols == {symbols.T} and w.is_polynomial(symbols.T)]
    # T itself looks the same in binomials.
    if len(alone) < len(weights) and all(degree(w, symbols.T) < 2 for w in alone):
        others = sorted({str(s) for w in weights for s in w.free_symbols})
        raise RequestError(
            "expected some coefficient that is a polynomial in T alone for "
            f"coefficients='binomial', got some in {', '.join(others)}; take 'factored'"
        )


# For print --------------------------------------------------------------------------------------------


def _equation(
    formula: Formula, eta: EtaStyle, coefficients: Coefficients, too_long: TooLong
) -> Equation:
    orders = []
    for k in range(formula.order + 1):
        terms = tuple(_term(term, eta, coefficients, too_long) for term in formula.order_terms(k))
        if terms:
            orders.append(Order(terms, _front(k) if eta == "scalar" and k else None))
    error = power_of_eta(formula.order + 1)
    title = sentence(
        formula,
        f"{formula.basis} basis",
        protocols(formula.parts),
        *assumptions(formula.parts),
        f"to order {formula.order}; repeated indices are summed:",
    )
    return Equation(
        title=(title,),
        left=left_side(formula.parts),
        relation=Operator("="),
        shares_line=len(formula.parts) <= 1,
        orders=tuple(orders),
        remainder=Row((Symbol("O"), Fence("("), error, Fence(")"))),
    )


def power_of_eta(k: int) -> Node:
    """Return a power of eta, the exponent always written."""
    return Scripts(_ETA, above=Numeral(str(k)))


def _front(k: int) -> Row:
    """Return the power of eta before an order."""
    return Row((power(_ETA, k), THIN if k == 1 else SPACE))


def _term(term: Term, eta: EtaStyle, coefficients: Coefficients, too_long: TooLong) -> Signed:
    number = coefficient(term.weight, coefficients, too_long=too_long)
    lead, rest = number.number_apart
    tensors = joined(tensors_of(_value(term, eta)), INNER_BREAK, THIN)
    if rest is None:
        return Signed(number.sign, tensors, lead)
    return Signed(number.sign, Row((rest.row, BREAK, THIN, tensors)), lead)


def _value(term: Term, eta: EtaStyle) -> Any:
    return term.contraction.with_metric("eta") if eta == "tensor" else term.contraction


# For terminals ----------------------------------------------------------------------------------------


def _table(formula: Formula, eta: EtaStyle, coefficients: Coefficients, too_long: TooLong) -> Table:
    rows = []
    for k in range(formula.order + 1):
        head = power_of_eta(k) if eta == "scalar" else Text(f"order {k}")
        for i, term in enumerate(formula.order_terms(k)):
            number = coefficient(term.weight, coefficients, too_long=too_long)
            value = Times(tensors_of(_value(term, eta)))
            rows.append(TableRow(head if i == 0 else None, number.sign, number.node or ONE, value))
    return Table((series_heading(formula),), tuple(rows))


def series_heading(formula: Formula) -> str:
    """Return what stands above the table."""
    schemes = [] if formula.sampling is None else [formula.sampling.label]
    words = (f"{formula.basis} basis", f"order {formula.order}", *assumptions(formula.parts))
    return heading(formula, schemes, *words)
