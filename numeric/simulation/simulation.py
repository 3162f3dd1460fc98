"""Many runs of SGD at once, in floating point: the experiment that a formula is held against."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from itertools import repeat
from typing import TYPE_CHECKING, Any, final

import numpy as np

from sgdiagrams.diagrams.errors import RequestError, SamplingError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.diagrams.whole_numbers import is_whole
from sgdiagrams.numeric.descent import Descent
from sgdiagrams.numeric.noiseless.reading import Reading
from sgdiagrams.numeric.simulation.batches import (
    blocks_of_runs,
    check_runs,
    of_all_blocks,
    select,
    simulated_course,
)
from sgdiagrams.numeric.simulation.limit_runs import LimitRuns
from sgdiagrams.numeric.simulation.moments import Moments
from sgdiagrams.numeric.simulation.read_expressions import ReadExpression
from sgdiagrams.symbolic.embeddings.drawing import Weighted, parted
from sgdiagrams.symbolic.observable import named_observable
from sgdiagrams.symbolic.vocabulary import LOSS, TRAINING, WEIGHTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from sgdiagrams.numeric.landscapes.landscape import Floats, Landscape
    from sgdiagrams.numeric.noiseless.first_order import FirstOrder
    from sgdiagrams.numeric.simulation.moments import Statistic
    from sgdiagrams.symbolic.algebra.expression import Expression
    from sgdiagrams.symbolic.observable import Observable
    from sgdiagrams.symbolic.propagation.course import Course
    from sgdiagrams.symbolic.training.training import Training

__all__ = ["Simulation"]

_MOST_NUMBERS = 2**26
_FEWEST_RUNS = 16
_AT_ONCE = 2**20  # runs without chance, which are all the same
_MOST_LISTED = 1000  # weights of a starting point that checkpoints spell out
#: Runs whose random numbers are drawn together.
_TOGETHER = 64
#: What is drawn from generators of their own.
_DATA, _ORDER, _NOISE = 0, 1, 2


@final
class Simulation:
    r"""An experiment: where, how it is trained, and what is read off at the end.

    Every run draws its own training set and its own batches. What is read off is

    * for losses and functions of the weights the change :math:`s(\theta_T) - s(\theta_0)`, training
      losses on the run's own training set; for a variance the change of the loss or the function;
    * for displacement and second moment one component of :math:`\Delta^\mu` or
      :math:`\Delta^\mu \Delta^\nu`, with :math:`\Delta = \theta_T - \theta_0`;
    * for a product of factors its change, and likewise for sums of products;
    * for expressions the same, or of one component; a learning rate in their coefficients is no part of
      what is there at the start;
    * with factors that look at the weights at several times the same, each at its own;
    * for increments the same with the weights after `since` updates in place of the start. With an
      average of iterates, both ends are averaged: the earlier one as if training had ended there.

    The mean over runs, or the variance, is the expansion without order 0. What is run of a limit in
    continuous time is its own equation: see `sgdiagrams.numeric.simulation.limit_runs`.

    Parameters
    ----------
    landscape
        Where to run.
    training
        With updates, and numbers for all symbols.
    observable
        A name or an object.
    component
        The entry of a displacement ``i`` or second moment ``(i, j)``; None for losses.

    Attributes
    ----------
    rows
        The size N of the training set; without one, of the population that is followed.
    chunk
        How many runs are best made at once: fixed by the problem, so that seeds reproduce.
    component
        As given, as a tuple.
    statistic
        What of the moments over runs is the observable: ``"mean"`` or ``"variance"``.

    Raises
    ------
    RequestError
        When the scheme or the observable is not simulated, or the component is wrong.
    SamplingError
        When a number is missing, there is no update, or there are too few for `since`, the schedule or
        the average.

    Examples
    --------
    >>> from sgdiagrams.numeric.landscapes.toys import Mean
    >>> from sgdiagrams.symbolic.training.schemes.one_pass import OnePass
    >>> from sgdiagrams.symbolic.training.training import Training
    >>> simulation = Simulation(Mean(), Training(OnePass(T=3)))
    >>> 0.01 < simulation.run(eta=0.1, runs=500, seed=(0,)).mean < 0.02
    True
    """

    __slots__ = ("_before", "_course", "_descent", "_expressions", "_labels", "_landscape", "_limit",
                 "_observable", "_population", "_products", "chunk", "component", "rows",
                 "statistic")  # fmt: skip

    def __init__(
        self,
        landscape: Landscape,
        training: Training,
        *,
        observable: str | Observable | Expression = "test-loss",
        component: int | tuple[int, ...] | None = None,
    ) -> None:
        watched = named_observable(observable)
        scheme = training.sampling
        check_runs(scheme)
        if TRAINING in watched.factors:
            scheme.check_root("training")
        if not watched.is_at_end:
            training.check_discrete()
        self._landscape = landscape
        self._labels = (scheme.label, training.optimizer.label)
        self._observable = watched
        self._products = _signed_products(watched)
        self._expressions = {name: ReadExpression(e) for name, e in watched.expressions}
        self.statistic: Statistic = "mean" if watched.spread_of is None else "variance"
        self.component = _check_component(component, watched, landscape.dimension)
        #: Whether the earlier point is another than the start.
        self._before = bool(watched.since)
        # Where nothing is drawn, all runs are one run on the whole population.
        self._population = landscape.population if scheme.is_noiseless else None
        self._limit = LimitRuns.of(landscape, training) if scheme.is_continuous else None
        self._course: Course | None = None
        self._descent: Descent | None = None
        if self._limit is not None:
            self.rows = len(self._limit.population)
            self.chunk = _AT_ONCE if scheme.is_noiseless else self._limit.runs_at_once
            return
        self._course = course = simulated_course(scheme)
        self.rows = course.rows if self._population is None else len(self._population)
        held = _FEWEST_RUNS * landscape.datapoint_size * self.rows
        if held > _MOST_NUMBERS:
            raise SamplingError(
                f"expected a training set that fits into memory {_FEWEST_RUNS} times, got "
                f"N={shown(self.rows)} datapoints; take fewer"
            )
        T = course.updates
        points: tuple[int, ...] = (T, watched.since) if watched.since else (T,)
        if watched.times:
            points = tuple(time.number(T) for time in watched.times)
        self._descent = Descent.of(training, points=points)
        sizes = course.sizes
        self.chunk = _AT_ONCE
        if self._population is None:
            self.chunk = landscape.runs_at_once(max(self.rows, *sizes), sum(sizes))

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
        if self._population is not None:
            one = Moments.of(self._noiseless(self._population, eta))
            return replace(one, count=runs * one.count, diverged=runs * one.diverged)
        rng = np.random.default_rng(seed)
        if self._limit is not None:
            return Moments.of(self._at_ends(self._limit, runs, self._limit.normals(runs, rng), eta))
        data = self._landscape.draw(rng, (runs, self.rows))
        batches = (select(data, rows) for rows in self._known_course.draw(runs, rng))
        with np.errstate(all="ignore"):  # runs may diverge; they are counted
            return Moments.of(self.read_off(data, batches, eta=eta))

    def values(self, *, eta: float, first: int, runs: int, seed: int) -> Floats:
        """Return what is read off from the runs number first, ..., first + runs - 1, shape (runs,).

        A run has its number's training set and orders whatever the learning rate, the optimiser, the
        chunk and the number of runs. Training sets of one seed are the same for all schemes with N
        datapoints, and begin alike for others; schemes that draw orders in one way draw the same.

        Parameters
        ----------
        eta
            The learning rate.
        first, runs
            Which runs.
        seed
            A whole number >= 0.
        """
        if self._population is not None:
            return np.repeat(self._noiseless(self._population, eta), runs)
        if self._limit is not None:
            blocks, kept = blocks_of_runs(first, runs, _TOGETHER)
            of_blocks = [
                self._limit.normals(_TOGETHER, np.random.default_rng((seed, block, _ORDER)))
                for block in blocks
            ]
            normals = (
                np.concatenate(parts, axis=1)[:, kept] for parts in zip(*of_blocks, strict=True)
            )
            return self._at_ends(self._limit, runs, normals, eta)
        data, batches = self._drawn(first, runs, seed)
        with np.errstate(all="ignore"):  # runs may diverge; they are counted
            return self.read_off(data, batches, eta=eta)

    def _noiseless(self, population: NDArray[Any], eta: float) -> Floats:
        """Return what is read off from the one run with all datapoints at every update, shape (1,)."""
        if self._limit is not None:
            return self._at_ends(self._limit, 1, (), eta)
        data = population[None]
        with np.errstate(all="ignore"):  # it may diverge, which is counted
            return self.read_off(data, repeat(data, self._known_course.updates), eta=eta)

    def _at_ends(
        self, limit: LimitRuns, runs: int, normals: Iterable[Floats], eta: float
    ) -> Floats:
        """Return what is read off from runs of a limit, shape (R,)."""
        with np.errstate(all="ignore"):  # they may diverge, which is counted
            ends = limit.ends(runs, normals, eta=eta)
            return self._changes(ends, np.tile(self._landscape.start, (runs, 1)), ends, eta)

    @property
    def _known_course(self) -> Course:
        """The course of discrete updates."""
        assert self._course is not None  # noqa: S101 - limits are asked for before
        return self._course

    def first_order(self, *, eta: float) -> FirstOrder:
        """Return the first order in the noise of what is read off, which `controls` are read from.

        Raises
        ------
        RequestError
            When it is no mean, there is no noise, or the landscape does not know it.
        StatisticsError
            When the noiseless run does not stay finite.
        """
        if self.statistic != "mean":
            raise RequestError(
                "expected a mean for a control variate, which has no known mean itself where squares are "
                f"averaged, got observable={shown(self._observable.name)}; leave it out"
            )
        if self._observable.times:
            raise RequestError(
                "expected factors that are read at the end for a control variate, got "
                f"observable={shown(self._observable.name)}; leave it out"
            )
        if self._population is not None or self._descent is None:
            raise RequestError(
                f"expected updates with noise for a control variate, got {self._labels[0]}; "
                "leave it out"
            )
        if self._expressions:
            raise RequestError(
                "expected losses, weights or functions for a control variate, got "
                f"observable={shown(self._observable.name)}; leave it out"
            )
        functions = {
            name: self._function_to_first_order(name) for name in self._observable.functions
        }
        reading = Reading(self._products, self.component or (), functions)
        return self._landscape.first_order(self._descent, reading, eta=eta)

    def _function_to_first_order(self, name: str) -> Callable[[Floats], tuple[float, Floats]]:
        given = self._observable.given_function(name)
        derivatives = given.derivatives
        if derivatives is None:
            raise RequestError(
                f"expected the gradient of the function {name} for a control variate; give "
                f'Function("{name}", value=..., derivatives=...)'
            )
        return lambda theta: (
            float(derivatives(theta, 0)),
            np.asarray(derivatives(theta, 1), float),
        )

    def controls(self, known: FirstOrder, *, first: int, runs: int, seed: int) -> Floats:
        """Return the first order in the noise of the draws of some runs, shape (runs,).

        Parameters
        ----------
        known
            What `first_order` gave.
        first, runs, seed
            As for `values`.
        """
        return known.of_runs(*self._drawn(first, runs, seed))

    def _drawn(
        self, first: int, runs: int, seed: int
    ) -> tuple[NDArray[Any], Iterator[NDArray[Any] | Weighted]]:
        """Return training sets (R, N, ...) and the datapoints of every update, by numbers of runs."""
        blocks, kept = blocks_of_runs(first, runs, _TOGETHER)

        def generators(purpose: int) -> list[np.random.Generator]:
            return [np.random.default_rng((seed, block, purpose)) for block in blocks]

        # Datapoint by datapoint, so that smaller training sets are the beginnings of larger ones.
        shape = (self.rows, _TOGETHER)
        drawn = [self._landscape.draw(rng, shape).swapaxes(0, 1) for rng in generators(_DATA)]
        data = np.ascontiguousarray(np.concatenate(drawn)[kept])
        orders = [self._known_course.draw(_TOGETHER, rng) for rng in generators(_ORDER)]
        of_noise = generators(_NOISE)
        return data, (
            self._visited(select(data, of_all_blocks(parts, kept)), of_noise, kept)
            for parts in zip(*orders, strict=True)
        )

    def _visited(
        self, batch: NDArray[Any] | Weighted, rngs: Sequence[np.random.Generator], kept: slice
    ) -> NDArray[Any] | Weighted:
        """Return a batch with the noise of its visits, where that is fresh at each."""
        points, shares = parted(batch)
        drawn = [self._landscape.draw_noise(rng, (_TOGETHER, points.shape[1])) for rng in rngs]
        noise = [part for part in drawn if part is not None]
        if not noise:
            return batch
        points = self._landscape.visited(points, np.concatenate(noise)[kept])
        return points if shares is None else Weighted(points, shares)

    def read_off(
        self, data: NDArray[Any], batches: Iterable[NDArray[Any] | Weighted], *, eta: float
    ) -> Floats:
        """Return what is read off from every run, for given datapoints; shape (R,).

        Parameters
        ----------
        data
            The training sets, shape (R, N, ...).
        batches
            The datapoints of every update, shape (R, m, ...); with shares where they are not a mean.
        eta
            The learning rate.
        """
        assert self._descent is not None  # noqa: S101 - limits have none
        start = np.tile(self._landscape.start, (len(data), 1))
        points = self._landscape.descend(self._descent, start, batches, eta=eta)
        if self._observable.times:
            return self._changes_at_times(points, start, data, eta)
        end, *earlier = points
        return self._changes(end, earlier[0] if self._before else start, data, eta)

    def _changes_at_times(
        self, points: Sequence[Floats], start: Floats, data: NDArray[Any], eta: float
    ) -> Floats:
        """Return what is read off where factors have times of their own; points are in their order."""
        at = dict(zip(self._observable.times, points, strict=True))
        change = np.zeros(len(start))
        ranks = {name: e.rank for name, e in self._observable.expressions}
        for p in self._observable.products:
            [(factors, times)] = p.timed
            after = at_first = np.ones(len(start))
            # Indices of coordinates come first, then those of expressions.
            legs, place = 0, factors.count(WEIGHTS)
            for factor, time in zip(factors, times, strict=True):
                if factor == WEIGHTS:
                    i = (self.component or ())[legs]
                    after = after * (at[time] - start)[:, i]
                    legs, at_first = legs + 1, np.zeros(len(start))
                    continue
                stop = place + ranks.get(factor, 0)
                of = (self.component or ())[place:stop]
                after = after * self._value(factor, at[time], data, eta, of)
                at_first = at_first * self._value(factor, start, data, 0.0, of)
                place = stop
            change += p.sign * (after - at_first)
        return change

    def _changes(self, end: Floats, before: Floats, data: NDArray[Any], eta: float) -> Floats:
        """Return what is read off from two points of every run; training losses from its data."""
        change = np.zeros(len(end))
        for sign, factors in self._products:
            change += sign * self._change(factors, end, before, data, eta)
        return change

    def _change(
        self,
        factors: tuple[str, ...],
        end: Floats,
        before: Floats,
        data: NDArray[Any],
        eta: float,
    ) -> Floats:
        """Return the change of a product; with a coordinate of the displacement it begins at 0."""
        others = [factor for factor in factors if factor != WEIGHTS]
        # Indices of coordinates come first, then those of expressions.
        place = len(factors) - len(others)
        component = self.component or ()
        scalars: list[tuple[str, tuple[int, ...]]] = []
        ranks = {name: e.rank for name, e in self._observable.expressions}
        for factor in others:
            stop = place + ranks.get(factor, 0)
            scalars.append((factor, component[place:stop]))
            place = stop
        coordinates = len(factors) - len(others)
        if coordinates:
            product = np.prod((end - before)[:, list(component[:coordinates])], axis=1)
            for factor, of in scalars:
                product = product * self._value(factor, end, data, eta, of)
            return np.asarray(product)
        if factors == (TRAINING,):
            change = self._landscape.loss(end, data) - self._landscape.loss(before, data)
            return np.asarray(change.mean(axis=1))
        # All runs start at one point, but for what their training sets say of it.
        rest = before if self._before or TRAINING in factors else before[:1]
        after: Any = 1.0
        at_first: Any = 1.0
        # Order 0 is what is subtracted; of an increment, all that was there before.
        eta_before = 0.0 if self._observable.since is None else eta
        for factor, of in scalars:
            after = after * self._value(factor, end, data, eta, of)
            at_first = at_first * self._value(factor, rest, data, eta_before, of)
        return np.asarray(after - at_first)

    def _value(
        self,
        factor: str,
        theta: Floats,
        data: NDArray[Any],
        eta: float,
        component: tuple[int, ...],
    ) -> Floats:
        """Return a loss, a function of the weights, or one component of an expression, shape (R,)."""
        if factor in self._expressions:
            read = self._expressions[factor]
            return read(self._landscape, theta, eta=eta, component=component)
        if factor == LOSS:
            return self._landscape.test_loss(theta)
        if factor == TRAINING:
            return np.asarray(self._landscape.loss(theta, data).mean(axis=1))
        value = self._observable.given_function(factor).value
        assert value is not None  # noqa: S101 - checked before
        values = np.asarray(value(theta), dtype=np.float64)
        if values.shape != (len(theta),):
            raise RequestError(
                f"expected values of shape ({len(theta)},) of the function {factor}, "
                f"got shape={values.shape}"
            )
        return values

    @property
    def settings(self) -> dict[str, Any]:
        """What is simulated, as plain data for JSON: checkpoints go on only with the same."""
        ground, place, start = self._landscape, self.component, self._landscape.start
        return {
            "landscape": ground.name,
            "parameters": dict(ground.parameters),
            "start": start.tolist() if len(start) <= _MOST_LISTED else _digest(start),
            "observable": self._observable.name,
            "component": None if place is None else list(place),
            "sampling": self._labels[0],
            "optimizer": self._labels[1],
            "fingerprint": self.fingerprint,
        }

    @property
    def fingerprint(self) -> str:
        """What the labels leave out, such as the batches of a grid or the factors of a schedule."""
        d = self._descent
        values: tuple[Any, ...]
        if self._limit is not None:
            r = self._limit
            values = (r.drift, r.shift, r.spread, r.time, r.decay, r.steps)
        else:
            assert d is not None  # noqa: S101 - either this or a limit
            values = (d.optimizer, d.distinct_updates, d.watched, self._course)
        values += (self._observable.products, self._function_values())
        values += self._observable.expressions
        return hashlib.sha256(repr(values).encode()).hexdigest()

    def _function_values(self) -> list[list[float]]:
        """Return the values of the user's functions at points near the start: names do not tell."""
        start = self._landscape.start
        steps = np.linspace(0.0, 1.0, 4)[:, None] * np.cos(np.arange(len(start)))
        functions = (self._observable.given_function(f) for f in self._observable.functions)
        with np.errstate(all="ignore"):
            return [
                np.asarray(given.value(start + steps), dtype=float).tolist()
                for given in functions
                if given.value is not None
            ]


def _digest(array: NDArray[Any]) -> str:
    return hashlib.sha256(np.ascontiguousarray(array, dtype="<f8").tobytes()).hexdigest()


def _signed_products(watched: Observable) -> tuple[tuple[int, tuple[str, ...]], ...]:
    """Return the products whose mean or variance over runs an observable is, with their signs.

    Raises
    ------
    RequestError
        When the observable is not simulated.
    """
    without_value = [f for f in watched.functions if watched.given_function(f).value is None]
    if without_value:
        remedy = (
            "functions of the weights are not simulated without their values; give "
            f'Function("{without_value[0]}", value=...)'
        )
    elif watched.spread_of is not None:
        return ((1, (watched.spread_of,)),)
    elif watched.is_mean:
        return tuple((p.sign, p.expectations[0]) for p in watched.products)
    elif watched.factors == {WEIGHTS}:
        remedy = "take second-moment, and displacement for the product of the means"
    else:
        remedy = "take one of these"
    raise RequestError(
        "expected test-loss, training-loss, generalisation-gap, variance, displacement, "
        f"second-moment or another mean to simulate, got observable={shown(watched.name)}; {remedy}"
    )


def _check_component(
    component: int | tuple[int, ...] | None, watched: Observable, p: int
) -> tuple[int, ...] | None:
    if not watched.rank:
        if component is not None:
            raise RequestError(
                f"expected no component for observable={shown(watched.name)}, which is a number, "
                f"got component={shown(component)}"
            )
        return None
    given: tuple[Any, ...] = component if isinstance(component, tuple) else (component,)
    if len(given) != watched.rank or not all(_is_index(i, p) for i in given):
        indices = "i" if watched.rank == 1 else "(" + ", ".join("ijklmn"[: watched.rank]) + ")"
        raise RequestError(
            f"expected component={indices}, one entry of the {watched.name} with indices 0..{p - 1}, "
            f"got component={shown(component)}"
        )
    return tuple(map(int, given))


def _is_index(i: Any, p: int) -> bool:
    return is_whole(i, least=0, most=p - 1)
