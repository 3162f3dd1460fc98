"""The arcs that tie the nodes of a block: around all other nodes, and inside the picture."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import hypot
from typing import TYPE_CHECKING

from sgdiagrams.diagrams.pictures.layout import RADIUS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sgdiagrams.diagrams.pictures.layout import Layout

__all__ = ["Arc", "arcs_of"]

#: A place in the picture.
_Place = tuple[float, float]

#: Air between an arc and a node that it does not tie.
_CLEARANCE = RADIUS + 2.5
#: How far the middle of an arc may be from the straight line, in the order of trial.
_BENDS = tuple(sign * bend for bend in (9.0, 13.0, 18.0, 24.0, 31.0, 40.0) for sign in (1, -1))
_SAMPLES = 16  # points of an arc at which distances are taken
_EDGE = 3.0  # air between an arc and the edge of the picture


@dataclass(frozen=True, slots=True)
class Arc:
    """A quadratic curve between two nodes."""

    start: _Place
    control: _Place
    end: _Place

    @property
    def points(self) -> tuple[_Place, ...]:
        """Points along the curve, without its ends."""
        result = []
        for i in range(1, _SAMPLES):
            t = i / _SAMPLES
            weights = (1 - t) * (1 - t), 2 * t * (1 - t), t * t
            corners = (self.start, self.control, self.end)
            x, y = (
                sum(w * c[axis] for w, c in zip(weights, corners, strict=True)) for axis in (0, 1)
            )
            result.append((x, y))
        return tuple(result)


def arcs_of(layout: Layout, blocks: Sequence[Sequence[int]]) -> list[list[Arc]]:
    """Return the arcs of every block: one fewer than it has nodes, from above to below.

    An arc keeps away from all nodes but its two, and from arcs of other blocks where it can.
    """
    nodes = _Places(_CLEARANCE)
    for i, place in enumerate(layout.places):
        nodes.add(place, i)
    drawn = _Places(_EDGE)
    result = []
    for block in blocks:
        path = sorted(block, key=lambda i: (layout.places[i][1], layout.places[i][0]))
        arcs = []
        for a, b in pairwise(path):
            arcs.append(_arc(layout, a, b, nodes, drawn))
            for point in arcs[-1].points:
                drawn.add(point)
        result.append(arcs)
    return result


class _Places:
    """Places of the picture, kept by squares so that only those near a point are looked at."""

    def __init__(self, reach: float) -> None:
        self.reach = reach
        self._squares: dict[tuple[int, int], list[tuple[_Place, int]]] = {}

    def add(self, place: _Place, name: int = -1) -> None:
        """Add a place."""
        self._squares.setdefault(self._square(place), []).append((place, name))

    def near(self, point: _Place) -> Iterator[int]:
        """Yield the names of the places that are nearer than the reach."""
        x, y = point
        column, row = self._square(point)
        for i in (column - 1, column, column + 1):
            for j in (row - 1, row, row + 1):
                for (u, v), name in self._squares.get((i, j), ()):
                    if hypot(x - u, y - v) < self.reach:
                        yield name

    def _square(self, place: _Place) -> tuple[int, int]:
        return int(place[0] // self.reach), int(place[1] // self.reach)


def _arc(layout: Layout, a: int, b: int, nodes: _Places, drawn: _Places) -> Arc:
    """Return the least bent arc with nothing in its way; else the one with the least."""
    tried: list[tuple[tuple[int, int, int], int, Arc]] = []
    for bend in _BENDS:
        arc = _bent(layout.places[a], layout.places[b], bend)
        points = arc.points
        hits = sum(i not in (a, b) for point in points for i in nodes.near(point))
        outside = sum(
            not (_EDGE <= x <= layout.width - _EDGE and _EDGE <= y <= layout.height - _EDGE)
            for x, y in points
        )
        close = sum(next(drawn.near(point), None) is not None for point in points)
        # Arcs may cross, which takes a point or two; they should not run along each other.
        cost = (hits, outside, max(0, close - 2))
        if cost == (0, 0, 0):
            return arc
        tried.append((cost, len(tried), arc))
    return min(tried)[2]


def _bent(a: _Place, b: _Place, bend: float) -> Arc:
    """Return the curve from a to b whose middle lies `bend` beside the straight line."""
    (x1, y1), (x2, y2) = a, b
    length = hypot(x2 - x1, y2 - y1)
    across = (y1 - y2) / length, (x2 - x1) / length
    x, y = ((x1 + x2) / 2 + 2 * bend * across[0], (y1 + y2) / 2 + 2 * bend * across[1])
    return Arc(a, (x, y), b)
