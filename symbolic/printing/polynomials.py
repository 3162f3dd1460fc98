"""Layouts of numbers, powers and sums of monomials, from polynomials as dictionaries of exponents."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from flint import fmpz
from sympy import Dummy, Expr, latex

from sgdiagrams.symbolic.layout import nodes
from sgdiagrams.symbolic.layout.formulas import Group, OneLine, Spelled, Sum, product
from sgdiagrams.symbolic.layout.nodes import ONE, Node, Numeral, Scripts, Symbol, power

if TYPE_CHECKING:
    from collections.abc import Sequence
    from fractions import Fraction
    from typing import Self

    import sympy

    from sgdiagrams.symbolic.weights.factoring import Terms

__all__ = [
    "Powers",
    "StandIn",
    "generator",
    "generator_of",
    "in_parentheses",
    "is_generator",
    "monomial",
    "over",
    "powers",
    "ratio",
    "sum_of_monomials",
    "whole",
]


class StandIn(Dummy):  # type: ignore[misc]  # SymPy ships no types
    """A symbol in place of a power such as beta**T, which polynomials cannot have as a variable."""

    __slots__ = ("power",)

    power: Expr

    def __new__(cls, power: Expr) -> Self:  # noqa: D102 - described by the class
        self: Self = Dummy.__new__(cls, "power")
        self.power = power
        return self


#: Generators with their exponents.
Powers = list[tuple["sympy.Symbol", int]]


def is_generator(f: Terms) -> bool:
    """Tell whether a polynomial is one of the generators."""
    return len(f) == 1 and f[0][1] == 1 and sum(f[0][0]) == 1


def generator_of(f: Terms) -> int:
    """Return the number of the first generator in a polynomial."""
    return next(i for i, e in enumerate(f[0][0]) if e)


# Numbers ----------------------------------------------------------------------------------------------


def whole(number: int) -> Numeral:
    """Return a whole number, whatever its size."""
    # FLINT writes thousands of digits, which Python refuses.
    return Numeral(str(fmpz(number)))


def ratio(c: Fraction) -> Node:
    """Return a positive rational number."""
    above = whole(c.numerator)
    return above if c.denominator == 1 else nodes.Fraction(above, whole(c.denominator))


def over(above: Node | None, below: Sequence[Node]) -> Node:
    """Return a fraction with a product below; on one line, a product has parentheses there."""
    bottom = product(below)
    if bottom is None:
        return ONE if above is None else above
    return nodes.Fraction(above or ONE, OneLine(bottom) if len(below) > 1 else bottom)


# Powers -----------------------------------------------------------------------------------------------


def powers(factors: Powers) -> list[Node]:
    """Return powers of symbols, those of one base with symbols above as one: beta^(T + 1)."""
    plain = dict(factors)
    merged = {symbol.power.base for symbol, _ in factors if isinstance(symbol, StandIn)}
    return [_power(symbol, k, plain) for symbol, k in factors if symbol not in merged]


def _power(symbol: sympy.Symbol, k: int, plain: dict[sympy.Symbol, int]) -> Node:
    if not isinstance(symbol, StandIn):
        return power(Symbol(symbol.name), k)
    return _general_power(symbol.power, k, plain.get(symbol.power.base, 0))


@lru_cache(maxsize=4096)  # a weight has the same few powers in thousands of monomials
def _general_power(whole: Expr, k: int, extra: int) -> Node:
    """Return a power such as beta^(2 T + 1): the k-th one of beta^T, times beta once more."""
    base = whole.base
    number, symbols = whole.exp.as_coeff_Mul()
    exponent = k * number * symbols + extra
    shown = str(exponent).replace("**", "^").replace("*", " ")
    text = shown if exponent.is_Symbol else f"({shown})"
    # Exponents are narrow.
    return Scripts(_base(base), above=Spelled(str(latex(exponent)), text, len(shown) // 2))


def _base(base: Expr) -> Node:
    if base.is_Symbol:
        return Symbol(base.name)
    name = f"({base})" if base.is_Rational and not base.is_Integer else str(base)
    return Spelled(str(latex(base)) if base.is_Integer else rf"\bigl({latex(base)}\bigr)", name)


def generator(symbol: sympy.Symbol, k: int) -> Node:
    """Return a power of one generator."""
    return _power(symbol, k, {})


# Sums -------------------------------------------------------------------------------------------------


def monomial(c: Fraction, exps: tuple[int, ...], gens: Sequence[sympy.Symbol]) -> Node:
    """Return a positive number times powers of generators, those with negative exponents below."""
    above = powers([(g, e) for g, e in zip(gens, exps, strict=True) if e > 0])
    below = powers([(g, -e) for g, e in zip(gens, exps, strict=True) if e < 0])
    if c.numerator != 1 or not above:
        above.insert(0, whole(c.numerator))
    if c.denominator != 1:
        below.insert(0, whole(c.denominator))
    return over(product(above), below)


def sum_of_monomials(f: Terms, gens: Sequence[sympy.Symbol], *, is_breakable: bool = False) -> Sum:
    """Return a sum of monomials."""
    terms = tuple((-1 if c < 0 else 1, monomial(abs(c), exps, gens)) for exps, c in f)
    return Sum(terms, is_breakable=is_breakable)


def in_parentheses(f: Terms, k: int, gens: Sequence[sympy.Symbol]) -> Node:
    """Return a power of a sum."""
    return power(Group(sum_of_monomials(f, gens)), k)
