"""Checks of arguments that all modules of formulas share: choices, whole numbers, rational numbers."""

from __future__ import annotations

from collections.abc import Hashable
from fractions import Fraction
from math import isfinite
from numbers import Integral
from numbers import Rational as AnyRational
from typing import TYPE_CHECKING, Any, TypeAlias

from sympy import Expr, Float, Integer, Rational, Symbol

from sgdiagrams.diagrams.errors import RequestError, SamplingError
from sgdiagrams.diagrams.messages import nearest, shortened, shown
from sgdiagrams.diagrams.written_numbers import written_number

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = [
    "Number",
    "check_choice",
    "check_numbers",
    "check_updates",
    "count_or_symbol",
    "rational",
    "rational_or_symbol",
    "time_or_symbol",
    "whole_number",
]

_MOST = 10**1000
_MOST_UPDATES = 10**6  # that are spelled out
_MOST_BITS = 2**31  # of all their exact numbers together

_MOST_LETTERS = 300  # of choices in a message

#: A number of a scheme or an optimiser: exact, or a symbol.
Number: TypeAlias = int | Fraction | Expr


def _listed(allowed: tuple[object, ...]) -> str:
    """Return the choices, of many of them the first."""
    words = [str(choice) for choice in allowed]
    if len(", ".join(words)) <= _MOST_LETTERS:
        return ", ".join(words)
    while len(", ".join(words)) > _MOST_LETTERS:
        words.pop()
    return f"{', '.join(words)}, ... ({len(allowed)} of them)"


def check_choice(
    name: str, value: object, allowed: tuple[object, ...], *, also: Iterable[str] = ()
) -> None:
    """Raise a RequestError unless `value` is one of `allowed`; it names the nearest, of `also` too."""
    # Arrays answer such a question entry by entry.
    if not isinstance(value, Hashable) or value not in allowed:
        options = _listed(allowed)
        remedy = nearest(value, (*allowed, *also))
        raise RequestError(
            f"expected {name} to be one of {options}; got {name}={shown(value)}{remedy}"
        )


def check_numbers(numbers: Mapping[str, object], needed: Sequence[str]) -> None:
    """Raise a SamplingError unless there is a number for every name that is needed, and no other."""
    unknown = [name for name in numbers if name not in needed]
    if unknown:
        raise SamplingError(
            f"expected numbers for {', '.join(needed) or 'no symbol'}, "
            f"got {shortened(unknown[0])}={shown(numbers[unknown[0]])}"
        )
    missing = [name for name in needed if name not in numbers]
    if missing:
        raise SamplingError(
            f"expected a number for each of {', '.join(needed)}, but {missing[0]} is missing; "
            f"give {missing[0]}=..."
        )


def whole_number(name: str, value: object, *, least: int = 0) -> int:
    """Return a whole number >= `least` and up to 10^1000, or raise a SamplingError.

    Integral floats and rationals (``10.0``) count as whole; booleans do not.
    """
    whole: int | None = None
    if isinstance(value, (Integral, Integer, Rational, float, Fraction)):
        is_float = isinstance(value, float)
        is_whole = not isinstance(value, bool) and (not is_float or isfinite(value))
        is_whole = is_whole and value == int(value)
        whole = int(value) if is_whole else None
    if whole is None or whole < least:
        raise SamplingError(
            f"expected a whole number >= {least} for {name}, got {name}={shown(value)}"
        )
    if whole > _MOST:
        raise SamplingError(
            f"expected a whole number up to 10^1000 for {name}, got {name}={shown(value)}"
        )
    return whole


def check_updates(T: int, *, bits: int = 0) -> None:
    """Raise a SamplingError when T updates are too many to be spelled out one by one.

    Parameters
    ----------
    T
        Their number.
    bits
        By how many bits exact numbers grow from update to update.
    """
    T = whole_number("T", T)
    if T > _MOST_UPDATES or T * T * bits > _MOST_BITS:
        raise SamplingError(
            f"expected fewer updates where each has a number of its own, got T={shown(T)}; "
            "without schedule, average or grid there is a closed form in T"
        )


def rational(name: str, value: object) -> Fraction:
    """Return a number exactly, or raise a SamplingError; decimals are read as they are written.

    Examples
    --------
    >>> rational("beta", 0.9), rational("beta", "2/3")
    (Fraction(9, 10), Fraction(2, 3))
    """
    is_exact = isinstance(value, (Rational, AnyRational)) and not isinstance(value, bool)
    is_decimal = isinstance(value, (float, str, Float)) or hasattr(value, "__float__")
    try:
        if is_exact:
            given: Any = value
            return Fraction(int(given.numerator), int(given.denominator))
        # Anything else is no number.
        return written_number(str(value) if is_decimal and not isinstance(value, bool) else "")
    except (ValueError, ZeroDivisionError, OverflowError):
        raise SamplingError(
            f"expected a rational number for {name}, got {name}={shown(value)}"
        ) from None


def count_or_symbol(name: str, value: Number | None, symbol: Symbol, *, least: int = 0) -> Number:
    """Return a whole number >= `least`, or a symbol: `symbol` where nothing is given."""
    if value is None:
        return symbol
    if isinstance(value, Expr) and not isinstance(value, Integer):
        if not isinstance(value, Symbol):
            raise SamplingError(f"expected a whole number or a symbol, got {name}={shown(value)}")
        return value
    return whole_number(name, value, least=least)


def time_or_symbol(name: str, value: Number | None, symbol: Symbol) -> Number:
    """Return a rational number >= 0, whole where it is, or a symbol: `symbol` for None.

    Examples
    --------
    >>> time_or_symbol("T", 2.5, Symbol("T")), time_or_symbol("T", None, Symbol("T"))
    (Fraction(5, 2), T)
    """
    number = rational_or_symbol(name, value, symbol)
    is_whole = isinstance(number, Fraction) and number.denominator == 1
    return int(number) if is_whole else number


def rational_or_symbol(
    name: str,
    value: object,
    symbol: Symbol | None = None,
    *,
    below_one: bool = False,
) -> Fraction | Symbol:
    """Return a rational number >= 0 (and < 1 on request) or a symbol.

    `symbol` is returned for None and for its own name.
    """
    if symbol is not None and (value is None or (isinstance(value, str) and value == str(symbol))):
        return symbol
    if isinstance(value, Symbol):
        return value
    number = rational(name, value)
    if number < 0 or (below_one and number >= 1):
        span = "in [0, 1)" if below_one else ">= 0"
        raise SamplingError(f"expected a number {span} for {name}, got {name}={shown(value)}")
    return number
