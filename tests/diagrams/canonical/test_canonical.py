"""The canonical form of coloured trees, which diagrams and contractions share."""

import math
from unittest.mock import patch

import networkx as nx
import pytest
import slow
from hypothesis import given
from hypothesis import strategies as st
from strategies import diagrams, relaxed, renumbered_diagrams

from sgdiagrams import DiagramError
from sgdiagrams.diagrams.canonical.form import canonical_form


def form_of(parents, blocks, colours):
    root = len(parents)
    children = [[c for c, p in enumerate(parents) if p == v] for v in range(root + 1)]
    home = {v: b for b, block in enumerate(blocks) for v in block}
    return canonical_form(children, root, [home[v] for v in range(root + 1)], colours)


@st.composite
def coloured(draw, **options):
    parents, blocks = draw(diagrams(**options))
    n = len(parents) + 1
    return parents, blocks, draw(st.lists(st.integers(0, 2), min_size=n, max_size=n))


@relaxed
@given(coloured(max_nodes=7))
def test_as_defined(data):
    parents, blocks, colours = data
    form = form_of(*data)
    assert (form.levels, form.labels) == slow.canonical_by_definition(*data)
    assert form.symmetry_factor == slow.automorphism_count(*data)
    # The order gives this form.
    step = max(colours) + 1
    home = {v: b for b, block in enumerate(blocks) for v in block}
    depths = [len(slow.ancestors(parents, v)) for v in form.order]
    assert form.levels == tuple(
        d * step + colours[v] for d, v in zip(depths, form.order, strict=True)
    )
    names = {}
    assert form.labels == tuple(names.setdefault(home[v], len(names)) for v in form.order)


@relaxed
@given(renumbered_diagrams(max_nodes=12))
def test_the_same_in_every_numbering(pair):
    # Colours by a property that does not depend on the numbering: the size of the block.
    forms = []
    for parents, blocks in pair:
        size = {v: len(block) for block in blocks for v in block}
        colours = [min(size[v], 3) - 1 for v in range(len(parents) + 1)]
        form = form_of(parents, blocks, colours)
        forms.append((form.levels, form.labels, form.symmetry_factor))
    assert forms[0] == forms[1]


@relaxed
@given(coloured(max_nodes=9))
def test_trying_all_orders_is_searching_by_automorphisms(data):
    parents, blocks, colours = data
    expected = form_of(parents, blocks, colours)
    for few in (0, 10**6):
        with patch("sgdiagrams.diagrams.canonical.trial._FEW", few):
            assert form_of(parents, blocks, colours)[1:] == expected[1:]


@pytest.mark.parametrize("few", [0, 24, 10**6])
def test_many_equal_branches(few):
    # Blocks: all leaves apart, all in one, in pairs across two branches, and one leaf with the root.
    leaves = 6
    star = [leaves] * leaves
    with patch("sgdiagrams.diagrams.canonical.trial._FEW", few):
        assert form_of(star, [[v] for v in range(7)], [0] * 7).symmetry_factor == 720
        assert form_of(star, [[*range(6)], [6]], [0] * 7).symmetry_factor == 720
        assert form_of(star, [[0, 1], [2, 3], [4, 5], [6]], [0] * 7).symmetry_factor == 48
        assert form_of(star, [[0, 6], [1, 2], [3], [4], [5]], [0] * 7).symmetry_factor == 12
        branches = [6, 7, 8, 6, 7, 8, 9, 9, 9]
        blocks = [[0, 4], [1, 5], [2, 3], [6], [7], [8], [9]]
        found = form_of(branches, blocks, [0] * 10)
        assert found.symmetry_factor == slow.automorphism_count(branches, blocks)
        assert (found.levels, found.labels) == slow.canonical_by_definition(branches, blocks)


@st.composite
def tied_branches(draw):
    """Equal branches with equal leaves, tied at random, and sometimes one level more."""
    branches, leaves = draw(st.sampled_from([(2, 3), (3, 2), (4, 1), (5, 1), (3, 1), (2, 2)]))
    twigs = [len_ for len_ in range(branches) for _ in range(leaves)]
    n = len(twigs)
    parents = [n + b for b in twigs] + [n + branches] * branches
    if draw(st.booleans()):
        parents = [p + 1 for p in parents]
        parents = [1 + n, *parents]
    root = len(parents)
    count = draw(st.integers(1, root + 1))
    home = draw(st.lists(st.integers(0, count), min_size=root + 1, max_size=root + 1))
    blocks = {}
    for v, b in enumerate(home):
        blocks.setdefault(b, []).append(v)
    return parents, list(blocks.values())


@relaxed
@given(tied_branches())
def test_ties_across_branches(data):
    parents, blocks = data
    forms = []
    for few in (0, 10**6):
        with patch("sgdiagrams.diagrams.canonical.trial._FEW", few):
            forms.append(form_of(parents, blocks, [0] * (len(parents) + 1)))
    assert forms[0][1:] == forms[1][1:]
    searched, home = forms[0], {v: b for b, block in enumerate(blocks) for v in block}
    names = {}
    assert searched.labels == tuple(names.setdefault(home[v], len(names)) for v in searched.order)


def tied_along(graph):
    """A branch for every vertex, with a leaf for every edge; the two leaves of an edge are tied."""
    vertex = {v: i for i, v in enumerate(graph)}
    n = 2 * graph.number_of_edges()
    root = n + len(vertex)
    parents = [n + vertex[v] for edge in graph.edges for v in edge] + [root] * len(vertex)
    return parents, [[i, i + 1] for i in range(0, n, 2)] + [[v] for v in range(n, root + 1)]


# Orders of the automorphism groups: https://mathworld.wolfram.com, under the graphs' names.
GRAPHS = {
    "Petersen": (nx.petersen_graph(), 120),
    "Heawood": (nx.heawood_graph(), 336),
    "Desargues": (nx.desargues_graph(), 240),
    "dodecahedron": (nx.dodecahedral_graph(), 120),
    "Pappus": (nx.pappus_graph(), 216),
    "Levi": (nx.LCF_graph(30, [-13, -9, 7, -7, 9, 13], 5), 1440),
    "Frucht": (nx.frucht_graph(), 1),
    "hypercube": (nx.hypercube_graph(4), 384),
    "complete": (nx.complete_graph(6), 720),
    "complete bipartite": (nx.complete_bipartite_graph(5, 5), 28800),
    "rook": (nx.line_graph(nx.complete_bipartite_graph(4, 4)), 1152),
    "cycle": (nx.cycle_graph(60), 120),
    "six tetrahedra": (nx.disjoint_union_all([nx.complete_graph(4)] * 6), 24**6 * 720),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_leaves_tied_along_a_graph(name):
    graph, automorphisms = GRAPHS[name]
    parents, blocks = tied_along(graph)
    found = form_of(parents, blocks, [0] * (len(parents) + 1))
    assert found.symmetry_factor == automorphisms
    # Another numbering of the graph gives the same form.
    names = sorted(graph, key=lambda v: hash((str(v), 7)) % 101)
    moved = nx.Graph()
    moved.add_nodes_from(reversed(names))
    moved.add_edges_from(reversed([edge[::-1] for edge in graph.edges]))
    again = form_of(*tied_along(moved), [0] * (len(parents) + 1))
    assert again[1:] == found[1:]


def test_what_would_take_minutes_is_refused():
    # Girth 12: orders agree for 94 of the 126 vertices.
    jumps = [17, 27, -13, -59, -35, 35, -11, 13, -53, 53, -27, 21, 57, 11, -21, -57, 59, -17]
    parents, blocks = tied_along(nx.LCF_graph(126, jumps, 7))
    with (
        patch("sgdiagrams.diagrams.canonical.search._MOST_STEPS", 20_000),
        pytest.raises(DiagramError, match="505 nodes tied in a way that leaves too many orders"),
    ):
        form_of(parents, blocks, [0] * (len(parents) + 1))


@pytest.mark.parametrize("branches", [100, 300])
def test_hundreds_of_equal_branches(branches):
    leaves = 2 * branches
    root = leaves + branches
    parents = [leaves + i // 2 for i in range(leaves)] + [root] * branches
    apart = form_of(parents, [[v] for v in range(root + 1)], [0] * (root + 1))
    assert apart.symmetry_factor == math.factorial(branches) * 2**branches
    halves = [
        [*range(0, leaves, 2)],
        [*range(1, leaves, 2)],
        *([v] for v in range(leaves, root + 1)),
    ]
    assert form_of(parents, halves, [0] * (root + 1)).symmetry_factor == 2 * math.factorial(
        branches
    )
