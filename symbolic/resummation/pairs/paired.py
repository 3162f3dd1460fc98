r"""Stationary weights with momentum: symmetric in both roots, so rational functions of h and beta.

The sum over both roots of every edge's kernel, :math:`(r^D - s^D)/(r - s)` of a heavy ball, is symmetric
in them, so that a time sum for T to infinity is rational in their sum t, :math:`1 + \beta - h`, and
their product b, :math:`\beta`.
"""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from itertools import combinations
from math import factorial
from typing import TYPE_CHECKING, NamedTuple

from sympy import Expr, Integer, Pow, Rational, Tuple

from sgdiagrams.symbolic.resummation.pairs.pair_law import PairLaw
from sgdiagrams.symbolic.resummation.pairs.root_pairs import Factor, PairedSummand, Pairs
from sgdiagrams.symbolic.resummation.pairs.root_product import RootProduct
from sgdiagrams.symbolic.weights.laurent import to_expr

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flint import fmpq_mpoly

    from sgdiagrams.symbolic.resummation.dressed import DressedComponent, DressedCount, Structure
    from sgdiagrams.symbolic.resummation.pairs.root_pairs import LinearForm

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
    count: DressedCount, *, eigenvalues: Sequence[Expr], variables: Sequence[Expr]
) -> tuple[PairedTerm, ...]:
    """Return the leading part of a dressed count with two roots an edge, for T to infinity.

    Parameters
    ----------
    count
        What to write.
    eigenvalues
        h for the edge above every update; 0 where the direction is flat.
    variables
        What stands for the variable of the pair there, see `PairLaw`.
    """
    law = PairLaw.of(count.dressing)
    assert law is not None  # noqa: S101 - callers have two roots
    parts = (_component(c, count, law, eigenvalues, variables) for c in count.components)
    return paired_product((PairedTerm(count.factor * count.share, Integer(1), ()),), *parts)


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
    law: PairLaw,
    h: Sequence[Expr],
    variables: Sequence[Expr],
) -> tuple[PairedTerm, ...]:
    edges = _Edges(part, count, law, h)
    # One root of every steep edge stands for both; the roots of a flat one are 1 and another.
    chosen = [s for s in part.structures if not any(count.chosen(s)[i] == 1 for i in edges.steep)]
    grown = [(edges.growth(s), s) for s in chosen]
    most = max((k for k, _ in grown), default=0)
    totals = edges.pairs.total(
        [edges.summand(s) for k, s in grown if k == most],
        divisors=edges.divisors,
        exact=edges.exact,
    )
    places = [part.nodes[i] for i in edges.steep]
    inputs = (*edges.pairs.parameters, *(variables[v] for v in places))
    time = Pow(count.T, Integer(most))
    terms = []
    for (n, b), (polynomial, below) in totals.items():
        divisors = (
            (edges.named(f, [h[places[i]] for i in f.indices]), k) for f, k in below.items()
        )
        front = Pow(count.N, Integer(n)) * Pow(count.B, Integer(b)) * time
        above = to_expr(polynomial, inputs) * Rational(1, factorial(most))
        terms.append(PairedTerm(front, above, (*divisors, *edges.splits)))
    return tuple(terms)


class _Edges:
    """The edges of a component, steep and flat, with what their roots come with.

    Attributes
    ----------
    steep, flat
        The places of nodes among those of the component.
    pairs
        Those of the steep edges.
    divisors, exact
        What sums over both roots are divided by, the last without a remainder.
    splits
        The differences of the roots of flat edges.
    """

    def __init__(
        self, part: DressedComponent, count: DressedCount, law: PairLaw, h: Sequence[Expr]
    ) -> None:
        self._count = count
        self._law = law
        dressing = count.dressing
        # A mean has a root 1, which is no factor.
        self._is_fading = bool(dressing.more) and not dressing.is_mean
        [self._more] = dressing.more or (None,)
        self._outer = [v in count.into_root for v in part.nodes]
        self.steep = [i for i, v in enumerate(part.nodes) if h[v] != 0]
        self.flat = [i for i, v in enumerate(part.nodes) if h[v] == 0]
        self.pairs = Pairs(len(self.steep), law, self._more)
        self._polynomials = [
            [self.pairs.polynomial(c) for c in own]
            for own in (dressing.numerator, dressing.readout)
        ]
        self._one = self.pairs.polynomial(Integer(1))
        self.divisors: Counter[Factor] = Counter()
        self.exact = self._one
        for place, i in enumerate(self.steep):
            if self._has_more(i):
                self.divisors[Factor((place,), 0, -1)] += 1
            if self._numerator(i)[-1]:
                self.exact = self.exact * self.pairs.pair(place)[1]
        self.splits = tuple((split, 1) for split in map(self._split, self.flat) if split != 1)

    def _has_more(self, i: int) -> bool:
        return self._outer[i] and self._more is not None

    def _numerator(self, i: int) -> list[fmpq_mpoly]:
        return self._polynomials[self._outer[i]]

    def _split(self, i: int) -> Expr:
        flat = self._law.flat_root
        split = 1 - flat
        return split * (1 - self._more) * (flat - self._more) if self._has_more(i) else split

    def named(self, f: Factor, h: Sequence[Expr]) -> Expr:
        """Return a product over both roots at eigenvalues."""
        power: Expr = Integer(f.power)
        if f.more:
            power = Tuple(f.power, f.more, self._more)
        return RootProduct(self._law.args, power, *h)

    def growth(self, s: Structure) -> int:
        """Return how many levels remember for ever: those of roots that are 1 alone."""
        return sum(not any(self._alive(s, level)) for level in s.alive)

    def _alive(self, s: Structure, level: Sequence[int]) -> tuple[tuple[int, ...], int, int]:
        """Return the steep edges that are alive, and how many faded roots of flat edges and averages."""
        which, step = self._count.chosen(s), self._count.roots_per_edge
        own = tuple(k for k, i in enumerate(self.steep) if which[i] == 0 and level[step * i])
        fast = sum(level[step * i + 1] for i in self.flat)
        more = sum(level[step * i + 2] for i in range(len(which))) if self._is_fading else 0
        return own, fast, more

    def summand(self, s: Structure) -> PairedSummand:
        """Return what one structure contributes, with one root of every steep edge."""
        factors: list[Factor] = []
        exponents: Counter[int] = Counter()
        for level in s.alive:
            own, fast, more = self._alive(s, level)
            exponents.update(own)
            if own or fast or more:
                factors.append(Factor(own, fast, more))
        which, step = self._count.chosen(s), self._count.roots_per_edge
        spans = [sum(level[step * i + k] for level in s.alive) for i, k in enumerate(which)]
        scale = self._one
        for i in self.flat:
            scale = scale * self._flat_share(i, which[i], spans[i])
        linear = tuple(
            self._steep_share(place, i, which[i], spans[i]) for place, i in enumerate(self.steep)
        )
        coefficients = {(n, b): Fraction(c) for (n, b), c in s.coefficient.items()}
        counted = tuple(exponents[k] for k in range(len(self.steep)))
        return PairedSummand(coefficients, counted, 0, tuple(factors), linear, scale)

    def _flat_share(self, i: int, which: int, span: int) -> fmpq_mpoly:
        """Return what a root of a flat edge comes with, but for the differences of all its roots."""
        more = [self.pairs.more] if self._has_more(i) else []
        roots = [self._one, self.pairs.flat, *more]
        x = roots.pop(which)
        result = _at(self._numerator(i), x) * x ** (span - 1)
        for a, b in combinations(roots, 2):
            result = result * (a - b)
        return result

    def _steep_share(self, place: int, i: int, which: int, span: int) -> LinearForm:
        r"""Return what a root x of a steep edge comes with, over x as often as levels have it.

        Its reciprocal is :math:`(t - x)/b`. With an average, :math:`1/(x - a) = (y - a)/\chi(a)`, y the
        other root and :math:`\chi(a)` a divisor; the root a itself is in no level, and x/(x - y) sums
        up to 1 over both.
        """
        t, b = self.pairs.pair(place)
        *first, last = self._numerator(i)
        over = b if last else self._one
        zero = 0 * self._one
        if not self._has_more(i):
            [one] = first
            return one * over + last * t, -last
        two, one = first
        a = self.pairs.more
        if which:
            return zero, _at([two, one, last], a) * a ** (span - 1) * over
        rest = t - a
        return (
            (two * b + one * rest) * over + last * (rest * t - b),
            -(two * a + one) * over - last * rest,
        )


def _at(coefficients: Sequence[fmpq_mpoly], x: fmpq_mpoly) -> fmpq_mpoly:
    """Return a polynomial at x."""
    total = 0 * x
    for c in coefficients:
        total = total * x + c
    return total
