"""Many runs of SGD at once, in floating point: the experiment that a formula is held against."""

from __future__ import annotations

import hashlib
import json
from numbers import Integral
from typing import TYPE_CHECKING, Any, final

import numpy as np

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.numeric.simulation.batches import (
    check_simulated,
    draw_batches,
    largest_batch,
    select,
)
from sgdiagrams.numeric.simulation.descent import Descent
from sgdiagrams.numeric.simulation.moments import Moments
from sgdiagrams.symbolic.observable import VARIANCE
from sgdiagrams.symbolic.observable import observable as observable_by_name
from sgdiagrams.symbolic.training.optimizer import SGD
from sgdiagrams.symbolic.training.schemes import Grid
from sgdiagrams.symbolic.vocabulary import LOSS, TRAINING, WEIGHTS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from sgdiagrams.numeric.landscapes.landscape import Floats, Landscape
    from sgdiagrams.numeric.simulation.moments import Statistic
    from sgdiagrams.symbolic.observable import Observable
    from sgdiagrams.symbolic.training.optimizer import Optimizer
    from sgdiagrams.symbolic.training.sampling import Sampling

__all__ = ["Simulation", "chunk_size"]

#: Numbers held at once by a chunk of runs (times eight bytes, times a small factor).
_CHUNK_NUMBERS = 2**21


def chunk_size(landscape: Landscape, rows: int) -> int:
    """Return how many runs are simulated at once: fixed by the problem, so that seeds reproduce."""
    return max(16, min(2048, _CHUNK_NUMBERS // (rows * landscape.dimension)))


@final
class Simulation:
    r"""An experiment: where, with which batches and optimiser, and what is read off at the end.

    Every run draws its own training set and its own batches. What is read off is

    * for losses the change :math:`s(\theta_T) - s(\theta_0)`, training losses on the run's own
      training set; for the variance the change of the test loss;
    * for displacement and second moment one component of :math:`\Delta^\mu` or
      :math:`\Delta^\mu \Delta^\nu`, with :math:`\Delta = \theta_T - \theta_0`;
    * for increments the same with the weights after `since` updates in place of the start. With an
      average of iterates, both ends are averaged: the earlier one as if training had ended there.

    The mean over runs, or the variance, is the expansion without order 0.

    Parameters
    ----------
    landscape
        Where to run.
    scheme
        A sampling scheme that makes updates, with numbers for all symbols.
    observable
        A name or an object.
    optimizer
        With numbers for all symbols; plain SGD when left out.
    component
        The entry of a displacement ``i`` or second moment ``(i, j)``; None for losses.

    Attributes
    ----------
    rows
        The size N of the training set.
    chunk
        How many runs are best made at once: fixed by the problem, so that seeds reproduce.
    component
        As given, as a tuple.
    statistic
        What of the moments over runs is the observable: ``"mean"`` or ``"variance"``.

    Raises
    ------
    RequestError
        When the scheme, the observable or the optimiser is not simulated, or the component is wrong.
    SamplingError
        When a number is missing, there is no update, or there are too few for `since`, the schedule or
        the average.

    Examples
    --------
    >>> from sgdiagrams.numeric.landscapes.toys import Mean
    >>> from sgdiagrams.symbolic.training.schemes import OnePass
    >>> simulation = Simulation(Mean(), OnePass(T=3))
    >>> 0.01 < simulation.run(eta=0.1, runs=500, seed=(0,)).mean < 0.02
    True
    """

    __slots__ = ("_before", "_descent", "_landscape", "_losses", "_scheme", "chunk", "component",
                 "rows", "statistic")  # fmt: skip

    def __init__(
        self,
        landscape: Landscape,
        scheme: Sampling,
        *,
        observable: str | Observable = "test-loss",
        optimizer: Optimizer | None = None,
        component: int | tuple[int, ...] | None = None,
    ) -> None:
        what = observable_by_name(observable)
        self.rows, T = check_simulated(scheme)
        self._landscape = landscape
        self._scheme = scheme
        self._losses = _signed_losses(what)
        self.statistic: Statistic = "variance" if _is_variance(what) else "mean"
        self.component = _check_component(component, what, landscape.dimension)
        #: Whether the earlier point is another than the start.
        self._before = bool(what.since)
        points = (T, what.since) if what.since else (T,)
        method = SGD() if optimizer is None else optimizer
        self._descent = Descent.of(method, scheme, points=points)
        self.chunk = chunk_size(landscape, max(self.rows, largest_batch(scheme)))

    def run(self, *, eta: float, runs: int, seed: tuple[int, ...]) -> Moments:
        """Return the moments of what is read off from `runs` runs.

        Parameters
        ----------
        eta
            The learning rate.
        runs
            Their number.
        seed
            Non-negative integers for ``numpy.random.SeedSequence``.
        """
        rng = np.random.default_rng(seed)
        data = self._landscape.draw(rng, (runs, self.rows))
        batches = (select(data, rows) for rows in draw_batches(self._scheme, runs, rng))
        with np.errstate(all="ignore"):  # runs may diverge; they are counted
            return Moments.of(self.read_off(data, batches, eta=eta))

    def read_off(
        self, data: NDArray[Any], batches: Iterable[NDArray[Any]], *, eta: float
    ) -> Floats:
        """Return what is read off from every run, for given datapoints; shape (R,).

        Parameters
        ----------
        data
            The training sets, shape (R, N, ...).
        batches
            The datapoints of every update, shape (R, m, ...).
        eta
            The learning rate.
        """
        landscape = self._landscape
        start = np.tile(landscape.start, (len(data), 1))
        end, *earlier = self._descent.follow(landscape, start, batches, eta=eta)
        before = earlier[0] if self._before else start
        if self.component is not None:
            return np.asarray(np.prod((end - before)[:, list(self.component)], axis=1))
        change = np.zeros(len(data))
        for sign, loss in self._losses:
            if loss == LOSS:
                # All runs start at one point.
                rest = before if self._before else start[:1]
                change += sign * (landscape.test_loss(end) - landscape.test_loss(rest))
            else:
                after, rest = landscape.loss(end, data), landscape.loss(before, data)
                change += sign * (after - rest).mean(axis=1)
        return change

    @property
    def fingerprint(self) -> str:
        """What the labels leave out, such as the batches of a grid or the factors of a schedule."""
        batches = self._scheme.batches if isinstance(self._scheme, Grid) else None
        d = self._descent
        numbers = (d.beta, d.decay, d.scales_gradient, d.multipliers, d.watched, batches)
        return hashlib.sha256(json.dumps(numbers).encode()).hexdigest()


def _is_variance(what: Observable) -> bool:
    return what.products == VARIANCE.products


def _signed_losses(what: Observable) -> tuple[tuple[int, str], ...]:
    """Return the losses of an observable with their signs; empty for one of the weights.

    Raises
    ------
    RequestError
        When the observable is not simulated.
    """
    if _is_variance(what):
        return ((1, LOSS),)
    expectations = [(p.sign, p.expectations[0]) for p in what.products]
    if all(len(p.expectations) == 1 for p in what.products):
        if all(e in ((LOSS,), (TRAINING,)) for _, e in expectations):
            return tuple((sign, e[0]) for sign, e in expectations)
        if len(expectations) == 1 and what.products[0].sign == 1 and set(what.factors) == {WEIGHTS}:
            return ()
    if what.functions:
        remedy = "functions of the weights are not simulated; take a loss or a displacement"
    elif what.factors == {WEIGHTS}:
        remedy = "take second-moment, and displacement for the product of the means"
    else:
        remedy = "take one of these"
    raise RequestError(
        "expected test-loss, training-loss, generalisation-gap, variance, displacement or "
        f"second-moment to simulate, got observable={what.name!r}; {remedy}"
    )


def _check_component(
    component: int | tuple[int, ...] | None, what: Observable, p: int
) -> tuple[int, ...] | None:
    if not what.rank:
        if component is not None:
            raise RequestError(
                f"expected no component for observable={what.name!r}, which is a number, "
                f"got component={component!r}"
            )
        return None
    given: tuple[Any, ...] = component if isinstance(component, tuple) else (component,)
    if len(given) != what.rank or not all(_is_index(i, p) for i in given):
        shown = "i" if what.rank == 1 else "(" + ", ".join("ijklmn"[: what.rank]) + ")"
        raise RequestError(
            f"expected component={shown}, one entry of the {what.name} with indices 0..{p - 1}, "
            f"got component={component!r}"
        )
    return tuple(map(int, given))


def _is_index(i: Any, p: int) -> bool:
    return not isinstance(i, bool) and isinstance(i, Integral) and 0 <= int(i) < p
