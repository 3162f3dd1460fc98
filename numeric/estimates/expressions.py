r"""Expressions in numbers: sums of coefficients times contractions, with the error of the whole.

.. math:: \sum_i c_i\, v_i, \qquad c_i \text{ at the numbers of their symbols, exactly}

Every edge is contracted with the identity: eta is a symbol of the coefficients, like all others.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from sgdiagrams.diagrams.errors import RequestError, StatisticsError
from sgdiagrams.diagrams.messages import shortened
from sgdiagrams.numeric.estimates.expression_estimate import ExpressionEstimate
from sgdiagrams.numeric.precision.finite import check_finite, largest_inputs, within_range
from sgdiagrams.numeric.values.evaluator import Evaluator
from sgdiagrams.numeric.values.weight_norm import with_weight_norm
from sgdiagrams.symbolic.checks import check_numbers, rational
from sgdiagrams.symbolic.vocabulary import PENALISED
from sgdiagrams.symbolic.weights.substitution import value_at

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sgdiagrams.numeric.derivatives.derivatives import Derivatives
    from sgdiagrams.numeric.estimates.tabulated import Tabulated
    from sgdiagrams.symbolic.algebra.expression import Expression
    from sgdiagrams.symbolic.contractions.contraction import Contraction

__all__ = ["evaluate_expression", "tabulated_expression"]

_IN_TABLE = "those of the table"

_Terms: TypeAlias = "list[tuple[Fraction, Contraction]]"


def evaluate_expression(
    expression: Expression, statistics: Derivatives, **numbers: Any
) -> ExpressionEstimate:
    """Return an expression in numbers, from dense derivatives.

    Parameters
    ----------
    expression
        Of any rank; its terms may be of any basis.
    statistics
        A population gives exact values; a sample unbiased estimates with the delete-one jackknife's
        standard error; a training set averages over its distinct tuples.
    **numbers
        A number for each of ``expression.symbols``, and ``weight_decay`` where losses are penalised.

    Raises
    ------
    StatisticsError
        When a derivative, a function or the start is missing, or samples are too few.
    SamplingError
        When a number is missing or unknown.
    RequestError
        When a number is none, or a coefficient has a pole there.

    Examples
    --------
    >>> from sgdiagrams.numeric.statistics import Statistics
    >>> from sgdiagrams.symbolic.algebra.expression import Expression
    >>> sample = Statistics({1: [[1.0], [2.0], [6.0]]})
    >>> print(evaluate_expression(Expression.of("C_aa"), sample))
    C_aa = 7 +- 7
    """
    is_penalised = _is_penalised(expression)
    decay = numbers.pop("weight_decay", None) if is_penalised else 0
    if decay is None:
        raise RequestError(
            "expected a number for the weight decay in penalised losses; give weight_decay=..."
        )
    terms = _weighted(expression, numbers)
    statistics = with_weight_norm(statistics, expression.contractions)
    evaluator = Evaluator(statistics, weight_decay=decay)
    shape = _shape(expression, statistics.dimension)
    given = {**numbers, "weight_decay": decay} if is_penalised else numbers
    is_sample = statistics.role == "sample"
    error: Any = np.zeros(shape) if shape else 0.0
    cause = "" if evaluator.is_exact else largest_inputs(statistics.samples, 1)
    value = _total(evaluator, terms, shape, cause)
    if terms and any(contraction.node_count for _, contraction in terms):
        with within_range("the standard error", cause):
            error = evaluator.standard_error(terms)
    degrees = statistics.sample_size - 1 if is_sample and np.any(error) else None
    return ExpressionEstimate(value, error, str(expression), given, degrees)


def tabulated_expression(
    expression: Expression, values: Tabulated, **numbers: Any
) -> ExpressionEstimate:
    """Return an expression in numbers, from numbers of its contractions.

    Parameters
    ----------
    expression
        Of rank 0, or 1 where vectors were measured.
    values
        With a number for each of its contractions, or such that these follow.
    **numbers
        A number for each of ``expression.symbols``.

    Raises
    ------
    StatisticsError
        When a contraction has no number.
    SamplingError
        When a number is missing or unknown.
    RequestError
        When a number is none, a coefficient has a pole there, or there are too many free legs.
    """
    if values.has_metric:
        raise RequestError(
            "expected numbers whose edges are contracted with the identity, got a measurement with "
            "learning rates of the weights in them; measure without eta"
        )
    terms = _weighted(expression, numbers)
    if expression.rank > 1 or (expression.rank and values.dimension is None):
        most = "no free leg" if values.dimension is None else "at most one free leg"
        raise RequestError(
            f"expected an expression with {most}, got {expression.rank}; bring Statistics"
        )
    shape = _shape(expression, values.dimension)
    constant = sum((w for w, c in terms if not c.node_count), Fraction(0))
    known = values.rewritten([(w, c) for w, c in terms if c.node_count])
    value = _total(values, known, shape, _IN_TABLE)
    if constant:
        value = value + (constant if values.is_exact else float(constant))
    error: Any = np.zeros(shape) if shape else 0.0
    if known:
        with within_range("the standard error", _IN_TABLE):
            error = values.standard_error([(float(w), c) for w, c in known])
    degrees = values.degrees if np.any(error) else None
    return ExpressionEstimate(value, error, str(expression), numbers, degrees, values.caveats)


def _weighted(expression: Expression, numbers: Mapping[str, Any]) -> _Terms:
    """Return the terms at given numbers; those of weight zero ask nothing of anybody."""
    check_numbers(numbers, expression.symbols)
    exact = {name: rational(name, value) for name, value in numbers.items()}
    weighted = [(value_at(coefficient, exact), k) for coefficient, k in expression.terms]
    return [(weight, contraction) for weight, contraction in weighted if weight]


def _is_penalised(expression: Expression) -> bool:
    return any(PENALISED in contraction.labels for contraction in expression.contractions)


def _shape(expression: Expression, dimension: int | None) -> tuple[int, ...]:
    if expression.rank and dimension is None:
        raise StatisticsError(
            "expected derivatives of order 1 or more for an expression with free legs, got none"
        )
    return (dimension or 0,) * expression.rank


def _total(source: Evaluator | Tabulated, terms: _Terms, shape: tuple[int, ...], cause: str) -> Any:
    """Return the sum of the terms; the first that is beyond floats is named."""
    if source.is_exact:
        exact: Any = np.full(shape, Fraction(0)) if shape else Fraction(0)
        return sum((weight * source.value(contraction) for weight, contraction in terms), exact)
    values = []
    for weight, contraction in terms:
        name = f"the term of {shortened(str(contraction))}"
        with within_range(name, cause):
            values.append(_as_float(weight) * source.value(contraction))
        check_finite(values[-1], name, cause)
    total: Any = sum(values, np.zeros(shape)) if shape else math.fsum(values)
    check_finite(total, "the sum", cause)
    return total


def _as_float(weight: Fraction) -> float:
    try:
        return float(weight)
    except OverflowError:
        raise RequestError(
            "expected coefficients below 1e308 for floats, got a larger one; take smaller numbers"
        ) from None
