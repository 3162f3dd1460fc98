r"""Contractions of a population's moments as sums of those of cumulants, and the other way.

.. math:: \kappa(\pi) = \sum_{\rho \le \pi} \mu(\rho, \pi)\, M(\rho), \qquad
          M(\pi) = \sum_{\rho \le \pi} \kappa(\rho)

over the refinements of a partition of the nodes, with the Moebius function of the partition lattice
(Stanley, Enumerative Combinatorics 1, example 3.10.4). Functions of the weights are constants: each is
alone in its block, and partitions are those of the other nodes. A penalty does not depend on the
datapoint either, so that no joint cumulant has it.
"""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING

from sgdiagrams.diagrams.errors import StatisticsError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.diagrams.partitions import restricted_growth_string
from sgdiagrams.symbolic.algebra.unbiased import fine_with_moebius
from sgdiagrams.symbolic.contractions.contraction import Contraction
from sgdiagrams.symbolic.vocabulary import LOSS, PENALISED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sgdiagrams.diagrams.partitions import Partition

__all__ = [
    "OF_A_PENALTY",
    "contraction_of",
    "in_cumulants",
    "in_moments",
    "split_partition",
    "whole_partition",
    "with_constants_apart",
]

#: Derivatives of an L2 penalty that are not zero.
OF_A_PENALTY = 2
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


def with_constants_apart(contraction: Contraction) -> Contraction | None:
    """Return a contraction in which constants share no block; None where it is zero.

    A function of the weights is a factor of every average, and of no joint cumulant. No joint cumulant
    has a penalty, and neither has a third derivative.

    Examples
    --------
    >>> tied = Contraction.build([(0, 1)], [[0, 1]], labels=["loss", "s"])
    >>> with_constants_apart(tied)
    s_a G_a
    >>> with_constants_apart(tied.with_partition((0, 0), "cumulant")) is None
    True
    >>> with_constants_apart(contraction_of("kappa_a|a~"))
    C_aa
    """
    contraction = _without_zeros(contraction)
    partition = contraction.partition
    tied = [v for v, block in enumerate(partition) if partition.count(block) > 1]
    constant = [v for v in tied if contraction.labels[v] not in (LOSS, PENALISED)]
    if contraction.basis == "cumulant":
        return None if constant else _bare(contraction, partition)
    if not constant:
        return contraction
    above = max(partition) + 1
    blocks = [above + v if v in constant else block for v, block in enumerate(partition)]
    return contraction.with_partition(restricted_growth_string(blocks))


def _without_zeros(contraction: Contraction) -> Contraction:
    """Return a contraction with the bare loss where a penalty has too many derivatives."""
    if PENALISED not in contraction.labels:
        return contraction
    labels = [
        LOSS if label == PENALISED and legs > OF_A_PENALTY else label
        for label, legs in zip(contraction.labels, contraction.legs, strict=True)
    ]
    return Contraction.from_parts(
        contraction.edges,
        contraction.partition,
        labels,
        contraction.free,
        basis=contraction.basis,
    )


@lru_cache(maxsize=16384)
def in_moments(contraction: Contraction) -> Mapping[Contraction, int]:
    """Return the moments whose sum is a contraction, with their factors.

    Raises
    ------
    StatisticsError
        When it is an average over samples, or has more than ten nodes.

    Examples
    --------
    >>> in_moments(contraction_of("C_aa"))
    {M_a|a: 1, G_a G_a: -1}
    """
    if contraction.basis == "moment":
        return {contraction: 1}
    _check_population(contraction)
    inner, nodes = split_partition(contraction)
    n = contraction.node_count
    return _counted(
        (contraction.with_partition(whole_partition(fine, nodes, n), "moment"), mu)
        for fine, mu in fine_with_moebius(inner)
    )


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
        return {_bare(contraction, contraction.partition): 1}
    _check_population(contraction)
    inner, nodes = split_partition(contraction)
    n = contraction.node_count
    return _counted(
        (_bare(contraction, whole_partition(fine, nodes, n)), 1)
        for fine, _ in fine_with_moebius(inner)
    )


def _bare(contraction: Contraction, partition: Partition) -> Contraction:
    """Return a product of joint cumulants, in which penalties are constants."""
    if PENALISED not in contraction.labels:
        return contraction.with_partition(partition, "cumulant")
    labels = [
        LOSS if label == PENALISED and partition.count(block) > 1 else label
        for label, block in zip(contraction.labels, partition, strict=True)
    ]
    return Contraction.from_parts(
        contraction.edges, partition, labels, contraction.free, basis="cumulant"
    )


def _check_population(contraction: Contraction) -> None:
    if contraction.basis not in ("moment", "cumulant"):
        raise StatisticsError(
            f"expected moments or cumulants, got the {contraction.basis} value "
            f"{shown(str(contraction))}"
        )


def split_partition(contraction: Contraction) -> tuple[Partition, tuple[int, ...]]:
    """Return the partition of the nodes that depend on datapoints, and these nodes.

    Examples
    --------
    >>> split_partition(contraction_of("M_a|b s_a G_b"))
    ((0, 0, 1), (1, 2, 3))
    """
    nodes = tuple(v for v, label in enumerate(contraction.labels) if label in (LOSS, PENALISED))
    inner = restricted_growth_string(contraction.partition[v] for v in nodes)
    if len(inner) > _MOST_NODES:
        raise StatisticsError(
            f"expected at most {_MOST_NODES} nodes for a change of basis, got {len(inner)}"
        )
    return inner, nodes


def whole_partition(inner: Partition, nodes: tuple[int, ...], node_count: int) -> Partition:
    """Return a partition of all nodes: that of some, and the others alone.

    Examples
    --------
    >>> whole_partition((0, 0), (0, 2), 3)
    (0, 1, 0)
    """
    if len(nodes) == node_count:
        return inner
    blocks = [len(nodes) + v for v in range(node_count)]
    for v, block in zip(nodes, inner, strict=True):
        blocks[v] = block
    return restricted_growth_string(blocks)


def _counted(pairs: Iterable[tuple[Contraction, int]]) -> Mapping[Contraction, int]:
    factors: Counter[Contraction] = Counter()
    for contraction, factor in pairs:
        factors[contraction] += factor
    return {contraction: factor for contraction, factor in factors.items() if factor}
