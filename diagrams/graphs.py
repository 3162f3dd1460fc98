"""All that is networkx: interchange, the graph of blocks, isomorphism, automorphisms.

The enumeration and the canonical form decide isomorphism on their own. Here networkx's matcher (VF2)
decides it a second time, from the edges and the blocks alone: a witness that anybody can call. It sees
the tree with one more node for every block, joined to the nodes of that block, so that an isomorphism
carries blocks to blocks, whatever they are called.

networkx is imported where it is used, so that importing this package does not wait for it.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from sgdiagrams.diagrams.decorated_tree import check_tree
from sgdiagrams.diagrams.errors import DiagramError
from sgdiagrams.diagrams.messages import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import networkx as nx

    from sgdiagrams.diagrams.decorated_tree import DecoratedTree

__all__ = [
    "are_isomorphic",
    "automorphisms",
    "count_automorphisms",
    "disagreements",
    "from_networkx",
    "isomorphisms",
    "quotient",
    "to_networkx",
]


_ROUNDS = 8  # in which nodes see those around them
_MOST_TRIALS = 200_000  # pairs of nodes between two isomorphisms


def to_networkx(tree: DecoratedTree) -> nx.DiGraph[int]:
    """Return the tree as a directed graph child -> parent, with the node attribute ``block``.

    Nodes have the numbers of the text form; ``block`` is the index into `blocks`, and ``visit``, where
    noise is fresh at every visit, that into `visits`.

    Examples
    --------
    >>> from sgdiagrams.diagrams import Diagram
    >>> sorted(to_networkx(Diagram.parse("(01-2)(02-12)")).nodes(data="block"))
    [(0, 0), (1, 0), (2, 1)]
    """
    import networkx as nx

    check_tree(tree)
    graph: nx.DiGraph[int] = nx.DiGraph()
    for index, block in enumerate(tree.blocks):
        graph.add_nodes_from(block, block=index)
    for index, visit in enumerate(tree.visits or ()):
        graph.add_nodes_from(visit, visit=index)
    graph.add_edges_from(tree.edges)
    return graph


def from_networkx(
    graph: nx.DiGraph[Any],
) -> tuple[list[int], list[list[int]]] | tuple[list[int], list[list[int]], list[list[int]]]:
    """Read a directed graph with edges child -> parent and the node attribute ``block``.

    Nodes and blocks may have any names. The root, the node without a parent, becomes the last number;
    the others are numbered in the order of the graph.

    Returns
    -------
    tuple
        What `Diagram` takes: parents and blocks, and visits where nodes have the attribute ``visit`` too.

    Raises
    ------
    DiagramError
        When this is no directed graph or has parallel edges, when a node does not have one parent (the
        root: none) or no ``block``. A cycle beside the root is left to `Diagram` to refuse.

    Examples
    --------
    >>> import networkx as nx
    >>> graph = nx.DiGraph([("early", "end"), ("late", "end")])
    >>> nx.set_node_attributes(graph, {"early": "x", "late": "x", "end": "y"}, "block")
    >>> from_networkx(graph)
    ([2, 2], [[0, 1], [2]])
    """
    _check_kind(graph)
    roots = [v for v in graph if graph.out_degree(v) == 0]
    if len(roots) != 1:
        raise DiagramError(f"expected one root (a node without parent), got {len(roots)}")
    nodes = [v for v in graph if v != roots[0]] + roots
    number = {v: i for i, v in enumerate(nodes)}
    blocks = _members(graph, number, "block")
    parents = []
    for v in nodes[:-1]:
        above = list(graph.successors(v))
        if len(above) != 1:
            raise DiagramError(f"expected one parent a node, got {len(above)} for node {shown(v)}")
        parents.append(number[above[0]])
    if not any("visit" in data for _, data in graph.nodes(data=True)):
        return parents, blocks
    return parents, blocks, _members(graph, number, "visit")


def _members(graph: nx.DiGraph[Any], number: dict[Any, int], name: str) -> list[list[int]]:
    """Return the nodes that share each value of an attribute."""
    members: dict[Any, list[int]] = {}
    for v, data in graph.nodes(data=True):
        if name not in data:
            raise DiagramError(
                f"expected the attribute '{name}' on every node, not on node {shown(v)}"
            )
        try:
            members.setdefault(data[name], []).append(number[v])
        except TypeError:
            raise DiagramError(
                f"expected a hashable attribute '{name}' such as a number or a string, "
                f"got {shown(data[name])} on node {shown(v)}"
            ) from None
    return list(members.values())


def _check_kind(graph: object) -> None:
    import networkx as nx

    if not isinstance(graph, nx.Graph):
        raise DiagramError(f"expected a networkx DiGraph, got {type(graph).__name__}")
    if graph.is_multigraph():
        raise DiagramError(
            f"expected a DiGraph without parallel edges, got a {type(graph).__name__}; "
            "networkx.DiGraph(graph) keeps one edge of each pair of nodes"
        )
    if not graph.is_directed():
        raise DiagramError(
            f"expected a DiGraph with edges child -> parent, got an undirected {type(graph).__name__}; "
            "networkx.bfs_tree(graph, root).reverse() directs a tree (set 'block' again)"
        )


def quotient(tree: DecoratedTree) -> nx.DiGraph[int]:
    """Return the graph of blocks: an edge for every edge of the tree, child's block -> parent's.

    Nodes are the indices into `blocks`; an edge inside a block is a loop.

    Examples
    --------
    >>> from sgdiagrams.diagrams import Diagram
    >>> sorted(quotient(Diagram.parse("(02-1-3)(01-13-23)")).edges)
    [(0, 1), (0, 2), (1, 2)]
    """
    import networkx as nx

    check_tree(tree)
    graph: nx.DiGraph[int] = nx.DiGraph()
    graph.add_nodes_from(range(len(tree.blocks)))
    home = {v: b for b, block in enumerate(tree.blocks) for v in block}
    graph.add_edges_from((home[child], home[parent]) for child, parent in tree.edges)
    return graph


def isomorphisms(tree: DecoratedTree, other: DecoratedTree) -> Iterator[dict[int, int]]:
    """Yield the bijections of the nodes that carry root to root, edges to edges, blocks to blocks.

    Yields
    ------
    dict
        For every node of `tree` its image in `other`, in the numbers of the text form.

    Raises
    ------
    DiagramError
        When the search does not end, in diagrams of many nodes that are much alike.

    Examples
    --------
    >>> from sgdiagrams.diagrams import Diagram
    >>> cherry, chain = Diagram.parse("(0-1-2)(02-12)"), Diagram.parse("(0-1-2)(01-12)")
    >>> sorted(sorted(image.items()) for image in isomorphisms(cherry, cherry))
    [[(0, 0), (1, 1), (2, 2)], [(0, 1), (1, 0), (2, 2)]]
    >>> list(isomorphisms(cherry, chain))
    []
    """
    from networkx.algorithms.isomorphism import DiGraphMatcher

    one, two = _incidence_graph(tree), _incidence_graph(other)
    colours, images = _colours(one), _colours(two)
    if Counter(colours.values()) != Counter(images.values()):
        return
    trials = 0

    class Matcher(DiGraphMatcher):
        """VF2 that pairs nodes of one colour alone, and gives up in the end."""

        def syntactic_feasibility(self, G1_node: Any, G2_node: Any) -> bool:
            nonlocal trials
            trials += 1
            if trials > _MOST_TRIALS:
                raise DiagramError(
                    f"expected diagrams that are compared in at most {_MOST_TRIALS:,} trials of two "
                    f"nodes, got {tree.order + 1} nodes that are too much alike; compare them by =="
                )
            is_feasible: Any = super().syntactic_feasibility
            return colours[G1_node] == images[G2_node] and bool(is_feasible(G1_node, G2_node))

    nodes = range(tree.order + 1)
    for image in Matcher(one, two).isomorphisms_iter():
        yield {v: image[v] for v in nodes}
        trials = 0


def _colours(graph: nx.DiGraph[Any]) -> dict[Any, int]:
    """Return numbers of nodes that isomorphisms keep, from what is around them."""
    colours = dict.fromkeys(graph, 0)
    for _ in range(_ROUNDS):
        colours = {
            v: hash(
                (
                    colours[v],
                    tuple(sorted(colours[w] for w in graph.successors(v))),
                    tuple(sorted(colours[w] for w in graph.predecessors(v))),
                )
            )
            for v in graph
        }
    return colours


def _incidence_graph(tree: DecoratedTree) -> nx.DiGraph[Any]:
    """Return the tree with one more node for every block, and an edge to it from all its members.

    Nothing leaves the node of a block, but every node of the tree leads to its block. So isomorphisms
    tell both kinds of nodes apart, and with them both kinds of edges, without being told. Where there
    are visits, nodes lead to their visits and these to the blocks.
    """
    import networkx as nx

    check_tree(tree)
    graph: nx.DiGraph[Any] = nx.DiGraph()
    graph.add_edges_from(tree.edges)
    home = {v: ("block", index) for index, block in enumerate(tree.blocks) for v in block}
    if tree.visits is None:
        graph.add_edges_from(home.items())
        return graph
    for index, visit in enumerate(tree.visits):
        graph.add_edges_from((v, ("visit", index)) for v in visit)
        graph.add_edge(("visit", index), home[visit[0]])
    return graph


def are_isomorphic(tree: DecoratedTree, other: DecoratedTree) -> bool:
    """Tell by networkx whether there is an isomorphism; for two `Diagram` objects ``==`` says the same.

    Examples
    --------
    >>> from sgdiagrams.diagrams import Diagram
    >>> are_isomorphic(Diagram.parse("(01-2-3)(03-13-23)"), Diagram.parse("(0-12-3)(03-13-23)"))
    True
    """
    return next(isomorphisms(tree, other), None) is not None


def automorphisms(tree: DecoratedTree) -> Iterator[dict[int, int]]:
    """Yield the isomorphisms of a diagram to itself, the identity among them.

    Examples
    --------
    >>> from sgdiagrams.diagrams import Diagram
    >>> for image in automorphisms(Diagram.parse("(0-12-3)(03-13-23)")):
    ...     print(sorted(image.items()))
    [(0, 0), (1, 1), (2, 2), (3, 3)]
    [(0, 0), (1, 2), (2, 1), (3, 3)]
    """
    return isomorphisms(tree, tree)


def count_automorphisms(tree: DecoratedTree) -> int:
    """Return the symmetry factor, by listing all automorphisms: in time proportional to it.

    Examples
    --------
    >>> from sgdiagrams.diagrams import Diagram
    >>> count_automorphisms(Diagram.parse("(012-3)(03-13-23)"))
    6
    """
    return sum(1 for _ in automorphisms(tree))


def disagreements(counted: Iterable[tuple[DecoratedTree, int]]) -> Iterator[str]:
    """Check symmetry factors and that no diagram occurs twice, with networkx alone.

    Parameters
    ----------
    counted
        Diagrams, each with the symmetry factor that it is said to have.

    Yields
    ------
    str
        One line for every factor that networkx counts otherwise, and for every two diagrams that it
        finds isomorphic; nothing when all is well.

    Examples
    --------
    >>> from sgdiagrams.diagrams import Diagram
    >>> cherry = Diagram.parse("(01-2)(02-12)")
    >>> list(disagreements([(cherry, 2)]))
    []
    >>> for line in disagreements([(cherry, 1), (cherry, 2)]):
    ...     print(line)
    expected symmetry factor 2 of (01-2)(02-12), as networkx counts, got 1
    expected diagrams that are not isomorphic, got (01-2)(02-12) and (01-2)(02-12)
    """
    seen: dict[object, list[DecoratedTree]] = {}
    for tree, factor in counted:
        count = count_automorphisms(tree)
        if count != factor:
            yield f"expected symmetry factor {count} of {tree}, as networkx counts, got {factor}"
        alike = seen.setdefault(_invariant(tree), [])
        for other in alike:
            if are_isomorphic(tree, other):
                yield f"expected diagrams that are not isomorphic, got {other} and {tree}"
        alike.append(tree)


def _invariant(tree: DecoratedTree) -> object:
    """Return what isomorphic diagrams share: for every block, depth and children of its nodes."""
    depths = tree.levels[::-1]
    nodes = list(zip(depths, tree.child_counts, strict=True))
    return tuple(sorted(tuple(sorted(nodes[v] for v in block)) for block in tree.blocks))
