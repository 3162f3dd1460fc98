"""Weighted embeddings step by step, in any ring, for schedules whose steps are alike or random.

The state is the set of nodes placed so far, and what the edges above them hold; a step is a sparse matrix
that only adds nodes. Where all steps are the same, its power is taken by squaring.
"""

from __future__ import annotations

from fractions import Fraction
from math import prod
from typing import TYPE_CHECKING, Any

from sgdiagrams.symbolic.embeddings.effort import (
    FEW_NODES,
    check_moves,
    check_steps,
    count_moves,
)
from sgdiagrams.symbolic.propagation.dynamics import is_one_value
from sgdiagrams.symbolic.propagation.rings import (
    Matrix,
    SparseRow,
    matrix_power,
    power_cost,
    row_times_power,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sgdiagrams.symbolic.propagation.dynamics import Dynamics
    from sgdiagrams.symbolic.propagation.placing import Placing

__all__ = ["StepScan"]

_MOST_STEPS = 3_000_000  # moves at all times

_CLOSED = -1

#: Placed nodes, blocks seen in the running epoch, and the state of the edge above each node.
_Key = tuple[int, int, tuple[int, ...]]


#: What moves: (node, old state, new state) of edges, sorted; nodes with like edges have one name here.
_Changes = tuple[tuple[int, int, int], ...]


class StepScan:
    """The moves between states, the same at every time, and their factors.

    Parameters
    ----------
    parents
        The parent of every update in preorder, -1 for the root.
    placing
        What the scheme allows.
    dynamics
        The optimiser, with the edges above the updates, in the ring where to compute step by step.
    """

    def __init__(self, parents: tuple[int, ...], placing: Placing, dynamics: Dynamics) -> None:
        self.parents = parents
        self.dynamics = dynamics
        self.placing = placing
        n = len(parents)
        self._children = [[c for c, parent in enumerate(parents) if parent == v] for v in range(n)]
        self.start: _Key = (0, 0, (_CLOSED,) * n)
        #: The state of edges into the root that have been read.
        self._read = dynamics.states
        self._all = (1 << n) - 1
        self._targets = [dynamics.targets(state) for state in range(dynamics.states)]
        self._openings = sorted(dynamics.inject)
        #: States that a parent reads as they are, at all times.
        self._as_is = {i for i, x in dynamics.read.items() if is_one_value(x) and x[0] == 1}
        #: By the weights of a step, those of the last one of an epoch or others.
        self._moves: dict[bool, dict[_Key, list[tuple[_Key, int]]]] = {False: {}, True: {}}
        #: All the factors that there are, with their numbers.
        self._numbers: dict[tuple[int, int, _Changes], int] = {}
        self._factors: list[tuple[Fraction, _Changes]] = []
        #: The values of factors, and of the changes of single edges, at one time.
        self._values: dict[int, Any] = {}
        self._changed: dict[tuple[int, int, int], Any] = {}
        self._kinds = [dynamics.like(v) for v in range(n)]

    def run(self) -> Any:
        """Return the sum over all embeddings, or None for an exact zero.

        Over whole numbers it carries the scale of the edges, `Placing.node_scale` for every node and
        `Placing.epoch_scale` for every epoch.
        """
        self._check()
        T, epoch, is_constant = self.dynamics.updates, self.placing.epoch, self.dynamics.is_constant
        if is_constant and self._prefers_squaring():
            row = self._squared()
        else:
            row = {self.start: self.dynamics.ring.number(Fraction(1))}
            for t in range(T):
                if not is_constant:
                    self._forget_values()
                ends = bool(epoch) and (t + 1) % epoch == 0
                row = self._stepped(row, t, is_last=ends)
                if ends:
                    row = self._forgotten(row)
        placed = [
            x if weight is None else x * weight
            for key, x in row.items()
            if self.is_end(key)
            for weight in [self._end_weight(key)]
        ]
        return self.dynamics.ring.settle(sum(placed[1:], placed[0])) if placed else None

    def _check(self) -> None:
        """Check that there are few enough moves."""
        n = len(self.parents)
        stages, strict = (4, 2) if self.placing.epoch else (3, 1)
        states = self.dynamics.states + (self.dynamics.readout is not None)
        moves = count_moves(self.parents, stages=stages, strict=strict, states=states)
        check_moves(moves, n, f"{n} nodes step by step")
        if n > FEW_NODES:
            T = self.dynamics.updates
            check_steps(moves * T, f"{n} nodes over {T} updates", most=_MOST_STEPS)

    def is_end(self, key: _Key) -> bool:
        """Tell whether all nodes are placed and the root reads all edges."""
        placed, _, states = key
        if placed != self._all:
            return False
        if self.dynamics.readout is not None:
            return all(state in {_CLOSED, self._read} for state in states)
        return all(state == _CLOSED or state in self.dynamics.final for state in states)

    def end_weight(self, key: _Key) -> Any:
        """Return what the root makes of the edges at an end."""
        weight = self._end_weight(key)
        return self.dynamics.ring.number(Fraction(1)) if weight is None else weight

    def _end_weight(self, key: _Key) -> Any:
        """Return the same, None for 1."""
        if self.dynamics.readout is not None:
            return None
        numbers = [self.dynamics.final[state] for state in key[2] if state != _CLOSED]
        factors = [self.dynamics.ring.number(x) for x in numbers if x != 1]
        return prod(factors[1:], start=factors[0]) if factors else None

    def step_from(self, key: _Key) -> SparseRow[_Key]:
        """Return the states after one step, where all steps are alike."""
        return self._stepped({key: self.dynamics.ring.number(Fraction(1))}, 0)

    def _squared(self) -> SparseRow[_Key]:
        self._forget_values()
        self.dynamics = self.dynamics.for_squaring()
        start = {self.start: self.dynamics.ring.number(Fraction(1))}
        T, epoch = self.dynamics.updates, self.placing.epoch
        if not epoch:
            return row_times_power(start, self._matrix([self.start]), T)
        epochs: Matrix[_Key] = {}
        waiting = [self.start]
        while waiting:
            key = waiting.pop()
            if key not in epochs:
                epochs[key] = self._forgotten(self._epoch_from(key, epoch))
                waiting += epochs[key]
        return row_times_power(start, epochs, T // epoch)

    def _epoch_from(self, key: _Key, steps: int) -> SparseRow[_Key]:
        """Return the states after the steps of an epoch."""
        if self.placing.last is None:
            return matrix_power(self._matrix([key]), steps)[key]
        row = {key: self.dynamics.ring.number(Fraction(1))}
        if steps > 1:
            row = matrix_power(self._matrix([key]), steps - 1)[key]
        return self._stepped(row, 0, is_last=True)

    def _prefers_squaring(self) -> bool:
        """Tell whether squaring is cheaper than T steps, at the price of its ring."""
        T, ring = self.dynamics.updates, self.dynamics.ring.for_squaring
        price = 1 if ring is None else ring.price
        matrix = self._matrix([self.start])
        return T * sum(map(len, matrix.values())) > price * power_cost(matrix) * T.bit_length()

    def _forgotten(self, row: SparseRow[_Key]) -> SparseRow[_Key]:
        """Return the states after the end of an epoch."""
        result: SparseRow[_Key] = {}
        unit = self.placing.epoch_scale if self.dynamics.ring.is_whole else 1
        factors = {seen: self.placing.forget(seen) for seen in {seen for _, seen, _ in row}}
        ends = {s: self.dynamics.ring.number(x * unit) for s, x in factors.items() if x}
        for (placed, seen, states), value in row.items():
            if seen not in ends:
                continue  # nothing comes of it
            term = value * ends[seen]
            key = (placed, 0, states)
            result[key] = result[key] + term if key in result else term
        return result

    def _matrix(self, starts: Iterable[_Key]) -> Matrix[_Key]:
        """Return a step that is always the same, for all states that can be reached."""
        result: Matrix[_Key] = {}
        waiting = list(starts)
        while waiting:
            key = waiting.pop()
            if key not in result:
                result[key] = self.step_from(key)
                waiting += result[key]
        return result

    def _stepped(self, row: SparseRow[_Key], t: int, *, is_last: bool = False) -> SparseRow[_Key]:
        """Return the states after the update t, perhaps the last one of an epoch."""
        after: SparseRow[_Key] = {}
        values, is_other = self._values, is_last and self.placing.last is not None
        known = self._moves[is_other]
        for key, value in row.items():
            if key not in known:
                known[key] = list(self._find_moves(key, is_other=is_other))
            for target, number in known[key]:
                if number not in values:
                    values[number] = self._value(t, *self._factors[number])
                factor = values[number]
                if factor is not None:
                    term = value * factor
                    after[target] = after[target] + term if target in after else term
        return after

    def _forget_values(self) -> None:
        self._values.clear()
        self._changed.clear()

    def _value(self, t: int, weight: Fraction, changes: _Changes) -> Any:
        """Return the product of factors at time t, or None for zero."""
        value = self.dynamics.ring.number(weight)
        for change in changes:
            if change not in self._changed:
                self._changed[change] = self._factor(t, *change)
            factor = self._changed[change]
            if factor is None:
                return None
            value = value * factor
        return value

    def _factor(self, t: int, v: int, old: int, new: int) -> Any:
        """Return the factor of an edge at time t, or None for zero."""
        dynamics = self.dynamics
        if new == _CLOSED:
            return dynamics.reading(t, old)
        readout = dynamics.readout_above(v)
        targets = [new] if new != self._read else sorted(readout or ())
        total = None
        for target in targets:
            is_new = old == _CLOSED
            factor = (
                dynamics.opening(t, target, v) if is_new else dynamics.transition(t, v, old, target)
            )
            if factor is not None and new == self._read and readout is not None:
                weight = readout[target][t]
                factor = factor * weight if weight else None
            if factor is not None:
                total = factor if total is None else total + factor
        return total

    def _options(self, v: int, state: int) -> list[int]:
        """Return the states that an edge may go to in one step; a closed one is opened."""
        after = self._openings if state == _CLOSED else self._targets[state]
        readout = self.dynamics.readout_above(v)
        if self.parents[v] < 0 and readout is not None and any(j in readout for j in after):
            return [*after, self._read]
        return after

    def _find_moves(self, key: _Key, *, is_other: bool) -> Iterator[tuple[_Key, int]]:
        placed, seen, states = key
        weigh = self.placing.last if is_other and self.placing.last else self.placing.weight
        n = len(states)
        unit = self.placing.node_scale if self.dynamics.ring.is_whole else 1
        ready = [
            v
            for v in range(n)
            if not placed >> v & 1 and all(placed >> c & 1 for c in self._children[v])
        ]
        for pick in range(1 << len(ready)):
            nodes = [v for i, v in enumerate(ready) if pick >> i & 1]
            mask = sum(1 << v for v in nodes)
            weight = weigh(mask, seen) if mask else Fraction(1)
            weight *= unit ** len(nodes)
            closing = [c for v in nodes for c in self._children[v]]
            if not weight or any(states[c] not in self.dynamics.read for c in closing):
                continue
            paths: list[tuple[tuple[int, ...], tuple[tuple[int, int, int], ...]]] = [((), ())]
            for v, state in enumerate(states):
                if v in closing:
                    options = [(_CLOSED, state not in self._as_is)]
                elif state in {_CLOSED, self._read} and v not in nodes:
                    options = [(state, False)]
                else:
                    options = [(new, True) for new in self._options(v, state)]
                paths = [
                    ((*after, new), (*moved, (self._kinds[v], state, new)) if moves else moved)
                    for after, moved in paths
                    for new, moves in options
                ]
            seen_now = self.placing.seen_after(mask, seen)
            for after, moved in paths:
                changes = tuple(sorted(moved))
                # Fractions are slow to hash.
                name = (weight.numerator, weight.denominator, changes)
                if name not in self._numbers:
                    self._numbers[name] = len(self._factors)
                    # Edges that are not carried get the scale of a step all the same.
                    carried = sum(_CLOSED not in (old, new) for _, old, new in changes)
                    idle = self.dynamics.decay_scale ** (n - carried)
                    self._factors.append((weight * idle, changes))
                yield (placed | mask, seen_now, after), self._numbers[name]
