"""The enumeration against brute force and its filters against definitions."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from fractions import Fraction
from functools import cache
from math import factorial

import numpy as np
import pytest
import slow
from hypothesis import given
from strategies import diagrams, relaxed, renumbered_diagrams

from sgdiagrams.diagrams import (
    Diagram,
    RequestError,
    diagram_rows,
    enumerate_diagrams,
    enumeration,
    rooted_trees,
    symmetry_sum,
)
from sgdiagrams.diagrams.trees import tree_symmetry_factor

ROOTS = ["isolated", "in-partition"]


@cache
def rows_by_tree(order, root):
    """Return {levels: (codes of the labels, in the order of the rows, symmetry factors)}."""
    weights = (order + 1) ** np.arange(order, -1, -1, dtype=np.int64)
    return {
        batch.levels: (batch.labels @ weights, batch.symmetry_factors)
        for batch in diagram_rows(order, root=root)
    }


def place_in_rows(diagram, root):
    """Return the enumerator's symmetry factor of a diagram, or None when it is not in the rows."""
    codes, factors = rows_by_tree(diagram.order, root)[diagram.levels]
    code = 0
    for label in diagram.labels:
        code = code * (diagram.order + 1) + label
    place = int(np.searchsorted(codes, code))
    if place == len(codes) or codes[place] != code:
        return None
    return int(factors[place])


@pytest.mark.parametrize("order", range(5))
@pytest.mark.parametrize("root", ROOTS)
def test_every_isomorphism_class_once(order, root):
    n = order + 1
    number, sizes = slow.isomorphism_classes(n, isolated=root == "isolated")
    found = list(enumerate_diagrams(order, root=root))
    classes = [number[d.parents, slow.as_sets(d.blocks)] for d in found]
    assert sorted(classes) == list(range(len(sizes)))
    # Orbit-stabiliser: the labelled copies of a diagram are (n-1)! over its symmetry factor.
    assert [d.symmetry_factor for d in found] == [factorial(n - 1) // sizes[c] for c in classes]


@pytest.mark.parametrize("order", range(4))
@pytest.mark.parametrize("root", ROOTS)
def test_every_labelled_diagram_becomes_the_one_of_its_class(order, root):
    n = order + 1
    number, _ = slow.isomorphism_classes(n, isolated=root == "isolated")
    objects = {}
    for (parents, blocks), which in number.items():
        assert objects.setdefault(which, Diagram(parents, blocks)) == Diagram(parents, blocks)
    assert set(objects.values()) == set(enumerate_diagrams(order, root=root))


@pytest.mark.parametrize(("order", "root"), [*((d, "isolated") for d in range(6)), (4, ROOTS[1])])
def test_symmetry_factor_is_the_number_of_automorphisms(order, root):
    for diagram in enumerate_diagrams(order, root=root):
        count = slow.automorphism_count(diagram.parents, diagram.blocks)
        assert diagram.symmetry_factor == count, diagram


@pytest.mark.parametrize("n", range(1, 8))
def test_tree_symmetry_factor_is_the_number_of_automorphisms(n):
    for levels in rooted_trees(n):
        diagram = Diagram.from_canonical(levels, tuple(range(n)), 0)
        assert tree_symmetry_factor(levels) == slow.automorphism_count(
            diagram.parents, diagram.blocks
        )


@pytest.mark.parametrize("n", range(1, 7))
def test_trees_are_greatest_level_sequences(n):
    trees = list(rooted_trees(n))
    expected = set()
    for parents in slow.labelled_trees(n):
        expected.add(slow.canonical_by_definition(parents, [[v] for v in range(n)])[0])
    assert trees == sorted(expected, reverse=True)


@relaxed
@given(renumbered_diagrams(max_nodes=9))
def test_constructor_and_enumerator_agree(pair):
    first, second = (Diagram(*data) for data in pair)
    assert first == second
    assert hash(first) == hash(second)
    assert (first.levels, first.labels) == (second.levels, second.labels)
    assert place_in_rows(first, "in-partition") == first.symmetry_factor
    expected = None if first.root_is_tied else first.symmetry_factor
    assert place_in_rows(first, "isolated") == expected


@relaxed
@given(diagrams(max_nodes=6))
def test_canonical_form_is_as_defined(data):
    diagram = Diagram(*data)
    assert (diagram.levels, diagram.labels) == slow.canonical_by_definition(*data)
    assert diagram.symmetry_factor == slow.automorphism_count(*data)


@relaxed
@given(diagrams(min_nodes=4, max_nodes=4), diagrams(min_nodes=4, max_nodes=4))
def test_equal_exactly_when_isomorphic(first, second):
    assert (Diagram(*first) == Diagram(*second)) == slow.are_isomorphic(first, second)


DEFINITIONS = {
    "one_pass": lambda d: slow.quotient_is_acyclic(d.parents, d.blocks),
    "linkless": lambda d: not slow.links(d.parents, [list(b) for b in d.blocks]),
}


@pytest.mark.parametrize("order", range(6))
@pytest.mark.parametrize("root", ROOTS)
@pytest.mark.parametrize("name", DEFINITIONS)
def test_filters_are_their_definitions(name, order, root):
    everything = enumerate_diagrams(order, root=root)
    expected = [d for d in everything if DEFINITIONS[name](d)]
    assert list(enumerate_diagrams(order, root=root, **{name: True})) == expected


@pytest.mark.parametrize("order", range(6))
@pytest.mark.parametrize("root", ROOTS)
@pytest.mark.parametrize("bound", [1, 2, 3])
def test_bounds_are_their_definitions(order, root, bound):
    everything = list(enumerate_diagrams(order, root=root))
    small_blocks = [d for d in everything if all(len(b) <= bound for b in d.blocks)]
    assert list(enumerate_diagrams(order, root=root, max_block_size=bound)) == small_blocks
    few_legs = []
    for d in everything:
        children = [d.parents.count(v) for v in range(order + 1)]
        # An update has one leg for every child and one for its parent, the root has no parent.
        legs = [*(c + 1 for c in children[:-1]), children[-1]]
        if max(legs) <= bound:
            few_legs.append(d)
    assert list(enumerate_diagrams(order, root=root, max_legs=bound)) == few_legs


def test_filters_together():
    options = {"linkless": True, "one_pass": True, "max_block_size": 2, "max_legs": 3}
    for order in range(6):
        sets = [set(enumerate_diagrams(order, **{k: v})) for k, v in options.items()]
        assert set(enumerate_diagrams(order, **options)) == set.intersection(*sets)


@pytest.mark.parametrize("order", [0, 1, 4, 6])
@pytest.mark.parametrize("modulus", [1, 2, 3, 7, 100])
@pytest.mark.parametrize("root", ROOTS)
def test_parts_are_disjoint_and_together_the_whole(order, modulus, root):
    whole = {batch.levels: batch for batch in diagram_rows(order, root=root)}
    parts = [
        list(diagram_rows(order, root=root, residue=residue, modulus=modulus))
        for residue in range(modulus)
    ]
    trees = [[batch.levels for batch in part] for part in parts]
    numbered = list(rooted_trees(order + 1))
    assert trees == [numbered[residue::modulus] for residue in range(modulus)]
    for batch in (batch for part in parts for batch in part):
        np.testing.assert_array_equal(batch.labels, whole[batch.levels].labels)
        np.testing.assert_array_equal(batch.symmetry_factors, whole[batch.levels].symmetry_factors)


@pytest.mark.parametrize(
    "options", [{"linkless": True}, {"one_pass": True}, {"max_legs": 2}, {"max_block_size": 2}]
)
def test_a_filtered_part_is_the_part_filtered(options):
    everything = set(enumerate_diagrams(5, **options))
    for residue in range(4):
        part = set(enumerate_diagrams(5, residue=residue, modulus=4))
        filtered = list(enumerate_diagrams(5, residue=residue, modulus=4, **options))
        assert set(filtered) == part & everything
        assert len(set(filtered)) == len(filtered)


@pytest.mark.parametrize("root", ROOTS)
@pytest.mark.parametrize("modulus", [1, 2, 5, 100])
def test_symmetry_sums_of_parts(root, modulus):
    for order in range(7):
        sums = []
        for residue in range(modulus):
            found = Fraction(0)
            for batch in diagram_rows(order, root=root, residue=residue, modulus=modulus):
                factors, counts = np.unique(batch.symmetry_factors, return_counts=True)
                for factor, count in zip(factors.tolist(), counts.tolist(), strict=True):
                    found += Fraction(count, factor)
            sums.append(symmetry_sum(order, root=root, residue=residue, modulus=modulus))
            assert found == sums[-1]
        assert sum(sums) == symmetry_sum(order, root=root)


def test_parts_have_about_the_same_size():
    for modulus in (2, 4, 8):
        sizes = [
            sum(map(len, diagram_rows(8, residue=residue, modulus=modulus)))
            for residue in range(modulus)
        ]
        assert sum(sizes) == 598201
        assert max(sizes) < 1.2 * min(sizes)


def test_rows_are_fresh_arrays():
    first = next(iter(diagram_rows(3)))
    first.labels[:] = 9
    first.symmetry_factors[:] = 9
    again = next(iter(diagram_rows(3)))
    assert again.labels.max() < 9
    assert again.symmetry_factors.max() < 9


def test_enumeration_is_lazy():
    assert next(enumerate_diagrams(9)).order == 9


@pytest.mark.parametrize(
    ("order", "options"),
    [
        (-1, {}),
        (15, {}),
        (2.0, {}),
        (True, {}),
        ("2", {}),
        (None, {}),
        (2, {"root": "anywhere"}),
        (2, {"max_block_size": 0}),
        (2, {"max_legs": -1}),
        (2, {"residue": 1}),
        (2, {"residue": -1, "modulus": 2}),
        (2, {"residue": 2, "modulus": 2}),
        (2, {"modulus": 0}),
        (2, {"modulus": -3}),
        (2, {"modulus": 2.0}),
        (2, {"modulus": True}),
        (2, {"residue": None, "modulus": 2}),
        (2, {"residue": "1", "modulus": 2}),
    ],
)
def test_impossible_requests(order, options):
    for function in (diagram_rows, enumerate_diagrams):
        with pytest.raises(RequestError) as error:
            list(function(order, **options))
        assert "\n" not in str(error.value)
        assert str(error.value)
    if {"residue", "modulus"} & set(options):
        with pytest.raises(RequestError):
            symmetry_sum(order, **options)


def test_more_parts_than_trees():
    assert list(enumerate_diagrams(2, residue=10**30, modulus=10**31)) == []
    assert len(list(enumerate_diagrams(2, residue=0, modulus=10**31))) == 2


@pytest.mark.parametrize(
    "options", [{}, {"root": "in-partition", "max_noise": 2}, {"linkless": True, "modulus": 3}]
)
def test_an_executor_gives_the_same_rows_in_the_same_order(options, monkeypatch):
    monkeypatch.setattr(enumeration, "_ROWS_OF_A_TASK", 1000)
    with ThreadPoolExecutor(3) as pool:
        ours = list(diagram_rows(6, executor=pool, **options))
        diagrams = list(enumerate_diagrams(5, executor=pool, **options))
    theirs = list(diagram_rows(6, **options))
    assert [rows.levels for rows in ours] == [rows.levels for rows in theirs]
    for one, other in zip(ours, theirs, strict=True):
        assert np.array_equal(one.labels, other.labels)
        assert np.array_equal(one.symmetry_factors, other.symmetry_factors)
    assert diagrams == list(enumerate_diagrams(5, **options))
    assert list(map(str, diagrams)) == list(map(str, enumerate_diagrams(5, **options)))


def test_processes_give_the_same_rows(monkeypatch):
    monkeypatch.setattr(enumeration, "_ROWS_OF_A_TASK", 2**14)
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        ours = [rows.labels for rows in diagram_rows(7, executor=pool)]
    theirs = [rows.labels for rows in diagram_rows(7)]
    assert all(np.array_equal(*pair) for pair in zip(ours, theirs, strict=True))


def test_an_executor_must_be_one():
    with pytest.raises(RequestError, match="executor=3"):
        next(diagram_rows(3, executor=3))
