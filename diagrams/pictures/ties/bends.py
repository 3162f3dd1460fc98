"""Ways without kinks: smooth curves through the knots of a way, where they keep away as it does."""

from __future__ import annotations

from math import hypot
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from sgdiagrams.diagrams.pictures.shapes import Place
    from sgdiagrams.diagrams.pictures.ties.routes import Obstacle, Route

__all__ = ["softened"]

_STEP = 4.0  # between points of the curve
_SLACK = 0.4  # how much nearer to an obstacle the curve may come than the way
_LONGEST = 1.35  # times the length of the way


def softened(route: Route, obstacles: Sequence[Obstacle]) -> tuple[Place, ...]:
    """Return points along the natural cubic spline through the knots of a way, or of the way itself.

    The way itself is taken where the spline comes too near to an obstacle or swings out too far.

    Examples
    --------
    >>> from sgdiagrams.diagrams.pictures.ties.routes import Obstacle, shortest_route
    >>> disc = Obstacle((10.0, 1.0), 3.0)
    >>> points = softened(shortest_route((0.0, 0.0), (20.0, 0.0), [disc]), [disc])
    >>> points[0], len(points), round(min(y for _, y in points), 2)
    ((0.0, 0.0), 6, -1.89)
    """
    knots = [route.knots[0]]
    for knot in route.knots[1:]:
        if hypot(knot[0] - knots[-1][0], knot[1] - knots[-1][1]) > 1e-6:
            knots.append(knot)
    if len(knots) < 3:
        return route.points
    curve, length = _natural_spline(np.array(knots))
    if np.hypot(*np.diff(curve, axis=0).T).sum() > _LONGEST * length:
        return route.points
    points = (knots[0], *[(float(x), float(y)) for x, y in curve[1:-1]], knots[-1])
    for disc in obstacles:
        least = min(disc.radius, disc.distance(route.points)) - _SLACK
        if disc.distance(points) < least:
            return route.points
    return points


def _natural_spline(
    places: NDArray[np.floating],
) -> tuple[NDArray[np.floating], float]:
    """Return points along the spline, and the length of the straight lines between its knots.

    SciPy has such splines, but to import them takes longer than to draw a sheet of diagrams.
    """
    steps = np.diff(places, axis=0)
    lengths = np.hypot(*steps.T)
    times = np.concatenate([[0.0], np.cumsum(lengths)])
    # Second derivatives: none at the ends, and first derivatives that meet in between.
    matrix = np.eye(len(places))
    right = np.zeros_like(places)
    for i in range(1, len(places) - 1):
        before, after = lengths[i - 1], lengths[i]
        matrix[i, i - 1 : i + 2] = before, 2 * (before + after), after
        right[i] = 6 * (steps[i] / after - steps[i - 1] / before)
    bends = np.linalg.solve(matrix, right)
    at = np.linspace(0.0, times[-1], max(2, round(times[-1] / _STEP)) + 1)
    k = np.clip(np.searchsorted(times, at, side="right") - 1, 0, len(lengths) - 1)
    h = lengths[k][:, None]
    a, b = (times[k + 1] - at)[:, None], (at - times[k])[:, None]
    curve = (bends[k] * a**3 + bends[k + 1] * b**3) / (6 * h)
    curve += (places[k] / h - bends[k] * h / 6) * a + (places[k + 1] / h - bends[k + 1] * h / 6) * b
    return curve, float(times[-1])
