"""Expansions in numbers: the sum of weights times contractions, with errors."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from sgdiagrams.diagrams.errors import RequestError, StatisticsError
from sgdiagrams.numeric.contract import Evaluator, jackknife_error
from sgdiagrams.numeric.estimate import Estimate

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from sgdiagrams.numeric.statistics import Statistics
    from sgdiagrams.symbolic.contraction import Contraction
    from sgdiagrams.symbolic.expansion import Expansion

__all__ = ["evaluate"]


def evaluate(
    expansion: Expansion,
    statistics: Statistics,
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
        What to evaluate.
    statistics
        Numbers of the derivatives 0, 1, ..., order (0 not for the generalisation gap). A population
        gives the exact value; a sample an unbiased estimate with the delete-one jackknife's
        standard error; a training set the exact average over its shuffles.
    eta
        The learning rate: scalar, 1-D diagonal of shape ``(p,)`` or symmetric ``(p, p)``.
    **numbers
        A number for each of ``expansion.symbols``.

    Returns
    -------
    Estimate
        With ``expansion.order + 1`` contributions.

    Raises
    ------
    StatisticsError
        When a derivative is missing, samples are too few, or the training set has not N points.
    RequestError
        When `eta` is wrong, or the test loss is asked of a training set.
    SamplingError
        When a number is missing, unknown or impossible.

    Examples
    --------
    Two losses, (theta - 1)^2/2 and (theta + 1)^2/2, from theta = 2: one step with either.

    >>> from sgdiagrams.numeric.statistics import Statistics
    >>> from sgdiagrams.symbolic.expand import expand
    >>> derivatives = {0: [Fraction(1, 2), Fraction(9, 2)], 1: [[1], [3]], 2: [[[1]], [[1]]]}
    >>> population = Statistics.from_samples(derivatives, role="population")
    >>> expansion = expand("test-loss", order=2, sampling="one-pass")
    >>> evaluate(expansion, population, eta=Fraction(1, 10), T=1).orders
    (Fraction(5, 2), Fraction(-2, 5), Fraction(1, 40))
    """
    weights = expansion.weights(**numbers)
    _check_training_set(expansion, statistics, numbers)
    by_order: list[list[tuple[Fraction, Contraction]]] = [[] for _ in range(expansion.order + 1)]
    for term, weight in zip(expansion.terms, weights, strict=True):
        if term.contraction.free:
            raise RequestError(
                "expected an expansion of a scalar, got a contraction with free legs; "
                "use Evaluator.value for single contractions"
            )
        if weight:
            by_order[term.order].append((weight, term.contraction))
    for order, terms in enumerate(by_order):
        _check_derivatives(order, terms, statistics)
    evaluator = Evaluator(statistics, eta)
    contributions = tuple(_total(evaluator, terms) for terms in by_order)
    errors, error = _errors(evaluator, by_order)
    return Estimate(contributions, errors, error, expansion.observable, eta, dict(numbers))


def _total(evaluator: Evaluator, terms: list[tuple[Fraction, Contraction]]) -> Fraction | float:
    if evaluator.is_exact:
        return sum((w * evaluator.value(c) for w, c in terms), Fraction(0))
    return math.fsum(float(w) * evaluator.value(c) for w, c in terms)


def _errors(
    evaluator: Evaluator, by_order: list[list[tuple[Fraction, Contraction]]]
) -> tuple[tuple[float, ...], float]:
    """Return the jackknife errors by order and of the sum: deviations add before squaring."""
    if evaluator.statistics.role != "sample":
        return (0.0,) * len(by_order), 0.0
    errors = []
    total: NDArray[Any] = np.zeros(evaluator.statistics.sample_size, dtype=int)
    for terms in by_order:
        if evaluator.can_delete_one(terms):
            deviations = evaluator.deviations(terms)
            errors.append(jackknife_error(deviations))
            total = total + deviations
        else:
            errors.append(math.inf)
    return tuple(errors), math.inf if math.inf in errors else jackknife_error(total)


def _check_derivatives(
    order: int, terms: list[tuple[Fraction, Contraction]], statistics: Statistics
) -> None:
    needed = {k for _, contraction in terms for k in contraction.legs}
    missing = sorted(needed.difference(statistics.samples))
    if missing:
        have = ", ".join(map(str, statistics.samples))
        raise StatisticsError(
            f"expected derivative {missing[0]} of the loss for order {order}, "
            f"got derivatives {have}; add key {missing[0]} to the samples or lower the order"
        )


def _check_training_set(
    expansion: Expansion, statistics: Statistics, numbers: dict[str, int | Fraction]
) -> None:
    """Check that a fixed training set is asked for nothing but what it determines."""
    if statistics.role != "training-set":
        return
    for part in expansion.parts:
        if any(role == "population" for _, role in part.observable.parts):
            raise RequestError(
                "expected role='sample' or 'population' for the test loss, got role='training-set' "
                f"with observable={part.observable.name!r}; a training set knows its own loss only"
            )
        values = dict(numbers)
        if part.sampling is not None:
            free = part.sampling.symbols
            scheme = part.sampling.at(**{k: int(v) for k, v in numbers.items() if k in free})
            if scheme.is_empty:
                continue
            values = {k: int(v) for k, v in scheme.values.items()}
        # One pass sees each of its T B points once, so they are the training set.
        size = values.get("N", values["T"] * values["B"] if {"T", "B"} <= set(values) else None)
        if size is not None and size != statistics.sample_size:
            raise StatisticsError(
                f"expected a training set of the sampling's N={size} points, "
                f"got sample_size={statistics.sample_size}"
            )
