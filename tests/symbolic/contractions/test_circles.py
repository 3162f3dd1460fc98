"""Contractions with circles: the sharpness H_aa, the squared size of the Hessian, and their like."""

from itertools import combinations, permutations, product
from random import Random

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from networkx.algorithms.isomorphism import MultiGraphMatcher
from strategies import graphs, relaxed, renumbered

from sgdiagrams.diagrams import DiagramError, RequestError
from sgdiagrams.symbolic import Contraction
from sgdiagrams.symbolic.contractions.circles import is_forest, ways_to_cut
from sgdiagrams.symbolic.contractions.notation import einsum_of, latex_of
from sgdiagrams.symbolic.records.contractions import dump_contraction, load_contraction

NAMES = ("loss", "s")
SMALL = graphs(max_nodes=4, names=NAMES, max_free=2, max_more=3)


def build(graph, **options):
    edges, blocks, labels, free = graph
    return Contraction.build(edges, blocks, labels=labels, free=free, **options)


def least_numbering(graph):
    """Return the least of all renumberings: equal exactly for isomorphic graphs."""
    edges, blocks, labels, free = graph
    return min(
        (
            sorted(tuple(sorted((new[i], new[j]))) for i, j in edges),
            sorted(sorted(new[v] for v in block) for block in blocks),
            sorted((new[v], label) for v, label in enumerate(labels)),
            [new[v] for v in free],
        )
        for new in permutations(range(len(labels)))
    )


def as_multigraph(graph):
    """Return a graph of NetworkX, in which blocks are nodes too."""
    edges, blocks, labels, free = graph
    result = nx.MultiGraph()
    for v, label in enumerate(labels):
        places = tuple(place for place, w in enumerate(free) if w == v)
        result.add_node(v, kind=(label, places))
    result.add_edges_from(edges)
    for b, block in enumerate(blocks):
        result.add_node(("block", b), kind="block")
        result.add_edges_from((("block", b), v) for v in block)
    return result


def are_isomorphic(one, other):
    matcher = MultiGraphMatcher(
        as_multigraph(one), as_multigraph(other), node_match=lambda a, b: a["kind"] == b["kind"]
    )
    return matcher.is_isomorphic()


@st.composite
def alike(draw, **options):
    """Draw two graphs that differ in an end of an edge, in a block or in nothing, renumbered."""
    (edges, blocks, labels, free), other = draw(renumbered(graphs(**options)))
    moved, split = list(other[0]), [list(block) for block in other[1]]
    node = st.integers(0, len(labels) - 1)
    if moved and draw(st.booleans()):
        e = draw(st.integers(0, len(moved) - 1))
        moved[e] = (moved[e][0], draw(node))
    if draw(st.booleans()):
        v = draw(node)
        split = [kept for block in split if (kept := [w for w in block if w != v])]
        place = draw(st.integers(0, len(split)))
        split[place : place + 1] = [[*(split[place] if place < len(split) else []), v]]
    return (edges, blocks, labels, free), (moved, split, *other[2:])


# Identity -------------------------------------------------------------------------------------------


@relaxed
@given(renumbered(graphs(max_nodes=8, names=("loss", "s", "test"), max_free=3, max_more=4)))
def test_canonical_under_renumbering(pair):
    first, second = map(build, pair)
    assert first == second
    assert first.args == second.args
    assert first.func(*first.args) == first
    edges, _, labels, free = pair[0]
    assert len(first.edges) == len(edges)
    degree = [sum(e.count(v) for e in edges) + list(free).count(v) for v in range(len(labels))]
    assert sorted(first.legs) == sorted(degree)
    assert sorted(zip(first.labels, first.legs, strict=True)) == sorted(
        zip(labels, degree, strict=True)
    )
    again = Contraction.build(first.edges, first.blocks, labels=first.labels, free=first.free)
    assert (again.edges, again.blocks, again.free) == (first.edges, first.blocks, first.free)


@relaxed
@given(alike(max_nodes=5, names=NAMES, max_free=1, max_more=4))
def test_equal_exactly_when_some_numbering_is(pair):
    one, other = pair
    is_same = least_numbering(one) == least_numbering(other)
    assert (build(one) == build(other)) == is_same
    assert are_isomorphic(one, other) == is_same


def test_numbers_of_multigraphs():
    # With loops, without isolated nodes, by edges: OEIS A007719.
    known = {((), 0)}
    counts = []
    for _ in range(5):
        grown = {}
        for edges, n in known:
            for i, j in product(range(n + 1), repeat=2):
                more = [(n, n), (n, n + 1)] if i == j == n else [(i, j)]
                for pair in more:
                    size = max(n, *(v + 1 for v in pair))
                    c = Contraction.build([*edges, pair], [[v] for v in range(size)])
                    grown[c] = (c.edges, size)
        known = set(grown.values())
        counts.append(len(known))
        assert len(grown) == len(known)
    assert counts == [2, 7, 23, 79, 274]


@pytest.mark.parametrize("n", [1, 2, 3])
def test_every_small_graph_with_every_partition(n):
    pairs = [*combinations(range(n), 2), *((v, v) for v in range(n))]
    partitions = {1: [(0,)], 2: [(0, 0), (0, 1)]}.get(
        n, [(0, 0, 0), (0, 0, 1), (0, 1, 0), (0, 1, 1), (0, 1, 2)]
    )
    seen = {}
    for counts in product(range(3), repeat=len(pairs)):
        if sum(counts) > 4:
            continue
        edges = [pair for pair, times in zip(pairs, counts, strict=True) for _ in range(times)]
        for partition in partitions:
            blocks = [[v for v in range(n) if partition[v] == b] for b in dict.fromkeys(partition)]
            graph = (edges, blocks, ["loss"] * n, [])
            key = str(least_numbering(graph))
            assert seen.setdefault(key, build(graph)) == build(graph)
    assert len(set(seen.values())) == len(seen)


TRIANGLES = [(3 * i + a, 3 * i + b) for i in range(2) for a, b in [(0, 1), (1, 2), (2, 0)]]
CUBIC = {  # six nodes with three edges each, and ten
    "prism": [*TRIANGLES, (0, 3), (1, 4), (2, 5)],
    "utilities": list(product(range(3), range(3, 6))),
    "petersen": list(nx.petersen_graph().edges),
    "pentagonal prism": list(nx.circular_ladder_graph(5).edges),
}
SYMMETRIC = {
    **{name: (edges, None) for name, edges in CUBIC.items()},
    "windmill": ([(0, v) for v in range(1, 7)] + [(1, 2), (3, 4), (5, 6)], None),
    "one ring": ([(i, (i + 1) % 6) for i in range(6)], None),
    "two rings": (TRIANGLES, None),
    "rings tied at a node": (TRIANGLES, [[0, 3], [1], [2], [4], [5]]),
    "rings tied at two nodes": (TRIANGLES, [[0, 3], [1, 4], [2], [5]]),
    "rings tied twice": (TRIANGLES, [[0, 3], [1, 5], [2, 4]]),
    "rings tied otherwise": (TRIANGLES, [[0, 1, 3], [2], [4], [5]]),
    "one ring tied": ([(i, (i + 1) % 6) for i in range(6)], [[0, 3], [1, 4], [2, 5]]),
    "one ring tied otherwise": ([(i, (i + 1) % 6) for i in range(6)], [[0, 1], [2, 3], [4, 5]]),
}


def test_symmetric_graphs():
    # Where many cuts are alike, ties decide.
    random = Random(0)
    made = {}
    for name, (edges, blocks) in SYMMETRIC.items():
        n = max(map(max, edges)) + 1
        for _ in range(2 if n > 8 else 12):
            new = random.sample(range(n), n)
            moved = [(new[i], new[j]) for i, j in random.sample(edges, len(edges))]
            tied = [[new[v] for v in block] for block in blocks or [[v] for v in range(n)]]
            c = Contraction.build(moved, tied)
            assert made.setdefault(name, c) == c
    assert len(set(made.values())) == len(SYMMETRIC)


def test_rings_and_complete_graphs():
    ring = [(i, (i + 1) % 90) for i in range(90)]
    mixed = [((7 * i) % 90, (7 * (i + 1)) % 90) for i in range(90)]
    singles = [[v] for v in range(90)]
    assert Contraction.build(ring, singles) == Contraction.build(mixed, singles)
    assert Contraction.build(ring, singles) != Contraction.build(ring[:-1], singles)
    # Factors of a product are cut without regard to each other.
    triangles = [(3 * i + a, 3 * i + b) for i in range(40) for a, b in [(0, 1), (1, 2), (2, 0)]]
    assert str(Contraction.build(triangles, [[v] for v in range(120)])).count("H") == 120
    loops = Contraction.build([(0, 0)] * 40, [[0]])
    assert str(loops).startswith("D80_aabb")
    whole = list(combinations(range(5), 2))
    assert Contraction.build(whole, singles[:5]).legs == (4,) * 5


@pytest.mark.parametrize(
    ("edges", "nodes", "words"),
    [
        (list(combinations(range(9), 2)), 9, "circles that can be cut in at most 5000 ways"),
        ([(0, 0)] * 1001, 1, "at most 1000 edges, got 1001"),
    ],
)
def test_too_many_circles(edges, nodes, words):
    with pytest.raises(DiagramError, match=words) as refused:
        Contraction.build(edges, [[v] for v in range(nodes)])
    assert "\n" not in str(refused.value)


@relaxed
@given(graphs(max_nodes=5, max_more=4))
def test_ways_to_cut_are_the_spanning_trees(graph):
    edges, _, labels, _ = graph
    simple = sorted({tuple(sorted(e)) for e in edges if e[0] != e[1]})
    ways = [frozenset(way) for way in ways_to_cut(simple)]
    assert len(set(ways)) == len(ways)
    made = nx.Graph(simple)
    made.add_nodes_from(range(len(labels)))
    trees = nx.number_connected_components(made)
    expected = {
        frozenset(simple) - frozenset(kept)
        for kept in combinations(simple, len(labels) - trees)
        if nx.number_connected_components(nx.Graph([*kept, *((v, v) for v in made)])) == trees
    }
    assert set(ways) == expected
    assert is_forest(edges) == (len(edges) == len(labels) - trees)


# In and out -----------------------------------------------------------------------------------------


@relaxed
@given(
    graphs(
        max_nodes=5,
        names=("loss", "penalised-loss", "norm", "my-task", "two_words"),
        max_free=2,
        max_more=3,
    ),
    st.sampled_from(["moment", "cumulant", "plug-in", "distinct"]),
    st.sampled_from(["identity", "eta"]),
)
def test_what_is_printed_is_read(graph, basis, metric):
    edges, blocks, labels, free = graph
    # The text of a block does not name functions.
    shared = {v for block in blocks if len(block) > 1 for v in block}
    labels = ["loss" if v in shared else label for v, label in enumerate(labels)]
    c = build((edges, blocks, labels, free), basis=basis, metric=metric)
    assert Contraction.parse(str(c)) == c
    assert load_contraction(dump_contraction(c)) == c


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("tr(H)", "H_aa"),
        ("tr(H H)", "H_ab H_ab"),
        ("|H|^2", "H_ab H_ab"),
        ("tr(H.H.H)", "H_ab H_bc H_ac"),
        ("tr( H H~ )", "H~_ab H_ab"),
        ("tr(H)  tr(H)", "H_aa H_bb"),
        ("|J|^2", "J_abc J_abc"),
        ("|C|^2", "C_ab C_ab"),
        ("|H|^4", "H_ab H_ab H_cd H_cd"),
        ("D4_aabb", "K_aabb"),
        ("J_aab G_b", "J_aab G_b"),
        ("H_bb G_a", "G_a H_bb"),
        ("M_ab|ab", "M_ab|ab"),
        ("kappa_aa|b G_b", "kappa_a|bb G_a"),
        ("tr(norm)", "norm_aa"),
        ("norm_aa", "norm_aa"),
        ("H_ab eta^ab", "H_ab eta^ab"),
        ("tr(H^)", "H^_aa"),
        ("|G^u|^2", "G^u_a G^u_a"),
        ("H^u_aa G_b", "G^u_a H^u_bb"),
        ("l^^2", "l^ l^"),
        ("U_a|bb G_a", "U_a|bb G^u_a"),
        ("V_a|b H_ab", "V_a|b H^_ab"),
    ],
)
def test_text(text, printed):
    c = Contraction.parse(text)
    assert str(c) == printed
    assert Contraction.parse(printed) == c


def test_names_that_look_like_circles():
    assert Contraction.parse("norm_aa").labels == ("norm",)
    # Printed formulas have other letters, so these are names.
    assert Contraction.parse("norm_xx").labels == ("norm_xx",)
    assert Contraction.parse("two_words two_words").labels == ("two_words", "two_words")


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("tr(H)", r"H_{\mu\mu}"),
        ("G^_a H^_ab G^_b", r"\hat{G}_{\mu}\, \hat{H}_{\mu\nu}\, \hat{G}_{\nu}"),
        ("G^u_a G^u_a", r"\breve{G}_{\mu}\, \breve{G}_{\mu}"),
        ("U_a|b H^u_ab", r"\text{U}_{\mu|\nu}\, \breve{H}_{\mu\nu}"),
        ("G~^_a G~^_a", r"\hat{\tilde{G}}_{\mu}\, \hat{\tilde{G}}_{\mu}"),
        ("D6^_aabbcc", r"\hat{D}^{(6)}_{\mu\mu\nu\nu\lambda\lambda}"),
        ("norm_a G^_a", r"\text{norm}_{\mu}\, \hat{G}_{\mu}"),
        ("norm^", r"\widehat{\text{norm}}"),
    ],
)
def test_latex(text, latex):
    assert latex_of(Contraction.parse(text)) == latex


def test_bases_are_told_apart_in_text():
    for edges, blocks in [
        ([], [[0]]),
        ([(0, 0)], [[0]]),
        ([(0, 1)], [[0], [1]]),
        ([(0, 1)], [[0, 1]]),
        ([(0, 1), (0, 1)], [[0], [1]]),
    ]:
        for labels in (["loss"] * 2, ["s"] * 2):
            if len(blocks[0]) == 2 and labels[0] == "s":
                continue
            n = sum(map(len, blocks))
            made = [
                Contraction.build(edges, blocks, labels=labels[:n], basis=basis)
                for basis in ("moment", "plug-in", "distinct")
            ]
            assert len({str(c) for c in made}) == len({latex_of(c) for c in made}) == 3
            assert [Contraction.parse(str(c)) for c in made] == made
            assert len({c.mathml() for c in made}) == 3


def test_averages_over_distinct_samples_are_no_product():
    pair = Contraction.parse("G^u_a G^u_a")
    for ask in (einsum_of, Contraction.as_tensor):
        with pytest.raises(RequestError, match="an average over distinct samples"):
            ask(pair)
    assert einsum_of(Contraction.parse("U_a|a")) == ("aa->", ["U_1_1"])
    with pytest.raises(RequestError, match="moment, cumulant, plug-in or distinct"):
        Contraction.build([], [[0]], basis="unbiased")
