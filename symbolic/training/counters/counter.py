"""What a counter is: the weight of a diagram for a training."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from sgdiagrams.diagrams.errors import RequestError

if TYPE_CHECKING:
    from sympy import Expr

    from sgdiagrams.diagrams.diagram import Diagram
    from sgdiagrams.symbolic.observed.times_of_reading import ReadTime
    from sgdiagrams.symbolic.vocabulary import RootRole
    from sgdiagrams.symbolic.weights.laurent import Laurent

__all__ = ["Counter", "TimedCounter"]


class Counter(ABC):
    """Weighted counts for one training and basis; see `sgdiagrams.symbolic.counting.choice`."""

    __slots__ = ()

    @abstractmethod
    def count(self, diagram: Diagram, root: RootRole) -> Laurent:
        """Return the weighted count of a diagram: exponents -> coefficient."""

    def count_pulled(self, diagram: Diagram, root: RootRole, pulled: tuple[int, ...]) -> Laurent:
        """Return the count of a diagram some of whose updates are those of decoupled weight decay.

        Parameters
        ----------
        diagram, root
            As for `count`.
        pulled
            Their numbers in preorder, from 0 without the root.

        Raises
        ------
        RequestError
            Where no such updates are counted.
        """
        if pulled:
            raise RequestError(
                "expected coupled weight decay here, got decoupled_decay; take weight_decay"
            )
        return self.count(diagram, root)

    @abstractmethod
    def weight(self, total: Laurent, order: int) -> Expr:
        """Return a sum of counts of diagrams of one order as a canonical weight."""


class TimedCounter(ABC):
    """Weighted counts where the factors at the root look at the weights at times of their own."""

    __slots__ = ()

    @abstractmethod
    def count_read(
        self, diagram: Diagram, root: RootRole, reads: tuple[ReadTime | None, ...]
    ) -> Laurent:
        """Return the weighted count of a diagram: exponents -> coefficient.

        Parameters
        ----------
        diagram, root
            As for `Counter`.
        reads
            For every update, in preorder, when the factor above it looks; None below other updates.
        """

    @abstractmethod
    def weight(self, total: Laurent, order: int) -> Expr:
        """Return a sum of counts of diagrams of one order as a canonical weight."""
