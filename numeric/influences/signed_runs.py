r"""What single datapoints contribute to noise 1: runs that they alone push, row by row with random signs.

Noise 1 is a sum over rows of the training set of a mean over the n datapoints that may be drawn for them,
so that datapoint i contributes

.. math:: \frac1n \sum_r \frac12 \frac{\partial^2 s}{\partial \epsilon_r^2}, \qquad x_r = i.

All rows together are pushed by datapoint i, each with a sign of its own at all of its visits: the mean of
:math:`\frac12 d^2 s / d\epsilon^2` over signs is the sum over rows, as signs of different rows average to
nothing. Where chance has no part in when rows are visited, and few rows differ in that, each is pushed
alone, and the sum is exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np

from sgdiagrams.numeric.path.draws import draw_runs
from sgdiagrams.numeric.path.pushing import SINGLE, Push, pushed_runs
from sgdiagrams.symbolic.embeddings.drawing import parted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from sgdiagrams.numeric.descent import Descent
    from sgdiagrams.numeric.path.read_off import ReadOff
    from sgdiagrams.symbolic.embeddings.drawing import Weighted
    from sgdiagrams.symbolic.propagation.course import Course

    Floats = NDArray[np.float64]

__all__ = ["RowVisits", "SignedRuns"]

_PURPOSE = 3  # of draws, beside those of single runs and of pairs


@final
@dataclass(frozen=True, slots=True, eq=False)
class RowVisits:
    """The different courses that rows take through training, where chance has no part in them.

    Attributes
    ----------
    shares
        Of a row in every batch, shape (T, R).
    counts
        How many rows have each, shape (R,).
    """

    shares: Floats
    counts: Floats


@final
@dataclass(frozen=True, slots=True, eq=False)
class SignedRuns:
    """Makes runs for items 0, 1, ...: of every datapoint so many; what is sent to workers.

    Attributes
    ----------
    read_off, course, descent, eta, seed
        As of `sgdiagrams.numeric.path.rounds_of_runs.NoiseRounds`; one point is looked at.
    component
        The entry of a displacement; None for a number.
    datapoints
        Whose contributions.
    samples
        Runs for each of them with random signs.
    visits
        Courses of rows that are pushed one by one instead; None for random signs.
    """

    read_off: ReadOff
    course: Course
    descent: Descent
    eta: float
    seed: int
    component: int | None
    datapoints: NDArray[np.intp]
    samples: int
    visits: RowVisits | None

    @property
    def per_datapoint(self) -> int:
        """How many runs a datapoint has."""
        return self.samples if self.visits is None else len(self.visits.counts)

    def __call__(self, task: tuple[int, int]) -> Floats:
        """Return what some items add to the contribution of their datapoints, shape (S,).

        Their mean over random signs, or the sum over courses of rows, is the contribution.

        Parameters
        ----------
        task
            The first item and their number S.
        """
        first, size = task
        items = np.arange(first, first + size)
        points = self.datapoints[items // self.per_datapoint][:, None]
        if self.visits is None:
            drawn = draw_runs(self.course, 2, first=first, runs=size, seed=(self.seed, _PURPOSE))
            factors: Iterator[Floats] = (_signs(batch) for batch in drawn.batches())
            roots, weights = _signs(drawn.rows[0]), np.ones(size)
        else:
            which = items % self.per_datapoint
            factors = (shares[which] for shares in self.visits.shares)
            roots = np.full(size, 1 / self.course.rows)
            weights = self.visits.counts[which]
        pushes = [(Push(points, factor) for factor in factors)]
        model = self.read_off.model
        [point] = pushed_runs(model, self.descent, pushes, SINGLE, runs=size, eta=self.eta)
        second = self.read_off.jets(point, [points], SINGLE, roots)[0, 0]
        if self.component is not None:
            second = second[:, self.component]
        return np.asarray(weights * second / (2 * model.size))


def _signs(batch: NDArray[np.intp] | Weighted) -> Floats:
    """Return the mean sign of the rows of a batch, shape (S,), for coins of 0 and 1."""
    coins, shares = parted(batch)
    signs = 2 * coins - 1
    return np.asarray(signs.mean(axis=1) if shares is None else (signs * shares).sum(axis=1))
