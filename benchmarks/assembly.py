"""The peer: the same diagrams from libraries off the shelf, without this package.

Rooted trees are networkx's free trees with every choice of the root, set partitions are SymPy's, and
isomorphism is pynauty's (Brendan McKay's nauty): a diagram becomes the graph of its tree plus one
vertex for every block, joined to the nodes of the block, with colours for root, nodes and blocks.
Every pair (rooted tree, partition) gets a certificate; equal certificates are one diagram.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import networkx as nx
from pynauty import Graph, autgrp, certificate
from sympy import Expr, Integer, Rational, Symbol, binomial, expand_func, latex
from sympy import expand as expand_expression
from sympy.utilities.iterables import multiset_partitions

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "assembled_diagrams",
    "assembled_one_pass",
    "assembled_trees",
    "incidence",
    "value_certificate",
]

Blocks = list[list[int]]
Diagram = tuple["nx.Graph[int]", int, Blocks, int]


def assembled_diagrams(order: int, *, root_in_partition: bool = False) -> Iterator[Diagram]:
    """Yield (tree, root, blocks, symmetry factor) for every diagram of an order.

    The blocks are those of the other nodes, or of all.
    """
    nodes = order + 1
    free = nodes if root_in_partition else order
    partitions: list[Blocks] = list(multiset_partitions(list(range(free)))) if free else [[]]
    for tree, root in assembled_trees(nodes):
        others = [v for v in tree if v != root or root_in_partition]
        seen: set[tuple[int, bytes]] = set()
        for partition in partitions:
            blocks = [[others[i] for i in block] for block in partition]
            graph = incidence(tree, blocks, root)
            key = (len(blocks), certificate(graph))
            if key not in seen:
                seen.add(key)
                _, mantissa, exponent, _, _ = autgrp(graph)
                yield tree, root, blocks, round(mantissa * 10**exponent)


def assembled_one_pass(order: int) -> tuple[list[list[str]], str]:
    """Return the coefficients of the one-pass test loss, as sorted texts by order, and LaTeX."""
    updates = Symbol("T")
    coefficients: list[list[str]] = []
    total: Expr = Integer(0)
    for d in range(order + 1):
        sums: Counter[tuple[int, bytes]] = Counter()
        for tree, root, blocks, factor in assembled_diagrams(d):
            quotient = _quotient(tree, root, blocks)
            if not nx.is_directed_acyclic_graph(quotient):
                continue
            extensions = sum(1 for _ in nx.all_topological_sorts(quotient)) if d else 1
            # The value does not see the root: it depends on the tree and all blocks alone.
            value = value_certificate(tree, root, blocks)
            sums[len(blocks), value] += Rational((-1) ** d * extensions, factor)
        texts = []
        for i, ((size, _), number) in enumerate(sums.items()):
            weight = expand_expression(number * expand_func(binomial(updates, size)))
            texts.append(str(weight))
            total += Symbol("eta") ** d * weight * Symbol(f"v_{d}_{i}")
        coefficients.append(sorted(texts))
    return coefficients, latex(total)


def value_certificate(tree: nx.Graph[int], root: int, blocks: Blocks) -> bytes:
    """Return what is equal for diagrams with equal values: the root is a node like the others."""
    found: bytes = certificate(incidence(tree, [*blocks, [root]], None))
    return found


def assembled_trees(nodes: int) -> Iterator[tuple[nx.Graph[int], int]]:
    """Yield (tree, root) for every rooted tree."""
    trees: Iterator[nx.Graph[int]] = nx.nonisomorphic_trees(nodes)  # type: ignore[assignment]
    for tree in trees:
        seen = set()
        for root in tree:
            key = certificate(incidence(tree, [], root))
            if key not in seen:
                seen.add(key)
                yield tree, root


def incidence(tree: nx.Graph[int], blocks: Blocks, root: int | None) -> Any:
    """Return the tree with one more vertex for every block, for pynauty."""
    nodes = len(tree)
    neighbours = {v: list(tree[v]) for v in tree}
    neighbours |= {nodes + b: block for b, block in enumerate(blocks)}
    plain = set(tree) - {root}
    colours = [plain, set(range(nodes, nodes + len(blocks)))]
    if root is not None:
        colours.append({root})
    return Graph(
        nodes + len(blocks),
        adjacency_dict=neighbours,
        vertex_coloring=[colour for colour in colours if colour],
    )


def _quotient(tree: nx.Graph[int], root: int, blocks: Blocks) -> nx.DiGraph[int]:
    home = {v: b for b, block in enumerate(blocks) for v in block}
    graph: nx.DiGraph[int] = nx.DiGraph()
    graph.add_nodes_from(range(len(blocks)))
    graph.add_edges_from(
        (home[child], home[parent]) for parent, child in nx.bfs_edges(tree, root) if parent != root
    )
    return graph
