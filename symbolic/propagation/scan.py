"""Weighted embeddings step by step: equal steps, and reshuffled epochs with memory."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from math import perm
from typing import TYPE_CHECKING, NamedTuple

from sgdiagrams.symbolic.propagation.epochs import (
    node_factors,
    reshuffled_epochs_sum,
)
from sgdiagrams.symbolic.propagation.groups import grouped_sum

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sgdiagrams.symbolic.embeddings.forests import UpdateForest
    from sgdiagrams.symbolic.embeddings.rules import LevelRule
    from sgdiagrams.symbolic.propagation.dynamics import Dynamics

__all__ = ["reshuffled_step_count", "step_count"]


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
