"""How many runs and datapoints are computed at once, and what a library that runs them offers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, final

import numpy as np

from sgdiagrams.symbolic.embeddings.drawing import parted
from sgdiagrams.symbolic.propagation.linear_update import LinearUpdate

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from sgdiagrams.numeric.descent import Descent
    from sgdiagrams.numeric.landscapes.landscape import Floats
    from sgdiagrams.symbolic.embeddings.drawing import Weighted

__all__ = [
    "ParallelRuns",
    "Segment",
    "power_of_two",
    "runs_in_a_chunk",
    "segments",
    "side_by_side",
    "unpacked",
]

_CACHE = 2**17  # numbers: weights of runs that go side by side
_MOST_SIDE_BY_SIDE = 128
_MOST_RUNS = 2048
_NUMBERS_OF_A_CHUNK = 2**23  # 64 MiB of weights
_FLOPS_OF_A_CHUNK = 2**32  # a few seconds
_FLOPS_OF_A_CALL = 2**29  # within which Ctrl-C waits
_FLOPS = 6  # of a gradient, for every weight, at least


class ParallelRuns(ABC):
    """A model's losses and descents for many sets of weights at once; concrete ones are final.

    Weights are rows of shape (R, p), datapoints rows of the data, shape (R, m), results float64.
    """

    __slots__ = ()

    @abstractmethod
    def losses(self, theta: Floats, rows: NDArray[np.intp]) -> Floats:
        """Return the losses of datapoints, shape (R, m)."""

    @abstractmethod
    def gradients(self, theta: Floats, rows: NDArray[np.intp]) -> Floats:
        """Return mean gradients, shape (R, p)."""

    @abstractmethod
    def mean_losses(self, theta: Floats) -> Floats:
        """Return the mean loss over all data, summed in float64, shape (R,)."""

    @abstractmethod
    def descend(
        self,
        descent: Descent,
        start: Floats,
        batches: Iterable[NDArray[np.intp] | Weighted],
        *,
        eta: float,
    ) -> list[Floats]:
        """Return the points of whole runs that are looked at, each of shape (R, p)."""


def power_of_two(number: float) -> int:
    """Return the largest power of two that is no more than a number, at least 1.

    Examples
    --------
    >>> power_of_two(0.3), power_of_two(17)
    (1, 16)
    """
    return 1 << max(0, int(number).bit_length() - 1)


def side_by_side(dimension: int) -> int:
    """Return how many runs go side by side, so that their weights stay in the processor's cache."""
    return power_of_two(min(_MOST_SIDE_BY_SIDE, _CACHE / dimension))


def runs_in_a_chunk(dimension: int, visits: int) -> int:
    """Return how many runs take a few seconds, for the datapoints that one of them uses.

    Examples
    --------
    >>> runs_in_a_chunk(110, 64), runs_in_a_chunk(10**4, 10**4), runs_in_a_chunk(10**6, 10**4)
    (2048, 8, 1)
    """
    quick = power_of_two(_FLOPS_OF_A_CHUNK / (_FLOPS * dimension * visits))
    small = power_of_two(_NUMBERS_OF_A_CHUNK / dimension)
    return min(_MOST_RUNS, small, max(side_by_side(dimension), quick))


@final
@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """Some updates that follow each other, as arrays.

    Attributes
    ----------
    rows
        The datapoints of every update, shape (R, S, m). Smaller batches are filled up with their first
        datapoint.
    shares
        Of the datapoints, shape (S, m), or (R, S, m) where runs differ in them; 0 for what was filled up.
    numbers
        What every update does to the optimiser's state of M vectors, shape (S, 3 M + M M); see
        `unpacked`.
    watched
        Weights of the points after each update in what is looked at, shape (points, S).
    """

    rows: NDArray[np.int32]
    shares: Floats
    numbers: Floats
    watched: Floats

    @property
    def updates(self) -> int:
        """Their number S."""
        return int(self.rows.shape[1])

    def padded(self, updates: int) -> Segment:
        """Return the segment as the beginning of a longer one, of which the rest is not used."""
        more = updates - self.updates

        def longer(array: NDArray[Any], axis: int) -> NDArray[Any]:
            widths = [(0, 0)] * array.ndim
            widths[axis] = (0, more)
            return np.pad(array, widths)

        return Segment(
            longer(self.rows, 1),
            longer(self.shares, self.shares.ndim - 2),
            longer(self.numbers, 0),
            longer(self.watched, 1),
        )


def segments(
    descent: Descent, batches: Iterable[NDArray[np.intp] | Weighted], *, dimension: int
) -> Iterator[Segment]:
    """Yield the updates in segments that take less than a second each."""
    numbers = np.array([_packed(update) for update in descent.updates])
    watched = np.array(descent.watched)[:, 1:]
    remaining = iter(batches)
    first = 0
    for batch in remaining:
        runs, m = parted(batch)[0].shape
        cost = _FLOPS * dimension * runs * m
        size = power_of_two(min(_FLOPS_OF_A_CALL / cost, 2 * (len(numbers) - first) - 1))
        rows, shares = _stacked([batch, *islice(remaining, size - 1)])
        span = slice(first, first + rows.shape[1])
        yield Segment(rows, shares, numbers[span], watched[:, span])
        first = span.stop


def _packed(update: LinearUpdate) -> list[float]:
    step = [x for row in update.step for x in row]
    return [*update.read, *update.inject, *step, *update.readout]


def unpacked(numbers: Any, states: int) -> LinearUpdate:
    """Return an update of so many vectors from a row of its numbers, those of the step by rows.

    Examples
    --------
    >>> unpacked([1.0, 0.5, 1.0, 1.0], 1)
    LinearUpdate(read=[1.0], inject=[0.5], step=([1.0],), readout=[1.0], pull=None)
    """
    read, inject = numbers[:states], numbers[states : 2 * states]
    begins = range(2 * states, (2 + states) * states, states)
    step = tuple(numbers[begin : begin + states] for begin in begins)
    return LinearUpdate(read, inject, step, numbers[(2 + states) * states :])


def _stacked(
    batches: Sequence[NDArray[np.intp] | Weighted],
) -> tuple[NDArray[np.int32], Floats]:
    """Return batches as one array (R, S, m), and the shares of their datapoints (S, m) or (R, S, m)."""
    rows, given = zip(*map(parted, batches), strict=True)
    sizes = np.array([own.shape[1] for own in rows])
    m = int(sizes.max())
    shares = (np.arange(m) < sizes[:, None]) / sizes[:, None]
    if any(own is not None and own.ndim > 1 for own in given):
        shares = np.repeat(shares[None], len(rows[0]), axis=0)
    for t, own in enumerate(given):
        if own is not None:
            shares[..., t, : own.shape[-1]] = own
    if sizes.min() < m:
        rows = tuple(
            np.concatenate([own, np.repeat(own[:, :1], m - own.shape[1], axis=1)], axis=1)
            for own in rows
        )
    return np.stack(rows, axis=1).astype(np.int32), shares
