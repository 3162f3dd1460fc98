"""Courses on a given training set, in its own cumulants: which nodes the noise ties, by number.

Lone nodes are updates on the set's mean gradient, with weight 1 at every step. Blocks of two nodes or
more weigh what `sgdiagrams.symbolic.training.given_sets.noise_weights` says.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from dataclasses import dataclass, replace
from fractions import Fraction
from math import perm
from typing import TYPE_CHECKING, Any, TypeVar, final

from sgdiagrams.diagrams.partitions import (
    coarsenings,
    moebius,
    refinements,
    restricted_growth_string,
)
from sgdiagrams.symbolic.embeddings.forests import UpdateForest, joined_nodes
from sgdiagrams.symbolic.propagation.course import Course, FixedBatches
from sgdiagrams.symbolic.propagation.placing import Placing
from sgdiagrams.symbolic.training.given_sets.noise_weights import noise_weight

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

    from sgdiagrams.symbolic.embeddings.batches import RandomSchedule
    from sgdiagrams.symbolic.embeddings.drawing import DrawnBatch
    from sgdiagrams.symbolic.propagation.course import Propagator
    from sgdiagrams.symbolic.vocabulary import Basis

__all__ = ["SetInOneOrder", "SetRounds", "SetSteps", "tied_nodes"]

_Value = TypeVar("_Value")


def tied_nodes(forest: UpdateForest) -> tuple[int, ...]:
    """Return the nodes that are not alone in their blocks: those that noise moves."""
    sizes = Counter(forest.blocks)
    return tuple(v for v, block in enumerate(forest.blocks) if sizes[block] > 1)


@dataclass(frozen=True, slots=True)
class _OnSet(Course):
    """What courses on a given set share.

    Attributes
    ----------
    drawn
        The course of the scheme itself, which says what is drawn.
    """

    drawn: Course

    @property
    def updates(self) -> int:
        """The number of updates T."""
        return self.drawn.updates

    @property
    def rows(self) -> int:
        """The number N of datapoints of the set."""
        return self.drawn.rows

    @abstractmethod
    def embed(self, propagator: Propagator[_Value], forest: UpdateForest, basis: Basis) -> _Value:
        """Return the sum over times, in the set's own cumulants."""

    @property
    def sizes(self) -> tuple[int, ...]:
        """The number of rows of every batch."""
        return self.drawn.sizes

    def all_batches(self) -> RandomSchedule:
        """Return everything that may happen with its probability."""
        return self.drawn.all_batches()

    @property
    def names_rows(self) -> bool:
        """False: chance treats all rows alike."""
        return False

    def draw(self, runs: int, rng: np.random.Generator) -> Iterator[DrawnBatch]:
        """Yield the rows of every batch."""
        return self.drawn.draw(runs, rng)


@final
@dataclass(frozen=True, slots=True)
class SetSteps(_OnSet):
    """Steps that are alike and independent, which are those of a scheme on the set as a population.

    Attributes
    ----------
    like
        The course of that scheme.
    """

    like: Course

    def embed(self, propagator: Propagator[_Value], forest: UpdateForest, basis: Basis) -> _Value:
        """Return the sum over embeddings into that course."""
        return self.like.embed(propagator, forest, basis)


@final
@dataclass(frozen=True, slots=True)
class SetRounds(_OnSet):
    """Rounds that are independent of each other: epochs in orders of their own, or single batches.

    Attributes
    ----------
    round_sizes
        The number of rows of every batch of a round.
    """

    round_sizes: tuple[int, ...]

    def embed(self, propagator: Propagator[_Value], forest: UpdateForest, basis: Basis) -> _Value:  # noqa: ARG002
        """Return the expected sum over times."""
        return propagator.placed(self, forest)

    def parts(self, forest: UpdateForest) -> list[tuple[int, ...]]:
        """Return the parts whose sums multiply: noise of one round is one part."""
        parts = joined_nodes(forest, by_blocks=True)
        tied = set(tied_nodes(forest))
        noisy = [part for part in parts if tied & {*part}]
        if len(noisy) < 2:
            return parts
        joined = tuple(sorted(v for part in noisy for v in part))
        return [joined, *(part for part in parts if part not in noisy)]

    def placing(self, forest: UpdateForest) -> Placing:
        """Return what a step may place: noise is weighed at the end of its round.

        What has been seen is a number: masks of the tied nodes of every batch, the smallest first, and
        where batches differ in size the batch that each of them is.
        """
        n = len(forest.parents)
        tied = sum(1 << v for v in tied_nodes(forest))
        whole = {
            block: sum(1 << v for v, b in enumerate(forest.blocks) if b == block)
            for block in {forest.blocks[v] for v in tied_nodes(forest)}
        }
        sizes = self.round_sizes
        have_names = len(set(sizes)) > 1
        width, clock = n + len(sizes).bit_length(), len(sizes) if have_names else 1

        def unpacked(seen: int) -> list[int]:
            items = []
            while seen:
                items.append(seen & (1 << width) - 1)
                seen >>= width
            return items

        def seen_after(mask: int, seen: int) -> int:
            batch, items = seen % (clock + 1), unpacked(seen // (clock + 1))
            if mask & tied:
                items.append((batch if have_names else 0) << n | mask & tied)
            packed = 0
            for item in sorted(items, reverse=True):
                packed = packed << width | item
            # There are no more batches: squaring looks further than a round.
            return packed * (clock + 1) + (min(batch + 1, clock) if have_names else 0)

        def forget(seen: int) -> Fraction:
            items = unpacked(seen // (clock + 1))
            at = {
                v: item >> n if have_names else k
                for k, item in enumerate(items)
                for v in range(n)
                if item >> v & 1
            }
            nodes = sum(1 << v for v in at)
            if any(nodes & mask not in (0, mask) for mask in whole.values()):
                return Fraction(0)
            if not at:
                return Fraction(1)
            blocks = [forest.blocks[v] for v in at]
            return noise_weight(blocks, list(at.values()), N=self.rows, sizes=sizes)

        return Placing(lambda mask, seen: Fraction(1), seen_after, len(sizes), forget)  # noqa: ARG005


@final
@dataclass(frozen=True, slots=True)
class SetInOneOrder(_OnSet):
    """Epochs that all have one order, drawn at random.

    The average over orders of places is one over rows that are put into the places of one order.

    Attributes
    ----------
    drawn
        The batches in that order.
    """

    drawn: FixedBatches

    def embed(self, propagator: Propagator[_Value], forest: UpdateForest, basis: Basis) -> _Value:  # noqa: ARG002
        """Return the expected sum over times."""
        tied = tied_nodes(forest)
        blocks = restricted_growth_string(forest.blocks[v] for v in tied)
        total: Any = 0
        for rows, weight in _weights_of_rows(blocks, self.rows).items():
            value: Any = propagator.fixed_batches(
                self.drawn, _on_rows(forest, tied, rows), "cumulant"
            )
            # Whole numbers, so that any ring of values will do.
            total = total + value * weight.numerator / weight.denominator
        result: _Value = total
        return result


def _on_rows(forest: UpdateForest, tied: tuple[int, ...], rows: tuple[int, ...]) -> UpdateForest:
    """Return a forest with its tied nodes on rows; lone nodes stay alone."""
    labels = [-1 - v for v in range(len(forest.parents))]
    for v, row in zip(tied, rows, strict=True):
        labels[v] = row
    blocks = restricted_growth_string(labels)
    return replace(forest, blocks=blocks, block_count=max(blocks, default=-1) + 1)


def _weights_of_rows(blocks: tuple[int, ...], N: int) -> dict[tuple[int, ...], Fraction]:
    """Return what sums over rows weigh, by which of the nodes share one."""
    result: dict[tuple[int, ...], Fraction] = {}
    for moments in coarsenings(blocks):
        outer = N ** (max(moments, default=-1) + 1)
        for different in refinements(moments):
            count = max(different, default=-1) + 1
            if count > N:
                continue  # there are no so many rows
            factor = Fraction(outer * moebius(different, moments), perm(N, count))
            for rows in coarsenings(different):
                result[rows] = result.get(rows, Fraction(0)) + factor * moebius(different, rows)
    return {rows: weight for rows, weight in result.items() if weight}
