r"""Weights in canonical form: quotients of polynomials in symbols and exponentials such as beta**T.

A weight is a rational function over the rationals of its *generators*: symbols, and powers
:math:`x^m` with a symbol or a number x and a monomial m (:math:`\beta^T`, :math:`\beta^{EN/B}`). It
is kept as an expanded Laurent polynomial, or as a reduced quotient of expanded polynomials with
integer coefficients, so that equal weights are equal objects.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from math import gcd, lcm
from typing import TYPE_CHECKING, NamedTuple

from flint import fmpq, fmpq_mpoly, fmpq_mpoly_ctx
from sympy import Add, Expr, Integer, Mul, Pow, Rational, expand, perfect_power, together

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.symbolic.weights.laurent import to_expr

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Quotient", "as_quotient", "canonical", "is_weight", "weight_of_terms"]

# Symbols that have a usual place come first, in this order.
_USUAL = ("T", "E", "N", "B")
_MOST_BITS = 1000  # of a number of which roots are taken


class Quotient(NamedTuple):
    """A weight as a quotient of polynomials over the rationals.

    Attributes
    ----------
    numerator, denominator
        Pairs of exponents and a coefficient, greatest first; exponents follow `generators`. The
        denominator is a monomial with coefficient 1 times a polynomial.
    generators
        Symbols and powers, in the order of writing.
    """

    numerator: tuple[tuple[tuple[int, ...], Fraction], ...]
    denominator: tuple[tuple[tuple[int, ...], Fraction], ...]
    generators: tuple[Expr, ...]

    @property
    def is_laurent(self) -> bool:
        """Whether the denominator is a monomial."""
        return len(self.denominator) == 1

    def laurent(self) -> list[tuple[tuple[int, ...], Fraction]]:
        """Return exponents and coefficients of a Laurent polynomial, greatest first."""
        [(below, scale)] = self.denominator
        return sorted(
            (
                (tuple(a - b for a, b in zip(exps, below, strict=True)), c / scale)
                for exps, c in self.numerator
            ),
            reverse=True,
        )


def is_weight(expr: Expr) -> bool:
    """Tell whether an expression is a rational function of symbols and exponentials.

    Examples
    --------
    >>> from sympy import sin
    >>> from sgdiagrams.symbolic.symbols import N, T, beta
    >>> is_weight(beta**(2 * T) / (N - 1)), is_weight(sin(T))
    (True, False)
    """
    if expr.is_Add or expr.is_Mul:
        return all(map(is_weight, expr.args))
    if expr.is_Pow:
        if expr.exp.is_Integer:
            return is_weight(expr.base)
        return _is_exponential(expr)
    return bool(expr.is_Rational or expr.is_Symbol)


def canonical(expr: Expr) -> Expr:
    """Return the canonical form of a weight.

    Raises
    ------
    RequestError
        When the expression is no weight.

    Examples
    --------
    >>> from sgdiagrams.symbolic.symbols import N, T, beta
    >>> canonical(T * (T - 1) / 2), canonical((N**2 - 1) / (N - 1))
    (T**2/2 - T/2, N + 1)
    >>> canonical((Integer(81) / 100) ** T - (Integer(9) / 10) ** (2 * T))
    0
    >>> canonical((1 - beta**(2 * T)) / (1 + beta**T))
    1 - beta**T
    """
    if all(map(_is_monomial, Add.make_args(expr))):
        return expr
    if not _has_quotient(expr):
        expanded = expand(expr)
        if all(_is_monomial(term) for term in Add.make_args(expanded)):
            return expanded
    return _expression(as_quotient(expr))


def _has_quotient(expr: Expr) -> bool:
    """Tell whether there is an exponential or a division by a sum, which `expand` leaves alone."""
    if expr.is_Pow:
        return not expr.exp.is_Integer or (expr.base.is_Add and expr.exp < 0)
    return (expr.is_Add or expr.is_Mul) and any(map(_has_quotient, expr.args))


def as_quotient(expr: Expr) -> Quotient:
    """Return a weight as a reduced quotient with its generators.

    Raises
    ------
    RequestError
        When the expression is no weight, or a denominator is 0.

    Examples
    --------
    >>> from sgdiagrams.symbolic.symbols import N, T
    >>> as_quotient(T / (2 * N - 2)).denominator
    (((0, 1), Fraction(2, 1)), ((0, 0), Fraction(-2, 1)))
    """
    terms = Add.make_args(expr)
    if all(map(_is_monomial, terms)) and not expr.is_Rational:
        return _laurent_quotient(terms)
    generators = sorted(_generators(expr), key=_place)
    if not generators:
        number = _number(expr)
        return Quotient((((), number),) if number else (), (((), Fraction(1)),), ())
    ring = fmpq_mpoly_ctx.get([f"x{i}" for i in range(len(generators))], "lex")
    numerator, denominator = _ratio(expr, ring, dict(zip(generators, ring.gens(), strict=True)))
    shared = numerator.gcd(denominator)
    return _normalised(
        _coefficients(numerator / shared), _coefficients(denominator / shared), generators
    )


_Terms = list[tuple[tuple[int, ...], Fraction]]


def _normalised(above: _Terms, below: _Terms, generators: Sequence[Expr]) -> Quotient:
    """Return a reduced quotient, given with greatest terms first, with the usual numbers in it."""
    if len(below) == 1:
        [(exps, scale)] = below
        above = [(e, c / scale) for e, c in above]
        below = [(exps, Fraction(1))]
    else:
        # Integers without a common factor, the leading one below positive.
        scale = _content([c for _, c in below])
        scale = -scale if below[0][1] < 0 else scale
        above, below = ([(e, c / scale) for e, c in part] for part in (above, below))
        left = lcm(*(c.denominator for _, c in above)) if above else 1
        above, below = ([(e, c * left) for e, c in part] for part in (above, below))
    return Quotient(tuple(above), tuple(below), tuple(generators))


def weight_of_terms(
    numerator: Mapping[tuple[int, ...], Fraction],
    denominator: Mapping[tuple[int, ...], Fraction],
    generators: Sequence[Expr],
) -> Expr:
    """Return a quotient without common factors, monomials aside, as a canonical weight.

    Parameters
    ----------
    numerator, denominator
        Exponents of `generators` -> coefficient; exponents may be negative.
    generators
        Different symbols and powers of symbols such as beta**T.

    Examples
    --------
    >>> from sgdiagrams.symbolic.symbols import N, T
    >>> weight_of_terms({(1, -1): Fraction(1)}, {(0, 1): Fraction(2), (0, 0): Fraction(-2)}, (T, N))
    T/(2*N**2 - 2*N)
    """
    if not numerator:
        return Integer(0)
    used = [
        i
        for i in range(len(generators))
        if any(exps[i] for f in (numerator, denominator) for exps in f)
    ]
    order = sorted(used, key=lambda i: _place(generators[i]))
    above, below = (
        [(tuple([exps[i] for i in order]), c) for exps, c in f.items()]
        for f in (numerator, denominator)
    )
    # The least power of every generator above less that below.
    lows = [
        [min(powers) for powers in zip(*(exps for exps, _ in f), strict=True)]
        for f in (above, below)
    ]
    shared = [a - b for a, b in zip(*lows, strict=True)]
    above = [_shifted(term, lows[0], [max(0, x) for x in shared]) for term in above]
    below = [_shifted(term, lows[1], [max(0, -x) for x in shared]) for term in below]
    q = _normalised(
        sorted(above, reverse=True),
        sorted(below, reverse=True),
        [generators[i] for i in order],
    )
    return _expression(q)


def _shifted(
    term: tuple[tuple[int, ...], Fraction], low: Sequence[int], up: Sequence[int]
) -> tuple[tuple[int, ...], Fraction]:
    exps, c = term
    return tuple([e - a + b for e, a, b in zip(exps, low, up, strict=True)]), c


def _laurent_quotient(terms: Sequence[Expr]) -> Quotient:
    """Return a sum of different monomials as a quotient: nothing needs to be reduced."""
    monomials: list[tuple[dict[Expr, int], Fraction]] = []
    for term in terms:
        number, rest = term.as_coeff_Mul()
        powers: dict[Expr, int] = {}
        for factor in Mul.make_args(rest):
            if factor.is_Pow:
                powers[factor.base] = int(factor.exp)
            elif factor.is_Symbol:
                powers[factor] = 1
        monomials.append((powers, Fraction(int(number.p), int(number.q))))
    generators = sorted({g for powers, _ in monomials for g in powers}, key=_place)
    exponents = [tuple([powers.get(g, 0) for g in generators]) for powers, _ in monomials]
    lowest = [min(0, *powers) for powers in zip((0,) * len(generators), *exponents, strict=True)]
    numerator = [
        (tuple([e - low for e, low in zip(exps, lowest, strict=True)]), c)
        for exps, (_, c) in zip(exponents, monomials, strict=True)
    ]
    below = tuple(-low for low in lowest)
    return Quotient(
        tuple(sorted(numerator, reverse=True)), ((below, Fraction(1)),), tuple(generators)
    )


def _coefficients(poly: fmpq_mpoly) -> _Terms:
    return [(tuple(map(int, exps)), Fraction(int(c.p), int(c.q))) for exps, c in poly.terms()]


def _content(numbers: Sequence[Fraction]) -> Fraction:
    """Return the positive rational that leaves integers without a common factor."""
    below = lcm(*(c.denominator for c in numbers))
    return Fraction(gcd(*(int(c * below) for c in numbers)), below)


def _expression(q: Quotient) -> Expr:
    if q.is_laurent:
        return to_expr(dict(q.laurent()), q.generators)
    above, below = (to_expr(dict(f), q.generators) for f in (q.numerator, q.denominator))
    return above / below


def _is_monomial(term: Expr) -> bool:
    return all(
        factor.is_Rational
        or factor.is_Symbol
        or (factor.is_Pow and factor.base.is_Symbol and factor.exp.is_Integer)
        for factor in Mul.make_args(term)
    )


def _is_exponential(power: Expr) -> bool:
    base, exponent = power.base, power.exp
    is_base = base.is_Symbol or (base.is_Rational and base > 0)
    return (
        is_base
        and bool(exponent.free_symbols)
        and all(
            factor.is_Rational
            or factor.is_Symbol
            or (factor.is_Pow and factor.base.is_Symbol and factor.exp.is_Integer)
            for term in Add.make_args(expand(exponent))
            for factor in Mul.make_args(term)
        )
    )


def _exponential(power: Expr) -> list[tuple[Expr, int]]:
    """Return ``x**(2*T + 1)`` as generators with integer powers: ``[(x**T, 2), (x, 1)]``.

    Of a number it is its root that is raised, so that (81/100)**T and (9/10)**(2*T) are one weight.
    """
    base, times = _root(power.base) if power.base.is_Rational else (power.base, 1)
    result = []
    for term in Add.make_args(expand(power.exp * times)):
        number, monomial = term.as_coeff_Mul()
        whole = number.is_Integer
        result.append((Pow(base, monomial if whole else term), int(number) if whole else 1))
    return result


@lru_cache(maxsize=1024)
def _root(number: Rational) -> tuple[Rational, int]:
    """Return the number that is no power of another one, and the power of it that a number is.

    Numbers beyond the range of floats are left as they are.
    """
    if max(int(number.p), int(number.q)).bit_length() > _MOST_BITS:
        return number, 1
    above, below = (dict([perfect_power(n) or (n, 1)]) for n in (number.p, number.q))
    powers = [k for part in (above, below) for n, k in part.items() if n != 1]
    times = gcd(*powers)
    if times < 2:
        return number, 1
    top, bottom = (next(n ** (k // times) for n, k in part.items()) for part in (above, below))
    return Rational(top, bottom), times


def _generators(expr: Expr) -> set[Expr]:
    if expr.is_Symbol:
        return {expr}
    if expr.is_Add or expr.is_Mul:
        return set().union(*map(_generators, expr.args))
    if expr.is_Pow:
        if expr.exp.is_Integer:
            return _generators(expr.base)
        if _is_exponential(expr):
            return {g for g, _ in _exponential(expr) if not g.is_Rational}
    if expr.is_Rational:
        return set()
    raise RequestError(f"expected a rational function of symbols, got the weight {expr}")


def _place(generator: Expr) -> tuple[object, ...]:
    base = generator.base if generator.is_Pow else generator
    name = str(base)
    usual = _USUAL.index(name) if name in _USUAL else len(_USUAL)
    return (generator.is_Pow, usual, name, str(generator))


def _number(expr: Expr) -> Fraction:
    value = expr if expr.is_Rational else together(expr)
    if not value.is_Rational:
        raise RequestError(f"expected a rational function of symbols, got the weight {expr}")
    return Fraction(int(value.p), int(value.q))


def _ratio(
    expr: Expr, ring: fmpq_mpoly_ctx, index: dict[Expr, fmpq_mpoly]
) -> tuple[fmpq_mpoly, fmpq_mpoly]:
    """Return numerator and denominator, not reduced."""
    above = below = ring.constant(1)
    if expr.is_Rational:
        return above * fmpq(expr.p, expr.q), below
    if expr.is_Symbol:
        return index[expr], below
    if expr.is_Pow and not expr.exp.is_Integer:
        for generator, k in _exponential(expr):
            if generator.is_Rational:
                above = above * fmpq(generator.p, generator.q) ** k
            elif k > 0:
                above = above * index[generator] ** k
            else:
                below = below * index[generator] ** -k
        return above, below
    if expr.is_Pow:
        above, below = _ratio(expr.base, ring, index)
        k = int(expr.exp)
        if k < 0 and not above:
            raise RequestError(f"expected a weight with a denominator other than 0, got {expr}")
        return (above**k, below**k) if k > 0 else (below**-k, above**-k)
    if expr.is_Mul:
        for arg in expr.args:
            p, q = _ratio(arg, ring, index)
            above, below = above * p, below * q
        return above, below
    above = ring.constant(0)
    for arg in expr.args:
        p, q = _ratio(arg, ring, index)
        if q != below:
            # Both over their least common multiple.
            missing = q / below.gcd(q)
            above, below = above * missing, below * missing
            p = p * (below / q)
        above = above + p
    return above, below
