"""The value `Diagram`: text, graphs, properties, immutability and errors."""

import copy
import pickle
from dataclasses import FrozenInstanceError

import networkx as nx
import pytest
import slow
from hypothesis import given
from strategies import diagrams, relaxed

from sgdiagrams.diagrams import Diagram, DiagramError, SgdiagramsError, enumerate_diagrams


@pytest.fixture(scope="module")
def small():
    return [d for order in range(5) for d in enumerate_diagrams(order, root="in-partition")]


# Text -----------------------------------------------------------------------------------------------


def test_text_and_repr_round_trip(small):
    for diagram in small:
        assert Diagram.parse(str(diagram)) == diagram
        assert repr(diagram) == f"Diagram.parse('{diagram}')"
        assert eval(repr(diagram), {"Diagram": Diagram}) == diagram  # noqa: S307 - our own repr


def test_text_is_the_literatures(small):
    # (blocks)(edges): children before parents, the root last.
    for diagram in small:
        blocks, edges = str(diagram)[1:-1].split(")(")
        n = diagram.order + 1
        assert sorted("".join(blocks.split("-"))) == [str(v) for v in range(n)]
        pairs = [(int(e[0]), int(e[1])) for e in edges.split("-")] if edges else []
        assert len(pairs) == n - 1
        assert all(child < parent for child, parent in pairs)
        assert slow.are_isomorphic(
            ([dict(pairs)[v] for v in range(n - 1)], [map(int, b) for b in blocks.split("-")]),
            (diagram.parents, diagram.blocks),
        )


@pytest.mark.parametrize(
    ("text", "symmetry_factor"),
    [
        ("(0)()", 1),
        ("(01)(01)", 1),
        ("(01-2)(02-12)", 2),
        ("(0-1-2)(02-12)", 2),
        ("(0-12)(02-12)", 1),
        ("(012-3)(03-13-23)", 6),
        ("(0-13-2-4)(02-12-24-34)", 1),
        ("(01-23-4)(02-13-24-34)", 2),
        ("(03-12-4)(02-13-24-34)", 2),
    ],
)
def test_texts_by_hand(text, symmetry_factor):
    diagram = Diagram.parse(text)
    assert diagram.symmetry_factor == symmetry_factor
    assert Diagram.parse(f"  {text}\n") == diagram


def test_different_writings_of_one_diagram():
    assert Diagram.parse("(2-10)(02-12)") == Diagram.parse("(01-2)(12-02)")
    assert Diagram.parse("(02-1-3)(01-13-23)") == Diagram.parse("(01-2-3)(03-12-23)")


@relaxed
@given(diagrams(min_nodes=10, max_nodes=14))
def test_long_texts_have_dots_and_round_trip(data):
    diagram = Diagram(*data)
    text = str(diagram)
    assert Diagram.parse(text) == diagram
    edges = text.split(")(")[1].rstrip(")").split("-")
    assert all(edge.count(".") == 1 for edge in edges)


@relaxed
@given(diagrams(max_nodes=9))
def test_short_texts_have_no_dots(data):
    assert "." not in str(Diagram(*data))


def test_dots_are_understood_below_ten_nodes_too():
    assert Diagram.parse("(0.1-2)(0.2-1.2)") == Diagram.parse("(01-2)(02-12)")


# Graphs ---------------------------------------------------------------------------------------------


def test_networkx_round_trip(small):
    for diagram in small:
        graph = diagram.to_networkx()
        assert Diagram.from_networkx(graph) == diagram
        assert sorted(graph.edges) == sorted(diagram.edges)
        assert nx.is_arborescence(graph.reverse())
        for v, w in ((v, w) for v in graph for w in graph):
            together = any({v, w} <= set(block) for block in diagram.blocks)
            assert together == (graph.nodes[v]["block"] == graph.nodes[w]["block"])


@relaxed
@given(diagrams(max_nodes=9))
def test_networkx_with_any_names(data):
    parents, blocks = data
    root = len(parents)
    graph = nx.DiGraph()
    for b, block in enumerate(blocks):
        graph.add_nodes_from((f"node {v}" for v in block), block=("block", b))
    graph.add_edges_from((f"node {c}", f"node {p}") for c, p in enumerate(parents))
    assert graph.out_degree(f"node {root}") == 0
    assert Diagram.from_networkx(graph) == Diagram(parents, blocks)


def test_quotient(small):
    for diagram in small:
        quotient = diagram.quotient()
        home = {v: b for b, block in enumerate(diagram.blocks) for v in block}
        assert set(quotient) == set(range(len(diagram.blocks)))
        assert set(quotient.edges) == {(home[c], home[p]) for c, p in diagram.edges}


# Properties -----------------------------------------------------------------------------------------


def test_properties_are_their_definitions(small):
    for d in small:
        n = len(d.parents) + 1
        assert d.order == n - 1 == len(d.edges)
        assert d.root == n - 1
        assert d.edges == tuple(enumerate(d.parents))
        assert sorted(v for block in d.blocks for v in block) == list(range(n))
        assert d.root_is_tied == ([n - 1] not in [list(b) for b in d.blocks])
        assert list(d.links) == slow.links(d.parents, [list(b) for b in d.blocks])
        assert d.is_linkless == (not d.links)
        assert d.is_one_pass == slow.quotient_is_acyclic(d.parents, d.blocks)
        assert list(d.child_counts) == [d.parents.count(v) for v in range(n)]


@relaxed
@given(diagrams(max_nodes=9))
def test_properties_do_not_depend_on_the_numbering(data):
    parents, blocks = data
    d = Diagram(parents, blocks)
    assert d.is_one_pass == slow.quotient_is_acyclic(parents, blocks)
    assert len(d.links) == len(slow.links(parents, blocks))
    assert d.root_is_tied == ([len(parents)] not in blocks)
    assert sorted(map(len, d.blocks)) == sorted(map(len, blocks))


def test_the_root_is_never_a_link():
    chain = Diagram([1, 2], [[0], [1], [2]])
    assert len(chain.links) == 1
    assert Diagram([1], [[0], [1]]).is_linkless


def test_the_order_four_trap():
    # Two chains on the root, each node tied to the other chain's node of the other depth.
    crossed = Diagram.parse("(03-12-4)(02-13-24-34)")
    assert not slow.has_comparable_pair(crossed.parents, crossed.blocks)
    assert not crossed.is_one_pass


# Values ---------------------------------------------------------------------------------------------


def test_immutable():
    diagram = Diagram.parse("(01-2)(02-12)")
    with pytest.raises(FrozenInstanceError):
        diagram.levels = (0,)
    with pytest.raises((FrozenInstanceError, AttributeError, TypeError)):
        diagram.new_attribute = 1
    with pytest.raises(TypeError):
        diagram.blocks[0][0] = 5


@relaxed
@given(diagrams(max_nodes=12))
def test_copies_are_equal_and_hash_alike(data):
    diagram = Diagram(*data)
    for other in (
        pickle.loads(pickle.dumps(diagram)),  # noqa: S301 - our own bytes
        copy.copy(diagram),
        copy.deepcopy(diagram),
    ):
        assert other == diagram
        assert hash(other) == hash(diagram)
        assert str(other) == str(diagram)


def test_inputs_are_not_changed():
    parents, blocks = [2, 2], [[1, 0], [2]]
    Diagram(parents, blocks)
    assert (parents, blocks) == ([2, 2], [[1, 0], [2]])


def test_deep_and_wide_diagrams():
    n = 400
    chain = Diagram(range(1, n), [[v] for v in range(n)])
    assert chain.symmetry_factor == 1
    assert len(chain.links) == n - 2
    star = Diagram([30] * 30, [range(30), [30]])
    factorial = 1
    for i in range(1, 31):
        factorial *= i
    assert star.symmetry_factor == factorial


# Errors ---------------------------------------------------------------------------------------------


def one_line(error):
    text = str(error.value)
    assert text
    assert "\n" not in text
    assert len(text) < 300
    assert isinstance(error.value, SgdiagramsError)
    assert isinstance(error.value, ValueError)
    return text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "()",
        "()()",
        "(0)",
        "(0)(",
        "0()",
        "(0)()x",
        "(0)()\n(0)()",
        "(a)()",
        "(0-1)(0-1)",
        "(0--1)(01)",
        "(0-1)(01-)",
        "(0-1)(0.1-)",
        "(.)()",
        "(0)(.)",
        "(0..1)(01)",
        "(0 1)(01)",
        "(-1)()",
        "(\u0660)()",
        "(0-1-2)(02-02)",  # node 1 has no parent, node 0 two
        "(0-1-2)(01-02)",  # node 0 has two parents
        "(0-1-2)(01-10)",  # a cycle
        "(0-1)(10)",  # the root is not last
        "(0-1)(00)",
        "(0-1)(012)",
        "(0-1)(0)",
        "(0-1)(05)",
        "(0)(01)",  # node 1 is in no block
        "(0-1-2)(01)",  # a block of a node that does not exist
        "(00-1)(01)",  # overlapping blocks
        "(01-1)(01)",
        "(0-1-2-3-4-5-6-7-8-9-10)(010-110-210-310-410-510-610-710-810-910)",  # needs dots
        "(0.1-2.3)(0.1-1.99999999999)",
        "(" + "9" * 5000 + ")()",
        "(0-1)(" + "0." * 5000 + "1)",
    ],
)
def test_bad_texts(text):
    with pytest.raises(DiagramError) as error:
        Diagram.parse(text)
    one_line(error)


def test_ten_nodes_without_dots():
    # Eleven nodes: "10" cannot be told from "1", "0".
    blocks = "-".join(map(str, range(11)))
    edges = "-".join(f"{v}10" for v in range(10))
    with pytest.raises(DiagramError) as error:
        Diagram.parse(f"({blocks})({edges})")
    assert "'.'" in one_line(error)


@pytest.mark.parametrize(
    ("parents", "blocks"),
    [
        ([1, 0], [[0], [1], [2]]),  # a cycle
        ([0], [[0], [1]]),
        ([2, 3, 1, 4], [[0], [1], [2], [3]]),
        ([1, 2, 0, 4], [[0], [1], [2], [3], [4]]),  # a cycle of three beside the root
        ([5], [[0], [1]]),
        ([-1], [[0], [1]]),
        ([1], [[0]]),
        ([1], [[0], [1], []]),
        ([1], [[0, 1], [1]]),
        ([1], [[0, 0], [1]]),
        ([1], [[0], [1], [2]]),
        ([1], [[0], [-1]]),
        ([], []),
        ([1], [[0], ["1"]]),
    ],
)
def test_bad_data(parents, blocks):
    with pytest.raises(DiagramError) as error:
        Diagram(parents, blocks)
    one_line(error)


@pytest.mark.parametrize(
    ("parents", "blocks"),
    [
        ([1.0], [[0], [1]]),
        ([None], [[0], [1]]),
        (["1"], [[0], [1]]),
        ([1], [0, 1]),
        ([1], None),
    ],
)
def test_data_of_a_wrong_type(parents, blocks):
    with pytest.raises((DiagramError, TypeError)):
        Diagram(parents, blocks)


def graph_of(edges, **blocks):
    graph = nx.DiGraph(edges)
    for v, block in blocks.items():
        graph.add_node(v, block=block)
    return graph


@pytest.mark.parametrize(
    "graph",
    [
        nx.DiGraph(),
        graph_of([("a", "b"), ("b", "a")], a=0, b=1),
        graph_of([("a", "b"), ("a", "c"), ("b", "c")], a=0, b=1, c=2),
        graph_of([("a", "b")], a=0, b=1, c=2),  # two roots
        graph_of([("a", "b"), ("b", "a")], a=0, b=1, c=2),  # a cycle beside the root
        graph_of([("a", "b")], a=0),  # no block
    ],
)
def test_bad_graphs(graph):
    with pytest.raises(DiagramError) as error:
        Diagram.from_networkx(graph)
    one_line(error)
