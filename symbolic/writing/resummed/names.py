r"""Functions of eigenvalues as a person writes them: :math:`1 - q_\mu q_\nu`, :math:`H_\mu + H_\nu`.

Rational functions are factored, in :math:`q = 1 - h` or in h, and every factor gets the sign that makes
it positive for small positive eigenvalues, so that the sign of a term stands in front of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from sympy import (
    Add,
    Expr,
    Integer,
    Mul,
    Poly,
    Pow,
    Symbol,
    expand,
    factor_list,
    fraction,
    together,
)

from sgdiagrams.symbolic import symbols
from sgdiagrams.symbolic.layout import nodes
from sgdiagrams.symbolic.layout.formulas import Group, OneLine, Sum, product
from sgdiagrams.symbolic.layout.indices import index_letter
from sgdiagrams.symbolic.layout.nodes import ONE, Index, Node, Scripts, power
from sgdiagrams.symbolic.layout.text import plain_text
from sgdiagrams.symbolic.printing.coefficients import coefficient

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Names", "fraction_of", "grouped"]

#: Fits no symbol of a weight: how a rate is called once eta is pulled out of it.
_KINDS = "hqrsH"


@dataclass(frozen=True, slots=True)
class Names:
    r"""How eigenvalues are called.

    Attributes
    ----------
    count
        The number of indices.
    in_rates
        Whether functions are written in h, as continuous time and small eta want them, or in q.
    eta_apart
        Whether h is written as eta times :math:`H_\mu`, so that powers of eta combine.
    bare_rates
        Whether a factor 1 - q alone is written as the rate that it is.
    memory
        The momentum beta, the product of the two roots at an index; None for symbols r and s apart.
    """

    count: int
    in_rates: bool
    eta_apart: bool
    bare_rates: bool
    memory: Expr | None = None

    def indexed(self) -> dict[Symbol, tuple[int, int]]:
        """Return the symbols of all indices with their places: index, kind."""
        return _indexed(self.count)

    def rate(self, i: int) -> Expr:
        """Return the eigenvalue h at an index as it is written."""
        if self.eta_apart:
            return symbols.eta * Symbol(f"H_{index_letter(i)}")
        return Symbol(f"h_{index_letter(i)}")

    def in_names(self, expr: Expr) -> Expr:
        """Return an expression in the chosen symbols."""
        return expr.xreplace(_table(self))

    def symbol(self, x: Symbol) -> Node:
        """Return an indexed symbol."""
        i, k = self.indexed()[x]
        return Scripts(nodes.Symbol(_KINDS[k]), below=Index(i))

    def factored(self, expr: Expr) -> tuple[Expr, dict[Expr, int]]:
        """Return a rational function as a scalar and powers of factors that depend on indices.

        The expression is in the chosen symbols.
        """
        scalar: Expr = Integer(1)
        powers: dict[Expr, int] = {}
        for part, sign in zip(fraction(together(expr)), (1, -1), strict=True):
            number, factors = _factor_list(part)
            scalar *= number**sign
            for f, k in factors:
                s, base = _positive(self, self._remembered(f))
                scalar *= s ** (sign * k)
                if base != 1:
                    powers[base] = powers.get(base, 0) + sign * k
        return self._rates(scalar, {f: k for f, k in powers.items() if k})

    def _remembered(self, f: Expr) -> Expr:
        """Return a factor with products of the two roots at an index written as beta."""
        if self.memory is None:
            return f
        for i in range(self.count):
            r, s = (Symbol(f"{kind}_{index_letter(i)}") for kind in "rs")
            if r in f.free_symbols and s in f.free_symbols:
                f = Add(
                    *(
                        c * r ** (a - min(a, b)) * s ** (b - min(a, b)) * self.memory ** min(a, b)
                        for (a, b), c in Poly(f, r, s).terms()
                    )
                )
        return expand(f)

    def _rates(self, scalar: Expr, powers: dict[Expr, int]) -> tuple[Expr, dict[Expr, int]]:
        """Write 1 - q, and (1 - r)(1 - s) at one index, as rates."""
        if not self.bare_rates or self.in_rates:
            return scalar, powers
        for i in range(self.count):
            letter = index_letter(i)
            q, r, s = (1 - Symbol(f"{kind}_{letter}") for kind in "qrs")
            power = 0
            if q in powers:
                power = powers.pop(q)
            elif powers.get(r, 0) == powers.get(s, 0) != 0:
                power = powers.pop(r)
                powers.pop(s)
            if power:
                number, name = self.rate(i).as_independent(Symbol("eta"))[::-1]
                if not self.eta_apart:
                    number, name = Integer(1), self.rate(i)
                scalar *= number**power
                powers[name] = powers.get(name, 0) + power
        return scalar, powers

    # Printing -------------------------------------------------------------------------------------

    def factor(self, f: Expr, exponent: int = 1) -> Node:
        """Return a power of a symbol or a polynomial with indices."""
        return _factor(self, f, exponent)

    def terms(self, f: Expr) -> list[tuple[Expr, Node | None]]:
        """Return the monomials of a polynomial with their coefficients: 1 first, then by name."""
        places = self.indexed()
        gens = sorted(f.free_symbols & places.keys(), key=lambda x: places[x])
        if not gens:
            return [(f, None)]
        monomials = Poly(f, *gens).terms()
        monomials.sort(key=lambda term: (sum(term[0]), [-e for e in term[0]]))
        return [
            (c, product(power(self.symbol(x), e) for x, e in zip(gens, exps, strict=True) if e))
            for exps, c in monomials
        ]

    def split(self, f: Expr) -> list[tuple[Expr, Expr]]:
        """Return a polynomial that mixes indices and other symbols as scalars times polynomials."""
        others = sorted(f.free_symbols - self.indexed().keys(), key=str)
        if not others or not f.is_Add:
            return [(Integer(1), f)]
        return [
            (Mul(*(Pow(x, e) for x, e in zip(others, exps, strict=True))), c)
            for exps, c in Poly(f, *others).terms()
        ]


# A table has the same few factors hundreds of times, so what they look like is worked out once.


@lru_cache(maxsize=256)
def _indexed(count: int) -> dict[Symbol, tuple[int, int]]:
    return {
        Symbol(f"{kind}_{index_letter(i)}"): (i, k)
        for i in range(count)
        for k, kind in enumerate(_KINDS)
    }


@lru_cache(maxsize=256)
def _table(names: Names) -> dict[Symbol, Expr]:
    """Return the eigenvalues in the chosen symbols."""
    return {
        Symbol(f"h_{letter}"): names.rate(i) if names.in_rates else 1 - Symbol(f"q_{letter}")
        for i, letter in enumerate(map(index_letter, range(names.count)))
    }


@lru_cache(maxsize=256)
def _sample(names: Names) -> dict[Symbol, Expr]:
    """Return small positive eigenvalues and large numbers."""
    table: dict[Symbol, Expr] = {symbols.eta: Integer(1), symbols.beta: Integer(1) / 2}
    for x, (i, k) in names.indexed().items():
        # The first index has the greatest difference from others where these are written.
        place = names.count - i if names.in_rates else i + 1
        h = Integer(1) / (1000 + 100 * (names.count - place) + 7 * i)
        table[x] = (h, 1 - h, 1 - 2 * h, Integer(1) / 2 - h, h)[k]
    large = {"T": 997, "N": 991, "E": 983, "B": 5}
    table |= {Symbol(name): Integer(n) for name, n in large.items()}
    return table


@lru_cache(maxsize=4096)
def _positive(names: Names, f: Expr) -> tuple[Expr, Expr]:
    """Return a sign or scalar, and a factor that is positive for small eigenvalues."""
    if not f.free_symbols & names.indexed().keys():
        return f, Integer(1)
    return (Integer(-1), -f) if f.xreplace(_sample(names)) < 0 else (Integer(1), f)


@lru_cache(maxsize=4096)
def _factor_list(polynomial: Expr) -> tuple[Expr, list[tuple[Expr, int]]]:
    number, factors = factor_list(polynomial)
    return number, factors


@lru_cache(maxsize=4096)
def _factor(names: Names, f: Expr, exponent: int) -> Node:
    terms = [(coefficient(c), monomial) for c, monomial in names.terms(f)]
    if terms[0][0].sign < 0 and len(terms) > 1:
        terms.sort(key=lambda term: -term[0].sign)
    shown = [(c.sign, product([c.node, monomial]) or ONE) for c, monomial in terms]
    if len(shown) == 1:
        return power(shown[0][1], exponent)
    whole = Sum(tuple(shown))
    return whole if exponent == 1 else power(Group(whole), exponent)


def grouped(node: Node) -> Node:
    """Return a sum in parentheses; anything else as it is."""
    return Group(node) if isinstance(node, Sum) else node


def fraction_of(above: Sequence[Node], below: Sequence[Node]) -> Node | None:
    """Return a fraction of products, or the product above where nothing is below."""
    top, bottom = _joined(above), _joined(below)
    if bottom is None:
        return top
    shown = top or ONE
    return nodes.Fraction(
        OneLine(shown) if isinstance(shown, Sum) else shown,
        OneLine(bottom) if len(below) > 1 or not _stands_alone(bottom) else bottom,
    )


def _joined(factors: Sequence[Node]) -> Node | None:
    return factors[0] if len(factors) == 1 else product(map(grouped, factors))


def _stands_alone(node: Node) -> bool:
    """Tell whether a divisor needs no parentheses on one line."""
    text = plain_text(node)
    is_group = text.startswith("(") and text.find(")") == len(text) - 1
    return not isinstance(node, Sum) and (is_group or " " not in text)
