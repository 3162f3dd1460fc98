"""Sums of fractions over one denominator, whose factors are known.

The denominators of time sums are products of few polynomials: differences of bases and what the weights
of modes divide by. Each denominator is split into them once. Then a common multiple is a maximum of
multiplicities, and a sum is reduced by trying these factors alone; greatest common divisors of large
polynomials, most of the work otherwise, are not needed.
"""

from __future__ import annotations

from fractions import Fraction
from functools import reduce
from math import lcm
from random import Random
from typing import TYPE_CHECKING, Any

from sympy.polys.domains import ZZ

from sgdiagrams.symbolic.weights.factoring import factor_terms

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from sympy.polys.rings import PolyElement, PolyRing

__all__ = ["Denominators"]

_PRIME = 2**31 - 1

#: How often each known factor occurs; shorter where later factors were not known yet.
_Powers = tuple[int, ...]


class Denominators:
    """The factors of denominators that have come up so far.

    Parameters
    ----------
    ring
        The polynomials over the rationals that numerators and denominators are.
    """

    def __init__(self, ring: PolyRing) -> None:
        self.ring = ring.clone(domain=ZZ)
        self._factors: list[PolyElement] = []
        self._zeros: list[tuple[int, ...] | None] = []
        self._split: dict[PolyElement, tuple[_Powers, Fraction]] = {}
        self._random = Random(0)  # noqa: S311 - any points will do

    def reduced(
        self, parts: Mapping[Any, Mapping[PolyElement, PolyElement]]
    ) -> tuple[dict[Any, PolyElement], PolyElement]:
        """Return sums of fractions over one common denominator, reduced.

        Parameters
        ----------
        parts
            For each sum: denominator -> numerator.

        Returns
        -------
        dict, PolyElement
            The numerators of the sums that are not 0 and their denominator, with whole coefficients and
            no common factor that is not a number.

        Examples
        --------
        >>> from sympy import QQ, ring
        >>> R, x = ring("x", QQ)
        >>> Denominators(R).reduced({"sum": {x: R(1), x**2 - x: R(1)}})
        ({'sum': 1}, x - 1)
        """
        fractions = {
            key: [(*self._powers(below), above) for below, above in by_denominator.items()]
            for key, by_denominator in parts.items()
        }
        known = len(self._factors)
        most = [0] * known
        whole = 1
        for sums in fractions.values():
            for powers, number, above in sums:
                for i, k in enumerate(powers):
                    most[i] = max(most[i], k)
                whole = lcm(whole, *((c / number).denominator for c in _rationals(above)))
        cofactors: dict[_Powers, PolyElement] = {}
        numerators: dict[Any, PolyElement] = {}
        for key, sums in fractions.items():
            total = self.ring.zero
            for powers, number, above in sums:
                if powers not in cofactors:
                    missing = [
                        k - have for k, have in zip(most, _padded(powers, known), strict=True)
                    ]
                    cofactors[powers] = self._product(missing)
                total = total + self._scaled(above, whole / number) * cofactors[powers]
            if total:
                numerators[key] = total
        self._cancel(numerators, most)
        return numerators, self._product(most) * whole

    def _powers(self, below: PolyElement) -> tuple[_Powers, Fraction]:
        """Split a denominator into known factors and a number; learn the factors that are new."""
        if below not in self._split:
            terms = [(tuple(map(int, exps)), _fraction(c)) for exps, c in below.terms()]
            scale = lcm(*(c.denominator for _, c in terms))
            rest = self.ring.from_dict({exps: ZZ(int(c * scale)) for exps, c in terms})
            powers = [0] * len(self._factors)
            for i in range(len(self._factors)):
                while (quotient := self._quotient(rest, i)) is not None:
                    rest = quotient
                    powers[i] += 1
            number, factors = factor_terms(
                [(tuple(map(int, exps)), Fraction(int(c))) for exps, c in rest.terms()]
            )
            for factor, k in factors:
                self._learn(self.ring.from_dict({exps: ZZ(int(c)) for exps, c in factor}))
                powers.append(k)
            self._split[below] = (tuple(powers), number / scale)
        return self._split[below]

    def _learn(self, factor: PolyElement) -> None:
        """Add a factor, with a zero modulo a prime: what is not 0 there is not divisible by it."""
        zero = None
        for i in range(self.ring.ngens):
            if factor.degree(i) != 1:
                continue
            point = [self._random.randrange(2, _PRIME) for _ in range(self.ring.ngens)]
            point[i] = 0
            constant = _at(factor, point)
            point[i] = 1
            slope = (_at(factor, point) - constant) % _PRIME
            if slope:
                point[i] = -constant * pow(slope, -1, _PRIME) % _PRIME
                zero = tuple(point)
                break
        self._factors.append(factor)
        self._zeros.append(zero)

    def _quotient(self, f: PolyElement, i: int) -> PolyElement | None:
        """Return f over a known factor, None where it does not divide f."""
        zero = self._zeros[i]
        if zero is not None and _at(f, zero):
            return None
        quotient, remainder = f.div(self._factors[i])
        return None if remainder else quotient

    def _cancel(self, numerators: dict[Any, PolyElement], powers: list[int]) -> None:
        """Divide all numerators by the factors that they share with the denominator, in place."""
        if not numerators:
            powers[:] = [0] * len(powers)
        for i in range(len(powers)):
            while powers[i]:
                found: dict[Hashable, PolyElement] = {}
                # Numerators with few terms say no soonest.
                for key in sorted(numerators, key=lambda key: len(numerators[key])):
                    quotient = self._quotient(numerators[key], i)
                    if quotient is None:
                        break
                    found[key] = quotient
                if len(found) < len(numerators):
                    break
                numerators.update(found)
                powers[i] -= 1

    def _product(self, powers: Sequence[int]) -> PolyElement:
        return reduce(
            lambda f, g: f * g,
            (f**k for f, k in zip(self._factors, powers, strict=False) if k),
            self.ring.one,
        )

    def _scaled(self, f: PolyElement, scale: Fraction) -> PolyElement:
        return self.ring.from_dict({exps: ZZ(int(_fraction(c) * scale)) for exps, c in f.terms()})


def _padded(powers: _Powers, length: int) -> _Powers:
    return powers + (0,) * (length - len(powers))


def _fraction(c: Any) -> Fraction:
    return Fraction(int(c.numerator), int(c.denominator))


def _rationals(f: PolyElement) -> list[Fraction]:
    return [_fraction(c) for c in f.values()]


def _at(f: PolyElement, point: Sequence[int]) -> int:
    """Return the value at a point modulo the prime."""
    total = 0
    for exps, c in f.items():
        value = int(c)
        for x, e in zip(point, exps, strict=True):
            if e:
                value = value * pow(x, e, _PRIME) % _PRIME
        total += value
    return total % _PRIME
