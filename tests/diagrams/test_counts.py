"""Numbers of diagrams and the two sum rules."""

from collections import Counter
from fractions import Fraction
from math import factorial

import numpy as np
import pytest
import slow
from reference import diagram_counts as table

from sgdiagrams.diagrams import (
    bell_number,
    diagram_rows,
    enumerate_diagrams,
    rooted_tree_count,
    rooted_trees,
    symmetry_sum,
)


def row_count(order, **options):
    return sum(map(len, diagram_rows(order, **options)))


def test_rooted_trees_are_a000081():
    expected = list(table.ROOTED_TREES)
    assert [rooted_tree_count(n) for n in range(1, 13)] == expected
    assert [sum(1 for _ in rooted_trees(n)) for n in range(1, 11)] == expected[:10]


def test_partitions_of_a_set_are_a000110():
    assert [bell_number(n) for n in range(11)] == list(table.BELL)


@pytest.mark.parametrize("order", range(9))
def test_isolated_root(order):
    assert row_count(order) == table.ISOLATED[order]


@pytest.mark.parametrize("order", range(8))
def test_one_pass(order):
    assert row_count(order, one_pass=True) == table.ONE_PASS[order]


@pytest.mark.parametrize("order", range(8))
def test_linkless(order):
    assert row_count(order, linkless=True) == table.LINKLESS[order]


@pytest.mark.parametrize("order", range(9))
def test_root_in_the_partition(order):
    assert row_count(order, root="in-partition") == table.IN_PARTITION[order]


@pytest.mark.parametrize("order", range(6))
@pytest.mark.parametrize("root", ["isolated", "in-partition"])
def test_objects_are_the_rows(order, root):
    rows = [
        (batch.levels, tuple(labels), factor)
        for batch in diagram_rows(order, root=root)
        for labels, factor in zip(
            batch.labels.tolist(), batch.symmetry_factors.tolist(), strict=True
        )
    ]
    objects = list(enumerate_diagrams(order, root=root))
    assert [(d.levels, d.labels, d.symmetry_factor) for d in objects] == rows
    assert len(set(objects)) == len(objects)


@pytest.mark.parametrize("order", range(7))
def test_the_pair_condition_is_not_enough_for_one_pass(order):
    # From order 4 on the quotient can have a cycle although no node is above another of its block.
    diagrams = list(enumerate_diagrams(order))
    without_pair = [d for d in diagrams if not slow.has_comparable_pair(d.parents, d.blocks)]
    acyclic = [d for d in diagrams if slow.quotient_is_acyclic(d.parents, d.blocks)]
    assert len(without_pair) == table.NO_COMPARABLE_PAIR[order]
    assert len(acyclic) == table.ONE_PASS[order]
    assert set(acyclic) <= set(without_pair)
    assert [d for d in diagrams if d.is_one_pass] == acyclic


@pytest.mark.parametrize("order", range(8))
@pytest.mark.parametrize("root", ["isolated", "in-partition"])
def test_sum_rule(order, root):
    # Labelled rooted trees (Cayley) with a partition, over n!.
    n = order + 1
    partitions = table.BELL[n] if root == "in-partition" else table.BELL[n - 1]
    expected = Fraction(n ** (n - 1) * partitions, factorial(n))
    factors = Counter()
    for batch in diagram_rows(order, root=root):
        for factor, times in zip(
            *np.unique(batch.symmetry_factors, return_counts=True), strict=True
        ):
            factors[int(factor)] += int(times)
    assert sum(Fraction(times, factor) for factor, times in factors.items()) == expected
    assert symmetry_sum(order, root=root) == expected
