"""The canonical form of a decorated graph: the identity of a contraction.

An unrooted tree has a centre: one node, or one edge. Rooting every tree of a forest there (in the
middle of the edge, on a virtual node) and joining the roots under one virtual root gives a rooted tree
that depends on the forest alone, so the canonical form of `sgdiagrams.diagrams.canonical` applies.

Circles are cut first. A cut edge leaves a virtual leaf at each of its ends, the two in a block of their
own; their colour says how many parallel edges were cut, and that of a node how many self-loops it has. Of
all ways to cut the one with the least form is taken. Parts of a graph that neither an edge nor a block
joins are cut without regard to each other.
"""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from sgdiagrams.diagrams.canonical.form import CanonicalForm, canonical_form
from sgdiagrams.diagrams.errors import DiagramError
from sgdiagrams.diagrams.partitions import restricted_growth_string
from sgdiagrams.symbolic.contractions.circles import is_forest, ways_to_cut
from sgdiagrams.symbolic.contractions.graph import Graph

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sgdiagrams.diagrams.partitions import Partition
    from sgdiagrams.symbolic.contractions.graph import Edges

__all__ = ["canonical_graph", "canonical_numbering"]

# Far beyond any order that can be enumerated; they bound the work that a file can ask for.
_MOST_NODES = 500
_MOST_EDGES = 1000
_VISITS = 10**6  # from where on visits are numbered among the blocks


class _Cut(NamedTuple):
    """An edge that is cut, and the colour of the leaves that it leaves."""

    i: int
    j: int
    colour: int


def canonical_graph(
    edges: Edges,
    partition: Partition,
    labels: tuple[str, ...],
    free: tuple[int, ...],
    visits: Partition | None = None,
) -> Graph:
    """Renumber the nodes so that isomorphic graphs become equal.

    Isomorphisms keep labels and the positions of free legs, and carry blocks to blocks and visits to
    visits; without visits each block is one.

    Raises
    ------
    DiagramError
        When edges or free legs name nodes that do not exist, or there are too many nodes, edges or
        circles.
    """
    return canonical_numbering(edges, partition, labels, free, visits)[0]


@lru_cache(maxsize=65536)
def canonical_numbering(
    edges: Edges,
    partition: Partition,
    labels: tuple[str, ...],
    free: tuple[int, ...],
    visits: Partition | None = None,
) -> tuple[Graph, tuple[int, ...]]:
    """Return the canonical graph, and the new number of every node.

    Raises
    ------
    DiagramError
        As `canonical_graph`.
    """
    n = len(partition)
    if not (n or edges or free):
        return Graph((), (), (), ()), ()
    if n > _MOST_NODES:
        raise DiagramError(f"expected at most {_MOST_NODES} nodes, got {n}")
    if len(edges) > _MOST_EDGES:
        raise DiagramError(f"expected at most {_MOST_EDGES} edges, got {len(edges)}")
    for i, j in edges:
        if not (0 <= i < n and 0 <= j < n):
            raise DiagramError(f"expected edges between nodes of 0..{n - 1}, got {i}-{j}")
    for v in free:
        if not 0 <= v < n:
            raise DiagramError(f"expected free legs on nodes of 0..{n - 1}, got one on {v}")
    has_circles = not is_forest(edges)
    kinds: list[tuple[Any, ...]] = [
        (labels[v], tuple(place for place, w in enumerate(free) if w == v)) for v in range(n)
    ]
    if has_circles:
        kinds = [(*kind, edges.count((v, v))) for v, kind in enumerate(kinds)]
    colour_of = {kind: i + 1 for i, kind in enumerate(sorted(set(kinds)))}
    colours = [colour_of[kind] for kind in kinds]
    try:
        if has_circles:
            form = _least_form(edges, partition, colours, visits)
        else:
            form = _form(edges, (), range(n), partition, colours, visits)
    except RecursionError:
        raise DiagramError(
            f"expected fewer equal branches, got {n} nodes whose order is hard to decide"
        ) from None
    old = [v for v in form.order if v < n]
    number = {v: i for i, v in enumerate(old)}
    of_visits = None
    if visits is not None and visits != partition:
        of_visits = restricted_growth_string(visits[v] for v in old)
    graph = Graph(
        tuple(sorted(_edge(number[i], number[j]) for i, j in edges)),
        restricted_growth_string(partition[v] for v in old),
        tuple(labels[v] for v in old),
        tuple(number[v] for v in free),
        of_visits,
    )
    return graph, tuple(number[v] for v in range(n))


def _least_form(
    edges: Edges, partition: Partition, colours: Sequence[int], visits: Partition | None
) -> CanonicalForm:
    """Return the form of a graph with circles."""
    several = max(colours)  # the colours of leaves come after those of nodes
    times = Counter(_edge(i, j) for i, j in edges if i != j)
    all_kept: list[tuple[int, int]] = []
    all_cuts: list[_Cut] = []
    for nodes in _independent(edges, partition):
        pairs = {pair: m for pair, m in times.items() if pair[0] in nodes}
        least: tuple[tuple[object, ...], list[tuple[int, int]], list[_Cut]] | None = None
        ways = list(ways_to_cut(sorted(pairs)))
        for way in ways:
            kept = [pair for pair in pairs if pair not in way]
            # Of parallel edges one may stay.
            number = {pair: m - (pair not in way) for pair, m in pairs.items()}
            cuts = [_Cut(*pair, several + m) for pair, m in number.items() if m]
            key: tuple[object, ...] = ()
            if len(ways) > 1:
                form = _form(kept, cuts, sorted(nodes), partition, colours, visits)
                # The greatest colour tells how levels are to be read.
                key = (max((cut.colour for cut in cuts), default=0), form.levels, form.labels)
            if least is None or key < least[0]:
                least = key, kept, cuts
        if least is not None:
            all_kept += least[1]
            all_cuts += least[2]
    return _form(all_kept, all_cuts, range(len(partition)), partition, colours, visits)


def _form(
    edges: Iterable[tuple[int, int]],
    cuts: Iterable[_Cut],
    nodes: Iterable[int],
    partition: Partition,
    node_colours: Sequence[int],
    visits: Partition | None,
) -> CanonicalForm:
    """Return the canonical form of (some trees of) a forest with the leaves that cuts leave.

    Where there are visits, every node gets a virtual leaf, in the visit as the node is in its block.
    """
    n = len(partition)
    neighbours: list[list[int]] = [[] for _ in range(n)]
    for i, j in edges:
        neighbours[i].append(j)
        neighbours[j].append(i)
    # Virtual nodes have colour 0, if cuts have not left them, and blocks of their own.
    colours = list(node_colours)
    children: list[list[int]] = [[] for _ in range(n)]
    block_of = list(partition)

    def virtual(kids: list[int]) -> int:
        children.append(kids)
        colours.append(0)
        block_of.append(n + len(children))
        return len(children) - 1

    for cut in cuts:
        leaves = [virtual([]), virtual([])]
        for leaf, v in zip(leaves, (cut.i, cut.j), strict=True):
            colours[leaf] = cut.colour
            block_of[leaf] = n + leaves[0] + 1
            children[v].append(leaf)
    if visits is not None and visits != partition:
        for v in nodes:
            leaf = virtual([])
            block_of[leaf] = _VISITS + visits[v]
            children[v].append(leaf)
    tops: list[int] = []
    for centre in _centres(neighbours, nodes):
        pending = [(v, u) for v in centre for u in neighbours[v] if u not in centre]
        for v, child in pending:
            children[v].append(child)
            pending.extend((child, u) for u in neighbours[child] if u != v)
        tops.append(centre[0] if len(centre) == 1 else virtual(list(centre)))
    top = tops[0] if len(tops) == 1 else virtual(tops)
    return canonical_form(children, top, block_of, colours)


def _independent(edges: Edges, partition: Partition) -> list[set[int]]:
    """Return the parts of a graph that neither an edge nor a block joins."""
    first: dict[int, int] = {}
    shared = [(v, first.setdefault(block, v)) for v, block in enumerate(partition)]
    near: list[list[int]] = [[] for _ in partition]
    for i, j in (*edges, *shared):
        near[i].append(j)
        near[j].append(i)
    parts: list[set[int]] = []
    seen: set[int] = set()
    for v in range(len(partition)):
        if v in seen:
            continue
        seen.add(v)
        for w in (part := [v]):
            for u in near[w]:
                if u not in seen:
                    seen.add(u)
                    part.append(u)
        parts.append(set(part))
    return parts


def _edge(i: int, j: int) -> tuple[int, int]:
    return (i, j) if i < j else (j, i)


def _centres(neighbours: list[list[int]], nodes: Iterable[int]) -> list[tuple[int, ...]]:
    """Return the centre (one node or two adjacent ones) of every tree."""
    seen = [False] * len(neighbours)
    centres: list[tuple[int, ...]] = []
    for start in nodes:
        if seen[start]:
            continue
        tree = [start]
        seen[start] = True
        for v in tree:
            for u in neighbours[v]:
                if not seen[u]:
                    seen[u] = True
                    tree.append(u)
        degree = {v: len(neighbours[v]) for v in tree}
        left = len(tree)
        leaves = [v for v in tree if degree[v] <= 1]
        while left > 2:
            left -= len(leaves)
            following = []
            for v in leaves:
                degree[v] = 0
                for u in neighbours[v]:
                    if degree[u]:
                        degree[u] -= 1
                        if degree[u] == 1:
                            following.append(u)
            leaves = following
        centres.append(tuple(leaves))
    return centres
