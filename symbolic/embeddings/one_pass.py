"""Counting embeddings into one pass, in closed form."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from functools import lru_cache
from heapq import heappop, heappush
from math import factorial
from typing import TYPE_CHECKING

from sgdiagrams.symbolic.embeddings.effort import FEW_NODES, differences
from sgdiagrams.symbolic.embeddings.forests import UpdateForest, _edges
from sgdiagrams.symbolic.embeddings.orders import BlockOrder
from sgdiagrams.symbolic.weights.laurent import Laurent, add_scaled, falling_factorial

if TYPE_CHECKING:
    from sgdiagrams.symbolic.vocabulary import Basis

__all__ = ["linear_extensions", "one_pass_count"]


def linear_extensions(forest: UpdateForest) -> int:
    """Return the number of total orders of the blocks that the edges allow (0 with a cycle)."""
    leading = one_pass_count(forest, "moment", unit_batch=True).get((forest.block_count, 0), 0)
    return int(leading * factorial(forest.block_count))


def one_pass_count(forest: UpdateForest, basis: Basis, *, unit_batch: bool) -> Laurent:
    r"""Return the number of embeddings in one pass of T batches of B fresh datapoints.

    The blocks are ordered by the edges (their quotient must be acyclic, otherwise the count is 0). With
    ideals of this order as states,
    :math:`\sum_w \binom{T}{L} \prod_l (B)_{k_l}` (cumulants: :math:`B^{k_l}`) over the weak orders w
    that are strictly increasing along every edge. At B = 1 this is the number of linear extensions
    times :math:`\binom{T}{P}` (moments) and the strict order polynomial at T (cumulants; Stanley,
    Enumerative Combinatorics 1, section 3.15).

    Parameters
    ----------
    unit_batch
        Set B = 1 from the start, which saves work.

    Returns
    -------
    dict
        Exponents of (T, B) -> coefficient.
    """
    if forest.block_count > FEW_NODES:
        return _many_blocks(forest, basis, unit_batch=unit_batch)
    below = [0] * forest.block_count  # bit b of below[a]: block b must come before block a
    blocks = forest.blocks
    for child, parent in _edges(forest.parents):
        below[blocks[parent]] |= 1 << blocks[child]
    count = _single_count if unit_batch else _batches_count
    return dict(count(tuple(below), basis))


def _many_blocks(forest: UpdateForest, basis: Basis, *, unit_batch: bool) -> Laurent:
    order = BlockOrder.of(forest)
    P = forest.block_count
    if not order.is_acyclic:
        return {}
    if unit_batch or basis == "cumulant" or order.is_total:
        # Levels of k blocks have B^k placements, or all are of one block.
        power = 0 if unit_batch else P
        powers = _in_powers(order.chains(total_orders_only=basis == "moment"))
        return {(t, power): Fraction(c, factorial(P)) for t, c in enumerate(powers) if c}
    # Values at levels L and batches b, in binomials of both.
    rows = [_in_powers(differences(values)) for values in order.chains_in_batches()]
    columns = [_in_powers(list(column)) for column in zip(*rows, strict=True)]
    scale = factorial(P) ** 2
    return {
        (t, b): Fraction(c, scale)
        for b, column in enumerate(columns)
        for t, c in enumerate(column)
        if c
    }


def _in_powers(binomials: list[int]) -> list[int]:
    """Return n! times the coefficients of powers of x from those of its binomials up to n."""
    scale = factorial(len(binomials) - 1)
    sums = [0] * len(binomials)
    falling = [1]
    for level, c in enumerate(binomials):
        if level:
            scale //= level
            shifted = [0, *falling]
            falling = [x - (level - 1) * y for x, y in zip(shifted, [*falling, 0], strict=True)]
        if c:
            for power, a in enumerate(falling):
                sums[power] += scale * c * a
    return sums


_Items = tuple[tuple[tuple[int, ...], Fraction], ...]


@lru_cache(maxsize=65536)
def _single_count(below: tuple[int, ...], basis: Basis) -> _Items:
    """Return the items of a one-pass count at B = 1."""
    count = len(below)
    full = (1 << count) - 1
    # chains[ideal][L]: the ways to build the ideal in L levels; a larger ideal is a larger number
    chains: dict[int, list[int]] = {0: [1] + [0] * count}
    waiting = [0]
    while waiting:
        ideal = heappop(waiting)
        if ideal == full:
            break
        levels = chains.pop(ideal)
        free = [1 << b for b in range(count) if not ideal >> b & 1 and not below[b] & ~ideal]
        picks = free
        if basis == "cumulant":
            picks = [0]
            for block in free:
                picks += [pick | block for pick in picks]
            picks = picks[1:]
        moved = [0, *levels[:-1]]
        for pick in picks:
            old = chains.get(ideal | pick)
            if old is None:
                heappush(waiting, ideal | pick)
            chains[ideal | pick] = (
                [x + y for x, y in zip(old, moved, strict=True)] if old else moved
            )
    scale = factorial(count)
    sums = [0] * (count + 1)
    for level, ways in enumerate(chains.get(full, ())):
        if ways:
            whole = ways * (scale // factorial(level))
            for power, c in enumerate(falling_factorial(level)):
                sums[power] += whole * c
    return tuple(((power, 0), Fraction(c, scale)) for power, c in enumerate(sums) if c)


@lru_cache(maxsize=65536)
def _batches_count(below: tuple[int, ...], basis: Basis) -> _Items:
    """Return the items of a one-pass count with batches of B."""
    count = len(below)
    weight = [
        falling_factorial(k) if basis == "moment" else [0] * k + [1] for k in range(count + 1)
    ]
    full = (1 << count) - 1
    # chains[ideal][L] = polynomial in B that counts the ways to build the ideal in L levels
    chains: dict[int, dict[int, Counter[int]]] = {0: {0: Counter({0: 1})}}
    waiting = [0]
    while waiting:
        ideal = heappop(waiting)
        if ideal == full:
            break
        levels = chains.pop(ideal)
        free = [b for b in range(count) if not ideal >> b & 1 and below[b] & ~ideal == 0]
        for pick in range(1, 1 << len(free)):
            blocks = [b for i, b in enumerate(free) if pick >> i & 1]
            grown = ideal | sum(1 << b for b in blocks)
            if grown not in chains:
                heappush(waiting, grown)
            target = chains.setdefault(grown, {})
            for level, polynomial in levels.items():
                sums = target.setdefault(level + 1, Counter())
                for power, c in polynomial.items():
                    for extra, w in enumerate(weight[len(blocks)]):
                        if w:
                            sums[power + extra] += c * w
    result: Laurent = {}
    for level, polynomial in chains.get(full, {}).items():
        times = falling_factorial(level)
        for power, c in polynomial.items():
            add_scaled(
                result,
                {(t, power): a for t, a in enumerate(times) if a},
                Fraction(c, factorial(level)),
            )
    return tuple(result.items())
