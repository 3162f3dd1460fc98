r"""Dressed edges: what one step does to an edge into which any number of links is inserted.

A link on an edge reads the position that the update below has caused, and injects an update of its own,
:math:`-h` times as large. In the cumulant basis nothing else depends on it: it may use any row of its
batch, whose size it is divided by. All insertions together turn the transition of the edge's state over
the update t into

.. math:: S_t - h\, a_t\, i_t \otimes e_{\mathrm{position}},

with the step :math:`S_t` and the injection :math:`i_t` of
`sgdiagrams.symbolic.propagation.dynamics.EdgeSystem` and the learning-rate factor :math:`a_t` of a node.
For plain SGD this is :math:`1 - h`: the response of descent on a quadratic with curvature h.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from sgdiagrams.symbolic.propagation.dynamics import EdgeSystem

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sgdiagrams.symbolic.training.optimizer import Optimizer

__all__ = ["DressedEdges", "Entry"]


class Entry(NamedTuple):
    """An entry constant - slope h of a dressed transition, in fractions or in floats."""

    constant: Any
    slope: Any

    @property
    def is_zero(self) -> bool:
        """Whether it is zero for all h."""
        return not self.constant and not self.slope

    def times(self, factor: Any) -> Entry:
        """Return the entry times a number."""
        return Entry(self.constant * factor, self.slope * factor)

    def at(self, h: Any, number: Callable[[Fraction], Any]) -> Any:
        """Return its value in the ring of h."""
        if not self.slope:
            return number(self.constant)
        return number(self.constant) + number(-self.slope) * h


@dataclass(frozen=True, slots=True, eq=False)
class DressedEdges:
    """An optimiser over T updates, as seen by an edge with links.

    Attributes
    ----------
    systems
        What each update does to a bare edge.
    node
        The learning-rate factor of a node at each time.
    readout
        Weights of the iterates after each update; None: the last one alone.
    is_constant
        Whether all updates are alike, and the last iterate is read.

    Examples
    --------
    >>> from sgdiagrams.symbolic.training.optimizer import SGD
    >>> DressedEdges.of(SGD(), 3).transition(0, 0, 0).at(Fraction(1, 4), Fraction)
    Fraction(3, 4)
    """

    systems: Sequence[EdgeSystem]
    node: Sequence[Any]
    readout: Sequence[Any] | None
    is_constant: bool

    @classmethod
    def of(cls, optimizer: Optimizer, T: int, *, is_exact: bool = True) -> Self:
        """Return the edges of an optimiser with numbers.

        Parameters
        ----------
        optimizer
            Without free symbols.
        T
            The number of updates, at least 1.
        is_exact
            Whether the numbers are fractions even where updates differ; otherwise floats, because the
            fractions of a long schedule are long.
        """
        readout = None if optimizer.average is None else optimizer.average.weights(T)
        multipliers = optimizer.multipliers(T)
        is_constant = optimizer.schedule is None or len(set(multipliers)) == 1
        if is_constant:
            systems = optimizer.edge_systems(multipliers[:1]) * T
        else:
            systems = optimizer.edge_systems(multipliers)
        node = multipliers if optimizer.scales_nodes else (Fraction(1),) * T
        is_constant = is_constant and readout is None
        if is_exact or is_constant:
            return cls(systems, node, readout, is_constant)
        weights = None if readout is None else tuple(map(float, readout))
        known: dict[int, Any] = {}
        for s in systems:
            if id(s) not in known:
                step = tuple(tuple(map(float, row)) for row in s.step)
                known[id(s)] = EdgeSystem(tuple(map(float, s.inject)), step)  # type: ignore[arg-type]
        rounded = tuple(known[id(s)] for s in systems)
        return cls(rounded, tuple(map(float, node)), weights, is_constant)

    @property
    def updates(self) -> int:
        """The number of updates T."""
        return len(self.node)

    @property
    def states(self) -> int:
        """The length of an edge's state: 1, or 2 with a velocity."""
        return len(self.systems[0].inject) if self.systems else 1

    def opening(self, t: int, target: int) -> Entry:
        """Return the state that a node at time t gives to the edge above it, with its own factor."""
        return Entry(self.systems[t].inject[target] * self.node[t], 0)

    def transition(self, t: int, source: int, target: int) -> Entry:
        """Return how a dressed edge is carried over the update t."""
        system = self.systems[t]
        slope = system.inject[target] * self.node[t] if source == 0 else 0
        return Entry(system.step[target][source], slope)
