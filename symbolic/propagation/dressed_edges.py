r"""Dressed edges: what one step does to an edge into which any number of links is inserted.

A link on an edge reads the position that the update below has caused, and injects an update of its own,
:math:`-h` times as large. In the cumulant basis nothing else depends on it: it may use any row of its
batch, whose size it is divided by. All insertions together turn the transition of the edge's state over
the update t into

.. math:: S_t - h\, a_t\, i_t \otimes e_{\mathrm{position}},

with the step :math:`S_t` and the injection :math:`i_t` of
`sgdiagrams.symbolic.propagation.dynamics.EdgeSystem` and the learning-rate factor :math:`a_t` of a node.
For plain SGD this is :math:`1 - h`: the response of descent on a quadratic with curvature h. At h = 0
edges are bare.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from sgdiagrams.symbolic.embeddings.prefactor import prefactor
from sgdiagrams.symbolic.propagation.dynamics import EdgeSystem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sgdiagrams.symbolic.propagation.dynamics import LinearMemory
    from sgdiagrams.symbolic.propagation.ring import Ring

__all__ = ["DressedEdges"]

#: The sign of a link. Its 1/B is made up for by the rows of the batch.
_LINK = prefactor(1).number


@dataclass(frozen=True, slots=True, eq=False)
class DressedEdges:
    """The edges of a forest over T updates, with links, in any ring.

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
    eigenvalues
        The curvature h on the edge above each node, in the ring.
    ring
        Where to compute.

    Examples
    --------
    >>> from sgdiagrams.symbolic.propagation.ring import FRACTIONS
    >>> from sgdiagrams.symbolic.training.optimizer import SGD
    >>> DressedEdges.of(SGD(), 3, [Fraction(1, 4)], FRACTIONS).transition(0, 0, 0, 0)
    Fraction(3, 4)
    """

    systems: Sequence[EdgeSystem]
    node: Sequence[Any]
    readout: Sequence[Any] | None
    is_constant: bool
    eigenvalues: Sequence[Any]
    ring: Ring

    #: See `sgdiagrams.symbolic.propagation.dynamics.Edges`.
    step_scale: ClassVar[int] = 1
    has_links: ClassVar[bool] = True

    @classmethod
    def of(cls, optimizer: LinearMemory, T: int, eigenvalues: Sequence[Any], ring: Ring) -> Self:
        """Return the edges of an optimiser with numbers, over T >= 1 updates.

        Numbers of updates that differ are brought into the ring at once, because the fractions of a
        long schedule are long.
        """
        readout = optimizer.iterate_weights(T)
        multipliers = optimizer.multipliers(T)
        first = multipliers[0]
        is_constant = all(a is first or a == first for a in multipliers)
        if is_constant:
            systems = optimizer.edge_systems(multipliers[:1]) * T
        else:
            systems = optimizer.edge_systems(multipliers)
        node: Sequence[Any] = multipliers if optimizer.scales_nodes else (Fraction(1),) * T
        is_constant = is_constant and readout is None
        if is_constant:
            return cls(systems, node, readout, is_constant, eigenvalues, ring)
        number = ring.number
        in_ring: dict[int, EdgeSystem] = {}
        for s in systems:
            if id(s) not in in_ring:
                step = tuple(tuple(map(number, row)) for row in s.step)
                in_ring[id(s)] = EdgeSystem(tuple(map(number, s.inject)), step)
        return cls(
            tuple(in_ring[id(s)] for s in systems),
            tuple(map(number, node)),
            None if readout is None else tuple(map(number, readout)),
            is_constant,
            eigenvalues,
            ring,
        )

    def above(self, nodes: Sequence[int]) -> Self:
        """Return the edges above some of the nodes."""
        return replace(self, eigenvalues=[self.eigenvalues[v] for v in nodes])

    def for_squaring(self) -> Self:
        """Return the edges in the ring where matrices are squared."""
        higher = self.ring.for_squaring
        if higher is None:
            return self
        return replace(self, eigenvalues=[higher.lift(h) for h in self.eigenvalues], ring=higher)

    @property
    def updates(self) -> int:
        """The number of updates T."""
        return len(self.node)

    @property
    def states(self) -> int:
        """The length of an edge's state: 1, or 2 with a velocity."""
        return len(self.systems[0].inject)

    @property
    def depth(self) -> int:
        """The number of axes of the eigenvalues."""
        return max((np.ndim(h) for h in self.eigenvalues), default=0)

    def kind(self, v: int) -> int:
        """Return the first node with the same eigenvalue object above it."""
        return next(w for w, h in enumerate(self.eigenvalues) if h is self.eigenvalues[v])

    def opening(self, t: int, v: int, target: int) -> Any:  # noqa: ARG002
        """Return the state that a node at time t gives to the edge above it, with its own factor."""
        value = self.systems[t].inject[target] * self.node[t]
        return self.ring.number(value) if value else None

    def transition(self, t: int, v: int, source: int, target: int) -> Any:
        """Return how the edge above a node is carried over the update t; None for zero."""
        system, number = self.systems[t], self.ring.number
        constant = system.step[target][source]
        # The link reads the position and makes an update of its own.
        links = _LINK * system.inject[target] * self.node[t] if source == 0 else 0
        if not links:
            return number(constant) if constant else None
        return number(constant) + number(links) * self.eigenvalues[v]
