"""Weights as JSON data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sympy import Add, Expr, Integer, Mul, Pow, Rational, Symbol

from sgdiagrams.diagrams.errors import FormatError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.symbolic.records.values import (
    check_keys,
    fraction,
    get,
    load_items,
    number_text,
    symbol_name,
)
from sgdiagrams.symbolic.weights.quotients import as_quotient

if TYPE_CHECKING:
    from collections.abc import Sequence
    from fractions import Fraction

__all__ = ["dump_weight", "load_weight"]


def dump_weight(weight: Expr) -> dict[str, object]:
    """Return a weight as an object: a sum of monomials, over another for a rational function.

    Examples
    --------
    >>> from sgdiagrams.symbolic.symbols import N
    >>> dump_weight(N / 2)
    {'numerator': [{'coefficient': '1/2', 'powers': {'N': 1}}]}
    """
    q = as_quotient(weight)
    if q.is_laurent:
        return {"numerator": _dump_terms(q.laurent(), q.generators)}
    return {
        "numerator": _dump_terms(q.numerator, q.generators),
        "denominator": _dump_terms(q.denominator, q.generators),
    }


def _dump_terms(
    terms: Sequence[tuple[tuple[int, ...], Fraction]], generators: Sequence[Expr]
) -> list[object]:
    result: list[object] = []
    for exps, c in terms:
        powers: dict[str, int] = {}
        exponentials: list[object] = []
        for g, e in zip(generators, exps, strict=True):
            if e and g.is_Symbol:
                powers[str(g)] = e
            elif e:
                exponentials.append(_dump_exponential(g, e))
        item: dict[str, object] = {"coefficient": number_text(c), "powers": powers}
        if exponentials:
            item["exponentials"] = exponentials
        result.append(item)
    return result


def _dump_exponential(generator: Expr, power: int) -> dict[str, object]:
    number, monomial = generator.exp.as_coeff_Mul()
    exponent = {str(x): int(k) for x, k in monomial.as_powers_dict().items() if x != 1}
    data: dict[str, object] = {"base": str(generator.base), "exponent": exponent, "power": power}
    if number != 1:
        data["factor"] = str(number)
    return data


def load_weight(weight: dict[str, Any]) -> Expr:
    """Read what `dump_weight` wrote.

    Raises
    ------
    FormatError
        When it is something else.
    """
    check_keys(weight, "numerator", "denominator")
    value = _load_sum(weight, "numerator")
    if "denominator" in weight:
        below = _load_sum(weight, "denominator")
        if below == 0:
            raise FormatError("expected a weight with a denominator other than 0")
        value = value / below
    return value


def _load_sum(weight: dict[str, Any], key: str) -> Expr:
    return Add(*load_items(weight, key, _load_monomial))


def _load_monomial(item: dict[str, Any]) -> Expr:
    check_keys(item, "coefficient", "powers", "exponentials")
    c = fraction(get(item, "coefficient", str))
    powers = _load_powers(get(item, "powers", dict))
    exponentials: tuple[Expr, ...] = ()
    if "exponentials" in item:
        exponentials = load_items(item, "exponentials", _load_exponential)
    return Mul(Rational(c.numerator, c.denominator), *powers, *exponentials)


def _load_exponential(item: dict[str, Any]) -> Expr:
    check_keys(item, "base", "exponent", "power", "factor")
    base = get(item, "base", str)
    name = symbol_name(base)
    value = Symbol(name) if name else Rational(fraction(base))
    if value.is_Rational and value <= 0:
        raise FormatError(f"expected a base > 0 of an exponential, got {shown(base)}")
    exponent = Mul(*_load_powers(get(item, "exponent", dict)))
    factor = fraction(item.get("factor", "1"))
    power = get(item, "power", int)
    if abs(power) > 1000:
        raise FormatError(f"expected a power up to 1000, got {power}")
    return Pow(Pow(value, exponent * Rational(factor)), Integer(power))


def _load_powers(powers: dict[str, Any]) -> list[Expr]:
    for name, power in powers.items():
        if not symbol_name(name) or type(power) is not int or abs(power) > 1000:
            raise FormatError(f"expected powers of symbols, got {shown(name)}: {shown(power)}")
    return [Pow(Symbol(name), Integer(power)) for name, power in powers.items()]
