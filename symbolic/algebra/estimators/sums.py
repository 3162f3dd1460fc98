r"""Sums of products as arithmetic: scaled, multiplied, with what terms share apart, in a fixed order."""

from __future__ import annotations

from functools import lru_cache
from math import gcd, lcm

from sympy import Add, Expr, Integer, Rational

from sgdiagrams.symbolic.algebra.estimators.kernel import (
    Circle,
    Derivative,
    Dot,
    KernelFactor,
    KernelSum,
    KernelTerm,
)
from sgdiagrams.symbolic.weights.quotients import canonical

__all__ = [
    "coefficient_product",
    "coefficient_ratio",
    "content_apart",
    "contents_apart",
    "factor_key",
    "multiplied_sums",
    "scaled_sum",
    "sum_in_order",
    "sum_key",
    "times_factors",
]

_ONE = Integer(1)


def multiplied_sums(one: KernelSum, other: KernelSum) -> KernelSum:
    """Return the product of two sums, the first of one term."""
    (c, factors) = one.terms[0]
    return KernelSum(
        tuple(KernelTerm(coefficient_product(c, d), (*factors, *more)) for d, more in other.terms)
    )


def scaled_sum(combination: KernelSum, scale: Expr) -> KernelSum:
    """Return a sum times a number."""
    return KernelSum(
        tuple(KernelTerm(coefficient_product(scale, c), f) for c, f in combination.terms)
    )


def times_factors(outside: KernelSum, *factors: KernelFactor, scale: Expr = _ONE) -> KernelTerm:
    """Return a sum times factors as one product, with the sum in parentheses where it has to be."""
    content, bracket = content_apart(outside)
    content = coefficient_product(content, scale)
    if len(bracket.terms) == 1:
        (c, inner) = bracket.terms[0]
        return KernelTerm(coefficient_product(content, c), (*inner, *factors))
    return KernelTerm(
        content, (*factors, bracket) if not _is_open(factors) else (bracket, *factors)
    )


def _is_open(factors: tuple[KernelFactor, ...]) -> bool:
    return any(isinstance(f, Derivative) and f.free for f in factors)


def contents_apart(
    arguments: tuple[KernelSum, ...],
) -> tuple[Expr, tuple[KernelSum, ...]]:
    """Return what can be taken out of all arguments, and what is left of them, in order."""
    scale: Expr = Integer(1)
    primitive = []
    for argument in arguments:
        content, rest = content_apart(argument)
        scale = coefficient_product(scale, content)
        primitive.append(rest)
    return scale, tuple(sorted(primitive, key=sum_key))


def content_apart(combination: KernelSum) -> tuple[Expr, KernelSum]:
    """Return the number that all terms share, and the rest; the first term then has the sign +."""
    coefficients = [c for c, _ in combination.terms]
    if not coefficients:
        return Integer(1), combination
    first = coefficients[0]
    ratios = coefficients
    base: Expr = Integer(1)
    if not all(c.is_Rational for c in coefficients):
        ratios = [coefficient_ratio(c, first) for c in coefficients]
        base = first
        if not all(c.is_Rational for c in ratios):
            return Integer(1), combination
    above = gcd(*(int(abs(c.p)) for c in ratios))
    below = lcm(*(int(c.q) for c in ratios))
    content = Rational(above, below) * (1 if ratios[0] > 0 else -1)
    rest = tuple(
        KernelTerm(ratio / content, f)
        for ratio, (_, f) in zip(ratios, combination.terms, strict=True)
    )
    return coefficient_product(base, content), KernelSum(rest)


def coefficient_product(one: Expr, other: Expr) -> Expr:
    """Return the product of two coefficients."""
    return one * other if one.is_Rational and other.is_Rational else canonical(one * other)


def coefficient_ratio(one: Expr, other: Expr) -> Expr:
    """Return the quotient of two coefficients."""
    return one / other if one.is_Rational and other.is_Rational else canonical(one / other)


def sum_in_order(products: list[KernelTerm]) -> KernelSum:
    """Return a sum in a fixed order, positive terms first."""
    merged: dict[tuple[KernelFactor, ...], list[Expr]] = {}
    for coefficient, factors in products:
        merged.setdefault(factors, []).append(coefficient)
    terms = []
    for factors, coefficients in merged.items():
        total = Add(*coefficients) if len(coefficients) > 1 else coefficients[0]
        total = total if total.is_Rational else canonical(total)
        if total != 0:
            terms.append(KernelTerm(total, factors))
    return KernelSum(tuple(sorted(terms, key=lambda t: (_is_negative(t.coefficient), _key_of(t)))))


def _is_negative(coefficient: Expr) -> bool:
    return bool(coefficient.could_extract_minus_sign())


def sum_key(combination: KernelSum) -> tuple[object, ...]:
    """Return by what sums are sorted."""
    return len(combination.terms), tuple(map(_key_of, combination.terms))


def _key_of(term: KernelTerm) -> tuple[object, ...]:
    c = term.coefficient
    size = (int(abs(c.p)), int(c.q), "") if c.is_Rational else (0, 0, str(c))
    return tuple(map(factor_key, term.factors)), size


@lru_cache(maxsize=65536)
def factor_key(factor: KernelFactor) -> tuple[object, ...]:
    """Return by what factors are sorted."""
    match factor:
        case Derivative():
            inside = tuple(map(sum_key, factor.arguments))
            place = factor.degree, factor.label, factor.datapoint, factor.free, factor.loops
            return 0, *place, inside
        case Dot():
            return 1, sum_key(factor.one), sum_key(factor.other)
        case Circle():
            return 2, tuple(factor)
        case _:
            return 3, sum_key(factor)
