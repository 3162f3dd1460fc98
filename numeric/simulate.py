"""Many runs of SGD at once, in floating point: the experiment that a formula is held against."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sgdiagrams.diagrams.errors import RequestError, SamplingError
from sgdiagrams.symbolic.observable import observable as observable_by_name
from sgdiagrams.symbolic.sampling import Epochs, OnePass

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sgdiagrams.numeric.landscape import Landscape
    from sgdiagrams.symbolic.observable import Observable
    from sgdiagrams.symbolic.sampling import Sampling

__all__ = ["Moments", "chunk_size", "schedule_of", "simulate_chunk"]

#: Numbers held at once by a chunk of runs (times eight bytes, times a small factor).
_CHUNK_NUMBERS = 2**21


@dataclass(frozen=True, slots=True)
class Moments:
    """A running mean and variance, merged exactly as Chan, Golub and LeVeque (1979) do.

    Attributes
    ----------
    count
        Runs that ended at a finite value.
    mean
        Their mean.
    squares
        The sum of their squared deviations from it.
    diverged
        Runs that did not; then mean and variance say nothing.
    """

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0
    diverged: int = 0

    @classmethod
    def of(cls, values: NDArray[np.float64]) -> Moments:
        """Return the moments of an array.

        Examples
        --------
        >>> Moments.of(np.array([1.0, 3.0])).merge(Moments.of(np.array([5.0]))).mean
        3.0
        """
        finite = values[np.isfinite(values)]
        diverged = len(values) - len(finite)
        if not len(finite):
            return cls(diverged=diverged)
        mean = float(finite.mean())
        return cls(len(finite), mean, float(((finite - mean) ** 2).sum()), diverged)

    def merge(self, other: Moments) -> Moments:
        """Return the moments of both sets of runs together."""
        count = self.count + other.count
        if not count:
            return Moments(diverged=self.diverged + other.diverged)
        delta = other.mean - self.mean
        return Moments(
            count,
            self.mean + delta * other.count / count,
            self.squares + other.squares + delta**2 * self.count * other.count / count,
            self.diverged + other.diverged,
        )

    @property
    def standard_error(self) -> float:
        """The standard error of the mean; infinite for fewer than two runs."""
        if self.count < 2:
            return math.inf
        return math.sqrt(self.squares / (self.count - 1) / self.count)


def schedule_of(scheme: Sampling) -> tuple[int, list[range]]:
    """Return the size of the training set and the batches of a scheme with all numbers fixed.

    Raises
    ------
    SamplingError
        When a number is missing or no update is made.

    Examples
    --------
    >>> schedule_of(Epochs(N=4, B=2, E=2))
    (4, [range(0, 2), range(2, 4), range(0, 2), range(2, 4)])
    """
    if scheme.symbols:
        raise SamplingError(
            f"expected a number for each of {', '.join(scheme.symbols)}; "
            f"give {scheme.symbols[0]}=..."
        )
    values = {name: int(value) for name, value in scheme.values.items()}
    if scheme.is_empty:
        raise SamplingError(f"expected at least one update to simulate, got {scheme.label}")
    B = values["B"]
    if isinstance(scheme, OnePass):
        batches, repeats = values["T"], 1
    elif isinstance(scheme, Epochs):
        batches, repeats = values["N"] // B, values["E"]
    else:
        raise RequestError(f"expected one-pass or epochs to simulate, got {scheme.name}")
    return batches * B, [range(t * B, (t + 1) * B) for t in range(batches)] * repeats


def chunk_size(landscape: Landscape, rows: int) -> int:
    """Return how many runs are simulated at once: fixed by the problem, so that seeds reproduce."""
    return max(16, min(2048, _CHUNK_NUMBERS // (rows * landscape.dimension)))


def simulate_chunk(
    landscape: Landscape,
    scheme: Sampling,
    *,
    observable: str | Observable = "test-loss",
    eta: float,
    runs: int,
    seed: tuple[int, ...],
) -> Moments:
    r"""Run SGD `runs` times, each on its own training set, and return moments of the change.

    The change of a loss is measured on the same datapoints before and after: test loss
    :math:`l(\theta_T) - l(\theta_0)`, training loss :math:`\frac1N \sum_n l_n(\theta_T) -
    l_n(\theta_0)`, gap the difference of both. Its mean is the expansion without order 0.

    Parameters
    ----------
    landscape
        Where to run.
    scheme
        A sampling scheme with all numbers fixed.
    eta
        The learning rate.
    runs
        Number of runs.
    seed
        Non-negative integers for ``numpy.random.SeedSequence``.

    Examples
    --------
    >>> from sgdiagrams.numeric.toys import Mean
    >>> moments = simulate_chunk(Mean(), OnePass(T=3), eta=0.1, runs=500, seed=(0,))
    >>> 0.01 < moments.mean < 0.02
    True
    """
    what = observable_by_name(observable)
    rows, batches = schedule_of(scheme)
    rng = np.random.default_rng(seed)
    data = landscape.draw(rng, (runs, rows))
    theta = np.tile(landscape.start, (runs, 1))
    start = theta.copy()
    with np.errstate(all="ignore"):  # runs may diverge; they are counted below
        for batch in batches:
            theta = theta - eta * landscape.gradient(theta, data[:, batch.start : batch.stop])
        change = np.zeros(runs)
        for sign, role in what.parts:
            if role == "population":
                change += sign * (landscape.test_loss(theta) - landscape.test_loss(start[:1]))
            else:
                after, before = landscape.loss(theta, data), landscape.loss(start, data)
                change += sign * (after - before).mean(axis=1)
    return Moments.of(change)
