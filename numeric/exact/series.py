r"""Truncated power series with whole coefficients, and polynomials of them.

A series in the learning rate *s* is a list of its coefficients up to a common order. The simulator
counts *s* in so small a unit, :math:`u = s / Q`, that all coefficients are Python integers: no
fraction is reduced on the way. `times` refuses a factor that would leave the integers, so that a unit
that is not small enough is an error and never a wrong result.
"""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import product
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = [
    "Exponents",
    "Monomials",
    "PolynomialTerms",
    "Series",
    "add",
    "derivative",
    "multiply",
    "step_down",
    "subtract",
    "taylor",
    "times",
    "weighted",
]

Exponents = tuple[int, ...]
#: Pairs of exponents and coefficients.
PolynomialTerms = tuple[tuple[Exponents, Fraction], ...]
Series = list[int]

_Number = TypeVar("_Number", int, Fraction)


class Monomials:
    """The monomials of degree <= order that are needed, each a product of an earlier and a variable.

    Parameters
    ----------
    needed
        The exponents that occur; their divisors are added, for derivatives and for the products.
    p
        The number of variables.
    order
        The order of the series.
    has_constants
        Whether variables have constant terms; without, a monomial of a higher degree than the order
        vanishes and is left out.

    Examples
    --------
    The square of u + u^2 and twice it:

    >>> monomials = Monomials({(2,)}, p=1, order=3)
    >>> powers = monomials.evaluate([[0, 1, 1, 0]])
    >>> powers[-1], monomials.apply(monomials.vector({(2,): 2}), powers)
    ([0, 0, 1, 2], [0, 0, 2, 4])
    """

    def __init__(
        self, needed: Iterable[Exponents], p: int, order: int, *, has_constants: bool = False
    ) -> None:
        self.order = order
        divisors = {(0,) * p}
        for exponents in needed:
            divisors.update(product(*(range(power + 1) for power in exponents)))
        kept = divisors if has_constants else (e for e in divisors if sum(e) <= order)
        self.list = sorted(kept, key=lambda e: (sum(e), e))
        index = {exponents: i for i, exponents in enumerate(self.list)}
        self.recipe: list[tuple[int, int]] = []
        for exponents in self.list[1:]:
            variable = next(i for i, power in enumerate(exponents) if power)
            parent = tuple(power - (i == variable) for i, power in enumerate(exponents))
            self.recipe.append((index[parent], variable))

    def vector(self, polynomial: Mapping[Exponents, _Number]) -> list[_Number]:
        """Return the coefficients over the list."""
        zero: Any = 0
        return [polynomial.get(exponents, zero) for exponents in self.list]

    def evaluate(self, variables: Sequence[Sequence[_Number]]) -> list[list[_Number]]:
        """Return every monomial of these series."""
        result: list[list[Any]] = [[1] + [0] * self.order]
        for parent, variable in self.recipe:
            result.append(multiply(result[parent], variables[variable]))
        return result

    def apply(
        self, vector: Sequence[_Number], powers: Sequence[Sequence[_Number]]
    ) -> list[_Number]:
        """Return the polynomial with these coefficients at evaluated monomials."""
        result: list[Any] = [0] * (self.order + 1)
        for coefficient, series in zip(vector, powers, strict=True):
            if coefficient:
                for k, x in enumerate(series):
                    result[k] += coefficient * x
        return result


def multiply(a: Sequence[_Number], b: Sequence[_Number]) -> list[_Number]:
    """Multiply two truncated series of one length.

    Examples
    --------
    >>> multiply([1, 2, 3], [0, 1, 1])
    [0, 1, 3]
    """
    result = [x - x for x in a]
    for i, x in enumerate(a):
        if x:
            for j in range(len(a) - i):
                result[i + j] += x * b[j]
    return result


def add(a: Sequence[_Number], b: Sequence[_Number]) -> list[_Number]:
    """Add two series of one length."""
    return [x + y for x, y in zip(a, b, strict=True)]


def subtract(a: Sequence[_Number], b: Sequence[_Number]) -> list[_Number]:
    """Subtract two series of one length."""
    return [x - y for x, y in zip(a, b, strict=True)]


def step_down(a: Series, b: Series) -> Series:
    """Return a - u b: the power of the learning rate in a step, cut at the order of `a`.

    Examples
    --------
    >>> step_down([0, 1, 1], [5, 7, 9])
    [0, -4, -6]
    """
    return [a[0], *(x - y for x, y in zip(a[1:], b, strict=False))]


def times(factor: Fraction, series: Series) -> Series:
    """Multiply by a rational number, exactly.

    Raises
    ------
    ArithmeticError
        When the result is not whole: the unit of the series is too large.

    Examples
    --------
    >>> times(Fraction(2, 3), [0, 3, 6])
    [0, 2, 4]
    """
    numerator, denominator = factor.numerator, factor.denominator
    if denominator == 1:
        return [numerator * x for x in series]
    pairs = [divmod(numerator * x, denominator) for x in series]
    if any(rest for _, rest in pairs):
        raise ArithmeticError(f"expected whole coefficients, got {factor} times {series}")
    return [whole for whole, _ in pairs]


def weighted(weights: Sequence[int], vectors: Sequence[Sequence[int]]) -> list[int]:
    """Return the sum of weights times vectors."""
    return [
        sum(w * c for w, c in zip(weights, column, strict=True) if w)
        for column in zip(*vectors, strict=True)
    ]


def derivative(polynomial: Mapping[Exponents, _Number], variable: int) -> dict[Exponents, _Number]:
    """Return the derivative of a polynomial by one variable.

    Examples
    --------
    >>> derivative({(2, 1): 3, (0, 1): 1}, 0)
    {(1, 1): 6}
    """
    return {
        tuple(power - (i == variable) for i, power in enumerate(exponents)): c * exponents[variable]
        for exponents, c in polynomial.items()
        if exponents[variable]
    }


def taylor(polynomial: PolynomialTerms, start: Sequence[Fraction]) -> dict[Exponents, Fraction]:
    """Return the coefficients of the polynomial in the deviation from the start.

    Examples
    --------
    >>> taylor((((2,), Fraction(1)),), [Fraction(3)])
    {(0,): Fraction(9, 1), (1,): Fraction(6, 1), (2,): Fraction(1, 1)}
    """
    result: dict[Exponents, Fraction] = {}
    for exponents, coefficient in polynomial:
        for lower in product(*(range(power + 1) for power in exponents)):
            factor = coefficient
            for power, low, point in zip(exponents, lower, start, strict=True):
                factor *= math.comb(power, low) * point ** (power - low)
            result[lower] = result.get(lower, Fraction(0)) + factor
    return result
