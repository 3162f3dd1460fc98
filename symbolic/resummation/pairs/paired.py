r"""Stationary weights with momentum: symmetric in both roots, so rational functions of h and beta.

The sum over both roots of every edge's kernel :math:`(r^D - s^D)/(r - s)` is symmetric in them, so that
a time sum for T to infinity is rational in :math:`t = r + s = 1 + \beta - h` and :math:`\beta = r s`.
"""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from math import factorial
from typing import TYPE_CHECKING, NamedTuple

from sympy import Expr, Integer, Pow, Rational

from sgdiagrams.symbolic.resummation.pairs.root_pairs import Factor, PairedSummand, Pairs
from sgdiagrams.symbolic.resummation.pairs.root_product import RootProduct
from sgdiagrams.symbolic.weights.laurent import to_expr

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sgdiagrams.symbolic.resummation.dressed import DressedComponent, DressedCount, Structure

__all__ = ["PairedTerm", "paired_product", "stationary_in_pairs"]


class PairedTerm(NamedTuple):
    """A part of a weight that is symmetric in both roots at every index.

    Attributes
    ----------
    front
        A product of powers of N, B and T.
    above
        A polynomial in sums of roots and beta.
    below
        The products over both roots by which it is divided, and how often; no one divides `above`.
    """

    front: Expr
    above: Expr
    below: tuple[tuple[Expr, int], ...]


def stationary_in_pairs(
    count: DressedCount, *, eigenvalues: Sequence[Expr], sums: Sequence[Expr], memory: Expr
) -> tuple[PairedTerm, ...]:
    """Return the leading part of a dressed count with two roots an edge, for T to infinity.

    Parameters
    ----------
    count
        What to write.
    eigenvalues
        h for the edge above every update; 0 where the direction is flat.
    sums
        What stands for 1 + beta - h there.
    memory
        The momentum beta, the product of both roots.
    """
    parts = (_component(c, count, eigenvalues, sums, memory) for c in count.components)
    return paired_product((PairedTerm(count.factor, Integer(1), ()),), *parts)


def paired_product(*sums: tuple[PairedTerm, ...]) -> tuple[PairedTerm, ...]:
    """Return the product of sums that have no index in common."""
    result = [PairedTerm(Integer(1), Integer(1), ())]
    for own in sums:
        result = [
            PairedTerm(a.front * b.front, a.above * b.above, (*a.below, *b.below))
            for a in result
            for b in own
        ]
    return tuple(result)


def _component(
    part: DressedComponent,
    count: DressedCount,
    h: Sequence[Expr],
    sums: Sequence[Expr],
    memory: Expr,
) -> tuple[PairedTerm, ...]:
    steep = [i for i, v in enumerate(part.nodes) if h[v] != 0]
    flat = [i for i, v in enumerate(part.nodes) if h[v] == 0]
    # One root of every steep edge stands for both; the roots of a flat one are 1 and beta.
    chosen = [s for s in part.structures if not any(x[2 * i + 1] for x in s.alive for i in steep)]
    grown = [(_growth(s, flat, steep), s) for s in chosen]
    most = max((k for k, _ in grown), default=0)
    totals = Pairs(len(steep)).total([_summand(s, flat, steep) for k, s in grown if k == most])
    places = [part.nodes[i] for i in steep]
    variables = (memory, *(sums[v] for v in places))
    time = Pow(count.T, Integer(most))
    # The difference of both roots of every flat edge.
    split = ((RootProduct(memory, 1), len(flat)),) if flat else ()
    terms = []
    for (n, b), (polynomial, below) in totals.items():
        divisors = (
            (RootProduct(memory, f.power, *(h[places[i]] for i in f.indices)), k)
            for f, k in below.items()
        )
        front = Pow(count.N, Integer(n)) * Pow(count.B, Integer(b)) * time
        above = to_expr(polynomial, variables) * Rational(1, factorial(most))
        terms.append(PairedTerm(front, above, (*divisors, *split)))
    return tuple(terms)


def _growth(s: Structure, flat: Sequence[int], steep: Sequence[int]) -> int:
    """Return how many levels remember for ever: those with the slow roots of flat edges alone."""
    return sum(
        not any(level[2 * i] for i in steep) and not any(level[2 * i + 1] for i in flat)
        for level in s.alive
    )


def _summand(s: Structure, flat: Sequence[int], steep: Sequence[int]) -> PairedSummand:
    factors: list[Factor] = []
    exponents: Counter[int] = Counter()
    power = 0
    for level in s.alive:
        own = tuple(k for k, i in enumerate(steep) if level[2 * i])
        fast = sum(level[2 * i + 1] for i in flat)
        exponents.update(own)
        power += fast
        if own or fast:
            factors.append(Factor(own, fast))
    coefficients = {(n, b): Fraction(c) for (n, b), c in s.coefficient.items()}
    return PairedSummand(
        coefficients, tuple(exponents[k] for k in range(len(steep))), power, tuple(factors)
    )
