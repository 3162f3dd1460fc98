"""Expansions in numbers: the sum of weights times contractions, with errors."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from functools import reduce
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from sgdiagrams.diagrams.errors import RequestError, StatisticsError
from sgdiagrams.diagrams.messages import shortened
from sgdiagrams.numeric.derivatives.derivatives import check_derivatives
from sgdiagrams.numeric.estimates.estimate import Estimate
from sgdiagrams.numeric.estimates.judgement import judge
from sgdiagrams.numeric.estimates.terms import (
    check_weights,
    following_orders,
    free_legs_of_all,
    sizes_of_terms,
    terms_by_order,
    weight_decay_of_parts,
    weighted_contractions,
)
from sgdiagrams.numeric.estimates.training_sets import use_of_rows
from sgdiagrams.numeric.given_order.series import outer
from sgdiagrams.numeric.precision.finite import check_finite, largest_inputs, within_range
from sgdiagrams.numeric.values.evaluator import Evaluator
from sgdiagrams.numeric.values.jackknife import jackknife_error
from sgdiagrams.numeric.values.learning_rate import is_exact_rate, read_eta
from sgdiagrams.numeric.values.leaves import check_leaf
from sgdiagrams.numeric.values.nested import VisitEvaluator
from sgdiagrams.numeric.values.weight_norm import with_penalties_of, with_weight_norm
from sgdiagrams.symbolic.observed.product import Product
from sgdiagrams.symbolic.theorem import expand
from sgdiagrams.symbolic.writing.titles import evaluated_name, is_difference

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from sgdiagrams.numeric.derivatives.derivatives import Derivatives
    from sgdiagrams.numeric.estimates.terms import Contribution
    from sgdiagrams.numeric.estimates.training_sets import UseOfRows
    from sgdiagrams.symbolic.contractions.contraction import Contraction
    from sgdiagrams.symbolic.formula import SeriesFormula

__all__ = ["evaluate"]

_Terms: TypeAlias = "list[tuple[Fraction, Contraction]]"


def evaluate(
    expansion: SeriesFormula,
    statistics: Derivatives,
    *,
    eta: ArrayLike | Fraction,
    **numbers: int | Fraction,
) -> Estimate:
    """Return the value of an expansion, order by order, with standard errors.

    Every edge of every contraction carries `eta`, whatever the contraction's metric. With exact
    statistics and an `eta` of Fractions or ints all contributions are Fractions. Terms of weight
    zero ask nothing of the statistics.

    Parameters
    ----------
    expansion
        What to evaluate. Where its contractions have free legs (displacement, second moment), all
        have equally many.
    statistics
        Numbers of the derivatives 0, 1, ..., order (0 not for the generalisation gap), of the
        functions that are observed, and the start where there is weight decay. A population
        gives the exact value; a sample an unbiased estimate with the delete-one jackknife's
        standard error; a training set the exact answer for the order of the rows that the scheme names
        (a grid, epochs without shuffling, one pass with row n at its n-th place), and for schemes
        that shuffle or draw rows the exact average.
    eta
        The learning rate: scalar, 1-D diagonal of shape ``(p,)`` or symmetric ``(p, p)``.
    **numbers
        A number for each of ``expansion.symbols``.

    Returns
    -------
    Estimate
        With ``expansion.order + 1`` contributions: numbers, or arrays with one axis of length p for
        every free leg.

    Raises
    ------
    StatisticsError
        When a derivative, a function or the start is missing, samples are too few, or the training
        set has not N points.
    RequestError
        When `eta` is wrong, a training set is asked for the test loss or for a scheme without
        training set, following its rows would take too long, or
        contractions differ in their free legs or parts in their weight decay.
    SamplingError
        When a number is missing, unknown or impossible.

    Examples
    --------
    Two losses, (theta - 1)^2/2 and (theta + 1)^2/2, from theta = 2: one step with either.

    >>> from sgdiagrams.numeric.statistics import Statistics
    >>> from sgdiagrams.symbolic.theorem import expand
    >>> derivatives = {0: [Fraction(1, 2), Fraction(9, 2)], 1: [[1], [3]], 2: [[[1]], [[1]]]}
    >>> population = Statistics.from_samples(derivatives, role="population")
    >>> expansion = expand("test-loss", order=2, sampling="one-pass")
    >>> evaluate(expansion, population, eta=Fraction(1, 10), T=1).orders
    (Fraction(5, 2), Fraction(-2, 5), Fraction(1, 40))
    """
    check_derivatives(statistics, with_visits=True)
    is_exact = statistics.is_exact and is_exact_rate(read_eta(eta, statistics.dimension))
    weighted = weighted_contractions(expansion, numbers, is_exact=is_exact)
    statistics = with_weight_norm(statistics, [contraction for _, contraction, _ in weighted])
    methods = [part.optimizer for part in expansion.parts]
    statistics = with_penalties_of(statistics, methods, expansion.order)
    known: dict[str, Any] = {}
    rows = use_of_rows(expansion, statistics, numbers)
    shape = _shape(free_legs_of_all(expansion, weighted), statistics)
    if rows.are_named or rows.products:
        if rows.are_named:
            contributions = rows.orders(statistics, eta, expansion.order)
        else:
            contributions = _products_of_averages(rows, statistics, eta, expansion.order)
        change_error: Any = np.zeros(shape) if shape else 0.0
        errors, error = (change_error,) * len(contributions), change_error
    else:
        by_order = terms_by_order(expansion, weighted)
        decay = weight_decay_of_parts(expansion, numbers)
        for order, terms in enumerate(by_order):
            _check_derivatives(order, terms, statistics, decay)
        # Edges of an expression carry no learning rate: its powers go into the weights.
        rate, on_edges = Fraction(1), eta
        if expansion.has_bare_edges:
            rate, on_edges = _scalar_rate(eta), 1 if is_exact else 1.0
            by_order = [
                [(weight * rate**order, contraction) for weight, contraction in terms]
                for order, terms in enumerate(by_order)
            ]
        evaluator = _evaluator(statistics, on_edges, decay)
        if not evaluator.is_exact:
            check_weights(by_order)
        cause = "" if evaluator.is_exact else largest_inputs(statistics.samples, eta)
        contributions = tuple(
            _total(evaluator, terms, shape, order, cause) for order, terms in enumerate(by_order)
        )
        with within_range("standard errors", cause):
            errors, error, change_error = _errors(evaluator, by_order, shape)
        with within_range("the sizes of terms", cause):
            contribution = _contribution(evaluator, decay, rate)
            of_terms = sizes_of_terms(_contribution(evaluator, decay), by_order)
            following = following_orders(
                expansion, contribution, numbers, of_terms, is_exact=evaluator.is_exact
            )
        known = {"of_terms": of_terms, "following": following}
    is_sample = statistics.role == "sample"
    return Estimate(
        contributions,
        errors,
        error,
        evaluated_name(expansion),
        eta,
        dict(numbers),
        judge(contributions, error, **known),
        change_standard_error=change_error,
        degrees=statistics.sample_size - 1 if is_sample else None,
        is_difference=is_difference(expansion),
        rows=rows.words,
    )


def _evaluator(statistics: Derivatives, eta: Any, decay: Fraction) -> Evaluator | VisitEvaluator:
    if statistics.noise is None:
        return Evaluator(statistics, eta, weight_decay=decay)
    return VisitEvaluator(statistics, eta, weight_decay=decay)


def _products_of_averages(
    rows: UseOfRows, statistics: Derivatives, eta: Any, order: int
) -> tuple[Any, ...]:
    """Return the contributions of products of averages over orders, each average by itself."""
    total: Any = 0
    averages: dict[Any, Any] = {}
    for part in rows.products:
        for product in part.observable.products:
            names = [(factors, times, part) for factors, times in product.timed]
            for factors, times, _ in names:
                if (factors, times, part) not in averages:
                    one = Product(1, (factors,), (times,))
                    mean = expand(
                        replace(part.observable, products=(one,)),
                        order=order,
                        sampling=part.training.sampling,
                        optimizer=part.training.optimizer,
                        visits=part.visits,
                    )
                    of_orders = evaluate(mean, statistics, eta=eta).orders
                    averages[factors, times, part] = np.array(of_orders)
            means = [averages[name] for name in names]
            factor = part.coefficient * product.sign
            is_exact = means[0].dtype == object
            total = total + (factor if is_exact else float(factor)) * reduce(outer, means)
    return tuple(total if total.ndim > 1 else total.tolist())


def _total(
    evaluator: Evaluator | VisitEvaluator,
    terms: _Terms,
    shape: tuple[int, ...],
    order: int,
    cause: str,
) -> Any:
    """Return the sum of the terms of an order; the first that overflows is named."""
    if evaluator.is_exact:
        exact: Any = np.full(shape, Fraction(0)) if shape else Fraction(0)
        for weight, contraction in terms:
            exact = exact + weight * evaluator.value(contraction)
        return exact
    values = []
    for weight, contraction in terms:
        name = f"the term of {shortened(str(contraction))} at order {order}"
        with within_range(name, cause):
            values.append(float(weight) * evaluator.value(contraction))
        check_finite(values[-1], name, cause)
    name = f"the sum of order {order}"
    with within_range(name, cause):
        total: Any = sum(values, np.zeros(shape)) if shape else math.fsum(values)
    check_finite(total, name, cause)
    return total


def _scalar_rate(eta: Any) -> Fraction:
    """Return the one learning rate of an expansion whose edges carry none."""
    if np.ndim(eta):
        raise RequestError(
            "expected a number for eta with an expression as the observable, whose own edges carry no "
            f"learning rate, got eta of shape {np.shape(eta)}"
        )
    return Fraction(read_eta(eta, None))  # type: ignore[arg-type]  # no array


def _contribution(
    evaluator: Evaluator | VisitEvaluator, decay: Fraction, rate: Fraction = Fraction(1)
) -> Contribution:
    """Return what takes a weight and a contraction to their product, infinite beyond floats.

    With a rate, weights are multiplied by its power.
    """

    def contribution(weight: Fraction, contraction: Contraction, order: int) -> Any:
        weight = weight * rate**order
        for label, k in zip(contraction.labels, contraction.legs, strict=True):
            check_leaf(evaluator.statistics, label, k, weight_decay=decay)
        value = evaluator.value(contraction)
        if evaluator.is_exact:
            return weight * value
        try:
            return float(weight) * value
        except OverflowError:
            return np.full(np.shape(value), math.inf)[()]

    return contribution


def _errors(
    evaluator: Evaluator | VisitEvaluator, by_order: list[_Terms], shape: tuple[int, ...]
) -> tuple[tuple[Any, ...], Any, Any]:
    """Return the jackknife errors by order, of the sum, and of the sum without order 0.

    Deviations of the same samples add before they are squared.
    """
    none: Any = np.zeros(shape) if shape else 0.0
    unknown: Any = np.full(shape, math.inf) if shape else math.inf
    if evaluator.statistics.role != "sample":
        return (none,) * len(by_order), none, none
    n = evaluator.statistics.sample_size
    errors = []
    total: NDArray[Any] = np.zeros((n, *shape), dtype=int)
    change = total
    unknown_orders = []
    for order, terms in enumerate(by_order):
        if not terms:
            errors.append(none)
        elif evaluator.can_delete_one(terms):
            deviations = evaluator.deviations(terms)
            errors.append(jackknife_error(deviations))
            total = total + deviations
            change = change + deviations if order else change
        else:
            errors.append(unknown)
            unknown_orders.append(order)
    return (
        tuple(errors),
        unknown if unknown_orders else jackknife_error(total),
        unknown if any(unknown_orders) else jackknife_error(change),
    )


def _shape(free: int, statistics: Derivatives) -> tuple[int, ...]:
    if not free:
        return ()
    if statistics.dimension is None:
        raise StatisticsError(
            "expected derivatives of order 1 or more for an observable with indices, "
            f"got derivatives {', '.join(map(str, statistics.samples))}; add key 1 to the samples"
        )
    return (statistics.dimension,) * free


def _check_derivatives(
    order: int, terms: _Terms, statistics: Derivatives, decay: Fraction | float
) -> None:
    for _, contraction in terms:
        for label, k in zip(contraction.labels, contraction.legs, strict=True):
            check_leaf(statistics, label, k, weight_decay=decay, purpose=f"for order {order}")
