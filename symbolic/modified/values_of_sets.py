"""Averages over distinct rows of a training set, as moments of the set itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sgdiagrams.symbolic.algebra.expression import Expression

if TYPE_CHECKING:
    from sympy import Expr

    from sgdiagrams.symbolic.contractions.graph import ValueBasis

__all__ = ["in_plug_in_values", "in_values_of_the_set"]


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
    return _of_basis(expression.in_basis("plug-in", N=rows), "moment")


def in_plug_in_values(expression: Expression) -> Expression:
    """Return moments of a set as what they are of its rows: plug-in values.

    Examples
    --------
    >>> in_plug_in_values(Expression.of("M_a|b H_ab")).basis
    'plug-in'
    """
    return _of_basis(expression, "plug-in")


def _of_basis(expression: Expression, basis: ValueBasis) -> Expression:
    """Return the same averages under the name of another basis."""
    return Expression(
        ((c, k.with_partition(k.partition, basis)) for c, k in expression.terms), expression.rank
    )
