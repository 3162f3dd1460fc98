r"""How often rows visit: the weights of times of tied updates, expected over what chance draws.

For updates in blocks, which have a row each, and one time for every update, the weight is

.. math:: \Big\langle \prod_{\mathrm{blocks}} \sum_n \prod_{v} a_{n, t_v} \Big\rangle

with :math:`a_{n, t}` the share of row n in update t. Blocks may share a row. Schedules and datapoints
are independent, and so this is all that the terms of an expansion in the noise have to know of a course.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, reduce
from itertools import combinations
from typing import TYPE_CHECKING, Any, NamedTuple, Self, final

import numpy as np

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.partitions import blocks_of, coarsenings, restricted_growth_string
from sgdiagrams.symbolic.embeddings.batches import shares_of
from sgdiagrams.symbolic.embeddings.forests import UpdateForest
from sgdiagrams.symbolic.propagation.placing import at_numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from sgdiagrams.symbolic.propagation.course import (
        Course,
        EqualSteps,
        FixedBatches,
        PlacedCourse,
        ReshuffledEpochs,
    )
    from sgdiagrams.symbolic.vocabulary import Basis

__all__ = ["VisitTables", "visits_of"]

_MOST_TIMES = 2**18  # entries of a table of times


@final
@dataclass(frozen=True, slots=True, eq=False)
class VisitTables:
    """A sum of products of tables of weights, in Fractions.

    Attributes
    ----------
    products
        For every product pairs of some updates and the table of their times, shape (T, T, ...): together
        all updates.
    """

    products: tuple[tuple[tuple[tuple[int, ...], NDArray[Any]], ...], ...]

    # What courses that are sums of others do with sums over embeddings.

    def __radd__(self, other: object) -> Self:
        return self + other

    def __add__(self, other: object) -> Self:
        """Return a sum; 0 may be added."""
        others = other.products if isinstance(other, VisitTables) else ()
        return type(self)((*self.products, *others))

    def __mul__(self, factor: int | Fraction) -> Self:
        """Return a multiple."""
        return type(self)(
            tuple(
                ((nodes, table * Fraction(factor)), *rest)
                for (nodes, table), *rest in self.products
            )
        )

    def __truediv__(self, number: int) -> Self:
        """Return a quotient."""
        return self * Fraction(1, number)


def visits_of(course: Course, blocks: Sequence[int]) -> VisitTables:
    """Return the weights of all times of updates in blocks.

    Parameters
    ----------
    course
        Which rows the updates use.
    blocks
        The block of every update.

    Raises
    ------
    RequestError
        When a table would be too large.

    Examples
    --------
    Two updates on one datapoint, in two updates of one row after the other:

    >>> from sgdiagrams.symbolic.propagation.course import FixedBatches
    >>> [[(nodes, table)]] = visits_of(FixedBatches(((0,), (1,)), 2), [0, 0]).products
    >>> nodes, table.astype(int).tolist()
    ((0, 1), [[1, 0], [0, 1]])
    """
    return course.embed(_Tables(), _unjoined(restricted_growth_string(blocks)), "cumulant")


def _unjoined(blocks: tuple[int, ...]) -> UpdateForest:
    """Return a forest without edges, of which the weights of given times do not depend."""
    return UpdateForest((-1,) * len(blocks), blocks, max(blocks) + 1, root_is_tied=False)


@final
class _Tables:
    """The propagator of weights that are not summed over times."""

    def fixed_batches(
        self,
        course: FixedBatches,
        forest: UpdateForest,
        basis: Basis,  # noqa: ARG002
    ) -> VisitTables:
        """Return the weights for a schedule that is fixed: rows with one history count together."""
        T = course.updates
        of_rows = [shares_of(batch) for batch in course.batches]
        histories: dict[tuple[Fraction, ...], int] = {}
        for row in range(course.rows):
            shares = tuple(of_batch.get(row, Fraction(0)) for of_batch in of_rows)
            histories[shares] = histories.get(shares, 0) + 1
        visited = {shares: number for shares, number in histories.items() if any(shares)}

        def table(size: int) -> NDArray[Any]:
            _check_size(T, size)
            total = np.full((T,) * size, Fraction(0), dtype=object)
            for history, number in visited.items():
                used = [t for t, share in enumerate(history) if share]
                shares = np.array([history[t] for t in used], dtype=object)
                total[np.ix_(*[used] * size)] += number * reduce(np.multiply.outer, [shares] * size)
            return total

        return _independent(forest, table)

    def equal_steps(self, course: EqualSteps, forest: UpdateForest, basis: Basis) -> VisitTables:
        """Return the weights for steps that are alike: those of the rule for every step."""
        rule = course.rule

        def table_of(some: UpdateForest) -> NDArray[Any]:
            level, coarser = rule.in_basis(basis, some)
            nodes = len(some.parents)

            @cache
            def weight(levels: tuple[int, ...]) -> Fraction:
                total = Fraction(0)
                for part in coarser:
                    value = at_numbers(level.overall(part), N=course.rows, B=course.batch)
                    for members in blocks_of(levels):
                        powers = level.weight(part, sum(1 << v for v in members))
                        value *= at_numbers(powers, N=course.rows, B=course.batch)
                    total += value
                return total * course.share**nodes

            def at(times: Sequence[int]) -> Fraction:
                return weight(restricted_growth_string(times))

            return _by_pattern(course.updates, nodes, 1, at)

        if rule.is_random:
            return VisitTables((((tuple(range(len(forest.parents))), table_of(forest)),),))
        return _independent(forest, lambda size: table_of(_unjoined((0,) * size)))

    def placed(self, course: PlacedCourse, forest: UpdateForest) -> VisitTables:  # noqa: ARG002
        """Refuse: noise on a given set is no sum over rows of each block."""
        raise RequestError(
            "expected a scheme averaged over training sets along a path, got one on a given set; take "
            "a re-summed expansion"
        )

    def reshuffled_epochs(
        self,
        course: ReshuffledEpochs,
        forest: UpdateForest,
        basis: Basis,  # noqa: ARG002
    ) -> VisitTables:
        """Return the weights for random orders: different rows at different places of every epoch."""
        N, nodes, steps = course.rows, len(forest.parents), len(course.steps)
        is_uneven = len({*course.steps}) > 1

        @cache
        def weight(blocks: tuple[int, ...], places: tuple[_Place, ...]) -> Fraction:
            """Return the expected number of ways to give different rows to the blocks."""
            value = Fraction(math.perm(N, max(blocks) + 1))
            for epoch in {place.epoch for place in places} if value else ():
                batch_of: dict[int, _Place] = {}
                for block, place in zip(blocks, places, strict=True):
                    if place.epoch == epoch and batch_of.setdefault(block, place) != place:
                        return Fraction(0)
                used = list(batch_of.values())
                ways = math.prod(
                    math.perm(course.steps[place.kind], used.count(place)) for place in set(used)
                )
                value *= Fraction(ways, math.perm(N, len(used)))
            return value

        @cache
        def total(places: tuple[_Place, ...]) -> Fraction:
            number = sum((weight(x, places) for x in coarsenings(forest.blocks)), Fraction(0))
            return number * math.prod(course.shares[place.kind] for place in places)

        def at(times: Sequence[int]) -> Fraction:
            epochs = restricted_growth_string(t // steps for t in times)
            kinds = (is_uneven and (t + 1) % steps == 0 for t in times)
            batches = restricted_growth_string(times)
            return total(
                tuple(
                    _Place(epoch, batch, -is_last)
                    for epoch, batch, is_last in zip(epochs, batches, kinds, strict=True)
                )
            )

        return VisitTables(
            (
                (
                    (
                        tuple(range(nodes)),
                        _by_pattern(course.updates, nodes, steps, at, marks_last=is_uneven),
                    ),
                ),
            )
        )


class _Place(NamedTuple):
    """A batch: the number of its epoch, a name of its own, and 0, or -1 for the last of an epoch."""

    epoch: int
    batch: int
    kind: int


def _independent(forest: UpdateForest, table: Callable[[int], NDArray[Any]]) -> VisitTables:
    """Return the product over blocks of a table for each."""
    return VisitTables((tuple((nodes, table(len(nodes))) for nodes in blocks_of(forest.blocks)),))


def _by_pattern(
    T: int,
    nodes: int,
    steps: int,
    weight: Callable[[Sequence[int]], Fraction],
    *,
    marks_last: bool = False,
) -> NDArray[Any]:
    """Return the weights of all times: they depend on which times and which epochs are equal.

    And, on request, on which are the last of an epoch.
    """
    _check_size(T, nodes)
    times = np.indices((T,) * nodes).reshape(nodes, -1)
    pattern = np.zeros(times.shape[1], dtype=np.int64)
    for v, w in combinations(range(nodes), 2):
        is_equal = times[v] == times[w]
        pattern = 4 * pattern + is_equal + (times[v] // steps == times[w] // steps)
    for last in (times + 1) % steps == 0 if marks_last else ():
        pattern = 2 * pattern + last
    _, first, kind = np.unique(pattern, return_index=True, return_inverse=True)
    weights = np.array([weight(column) for column in times[:, first].T.tolist()], dtype=object)
    return np.asarray(weights[kind].reshape((T,) * nodes))


def _check_size(T: int, nodes: int) -> None:
    if T**nodes > _MOST_TIMES:
        raise RequestError(
            f"expected at most {_MOST_TIMES} times of tied updates, got {nodes} updates in T={T}; take "
            "less noise or fewer updates"
        )
