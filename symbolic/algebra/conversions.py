r"""Contractions of one basis as sums of those of the other.

.. math:: \kappa(\pi) = \sum_{\rho \le \pi} \mu(\rho, \pi)\, M(\rho), \qquad
          M(\pi) = \sum_{\rho \le \pi} \kappa(\rho)

over the refinements of a partition of the nodes, with the Moebius function of the partition lattice
(Stanley, Enumerative Combinatorics 1, example 3.10.4).
"""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING

from sgdiagrams.diagrams.errors import StatisticsError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.diagrams.partitions import moebius, refinements
from sgdiagrams.symbolic.contractions.contraction import Contraction

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["contraction_of", "in_cumulants", "in_moments"]

_MOST_NODES = 10  # of which there are 115,975 partitions


def contraction_of(given: Contraction | str) -> Contraction:
    """Return a contraction as it is, or what its text says.

    Raises
    ------
    DiagramError
        When it is neither.

    Examples
    --------
    >>> contraction_of("G_b G_b")
    G_a G_a
    """
    return given if isinstance(given, Contraction) else Contraction.parse(given)


@lru_cache(maxsize=16384)
def in_moments(contraction: Contraction) -> Mapping[Contraction, int]:
    """Return the moments whose sum is a contraction, with their factors.

    Raises
    ------
    StatisticsError
        When it is an average over samples, or one block has more than ten nodes.

    Examples
    --------
    >>> in_moments(contraction_of("C_aa"))
    {M_a|a: 1, G_a G_a: -1}
    """
    if contraction.basis == "moment":
        return {contraction: 1}
    _check_basis(contraction)
    factors: Counter[Contraction] = Counter()
    for fine in refinements(contraction.partition):
        moment = contraction.with_partition(fine, "moment")
        factors[moment] += moebius(fine, contraction.partition)
    return {moment: factor for moment, factor in factors.items() if factor}


@lru_cache(maxsize=16384)
def in_cumulants(contraction: Contraction) -> Mapping[Contraction, int]:
    """Return the products of cumulants whose sum is a contraction, with their factors.

    Raises
    ------
    StatisticsError
        As `in_moments`.

    Examples
    --------
    >>> in_cumulants(contraction_of("M_a|a"))
    {C_aa: 1, G_a G_a: 1}
    """
    if contraction.basis == "cumulant":
        return {contraction: 1}
    _check_basis(contraction)
    fines = refinements(contraction.partition)
    return dict(Counter(contraction.with_partition(fine, "cumulant") for fine in fines))


def _check_basis(contraction: Contraction) -> None:
    if contraction.basis not in ("moment", "cumulant"):
        raise StatisticsError(
            f"expected moments or cumulants, got the {contraction.basis} value "
            f"{shown(str(contraction))}"
        )
    if contraction.node_count > _MOST_NODES:
        raise StatisticsError(
            f"expected at most {_MOST_NODES} nodes for a change of basis, "
            f"got {contraction.node_count}"
        )
