"""What a counter is: the weight of a diagram for a training."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sympy import Expr

    from sgdiagrams.diagrams.diagram import Diagram
    from sgdiagrams.symbolic.vocabulary import RootRole
    from sgdiagrams.symbolic.weights.laurent import Laurent

__all__ = ["Counter"]


class Counter(ABC):
    """Weighted counts for one training and basis; see `sgdiagrams.symbolic.counting.choice`."""

    __slots__ = ()

    @abstractmethod
    def count(self, diagram: Diagram, root: RootRole) -> Laurent:
        """Return the weighted count of a diagram: exponents -> coefficient."""

    @abstractmethod
    def weight(self, total: Laurent, order: int) -> Expr:
        """Return a sum of counts of diagrams of one order as a canonical weight."""
