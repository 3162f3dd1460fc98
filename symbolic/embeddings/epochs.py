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
from itertools import combinations, permutations
from math import comb, factorial, lcm
from typing import TYPE_CHECKING, Any

import numpy as np

from sgdiagrams.diagrams.partitions import set_partitions
from sgdiagrams.symbolic.embeddings.effort import FEW_NODES, check_steps, count_weak_orders
from sgdiagrams.symbolic.embeddings.forests import untied
from sgdiagrams.symbolic.embeddings.one_pass import one_pass_count
from sgdiagrams.symbolic.weights.laurent import Laurent, falling_factorial

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sgdiagrams.symbolic.embeddings.forests import UpdateForest
    from sgdiagrams.symbolic.vocabulary import Basis


__all__ = [
    "epochs_count",
    "epochs_levels",
    "epochs_polynomial",
    "full_batch_count",
    "untied_count",
]

_MOST_ORDERS = 600_000  # weak orders that are held: of eight blocks
_MOST_KINDS = 2**22  # in a table with gaps
_MOST_SMALL = 30_000_000  # products of machine numbers
_MOST_WHOLE = 5_000_000  # of Python's


def epochs_count(forest: UpdateForest, basis: Basis) -> Laurent:
    """Return the number of embeddings in E epochs over N datapoints, in one fixed order.

    It is `epochs_polynomial` of `epochs_levels`, which say how.

    Returns
    -------
    dict
        Exponents of (N, B, E) -> coefficient.
    """
    if basis == "cumulant" and forest.is_untied and forest.block_count > FEW_NODES:
        return untied_count(forest)
    levels = {(0, *key): Fraction(c) for key, c in epochs_levels(forest, basis).items()}
    return epochs_polynomial(levels, basis)


def untied_count(forest: UpdateForest) -> Laurent:
    """Return the number of embeddings in the cumulant basis where every block has one node.

    Nodes then do not see each other: each is in any place of its batch, whatever order the epochs have.

    Returns
    -------
    dict
        Exponents of (N, B, E) -> coefficient.

    Examples
    --------
    >>> from sgdiagrams.diagrams import Diagram
    >>> from sgdiagrams.symbolic.embeddings.forests import update_forest
    >>> untied_count(update_forest(Diagram.parse("(0-1-2)(02-12)")))
    {(2, 0, 2): Fraction(1, 1)}
    """
    n = len(forest.parents)
    times = one_pass_count(forest, "cumulant", unit_batch=True)
    return {(t, n - t, t): c for (t, _), c in times.items()}


def full_batch_count(forest: UpdateForest, basis: Basis) -> Laurent:
    """Return the number of embeddings in E updates on all N datapoints.

    Nodes are at any times that the edges allow, blocks on any rows, or any that are different.

    Returns
    -------
    dict
        Exponents of (N, B, E) -> coefficient.

    Examples
    --------
    >>> from sgdiagrams.diagrams import Diagram
    >>> from sgdiagrams.symbolic.embeddings.forests import update_forest
    >>> full_batch_count(update_forest(Diagram.parse("(01-2)(01-12)")), "moment")
    {(1, 0, 1): Fraction(-1, 2), (1, 0, 2): Fraction(1, 2)}
    """
    P = forest.block_count
    rows = falling_factorial(P) if basis == "moment" else [0] * P + [1]
    times = one_pass_count(untied(forest), "cumulant", unit_batch=True)
    return {(i, 0, t): a * c for i, a in enumerate(rows) if a for (t, _), c in times.items()}


def epochs_levels(forest: UpdateForest, basis: Basis = "moment") -> dict[tuple[int, ...], int]:
    r"""Return the weak orders of the blocks by level sizes, each with its ways to choose epochs.

    The number of embeddings in E epochs of m = N/B batches of B is

    .. math:: \sum_w \binom{m}{L} \prod_l (B)_{k_l} \;
        \#\{e : \text{nodes} \to 1..E\}

    over all weak orders w of the blocks; an epoch e(child) is strictly before e(parent) where the
    child's level is not below the parent's, and not after it otherwise. The last factor is a
    polynomial in E, found from its values by dynamic programming from the leaves to the roots. Here
    it is written in binomials, so that everything is whole, and orders with the same sizes are added.

    Where noise is fresh at every visit, the nodes of a visit are in one epoch, and in the moment basis
    different visits of a block in different ones; nothing else depends on the basis. The last factor then
    comes from the weak orders of the visits, a level being an epoch.

    Returns
    -------
    dict
        ``(k, l_1, ..., l_n)`` -> coefficient of :math:`\binom{E}{k}` among the weak orders with
        :math:`l_s` levels of s blocks, for n nodes.
    """
    n = len(forest.parents)
    check_steps(
        count_weak_orders([-1] * forest.block_count),
        f"all weak orders of {forest.block_count} blocks",
        most=_MOST_ORDERS,
    )
    orders = _weak_orders(forest.block_count)
    # Edges between the same two blocks are strict together; from block to block there are few.
    pairs = list(dict.fromkeys((forest.blocks[c], forest.blocks[p]) for c, p in forest.edges))
    kind = orders.profile << len(pairs)
    for bit, (child, parent) in enumerate(pairs):
        kind = kind + (orders.later[child][parent] << bit)
    if len(orders.profiles) << len(pairs) > _MOST_KINDS:
        kinds, inverse = np.unique(kind, return_inverse=True)
        profiles, kinds = kinds >> len(pairs), kinds & (1 << len(pairs)) - 1
        masks, column = np.unique(kinds, return_inverse=True)
        counts = np.zeros((len(orders.profiles), len(masks)), dtype=np.int64)
        counts[profiles, column] = np.bincount(inverse)
    else:
        multiplicity = np.bincount(kind, minlength=len(orders.profiles) << len(pairs))
        by_mask = multiplicity.reshape(len(orders.profiles), -1)
        masks = np.flatnonzero(by_mask.any(axis=0))
        counts = by_mask[:, masks]
    is_large = bool(len(orders.profile) * (2 * max(n, 1)) ** n >> 62)
    # Python integers: products of these counts outgrow 64 bits at high orders.
    dtype = object if is_large else np.int64
    check_steps(
        len(masks) * n * (n + len(orders.profiles)),
        f"{n} nodes in {forest.block_count} blocks over epochs",
        most=_MOST_WHOLE if is_large else _MOST_SMALL,
    )
    bits = {pair: bit for bit, pair in enumerate(pairs)}
    strict = {
        child: (masks >> bits[forest.blocks[child], forest.blocks[parent]] & 1).astype(dtype)
        for child, parent in forest.edges
    }
    counts = counts.astype(dtype)
    if forest.visits is None:
        assignments = _epoch_assignments(forest, strict, (len(masks), n + 1), dtype)
        into_epochs = assignments @ _differences(n).astype(dtype)
    else:
        into_epochs = _visits_into_epochs(forest, strict, len(masks), basis).astype(dtype)
    binomials = (counts @ into_epochs).tolist()
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
def _differences(degree: int) -> NDArray[Any]:
    """Return the matrix from values at 0..degree to coefficients of binomials."""
    return np.array(
        [
            [(-1) ** (k - x) * comb(k, x) if x <= k else 0 for k in range(degree + 1)]
            for x in range(degree + 1)
        ],
        dtype=object,
    )


def _epoch_assignments(
    forest: UpdateForest,
    strict: dict[int, NDArray[Any]],
    shape: tuple[int, int],
    dtype: type,
) -> NDArray[Any]:
    """Return the number of epoch assignments for E = 0, 1, ..., one row for each kind of order.

    Parameters
    ----------
    forest
        The nodes.
    strict
        For every child of an update: for each kind of order 1 where its epoch is before its parent's.
    shape
        The number of kinds, and 1 + the greatest E.
    dtype
        Of the numbers.
    """
    ways: NDArray[Any] = np.ones((len(forest.parents), *shape), dtype=dtype)
    ways[:, :, 0] = 0  # epochs are counted from 1
    total: NDArray[Any] = np.ones(shape, dtype=dtype)
    for v in reversed(range(len(forest.parents))):
        until = np.cumsum(ways[v], axis=1)
        parent = forest.parents[v]
        if parent < 0:
            total *= until
        else:
            ways[parent] *= until - ways[v] * strict[v][:, None]
    return total


def _visits_into_epochs(
    forest: UpdateForest, strict: dict[int, NDArray[Any]], kinds: int, basis: Basis
) -> NDArray[np.int64]:
    """Return the number of ways to put the visits on k = 0, 1, ..., n epochs, none of them empty.

    Parameters
    ----------
    forest
        The nodes, with visits.
    strict
        As of `_epoch_assignments`.
    kinds
        Their number, which is that of the rows.
    basis
        In the moment basis visits of a block are in different epochs.
    """
    visits = forest.visits or ()
    R = max(visits, default=-1) + 1
    check_steps(count_weak_orders([-1] * R), f"all weak orders of {R} visits", most=_MOST_ORDERS)
    orders = _weak_orders(R)
    later = orders.later.astype(bool)
    levels = np.array([sum(sizes) for sizes in orders.profiles])[orders.profile]
    is_legal = np.ones(len(levels), dtype=bool)
    if basis == "moment":
        block_of = dict(zip(visits, forest.blocks, strict=True))
        for a, b in combinations(range(R), 2):
            if block_of[a] == block_of[b]:
                is_legal &= ~(later[a][b] & later[b][a])
    for child, parent in forest.edges:
        is_legal &= later[visits[parent]][visits[child]]
    result = np.zeros((kinds, len(forest.parents) + 1), dtype=np.int64)
    for kind in range(kinds):
        of_kind = is_legal.copy()
        for child, parent in forest.edges:
            if strict[child][kind]:
                of_kind &= ~later[visits[child]][visits[parent]]
        result[kind] = np.bincount(levels[of_kind], minlength=len(forest.parents) + 1)
    return result


def _product(p: list[int], q: list[int]) -> list[int]:
    result = [0] * (len(p) + len(q) - 1)
    for i, a in enumerate(p):
        for j, b in enumerate(q):
            result[i + j] += a * b
    return result
