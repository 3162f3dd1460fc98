"""The factors of a contraction in reading order, with numbered indices."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, count
from typing import TYPE_CHECKING

from sgdiagrams.symbolic.contractions.reading_order import depths_of, starts

if TYPE_CHECKING:
    from sgdiagrams.symbolic.contractions.graph import ContractedGraph

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
    visits
        The number of nodes of every visit, in the order of the groups; empty where they are one.
    """

    kind: str
    groups: tuple[tuple[int, ...], ...]
    labels: tuple[str, ...] = ()
    basis: str = "moment"
    visits: tuple[int, ...] = ()

    @property
    def breaks(self) -> tuple[int, ...]:
        """The numbers of the groups before which another visit begins."""
        return tuple(accumulate(self.visits[:-1]))


def walk(contraction: ContractedGraph) -> tuple[Tensor, ...]:
    """Return the factors in the order they are written, indices numbered by first appearance.

    Free indices come first: 0, 1, ... The walk starts at an end of a longest path, so that chains read
    from end to end, and rings around.
    """
    return _walk(contraction)[0]


def edge_indices(contraction: ContractedGraph) -> tuple[int, ...]:
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
def _walk(contraction: ContractedGraph) -> tuple[tuple[Tensor, ...], dict[tuple[int, int], int]]:
    """Return the factors, and the number of the index at (edge, its end 0 or 1, or -1 for both)."""
    edges = contraction.edges
    n = contraction.node_count
    incident: list[list[tuple[int, int]]] = [[] for _ in range(n)]  # edges and their ends
    for e, edge in enumerate(edges):
        for end, v in enumerate(edge):
            incident[v].append((e, end))
    with_eta = contraction.metric == "eta"
    index: dict[tuple[int, int], int] = {}
    numbers = count(len(contraction.free))

    def number(e: int, end: int) -> int:
        key = (e, end if with_eta else -1)
        if key not in index:
            index[key] = next(numbers)
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
        written.add(b)
        nodes = sorted(blocks[b], key=lambda v: (v != entry, v))
        if all(len(free_of[v]) == contraction.legs[v] for v in nodes):
            nodes.sort(key=lambda v: free_of[v])
        nodes.sort(key=lambda v: (contraction.labels[v] != "loss", contraction.legs[v]))
        nodes, sizes = _by_visits(nodes, contraction.visits)
        groups = []
        for v in nodes:
            group = [number(e, end) for e, end in incident[v]]
            for place in free_of[v]:
                if with_eta:
                    free_number[place] = next(numbers)
                    group.append(free_number[place])
                else:
                    group.append(place)
            groups.append(tuple(sorted(group)))
        factors.append(
            Tensor(
                "block",
                tuple(groups),
                tuple(contraction.labels[v] for v in nodes),
                contraction.basis,
                sizes,
            )
        )
        if with_eta:
            for v in nodes:
                factors.extend(_eta(place, free_number[place]) for place in free_of[v])
            for e, (i, j) in enumerate(edges):
                if e not in etas and block_of[i] == block_of[j] == b:
                    etas.add(e)
                    factors.append(_eta(number(e, 0), number(e, 1)))

    def visit(v: int) -> list[int]:
        """Write a node's block; return the nodes to be visited next, each with all that follows it."""
        b = block_of[v]
        if b in written:
            return []
        if with_eta:
            for e, edge in enumerate(edges):
                for near, far in ((0, 1), (1, 0)):
                    is_met = block_of[edge[far]] == b and block_of[edge[near]] in written
                    if e not in etas and is_met:
                        etas.add(e)
                        factors.append(_eta(number(e, near), number(e, far)))
        write_block(b, v)
        following = []
        for w in sorted(blocks[b], key=lambda w: (w != v, w)):
            # Short branches first, so that the longest one continues the line.
            ends = sorted([(depths[e, end], e, end) for e, end in incident[w]])
            following += [edges[e][1 - end] for _, e, end in ends]
        return following

    depths = depths_of(edges, incident)
    # Without recursion: hundreds of nodes may follow each other.
    waiting = starts(contraction)[::-1]
    while waiting:
        waiting += reversed(visit(waiting.pop()))
    return tuple(factors), index


def _by_visits(nodes: list[int], visits: tuple[int, ...]) -> tuple[list[int], tuple[int, ...]]:
    """Return the nodes of a block by visits, those with most first, and the sizes of several visits."""
    members: dict[int, list[int]] = {}
    for v in nodes:
        members.setdefault(visits[v], []).append(v)
    if len(members) == 1:
        return nodes, ()
    ordered = sorted(members.values(), key=len, reverse=True)
    return [v for visit in ordered for v in visit], tuple(map(len, ordered))


def _eta(i: int, j: int) -> Tensor:
    return Tensor("eta", (tuple(sorted((i, j))),))
