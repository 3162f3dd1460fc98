"""Quadrature rules for N(0, 1): Gauss-Hermite, and a signed one in fractions."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from sgdiagrams.numeric.landscapes.landscape import check_derivative_order

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sgdiagrams.numeric.landscapes.landscape import Floats

__all__ = ["hermite_rule", "rational_rule"]


def hermite_rule(points: int) -> tuple[Floats, Floats]:
    """Return Gauss-Hermite nodes and weights for N(0, 1): exact up to degree 2 points - 1.

    Examples
    --------
    >>> nodes, weights = hermite_rule(3)
    >>> round(float(weights @ nodes**4), 12)
    3.0
    """
    from scipy.special import roots_hermitenorm

    nodes, weights = roots_hermitenorm(points)
    return nodes, weights / weights.sum()


def rational_rule(degree: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return integer nodes and signed rational weights with the moments of N(0, 1) up to a degree.

    The nodes are 0, 1, -1, ..., m, -m; the weight of a node is the Gaussian mean of its Lagrange
    polynomial.

    Returns
    -------
    nodes, weights : ndarray
        Arrays of ``Fraction``, dtype object, shape (2 m + 1,) with 2 m + 1 > degree.

    Examples
    --------
    >>> nodes, weights = rational_rule(4)
    >>> [int(weights @ nodes**k) for k in range(5)]
    [1, 0, 1, 0, 3]
    """
    largest = (degree + 1) // 2
    integers = [0, *(sign * k for k in range(1, largest + 1) for sign in (1, -1))]
    moments = [
        Fraction(math.prod(range(k - 1, 0, -2)) if k % 2 == 0 else 0)
        for k in range(2 * largest + 1)
    ]
    weights = []
    for node in integers:
        polynomial = [Fraction(1)]
        for other in integers:
            if other != node:
                shifted = [Fraction(0), *polynomial]
                scaled = [other * c for c in polynomial] + [Fraction(0)]
                polynomial = [
                    (a - b) / (node - other) for a, b in zip(shifted, scaled, strict=True)
                ]
        weights.append(sum((c * m for c, m in zip(polynomial, moments, strict=True)), Fraction(0)))
    return np.array([Fraction(k) for k in integers]), np.array(weights)


def _rule(order: object, *, degree: int, exact: bool) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return a rule for the blocks of an order: at most order + 1 losses of a degree in x."""
    highest = degree * (check_derivative_order(order) + 1)
    return rational_rule(highest) if exact else hermite_rule(highest // 2 + 1)
