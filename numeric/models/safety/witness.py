"""What is asked about a model before its derivatives are trusted; one kind of witness a library."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["Suspect", "Witness"]


@final
@dataclass(frozen=True, slots=True)
class Suspect:
    """An operation whose derivatives may be wrong, and what to write in its place."""

    operation: str
    remedy: str


class Witness(ABC):
    """Two datapoints of a model, in float64 where its loss allows that."""

    __slots__ = ()

    #: The loss computes in float64.
    is_double: bool

    #: Weights in pieces, one for every array of them.
    leaves: Sequence[NDArray[np.float64]]

    def directions(self, order: int) -> NDArray[np.float64]:
        """Return random vectors (order, p), each weight about as large as those of its array are.

        Along such vectors the derivatives of all orders are numbers of about one size.
        """
        rng = np.random.default_rng(0)
        scales = [float(np.sqrt(np.mean(leaf**2))) or 1.0 for leaf in self.leaves if leaf.size]
        sizes = [leaf.size for leaf in self.leaves if leaf.size]
        spread = np.repeat(scales, sizes)
        drawn: NDArray[np.float64] = rng.normal(size=(order, len(spread))) * spread
        return drawn

    @abstractmethod
    def losses(self) -> NDArray[np.float64]:
        """Return the losses of both datapoints, computed once more by calls of the loss."""

    @abstractmethod
    def refuse_parts(self) -> None:
        """Raise an error for parts that give a datapoint no loss of its own."""

    @abstractmethod
    def numbers(
        self, shift: NDArray[np.float64], vectors: NDArray[np.float64], last: int
    ) -> list[float]:
        """Return D^0, D^1[v1], D^2[v1, v2], ... of the mean loss, as they are measured.

        Parameters
        ----------
        shift
            Added to the weights, shape (p,).
        vectors
            Shape (order, p).
        last
            The highest derivative.
        """

    @abstractmethod
    def other_route(self, vectors: NDArray[np.float64]) -> list[float] | None:
        """Return the same at the weights themselves in another way; None where it does not exist."""

    @abstractmethod
    def kinks(self) -> tuple[str, ...]:
        """Return the names of operations of the loss that are linear piece by piece."""

    @abstractmethod
    def suspects(self) -> tuple[Suspect, ...]:
        """Return operations of the loss that are known for wrong derivatives."""
