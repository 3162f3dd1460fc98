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

from sgdiagrams.diagrams.errors import RequestError, SamplingError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.diagrams.whole_numbers import is_whole
from sgdiagrams.symbolic.checks import rational
from sgdiagrams.symbolic.embeddings.batches import (
    Batch,
    mass_of,
    reshuffled_schedules,
    shares_of,
)
from sgdiagrams.symbolic.embeddings.drawing import Weighted, parted, rows_of
from sgdiagrams.symbolic.embeddings.signs import mean_share

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sgdiagrams.symbolic.embeddings.batches import Batches, RandomSchedule, WrittenBatch
    from sgdiagrams.symbolic.embeddings.drawing import DrawnBatch
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

    Every update has the share of its row in its batch as a factor.
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
        """The number of rows of every batch as it is drawn."""

    @property
    def masses(self) -> tuple[Fraction, ...] | None:
        """The sum of the shares of every batch, 1 for means; None where chance decides."""
        return (Fraction(1),) * self.updates

    def check_means(self, label: str) -> None:
        """Check that the shares of every batch add up to 1, so that there is one run without noise.

        Raises
        ------
        RequestError
            When they do not; `label` says for which scheme.
        """
        masses = self.masses
        if masses is None:
            raise RequestError(
                f"expected batches that weigh the same in every run, got {label}, which has no one "
                "noiseless run; take subsets of B = qN rows"
            )
        if any(mass != 1 for mass in masses):
            raise RequestError(
                f"expected batches whose shares add up to 1 along a run and for long times, got {label}; "
                "take means, with the learning rate times what the shares add up to"
            )

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
    def draw(self, runs: int, rng: np.random.Generator) -> Iterator[DrawnBatch]:
        """Yield the rows of every batch, update by update, drawn for many runs at once.

        Rows alone are a mean; others are `Weighted`. Datapoints are independent of each other, so that
        an order that all epochs share need not be drawn: it is the order of the rows.
        """


@final
@dataclass(frozen=True, slots=True)
class FixedBatches(Course):
    """A schedule that is fixed.

    Attributes
    ----------
    batches
        Every batch: its rows, of which the mean is taken (one that comes several times counts as often),
        or a `Batch` with shares.
    rows
        The size of the training set.

    Raises
    ------
    SamplingError
        When rows of a mean are none, or a row is beyond the training set.
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
        return tuple(_size(batch) for batch in self.batches)

    @property
    def masses(self) -> tuple[Fraction, ...]:
        """The sum of the shares of every batch."""
        return tuple(map(mass_of, self.batches))

    def all_batches(self) -> RandomSchedule:
        """Return the batches with probability 1."""
        return ((Fraction(1), self.batches),)

    def draw(self, runs: int, rng: np.random.Generator) -> Iterator[DrawnBatch]:  # noqa: ARG002
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
        N, B and T; in place of B the probability of a row, where the number of rows is drawn.
    is_sum
        Whether the gradients of a batch are added up, in place of their mean.
    """

    rule: StepRule
    rows: int
    batch: int | Fraction
    updates: int
    is_sum: bool = False

    @property
    def share(self) -> Fraction:
        """The share of a row that is used."""
        return Fraction(1) if self.is_sum else self.rule.share(self.rows, self.batch)

    def embed(self, propagator: Propagator[Value], forest: UpdateForest, basis: Basis) -> Value:
        """Return the sum over embeddings."""
        return propagator.equal_steps(self, forest, basis)

    @property
    def sizes(self) -> tuple[int, ...]:
        """B at every step, or the most that may be."""
        return (self.rule.size(self.rows, self.batch),) * self.updates

    @property
    def masses(self) -> tuple[Fraction, ...] | None:
        """B for sums; None where the number of rows is drawn."""
        if self.rule.draws_sizes:
            return None
        return (self.sizes[0] * self.share,) * self.updates if self.updates else ()

    def all_batches(self) -> RandomSchedule:
        """Return what the rule allows."""
        every = self.rule.all_batches(self.rows, self.batch, self.updates)
        return _added_up(every) if self.is_sum else every

    @property
    def names_rows(self) -> bool:
        """Whether the rule does."""
        return self.rule.names_rows

    def draw(self, runs: int, rng: np.random.Generator) -> Iterator[DrawnBatch]:
        """Yield what the rule draws."""
        drawn = self.rule.draw(self.rows, self.batch, self.updates, runs, rng)
        if not self.is_sum:
            return drawn
        return (_added(batch) for batch in drawn)


@final
@dataclass(frozen=True, slots=True)
class ReshuffledEpochs(Course):
    """E epochs over N rows in batches of B, each in a random order of its own.

    Attributes
    ----------
    rows, batch, epochs
        N, B and E. Where B does not divide N, the last batch of an epoch is smaller.
    drops_last
        Whether that batch is left out, with rows that chance decides.
    is_sum
        Whether the gradients of a batch are added up, in place of their mean.

    Examples
    --------
    >>> ReshuffledEpochs(5, 2, 1).steps, ReshuffledEpochs(5, 2, 1, drops_last=True).steps
    ((2, 2, 1), (2, 2))
    """

    rows: int
    batch: int
    epochs: int
    drops_last: bool = False
    is_sum: bool = False

    @property
    def steps(self) -> tuple[int, ...]:
        """The sizes of the batches of one epoch."""
        whole, rest = divmod(self.rows, self.batch)
        return (self.batch,) * whole + ((rest,) if rest and not self.drops_last else ())

    @property
    def shares(self) -> tuple[Fraction, ...]:
        """The shares of the rows of the batches of one epoch."""
        return tuple(Fraction(1) if self.is_sum else mean_share(size) for size in self.steps)

    @property
    def updates(self) -> int:
        """E times the number of batches of an epoch."""
        return self.epochs * len(self.steps)

    def embed(self, propagator: Propagator[Value], forest: UpdateForest, basis: Basis) -> Value:
        """Return the sum over embeddings."""
        return propagator.reshuffled_epochs(self, forest, basis)

    @property
    def sizes(self) -> tuple[int, ...]:
        """B at every update, but for smaller last ones."""
        return self.steps * self.epochs

    @property
    def masses(self) -> tuple[Fraction, ...]:
        """The sizes of the batches, for sums."""
        pairs = zip(self.steps, self.shares, strict=True)
        return tuple(size * share for size, share in pairs) * self.epochs

    def all_batches(self) -> RandomSchedule:
        """Return all orders of all epochs."""
        every = reshuffled_schedules(self.rows, self.batch, self.epochs, drop_last=self.drops_last)
        return _added_up(every) if self.is_sum else every

    @property
    def names_rows(self) -> bool:
        """False: all orders are equally likely."""
        return False

    def draw(self, runs: int, rng: np.random.Generator) -> Iterator[DrawnBatch]:
        """Yield the rows of every batch, of shape (runs, B)."""
        for _ in range(self.epochs):
            order = rng.permuted(np.tile(np.arange(self.rows), (runs, 1)), axis=1)
            start = 0
            for size in self.steps:
                rows = order[:, start : start + size]
                yield _added(rows) if self.is_sum else rows
                start += size


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
        When probabilities are negative or of another sum than 1, numbers of updates differ, rows of a
        mean are none, or one is beyond the training set.

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
        """The number of rows as `draw` repeats them: a common multiple of what may be, for means."""
        columns = zip(*(batches for _, batches in self.alternatives), strict=True)
        return tuple(
            max(map(_size, column)) if _has_shares(column) else math.lcm(*map(_size, column))
            for column in columns
        )

    @property
    def masses(self) -> tuple[Fraction, ...] | None:
        """The sums of shares, where all alternatives have the same."""
        first, *others = (course.masses for course in self._courses)
        return first if all(masses == first for masses in others) else None

    def all_batches(self) -> RandomSchedule:
        """Return the alternatives."""
        return self.alternatives

    def draw(self, runs: int, rng: np.random.Generator) -> Iterator[DrawnBatch]:
        """Yield drawn rows, each repeated where batches differ in size: means are the same."""
        unit = math.lcm(*(Fraction(chance).denominator for chance, _ in self.alternatives))
        parts = [int(chance * unit) for chance, _ in self.alternatives]
        drawn = np.searchsorted(np.cumsum(parts), rng.integers(unit, size=runs), side="right")
        for t, size in enumerate(self.sizes):
            column = [batches[t] for _, batches in self.alternatives]
            if not _has_shares(column):
                table = [tuple(batch) * (size // len(batch)) for batch in column]  # type: ignore[arg-type]
                yield np.array(table)[drawn]
                continue
            rows = np.zeros((len(column), size), dtype=np.intp)
            shares = np.zeros((len(column), size))
            for i, batch in enumerate(column):
                of_rows = shares_of(batch)
                rows[i, : len(of_rows)] = list(of_rows)
                shares[i, : len(of_rows)] = list(of_rows.values())
            yield Weighted(rows[drawn], shares[drawn])


def _size(batch: WrittenBatch) -> int:
    """Return how many rows a batch takes when it is drawn: an empty one takes one, without share."""
    return max(1, len(batch.rows)) if isinstance(batch, Batch) else len(batch)


def _has_shares(batches: Sequence[WrittenBatch]) -> bool:
    return any(isinstance(batch, Batch) for batch in batches)


def _added(batch: DrawnBatch) -> Weighted:
    """Return a drawn batch with a sum in place of a mean."""
    rows, shares = parted(batch)
    if shares is not None:
        return Weighted(rows, np.sign(shares))
    size = rows.stop - rows.start if isinstance(rows, slice) else rows.shape[-1]
    return Weighted(rows, np.ones(size))


def _added_up(every: RandomSchedule) -> RandomSchedule:
    """Return schedules with sums in place of means."""
    known: dict[WrittenBatch, WrittenBatch] = {}
    for _, batches in every:
        for batch in batches:
            if batch not in known:
                rows = batch.rows if isinstance(batch, Batch) else batch
                known[batch] = Batch.of_places(rows, size=1)
    return tuple((chance, tuple(known[batch] for batch in batches)) for chance, batches in every)


def _settled(batches: Sequence[WrittenBatch], rows: int) -> Batches:
    """Return batches as tuples of numbers, or with shares, checked."""
    if not is_whole(rows, least=1):
        raise SamplingError(f"expected a whole number of datapoints >= 1, got rows={shown(rows)}")
    settled = tuple(batch if isinstance(batch, Batch) else tuple(batch) for batch in batches)
    known: dict[WrittenBatch, WrittenBatch] = {}
    for batch in set(settled):
        own = batch.rows if isinstance(batch, Batch) else batch
        are_rows = all(is_whole(row, least=0, most=rows - 1) for row in own)
        if not are_rows or not (own or isinstance(batch, Batch)):
            raise SamplingError(
                f"expected rows 0..{rows - 1}, at least one, in every batch, got {shown(batch)}"
            )
        known[batch] = batch
        if not isinstance(batch, Batch):
            known[batch] = Batch.of_places(tuple(map(int, batch)))
    return tuple(known[batch] for batch in settled)
