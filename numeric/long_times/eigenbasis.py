r"""The eigenbasis of :math:`\eta H`, in which the learning rate is plus or minus the identity.

With its sign s, the symmetric square root :math:`R = (s \eta)^{1/2}` and
:math:`s R H R = V \operatorname{diag}(h) V^T` the columns of :math:`A = R V` are the basis vectors:
:math:`s A A^T = \eta`, and :math:`s A^T H A` is diag(h). A lower index is transformed by :math:`A^T`; an
upper one comes back by A; every edge brings a factor s.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import numpy as np

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.numeric.values.learning_rate import read_eta

if TYPE_CHECKING:
    from fractions import Fraction

    from numpy.typing import ArrayLike, NDArray

__all__ = ["Eigenbasis", "eigenbasis_of"]

#: Of the largest eigenvalue: up to this size an eigenvalue is that of a flat direction.
_FLAT = 1e-9
#: Of the largest entry: eigenvalues of eta below are zero but for rounding.
_ROUNDING = 1e-12


@final
@dataclass(frozen=True, slots=True, eq=False)
class Eigenbasis:
    r"""Eigenvalues of :math:`\eta H` and a basis; made by `eigenbasis_of`.

    Attributes
    ----------
    eigenvalues
        h in ascending order, shape (p,).
    vectors
        The basis vectors as columns, shape (p, p).
    sign
        1, or -1 for a negative learning rate.
    """

    eigenvalues: NDArray[np.float64]
    vectors: NDArray[np.float64]
    sign: int = 1

    @property
    def flat(self) -> NDArray[np.bool_]:
        """Which eigenvalues are zero but for rounding: below 1e-9 of the largest in size."""
        sizes = np.abs(self.eigenvalues)
        return np.asarray(sizes <= _FLAT * sizes.max(initial=0.0))

    @property
    def clean(self) -> NDArray[np.float64]:
        """The eigenvalues with exact zeros along flat directions."""
        return np.where(self.flat, 0.0, self.eigenvalues)

    @property
    def size(self) -> int:
        """The number of directions p."""
        return len(self.eigenvalues)

    def lower(self, tensor: NDArray[Any]) -> NDArray[Any]:
        """Return a tensor with lower indices only in this basis."""
        return _on_all_axes(tensor, self.vectors)

    def lower_samples(self, samples: NDArray[Any]) -> NDArray[Any]:
        """Return tensors with lower indices, one a sample along the first axis, in this basis."""
        for _ in range(samples.ndim - 1):
            # The axis after the samples goes to the end; after a whole round all are back.
            samples = np.tensordot(samples, self.vectors, axes=(1, 0))
        return samples

    def upper(self, tensor: NDArray[Any]) -> NDArray[Any]:
        """Return a tensor with upper indices only, given in this basis, in the old coordinates."""
        return _on_all_axes(tensor, self.vectors.T)

    def bound(self, sizes: NDArray[Any]) -> float:
        """Return what no entry in this basis exceeds, if the old ones have these sizes."""
        rows = np.sqrt((self.vectors**2).sum(axis=1))
        for _ in range(np.ndim(sizes)):
            sizes = np.tensordot(sizes, rows, axes=(0, 0))
        return float(sizes)


def eigenbasis_of(
    hessian: ArrayLike, eta: ArrayLike | Fraction, *, weight_decay: Fraction | float = 0
) -> Eigenbasis:
    r"""Return the eigenbasis of :math:`\eta (H + \lambda)`.

    Parameters
    ----------
    hessian
        H, symmetric, shape (p, p); it may have negative eigenvalues.
    eta
        Scalar, 1-D diagonal of shape ``(p,)`` or symmetric array of shape ``(p, p)``, with eigenvalues
        of one sign.
    weight_decay
        The strength lambda.

    Raises
    ------
    RequestError
        When eta has a wrong shape or content, or eigenvalues of both signs.

    Examples
    --------
    >>> basis = eigenbasis_of([[2.0, 1.0], [1.0, 2.0]], 0.5)
    >>> basis.eigenvalues.round(12).tolist()
    [0.5, 1.5]
    >>> (basis.vectors @ basis.vectors.T).round(12).tolist()
    [[0.5, 0.0], [0.0, 0.5]]
    """
    H = np.asarray(hessian, dtype=np.float64)
    p = len(H)
    rate = np.asarray(read_eta(eta, p), dtype=np.float64)
    root, sign = _square_root(rate, p)
    curvature = sign * (root @ (H + float(weight_decay) * np.eye(p)) @ root)
    h, V = np.linalg.eigh((curvature + curvature.T) / 2)
    return Eigenbasis(h, root @ V, sign)


def _square_root(rate: NDArray[np.float64], p: int) -> tuple[NDArray[np.float64], int]:
    """Return the root of the learning rate without its sign, and the sign."""
    if rate.ndim < 2:
        values, vectors = np.broadcast_to(rate, (p,)), np.eye(p)
    else:
        values, vectors = np.linalg.eigh(rate)
    rounding = _ROUNDING * float(np.abs(values).max(initial=0.0))
    least, most = float(values.min(initial=0.0)), float(values.max(initial=0.0))
    if least < -rounding and most > rounding:
        raise RequestError(
            "expected a learning rate with eigenvalues of one sign for the eigenbasis of eta H, "
            f"got eta with the eigenvalues {least:.6g} and {most:.6g}; the plain expansion takes any eta"
        )
    sign = -1 if least < -rounding else 1
    sizes = np.sqrt(np.clip(sign * values, 0, None))
    return np.asarray((vectors * sizes) @ vectors.T), sign


def _on_all_axes(tensor: NDArray[Any], matrix: NDArray[Any]) -> NDArray[Any]:
    """Return the tensor with sum_i x_..i.. M_ij for every axis."""
    for _ in range(np.ndim(tensor)):
        # The first axis goes to the end; after a whole round all are back.
        tensor = np.tensordot(tensor, matrix, axes=(0, 0))
    return np.asarray(tensor)
