"""Diagrams of 500 nodes, the most that formulas take: every door answers, or refuses in one line."""

import networkx as nx
import pytest

from sgdiagrams.diagrams import Diagram, DiagramError, graphs
from sgdiagrams.diagrams.pictures.looks import look_of

N = 499  # updates


def chain(*blocks):
    return Diagram([v + 1 for v in range(N)], [*(blocks or [[v] for v in range(N)]), [N]])


def star(*blocks):
    return Diagram([N] * N, [*(blocks or [[v] for v in range(N)]), [N]])


LARGE = {
    "tied chain": chain(range(N)),
    "tied star": star(range(N)),
    "pairs": star(*([v, v + 1] for v in range(0, N - 1, 2)), [N - 1]),
}


@pytest.mark.parametrize("diagram", LARGE.values(), ids=LARGE)
def test_large_diagrams(diagram):
    svg = diagram._repr_svg_()
    tied = [block for block in diagram.blocks if len(block) > 1]
    crossed = sum(len(b) for i, b in enumerate(tied) if look_of(i).mark == "crossed")
    # A line for every edge, two for every cross on a node; an outline for every block.
    assert (svg.count("<line"), svg.count("<path")) == (N + 2 * crossed, len(tied))
    assert Diagram.parse(str(diagram)) == diagram
    assert Diagram.from_networkx(diagram.to_networkx()) == diagram
    assert len(diagram.quotient()) == len(diagram.blocks)
    assert not diagram.is_isomorphic(chain())


def cubic(seed):
    """Return ten vertices below the root with three leaves each, tied along a random cubic graph."""
    graph = nx.random_regular_graph(3, 10, seed=seed)
    leaves = {}
    for v in graph:
        for w in graph[v]:
            leaves.setdefault(frozenset((v, w)), []).append(v)
    parents, blocks = [], []
    for ends in leaves.values():
        blocks.append([len(parents), len(parents) + 1])
        parents += [30 + v for v in ends]
    return Diagram([*parents, *[40] * 10], [*blocks, *([30 + v] for v in range(10)), [40]])


def test_comparisons_give_up_in_the_end(monkeypatch):
    one, two = cubic(1), cubic(2)
    assert one != two
    assert not one.is_isomorphic(two)
    assert one.is_isomorphic(one)
    monkeypatch.setattr(graphs, "_MOST_TRIALS", 1000)
    with pytest.raises(
        DiagramError, match=r"compared in at most 1,000 trials .*; compare them by =="
    ):
        one.is_isomorphic(two)
