"""Rooted trees as level sequences.

A rooted tree with ``n`` nodes is written in preorder: entry ``i`` is the depth of node ``i`` (root:
0). Of all drawings of a tree, the *canonical* one has the lexicographically greatest sequence: at
every node, greater subtrees come first (Beyer and Hedetniemi, SIAM J. Comput. 9 (1980) 706). Their
successor rule makes each tree once, in constant amortised work.
"""

from __future__ import annotations

from math import factorial
from typing import TYPE_CHECKING

from sgdiagrams.diagrams.errors import DiagramError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.diagrams.whole_numbers import is_whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = [
    "parents_of_levels",
    "rooted_tree_count",
    "rooted_trees",
    "sibling_swaps",
    "tree_symmetry_factor",
]

Levels = tuple[int, ...]

_MOST_NODES = 1000


def rooted_trees(n: int) -> Iterator[Levels]:
    """Yield the rooted trees with `n` nodes as canonical level sequences, greatest first.

    Examples
    --------
    >>> list(rooted_trees(4))
    [(0, 1, 2, 3), (0, 1, 2, 2), (0, 1, 2, 1), (0, 1, 1, 1)]
    """
    if not is_whole(n, least=1, most=_MOST_NODES):
        raise DiagramError(f"expected a whole number 1..{_MOST_NODES} of nodes, got n={shown(n)}")
    levels = list(range(n))
    while True:
        yield tuple(levels)
        p = n - 1
        while p > 0 and levels[p] == 1:
            p -= 1
        if p <= 0:
            return
        q = p - 1
        while levels[q] >= levels[p]:
            q -= 1
        # From p on, repeat the branch that starts at the parent q of p, without p itself.
        period = levels[q:p]
        copies = -(-(n - p) // len(period))
        levels[p:] = (period * copies)[: n - p]


def rooted_tree_count(n: int) -> int:
    """Return the number of rooted trees with `n` nodes (OEIS A000081).

    ``(m - 1) t(m) = sum over k < m of t(m - k) sum over d | k of d t(d)``.

    Examples
    --------
    >>> [rooted_tree_count(n) for n in range(1, 10)]
    [1, 1, 2, 4, 9, 20, 48, 115, 286]
    """
    if not is_whole(n, least=1, most=_MOST_NODES):
        raise DiagramError(f"expected a whole number 1..{_MOST_NODES} of nodes, got n={shown(n)}")
    t = [0, 1]
    by_divisors = [0] * (n + 1)  # entry k: sum over d | k of d t(d)
    for m in range(2, n + 1):
        for k in range(m - 1, n + 1, m - 1):
            by_divisors[k] += (m - 1) * t[m - 1]
        t.append(sum(t[m - k] * by_divisors[k] for k in range(1, m)) // (m - 1))
    return t[n]


def parents_of_levels(levels: Sequence[int]) -> tuple[int, ...]:
    """Return the parent of every node but the root, in preorder positions.

    Returns
    -------
    tuple of int, length n - 1
        Entry ``i`` is the position of the parent of the node at position ``i + 1``.

    Examples
    --------
    >>> parents_of_levels((0, 1, 2, 1))
    (0, 1, 0)
    """
    latest = {0: 0}
    parents = []
    for i, level in enumerate(levels[1:], start=1):
        parents.append(latest[level - 1])
        latest[level] = i
    return tuple(parents)


def subtree_ends(levels: Sequence[int]) -> list[int]:
    """Return, for every position, the position just after its subtree."""
    n = len(levels)
    ends = [n] * n
    open_nodes: list[int] = []
    for i, level in enumerate(levels):
        while open_nodes and levels[open_nodes[-1]] >= level:
            ends[open_nodes.pop()] = i
        open_nodes.append(i)
    return ends


def sibling_swaps(levels: Sequence[int]) -> list[tuple[int, int]]:
    """Return the swaps of adjacent equal sibling subtrees: generators of the automorphism group.

    In a canonical sequence equal siblings stand side by side, so these swaps generate all
    automorphisms of the tree.

    Returns
    -------
    list of (start, size)
        The swap exchanges positions ``start .. start + size - 1`` with the `size` positions after.

    Examples
    --------
    >>> sibling_swaps((0, 1, 2, 1, 2))
    [(1, 2)]
    """
    ends = subtree_ends(levels)
    swaps = []
    for a in range(1, len(levels)):
        b = ends[a]
        if (
            b < len(levels)
            and levels[b] == levels[a]
            and tuple(levels[a:b]) == tuple(levels[b : ends[b]])
        ):
            swaps.append((a, b - a))
    return swaps


def tree_symmetry_factor(levels: Sequence[int]) -> int:
    """Return the order of the automorphism group of the rooted tree.

    The product over nodes of the factorials of the multiplicities of equal child subtrees.

    Examples
    --------
    >>> tree_symmetry_factor((0, 1, 2, 2, 1, 2, 2))
    8
    """
    result = 1
    ends = subtree_ends(levels)
    multiplicity: dict[tuple[int, Levels], int] = {}
    for i, parent in enumerate(parents_of_levels(levels), start=1):
        key = (parent, tuple(levels[i : ends[i]]))
        multiplicity[key] = multiplicity.get(key, 0) + 1
    for m in multiplicity.values():
        result *= factorial(m)
    return result
