"""Commutative rings that hold the rational numbers, and sparse matrices over them.

A matrix is a dictionary of rows, a row a dictionary column -> entry. What is missing is zero, so that
triangular matrices stay triangular at no cost.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeVar

from flint import arb, fmpq

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "BALLS",
    "FRACTIONS",
    "WHOLE",
    "Ring",
    "applied",
    "matrix_power",
    "power_cost",
    "row_times_power",
]

K = TypeVar("K")

SparseRow = dict[K, Any]
Matrix = dict[K, dict[K, Any]]


def _unchanged(value: Any) -> Any:
    return value


@dataclass(frozen=True, slots=True, eq=False)
class Ring:
    """A commutative ring; its elements need ``+`` and ``*`` only.

    Attributes
    ----------
    number
        From rational numbers into the ring; it leaves what is there already.
    dtype
        Of arrays that hold elements.
    is_whole
        Whether it holds whole numbers alone, so that everything is scaled until it is whole.
    for_squaring
        A more precise ring, where matrices are powered by squaring; None where this one will do.
    price
        How much more an operation costs in this ring than in the less precise one.
    lift, settle
        From the less precise ring into this one, and back.
    """

    number: Callable[[Any], Any]
    dtype: type = object
    is_whole: bool = False
    for_squaring: Ring | None = None
    price: int = 1
    lift: Callable[[Any], Any] = _unchanged
    settle: Callable[[Any], Any] = _unchanged


def _whole(value: Fraction) -> int:
    return value.numerator


#: The rational numbers, and polynomials or anything else that combines with fractions.
FRACTIONS = Ring(Fraction)
#: Whole numbers, for rational ones that are scaled: no fraction is ever reduced.
WHOLE = Ring(_whole, is_whole=True)


def _ball(value: Any) -> arb:
    return arb(fmpq(value.numerator, value.denominator)) if isinstance(value, Fraction) else value


#: Balls that certainly contain the numbers, with the bits of the context that they are made in.
BALLS = Ring(_ball)


def applied(row: SparseRow[K], matrix: Matrix[K]) -> SparseRow[K]:
    """Return a row times a matrix.

    Examples
    --------
    >>> applied({"a": 2}, {"a": {"a": 3, "b": 1}, "b": {"b": 1}})
    {'a': 6, 'b': 2}
    """
    result: SparseRow[K] = {}
    for middle, x in row.items():
        for target, y in matrix.get(middle, {}).items():
            term = x * y
            result[target] = result[target] + term if target in result else term
    return result


def matrix_power(matrix: Matrix[K], exponent: int) -> Matrix[K]:
    """Return a positive power of a matrix by repeated squaring.

    Examples
    --------
    >>> matrix_power({0: {0: 1, 1: 1}, 1: {1: 1}}, 10)
    {0: {0: 1, 1: 10}, 1: {1: 1}}
    """
    result = matrix
    for bit in bin(exponent)[3:]:
        result = {source: applied(row, result) for source, row in result.items()}
        if bit == "1":
            result = {source: applied(row, result) for source, row in matrix.items()}
    return result


def row_times_power(row: SparseRow[K], matrix: Matrix[K], exponent: int) -> SparseRow[K]:
    """Return a row times a power of a matrix, by repeated squaring.

    Examples
    --------
    >>> row_times_power({0: 1}, {0: {0: 1, 1: 1}, 1: {1: 1}}, 10**6)
    {0: 1, 1: 1000000}
    """
    while exponent:
        if exponent & 1:
            row = applied(row, matrix)
        exponent >>= 1
        if exponent:
            matrix = {source: applied(entries, matrix) for source, entries in matrix.items()}
    return row


def power_cost(matrix: Matrix[K]) -> int:
    """Return the number of products of entries that one squaring takes, once it is filled in.

    Examples
    --------
    >>> power_cost({0: {0: 1, 1: 1}, 1: {1: 1}})
    4
    """
    reach: dict[K, set[K]] = {}
    for start in matrix:
        reached, waiting = {start}, [start]
        while waiting:
            for target in matrix.get(waiting.pop(), {}):
                if target not in reached:
                    reached.add(target)
                    waiting.append(target)
        reach[start] = reached
    return sum(len(reach.get(middle, ())) for targets in reach.values() for middle in targets)
