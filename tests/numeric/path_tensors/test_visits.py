"""Weights of times against all schedules that chance may draw, row by row."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from slow import set_partitions

from sgdiagrams.diagrams import RequestError
from sgdiagrams.numeric.path_tensors.visits import visits_of
from sgdiagrams.symbolic.propagation.course import FixedBatches, RandomBatches
from sgdiagrams.symbolic.training.sampling import course_of
from sgdiagrams.symbolic.training.schemes.epochs import Epochs, FullBatch
from sgdiagrams.symbolic.training.schemes.grid import Grid
from sgdiagrams.symbolic.training.schemes.one_pass import OnePass
from sgdiagrams.symbolic.training.schemes.with_replacement import WithReplacement

COURSES = [
    course_of(OnePass(T=3, B=2)),
    course_of(Epochs(N=4, B=2, E=2)),
    course_of(Epochs(N=3, B=1, E=2, shuffle="every-epoch")),
    course_of(Epochs(N=4, B=2, E=2, shuffle="every-epoch")),
    course_of(FullBatch(N=3, E=2)),
    course_of(WithReplacement(N=2, B=2, T=3)),
    course_of(WithReplacement(N=3, B=1, T=2)),
    course_of(Grid([[0, 1], [2], [0, 2, 1], [1]], N=4)),
    RandomBatches(
        ((Fraction(1, 3), ((0,), (0, 1))), (Fraction(2, 3), ((0, 1, 2), (2,)))), 3
    ),
]  # fmt: skip


def by_hand(course, blocks, times):
    total = Fraction(0)
    for chance, batches in course.all_batches():
        for rows in product(range(course.rows), repeat=max(blocks) + 1):
            weight = chance
            for block, t in zip(blocks, times, strict=True):
                weight *= Fraction(batches[t].count(rows[block]), len(batches[t]))
            total += weight
    return total


def dense(visits, nodes, T):
    """Return all weights as one table."""
    total = np.full((T,) * nodes, Fraction(0), dtype=object)
    for groups in visits.products:
        assert sorted(v for group, _ in groups for v in group) == list(range(nodes))
        for times in np.ndindex(total.shape):
            weight = Fraction(1)
            for group, table in groups:
                weight *= table[tuple(times[v] for v in group)]
            total[times] += weight
    return total


@pytest.mark.parametrize("course", COURSES)
@pytest.mark.parametrize("nodes", [1, 2, 3, 4])
def test_weights_of_all_times(course, nodes):
    T = course.updates
    rng = np.random.default_rng(nodes)
    for partition in set_partitions(range(nodes)):
        blocks = [next(i for i, b in enumerate(partition) if v in b) for v in range(nodes)]
        table = dense(visits_of(course, blocks), nodes, T)
        places = list(np.ndindex(table.shape))
        for place in rng.permutation(len(places))[:8]:
            assert table[places[place]] == by_hand(course, blocks, places[place])
        # All times together: one row of every update for a node alone.
        if max(blocks) == nodes - 1 and nodes < 3:
            assert table.sum() == T**nodes


def test_blocks_are_independent_where_chance_is_not_asked():
    visits = visits_of(course_of(OnePass(T=30)), [0, 1, 0, 1])
    [groups] = visits.products
    assert [(nodes, table.shape) for nodes, table in groups] == [
        ((0, 2), (30, 30)),
        ((1, 3), (30, 30)),
    ]
    assert all(np.all(table == np.eye(30, dtype=int)) for _, table in groups)


def test_large_tables_are_refused():
    course = course_of(WithReplacement(N=5, B=1, T=100))
    with pytest.raises(RequestError, match="got 4 updates in T=100"):
        visits_of(course, [0, 1, 0, 1])
    fixed = FixedBatches(((0,),) * 100, 1)
    assert visits_of(fixed, [0, 0]).products[0][0][1].shape == (100, 100)
    with pytest.raises(RequestError, match="got 4 updates in T=100"):
        visits_of(fixed, [0, 0, 0, 0])
