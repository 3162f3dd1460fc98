"""The factors of a contraction in reading order, with numbered indices."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sgdiagrams.symbolic.contractions.forest import ContractedForest

__all__ = ["Tensor", "edge_indices", "walk"]


@dataclass(frozen=True, slots=True)
class Tensor:
    """One factor of a contraction.

    Attributes
    ----------
    kind
        ``"block"`` or ``"eta"``.
    groups
        The index groups, one for every node of the block: tuples of index numbers. An eta has one
        group of two.
    labels
        The labels of the nodes.
    basis
        The basis of the block.
    """

    kind: str
    groups: tuple[tuple[int, ...], ...]
    labels: tuple[str, ...] = ()
    basis: str = "moment"


def walk(contraction: ContractedForest) -> tuple[Tensor, ...]:
    """Return the factors in the order they are written, indices numbered by first appearance.

    Free indices come first: 0, 1, ... The walk starts at an end of a longest path, so that chains read
    from end to end.
    """
    return _walk(contraction)[0]


def edge_indices(contraction: ContractedForest) -> tuple[int, ...]:
    """Return the number of the index that each edge carries when the metric is the identity.

    Examples
    --------
    >>> from sgdiagrams.symbolic.contractions.contraction import Contraction
    >>> chain = Contraction.build([(0, 1), (1, 2)], [[0, 2], [1]])
    >>> chain, edge_indices(chain)
    (M_a|b H_ab, (0, 1))
    """
    index = _walk(contraction.with_metric("identity"))[1]
    return tuple(index[e, -1] for e in range(len(contraction.edges)))


@lru_cache(maxsize=16384)
def _walk(contraction: ContractedForest) -> tuple[tuple[Tensor, ...], dict[tuple[int, int], int]]:
    """Return the factors, and the number of the index at (edge, node or -1)."""
    forest_edges = contraction.edges
    n = contraction.node_count
    incident: list[list[int]] = [[] for _ in range(n)]
    for e, edge in enumerate(forest_edges):
        for v in edge:
            incident[v].append(e)
    with_eta = contraction.metric == "eta"
    index: dict[tuple[int, int], int] = {}  # (edge or ~free leg, node) -> number
    counter = len(contraction.free)

    def number(e: int, v: int) -> int:
        nonlocal counter
        key = (e, v if with_eta else -1)
        if key not in index:
            index[key] = counter
            counter += 1
        return index[key]

    block_of = contraction.partition
    blocks = contraction.blocks
    free_of: list[list[int]] = [[] for _ in range(n)]
    for place, v in enumerate(contraction.free):
        free_of[v].append(place)
    free_number: dict[int, int] = {}
    written: set[int] = set()
    etas: set[int] = set()
    factors: list[Tensor] = []

    def write_block(b: int, entry: int) -> None:
        nonlocal counter
        written.add(b)
        nodes = sorted(blocks[b], key=lambda v: (v != entry, v))
        if all(len(free_of[v]) == contraction.legs[v] for v in nodes):
            nodes.sort(key=lambda v: free_of[v])
        nodes.sort(key=lambda v: (contraction.labels[v] != "loss", contraction.legs[v]))
        groups = []
        for v in nodes:
            group = [number(e, v) for e in incident[v]]
            for place in free_of[v]:
                if with_eta:
                    free_number[place] = counter
                    group.append(counter)
                    counter += 1
                else:
                    group.append(place)
            groups.append(tuple(sorted(group)))
        factors.append(
            Tensor(
                "block",
                tuple(groups),
                tuple(contraction.labels[v] for v in nodes),
                contraction.basis,
            )
        )
        if with_eta:
            for v in nodes:
                factors.extend(_eta(place, free_number[place]) for place in free_of[v])
            for e, (i, j) in enumerate(forest_edges):
                if e not in etas and block_of[i] == block_of[j] == b:
                    etas.add(e)
                    factors.append(_eta(number(e, i), number(e, j)))

    def visit(v: int) -> list[int]:
        """Write a node's block; return the nodes to be visited next, each with all that follows it."""
        b = block_of[v]
        if b in written:
            return []
        if with_eta:
            for e, (i, j) in enumerate(forest_edges):
                for near, far in ((i, j), (j, i)):
                    if e not in etas and block_of[far] == b and block_of[near] in written:
                        etas.add(e)
                        factors.append(_eta(number(e, near), number(e, far)))
        write_block(b, v)
        following = []
        for w in sorted(blocks[b], key=lambda w: (w != v, w)):
            # Short branches first, so that the longest one continues the line.
            for _, e in sorted([(depths[e, w], e) for e in incident[w]]):
                i, j = forest_edges[e]
                following.append(j if i == w else i)
        return following

    depths = _depths(forest_edges, incident)
    # Without recursion: hundreds of nodes may follow each other.
    waiting = _starts(contraction)[::-1]
    while waiting:
        waiting += reversed(visit(waiting.pop()))
    return tuple(factors), index


def _eta(i: int, j: int) -> Tensor:
    return Tensor("eta", (tuple(sorted((i, j))),))


def _starts(contraction: ContractedForest) -> list[int]:
    """Return the nodes in the order in which a walk should try to begin: ends of long paths first."""
    n = contraction.node_count
    neighbours: list[list[int]] = [[] for _ in range(n)]
    for i, j in contraction.edges:
        neighbours[i].append(j)
        neighbours[j].append(i)

    def eccentricity(v: int) -> int:
        depth = {v: 0}
        for u in (queue := [v]):
            for w in neighbours[u]:
                if w not in depth:
                    depth[w] = depth[u] + 1
                    queue.append(w)
        return max(depth.values())

    size = [len(contraction.blocks[b]) for b in contraction.partition]
    # Free indices are read in their order.
    first_free = [
        min((place for place, w in enumerate(contraction.free) if w == v), default=n)
        for v in range(n)
    ]
    return sorted(range(n), key=lambda v: (first_free[v], -eccentricity(v), -size[v], v))


def _depths(
    edges: Sequence[tuple[int, int]], incident: Sequence[Sequence[int]]
) -> dict[tuple[int, int], int]:
    """Return the length of the longest path that leaves a node along an edge, for all (edge, node)."""
    above: dict[int, int] = {}  # the edge to the parent, in the order of a walk from the roots
    order: list[int] = []
    for root in range(len(incident)):
        if root in above:
            continue
        above[root] = -1
        for v in (queue := [root]):
            for e in incident[v]:
                if e != above[v]:
                    u = sum(edges[e]) - v
                    above[u] = e
                    queue.append(u)
        order += queue
    depths: dict[tuple[int, int], int] = {}
    for is_down in (True, False):
        for v in reversed(order) if is_down else order:
            for e in incident[v]:
                # First what leaves parents, from the leaves up; then what leaves children.
                if (e == above[v]) == is_down:
                    u = sum(edges[e]) - v
                    others = (depths[f, v] for f in incident[v] if f != e)
                    depths[e, u] = 1 + max(others, default=0)
    return depths
