"""Where a curve is computed so that a picture of it has no kinks."""

from __future__ import annotations

import math
from collections import deque
from itertools import pairwise
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import ArrayLike, NDArray

__all__ = ["BEYOND", "refined", "smooth"]

#: How far a picture goes beyond the last place.
BEYOND = 1.04

#: Values of several curves at one place.
Predicted = tuple[float, ...]

_FIRST = 16  # intervals to begin with
_MOST = 300  # places
_DEPTH = 14  # how often an interval is halved
_FLAT = 0.002  # of the height of the picture: less than this far off, a chord is the curve
_DRAWN = 300  # places of a curve that is drawn, at least


def refined(
    function: Callable[[float], Predicted],
    known: Mapping[float, Predicted],
    *,
    seconds: float,
) -> tuple[tuple[float, Predicted], ...]:
    """Return a function from 0 to a little beyond where it is known, closer together where it bends.

    Parameters
    ----------
    function
        Place -> the values of several curves.
    known
        Places where it is known; the last entries of their values, and 0, say how high the picture is.
    seconds
        No interval is halved after this time; nothing is returned where the first places alone take
        longer.

    Returns
    -------
    tuple
        Places and values, by place.

    Examples
    --------
    >>> curve = refined(lambda x: (1 - math.exp(-50 * x),), {1.0: (1.0,)}, seconds=5)
    >>> places = [x for x, _ in curve]
    >>> places[0], places[-1], places[1] - places[0] < 0.01 < places[-1] - places[-2]
    (0.0, 1.04, True)
    """
    start = perf_counter()
    finest = [values[-1] for values in known.values() if values and math.isfinite(values[-1])]
    low, high = min((0.0, *finest)), max((0.0, *finest))
    height = high - low or 1.0
    window = (low - height, high + height)
    values = dict(known)
    first, last = (BEYOND * extreme((0.0, *known)) for extreme in (min, max))
    for place in (0.0, *np.linspace(first, last, _FIRST + 1).tolist()):
        if place not in values:
            values[place] = function(place)
        if perf_counter() - start > seconds:
            return ()
    places = sorted(values)
    intervals = deque((a, b, 0) for a, b in pairwise(places))
    while intervals and len(values) < _MOST and perf_counter() - start < seconds:
        a, b, depth = intervals.popleft()
        middle = (a + b) / 2
        values[middle] = function(middle)
        left, right, inside = (np.clip(values[x], *window) for x in (a, b, middle))
        bend = np.abs(inside - (left + right) / 2)
        if depth < _DEPTH and (bend > _FLAT * height).any():
            intervals += [(a, middle, depth + 1), (middle, b, depth + 1)]
    return tuple((place, values[place]) for place in sorted(values))


def smooth(
    places: ArrayLike, values: ArrayLike, *, low: float, high: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return a curve through values without kinks: more places, and what lies between.

    It is cubic between neighbours and monotone where they are, so that it shows no wiggle that is not in
    the values. It ends before the first value that is not finite; far outside of `low` and `high`
    it is cut off.
    """
    from scipy.interpolate import PchipInterpolator

    x = np.asarray(places, dtype=np.float64)
    y = np.asarray(values, dtype=np.float64)
    ends = np.flatnonzero(~np.isfinite(y))
    count = int(ends[0]) if len(ends) else len(x)
    x, y = x[:count], np.clip(y[:count], low - 3 * (high - low), high + 3 * (high - low))
    if count < 2:
        return x, y
    between = 4 + _DRAWN // (count - 1)
    steps = np.arange(between) / between
    fine = np.append((x[:-1, None] + np.diff(x)[:, None] * steps).ravel(), x[-1])
    return fine, np.asarray(PchipInterpolator(x, y)(fine))
