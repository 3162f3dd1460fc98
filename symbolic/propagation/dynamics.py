r"""An optimiser over given updates, in numbers of a ring: what counting by number works with.

Every edge is a small linear system (`sgdiagrams.symbolic.propagation.linear_update`): an update injects
a state, every later update carries it on, and the parent reads it. An edge into which any number of links
is inserted is one too. A link reads what the update below has caused, and injects an update of its own,
:math:`-h` times as large. In the cumulant basis nothing else depends on it: it may use any row of its
batch, whose size it is divided by. All insertions together turn the transition of the edge's state over
the update t into

.. math:: A_t - h\, b_t \otimes r_t.

For plain SGD this is :math:`1 - h`: the response of descent on a quadratic with curvature h. At h = 0
edges are bare.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import repeat
from math import lcm
from operator import is_
from typing import TYPE_CHECKING, Any, Self, TypeAlias

import networkx as nx
import numpy as np

from sgdiagrams.symbolic.embeddings.signs import prefactor
from sgdiagrams.symbolic.propagation.rings import WHOLE, Ring

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sgdiagrams.symbolic.propagation.components import Component
    from sgdiagrams.symbolic.propagation.linear_update import LinearMemory

__all__ = ["Dynamics", "OverTime", "is_one_value"]

#: The sign of a link. Its 1/B is made up for by the rows of the batch.
_LINK = prefactor(1).number

#: A number for every update; numbers that are the same are one object.
OverTime: TypeAlias = "Sequence[Any]"


@dataclass(frozen=True, slots=True, eq=False)
class Dynamics:
    """An optimiser over T updates, in a ring, and what is above the nodes of a forest.

    States have numbers 0, ..., M - 1; what is not in a mapping is zero at all times. In integers, edges
    into updates carry the factor `read_scale`, those into the root `readout_scale`, nodes `node_scale`,
    and every edge `decay_scale` to the power T: one for every step, which keeps powers of beta whole.

    Attributes
    ----------
    states
        The length M of an edge's state.
    inject
        The state right after an update at each time, by state.
    step
        Transitions over each time by (source, target), times `decay_scale`.
    read
        What an update at each time reads of the states before it.
    readout
        What the root reads of the states after each update: weights of iterates; None for the last
        iterate alone.
    final
        What the root reads of the states at the end.
    node
        A further factor of a node at each time.
    are_alike
        Whether all updates are alike.
    ring
        Where to compute. Numbers of updates that are alike may be fractions still.
    eigenvalues
        For every node of one forest, h on the edge above it, in the ring; without them edges are bare.
    pull
        The state right after an update of decoupled weight decay, by state, as `inject`.
    pulled
        Which nodes of one forest are such updates; none when left out.
    readouts
        For every node of one forest what the root reads of the edge above it, where that depends on the
        node; empty where it is `readout`.
    sums
        What is known of `sgdiagrams.symbolic.propagation.grouped.groups.component_sum`.

    Examples
    --------
    >>> from sgdiagrams.symbolic.propagation.rings import FRACTIONS
    >>> from sgdiagrams.symbolic.training.optimizers.sgd import SGD
    >>> Dynamics.dressed(SGD(), 3, [Fraction(1, 4)], FRACTIONS).transition(0, 0, 0, 0)
    Fraction(3, 4)
    """

    states: int
    inject: Mapping[int, OverTime]
    step: Mapping[tuple[int, int], OverTime]
    read: Mapping[int, OverTime]
    readout: Mapping[int, OverTime] | None
    final: Mapping[int, Any]
    node: OverTime
    are_alike: bool
    decay_scale: int = 1
    read_scale: int = 1
    readout_scale: int = 1
    node_scale: int = 1
    ring: Ring = WHOLE
    eigenvalues: Sequence[Any] = ()
    pull: Mapping[int, OverTime] = field(default_factory=dict)
    pulled: Sequence[bool] = ()
    readouts: Sequence[Mapping[int, OverTime]] = ()
    sums: dict[Component, tuple[Any, int]] = field(default_factory=dict, repr=False)

    @classmethod
    def of(
        cls,
        optimizer: LinearMemory,
        T: int,
        *,
        iterates: Sequence[Fraction] | None = None,
        node: Sequence[Fraction] | None = None,
    ) -> Self:
        """Return the bare edges of an optimiser with numbers, in integers.

        Parameters
        ----------
        optimizer
            Without free symbols.
        T
            The number of updates.
        iterates
            Weights of the iterates after 1, ..., T updates; by default those of the optimiser.
        node
            Further factors of the nodes at every time.
        """
        return cls.bare(optimizer, T, iterates=iterates, node=node).whole()

    @classmethod
    def bare(
        cls,
        optimizer: LinearMemory,
        T: int,
        *,
        iterates: Sequence[Fraction] | None = None,
        node: Sequence[Fraction] | None = None,
    ) -> Self:
        """Return the numbers of an optimiser as fractions."""
        updates = optimizer.linear_updates(T)
        weights = optimizer.iterate_weights(T) if iterates is None else iterates
        zero, one = Fraction(0), Fraction(1)
        if not updates:
            none: OverTime = ()
            readout = None if weights is None else {0: none}
            still = {0: none}
            return cls(1, still, {(0, 0): none}, still, readout, {0: one}, none, are_alike=True)
        # Numbers of a million updates that are alike are made once.
        are_alike = is_one_value(updates)
        distinct, times = (updates[:1], T) if are_alike else (updates, 1)
        states = range(len(updates[0].inject))
        rows = _over_time({i: [u.readout[i] for u in distinct] for i in states}, times)
        readout = None
        if weights is not None:
            seen = {
                i: [w * x for w, x in zip(weights, row, strict=True)] for i, row in rows.items()
            }
            readout = _over_time(seen, 1)
        return cls(
            len(states),
            _over_time({i: [u.inject[i] for u in distinct] for i in states}, times),
            _over_time(
                {(i, j): [u.step[j][i] for u in distinct] for i in states for j in states}, times
            ),
            _over_time({i: [u.read[i] for u in distinct] for i in states}, times),
            readout,
            {i: row[-1] for i, row in rows.items() if row[-1]},
            (one,) * T if node is None else tuple(node),
            are_alike and node is None,
            pull=_over_time(
                {i: [u.pull.inject[i] if u.pull else zero for u in distinct] for i in states}, times
            ),
        )

    @classmethod
    def plain(cls, T: int, *, node: Sequence[Fraction] | None = None) -> Self:
        """Return the dynamics without memory, schedule and average; weights are 1 but for `node`."""
        factors = [Fraction(1)] * T if node is None else node
        scale = _common([factors])
        nodes, one = _mapped(factors, _whole_by(scale)), (1,) * T
        still = {0: one}
        alike = node is None
        return cls(
            1, still, {(0, 0): one}, still, None, {0: 1}, nodes, are_alike=alike, node_scale=scale
        )

    @classmethod
    def dressed(
        cls, optimizer: LinearMemory, T: int, eigenvalues: Sequence[Any], ring: Ring
    ) -> Self:
        """Return the dressed edges above the nodes of a forest, in any ring.

        Numbers of updates that differ are brought into the ring at once, because the fractions of a
        long schedule are long.
        """
        bare = cls.bare(optimizer, T)
        if not bare.is_constant:
            bare = bare.brought_into(ring)
        return replace(bare, ring=ring, eigenvalues=eigenvalues)

    @classmethod
    def timed(
        cls,
        optimizer: LinearMemory,
        T: int,
        *,
        iterates: Sequence[Sequence[Fraction]],
        eigenvalues: Sequence[Any] = (),
        ring: Ring,
    ) -> Self:
        """Return the edges above the nodes of a forest whose roots look at times of their own.

        Parameters
        ----------
        optimizer, T, eigenvalues, ring
            As for `dressed`; the ring needs no scales.
        iterates
            For every node the weights of the iterates after 1, ..., T updates that the root reads.
        """
        known = {id(weights): cls.bare(optimizer, T, iterates=weights) for weights in iterates}
        # What is read late is of one kind for all nodes.
        edges = {key: bare.brought_into(ring) for key, bare in known.items()}
        readouts = [edges[id(weights)].readout or {} for weights in iterates]
        first = edges[id(iterates[0])]
        return replace(first, ring=ring, eigenvalues=eigenvalues, readouts=readouts)

    def whole(self) -> Self:
        """Return bare edges in integers, with their scales.

        Every state is counted in a unit of its own. Powers of the scale of decay are needed only where a
        state comes back to itself; what flows from one such part to the next is made whole by the units.
        """
        graph: nx.DiGraph[int] = nx.DiGraph()
        graph.add_nodes_from(range(self.states))
        graph.add_edges_from(self.step)
        parts = nx.condensation(graph)
        part_of = parts.graph["mapping"]
        decay_scale = _common(
            values for (i, j), values in self.step.items() if part_of[i] == part_of[j]
        )
        units: dict[int, int] = {}
        for part in nx.topological_sort(parts):
            members = parts.nodes[part]["members"]
            arriving = [self.inject.get(i, ()) for i in members]
            for (i, j), values in self.step.items():
                if j in members and i not in members:
                    share = Fraction(decay_scale, units[i])
                    arriving.append([share * x for x in _different(values)])
            units |= dict.fromkeys(members, _common(arriving))
        read = {i: Fraction(1, units[i]) for i in self.read}
        read_scale = _common([read[i] * x for x in _different(v)] for i, v in self.read.items())
        seen: Mapping[int, OverTime] = (
            {i: (x,) for i, x in self.final.items()} if self.readout is None else self.readout
        )
        readout_scale = _common(
            [x / units[i] for x in _different(values)] for i, values in seen.items()
        )
        node_scale = _common([self.node])
        outs = {i: Fraction(readout_scale, units[i]) for i in range(self.states)}
        final = {}
        if self.readout is None:
            final = {i: _whole_by(outs[i])(x) for i, x in self.final.items()}
        return type(self)(
            self.states,
            {i: _mapped(values, _whole_by(units[i])) for i, values in self.inject.items()},
            {
                (i, j): _mapped(values, _whole_by(Fraction(decay_scale * units[j], units[i])))
                for (i, j), values in self.step.items()
            },
            {
                i: _mapped(values, _whole_by(read_scale * read[i]))
                for i, values in self.read.items()
            },
            None
            if self.readout is None
            else {i: _mapped(values, _whole_by(outs[i])) for i, values in self.readout.items()},
            final,
            _mapped(self.node, _whole_by(node_scale)),
            self.are_alike,
            decay_scale,
            read_scale,
            readout_scale,
            node_scale,
        )

    def brought_into(self, ring: Ring) -> Self:
        """Return edges whose numbers are fractions in a ring that needs no scales."""
        number = ring.number
        return replace(
            self,
            inject={i: _mapped(values, number) for i, values in self.inject.items()},
            step={place: _mapped(values, number) for place, values in self.step.items()},
            read={i: _mapped(values, number) for i, values in self.read.items()},
            readout=None
            if self.readout is None
            else {i: _mapped(values, number) for i, values in self.readout.items()},
            final={i: number(x) for i, x in self.final.items()},
            node=_mapped(self.node, number),
            pull={i: _mapped(values, number) for i, values in self.pull.items()},
            ring=ring,
            sums={},
        )

    def above(self, nodes: Sequence[int]) -> Self:
        """Return the edges above some of the nodes."""
        return replace(
            self,
            eigenvalues=[self.eigenvalues[v] for v in nodes] if self.eigenvalues else (),
            pulled=[self.pulled[v] for v in nodes] if self.pulled else (),
            readouts=[self.readouts[v] for v in nodes] if self.readouts else (),
        )

    def readout_above(self, v: int) -> Mapping[int, OverTime] | None:
        """Return what the root reads of the edge above a node after each update."""
        return self.readouts[v] if self.readouts else self.readout

    def for_squaring(self) -> Self:
        """Return the edges in the ring where matrices are powered by squaring."""
        higher = self.ring.for_squaring
        if higher is None:
            return self
        return replace(self, eigenvalues=[higher.lift(h) for h in self.eigenvalues], ring=higher)

    @property
    def updates(self) -> int:
        """The number of updates T."""
        return len(self.node)

    @property
    def is_constant(self) -> bool:
        """Whether all updates are alike, and the last iterate is read."""
        return self.are_alike and self.readout is None

    @property
    def is_still(self) -> bool:
        """Whether bare edges stay what their update makes them: there is no memory."""
        if self.states > 1:
            return False
        read, step, final = self.read.get(0), self.step.get((0, 0)), self.final.get(0)
        if read is None or step is None:
            return False
        ends = self.readout is not None or final == 1
        return ends and all(not values or _are_one(values) for values in (read, step))

    @property
    def depth(self) -> int:
        """The number of axes of the eigenvalues."""
        return max((np.ndim(h) for h in self.eigenvalues), default=0)

    def like(self, v: int) -> int:
        """Return the first node with the same edge above it."""
        if self.pulled and not self.readouts:
            return self.pulled.index(self.pulled[v]) if not self.eigenvalues else v
        h, outs = self.eigenvalues, self.readouts
        count = max(len(h), len(outs))
        same = (
            w
            for w in range(count)
            if (not h or h[w] is h[v])
            and (not outs or outs[w] is outs[v])
            and (not self.pulled or self.pulled[w] == self.pulled[v])
        )
        return next(same, 0)

    def targets(self, source: int) -> list[int]:
        """Return the states that a state may go to in one step, at some time."""
        after = {j for i, j in self.step if i == source}
        if self.eigenvalues and source in self.read:
            after |= set(self.inject)
        return sorted(after)

    def opening(self, t: int, target: int, v: int | None = None) -> Any:
        """Return the state that node v at time t gives to the edge above it; None for zero."""
        is_pulled = v is not None and bool(self.pulled) and self.pulled[v]
        inject = self.pull if is_pulled else self.inject
        value = self.node[t] * inject[target][t] if target in inject else 0
        return self.ring.number(value) if value else None

    def reading(self, t: int, source: int) -> Any:
        """Return what a node at time t reads of the edge below it; None for zero."""
        value = self.read[source][t] if source in self.read else 0
        return self.ring.number(value) if value else None

    def transition(self, t: int, v: int, source: int, target: int) -> Any:
        """Return how the edge above node v is carried over the update t; None for zero."""
        number = self.ring.number
        values = self.step.get((source, target))
        bare = number(values[t]) if values is not None and values[t] else None
        read = self.reading(t, source) if self.eigenvalues else None
        # A link reads the state and makes an update of its own.
        update = None if read is None else self.opening(t, target)
        if update is None:
            return bare
        links = number(_LINK) * update * self.eigenvalues[v]
        if read != 1:
            links = read * links
        return links if bare is None else bare + links

    def arrivals(self, t: int, v: int) -> list[list[tuple[int, Any]]]:
        """Return for each state of the edge above node v where it comes from, with the factors."""
        states = range(self.states)
        entries = [[(s, self.transition(t, v, s, target)) for s in states] for target in states]
        return [[(s, factor) for s, factor in row if factor is not None] for row in entries]

    def scale(self, parents: tuple[int, ...], *, decays: int | None = None) -> int:
        """Return the factor that all weighted counts of a forest carry.

        `decays` is the power of the scale of decay; by default T for every edge.
        """
        n = len(parents)
        roots = parents.count(-1)
        decay: int = self.decay_scale ** (self.updates * n if decays is None else decays)
        nodes: int = self.node_scale**n * self.read_scale ** (n - roots)
        return decay * nodes * int(self.readout_scale**roots)


def is_one_value(values: Sequence[Any]) -> bool:
    """Tell whether all values are one object."""
    if not values or values[0] is not values[-1] or values[0] is not values[len(values) // 2]:
        return False
    return all(map(is_, values, repeat(values[0])))


def _are_one(values: OverTime) -> bool:
    return all(x == 1 for x in _different(values))


def _over_time(table: Mapping[Any, OverTime], times: int) -> dict[Any, OverTime]:
    """Return what is not zero at all times, so many times."""
    return {place: tuple(row) * times for place, row in table.items() if any(_different(row))}


def _different(values: Sequence[Any]) -> Sequence[Any]:
    """Return the values, those that are one object once."""
    return list({id(value): value for value in values}.values())


def _common(rows: Any) -> int:
    """Return the least common denominator of numbers in rows."""
    return lcm(*(x.denominator for values in rows for x in _different(values)))


def _mapped(values: OverTime, function: Callable[[Any], Any]) -> OverTime:
    """Apply a function to numbers, once to those that are one object."""
    known = {id(x): function(x) for x in _different(values)}
    return tuple([known[id(x)] for x in values])


def _whole_by(scale: int | Fraction) -> Callable[[Fraction], int]:
    """Return multiplication by a scale that makes whole."""

    def scaled(x: Fraction) -> int:
        return x.numerator * scale.numerator // (x.denominator * scale.denominator)

    return scaled
