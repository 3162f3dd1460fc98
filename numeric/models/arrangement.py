"""How the legs and datapoints of a derivative lie: what is equal, what is the same for all rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np

from sgdiagrams.diagrams.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from sgdiagrams.numeric.models.model import Leg

__all__ = ["Arrangement", "arranged"]


@final
@dataclass(frozen=True, slots=True, eq=False)
class Arrangement:
    """Legs and datapoints of one derivative, with repetitions recognised.

    Attributes
    ----------
    datapoints
        Shape (R, m); or (1, m) where they are the same for all rows; None for functions of weights.
    legs
        Different legs, with rows of shape (R, S), or (1, S) where they are the same for all rows.
    pattern
        For every leg of the derivative which of these it is, in ascending order, so that equal legs
        are neighbours.
    rows, columns
        R and S of the result. Where datapoints are the same for all rows, the rows of legs have been
        written one after the other, (1, R S).
    """

    datapoints: NDArray[np.intp] | None
    legs: tuple[Leg, ...]
    pattern: tuple[int, ...]
    rows: int
    columns: int

    @property
    def inner_rows(self) -> int:
        """Rows of datapoints that are different."""
        return 1 if self.datapoints is None else len(self.datapoints)

    @property
    def inner_columns(self) -> int:
        """Sets of vectors for each of these rows."""
        return self.rows * self.columns // self.inner_rows

    @property
    def m(self) -> int:
        """Datapoints in a row."""
        return 1 if self.datapoints is None else self.datapoints.shape[1]


def arranged(datapoints: NDArray[np.intp] | None, legs: Sequence[Leg]) -> Arrangement:
    """Return the arrangement of a derivative.

    Raises
    ------
    RequestError
        When shapes do not fit each other.
    """
    points, given = None, 1
    if datapoints is not None:
        points = np.atleast_2d(datapoints)
        if points.ndim != 2 or not points.size:
            raise RequestError(
                f"expected datapoints of shape (R, m) or (m,), got {datapoints.shape}"
            )
        # Without vectors nothing says how often what is equal is wanted.
        given, points = len(points), _same_rows(points) if legs else points
    shapes = {leg.rows.shape for leg in legs} or {(1, 1)}
    columns = next(iter(shapes))[1]
    rows = max(given, *(shape[0] for shape in shapes), 1)
    if any(shape not in {(rows, columns), (1, columns)} for shape in shapes) or given not in {
        1,
        rows,
    }:
        raise RequestError(
            f"expected legs with rows of one shape (R, S), or (1, S), got {sorted(shapes)}"
            f" with {given} rows of datapoints"
        )
    shared = points is None or len(points) == 1
    different: list[Leg] = []
    which = []
    for leg in legs:
        lying = _laid(leg, rows=rows, flat=shared)
        same = (i for i, other in enumerate(different) if _equal(lying, other))
        position = next(same, len(different))
        if position == len(different):
            different.append(lying)
        which.append(position)
    return Arrangement(points, tuple(different), tuple(sorted(which)), rows, columns)


def _laid(leg: Leg, *, rows: int, flat: bool) -> Leg:
    if flat:
        every = np.array(np.broadcast_to(leg.rows, (rows, leg.rows.shape[1])))
        return type(leg)(leg.table, every.reshape(1, -1))
    return type(leg)(leg.table, _same_rows(leg.rows))


def _same_rows(table: NDArray[np.intp]) -> NDArray[np.intp]:
    return table[:1] if len(table) > 1 and (table == table[:1]).all() else table


def _equal(one: Leg, other: Leg) -> bool:
    return one.table is other.table and np.array_equal(one.rows, other.rows)
