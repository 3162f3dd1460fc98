"""The spines of outlines: for every group of places the cheapest tree of ways between them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise, permutations
from math import hypot
from typing import TYPE_CHECKING

from sgdiagrams.diagrams.pictures.ties.bends import softened
from sgdiagrams.diagrams.pictures.ties.routes import Obstacle, shortest_route

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sgdiagrams.diagrams.pictures.shapes import Place

__all__ = ["Girth", "points_along", "spines_of", "turn"]

#: A way, as points along it.
_Way = tuple["Place", ...]

_MOST_PERMUTED = 3  # groups that are joined in all orders; more in one order
_MOST_LINES = 400  # short ones, that ways are made of; those of a diagram of order 6 are some fifty
_NEAREST = 7  # other places of a group that a place may be joined with
_AIR = 1.9  # between outlines of different groups
_CROSSING = 12.0  # what it costs to cross the outline of another group
_BESIDE = 1.5  # what a unit of length in the outline of another group costs, beside itself
_CROSSED = 2.2  # the length that is needed to cross, in widths
_STEP = 3.0  # between points of ways that are compared


@dataclass(frozen=True, slots=True)
class Girth:
    """How wide an outline is.

    Attributes
    ----------
    width
        From the middle to the outline.
    gap
        The least distance between an outline and a place of no group.
    """

    width: float
    gap: float


def spines_of(
    places: Sequence[Place], groups: Sequence[Sequence[Sequence[int]]], girth: Girth
) -> list[tuple[_Way, ...]]:
    """Return for every group the ways that join its parts, one fewer than it has parts.

    Ways keep away from the places of other groups, and of none, and from other groups' ways where
    they can. Groups are joined one after the other; of the orders of a few groups the cheapest is
    taken.

    Parameters
    ----------
    places
        All places.
    groups
        For every group its parts, which are joined already: positions in `places`.
    girth
        How wide the outlines will be.

    Examples
    --------
    >>> places = [(0.0, 0.0), (40.0, 0.0), (80.0, 0.0)]
    >>> [[way]] = spines_of(places, [[(0,), (2,)]], Girth(6, 7))
    >>> way[0], way[-1], round(max(abs(y) for _, y in way), 1)
    ((0.0, 0.0), (80.0, 0.0), 13.0)
    """
    home = {i: number for number, parts in enumerate(groups) for part in parts for i in part}
    numbers = sorted(range(len(groups)), key=lambda g: (_span(places, groups[g]), g))
    orders = permutations(numbers) if len(numbers) <= _MOST_PERMUTED else [tuple(numbers)]
    best: tuple[float, int, dict[int, tuple[_Way, ...]]] | None = None
    for trial, order in enumerate(orders):
        drawn = _Drawn(2 * girth.width + 1)
        total = 0.0
        ways: dict[int, tuple[_Way, ...]] = {}
        for number in order:
            around = [
                Obstacle(place, girth.width + (girth.width + _AIR if i in home else girth.gap))
                for i, place in enumerate(places)
                if home.get(i) != number
            ]
            cost, ways[number] = _joined(places, groups[number], around, drawn)
            total += cost
            for way in ways[number]:
                drawn.add(way)
        if best is None or total < best[0] - 1e-6:
            best = total, trial, ways
    return [] if best is None else [best[2][number] for number in range(len(groups))]


def _joined(
    places: Sequence[Place],
    parts: Sequence[Sequence[int]],
    obstacles: Sequence[Obstacle],
    drawn: _Drawn,
) -> tuple[float, tuple[_Way, ...]]:
    """Return the cost of the cheapest tree of ways, and the ways (Kruskal's algorithm)."""
    priced = []
    price = drawn.price if drawn.is_sparse else None
    tree = {i: part[0] for part in parts for i in part}
    for a, b in _pairs(places, parts):
        route = shortest_route(places[a], places[b], obstacles, price)
        priced.append((route.cost, a, b, route))

    def top(i: int) -> int:
        while tree[i] != i:
            i = tree[i]
        return i

    total, ways = 0.0, []
    for cost, a, b, route in sorted(priced, key=lambda pair: pair[:3]):
        if top(a) != top(b):
            tree[top(a)] = top(b)
            total += cost
            ways.append(softened(route, obstacles))
    return total, tuple(ways)


def _pairs(places: Sequence[Place], parts: Sequence[Sequence[int]]) -> list[tuple[int, int]]:
    """Return the pairs that may be joined, of different parts: near ones, and enough to join all."""
    home = {i: number for number, part in enumerate(parts) for i in part}
    pairs = set()
    for i, mine in home.items():
        others = sorted((_apart(places[i], places[j]), j) for j in home if home[j] != mine)
        pairs |= {(min(i, j), max(i, j)) for _, j in others[:_NEAREST]}
    # The shortest tree of straight lines (Prim's algorithm) joins what near ones do not.
    start = parts[0][0]
    nearest = {j: (_apart(places[start], places[j]), start) for j in home if j != start}
    while nearest:
        j = min(nearest, key=lambda j: (nearest[j], j))
        _, i = nearest.pop(j)
        if home[i] != home[j]:
            pairs.add((min(i, j), max(i, j)))
        for k, so_far in nearest.items():
            length = 0.0 if home[k] == home[j] else _apart(places[j], places[k])
            nearest[k] = min(so_far, (length, j))
    return sorted(pairs)


class _Drawn:
    """The ways that are there, by squares, so that only those near a point are looked at."""

    def __init__(self, reach: float) -> None:
        self.reach = reach
        self._lines: list[tuple[Place, Place]] = []
        self._squares: dict[tuple[int, int], list[tuple[Place, int]]] = {}

    @property
    def is_sparse(self) -> bool:
        """Whether there are ways, and not so many that none could keep away from them."""
        return 0 < len(self._lines) <= _MOST_LINES

    def add(self, way: _Way) -> None:
        """Add a way."""
        for line in pairwise(way):
            for place in (*points_along(line), line[1]):
                entry = place, len(self._lines)
                self._squares.setdefault(self._square(place), []).append(entry)
            self._lines.append(line)

    def price(self, way: Sequence[Place]) -> float:
        """Return what a part of a way costs beside its length: it may cross, not run beside."""
        beside = 0
        near: set[int] = set()
        for place in points_along(way):
            x, y = place
            is_near = False
            for (u, v), line in self._around(place):
                if hypot(x - u, y - v) < self.reach:
                    is_near = True
                    near.add(line)
            beside += is_near
        lines = [self._lines[number] for number in sorted(near)]
        crossed = sum(_cross(a, b, c, d) for a, b in pairwise(way) for c, d in lines)
        length = _STEP * beside - _CROSSED * self.reach * crossed
        return _CROSSING * crossed + _BESIDE * max(0.0, length)

    def _around(self, place: Place) -> Iterator[tuple[Place, int]]:
        column, row = self._square(place)
        for i in (column - 1, column, column + 1):
            for j in (row - 1, row, row + 1):
                yield from self._squares.get((i, j), ())

    def _square(self, place: Place) -> tuple[int, int]:
        return int(place[0] // self.reach), int(place[1] // self.reach)


def points_along(way: Sequence[Place]) -> Iterator[Place]:
    """Yield points along a way, no further apart than they are compared."""
    for (a, b), (c, d) in pairwise(way):
        parts = max(1, int(hypot(c - a, d - b) / _STEP))
        for k in range(parts):
            yield a + (c - a) * k / parts, b + (d - b) * k / parts


def _cross(a: Place, b: Place, c: Place, d: Place) -> bool:
    """Tell whether two straight lines cross."""
    return turn(a, b, c) * turn(a, b, d) < 0 and turn(c, d, a) * turn(c, d, b) < 0


def turn(a: Place, b: Place, p: Place) -> float:
    """Return twice the area of a triangle, with a sign for the way in which it is run around."""
    return (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0])


def _apart(a: Place, b: Place) -> float:
    return hypot(a[0] - b[0], a[1] - b[1])


def _span(places: Sequence[Place], parts: Sequence[Sequence[int]]) -> float:
    """Return how long and high a group is."""
    xs, ys = ([places[i][axis] for part in parts for i in part] for axis in (0, 1))
    return round(max(xs) - min(xs) + max(ys) - min(ys), 3)
