r"""Which plug-in values make an unbiased value, and its leave-one-out values.

For a partition :math:`\sigma` of the nodes, the *plug-in value* :math:`V(\sigma)` is the product
over blocks of (weighted) sample averages with all edges contracted. The unbiased estimator of a
moment is the average over distinct tuples of samples, a U-statistic,

.. math:: U(\pi) = \frac{1}{(n)_{|\pi|}}
          \sum_{\sigma \ge \pi} \mu(\pi, \sigma)\, n^{|\sigma|}\, V(\sigma),

and a product of joint cumulants is :math:`\sum_{\rho \le \pi} \mu(\rho, \pi)` moment
:math:`(\rho)`, where :math:`\mu` is the Moebius function of the partition lattice. With
:math:`V^{(S)}_i(\sigma)` the plug-in value in which block :math:`S` is not averaged but taken at
sample :math:`i`, the sum over the distinct tuples that contain sample :math:`i` is

.. math:: A_i = \sum_{\sigma \ge \pi} \mu(\pi, \sigma)\, n^{|\sigma| - 1}
                \sum_{S \in \sigma} k_S V^{(S)}_i(\sigma)

with :math:`k_S` the number of blocks of :math:`\pi` inside :math:`S`, so that all leave-one-out
values :math:`((n)_m U - A_i) / (n - 1)_m`, :math:`m = |\pi|`, come without a second evaluation.

Partitions are those of the nodes that depend on the sample; functions of the weights are constants
and take no part, so that a partition may be empty.

Sources: Stanley, Enumerative Combinatorics 1, example 3.10.4 (Moebius function); Hoeffding, Ann.
Math. Statist. 19 (1948) 293 (U-statistics); Arvesen, Ann. Math. Statist. 40 (1969) 2076 (their
jackknife).
"""

from __future__ import annotations

import math
from collections import defaultdict
from fractions import Fraction
from functools import lru_cache
from itertools import combinations
from typing import TYPE_CHECKING

from sgdiagrams.diagrams.errors import StatisticsError
from sgdiagrams.diagrams.partitions import (
    coarsenings,
    moebius,
    refinements,
    restricted_growth_string,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sgdiagrams.diagrams.partitions import Partition

__all__ = [
    "coarse_with_moebius",
    "fine_with_moebius",
    "opened_factors",
    "plug_in_factors",
    "samples_for_error",
]


@lru_cache(maxsize=4096)
def fine_with_moebius(partition: Partition) -> tuple[tuple[Partition, int], ...]:
    """Return the refinements of a partition, each with its Moebius function.

    Examples
    --------
    >>> fine_with_moebius((0, 0))
    (((0, 0), 1), ((0, 1), -1))
    """
    return tuple((fine, moebius(fine, partition)) for fine in refinements(partition))


@lru_cache(maxsize=4096)
def coarse_with_moebius(partition: Partition) -> tuple[tuple[Partition, int], ...]:
    """Return the partitions that a partition refines, each with its Moebius function.

    Examples
    --------
    >>> coarse_with_moebius((0, 1))
    (((0, 0), -1), ((0, 1), 1))
    """
    return tuple((coarse, moebius(partition, coarse)) for coarse in coarsenings(partition))


def plug_in_factors(
    partition: Partition, basis: str, sample_size: int | None
) -> Mapping[Partition, Fraction]:
    """Return the factors of the plug-in values whose sum is the value in a basis.

    Parameters
    ----------
    partition
        Of the nodes that depend on the sample; a restricted growth string.
    basis
        ``"moment"``, ``"cumulant"``, ``"plug-in"`` or ``"distinct"``, which is the average over
        distinct tuples itself.
    sample_size
        Number of samples n for the average over distinct tuples; None for a population, where
        plain averages are exact.

    Raises
    ------
    StatisticsError
        When there are fewer samples than a tuple has.

    Examples
    --------
    >>> plug_in_factors((0, 1), "moment", 3)
    {(0, 0): Fraction(-1, 2), (0, 1): Fraction(3, 2)}
    >>> plug_in_factors((0, 0), "cumulant", None)
    {(0, 0): Fraction(1, 1), (0, 1): Fraction(-1, 1)}
    """
    if basis == "plug-in":
        return {partition: Fraction(1)}
    moments = _moments(partition, basis)
    if sample_size is None:
        return {moment: Fraction(factor) for moment, factor in moments.items()}
    n = sample_size
    factors: defaultdict[Partition, Fraction] = defaultdict(Fraction)
    for moment, factor in moments.items():
        m = _block_count(moment)
        if n < m:
            raise StatisticsError(
                f"expected at least {m} samples for an average over distinct {m}-tuples, "
                f"got sample_size={n}; bring more samples or lower the order"
            )
        for coarse, mu in coarse_with_moebius(moment):
            number = factor * mu * n ** _block_count(coarse)
            factors[coarse] += Fraction(number, math.perm(n, m))
    return dict(factors)


def opened_factors(
    partition: Partition, basis: str, sample_size: int
) -> Mapping[tuple[Partition, int], Fraction]:
    """Return the factors of plug-in values with one block at sample i, in leave-one-out values.

    What does not depend on the sample i that is left out is not given.

    Parameters
    ----------
    partition, basis
        As for :func:`plug_in_factors`.
    sample_size
        Number of samples n, at least :func:`samples_for_error`.

    Returns
    -------
    mapping
        A partition and the block of it that is taken at sample i -> factor.

    Examples
    --------
    The mean of three samples without the i-th is 3/2 mean - 1/2 value at i:

    >>> opened_factors((0,), "moment", 3)
    {((0,), 0): Fraction(-1, 2)}
    """
    n = sample_size
    factors: defaultdict[tuple[Partition, int], Fraction] = defaultdict(Fraction)
    if basis == "plug-in":
        # Expand prod over blocks of (n mean - value at i)/(n - 1); opened blocks merge into one.
        count = _block_count(partition)
        for size in range(1, count + 1):
            number = Fraction((-1) ** size * n ** (count - size), (n - 1) ** count)
            for opened in combinations(range(count), size):
                merged = restricted_growth_string(
                    opened[0] if block in opened else block for block in partition
                )
                factors[merged, merged[partition.index(opened[0])]] += number
        return dict(factors)
    for moment, factor in _moments(partition, basis).items():
        below = math.perm(n - 1, _block_count(moment))
        for coarse, mu in coarse_with_moebius(moment):
            number = factor * mu * n ** max(_block_count(coarse) - 1, 0)
            for _, block in set(zip(moment, coarse, strict=True)):  # block comes up k_S times
                factors[coarse, block] -= Fraction(number, below)
    return dict(factors)


def samples_for_error(partition: Partition, basis: str) -> int:
    """Return how many samples leave-one-out values need at least.

    Examples
    --------
    >>> samples_for_error((0, 0), "moment"), samples_for_error((0, 0), "cumulant")
    (2, 3)
    """
    if basis == "plug-in":
        return min(len(partition), 1) + 1
    return (len(partition) if basis == "cumulant" else _block_count(partition)) + 1


def _moments(partition: Partition, basis: str) -> Mapping[Partition, int]:
    """Return the averages over distinct tuples that make a value: they estimate moments."""
    if basis in ("moment", "distinct"):
        return {partition: 1}
    return dict(fine_with_moebius(partition))


def _block_count(partition: Partition) -> int:
    return max(partition, default=-1) + 1
