"""Courses: which rows of the training set the updates may use, by number.

A sampling scheme with numbers says its course, and whoever counts embeddings, draws batches or spells
out all schedules asks the course and not the scheme. There are three kinds that a propagator treats
each in its own way; others are sums of these.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar, final

if TYPE_CHECKING:
    from sgdiagrams.symbolic.embeddings.forests import UpdateForest
    from sgdiagrams.symbolic.embeddings.rules import StepRule
    from sgdiagrams.symbolic.vocabulary import Basis

__all__ = ["Course", "EqualSteps", "FixedBatches", "Propagator", "ReshuffledEpochs"]

Value = TypeVar("Value")
Value_co = TypeVar("Value_co", covariant=True)


class Propagator(Protocol[Value_co]):
    """Sums weights over embeddings, for one optimiser over T updates and in one ring.

    All sums are divided by the size of the batch for every update.
    """

    def fixed_batches(self, course: FixedBatches, forest: UpdateForest, basis: Basis) -> Value_co:
        """Return the sum for a schedule that is fixed."""

    def equal_steps(self, course: EqualSteps, forest: UpdateForest, basis: Basis) -> Value_co:
        """Return the sum for steps that are all alike."""

    def reshuffled_epochs(
        self, course: ReshuffledEpochs, forest: UpdateForest, basis: Basis
    ) -> Value_co:
        """Return the expected sum for epochs in random orders."""


class Course(ABC):
    """Which rows the updates may use. Concrete courses are frozen dataclasses of numbers."""

    __slots__ = ()

    # Declared for type checkers alone: fields of dataclasses take their place.
    if TYPE_CHECKING:

        @property
        def updates(self) -> int:
            """The number of updates T."""

        @property
        def rows(self) -> int:
            """The number N of datapoints of the training set."""

    @abstractmethod
    def embed(self, propagator: Propagator[Value], forest: UpdateForest, basis: Basis) -> Value:
        """Return the sum over embeddings of a forest as a propagator counts it."""


@final
@dataclass(frozen=True, slots=True)
class FixedBatches(Course):
    """A schedule that is fixed.

    Attributes
    ----------
    batches
        The rows of every batch.
    rows
        The size of the training set.
    """

    batches: tuple[tuple[int, ...], ...]
    rows: int

    @property
    def updates(self) -> int:
        """The number of batches."""
        return len(self.batches)

    def embed(self, propagator: Propagator[Value], forest: UpdateForest, basis: Basis) -> Value:
        """Return the sum over embeddings."""
        return propagator.fixed_batches(self, forest, basis)


@final
@dataclass(frozen=True, slots=True)
class EqualSteps(Course):
    """T steps that are all alike, of B datapoints each.

    Attributes
    ----------
    rule
        What one step allows.
    rows, batch, updates
        N, B and T.
    """

    rule: StepRule
    rows: int
    batch: int
    updates: int

    def embed(self, propagator: Propagator[Value], forest: UpdateForest, basis: Basis) -> Value:
        """Return the sum over embeddings."""
        return propagator.equal_steps(self, forest, basis)


@final
@dataclass(frozen=True, slots=True)
class ReshuffledEpochs(Course):
    """E epochs over N rows in batches of B, each in a random order of its own."""

    rows: int
    batch: int
    epochs: int

    @property
    def updates(self) -> int:
        """E N / B."""
        return self.epochs * self.rows // self.batch

    def embed(self, propagator: Propagator[Value], forest: UpdateForest, basis: Basis) -> Value:
        """Return the sum over embeddings."""
        return propagator.reshuffled_epochs(self, forest, basis)
