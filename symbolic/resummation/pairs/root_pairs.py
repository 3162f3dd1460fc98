r"""Pairs of numbers with known sums and products: what is symmetric in every pair.

An optimiser with memory remembers an update by the two roots of :math:`x^2 - t x + b` at every index,
for a heavy ball with :math:`t = 1 + \beta - h` and :math:`b = \beta`. What is symmetric in both roots is
rational in t and b.
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
from sympy import Dummy, Poly

from sgdiagrams.symbolic import symbols
from sgdiagrams.symbolic.resummation.pairs.pair_law import PairLaw

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sympy import Expr

__all__ = ["Factor", "LinearForm", "PairedSummand", "Pairs", "polynomial_terms"]

#: What the beta of a heavy ball is called, whatever it is.
_MEMORY = Dummy("b")

#: By which of the x_i there are, as bits: the coefficient.
_Element: TypeAlias = "dict[int, fmpq_mpoly]"

_Terms: TypeAlias = "dict[tuple[int, ...], Fraction]"

#: Powers of (N, B).
_Key: TypeAlias = "tuple[int, int]"


class Factor(NamedTuple):
    """One reciprocal, of ``1 - f**power * a**more * product of x``.

    Attributes
    ----------
    indices
        Whose x there are.
    power
        That of f, the root beside 1 along flat directions: b of a heavy ball.
    more
        That of a, the root of an average; with -1 and one index it stands for ``a - x``.
    """

    indices: tuple[int, ...]
    power: int
    more: int = 0


#: A constant and the coefficient of x.
LinearForm: TypeAlias = "tuple[fmpq_mpoly, fmpq_mpoly]"


class PairedSummand(NamedTuple):
    """A coefficient times powers of x and of f, and polynomials, over factors.

    Attributes
    ----------
    coefficients
        Rational numbers, by the powers of (N, B) that they multiply.
    exponents
        That of x at every index.
    power
        That of f.
    factors
        What it is divided by.
    linear
        Polynomials of x, at every index.
    scale
        A polynomial of the parameters; 1 when left out.
    """

    coefficients: Mapping[_Key, Fraction]
    exponents: tuple[int, ...]
    power: int
    factors: tuple[Factor, ...]
    linear: tuple[LinearForm, ...] = ()
    scale: fmpq_mpoly | None = None


class _Item(NamedTuple):
    """A summand with one coefficient."""

    c: Fraction
    exponents: tuple[int, ...]
    power: int
    factors: Counter[Factor]
    linear: tuple[LinearForm, ...] = ()
    scale: fmpq_mpoly | None = None

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
    law
        What their sums and products are; those of a heavy ball, whose beta is called b, when left out.
    more
        The root of an average.

    Attributes
    ----------
    parameters
        What the first variables of polynomials stand for.
    flat, more
        The root beside 1 along flat directions, and that of the average or 1.
    """

    def __init__(self, count: int, law: PairLaw | None = None, more: Expr | None = None) -> None:
        self._count = count
        # The beta of a heavy ball is a variable even where it is a number.
        self.parameters: tuple[Expr, ...] = ()
        if law is None or law.beta is not None:
            self.parameters = (symbols.beta if law is None else law.beta,)
            law = PairLaw.heavy_ball(_MEMORY)
        constants = [*law.total, *law.product]
        constants += [] if more is None else [more]
        used = {s for c in constants for s in c.free_symbols} - {_MEMORY}
        names = tuple(sorted(used, key=str))
        own = (_MEMORY,) if law.beta is not None else ()
        self.parameters += names
        self._names = (*own, *names)
        letters = [f"p{i}" for i in range(len(self._names))]
        self._ring = fmpq_mpoly_ctx.get([*letters, *(f"t{i}" for i in range(count))], "lex")
        gens = self._ring.gens()
        self._inputs = dict(zip(self._names, gens, strict=False))
        self._one = self._ring.constant(1)
        variables = gens[len(self._names) :]
        (t0, t1), (p0, p1) = ((self.polynomial(c) for c in own) for own in (law.total, law.product))
        self._t = [t0 + t1 * v for v in variables]
        self._b = [p0 + p1 * v for v in variables]
        self.flat = self.polynomial(law.flat_root)
        self.more = self._one if more is None else self.polynomial(more)
        self._lucas: dict[int, list[fmpq_mpoly]] = {}
        self._products: dict[Factor, fmpq_mpoly] = {}
        self._cofactors: dict[Factor, _Element] = {}

    def polynomial(self, expr: Expr) -> fmpq_mpoly:
        """Return a polynomial in the parameters."""
        if not self._inputs:
            return self._ring.constant(fmpq(int(expr.p), int(expr.q)))
        total = 0 * self._one
        for exps, c in Poly(expr, *self._inputs).terms():
            term = self._ring.constant(fmpq(int(c.p), int(c.q)))
            for x, k in zip(self._inputs.values(), exps, strict=True):
                term = term * x**k
            total = total + term
        return total

    def pair(self, i: int) -> LinearForm:
        """Return the sum and the product of the numbers at an index."""
        return self._t[i], self._b[i]

    def total(
        self,
        summands: Sequence[PairedSummand],
        *,
        divisors: Counter[Factor] | None = None,
        exact: fmpq_mpoly | None = None,
    ) -> dict[_Key, tuple[_Terms, dict[Factor, int]]]:
        r"""Return the sum over all choices of summands over :math:`\prod_i (x_i - y_i)`.

        Parameters
        ----------
        summands
            Before they are divided.
        divisors
            By the products of which over all choices the sum is divided too.
        exact
            By which it is divided without a remainder.

        Returns
        -------
        dict
            By powers of (N, B): numerators, as exponents of the parameters and one variable an index ->
            coefficient, and how often the product of every factor over all choices is below, in lowest
            terms.
        """
        full = (1 << self._count) - 1
        items: dict[_Key, list[_Item]] = {}
        for s in summands:
            for key, c in s.coefficients.items():
                item = _Item(c, s.exponents, s.power, Counter(s.factors), s.linear, s.scale)
                items.setdefault(key, []).append(item)
        result = {}
        for key, own in items.items():
            element, below = self._added(own)
            if full in element:
                above = element[full]
                if exact is not None:
                    above, remainder = divmod(above, exact)
                    assert not remainder  # noqa: S101 - one root may be 0
                [above], left = self._lowest([above], below + (divisors or Counter()))
                result[key] = (polynomial_terms(above), dict(left))
        return result

    def _added(self, items: Sequence[_Item]) -> _Fraction:
        """Return a sum, what is common to most factored out: parts of it cancel on the way."""
        shared = Counter(f for item in items for f in item.factors)
        if not shared:
            total: _Element = {}
            for item in items:
                scale = self.flat**item.power * fmpq(item.c.numerator, item.c.denominator)
                if item.scale is not None:
                    scale = scale * item.scale
                element = self._power(item.exponents)
                for i, (constant, slope) in enumerate(item.linear):
                    own = {0: constant, 1 << i: slope}
                    element = self._times(element, {m: c for m, c in own.items() if c})
                for mask, c in element.items():
                    total[mask] = total.get(mask, 0 * self._one) + c * scale
            return {mask: c for mask, c in total.items() if c}, Counter()
        f = max(shared, key=lambda x: (shared[x], len(x.indices), x))
        within = [item for item in items if item.factors[f]]
        # Levels of a time sum are P/(1 - P), of which many add up to less.
        alone = tuple(int(i in f.indices) for i in range(self._count))
        if all(a >= b for item in within for a, b in zip(item.exponents, alone, strict=True)):
            lifted = alone
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
            if f.more < 0:
                [i] = f.indices
                self._products[f] = self.more**2 - self.more * self._t[i] + self._b[i]
                return self._products[f]
            z = self._scale(f)
            terms = (c * z**k for k, c in enumerate(self._series(f.indices)))
            self._products[f] = sum(terms, 0 * self._one)
        return self._products[f]

    def _scale(self, f: Factor) -> fmpq_mpoly:
        """Return what stands before the x of a factor."""
        return self.flat**f.power * self.more**f.more

    def _series(self, indices: Sequence[int]) -> list[fmpq_mpoly]:
        """Return the coefficients of the powers of z in the product of 1 - z x_1 ... x_k."""
        series = [self._one, -self._one]
        for i in indices:
            sums = self._sums_of_powers(i, len(series) - 1)
            both = [0 * self._one for _ in range(2 * len(series) - 1)]
            for j, first in enumerate(series):
                # Both roots have b as their product.
                both[2 * j] += first * first * self._b[i] ** j
                for k in range(j):
                    both[j + k] += first * series[k] * self._b[i] ** k * sums[j - k]
            series = both
        return series

    def _sums_of_powers(self, i: int, most: int) -> list[fmpq_mpoly]:
        """Return x^k + y^k for k = 0, ..., most."""
        t, b = self._t[i], self._b[i]
        sums = [2 * self._one, t]
        while len(sums) <= most:
            sums.append(t * sums[-1] - b * sums[-2])
        return sums

    def _cofactor(self, f: Factor) -> _Element:
        """Return the product of all conjugates but one: F(z)/(1 - z P) at z = f^power a^more."""
        if f in self._cofactors:
            return self._cofactors[f]
        z = self._scale(f)
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
            linear, constant = self._reduced(i, k), -self._b[i] * self._reduced(i, k - 1)
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
            known.append(self._t[i] * known[-1] - self._b[i] * known[-2])
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
                            for bit, own in ((1 << i, self._t[i]), (0, -self._b[i]))
                        }
                for mask, value in terms.items():
                    total[mask] = total[mask] + value if mask in total else value
        return {mask: c for mask, c in total.items() if c}


def _divided(above: list[fmpq_mpoly], norm: fmpq_mpoly) -> list[fmpq_mpoly] | None:
    """Return polynomials over one, if all of them are multiples of it."""
    degrees = norm.degrees()
    if not any(degrees):
        return [f * (1 / norm.leading_coefficient()) for f in above]
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
    """Return exponents of the parameters and of one variable an index -> coefficient."""
    return {tuple(map(int, exps)): Fraction(int(c.p), int(c.q)) for exps, c in f.terms()}
