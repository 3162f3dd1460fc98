"""The propagator of dressed edges, in any ring."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, final

from sgdiagrams.diagrams.partitions import coarsenings, moebius
from sgdiagrams.symbolic.embeddings.forests import coarser_forests
from sgdiagrams.symbolic.propagation.grid import GridPropagator, check_merged_schedule
from sgdiagrams.symbolic.propagation.placing import (
    at_numbers,
    reshuffled_placing,
    rule_placing,
)
from sgdiagrams.symbolic.propagation.scan import StepScan

if TYPE_CHECKING:
    from sgdiagrams.symbolic.embeddings.forests import UpdateForest
    from sgdiagrams.symbolic.propagation.course import (
        EqualSteps,
        FixedBatches,
        PlacedCourse,
        ReshuffledEpochs,
    )
    from sgdiagrams.symbolic.propagation.dynamics import Dynamics
    from sgdiagrams.symbolic.vocabulary import Basis

__all__ = ["DressedPropagator"]


@final
class DressedPropagator:
    """Counts with all links that the edges of one forest may have.

    Links are inserted in the cumulant basis; in the moment basis counts are right at h = 0 alone. In the
    cumulant basis blocks do not see each other on a given schedule. So for one pass and full batches the
    parts of a forest that only the root holds together are counted apart. A random schedule ties them,
    through its own randomness; there, counts are sums over coarser blocks of counts in the moment basis.

    Parameters
    ----------
    dynamics
        The optimiser, with the edges above the nodes of the forest, which must have nodes.
    """

    def __init__(self, dynamics: Dynamics) -> None:
        self._dynamics = dynamics
        self._number = dynamics.ring.number

    def fixed_batches(self, course: FixedBatches, forest: UpdateForest, basis: Basis) -> Any:
        """Return the sum for a schedule that is fixed."""
        grid = GridPropagator(course.batches, course.rows, self._dynamics)
        if basis == "cumulant":
            return grid.total(forest.parents, forest.blocks)
        check_merged_schedule(forest, course.updates, course.rows)
        total = self._number(Fraction(0))
        for blocks in coarsenings(forest.blocks):
            count = grid.total(forest.parents, blocks)
            total = total + count * self._number(Fraction(moebius(forest.blocks, blocks)))
        return total

    def equal_steps(self, course: EqualSteps, forest: UpdateForest, basis: Basis) -> Any:
        """Return the sum for steps that are all alike."""
        rule, forests = course.rule.in_basis(basis, forest)
        total = self._number(Fraction(0))
        for coarse in forests:
            product = self._number(at_numbers(rule.overall(coarse), N=course.rows, B=course.batch))
            whole = [tuple(range(len(coarse.parents)))]
            for nodes in course.rule.parts(coarse) if rule.basis == "cumulant" else whole:
                part = coarse.restricted(nodes)
                placing = rule_placing(
                    part, rule, N=course.rows, B=course.batch, share=course.share
                )
                count = StepScan(part.parents, placing, self._dynamics.above(nodes)).run()
                if count is None:
                    break
                product = product * count
            else:
                total = total + product
        return total

    def reshuffled_epochs(
        self, course: ReshuffledEpochs, forest: UpdateForest, basis: Basis
    ) -> Any:
        """Return the expected sum for epochs in random orders."""
        total = self._number(Fraction(0))
        for coarse in [forest] if basis == "moment" else coarser_forests(forest):
            if coarse.block_count <= course.rows:
                placing = reshuffled_placing(
                    coarse, N=course.rows, sizes=course.steps, shares=course.shares
                )
                count = StepScan(coarse.parents, placing, self._dynamics).run()
                if count is not None:
                    total = total + self._number(Fraction(placing.epoch_scale)) * count
        return total

    def placed(self, course: PlacedCourse, forest: UpdateForest) -> Any:
        """Return the expected sum for a course that says what its steps may place."""
        product = self._number(Fraction(1))
        for nodes in course.parts(forest):
            part = forest.restricted(nodes)
            dynamics = self._dynamics
            if dynamics.eigenvalues or dynamics.pulled or dynamics.readouts:
                dynamics = dynamics.above(nodes)
            count = StepScan(part.parents, course.placing(part), dynamics).run()
            if count is None:
                return self._number(Fraction(0))
            product = product * count
        return product
