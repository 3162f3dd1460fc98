"""Which datapoints push sampled runs at every update: drawn as a real run draws them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np

from sgdiagrams.numeric.simulation.batches import blocks_of_runs, of_all_blocks, select

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from sgdiagrams.symbolic.embeddings.drawing import Weighted
    from sgdiagrams.symbolic.propagation.course import Course

__all__ = ["DrawnRuns", "draw_runs"]

#: Runs whose random numbers are drawn together: every run is the same however many are made.
_TOGETHER = 8
_DATA, _ORDER = 0, 1


@final
@dataclass(frozen=True, slots=True, eq=False)
class DrawnRuns:
    """Some runs in which every row of a training set is drawn from the data.

    Attributes
    ----------
    course
        Which rows the updates use.
    population
        The number of datapoints that are drawn from.
    first, runs
        The numbers of the runs: their draws depend on nothing else but the seed.
    seed
        Whole numbers >= 0.
    rows
        One array for each direction: the datapoints of all rows, shape (S, N).
    """

    course: Course
    population: int
    first: int
    runs: int
    seed: tuple[int, ...]
    rows: tuple[NDArray[np.intp], ...]

    def batches(self, direction: int = 0) -> Iterator[NDArray[np.intp] | Weighted]:
        """Yield the datapoints of every update, shape (S, m); the order is that of all directions.

        With shares where they are not a mean.
        """
        blocks, kept = blocks_of_runs(self.first, self.runs, _TOGETHER)
        orders = [
            self.course.draw(_TOGETHER, np.random.default_rng((*self.seed, block, _ORDER)))
            for block in blocks
        ]
        data = self.rows[direction]
        for parts in zip(*orders, strict=True):
            yield select(data, of_all_blocks(parts, kept))


def draw_runs(
    course: Course,
    population: int,
    *,
    first: int,
    runs: int,
    seed: tuple[int, ...],
    directions: int = 1,
) -> DrawnRuns:
    """Draw the training sets of runs, one for each direction, with one order for all of them."""
    blocks, kept = blocks_of_runs(first, runs, _TOGETHER)
    tables: list[NDArray[np.intp]] = []
    for direction in range(directions):
        drawn = [
            np.random.default_rng((*seed, block, _DATA, direction)).integers(
                population, size=(_TOGETHER, course.rows)
            )
            for block in blocks
        ]
        tables.append(np.concatenate(drawn)[kept])
    return DrawnRuns(course, population, first, runs, seed, tuple(tables))
