"""Courses: which rows of the training set the updates may use, by number.

A sampling scheme with numbers says its course, and whoever counts embeddings, draws batches or spells
out all of them asks the course and not the scheme. There are three kinds that a propagator treats each
in its own way; others, such as `RandomBatches`, are sums of these.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, final

import numpy as np

from sgdiagrams.diagrams.errors import SamplingError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.diagrams.whole_numbers import is_whole
from sgdiagrams.symbolic.checks import rational
from sgdiagrams.symbolic.embeddings.batches import reshuffled_schedules, rows_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sgdiagrams.symbolic.embeddings.batches import Batches, RandomSchedule, Rows
    from sgdiagrams.symbolic.embeddings.forests import UpdateForest
    from sgdiagrams.symbolic.embeddings.rules import StepRule
    from sgdiagrams.symbolic.propagation.placing import Placing
    from sgdiagrams.symbolic.vocabulary import Basis

__all__ = [
    "Course",
    "EqualSteps",
    "FixedBatches",
    "PlacedCourse",
    "Propagator",
    "RandomBatches",
    "ReshuffledEpochs",
]

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

    def placed(self, course: PlacedCourse, forest: UpdateForest) -> Value_co:
        """Return the expected sum for a course that says what its steps may place."""


class PlacedCourse(Protocol):
    """A course of rounds that are alike, which says what a step may place."""

    @property
    def updates(self) -> int:
        """The number of updates T."""

    def parts(self, forest: UpdateForest) -> list[tuple[int, ...]]:
        """Return the parts of a forest whose sums multiply, each as its nodes."""

    def placing(self, forest: UpdateForest) -> Placing:
        """Return what a step may place."""


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

    @property
    @abstractmethod
    def sizes(self) -> tuple[int, ...]:
        """The number of rows of every batch."""

    @abstractmethod
    def all_batches(self) -> RandomSchedule:
        """Return everything that may happen with its probability, spelled out."""

    @property
    def names_rows(self) -> bool:
        """Whether it tells the rows of one given training set apart.

        Where it does not, chance treating all rows alike or every update using all of them, averages
        over distinct tuples of rows are what happens to the set.
        """
        return True

    @abstractmethod
    def draw(self, runs: int, rng: np.random.Generator) -> Iterator[Rows]:
        """Yield the rows of every batch, update by update, drawn for many runs at once.

        Datapoints are independent of each other, so that an order that all epochs share need not be
        drawn: it is the order of the rows.
        """


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

    Raises
    ------
    SamplingError
        When a batch is empty, has a row twice, or one beyond the training set.
    """

    batches: Batches
    rows: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "batches", _settled(self.batches, self.rows))
        object.__setattr__(self, "rows", int(self.rows))

    @property
    def updates(self) -> int:
        """The number of batches."""
        return len(self.batches)

    def embed(self, propagator: Propagator[Value], forest: UpdateForest, basis: Basis) -> Value:
        """Return the sum over embeddings."""
        return propagator.fixed_batches(self, forest, basis)

    @property
    def sizes(self) -> tuple[int, ...]:
        """The number of rows of every batch."""
        return tuple(map(len, self.batches))

    def all_batches(self) -> RandomSchedule:
        """Return the batches with probability 1."""
        return ((Fraction(1), self.batches),)

    def draw(self, runs: int, rng: np.random.Generator) -> Iterator[Rows]:  # noqa: ARG002
        """Yield the rows, the same for all runs."""
        return map(rows_of, self.batches)


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

    @property
    def sizes(self) -> tuple[int, ...]:
        """B at every step."""
        return (self.batch,) * self.updates

    def all_batches(self) -> RandomSchedule:
        """Return what the rule allows."""
        return self.rule.all_batches(self.rows, self.batch, self.updates)

    @property
    def names_rows(self) -> bool:
        """Whether the rule does."""
        return self.rule.names_rows

    def draw(self, runs: int, rng: np.random.Generator) -> Iterator[Rows]:
        """Yield what the rule draws."""
        return self.rule.draw(self.rows, self.batch, self.updates, runs, rng)


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

    @property
    def sizes(self) -> tuple[int, ...]:
        """B at every update."""
        return (self.batch,) * self.updates

    def all_batches(self) -> RandomSchedule:
        """Return all orders of all epochs."""
        return reshuffled_schedules(self.rows, self.batch, self.epochs)

    @property
    def names_rows(self) -> bool:
        """False: all orders are equally likely."""
        return False

    def draw(self, runs: int, rng: np.random.Generator) -> Iterator[Rows]:
        """Yield the rows of every batch, of shape (runs, B)."""
        for _ in range(self.epochs):
            order = rng.permuted(np.tile(np.arange(self.rows), (runs, 1)), axis=1)
            yield from (
                order[:, start : start + self.batch] for start in range(0, self.rows, self.batch)
            )


@final
@dataclass(frozen=True, slots=True)
class RandomBatches(Course):
    """Any chance: what may happen, spelled out with probabilities.

    Parameters
    ----------
    alternatives
        Pairs of a probability and batches, all of one number of updates.
    rows
        The size of the training set.

    Raises
    ------
    SamplingError
        When probabilities are negative or of another sum than 1, numbers of updates differ, or a batch
        is empty, has a row twice, or one beyond the training set.

    Examples
    --------
    >>> half = Fraction(1, 2)
    >>> coin = RandomBatches(((half, ((0,), (1,))), (half, ((0, 1), (0, 1)))), 2)
    >>> coin.updates, coin.sizes
    (2, (2, 2))
    """

    alternatives: tuple[tuple[Fraction, Batches], ...]
    rows: int
    #: The alternatives as courses, made once: propagators keep what they know of each.
    _courses: tuple[FixedBatches, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        chances = [rational("a probability", chance) for chance, _ in self.alternatives]
        if not chances or min(chances) < 0 or sum(chances) != 1:
            raise SamplingError(f"expected probabilities >= 0 of sum 1, got {shown(chances)}")
        lengths = {len(batches) for _, batches in self.alternatives}
        if len(lengths) != 1:
            raise SamplingError(f"expected batches of one number of updates, got {sorted(lengths)}")
        courses = tuple(FixedBatches(batches, self.rows) for _, batches in self.alternatives)
        settled = tuple(zip(chances, (course.batches for course in courses), strict=True))
        object.__setattr__(self, "alternatives", settled)
        object.__setattr__(self, "rows", int(self.rows))
        object.__setattr__(self, "_courses", courses)

    @property
    def updates(self) -> int:
        """The number of batches."""
        return len(self.alternatives[0][1])

    def embed(self, propagator: Propagator[Value], forest: UpdateForest, basis: Basis) -> Value:
        """Return the expected sum over embeddings."""
        total: Any = 0
        for (chance, _), course in zip(self.alternatives, self._courses, strict=True):
            value: Any = propagator.fixed_batches(course, forest, basis)
            # Whole numbers, so that any ring of values will do.
            total = total + value * chance.numerator / chance.denominator
        expected: Value = total
        return expected

    @property
    def sizes(self) -> tuple[int, ...]:
        """The least common multiple of what may be the number of rows, as `draw` repeats them."""
        columns = zip(*(batches for _, batches in self.alternatives), strict=True)
        return tuple(math.lcm(*map(len, column)) for column in columns)

    def all_batches(self) -> RandomSchedule:
        """Return the alternatives."""
        return self.alternatives

    def draw(self, runs: int, rng: np.random.Generator) -> Iterator[Rows]:
        """Yield drawn rows, each repeated where batches differ in size: means are the same."""
        unit = math.lcm(*(Fraction(chance).denominator for chance, _ in self.alternatives))
        parts = [int(chance * unit) for chance, _ in self.alternatives]
        drawn = np.searchsorted(np.cumsum(parts), rng.integers(unit, size=runs), side="right")
        for t, size in enumerate(self.sizes):
            table = [batches[t] * (size // len(batches[t])) for _, batches in self.alternatives]
            yield np.array(table)[drawn]


def _settled(batches: Sequence[Sequence[int]], rows: int) -> Batches:
    """Return batches as tuples of numbers, checked."""
    if not is_whole(rows, least=1):
        raise SamplingError(f"expected a whole number of datapoints >= 1, got rows={shown(rows)}")
    settled = tuple(tuple(batch) for batch in batches)
    for batch in set(settled):
        are_rows = all(is_whole(row, least=0, most=rows - 1) for row in batch)
        if not batch or not are_rows or len(set(batch)) < len(batch):
            raise SamplingError(
                f"expected different rows 0..{rows - 1}, at least one, in every batch, got {shown(batch)}"
            )
    return tuple(tuple(map(int, batch)) for batch in settled)
