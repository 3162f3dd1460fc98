r"""SGD itself in exact arithmetic: truncated power series in the learning rate, over all training sets.

This is the judge of the theory and knows none of it: no diagram, no kernel, no derivative beyond the
gradient. On a finite distribution of polynomial losses it makes the updates

.. math:: \theta \leftarrow \theta - s\,\eta \sum_{n \in \mathrm{batch}} s_n \nabla l_n(\theta)

with the shares :math:`s_n`, 1/B for a mean, or those of another optimiser, with :math:`\theta` a
truncated power series in the number *s*, once for every training set, and averages the observable. The
coefficients of :math:`s^k` are exact fractions, to be compared with the contributions of an expansion at
the learning-rate tensor :math:`\eta`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Any, final

from sgdiagrams.numeric.exact.batches import (
    check_schedule,
    drawn_visits,
    merge_renamed,
    places_of,
    weighted_schedules,
)
from sgdiagrams.numeric.exact.landscape import (
    PolynomialLandscape,
    check_order,
)
from sgdiagrams.numeric.exact.penalty_slopes import PenaltySlopes
from sgdiagrams.numeric.exact.readouts import Readout, watch_tables
from sgdiagrams.numeric.exact.requests import (
    asked_observable,
    asked_optimizer,
    asked_polynomials,
    learning_rate_table,
)
from sgdiagrams.numeric.exact.series import (
    Monomials,
    Series,
    add,
    derivative,
    taylor,
    times,
    weighted,
)
from sgdiagrams.numeric.exact.update_rule import Rule
from sgdiagrams.symbolic.training.sampling import course_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from numbers import Rational

    from numpy.typing import NDArray

    from sgdiagrams.numeric.exact.series import Exponents, PolynomialTerms
    from sgdiagrams.symbolic.algebra.expression import Expression
    from sgdiagrams.symbolic.embeddings.batches import Batches
    from sgdiagrams.symbolic.observable import Observable
    from sgdiagrams.symbolic.training.optimizer import Optimizer
    from sgdiagrams.symbolic.training.training import Training

__all__ = ["exact_sgd", "exact_sgd_average", "exact_training"]


def exact_sgd(
    landscape: PolynomialLandscape,
    schedule: Batches,
    *,
    order: int,
    observable: str | Observable | Expression = "test-loss",
    function: Mapping[Exponents, Rational | int] | None = None,
    functions: Mapping[str, Mapping[Exponents, Rational | int]] | None = None,
    optimizer: Optimizer | None = None,
    eta: Sequence[Any] | NDArray[Any] | None = None,
    rows: int | None = None,
    since: int | None = None,
) -> tuple[Any, ...]:
    r"""Return the expected observable after SGD as a power series, averaged over all training sets.

    Parameters
    ----------
    landscape
        A finite distribution of polynomial losses, perhaps with fresh noise at every visit.
    schedule
        The batches, of any sizes. A row that occurs m times in a batch counts m times in its mean; a
        `Batch` has shares of its own.
    order
        The highest power of the learning rate, >= 0.
    observable
        A name or an object. With :math:`\Delta = \theta_T - \theta_0`:

        * ``"test-loss"``, ``"training-loss"`` (average over the rows), ``"generalisation-gap"``;
        * ``"variance"``: :math:`\langle l(\theta_T)^2 \rangle - \langle l(\theta_T) \rangle^2` of the
          test loss;
        * ``"displacement"``: :math:`\langle \Delta^\mu \rangle`;
        * ``"second-moment"``: :math:`\langle \Delta^\mu \Delta^\nu \rangle`;
        * ``"covariance"``: the second moment minus the product of the displacements;
        * ``"function"``: :math:`\langle f(\theta_T) \rangle` of the polynomial `function`;
        * an expression or ``"expression:TEXT"``, whose eta is s.
    function
        The polynomial for ``"function"``, or for the one function in the products of an object:
        exponents of the weights -> rational coefficient.
    functions
        The same by name, where there are several: those of a penalty too.
    optimizer
        With numbers for all symbols; plain SGD when left out. With an
        average of iterates the observable is taken at the averaged weights.
    eta
        The learning-rate tensor is :math:`s \eta`: None for the identity, p rational numbers for a
        diagonal, or a symmetric p x p table of rational numbers.
    rows
        The size N of the training set; by default all rows of the schedule and at least one.
    since
        Number of updates :math:`t_0`: the observable is then of the increment between there and the
        end, :math:`s(\theta_T) - s(\theta_{t_0})` (its variance for ``"variance"``) and
        :math:`\Delta = \theta_T - \theta_{t_0}`. With an average of iterates, both ends are averaged:
        the earlier one as if training had ended there.

    Returns
    -------
    tuple
        The coefficients of :math:`s^0, \dots, s^{\mathrm{order}}`: Fractions; for a displacement
        object arrays of shape (p,), and for second moment and covariance of shape (p, p).

    Raises
    ------
    RequestError
        When the order, the observable, `function`, `eta` or the optimiser's kind is wrong.
    SamplingError
        When the schedule, `rows` or `since` is, or a symbol of the optimiser has no number.

    Notes
    -----
    In a small enough unit of the learning rate (the product of all denominators) the coefficients are
    whole: all arithmetic is on Python integers. The cost grows as (number of atoms)^N; training sets
    share the work of common beginnings.

    Examples
    --------
    >>> from sgdiagrams.symbolic.embeddings.batches import epochs_schedule, one_pass_schedule
    >>> landscape = PolynomialLandscape([{(2,): 1, (1,): 1}, {(2,): 1, (1,): -1}], start=(1,))
    >>> exact_sgd(landscape, epochs_schedule(N=1, B=1, E=1), order=2, observable="generalisation-gap")
    (Fraction(0, 1), Fraction(1, 1), Fraction(0, 1))

    The heavy ball's weights after two updates, on x^2/2 from 1: 1 - (2 + beta) s + s^2.

    >>> from sgdiagrams.symbolic.training.optimizers.momentum import Momentum
    >>> parabola = PolynomialLandscape([{(2,): Fraction(1, 2)}], start=(1,))
    >>> ball = Momentum(beta="1/2")
    >>> exact_sgd(
    ...     parabola, one_pass_schedule(2), order=2, optimizer=ball, observable="function",
    ...     function={(1,): 1},
    ... )
    (Fraction(1, 1), Fraction(-5, 2), Fraction(1, 1))
    """
    return exact_sgd_average(
        landscape,
        [schedule],
        order=order,
        observable=observable,
        function=function,
        functions=functions,
        optimizer=optimizer,
        eta=eta,
        rows=rows,
        since=since,
    )


def exact_sgd_average(
    landscape: PolynomialLandscape,
    schedules: Iterable[Batches] | Iterable[tuple[Fraction, Batches]],
    *,
    order: int,
    observable: str | Observable | Expression = "test-loss",
    function: Mapping[Exponents, Rational | int] | None = None,
    functions: Mapping[str, Mapping[Exponents, Rational | int]] | None = None,
    optimizer: Optimizer | None = None,
    eta: Sequence[Any] | NDArray[Any] | None = None,
    rows: int | None = None,
    since: int | None = None,
    population: PolynomialLandscape | None = None,
) -> tuple[Any, ...]:
    r"""Return the expected observable over training sets and schedules.

    Variance and covariance are of both: the moments are averaged over the schedules, and the products
    of means subtracted then.

    Parameters
    ----------
    landscape
        A finite distribution of polynomial losses.
    schedules
        Pairs of a probability and a schedule, such as `reshuffled_schedules` and
        `with_replacement_schedules` give them, or equally likely schedules.
    order, observable, function, functions, optimizer, eta, rows, since
        As for `exact_sgd`; by default there are as many rows as the largest schedule needs.
    population
        What is looked at, and what expressions are derivatives of, where runs follow other losses.

    Returns
    -------
    tuple
        The coefficients of :math:`s^0, \dots, s^{\mathrm{order}}`, as of `exact_sgd`.

    Raises
    ------
    RequestError, SamplingError
        As for `exact_sgd`, and when probabilities are wrong.

    Notes
    -----
    Rows are drawn independently from one distribution: schedules that differ only in the names of the
    rows have one expectation, and only one of them is run.

    Examples
    --------
    >>> from sgdiagrams.symbolic.embeddings.batches import with_replacement_schedules
    >>> landscape = PolynomialLandscape([{(1,): 1}, {(1,): -1}])
    >>> random = with_replacement_schedules(N=2, B=1, T=2)
    >>> exact_sgd_average(landscape, random, order=2, observable="variance")
    (Fraction(0, 1), Fraction(0, 1), Fraction(0, 1))
    >>> exact_sgd_average(landscape, random, order=2, observable="covariance")[2]
    array([[Fraction(3, 1)]], dtype=object)
    """
    check_order(order)
    watched = asked_observable(observable)
    p = landscape.dimension
    optimizer = asked_optimizer(optimizer)
    polynomials = asked_polynomials(watched, optimizer, function, functions, p)
    chances = weighted_schedules(schedules)
    n = max(check_schedule(schedule, rows) for _, schedule in chances)
    request = _Request(
        order=order,
        observable=watched,
        functions=polynomials,
        optimizer=optimizer,
        metric=learning_rate_table(eta, p),
        rows=n,
        since=watched.since if since is None else since,
        # The losses that are looked at have noise of their own, over which they are averaged.
        population=(landscape if population is None else population).without_noise,
    )
    total: list[list[Fraction]] = []
    for probability, schedule in merge_renamed(chances):
        moments = _moments(landscape, schedule, request)
        if not total:
            total = [[Fraction(0)] * (order + 1) for _ in moments]
        total = [
            [x + probability * y for x, y in zip(sums, moment, strict=True)]
            for sums, moment in zip(total, moments, strict=True)
        ]
    return _readout((), request).observed(total)


def exact_training(
    landscape: PolynomialLandscape,
    training: Training,
    *,
    order: int,
    observable: str | Observable | Expression = "test-loss",
    function: Mapping[Exponents, Rational | int] | None = None,
    functions: Mapping[str, Mapping[Exponents, Rational | int]] | None = None,
    eta: Sequence[Any] | NDArray[Any] | None = None,
) -> tuple[Any, ...]:
    r"""Return the expected observable of a training, over training sets and all that chance may draw.

    Parameters
    ----------
    landscape
        A finite distribution of polynomial losses.
    training
        With numbers for all symbols.
    order, observable, function, functions, eta
        As for `exact_sgd`.

    Raises
    ------
    RequestError, SamplingError
        As for `exact_sgd`, and when the scheme makes no discrete updates or a number is missing.

    Examples
    --------
    >>> from sgdiagrams.symbolic.training.schemes.with_replacement import WithReplacement
    >>> from sgdiagrams.symbolic.training.training import Training
    >>> landscape = PolynomialLandscape([{(1,): 1}, {(1,): -1}])
    >>> drawn = Training(WithReplacement(N=2, B=1, T=2))
    >>> exact_training(landscape, drawn, order=2, observable="second-moment")[2]
    array([[Fraction(3, 1)]], dtype=object)
    """
    course = course_of(training.sampling)
    return exact_sgd_average(
        landscape.averaged() if training.sampling.is_noiseless else landscape,
        course.all_batches(),
        order=order,
        observable=observable,
        function=function,
        functions=functions,
        optimizer=training.optimizer,
        eta=eta,
        rows=course.rows or None,
        population=landscape,
    )


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """What is asked for, checked."""

    order: int
    observable: Observable
    functions: Mapping[str, PolynomialTerms]
    optimizer: Optimizer
    metric: tuple[tuple[Fraction, ...], ...]
    rows: int
    since: int | None
    population: PolynomialLandscape


def _readout(used: Sequence[int], request: _Request) -> Readout:
    seen = request.population
    return Readout(request.observable, seen, request.functions, used=used, rows=request.rows)


def _moments(
    landscape: PolynomialLandscape, schedule: Batches, request: _Request
) -> list[list[Fraction]]:
    """Return the raw moments that the observable needs, averaged over all training sets."""
    atoms, p, order = len(landscape.losses), landscape.dimension, request.order
    noises = landscape.noises
    T = len(schedule)
    places = [places_of(batch) for batch in schedule]
    used = sorted({row for batch in places for row, _ in batch})
    readout = _readout(used, request)
    times = request.observable.times
    tables = watch_tables(request.optimizer, T, request.since, times)
    losses = [taylor(loss, landscape.start) for loss in landscape.losses]
    pull = PenaltySlopes(request.optimizer, request.population, request.functions)
    denominator = math.lcm(
        pull.denominator, *(c.denominator for loss in losses for c in loss.values())
    )
    rule = Rule.of(
        request.optimizer,
        T=T,
        metric=request.metric,
        start=landscape.start,
        gradients=denominator
        * math.lcm(*(share.denominator for batch in places for _, share in batch)),
        readouts=[weight for table in tables for weight in table],
    )

    # Integer polynomials as coefficients over one list of monomials of degree <= order.
    needed = {e for loss in losses for e in loss} | readout.exponents | pull.exponents
    monomials = Monomials(needed, p, order)
    readout.prepare(monomials)
    pull.prepare(monomials)
    whole = [{e: int(c * denominator) for e, c in loss.items()} for loss in losses]
    slopes = [[monomials.vector(derivative(loss, mu)) for mu in range(p)] for loss in whole]

    @cache
    def slope_of(counts: tuple[int, ...]) -> list[list[int]]:
        return [weighted(counts, column) for column in zip(*slopes, strict=True)]

    unit = rule.gradient_unit // denominator
    whole_places = [[(row, int(share * unit)) for row, share in batch] for batch in places]
    total = [[0] * (order + 1) for _ in readout.scales]
    first = rule.first(order)
    still = [[0] * (order + 1) for _ in range(p)]
    stack = [(0, first, [still] * len(tables), (-1,) * request.rows, 1)]
    while stack:
        t, state, points, drawn, ways = stack.pop()
        if t == T:
            moments = readout.moments(monomials, points, drawn)
            total = [
                add(sums, [ways * x for x in moment])
                for sums, moment in zip(total, moments, strict=True)
            ]
            continue
        powers = monomials.evaluate(rule.read(t, state))
        for atom_of, counts, number in drawn_visits(whole_places[t], drawn, atoms, noises):
            gradient = [monomials.apply(vector, powers) for vector in slope_of(counts)]
            units = {"gradient_unit": rule.gradient_unit, "unit": rule.unit}
            gradient = pull.added_to(gradient, monomials, powers, **units)
            after = rule.update(t, state, gradient)
            theta = rule.weights(t, after)
            seen = [
                _watch(point, table[t], theta) for point, table in zip(points, tables, strict=True)
            ]
            stack.append((t + 1, after, seen, atom_of, ways * number))

    sets = (atoms // noises) ** len(used) * noises ** sum(map(len, places))
    return [
        [Fraction(c, sets * scale * rule.unit**k) for k, c in enumerate(sums)]
        for sums, scale in zip(total, readout.scales, strict=True)
    ]


def _watch(point: list[Series], weight: Fraction, theta: list[Series]) -> list[Series]:
    """Return a weighted sum of iterates with one more of them."""
    if not weight:
        return point
    return [add(x, times(weight, y)) for x, y in zip(point, theta, strict=True)]
