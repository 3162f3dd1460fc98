"""Filling lines: where a formula is broken, the same for all formats that break lines.

Lines are broken before signs, between terms first; a product only where it is wider than a line, and
then the next line starts with a sign of multiplication. Widths are those of print.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from sgdiagrams.symbolic.layout.formulas import Group, Sum, Times
from sgdiagrams.symbolic.layout.loosening import taken_apart
from sgdiagrams.symbolic.layout.nodes import (
    SIGN_BREAK,
    SPACE,
    THIN,
    Break,
    Node,
    Operator,
    Row,
    Scripts,
    Sign,
    Text,
)
from sgdiagrams.symbolic.layout.ruler import QUAD_WIDTH, printed_width

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "CHARACTER",
    "LINE_WIDTH",
    "TEXT_WIDTH",
    "Chunk",
    "Line",
    "chunks",
    "filled",
    "in_characters",
]

#: Characters a line, where a format does not say more.
LINE_WIDTH = 78
# Brackets around a sign are fewer.
_TEARING = 1000
#: The width of a character, in hundredths of a point.
CHARACTER = 620
#: Points a line of LaTeX's article at ten points.
TEXT_WIDTH = 345


class Chunk(NamedTuple):
    """An unbreakable part of a line.

    Attributes
    ----------
    nodes
        What it shows.
    width
        In hundredths of a point.
    rank
        What a line break before it costs: the number of brackets around, for a sign; more for what
        tears a product.
    """

    nodes: tuple[Node, ...]
    width: int
    rank: int = 0

    @property
    def tears(self) -> bool:
        """Whether a line break before it tears a product."""
        return self.rank > _TEARING


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a formula, and the quads by which it is indented: 0, 1 or 2."""

    row: Row
    indent: int = 0


def in_characters(points: int) -> Fraction:
    """Return a width in characters, as lines are filled."""
    return Fraction(100 * points, CHARACTER)


def filled(terms: Iterable[Sequence[Chunk]], limit: int, *, inner_indent: int = 1) -> list[Line]:
    """Return lines filled with terms, broken inside a term only where it is longer than a line.

    Parameters
    ----------
    terms
        The chunks of every term, the first of which has its sign.
    limit
        The width of a line in hundredths of a point.
    inner_indent
        The indent of a line that begins inside a term; other lines but the first have 1.
    """
    page = _Page(limit, inner_indent)
    room = limit - inner_indent * QUAD_WIDTH - _MULTIPLIED.width
    for whole in terms:
        term = [part for chunk in whole for part in _fitting(chunk, room)]
        if page.lines and not page.has_room(_width(term)):
            page.start(1)
        page.place(term)
    return [Line(Row(_merged(nodes)), indent) for indent, nodes in page.lines]


class _Page:
    """Lines that are being filled."""

    def __init__(self, limit: int, inner_indent: int) -> None:
        self.limit = limit
        self.inner_indent = inner_indent
        self.lines: list[tuple[int, list[Node]]] = []
        self.width = 0

    def has_room(self, width: int) -> bool:
        """Tell whether something fits on the line."""
        return self.width + width <= self.limit

    def start(self, indent: int) -> None:
        """Start a line."""
        self.lines.append((indent, []))
        self.width = QUAD_WIDTH * indent

    def place(self, part: Sequence[Chunk]) -> None:
        """Append a part of a term, broken at the cheapest places if a line does not hold it."""
        if not self.lines:
            self.start(0)
        start = self.inner_indent * QUAD_WIDTH + part[0].tears * _MULTIPLIED.width
        fits = start + _width(part) <= self.limit
        if not self.has_room(_width(part)) and self.lines[-1][1] and (len(part) == 1 or fits):
            self.start(self.inner_indent)
            if part[0].tears:
                self._put(_MULTIPLIED)
                part = [part[0]._replace(nodes=_without_gap(part[0].nodes)), *part[1:]]
        if len(part) == 1 or self.has_room(_width(part)):
            for chunk in part:
                self._put(chunk)
        else:
            for smaller in _split(part):
                self.place(smaller)

    def _put(self, chunk: Chunk) -> None:
        nodes = self.lines[-1][1]
        nodes += chunk.nodes if nodes else _without_gap(chunk.nodes)
        self.width += chunk.width


def _fitting(chunk: Chunk, room: int) -> list[Chunk]:
    """Return a chunk as smaller ones, if it does not fit a line."""
    apart = None if chunk.width <= room else taken_apart(chunk.nodes)
    if apart is None:
        return [chunk]
    first, *others = chunks(apart)
    parts = [first._replace(rank=chunk.rank), *others]
    return [smaller for part in parts for smaller in _fitting(part, room)]


_TIMES = (Operator("×"), SPACE)
_MULTIPLIED = Chunk(_TIMES, printed_width(Row(_TIMES)))


def _width(parts: Sequence[Chunk]) -> int:
    return sum([chunk.width for chunk in parts])


def _split(part: Sequence[Chunk]) -> list[list[Chunk]]:
    """Return chunks in parts, cut where it costs least."""
    rank = min(chunk.rank for chunk in part[1:])
    parts = [[part[0]]]
    for chunk in part[1:]:
        if chunk.rank == rank:
            parts.append([chunk])
        else:
            parts[-1].append(chunk)
    return parts


def _merged(nodes: Sequence[Node]) -> tuple[Node, ...]:
    """Return nodes with words that stand side by side in one."""
    result: list[Node] = []
    for node in nodes:
        before = result[-1] if result else None
        if isinstance(node, Text) and isinstance(before, Text):
            result[-1] = Text(before.words + node.words)
        else:
            result.append(node)
    return tuple(result)


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
    return [Chunk(tuple(nodes), printed_width(Row(tuple(nodes))), rank) for rank, nodes in cut.runs]


class _Cut:
    """Cuts a tree into runs; each knows what the break before it costs."""

    def __init__(self) -> None:
        self.runs: list[tuple[int, list[Node]]] = [(0, [])]
        self.depth = 0

    def add(self, node: Node) -> None:
        """Append a node, cut where it has breaks."""
        if isinstance(node, Break):
            self.runs.append((node.tears + _TEARING if node.tears else self.depth, []))
        elif isinstance(node, Row):
            for item in node.items:
                self.add(item)
        elif not node.has_breaks:
            self._put(node)
        elif isinstance(node, Sum):
            self._add_sum(node)
        elif isinstance(node, Times):
            self.add(node.composed())
        elif isinstance(node, Group):
            left, right = node.fences
            self._put(left)
            self.add(node.inner)
            self._put(right)
        elif isinstance(node, Scripts):
            self._add_scripts(node)
        else:
            raise TypeError(f"expected a row, sum, group or scripts around a break, got {node!r}")

    def _put(self, node: Node) -> None:
        self.runs[-1][1].append(node)

    def _add_sum(self, node: Sum) -> None:
        self.depth += 1
        for i, (sign, term) in enumerate(node.terms):
            if i:
                if node.is_breakable:
                    self.add(SIGN_BREAK)
                self._put(SPACE)
                self._put(Sign(sign))
            elif sign < 0:
                self._put(Sign(sign, is_unary=True))
            self.add(term)
        self.depth -= 1

    def _add_scripts(self, node: Scripts) -> None:
        """Put the scripts on the last bracket of what they belong to."""
        self.add(node.base)
        nodes = self.runs[-1][1]
        nodes[-1] = Scripts(nodes[-1], node.below, node.above)
