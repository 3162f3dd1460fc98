"""Numbers of embeddings into a course, where a scheme has no formula of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, final

from sgdiagrams.symbolic.propagation.exact import ExactPropagator
from sgdiagrams.symbolic.propagation.fixed_schedule import FixedSchedule

if TYPE_CHECKING:
    from fractions import Fraction

    from sgdiagrams.symbolic.embeddings.forests import UpdateForest
    from sgdiagrams.symbolic.propagation.course import (
        EqualSteps,
        FixedBatches,
        PlacedCourse,
        ReshuffledEpochs,
    )
    from sgdiagrams.symbolic.vocabulary import Basis

__all__ = ["Embeddings"]


@final
class Embeddings:
    """The propagator of embeddings themselves: every cell counts once, whatever its share."""

    def fixed_batches(self, course: FixedBatches, forest: UpdateForest, basis: Basis) -> Fraction:
        """Return the number for a schedule that is fixed."""
        return FixedSchedule.plain(course.batches, course.rows).count(forest, basis)

    def equal_steps(self, course: EqualSteps, forest: UpdateForest, basis: Basis) -> Fraction:
        """Return the number for steps that are all alike."""
        value = ExactPropagator.plain(course.updates).equal_steps(course, forest, basis)
        return value / course.share ** len(forest.parents)

    def reshuffled_epochs(
        self, course: ReshuffledEpochs, forest: UpdateForest, basis: Basis
    ) -> Fraction:
        """Return the expected number for epochs in random orders."""
        summed = replace(course, is_sum=True)
        return ExactPropagator.plain(course.updates).reshuffled_epochs(summed, forest, basis)

    def placed(self, course: PlacedCourse, forest: UpdateForest) -> Fraction:
        """Return the expected number for a course that says what its steps may place."""
        return ExactPropagator.plain(course.updates).placed(course, forest)
