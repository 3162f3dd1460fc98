r"""Counts of visits in one fixed schedule: the times of visits are the indices of a tensor network.

Where noise is fresh at every visit, all nodes of a visit are at one time, so that the edges between
visits may close circles. What an update at s moves the point of update t by is a matrix, the kernel of
the optimiser; the rows that a datapoint may have are one more index, which the visits of a block share:

.. math:: \sum_{k, t} \prod_{\text{blocks } b} m_{k_b} \prod_{\text{visits } v \in b} M_{k_b t_v}
    \prod_{\text{edges}} K_{t_p t_c} \prod_{\text{roots}} R_{t},

with :math:`m_k` rows of kind k, each of which has :math:`M_{kt}` cells at update t. Different rows and
different cells follow by Moebius inversion.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, Any, final

from sgdiagrams.diagrams.partitions import blocks_of, coarsenings, moebius
from sgdiagrams.symbolic.embeddings.effort import check_steps
from sgdiagrams.symbolic.embeddings.forests import merged_visits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from sgdiagrams.diagrams.partitions import Partition
    from sgdiagrams.symbolic.embeddings.forests import UpdateForest
    from sgdiagrams.symbolic.propagation.grid import GridPropagator
    from sgdiagrams.symbolic.vocabulary import Basis

__all__ = ["VisitedSchedule"]

_MOST_NUMBERS = 5_000_000  # in the largest tensor

#: Names of indices, and an array with an axis for each.
_Factor = tuple[tuple[int, ...], "NDArray[Any]"]


@final
class VisitedSchedule:
    """Weighted numbers of embeddings of visits into the batches of a schedule.

    Parameters
    ----------
    grid
        The schedule with the bare edges of the optimiser, in integers.
    """

    def __init__(self, grid: GridPropagator) -> None:
        self._grid = grid
        self._free: dict[tuple[tuple[int, ...], Partition, Partition], Fraction] = {}

    @cached_property
    def _kernels(self) -> tuple[NDArray[Any], NDArray[Any]]:
        return self._grid.kernels()

    def count(self, forest: UpdateForest, basis: Basis) -> Fraction:
        """Return the weighted number of embeddings of a forest with visits."""
        visits = forest.visits or ()
        if basis == "cumulant":
            return self._anywhere(forest.parents, forest.blocks, visits)
        total = Fraction(0)
        for merged in merged_visits(visits, forest.blocks):
            for blocks in coarsenings(forest.blocks):
                sign = moebius(visits, merged or ()) * moebius(forest.blocks, blocks)
                total += sign * self._anywhere(forest.parents, blocks, merged or ())
        return total

    def _anywhere(self, parents: tuple[int, ...], blocks: Partition, visits: Partition) -> Fraction:
        """Return the number with each visit in one cell and each block on one row, and nothing else."""
        key = (parents, blocks, visits)
        if key not in self._free:
            edges = [(visits[c], visits[p]) for c, p in enumerate(parents) if p >= 0]
            if any(a == b for a, b in edges):
                self._free[key] = Fraction(0)
            else:
                whole = int(_summed(self._factors(parents, blocks, visits, edges)))
                self._free[key] = Fraction(whole, self._grid.dynamics.scale(parents))
        return self._free[key]

    def _factors(
        self,
        parents: tuple[int, ...],
        blocks: Partition,
        visits: Partition,
        edges: Sequence[tuple[int, int]],
    ) -> list[_Factor]:
        """Return the tensors; visit v has the index v, and block b the index ~b where it needs one."""
        kernel, readout = self._kernels
        cells, rows = self._grid.cells, self._grid.multiplicity
        factors: list[_Factor] = [((p, c), kernel) for c, p in edges]
        factors += [((visits[v],), readout) for v, parent in enumerate(parents) if parent < 0]
        for number, block in enumerate(blocks_of(blocks)):
            inside = sorted({visits[v] for v in block})
            if len(inside) == 1:
                factors.append(((inside[0],), cells @ rows))
            else:
                factors.append(((~number,), rows))
                factors += [((visit, ~number), cells) for visit in inside]
        return factors


def _summed(factors: list[_Factor]) -> Any:
    """Return the sum over all indices of a product of tensors, one index after the other."""
    sizes = {i: array.shape[axis] for indices, array in factors for axis, i in enumerate(indices)}
    left = set(sizes)
    while left:
        around = {i: _around(i, factors) for i in left}
        costs = {i: prod(sizes[j] for j in near) for i, near in around.items()}
        index = min(left, key=lambda i: (costs[i], i))
        check_steps(costs[index], "the times of visits", most=_MOST_NUMBERS)
        product: Any = 1
        for indices, array in factors:
            if index in indices:
                product = product * _spread(array, indices, around[index])
        rest = tuple(i for i in around[index] if i != index)
        factors = [factor for factor in factors if index not in factor[0]]
        factors.append((rest, product.sum(axis=around[index].index(index))))
        left.remove(index)
    return prod(array for _, array in factors)


def _around(index: int, factors: Sequence[_Factor]) -> tuple[int, ...]:
    """Return the indices of the tensors that have a given one, in order."""
    return tuple(sorted({i for indices, _ in factors if index in indices for i in indices}))


def _spread(
    array: NDArray[Any], indices: tuple[int, ...], together: tuple[int, ...]
) -> NDArray[Any]:
    """Return an array with an axis for each of several indices, in their order."""
    order = sorted(range(len(indices)), key=indices.__getitem__)
    moved = array.transpose(order)
    sizes = dict(zip(sorted(indices), moved.shape, strict=True))
    return moved.reshape([sizes.get(i, 1) for i in together])
