"""Polynomials over the rationals as products of irreducible ones.

SymPy factors any polynomial, by lifting from the integers, and finds out in this way that most of the
polynomials that come up here have no factors beyond the obvious ones. So the obvious ones are taken
out first, and then a few specialisations, whose outcome is a proof when it is favourable, tell whether
what is left is irreducible. Only where they do not is SymPy asked.
"""

from __future__ import annotations

from fractions import Fraction
from math import gcd, isqrt, lcm
from random import Random
from typing import TYPE_CHECKING, Any

from sympy.polys.densearith import dup_exquo
from sympy.polys.densebasic import dmp_from_dict, dmp_to_dict
from sympy.polys.domains import ZZ
from sympy.polys.euclidtools import dup_gcd
from sympy.polys.factortools import dmp_zz_factor, dup_zz_factor

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Terms", "factor_terms"]

#: Pairs of exponents and a coefficient, greatest exponents first.
Terms = tuple[tuple[tuple[int, ...], Fraction], ...]

_Whole = dict[tuple[int, ...], int]

_PRIME = 2**31 - 1
# Points that prove nothing are bad luck or a sign of factors.
_TRIES = 3


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
    rest = {exps: int(c * below) for exps, c in terms}
    content = gcd(*rest.values())
    if rest[max(rest)] < 0:
        content = -content
    width = len(terms[0][0])
    lowest = tuple(min(exps[i] for exps in rest) for i in range(width))
    rest = {
        tuple([e - low for e, low in zip(exps, lowest, strict=True)]): c // content
        for exps, c in rest.items()
    }
    factors: list[tuple[_Whole, int]] = [
        ({tuple(int(i == j) for j in range(width)): 1}, low) for i, low in enumerate(lowest) if low
    ]
    degrees = _degrees(rest)
    present = [i for i, degree in enumerate(degrees) if degree]
    if len(present) > 1:
        for i in present:
            found, rest = _without_content(rest, i)
            factors += [(_spread(f, i, width), k) for f, k in found]
        degrees = _degrees(rest)
        present = [i for i, degree in enumerate(degrees) if degree]
    if len(present) == 1:
        [i] = present
        dense = [0] * (degrees[i] + 1)
        for exps, c in rest.items():
            dense[degrees[i] - exps[i]] = c
        factors += [(_spread(f, i, width), k) for f, k in dup_zz_factor(_zz(dense), ZZ)[1]]
    elif present and _is_irreducible(rest, present, degrees):
        factors.append((rest, 1))
    elif present:
        dense = dmp_from_dict({exps: ZZ(c) for exps, c in rest.items()}, width - 1, ZZ)
        factors += [
            ({exps: int(c) for exps, c in dmp_to_dict(f, width - 1, ZZ).items()}, k)
            for f, k in dmp_zz_factor(dense, width - 1, ZZ)[1]
        ]
    if len(factors) > 1:
        factors.sort(key=_place)
    shown = [
        (tuple((exps, Fraction(f[exps])) for exps in sorted(f, reverse=True)), k)
        for f, k in factors
    ]
    return Fraction(content, below), shown


def _place(factor: tuple[_Whole, int]) -> tuple[object, ...]:
    """Sort as SymPy does: by degree in the first variable, multiplicity and dense coefficients."""
    f, k = factor
    dense = dmp_from_dict(f, len(next(iter(f))) - 1, ZZ)
    return (len(dense), k, dense)


def _zz(dense: Sequence[int]) -> list[Any]:
    return [ZZ(c) for c in dense]


def _degrees(f: _Whole) -> list[int]:
    return [max(powers) for powers in zip(*f, strict=True)]


def _spread(dense: Sequence[Any], place: int, width: int) -> _Whole:
    """Return a dense polynomial in one variable as one in all."""
    top = len(dense) - 1
    return {
        tuple(top - j if i == place else 0 for i in range(width)): int(c)
        for j, c in enumerate(dense)
        if c
    }


def _rows(f: _Whole, place: int) -> dict[tuple[int, ...], list[int]]:
    """Return the coefficients in the other variables: dense polynomials, greatest power first."""
    top: dict[tuple[int, ...], dict[int, int]] = {}
    for exps, c in f.items():
        top.setdefault((*exps[:place], 0, *exps[place + 1 :]), {})[exps[place]] = c
    return {
        key: [powers.get(e, 0) for e in range(max(powers), -1, -1)] for key, powers in top.items()
    }


def _without_content(f: _Whole, place: int) -> tuple[list[tuple[list[Any], int]], _Whole]:
    """Take out the factors in one variable alone."""
    rows = _rows(f, place)
    common: list[int] = []
    for row in sorted(rows.values(), key=len):
        common = _gcd_modulo(common, [c % _PRIME for c in row]) if common else row
        if len(common) == 1:
            break
    # The first row tells that the prime does no harm: it keeps the degree of every divisor.
    if len(common) == 1 and min(rows.values(), key=len)[0] % _PRIME:
        return [], f
    content: list[Any] = []
    for row in rows.values():
        content = dup_gcd(content, _zz(row), ZZ)
    if len(content) == 1:
        return [], f
    rest: _Whole = {}
    for key, row in rows.items():
        quotient = dup_exquo(_zz(row), content, ZZ)
        for j, c in enumerate(quotient):
            if c:
                rest[(*key[:place], len(quotient) - 1 - j, *key[place + 1 :])] = int(c)
    return dup_zz_factor(content, ZZ)[1], rest


def _is_irreducible(f: _Whole, present: list[int], degrees: list[int]) -> bool:
    """Tell whether a primitive polynomial is irreducible; False may also mean that this is unclear.

    With a variable x of least degree: no factor is free of x, since the coefficients of the powers of x
    have no common one; and a factor of less degree in x would show at a point where the degree stays.
    """
    place = min(present, key=lambda i: degrees[i])
    others = [i for i in present if i != place]
    random = Random(len(f))  # noqa: S311 - any points will do
    rows: list[_Whole] = [{} for _ in range(degrees[place] + 1)]
    for exps, c in f.items():
        rows[degrees[place] - exps[place]][exps] = c
    if not all(_are_coprime(rows, place, y, random) for y in others):
        return False
    if degrees[place] == 1:
        return True
    for _ in range(_TRIES):
        point = {i: random.randrange(-40, 41) for i in others}
        image = [sum(_values(row, point).values()) for row in rows]
        if image[0] and _is_irreducible_image(image):
            return True
    return False


def _is_irreducible_image(image: list[int]) -> bool:
    if len(image) == 3:
        a, b, c = image
        square = b * b - 4 * a * c
        return square < 0 or isqrt(square) ** 2 != square
    factors = dup_zz_factor(_zz(image), ZZ)[1]
    return len(factors) == 1 and len(factors[0][0]) == len(image)


def _values(f: _Whole, point: dict[int, int]) -> dict[tuple[int, ...], int]:
    """Return every term at a point, by exponents."""
    result = {}
    for exps, c in f.items():
        value = c
        for i, x in point.items():
            value *= x ** exps[i]
        result[exps] = value
    return result


def _are_coprime(rows: list[_Whole], place: int, y: int, random: Random) -> bool:
    """Tell whether the rows have no common factor with y, at a random point modulo a prime."""
    width = len(next(iter(rows[0])))
    point = {i: random.randrange(1, 1000) for i in range(width) if i not in (place, y)}
    common: list[int] = []
    is_safe = False
    for row in rows:
        if not row:
            continue
        top = max(exps[y] for exps in row)
        dense = [0] * (top + 1)
        for exps, value in _values(row, point).items():
            dense[top - exps[y]] += value
        dense = [c % _PRIME for c in dense]
        # A factor of a row keeps its degree in y where the row does.
        is_safe |= dense[0] != 0
        common = _gcd_modulo(common, dense)
    return is_safe and len(common) == 1


def _gcd_modulo(f: Sequence[int], g: Sequence[int]) -> list[int]:
    """Return a greatest common divisor modulo the prime; no coefficients stand for 0."""
    a, b = _stripped(f), _stripped(g)
    while b:
        inverse = pow(b[0], -1, _PRIME)
        while len(a) >= len(b):
            factor = a[0] * inverse % _PRIME
            for i, c in enumerate(b):
                a[i] = (a[i] - factor * c) % _PRIME
            a = _stripped(a)
        a, b = b, a
    return a


def _stripped(f: Sequence[int]) -> list[int]:
    place = 0
    while place < len(f) and f[place] % _PRIME == 0:
        place += 1
    return list(f[place:])
