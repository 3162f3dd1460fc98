"""Where the nodes of a diagram are drawn: the root on the right, every generation in a column."""

from __future__ import annotations

from itertools import combinations, permutations, product
from math import factorial, hypot, prod
from typing import TYPE_CHECKING

from sgdiagrams.diagrams.trees import parents_of_levels

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sgdiagrams.diagrams.pictures.shapes import Place

__all__ = ["RADIUS", "STEP", "lay_out"]

RADIUS = 4.5  # of a node
STEP = 36.0  # between generations, and the least between nodes of one

_MOST_ORDERS = 720  # of siblings that are tried
_HEIGHT = 0.5  # what a unit of height costs, in units of length of ties
_IN_THE_WAY = 0.45  # how near a node is in the way of a tie, in steps
_DETOUR = 2.0  # what a node in the way costs, and a tie across another, in steps

#: A node and the subtrees below it, in the order in which they are drawn from above.
_Tree = tuple[int, tuple["_Tree", ...]]


def lay_out(
    levels: Sequence[int], groups: Sequence[Sequence[int]] = (), *, step: float = STEP
) -> tuple[Place, ...]:
    """Return the places of the nodes, the root in the origin and everything to its left.

    Children are drawn one below the other, as near as their subtrees allow, with their parent in the
    middle: edges cross neither each other nor nodes. Of the orders of siblings that one is taken which
    brings nodes of a group together; where there are very many orders, the one of `levels`.

    Parameters
    ----------
    levels
        The depth of every node, in preorder.
    groups
        Positions of nodes that are tied together.
    step
        The distance between generations, and the least between nodes of one.

    Examples
    --------
    >>> lay_out((0, 1, 2, 1), step=1)
    ((0, 0.0), (-1, -0.5), (-2, -0.5), (-1, 0.5))
    """
    children: list[list[int]] = [[] for _ in levels]
    for i, parent in enumerate(parents_of_levels(levels), start=1):
        children[parent].append(i)
    number = prod(factorial(len(below)) for below in children)
    if not groups or number > _MOST_ORDERS:
        rows = _rows(_given(children), len(levels))
    else:
        home = {i: number for number, group in enumerate(groups) for i in group}
        drawings = [_rows(tree, len(levels)) for tree in _orders(children, home)]
        # Of equal ones the first; rounded, so that no machine takes another for its last digit.
        costs = [
            round(_cost([(-float(x), y) for x, y in zip(levels, rows, strict=True)], groups), 6)
            for rows in drawings
        ]
        rows = drawings[costs.index(min(costs))]
    return tuple((-step * level, step * y) for level, y in zip(levels, rows, strict=True))


def _given(children: Sequence[Sequence[int]]) -> _Tree:
    """Return the tree with all children in their order; deep ones too, so without recursion."""
    trees: dict[int, _Tree] = {}
    for i in reversed(range(len(children))):
        trees[i] = i, tuple(trees[child] for child in children[i])
    return trees[0]


def _orders(children: Sequence[Sequence[int]], home: Mapping[int, int]) -> list[_Tree]:
    """Return the tree with siblings in all orders that look different; deep ones too."""
    # Subtrees look alike whose tops are of one group and whose children, in their order, look alike.
    looks: dict[tuple[int, tuple[int, ...]], int] = {}
    drawn: dict[int, list[tuple[_Tree, int]]] = {}
    for i in reversed(range(len(children))):
        different: dict[int, _Tree] = {}
        for below in product(*[drawn.pop(child) for child in children[i]]):
            for order in permutations(below):
                key = home.get(i, -1), tuple(look for _, look in order)
                look = looks.setdefault(key, len(looks))
                different.setdefault(look, (i, tuple(tree for tree, _ in order)))
        drawn[i] = [(tree, look) for look, tree in different.items()]
    return [tree for tree, _ in drawn[0]]


def _rows(tree: _Tree, number: int) -> tuple[float, ...]:
    """Return the row of every node: subtrees as near as they can be, a parent in the middle."""
    order = [tree]  # parents first
    for node in order:
        order += node[1]
    above: dict[int, float] = {}  # the row of a node less that of its parent
    shape: dict[int, tuple[list[float], list[float]]] = {}  # least and greatest row a generation
    for i, below in reversed(order):
        tops: list[float] = []
        bottoms: list[float] = []
        shifts: list[float] = []
        for child, _ in below:
            top, bottom = shape.pop(child)
            shift = max((b + 1 - t for b, t in zip(bottoms, top, strict=False)), default=0.0)
            shifts.append(shift)
            tops += [t + shift for t in top[len(tops) :]]
            bottoms = [b + shift for b in bottom] + bottoms[len(bottom) :]
        middle = (shifts[0] + shifts[-1]) / 2 if shifts else 0.0
        for (child, _), shift in zip(below, shifts, strict=True):
            above[child] = shift - middle
        shape[i] = [0.0, *[t - middle for t in tops]], [0.0, *[b - middle for b in bottoms]]
    rows = [0.0] * number
    for i, below in order:
        for child, _ in below:
            rows[child] = rows[i] + above[child]
    return tuple(rows)


def _cost(places: Sequence[Place], groups: Iterable[Sequence[int]]) -> float:
    """Return how long ties are, how many nodes are in their way, and how often they cross."""
    rows = [y for _, y in places]
    cost = _HEIGHT * (max(rows) - min(rows))
    ties: list[tuple[int, Place, Place]] = []
    for number, group in enumerate(groups):
        for i, j in _shortest_tree(places, group):
            one, two = places[i], places[j]
            cost += hypot(one[0] - two[0], one[1] - two[1])
            cost += _DETOUR * sum(
                _is_between(place, one, two) for k, place in enumerate(places) if k not in group
            )
            ties.append((number, one, two))
    for (g, a, b), (h, c, d) in combinations(ties, 2):
        cost += _DETOUR * (g != h and _cross_or_touch(a, b, c, d))
    return cost


def _shortest_tree(places: Sequence[Place], group: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the pairs of the shortest tree of straight lines (Prim's algorithm)."""
    inside, outside = [group[0]], list(group[1:])
    while outside:
        _, b, a = min(
            (hypot(places[a][0] - places[b][0], places[a][1] - places[b][1]), b, a)
            for a in inside
            for b in outside
        )
        yield a, b
        inside.append(b)
        outside.remove(b)


def _is_between(place: Place, a: Place, b: Place) -> bool:
    dx, dy = b[0] - a[0], b[1] - a[1]
    px, py = place[0] - a[0], place[1] - a[1]
    t = max(0.0, min(1.0, (px * dx + py * dy) / (dx * dx + dy * dy)))
    return hypot(px - t * dx, py - t * dy) < _IN_THE_WAY


def _cross_or_touch(a: Place, b: Place, c: Place, d: Place) -> bool:
    return _turn(a, b, c) * _turn(a, b, d) <= 0 and _turn(c, d, a) * _turn(c, d, b) <= 0


def _turn(a: Place, b: Place, p: Place) -> float:
    return (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0])
