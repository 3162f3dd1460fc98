r"""Counting embeddings of a diagram, in closed form.

An embedding puts every non-root node on a shaded cell (datapoint, time) with times increasing from
child to parent and the nodes of a block on one datapoint. Both functions below sum over *weak orders*:
surjections of the P blocks onto levels 0..L-1, a level being a batch of the epoch. In the moment basis
different blocks are on different datapoints, so a level of k blocks has :math:`(B)_k` placements; in the
cumulant basis they may share one, so it has :math:`B^k`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import permutations
from math import comb, factorial, lcm
from typing import TYPE_CHECKING, Literal

import numpy as np

from sgdiagrams.diagrams.partitions import (
    coarsenings,
    restricted_growth_string,
    set_partitions,
)
from sgdiagrams.diagrams.trees import parents_of_levels
from sgdiagrams.symbolic.laurent import Laurent, add_scaled, falling_factorial

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sgdiagrams.diagrams.diagram import Diagram

__all__ = [
    "Basis",
    "UpdateForest",
    "coarser_forests",
    "epochs_count",
    "epochs_levels",
    "epochs_polynomial",
    "linear_extensions",
    "one_pass_count",
    "update_forest",
]

Basis = Literal["moment", "cumulant"]


@dataclass(frozen=True, slots=True)
class UpdateForest:
    """A diagram without its root: what a sampling scheme sees.

    Attributes
    ----------
    parents
        The parent of every update in preorder; -1 where the parent is the deleted root.
    blocks
        The restricted growth string of the blocks of updates.
    block_count
        The number P of blocks of updates.
    root_is_tied
        Whether the root shared the block of an update.
    """

    parents: tuple[int, ...]
    blocks: tuple[int, ...]
    block_count: int
    root_is_tied: bool

    @property
    def edges(self) -> tuple[tuple[int, int], ...]:
        """The edges (child, parent) between updates."""
        return _edges(self.parents)


# There are few trees and many partitions.
@lru_cache(maxsize=4096)
def _edges(parents: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    return tuple((child, parent) for child, parent in enumerate(parents) if parent >= 0)


@lru_cache(maxsize=4096)
def _parents(levels: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(parent - 1 for parent in parents_of_levels(levels))


def update_forest(diagram: Diagram) -> UpdateForest:
    """Delete the root of a diagram."""
    labels = diagram.labels
    if labels.count(0) > 1:
        blocks = restricted_growth_string(labels[1:])
        return UpdateForest(_parents(diagram.levels), blocks, max(blocks) + 1, root_is_tied=True)
    blocks = tuple([label - 1 for label in labels[1:]])
    return UpdateForest(_parents(diagram.levels), blocks, max(labels), root_is_tied=False)


def coarser_forests(forest: UpdateForest) -> list[UpdateForest]:
    """Return the forest with its blocks merged in all possible ways, itself included.

    Counts in the cumulant basis are the sums of counts in the moment basis over these.
    """
    return [
        UpdateForest(forest.parents, blocks, max(blocks, default=-1) + 1, forest.root_is_tied)
        for blocks in coarsenings(forest.blocks)
    ]


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
    below = [0] * forest.block_count  # bit b of below[a]: block b must come before block a
    blocks = forest.blocks
    for child, parent in _edges(forest.parents):
        below[blocks[parent]] |= 1 << blocks[child]
    count = _single_count if unit_batch else _batches_count
    return dict(count(tuple(below), basis))


_Items = tuple[tuple[tuple[int, ...], Fraction], ...]


@lru_cache(maxsize=65536)
def _single_count(below: tuple[int, ...], basis: Basis) -> _Items:
    """Return the items of a one-pass count at B = 1."""
    count = len(below)
    # chains[ideal][L]: the ways to build the ideal in L levels
    chains: list[list[int]] = [[] for _ in range(1 << count)]
    chains[0] = [1] + [0] * count
    for ideal in range(len(chains) - 1):
        levels = chains[ideal]
        if not levels:
            continue
        free = [1 << b for b in range(count) if not ideal >> b & 1 and not below[b] & ~ideal]
        picks = free
        if basis == "cumulant":
            picks = [0]
            for block in free:
                picks += [pick | block for pick in picks]
            picks = picks[1:]
        moved = [0, *levels[:-1]]
        for pick in picks:
            old = chains[ideal | pick]
            chains[ideal | pick] = (
                [x + y for x, y in zip(old, moved, strict=True)] if old else moved
            )
    scale = factorial(count)
    sums = [0] * (count + 1)
    for level, ways in enumerate(chains[-1]):
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
    for ideal in range(full):
        levels = chains.pop(ideal, None)
        if levels is None:
            continue
        free = [b for b in range(count) if not ideal >> b & 1 and below[b] & ~ideal == 0]
        for pick in range(1, 1 << len(free)):
            chosen = [b for i, b in enumerate(free) if pick >> i & 1]
            target = chains.setdefault(ideal | sum(1 << b for b in chosen), {})
            for level, polynomial in levels.items():
                sums = target.setdefault(level + 1, Counter())
                for power, c in polynomial.items():
                    for extra, w in enumerate(weight[len(chosen)]):
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


def epochs_count(forest: UpdateForest, basis: Basis) -> Laurent:
    """Return the number of embeddings in E epochs over N datapoints, in one fixed order.

    It is `epochs_polynomial` of `epochs_levels`, which say how.

    Returns
    -------
    dict
        Exponents of (N, B, E) -> coefficient.
    """
    levels = {(0, *key): Fraction(c) for key, c in epochs_levels(forest).items()}
    return epochs_polynomial(levels, basis)


def epochs_levels(forest: UpdateForest) -> dict[tuple[int, ...], int]:
    r"""Return the weak orders of the blocks by level sizes, each with its ways to choose epochs.

    The number of embeddings in E epochs of m = N/B batches of B is

    .. math:: \sum_w \binom{m}{L} \prod_l (B)_{k_l} \;
        \#\{e : \text{nodes} \to 1..E\}

    over all weak orders w of the blocks; an epoch e(child) is strictly before e(parent) where the
    child's level is not below the parent's, and not after it otherwise. The last factor is a
    polynomial in E, found from its values by dynamic programming from the leaves to the roots. Here
    it is written in binomials, so that everything is whole, and orders with the same sizes are added.

    Returns
    -------
    dict
        ``(k, l_1, ..., l_n)`` -> coefficient of :math:`\binom{E}{k}` among the weak orders with
        :math:`l_s` levels of s blocks, for n nodes.
    """
    n = len(forest.parents)
    orders = _weak_orders(forest.block_count)
    kind = orders.profile << len(forest.edges)
    for bit, (child, parent) in enumerate(forest.edges):
        kind = kind + (orders.later[forest.blocks[child]][forest.blocks[parent]] << bit)
    multiplicity = np.bincount(kind, minlength=len(orders.profiles) << len(forest.edges))
    by_mask = multiplicity.reshape(len(orders.profiles), -1)
    masks = np.flatnonzero(by_mask.any(axis=0))
    counts, assignments = by_mask[:, masks], _epoch_assignments(forest, masks, n)
    differences = _differences(n)
    if len(orders.profile) * (2 * max(n, 1)) ** n >> 62:
        # Python integers: products of these counts outgrow 64 bits at high orders.
        counts, assignments = counts.astype(object), assignments.astype(object)
    binomials = (counts @ (assignments @ differences)).tolist()
    return {
        (k, *sizes, *[0] * (n - len(sizes))): c
        for sizes, row in zip(orders.profiles, binomials, strict=True)
        for k, c in enumerate(row)
        if c
    }


def epochs_polynomial(levels: Laurent, basis: Basis) -> Laurent:
    r"""Put numbers of batches and of placements to the level sizes of weak orders.

    Parameters
    ----------
    levels
        ``(i, k, l_1, ..., l_n)`` -> coefficient of
        :math:`N^i \binom{E}{k} \binom{N/B}{L} \prod_s (B)_s^{l_s}` (cumulants:
        :math:`B^{s\, l_s}`), with L the number of levels.

    Returns
    -------
    dict
        Exponents of (N, B, E) -> coefficient.
    """
    # One common denominator: sums of whole numbers are many times faster than of fractions.
    by_sizes: dict[tuple[int, ...], dict[int, dict[int, Fraction]]] = {}
    for key, c in levels.items():
        by_sizes.setdefault(key[2:], {}).setdefault(key[0], {})[key[1]] = c
    most = max((len(key) - 2 for key in levels), default=0)
    below = lcm(*(c.denominator for c in levels.values()))
    scale = below * factorial(most) ** 2
    sums: dict[tuple[int, int], list[int]] = {}
    for sizes, rows in by_sizes.items():
        placements = _placements(sizes, basis)
        extra = factorial(most) // factorial(sum(sizes))
        for i, row in rows.items():
            epochs = [0] * (most + 1)
            for k, c in row.items():
                whole = int(c * below) * extra * (factorial(most) // factorial(k))
                for e, f in enumerate(falling_factorial(k)):
                    epochs[e] += whole * f
            for (m, b), p in placements:
                place = (i + m, b - m)
                old = sums.get(place)
                if old is None:
                    sums[place] = [p * x for x in epochs]
                else:
                    sums[place] = [x0 + p * x for x0, x in zip(old, epochs, strict=True)]
    return {
        (*place, e): Fraction(c, scale)
        for place, row in sums.items()
        for e, c in enumerate(row)
        if c
    }


@lru_cache(maxsize=1024)
def _placements(sizes: tuple[int, ...], basis: Basis) -> tuple[tuple[tuple[int, int], int], ...]:
    """Return L! binomial(m, L) times the placements of levels of sizes 1, 2, ... so many times."""
    placements = [1]
    for s, times in enumerate(sizes, start=1):
        for _ in range(times):
            placements = _product(
                placements, falling_factorial(s) if basis == "moment" else [0] * s + [1]
            )
    return tuple(
        ((i, j), a * b)
        for i, a in enumerate(falling_factorial(sum(sizes)))
        if a
        for j, b in enumerate(placements)
        if b
    )


@dataclass(frozen=True, slots=True, eq=False)
class _WeakOrders:
    """All weak orders of P blocks.

    Attributes
    ----------
    later
        ``later[a][b]``: for every order 1 where the level of a is not below that of b, else 0.
    profile
        The number of its level sizes, for every order.
    profiles
        The number of levels of 1, ..., P blocks.
    """

    later: NDArray[np.int64]
    profile: NDArray[np.int64]
    profiles: tuple[tuple[int, ...], ...]


@lru_cache(maxsize=16)
def _weak_orders(block_count: int) -> _WeakOrders:
    rows: list[tuple[int, ...]] = []
    profile: list[int] = []
    profiles: dict[tuple[int, ...], int] = {}
    for partition in set_partitions(block_count):
        found = list(Counter(partition).values())
        sizes = tuple(found.count(s) for s in range(1, block_count + 1))
        number = profiles.setdefault(sizes, len(profiles))
        for level in permutations(range(len(found))):
            rows.append(tuple(level[label] for label in partition))
            profile.append(number)
    levels = np.array(rows, dtype=np.int8).reshape(len(rows), block_count).T
    later = (levels[:, None] >= levels[None, :]).astype(np.int64)
    return _WeakOrders(later, np.array(profile, dtype=np.int64), tuple(profiles))


@lru_cache(maxsize=64)
def _differences(degree: int) -> NDArray[np.int64]:
    """Return the matrix from values at 0..degree to coefficients of binomials."""
    return np.array(
        [
            [(-1) ** (k - x) * comb(k, x) if x <= k else 0 for k in range(degree + 1)]
            for x in range(degree + 1)
        ]
    )


def _epoch_assignments(
    forest: UpdateForest, strict: NDArray[np.int64], degree: int
) -> NDArray[np.int64]:
    """Return the number of epoch assignments for E = 0..degree, one row for each mask `strict`."""
    ways = np.ones((len(forest.parents), len(strict), degree + 1), dtype=np.int64)
    ways[:, :, 0] = 0  # epochs are counted from 1
    total = np.ones((len(strict), degree + 1), dtype=np.int64)
    bit = {child: i for i, (child, _) in enumerate(forest.edges)}
    for v in reversed(range(len(forest.parents))):
        until = np.cumsum(ways[v], axis=1)
        parent = forest.parents[v]
        if parent < 0:
            total *= until
            continue
        is_strict = (strict >> bit[v] & 1)[:, None]
        ways[parent] *= until - ways[v] * is_strict
    return total


def _product(p: list[int], q: list[int]) -> list[int]:
    result = [0] * (len(p) + len(q) - 1)
    for i, a in enumerate(p):
        for j, b in enumerate(q):
            result[i + j] += a * b
    return result
