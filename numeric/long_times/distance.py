r"""How far the weights go, and how far the loss is from quadratic over that distance.

A re-summed series is exact on quadratic losses with additive noise. What it expands in is seen by
the second moments :math:`M = \langle \Delta \Delta^T \rangle` of the displacement that linkless
diagrams with two edges give, in the eigenbasis of :math:`\eta H`. With the response :math:`\tau_a`
of the mean displacement to a constant force along basis vector a, third and fourth derivatives add
to the displacement about

.. math:: (d_J)_a = \tfrac12 \tau_a \sqrt{J_{abc} J_{ade} M_{bd} M_{ce}}, \qquad
          (d_K)_a = \tfrac16 \tau_a \sqrt{K_{abcc'} M_{cc'} K_{ab'dd'} M_{dd'} M_{bb'}},

and the noise of the Hessian to M what an additional covariance :math:`\langle \tilde h M \tilde h
\rangle` of gradients would. The mean drift :math:`\tfrac12 \tau_a J_{abc} M_{bc}` adds its square
to M before. Lengths are measured along curved directions; for losses each counts with
:math:`|h_a|`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sgdiagrams.numeric.estimates.powers import Excursion
from sgdiagrams.numeric.long_times.weights import is_limit, weight
from sgdiagrams.symbolic.theorem import expand

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from sgdiagrams.numeric.long_times.amplitudes import Amplitudes
    from sgdiagrams.symbolic.resummation.forms import Form
    from sgdiagrams.symbolic.resummation.skeletons import DressedTerm
    from sgdiagrams.symbolic.training.training import Training

    Floats = NDArray[np.float64]

__all__ = ["excursion"]

#: How much more than estimated third and fourth derivatives and the noise of the Hessian contribute, such
#: that truncation errors cover true ones (docs/benchmarks.md).
_THIRD, _FOURTH, _NOISE = 1.5, 4.0, 2.5
#: Fourth derivatives are looked at up to so many entries.
_ENTRIES = 2**20


def excursion(
    parts: Sequence[Training],
    amplitudes: Amplitudes,
    form: Form,
    *,
    rank: int,
    is_loss: bool,
    is_of_noise: bool,
) -> Excursion:
    r"""Return how far the weights go, the furthest of all parts.

    The small parameter of higher derivatives is the greater of :math:`1.5\, |d_J| / |\Delta|` and
    :math:`2 \sqrt{|d_K| / |\Delta|}`, as far as they are known; that of the noise of the Hessian is
    :math:`\sqrt{2.5\, \text{tr}\, M_{\tilde h} / \text{tr}\, M}` with what it adds to M.

    Parameters
    ----------
    parts
        The trainings, with their numbers.
    amplitudes
        The tensors in the eigenbasis.
    form
        The form of the expansion.
    rank
        The number of its free indices: without any, lengths are measured for a loss.
    is_loss
        Whether it is the expansion of a loss.
    """
    found = [_of(part, amplitudes, form, rank, is_of_noise=is_of_noise) for part in parts]
    spreads, ratios, noises = zip(*found, strict=True)
    return Excursion(
        distance=spreads[0] if rank == 1 and len(parts) == 1 else 0.0,
        ratio=max(ratios),
        noise=max(noises),
        has_third=amplitudes.tensor(3) is not None,
        energy=max(spreads) ** 2 / 2 if is_loss else 0.0,
    )


def _of(
    part: Training, amplitudes: Amplitudes, form: Form, rank: int, *, is_of_noise: bool
) -> tuple[float, float, float]:
    basis = amplitudes.basis
    M, of_noise, noise = _second_moments(part, amplitudes, form)
    if not np.isfinite(M).all():
        return np.inf, np.inf, np.inf
    metric = np.abs(basis.clean) if not rank else (~basis.flat).astype(float)
    if not metric.any():
        metric = np.ones_like(metric)
    spread = float(np.sqrt(metric @ np.clip(np.diagonal(M), 0, None)))
    if not spread:
        return 0.0, 0.0, 0.0
    added = noise * amplitudes.hessian_noise(M)
    compared = metric @ np.clip(np.diagonal(of_noise if is_of_noise else M), 0, None)
    size = metric @ np.abs(np.diagonal(added))
    noisy = float(np.sqrt(_NOISE * size / compared)) if size else 0.0
    ratios = [0.0]
    response = np.abs(_response(part, amplitudes, form))
    J = amplitudes.tensor(3)
    if J is not None:
        drift = response * np.tensordot(J, M, axes=2) / 2
        M = M + np.outer(drift, drift)
        if not np.isfinite(M).all():
            return np.inf, np.inf, np.inf
    values, vectors = np.linalg.eigh(M)
    root = vectors * np.sqrt(np.clip(values, 0, None))  # root @ root.T is M
    if J is not None:
        along = np.tensordot(np.tensordot(J, root, axes=(2, 0)), root, axes=(1, 0))
        sizes = response * np.sqrt((along**2).sum(axis=(1, 2))) / 2
        ratios.append(_THIRD * float(np.sqrt(metric @ sizes**2)) / spread)
    if len(M) ** 4 <= _ENTRIES:
        K = amplitudes.tensor(4)
        if K is not None:
            along = np.tensordot(K, M, axes=2) @ root
            sizes = response * np.sqrt((along**2).sum(axis=1)) / 6
            ratios.append(np.sqrt(_FOURTH * float(np.sqrt(metric @ sizes**2)) / spread))
    return spread, float(max(ratios)), noisy


def _second_moments(
    part: Training, amplitudes: Amplitudes, form: Form
) -> tuple[Floats, Floats, Floats]:
    """Return M, its part from the covariance of the gradients, and what multiplies that."""
    p = len(amplitudes.basis.eigenvalues)
    M, of_noise, noise = np.zeros((p, p)), np.zeros((p, p)), np.zeros((p, p))
    for term in _pieces("second-moment", 2, part):
        weights = weight(term, [part], amplitudes.basis, form)
        entries = amplitudes.of(term.contraction, cleaned=is_limit(form))
        contribution = np.where(entries == 0, 0.0, entries * weights)
        summed = contribution.sum(axis=tuple(range(2, term.order)))
        M = M + summed
        c = term.contraction
        if c.node_count == 2 and len(c.blocks) == 1:
            noise = noise + np.nan_to_num(weights)
            of_noise = of_noise + summed
    return M, of_noise, noise


def _response(part: Training, amplitudes: Amplitudes, form: Form) -> Floats:
    total = np.zeros(len(amplitudes.basis.eigenvalues))
    for term in _pieces("displacement", 1, part):
        total = total + np.nan_to_num(weight(term, [part], amplitudes.basis, form))
    return total


def _pieces(observable: str, order: int, part: Training) -> Sequence[DressedTerm]:
    expansion: Any = expand(
        observable, order=order, sampling=part.sampling, optimizer=part.optimizer, resummed=True
    )
    return [term for term in expansion.pieces if term.order]
