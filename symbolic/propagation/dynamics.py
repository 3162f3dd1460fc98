"""An optimiser over given updates, in integers: what counting by number works with."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from math import lcm
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol, Self

from sgdiagrams.symbolic.propagation.ring import WHOLE, Ring

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sgdiagrams.symbolic.propagation.components import Component

__all__ = ["Dynamics", "EdgeSystem", "Edges", "LinearMemory"]


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
    def scales_nodes(self) -> bool:
        """Whether the factors of the learning rate multiply nodes; else they are in the systems."""

    def multipliers(self, T: int) -> tuple[Fraction, ...]:
        """Return the factors of the learning rate at the updates 0, ..., T - 1."""

    def edge_systems(self, multipliers: tuple[Fraction, ...]) -> tuple[EdgeSystem, ...]:
        """Return what each update does to an edge, for given factors."""

    def iterate_weights(self, T: int) -> tuple[Fraction, ...] | None:
        """Return the weights of the iterates after 1, ..., T updates; None for the last alone."""


class Edges(Protocol):
    """The edges above the nodes of a forest, as linear systems over a ring."""

    # Attributes of dataclasses take their place.
    @property
    def ring(self) -> Ring:
        """Where to compute."""

    @property
    def updates(self) -> int:
        """The number of updates T."""

    @property
    def states(self) -> int:
        """The length of an edge's state: 1 for the position, 2 with a velocity."""

    @property
    def has_links(self) -> bool:
        """Whether links are inserted: bare edges keep positions, and have none that moves velocities."""

    @property
    def depth(self) -> int:
        """The number of axes of elements that are arrays."""

    def kind(self, v: int) -> int:
        """Return a node whose edge is the same as that above node v."""

    @property
    def readout(self) -> Sequence[Any] | None:
        """Weights of the iterates after each update; None: the last one alone."""

    @property
    def is_constant(self) -> bool:
        """Whether all updates are alike, and the last iterate is read."""

    @property
    def step_scale(self) -> int:
        """The factor beyond its value that every edge is to get at every update; 1 but in integers."""

    def opening(self, t: int, v: int, target: int) -> Any:
        """Return the state that node v at time t gives to the edge above it; None for zero."""

    def transition(self, t: int, v: int, source: int, target: int) -> Any:
        """Return how the edge above node v is carried over the update t; None for zero."""

    def for_squaring(self) -> Self:
        """Return the same edges in the ring where matrices are powered by squaring."""


@dataclass(frozen=True, slots=True, eq=False)
class Dynamics:
    """An optimiser over T updates, in integers: bare edges, the same above every node.

    Positions carry the factor `position_scale`, read-outs also `readout_scale`, and every edge
    `decay_scale` to the power T: one for every step, which keeps powers of beta whole.

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
    sums
        What is known of `sgdiagrams.symbolic.propagation.groups.component_sum`.
    """

    position: tuple[int, ...]
    velocity: tuple[int, ...]
    velocity_to_position: tuple[int, ...]
    velocity_to_velocity: tuple[int, ...]
    node: tuple[int, ...]
    readout: tuple[int, ...] | None
    decay_scale: int
    position_scale: int
    node_scale: int
    readout_scale: int
    sums: dict[Component, tuple[int, int]] = field(default_factory=dict, repr=False)

    #: See `Edges`.
    ring: ClassVar[Ring] = WHOLE
    has_links: ClassVar[bool] = False
    depth: ClassVar[int] = 0

    @classmethod
    def of(
        cls,
        optimizer: LinearMemory,
        T: int,
        *,
        iterates: Sequence[Fraction] | None = None,
        node: Sequence[Fraction] | None = None,
    ) -> Self:
        """Return the dynamics of an optimiser with numbers.

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
        multipliers = optimizer.multipliers(T)
        systems = optimizer.edge_systems(multipliers)
        factors = list(multipliers) if optimizer.scales_nodes else [Fraction(1)] * T
        if node is not None:
            factors = [a * b for a, b in zip(factors, node, strict=True)]
        if iterates is None:
            iterates = optimizer.iterate_weights(T)
        node_scale = _common(factors)
        has_memory = any(len(s.inject) > 1 for s in systems)
        # Velocities are counted in a unit in which updates inject whole numbers.
        unit = _common([s.inject[1] for s in systems]) if has_memory else 1
        decay_scale = _common([s.step[1][1] for s in systems]) if has_memory else 1
        entries = [s.inject[0] for s in systems]
        if has_memory:
            entries += [s.step[0][1] * decay_scale / unit for s in systems]
        position_scale = _common(entries)
        readout_scale = 1 if iterates is None else _common(iterates)

        def whole(values: Iterator[Fraction], scale: int) -> tuple[int, ...]:
            return tuple(x.numerator * (scale // x.denominator) for x in values)

        return cls(
            whole((s.inject[0] for s in systems), position_scale),
            whole((s.inject[1] * unit for s in systems), 1) if has_memory else (),
            whole((s.step[0][1] / unit for s in systems), position_scale * decay_scale)
            if has_memory
            else (),
            whole((s.step[1][1] for s in systems), decay_scale) if has_memory else (),
            whole(iter(factors), node_scale),
            None if iterates is None else whole(iter(iterates), readout_scale),
            decay_scale,
            position_scale,
            node_scale,
            readout_scale,
        )

    @classmethod
    def plain(cls, T: int, *, node: Sequence[Fraction] | None = None) -> Self:
        """Return the dynamics without memory, schedule and average; weights are 1 but for `node`."""
        ones = (1,) * T
        factors = [Fraction(1)] * T if node is None else node
        scale = _common(factors)
        nodes = tuple(x.numerator * (scale // x.denominator) for x in factors)
        return cls(ones, (), (), (), nodes, None, 1, 1, scale, 1)

    @property
    def updates(self) -> int:
        """The number of updates T."""
        return len(self.node)

    @property
    def states(self) -> int:
        """1, or 2 with a velocity."""
        return 2 if self.velocity else 1

    @property
    def step_scale(self) -> int:
        """The scale of decay."""
        return self.decay_scale

    @property
    def is_constant(self) -> bool:
        """Whether all updates are alike, and the last iterate is read."""
        states = (self.position, self.velocity, self.node)
        steps = (self.velocity_to_position, self.velocity_to_velocity)
        return self.readout is None and all(len(set(x)) < 2 for x in (*states, *steps))

    def kind(self, v: int) -> int:  # noqa: ARG002
        """Return 0: the edges above all nodes are the same."""
        return 0

    def opening(self, t: int, v: int, target: int) -> int:  # noqa: ARG002
        """Return the state that a node at time t gives to the edge above it."""
        return self.node[t] * (self.velocity[t] if target else self.position[t])

    def transition(self, t: int, v: int, source: int, target: int) -> int | None:  # noqa: ARG002
        """Return how an edge is carried over the update t, with the scale of decay in it."""
        if source == 0:
            return None if target else self.decay_scale
        return self.velocity_to_velocity[t] if target else self.velocity_to_position[t]

    def for_squaring(self) -> Self:
        """Return the same."""
        return self

    def scale(self, parents: tuple[int, ...], *, decays: int | None = None) -> int:
        """Return the factor that all weighted counts of a forest carry.

        `decays` is the power of the scale of decay; by default T for every edge.
        """
        n = len(parents)
        roots = parents.count(-1)
        decay: int = self.decay_scale ** (self.updates * n if decays is None else decays)
        others: int = (self.position_scale * self.node_scale) ** n
        return decay * others * int(self.readout_scale**roots)


def _common(values: Sequence[Fraction]) -> int:
    return lcm(*(value.denominator for value in values)) if values else 1
