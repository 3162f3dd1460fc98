r"""How often rows visit: the weights of times of tied updates, expected over what chance draws.

For updates in blocks, which have a row each, and one time for every update, the weight is

.. math:: \Big\langle \prod_{\mathrm{blocks}} \sum_n \prod_{v} \frac{m_{n, t_v}}{B_{t_v}} \Big\rangle

with :math:`m_{n, t}` how often update t uses row n. Blocks may share a row. Schedules and datapoints
are independent, and so this is all that the terms of an expansion in the noise have to know of a course.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, reduce
from itertools import combinations
from typing import TYPE_CHECKING, Any, Self, final

import numpy as np

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.partitions import blocks_of, coarsenings, restricted_growth_string
from sgdiagrams.symbolic.embeddings.forests import UpdateForest

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
        histories: dict[tuple[Fraction, ...], int] = {}
        for row in range(course.rows):
            shares = tuple(Fraction(batch.count(row), len(batch)) for batch in course.batches)
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
                    value = _at(level.overall(part), course)
                    for members in blocks_of(levels):
                        value *= _at(level.weight(part, sum(1 << v for v in members)), course)
                    total += value
                return total / Fraction(course.batch) ** nodes

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
        N, B, nodes = course.rows, course.batch, len(forest.parents)
        steps = N // B

        @cache
        def weight(blocks: tuple[int, ...], places: tuple[tuple[int, int], ...]) -> Fraction:
            """Return the expected number of ways to give different rows to the blocks."""
            value = Fraction(math.perm(N, max(blocks) + 1))
            for epoch in {e for e, _ in places} if value else ():
                batch_of: dict[int, int] = {}
                for block, (e, batch) in zip(blocks, places, strict=True):
                    if e == epoch and batch_of.setdefault(block, batch) != batch:
                        return Fraction(0)
                used = list(batch_of.values())
                ways = math.prod(math.perm(B, used.count(batch)) for batch in set(used))
                value *= Fraction(ways, math.perm(N, len(used)))
            return value

        @cache
        def total(places: tuple[tuple[int, int], ...]) -> Fraction:
            number = sum((weight(x, places) for x in coarsenings(forest.blocks)), Fraction(0))
            return number / Fraction(B) ** nodes

        def at(times: Sequence[int]) -> Fraction:
            epochs = restricted_growth_string(t // steps for t in times)
            return total(tuple(zip(epochs, restricted_growth_string(times), strict=True)))

        return VisitTables(
            (((tuple(range(nodes)), _by_pattern(course.updates, nodes, steps, at)),),)
        )


def _independent(forest: UpdateForest, table: Callable[[int], NDArray[Any]]) -> VisitTables:
    """Return the product over blocks of a table for each."""
    return VisitTables((tuple((nodes, table(len(nodes))) for nodes in blocks_of(forest.blocks)),))


def _by_pattern(
    T: int, nodes: int, steps: int, weight: Callable[[Sequence[int]], Fraction]
) -> NDArray[Any]:
    """Return the weights of all times: they depend on which times and which epochs are equal."""
    _check_size(T, nodes)
    times = np.indices((T,) * nodes).reshape(nodes, -1)
    pattern = np.zeros(times.shape[1], dtype=np.int64)
    for v, w in combinations(range(nodes), 2):
        is_equal = times[v] == times[w]
        pattern = 4 * pattern + is_equal + (times[v] // steps == times[w] // steps)
    _, first, kind = np.unique(pattern, return_index=True, return_inverse=True)
    weights = np.array([weight(column) for column in times[:, first].T.tolist()], dtype=object)
    return np.asarray(weights[kind].reshape((T,) * nodes))


def _check_size(T: int, nodes: int) -> None:
    if T**nodes > _MOST_TIMES:
        raise RequestError(
            f"expected at most {_MOST_TIMES} times of tied updates, got {nodes} updates in T={T}; take "
            "less noise or fewer updates"
        )


def _at(polynomial: Any, course: EqualSteps) -> Fraction:
    """Return a Laurent polynomial in N and B at their numbers."""
    return sum(
        (
            Fraction(course.rows) ** n * Fraction(course.batch) ** b * c
            for (n, b), c in polynomial.items()
        ),
        Fraction(0),
    )
