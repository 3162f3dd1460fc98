"""Derivatives in pieces that fit the memory: which pieces, and how their results are put together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, final

import numpy as np

from sgdiagrams.numeric.models.model import Leg

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from sgdiagrams.numeric.models.arrangement import Arrangement
    from sgdiagrams.numeric.models.model import Model

__all__ = ["MEMORY", "Compute", "Sizes", "in_chunks", "sizes_for", "spans"]

#: Bytes for intermediate results where nothing else is said.
MEMORY = 2.0**30
#: Bytes of rows that are computed at once where there are many, and how many there are at least.
_CACHE = 2.0**24
_FEW_ROWS = 16


@final
@dataclass(frozen=True, slots=True)
class Sizes:
    """How many rows, sets of vectors and datapoints are computed at once."""

    rows: int
    columns: int
    datapoints: int


class Compute(Protocol):
    """Computes one piece."""

    def __call__(
        self,
        datapoints: NDArray[np.intp] | None,
        shares: NDArray[np.float64],
        legs: Sequence[Leg],
    ) -> Any:
        """Return the sum over datapoints (r, c) of shares (c,) times derivatives.

        Numbers: float64 of shape (r, s). Vectors: a table (r s, p).
        """


def sizes_for(
    arrangement: Arrangement,
    *,
    memory: float,
    vector_bytes: float,
    datapoint_bytes: float,
    vectors_out: bool,
) -> Sizes:
    """Return the largest pieces whose intermediate results fit the memory, about.

    Every different leg doubles the intermediate results of a datapoint: nested directional derivatives
    carry the value and its change.
    """
    levels = 2.0 ** len(arrangement.legs)
    width = len(arrangement.legs) + (2 + levels) * vectors_out

    def need(rows: int, columns: int, datapoints: int) -> float:
        points = rows * datapoints * datapoint_bytes * (1 + columns * levels)
        return points + rows * columns * vector_bytes * width

    def most(limit: int, cost: Callable[[int], float]) -> int:
        low, high = 1, limit
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if cost(middle) <= memory else (low, middle - 1)
        return low

    # Many rows of their own go through the cache: half the time of all at once (1,024 rows, p = 10,080).
    few = arrangement.inner_rows
    if few > _FEW_ROWS:
        of_a_row = max(need(1, arrangement.inner_columns, arrangement.m), 1.0)
        fitting = max(_CACHE, _FEW_ROWS * vector_bytes) / of_a_row
        few = min(few, max(_FEW_ROWS, int(fitting)))
    if need(few, arrangement.inner_columns, arrangement.m) <= memory:
        return Sizes(_even(arrangement.inner_rows, few), arrangement.inner_columns, arrangement.m)
    datapoints = most(arrangement.m, lambda n: need(1, 1, n))
    columns = most(arrangement.inner_columns, lambda n: need(1, n, datapoints))
    whole = columns == arrangement.inner_columns
    rows = most(arrangement.inner_rows, lambda n: need(n, columns, datapoints)) if whole else 1
    return Sizes(
        _even(arrangement.inner_rows, rows),
        _even(arrangement.inner_columns, columns),
        _even(arrangement.m, datapoints),
    )


def _even(total: int, most: int) -> int:
    # As many chunks as needed, of equal sizes: the last one is filled up, so that one shape is compiled.
    chunks = -(-total // most)
    return -(-total // chunks)


def in_chunks(
    compute: Compute,
    arrangement: Arrangement,
    sizes: Sizes,
    model: Model,
    *,
    vectors_out: bool,
) -> Any:
    """Return the result of a derivative, computed piece by piece.

    Chunks of datapoints are summed in float64; a single chunk of vectors stays where it is.
    """
    pieces = []
    for rows, kept_rows in spans(arrangement.inner_rows, sizes.rows):
        for columns, kept_columns in spans(arrangement.inner_columns, sizes.columns):
            legs = [_leg_piece(leg, rows, columns) for leg in arrangement.legs]
            parts = _parts(compute, arrangement, sizes, rows, legs)
            if not vectors_out:
                numbers = sum(parts)
                pieces.append(np.asarray(numbers)[:kept_rows, :kept_columns].reshape(-1))
                continue
            table = next(parts)
            rest = [model.as_floats(part) for part in parts]
            if rest:
                table = model.as_table(sum(rest, model.as_floats(table)))
            # Only one of rows and columns is split, so what was filled up stands at the end.
            kept = kept_rows * kept_columns
            pieces.append(table if kept == len(table) else table[:kept])
    if not vectors_out:
        return np.concatenate(pieces).reshape(arrangement.rows, arrangement.columns)
    return pieces[0] if len(pieces) == 1 else model.joined(pieces)


def _parts(
    compute: Compute,
    arrangement: Arrangement,
    sizes: Sizes,
    rows: NDArray[np.intp],
    legs: Sequence[Leg],
) -> Iterator[Any]:
    if arrangement.datapoints is None:
        yield compute(None, np.ones(1), legs)
        return
    for columns, kept in spans(arrangement.m, sizes.datapoints):
        shares = np.zeros(len(columns))
        shares[:kept] = 1 / arrangement.m
        whole = (len(rows), len(columns)) == arrangement.datapoints.shape
        points = arrangement.datapoints
        yield compute(points if whole else points[np.ix_(rows, columns)], shares, legs)


def spans(total: int, size: int) -> Iterator[tuple[NDArray[np.intp], int]]:
    """Yield positions that are computed together, and how many are meant.

    The last ones are filled up with their first, so that all have one length.
    """
    for start in range(0, total, size):
        span = np.arange(start, start + size)
        kept = min(size, total - start)
        span[kept:] = start
        yield span, kept


def _leg_piece(leg: Leg, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> Leg:
    table = leg.rows if len(leg.rows) == 1 else leg.rows[rows]
    return Leg(leg.table, table[:, columns])
