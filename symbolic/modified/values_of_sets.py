"""Averages over distinct rows of a training set, as moments of the set itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sympy import Integer, Mul

from sgdiagrams.diagrams.partitions import coarsenings, moebius, restricted_growth_string
from sgdiagrams.symbolic.algebra.expression import Expression
from sgdiagrams.symbolic.vocabulary import LOSS, PENALISED

if TYPE_CHECKING:
    from sympy import Expr

    from sgdiagrams.symbolic.contractions.contraction import Contraction

__all__ = ["in_values_of_the_set"]


def in_values_of_the_set(expression: Expression, rows: Expr) -> Expression:
    r"""Return averages over distinct tuples of N rows in moments of the N rows.

    .. math:: U(\pi) = \sum_{\sigma \ge \pi} \mu(\pi, \sigma) \frac{N^{|\sigma|}}{(N)_{|\pi|}} M(\sigma)

    over the coarser partitions of the nodes that have a datapoint.

    Examples
    --------
    >>> from sgdiagrams.symbolic.symbols import N
    >>> in_values_of_the_set(Expression.of("G_a G_a"), N)
    Expression.parse('N/(N - 1) G_a G_a - 1/(N - 1) M_a|a')
    """
    return Expression(
        (
            (coefficient * factor, moment)
            for coefficient, k in expression.terms
            for factor, moment in _moments(k, rows)
        ),
        expression.rank,
    )


def _moments(k: Contraction, rows: Expr) -> list[tuple[Expr, Contraction]]:
    data = [v for v, label in enumerate(k.labels) if label in (LOSS, PENALISED)]
    blocks: dict[int, int] = {}
    fine = tuple(blocks.setdefault(k.partition[v], len(blocks)) for v in data)
    below = Mul(*(rows - i for i in range(len(blocks))))
    result = []
    for coarse in coarsenings(fine):
        partition = [-1 - v for v in range(k.node_count)]
        for v, block in zip(data, coarse, strict=True):
            partition[v] = block
        count = max(coarse, default=-1) + 1
        factor = Integer(moebius(fine, coarse)) * rows**count / below
        result.append((factor, k.with_partition(restricted_growth_string(partition), "moment")))
    return result


def in_plug_in_values(expression: Expression) -> Expression:
    """Return moments of a set as what they are of its rows: plug-in values.

    Examples
    --------
    >>> in_plug_in_values(Expression.of("M_a|b H_ab")).basis
    'plug-in'
    """
    return Expression(
        ((c, k.with_partition(k.partition, "plug-in")) for c, k in expression.terms),
        expression.rank,
    )
