"""Polynomials over the rationals as products of irreducible ones, by FLINT."""

from __future__ import annotations

from fractions import Fraction
from math import lcm
from typing import TYPE_CHECKING

from flint import fmpz_mpoly_ctx
from sympy.polys.densebasic import dmp_from_dict
from sympy.polys.domains import ZZ

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Terms", "factor_terms"]

#: Pairs of exponents and a coefficient, greatest exponents first.
Terms = tuple[tuple[tuple[int, ...], Fraction], ...]

_Whole = list[tuple[tuple[int, ...], int]]


def factor_terms(
    terms: Sequence[tuple[tuple[int, ...], Fraction]],
) -> tuple[Fraction, list[tuple[Terms, int]]]:
    """Return a polynomial as a number and powers of irreducible polynomials.

    Factors have whole coefficients without a common divisor, the leading one positive, and stand in the
    order of SymPy's ``factor_list``.

    Examples
    --------
    >>> number, factors = factor_terms([((2,), Fraction(1, 2)), ((1,), Fraction(-1, 2))])
    >>> print(number, [([(exps, int(c)) for exps, c in f], k) for f, k in factors])
    1/2 [([((1,), 1), ((0,), -1)], 1), ([((1,), 1)], 1)]
    """
    if not terms:
        return Fraction(0), []
    below = lcm(*(c.denominator for _, c in terms))
    ring = fmpz_mpoly_ctx.get([f"x{i}" for i in range(len(terms[0][0]))], "lex")
    number, powers = ring.from_dict({exps: int(c * below) for exps, c in terms}).factor()
    # FLINT's factors are primitive, their leading coefficients positive.
    factors = [
        ([(tuple(map(int, exps)), int(c)) for exps, c in f.terms()], int(k)) for f, k in powers
    ]
    factors.sort(key=_place)
    shown = [(tuple((exps, Fraction(c)) for exps, c in whole), k) for whole, k in factors]
    return Fraction(int(number), below), shown


def _place(factor: tuple[_Whole, int]) -> tuple[object, ...]:
    """Sort as SymPy does: by degree in the first variable, multiplicity and dense coefficients."""
    whole, k = factor
    dense = dmp_from_dict(dict(whole), len(whole[0][0]) - 1, ZZ)
    return (len(dense), k, dense)
