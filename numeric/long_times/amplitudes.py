"""Contractions entry by entry in the eigenbasis: what a re-summed weight multiplies."""

from __future__ import annotations

from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, Any, final

import numpy as np

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import shortened
from sgdiagrams.numeric.long_times.eigenbasis import Eigenbasis, eigenbasis_of
from sgdiagrams.numeric.long_times.joint_cumulants import JointCumulants
from sgdiagrams.numeric.precision.finite import check_finite, largest_inputs, within_range
from sgdiagrams.numeric.values.evaluator import Evaluator
from sgdiagrams.numeric.values.leaves import (
    ADDED,
    LOSS,
    PENALISED,
    Leaf,
    Leaves,
    as_floats,
    check_leaf,
)
from sgdiagrams.symbolic.contractions.contraction import Contraction
from sgdiagrams.symbolic.contractions.factors import edge_indices

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from fractions import Fraction

    from numpy.typing import ArrayLike, NDArray

    from sgdiagrams.numeric.derivatives.derivatives import Derivatives
    from sgdiagrams.numeric.long_times.joint_cumulants import TiedNode

__all__ = ["Amplitudes", "check_size"]

#: What a re-summed evaluation may take beside the statistics, in bytes.
_MEMORY = 2**32
#: So many arrays of one entry for all values of the indices are there at a time.
_ARRAYS = 12
#: So many entries of Hessians are looked at for their noise.
_SAMPLED = 2**22
#: Of what an entry could be without cancellation: up to this size it is zero but for rounding.
_ROUNDING = 1e-11


def check_size(
    dimension: int,
    order: int,
    *,
    contractions: Iterable[Contraction] = (),
    samples: int = 0,
    copies: int = 1,
) -> None:
    """Raise a RequestError where a re-summed evaluation would not fit into memory.

    Parameters
    ----------
    dimension, order
        The number of parameters, and of indices.
    contractions
        Whose tied nodes are needed sample by sample.
    samples
        The number of samples.
    copies
        How often all that is sampled is there at a time.
    """
    tied = {
        (c.labels[v], c.legs[v]) for c in contractions for b in c.blocks if len(b) > 1 for v in b
    }
    entries = _ARRAYS * dimension**order
    entries += copies * samples * sum(dimension**legs for _, legs in tied)
    if 8 * entries > _MEMORY:
        raise RequestError(
            f"expected at most {_MEMORY / 1e9:.1f} GB for a re-summed evaluation, which would need about "
            f"{8 * entries / 1e9:.3g} GB for p={dimension} parameters at order {order}; lower the order"
            f"{' or bring fewer samples' if samples else ''}"
        )


@final
class Amplitudes:
    """The factors of contractions in the eigenbasis, for one population and one learning rate.

    Parameters
    ----------
    population
        In floats, as `Derivatives.as_population` returns it.
    eta
        The learning rate.
    weight_decay
        The strength of the penalty in nodes labelled ``penalised-loss``, and in the eigenbasis.

    Examples
    --------
    >>> from sgdiagrams.numeric.statistics import Statistics
    >>> population = Statistics.from_samples({1: [[1.0], [3.0]], 2: [[[2.0]]] * 2}, role="population")
    >>> amplitudes = Amplitudes(population, 0.5)
    >>> amplitudes.basis.eigenvalues, amplitudes.of(Contraction.build([(0, 1)], [[0], [1]]))
    (array([1.]), array([2.]))
    """

    def __init__(
        self,
        population: Derivatives,
        eta: ArrayLike | Fraction,
        *,
        weight_decay: Fraction | float = 0,
    ) -> None:
        self._statistics = population
        self._decay = weight_decay
        self._evaluator = Evaluator(population, 1.0, weight_decay=float(weight_decay))
        self._leaves = Leaves(population, 1.0, float(weight_decay))
        self._eta = eta
        self._basis: Eigenbasis | None = None
        self._means: dict[tuple[str, int], NDArray[Any]] = {}
        self._cumulants = JointCumulants(population, self._leaves, lambda: self.basis)
        self._bounds: dict[tuple[str, int], float] = {}

    @property
    def dimension(self) -> int:
        """The number of parameters p; 0 where nothing but losses is known."""
        return self._statistics.dimension or 0

    @cached_property
    def cause(self) -> str:
        """The largest numbers that went in, in words."""
        return largest_inputs(self._statistics.samples, self._eta)

    @property
    def basis(self) -> Eigenbasis:
        """The eigenbasis, which scalars do without.

        Raises
        ------
        StatisticsError
            When the second derivatives are missing.
        RequestError
            When eta has a wrong shape or content, or eigenvalues of both signs.
        """
        if self._basis is None:
            check_leaf(self._statistics, LOSS, 2, purpose="for the eigenbasis of eta H")
            what = "the eigenbasis of eta H"
            with within_range(what, self.cause):
                basis = eigenbasis_of(self._curvature(), self._eta, weight_decay=self._decay)
            check_finite(basis.vectors, what, self.cause)
            check_finite(basis.eigenvalues, what, self.cause)
            self._basis = basis
        return self._basis

    def _curvature(self) -> NDArray[Any]:
        """Return H, with the second derivative of a penalty that is a function."""
        hessian: Any = self._evaluator.value(Contraction.build([], [[0]], free=[0, 0]))
        if ADDED not in self._statistics.functions:
            return np.asarray(hessian)
        return np.asarray(hessian + as_floats(self._statistics.functions[ADDED][2]))

    def of(self, contraction: Contraction, *, cleaned: bool = False) -> NDArray[np.float64]:
        """Return the product of the tensors, with one axis of length p for every index.

        Parameters
        ----------
        contraction
            Its blocks are joint cumulants.
        cleaned
            Whether tensor entries that are zero but for rounding are made zero: those below 1e-11 of
            what the root mean squares of the samples' entries would allow.
        """
        legs: list[list[int]] = [[] for _ in contraction.labels]
        for place, v in enumerate(contraction.free):
            legs[v].append(place)
        for (v, w), index in zip(contraction.edges, edge_indices(contraction), strict=True):
            legs[v].append(index)
            legs[w].append(index)
        what = f"the contraction {shortened(str(contraction))}"
        with within_range(what, self.cause):
            product = self._product(contraction, legs, cleaned=cleaned)
        check_finite(product, what, self.cause)
        return product

    def _product(
        self, contraction: Contraction, legs: list[list[int]], *, cleaned: bool
    ) -> NDArray[np.float64]:
        order = contraction.order
        result: Any = 1.0
        for block in contraction.blocks:
            nodes = tuple((contraction.labels[v], tuple(legs[v])) for v in block)
            tensor, indices = self._tensor(nodes)
            if cleaned:
                bound = prod(self._bound(label, len(own)) for label, own in nodes)
                check_finite(bound, "the size of a tensor in the eigenbasis of eta H", self.cause)
                tensor = np.where(np.abs(tensor) <= _ROUNDING * bound, 0.0, tensor)
            # All indices stay, so that nothing is summed.
            ordered = np.transpose(tensor, np.argsort(indices)) if indices else tensor
            result = result * ordered.reshape(
                [self.basis.size if i in indices else 1 for i in range(order)]
            )
        # Every edge and every free index is one of the learning rate.
        sign = self.basis.sign if order % 2 else 1
        return np.array(sign * result, dtype=float)

    def tensor(self, order: int) -> NDArray[np.float64] | None:
        """Return the mean derivative of an order, None where it is not known."""
        if order not in self._statistics.samples:
            return None
        return np.asarray(self._tensor(((LOSS, tuple(range(order))),))[0])

    def hessian_noise(self, moments: NDArray[np.float64]) -> NDArray[np.float64]:
        r"""Return the mean of :math:`\tilde h M \tilde h`, deviations of Hessians around a matrix.

        Where it is costly, it is that of some samples.
        """
        hessians = np.asarray(self._statistics.samples[2], dtype=np.float64)
        weights = self._statistics.weights
        if weights is None:
            few = max(2, _SAMPLED // hessians[0].size)
            hessians = hessians[:: max(1, -(-len(hessians) // few))]
            weights = np.full(len(hessians), 1 / len(hessians))
        vectors = self.basis.vectors
        lowered = vectors.T @ hessians @ vectors
        deviations = lowered - np.tensordot(weights, lowered, axes=1)
        return np.asarray(np.tensordot(weights, deviations @ moments @ deviations, axes=1))

    def _tensor(self, nodes: Sequence[TiedNode]) -> tuple[NDArray[Any], tuple[int, ...]]:
        """Return a mean or a joint cumulant of derivatives, and its different indices."""
        for label, legs in nodes:
            check_leaf(self._statistics, label, len(legs), weight_decay=self._decay)
        if len(nodes) > 1:
            return self._cumulants.of(nodes)
        [(label, legs)] = nodes
        key = (label, len(legs))
        if key not in self._means:
            block = Contraction.build([], [[0]], labels=[label], free=[0] * len(legs))
            tensor = np.asarray(self._evaluator.value(block))
            self._means[key] = self.basis.lower(tensor) if tensor.ndim else tensor
        return self._means[key], legs

    def _bound(self, label: str, order: int) -> float:
        """Return what no entry of a node can exceed without cancellation."""
        key = (label, order)
        if key not in self._bounds:
            size = self._size(label, order)
            self._bounds[key] = self.basis.bound(size) if order else float(size)
        return self._bounds[key]

    def _size(self, label: str, order: int) -> NDArray[Any]:
        """Return the root mean squares of a node's entries over the samples."""
        if label not in (LOSS, PENALISED):
            return np.asarray(np.abs(self._leaves.array(Leaf(label, order))))
        array = self._leaves.array(Leaf(label, order, is_sampled=True))
        weights = self._statistics.weights
        shares = np.full(len(array), 1 / len(array)) if weights is None else np.abs(weights)
        return np.asarray(np.sqrt(np.tensordot(shares, array**2, axes=1)))
