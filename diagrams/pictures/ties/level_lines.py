"""Soft outlines around spines: where a smooth distance from them has one value."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor, hypot, sqrt
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sgdiagrams.diagrams.pictures.shapes import Place
    from sgdiagrams.diagrams.pictures.ties.spines import Girth

__all__ = ["Loop", "contours"]

#: A closed line: its start, and two control points and an end for every piece.
Loop = tuple["Place", tuple[tuple["Place", "Place", "Place"], ...]]

_Grid = NDArray[np.floating]

_TINY = 1e-9
_CELL = 2.0  # side of the squares of the grid
_TILE = 16  # squares along a tile; only tiles near a spine are looked at
_SOFT = 7.0  # how far inner corners are rounded
_STRAIGHT = 0.3  # what is less bent than this (one less the cosine) is no corner
_LEAST = 4  # pieces of a curve
_PIECE = 7.0  # about the length of a piece of the curve


def contours(
    centres: Sequence[Place],
    ways: Sequence[Sequence[Place]],
    girth: Girth,
    *,
    filled: Sequence[Sequence[Place]] = (),
) -> list[Loop]:
    """Return the smooth closed lines around places and the ways that join them, longest first.

    Parameters
    ----------
    centres
        The places of a group, in which its ways begin and end.
    ways
        Points along the ways between them; none where there is one place.
    girth
        How far the line is from both.
    filled
        Corners of triangles that are inside altogether.

    Examples
    --------
    >>> from sgdiagrams.diagrams.pictures.ties.spines import Girth
    >>> [(start, pieces)] = contours([(0.0, 0.0)], [], Girth(9, 7))
    >>> all(abs(hypot(*end) - 9) < 0.1 for _, _, end in pieces)
    True
    """
    parts = [_Part.of(way, girth.width) for way in ways or [centres[:1]]]
    parts += [_Part.of([*corners, corners[0]], girth.width, is_filled=True) for corners in filled]
    lines = sorted(_joined(_segments(parts)), key=len, reverse=True)
    # Holes so small that no curve of several pieces goes around them are none.
    return [_smooth(line) for line in lines if len(line) * _CELL > _LEAST * _PIECE]


@dataclass(frozen=True, slots=True)
class _Part:
    """A place, a way or a triangle, and how far the outline is from it."""

    starts: _Grid
    steps: _Grid
    radius: float
    is_filled: bool

    @classmethod
    def of(cls, points: Sequence[Place], radius: float, *, is_filled: bool = False) -> _Part:
        places = np.array(points, dtype=float)
        if len(places) == 1:
            places = np.repeat(places, 2, axis=0)
        return cls(places[:-1], places[1:] - places[:-1], radius, is_filled)

    def depth(self, x: _Grid, y: _Grid) -> tuple[_Grid, _Grid, _Grid]:
        """Return how far points are outside, negative inside, and in which direction that grows."""
        ax, ay = self.starts.T[:, :, None, None]
        dx, dy = self.steps.T[:, :, None, None]
        px, py = x - ax, y - ay
        turns = dx * py - dy * px
        t = (px * dx + py * dy) / np.maximum(dx * dx + dy * dy, _TINY)
        t = np.clip(t, 0, 1)
        px, py = px - t * dx, py - t * dy
        squares = px * px + py * py
        nearest = squares.argmin(axis=0)[None]
        distance, u, v = (
            np.take_along_axis(values, nearest, axis=0)[0] for values in (np.sqrt(squares), px, py)
        )
        length = np.maximum(distance, _TINY)
        if self.is_filled:
            inside = (turns > 0).all(axis=0) | (turns < 0).all(axis=0)
            distance = np.where(inside, -distance, distance)
        return distance - self.radius, u / length, v / length


def _tiles(parts: Iterable[_Part]) -> dict[tuple[int, int], list[_Part]]:
    """Return the tiles that the outline may lead through, with the parts near each."""
    side = _CELL * _TILE
    near: dict[tuple[int, int], list[_Part]] = {}
    for part in parts:
        reach = part.radius + _SOFT
        mine = set()
        for (x, y), (dx, dy) in zip(part.starts, part.steps, strict=True):
            left, right = min(x, x + dx) - reach, max(x, x + dx) + reach
            top, bottom = min(y, y + dy) - reach, max(y, y + dy) + reach
            mine |= {
                (i, j)
                for i in range(floor(left / side), floor(right / side) + 1)
                for j in range(floor(top / side), floor(bottom / side) + 1)
            }
        for tile in mine:
            near.setdefault(tile, []).append(part)
    return near


def _blended(parts: Sequence[_Part], x: _Grid, y: _Grid) -> _Grid:
    """Return the depth of the union of parts, its inner corners rounded."""
    field, u, v = parts[0].depth(x, y)
    for part in parts[1:]:
        other, p, q = part.depth(x, y)
        # Where two parts are about as near, and not in the same direction, there is a corner.
        corner = np.clip(1 - (u * p + v * q) - _STRAIGHT, 0, 1) / (1 - _STRAIGHT)
        blend = np.maximum(_SOFT - np.abs(field - other), 0) / _SOFT
        is_nearer = other < field
        u, v = np.where(is_nearer, p, u), np.where(is_nearer, q, v)
        field = np.minimum(field, other) - corner * blend * blend * (_SOFT / 4)
    return field


#: A point on a line of the grid: its column and row, and whether it lies on the upper side.
_Key = tuple[int, int, bool]


def _segments(parts: Sequence[_Part]) -> dict[_Key, tuple[Place, _Key]]:
    """Return the pieces of the line inside the squares: from a side, where there, to which side."""
    result: dict[_Key, tuple[Place, _Key]] = {}
    for (column, row), near in sorted(_tiles(parts).items()):
        i = np.arange(column * _TILE, (column + 1) * _TILE + 1)
        j = np.arange(row * _TILE, (row + 1) * _TILE + 1)
        x, y = np.meshgrid(i * _CELL, j * _CELL)
        field = _blended(near, x, y)
        inside = field < 0
        corners = (
            inside[:-1, :-1] * 1 + inside[:-1, 1:] * 2 + inside[1:, 1:] * 4 + inside[1:, :-1] * 8
        )
        for b, a in zip(*np.nonzero((corners > 0) & (corners < 15)), strict=True):
            for side, other_side in _THROUGH[int(corners[b, a])]:
                key = _key(int(i[a]), int(j[b]), side)
                place = _crossing(field, int(a), int(b), side, (i[a], j[b]))
                result[key] = place, _key(int(i[a]), int(j[b]), other_side)
    return result


# From which side to which the line runs through a square, by the corners that are inside (upper left,
# upper right, lower right, lower left), with the inside on the right hand; sides: 0 above, 1 right, 2
# below, 3 left.
_THROUGH: dict[int, tuple[tuple[int, int], ...]] = {
    1: ((0, 3),), 2: ((1, 0),), 4: ((2, 1),), 8: ((3, 2),),
    3: ((1, 3),), 6: ((2, 0),), 12: ((3, 1),), 9: ((0, 2),),
    7: ((2, 3),), 14: ((3, 0),), 13: ((0, 1),), 11: ((1, 2),),
    5: ((0, 3), (2, 1)), 10: ((1, 0), (3, 2)),
}  # fmt: skip


def _key(column: int, row: int, side: int) -> _Key:
    match side:
        case 0:
            return column, row, True
        case 1:
            return column + 1, row, False
        case 2:
            return column, row + 1, True
        case _:
            return column, row, False


def _crossing(field: _Grid, a: int, b: int, side: int, corner: tuple[int, int]) -> Place:
    """Return where the line crosses a side of a square."""
    column, row = corner
    ends = {0: ((0, 0), (1, 0)), 1: ((1, 0), (1, 1)), 2: ((0, 1), (1, 1)), 3: ((0, 0), (0, 1))}
    (u, v), (p, q) = ends[side]
    one, two = float(field[b + v, a + u]), float(field[b + q, a + p])
    t = one / (one - two)
    return (column + u + t * (p - u)) * _CELL, (row + v + t * (q - v)) * _CELL


def _joined(segments: dict[_Key, tuple[Place, _Key]]) -> list[list[Place]]:
    """Return the closed lines that the pieces make."""
    lines = []
    while segments:
        key = min(segments)
        line = []
        while key in segments:
            place, key = segments.pop(key)
            line.append(place)
        lines.append(line)
    return lines


def _smooth(line: Sequence[Place]) -> Loop:
    """Return a curve of few pieces through points of a closed line, with its directions."""
    points = np.array(line)
    lengths = np.hypot(*(np.roll(points, -1, axis=0) - points).T)
    total = float(lengths.sum())
    at = np.concatenate([[0.0], np.cumsum(lengths)])
    closed = np.concatenate([points, points[:1]])
    count = max(8, round(total / _PIECE))

    def places(distances: _Grid) -> _Grid:
        along = distances % total
        return np.stack([np.interp(along, at, closed[:, k]) for k in (0, 1)], axis=1)

    marks: _Grid = np.arange(count) * (total / count)
    knots = places(marks)
    ahead = places(marks + _CELL) - places(marks - _CELL)
    ahead /= np.hypot(*ahead.T)[:, None]
    pieces = []
    for k in range(count):
        (x1, y1), (x2, y2) = knots[k], knots[(k + 1) % count]
        (u1, v1), (u2, v2) = ahead[k], ahead[(k + 1) % count]
        # As for an arc of a circle with these directions; a third of the chord where it is straight.
        half = sqrt(max(0.0, (1 + u1 * u2 + v1 * v2) / 2))
        third = hypot(x2 - x1, y2 - y1) / (1.5 * (1 + half))
        near = float(x1 + third * u1), float(y1 + third * v1)
        far = float(x2 - third * u2), float(y2 - third * v2)
        pieces.append((near, far, (float(x2), float(y2))))
    start = float(knots[0][0]), float(knots[0][1])
    return start, tuple(pieces)
