r"""Truncated power series whose coefficients are numbers or arrays, and smooth functions of them.

A series is an array with one axis in front for the powers :math:`s^0, s^1, \dots`; it holds floats, or
Fractions as objects.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Series = NDArray[Any]

__all__ = ["composed", "contraction_count", "outer", "zeros"]


def zeros(shape: tuple[int, ...], *, is_exact: bool) -> Series:
    """Return zeros, Fractions or floats.

    Examples
    --------
    >>> zeros((2,), is_exact=True)
    array([Fraction(0, 1), Fraction(0, 1)], dtype=object)
    """
    return np.full(shape, Fraction(0)) if is_exact else np.zeros(shape)


def composed(
    derivative: Callable[[int], NDArray[Any]], at: Series, *, rank: int, length: int
) -> Series:
    r"""Return a function of a series by Taylor's formula.

    .. math:: \sum_m \frac{1}{m!} D_{r + m}[\delta, \dots, \delta]

    Equal powers of a partition of the exponent are taken together: a tensor is contracted once for every
    first part.

    Parameters
    ----------
    derivative
        Takes k to the symmetric derivative :math:`D_k`, of shape ``(p, ..., p)`` with k axes; asked
        for those only that contribute.
    at
        :math:`\delta`, of shape ``(K + 1, p)``, without a constant term.
    rank
        The number r of axes that stay.
    length
        The number of coefficients that are wanted, at most K + 1.

    Returns
    -------
    ndarray
        Shape ``(length, p, ..., p)``.

    Examples
    --------
    The exponential function at s + s^2:

    >>> composed(lambda k: np.ones((1,) * k), np.array([[0.0], [1.0], [1.0]]), rank=0, length=3)
    array([1. , 1. , 1.5])
    """
    constant = np.asarray(derivative(rank))
    result = zeros((length, *constant.shape), is_exact=constant.dtype == object)
    result[0] = constant
    parts = [k for k in range(1, length) if at[k].any()]

    def add(tensor: NDArray[Any], legs: int, total: int, largest: int, repeats: int) -> None:
        """Contract what is left of the legs with parts that are no larger than the last."""
        if not legs:
            result[total] += tensor
            return
        for k in parts:
            if k > largest or total + k + (legs - 1) * parts[0] >= length:
                break
            again = repeats + 1 if k == largest else 1
            # One factorial for every run of equal parts.
            add((tensor @ at[k]) / again, legs - 1, total + k, k, again)

    for m in range(1, length):
        if parts and m * parts[0] < length:
            add(np.asarray(derivative(rank + m)), m, 0, length, 0)
    return result


def contraction_count(length: int) -> int:
    """Return how many contractions of its largest tensors `composed` makes, at most.

    Examples
    --------
    >>> contraction_count(3)
    3
    """
    return length * (length - 1) // 2


def outer(a: Series, b: Series) -> Series:
    """Return the product of two series of one length, with the axes of both.

    Examples
    --------
    >>> outer(np.array([1.0, 2.0]), np.array([[0.0], [1.0]]))
    array([[0.],
           [1.]])
    """
    length = len(a)
    result = zeros((length, *a.shape[1:], *b.shape[1:]), is_exact=a.dtype == object)
    for i in range(length):
        for j in range(length - i):
            result[i + j] = result[i + j] + np.multiply.outer(a[i], b[j])
    return result
