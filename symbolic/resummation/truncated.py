"""Truncated power series in one small parameter, with SymPy expressions as coefficients.

A series is a tuple: entry k is the coefficient of the k-th power. All series of one calculation have the
same length, and what lies beyond is dropped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from sympy import Add, Expr, Integer

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Truncated", "constant", "cut_power", "cut_product", "product_of", "reciprocal"]

Truncated: TypeAlias = "tuple[Expr, ...]"


def constant(number: Expr, length: int) -> Truncated:
    """Return a number as a series."""
    return (number, *(Integer(0) for _ in range(length - 1)))


def cut_product(first: Truncated, second: Truncated) -> Truncated:
    """Return the product, as long as the shorter factor.

    Examples
    --------
    >>> from sympy import Integer
    >>> cut_product((Integer(1), Integer(2)), (Integer(1), Integer(-2)))
    (1, 0)
    """
    length = min(len(first), len(second))
    return tuple(
        Add(*(first[i] * second[k - i] for i in range(k + 1) if first[i] and second[k - i]))
        for k in range(length)
    )


def product_of(factors: Iterable[Truncated], length: int) -> Truncated:
    """Return the product of some series."""
    result = constant(Integer(1), length)
    for factor in factors:
        result = cut_product(result, factor)
    return result


def cut_power(series: Truncated, exponent: int) -> Truncated:
    """Return a whole power, negative ones where the first coefficient is not 0."""
    base = reciprocal(series) if exponent < 0 else series
    return product_of((base for _ in range(abs(exponent))), len(series))


def reciprocal(series: Truncated) -> Truncated:
    """Return the reciprocal of a series whose first coefficient is not 0.

    Examples
    --------
    >>> from sympy import Integer
    >>> reciprocal((Integer(1), Integer(-1), Integer(0)))
    (1, 1, 1)
    """
    first = 1 / series[0]
    result = [first]
    for k in range(1, len(series)):
        rest = Add(*(series[i] * result[k - i] for i in range(1, k + 1) if series[i]))
        result.append(-first * rest)
    return tuple(result)
