"""The propagator in exact arithmetic."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Self, final

from sgdiagrams.symbolic.embeddings.forests import coarser_forests
from sgdiagrams.symbolic.propagation.dynamics import Dynamics
from sgdiagrams.symbolic.propagation.grid import GridPropagator
from sgdiagrams.symbolic.propagation.scan import reshuffled_step_count, step_count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sgdiagrams.symbolic.embeddings.forests import UpdateForest
    from sgdiagrams.symbolic.propagation.course import (
        EqualSteps,
        FixedBatches,
        ReshuffledEpochs,
    )
    from sgdiagrams.symbolic.propagation.dynamics import LinearMemory
    from sgdiagrams.symbolic.vocabulary import Basis

__all__ = ["ExactPropagator"]


@final
class ExactPropagator:
    """Weighted numbers of embeddings as fractions; see `sgdiagrams.symbolic.propagation.course`.

    Parameters
    ----------
    optimizer
        With numbers; None for weights that are all 1.
    T
        The number of updates.
    iterates
        Weights of the iterates after 1, ..., T updates; by default those of the optimiser.
    """

    def __init__(
        self,
        optimizer: LinearMemory | None,
        T: int,
        *,
        iterates: Sequence[Fraction] | None = None,
    ) -> None:
        self._optimizer = optimizer
        self._T = T
        self._iterates = iterates
        self._dynamics = self._with_factors(None)
        self._grids: dict[FixedBatches, tuple[GridPropagator, int]] = {}

    @classmethod
    def plain(cls, T: int) -> Self:
        """Return the propagator that counts: all weights are 1, but for batches that differ in size."""
        return cls(None, T)

    def _with_factors(self, node: Sequence[Fraction] | None) -> Dynamics:
        if self._optimizer is None:
            return Dynamics.plain(self._T, node=node)
        return Dynamics.of(self._optimizer, self._T, iterates=self._iterates, node=node)

    def fixed_batches(self, course: FixedBatches, forest: UpdateForest, basis: Basis) -> Fraction:
        """Return the sum for a schedule that is fixed."""
        if course not in self._grids:
            sizes = {len(batch) for batch in course.batches}
            even = sizes.pop() if len(sizes) == 1 else 0
            node = None if even else [Fraction(1, len(batch)) for batch in course.batches]
            grid = GridPropagator(course.batches, course.rows, self._with_factors(node))
            self._grids[course] = grid, even or 1
        grid, size = self._grids[course]
        return grid.count(forest, basis) / _power(size, forest)

    def equal_steps(self, course: EqualSteps, forest: UpdateForest, basis: Basis) -> Fraction:
        """Return the sum for steps that are all alike."""
        rule, forests = course.rule.in_basis(basis, forest)
        N, B = course.rows, course.batch
        counts = (step_count(f, rule, self._dynamics, N=N, B=B) for f in forests)
        return sum(counts, Fraction(0)) / _power(B, forest)

    def reshuffled_epochs(
        self, course: ReshuffledEpochs, forest: UpdateForest, basis: Basis
    ) -> Fraction:
        """Return the expected sum for epochs in random orders."""
        N, B, E = course.rows, course.batch, course.epochs
        forests = [forest] if basis == "moment" else coarser_forests(forest)
        counts = (reshuffled_step_count(f, self._dynamics, N=N, B=B, E=E) for f in forests)
        return sum(counts, Fraction(0)) / _power(B, forest)


def _power(batch: int, forest: UpdateForest) -> Fraction:
    """Return the size of a batch, once for every update."""
    return Fraction(batch) ** len(forest.parents)
