"""Formulas in the cells of a table: broken into lines that a column has room for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sgdiagrams.symbolic.layout.filling import chunks, filled
from sgdiagrams.symbolic.layout.latex import latex_text
from sgdiagrams.symbolic.layout.nodes import SPACE, Node, Row, Sign
from sgdiagrams.symbolic.layout.ruler import QUAD_WIDTH, printed_width

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["TOO_WIDE", "Cell"]

_INDENTS = ("", r"\quad", r"\qquad")
#: What stands for a formula that nothing can break.
TOO_WIDE = r"\text{(wider than this page)}"


@dataclass(frozen=True, slots=True)
class Cell:
    """A formula: terms with signs, each a row that may be broken.

    Attributes
    ----------
    terms
        Signs, ``+1`` or ``-1``, and what they stand before.
    """

    terms: tuple[tuple[int, Row], ...]

    @property
    def width(self) -> int:
        """The width on one line, in hundredths of a point."""
        return printed_width(Row(tuple(self._nodes())))

    @property
    def term_width(self) -> int:
        """The least width at which no term is broken, in hundredths of a point."""
        indent = QUAD_WIDTH if len(self.terms) > 1 else 0
        return indent + max(
            printed_width(Row((*_sign(sign, is_first=indent == 0), row)))
            for sign, row in self.terms
        )

    def _nodes(self) -> list[Node]:
        nodes: list[Node] = []
        for i, (sign, row) in enumerate(self.terms):
            nodes += [*_sign(sign, is_first=i == 0), row]
        return nodes

    def lines(self, room: int) -> list[str]:
        """Return lines of LaTeX of at most a width, in hundredths of a point.

        What has no place to be broken at is said to be too wide.
        """
        if self.width <= room:
            return [_spelled(self._nodes())]
        cut = (
            chunks(Row((*_sign(sign, is_first=i == 0), row)))
            for i, (sign, row) in enumerate(self.terms)
        )
        lines = filled(cut, room)
        widths = (printed_width(line.row) + line.indent * QUAD_WIDTH for line in lines)
        if max(widths) > room:
            return [TOO_WIDE]
        return [f"{_INDENTS[line.indent]}{_spelled(line.row.items)}" for line in lines]


def _sign(sign: int, *, is_first: bool) -> tuple[Node, ...]:
    return (Sign(sign, is_unary=True),) if is_first else (SPACE, Sign(sign))


def _spelled(nodes: Sequence[Node]) -> str:
    """Return a line; a sign in front keeps its space with something before it."""
    while nodes and nodes[0] == SPACE:
        nodes = nodes[1:]
    is_inner = bool(nodes) and not getattr(nodes[0], "is_unary", False)
    return ("{}" if is_inner else "") + latex_text(Row(tuple(nodes)))
