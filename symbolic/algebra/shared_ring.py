"""Many weights over one denominator: their sums and multiples are those of polynomials."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

from flint import fmpq, fmpq_mpoly, fmpq_mpoly_ctx
from sympy import Expr, Integer, Rational

from sgdiagrams.symbolic.weights.quotients import as_quotient, weight_of_terms

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["SharedRing"]


class SharedRing:
    """A polynomial ring in which weights are numerators over a common denominator.

    Adding thousands of rational functions one by one reduces each; here all are reduced at the end.

    Parameters
    ----------
    weights
        In canonical form.
    more
        Symbols that are wanted besides theirs.

    Attributes
    ----------
    denominator
        Of all weights.

    Examples
    --------
    >>> from sgdiagrams.symbolic.symbols import N, T
    >>> ring = SharedRing([T / N, T / (N - 1)], [N])
    >>> one, other = map(ring.numerator, (T / N, T / (N - 1)))
    >>> ring.weight(3 * one - 3 * other, ring.denominator)
    -3*T/(N**2 - N)
    """

    def __init__(self, weights: Iterable[Expr], more: Iterable[Expr] = ()) -> None:
        quotients = {weight: as_quotient(weight) for weight in weights}
        generators = dict.fromkeys(g for q in quotients.values() for g in q.generators)
        self._generators: tuple[Expr, ...] = tuple(generators | dict.fromkeys(more))
        self._ring = fmpq_mpoly_ctx.get([f"x{i}" for i in range(len(self._generators))] or ["x"])
        self._place = {g: i for i, g in enumerate(self._generators)}
        below = {
            weight: self._polynomial(q.denominator, q.generators) for weight, q in quotients.items()
        }
        self.denominator: fmpq_mpoly = self._ring.constant(1)
        for part in dict.fromkeys(map(str, below.values())):
            polynomial = next(p for p in below.values() if str(p) == part)
            shared = self.denominator.gcd(polynomial)
            self.denominator = self.denominator * (polynomial / shared)
        self._numerators = {
            weight: self._polynomial(q.numerator, q.generators) * (self.denominator / below[weight])
            for weight, q in quotients.items()
        }

    def _polynomial(
        self, terms: Iterable[tuple[tuple[int, ...], Fraction]], generators: tuple[Expr, ...]
    ) -> fmpq_mpoly:
        size = self._ring.nvars()
        places = [self._place[g] for g in generators]
        data = {}
        for exps, c in terms:
            whole = [0] * size
            for place, e in zip(places, exps, strict=True):
                whole[place] = e
            data[tuple(whole)] = fmpq(c.numerator, c.denominator)
        return self._ring.from_dict(data)

    def numerator(self, weight: Expr) -> fmpq_mpoly:
        """Return the numerator of one of the weights over the common denominator."""
        return self._numerators[weight]

    def polynomial(self, value: Expr) -> fmpq_mpoly:
        """Return a number or one of the symbols as a polynomial."""
        if value.is_Rational:
            return self._ring.constant(fmpq(int(value.p), int(value.q)))
        return self._ring.gens()[self._place[value]]

    def weight(self, numerator: fmpq_mpoly, denominator: fmpq_mpoly) -> Expr:
        """Return a quotient as a weight in canonical form."""
        if not numerator:
            return Integer(0)
        shared = numerator.gcd(denominator)
        above, below = (_coefficients(f / shared) for f in (numerator, denominator))
        if len(above) == len(below) == 1 and not any(any(exps) for exps in (*above, *below)):
            [(a, b)] = zip(above.values(), below.values(), strict=True)
            return Rational((a / b).numerator, (a / b).denominator)
        return weight_of_terms(above, below, self._generators)


def _coefficients(polynomial: Any) -> Mapping[tuple[int, ...], Fraction]:
    return {tuple(map(int, exps)): Fraction(int(c.p), int(c.q)) for exps, c in polynomial.terms()}
