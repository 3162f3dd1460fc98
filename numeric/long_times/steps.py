"""Dressed counts step by step, for schedules whose steps are alike or random.

The state is the set of nodes placed so far, and what the edges above them hold; a step is a sparse matrix
that only adds nodes. Where all steps are the same, its power is taken by squaring.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

from sgdiagrams.numeric.precision.transfer import (
    Matrix,
    Row,
    applied,
    power,
    power_cost,
    row_times_power,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from sgdiagrams.numeric.long_times.edges import DressedEdges

__all__ = ["Key", "Placing", "Ring", "StepScan"]

_CLOSED, _POSITION, _READOUT = -1, 0, 2

#: Placed nodes, blocks seen in the running epoch, and the state of the edge above each node.
Key = tuple[int, int, tuple[int, ...]]


class Ring(NamedTuple):
    """Where the numbers are: the curvature h on the edge above each node, and rational numbers."""

    eigenvalues: Sequence[Any]
    number: Callable[[Fraction], Any]


class Placing(NamedTuple):
    """What a scheme allows.

    Attributes
    ----------
    weight
        From a bit mask of nodes and the blocks seen in this epoch to the weight of placing them at one
        step.
    seen_after
        From the same to the blocks seen then.
    epoch
        The number of steps of an epoch; 0 where nothing happens at its end.
    forget
        From the blocks seen to the factor at the end of an epoch, when none counts as seen any more.
    """

    weight: Callable[[int, int], Fraction]
    seen_after: Callable[[int, int], int] = lambda chosen, seen: 0  # noqa: ARG005
    epoch: int = 0
    forget: Callable[[int], Fraction] = lambda seen: Fraction(1)  # noqa: ARG005


class _Move(NamedTuple):
    """A step from one state to another: its weight, and (edge, old state, new state) where one moves."""

    target: Key
    weight: Fraction
    edges: tuple[tuple[int, int, int], ...]


class StepScan:
    """The moves between states, the same at every time, and their factors.

    Parameters
    ----------
    parents
        The parent of every update in preorder, -1 for the root.
    edges
        The optimiser.
    placing
        The scheme.
    ring, precise
        Where to compute step by step, and where to square.
    """

    def __init__(
        self,
        parents: tuple[int, ...],
        edges: DressedEdges,
        placing: Placing,
        ring: Ring,
        precise: Ring,
    ) -> None:
        self.parents = parents
        self.edges = edges
        self.placing = placing
        self.ring = ring
        self.precise = precise
        n = len(parents)
        self._children = [[c for c, parent in enumerate(parents) if parent == v] for v in range(n)]
        self._start: Key = (0, 0, (_CLOSED,) * n)
        final = _POSITION if edges.readout is None else _READOUT
        self._final = tuple(final if parent < 0 else _CLOSED for parent in parents)
        self._moves: dict[Key, list[_Move]] = {}
        self._rows: Matrix[Key] = {}
        self._factors: dict[tuple[int, int, int], Any] = {}

    def run(self) -> Any:
        """Return the sum over all embeddings, or None for an exact zero."""
        T, epoch = self.edges.updates, self.placing.epoch
        if self.edges.is_constant and self._prefers_squaring():
            self._forget_rows()
            self.ring = self.precise
            row = self._squared()
        else:
            row = {self._start: self.ring.number(Fraction(1))}
            for t in range(T):
                if not self.edges.is_constant:
                    self._forget_rows()
                row = applied(row, {key: self._row(t, key) for key in row})
                if epoch and (t + 1) % epoch == 0:
                    row = self._forgotten(row)
        full = (1 << len(self.parents)) - 1
        found = [x for (p, _, states), x in row.items() if p == full and states == self._final]
        return sum(found[1:], found[0]) if found else None

    def _squared(self) -> Row[Key]:
        start = {self._start: self.ring.number(Fraction(1))}
        T, epoch = self.edges.updates, self.placing.epoch
        if not epoch:
            return row_times_power(start, self._matrix([self._start]), T)
        epochs: Matrix[Key] = {}
        waiting = [self._start]
        while waiting:
            key = waiting.pop()
            if key not in epochs:
                epochs[key] = self._forgotten(power(self._matrix([key]), epoch)[key])
                waiting += epochs[key]
        return row_times_power(start, epochs, T // epoch)

    def _prefers_squaring(self) -> bool:
        """Tell whether squaring is cheaper than T steps; floats of 32 digits cost more."""
        T = self.edges.updates
        matrix = self._matrix([self._start])
        price = 1 if self.precise is self.ring else 30
        return T * sum(map(len, matrix.values())) > price * power_cost(matrix) * T.bit_length()

    def _forgotten(self, row: Row[Key]) -> Row[Key]:
        """Return the states after the end of an epoch."""
        result: Row[Key] = {}
        for (placed, seen, states), value in row.items():
            term = value * self.ring.number(self.placing.forget(seen))
            key = (placed, 0, states)
            result[key] = result[key] + term if key in result else term
        return result

    def _matrix(self, starts: Iterable[Key]) -> Matrix[Key]:
        """Return a step that is always the same, for all states that can be reached."""
        result: Matrix[Key] = {}
        waiting = list(starts)
        while waiting:
            key = waiting.pop()
            if key not in result:
                result[key] = self._row(0, key)
                waiting += result[key]
        return result

    def _forget_rows(self) -> None:
        self._rows.clear()
        self._factors.clear()

    def _row(self, t: int, key: Key) -> Row[Key]:
        if key not in self._rows:
            row: Row[Key] = {}
            if key not in self._moves:
                self._moves[key] = list(self._find_moves(key))
            for target, weight, edges in self._moves[key]:
                value = self.ring.number(weight)
                for edge in edges:
                    if edge not in self._factors:
                        self._factors[edge] = self._factor(t, *edge)
                    factor = self._factors[edge]
                    value = None if value is None or factor is None else value * factor
                if value is not None:
                    row[target] = value
            self._rows[key] = row
        return self._rows[key]

    def _factor(self, t: int, v: int, old: int, new: int) -> Any:
        """Return the factor of an edge at time t, or None for zero."""
        target = _POSITION if new == _READOUT else new
        is_new = old == _CLOSED
        edges = self.edges
        entry = edges.opening(t, target) if is_new else edges.transition(t, old, target)
        if new == _READOUT and edges.readout is not None:
            entry = entry.times(edges.readout[t])
        return None if entry.is_zero else entry.at(self.ring.eigenvalues[v], self.ring.number)

    def _find_moves(self, key: Key) -> Iterator[_Move]:
        placed, seen, states = key
        n = len(states)
        ready = [
            v
            for v in range(n)
            if not placed >> v & 1 and all(placed >> c & 1 for c in self._children[v])
        ]
        for pick in range(1 << len(ready)):
            nodes = [v for i, v in enumerate(ready) if pick >> i & 1]
            chosen = sum(1 << v for v in nodes)
            weight = self.placing.weight(chosen, seen) if chosen else Fraction(1)
            closing = [c for v in nodes for c in self._children[v]]
            if not weight or any(states[c] != _POSITION for c in closing):
                continue
            paths: list[tuple[tuple[int, ...], tuple[tuple[int, int, int], ...]]] = [((), ())]
            for v, state in enumerate(states):
                if v in closing:
                    options = [(_CLOSED, False)]
                elif state in {_CLOSED, _READOUT} and v not in nodes:
                    options = [(state, False)]
                else:
                    options = [(new, True) for new in range(self.edges.states)]
                    if self.parents[v] < 0 and self.edges.readout is not None:
                        options.append((_READOUT, True))
                paths = [
                    ((*after, new), (*moved, (v, state, new)) if moves else moved)
                    for after, moved in paths
                    for new, moves in options
                ]
            seen_now = self.placing.seen_after(chosen, seen)
            for after, moved in paths:
                yield _Move((placed | chosen, seen_now, after), weight, moved)
