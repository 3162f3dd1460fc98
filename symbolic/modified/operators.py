r"""Differential operators on functions of the weights, as power series in the learning rate.

An operator is an expression in which the function that it acts on is one node, named `ACTED_ON`: a node
with m legs is the function's m-th derivative, contracted with a tensor of rank m. The product A B of
operators acts as :math:`(A B) s = A (B s)`: the function that A acts on is B s (composition; grafting
onto every node, of the coefficients of B too).

References
----------
E. Hairer, C. Lubich, G. Wanner, Geometric Numerical Integration, III.5 (Lie derivatives) and IX.9.
"""

from __future__ import annotations

from fractions import Fraction
from math import factorial

from sgdiagrams.symbolic.algebra.expression import Expression
from sgdiagrams.symbolic.contractions.contraction import Contraction

__all__ = [
    "ACTED_ON",
    "OperatorSeries",
    "composition",
    "exponential",
    "identity",
    "inverse",
    "logarithm",
    "tensor_of_rank",
]

#: The name of the function that operators act on.
ACTED_ON = "s"

#: Coefficients of the powers 0, 1, ... of the learning rate.
OperatorSeries = tuple[Expression, ...]


def identity(order: int) -> OperatorSeries:
    """Return the operator that leaves functions as they are."""
    unit = Expression.of(Contraction.build([], [[0]], labels=[ACTED_ON]))
    return (unit, *[Expression()] * order)


def composition(outer: OperatorSeries, inner: OperatorSeries) -> OperatorSeries:
    """Return the product in which the outer operator acts on what the inner one gives.

    Examples
    --------
    >>> step = (Expression(), Expression.of("G_a s_a"), Expression())
    >>> composition(step, step)[2] == Expression.of("G_a H_ab s_b") + Expression.of("G_a G_b s_ab")
    True
    """
    order = min(len(outer), len(inner)) - 1
    return tuple(
        sum(
            (
                outer[j].with_function(ACTED_ON, inner[k - j])
                for j in range(k + 1)
                if not (outer[j].is_zero or inner[k - j].is_zero)
            ),
            Expression(),
        )
        for k in range(order + 1)
    )


def inverse(series: OperatorSeries) -> OperatorSeries:
    """Return the inverse of an operator that begins with the identity."""
    order = len(series) - 1
    result = list(identity(order))
    for k in range(1, order + 1):
        # The products to order k, without that of the unknown.
        partial = composition(series[: k + 1], (*result[:k], Expression()))
        result[k] = -partial[k]
    return tuple(result)


def exponential(series: OperatorSeries, time: object = 1) -> OperatorSeries:
    """Return the exponential of a multiple of an operator that begins at order 1.

    Parameters
    ----------
    series
        Whose entry 0 is zero.
    time
        A number or a symbol: the sum over j of time^j/j! times the j-th power.
    """
    order = len(series) - 1
    total = power = identity(order)
    factor = Expression.of(1)
    for j in range(1, order + 1):
        power = composition(series, power)
        factor = factor * Expression.of(time)
        total = tuple(
            a + b * factor * Fraction(1, factorial(j)) for a, b in zip(total, power, strict=True)
        )
    return total


def logarithm(series: OperatorSeries) -> OperatorSeries:
    """Return the logarithm of an operator that begins with the identity.

    Examples
    --------
    >>> step = (Expression(), Expression.of("G_a s_a"), Expression.of("G_a H_ab s_b"))
    >>> logarithm(exponential(step)) == step
    True
    """
    order = len(series) - 1
    rest = (Expression(), *series[1:])
    total: OperatorSeries = (Expression(),) * (order + 1)
    power = identity(order)
    for j in range(1, order + 1):
        power = composition(rest, power)
        scale = Fraction((-1) ** (j + 1), j)
        total = tuple(a + b * scale for a, b in zip(total, power, strict=True))
    return total


def tensor_of_rank(operator: Expression, rank: int) -> Expression:
    r"""Return the tensor that contracts the derivatives of one order: :math:`D_m` of :math:`D_m d^m/m!`.

    It is symmetric, with `rank` free legs.

    Examples
    --------
    >>> operator = Expression.of("C_ab s_ab") - Expression.of("H_ab G_b s_a")
    >>> tensor_of_rank(operator, 1), tensor_of_rank(operator, 2)
    (Expression.parse('-H_ab G_b'), Expression.parse('2 C_ab'))
    """
    terms = []
    for coefficient, k in operator.terms:
        node = k.labels.index(ACTED_ON)
        if k.legs[node] != rank:
            continue
        kept = [v for v in range(k.node_count) if v != node]
        number = {v: i for i, v in enumerate(kept)}
        free = [i + j - node for i, j in k.edges if node in (i, j)]
        edges = [(number[i], number[j]) for i, j in k.edges if node not in (i, j)]
        terms.append(
            (
                coefficient * factorial(rank),
                Contraction.from_parts(
                    edges,
                    [k.partition[v] for v in kept],
                    [k.labels[v] for v in kept],
                    [number[v] for v in free],
                    basis=k.basis,
                ),
            )
        )
    return Expression(terms, rank).symmetrised()
