r"""SGD in exact arithmetic as a power series in the noise, at a given learning rate.

The judge of the expansion along the noiseless run. It knows no diagram and no derivative beyond the
gradient. In every update the loss of a datapoint is replaced by

.. math:: l + \sigma\, (l_x - l), \qquad l = \langle l_x \rangle,

and the weights are truncated power series in the number :math:`\sigma`, with the noiseless run as
their constant terms. The coefficient of :math:`\sigma^k`, averaged over all training sets and all that
chance may draw, is what *k* pushes of datapoints contribute; :math:`\sigma = 1` is SGD. The training
loss at the end is scaled as well.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Any, final

from sgdiagrams.diagrams.errors import RequestError, SamplingError
from sgdiagrams.numeric.exact.batches import draws, merge_renamed
from sgdiagrams.numeric.exact.landscape import check_order, exact_number
from sgdiagrams.numeric.exact.penalty_slopes import PenaltySlopes
from sgdiagrams.numeric.exact.readouts import Readout, watch_tables
from sgdiagrams.numeric.exact.requests import (
    asked_observable,
    asked_polynomials,
    learning_rate_table,
)
from sgdiagrams.numeric.exact.series import (
    Monomials,
    add,
    derivative,
    subtract,
    taylor,
)
from sgdiagrams.numeric.linear_state import carried, combined
from sgdiagrams.symbolic.embeddings.batches import shares_of
from sgdiagrams.symbolic.training.sampling import course_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from numbers import Rational

    from numpy.typing import NDArray

    from sgdiagrams.numeric.exact.landscape import PolynomialLandscape
    from sgdiagrams.numeric.exact.series import Exponents, PolynomialTerms
    from sgdiagrams.symbolic.embeddings.batches import Batches
    from sgdiagrams.symbolic.observable import Observable
    from sgdiagrams.symbolic.training.training import Training

__all__ = ["exact_noise"]

_Series = list[Fraction]


def exact_noise(
    landscape: PolynomialLandscape,
    training: Training,
    *,
    pushes: int,
    eta: Rational | int | Sequence[Any] | NDArray[Any],
    observable: str | Observable = "test-loss",
    function: Mapping[Exponents, Rational | int] | None = None,
    functions: Mapping[str, Mapping[Exponents, Rational | int]] | None = None,
) -> tuple[Any, ...]:
    r"""Return the expected observable of a training as a power series in the noise, exactly.

    Parameters
    ----------
    landscape
        A finite distribution of polynomial losses.
    training
        With numbers for all symbols.
    pushes
        The highest power of :math:`\sigma`, >= 0.
    eta
        The learning rate: a rational number, p of them for a diagonal, or a symmetric p x p table.
    observable, function, functions
        As for `exact_sgd`.

    Returns
    -------
    tuple
        The coefficients of :math:`\sigma^0, \dots, \sigma^{\mathrm{pushes}}`: Fractions; for a
        displacement object arrays of shape (p,), and for second moment and covariance of shape (p, p).
        The first is the value of the noiseless run; the second is 0.

    Raises
    ------
    RequestError
        When the number of pushes, the observable, a function or `eta` is wrong, or the scheme makes no
        discrete updates.
    SamplingError
        When a number is missing.

    Notes
    -----
    The cost grows as (number of atoms)^N, and the lengths of the fractions with the degree of the
    gradients to the power of the number of updates.

    Examples
    --------
    One update with the fourth power of the weights at the end: the third and the fourth push are there
    because two coins of +-1 have a fourth moment.

    >>> from sgdiagrams.numeric.exact.landscape import PolynomialLandscape
    >>> from sgdiagrams.symbolic.training.schemes.one_pass import OnePass
    >>> from sgdiagrams.symbolic.training.training import Training
    >>> coin = PolynomialLandscape([{(1,): 1}, {(1,): -1}])
    >>> series = exact_noise(
    ...     coin, Training(OnePass(B=2, T=1)), pushes=4, eta=1, observable="function", function={(4,): 1}
    ... )
    >>> [str(c) for c in series]
    ['0', '0', '0', '0', '1/2']
    """
    check_order(pushes)
    if landscape.noises > 1:
        raise RequestError(
            "expected datapoints that are the same at all visits for the expansion in the noise, got "
            f"noises={landscape.noises}; take exact_training"
        )
    watched = asked_observable(observable)
    p = landscape.dimension
    polynomials = asked_polynomials(watched, training.optimizer, function, functions, p)
    course = course_of(training.sampling)
    if course.masses is None:
        raise SamplingError(
            f"expected batches that weigh the same in every run, got {training.sampling.label}, which "
            "has no one noiseless run; take exact_training"
        )
    if training.symbols:
        raise SamplingError(
            f"expected numbers for {', '.join(training.symbols)} of {training.label}; "
            f"give {training.symbols[0]}=..."
        )
    is_scalar = not hasattr(eta, "__len__")
    rates: Any = [exact_number("eta", eta)] * p if is_scalar else eta
    runs = _Runs(
        landscape.averaged() if training.sampling.is_noiseless else landscape,
        training,
        observable=watched,
        functions=polynomials,
        pushes=pushes,
        metric=learning_rate_table(rates, p),
        rate=rates[0] if is_scalar else None,
        rows=course.rows,
    )
    total: list[_Series] = []
    for probability, schedule in merge_renamed(course.all_batches()):
        moments = runs.moments(schedule)
        scaled = [[probability * x for x in series] for series in moments]
        total = [add(x, y) for x, y in zip(total, scaled, strict=True)] if total else scaled
    return runs.readout(()).observed(total)


@final
class _Vector:
    """p series, which exact numbers multiply: what update rules are written for."""

    __slots__ = ("series",)

    def __init__(self, series: Sequence[_Series]) -> None:
        self.series = series

    def __add__(self, other: _Vector, /) -> _Vector:
        return _Vector([add(x, y) for x, y in zip(self.series, other.series, strict=True)])

    def __sub__(self, other: _Vector, /) -> _Vector:
        return _Vector([subtract(x, y) for x, y in zip(self.series, other.series, strict=True)])

    def __rmul__(self, factor: Any, /) -> _Vector:
        number = Fraction(factor)
        return _Vector([[number * c for c in x] for x in self.series])


@final
class _Runs:
    """Runs of one training on one landscape, on series in the noise."""

    def __init__(
        self,
        landscape: PolynomialLandscape,
        training: Training,
        *,
        observable: Observable,
        functions: Mapping[str, PolynomialTerms],
        pushes: int,
        metric: tuple[tuple[Fraction, ...], ...],
        rate: Fraction | None,
        rows: int,
    ) -> None:
        self._landscape = landscape
        self._observable = observable
        self._functions = functions
        self._rows = rows
        self._metric = metric
        T = int(training.updates)
        self._updates = training.optimizer.linear_updates(T)
        self._tables = watch_tables(training.optimizer, T, observable.since, observable.times)
        decay: Any = training.optimizer.weight_decay
        self._decay = Fraction(decay)
        drawn: Any = training.optimizer.decoupled_decay
        self._drawn = Fraction(drawn)
        losses = [taylor(loss, landscape.start) for loss in landscape.losses]
        self._pull = PenaltySlopes(training.optimizer, landscape, functions)
        if rate is None and set(self._pull.polynomials) - {0}:
            raise RequestError(
                "expected a number for eta with a penalty that has powers of it, got a table"
            )
        self._rate = Fraction(0) if rate is None else rate
        exponents = {e for loss in losses for e in loss} | self._pull.exponents
        self._monomials = Monomials(
            exponents | self.readout(()).exponents, landscape.dimension, pushes, has_constants=True
        )
        self._slopes: list[list[list[Any]]] = [
            [self._monomials.vector(derivative(loss, mu)) for mu in range(landscape.dimension)]
            for loss in losses
        ]
        self._pull.prepare(self._monomials)

    def readout(self, used: Sequence[int]) -> Readout:
        """Return what reads off the end of a run that uses some of the rows."""
        return Readout(
            self._observable,
            self._landscape,
            self._functions,
            used=used,
            rows=self._rows,
            in_noise=True,
        )

    def moments(self, schedule: Batches) -> list[_Series]:
        """Return the raw moments that the observable needs, averaged over all training sets."""
        atoms, order = len(self._landscape.losses), self._monomials.order
        of_rows = [shares_of(batch) for batch in schedule]
        used = sorted({row for shares in of_rows for row in shares})
        readout = self.readout(used)
        readout.prepare(self._monomials)
        zero = _Vector([[Fraction(0)] * (order + 1) for _ in self._landscape.start])
        first: Any = (zero,) * (self._updates[0].states if self._updates else 1)

        @cache
        def slope_of(shares: tuple[Fraction, ...]) -> list[list[Fraction]]:
            return [
                [
                    sum((c * x for c, x in zip(shares, xs, strict=True)), Fraction(0))
                    for xs in zip(*vs, strict=True)
                ]
                for vs in zip(*self._slopes, strict=True)
            ]

        everyone = slope_of((Fraction(1, atoms),) * atoms)
        total = [[Fraction(0)] * (order + 1) for _ in readout.scales]
        stack = [(0, first, [zero] * len(self._tables), (-1,) * self._rows)]
        while stack:
            t, state, points, drawn = stack.pop()
            if t == len(schedule):
                ends: Any = [point.series for point in points]
                moments: Any = readout.moments(self._monomials, ends, drawn)
                total = [add(sums, moment) for sums, moment in zip(total, moments, strict=True)]
                continue
            read = combined(self._updates[t].read, state)
            powers = self._monomials.evaluate(read.series)
            mass = sum(of_rows[t].values(), Fraction(0))
            means = [
                [mass * x for x in self._monomials.apply(vector, powers)] for vector in everyone
            ]
            pull = _Vector(self._pull.at_rate(self._monomials, powers, self._rate))
            for atom_of in draws(schedule[t], drawn, atoms):
                shares = [Fraction(0)] * atoms
                for row, share in of_rows[t].items():
                    shares[atom_of[row]] += share
                noisy = [self._monomials.apply(v, powers) for v in slope_of(tuple(shares))]
                gradient = [
                    add(mean, [Fraction(0), *subtract(of_batch, mean)[:-1]])
                    for of_batch, mean in zip(noisy, means, strict=True)
                ]
                whole = _Vector(gradient) + pull
                update = self._updates[t]
                pulled: Any = None
                if update.pull is not None:
                    weights = self._weights(combined(update.pull.read, state))
                    pulled = self._along(self._drawn * weights)
                after = carried(update, state, self._push(read, whole), pulled)
                theta = combined(self._updates[t].readout, after)
                seen = [
                    point + table[t] * theta if table[t] else point
                    for point, table in zip(points, self._tables, strict=True)
                ]
                stack.append((t + 1, after, seen, atom_of))
        sets = atoms ** len(used)
        return [
            [x / (sets * scale) for x in sums]
            for sums, scale in zip(total, readout.scales, strict=True)
        ]

    def _push(self, read: _Vector, gradient: _Vector) -> _Vector:
        """Return the learning rate times a gradient, weight decay at its point included."""
        if self._decay:
            gradient = gradient + self._decay * self._weights(read)
        return self._along(gradient)

    def _weights(self, deviation: _Vector) -> _Vector:
        starts = self._landscape.start
        pairs = zip(deviation.series, starts, strict=True)
        return _Vector([[x + start, *rest] for (x, *rest), start in pairs])

    def _along(self, gradient: _Vector) -> _Vector:
        """Return the learning rate times a gradient."""
        return _Vector(
            [
                [
                    sum((rate * x for rate, x in zip(rates, column, strict=True)), Fraction(0))
                    for column in zip(*gradient.series, strict=True)
                ]
                for rates in self._metric
            ]
        )
