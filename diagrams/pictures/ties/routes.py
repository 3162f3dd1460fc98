"""Shortest smooth ways from place to place around discs: straight lines and arcs that touch them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from heapq import heappop, heappush
from itertools import pairwise
from math import atan2, ceil, cos, hypot, pi, sin, sqrt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sgdiagrams.diagrams.pictures.shapes import Place

__all__ = ["Obstacle", "Route", "shortest_route"]

_TINY = 1e-6
_ARC = pi / 12  # between points along an arc
_KNOTS = pi / 3  # an arc of so much has one knot in its middle; longer ones have more
_MOST_NEAR = 14  # discs that a way leads around; through a thicket it leads straight
#: What a unit of length inside a disc costs, in units outside.
_INSIDE = 40.0


@dataclass(frozen=True, slots=True)
class Obstacle:
    """A disc that a way leads around."""

    centre: Place
    radius: float

    def distance(self, points: Sequence[Place]) -> float:
        """Return how near a line from point to point comes to the centre."""
        return min(_distance(self.centre, a, b) for a, b in pairwise(points))


@dataclass(frozen=True, slots=True)
class Route:
    """A way of straight lines and arcs.

    Attributes
    ----------
    cost
        Its length, and what was added.
    points
        Points along it, with both ends.
    knots
        The ends, and where it touches discs: a few points that a softer curve goes through.
    """

    cost: float
    points: tuple[Place, ...]
    knots: tuple[Place, ...]


def shortest_route(
    start: Place,
    end: Place,
    obstacles: Sequence[Obstacle],
    price: Callable[[Sequence[Place]], float] | None = None,
) -> Route:
    """Return the cheapest way around discs.

    The way is made of straight lines and of arcs around discs, and has no corners. It costs its
    length and what `price` adds for the points of a part; to run inside a disc costs so much that it
    is done only where there is no other way.

    Examples
    --------
    >>> route = shortest_route((0.0, 0.0), (20.0, 0.0), [Obstacle((10.0, 1.0), 3.0)])
    >>> round(route.cost, 2), route.knots
    (20.4, ((0.0, 0.0), (10.0, -2.0), (20.0, 0.0)))
    >>> shortest_route((0.0, 0.0), (20.0, 0.0), [Obstacle((10.0, 9.0), 3.0)]).points
    ((0.0, 0.0), (20.0, 0.0))
    """
    # Only discs that are in the way of what was tried last are looked at: a few of many.
    near: list[Obstacle] = []
    if price is not None:
        near = [disc for disc in obstacles if disc.distance((start, end)) < 2 * disc.radius]
    while len(near) <= _MOST_NEAR:
        route = _cheapest(start, end, near, price)
        more = [
            disc
            for disc in obstacles
            if disc not in near and disc.distance(route.points) < disc.radius - _TINY
        ]
        if not more:
            return route
        near += more
    return Route(_length((start, end)), (start, end), (start, end))


@dataclass(frozen=True, slots=True)
class _Tangent:
    """A straight line that leaves one disc and arrives at another, at these angles."""

    start: Place
    end: Place
    leaving: float
    arriving: float


@dataclass(frozen=True, slots=True)
class _State:
    """A way so far: it arrives at a circle at an angle, to run around it (1: with growing angles).

    What is left is at least the straight line to the end. Of parts that are `unpriced` only the
    length is in the cost of the route.
    """

    circle: int
    turn: int
    angle: float
    left: float
    route: Route
    unpriced: tuple[tuple[Place, ...], ...]
    touched: tuple[int, ...]


def _cheapest(
    start: Place,
    end: Place,
    discs: Sequence[Obstacle],
    price: Callable[[Sequence[Place]], float] | None,
) -> Route:
    """Return the cheapest way that touches or passes these discs, by the A* algorithm.

    What a part costs beside its length is asked for when nothing else could be cheaper.
    """
    circles = [Obstacle(start, 0.0), Obstacle(end, 0.0), *discs]

    def more_than_length(points: tuple[Place, ...], touched: Sequence[int]) -> float:
        inside = sum(
            max(0.0, disc.radius - _TINY - disc.distance(points))
            for number, disc in enumerate(circles)
            if disc.radius and number not in touched
        )
        return _INSIDE * inside + (0.0 if price is None else price(points))

    heap = [(0.0, 0, _State(0, 1, 0.0, 0.0, Route(0.0, (), ()), (), ()))]
    done: set[tuple[int, int, float]] = set()
    pushed = 0
    while heap:
        _, _, state = heappop(heap)
        i, turn, cost = state.circle, state.turn, state.route.cost
        if (i, turn, round(state.angle, 6)) in done:
            continue
        if state.unpriced:
            cost += sum(more_than_length(points, state.touched) for points in state.unpriced)
            # Rounded, so that no machine takes another way for its last digit.
            route = replace(state.route, cost=round(cost, 6))
            pushed += 1
            priced = replace(state, route=route, unpriced=())
            heappush(heap, (round(cost + state.left, 6), pushed, priced))
            continue
        if i == 1:
            return state.route
        done.add((i, turn, round(state.angle, 6)))
        for j in range(1, len(circles)):
            for next_turn in (1, -1) if j > 1 else (1,):
                line = None if i == j else _tangent(circles[i], turn, circles[j], next_turn)
                if line is None:
                    continue
                arc, knots = _arc(
                    circles[i], state.angle if i else line.leaving, line.leaving, turn
                )
                straight = line.start, line.end
                last = [line.end] if j == 1 else []
                route = Route(
                    cost + _length(arc) + _length(straight),
                    (*state.route.points, *arc, *last),
                    (*state.route.knots, *knots, *last),
                )
                parts = (straight, arc) if len(arc) > 1 else (straight,)
                left = _length((line.end, end))
                arrived = _State(j, next_turn, line.arriving, left, route, parts, (i, j))
                pushed += 1
                heappush(heap, (round(route.cost + left, 6), pushed, arrived))
    raise AssertionError("a straight line always leads there")


def _tangent(one: Obstacle, turn: int, other: Obstacle, next_turn: int) -> _Tangent | None:
    """Return the line from a circle to another that touches both as they are run around."""
    x, y = other.centre[0] - one.centre[0], other.centre[1] - one.centre[1]
    k = next_turn * other.radius - turn * one.radius
    square = x * x + y * y
    if square <= k * k:
        return None  # one lies in the other
    length = sqrt(square - k * k)
    dx, dy = (length * x + k * y) / square, (length * y - k * x) / square
    ends = []
    angles = []
    for circle, way in ((one, turn), (other, next_turn)):
        ox, oy = way * dy, -way * dx
        ends.append((circle.centre[0] + circle.radius * ox, circle.centre[1] + circle.radius * oy))
        angles.append(atan2(oy, ox))
    return _Tangent(ends[0], ends[1], angles[0], angles[1])


def _arc(
    circle: Obstacle, start: float, end: float, turn: int
) -> tuple[tuple[Place, ...], tuple[Place, ...]]:
    """Return points along a circle from one angle to another, and the knots among them."""
    swept = (turn * (end - start)) % (2 * pi)
    if swept > 2 * pi - _TINY:
        swept = 0.0
    (x, y), r = circle.centre, circle.radius

    def at(share: float) -> Place:
        angle = start + turn * swept * share
        return x + r * cos(angle), y + r * sin(angle)

    if swept < _TINY:
        return (at(0.0),), (at(0.0),)
    steps, knots = ceil(swept / _ARC), max(1, round(swept / _KNOTS))
    points = tuple(at(k / steps) for k in range(steps + 1))
    return points, tuple(at((k + 0.5) / knots) for k in range(knots))


def _distance(place: Place, a: Place, b: Place) -> float:
    """Return the distance of a place from a straight line between two others."""
    (px, py), (ax, ay), (bx, by) = place, a, b
    dx, dy = bx - ax, by - ay
    square = dx * dx + dy * dy
    t = 0.0 if square == 0 else max(0.0, min(1.0, ((px - ax) * dx + (py - ay) * dy) / square))
    return hypot(px - ax - t * dx, py - ay - t * dy)


def _length(points: Sequence[Place]) -> float:
    return sum(hypot(c - a, d - b) for (a, b), (c, d) in pairwise(points))
