"""Circles of a graph, and the ways to cut them.

What is left when the circles of a connected graph are cut is a spanning tree, so there are as many ways
as it has spanning trees. They are found circle by circle: one of its edges is cut, and those before it
stay.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sgdiagrams.diagrams.errors import DiagramError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

__all__ = ["is_forest", "ways_to_cut"]

_Pair = tuple[int, int]

# A ring of 500 nodes has 500 ways, six nodes that are all joined have 1296.
_MOST_STEPS = 5000


def is_forest(edges: Iterable[_Pair]) -> bool:
    """Tell whether edges close no circle; a self-loop is one.

    Examples
    --------
    >>> is_forest([(0, 1), (1, 2)]), is_forest([(0, 1), (1, 0)]), is_forest([(0, 0)])
    (True, False, False)
    """
    tree: dict[int, int] = {}  # union-find: nodes with one representative are connected already
    for edge in edges:
        one, other = edge
        while one in tree:
            one = tree[one]
        while other in tree:
            other = tree[other]
        if one == other:
            return False
        tree[one] = other
    return True


def ways_to_cut(pairs: Collection[_Pair]) -> Iterator[tuple[_Pair, ...]]:
    """Yield the sets of edges without which no circle is left, each of them once.

    Parameters
    ----------
    pairs
        The edges of a graph, between different nodes and each of them once.

    Raises
    ------
    DiagramError
        When there are too many ways.

    Examples
    --------
    >>> list(ways_to_cut([(0, 1), (1, 2), (0, 2), (2, 3)]))
    [((0, 1),), ((1, 2),), ((0, 2),)]
    """
    waiting: list[tuple[tuple[_Pair, ...], frozenset[_Pair]]] = [((), frozenset())]
    steps = 0
    while waiting:
        cut, kept = waiting.pop()
        steps += 1
        if steps > _MOST_STEPS:
            raise DiagramError(
                f"expected circles that can be cut in at most {_MOST_STEPS} ways, got a contraction "
                f"whose {len(pairs)} edges close more; write it as a product, or with fewer edges"
            )
        circle = _circle([pair for pair in pairs if pair not in cut])
        if not circle:
            yield cut
            continue
        branches = []
        for pair in circle:
            if pair not in kept:
                branches.append(((*cut, pair), kept))
                kept = kept | {pair}
        waiting += reversed(branches)


def _circle(pairs: Collection[_Pair]) -> list[_Pair]:
    """Return the edges of a circle, in their given order; none where there is no circle."""
    near: dict[int, list[int]] = {}
    for i, j in pairs:
        near.setdefault(i, []).append(j)
        near.setdefault(j, []).append(i)
    above: dict[int, int] = {}
    for root in near:
        if root in above:
            continue
        above[root] = root
        for v in (queue := [root]):
            for u in near[v]:
                if u not in above:
                    above[u] = v
                    queue.append(u)
                elif u != above[v]:
                    return _between(u, v, above, pairs)
    return []


def _between(u: int, v: int, above: dict[int, int], pairs: Collection[_Pair]) -> list[_Pair]:
    """Return the edges of the circle that an edge between two nodes of a tree closes."""
    edges = {frozenset((u, v))}
    for end in (u, v):
        w = end
        while above[w] != w:
            # What both nodes have above them is there twice, and no part of the circle.
            edges ^= {frozenset((w, above[w]))}
            w = above[w]
    return [pair for pair in pairs if frozenset(pair) in edges]
