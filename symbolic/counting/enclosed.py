"""Counts by number in balls that contain them: what floats need of counts with endless digits."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from typing import TYPE_CHECKING, Any, final

from flint import arb

from sgdiagrams.diagrams.partitions import coarsenings, moebius
from sgdiagrams.symbolic.counting.numbers import NumberCounter
from sgdiagrams.symbolic.embeddings.forests import coarser_forests
from sgdiagrams.symbolic.embeddings.signs import mean_share
from sgdiagrams.symbolic.propagation.dressed import DressedPropagator
from sgdiagrams.symbolic.propagation.fixed_schedule import equal_epochs
from sgdiagrams.symbolic.propagation.grid import GridPropagator
from sgdiagrams.symbolic.propagation.grouped.groups import grouped_sum
from sgdiagrams.symbolic.propagation.placing import (
    Placing,
    at_numbers,
    reshuffled_placing,
)
from sgdiagrams.symbolic.propagation.rings import (
    BALLS,
    Matrix,
    applied,
    matrix_power,
    row_times_power,
)
from sgdiagrams.symbolic.propagation.scan import StepScan

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sgdiagrams.symbolic.embeddings.forests import UpdateForest
    from sgdiagrams.symbolic.propagation.course import (
        EqualSteps,
        FixedBatches,
        PlacedCourse,
        ReshuffledEpochs,
    )
    from sgdiagrams.symbolic.propagation.dynamics import Dynamics
    from sgdiagrams.symbolic.vocabulary import Basis

__all__ = ["EnclosedCounter"]


@final
class EnclosedCounter(NumberCounter):
    """Weighted counts by number, in balls with the bits of FLINT's context.

    Parameters
    ----------
    exact
        What counts the same exactly.
    """

    ring = BALLS

    def __init__(self, exact: NumberCounter) -> None:
        self.scheme = exact.scheme
        self.basis = exact.basis
        self.course = exact.course
        self.propagator = _EnclosedPropagator(exact.dynamics.brought_into(BALLS))

    def weight(self, total: Any, order: int) -> Any:  # noqa: ARG002
        """Return the ball."""
        return total[()]


@final
class _EnclosedPropagator:
    """Weighted numbers of embeddings as balls; see `sgdiagrams.symbolic.propagation.course`."""

    def __init__(self, dynamics: Dynamics) -> None:
        self._dynamics = dynamics
        self._epochs: dict[FixedBatches, int] = {}
        self._grids: dict[FixedBatches, GridPropagator] = {}
        self._totals: dict[tuple[FixedBatches, tuple[int, ...], tuple[int, ...]], arb] = {}

    def fixed_batches(self, course: FixedBatches, forest: UpdateForest, basis: Basis) -> Any:
        """Return the sum for a schedule that is fixed."""
        if basis == "cumulant":
            return self._on_rows(course, forest.parents, forest.blocks)
        return sum(
            (
                moebius(forest.blocks, coarse) * self._on_rows(course, forest.parents, coarse)
                for coarse in coarsenings(forest.blocks)
            ),
            arb(0),
        )

    def _on_rows(
        self, course: FixedBatches, parents: tuple[int, ...], blocks: tuple[int, ...]
    ) -> Any:
        key = (course, parents, blocks)
        if key not in self._totals:
            tied = [b for b, size in Counter(blocks).items() if size > 1]
            if course not in self._epochs:
                is_even = len({*course.sizes}) == 1 and {*course.masses} == {1}
                self._epochs[course] = equal_epochs(course.batches) if is_even else 0
            is_short = self._dynamics.is_constant and self._epochs[course] and len(tied) < 2
            total: Any = 1
            if parents and is_short:
                total = self._in_epochs(course, parents, [b in tied for b in blocks])
            elif parents:
                total = self._grid(course).total(parents, blocks)
            self._totals[key] = arb(total)
        return self._totals[key]

    def _grid(self, course: FixedBatches) -> GridPropagator:
        if course not in self._grids:
            grid = GridPropagator(course.batches, course.rows, self._dynamics)
            self._grids[course] = grid
        return self._grids[course]

    def _in_epochs(
        self, course: FixedBatches, parents: tuple[int, ...], are_tied: Sequence[bool]
    ) -> Any:
        """Return the sum over equal epochs for constant steps, with some nodes tied to one row.

        From one use of the row to the next it is an epoch, whichever batch has it.
        """
        epochs, B = self._epochs[course], course.sizes[0]
        size = course.updates // epochs
        scans = [
            StepScan(parents, _row_placing(are_tied, B, is_used=is_used), self._dynamics)
            for is_used in (False, True)
        ]
        idle, used = _matrices(scans)
        start: dict[Any, Any] = {scans[0].start: arb(1)}
        end = {key: scans[0].end_weight(key) for key in idle if scans[0].is_end(key)}
        if not any(are_tied):
            row = row_times_power(start, idle, course.updates)
            return sum((row[key] * x for key, x in end.items() if key in row), arb(0))
        between = used
        if size > 1 and epochs > 1:
            rest = matrix_power(idle, size - 1)
            between = {key: applied(row, rest) for key, row in used.items()}
        uses = used
        if epochs > 1:
            before = matrix_power(between, epochs - 1)
            uses = {key: applied(row, used) for key, row in before.items()}
        # Rows before the first use of the row, columns after its last one.
        rows, columns = [start], [end]
        for _ in range(size - 1):
            rows.append(applied(rows[-1], idle))
            columns.append(_applied_to(idle, columns[-1]))
        total = arb(0)
        for row, column in zip(rows, reversed(columns), strict=True):
            carried = applied(row, uses)
            total += sum((x * column[key] for key, x in carried.items() if key in column), arb(0))
        return total * B

    def equal_steps(self, course: EqualSteps, forest: UpdateForest, basis: Basis) -> Any:
        """Return the sum for steps that are all alike."""
        rule, forests = course.rule.in_basis(basis, forest)
        N, B = course.rows, course.batch
        total = arb(0)
        for coarse in forests:
            n, unit = len(coarse.parents), rule.denominator(coarse, N, B)

            def weight(mask: int, forest: UpdateForest = coarse, unit: int = unit) -> int:
                # Times a unit for every node it is whole.
                by_node = unit ** mask.bit_count()
                return int(at_numbers(rule.weight(forest, mask), N=N, B=B) * by_node)

            count, _ = grouped_sum(coarse.parents, weight, self._dynamics)
            share = at_numbers(rule.overall(coarse), N=N, B=B) * (course.share / unit) ** n
            total += count * BALLS.number(share)
        return total

    def reshuffled_epochs(
        self, course: ReshuffledEpochs, forest: UpdateForest, basis: Basis
    ) -> Any:
        """Return the expected sum for epochs in random orders."""
        total = arb(0)
        for coarse in [forest] if basis == "moment" else coarser_forests(forest):
            if coarse.block_count <= course.rows:
                placing = reshuffled_placing(
                    coarse, N=course.rows, sizes=course.steps, shares=course.shares
                )
                count = StepScan(coarse.parents, placing, self._dynamics).run()
                if count is not None:
                    total += placing.epoch_scale * count
        return total

    def placed(self, course: PlacedCourse, forest: UpdateForest) -> Any:
        """Return the expected sum for a course that says what its steps may place."""
        return DressedPropagator(self._dynamics).placed(course, forest)


def _row_placing(are_tied: Sequence[bool], B: int, *, is_used: bool) -> Placing:
    """Return a step whose batch has the row of the tied nodes, or has not."""

    def weight(mask: int, seen: int) -> Fraction:  # noqa: ARG001
        tied = sum(mask >> v & 1 for v, is_tied in enumerate(are_tied) if is_tied)
        return mean_share(B) ** tied if is_used or not tied else Fraction(0)

    return Placing(weight)


def _matrices(scans: Sequence[StepScan]) -> list[Matrix[Any]]:
    """Return the steps of several scans for all states that they reach together."""
    matrices: list[Matrix[Any]] = [{} for _ in scans]
    waiting = [scans[0].start]
    while waiting:
        key = waiting.pop()
        if key not in matrices[0]:
            for scan, matrix in zip(scans, matrices, strict=True):
                matrix[key] = scan.step_from(key)
                waiting += matrix[key]
    return matrices


def _applied_to(matrix: Matrix[Any], column: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return a matrix times a column."""
    products = {
        key: [x * column[target] for target, x in row.items() if target in column]
        for key, row in matrix.items()
    }
    return {key: sum(terms[1:], terms[0]) for key, terms in products.items() if terms}
