"""Numbers and expressions in place of the symbols of weights."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import isfinite
from numbers import Real
from typing import Any

from sympy import Expr, Float, Rational, Symbol, nsimplify

from sgdiagrams.diagrams.errors import RequestError, SamplingError, listed
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.symbolic.weights.poles import pole_message
from sgdiagrams.symbolic.weights.quotients import is_weight

__all__ = ["replacements", "substituted_pairs", "value_at"]


def replacements(*args: Any) -> dict[Symbol, Expr]:
    """Return the arguments of SymPy's ``subs``, a pair or a dictionary, as weights by symbol.

    Names stand for symbols, and floats for the rational numbers that they show.

    Raises
    ------
    RequestError
        When something else is to be replaced, or put in.

    Examples
    --------
    >>> replacements({"B": "N", "T": 0.1})
    {B: N, T: 1/10}
    """
    return {_symbol(old): _value(new) for old, new in substituted_pairs(*args)}


def substituted_pairs(*args: Any) -> list[tuple[Any, Any]]:
    """Return the arguments of SymPy's ``subs`` as pairs of old and new.

    Raises
    ------
    RequestError
        When they are no pairs.

    Examples
    --------
    >>> substituted_pairs("B", 2), substituted_pairs({"B": "N"})
    ([('B', 2)], [('B', 'N')])
    """
    if len(args) == 2:
        return [(args[0], args[1])]
    if len(args) != 1:
        raise RequestError(
            f"expected subs(old, new) or subs({{old: new}}), got {len(args)} arguments"
        )
    given = args[0].items() if isinstance(args[0], Mapping) else args[0]
    called = "a dictionary such as {'T': 10}"
    pairs = []
    for pair in listed("subs", given, called=called):
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise RequestError(f"expected {called}, got {shown(args[0])}")
        pairs.append((pair[0], pair[1]))
    return pairs


def value_at(weight: Expr, values: Mapping[str, Fraction]) -> Fraction:
    """Return a rational function at a point; walking it beats SymPy's ``subs`` many times over.

    Raises
    ------
    SamplingError
        When the function has no rational value there.

    Examples
    --------
    >>> from sgdiagrams.symbolic.symbols import N, T
    >>> value_at(T**2 / (2 * N - 2), {"T": Fraction(3), "N": Fraction(4)})
    Fraction(3, 2)
    """
    if weight.is_Rational:
        return Fraction(int(weight.p), int(weight.q))
    if weight.is_Symbol:
        return values[weight.name]
    if weight.is_Add:
        return sum((value_at(arg, values) for arg in weight.args), Fraction(0))
    if weight.is_Mul:
        result = Fraction(1)
        for arg in weight.args:
            result *= value_at(arg, values)
        return result
    if weight.is_Pow:
        base = value_at(weight.base, values)
        exponent = value_at(weight.exp, values)
        if exponent.denominator != 1:
            raise SamplingError(f"expected numbers at which the exponent {weight.exp} is whole")
        if base == 0 and exponent < 0:
            given = {s: values[s.name] for s in weight.base.free_symbols}
            point = {s: Rational(v.numerator, v.denominator) for s, v in given.items()}
            raise SamplingError(pole_message(weight.base, point))
        return base ** int(exponent)
    raise SamplingError(f"expected a rational function of the symbols, got the weight {weight}")


def _symbol(old: object) -> Symbol:
    if isinstance(old, Symbol):
        return old
    if isinstance(old, str) and old.isidentifier():
        return Symbol(old)
    raise RequestError(f"expected a symbol or its name to be replaced, got {shown(old)}")


def _value(new: object) -> Expr:
    """Return a substituted value; a string is a symbol's name and nothing else."""
    if isinstance(new, str):
        if new.isidentifier():
            return Symbol(new)
        raise RequestError(
            f"expected a symbol's name or a number to put in, got {shown(new)}; give numbers as "
            "numbers, such as 0.9 or Fraction(9, 10)"
        )
    if not isinstance(new, bool) and isinstance(new, Real) and _is_finite(new):
        return Rational(str(new))  # NumPy's numbers too; decimals as they are written
    if isinstance(new, Expr):
        exact = nsimplify(new, rational=True) if new.has(Float) else new
        if is_weight(exact):
            return exact
    raise RequestError(f"expected a rational function of symbols, got {shown(new)}")


def _is_finite(number: Any) -> bool:
    try:
        return isfinite(number)
    except OverflowError:  # whole, and beyond the range of floats
        return True
