"""Expressions on polynomial losses, by definition: tensors of derivatives as polynomials, contracted."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from math import prod

from sympy import Poly, Rational, symbols

from sgdiagrams.symbolic.contractions.contraction import Contraction

__all__ = ["contraction_at", "expression_at", "losses_of", "terms_of"]


def losses_of(landscape):
    """Return the losses as SymPy polynomials, and their variables."""
    variables = symbols(f"x0:{len(landscape.start)}")
    return [_polynomial(loss, variables) for loss in landscape.losses], variables


def terms_of(expr, variables):
    """Return a polynomial as exponents -> Fraction."""
    terms = Poly(expr, *variables).terms()
    return {exps: Fraction(int(c.p), int(c.q)) for exps, c in terms if c}


def _polynomial(loss, variables):
    return sum(
        Rational(c.numerator, c.denominator)
        * prod((v**e for v, e in zip(variables, exps, strict=True)), start=Rational(1))
        for exps, c in loss
    )


def expression_at(expression, losses, variables, free=(), functions=None):
    """Return an expression as a polynomial in the weights; `free` are the values of its free legs.

    `functions` has the polynomials of functions of the weights by their names.
    """
    moments = expression.in_basis("moment")
    return sum(
        (c * contraction_at(k, losses, variables, free, functions) for c, k in moments.terms),
        Rational(0),
    ).expand()


def contraction_at(k: Contraction, losses, variables, free=(), functions=None):
    """Return a moment: for every value of the indices the product over blocks of means of products."""
    p, total = len(variables), Rational(0)
    edges, n = k.edges, k.node_count
    for values in product(range(p), repeat=len(edges)):
        legs = [[] for _ in range(n)]
        for (i, j), value in zip(edges, values, strict=True):
            legs[i].append(value)
            legs[j].append(value)
        for v, value in zip(k.free, free, strict=True):
            legs[v].append(value)
        factor = Rational(1)
        for block in k.blocks:
            factor *= sum(
                prod(
                    (
                        _derivative((functions or {}).get(k.labels[v], x), legs[v], variables)
                        for v in block
                    ),
                    start=Rational(1),
                )
                for x in losses
            ) / Rational(len(losses))
        total += factor
    return total


def _derivative(polynomial, legs, variables):
    return polynomial.diff(*(variables[i] for i in legs)) if legs else polynomial
