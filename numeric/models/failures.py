"""Which datapoints have derivatives that are no finite numbers, and how that is said."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sgdiagrams.diagrams.errors import StatisticsError
from sgdiagrams.numeric.models.model import Leg

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from sgdiagrams.numeric.models.model import Directions, Vectors

__all__ = ["NotFiniteError", "not_finite", "not_finite_along"]

_MOST = 5  # datapoints that a message names


class NotFiniteError(StatisticsError):
    """Derivatives of losses that are NaN or infinite."""


def not_finite(
    label: str,
    compute: Callable[..., object],
    datapoints: NDArray[np.intp] | None,
    legs: Sequence[Leg],
) -> NotFiniteError:
    """Return the error that names datapoints whose derivatives are NaN or infinite.

    Parameters
    ----------
    label
        Of the function.
    compute
        Computes a piece, and raises this error; it is called with single datapoints.
    datapoints, legs
        Of the piece that failed, shapes (r, c), and (r, s) or (1, s).
    """
    if datapoints is None:
        return NotFiniteError(f"derivatives of {label} at these weights are NaN or infinite")
    if datapoints.size == 1:
        return NotFiniteError(
            f"derivatives of the loss of datapoint {datapoints[0, 0]} are NaN or infinite"
        )
    culprits: dict[int, None] = {}
    for r, row in enumerate(datapoints):
        own = [
            Leg(leg.table, leg.rows[r : r + 1] if len(leg.rows) > 1 else leg.rows) for leg in legs
        ]
        for point in row:
            try:
                compute(np.full((1, 1), point), np.ones(1), own)
            except NotFiniteError:
                culprits[int(point)] = None
                if len(culprits) > _MOST:
                    break
    rows = sorted(culprits)
    names = ", ".join(map(str, rows[:_MOST])) + (", …" if len(rows) > _MOST else "")
    noun = "datapoints" if len(rows) != 1 else "datapoint"
    return NotFiniteError(
        f"derivatives of the loss of {noun} {names or 'together'} are NaN or infinite; repair these rows,"
        " or a loss that is not smooth there (roots and norms at 0)"
    )


def not_finite_along(
    label: str,
    compute: Callable[..., object],
    datapoints: NDArray[np.intp] | None,
    curves: Mapping[Directions, Vectors],
) -> NotFiniteError:
    """Return the error that names datapoints whose derivatives along curves are NaN or infinite.

    Parameters
    ----------
    label
        Of the function.
    compute
        Computes a piece from datapoints, their shares and curves, and raises this error.
    datapoints, curves
        Of the piece that failed.
    """
    if datapoints is None or datapoints.size == 1:
        return not_finite(
            label, compute, datapoints if datapoints is None else np.atleast_2d(datapoints), ()
        )
    own = datapoints.ndim == 2
    count = max(map(len, curves.values()), default=1)
    rows = np.arange(count).reshape((-1, 1) if own else (1, -1))

    def again(point: NDArray[np.intp], shares: object, legs: Sequence[Leg]) -> None:
        some = {key: leg.table[leg.rows.reshape(-1)] for key, leg in zip(curves, legs, strict=True)}
        compute(point if own else point[0], shares, some)

    legs = [Leg(table, rows) for table in curves.values()]
    return not_finite(label, again, np.atleast_2d(datapoints), legs)
