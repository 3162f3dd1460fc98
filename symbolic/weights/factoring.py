"""Polynomials over the rationals as products of irreducible ones, by FLINT."""

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction
from math import lcm, prod
from typing import TYPE_CHECKING

from flint import fmpz_mpoly_ctx
from sympy.polys.densebasic import dmp_from_dict
from sympy.polys.domains import ZZ

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["MOST_DEGREE", "Terms", "factor_terms"]

#: Pairs of exponents and a coefficient, greatest exponents first.
Terms = tuple[tuple[tuple[int, ...], Fraction], ...]

# Coefficients of a dense polynomial.
_MOST_DENSE = 10_000

#: In one variable; polynomials of higher degree are left as they are, powers of variables aside.
MOST_DEGREE = 300

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
    f = ring.from_dict({exps: int(c * below) for exps, c in terms})
    factored = None
    if max(f.degrees()) <= MOST_DEGREE:
        # Factors of like degrees with huge coefficients are more than FLINT's wrapper can sort.
        with suppress(OverflowError):
            factored = f.factor()
    if factored is not None:
        number, powers = factored
    else:
        number, powers = f.term_content().factor()
        rest = f / f.term_content()
        flip = -1 if rest.leading_coefficient() < 0 else 1
        number, powers = number * flip, [*powers, *([] if rest.is_one() else [(rest * flip, 1)])]
    # FLINT's factors are primitive, their leading coefficients positive.
    factors = [
        ([(tuple(map(int, exps)), int(c)) for exps, c in f.terms()], int(k)) for f, k in powers
    ]
    factors.sort(key=_place)
    shown = [(tuple((exps, Fraction(c)) for exps, c in whole), k) for whole, k in factors]
    return Fraction(int(number), below), shown


def _place(factor: tuple[_Whole, int]) -> tuple[object, ...]:
    """Sort as SymPy does: by degree in the first variable, multiplicity and dense coefficients.

    Where those would not fit memory the terms stand for them.
    """
    whole, k = factor
    degrees = [max(powers) + 1 for powers in zip(*(exps for exps, _ in whole), strict=True)]
    is_sparse = prod(degrees) > _MOST_DENSE
    dense = whole if is_sparse else dmp_from_dict(dict(whole), len(degrees) - 1, ZZ)
    return (degrees[0], k, is_sparse, dense)
