"""Counts for one fixed schedule, exact: in epochs where that is short, by rows elsewhere."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, Self, final

import numpy as np

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.partitions import coarsenings, moebius
from sgdiagrams.symbolic.embeddings.batches import Batch, units_of
from sgdiagrams.symbolic.embeddings.effort import FEW_NODES
from sgdiagrams.symbolic.embeddings.forests import UpdateForest, joined_nodes
from sgdiagrams.symbolic.propagation.dynamics import Dynamics
from sgdiagrams.symbolic.propagation.grid import GridPropagator, check_merged_schedule
from sgdiagrams.symbolic.propagation.grouped.epochs import fixed_epochs_sum, node_factors
from sgdiagrams.symbolic.propagation.nested.visited import VisitedSchedule

if TYPE_CHECKING:
    from sgdiagrams.symbolic.embeddings.batches import Batches, WrittenBatch
    from sgdiagrams.symbolic.vocabulary import Basis

__all__ = ["FixedSchedule", "equal_epochs"]


@final
class FixedSchedule:
    """Weighted numbers of embeddings into the batches of a schedule, with shares in their units.

    Parameters
    ----------
    batches
        Every batch; shares count as multiples of their `units_of`.
    N
        The size of the training set.
    dynamics
        The optimiser over the batches.
    """

    def __init__(self, batches: Batches, N: int, dynamics: Dynamics) -> None:
        self._batches = batches
        self._N = N
        self._dynamics = dynamics
        self._counts: dict[tuple[tuple[int, ...], tuple[int, ...]], Fraction] = {}
        self._epochs = equal_epochs(batches) if dynamics.is_still else 0

    @classmethod
    def plain(cls, batches: Batches, N: int) -> Self:
        """Return the schedule for plain SGD, where every embedding has weight one."""
        rows = tuple(batch.rows if isinstance(batch, Batch) else batch for batch in batches)
        return cls(rows, N, Dynamics.plain(len(batches)))

    def count(self, forest: UpdateForest, basis: Basis) -> Fraction:
        """Return the weighted number of embeddings of a forest."""
        if forest.visits is not None and forest.parents:
            self._check_visits()
            return self._visited.count(forest, basis)
        if basis == "cumulant":
            return self._count(forest.parents, forest.blocks)
        if forest.block_count > self._N:
            return Fraction(0)  # different blocks need different rows
        check_merged_schedule(forest, len(self._batches), self._N)
        return sum(
            (
                moebius(forest.blocks, coarse) * self._count(forest.parents, coarse)
                for coarse in coarsenings(forest.blocks)
            ),
            Fraction(0),
        )

    def _count(self, parents: tuple[int, ...], blocks: tuple[int, ...]) -> Fraction:
        key = (parents, blocks)
        if key not in self._counts:
            tied = [b for b, size in Counter(blocks).items() if size > 1]
            is_short = self._epochs and len(tied) < 2 and len(parents) <= FEW_NODES
            count = self._in_epochs if is_short else self._by_parts
            self._counts[key] = count(parents, blocks) if parents else Fraction(1)
        return self._counts[key]

    def _in_epochs(self, parents: tuple[int, ...], blocks: tuple[int, ...]) -> Fraction:
        """Return the sum for epochs with at most one block of several nodes."""
        tied = sum(1 << v for v, b in enumerate(blocks) if blocks.count(b) > 1)
        epoch = self._batches[: len(self._batches) // self._epochs]
        sizes = np.array([_size(batch) for batch in epoch], dtype=object)
        factors = node_factors(parents, self._dynamics, self._epochs)
        # Tied nodes are on one row of their batch, each of the others on any.
        factors = [f if tied >> v & 1 else f * sizes for v, f in enumerate(factors)]
        sums = fixed_epochs_sum(parents, tied, factors)
        total = int(np.sum(sums * sizes if tied else sums))
        return Fraction(total, self._dynamics.scale(parents))

    def _by_parts(self, parents: tuple[int, ...], blocks: tuple[int, ...]) -> Fraction:
        """Return the sum of many nodes: parts that neither edge nor block joins do not see each other."""
        if len(parents) <= FEW_NODES:
            return self.by_rows(parents, blocks)
        forest = UpdateForest(parents, blocks, max(blocks) + 1, root_is_tied=False)
        parts = [forest.restricted(nodes) for nodes in joined_nodes(forest, by_blocks=True)]
        return prod((self.by_rows(f.parents, f.blocks) for f in parts), start=Fraction(1))

    def by_rows(self, parents: tuple[int, ...], blocks: tuple[int, ...]) -> Fraction:
        """Return the sum for any schedule."""
        return Fraction(int(self._grid.total(parents, blocks)), self._dynamics.scale(parents))

    def _check_visits(self) -> None:
        if any(isinstance(batch, Batch) for batch in self._batches):
            raise RequestError(
                "expected means over different rows where noise is fresh at every visit, got batches "
                "with shares of their own, or a row twice, which is two visits"
            )

    @cached_property
    def _visited(self) -> VisitedSchedule:
        return VisitedSchedule(self._grid)

    @cached_property
    def _grid(self) -> GridPropagator:
        units = units_of(self._batches)
        return GridPropagator(self._batches, self._N, self._dynamics, units)


def equal_epochs(batches: Batches) -> int:
    """Return the number of epochs where batches recur in one order; 0 elsewhere.

    All rows of a batch have one share, its unit, and no row comes twice in an epoch.
    """
    every = list(batches)
    if not every:
        return 0
    size = every.index(every[0], 1) if every.count(every[0]) > 1 else len(every)
    epoch = every[:size]
    if any(isinstance(b, Batch) and (len({*b.shares}) != 1 or b.shares[0] < 0) for b in epoch):
        return 0
    rows = [row for b in epoch for row in (b.rows if isinstance(b, Batch) else b)]
    is_even = len(rows) == len({*rows}) > 0
    return len(every) // size if is_even and every == epoch * (len(every) // size) else 0


def _size(batch: WrittenBatch) -> int:
    return len(batch.rows if isinstance(batch, Batch) else batch)
