r"""Which vectors are gradients: the scalar, and what is left where there is none.

Taking the free leg off a vector contraction gives a scalar one, Q; the gradient of Q is the sum over its
nodes of Q with the leg there. So a combination of vectors is a gradient exactly if for every Q the
vectors made of it come in the proportions of that gradient. Where they do not, the multiple of Q is taken
that is right on the average over its nodes, and the rest is the obstruction.

Contractions are told apart as they are for general losses of enough weights: with one weight every vector
is a gradient.
"""

from __future__ import annotations

from sympy import Add, Expr, Rational

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.symbolic.algebra.conversions import OF_A_PENALTY
from sgdiagrams.symbolic.algebra.expression import Expression
from sgdiagrams.symbolic.contractions.contraction import Contraction
from sgdiagrams.symbolic.vocabulary import LOSS, PENALISED

__all__ = ["potential_of"]


def potential_of(vector: Expression) -> tuple[Expression, Expression]:
    """Return a scalar and a vector, the obstruction, so that the gradient and the vector add up.

    Raises
    ------
    RequestError
        When there is not one free leg.

    Examples
    --------
    >>> potential_of(2 * Expression.of("H_ab H_bc G_c") + Expression.of("J_abc G_b G_c"))
    (Expression.parse('G_a H_ab G_b'), Expression.parse('0 G_a'))
    >>> potential_of(4 * Expression.of("H_ab H_bc G_c") + Expression.of("J_abc G_b G_c"))
    (Expression.parse('5/3 G_a H_ab G_b'), Expression.parse('2/3 H_ab H_bc G_c - 2/3 J_abc G_b G_c'))
    """
    if vector.rank != 1:
        raise RequestError(f"expected a vector, one free leg, got {vector.rank}")
    has_penalty = any(PENALISED in k.labels for k in vector.contractions)
    of_scalars: dict[Contraction, list[Expr]] = {}
    for coefficient, k in vector.terms:
        labels = _closed_labels(k) if has_penalty else k.labels
        scalar = Contraction.from_parts(k.edges, k.partition, labels, (), basis=k.basis)
        of_scalars.setdefault(scalar, []).append(coefficient)
    potential = Expression(
        (Add(*coefficients) * Rational(1, scalar.node_count), scalar)
        for scalar, coefficients in of_scalars.items()
    )
    return potential, vector - potential.gradient()


def _closed_labels(vector: Contraction) -> list[str]:
    """Return the labels without the free leg, among losses with a penalty.

    The third derivative has no penalty, and the second, which it is the derivative of, has one; but not
    in a joint cumulant.
    """
    [node] = vector.free
    labels = list(vector.labels)
    is_tied = vector.partition.count(vector.partition[node]) > 1
    is_third = labels[node] == LOSS and vector.legs[node] == OF_A_PENALTY + 1
    if is_third and not (is_tied and vector.basis == "cumulant"):
        labels[node] = PENALISED
    return labels
