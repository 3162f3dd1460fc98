"""Laurent polynomials with rational coefficients, as plain dictionaries.

A polynomial in fixed variables ``(x, y, ...)`` is a dictionary from exponents to coefficients:
``{(2, -1): Fraction(1, 2)}`` is ``x**2 / (2 y)``. Counts of embeddings are such polynomials, and there
are too many of them to make each a SymPy expression on its own.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cmp_to_key, lru_cache
from typing import TYPE_CHECKING

from sympy import Add, Basic, Integer, Mul, Pow, Rational

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sympy import Expr, Symbol

__all__ = [
    "Laurent",
    "add_scaled",
    "at_number",
    "falling_factorial",
    "from_expr",
    "to_expr",
]

Laurent = dict[tuple[int, ...], Fraction]

_ZERO = Fraction(0)


def add_scaled(
    total: Laurent,
    part: Mapping[tuple[int, ...], Fraction | int],
    scale: Fraction | int = 1,
    shift: tuple[int, ...] = (),
) -> None:
    """Add ``scale * x**shift * part`` to `total`, in place; an empty shift means no shift."""
    for exponents, coefficient in part.items():
        key = tuple(map(sum, zip(exponents, shift, strict=True))) if shift else exponents
        value = total.get(key, _ZERO) + coefficient * scale
        if value:
            total[key] = value
        else:
            total.pop(key, None)


def at_number(polynomial: Mapping[tuple[int, ...], Fraction], x: int) -> Fraction:
    """Return the value of a Laurent polynomial in one variable.

    Examples
    --------
    >>> at_number({(2,): Fraction(1), (-1,): Fraction(3)}, 3)
    Fraction(10, 1)
    """
    return sum((c * Fraction(x) ** power for (power,), c in polynomial.items()), Fraction(0))


def falling_factorial(k: int) -> list[int]:
    """Return the coefficients of ``x (x - 1) ... (x - k + 1)``, constant first.

    Examples
    --------
    >>> falling_factorial(3)
    [0, 2, -3, 1]
    """
    coefficients = [1]
    for j in range(k):
        up = [0, *coefficients]
        coefficients = [a - j * b for a, b in zip(up, [*coefficients, 0], strict=True)]
    return coefficients


def from_expr(
    weight: Expr, variables: Sequence[Symbol]
) -> list[tuple[tuple[int, ...], Fraction]] | None:
    """Return exponents and coefficients of an expanded Laurent polynomial, greatest first.

    Anything else, a product of sums or a true quotient, gives None.

    Examples
    --------
    >>> from sgdiagrams.symbolic.symbols import B, T
    >>> from_expr(T**2 / B - T / 2, [T, B])
    [((2, -1), Fraction(1, 1)), ((1, 0), Fraction(-1, 2))]
    """
    terms = []
    for monomial in Add.make_args(weight):
        c, rest = monomial.as_coeff_Mul()
        powers = rest.as_powers_dict()
        if not c.is_Rational or not all(
            base == 1 or (base.is_Symbol and exp.is_Integer) for base, exp in powers.items()
        ):
            return None
        exponents = tuple(int(powers.get(x, 0)) for x in variables)
        terms.append((exponents, Fraction(int(c.p), int(c.q))))
    return sorted(terms, reverse=True)


def to_expr(polynomial: Mapping[tuple[int, ...], Fraction], variables: Sequence[Expr]) -> Expr:
    """Return the polynomial as an expanded SymPy expression; numbers may stand for variables."""
    places = tuple(variables)
    terms = []
    bare = set()
    for exponents, c in polynomial.items():
        number = Rational(c.numerator, c.denominator)
        monomial, is_bare = _monomial(exponents, places)
        if is_bare and number != 1:
            # What evaluation would give, in a third of the time.
            terms.append(Mul(number, *Mul.make_args(monomial), evaluate=False))
        else:
            terms.append(Mul(number, monomial))
        if is_bare and number != 0:
            bare.add(monomial)
    if len(bare) == len(terms) > 1:
        # The same: different monomials, sorted as SymPy does, with a number first.
        numbers = [term for term in terms if term.is_Rational]
        others = [term for term in terms if not term.is_Rational]
        others.sort(key=cmp_to_key(Basic.compare))
        return Add(*numbers, *others, evaluate=False)
    return Add(*terms)


@lru_cache(maxsize=16384)
def _monomial(exponents: tuple[int, ...], variables: tuple[Expr, ...]) -> tuple[Expr, bool]:
    """Return a monomial, and whether it has symbols and their powers alone: no number, no sum."""
    powers = [(x, k) for x, k in zip(variables, exponents, strict=True) if k]
    product = Mul(*(Pow(x, Integer(k)) for x, k in powers))
    factors = Mul.make_args(product)
    return product, all(f.is_Symbol or (f.is_Pow and f.base.is_Symbol) for f in factors)
