"""Whole formulas: an equation that fills lines, and a table with a row for every term."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sgdiagrams.symbolic.layout.filling import Chunk, Line, chunks, filled
from sgdiagrams.symbolic.layout.nodes import SPACE, Fence, Node, Numeral, Operator, Row, Sign

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Equation", "Order", "Signed", "Table", "TableRow"]


@dataclass(frozen=True, slots=True)
class Signed:
    """A sign, ``+1`` or ``-1``, and what it stands before."""

    sign: int
    body: Row


@dataclass(frozen=True, slots=True)
class Order:
    """The terms of one order, and the power of eta that stands in front of all of them, if any."""

    terms: tuple[Signed, ...]
    front: Row | None = None


@dataclass(frozen=True, slots=True)
class Equation:
    """A formula for print.

    Attributes
    ----------
    title
        A sentence: words, and nodes between them.
    left, relation
        The left side, and the sign after it.
    left_width
        The width of the left side where it shares lines with the right side; None where it has a line
        of its own.
    orders
        The terms of the right side; each order starts a line.
    remainder
        What is added on a last line: the order of what is left out.
    legend
        What symbols stand for, a line each.
    inner_indent
        The indent of lines that begin inside a term.
    """

    title: tuple[str | Node, ...]
    left: Node
    relation: Operator
    left_width: int | None
    orders: tuple[Order, ...]
    remainder: Node | None = None
    legend: tuple[Node, ...] = ()
    inner_indent: int = 1

    def lines(self, width: int) -> tuple[Line, ...]:
        """Return the right side in lines, `width` characters with the left side's column."""
        room = width if self.left_width is None else width - self.left_width + 5
        lines: list[Line] = []
        for order in self.orders:
            lines += filled(_signed(order), room, inner_indent=self.inner_indent)
        if self.remainder is not None:
            lines.append(Line(Row((Sign(1), self.remainder))))
        if not lines:
            return (Line(Row((Numeral("0"),))),)
        first, *rest = lines[0].row.items
        if isinstance(first, Sign):
            # Nothing stands before it.
            start = (Sign(-1, is_unary=True),) if first.value < 0 else ()
            lines[0] = replace(lines[0], row=Row((*start, *rest)))
        return tuple(lines)


# What a power of eta in front of an order counts for in widths.
_FRONT = 2


def _signed(order: Order) -> Iterator[list[Chunk]]:
    """Go through the terms of an order as chunks, each with its sign and the brackets it needs."""
    front = () if order.front is None else order.front.items
    width = _FRONT if front else 0
    opening: tuple[Node, ...] = ()
    overall = 1
    if front and len(order.terms) > 1:
        overall = order.terms[0].sign
        opening = (Fence("[", "Big"), SPACE)
        front = (*front, *opening)
        width += 1
    last = len(order.terms) - 1
    for i, term in enumerate(order.terms):
        if i == 0:
            start = Chunk((Sign(term.sign), *front), 3 + width)
        elif opening:
            start = Chunk((SPACE, Sign(term.sign * overall)), 3)
        else:
            start = Chunk((SPACE, Sign(term.sign), *front), 3 + width)
        body = chunks(term.body)
        if opening and i == last:
            body.append(Chunk((SPACE, Fence("]", "Big")), 1))
        first = body[0]
        yield [Chunk(start.nodes + first.nodes, start.width + first.width), *body[1:]]


@dataclass(frozen=True, slots=True)
class TableRow:
    """A term in a table.

    Attributes
    ----------
    order
        The power of eta; None where it is that of the row above.
    sign, weight
        The coefficient; no weight stands for 1.
    value
        What it multiplies.
    """

    order: Node | None
    sign: int
    weight: Node
    value: Node


@dataclass(frozen=True, slots=True)
class Table:
    """A formula for the terminal: titles, and a row for every term."""

    titles: tuple[str, ...]
    rows: tuple[TableRow, ...]
