"""What a scheme of equal steps allows at one step."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction
from math import perm
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias, final

import numpy as np

from sgdiagrams.symbolic.embeddings.batches import (
    one_pass_schedule,
    poisson_schedules,
    subsets_schedules,
    with_replacement_schedules,
)
from sgdiagrams.symbolic.embeddings.drawing import Weighted
from sgdiagrams.symbolic.embeddings.forests import coarser_forests, joined_nodes
from sgdiagrams.symbolic.embeddings.signs import mean_share
from sgdiagrams.symbolic.weights.laurent import falling_factorial

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.random import Generator

    from sgdiagrams.symbolic.embeddings.batches import RandomSchedule
    from sgdiagrams.symbolic.embeddings.drawing import DrawnBatch
    from sgdiagrams.symbolic.embeddings.forests import UpdateForest
    from sgdiagrams.symbolic.vocabulary import Basis

__all__ = [
    "DrawnSteps",
    "FullBatchRule",
    "FullBatchSteps",
    "LevelRule",
    "MeanGradientRule",
    "MeanGradientSteps",
    "OnePassRule",
    "OnePassSteps",
    "PoissonRule",
    "PoissonSteps",
    "ReplacementRule",
    "ReplacementSteps",
    "StepRule",
    "StepWeight",
    "SubsetRule",
    "SubsetSteps",
]


_MOST_BLOCKS = 12  # of a diagram that is counted in symbols at random steps

#: Exponents of (N, B), and perhaps of N - 1, N - 2, ..., -> coefficient.
StepWeight: TypeAlias = "Mapping[tuple[int, ...], int | Fraction]"


class LevelRule(Protocol):
    """What a scheme allows at one step, in one basis."""

    @property
    def basis(self) -> Basis:
        """The basis of the counts."""

    def weight(self, forest: UpdateForest, mask: int) -> StepWeight:
        """Return exponents of (N, B, N - 1, N - 2, ...) -> coefficient for the nodes of a bit mask.

        Those of N - 1, N - 2, ... may be left out.
        """

    def overall(self, forest: UpdateForest) -> StepWeight:
        """Return the factor of the whole embedding as exponents of (N, B)."""

    def denominator(self, forest: UpdateForest, N: int, B: int | Fraction) -> int:
        """Return a number whose power by the number of nodes makes any weight whole."""


def _members(forest: UpdateForest, mask: int) -> dict[int, int]:
    """Return block -> number of its nodes in a mask."""
    sizes: dict[int, int] = defaultdict(int)
    for v, block in enumerate(forest.blocks):
        if mask >> v & 1:
            sizes[block] += 1
    return sizes


class OnePassRule(NamedTuple):
    """Whole blocks at a time: :math:`(B)_k` or :math:`B^k` for k blocks."""

    basis: Basis

    def weight(self, forest: UpdateForest, mask: int) -> StepWeight:
        """Return the number of ways to give the blocks datapoints of the batch."""
        sizes = _members(forest, mask)
        if any(forest.blocks.count(block) != size for block, size in sizes.items()):
            return {}
        if self.basis == "moment" and forest.has_split_blocks:
            return {}  # there is one visit of every datapoint
        return _powers(len(sizes), self.basis, place=1)

    def overall(self, forest: UpdateForest) -> StepWeight:  # noqa: ARG002
        """Return 1."""
        return {(0, 0): 1}

    def denominator(self, forest: UpdateForest, N: int, B: int | Fraction) -> int:  # noqa: ARG002
        """Return 1."""
        return 1


class FullBatchRule(NamedTuple):
    """Any nodes at any step: :math:`(N)_P` or :math:`N^P` for the P blocks.

    Of visits whole ones, in the moment basis one of each block: a step visits every datapoint once.
    """

    basis: Basis

    def weight(self, forest: UpdateForest, mask: int) -> StepWeight:
        """Return 1 where the nodes may be at one step."""
        is_legal = forest.has_whole_visits(mask, one_each=self.basis == "moment")
        return {(0, 0): 1} if is_legal else {}

    def overall(self, forest: UpdateForest) -> StepWeight:
        """Return the number of ways to give the blocks datapoints."""
        return _powers(forest.block_count, self.basis, place=0)

    def denominator(self, forest: UpdateForest, N: int, B: int | Fraction) -> int:  # noqa: ARG002
        """Return 1."""
        return 1


class ReplacementRule(NamedTuple):
    r"""Slots filled at random: :math:`(B)_j N^{-j}` for nodes in j slots; only in the moment basis.

    The nodes of a block at one step may share a slot or not; different blocks never do. Visits are slots.
    """

    @property
    def basis(self) -> Basis:
        """Moments, whatever is asked for."""
        return "moment"

    def weight(self, forest: UpdateForest, mask: int) -> StepWeight:
        """Return the expected number of ways to give the nodes slots."""
        ways = {0: 1}
        if forest.visits is not None:
            if not forest.has_whole_visits(mask, one_each=False):
                return {}
            slots = len({visit for v, visit in enumerate(forest.visits) if mask >> v & 1})
            return {(-slots, j): c for j, c in enumerate(falling_factorial(slots)) if c}
        for size in _members(forest, mask).values():
            new: dict[int, int] = defaultdict(int)
            for slots, number in ways.items():
                for more in range(1, size + 1):
                    new[slots + more] += number * _stirling(size, more)
            ways = new
        result: dict[tuple[int, ...], int] = defaultdict(int)
        for slots, number in ways.items():
            for power, c in enumerate(falling_factorial(slots)):
                if c:
                    result[-slots, power] += number * c
        return result

    def overall(self, forest: UpdateForest) -> StepWeight:
        """Return the number of ways to give the blocks different datapoints."""
        return _powers(forest.block_count, "moment", place=0)

    def denominator(self, forest: UpdateForest, N: int, B: int | Fraction) -> int:  # noqa: ARG002
        """Return N: every slot has a chance of 1/N."""
        return N


class SubsetRule(NamedTuple):
    r"""A batch of different rows drawn anew: :math:`(B)_j/(N)_j` for j rows; only in the moment basis."""

    @property
    def basis(self) -> Basis:
        """Moments, whatever is asked for."""
        return "moment"

    def weight(self, forest: UpdateForest, mask: int) -> StepWeight:
        """Return the probability that the rows of all blocks are in the batch, in orders."""
        if not forest.has_whole_visits(mask, one_each=True):
            return {}
        j = len(_members(forest, mask))
        less = (-1,) * (j - 1)  # N - 1, ..., N - (j - 1) are below the line
        return {(-1, b, *less): c for b, c in enumerate(falling_factorial(j)) if c}

    def overall(self, forest: UpdateForest) -> StepWeight:
        """Return the number of ways to give the blocks different datapoints."""
        return _powers(forest.block_count, "moment", place=0)

    def denominator(self, forest: UpdateForest, N: int, B: int | Fraction) -> int:  # noqa: ARG002
        """Return the number of orders of as many rows as there are blocks."""
        return perm(N, min(N, forest.block_count))


class PoissonRule(NamedTuple):
    r"""Every row by itself with probability q, in the place of B: :math:`q^j` for j rows, in moments."""

    @property
    def basis(self) -> Basis:
        """Moments, whatever is asked for."""
        return "moment"

    def weight(self, forest: UpdateForest, mask: int) -> StepWeight:
        """Return the probability that the rows of all blocks are in the batch."""
        if not forest.has_whole_visits(mask, one_each=True):
            return {}
        return {(0, len(_members(forest, mask))): 1}

    def overall(self, forest: UpdateForest) -> StepWeight:
        """Return the number of ways to give the blocks different datapoints."""
        return _powers(forest.block_count, "moment", place=0)

    def denominator(self, forest: UpdateForest, N: int, B: int | Fraction) -> int:  # noqa: ARG002
        """Return the denominator of q."""
        return Fraction(B).denominator


class MeanGradientRule(NamedTuple):
    """Any nodes at any step, none tied: what full batches allow as their size goes to infinity."""

    basis: Basis

    def weight(self, forest: UpdateForest, mask: int) -> StepWeight:
        """Return 1, or 0 for nodes of one block: the mean gradient has no datapoint to share."""
        sizes = _members(forest, mask)
        return {} if any(forest.blocks.count(block) > 1 for block in sizes) else {(0, 0): 1}

    def overall(self, forest: UpdateForest) -> StepWeight:  # noqa: ARG002
        """Return 1."""
        return {(0, 0): 1}

    def denominator(self, forest: UpdateForest, N: int, B: int | Fraction) -> int:  # noqa: ARG002
        """Return 1."""
        return 1


class StepRule(ABC):
    """What a scheme of equal steps allows, whatever the basis."""

    __slots__ = ()

    @property
    def keeps_rows(self) -> bool:
        """Whether a block has one datapoint at all steps, chosen once for the whole diagram."""
        return False

    @property
    def is_random(self) -> bool:
        """Whether chance draws the datapoints, so that parts on coarser blocks are not independent."""
        return False

    @property
    def names_rows(self) -> bool:
        """Whether steps that are alike use rows that are not: row n is the n-th to be used."""
        return False

    @property
    def draws_sizes(self) -> bool:
        """Whether chance decides how many rows a batch has."""
        return False

    @property
    def numbers_below(self) -> int:
        """How many of N - 1, N - 2, ... weights may have below the line."""
        return 0

    def share(self, N: int, B: int | Fraction) -> Fraction:  # noqa: ARG002
        """Return the share of a row that is used, where the mean of a batch is taken: 1/B."""
        return mean_share(B)

    def size(self, N: int, B: int | Fraction) -> int:  # noqa: ARG002
        """Return the most rows of a batch: B."""
        return int(B)

    @abstractmethod
    def all_batches(self, N: int, B: Any, T: int) -> RandomSchedule:
        """Return every possible course of T steps with its probability, spelled out."""

    @abstractmethod
    def draw(self, N: int, B: Any, T: int, runs: int, rng: Generator) -> Iterator[DrawnBatch]:
        """Yield the rows of every step, drawn for many runs at once."""

    @abstractmethod
    def in_basis(self, basis: Basis, forest: UpdateForest) -> tuple[LevelRule, list[UpdateForest]]:
        """Return the rule in a basis and the forests whose counts add up."""

    @abstractmethod
    def parts(self, forest: UpdateForest) -> list[tuple[int, ...]]:
        """Return the parts of a forest whose cumulant counts multiply, each as its nodes."""


@final
@dataclass(frozen=True, slots=True)
class OnePassSteps(StepRule):
    """Fresh datapoints at every step: a block is at one step as a whole."""

    @property
    def names_rows(self) -> bool:
        """True: fresh rows come in their order."""
        return True

    def in_basis(self, basis: Basis, forest: UpdateForest) -> tuple[LevelRule, list[UpdateForest]]:
        """Return the rule of whole blocks."""
        return OnePassRule(basis), [forest]

    def parts(self, forest: UpdateForest) -> list[tuple[int, ...]]:
        """Return the parts that neither an edge nor a block joins."""
        return joined_nodes(forest, by_blocks=True)

    def all_batches(self, N: int, B: int, T: int) -> RandomSchedule:  # noqa: ARG002
        """Return the one course: fresh rows in their order."""
        return ((Fraction(1), one_pass_schedule(T, B)),)

    def draw(self, N: int, B: int, T: int, runs: int, rng: Generator) -> Iterator[DrawnBatch]:  # noqa: ARG002
        """Yield the rows in their order."""
        return (slice(t * B, (t + 1) * B) for t in range(T))


@final
@dataclass(frozen=True, slots=True)
class FullBatchSteps(StepRule):
    """All datapoints at every step, so that blocks order nothing."""

    def in_basis(self, basis: Basis, forest: UpdateForest) -> tuple[LevelRule, list[UpdateForest]]:
        """Return the rule of full batches."""
        return FullBatchRule(basis), [forest]

    @property
    def keeps_rows(self) -> bool:
        """True: all datapoints are there at all steps."""
        return True

    def parts(self, forest: UpdateForest) -> list[tuple[int, ...]]:
        """Return the parts that no edge joins, nor a visit."""
        return joined_nodes(forest, by_blocks=forest.visits is not None)

    def all_batches(self, N: int, B: int, T: int) -> RandomSchedule:  # noqa: ARG002
        """Return the one course: all rows at every step."""
        return ((Fraction(1), (tuple(range(N)),) * T),)

    def draw(self, N: int, B: int, T: int, runs: int, rng: Generator) -> Iterator[DrawnBatch]:  # noqa: ARG002
        """Yield all rows at every step."""
        return (slice(0, N) for _ in range(T))


@final
@dataclass(frozen=True, slots=True)
class MeanGradientSteps(StepRule):
    """The mean gradient of the population at every step: one row that stands for all datapoints."""

    def in_basis(self, basis: Basis, forest: UpdateForest) -> tuple[LevelRule, list[UpdateForest]]:
        """Return the rule of nodes that are not tied."""
        return MeanGradientRule(basis), [forest]

    def parts(self, forest: UpdateForest) -> list[tuple[int, ...]]:
        """Return the parts that neither edge nor block joins."""
        return joined_nodes(forest, by_blocks=True)

    def all_batches(self, N: int, B: int, T: int) -> RandomSchedule:  # noqa: ARG002
        """Return the one course: the one row at every step."""
        return ((Fraction(1), ((0,),) * T),)

    def draw(self, N: int, B: int, T: int, runs: int, rng: Generator) -> Iterator[DrawnBatch]:  # noqa: ARG002
        """Yield the one row at every step."""
        return (slice(0, 1) for _ in range(T))


class DrawnSteps(StepRule):
    """Rows drawn by chance at every step: a rule of moments, summed over coarser blocks for cumulants."""

    __slots__ = ()

    @property
    @abstractmethod
    def in_moments(self) -> LevelRule:
        """The rule in the moment basis."""

    @property
    def is_random(self) -> bool:
        """True."""
        return True

    def in_basis(self, basis: Basis, forest: UpdateForest) -> tuple[LevelRule, list[UpdateForest]]:
        """Return the rule of moments, for cumulants with all coarser forests."""
        return self.in_moments, [forest] if basis == "moment" else coarser_forests(forest)

    def parts(self, forest: UpdateForest) -> list[tuple[int, ...]]:
        """Return the parts that neither edge nor block joins; those with tied nodes are one part.

        Draws decide how often tied nodes find each other.
        """
        parts = joined_nodes(forest, by_blocks=True)
        tied = [part for part in parts if len({forest.blocks[v] for v in part}) < len(part)]
        if len(tied) < 2:
            return parts
        joined = tuple(sorted(v for part in tied for v in part))
        return [joined, *(part for part in parts if part not in tied)]


@final
@dataclass(frozen=True, slots=True)
class ReplacementSteps(DrawnSteps):
    """Slots filled at random from the training set at every step."""

    @property
    def in_moments(self) -> LevelRule:
        """Slots."""
        return ReplacementRule()

    def all_batches(self, N: int, B: int, T: int) -> RandomSchedule:
        """Return all ways to fill the slots."""
        return with_replacement_schedules(N, B, T)

    def draw(self, N: int, B: int, T: int, runs: int, rng: Generator) -> Iterator[DrawnBatch]:
        """Yield drawn rows, of shape (runs, B)."""
        return (rng.integers(N, size=(runs, B)) for _ in range(T))


@final
@dataclass(frozen=True, slots=True)
class SubsetSteps(DrawnSteps):
    """Batches of different rows, every one drawn anew."""

    @property
    def numbers_below(self) -> int:
        """As many as diagrams may have blocks at one step, but for the first."""
        return _MOST_BLOCKS - 1

    @property
    def in_moments(self) -> LevelRule:
        """Subsets."""
        return SubsetRule()

    def all_batches(self, N: int, B: int, T: int) -> RandomSchedule:
        """Return all subsets at all steps."""
        return subsets_schedules(N, B, T)

    def draw(self, N: int, B: int, T: int, runs: int, rng: Generator) -> Iterator[DrawnBatch]:
        """Yield drawn rows, of shape (runs, B)."""
        for _ in range(T):
            yield np.argsort(rng.random((runs, N)), axis=1)[:, :B]


@final
@dataclass(frozen=True, slots=True)
class PoissonSteps(DrawnSteps):
    """Every row by itself with a probability, which stands in the place of B; of sum 1 on the average."""

    @property
    def in_moments(self) -> LevelRule:
        """Rows that come by themselves."""
        return PoissonRule()

    @property
    def draws_sizes(self) -> bool:
        """True: a batch may be empty."""
        return True

    def share(self, N: int, B: int | Fraction) -> Fraction:
        """Return 1 over the expected number of rows."""
        return mean_share(N * Fraction(B))

    def size(self, N: int, B: int | Fraction) -> int:  # noqa: ARG002
        """Return N: all rows may come."""
        return N

    def parts(self, forest: UpdateForest) -> list[tuple[int, ...]]:
        """Return one part: the number of rows of a batch is drawn, which all its updates see."""
        return [tuple(range(len(forest.parents)))]

    def all_batches(self, N: int, B: Fraction, T: int) -> RandomSchedule:
        """Return all sets of rows at all steps."""
        return poisson_schedules(N, B, T)

    def draw(self, N: int, B: Fraction, T: int, runs: int, rng: Generator) -> Iterator[DrawnBatch]:
        """Yield drawn rows, of shape (runs, m), m being large enough for all runs, with their shares."""
        share, chance = float(self.share(N, B)), float(B)
        for _ in range(T):
            comes = rng.random((runs, N)) < chance
            most = int(comes.sum(axis=1).max(initial=1))
            room = min(
                N, 1 << (most - 1).bit_length()
            )  # few widths, so that few kernels are compiled
            rows = np.argsort(~comes, axis=1, kind="stable")[:, :room]
            yield Weighted(rows, np.where(np.take_along_axis(comes, rows, axis=1), share, 0.0))


def _powers(k: int, basis: Basis, *, place: int) -> dict[tuple[int, ...], int]:
    """Return :math:`(x)_k` or :math:`x^k` with x = N (place 0) or B (place 1)."""
    coefficients = falling_factorial(k) if basis == "moment" else [0] * k + [1]
    return {
        (power, 0) if place == 0 else (0, power): c for power, c in enumerate(coefficients) if c
    }


def _stirling(n: int, k: int) -> int:
    """Return the number of partitions of n elements into k blocks."""
    row = [1] + [0] * k
    for _ in range(n):
        row = [0, *(j * row[j] + row[j - 1] for j in range(1, k + 1))]
    return row[k]
