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
from math import factorial
from typing import TYPE_CHECKING, Literal

import numpy as np

from sgdiagrams.diagrams.partitions import (
    coarsenings,
    restricted_growth_string,
    set_partitions,
)
from sgdiagrams.diagrams.trees import parents_of_levels
from sgdiagrams.symbolic.laurent import Laurent, add_scaled, falling_factorial, newton

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sgdiagrams.diagrams.diagram import Diagram

__all__ = [
    "Basis",
    "UpdateForest",
    "coarser_forests",
    "epochs_count",
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
    def edges(self) -> list[tuple[int, int]]:
        """The edges (child, parent) between updates."""
        return [(child, parent) for child, parent in enumerate(self.parents) if parent >= 0]


def update_forest(diagram: Diagram) -> UpdateForest:
    """Delete the root of a diagram."""
    parents = tuple(parent - 1 for parent in parents_of_levels(diagram.levels))
    blocks = restricted_growth_string(diagram.labels[1:])
    return UpdateForest(parents, blocks, max(blocks, default=-1) + 1, diagram.root_is_tied)


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
    for child, parent in forest.edges:
        below[forest.blocks[parent]] |= 1 << forest.blocks[child]
    weight: list[list[int]] = []
    for k in range(forest.block_count + 1):
        if unit_batch:
            weight.append([1 if basis == "cumulant" or k <= 1 else 0])
        else:
            weight.append(falling_factorial(k) if basis == "moment" else [0] * k + [1])
    full = (1 << forest.block_count) - 1
    # chains[ideal][L] = polynomial in B that counts the ways to build the ideal in L levels
    chains: dict[int, dict[int, Counter[int]]] = {0: {0: Counter({0: 1})}}
    for ideal in range(full):
        levels = chains.pop(ideal, None)
        if levels is None:
            continue
        free = [
            b for b in range(forest.block_count) if not ideal >> b & 1 and below[b] & ~ideal == 0
        ]
        for pick in range(1, 1 << len(free)):
            chosen = [b for i, b in enumerate(free) if pick >> i & 1]
            if unit_batch and basis == "moment" and len(chosen) > 1:
                continue
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
    return result


def epochs_count(forest: UpdateForest, basis: Basis) -> Laurent:
    r"""Return the number of embeddings in E epochs of m batches of B, in one fixed order.

    .. math:: \sum_w \binom{m}{L} \prod_l (B)_{k_l} \;
        \#\{e : \text{nodes} \to 1..E\}

    over all weak orders w of the blocks; an epoch e(child) is strictly before e(parent) where the
    child's level is not below the parent's, and not after it otherwise. The last factor is a
    polynomial in E, found from its values by dynamic programming from the leaves to the roots.

    Returns
    -------
    dict
        Exponents of (m, B, E) -> coefficient, with m = N / B.
    """
    count = len(forest.parents)
    orders = _weak_orders(forest.block_count)
    strict = np.zeros(len(orders.levels), dtype=np.int64)
    for bit, (child, parent) in enumerate(forest.edges):
        later = orders.levels[:, forest.blocks[child]] >= orders.levels[:, forest.blocks[parent]]
        strict |= later.astype(np.int64) << bit
    kinds, multiplicity = np.unique(np.stack([orders.profile, strict]), axis=1, return_counts=True)
    assignments = _epoch_assignments(forest, kinds[1], count)
    result: Laurent = {}
    for profile, sizes in enumerate(orders.profiles):
        chosen = kinds[0] == profile
        # Python integers: products of these counts outgrow 64 bits at high orders.
        values = (multiplicity[chosen].astype(object) @ assignments[chosen].astype(object)).tolist()
        epochs = newton(values) if chosen.any() else []
        if not any(epochs):
            continue
        placements = [1]
        for k in sizes:
            placements = _product(
                placements, falling_factorial(k) if basis == "moment" else [0] * k + [1]
            )
        batches = falling_factorial(len(sizes))
        for e, c in enumerate(epochs):
            if c:
                scale = c / factorial(len(sizes))
                add_scaled(
                    result,
                    {
                        (i, j, e): a * b
                        for i, a in enumerate(batches)
                        if a
                        for j, b in enumerate(placements)
                        if b
                    },
                    scale,
                )
    return result


@dataclass(frozen=True, slots=True, eq=False)
class _WeakOrders:
    """All weak orders of P blocks: their levels, and their level sizes as a number."""

    levels: NDArray[np.int8]
    profile: NDArray[np.int64]
    profiles: tuple[tuple[int, ...], ...]


@lru_cache(maxsize=16)
def _weak_orders(block_count: int) -> _WeakOrders:
    rows: list[tuple[int, ...]] = []
    profile: list[int] = []
    profiles: dict[tuple[int, ...], int] = {}
    for partition in set_partitions(block_count):
        sizes = tuple(sorted(Counter(partition).values()))
        number = profiles.setdefault(sizes, len(profiles))
        for level in permutations(range(len(sizes))):
            rows.append(tuple(level[label] for label in partition))
            profile.append(number)
    levels = np.array(rows, dtype=np.int8).reshape(len(rows), block_count)
    return _WeakOrders(levels, np.array(profile, dtype=np.int64), tuple(profiles))


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
        before = until - ways[v]
        is_strict = (strict >> bit[v] & 1).astype(bool)[:, None]
        ways[parent] *= np.where(is_strict, before, until)
    return total


def _product(p: list[int], q: list[int]) -> list[int]:
    result = [0] * (len(p) + len(q) - 1)
    for i, a in enumerate(p):
        for j, b in enumerate(q):
            result[i + j] += a * b
    return result
