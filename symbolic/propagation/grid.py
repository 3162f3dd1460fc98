"""Weighted embeddings for one fixed schedule, in any ring, up the tree.

Every edge is a small linear system (`sgdiagrams.symbolic.propagation.linear_update`). An update opens
the edge above it; the state is carried from step to step; the parent reads it. Every node is an array
over time and the rows of the blocks that are still open, with the axes of the ring's elements behind
them.
"""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from sgdiagrams.symbolic.embeddings.batches import Batch, units_of
from sgdiagrams.symbolic.embeddings.effort import FEW_NODES, check_steps, count_merges

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from sgdiagrams.symbolic.embeddings.batches import Batches
    from sgdiagrams.symbolic.embeddings.forests import UpdateForest
    from sgdiagrams.symbolic.propagation.dynamics import Dynamics, OverTime

__all__ = ["GridPropagator", "check_merged_schedule"]

_MOST_NUMBERS = 3_000_000  # over times and rows of open blocks
_MOST_MERGES = 8_000


#: The blocks that have an axis, and an array over time, the rows of each, and the ring's axes.
_Table = tuple[tuple[int, ...], "NDArray[Any]"]


class GridPropagator:
    """Sums over the embeddings into one fixed schedule.

    Parameters
    ----------
    batches
        Every batch.
    N
        The size of the training set.
    dynamics
        The optimiser, with the edges above the nodes of forests, over the batches.
    units
        What shares are divided by, at every time: they are then whole.

    Attributes
    ----------
    multiplicity
        The number of rows of every kind: those that are used alike at the same times.
    cells
        The number of cells of a row by time and kind.
    """

    def __init__(
        self, batches: Batches, N: int, dynamics: Dynamics, units: Sequence[Fraction] | None = None
    ) -> None:
        self.dynamics = dynamics
        own = units_of(batches)
        scales = own if units is None else [a / b for a, b in zip(own, units, strict=True)]
        # Rows that are used alike at the same times are alike: at a time, or several units at once.
        used: list[list[int | tuple[int, Fraction]]] = [[] for _ in range(N)]
        masses: list[Fraction | int] = []
        for t, batch in enumerate(batches):
            if isinstance(batch, Batch):
                numbers = [share / own[t] for share in batch.shares]
                masses.append(sum(numbers))
                for row, number in zip(batch.rows, numbers, strict=True):
                    used[row].append(t if number == 1 else (t, number))
                continue
            masses.append(len(batch))
            for row in batch:
                used[row].append(t)
        alike = Counter(map(tuple, used))
        self.multiplicity = self._array(map(Fraction, alike.values()))
        #: The weight of a node by the time, where its block has no other, and by the kind of row.
        self.alone = self._array(m * x for m, x in zip(masses, scales, strict=True))
        share = self._array(scales)
        self.member: NDArray[Any] = np.zeros((len(share), len(alike)), dtype=dynamics.ring.dtype)
        self.cells: NDArray[Any] = np.zeros(self.member.shape, dtype=object)
        for k, history in enumerate(alike):
            once = [time for time in history if isinstance(time, int)]
            self.member[once, k] = share[once]
            self.cells[once, k] = 1
            for t, number in (time for time in history if not isinstance(time, int)):
                self.member[t, k] = dynamics.ring.number(number * scales[t])
                self.cells[t, k] = 1

    def kernels(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return what updates move later points by: [t, s] that of update t, and [s] the read-out.

        Over whole numbers they carry the scale of the edges. Shares of rows are not in them.
        """
        dynamics = self.dynamics
        one = dynamics.ring.number(Fraction(1))
        every: NDArray[Any] = np.zeros((dynamics.updates,) * 2, dtype=dynamics.ring.dtype)
        np.fill_diagonal(every, one)
        return self._read(every, 0), self._read_out(every, 0)[0]

    def _array(self, values: Iterable[Any]) -> NDArray[Any]:
        return self._elements([self.dynamics.ring.number(value) for value in values])

    def _elements(self, values: list[Any]) -> NDArray[Any]:
        result: NDArray[Any] = np.empty(len(values), dtype=self.dynamics.ring.dtype)
        result[:] = values
        return result

    def total(self, parents: tuple[int, ...], blocks: tuple[int, ...]) -> Any:
        """Return the sum over all embeddings of n >= 1 nodes that puts each block on one row.

        Over whole numbers it carries the scale of the edges.
        """
        n = len(parents)
        self._check(parents, blocks)
        ends = (1,) * self.dynamics.depth
        sizes = Counter(blocks)
        ends_of = _ends(parents)
        pending: list[list[_Table]] = [[] for _ in range(n + 1)]
        for v in reversed(range(n)):  # preorder, so children come first
            own: _Table = ((), self.alone.reshape(-1, *ends))
            if sizes[blocks[v]] > 1:
                own = ((blocks[v],), self.member.reshape(*self.member.shape, *ends))
            inside = range(v, ends_of[v])
            axes, values = self._close(self._product([own, *pending[v]]), blocks, inside)
            if parents[v] < 0:
                pending[n].append((axes, self._read_out(values, v)))
            else:
                pending[parents[v]].append((axes, self._read(values, v)))
        _, values = self._close(self._product(pending[n]), blocks, range(n))
        return values[0]

    def _check(self, parents: tuple[int, ...], blocks: tuple[int, ...]) -> None:
        """Check that the arrays over the rows of open blocks are small enough."""
        n, (T, kinds) = len(parents), self.member.shape
        if n <= FEW_NODES:
            return
        ends_of = _ends(parents)
        members: dict[int, list[int]] = {}
        for v, block in enumerate(blocks):
            members.setdefault(block, []).append(v)
        still_open: list[set[int]] = [set() for _ in range(n + 1)]
        most = numbers = 0
        for v in reversed(range(n)):
            axes = still_open[v] | ({blocks[v]} if len(members[blocks[v]]) > 1 else set())
            most = max(most, len(axes))
            numbers += T * kinds ** min(len(axes), 100)
            inside = range(v, ends_of[v])
            still_open[parents[v]] |= {
                b for b in axes if not (members[b][0] in inside and members[b][-1] in inside)
            }
        most = max(most, len(still_open[n]))
        numbers += kinds ** min(len(still_open[n]), 100)
        doing = f"{n} nodes with up to {most} blocks that are open at once"
        check_steps(max(numbers, 10 ** min(most // 3, 30)), doing, most=_MOST_NUMBERS)

    def _product(self, tables: list[_Table]) -> _Table:
        """Multiply arrays over time, the rows of blocks, and the axes of the ring's elements."""
        union = tuple(sorted({axis for axes, _ in tables for axis in axes}))
        first, *others = (self._spread(axes, values, union) for axes, values in tables)
        for values in others:
            first = first * values
        return union, first

    def _spread(
        self, axes: tuple[int, ...], values: NDArray[Any], union: tuple[int, ...]
    ) -> NDArray[Any]:
        order = sorted(range(len(axes)), key=axes.__getitem__)
        behind = range(1 + len(axes), values.ndim)
        moved = values.transpose(0, *(1 + i for i in order), *behind)
        sizes = dict(zip(sorted(axes), moved.shape[1:], strict=False))
        middle = [sizes.get(block, 1) for block in union]
        return moved.reshape(moved.shape[0], *middle, *moved.shape[1 + len(axes) :])

    def _close(self, table: _Table, blocks: tuple[int, ...], inside: range) -> _Table:
        """Sum over the rows of the blocks all of whose nodes are inside."""
        axes, values = table
        for block in axes:
            if all(v in inside for v, b in enumerate(blocks) if b == block):
                place = 1 + axes.index(block)
                values = np.tensordot(values, self.multiplicity, axes=([place], [0]))
                axes = tuple(b for b in axes if b != block)
        return axes, values

    def _read(self, inputs: NDArray[Any], v: int) -> NDArray[Any]:
        """Return what the updates 0, ..., T - 1 read of the edge above a node."""
        dynamics = self.dynamics
        T = dynamics.updates
        if self._stays:
            return self._sums_before(inputs, v)[:-1]
        read: list[Any] = []
        for t, state in zip(range(T), self._states(inputs, v), strict=False):
            value = self._combined(dynamics.read, t, state)
            read.append(self._zero(inputs) if value is None else value)
        shape = np.broadcast_shapes(inputs.shape[1:], *set(map(np.shape, read)))
        result = np.empty((T, *shape), dtype=dynamics.ring.dtype)
        for t, value in enumerate(read):
            result[t] = value
        if dynamics.decay_scale != 1:
            result *= self._elements(self._scales[:0:-1]).reshape(-1, *[1] * len(shape))
        return result

    def _read_out(self, inputs: NDArray[Any], v: int) -> NDArray[Any]:
        """Return what the root reads of the edge above a node, with a time axis of length 1."""
        dynamics = self.dynamics
        T, readout = dynamics.updates, dynamics.readout_above(v)
        if self._stays:
            positions = self._sums_before(inputs, v)
            if readout is None:
                return np.asarray(positions[-1:])
            seen = readout.get(0, ())
            times = [t for t, weight in enumerate(seen) if weight]
            weights = self._array([seen[t] for t in times])
            return np.tensordot(weights, positions[1:][times], axes=([0], [0]))[None]
        total: Any = self._zero(inputs)
        scales, number = self._scales, dynamics.ring.number
        for t, state in enumerate(self._states(inputs, v)):
            if readout is None and t == T:
                for i, weight in dynamics.final.items():
                    total = total + (state[i] if weight == 1 else number(weight) * state[i])
            if readout is not None and t:
                part = self._combined(readout, t - 1, state)
                if part is not None:
                    total = total + (part if scales[T - t] == 1 else part * scales[T - t])
        result = np.empty((1, *np.shape(total)), dtype=dynamics.ring.dtype)
        result[0] = total
        return result

    @cached_property
    def _stays(self) -> bool:
        return not self.dynamics.eigenvalues and self.dynamics.is_still

    @cached_property
    def _scales(self) -> list[int]:
        """The powers 0, ..., T of the scale of decay."""
        return [self.dynamics.decay_scale**t for t in range(self.dynamics.updates + 1)]

    def _zero(self, inputs: NDArray[Any]) -> Any:
        # Without further axes an element, and no array: numpy would make machine numbers of two.
        return np.zeros(inputs.shape[1:], dtype=self.dynamics.ring.dtype)[()]

    def _opened(self, inputs: NDArray[Any], target: int, v: int) -> NDArray[Any]:
        """Return the states that nodes give to the edges above them, at the scale of their time."""
        openings = self._elements(
            [
                (self.dynamics.opening(t, target, v) or 0) * self._scales[t + 1]
                for t in range(self.dynamics.updates)
            ]
        )
        return np.asarray(inputs * openings.reshape(-1, *[1] * (inputs.ndim - 1)))

    def _sums_before(self, inputs: NDArray[Any], v: int) -> NDArray[Any]:
        """Return the positions after 0, 1, ..., T updates where edges stay what they are made."""
        arriving = self._opened(inputs, 0, v)
        return np.concatenate(
            [np.zeros((1, *inputs.shape[1:]), dtype=object), np.add.accumulate(arriving)]
        )

    def _states(self, inputs: NDArray[Any], v: int) -> Iterator[list[Any]]:
        """Yield the states after 0, 1, ..., T updates of the edge above a node.

        In integers, what is there after t updates has the scale of t steps.
        """
        dynamics = self.dynamics
        arriving = [self._opened(inputs, target, v) for target in range(dynamics.states)]
        state: list[Any] = [self._zero(inputs) for _ in range(dynamics.states)]
        yield state
        for t in range(dynamics.updates):
            if not t or not dynamics.are_alike:
                step = dynamics.arrivals(t, v)
            before = state
            state = [values[t] for values in arriving]
            for target, row in enumerate(step):
                for source, factor in row:
                    state[target] = state[target] + before[source] * factor
            yield state

    def _combined(self, table: Mapping[int, OverTime], t: int, state: list[Any]) -> Any:
        """Return a sum of the states, with the weights of a time; None where all are zero."""
        total, number = None, self.dynamics.ring.number
        for i, values in table.items():
            weight = values[t]
            if weight:
                part = state[i] if weight == 1 else number(weight) * state[i]
                total = part if total is None else total + part
        return total


def check_merged_schedule(forest: UpdateForest, T: int, N: int) -> None:
    """Check that all ways to merge the blocks of a forest can be counted on T updates and N rows.

    Raises
    ------
    RequestError
        When that would take too long.
    """
    n, P = len(forest.parents), forest.block_count
    if n > FEW_NODES:
        each = 1 + n * T * N // 2000
        check_steps(count_merges(P) * each, f"all ways to merge {P} blocks", most=_MOST_MERGES)


def _ends(parents: tuple[int, ...]) -> list[int]:
    """Return where the nodes below each node end: in preorder they follow it."""
    ends = list(range(1, len(parents) + 1))
    for v in reversed(range(len(parents))):
        if parents[v] >= 0:
            ends[parents[v]] = max(ends[parents[v]], ends[v])
    return ends
