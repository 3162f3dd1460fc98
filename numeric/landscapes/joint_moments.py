"""Joint moments of a finite population's derivatives, at the weights of many runs at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["averaged_products"]


def averaged_products(
    derivative: Callable[[int], Floats],
    blocks: Sequence[tuple[int, ...]],
    weights: Floats | None = None,
) -> list[Floats]:
    """Return the means over the population of products of a datapoint's derivatives.

    Parameters
    ----------
    derivative
        Takes an order k to the derivatives of all n datapoints at R points, shape (R, n, p, ..., p).
    blocks
        For every mean the orders of the derivatives in it.
    weights
        Of the datapoints, of sum 1; equal ones when left out.

    Returns
    -------
    list of ndarray
        Shapes (R, p, ..., p), with the axes of the first derivative first.

    Examples
    --------
    The mean square of x - 1 and x + 1 at x = 0 and 3:

    >>> gradients = np.array([[[-1.0], [1.0]], [[2.0], [4.0]]])
    >>> averaged_products(lambda k: gradients, [(1, 1)])[0].ravel()
    array([ 1., 10.])
    """
    known = {k: derivative(k) for k in sorted({k for block in blocks for k in block})}
    result = []
    for block in blocks:
        operands: list[object] = []
        axis = 2
        for k in block:
            operands += [known[k], [0, 1, *range(axis, axis + k)]]
            axis += k
        n = known[block[0]].shape[1]
        share = np.full(n, 1 / n) if weights is None else weights
        result.append(
            np.einsum(*operands, share, [1], [0, *range(2, axis)], optimize=True)  # type: ignore[call-overload]
        )
    return result
