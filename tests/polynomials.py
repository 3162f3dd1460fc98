"""Polynomials as exponents -> coefficient, exactly: for witnesses that know no library."""

from fractions import Fraction
from math import prod

__all__ = ["at", "derivative", "mean", "plus", "times"]


def plus(f, g, scale=1):
    result = dict(f)
    for e, c in g.items():
        result[e] = result.get(e, Fraction(0)) + scale * c
    return {e: c for e, c in result.items() if c}


def times(f, g):
    result = {}
    for e, a in f.items():
        for d, b in g.items():
            key = tuple(map(sum, zip(e, d, strict=True)))
            result[key] = result.get(key, Fraction(0)) + a * b
    return {e: c for e, c in result.items() if c}


def derivative(f, mu):
    result = {}
    for e, c in f.items():
        if e[mu]:
            result[(*e[:mu], e[mu] - 1, *e[mu + 1 :])] = c * e[mu]
    return result


def at(f, point):
    total = Fraction(0)
    for e, c in f.items():
        total += c * prod((x**k for x, k in zip(point, e, strict=True)), start=Fraction(1))
    return total


def mean(polynomials):
    total = {}
    for f in polynomials:
        total = plus(total, f, Fraction(1, len(polynomials)))
    return total
