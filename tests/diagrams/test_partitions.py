"""Set partitions and their lattice against definitions."""

import numpy as np
import pytest
import slow
from hypothesis import given
from hypothesis import strategies as st
from reference import diagram_counts as table
from strategies import partitions, relaxed

from sgdiagrams.diagrams import (
    DiagramError,
    bell_number,
    coarsenings,
    is_refinement,
    moebius,
    refinements,
    set_partitions,
)
from sgdiagrams.diagrams.partitions import (
    blocks_of,
    partition_of_blocks,
    restricted_growth_string,
    set_partitions_array,
)


def blocks(partition):
    """Return the blocks of a restricted growth string as sets, read off by definition."""
    return frozenset(
        frozenset(i for i, label in enumerate(partition) if label == b) for b in set(partition)
    )


@pytest.mark.parametrize("n", range(8))
def test_all_partitions_once_in_lexicographic_order(n):
    found = list(set_partitions(n))
    assert found == sorted(set(found))
    assert len(found) == table.BELL[n]
    assert {blocks(p) for p in found} == {slow.as_sets(b) for b in slow.set_partitions(range(n))}
    for p in found:
        assert all(label <= max(p[:i], default=-1) + 1 for i, label in enumerate(p))
    assert np.array_equal(set_partitions_array(n), np.array(found).reshape(len(found), n))


@relaxed
@given(st.integers(0, 8).flatmap(lambda n: partitions(range(n))))
def test_blocks_and_strings(given_blocks):
    n = sum(map(len, given_blocks))
    string = partition_of_blocks(given_blocks, n)
    assert string in set(set_partitions(n)) if n < 7 else len(string) == n
    assert blocks(string) == slow.as_sets(given_blocks)
    assert partition_of_blocks(blocks_of(string), n) == string
    assert list(blocks_of(string)) == sorted(map(tuple, map(sorted, given_blocks)))
    assert restricted_growth_string(string) == string
    assert restricted_growth_string(f"block {-b}" for b in string) == string


@pytest.mark.parametrize("n", range(6))
def test_refinements_and_coarsenings(n):
    everything = list(set_partitions(n))
    for p in everything:
        finer = {q for q in everything if slow.refines(blocks(q), blocks(p))}
        coarser = {q for q in everything if slow.refines(blocks(p), blocks(q))}
        assert len(refinements(p)) == len(finer)
        assert len(coarsenings(p)) == len(coarser)
        assert set(refinements(p)) == finer
        assert set(coarsenings(p)) == coarser
        assert all(is_refinement(q, p) == (q in finer) for q in everything)


@pytest.mark.parametrize("n", range(6))
def test_moebius_is_the_inverse_of_the_zeta_function(n):
    everything = list(set_partitions(n))
    for fine in everything:
        for coarse in coarsenings(fine):
            between = [x for x in coarsenings(fine) if is_refinement(x, coarse)]
            expected = int(fine == coarse)
            assert sum(moebius(fine, x) for x in between) == expected
            assert sum(moebius(x, coarse) for x in between) == expected


@pytest.mark.parametrize("n", range(5))
def test_moebius_by_its_recursion(n):
    for fine in set_partitions(n):
        for coarse in coarsenings(fine):
            assert moebius(fine, coarse) == slow.moebius_by_recursion(
                blocks(fine), blocks(coarse), range(n)
            )


@pytest.mark.parametrize("n", range(1, 8))
def test_moebius_of_the_whole_lattice(n):
    # Stanley, Enumerative Combinatorics 1, example 3.10.4: (-1)^(n-1) (n-1)!
    expected = 1
    for k in range(1, n):
        expected *= -k
    assert moebius(tuple(range(n)), (0,) * n) == expected


@pytest.mark.parametrize(
    "call",
    [
        lambda: moebius((0, 0), (0, 1)),
        lambda: moebius((0, 1), (0, 1, 2)),
        lambda: bell_number(-1),
        lambda: list(set_partitions(-1)),
        lambda: partition_of_blocks([[0], []], 1),
        lambda: partition_of_blocks([[0]], 2),
        lambda: partition_of_blocks([[0, 1], [1]], 2),
        lambda: partition_of_blocks([[0, 2]], 2),
        lambda: partition_of_blocks([[0.5]], 1),
    ],
)
def test_errors(call):
    with pytest.raises(DiagramError) as error:
        call()
    assert str(error.value)
    assert "\n" not in str(error.value)
