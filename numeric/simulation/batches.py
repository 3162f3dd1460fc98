"""Which rows of its training set every run uses at every update."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sgdiagrams.diagrams.errors import RequestError, SamplingError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.symbolic.embeddings.drawing import Weighted, parted
from sgdiagrams.symbolic.training.sampling import course_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from sgdiagrams.symbolic.embeddings.drawing import DrawnBatch, Rows
    from sgdiagrams.symbolic.propagation.course import Course
    from sgdiagrams.symbolic.training.sampling import Sampling

__all__ = ["blocks_of_runs", "check_runs", "of_all_blocks", "select", "simulated_course"]


def simulated_course(scheme: Sampling, *, needs_noise: bool = False) -> Course:
    """Return the course of a scheme to simulate.

    Parameters
    ----------
    scheme
        With numbers.
    needs_noise
        Whether what is asked for is about noise, which gradient descent has none of.

    Raises
    ------
    RequestError
        When the scheme makes no updates, as gradient flow does, says no course, or has no noise; or when
        noise is asked for along a run of batches that do not weigh 1.
    SamplingError
        When a number is missing or there is no update.

    Examples
    --------
    >>> from sgdiagrams.symbolic.training.schemes.epochs import Epochs
    >>> rng = np.random.default_rng(0)
    >>> list(simulated_course(Epochs(N=4, B=2, E=1)).draw(5, rng))
    [slice(0, 2, None), slice(2, 4, None)]
    >>> first, second = simulated_course(Epochs(N=4, B=2, E=1, shuffle="every-epoch")).draw(5, rng)
    >>> np.sort(np.hstack([first, second]), axis=1).tolist() == [[0, 1, 2, 3]] * 5
    True
    """
    if scheme.is_continuous:
        raise RequestError(
            f"expected a sampling of discrete updates, got sampling={shown(scheme.name)}, a continuous "
            "limit"
        )
    if needs_noise and scheme.is_noiseless:
        raise RequestError(
            f"expected a sampling with noise, got sampling={shown(scheme.name)}; its run is noise 0 "
            "alone, which simulate() makes"
        )
    check_runs(scheme)
    try:
        course = course_of(scheme)
    except RequestError:
        raise RequestError(
            f"expected a scheme that says its course to simulate, got sampling={shown(scheme.name)}"
        ) from None
    if needs_noise:
        course.check_means(scheme.label)
    return course


def check_runs(scheme: Sampling) -> None:
    """Raise a SamplingError unless a scheme has all its numbers, and runs are of some length."""
    if scheme.symbols:
        raise SamplingError(
            f"expected a number for each of {', '.join(scheme.symbols)}; "
            f"give {scheme.symbols[0]}=..."
        )
    if scheme.is_empty:
        raise SamplingError(f"expected at least one update to simulate, got {scheme.label}")


def select(data: NDArray[Any], batch: DrawnBatch) -> NDArray[Any] | Weighted:
    """Return the datapoints of a batch, shape (R, m, ...), of training sets of shape (R, N, ...).

    With shares where the batch has some.

    Examples
    --------
    >>> data = np.array([[1, 2, 3], [4, 5, 6]])
    >>> select(data, np.array([[2, 2], [0, 1]])).tolist()
    [[3, 3], [4, 5]]
    """
    rows, shares = parted(batch)
    is_for_all = isinstance(rows, slice) or rows.ndim == 1
    chosen = data[:, rows] if is_for_all else data[np.arange(len(data))[:, None], rows]
    return chosen if shares is None else Weighted(chosen, shares)


def blocks_of_runs(first: int, runs: int, size: int) -> tuple[range, slice]:
    """Return the blocks of `size` runs that contain some runs, and where these are in them.

    Examples
    --------
    >>> blocks_of_runs(70, 10, 64)
    (range(1, 2), slice(6, 16, None))
    """
    blocks = range(first // size, -(-(first + runs) // size))
    start = first - blocks.start * size
    return blocks, slice(start, start + runs)


def of_all_blocks(parts: tuple[DrawnBatch, ...], kept: slice) -> DrawnBatch:
    """Return the rows of the runs that are kept; schedules without chance have the same for all.

    Batches of different numbers of rows are filled up with rows without share.
    """
    rows, shares = zip(*map(parted, parts), strict=True)
    first_rows: Rows = rows[0]
    first_shares = shares[0]
    if not (isinstance(first_rows, slice) or first_rows.ndim == 1):
        first_rows = _joined(rows)[kept]
    if first_shares is None:
        return first_rows
    if first_shares.ndim > 1:
        first_shares = _joined(shares)[kept]
    return Weighted(first_rows, first_shares)


def _joined(parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Return arrays of shape (runs, m) one after the other, filled up with 0."""
    most = max(part.shape[1] for part in parts)
    return np.concatenate([np.pad(part, ((0, 0), (0, most - part.shape[1]))) for part in parts])
