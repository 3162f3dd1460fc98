"""Arrays of floats inside JSON, without a lost bit."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["packed", "packed_factor", "triangular_factor"]


def packed(array: Any) -> dict[str, Any]:
    """Return an array as its shape and the base64 of its little-endian doubles.

    Examples
    --------
    >>> packed([1.0, 0.5])
    {'shape': [2], 'doubles': 'AAAAAAAA8D8AAAAAAADgPw=='}
    """
    floats = np.ascontiguousarray(array, dtype="<f8")
    return {"shape": list(floats.shape), "doubles": b64encode(floats.tobytes()).decode()}


def packed_factor(matrix: NDArray[np.float64]) -> dict[str, Any]:
    """Return the triangular factor of a matrix, without its zeros where it is triangular.

    Examples
    --------
    >>> data = packed_factor(np.eye(3)[[0, 1, 2, 0]])
    >>> data["shape"], data["is_triangular"], len(data["doubles"])
    ([3, 3], True, 64)
    """
    factor = triangular_factor(matrix)
    rows, columns = factor.shape
    is_triangular = rows == columns and not np.tril(factor, -1).any()
    kept = factor[np.triu_indices(rows)] if is_triangular else factor
    return {**packed(kept), "shape": [rows, columns], "is_triangular": is_triangular}


def triangular_factor(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    r"""Return R with at most as many rows as columns and :math:`|R w| = |A w|` for all w.

    That of a QR decomposition, whose columns are brought to one size before: nothing is squared, so
    that sums that cancel keep their digits.
    """
    if matrix.shape[0] <= matrix.shape[1]:
        return matrix
    sizes = np.abs(matrix).max(axis=0, initial=0.0)
    sizes = np.where((sizes > 0) & np.isfinite(sizes), sizes, 1.0)
    factor: NDArray[np.float64] = np.asarray(np.linalg.qr(matrix / sizes, mode="r"))
    return factor * sizes
