"""Graphs: what networkx sees of a diagram, and what it says of the enumeration."""

import subprocess
import sys
from contextlib import contextmanager
from math import factorial

import networkx as nx
import pytest
import slow
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from strategies import diagrams, relaxed, renumbered_diagrams

from sgdiagrams import diagrams as room
from sgdiagrams.commands import cli
from sgdiagrams.diagrams import (
    DecoratedTree,
    Diagram,
    DiagramError,
    are_isomorphic,
    automorphisms,
    contact_sheet_svg,
    count_automorphisms,
    diagram_svg,
    disagreements,
    enumerate_diagrams,
    from_networkx,
    isomorphisms,
    quotient,
    to_networkx,
)
from sgdiagrams.diagrams.orbits import rows_of_trees
from sgdiagrams.numeric import verification

ROOTS = ["isolated", "in-partition"]
CHERRY = Diagram.parse("(01-2)(02-12)")


class Drawn(DecoratedTree):
    """A tree in any preorder with labels of any order: no canonical form."""

    def __init__(self, levels, labels):
        self._levels, self._labels = tuple(levels), tuple(labels)

    @property
    def levels(self):
        return self._levels

    @property
    def labels(self):
        return self._labels


def drawn(parents, blocks, turn):
    """Return a drawing of a diagram; `turn` says in which order children are drawn."""
    root = len(parents)
    home = {v: b for b, block in enumerate(blocks) for v in block}
    levels, labels, names = [], [], {}

    def walk(v, depth):
        levels.append(depth)
        labels.append(names.setdefault(home[v], len(names)))
        for child in sorted((c for c in range(root) if parents[c] == v), key=turn.__getitem__):
            walk(child, depth + 1)

    walk(root, 0)
    return Drawn(levels, labels)


@st.composite
def drawings(draw, **options):
    """Draw a diagram as ``(parents, blocks)`` and a drawing of it that need not be canonical."""
    parents, blocks = draw(diagrams(**options))
    return parents, blocks, drawn(parents, blocks, draw(st.permutations(range(len(parents)))))


# A base without fields ------------------------------------------------------------------------------


def test_the_base_has_no_fields_of_its_own():
    assert DecoratedTree.__slots__ == ()
    with pytest.raises(TypeError, match="abstract"):
        DecoratedTree()
    with pytest.raises(TypeError, match="abstract"):
        type("Half", (DecoratedTree,), {"levels": (0,)})()


@relaxed
@given(drawings())
def test_whatever_has_levels_and_labels_is_read_and_drawn(data):
    parents, blocks, tree = data
    diagram = Diagram(tree.parents, tree.blocks)
    assert diagram == Diagram(parents, blocks) == Diagram.parse(str(tree))
    assert slow.are_isomorphic((tree.parents, tree.blocks), (parents, blocks))
    assert len(tree.links) == len(diagram.links)
    assert tree.is_one_pass == diagram.is_one_pass
    assert diagram_svg(tree).count(' r="4"') == len(parents)
    assert contact_sheet_svg([tree]).count(">" + str(tree) + "<") == 1


# Interchange ----------------------------------------------------------------------------------------


@relaxed
@given(diagrams())
def test_round_trip(data):
    diagram = Diagram(*data)
    graph = diagram.to_networkx()
    assert Diagram.from_networkx(graph) == diagram
    assert Diagram(*from_networkx(graph)) == diagram
    assert sorted(to_networkx(diagram).edges) == sorted(graph.edges) == list(diagram.edges)
    assert set(quotient(diagram).edges) == set(diagram.quotient().edges)


@relaxed
@given(drawings())
def test_a_graph_is_read_in_its_own_order_with_the_root_last(data):
    _, _, tree = data
    last = tree.root
    graph = nx.relabel_nodes(to_networkx(tree), {v: f"node {v}" for v in range(last + 1)})
    parents, blocks = from_networkx(graph)
    names = [v for v in graph if v != f"node {last}"]
    for v, name in enumerate(names):
        above = f"node {tree.parents[int(name[5:])]}"
        assert parents[v] == (names.index(above) if above in names else last)
    assert Diagram(parents, blocks) == Diagram(tree.parents, tree.blocks)


def tree_graph(kind, edges=((0, 2), (1, 2))):
    graph = kind(edges)
    nx.set_node_attributes(graph, dict.fromkeys(graph, "one block"), "block")
    return graph


def unhashable():
    graph = tree_graph(nx.DiGraph)
    graph.nodes[1]["block"] = [0]
    return graph


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (tree_graph(nx.Graph), "undirected Graph"),
        (tree_graph(nx.MultiGraph), "parallel edges, got a MultiGraph"),
        (tree_graph(nx.MultiDiGraph), "parallel edges, got a MultiDiGraph"),
        (unhashable(), "hashable attribute 'block'"),
        ({0: [1]}, "networkx DiGraph, got dict"),
        (None, "networkx DiGraph, got NoneType"),
        (tree_graph(nx.DiGraph, [(0, 1), (0, 2), (1, 2)]), "one parent a node, got 2 for node 0"),
        (nx.DiGraph([(0, 1)]), "attribute 'block'"),
        (nx.DiGraph(), "one root"),
    ],
)
def test_other_graphs_are_refused_in_one_line(graph, message):
    for read in (Diagram.from_networkx, from_networkx):
        with pytest.raises(DiagramError, match=message) as error:
            read(graph)
        assert "\n" not in str(error.value)


def test_a_cycle_beside_the_root_is_refused_by_the_diagram():
    graph = tree_graph(nx.DiGraph, [(0, 1), (1, 0)])
    graph.add_node(2, block=0)
    with pytest.raises(DiagramError, match="not connected to the root"):
        Diagram.from_networkx(graph)


# Isomorphism ----------------------------------------------------------------------------------------


def carries(image, tree, other):
    """Tell whether a map is an isomorphism, by its definition."""
    return (
        sorted(image) == sorted(image.values()) == list(range(tree.order + 1))
        and image[tree.root] == other.root
        and all((image[c], image[p]) in other.edges for c, p in tree.edges)
        and slow.as_sets([image[v] for v in block] for block in tree.blocks)
        == slow.as_sets(other.blocks)
    )


@relaxed
@given(drawings(max_nodes=7), st.randoms(use_true_random=False))
def test_isomorphisms_are_as_many_as_automorphisms(data, random):
    parents, blocks, tree = data
    turn = list(range(len(parents)))
    random.shuffle(turn)
    other = drawn(parents, blocks, turn)
    images = list(isomorphisms(tree, other))
    assert all(carries(image, tree, other) for image in images)
    assert len({tuple(sorted(image.items())) for image in images}) == len(images)
    diagram = Diagram(parents, blocks)
    assert len(images) == count_automorphisms(tree) == diagram.symmetry_factor
    assert are_isomorphic(tree, other)
    assert diagram.is_isomorphic(tree)


@relaxed
@given(renumbered_diagrams(max_nodes=9))
def test_equal_diagrams_are_isomorphic(pair):
    first, second = (Diagram(*data) for data in pair)
    assert first.is_isomorphic(second)


@relaxed
@given(diagrams(min_nodes=4, max_nodes=5), diagrams(min_nodes=4, max_nodes=5))
def test_isomorphic_exactly_when_equal(first, second):
    one, other = Diagram(*first), Diagram(*second)
    assert one.is_isomorphic(other) == (one == other) == slow.are_isomorphic(first, second)


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("(01-2)(02-12)", "(0-1-2)(02-12)"),  # the same tree, other blocks
        ("(01-2-3)(03-12-23)", "(02-1-3)(03-12-23)"),  # as many blocks of each size
        ("(03-12-4)(02-13-24-34)", "(01-23-4)(02-13-24-34)"),
        ("(0-1-2)(01-12)", "(0-1-2)(02-12)"),  # other trees
        ("(0-1)(01)", "(0)()"),
        ("(0-1-2)(01-12)", "(01)(01)"),  # five nodes with the blocks, against three
        ("(0-12)(01-12)", "(01-2)(01-12)"),
    ],
)
def test_different_diagrams_are_told_apart(text, other):
    one, two = Diagram.parse(text), Diagram.parse(other)
    assert not one.is_isomorphic(two)
    assert not two.is_isomorphic(one)
    assert list(isomorphisms(one, two)) == []


def test_automorphisms_are_lazy():
    star = Diagram([12] * 12, [[v] for v in range(13)])
    assert star.symmetry_factor == factorial(12)
    first = next(star.automorphisms())
    assert carries(first, star, star)


@pytest.mark.parametrize("root", ROOTS)
@pytest.mark.parametrize("order", range(6))
def test_networkx_counts_the_same_symmetry_factors(order, root):
    counted = [(d, d.symmetry_factor) for d in enumerate_diagrams(order, root=root)]
    assert all(sum(1 for _ in automorphisms(d)) == factor for d, factor in counted[::7])
    assert list(disagreements(counted)) == []


def test_disagreements_are_found():
    listed = list(enumerate_diagrams(4))
    counted = [(d, d.symmetry_factor) for d in listed]
    assert list(disagreements(iter(counted))) == []
    wrong = [(d, f + (d is listed[50])) for d, f in counted]
    (line,) = disagreements(wrong)
    assert str(listed[50]) in line
    assert line.endswith(f"got {listed[50].symmetry_factor + 1}")
    assert len(list(disagreements([*counted, counted[3], counted[70]]))) == 2
    # A form that is not canonical is another object, but the same diagram.
    turned = Drawn((0, 1, 1, 2), (0, 1, 2, 3))
    same = Diagram(turned.parents, turned.blocks)
    assert same.levels != turned.levels
    (line,) = disagreements([(same, 1), (turned, 1)])
    assert "not isomorphic" in line
    assert "\n" not in line


# The command line -----------------------------------------------------------------------------------


def check(*arguments):
    return CliRunner().invoke(cli, ["list", "--check", *map(str, arguments)])


@pytest.mark.parametrize(
    ("arguments", "number"),
    [
        (("--order", 0), 1),
        (("--order", 3), 17),
        (("--order", 4, "--root", "in-partition", "--count"), 329),
        (("--order", 4, "--sampling", "one-pass", "--format", "text"), 36),
        (("--order", 4, "--sampling", "sde", "--format", "json"), 30),
        (("--order", 5, "--linkless", "--count"), 423),
        (("--order", 6, "--count", "--residue", 30, "--modulus", 40), 135),
        (("--order", 2, "--count", "--residue", 5, "--modulus", 9), 0),
    ],
)
def test_list_checks_what_it_lists(arguments, number):
    done = check(*arguments)
    assert done.exit_code == 0, done.output
    plain = CliRunner().invoke(cli, ["list", *map(str, arguments)])
    assert done.stdout == plain.stdout
    notes = done.stderr.splitlines()
    assert notes[:-1] == plain.stderr.splitlines()
    plural = "" if number == 1 else "s"
    assert notes[-1] == (
        f"{number} diagram{plural} checked with networkx: "
        "all symmetry factors agree, no two are isomorphic"
    )
    lines = done.stdout.splitlines()
    if "--count" in arguments:
        assert lines == [str(number)]
    else:
        assert len(lines) == number + ("--format" not in arguments)  # a table has a header


def test_a_wrong_symmetry_factor_is_found(monkeypatch):
    # As if the swaps of equal branches were forgotten in the group of the tree.
    monkeypatch.setattr(rows_of_trees, "tree_symmetry_factor", lambda _: 1)
    done = check("--order", 2, "--count")
    assert done.exit_code == 1
    assert done.stdout == "4\n"
    assert done.stderr == (
        "4 diagrams checked with networkx: 2 off, the first: expected symmetry factor 2 of "
        "(01-2)(02-12), as networkx counts, got 1\n"
    )


def test_a_diagram_listed_twice_is_found(monkeypatch):
    monkeypatch.setattr(
        room, "enumerate_diagrams", lambda order, **_: [*enumerate_diagrams(order)] * 2
    )
    done = check("--order", 2, "--count")
    assert done.exit_code == 1
    assert done.stderr == (
        "8 diagrams checked with networkx: 4 off, the first: expected diagrams that are not "
        "isomorphic, got (01-2)(01-12) and (01-2)(01-12)\n"
    )


def test_the_check_shows_how_far_it_is(monkeypatch):
    shown = []

    @contextmanager
    def bar(label):
        yield lambda fraction, text: shown.append((label, fraction, text))

    monkeypatch.setattr(sys.modules["sgdiagrams.commands.on_formulas.list"], "progress_bar", bar)
    assert check("--order", 2, "--count").exit_code == 0
    assert shown == [("checking", i / 4, f"{i} of 4") for i in (1, 2, 3, 4)]


def test_verify_uses_the_same_check(monkeypatch):
    passed, detail = verification._check_graphs(4)
    assert passed
    assert detail == "124 values agree; the last is 24"
    monkeypatch.setattr(rows_of_trees, "sibling_swaps", lambda _: [])
    passed, detail = verification._check_graphs(3)
    assert not passed
    assert detail.startswith("expected")


def test_networkx_is_loaded_only_when_asked_for():
    code = (
        "import sys; from sgdiagrams.diagrams import Diagram, enumerate_diagrams;"
        "d, = enumerate_diagrams(1); d._repr_svg_(); assert 'networkx' not in sys.modules;"
        "d.to_networkx(); assert 'networkx' in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
