"""Derivatives along curves in pieces: how many curves and datapoints at once, and the sum of all."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from sgdiagrams.numeric.models.chunks import spans
from sgdiagrams.numeric.models.curves.key_sets import counts_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from sgdiagrams.numeric.models.model import Directions, Model, Vectors

__all__ = ["ComputeAlong", "sizes_at_once", "sum_of_pieces"]

#: Bytes of intermediate results that go through the caches of a processor, and datapoints for which a
#: product of matrices is not too thin.
_CACHE = 2.0**23
_THIN = 256


def sizes_at_once(
    curves: int,
    datapoints: int,
    *,
    bytes_each: float,
    derivatives: int,
    memory: float,
    has_caches: bool,
) -> tuple[int, int]:
    """Return how many curves and datapoints are computed at once, in about equal pieces.

    Parameters
    ----------
    curves, datapoints
        How many there are.
    bytes_each
        Of the intermediate results of one datapoint.
    derivatives
        How many different ones are computed for every curve, the value among them.
    memory
        Bytes for intermediate results.
    has_caches
        Whether what fits a few megabytes is faster: compiled, on processors.

    Examples
    --------
    >>> sizes_at_once(200, 1797, bytes_each=600, derivatives=3, memory=2**30, has_caches=True)
    (17, 257)
    """
    room = min(memory, _CACHE) if has_caches else memory
    pairs = max(room / (max(bytes_each, 1) * derivatives), 1)
    few = max(min(datapoints, _THIN, pairs), 1)
    at_once = _even(curves, int(pairs / few))
    return at_once, _even(datapoints, int(pairs / at_once))


def _even(total: int, most: int) -> int:
    pieces = ceil(total / max(most, 1))
    return ceil(total / pieces)


class ComputeAlong(Protocol):
    """Computes one piece."""

    def __call__(
        self,
        datapoints: NDArray[np.intp] | None,
        shares: NDArray[np.float64],
        curves: Mapping[Directions, Vectors],
    ) -> dict[Directions, Any]:
        """Return by their keys sums over datapoints (..., c) of shares (c,) times derivatives.

        Numbers: float64 of shape (S,). Vectors: shape (S, p). All shares are 1/m, or 0.
        """


def sum_of_pieces(
    compute: ComputeAlong,
    datapoints: NDArray[np.intp] | None,
    curves: Mapping[Directions, Vectors],
    sizes: tuple[int, int],
    model: Model,
    *,
    vectors_out: bool,
) -> dict[Directions, Any]:
    """Return derivatives along curves, as `Model.jets` does, computed piece by piece.

    Pieces of datapoints are summed in float64; a single piece of vectors stays where it is.
    """
    own = datapoints is not None and datapoints.ndim == 2
    count, m = counts_of(datapoints, curves)
    blocks: list[dict[Directions, Any]] = []
    for rows, kept_rows in spans(count, sizes[0]):
        whole = len(rows) == count
        tables = curves if whole else {key: table[rows] for key, table in curves.items()}
        points = datapoints if whole or datapoints is None or not own else datapoints[rows]
        sums: dict[Directions, Any] = {}
        for columns, kept in spans(m, sizes[1]):
            # An array as it was given may be recognised.
            some = points if points is None or len(columns) == m else points[..., columns]
            shares = np.where(np.arange(len(columns)) < kept, 1 / m, 0.0)
            more = compute(some, shares, tables)
            if len(columns) == m:
                sums = more
            elif not vectors_out:
                sums = {key: sums.get(key, 0.0) + more[key] for key in more}
            else:
                sums = {key: sums.get(key, 0.0) + model.as_floats(more[key]) for key in more}
        if vectors_out and sizes[1] < m:
            sums = {key: model.as_table(table) for key, table in sums.items()}
        if kept_rows < len(rows):
            sums = {key: t[:kept_rows] if key or own else t for key, t in sums.items()}
        blocks.append(sums)
    if len(blocks) == 1:
        return blocks[0]
    joined = model.joined if vectors_out else np.concatenate
    return {
        key: joined([block[key] for block in blocks]) if key or own else blocks[0][key]
        for key in blocks[0]
    }
