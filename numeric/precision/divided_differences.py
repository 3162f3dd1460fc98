r"""Divided differences of :math:`x^T` and :math:`e^{Tx}`, at nodes that may coincide.

The divided difference of f at the nodes :math:`x_0, \dots, x_L` is the corner entry of f(M), where M
has the nodes on its diagonal and ones above it (G. Opitz, Z. Angew. Math. Mech. 44 (1964) T52): nothing
is divided, so coinciding nodes are nodes like any others. Powers go by repeated squaring, exponentials
by scaling, Taylor's series and squaring (A. McCurdy, K. C. Ng, B. N. Parlett, Math. Comp. 43 (1984)
501).

In floats the diagonal is put in anew after every squaring, from the functions themselves: errors of
:math:`x^T` would double with each, those above the diagonal then grow like the number of squarings. For
nodes that are not negative nothing cancels; elsewhere the same is done with their absolute values, which
bounds the error. What that leaves open, complex nodes, and what leaves the range of floats on the way is
done again in the ball arithmetic of FLINT (F. Johansson, IEEE Trans. Comput. 66 (2017) 1281).
"""

from __future__ import annotations

from fractions import Fraction
from math import ceil, isfinite, log2
from typing import TYPE_CHECKING, Any

import numpy as np
from flint import acb, acb_mat, ctx, fmpq

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.symbolic.checks import whole_number
from sgdiagrams.symbolic.propagation.rings import row_times_power

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = ["exponential_difference", "power_difference"]

#: Floats may be off by this, relative to the result.
_TOLERANCE = 1e-11
#: Bits at which balls are tried one after the other; at the last what contains 0 is 0.
_BITS = (128, 512, 2048, 4096)

#: Upper triangular matrices of arrays: (row, column) -> entry.
_Triangle = dict[tuple[int, int], Any]


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
        corner = row_times_power({0: 1}, _bidiagonal(exact), number).get(last, 0)
        return _in_shape(np.asarray(corner, dtype=object), arrays)

    def in_balls(matrix: acb_mat) -> acb_mat:
        return _power_of_balls(matrix, number)

    if number >= 2**53 or any(map(np.iscomplexobj, arrays)):
        return _by_balls(
            arrays, in_balls, np.zeros((), dtype=np.result_type(*arrays)), doubtful=True
        )
    with np.errstate(all="ignore"):
        result = _power(arrays, number)
        sizes = result
        if any((x < 0).any() for x in arrays):
            sizes = _power([np.abs(x) for x in arrays], number)
        allowed = (
            _TOLERANCE * np.abs(result) / (2.0**-52 * last * number.bit_length() * (last + 10))
        )
        return _by_balls(arrays, in_balls, result, doubtful=~(sizes <= allowed) & (sizes != 0))


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

    def in_balls(matrix: acb_mat) -> acb_mat:
        return (matrix * acb(fmpq(time.numerator, time.denominator))).exp()

    if any(map(np.iscomplexobj, arrays)):
        return _by_balls(arrays, in_balls, np.zeros((), dtype=complex), doubtful=True)
    with np.errstate(all="ignore"):
        return _by_balls(arrays, in_balls, _exponential(arrays, time), doubtful=False)


def _power(nodes: Sequence[NDArray[Any]], T: int) -> NDArray[Any]:
    """Return the corner entry of a power of the bidiagonal matrix, in floats."""
    last, exponent = len(nodes) - 1, 0
    matrix = _triangle(nodes, lambda x: x**0.0)
    for bit in bin(T)[2:]:
        exponent = 2 * exponent + int(bit)
        matrix = _squared(matrix, last)
        if bit == "1":
            matrix = _times_bidiagonal(nodes, matrix)
        for i, x in enumerate(nodes):
            matrix[i, i] = np.power(x, float(exponent))
    return np.asarray(matrix[0, last])


def _exponential(nodes: Sequence[NDArray[Any]], time: Fraction) -> NDArray[Any]:
    """Return the corner entry of an exponential of the bidiagonal matrix, in floats."""
    last = len(nodes) - 1
    largest = max(float(np.max(np.abs(x[np.isfinite(x)]), initial=0)) for x in nodes)
    size = Fraction(largest) * time
    squarings = max(0, ceil(log2(size.numerator) - log2(size.denominator)) + 2) if size else 0
    step = float(time / 2**squarings)
    scaled = [x * step for x in nodes]
    matrix = _triangle(scaled, lambda x: x**0.0)
    # All terms of Taylor's series after the first, 1/L!, are together smaller than that.
    for k in range(last + 20, 0, -1):
        product = _times_bidiagonal(scaled, matrix)
        matrix = {(i, j): x / k + (i == j) for (i, j), x in product.items()}
    for k in range(1, squarings + 1):
        matrix = _squared(matrix, last)
        for i, x in enumerate(scaled):
            matrix[i, i] = np.exp(x * 2.0**k)
    result = np.asarray(matrix[0, last])
    for _ in range(last):
        result = result * step
    return result


def _triangle(nodes: Sequence[NDArray[Any]], diagonal: Callable[[Any], Any]) -> _Triangle:
    zero, count = np.zeros(()), len(nodes)
    above = {(i, j): zero for i in range(count) for j in range(i + 1, count)}
    return above | {(i, i): diagonal(x) for i, x in enumerate(nodes)}


def _squared(matrix: _Triangle, last: int) -> _Triangle:
    return {
        (i, j): sum(matrix[i, m] * matrix[m, j] for m in range(i, j + 1))
        for i in range(last + 1)
        for j in range(i, last + 1)
    }


def _times_bidiagonal(nodes: Sequence[NDArray[Any]], matrix: _Triangle) -> _Triangle:
    return {
        (i, j): nodes[i] * x + (matrix[i + 1, j] if i < j else 0) for (i, j), x in matrix.items()
    }


def _power_of_balls(matrix: acb_mat, T: int) -> acb_mat:
    if T < 2**62:
        return matrix**T
    # FLINT's exponents are machine numbers.
    return _power_of_balls(matrix ** (2**62), T >> 62) * matrix ** (T & (2**62 - 1))


def _by_balls(
    nodes: Sequence[NDArray[Any]],
    function: Callable[[acb_mat], acb_mat],
    result: Any,
    *,
    doubtful: Any,
) -> NDArray[Any]:
    """Return corner entries of a function of bidiagonal matrices, in balls where floats do not do."""
    values = _in_shape(result, nodes)
    left = _in_shape(doubtful, nodes) | ~np.isfinite(values)
    # What is no number stays so.
    for x in nodes:
        left &= np.isfinite(x)
    count = len(nodes)
    for place in map(tuple, np.argwhere(left)):
        own = [np.broadcast_to(x, values.shape)[place].item() for x in nodes]
        entries = [
            own[i] if i == j else int(j == i + 1) for i in range(count) for j in range(count)
        ]
        values[place] = 0
        for bits in _BITS:
            with ctx.workprec(bits):
                corner = function(acb_mat(count, count, entries))[0, count - 1]
            if corner.rel_accuracy_bits() >= -log2(_TOLERANCE):
                number = complex(corner)
                values[place] = number if np.iscomplexobj(values) else number.real
                break
    return values


def _bidiagonal(diagonal: Sequence[Any]) -> dict[int, dict[int, Any]]:
    last = len(diagonal) - 1
    return {i: {i: x, i + 1: 1} if i < last else {i: x} for i, x in enumerate(diagonal)}


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


def _in_shape(values: Any, arrays: Sequence[NDArray[Any]]) -> NDArray[Any]:
    shape = np.broadcast_shapes(*(x.shape for x in arrays))
    return np.broadcast_to(np.asarray(values), shape).copy()
