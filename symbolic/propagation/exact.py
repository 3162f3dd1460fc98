"""The propagator in exact arithmetic."""

from __future__ import annotations

from fractions import Fraction
from functools import cache, cached_property
from typing import TYPE_CHECKING, Self, final

from sgdiagrams.symbolic.embeddings.batches import units_of
from sgdiagrams.symbolic.embeddings.effort import FEW_NODES
from sgdiagrams.symbolic.embeddings.forests import coarser_forests
from sgdiagrams.symbolic.propagation.dressed import DressedPropagator
from sgdiagrams.symbolic.propagation.dynamics import Dynamics
from sgdiagrams.symbolic.propagation.fixed_schedule import FixedSchedule
from sgdiagrams.symbolic.propagation.grouped.epochs import node_factors, reshuffled_epochs_sum
from sgdiagrams.symbolic.propagation.grouped.groups import grouped_sum
from sgdiagrams.symbolic.propagation.placing import (
    at_numbers,
    reshuffled_placing,
    rule_placing,
)
from sgdiagrams.symbolic.propagation.rings import FRACTIONS
from sgdiagrams.symbolic.propagation.scan import StepScan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sgdiagrams.symbolic.embeddings.forests import UpdateForest
    from sgdiagrams.symbolic.embeddings.rules import LevelRule
    from sgdiagrams.symbolic.propagation.course import (
        EqualSteps,
        FixedBatches,
        PlacedCourse,
        ReshuffledEpochs,
    )
    from sgdiagrams.symbolic.propagation.linear_update import LinearMemory
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
    bare
        The edges as fractions, where they are known already.
    """

    def __init__(
        self,
        optimizer: LinearMemory | None,
        T: int,
        *,
        iterates: Sequence[Fraction] | None = None,
        bare: Dynamics | None = None,
    ) -> None:
        self._optimizer = optimizer
        self._T = T
        self._iterates = iterates
        self._bare = bare
        self._schedules: dict[FixedBatches, tuple[FixedSchedule, Fraction]] = {}

    @classmethod
    def plain(cls, T: int) -> Self:
        """Return the propagator that counts: all weights are 1, but for batches that differ in size."""
        return cls(None, T)

    @cached_property
    def _dynamics(self) -> Dynamics:
        if self._optimizer is None:
            return Dynamics.plain(self._T)
        bare = self._bare or Dynamics.bare(self._optimizer, self._T, iterates=self._iterates)
        return bare.whole()

    def _with_factors(self, node: Sequence[Fraction]) -> Dynamics:
        if self._optimizer is None:
            return Dynamics.plain(self._T, node=node)
        return Dynamics.of(self._optimizer, self._T, iterates=self._iterates, node=node)

    def fixed_batches(self, course: FixedBatches, forest: UpdateForest, basis: Basis) -> Fraction:
        """Return the sum for a schedule that is fixed."""
        if course not in self._schedules:
            units = units_of(course.batches)
            common = units[0] if len({*units}) == 1 else Fraction(0)
            dynamics = self._dynamics if common else self._with_factors(units)
            schedule = FixedSchedule(course.batches, course.rows, dynamics)
            self._schedules[course] = schedule, common or Fraction(1)
        schedule, unit = self._schedules[course]
        return schedule.count(forest, basis) * unit ** len(forest.parents)

    def equal_steps(self, course: EqualSteps, forest: UpdateForest, basis: Basis) -> Fraction:
        """Return the sum for steps that are all alike."""
        rule, forests = course.rule.in_basis(basis, forest)
        counts = (self._steps(f, course, rule) for f in forests)
        return sum(counts, Fraction(0))

    def _steps(self, forest: UpdateForest, course: EqualSteps, rule: LevelRule) -> Fraction:
        """Return the sum for what a rule allows."""
        if len(forest.parents) > FEW_NODES:
            return self._step_by_step(forest, course, rule)
        N, B = course.rows, course.batch
        unit = rule.denominator(forest, N, B)

        @cache
        def weight(mask: int) -> int:
            """Return the rule's weight, times a unit for every node so that it is whole."""
            return int(at_numbers(rule.weight(forest, mask), N=N, B=B) * unit ** mask.bit_count())

        n = len(forest.parents)
        total, power = grouped_sum(forest.parents, weight, self._dynamics)
        scale = self._dynamics.decay_scale**power * self._dynamics.scale(forest.parents, decays=0)
        shares = (course.share / unit) ** n * at_numbers(rule.overall(forest), N=N, B=B)
        return Fraction(total, scale) * shares

    def _step_by_step(self, forest: UpdateForest, course: EqualSteps, rule: LevelRule) -> Fraction:
        """Return the same for many nodes: sets of placed nodes are fewer than sets of groups."""
        N, B, dynamics = course.rows, course.batch, self._dynamics
        product = at_numbers(rule.overall(forest), N=N, B=B)
        whole = [tuple(range(len(forest.parents)))]
        for nodes in course.rule.parts(forest) if rule.basis == "cumulant" else whole:
            part = forest.restricted(nodes)
            placing = rule_placing(part, rule, N=course.rows, B=course.batch, share=course.share)
            total = StepScan(part.parents, placing, dynamics).run() or 0
            scale = dynamics.scale(part.parents) * placing.node_scale ** len(nodes)
            product *= Fraction(total, scale)
        return product

    def reshuffled_epochs(
        self, course: ReshuffledEpochs, forest: UpdateForest, basis: Basis
    ) -> Fraction:
        """Return the expected sum for epochs in random orders."""
        forests = [forest] if basis == "moment" else coarser_forests(forest)
        counts = (self._reshuffled(course, f) for f in forests if f.block_count <= course.rows)
        return sum(counts, Fraction(0))

    def placed(self, course: PlacedCourse, forest: UpdateForest) -> Fraction:
        """Return the expected sum for a course that says what its steps may place."""
        if self._optimizer is None:
            bare = Dynamics.plain(self._T)
        else:
            bare = self._bare or Dynamics.bare(self._optimizer, self._T, iterates=self._iterates)
        edges = bare.brought_into(FRACTIONS)
        total: Fraction = DressedPropagator(edges).placed(course, forest)
        return total

    def _reshuffled(self, course: ReshuffledEpochs, forest: UpdateForest) -> Fraction:
        """Return the sum in the moment basis."""
        parents, dynamics = forest.parents, self._dynamics
        if not course.updates:
            return Fraction(not parents)
        placing = reshuffled_placing(
            forest, N=course.rows, sizes=course.steps, shares=course.shares
        )
        ways = placing.epoch_scale
        scale = dynamics.scale(parents) * placing.node_scale ** len(parents)
        is_short = 0 < len(parents) <= FEW_NODES
        if is_short and dynamics.updates and dynamics.is_still:
            factors = node_factors(parents, dynamics, course.epochs)
            total = reshuffled_epochs_sum(
                parents,
                forest.blocks,
                factors,
                course,
                unit=placing.node_scale,
                is_legal=lambda nodes: forest.has_whole_visits(nodes, one_each=True),
            )
            return Fraction(total * ways, scale * ways ** len(parents))
        total = StepScan(parents, placing, dynamics).run() or 0
        return Fraction(total * ways, scale * ways**course.epochs)
