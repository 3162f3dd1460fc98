r"""Joint cumulants of derivatives in the eigenbasis, of the entries that are asked for alone.

A block of a diagram whose nodes share edges has the same index at several legs. Its tensor with all legs
has :math:`p^{2d - 1}` entries for d edges, of which a contraction needs the :math:`p^d` on the diagonals.
Those are computed directly: derivatives are brought into the eigenbasis sample by sample, and products of
their entries at equal indices are averaged. All derivatives are centred first, since joint cumulants of
two nodes or more do not change then, and nothing cancels where means are large against the spread.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

import numpy as np

from sgdiagrams.diagrams.partitions import blocks_of, moebius, set_partitions
from sgdiagrams.numeric.values.leaves import Leaf

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from sgdiagrams.numeric.derivatives.derivatives import Derivatives
    from sgdiagrams.numeric.long_times.eigenbasis import Eigenbasis
    from sgdiagrams.numeric.values.leaves import Leaves

__all__ = ["JointCumulants", "TiedNode"]

#: What is differentiated, and the names of the indices at its legs.
TiedNode = tuple[str, tuple[int, ...]]

#: Intermediates have at most so many entries, by taking some of the samples at a time.
_CHUNK = 2**22
#: Results that several contractions share are kept up to so many entries together.
_KEPT = 2**25


@final
class JointCumulants:
    """Joint cumulants of two nodes or more over one population, in one basis.

    Parameters
    ----------
    population
        In floats.
    leaves
        The arrays of its nodes.
    basis
        Where the derivatives are brought to; scalars do without.
    """

    def __init__(
        self, population: Derivatives, leaves: Leaves, basis: Callable[[], Eigenbasis]
    ) -> None:
        self._leaves = leaves
        self._basis = basis
        n = population.sample_size
        weights = population.weights
        self._shares = np.full(n, 1 / n) if weights is None else np.asarray(weights, dtype=float)
        self._samples: dict[tuple[str, int], NDArray[Any]] = {}
        self._known: dict[tuple[TiedNode, ...], NDArray[Any]] = {}
        self._room = _KEPT

    def of(self, nodes: Sequence[TiedNode]) -> tuple[NDArray[Any], tuple[int, ...]]:
        """Return the joint cumulant of nodes, and its different indices, one an axis."""
        indices = tuple(dict.fromkeys(i for _, legs in nodes for i in legs))
        place = {i: axis for axis, i in enumerate(indices)}
        pattern = tuple((label, tuple(place[i] for i in legs)) for label, legs in nodes)
        if pattern in self._known:
            return self._known[pattern], indices
        total: Any = 0.0
        for partition in set_partitions(len(pattern)):
            parts = blocks_of(partition)
            # The mean of one node alone is 0.
            if all(len(part) > 1 for part in parts):
                factor = moebius(partition, (0,) * len(pattern))
                product: Any = float(factor)
                for part in parts:
                    product = product * self._moment([pattern[v] for v in part], len(indices))
                total = total + product
        shape = (self._size(indices),) * len(indices)
        result = np.array(np.broadcast_to(total, shape), dtype=float)
        if result.size <= self._room:
            self._room -= result.size
            self._known[pattern] = result
        return result, indices

    def _moment(self, nodes: Sequence[TiedNode], count: int) -> NDArray[Any]:
        """Return the mean of a product of nodes, with `count` axes, of length 1 where it has none."""
        output = sorted({i for _, legs in nodes for i in legs})
        p, n = self._size(output), len(self._shares)
        step = max(1, _CHUNK // p ** len(output))
        total: Any = 0.0
        for start in range(0, n, step):
            rows = slice(start, start + step)
            factors = [(self._sampled(label, len(legs))[rows], legs) for label, legs in nodes]
            total = total + _mean(factors, self._shares[rows], output)
        return np.reshape(total, [p if i in output else 1 for i in range(count)])

    def _sampled(self, label: str, order: int) -> NDArray[Any]:
        """Return the centred derivatives of all samples in the basis."""
        key = (label, order)
        if key not in self._samples:
            given = self._leaves.array(Leaf(label, order, is_sampled=True))
            mean = np.tensordot(self._shares, given, axes=1)
            array = np.empty(given.shape)
            step = max(1, _CHUNK // max(1, mean.size))
            for start in range(0, len(given), step):
                rows = slice(start, start + step)
                centred = given[rows] - mean
                array[rows] = self._basis().lower_samples(centred) if order else centred
            # What the mean was rounded by.
            array -= np.tensordot(self._shares, array, axes=1)
            self._samples[key] = array
        return self._samples[key]

    def _size(self, indices: Sequence[int]) -> int:
        return self._basis().size if indices else 1


def _mean(
    factors: list[tuple[NDArray[Any], tuple[int, ...]]], shares: NDArray[Any], output: list[int]
) -> NDArray[Any]:
    """Return the weighted sum over samples of a product of entries, with the axes `output`."""
    # The smallest ones first, so that one array of the size of the result is made at most.
    left = sorted(factors, key=lambda factor: factor[0].size)
    array, legs = left[0]
    left[0] = (array * shares.reshape(-1, *[1] * (array.ndim - 1)), legs)
    while len(left) > 2:
        (one, a), (other, b) = left[:2]
        legs = tuple(dict.fromkeys((*a, *b)))
        product = _spread(one, a, legs) * _spread(other, b, legs)
        left = sorted([(product, legs), *left[2:]], key=lambda factor: factor[0].size)
    (one, a), (other, b) = left
    if not set(a) & set(b):
        # One product of matrices.
        array = one.reshape(len(one), -1).T @ other.reshape(len(other), -1)
        array = array.reshape([*one.shape[1:], *other.shape[1:]])
        return np.asarray(array.transpose([(*a, *b).index(i) for i in output]))
    sample = len(output)
    place = {i: axis for axis, i in enumerate(output)}
    first, second = [sample, *(place[i] for i in a)], [sample, *(place[i] for i in b)]
    return np.asarray(np.einsum(one, first, other, second, list(range(sample))))


def _spread(array: NDArray[Any], legs: tuple[int, ...], onto: tuple[int, ...]) -> NDArray[Any]:
    """Return samples with an axis for each of `onto`, of length 1 where they have no such index."""
    order = [i for i in onto if i in legs]
    moved = array.transpose([0, *(1 + legs.index(i) for i in order)])
    lengths = dict(zip(order, moved.shape[1:], strict=True))
    return moved.reshape([len(array), *(lengths.get(i, 1) for i in onto)])
