r"""Quotients in exponentials such as beta**T as a person writes them: collected, and short.

Expanded over one denominator the weights of momentum are hundreds of monomials. They are collected by
powers of T and N first, then by exponentials, then by parameters, every coefficient factored:

.. math:: \frac{T (1 - \beta) - \beta (1 - \beta^T)}{(1 - \beta)^2};

over one denominator, or every coefficient over its own where that is clearly shorter.
"""

from __future__ import annotations

from fractions import Fraction
from math import gcd, lcm
from typing import TYPE_CHECKING, Any, NamedTuple

from flint import fmpq, fmpq_mpoly_ctx
from sympy import Pow

from sgdiagrams.symbolic.layout.formulas import Group, OneLine, Sum, product
from sgdiagrams.symbolic.layout.nodes import ONE, Node, Numeral, power
from sgdiagrams.symbolic.printing.polynomials import StandIn, monomial, over, powers
from sgdiagrams.symbolic.weights.factoring import MOST_DEGREE

if TYPE_CHECKING:
    from collections.abc import Sequence

    import sympy

    from sgdiagrams.symbolic.weights.factoring import Terms

__all__ = ["BELOW_ONE", "Written", "collected_quotient", "has_levels"]

#: Parameters of optimisers; 1 - beta is positive.
BELOW_ONE = ("beta", "gamma", "alpha")
# Sums of fewer monomials are left as they are.
_LEAST = 4
# Fractions apart must save a fifth of the width: one denominator is easier to read.
_APART = (4, 5)

#: A polynomial of FLINT.
_Poly = Any


class Written(NamedTuple):
    """A sign, ``+1`` or ``-1``, the absolute value, and its terms where it is a sum of its own."""

    sign: int
    node: Node | None
    terms: tuple[tuple[int, Node], ...] = ()


def has_levels(gens: Sequence[sympy.Symbol]) -> bool:
    """Tell whether there are exponentials, or parameters of optimisers, among the generators."""
    return any(isinstance(g, StandIn) or g.name in BELOW_ONE for g in gens)


def collected_quotient(above: Terms, below: Terms, gens: Sequence[sympy.Symbol]) -> Written:
    """Return a reduced quotient as a sign and a node; None stands for 1."""
    above, below, gens = _decaying(above, below, list(gens))
    writer = _Collector(gens)
    return writer.quotient(writer.poly(above), writer.poly(below), 0)


def _decaying(
    above: Terms, below: Terms, gens: list[sympy.Symbol]
) -> tuple[Terms, Terms, list[sympy.Symbol]]:
    """Write powers of numbers that a quotient is divided by, 1/2^T, as powers that decay: (1/2)^T."""
    for i, g in enumerate(gens):
        degrees = [max((exps[i] for exps, _ in f), default=0) for f in (above, below)]
        if not degrees[1] or not isinstance(g, StandIn) or not g.power.base.is_Rational:
            continue
        gens[i] = StandIn(Pow(1 / g.power.base, g.power.exp))
        most = max(degrees)
        above, below = (
            tuple(((*exps[:i], most - exps[i], *exps[i + 1 :]), c) for exps, c in f)
            for f in (above, below)
        )
        least = min(exps[i] for f in (above, below) for exps, _ in f)
        above, below = (
            tuple(((*exps[:i], exps[i] - least, *exps[i + 1 :]), c) for exps, c in f)
            for f in (above, below)
        )
    return above, below, gens


class _Collector:
    """Writes quotients of polynomials in generators of three levels.

    Level 0 are T, N, B and the like, 1 are exponentials, 2 are the parameters of optimisers.
    """

    def __init__(self, gens: Sequence[sympy.Symbol]) -> None:
        self.gens = list(gens)
        bases = {g.power.base for g in gens if isinstance(g, StandIn)}
        self.levels: tuple[list[int], ...] = ([], [], [])
        for i, g in enumerate(gens):
            if isinstance(g, StandIn):
                self.levels[1].append(i)
            else:
                self.levels[2 if g in bases or g.name in BELOW_ONE else 0].append(i)
        self.ring = fmpq_mpoly_ctx.get([f"x{i}" for i in range(len(gens))], "lex")
        self.one = self.ring.constant(1)

    def poly(self, terms: Terms) -> _Poly:
        """Return a polynomial of FLINT."""
        return self.ring.from_dict(
            {exps: fmpq(c.numerator, c.denominator) for exps, c in terms if c}
        )

    # Quotients ------------------------------------------------------------------------------------

    def quotient(self, above: _Poly, below: _Poly, level: int) -> Written:
        """Return a reduced quotient, its sums collected from a level on."""
        whole = self._over_one(above, below, level)
        apart = self._apart(above, below, level)
        if apart is None:
            return whole
        most, of = _APART
        shorter = (apart.node or ONE).width * of < (whole.node or ONE).width * most
        return apart if shorter else whole

    def _over_one(self, above: _Poly, below: _Poly, level: int) -> Written:
        """Return a quotient over one denominator."""
        sign, number, symbols, sums = self._factors(above, level)
        flip, bottom, under_symbols, under_sums = self._factors(below, level)
        sign, number = sign * flip, number / bottom
        head: list[Node] = [] if number.numerator == 1 else [Numeral(str(number.numerator))]
        head += powers(symbols)
        under: list[Node] = []
        if number.denominator != 1:
            under.append(Numeral(str(number.denominator)))
        under += powers(under_symbols)
        if not under and len(under_sums) == 1 and under_sums[0][1] == 1:
            # A fraction bar groups by itself in print, not on one line.
            under = [OneLine(under_sums[0][0], room=2)]
        else:
            under += [power(Group(f), k) for f, k in under_sums]
        if not head and len(sums) == 1 and sums[0][1] == 1:
            [(alone, _)] = sums
            if under:
                return Written(sign, over(OneLine(alone), under))
            return Written(sign, Group(alone), alone.terms)
        shown = product([*head, *(power(Group(f), k) for f, k in sums)])
        return Written(sign, over(shown, under) if under else shown)

    def _apart(self, above: _Poly, below: _Poly, level: int) -> Written | None:
        """Return a quotient with its one long factor as a sum of fractions, if there is one."""
        if below.is_constant() or len(above) < _LEAST:
            return None
        number, factors = _factored(above)
        long = [(f, k) for f, k in factors if len(f) >= _LEAST]
        if len(long) != 1 or long[0][1] != 1:
            return None
        [(f, _)] = long
        groups, following = self._groups(f, level)
        if len(groups) < 2:
            return None
        rest = self.one * number
        for g, k in factors:
            if g != f:
                rest = rest * g**k
        terms: list[tuple[int, Node]] = []
        for group in groups:
            shared = group.gcd(below)
            terms += self._term(group / shared, below / shared, following)
        first = terms[0][0]
        terms = [(sign * first, node) for sign, node in terms]
        inside = Group(Sum(tuple(terms)))
        front = self._over_one(rest, self.one, level)
        if front.node is None:
            return Written(front.sign * first, inside, inside.inner.terms)  # type: ignore[attr-defined]
        return Written(front.sign * first, product([front.node, inside]))

    def _term(self, above: _Poly, below: _Poly, level: int) -> list[tuple[int, Node]]:
        """Return a quotient as terms of a sum."""
        shown = self.quotient(above, below, level)
        if shown.terms:
            return [(shown.sign * sign, node) for sign, node in shown.terms]
        return [(shown.sign, shown.node or ONE)]

    # Factors --------------------------------------------------------------------------------------

    def _factors(
        self, f: _Poly, level: int
    ) -> tuple[int, Fraction, list[tuple[sympy.Symbol, int]], list[tuple[Sum, int]]]:
        """Return a polynomial as a sign, a positive number, powers of symbols, and sums."""
        constant, factors = _factored(f)
        number = Fraction(int(constant.p), int(constant.q))
        sign = -1 if number < 0 else 1
        symbols: list[tuple[int, int]] = []
        sums: list[tuple[tuple[object, ...], Sum, int]] = []
        for factor, exponent in factors:
            k = int(exponent)
            if len(factor) == 1:
                [exps] = factor.monoms()
                symbols.append((next(i for i, e in enumerate(exps) if e), k))
                continue
            # Whole coefficients without a common divisor, whatever FLINT returns.
            content = _content(factor)
            number *= content**k
            flip, shown = self._sum(factor / fmpq(content.numerator, content.denominator), level)
            sign *= flip**k
            sums.append(((len(factor), self._places(factor)), shown, k))
        sums.sort(key=lambda item: item[0])
        return (
            sign,
            abs(number),
            [(self.gens[i], k) for i, k in sorted(symbols)],
            [(shown, k) for _, shown, k in sums],
        )

    def _places(self, f: _Poly) -> tuple[object, ...]:
        """Return a key that sorts factors: those without T and exponentials first, 1 - x before 1 + x."""
        used = [any(exps[i] for exps in f.monoms()) for i in range(len(self.gens))]
        leads = tuple(any(used[i] for i in level) for level in self.levels[:2])
        return leads, f.monoms(), f.coeffs()[-1]

    # Sums -----------------------------------------------------------------------------------------

    def _sum(self, f: _Poly, level: int) -> tuple[int, Sum]:
        """Return a sign, and a sum whose first term is positive."""
        terms = self._terms(f, level)
        first = terms[0][0]
        return first, Sum(tuple((sign * first, node) for sign, node in terms))

    def _terms(self, f: _Poly, level: int) -> list[tuple[int, Node]]:
        """Return a polynomial as a sum of terms, collected."""
        groups, following = self._groups(f, level) if len(f) >= _LEAST else ([], 3)
        if len(groups) < 2:
            return self._monomials(f)
        return [term for group in groups for term in self._term(group, self.one, following)]

    def _monomials(self, f: _Poly) -> list[tuple[int, Node]]:
        pairs = sorted(f.terms(), key=lambda term: self._place(term[0]))
        return [
            (-1 if c < 0 else 1, monomial(abs(Fraction(int(c.p), int(c.q))), exps, self.gens))
            for exps, c in pairs
        ]

    def _groups(self, f: _Poly, level: int) -> tuple[list[_Poly], int]:
        """Return a polynomial cut up by its powers at the first level that tells terms apart.

        Nothing is returned where every part would be one monomial.
        """
        for k in range(level, 2):
            own = self.levels[k]
            parts: dict[tuple[int, ...], dict[tuple[int, ...], fmpq]] = {}
            for exps, c in f.terms():
                parts.setdefault(tuple(exps[i] for i in own), {})[exps] = c
            if len(parts) > 1:
                if all(len(part) == 1 for part in parts.values()):
                    return [], 3
                ordered = sorted(
                    parts.values(), key=lambda part: min(self._place(exps) for exps in part)
                )
                return [self.ring.from_dict(part) for part in ordered], k + 1
        return [], 3

    def _place(self, exps: tuple[int, ...]) -> tuple[object, ...]:
        """Return the place of a monomial: great powers of T first, small ones of a parameter."""
        times, exponentials, parameters = (tuple(-exps[i] for i in own) for own in self.levels)
        return times, -sum(exponentials), exponentials, -sum(parameters), parameters


def _factored(f: _Poly) -> tuple[Any, list[tuple[_Poly, int]]]:
    """Return a number, and factors with multiplicities."""
    if max(f.degrees()) <= MOST_DEGREE:
        number, factors = f.factor()
        return number, factors
    rest = f / f.term_content()
    return fmpq(1), [*f.term_content().factor()[1], (rest, 1)]


def _content(f: _Poly) -> Fraction:
    """Return the positive number that leaves whole coefficients without a common divisor."""
    numbers = [Fraction(int(c.p), int(c.q)) for c in f.coeffs()]
    below = lcm(*(c.denominator for c in numbers))
    return Fraction(gcd(*(int(c * below) for c in numbers)), below)
