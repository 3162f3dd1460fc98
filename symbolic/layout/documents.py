"""Whole formulas: an equation that fills lines, and a table with a row for every term."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sgdiagrams.symbolic.layout.filling import CHARACTER, Chunk, Line, chunks, filled
from sgdiagrams.symbolic.layout.nodes import SPACE, THIN, Fence, Node, Numeral, Operator, Row, Sign
from sgdiagrams.symbolic.layout.ruler import printed_width

if TYPE_CHECKING:
    from collections.abc import Iterator
    from fractions import Fraction

__all__ = ["Equation", "Order", "Signed", "System", "Table", "TableRow"]


@dataclass(frozen=True, slots=True)
class Signed:
    """A term: a sign, ``+1`` or ``-1``, and what it stands before.

    Attributes
    ----------
    sign, body
        The sign and the rest.
    number
        A number that stands before everything else, a power of eta in front included.
    """

    sign: int
    body: Row
    number: Node | None = None


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
    shares_line
        Whether the left side stands on the first line of the right side, where lines have room for it.
    orders
        The terms of the right side; each order starts a line.
    remainder
        What is added on a last line: the order of what is left out.
    legend
        What symbols stand for, a line each.
    inner_indent
        The indent of lines that begin inside a term.
    column
        The widest left side of the equations that it is aligned with; None for its own.
    """

    title: tuple[str | Node, ...]
    left: Node
    relation: Operator
    shares_line: bool
    orders: tuple[Order, ...]
    remainder: Node | None = None
    legend: tuple[Node, ...] = ()
    inner_indent: int = 1
    column: Node | None = None

    def is_apart(self, width: int | Fraction) -> bool:
        """Tell whether the left side has a line of its own, where lines have `width` characters."""
        return not self.shares_line or 4 * printed_width(self._widest) > width * CHARACTER

    @property
    def _widest(self) -> Node:
        return self.column or self.left

    def _room(self, width: int | Fraction) -> int:
        """Return what the left side, or the relation alone, leaves of a line."""
        before = (self.relation,) if self.is_apart(width) else (self._widest, self.relation)
        return int(width * CHARACTER) - printed_width(Row(before))

    def legend_lines(self, width: int | Fraction) -> tuple[Line, ...]:
        """Return the legend in lines of `width` characters, with the left side's column."""
        room = self._room(width)
        cut = (chunks(Row((node,))) for node in self.legend)
        return tuple(line for row in cut for line in filled([row], room, inner_indent=2))

    def lines(self, width: int | Fraction) -> tuple[Line, ...]:
        """Return the right side in lines of `width` characters, with the left side's column."""
        room = self._room(width)
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


@dataclass(frozen=True, slots=True)
class System:
    """Several equations below each other, aligned at the signs after their left sides.

    Attributes
    ----------
    title
        A sentence for all of them, as that of an equation.
    equations
        One at least.
    """

    title: tuple[str | Node, ...]
    equations: tuple[Equation, ...]

    @property
    def aligned(self) -> tuple[Equation, ...]:
        """The equations, each with the column that the widest left side takes."""
        widest = max((e.left for e in self.equations), key=printed_width)
        return tuple(replace(e, column=widest) for e in self.equations)


def _signed(order: Order) -> Iterator[list[Chunk]]:
    """Go through the terms of an order as chunks, each with its sign and the brackets it needs."""
    front = () if order.front is None else order.front.items
    if not front or len(order.terms) == 1:
        for i, term in enumerate(order.terms):
            number = () if term.number is None else (term.number, THIN)
            start = (Sign(term.sign), *number, *front)
            yield chunks(Row((*((SPACE,) if i else ()), *start, term.body)))
        return
    # The bracket takes the sign of the first term.
    overall = order.terms[0].sign
    last = len(order.terms) - 1
    for i, term in enumerate(order.terms):
        number = () if term.number is None else (term.number, THIN)
        if i == 0:
            start = (Sign(overall), *front, Fence("[", "Big"), SPACE)
        else:
            start = (SPACE, Sign(term.sign * overall))
        end = (SPACE, Fence("]", "Big")) if i == last else ()
        yield chunks(Row((*start, *number, term.body, *end)))


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
