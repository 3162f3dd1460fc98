r"""Which groups of datapoints meet in a product, and what leaving a group out says of the error.

The datapoints of a round are M disjoint groups, M a prime number. The blocks of a contraction are put on
distinct groups :math:`g + a_b u \pmod M`: the *offsets* :math:`a_b` are distinct, the *multiplier* u is
one of a few, g runs over all groups. Every product of such a design is unbiased, because its factors
come from different datapoints, and every group has every place equally often, so that what is linear in
the groups is averaged as well as by all products.

Errors are those of the jackknife that leaves out one group (Efron and Stein, Ann. Statist. 9 (1981) 586).
Where a design is not complete, what is left when a group is taken out is unbalanced, and the plain
jackknife is too large. It is divided by what it gives for a statistic that is linear in the groups, over
what is right for that, which is known from the design alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Cells", "Grouping", "best_grouping", "leave_out_factors"]

_PRIMES = (7, 11, 13, 17, 19, 23)
#: Products of cells of two trees, at most.
_MOST_CELLS = 2**19


@final
@dataclass(frozen=True, slots=True)
class Grouping:
    """The groups of a round and how products of them are chosen.

    Attributes
    ----------
    groups
        Their number M, a prime; or 1 where all datapoints take part in everything.
    size
        Datapoints of a group, n.
    columns
        How many multipliers there are.
    window
        Datapoints that a straddled node is averaged over for each of the datapoints around it.
    pairings
        How many datapoints of a second block each datapoint of a first one meets.
    """

    groups: int
    size: int
    columns: int = 3
    window: int = 16
    pairings: int = 4

    @property
    def is_complete(self) -> bool:
        """Whether all datapoints take part in everything, without regard to distinctness."""
        return self.groups == 1

    @property
    def samples(self) -> int:
        """The number of datapoints."""
        return self.groups * self.size

    def multiplier(self, column: NDArray[np.intp] | int) -> NDArray[np.intp]:
        """Return the multipliers of columns, the same from both ends of the groups.

        Examples
        --------
        >>> Grouping(7, 2, columns=4).multiplier(np.arange(4)).tolist()
        [1, 2, 3, 4]
        """
        return np.asarray(1 + np.asarray(column) % max(self.groups - 1, 1), dtype=np.intp)

    def place(
        self, group: NDArray[np.intp], offset: int, column: NDArray[np.intp] | int
    ) -> NDArray[np.intp]:
        """Return the groups at an offset from others."""
        return np.asarray((group + offset * self.multiplier(column)) % self.groups, dtype=np.intp)

    def mask(
        self, group: NDArray[np.intp], count: int, column: NDArray[np.intp] | int
    ) -> NDArray[np.uint64]:
        """Return the groups at the offsets 0, ..., count - 1 as bits."""
        bits = np.zeros(np.broadcast(group, column).shape, dtype=np.uint64)
        if self.is_complete:
            return bits
        for offset in range(count):
            bits |= np.uint64(1) << self.place(group, offset, column).astype(np.uint64)
        return bits


def best_grouping(samples: int, blocks: int) -> tuple[int, int]:
    """Return the number of groups and their size for so many datapoints and blocks of a contraction.

    There are at least two groups more than blocks, if there are enough datapoints, else one more, so that
    a group can be left out; of the prime numbers that leave over few datapoints the larger is taken, for
    it gives more degrees of freedom. ``(0, 0)`` where there are too few datapoints.

    Examples
    --------
    >>> best_grouping(64, 4), best_grouping(1797, 4), best_grouping(5, 3)
    ((7, 9), (11, 163), (5, 1))
    """
    primes = [m for m in _PRIMES if blocks + 2 <= m <= samples]
    if not primes:
        few = [m for m in (2, 3, 5, *_PRIMES) if blocks < m <= samples]
        return (few[-1], samples // few[-1]) if few else (0, 0)
    lowest = primes[0]
    for m in reversed(primes[:2]):
        if samples - samples // m * m <= max(samples // 20, samples % lowest):
            return m, samples // m
    return lowest, samples // lowest


class Cells(NamedTuple):
    """Numbers, or rows of vectors, with the groups that they come from, and their weights.

    Attributes
    ----------
    masks
        Groups as bits, shape (K,).
    values
        Shape (K,): numbers, or factors of the rows of a table.
    """

    masks: NDArray[np.uint64]
    values: NDArray[np.float64]

    def times(self, other: Cells, *, seed: int = 0) -> Cells:
        """Return the products of cells that have no group in common; of very many, some."""
        first, second = _thinned(self, other, seed)
        free = (first.masks[:, None] & second.masks[None, :]) == 0
        i, j = np.nonzero(free)
        return Cells(first.masks[i] | second.masks[j], first.values[i] * second.values[j])


def _thinned(one: Cells, other: Cells, seed: int) -> tuple[Cells, Cells]:
    if len(one.values) * len(other.values) <= _MOST_CELLS:
        return one, other
    rng = np.random.default_rng((seed, len(one.values), len(other.values)))
    most = int(_MOST_CELLS**0.5)
    picks = [
        np.sort(rng.permutation(len(c.values))[:most]) if len(c.values) > most else slice(None)
        for c in (one, other)
    ]
    return tuple(Cells(c.masks[p], c.values[p]) for c, p in zip((one, other), picks, strict=True))  # type: ignore[return-value]


def leave_out_factors(
    masks: NDArray[np.uint64], groups: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    r"""Return the factors of cells in a mean, and in deviations whose squares sum to its variance.

    Parameters
    ----------
    masks
        The groups of every cell, as bits; shape (K,).
    groups
        The number of groups M.

    Returns
    -------
    ndarray, shape (K,)
        Of the mean of all cells.
    ndarray, shape (M, K)
        Row g: the mean without the cells of group g, less the mean of these means, scaled. Infinite where
        a group is in all cells.

    Examples
    --------
    Two numbers, each of a group of its own: the error of their mean.

    >>> mean, deviations = leave_out_factors(np.array([1, 2], dtype=np.uint64), 2)
    >>> round(float(np.sqrt(np.sum((deviations @ [3.0, 5.0]) ** 2))), 12)
    1.0
    """
    mean, factors = _leave_out(masks.tobytes(), groups)
    return mean, factors


@lru_cache(maxsize=128)
def _leave_out(
    masks_as_bytes: bytes, groups: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    masks = np.frombuffer(masks_as_bytes, dtype=np.uint64)
    count = len(masks)
    mean = np.full(count, 1 / count)
    if groups == 1 or not masks.any():
        return mean, np.zeros((0 if groups == 1 else groups, count))
    bits = np.arange(groups, dtype=np.uint64)
    inside = (masks[None, :] >> bits[:, None]) & np.uint64(1) == 1
    left = count - inside.sum(axis=1)
    if not left.all():
        return mean, np.full((groups, count), np.inf)
    factors = np.where(inside, 0.0, 1 / left[:, None])
    factors -= factors.mean(axis=0)
    # A statistic that is linear in the groups: every cell the sum of its groups' numbers.
    linear = factors @ inside.T
    of_linear = (linear**2).sum() * (groups - 1) / groups
    right = ((inside @ mean) ** 2).sum()
    scale = np.sqrt((groups - 1) / groups * right / of_linear) if of_linear > 0 else 0.0
    return mean, factors * scale
