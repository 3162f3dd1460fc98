"""The order in time that edges give to many blocks, and its chains: weak orders by number of levels.

Three things keep counts short where sets of placed blocks would be too many: parts that no edge joins and
blocks that come before or after all others are counted by formulas, forests up the forest, and blocks
between the same neighbours (*twins*) are interchangeable, so that it matters how many of them are placed.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby, pairwise, product
from math import comb, factorial, perm, prod
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from sgdiagrams.symbolic.embeddings.effort import check_steps, differences, forest_chains

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from sgdiagrams.symbolic.embeddings.forests import UpdateForest

__all__ = ["BlockOrder"]

_MOST_NUMBERS = 10_000_000  # of all levels, for all moves
_MOST_NESTED = 100  # parts in parts


@dataclass(frozen=True, slots=True)
class BlockOrder:
    """Which of P blocks come right before which.

    Attributes
    ----------
    below, above
        For every block, those that must come before it and after it, as bit masks.
    """

    below: tuple[int, ...]
    above: tuple[int, ...]

    @classmethod
    def of(cls, forest: UpdateForest) -> Self:
        """Return the order of the blocks of a forest."""
        below, above = [0] * forest.block_count, [0] * forest.block_count
        for child, parent in forest.edges:
            a, b = forest.blocks[child], forest.blocks[parent]
            below[b] |= 1 << a
            above[a] |= 1 << b
        return cls(tuple(below), tuple(above))

    @property
    def is_acyclic(self) -> bool:
        """Whether there is an order at all."""
        return len(self._sorted()) == len(self.below)

    @property
    def is_total(self) -> bool:
        """Whether all blocks come one after the other."""
        order = self._sorted()
        return all(self.below[b] >> a & 1 for a, b in pairwise(order))

    def _sorted(self) -> list[int]:
        """Return the blocks that no cycle holds back, each after those before it."""
        waiting = [mask.bit_count() for mask in self.below]
        order = [b for b, number in enumerate(waiting) if not number]
        for block in order:
            for later in _bits(self.above[block]):
                waiting[later] -= 1
                if not waiting[later]:
                    order.append(later)
        return order

    def _restricted(self, blocks: Sequence[int]) -> BlockOrder:
        number = {b: i for i, b in enumerate(blocks)}

        def masks(of: tuple[int, ...]) -> tuple[int, ...]:
            return tuple(sum(1 << number[c] for c in _bits(of[b]) if c in number) for b in blocks)

        return BlockOrder(masks(self.below), masks(self.above))

    def chains(self, *, total_orders_only: bool, nested: int = 0) -> list[int]:
        """Return in how many ways the blocks come in L levels, for L = 0, ..., P.

        Parameters
        ----------
        total_orders_only
            Leave out weak orders with several blocks in a level.
        nested
            How many parts this is a part of.

        Raises
        ------
        RequestError
            When there are too many sets of placed blocks.
        """
        count = len(self.below)
        for below, above in ((self.below, self.above), (self.above, self.below)):
            parents = _as_forest(below, above)
            if parents is not None:
                if total_orders_only:
                    return [0] * count + [_linear_extensions(parents)]
                return forest_chains(parents)
        left, peeled = list(range(count)), 0
        while (end := self._end(left)) is not None:
            left.remove(end)
            peeled += 1
        parts = self._parts(left)
        if len(parts) == 1 or nested == _MOST_NESTED:
            rest = _chains_of_sets(self._restricted(left), total_orders_only=total_orders_only)
        else:
            of_parts = [
                self._restricted(part).chains(
                    total_orders_only=total_orders_only, nested=nested + 1
                )
                for part in parts
            ]
            rest = _side_by_side(of_parts, total_orders_only=total_orders_only)
        return [0] * peeled + rest

    def _end(self, blocks: Sequence[int]) -> int | None:
        """Return a block that comes before or after all others of some, if there is one."""
        members = sum(1 << b for b in blocks)
        for masks in (self.above, self.below):
            ends = [b for b in blocks if not masks[b] & members]
            if len(ends) == 1:
                return ends[0]
        return None

    def _parts(self, blocks: Sequence[int]) -> list[list[int]]:
        """Return the parts of some blocks that no edge joins."""
        left, parts = sum(1 << b for b in blocks), []
        while left:
            part = [left.bit_length() - 1]
            left ^= 1 << part[0]
            for block in part:
                joined = _bits((self.below[block] | self.above[block]) & left)
                part += joined
                left ^= sum(1 << b for b in joined)
            parts.append(sorted(part))
        return parts

    def chains_in_batches(self) -> list[list[int]]:
        r"""Return in how many ways the blocks take places in L batches, with or without gaps.

        Returns
        -------
        list of list of int
            Entry ``[L][b]``: the sum over weak orders with L levels of :math:`\prod_l (b)_{k_l}`, for
            batches of b = 0, ..., P places.

        Raises
        ------
        RequestError
            When there are too many sets of placed blocks.
        """
        count = len(self.below)
        moves = self.moves(cost=(count + 1) ** 2, one_by_one=False)
        placements = np.array(
            [[perm(b, k) for b in range(count + 1)] for k in range(count + 1)], dtype=object
        )
        chains: dict[int, NDArray[Any]] = {0: np.zeros((count + 1, count + 1), dtype=object)}
        chains[0][0] = 1
        for before, leaving in groupby(moves, key=itemgetter(0)):
            here = chains.pop(before)
            for _, after, ways, size in leaving:
                if after not in chains:
                    chains[after] = np.zeros((count + 1, count + 1), dtype=object)
                chains[after][1:] += here[:-1] * (ways * placements[size])
        result: list[list[int]] = chains[(1 << count) - 1].tolist()
        return result

    def moves(self, *, cost: int, one_by_one: bool) -> list[tuple[int, int, int, int]]:
        """Return the moves between sets of placed blocks, each with its ways and its number of blocks.

        Of twins the first are placed first, and ways say how many other choices there are.
        """
        count = len(self.below)
        twins: dict[tuple[int, int], list[int]] = {}
        for block in range(count):
            twins.setdefault((self.below[block], self.above[block]), []).append(block)
        kinds = list(twins.values())
        moves: list[tuple[int, int, int, int]] = []
        known, waiting = {0}, [0]
        for placed in waiting:
            free = [
                [b for b in kind if not placed >> b & 1]
                for kind in kinds
                if not self.below[kind[0]] & ~placed
            ]
            free = [kind for kind in free if kind]
            options = prod(len(kind) + 1 for kind in free)
            steps = (len(moves) + (len(free) if one_by_one else options)) * cost
            check_steps(
                steps + len(known) * count,
                f"{count} blocks one after the other",
                most=_MOST_NUMBERS,
            )
            for sizes in _units(len(free)) if one_by_one else _sizes(free):
                after, ways = placed, 1
                for kind, size in zip(free, sizes, strict=True):
                    after |= sum(1 << b for b in kind[:size])
                    ways *= comb(len(kind), size)
                moves.append((placed, after, ways, sum(sizes)))
                if after not in known:
                    known.add(after)
                    waiting.append(after)
        return sorted(moves, key=lambda move: (move[0].bit_count(), move[0]))


def _as_forest(below: Sequence[int], above: Sequence[int]) -> list[int] | None:
    """Return the parents of the blocks in preorder where no block has two."""
    if any(mask & (mask - 1) for mask in above):
        return None
    waiting = [b for b, mask in enumerate(above) if not mask]
    number: dict[int, int] = {}
    parents: list[int] = []
    while waiting:
        block = waiting.pop()
        number[block] = len(parents)
        parents.append(number[above[block].bit_length() - 1] if above[block] else -1)
        waiting += _bits(below[block])
    return parents


def _chains_of_sets(order: BlockOrder, *, total_orders_only: bool) -> list[int]:
    """Return the chains by the sets of blocks that are placed."""
    count = len(order.below)
    moves = order.moves(cost=count + 1, one_by_one=total_orders_only)
    chains = {0: [1] + [0] * count}
    for before, leaving in groupby(moves, key=itemgetter(0)):
        here = chains.pop(before)
        for _, after, ways, _ in leaving:
            into = chains.setdefault(after, [0] * (count + 1))
            for level, number in enumerate(here[:-1]):
                if number:
                    into[level + 1] += ways * number
    return chains[(1 << count) - 1]


def _units(count: int) -> Iterator[tuple[int, ...]]:
    return (tuple(int(i == j) for j in range(count)) for i in range(count))


def _sizes(free: list[list[int]]) -> Iterator[tuple[int, ...]]:
    every = product(*(range(len(kind) + 1) for kind in free))
    next(every)  # nothing
    return every


def _bits(mask: int) -> list[int]:
    result = []
    while mask:
        low = mask & -mask
        result.append(low.bit_length() - 1)
        mask ^= low
    return result


def _linear_extensions(parents: Sequence[int]) -> int:
    """Return n! over the sizes of all subtrees (Knuth, The Art of Computer Programming 3, 5.1.4)."""
    sizes = [1] * len(parents)
    for v in reversed(range(len(parents))):
        if parents[v] >= 0:
            sizes[parents[v]] += sizes[v]
    return factorial(len(parents)) // prod(sizes)


def _side_by_side(parts: list[list[int]], *, total_orders_only: bool) -> list[int]:
    """Return the chains of orders that do not see each other."""
    count = sum(len(chains) - 1 for chains in parts)
    if total_orders_only:
        among = factorial(count) // prod(factorial(len(chains) - 1) for chains in parts)
        return [0] * count + [among * prod(chains[-1] for chains in parts)]
    values = [1] * (count + 1)
    for chains in parts:
        values = [
            x * sum(c * comb(T, level) for level, c in enumerate(chains))
            for T, x in enumerate(values)
        ]
    return differences(values)
