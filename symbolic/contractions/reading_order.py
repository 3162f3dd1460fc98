"""Where a walk along a contraction begins, and how it goes on: from end to end, and around."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sgdiagrams.symbolic.contractions.graph import ContractedGraph

__all__ = ["depths_of", "starts"]


def starts(contraction: ContractedGraph) -> list[int]:
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


def depths_of(
    edges: Sequence[tuple[int, int]], incident: Sequence[Sequence[tuple[int, int]]]
) -> dict[tuple[int, int], int]:
    """Return the length of the longest path that leaves a node along an edge, for all (edge, end).

    Where there are circles, these are other numbers, of a like order.
    """
    above: dict[int, int] = {}  # the edge to the parent, in the order of a walk from the roots
    order: list[int] = []
    is_forest = True
    for root in range(len(incident)):
        if root in above:
            continue
        above[root] = -1
        for v in (queue := [root]):
            for e, end in incident[v]:
                if e != above[v]:
                    u = edges[e][1 - end]
                    is_forest &= u not in above
                    above[u] = e
                    queue += [u] if is_forest else []
        order += queue
    if not is_forest:
        return _depths_around(edges, incident)
    depths: dict[tuple[int, int], int] = {}
    for is_down in (True, False):
        for v in reversed(order) if is_down else order:
            for e, end in incident[v]:
                # First what leaves parents, from the leaves up; then what leaves children.
                if (e == above[v]) == is_down:
                    others = (depths[f, at] for f, at in incident[v] if f != e)
                    depths[e, 1 - end] = 1 + max(others, default=0)
    return depths


def _depths_around(
    edges: Sequence[tuple[int, int]], incident: Sequence[Sequence[tuple[int, int]]]
) -> dict[tuple[int, int], int]:
    """Return the depths of a graph with circles; of two the later edge is less deep, to go around."""
    depths: dict[tuple[int, int], int] = {}
    for e, edge in enumerate(edges):
        for end, v in enumerate(edge):
            distance = {v: 0, edge[1 - end]: 1}
            for u in (queue := [edge[1 - end]]):
                for f, at in incident[u]:
                    w = edges[f][1 - at]
                    if w not in distance:
                        distance[w] = distance[u] + 1
                        queue.append(w)
            depths[e, end] = distance[queue[-1]] * len(edges) - e
    return depths
