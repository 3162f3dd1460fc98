"""Filling lines: where a formula is broken, the same for all formats that break lines.

Nothing is measured by whoever shows the formula, so widths are the estimates of the nodes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from sgdiagrams.symbolic.layout.formulas import Group, Sum
from sgdiagrams.symbolic.layout.nodes import SPACE, THIN, Break, Node, Row, Scripts, Sign

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["LINE_WIDTH", "Chunk", "Line", "chunks", "filled"]

#: Characters a line; fits A4 and letter paper with margins of 2 cm at ten points.
LINE_WIDTH = 78
# A line with less on it is not broken inside a term.
_LEAST = 8


class Chunk(NamedTuple):
    """An unbreakable part of a line, and its width."""

    nodes: tuple[Node, ...]
    width: int


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a formula, and the steps by which it is indented: 0, 1 or 2."""

    row: Row
    indent: int = 0


def filled(terms: Iterable[list[Chunk]], limit: int, *, inner_indent: int = 1) -> list[Line]:
    """Return lines filled with terms, broken inside a term only where it is longer than a line.

    Parameters
    ----------
    terms
        The chunks of every term, the first of which has its sign.
    limit
        The width of a line.
    inner_indent
        The indent of a line that begins inside a term; other lines but the first have 1.
    """
    lines: list[tuple[int, list[Node]]] = []
    width = 0

    def start(indent: int) -> None:
        nonlocal width
        lines.append((indent, []))
        width = 2 * indent

    for term in terms:
        if not lines:
            start(0)
        elif width + sum([chunk.width for chunk in term]) > limit:
            start(1)
        for chunk in term:
            if width + chunk.width > limit and width > _LEAST:
                start(inner_indent)
            line = lines[-1][1]
            line += chunk.nodes if line else _without_gap(chunk.nodes)
            width += chunk.width
    return [Line(Row(tuple(nodes)), indent) for indent, nodes in lines]


def _without_gap(nodes: tuple[Node, ...]) -> tuple[Node, ...]:
    """Return what starts a line, without a space in front."""
    for gap in (SPACE, THIN):
        if nodes and nodes[0] == gap:
            nodes = nodes[1:]
    return nodes


def chunks(row: Row) -> list[Chunk]:
    """Return a row as unbreakable chunks: it is cut at its breaks, inside brackets too."""
    cut = _Cut()
    cut.add(row)
    runs = [Chunk(tuple(nodes), width) for _, nodes, width in cut.runs]
    result = runs[:1]
    for (limit, _, _), chunk in zip(cut.runs[1:], runs[1:], strict=True):
        last = result[-1]
        if last.width + chunk.width > limit:
            result.append(chunk)
        else:
            result[-1] = Chunk(last.nodes + chunk.nodes, last.width + chunk.width)
    return result


class _Cut:
    """Cuts a tree into runs; each has the limit of the break before it, its nodes and width."""

    def __init__(self) -> None:
        self.runs: list[tuple[int, list[Node], int]] = [(0, [], 0)]

    def add(self, node: Node) -> None:
        """Append a node, cut where it has breaks."""
        if isinstance(node, Break):
            self.runs.append((node.limit, [], 0))
        elif isinstance(node, Row):
            for item in node.items:
                self.add(item)
        elif not node.has_breaks:
            self._put(node, node.width)
        elif isinstance(node, Sum):
            self._add_sum(node)
        elif isinstance(node, Group):
            left, right = node.fences
            self._put(left, left.width)
            self.add(node.inner)
            self._put(right, right.width)
        elif isinstance(node, Scripts):
            self._add_scripts(node)
        else:
            raise TypeError(f"expected a row, sum, group or scripts around a break, got {node!r}")

    def _put(self, node: Node, width: int) -> None:
        limit, nodes, before = self.runs[-1]
        nodes.append(node)
        self.runs[-1] = (limit, nodes, before + width)

    def _add_sum(self, node: Sum) -> None:
        for i, (sign, term) in enumerate(node.terms):
            if i:
                if node.is_breakable:
                    self.add(Break())
                self._put(SPACE, 0)
                self._put(Sign(sign), node.room)
            elif sign < 0:
                self._put(Sign(sign, is_unary=True), node.room // 2)
            self.add(term)

    def _add_scripts(self, node: Scripts) -> None:
        """Put the scripts on the last bracket of what they belong to."""
        self.add(node.base)
        limit, nodes, width = self.runs[-1]
        nodes[-1] = Scripts(nodes[-1], node.below, node.above)
        self.runs[-1] = (limit, nodes, width + node.scripts_width)
