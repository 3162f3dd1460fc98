"""Expressions by powers of the learning rate: orders of an equation, rows of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sgdiagrams.symbolic.algebra.writing import signed_term
from sgdiagrams.symbolic.contractions.notation import tensors_of
from sgdiagrams.symbolic.layout.documents import Equation, Order, Signed, TableRow
from sgdiagrams.symbolic.layout.formulas import Times
from sgdiagrams.symbolic.layout.nodes import (
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
    power,
)
from sgdiagrams.symbolic.printing.coefficients import coefficient

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sgdiagrams.symbolic.algebra.expression import Expression
    from sgdiagrams.symbolic.vocabulary import TooLong

__all__ = ["power_series", "rows_by_power", "stated"]

_ETA = Symbol("eta")


def power_series(
    left: Node, parts: Mapping[int, Expression], *, left_out: int, too_long: TooLong
) -> Equation:
    """Return an equation whose right side is a power series.

    Parameters
    ----------
    left
        The left side.
    parts
        What the powers of eta are multiplied by.
    left_out
        The first power that is not known.
    too_long
        What becomes of coefficients that nobody would read; see `coefficient`.
    """
    orders = tuple(
        Order(
            tuple(signed_term(pair, "factored", too_long) for pair in part.terms),
            Row((power(_ETA, k), THIN if k == 1 else SPACE)) if k else None,
        )
        for k, part in parts.items()
        if not part.is_zero
    )
    error = Row((Symbol("O"), Fence("("), power(_ETA, left_out), Fence(")")))
    return Equation((), left, Operator("="), shares_line=True, orders=orders, remainder=error)


def stated(left: Node, relation: str, terms: Iterable[tuple[int, Row]]) -> Equation:
    """Return an equation without powers of eta: its terms have signs, +1 or -1."""
    order = Order(tuple(Signed(sign, term) for sign, term in terms))
    return Equation((), left, Operator(relation), shares_line=True, orders=(order,))


def rows_by_power(
    sections: Mapping[str, Mapping[int, Expression]], *, too_long: TooLong
) -> tuple[TableRow, ...]:
    """Return the rows of a table: a name, a power of eta, a coefficient and a value.

    Parameters
    ----------
    sections
        What powers of eta are multiplied by, under the name of the whole series.
    too_long
        As for `power_series`.
    """
    room = max(map(len, sections), default=0)
    rows: list[TableRow] = []
    for name, parts in sections.items():
        named = Text(f"{name:<{room}}  ")
        unnamed = Text(" " * (room + 2))
        for k, part in parts.items():
            head: Node | None = Row((named, Scripts(_ETA, above=Numeral(str(k)))))
            for weight, contraction in part.terms:
                number = coefficient(weight, too_long=too_long)
                value = Times(tensors_of(contraction))
                rows.append(TableRow(head, number.sign, number.node or ONE, value))
                named, head = unnamed, None
    return tuple(rows)
