r"""Divided differences of :math:`x^T` and :math:`e^{Tx}`, at nodes that may coincide.

The divided difference of f at the nodes :math:`x_0, \dots, x_L` is the corner entry of f(M), where M
has the nodes on its diagonal and ones above it (G. Opitz, Z. Angew. Math. Mech. 44 (1964) T52): nothing
is divided, so coinciding nodes are nodes like any others. Powers go by repeated squaring, exponentials
by scaling, Taylor's series and squaring (A. McCurdy, K. C. Ng, B. N. Parlett, Math. Comp. 43 (1984)
501).

The arithmetic bounds its own errors (`sgdiagrams.numeric.precision.balls`): floats first; entries that
may be off by more than 1e-11 again with 32 digits, and what then is left, by cancellation between nodes
of different signs, with as many digits as it takes. For nodes that are not negative the error of the
power is about (L + 2) T times that of one operation, because nothing cancels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import localcontext
from fractions import Fraction
from math import ceil, isfinite, log2
from typing import TYPE_CHECKING, Any

import numpy as np

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.numeric.precision.balls import Ball, Decimals, Doubles, Floats, Precision, to_floats
from sgdiagrams.symbolic.checks import whole_number
from sgdiagrams.symbolic.propagation.sparse import applied, row_times_power

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["exponential_difference", "power_difference"]

_TOLERANCE = 1e-11
#: Digits at which entries are repeated that 32 do not settle.
_DIGITS = (60, 240, 960)

#: From nodes in some precision to the corner entry; None for an exact zero.
_Corner = Callable[[list[Ball], Precision], Ball | None]


def power_difference(nodes: Sequence[ArrayLike], T: int) -> NDArray[Any]:
    r"""Return the divided difference :math:`[x_0, \dots, x_L]\, x^T`.

    It is the complete homogeneous polynomial of degree T - L in the nodes, and 0 for T < L.

    Parameters
    ----------
    nodes
        Arrays that broadcast, of real or complex floats; or of exact numbers (integers, fractions, or
        anything with ``+`` and ``*`` in object arrays), which give exact results.
    T
        A whole number >= 0.

    Returns
    -------
    numpy.ndarray
        In the broadcast shape; floats have a relative error below 1e-10, taking the given nodes as
        exact. Results below 1e-290 are less accurate.

    Raises
    ------
    RequestError
        When there are no nodes, or their shapes do not fit.
    SamplingError
        When T is not a whole number >= 0.

    Examples
    --------
    >>> float(power_difference([1.0, 1.0, 1.0], 10)), power_difference([Fraction(1, 2), 3], 2).item()
    (45.0, Fraction(7, 2))
    """
    number = whole_number("T", T)
    arrays = _arrays(nodes)
    last = len(arrays) - 1
    if all(x.dtype.kind in "biuO" for x in arrays):
        exact = [x.astype(object) for x in arrays]
        corner = row_times_power({0: 1}, _bidiagonal(exact, 1), number).get(last, 0)
        return _in_shape(np.asarray(corner, dtype=object), arrays)

    def find(balls: list[Ball], precision: Precision) -> Ball | None:
        one = precision.ball(1.0)
        return row_times_power({0: one}, _bidiagonal(balls, one), number).get(last)

    return _certified(find, arrays)


def exponential_difference(nodes: Sequence[ArrayLike], T: float | Fraction) -> NDArray[Any]:
    r"""Return the divided difference :math:`[x_0, \dots, x_L]\, e^{Tx}`.

    With the nodes scaled to :math:`|y| \le 1/2` by a power of two, all terms of Taylor's series beyond
    the first together are smaller than that; it needs no shift against cancellation. The squarings
    that follow have none, since the differences of exp at real nodes are positive.

    Parameters
    ----------
    nodes
        Arrays of real or complex floats that broadcast.
    T
        A finite number >= 0.

    Returns
    -------
    numpy.ndarray
        In the broadcast shape; the relative error is below 1e-10, taking nodes and T as exact.

    Raises
    ------
    RequestError
        When there are no nodes, their shapes do not fit, or T is negative or not finite.

    Examples
    --------
    >>> float(exponential_difference([0.0, 0.0, 0.0], 3))
    4.5
    >>> round(float(exponential_difference([-2.0, 0.0], 9)), 12)
    0.499999992385
    """
    if not isinstance(T, Fraction) and not isfinite(T):
        raise RequestError(f"expected a finite number >= 0 for T, got T={T}")
    time = Fraction(T)
    if time < 0:
        raise RequestError(f"expected a finite number >= 0 for T, got T={T}")
    arrays = [x if x.dtype.kind in "fc" else x.astype(float) for x in _arrays(nodes)]
    last = len(arrays) - 1

    def find(balls: list[Ball], precision: Precision) -> Ball | None:
        largest = max(float(np.max(np.abs(x[np.isfinite(x)]), initial=0)) for x in arrays)
        size = Fraction(largest) * time
        squarings = max(0, ceil(log2(size.numerator) - log2(size.denominator)) + 2) if size else 0
        step = time / 2**squarings
        scale = precision.number(step)
        one = precision.ball(1.0)
        matrix = _bidiagonal([x * scale for x in balls], one)
        row = _exponential(matrix, precision, last)
        for _ in range(squarings):
            row = {i: applied(entries, row) for i, entries in row.items()}
        corner = row[0][last]
        for _ in range(last):
            corner = corner * scale
        return corner

    return _certified(find, arrays)


def _exponential(
    matrix: dict[int, dict[int, Ball]], precision: Precision, last: int
) -> dict[int, dict[int, Ball]]:
    """Return the exponential of a bidiagonal matrix with a small diagonal, by Horner's rule."""
    terms, smallness = last, 1.0
    while smallness > 10.0 ** -min(precision.digits + 3, 300) or terms - last < precision.digits:
        terms += 1
        smallness /= 2 * (terms - last)
    one = precision.ball(1.0)
    result = {i: {i: one} for i in matrix}
    for k in range(terms, 0, -1):
        over = precision.number(Fraction(1, k))
        result = {
            i: {j: x * over for j, x in applied(row, result).items()} for i, row in matrix.items()
        }
        for i, row in result.items():
            row[i] = row[i] + one
    return result


def _bidiagonal(diagonal: Sequence[Any], one: Any) -> dict[int, dict[int, Any]]:
    last = len(diagonal) - 1
    return {i: {i: x, i + 1: one} if i < last else {i: x} for i, x in enumerate(diagonal)}


def _arrays(nodes: Sequence[ArrayLike]) -> list[NDArray[Any]]:
    """Return the nodes as arrays, all of them floats where one is."""
    if not len(nodes):
        raise RequestError("expected at least one node of a divided difference, got none")
    arrays: list[NDArray[Any]] = [np.asarray(x) for x in nodes]
    try:
        np.broadcast_shapes(*(x.shape for x in arrays))
    except ValueError:
        shapes = ", ".join(str(x.shape) for x in arrays)
        raise RequestError(f"expected nodes whose shapes broadcast, got {shapes}") from None
    if any(x.dtype.kind in "fc" for x in arrays):
        return [x if x.dtype.kind == "c" else x.astype(float) for x in arrays]
    return arrays


def _in_shape(values: Any, arrays: list[NDArray[Any]]) -> NDArray[Any]:
    shape = np.broadcast_shapes(*(x.shape for x in arrays))
    return np.broadcast_to(np.asarray(values), shape).copy()


def _certified(find: _Corner, arrays: list[NDArray[Any]]) -> NDArray[Any]:
    """Return the corner entry at the lowest precision that settles it, entry by entry."""
    is_complex = any(map(np.iscomplexobj, arrays))
    decimals = [Decimals(digits, is_complex=is_complex) for digits in _DIGITS]
    with np.errstate(all="ignore"):
        floats = Floats(is_complex=is_complex)
        ball = find([floats.ball(x) for x in arrays], floats)
        if ball is None:
            return _in_shape(np.zeros((), dtype=np.result_type(*arrays)), arrays)
        result = _in_shape(to_floats(ball.value), arrays)
        doubtful = _in_shape(np.logical_not(ball.is_certain(_TOLERANCE)), arrays)
        for x in arrays:
            doubtful &= np.isfinite(x)
        for precision in (Doubles(is_complex=is_complex), *decimals):
            if not doubtful.any():
                break
            chosen = [np.broadcast_to(x, doubtful.shape)[doubtful] for x in arrays]
            with localcontext(precision.context):
                ball = find([precision.ball(x) for x in chosen], precision)
                if ball is None:
                    raise AssertionError
                result[doubtful] = to_floats(ball.value)
                doubtful[doubtful] = ~ball.is_certain(_TOLERANCE)
    # What 960 digits leave open is zero.
    result[doubtful] = 0
    return result
