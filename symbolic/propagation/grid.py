r"""Weighted embeddings by number: propagation in time, exact, at a cost polynomial in T.

Every edge is a small linear system (`sgdiagrams.symbolic.propagation.dynamics.EdgeSystem`): its state
is a position, and a velocity where the optimiser has memory. An update opens the edge above it; the
state is carried from step to step; the parent reads the position. All numbers are scaled to integers,
so that nothing is rounded and no fraction is ever reduced.

There are several ways through time. Steps that are alike are counted by `grouped_sum`, and epochs
without memory by the functions of `sgdiagrams.symbolic.propagation.epochs`. Reshuffled epochs with
memory are scanned step by step, with the set of nodes placed so far as the state. `GridPropagator`
works up the tree for any fixed schedule, with one axis for the row of every block of several nodes.
"""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from sgdiagrams.diagrams.partitions import coarsenings, moebius
from sgdiagrams.symbolic.propagation.dynamics import Dynamics
from sgdiagrams.symbolic.propagation.epochs import (
    fixed_epochs_sum,
    node_factors,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from sgdiagrams.symbolic.embeddings.forests import UpdateForest
    from sgdiagrams.symbolic.vocabulary import Basis

__all__ = ["GridPropagator"]


#: The blocks that have an axis, and an array over time and the rows of each.
_Table = tuple[tuple[int, ...], "NDArray[Any]"]


class GridPropagator:
    """Weighted counts for one fixed schedule.

    Parameters
    ----------
    batches
        The rows of every batch.
    N
        The size of the training set.
    dynamics
        The optimiser over the batches.
    """

    def __init__(self, batches: Sequence[Sequence[int]], N: int, dynamics: Dynamics) -> None:
        self.dynamics = dynamics
        self.sizes = np.array([len(batch) for batch in batches], dtype=object)
        # Rows that are used at the same times are alike.
        used: list[list[int]] = [[] for _ in range(N)]
        for t, batch in enumerate(batches):
            for row in batch:
                used[row].append(t)
        alike = Counter(map(tuple, used))
        self.multiplicity = np.array(list(alike.values()), dtype=object)
        self._used = list(alike)
        self.factor = np.array(dynamics.node, dtype=object)
        self._counts: dict[tuple[tuple[int, ...], tuple[int, ...]], Fraction] = {}
        self._epochs = 0 if dynamics.velocity else _epochs(batches)
        self._batch = len(batches[0]) if self._epochs else 0

    @cached_property
    def member(self) -> NDArray[Any]:
        """Whether the rows of each kind are used at each time."""
        table: NDArray[Any] = np.zeros((len(self.sizes), len(self._used)), dtype=object)
        for k, times in enumerate(self._used):
            table[list(times), k] = 1
        return table

    @classmethod
    def plain(cls, batches: Sequence[Sequence[int]], N: int) -> Self:
        """Return a propagator for plain SGD, where every embedding has weight one."""
        return cls(batches, N, Dynamics.plain(len(batches)))

    def count(self, forest: UpdateForest, basis: Basis) -> Fraction:
        """Return the weighted number of embeddings of a forest."""
        if basis == "cumulant":
            return self._count(forest.parents, forest.blocks)
        return sum(
            (
                moebius(forest.blocks, coarse) * self._count(forest.parents, coarse)
                for coarse in coarsenings(forest.blocks)
            ),
            Fraction(0),
        )

    def _count(self, parents: tuple[int, ...], blocks: tuple[int, ...]) -> Fraction:
        key = (parents, blocks)
        if key not in self._counts:
            tied = [b for b, size in Counter(blocks).items() if size > 1]
            is_short = self._epochs and parents and len(tied) < 2
            self._counts[key] = (self._in_epochs if is_short else self._sum)(parents, blocks)
        return self._counts[key]

    def _in_epochs(self, parents: tuple[int, ...], blocks: tuple[int, ...]) -> Fraction:
        """Return the sum for epochs with at most one block of several nodes."""
        tied = sum(1 << v for v, b in enumerate(blocks) if blocks.count(b) > 1)
        sums = fixed_epochs_sum(parents, tied, node_factors(parents, self.dynamics, self._epochs))
        total = int(np.sum(sums)) * self._batch ** (max(blocks) + 1)
        return Fraction(total, self.dynamics.scale(parents))

    def _sum(self, parents: tuple[int, ...], blocks: tuple[int, ...]) -> Fraction:
        n = len(parents)
        left = Counter(blocks)  # nodes of each block that are still to come
        sizes = Counter(blocks)
        pending: list[list[_Table]] = [[] for _ in range(n + 1)]
        for v in reversed(range(n)):  # preorder, so children come first
            block = blocks[v]
            left[block] -= 1
            own: _Table
            if sizes[block] == 1:
                own = ((), self.sizes * self.factor)
            else:
                own = ((block,), self.member * self.factor[:, None])
            axes, values = _product(own, pending[v])
            inside = {w for w in range(v, n) if _is_below(parents, w, v)}
            axes, values = self._close(axes, values, blocks, inside)
            into_root = parents[v] < 0
            values = self._read_out(values) if into_root else self._carry(values)
            pending[parents[v] if not into_root else n].append((axes, values))
        axes, values = _product(((), np.array([1], dtype=object)), pending[n])
        axes, values = self._close(axes, values, blocks, set(range(n)))
        return Fraction(int(values[0]), self.dynamics.scale(parents))

    def _close(
        self,
        axes: tuple[int, ...],
        values: NDArray[Any],
        blocks: tuple[int, ...],
        inside: set[int],
    ) -> _Table:
        """Sum over the rows of the blocks all of whose nodes are inside."""
        for block in axes:
            if all(v in inside for v, b in enumerate(blocks) if b == block):
                place = 1 + axes.index(block)
                values = np.tensordot(values, self.multiplicity, axes=([place], [0]))
                axes = tuple(b for b in axes if b != block)
        return axes, values

    def _carry(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """Return the position that a parent reads at every time, from updates at earlier times."""
        return self._positions(inputs)[:-1]

    def _read_out(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """Return the weighted sum of positions that the root reads, with a time axis of length 1."""
        positions = self._positions(inputs)
        if self.dynamics.readout is None:
            return positions[-1:]
        weights = np.array(self.dynamics.readout, dtype=object)
        if not len(weights):
            return positions[-1:] * 0
        return np.tensordot(weights, positions[1:], axes=([0], [0]))[None]

    def _positions(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """Return the positions after 0, 1, ..., T updates."""
        d = self.dynamics
        start = d.decay_scale**d.updates
        result = np.zeros((d.updates + 1, *inputs.shape[1:]), dtype=object)
        position = result[0]
        velocity = result[0]
        for t in range(d.updates):
            if not d.velocity:
                position = position + inputs[t] * d.position[t]
            else:
                position = position + velocity * d.velocity_to_position[t] // d.decay_scale
                position = position + inputs[t] * (d.position[t] * start)
                velocity = velocity * d.velocity_to_velocity[t] // d.decay_scale
                velocity = velocity + inputs[t] * (d.velocity[t] * start)
            result[t + 1] = position
        return result


def _product(first: _Table, others: list[_Table]) -> _Table:
    result = first
    for other in others:
        result = _multiply(result, other)
    return result


def _multiply(a: _Table, b: _Table) -> _Table:
    """Multiply two arrays over time and the rows of blocks."""
    axes = tuple(sorted({*a[0], *b[0]}))

    def spread(own: tuple[int, ...], values: NDArray[Any]) -> NDArray[Any]:
        order = sorted(range(len(own)), key=own.__getitem__)
        moved = values.transpose(0, *(1 + i for i in order))
        shape = [values.shape[0]]
        sizes = dict(zip(sorted(own), moved.shape[1:], strict=True))
        shape += [sizes.get(block, 1) for block in axes]
        return moved.reshape(shape)

    return axes, spread(*a) * spread(*b)


def _is_below(parents: tuple[int, ...], w: int, v: int) -> bool:
    while w > v:
        w = parents[w]
    return w == v


def _epochs(batches: Sequence[Sequence[int]]) -> int:
    """Return the number of epochs where batches of one size recur in one order; 0 elsewhere."""
    first = list(map(tuple, batches))
    if not first:
        return 0
    size = first.index(first[0], 1) if first.count(first[0]) > 1 else len(first)
    epoch = first[:size]
    rows = [row for batch in epoch for row in batch]
    is_even = len({*map(len, epoch)}) == 1 and len(rows) == len({*rows}) > 0
    return len(first) // size if is_even and first == epoch * (len(first) // size) else 0
