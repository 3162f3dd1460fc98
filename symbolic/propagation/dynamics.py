r"""An optimiser over given updates, in numbers of a ring: what counting by number works with.

Every edge is a small linear system: its state is a position, and a velocity where the optimiser has
memory. An edge into which any number of links is inserted is one too. A link reads the position that the
update below has caused, and injects an update of its own, :math:`-h` times as large. In the cumulant
basis nothing else depends on it: it may use any row of its batch, whose size it is divided by. All
insertions together turn the transition of the edge's state over the update t into

.. math:: S_t - h\, a_t\, i_t \otimes e_{\mathrm{position}},

with the step :math:`S_t` and the injection :math:`i_t` of `EdgeSystem` and the learning-rate factor
:math:`a_t` of a node. For plain SGD this is :math:`1 - h`: the response of descent on a quadratic with
curvature h. At h = 0 edges are bare.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import lcm
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, Self

import numpy as np

from sgdiagrams.symbolic.embeddings.signs import prefactor
from sgdiagrams.symbolic.propagation.rings import WHOLE, Ring

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sgdiagrams.symbolic.propagation.components import Component

__all__ = ["Dynamics", "EdgeSystem", "LinearMemory"]

#: The sign of a link. Its 1/B is made up for by the rows of the batch.
_LINK = prefactor(1).number


class EdgeSystem(NamedTuple):
    """What an update at one time does to the state (position, velocity) of an edge, as numbers.

    Attributes
    ----------
    inject
        The state right after an update of size 1 made at this time.
    step
        The matrix that carries the state of an earlier update over this time, by rows.
    """

    inject: tuple[Fraction, ...]
    step: tuple[tuple[Fraction, ...], ...]


class LinearMemory(Protocol):
    """What propagation asks of an optimiser."""

    @property
    def schedule(self) -> object | None:
        """What makes the factors of the learning rate; None where all of them are 1."""

    @property
    def scales_nodes(self) -> bool:
        """Whether the factors of the learning rate multiply nodes; else they are in the systems."""

    def multipliers(self, T: int) -> tuple[Fraction, ...]:
        """Return the factors of the learning rate at the updates 0, ..., T - 1."""

    def edge_systems(self, multipliers: tuple[Fraction, ...]) -> tuple[EdgeSystem, ...]:
        """Return what each update does to an edge, for given factors."""

    def iterate_weights(self, T: int) -> tuple[Fraction, ...] | None:
        """Return the weights of the iterates after 1, ..., T updates; None for the last alone."""


@dataclass(frozen=True, slots=True, eq=False)
class Dynamics:
    """An optimiser over T updates, in a ring, and what is above the nodes of a forest.

    In integers, positions carry the factor `position_scale`, read-outs also `readout_scale`, and every
    edge `decay_scale` to the power T: one for every step, which keeps powers of beta whole.

    Attributes
    ----------
    position, velocity
        State right after an update at each time.
    velocity_to_position, velocity_to_velocity
        Transitions over each time, times `decay_scale`; empty without memory.
    node
        The factor of a node at each time, times `node_scale`.
    readout
        Weights of the iterates after each update, times `readout_scale`; None: the last one alone.
    are_alike
        Whether all updates are alike.
    ring
        Where to compute. Numbers of updates that are alike may be fractions still.
    eigenvalues
        For every node of one forest, h on the edge above it, in the ring; without them edges are bare.
    sums
        What is known of `sgdiagrams.symbolic.propagation.groups.component_sum`.

    Examples
    --------
    >>> from sgdiagrams.symbolic.propagation.rings import FRACTIONS
    >>> from sgdiagrams.symbolic.training.optimizers.sgd import SGD
    >>> Dynamics.dressed(SGD(), 3, [Fraction(1, 4)], FRACTIONS).transition(0, 0, 0, 0)
    Fraction(3, 4)
    """

    position: Sequence[Any]
    velocity: Sequence[Any]
    velocity_to_position: Sequence[Any]
    velocity_to_velocity: Sequence[Any]
    node: Sequence[Any]
    readout: Sequence[Any] | None
    are_alike: bool
    decay_scale: int = 1
    position_scale: int = 1
    node_scale: int = 1
    readout_scale: int = 1
    ring: Ring = WHOLE
    eigenvalues: Sequence[Any] = ()
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

    def whole(self) -> Self:
        """Return bare edges in integers, with their scales."""
        bare = self
        # Velocities are counted in a unit in which updates inject whole numbers.
        unit = _common(bare.velocity)
        to_position = bare.velocity_to_position
        if unit > 1:
            to_position = tuple(x / unit for x in to_position)
        decay_scale = _common(bare.velocity_to_velocity)
        transitions = [x * decay_scale for x in _different(to_position)]
        position_scale = _common((*_different(bare.position), *transitions))
        node_scale = _common(bare.node)
        readout_scale = _common(bare.readout or ())
        return type(self)(
            _whole(bare.position, position_scale),
            _whole(bare.velocity, unit),
            _whole(to_position, position_scale * decay_scale),
            _whole(bare.velocity_to_velocity, decay_scale),
            _whole(bare.node, node_scale),
            None if bare.readout is None else _whole(bare.readout, readout_scale),
            bare.are_alike,
            decay_scale,
            position_scale,
            node_scale,
            readout_scale,
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

    def brought_into(self, ring: Ring) -> Self:
        """Return edges whose numbers are fractions in a ring that needs no scales."""

        def brought(values: Sequence[Fraction]) -> tuple[Any, ...]:
            known = {id(x): ring.number(x) for x in _different(values)}
            return tuple([known[id(x)] for x in values])

        return replace(
            self,
            position=brought(self.position),
            velocity=brought(self.velocity),
            velocity_to_position=brought(self.velocity_to_position),
            velocity_to_velocity=brought(self.velocity_to_velocity),
            node=brought(self.node),
            readout=None if self.readout is None else brought(self.readout),
            ring=ring,
            sums={},
        )

    @classmethod
    def bare(
        cls,
        optimizer: LinearMemory,
        T: int,
        *,
        iterates: Sequence[Fraction] | None = None,
        node: Sequence[Fraction] | None = None,
    ) -> Self:
        """Return the numbers of an optimiser as fractions; positions stay but for updates."""
        multipliers = optimizer.multipliers(T)
        readout = optimizer.iterate_weights(T) if iterates is None else iterates
        # Numbers of a million updates that are alike are made once.
        are_alike = optimizer.schedule is None or multipliers == multipliers[:1] * T
        times = T if are_alike else 1
        systems = optimizer.edge_systems(multipliers[:1] if are_alike else multipliers)
        factors = multipliers if optimizer.scales_nodes else (Fraction(1),) * T
        if node is not None:
            factors = tuple(a * b for a, b in zip(factors, node, strict=True))
        with_memory = [s for s in systems if len(s.inject) > 1]
        return cls(
            tuple(s.inject[0] for s in systems) * times,
            tuple(s.inject[1] for s in with_memory) * times,
            tuple(s.step[0][1] for s in with_memory) * times,
            tuple(s.step[1][1] for s in with_memory) * times,
            factors,
            readout,
            are_alike and node is None,
        )

    @classmethod
    def plain(cls, T: int, *, node: Sequence[Fraction] | None = None) -> Self:
        """Return the dynamics without memory, schedule and average; weights are 1 but for `node`."""
        factors = [Fraction(1)] * T if node is None else node
        scale = _common(factors)
        nodes = _whole(factors, scale)
        return cls((1,) * T, (), (), (), nodes, None, are_alike=node is None, node_scale=scale)

    def above(self, nodes: Sequence[int]) -> Self:
        """Return the edges above some of the nodes."""
        return replace(self, eigenvalues=[self.eigenvalues[v] for v in nodes])

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
    def states(self) -> int:
        """The length of an edge's state: 1, or 2 with a velocity."""
        return 2 if self.velocity else 1

    @property
    def depth(self) -> int:
        """The number of axes of the eigenvalues."""
        return max((np.ndim(h) for h in self.eigenvalues), default=0)

    def like(self, v: int) -> int:
        """Return the first node with the same edge above it."""
        same = (w for w, h in enumerate(self.eigenvalues) if h is self.eigenvalues[v])
        return next(same, 0)

    def opening(self, t: int, target: int) -> Any:
        """Return the state that a node at time t gives to the edge above it; None for zero."""
        value = self.node[t] * (self.velocity[t] if target else self.position[t])
        return self.ring.number(value) if value else None

    def transition(self, t: int, v: int, source: int, target: int) -> Any:
        """Return how the edge above node v is carried over the update t; None for zero."""
        number = self.ring.number
        if source:
            bare = self.velocity_to_velocity[t] if target else self.velocity_to_position[t]
            return number(bare) if bare else None
        # A link reads the position and makes an update of its own.
        update = self.opening(t, target) if self.eigenvalues else None
        if update is None:
            return None if target else number(self.decay_scale)
        links = number(_LINK) * update * self.eigenvalues[v]
        return links if target else number(1) + links

    def step(self, t: int, v: int) -> list[list[tuple[int, Any]]]:
        """Return for each state of the edge above node v where it comes from, with the factors."""
        if not self.eigenvalues and self.ring.is_whole and self.velocity:
            to_position, to_velocity = self.velocity_to_position[t], self.velocity_to_velocity[t]
            return [[(0, self.decay_scale), (1, to_position)], [(1, to_velocity)]]
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
        others: int = (self.position_scale * self.node_scale) ** n
        return decay * others * int(self.readout_scale**roots)


def _different(values: Sequence[Fraction]) -> Sequence[Fraction]:
    """Return the values, those that are one object once."""
    return list({id(value): value for value in values}.values())


def _common(values: Sequence[Fraction]) -> int:
    return lcm(*(value.denominator for value in _different(values)))


def _whole(values: Sequence[Fraction], scale: int) -> tuple[int, ...]:
    return tuple(x.numerator * (scale // x.denominator) for x in values)
