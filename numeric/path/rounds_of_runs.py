r"""Rounds of sampled runs: what each adds to the orders in the noise, and to what they leave out.

With :math:`d_a` the derivative of the observable by the strength of all noise of a sampled run *a*, and
*b* a run with other datapoints in the same order,

.. math:: \text{noise 1} = E\,\tfrac12 d_a^2 s, \qquad
    \text{noise 2} = E\,\tfrac16 d_a^3 s + E\,\tfrac18 d_a^2 d_b^2 s .

Products of pushes of different rows average to nothing. In the last term runs of independent datapoints
give the square of covariances without the fourth cumulant, which belongs to noise 3. What noise 1 leaves
out is measured on the same runs at full noise, as the mean of
:math:`s(1) - s(0) - d_a s - \tfrac12 d_a^2 s`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, final

import numpy as np

from sgdiagrams.numeric.path.draws import draw_runs
from sgdiagrams.numeric.path.pushing import PAIRS, SINGLE, Push, pushed_runs
from sgdiagrams.numeric.path.tallies import Tally
from sgdiagrams.symbolic.embeddings.drawing import parted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from sgdiagrams.numeric.descent import Descent
    from sgdiagrams.numeric.noiseless.first_order import FirstOrder
    from sgdiagrams.numeric.path.read_off import ReadOff
    from sgdiagrams.symbolic.propagation.course import Course

__all__ = ["Kind", "NoiseRounds", "RoundTask"]

#: ``"single"``: noise 1 and what it leaves out, of single runs; ``"pairs"``: noise 2, of pairs of them;
#: ``"all"``: noise 1 of all rows and datapoints; ``"real"``: runs at full noise alone.
Kind: TypeAlias = Literal["single", "pairs", "all", "real"]
_NUMBER_OF_KIND = {"single": 1, "pairs": 2, "real": 3}


@final
@dataclass(frozen=True, slots=True)
class RoundTask:
    """Some of the samples of a kind."""

    kind: Kind
    first: int
    samples: int


@final
@dataclass(frozen=True, eq=False)
class NoiseRounds:
    """Makes the rounds of a measurement; what is sent to workers.

    Attributes
    ----------
    read_off
        The observable.
    course
        Which rows the updates use.
    descent
        The optimiser, with the points that are looked at.
    eta
        The learning rate.
    seed
        A whole number >= 0.
    first_order, end
        What rounds of ``"real"`` runs need: the first order of any draws, and the noiseless value.
    """

    read_off: ReadOff
    course: Course
    descent: Descent
    eta: float
    seed: int
    first_order: FirstOrder | None = None
    end: float = 0.0

    def __call__(self, task: RoundTask) -> Tally:
        """Return the tally of a round.

        Its entries have shape (Q, K) or (Q, K, p) for K points: for ``"single"`` noise 1, what it leaves
        out, the first derivative, whose mean is 0, and whether a run diverged; for ``"pairs"`` noise 2,
        for ``"all"`` noise 1, and for ``"real"`` the change by noise less its first order.
        """
        of_kind = {
            "single": self._single,
            "pairs": self._pairs,
            "all": self._all,
            "real": self._real,
        }
        return Tally.of(of_kind[task.kind](task))

    def _drawn(self, task: RoundTask, directions: int) -> Any:
        return draw_runs(
            self.course,
            self.read_off.model.size,
            first=task.first,
            runs=task.samples,
            seed=(self.seed, _NUMBER_OF_KIND[task.kind]),
            directions=directions,
        )

    def _single(self, task: RoundTask) -> NDArray[np.float64]:
        drawn = self._drawn(task, 1)
        read_off, [rows] = self.read_off, drawn.rows
        with np.errstate(
            all="ignore"
        ):  # runs may diverge, which says that noise is no perturbation
            landscape = read_off.landscape
            start = np.tile(landscape.start, (task.samples, 1))
            ends = landscape.descend(self.descent, start, drawn.batches(), eta=self.eta)
            values = [read_off.at_full_noise(end, rows) for end in ends]
        result: list[Any] = [None] * len(ends)
        pushes = [(Push(batch) for batch in drawn.batches())]
        for point in self._points(pushes, SINGLE, task.samples):
            jets = read_off.jets(point, drawn.rows, SINGLE)
            second = jets[0, 0] / 2
            with np.errstate(all="ignore"):
                left = values[point.place] - jets[()] - jets[0,] - second
            diverged = (~np.isfinite(left)).astype(np.float64)
            result[point.place] = np.stack([second, left, jets[0,], diverged], axis=1)
        return np.stack(result, axis=2)

    def _real(self, task: RoundTask) -> NDArray[np.float64]:
        """Return what runs at full noise end at, less the noiseless run and the first order."""
        assert self.first_order is not None  # noqa: S101 - given where such rounds are made
        drawn = self._drawn(task, 1)
        landscape = self.read_off.landscape
        with np.errstate(all="ignore"):
            start = np.tile(landscape.start, (task.samples, 1))
            [end] = landscape.descend(self.descent, start, drawn.batches(), eta=self.eta)
            values = self.read_off.at_full_noise(end, drawn.rows[0])
        first = self.first_order.of_runs(drawn.rows[0], drawn.batches())
        return (values - self.end - first)[:, None, None]

    def _pairs(self, task: RoundTask) -> NDArray[np.float64]:
        drawn = self._drawn(task, 2)
        result: list[Any] = [None] * len(self.descent.watched)
        pushes = [(Push(batch) for batch in drawn.batches(x)) for x in range(2)]
        for point in self._points(pushes, PAIRS, task.samples):
            jets = self.read_off.jets(point, drawn.rows, PAIRS)
            third = (jets[0, 0, 0] + jets[1, 1, 1]) / 12
            result[point.place] = (third + jets[0, 0, 1, 1] / 8)[:, None]
        return np.stack(result, axis=2)

    def _all(self, task: RoundTask) -> NDArray[np.float64]:
        """Return what rows and datapoints add to noise 1, so that the mean of all is noise 1."""
        size = self.read_off.model.size
        visits, weights = self.visits
        items = np.arange(task.first, task.first + task.samples)
        places, datapoints = items // size, (items % size)[:, None]
        pushes = [(Push(datapoints, factors[places]) for factors in visits)]
        result: list[Any] = [None] * len(self.descent.watched)
        roots = np.full(task.samples, 1 / max(1, self.course.rows))
        for point in self._points(pushes, SINGLE, task.samples):
            jets = self.read_off.jets(point, [datapoints], SINGLE, roots)
            second = (jets[0, 0].T * weights[places]).T
            result[point.place] = (len(weights) / 2 * second)[:, None]
        return np.stack(result, axis=2)

    @cached_property
    def visits(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """How rows are visited where chance has no part in it.

        Shares of a row in every batch, shape (T, R) for R different courses of a row; and how many rows
        have each. None of these where orders are drawn.
        """
        shares = np.zeros((len(self.course.sizes), self.course.rows))
        for t, batch in enumerate(self.course.draw(1, np.random.default_rng(0))):
            rows, of_rows = parted(batch)
            if not isinstance(rows, slice) and rows.ndim > 1:
                return np.zeros((len(shares), 0)), np.zeros(0)
            shares[t, rows] = 1 / self.course.sizes[t] if of_rows is None else of_rows
        columns, counts = np.unique(shares, axis=1, return_counts=True)
        return columns, counts.astype(np.float64)

    def __getstate__(self) -> dict[str, Any]:
        return {name: self.__dict__[name] for name in self.__dataclass_fields__}

    def _points(self, pushes: list[Any], keys: Any, runs: int) -> Iterator[Any]:
        model = self.read_off.model
        return pushed_runs(model, self.descent, pushes, keys, runs=runs, eta=self.eta)

    def noiseless(self) -> NDArray[np.float64]:
        """Return the observable along the noiseless run, shape (K,) or (K, p)."""
        result: list[Any] = [None] * len(self.descent.watched)
        for point in pushed_runs(self.read_off.model, self.descent, [], (), runs=1, eta=self.eta):
            result[point.place] = self.read_off.noiseless(point.weights)[0]
        return np.array(result, dtype=np.float64)
