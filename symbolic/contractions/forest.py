"""The canonical form of a decorated forest: the identity of a contraction.

An unrooted tree has a centre: one node, or one edge. Rooting every tree of a forest there (in the
middle of the edge, on a virtual node) and joining the roots under one virtual root gives a rooted tree
that depends on the forest alone, so the canonical form of `sgdiagrams.diagrams.canonical` applies.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, Protocol, Self

from sgdiagrams.diagrams.canonical.form import canonical_form
from sgdiagrams.diagrams.errors import DiagramError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.diagrams.partitions import Partition, blocks_of, partition_of_blocks

__all__ = [
    "ContractedForest",
    "Forest",
    "Metric",
    "ValueBasis",
    "canonical_forest",
    "canonical_numbering",
    "forest_text",
    "parse_forest",
]

Edges = tuple[tuple[int, int], ...]

ValueBasis = Literal["moment", "cumulant", "plug-in"]
Metric = Literal["identity", "eta"]

# Far beyond any order that can be enumerated; it bounds the work that a file can ask for.
_MOST_NODES = 500


@dataclass(frozen=True, slots=True)
class Forest:
    """A forest with a partition, labels and free legs, in canonical numbering.

    Attributes
    ----------
    edges
        Pairs (i, j) with i < j, sorted.
    partition
        The restricted growth string of the blocks.
    labels
        The label of every node.
    free
        The node that each free leg hangs on.
    """

    edges: Edges
    partition: Partition
    labels: tuple[str, ...]
    free: tuple[int, ...]


class ContractedForest(Protocol):
    """What is known of a contraction below it: a canonical forest, its basis and its metric.

    The attributes are those of `sgdiagrams.symbolic.contractions.contraction.Contraction`.
    """

    @property
    def edges(self) -> Edges:
        """The edges (i, j) with i < j."""

    @property
    def partition(self) -> Partition:
        """The restricted growth string of the blocks."""

    @property
    def blocks(self) -> tuple[tuple[int, ...], ...]:
        """The blocks, each sorted, by least node."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The label of every node."""

    @property
    def free(self) -> tuple[int, ...]:
        """The node that each free leg hangs on."""

    @property
    def node_count(self) -> int:
        """The number of nodes."""

    @property
    def legs(self) -> tuple[int, ...]:
        """The number of derivative indices of every node."""

    @property
    def basis(self) -> ValueBasis:
        """What a block of several nodes stands for."""

    @property
    def metric(self) -> Metric:
        """What joins the two ends of an edge."""

    def with_metric(self, metric: Metric) -> Self:
        """Return the same with another metric."""

    def __hash__(self) -> int: ...


def canonical_forest(
    edges: Edges, partition: Partition, labels: tuple[str, ...], free: tuple[int, ...]
) -> Forest:
    """Renumber the nodes so that isomorphic forests become equal.

    Isomorphisms keep labels and the positions of free legs, and carry blocks to blocks.

    Raises
    ------
    DiagramError
        When the edges have a cycle or name nodes that do not exist, or there are too many nodes.
    """
    return canonical_numbering(edges, partition, labels, free)[0]


@lru_cache(maxsize=65536)
def canonical_numbering(
    edges: Edges, partition: Partition, labels: tuple[str, ...], free: tuple[int, ...]
) -> tuple[Forest, tuple[int, ...]]:
    """Return the canonical forest, and the new number of every node.

    Raises
    ------
    DiagramError
        As `canonical_forest`.
    """
    n = len(partition)
    if not (n or edges or free):
        return Forest((), (), (), ()), ()
    if n > _MOST_NODES:
        raise DiagramError(f"expected at most {_MOST_NODES} nodes, got {n}")
    neighbours: list[list[int]] = [[] for _ in range(n)]
    for i, j in edges:
        if not (0 <= i < n and 0 <= j < n) or i == j:
            raise DiagramError(f"expected edges between different nodes of 0..{n - 1}, got {i}-{j}")
        neighbours[i].append(j)
        neighbours[j].append(i)
    for v in free:
        if not 0 <= v < n:
            raise DiagramError(f"expected free legs on nodes of 0..{n - 1}, got one on {v}")
    _check_acyclic(edges, n)
    centres = _centres(neighbours)
    kinds = [(labels[v], tuple(place for place, w in enumerate(free) if w == v)) for v in range(n)]
    colour_of = {kind: i + 1 for i, kind in enumerate(sorted(set(kinds)))}
    # Virtual nodes have colour 0 and a block of their own.
    colours = [colour_of[kind] for kind in kinds]
    children: list[list[int]] = [[] for _ in range(n)]
    block_of = list(partition)

    def virtual(kids: list[int]) -> int:
        children.append(kids)
        colours.append(0)
        block_of.append(n + len(children))
        return len(children) - 1

    tops: list[int] = []
    for centre in centres:
        pending = [(v, u) for v in centre for u in neighbours[v] if u not in centre]
        for v, child in pending:
            children[v].append(child)
            pending.extend((child, u) for u in neighbours[child] if u != v)
        tops.append(centre[0] if len(centre) == 1 else virtual(list(centre)))
    top = tops[0] if len(tops) == 1 else virtual(tops)
    try:
        form = canonical_form(children, top, block_of, colours)
    except RecursionError:
        raise DiagramError(
            f"expected fewer equal branches, got {n} nodes whose order is hard to decide"
        ) from None
    number = {v: i for i, v in enumerate(v for v in form.order if v < n)}
    new_partition = [0] * n
    for v, i in number.items():
        new_partition[i] = partition[v]
    first: dict[int, int] = {}
    forest = Forest(
        tuple(sorted(_edge(number[i], number[j]) for i, j in edges)),
        tuple(first.setdefault(b, len(first)) for b in new_partition),
        tuple(labels[v] for v in form.order if v < n),
        tuple(number[v] for v in free),
    )
    return forest, tuple(number[v] for v in range(n))


def _check_acyclic(edges: Edges, n: int) -> None:
    tree = list(range(n))  # union-find: nodes with one representative are connected already

    def find(v: int) -> int:
        while tree[v] != v:
            tree[v] = tree[tree[v]]
            v = tree[v]
        return v

    for i, j in edges:
        if find(i) == find(j):
            raise DiagramError(f"expected a forest, but the edge {i}-{j} closes a cycle")
        tree[find(i)] = find(j)


def _edge(i: int, j: int) -> tuple[int, int]:
    return (i, j) if i < j else (j, i)


def _centres(neighbours: list[list[int]]) -> list[tuple[int, ...]]:
    """Return the centre (one node or two adjacent ones) of every tree."""
    n = len(neighbours)
    seen = [False] * n
    centres: list[tuple[int, ...]] = []
    for start in range(n):
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


_NUMBER = "[0-9]{1,6}"
_BLOCK = rf"{_NUMBER}(?:\.{_NUMBER})*"
_TEXT = re.compile(
    rf"\(((?:{_BLOCK}(?:-{_BLOCK})*)?)\)"
    rf"\(((?:{_NUMBER}\.{_NUMBER}(?:-{_NUMBER}\.{_NUMBER})*)?)\)"
)


def forest_text(forest: Forest) -> str:
    """Write edges and blocks as ``(blocks)(edges)``, numbers separated by ``.`` always."""
    blocks = "-".join(".".join(map(str, block)) for block in blocks_of(forest.partition))
    edges = "-".join(f"{i}.{j}" for i, j in forest.edges)
    return f"({blocks})({edges})"


def parse_forest(text: str) -> tuple[Edges, Partition]:
    """Read the text of `forest_text`.

    Raises
    ------
    DiagramError
        When the text has another form.

    Examples
    --------
    >>> parse_forest("(0-1.2)(0.1-0.2)")
    (((0, 1), (0, 2)), (0, 1, 1))
    """
    match = _TEXT.fullmatch(text) if len(text) <= 10_000 else None
    if match is None:
        raise DiagramError(
            f"expected a contraction such as '(0-1.2)(0.1-0.2)', got {shown(text[:60])}"
        )
    blocks = [[int(v) for v in block.split(".")] for block in match[1].split("-") if block]
    edges = [(int(i), int(j)) for i, j in (edge.split(".") for edge in match[2].split("-") if edge)]
    return tuple(edges), partition_of_blocks(blocks, sum(map(len, blocks)))
