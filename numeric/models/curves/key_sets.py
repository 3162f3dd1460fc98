"""Sets of derivatives along curves: what they need, and the few from which all others come."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from sgdiagrams.diagrams.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from sgdiagrams.numeric.models.model import Directions, Vectors

__all__ = ["chains", "checked_keys", "counts_of", "greatest", "parts_in_order"]


def checked_keys(keys: Iterable[Directions]) -> tuple[Directions, ...]:
    """Return keys by their lengths, ``()`` in front.

    Raises
    ------
    RequestError
        When a key is ``()`` or not sorted, or one of its parts is missing.

    Examples
    --------
    >>> checked_keys([(0, 1), (1,), (0,)])
    ((), (0,), (1,), (0, 1))
    """
    given = set(keys)
    for key in given:
        if not key or tuple(sorted(key)) != key:
            raise RequestError(f"expected sorted directions of a curve, at least one, got {key}")
        for size in range(1, len(key)):
            missing = [part for part in combinations(key, size) if part not in given]
            if missing:
                raise RequestError(
                    f"expected with the curves {key} all of their parts, got none for {missing[0]}"
                )
    return ((), *sorted(given, key=lambda key: (len(key), key)))


def counts_of(
    datapoints: NDArray[np.intp] | None, curves: Mapping[Directions, Vectors]
) -> tuple[int, int]:
    """Return the number S of curves, 1 without any, and the number m of datapoints of each.

    Raises
    ------
    RequestError
        When there are not equally many curves for all keys, and rows of datapoints; or datapoints are
        not of shape (S, m) or (m,).
    """
    counts = {len(table) for table in curves.values()}
    m = 1
    if datapoints is not None:
        if datapoints.ndim not in {1, 2} or not datapoints.size:
            raise RequestError(
                f"expected datapoints of shape (S, m) or (m,), got {datapoints.shape}"
            )
        m = datapoints.shape[-1]
        counts |= set(datapoints.shape[:-1])
    if len(counts) > 1 or 0 in counts:
        raise RequestError(
            "expected as many curves for all keys, at least one, and as many rows of datapoints,"
            f" got {sorted(counts)}"
        )
    return max(counts, default=1), m


def greatest(keys: Iterable[Directions]) -> tuple[Directions, ...]:
    """Return the keys that are no part of another one.

    Examples
    --------
    >>> greatest([(), (0,), (1,), (0, 0), (0, 1)])
    ((0, 0), (0, 1))
    """
    rest = sorted(keys, key=lambda key: (-len(key), key))
    kept: list[Directions] = []
    for key in rest:
        if not any(key in combinations(other, len(key)) for other in kept):
            kept.append(key)
    return tuple(kept)


def chains(keys: Iterable[Directions]) -> tuple[Directions, ...]:
    """Return orders of directions whose beginnings are all of the keys.

    Examples
    --------
    >>> chains([(), (0,), (1,), (0, 0), (0, 1)])
    ((0, 0), (1, 0))
    """
    rest = set(keys) - {()}
    kept: list[Directions] = []
    while rest:
        key: Directions = max(rest, key=lambda key: (len(key), [-d for d in key]))
        backwards: list[int] = []
        while key:
            # A beginning that is still wanted comes first.
            shorter = {d: _without(key, d) for d in key}
            d = next((d for d, part in shorter.items() if part in rest), key[-1])
            backwards.append(d)
            rest.discard(key)
            key = shorter[d]
        kept.append(tuple(reversed(backwards)))
    return tuple(kept)


def _without(key: Directions, direction: int) -> Directions:
    place = key.index(direction)
    return key[:place] + key[place + 1 :]


def parts_in_order(key: Directions) -> list[Directions]:
    """Return the parts of a key in the order of nested derivatives: entry i has the bits of i.

    Examples
    --------
    >>> parts_in_order((0, 0, 1))
    [(), (0,), (0,), (0, 0), (1,), (0, 1), (0, 1), (0, 0, 1)]
    """
    parts: list[Directions] = [()]
    for direction in key:
        parts += [(*part, direction) for part in parts]
    return parts
