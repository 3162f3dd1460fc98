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
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from flint import fmpq, fmpq_mpoly, fmpq_mpoly_ctx
from sympy import Expr, Function, Integer

from sgdiagrams.symbolic.weights.laurent import to_expr

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Factor", "PairedSummand", "Pairs", "RootProduct", "root_product_terms"]

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
        below: Counter[Factor] = Counter()
        for s in summands:
            below |= Counter(s.factors)
        cofactors = {f: self._cofactor(f) for f in below}
        norms = {f: self.product(f) for f in below}
        full = (1 << self._count) - 1
        sums: dict[_Key, fmpq_mpoly] = {}
        for s in summands:
            element = self._power(s.exponents)
            for f in s.factors:
                element = self._times(element, cofactors[f])
            value = element.get(full)
            if not value:
                continue
            value = value * self._b**s.power
            for f, k in (below - Counter(s.factors)).items():
                value = value * norms[f] ** k
            for key, c in s.coefficients.items():
                own = value * fmpq(c.numerator, c.denominator)
                sums[key] = sums[key] + own if key in sums else own
        return {key: self._lowest(f, below, norms) for key, f in sums.items() if f}

    def _lowest(
        self, above: fmpq_mpoly, below: Counter[Factor], norms: Mapping[Factor, fmpq_mpoly]
    ) -> tuple[_Terms, dict[Factor, int]]:
        """Cancel what is above and below: products over all choices are prime."""
        left = dict(below)
        for f, norm in norms.items():
            while left[f] and all(
                a >= b for a, b in zip(above.degrees(), norm.degrees(), strict=True)
            ):
                quotient, remainder = divmod(above, norm)
                if remainder:
                    break
                above, left[f] = quotient, left[f] - 1
        return _terms(above), {f: k for f, k in left.items() if k}

    def product(self, f: Factor) -> fmpq_mpoly:
        """Return the product of a factor over all choices."""
        return sum(
            (c * self._b ** (f.power * k) for k, c in enumerate(self._series(f.indices))),
            0 * self._one,
        )

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
        z = self._b**f.power
        series = [c * z**k for k, c in enumerate(self._series(f.indices))]
        total: _Element = {}
        for k in range(len(series) - 1):
            front = sum(series[: len(series) - 1 - k], 0 * self._one) * z**k
            for mask, c in self._power([k * (i in f.indices) for i in range(self._count)]).items():
                total[mask] = total[mask] + c * front if mask in total else c * front
        return {mask: c for mask, c in total.items() if c}

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


def _terms(f: fmpq_mpoly) -> _Terms:
    return {tuple(map(int, exps)): Fraction(int(c.p), int(c.q)) for exps, c in f.terms()}


def root_product_terms(count: int, power: int = 0) -> _Terms:
    r"""Return the product of :math:`1 - b^k x_1 \cdots x_n` over all choices.

    Parameters
    ----------
    count
        How many pairs there are.
    power
        That of b.

    Returns
    -------
    dict
        Exponents of (b, t_1, ..., t_n) -> coefficient.

    Examples
    --------
    >>> {exps: int(c) for exps, c in root_product_terms(1).items()}
    {(1, 0): 1, (0, 1): -1, (0, 0): 1}
    """
    return _terms(Pairs(count).product(Factor(tuple(range(count)), power)))


class RootProduct(Function):  # type: ignore[misc]  # SymPy ships no types
    r"""The product of :math:`1 - \beta^k x_1 \cdots x_n` over both roots x at every index.

    The roots are those of :math:`x^2 - (1 + \beta - h_i)\, x + \beta`, so that it is a polynomial in
    the h and beta, with hundreds of terms from three indices on: it stays unevaluated, and ``doit``
    writes it out. Arguments are beta, k, and the h.

    Examples
    --------
    >>> from sympy.abc import h, beta
    >>> RootProduct(beta, 0, h), RootProduct(beta, 0, h).doit()
    (R(h), h)
    >>> RootProduct(beta, 0, h, h).doit().factor()
    -h*(beta - 1)**2*(-2*beta + h - 2)
    """

    is_commutative = True

    @classmethod
    def eval(cls, *args: Any) -> Expr | None:
        """Put the eigenvalues into one order; numbers are worked out."""
        beta, power, *h = args
        if not h or all(x.is_Rational for x in args):
            return cls._written_out(beta, power, h)
        ordered = sorted(h, key=lambda x: (not x.is_number, str(x)))
        return cls(beta, power, *ordered) if ordered != h else None

    @staticmethod
    def _written_out(beta: Expr, power: Expr, h: Sequence[Expr]) -> Expr:
        terms = root_product_terms(len(h), int(power))
        return to_expr(terms, (beta, *(1 + beta - x for x in h)))

    @property
    def memory(self) -> Expr:
        """The momentum beta."""
        return self.args[0]

    @property
    def power(self) -> int:
        """The power of beta."""
        return int(self.args[1])

    @property
    def eigenvalues(self) -> tuple[Expr, ...]:
        """The eigenvalues h."""
        h: tuple[Expr, ...] = self.args[2:]
        return h

    def doit(self, **hints: Any) -> Expr:
        """Return the polynomial."""
        beta, power, *h = (arg.doit(**hints) for arg in self.args)
        return self._written_out(beta, power, h)

    def _eval_evalf(self, prec: int) -> Expr | None:
        if not all(arg.is_number for arg in self.args):
            return None
        value = self._written_out(self.memory, Integer(self.power), self.eigenvalues)
        return value._eval_evalf(prec)  # noqa: SLF001 - SymPy's own protocol

    def _sympystr(self, printer: Any) -> str:
        lead = f"{printer.doprint(self.memory**self.power)}; " if self.power else ""
        return f"R({lead}{', '.join(map(printer.doprint, self.eigenvalues))})"
