r"""Flows of truncated generators: sums over clusters of updates, exact in any ring.

A way to train is a function c on forests of updates: what its operator does to a function, by the main
theorem. Doing one after the other is a sum over what comes first,

.. math:: (a \cdot b)(F) = \sum_{I} a(I)\, b(F \setminus I),

over the ideals I of whole blocks: with a node all that is below it. So :math:`e^{T L}` is a sum over ways
to part F into j successive *clusters*, :math:`T^j/j!` times the product of L over them (composition and
exponential of B-series: E. Hairer, C. Lubich, G. Wanner, Geometric Numerical Integration, sections III.1
and IX.9, here with ties). L vanishes on forests of several parts that neither edge nor block joins.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from itertools import product as cartesian
from math import comb
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from sgdiagrams.symbolic.embeddings.effort import check_steps
from sgdiagrams.symbolic.embeddings.forests import joined_nodes
from sgdiagrams.symbolic.embeddings.orders import BlockOrder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sgdiagrams.symbolic.embeddings.forests import UpdateForest

__all__ = ["Cut", "flow_count", "generator_count"]

_MOST_MOVES = 1_000_000

#: An element of a ring, such as a Fraction; 0 is false.
RingElement = TypeVar("RingElement", bound=Any)


class Cut(NamedTuple):
    """Which clusters a truncated generator has.

    Attributes
    ----------
    order
        The most updates of a cluster; None for any.
    largest
        The most updates of a block, which may be a cluster by itself at any order; None for any.
    """

    order: int | None = None
    largest: int | None = None

    def keeps(self, sizes: list[int]) -> bool:
        """Return whether blocks of these sizes may be one cluster.

        Examples
        --------
        >>> [Cut(1, 2).keeps(sizes) for sizes in ([1], [2], [1, 1], [3])]
        [True, True, False, False]
        """
        if self.largest is not None and max(sizes) > self.largest:
            return False
        return self.order is None or sum(sizes) <= self.order or len(sizes) == 1


def flow_count(
    forest: UpdateForest,
    generator: Callable[[UpdateForest], RingElement],
    cut: Cut,
    *,
    one: RingElement,
    start: Callable[[UpdateForest], RingElement] | None = None,
) -> dict[int, RingElement]:
    r"""Return :math:`S e^{T L}` on a forest: j -> the coefficient of :math:`T^j/j!`.

    Parameters
    ----------
    forest
        A diagram without its root.
    generator
        L on forests in one part.
    cut
        The clusters of L that are kept.
    one
        The ring's.
    start
        S on forests in one part, multiplied over parts: a shift of the starting point. Parts of fewer
        updates than the cut's order are kept. None for no shift.

    Raises
    ------
    RequestError
        When there are too many clusters.

    Examples
    --------
    Generators of order 2 of gradient descent, whose steps are not those of a flow:

    >>> from fractions import Fraction
    >>> from sgdiagrams.diagrams import Diagram
    >>> from sgdiagrams.symbolic.embeddings.forests import update_forest
    >>> rates = {1: Fraction(1), 2: Fraction(-1, 2)}
    >>> chain = update_forest(Diagram.parse("(0-1-2)(01-12)"))
    >>> flow = flow_count(chain, lambda f: rates[len(f.parents)], Cut(2), one=Fraction(1))
    >>> {j: str(c) for j, c in sorted(flow.items())}
    {1: '-1/2', 2: '1'}
    """
    total = {0: one}
    for nodes in joined_nodes(forest, by_blocks=True):
        part = _part_count(forest.restricted(nodes), generator, cut, one, start)
        product: dict[int, RingElement] = {}
        for (j, a), (k, b) in cartesian(total.items(), part.items()):
            more = a * b * comb(j + k, j)
            product[j + k] = product[j + k] + more if j + k in product else more
        total = product
    return {j: c for j, c in total.items() if c}


def _part_count(
    forest: UpdateForest,
    generator: Callable[[UpdateForest], RingElement],
    cut: Cut,
    one: RingElement,
    start: Callable[[UpdateForest], RingElement] | None,
) -> dict[int, RingElement]:
    """Return the count of a forest in one part: parts multiply, as what acts on one leaves the others."""
    order = BlockOrder.of(forest)
    full = (1 << forest.block_count) - 1
    moves = [
        (members, needed, value)
        for members, needed, part in _clusters(forest, order, cut)
        if (value := generator(part))
    ]
    sums: dict[int, dict[int, RingElement]] = {0: {0: one}}
    if start is not None:
        most = None if cut.order is None else cut.order - 1
        for ideal in _ideals(order):
            shift = _shift(forest, ideal, start, most, one)
            if ideal and shift:
                sums[ideal] = {0: shift}
    waiting = list(sums)
    heapify(waiting)
    while waiting:
        ideal = heappop(waiting)  # a larger ideal is a larger number
        if ideal == full:
            break
        here = sums.pop(ideal)
        for members, needed, value in moves:
            if members & ideal or needed & ~ideal:
                continue
            after = ideal | members
            if after not in sums:
                sums[after] = {}
                heappush(waiting, after)
            target = sums[after]
            for j, c in here.items():
                more = c * value
                target[j + 1] = target[j + 1] + more if j + 1 in target else more
        check_steps(len(sums) * len(moves), "all clusters of updates", most=_MOST_MOVES)
    return sums.get(full, {})


def generator_count(
    forest: UpdateForest,
    start: Callable[[UpdateForest], RingElement],
    slope: Callable[[UpdateForest], RingElement],
    known: dict[UpdateForest, RingElement],
) -> RingElement:
    r"""Return :math:`L = S^{-1} \cdot c_1` on a forest, for :math:`c = S e^{T L} = S + T c_1 + \dots`.

    It is solved for by :math:`\sum_I S(I) L(F \setminus I) = c_1(F)`, smaller forests first.

    Parameters
    ----------
    forest
        A diagram without its root, or a part of it.
    start, slope
        S and :math:`c_1` on forests, of any number of parts.
    known
        What has been found out, which grows.
    """
    if forest not in known:
        total = slope(forest)
        order = BlockOrder.of(forest)
        full = (1 << forest.block_count) - 1
        for ideal in _ideals(order):
            if ideal not in (0, full):
                shift = start(_restricted(forest, ideal))
                rest = _restricted(forest, full & ~ideal)
                if shift and len(joined_nodes(rest, by_blocks=True)) == 1:
                    total = total - shift * generator_count(rest, start, slope, known)
        known[forest] = total
    return known[forest]


def _clusters(
    forest: UpdateForest, order: BlockOrder, cut: Cut
) -> Iterator[tuple[int, int, UpdateForest]]:
    """Yield what may be a cluster, in one part: its blocks, what must come before, itself."""
    sizes = [forest.blocks.count(block) for block in range(forest.block_count)]
    before = _before(order)
    known, waiting = set(), [1 << block for block in range(forest.block_count)]
    for members in waiting:
        blocks = _bits(members)
        if members in known or not cut.keeps([sizes[b] for b in blocks]):
            continue
        known.add(members)
        check_steps(len(known) + len(waiting), "all clusters of updates", most=_MOST_MOVES)
        around = needed = 0
        for b in blocks:
            around |= order.below[b] | order.above[b]
            needed |= before[b]
        waiting += [members | 1 << b for b in _bits(around & ~members)]
        outside = needed & ~members
        # Nothing of it may come before what comes before it.
        if not any(before[b] & members for b in _bits(outside)) and not any(
            before[b] >> b & 1 for b in blocks
        ):
            yield members, outside, _restricted(forest, members)


def _before(order: BlockOrder) -> list[int]:
    """Return for every block all that must come before it, in any number of steps."""
    before = list(order.below)
    for _ in before:
        for b, mask in enumerate(before):
            for earlier in _bits(mask):
                before[b] |= before[earlier]
    return before


def _ideals(order: BlockOrder) -> list[int]:
    """Return all sets of blocks that hold with a block all that comes before it, smaller ones first."""
    known, waiting = {0}, [0]
    for ideal in waiting:
        for block, below in enumerate(order.below):
            after = ideal | 1 << block
            if not below & ~ideal and after not in known:
                known.add(after)
                waiting.append(after)
        check_steps(len(known), "all sets of updates that may come first", most=_MOST_MOVES)
    return waiting


def _shift(
    forest: UpdateForest,
    ideal: int,
    start: Callable[[UpdateForest], RingElement],
    most: int | None,
    one: RingElement,
) -> RingElement:
    """Return the product of S over the parts of an ideal; 0 where one has too many updates."""
    first = _restricted(forest, ideal)
    total = one
    for nodes in joined_nodes(first, by_blocks=True):
        if most is not None and len(nodes) > most:
            nothing: RingElement = one - one
            return nothing
        total = total * start(first.restricted(nodes))
    return total


def _restricted(forest: UpdateForest, blocks: int) -> UpdateForest:
    return forest.restricted(tuple(v for v, b in enumerate(forest.blocks) if blocks >> b & 1))


def _bits(mask: int) -> list[int]:
    return [b for b in range(mask.bit_length()) if mask >> b & 1]
