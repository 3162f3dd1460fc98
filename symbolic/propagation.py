r"""Weighted embeddings by number: propagation in time, exact, at a cost polynomial in T.

Every edge is a small linear system (`sgdiagrams.symbolic.optimizer.EdgeSystem`): its state is a
position, and a velocity where the optimiser has memory. An update opens the edge above it; the state is
carried from step to step; the parent reads the position. All numbers are scaled to integers, so that
nothing is rounded and no fraction is ever reduced.

There are several ways through time. Steps that are alike are counted by `grouped_sum`, and epochs
without memory by the functions of `sgdiagrams.symbolic.epoch_sums`. Reshuffled epochs with memory are
scanned step by step, with the set of nodes placed so far as the state. `GridPropagator` works up the
tree for any fixed schedule, with one axis for the row of every block of several nodes.
"""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from functools import cache, cached_property
from math import perm
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np

from sgdiagrams.diagrams.partitions import coarsenings, moebius
from sgdiagrams.symbolic.dynamics import Dynamics
from sgdiagrams.symbolic.epoch_sums import (
    fixed_epochs_sum,
    node_factors,
    reshuffled_epochs_sum,
)
from sgdiagrams.symbolic.group_sums import grouped_sum
from sgdiagrams.symbolic.optimizer import SGD

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from sgdiagrams.symbolic.counting import Basis, UpdateForest
    from sgdiagrams.symbolic.steps import LevelRule

__all__ = ["Dynamics", "GridPropagator", "reshuffled_step_count", "step_count"]

_CLOSED, _POSITION, _VELOCITY, _READOUT = -1, 0, 1, 2


class _Factors(NamedTuple):
    """How often each factor of one time enters a move; `weight` does not depend on time."""

    weight: int
    node: int = 0
    position: int = 0
    velocity: int = 0
    to_position: int = 0
    to_velocity: int = 0
    readout: int = 0

    def at(self, dynamics: Dynamics, t: int, edges: int) -> int:
        """Return the factor at time t, times the scale of decay for each of the edges."""
        value: int = self.weight * dynamics.node[t] ** self.node
        value *= dynamics.position[t] ** self.position
        if dynamics.velocity:
            # Transitions of velocities have the scale in them.
            value *= dynamics.decay_scale ** (edges - self.to_position - self.to_velocity)
            value *= dynamics.velocity[t] ** self.velocity
            value *= dynamics.velocity_to_position[t] ** self.to_position
            value *= dynamics.velocity_to_velocity[t] ** self.to_velocity
        if self.readout and dynamics.readout is not None:
            value *= dynamics.readout[t] ** self.readout
        return value


#: Placed nodes, blocks seen in the running epoch, and the state of the edge above each node.
_Key = tuple[int, int, tuple[int, ...]]


class _Scan:
    """The moves between states; they are the same at every time, but for their factors."""

    def __init__(self, forest: UpdateForest, dynamics: Dynamics) -> None:
        self.forest = forest
        self.dynamics = dynamics
        self.children = [0] * len(forest.parents)
        for child, parent in forest.edges:
            self.children[parent] |= 1 << child
        self.block_mask = [0] * forest.block_count
        for v, block in enumerate(forest.blocks):
            self.block_mask[block] |= 1 << v

    def weight(self, chosen: int, seen: int) -> int:
        """Return the weight of placing nodes; 0 where that is not allowed."""
        raise NotImplementedError

    def seen_after(self, chosen: int, seen: int) -> int:  # noqa: ARG002
        """Return the blocks seen in the epoch once nodes are placed."""
        return 0

    def moves(self, key: _Key) -> list[tuple[_Key, _Factors]]:
        """Return where one step may lead from a state, and with which factors."""
        placed, seen, states = key
        n = len(states)
        ready = [v for v in range(n) if not placed >> v & 1 and self.children[v] & ~placed == 0]
        result: list[tuple[_Key, _Factors]] = []
        for pick in range(1 << len(ready)):
            chosen = sum(1 << v for i, v in enumerate(ready) if pick >> i & 1)
            weight = self.weight(chosen, seen) if chosen else 1
            closing = [
                c
                for v in range(n)
                if chosen >> v & 1
                for c in range(n)
                if self.children[v] >> c & 1
            ]
            if not weight or any(states[c] != _POSITION for c in closing):
                continue
            paths: list[tuple[tuple[int, ...], _Factors]] = [
                (states, _Factors(weight, node=chosen.bit_count()))
            ]
            for v in range(n):
                if v in closing:
                    options: list[tuple[int, dict[str, int]]] = [(_CLOSED, {})]
                elif chosen >> v & 1:
                    options = self._opening(v)
                elif states[v] != _CLOSED:
                    options = self._passing(v, states[v])
                else:
                    continue
                paths = [
                    (
                        (*s[:v], now, *s[v + 1 :]),
                        f._replace(**{k: getattr(f, k) + x for k, x in more.items()}),
                    )
                    for s, f in paths
                    for now, more in options
                ]
            after = placed | chosen
            memory = self.seen_after(chosen, seen)
            result += [((after, memory, s), f) for s, f in paths]
        return result

    def _reads_out(self, v: int) -> bool:
        return self.forest.parents[v] < 0 and self.dynamics.readout is not None

    def _opening(self, v: int) -> list[tuple[int, dict[str, int]]]:
        options: list[tuple[int, dict[str, int]]] = [(_POSITION, {"position": 1})]
        if self.dynamics.velocity:
            options.append((_VELOCITY, {"velocity": 1}))
        if self._reads_out(v):
            options.append((_READOUT, {"position": 1, "readout": 1}))
        return options

    def _passing(self, v: int, state: int) -> list[tuple[int, dict[str, int]]]:
        if state == _READOUT:
            return [(_READOUT, {})]
        if state == _POSITION:
            options: list[tuple[int, dict[str, int]]] = [(_POSITION, {})]
            return [*options, (_READOUT, {"readout": 1})] if self._reads_out(v) else options
        options = [(_POSITION, {"to_position": 1}), (_VELOCITY, {"to_velocity": 1})]
        if self._reads_out(v):
            options.append((_READOUT, {"to_position": 1, "readout": 1}))
        return options

    def run(self, epoch: int = 0) -> int:
        """Return the sum over all embeddings, scaled; an epoch ends after every `epoch` steps."""
        n = len(self.forest.parents)
        start: _Key = (0, 0, (_CLOSED,) * n)
        now: dict[_Key, int] = {start: 1}
        known: dict[_Key, list[tuple[_Key, _Factors]]] = {}
        for t in range(self.dynamics.updates):
            factors: dict[_Factors, int] = {}
            after: dict[_Key, int] = {}
            for key, value in now.items():
                if key not in known:
                    known[key] = self.moves(key)
                for target, f in known[key]:
                    number = factors.get(f)
                    if number is None:
                        number = factors[f] = f.at(self.dynamics, t, n)
                    if number:
                        after[target] = after.get(target, 0) + value * number
            if epoch and (t + 1) % epoch == 0:
                after = self.end_epoch(after)
            now = after
        final = _POSITION if self.dynamics.readout is None else _READOUT
        full = (1 << n) - 1
        return sum(
            value
            for (placed, _, states), value in now.items()
            if placed == full
            and all(
                s == (final if parent < 0 else _CLOSED)
                for s, parent in zip(states, self.forest.parents, strict=True)
            )
        )

    def end_epoch(self, states: dict[_Key, int]) -> dict[_Key, int]:
        """Forget what the epoch has seen."""
        return states


def step_count(
    forest: UpdateForest, rule: LevelRule, dynamics: Dynamics, *, N: int, B: int
) -> Fraction:
    """Return the weighted number of embeddings into steps that are all alike.

    Parameters
    ----------
    forest
        The diagram without its root.
    rule
        What one step allows.
    dynamics
        The optimiser.
    N, B
        Numbers of datapoints and of a batch.
    """
    n = len(forest.parents)
    at = {"N": N, "B": B}

    @cache
    def weight(chosen: int) -> int:
        """Return the rule's weight, times N for every node so that it is whole."""
        return int(_at(rule.weight(forest, chosen), **at) * N ** chosen.bit_count())

    total, power = grouped_sum(forest.parents, weight, dynamics)
    scale = dynamics.decay_scale**power * dynamics.scale(forest.parents, decays=0)
    return Fraction(total, scale * N**n) * _at(rule.overall(forest), **at)


def _at(polynomial: Mapping[tuple[int, int], int | Fraction], *, N: int, B: int) -> Fraction:
    return sum(
        (c * Fraction(N) ** i * Fraction(B) ** j for (i, j), c in polynomial.items()), Fraction(0)
    )


class _ReshuffledScan(_Scan):
    """Epochs in random orders: a block is seen once an epoch, on a row of its own."""

    def __init__(self, forest: UpdateForest, dynamics: Dynamics, N: int, B: int) -> None:
        super().__init__(forest, dynamics)
        self.N = N
        self.B = B

    def _blocks(self, chosen: int) -> int:
        return sum(1 << b for b, mask in enumerate(self.block_mask) if mask & chosen)

    def weight(self, chosen: int, seen: int) -> int:
        """Return the number of ways to give the blocks rows of the batch."""
        blocks = self._blocks(chosen)
        return 0 if blocks & seen else perm(self.B, blocks.bit_count())

    def seen_after(self, chosen: int, seen: int) -> int:
        """Return the blocks seen so far."""
        return seen | self._blocks(chosen)

    def end_epoch(self, states: dict[_Key, int]) -> dict[_Key, int]:
        """Divide by the number of ways to give the blocks seen positions, times (N)_P."""
        result: dict[_Key, int] = {}
        P = self.forest.block_count
        for (placed, seen, edges), value in states.items():
            # (N)_P / (N)_j, whole
            j = seen.bit_count()
            key = (placed, 0, edges)
            result[key] = result.get(key, 0) + value * perm(self.N - j, P - j)
        return result


def reshuffled_step_count(
    forest: UpdateForest, dynamics: Dynamics, *, N: int, B: int, E: int
) -> Fraction:
    """Return the expected weighted number of embeddings into reshuffled epochs (moment basis)."""
    P = forest.block_count
    if P > N:
        return Fraction(0)
    ways = perm(N, P)
    if forest.parents and dynamics.updates and not dynamics.velocity:
        factors = node_factors(forest.parents, dynamics, E)
        total = reshuffled_epochs_sum(forest.parents, forest.blocks, factors, N)
        n = len(forest.parents)
        return Fraction(total * ways, dynamics.scale(forest.parents) * ways**n)
    total = _ReshuffledScan(forest, dynamics, N, B).run(epoch=N // B)
    return Fraction(total * ways, dynamics.scale(forest.parents) * ways**E)


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
        return cls(batches, N, Dynamics.of(SGD(), len(batches)))

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
