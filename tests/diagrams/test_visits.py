"""Diagrams with two nested partitions: datapoints, and their visits with fresh noise at each."""

from fractions import Fraction
from itertools import permutations, product
from math import factorial

import networkx as nx
import pytest
import strategies
from hypothesis import given
from hypothesis import strategies as st
from reference import diagram_counts as table

from sgdiagrams.diagrams import (
    Diagram,
    DiagramError,
    RequestError,
    disagreements,
    enumerate_diagrams,
    refinements,
    set_partitions,
    symmetry_sum,
)


def labelled(order, *, tied):
    """Yield all rooted trees with a pair of nested partitions on n labelled nodes, the root the last."""
    n = order + 1
    for parents in product(range(n), repeat=order):
        if any(_never_ends(parents, v, order) for v in range(order)):
            continue
        for blocks in set_partitions(n):
            if not tied and blocks.count(blocks[-1]) > 1:
                continue
            for visits in refinements(blocks):
                if visits.count(visits[-1]) == 1:
                    yield parents, blocks, visits


def _never_ends(parents, v, root):
    for _ in parents:
        v = parents[v] if v != root else root
    return v != root


def renamed(structure, names):
    """Return a structure with its nodes renamed, as something that can be compared."""
    parents, blocks, visits = structure
    n = len(blocks)
    new = [0] * n
    for v, name in enumerate(names):
        new[name] = v
    edges = tuple(names[parents[new[i]]] for i in range(n - 1))
    kinds = []
    for labels in (blocks, visits):
        first = {}
        kinds.append(tuple(first.setdefault(labels[new[i]], len(first)) for i in range(n)))
    return edges, *kinds


def listed(labels):
    return [[v for v, b in enumerate(labels) if b == name] for name in dict.fromkeys(labels)]


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("order", range(4))
def test_numbers_and_symmetry_factors_by_brute_force(order, tied):
    least = {}
    for structure in labelled(order, tied=tied):
        images = [renamed(structure, (*names, order)) for names in permutations(range(order))]
        key = min(images)
        own = renamed(structure, tuple(range(order + 1)))
        least[key] = images.count(own)
    mode = "in-partition" if tied else "isolated"
    diagrams = list(enumerate_diagrams(order, root=mode, visits="fresh"))
    assert len(diagrams) == len(set(diagrams)) == len(least)
    factors = {Diagram(p, listed(b), listed(v)): k for (p, b, v), k in least.items()}
    assert factors == {d: d.symmetry_factor for d in diagrams}


@pytest.mark.parametrize("order", range(6))
def test_numbers(order):
    diagrams = list(enumerate_diagrams(order, visits="fresh"))
    assert len(diagrams) == len(set(diagrams)) == table.FRESH[order]
    total = sum(Fraction(1, d.symmetry_factor) for d in diagrams)
    assert total == symmetry_sum(order, visits="fresh")
    pairs = sum(len(list(refinements(blocks))) for blocks in set_partitions(order))
    assert total == Fraction((order + 1) ** order * pairs, factorial(order + 1))


@pytest.mark.parametrize("order", range(5))
def test_numbers_with_the_root_in_the_partition(order):
    diagrams = list(enumerate_diagrams(order, root="in-partition", visits="fresh"))
    assert len(diagrams) == len(set(diagrams)) == table.FRESH_IN_PARTITION[order]
    total = sum(Fraction(1, d.symmetry_factor) for d in diagrams)
    assert total == symmetry_sum(order, root="in-partition", visits="fresh")
    assert all(d.visit_labels.count(0) == 1 for d in diagrams)


@pytest.mark.parametrize("order", range(5))
def test_one_pass_has_one_visit_a_block(order):
    fresh = list(enumerate_diagrams(order, one_pass=True, visits="fresh"))
    plain = list(enumerate_diagrams(order, one_pass=True))
    assert [d.without_visits for d in fresh] == plain
    assert all(d.visits == d.blocks for d in fresh)
    assert [d.symmetry_factor for d in fresh] == [d.symmetry_factor for d in plain]


def test_networkx_agrees():
    for order, root in [(3, "isolated"), (3, "in-partition"), (4, "isolated")]:
        diagrams = enumerate_diagrams(order, root=root, visits="fresh")
        assert not list(disagreements((d, d.symmetry_factor) for d in diagrams))


@strategies.relaxed
@given(strategies.diagrams(max_nodes=8), st.data())
def test_forms_are_canonical_and_read_back(tree, data):
    parents, blocks = tree
    root = len(parents)
    visits = []
    for block in blocks:
        names = {v: data.draw(st.integers(0, 2)) if v != root else "root" for v in block}
        visits += [[v for v in block if names[v] == name] for name in set(names.values())]
    diagram = Diagram(parents, blocks, visits)
    assert Diagram.parse(str(diagram)) == diagram
    assert Diagram.from_networkx(diagram.to_networkx()) == diagram
    assert diagram.without_visits == Diagram(parents, blocks)
    names = data.draw(st.permutations(range(root)))
    new = [*names, root]
    old = {name: v for v, name in enumerate(new)}
    moved = Diagram(
        [new[parents[old[i]]] for i in range(root)],
        [[new[v] for v in block] for block in blocks],
        [[new[v] for v in visit] for visit in visits],
    )
    assert moved == diagram
    assert moved.symmetry_factor == diagram.symmetry_factor
    # The tree itself has its greatest level sequence, as without visits.
    assert diagram.levels == diagram.without_visits.levels


def test_text():
    plain, one, two = map(Diagram.parse, ("(01-2)(02-12)", "(01-|2)(02-12)", "(0|1-|2)(02-12)"))
    assert len({plain, one, two}) == 3
    assert (plain.visits, one.visits, two.visits) == (
        None,
        ((0, 1), (2,)),
        ((0,), (1,), (2,)),
    )
    assert Diagram.parse("(0|1-2)(02-12)") == two  # the root is its own visit anyway
    assert str(Diagram.parse("(01|2)(02-12)")) == "(01|2)(02-12)"
    assert str(Diagram([9] * 9, [range(10)], [range(9), [9]])).startswith("(0.1.2.3.4.5.6.7.8|9)")


@pytest.mark.parametrize(
    ("visits", "words"),
    [
        ([[0, 1], [2, 3]], "inside the blocks"),
        ([[0], [1], [3, 2]], "root 3 alone"),
        ([[0], [1], [3]], "cover"),
    ],
)
def test_what_are_no_visits(visits, words):
    blocks = [[0, 2], [1], [3]] if "inside" in words else [[0, 1], [2, 3]]
    with pytest.raises(DiagramError, match=words):
        Diagram([3, 3, 3], blocks, visits)


def test_bad_input():
    with pytest.raises(RequestError, match="visits='fresh'"):
        enumerate_diagrams(2, visits="often")
    with pytest.raises(DiagramError):
        Diagram.parse("(0||1-2)(02-12)")
    graph = nx.DiGraph([(0, 1)])
    nx.set_node_attributes(graph, {0: 0, 1: 1}, "block")
    graph.nodes[0]["visit"] = 0
    with pytest.raises(DiagramError, match="'visit' on every node"):
        Diagram.from_networkx(graph)
