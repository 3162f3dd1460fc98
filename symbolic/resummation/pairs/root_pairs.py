r"""Pairs of numbers with known sums and one known product: what is symmetric in every pair.

A heavy ball remembers an update by the two roots of :math:`x^2 - t x + b` at every index, with
:math:`t = 1 + \beta - h` and :math:`b = \beta`. What is symmetric in both roots is rational in t and b.
With :math:`x_i^2 = t_i x_i - b` a polynomial is one of degree 1 in every :math:`x_i`, and since
:math:`(u + v x)/(x - y) + (u + v y)/(y - x) = v`,

.. math:: \sum_{\text{all choices}} \frac{f(x_1, \dots, x_n)}{\prod_i (x_i - y_i)}
    \quad\text{is the coefficient of}\quad x_1 \cdots x_n

of f. A reciprocal :math:`1/(1 - c\, x_1 \cdots x_k)` is the product of all its conjugates but one over
that of all, a polynomial in c, t and b.
"""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from flint import fmpq, fmpq_mpoly, fmpq_mpoly_ctx

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Factor", "PairedSummand", "Pairs", "polynomial_terms"]

#: By which of the x_i there are, as bits: the coefficient.
_Element: TypeAlias = "dict[int, fmpq_mpoly]"

_Terms: TypeAlias = "dict[tuple[int, ...], Fraction]"

#: Powers of (N, B).
_Key: TypeAlias = "tuple[int, int]"


class Factor(NamedTuple):
    """One reciprocal, of ``1 - b**power * product of x``.

    Attributes
    ----------
    indices
        Whose x there are.
    power
        That of b.
    """

    indices: tuple[int, ...]
    power: int


class PairedSummand(NamedTuple):
    """A coefficient times powers of x and of b, over factors.

    Attributes
    ----------
    coefficients
        Rational numbers, by the powers of (N, B) that they multiply.
    exponents
        That of x at every index.
    power
        That of b.
    factors
        What it is divided by.
    """

    coefficients: Mapping[_Key, Fraction]
    exponents: tuple[int, ...]
    power: int
    factors: tuple[Factor, ...]


class _Item(NamedTuple):
    """A summand with one coefficient."""

    c: Fraction
    exponents: tuple[int, ...]
    power: int
    factors: Counter[Factor]

    def without(self, f: Factor, exponents: Sequence[int]) -> _Item:
        left = tuple(a - b for a, b in zip(self.exponents, exponents, strict=True))
        return self._replace(exponents=left, factors=self.factors - Counter([f]))


#: An element, and the factors whose products over all choices are below.
_Fraction: TypeAlias = "tuple[_Element, Counter[Factor]]"


class Pairs:
    """Sums over all choices of one number of every pair.

    Parameters
    ----------
    count
        How many pairs there are.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._ring = fmpq_mpoly_ctx.get(["b", *(f"t{i}" for i in range(count))], "lex")
        self._b, *self._t = self._ring.gens()
        self._one = self._ring.constant(1)
        self._lucas: dict[int, list[fmpq_mpoly]] = {}
        self._products: dict[Factor, fmpq_mpoly] = {}
        self._cofactors: dict[Factor, _Element] = {}

    def total(
        self, summands: Sequence[PairedSummand]
    ) -> dict[_Key, tuple[_Terms, dict[Factor, int]]]:
        r"""Return the sum over all choices of summands over :math:`\prod_i (x_i - y_i)`.

        Returns
        -------
        dict
            By powers of (N, B): numerators, as exponents of (b, t_1, ..., t_n) -> coefficient, and how
            often the product of every factor over all choices is below, in lowest terms.
        """
        full = (1 << self._count) - 1
        items: dict[_Key, list[_Item]] = {}
        for s in summands:
            for key, c in s.coefficients.items():
                item = _Item(c, s.exponents, s.power, Counter(s.factors))
                items.setdefault(key, []).append(item)
        result = {}
        for key, own in items.items():
            element, below = self._added(own)
            if full in element:
                [above], left = self._lowest([element[full]], below)
                result[key] = (polynomial_terms(above), dict(left))
        return result

    def _added(self, items: Sequence[_Item]) -> _Fraction:
        """Return a sum, what is common to most factored out: parts of it cancel on the way."""
        shared = Counter(f for item in items for f in item.factors)
        if not shared:
            total: _Element = {}
            for item in items:
                scale = self._b**item.power * fmpq(item.c.numerator, item.c.denominator)
                for mask, c in self._power(item.exponents).items():
                    total[mask] = total.get(mask, 0 * self._one) + c * scale
            return {mask: c for mask, c in total.items() if c}, Counter()
        f = max(shared, key=lambda x: (shared[x], len(x.indices), x))
        within = [item for item in items if item.factors[f]]
        # Levels of a time sum are P/(1 - P), of which many add up to less.
        own = tuple(int(i in f.indices) for i in range(self._count))
        if all(a >= b for item in within for a, b in zip(item.exponents, own, strict=True)):
            lifted = own
        else:
            lifted = (0,) * self._count
        inner, below = self._added([item.without(f, lifted) for item in within])
        inner = self._times(inner, self._times(self._power(lifted), self._cofactor(f)))
        first = self._cancelled(inner, below + Counter([f]))
        rest = [item for item in items if not item.factors[f]]
        if not rest:
            return first
        second = self._added(rest)
        common = first[1] | second[1]
        total = {}
        for element, under in (first, second):
            scale = self._one
            for g, k in (common - under).items():
                scale = scale * self.product(g) ** k
            for mask, c in element.items():
                total[mask] = total.get(mask, 0 * self._one) + c * scale
        return self._cancelled({mask: c for mask, c in total.items() if c}, common)

    def _cancelled(self, element: _Element, below: Counter[Factor]) -> _Fraction:
        parts, left = self._lowest(list(element.values()), below)
        return dict(zip(element, parts, strict=True)), left

    def _lowest(
        self, above: list[fmpq_mpoly], below: Counter[Factor]
    ) -> tuple[list[fmpq_mpoly], Counter[Factor]]:
        """Cancel what is above and below: products over all choices are prime."""
        left = Counter(below)
        for f in below:
            norm = self.product(f)
            while left[f] and (divided := _divided(above, norm)) is not None:
                above, left[f] = divided, left[f] - 1
        return above, +left

    def product(self, f: Factor) -> fmpq_mpoly:
        """Return the product of a factor over all choices."""
        if f not in self._products:
            terms = (c * self._b ** (f.power * k) for k, c in enumerate(self._series(f.indices)))
            self._products[f] = sum(terms, 0 * self._one)
        return self._products[f]

    def _series(self, indices: Sequence[int]) -> list[fmpq_mpoly]:
        """Return the coefficients of the powers of z in the product of 1 - z x_1 ... x_k."""
        series = [self._one, -self._one]
        for i in indices:
            sums = self._sums_of_powers(i, len(series) - 1)
            both = [0 * self._one for _ in range(2 * len(series) - 1)]
            for j, first in enumerate(series):
                # Both roots have b as their product.
                both[2 * j] += first * first * self._b**j
                for k in range(j):
                    both[j + k] += first * series[k] * self._b**k * sums[j - k]
            series = both
        return series

    def _sums_of_powers(self, i: int, most: int) -> list[fmpq_mpoly]:
        """Return x^k + y^k for k = 0, ..., most."""
        t, b = self._t[i], self._b
        sums = [2 * self._one, t]
        while len(sums) <= most:
            sums.append(t * sums[-1] - b * sums[-2])
        return sums

    def _cofactor(self, f: Factor) -> _Element:
        """Return the product of all conjugates but one: F(z)/(1 - z P) at z = b^power."""
        if f in self._cofactors:
            return self._cofactors[f]
        z = self._b**f.power
        series = [c * z**k for k, c in enumerate(self._series(f.indices))]
        total: _Element = {}
        for k in range(len(series) - 1):
            front = sum(series[: len(series) - 1 - k], 0 * self._one) * z**k
            for mask, c in self._power([k * (i in f.indices) for i in range(self._count)]).items():
                total[mask] = total[mask] + c * front if mask in total else c * front
        self._cofactors[f] = {mask: c for mask, c in total.items() if c}
        return self._cofactors[f]

    def _power(self, exponents: Sequence[int]) -> _Element:
        """Return a product of powers of x."""
        total = {0: self._one}
        for i, k in enumerate(exponents):
            if not k:
                continue
            linear, constant = self._reduced(i, k), -self._b * self._reduced(i, k - 1)
            total = {
                mask | bit: c * own
                for mask, c in total.items()
                for bit, own in ((1 << i, linear), (0, constant))
                if own
            }
        return total

    def _reduced(self, i: int, k: int) -> fmpq_mpoly:
        """Return the coefficient of x in x^k."""
        known = self._lucas.setdefault(i, [0 * self._one, self._one])
        while len(known) <= k:
            known.append(self._t[i] * known[-1] - self._b * known[-2])
        return known[k]

    def _times(self, first: _Element, second: _Element) -> _Element:
        total: _Element = {}
        for one, a in first.items():
            for two, c in second.items():
                terms = {one ^ two: a * c}
                for i in range(self._count):
                    if one & two & 1 << i:
                        terms = {
                            mask | bit: value * own
                            for mask, value in terms.items()
                            for bit, own in ((1 << i, self._t[i]), (0, -self._b))
                        }
                for mask, value in terms.items():
                    total[mask] = total[mask] + value if mask in total else value
        return {mask: c for mask, c in total.items() if c}


def _divided(above: list[fmpq_mpoly], norm: fmpq_mpoly) -> list[fmpq_mpoly] | None:
    """Return polynomials over one, if all of them are multiples of it."""
    degrees = norm.degrees()
    if any(a < b for f in above for a, b in zip(f.degrees(), degrees, strict=True)):
        return None
    # Division with a remainder is slow; on a line it is quick, and the remainder is seen there too.
    line: dict[str | int, int | fmpq] = {i: 2 * i + 3 for i in range(len(degrees))}
    del line[max(i for i, k in enumerate(degrees) if k)]
    on_line = norm.subs(line)
    if any(divmod(f.subs(line), on_line)[1] for f in above):
        return None
    result = []
    for f in above:
        quotient, remainder = divmod(f, norm)
        if remainder:
            return None
        result.append(quotient)
    return result


def polynomial_terms(f: fmpq_mpoly) -> _Terms:
    """Return exponents of (b, t_1, ..., t_n) -> coefficient."""
    return {tuple(map(int, exps)): Fraction(int(c.p), int(c.q)) for exps, c in f.terms()}
