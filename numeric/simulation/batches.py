"""Which rows of its training set every run uses at every update, drawn for many runs at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from sgdiagrams.diagrams.errors import RequestError, SamplingError
from sgdiagrams.symbolic.training.schemes import Epochs, Grid, OnePass, WithReplacement

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from sgdiagrams.symbolic.training.sampling import Sampling

__all__ = ["Rows", "check_simulated", "draw_batches", "largest_batch", "select"]

#: The rows of one batch: the same for all runs, or an array of shape (runs, B).
Rows: TypeAlias = "slice | NDArray[np.intp]"


def check_simulated(scheme: Sampling) -> tuple[int, int]:
    """Return the size N of the training set and the number T of updates of a scheme to simulate.

    Raises
    ------
    RequestError
        When the scheme makes no updates, as gradient flow does.
    SamplingError
        When a number is missing or there is no update.

    Examples
    --------
    >>> check_simulated(Epochs(N=4, B=2, E=3))
    (4, 6)
    """
    if not isinstance(scheme, OnePass | Epochs | WithReplacement | Grid):
        why = ", a continuous limit without updates" if scheme.datapoints is None else ""
        raise RequestError(
            "expected one-pass, fresh-data, full-batch, with-replacement, epochs of any kind or a "
            f"grid to simulate, got sampling={scheme.name!r}{why}"
        )
    if scheme.symbols:
        raise SamplingError(
            f"expected a number for each of {', '.join(scheme.symbols)}; "
            f"give {scheme.symbols[0]}=..."
        )
    if scheme.is_empty:
        raise SamplingError(f"expected at least one update to simulate, got {scheme.label}")
    return int(scheme.datapoints), int(scheme.updates)


def largest_batch(scheme: Sampling) -> int:
    """Return the number of rows in the largest batch."""
    if isinstance(scheme, Grid):
        return max(map(len, scheme.batches))
    return int(scheme.batch_size)


def draw_batches(scheme: Sampling, runs: int, rng: np.random.Generator) -> Iterator[Rows]:
    """Yield the rows of every batch, update by update.

    Datapoints are independent of each other, so one order for all epochs need not be drawn: it is the
    order of the rows. Reshuffled epochs and draws with replacement are drawn for every run.

    Parameters
    ----------
    scheme
        With numbers for all symbols.
    runs
        The number of runs.
    rng
        Where chance comes from.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> list(draw_batches(Epochs(N=4, B=2, E=1), 5, rng))
    [slice(0, 2, None), slice(2, 4, None)]
    >>> first, second = draw_batches(Epochs(N=4, B=2, E=1, shuffle="every-epoch"), 5, rng)
    >>> np.sort(np.hstack([first, second]), axis=1).tolist() == [[0, 1, 2, 3]] * 5
    True
    """
    N, T = check_simulated(scheme)
    if isinstance(scheme, Grid):
        yield from (np.array(batch) for batch in scheme.batches)
        return
    B = int(scheme.batch_size)
    if isinstance(scheme, WithReplacement):
        yield from (rng.integers(N, size=(runs, B)) for _ in range(T))
        return
    starts = range(0, N, B)
    for _ in range(T // len(starts)):
        if isinstance(scheme, Epochs) and scheme.is_reshuffled:
            order = rng.permuted(np.tile(np.arange(N), (runs, 1)), axis=1)
            yield from (order[:, start : start + B] for start in starts)
        else:
            yield from (slice(start, start + B) for start in starts)


def select(data: NDArray[Any], rows: Rows) -> NDArray[Any]:
    """Return the datapoints of a batch, shape (R, m, ...), of training sets of shape (R, N, ...).

    Examples
    --------
    >>> data = np.array([[1, 2, 3], [4, 5, 6]])
    >>> select(data, np.array([[2, 2], [0, 1]])).tolist()
    [[3, 3], [4, 5]]
    """
    if isinstance(rows, slice) or rows.ndim == 1:
        return data[:, rows]
    return data[np.arange(len(data))[:, None], rows]
