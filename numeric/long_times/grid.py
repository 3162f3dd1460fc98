"""Dressed counts for one fixed schedule, up the tree.

As in `sgdiagrams.symbolic.propagation.grid.GridPropagator`: every node is an array over time and the
rows of the blocks that are still open, now with the axes of the eigenvalues behind them.
"""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from sgdiagrams.numeric.long_times.edges import DressedEdges
    from sgdiagrams.symbolic.embeddings.forests import UpdateForest

__all__ = ["DressedGrid"]

#: The blocks that have an axis, and an array over time, the rows of each, and eigenvalues.
_Table = tuple[tuple[int, ...], "NDArray[Any]"]


class DressedGrid:
    """Dressed counts for a schedule of batches.

    Parameters
    ----------
    batches
        The rows of every batch.
    N
        The size of the training set.
    edges
        The optimiser over the batches.
    number
        From rational numbers into the ring of the eigenvalues.
    dtype
        Of the arrays: float or object.
    """

    def __init__(
        self,
        batches: Sequence[Sequence[int]],
        N: int,
        edges: DressedEdges,
        *,
        number: Callable[[Fraction], Any],
        dtype: type,
    ) -> None:
        self.edges = edges
        self.number = number
        self.dtype = dtype
        # Rows that are used at the same times are alike.
        used: list[list[int]] = [[] for _ in range(N)]
        for t, batch in enumerate(batches):
            for row in batch:
                used[row].append(t)
        alike = Counter(map(tuple, used))
        self.multiplicity = self._array([Fraction(k) for k in alike.values()])
        share = [Fraction(1, len(batch)) for batch in batches]
        zero = Fraction(0)
        times = [set(t) for t in alike]
        self.member = np.stack(
            [self._array([s if t in on else zero for t, s in enumerate(share)]) for on in times],
            axis=1,
        )

    def _array(self, values: Sequence[Fraction]) -> NDArray[Any]:
        result: NDArray[Any] = np.empty(len(values), dtype=self.dtype)
        result[:] = [self.number(value) for value in values]
        return result

    def count(self, forest: UpdateForest, eigenvalues: Sequence[NDArray[Any]]) -> NDArray[Any]:
        """Return the sum over all embeddings in the cumulant basis, with the axes of eigenvalues."""
        parents, blocks = forest.parents, forest.blocks
        n = len(parents)
        depth = max(h.ndim for h in eigenvalues)
        sizes = Counter(blocks)
        pending: list[list[_Table]] = [[] for _ in range(n + 1)]
        ends = (1,) * depth
        for v in reversed(range(n)):  # preorder, so children come first
            # A node alone in its block has one way for every row of the batch, and is divided by it.
            own: _Table = ((), np.ones((self.edges.updates, *ends), dtype=self.dtype))
            if sizes[blocks[v]] > 1:
                own = ((blocks[v],), self.member.reshape(*self.member.shape, *ends))
            inside = {w for w in range(v, n) if _is_below(parents, w, v)}
            axes, values = self._close(_product(own, pending[v], depth), blocks, inside)
            into_root = parents[v] < 0
            values = self._positions(values, eigenvalues[v], into_root=into_root)
            pending[parents[v] if not into_root else n].append((axes, values))
        first, *others = pending[n]
        _, values = self._close(_product(first, others, depth), blocks, set(range(n)))
        return np.asarray(values[0], dtype=self.dtype)

    def _close(self, table: _Table, blocks: tuple[int, ...], inside: set[int]) -> _Table:
        """Sum over the rows of the blocks all of whose nodes are inside."""
        axes, values = table
        for block in axes:
            if all(v in inside for v, b in enumerate(blocks) if b == block):
                place = 1 + axes.index(block)
                values = np.tensordot(values, self.multiplicity, axes=([place], [0]))
                axes = tuple(b for b in axes if b != block)
        return axes, values

    def _positions(self, inputs: NDArray[Any], h: NDArray[Any], *, into_root: bool) -> NDArray[Any]:
        """Return the position at the times of updates, or what the root reads in their place."""
        edges = self.edges
        T, states = edges.updates, range(edges.states)
        shape = np.broadcast_shapes(inputs.shape[1:], h.shape)
        result = np.zeros((1 if into_root else T, *shape), dtype=self.dtype)
        state: list[Any] = [np.zeros(shape, dtype=self.dtype) for _ in states]
        for t in range(T):
            if not into_root:
                result[t] = state[0]
            after = []
            for target in states:
                value: Any = np.multiply(inputs[t], edges.opening(t, target).at(h, self.number))
                for source in states:
                    entry = edges.transition(t, source, target)
                    if not entry.is_zero:
                        value = value + np.multiply(state[source], entry.at(h, self.number))
                after.append(value)
            state = after
            if into_root and edges.readout is not None and edges.readout[t]:
                weight = self.number(edges.readout[t])
                result[0] = np.add(result[0], np.multiply(state[0], weight))
        if into_root and edges.readout is None:
            result[0] = state[0]
        return result


def _product(first: _Table, others: list[_Table], depth: int) -> _Table:
    """Multiply arrays over time, the rows of blocks, and `depth` axes of eigenvalues."""
    axes, values = first
    for more, factor in others:
        union = tuple(sorted({*axes, *more}))
        values = _spread(axes, values, union, depth) * _spread(more, factor, union, depth)
        axes = union
    return axes, values


def _spread(
    own: tuple[int, ...], values: NDArray[Any], union: tuple[int, ...], depth: int
) -> NDArray[Any]:
    order = sorted(range(len(own)), key=own.__getitem__)
    behind = range(1 + len(own), 1 + len(own) + depth)
    moved = values.transpose(0, *(1 + i for i in order), *behind)
    sizes = dict(zip(sorted(own), moved.shape[1:], strict=False))
    middle = [sizes.get(block, 1) for block in union]
    return moved.reshape(moved.shape[0], *middle, *moved.shape[1 + len(own) :])


def _is_below(parents: tuple[int, ...], w: int, v: int) -> bool:
    while w > v:
        w = parents[w]
    return w == v
