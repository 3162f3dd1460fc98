r"""Batches of many runs at once, as chance draws them: rows in arrays, with shares where these differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from sgdiagrams.symbolic.embeddings.batches import Batch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sgdiagrams.symbolic.embeddings.batches import WrittenBatch

__all__ = ["DrawnBatch", "Rows", "Weighted", "parted", "rows_of", "share_groups"]

#: The rows of one batch of many runs: the same for all runs, or an array of shape (runs, B).
Rows: TypeAlias = "slice | NDArray[np.intp]"


class Weighted(NamedTuple):
    """A batch of many runs whose rows, or datapoints, have shares of their own.

    Attributes
    ----------
    items
        Rows as `Rows`, or datapoints, shape (runs, B, ...).
    shares
        Shape (B,), the same for all runs, or (runs, B); 0 where there is nothing.
    """

    items: Any
    shares: NDArray[np.float64]


#: The rows of one batch of many runs: a mean over them, or with shares.
DrawnBatch: TypeAlias = "Rows | Weighted"


def parted(batch: Any) -> tuple[Any, NDArray[np.float64] | None]:
    """Return the rows or datapoints of a batch, and their shares; None for a mean.

    Examples
    --------
    >>> parted(slice(0, 2))
    (slice(0, 2, None), None)
    """
    return (batch.items, batch.shares) if isinstance(batch, Weighted) else (batch, None)


def rows_of(batch: WrittenBatch) -> DrawnBatch:
    """Return a batch that is the same for all runs; rows that follow each other as a slice.

    Examples
    --------
    >>> rows_of((2, 3)), rows_of((2, 0))
    (slice(2, 4, None), array([2, 0]))
    >>> rows_of(Batch((0, 1), (1, 2)))
    Weighted(items=slice(0, 2, None), shares=array([1., 2.]))
    """
    rows = batch.rows if isinstance(batch, Batch) else batch
    if not rows:  # an update without gradient; the row is there for the shape
        return Weighted(slice(0, 1), np.zeros(1))
    first = rows[0]
    of_all: Rows = np.array(rows)
    if all(row == first + i for i, row in enumerate(rows)):
        of_all = slice(first, first + len(rows))
    if isinstance(batch, Batch):
        return Weighted(of_all, np.array(batch.shares, dtype=np.float64))
    return of_all


def share_groups(
    shares: NDArray[np.float64],
) -> list[tuple[float, NDArray[np.intp]]]:
    """Return the weights of means over places of equal shares, whose sum is that with the shares.

    Parameters
    ----------
    shares
        Of the places of a batch, shape (B,).

    Returns
    -------
    list of tuple
        The share times the number of places that have it, and these places; shares of 0 left out.

    Examples
    --------
    >>> share_groups(np.array([0.5, 0.25, 0.0, 0.25]))
    [(0.5, array([1, 3])), (0.5, array([0]))]
    """
    values = np.unique(shares)
    places = [np.flatnonzero(shares == value) for value in values]
    return [
        (float(value) * len(own), own) for value, own in zip(values, places, strict=True) if value
    ]
