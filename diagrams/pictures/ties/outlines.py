"""Outlines of groups of places, and of smaller groups inside them, wherever the places are."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, pairwise
from math import hypot
from typing import TYPE_CHECKING

from sgdiagrams.diagrams.pictures.ties.level_lines import contours
from sgdiagrams.diagrams.pictures.ties.routes import Obstacle
from sgdiagrams.diagrams.pictures.ties.spines import Girth, points_along, spines_of, turn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sgdiagrams.diagrams.pictures.shapes import Place
    from sgdiagrams.diagrams.pictures.ties.level_lines import Loop

__all__ = ["Outline", "outlines_of"]

#: The width of outlines that have none inside, and of those that have; of those inside.
_ALONE = Girth(width=8.0, gap=7.0)
_OUTER = Girth(width=10.0, gap=7.0)
_INNER = Girth(width=6.8, gap=7.0)

_SLIM = 1.85  # the longest side of a triangle that is filled, in shortest ones
_FLAT = 1.0  # twice the least area of one
_MOST_CORNERS = 12  # of large groups, triangles of so many nodes are filled


@dataclass(frozen=True, slots=True)
class Outline:
    """The outline of a group.

    Attributes
    ----------
    group
        Its number.
    loops
        Closed curves: one, unless places are so crowded that there is no other way.
    inside
        The same of the smaller groups inside.
    """

    group: int
    loops: tuple[Loop, ...]
    inside: tuple[tuple[Loop, ...], ...] = ()


def outlines_of(
    places: Sequence[Place],
    groups: Sequence[Sequence[int]],
    parts: Sequence[Sequence[Sequence[int]]] | None = None,
) -> list[Outline]:
    """Return the outlines of groups of places, which keep away from all other places.

    Parameters
    ----------
    places
        All places; there should be at least 36 between any two, and 44 where there are parts.
    groups
        Positions in `places`, at least one each, none twice.
    parts
        Smaller groups that each group is made of; None where there are none.

    Examples
    --------
    >>> [outline] = outlines_of([(0.0, 0.0), (40.0, 0.0), (80.0, 0.0)], [(0, 1)])
    >>> outline.group, len(outline.loops)
    (0, 1)
    """
    inner: list[list[Sequence[Sequence[Place]]]] = [[] for _ in groups]
    girth = _ALONE if parts is None else _OUTER
    if parts is not None:
        small = spines_of(
            places, [[(i,) for i in part] for inside in parts for part in inside], girth
        )
        spines = iter(small)
        inner = [[next(spines) for _ in inside] for inside in parts]
    outer = spines_of(
        places,
        [[(i,) for i in group] for group in groups] if parts is None else parts,
        girth,
    )
    whole = [
        (*spine, *(way for ways in inside for way in ways))
        for spine, inside in zip(outer, inner, strict=True)
    ]
    result = []
    for number, group in enumerate(groups):
        others = [way for g, ways in enumerate(whole) if g != number for way in ways]
        hull = _triangles(places, group, others, girth)
        inside = []
        for k, ways in enumerate(inner[number]):
            part = parts[number][k] if parts else ()
            beside = [way for m, more in enumerate(inner[number]) if m != k for way in more]
            own = _triangles(places, part, [*others, *beside], girth)
            lines = contours([places[i] for i in part], ways, _INNER, filled=own)
            inside.append(_without_holes(lines, places, part))
        lines = contours([places[i] for i in group], whole[number], girth, filled=hull)
        result.append(Outline(number, _without_holes(lines, places, group), tuple(inside)))
    return result


def _without_holes(
    loops: Sequence[Loop], places: Sequence[Place], group: Sequence[int]
) -> tuple[Loop, ...]:
    """Return the outer line, and of the holes in it those with a place of another group."""
    foreign = [place for i, place in enumerate(places) if i not in group]
    holes = [
        (start, pieces)
        for start, pieces in loops[1:]
        if any(_is_inside(place, [start, *(end for _, _, end in pieces)]) for place in foreign)
    ]
    return loops[0], *holes


def _is_inside(place: Place, line: Sequence[Place]) -> bool:
    """Tell whether a closed line from point to point runs around a place."""
    x, y = place
    crossed = False
    for (a, b), (c, d) in pairwise(line):
        if (b > y) != (d > y) and x < a + (y - b) / (d - b) * (c - a):
            crossed = not crossed
    return crossed


def _triangles(
    places: Sequence[Place], group: Sequence[int], others: Sequence[Sequence[Place]], girth: Girth
) -> list[tuple[Place, Place, Place]]:
    """Return the triangles of near nodes of a group that nothing else comes near: they are filled."""
    foreign = [place for i, place in enumerate(places) if i not in group]
    result = []
    for corners in combinations([places[i] for i in group[:_MOST_CORNERS]], 3):
        a, b, c = corners
        sides = [hypot(p[0] - q[0], p[1] - q[1]) for p, q in ((a, b), (b, c), (c, a))]
        if max(sides) > _SLIM * min(sides) or abs(turn(a, b, c)) < _FLAT:
            continue
        near = [_distance(place, corners) < girth.width + girth.gap + 2 for place in foreign]
        near += [
            _distance(point, corners) < 2 * girth.width
            for way in others
            for point in points_along(way)
        ]
        if not any(near):
            result.append(corners)
    return result


def _distance(place: Place, corners: tuple[Place, Place, Place]) -> float:
    """Return how far a place is from a triangle; 0 inside."""
    a, b, c = corners
    turns = turn(a, b, place), turn(b, c, place), turn(c, a, place)
    if min(turns) >= 0 or max(turns) <= 0:
        return 0.0
    return Obstacle(place, 0.0).distance((a, b, c, a))
