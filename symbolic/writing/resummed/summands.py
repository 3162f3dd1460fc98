"""Summands of a weight: a scalar times a fraction of factors, and what stands beside it."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from sympy import Expr, Integer, Mul, Pow, Rational, factor_list, fraction, gcd, lcm, together

from sgdiagrams.symbolic.layout.nodes import Node

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sgdiagrams.symbolic.writing.resummed.names import Names

__all__ = [
    "Summand",
    "collected",
    "distributed",
    "pulled",
    "rational_summand",
    "summand_product",
    "written",
]

# Polynomials wider than this stand beside their fraction, where a line may be broken.
_WIDE = 40


class Summand(NamedTuple):
    """One summand of a weight.

    Attributes
    ----------
    scalar
        What depends on no index.
    above, below
        The factors of the fraction.
    beside
        Brackets and, as tuples, sums.
    """

    scalar: Expr
    above: tuple[Node, ...] = ()
    below: tuple[Node, ...] = ()
    beside: tuple[Node | tuple[Summand, ...], ...] = ()


def rational_summand(names: Names, expr: Expr) -> Summand:
    """Return a rational function in the chosen symbols as one summand."""
    return written(names, *names.factored(expr))


def written(names: Names, scalar: Expr, factors: Mapping[Expr, int]) -> Summand:
    """Return a scalar times powers of factors as one summand, sums that are wide beside."""
    places = names.indexed()
    ordered = sorted(
        factors.items(),
        key=lambda item: (
            not item[0].is_Symbol,
            sorted(places[x] for x in item[0].free_symbols & places.keys()),
        ),
    )
    above = [(f, k, names.factor(f, k)) for f, k in ordered if k > 0]
    wide = [f for f, k, shown in above if k == 1 and shown.width > _WIDE]
    sums = tuple(
        tuple(Summand(c, (monomial,) if monomial else ()) for c, monomial in names.terms(f))
        for f in wide
    )
    return Summand(
        scalar,
        tuple(shown for f, _, shown in above if f not in wide),
        tuple(names.factor(f, -k) for f, k in ordered if k < 0),
        sums,
    )


def summand_product(p: Summand, q: Summand) -> Summand:
    """Return the product of two summands."""
    return Summand(p.scalar * q.scalar, p.above + q.above, p.below + q.below, p.beside + q.beside)


def distributed(p: Summand) -> list[Summand]:
    """Return a scalar times one sum as the sum of its products."""
    if p.above or p.below or len(p.beside) != 1 or isinstance(p.beside[0], Node):
        return [p]
    return [q._replace(scalar=q.scalar * p.scalar) for q in p.beside[0]]


def collected(summands: Sequence[Summand]) -> list[Summand]:
    """Add the scalars of summands that are alike."""
    sums: dict[Summand, Expr] = {}
    for p in summands:
        key = p._replace(scalar=Integer(1))
        sums[key] = sums.get(key, Integer(0)) + p.scalar
    return [key._replace(scalar=_together(c)) for key, c in sums.items() if c != 0]


@lru_cache(maxsize=4096)  # the summands of a weight share a few scalars
def _together(scalar: Expr) -> Expr:
    return together(scalar)


def pulled(summands: Sequence[Summand]) -> tuple[Expr, tuple[Summand, ...]]:
    """Return the common factor of the scalars, with the sign of the first, and what is left."""
    if not summands:
        return Integer(0), ()
    split = [_powers_of(p.scalar) for p in summands]
    numbers = [abs(number) for number, _ in split]
    common: Expr = Rational(gcd([n.p for n in numbers]), lcm([n.q for n in numbers]))
    if split[0][0] < 0:
        common = -common
    for base in split[0][1]:
        exponents = [powers.get(base, 0) for _, powers in split]
        if all(e > 0 for e in exponents):
            common *= base ** min(exponents)
        elif all(e < 0 for e in exponents):
            common *= base ** max(exponents)
    return common, tuple(p._replace(scalar=_divided(p.scalar, common)) for p in summands)


def _divided(scalar: Expr, common: Expr) -> Expr:
    number, powers = _powers_of(scalar / common)
    return Mul(number, *(Pow(f, k) for f, k in powers.items()))


@lru_cache(maxsize=4096)
def _powers_of(scalar: Expr) -> tuple[Rational, dict[Expr, int]]:
    """Return a rational function without indices as a number and powers."""
    powers: dict[Expr, int] = {}
    number: Expr = Integer(1)
    for part, sign in zip(fraction(together(scalar)), (1, -1), strict=True):
        c, factors = factor_list(part)
        number *= c**sign
        for f, k in factors:
            powers[f] = powers.get(f, 0) + sign * k
    return number, powers
