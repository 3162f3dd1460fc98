"""Reading values from JSON data: the checks that all parts of the schema share."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

from sgdiagrams.diagrams.errors import FormatError

__all__ = ["fraction", "get", "items", "number_text", "short", "symbol_name"]

_RATIONAL = re.compile(r"-?[0-9]{1,4000}(/[1-9][0-9]{0,3999})?")
_LONG = re.compile(r"-?0x[0-9a-f]{1,1000000}(/0x[1-9a-f][0-9a-f]{0,999999})?")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,40}")
_MOST_BITS = 13_000  # Python converts integers of up to 4300 digits


def get(item: object, key: str, kind: type) -> Any:
    """Return an entry of an object, of a type, or raise a FormatError."""
    value = item.get(key) if isinstance(item, dict) else None
    if not isinstance(value, kind) or isinstance(value, bool):
        raise FormatError(f"expected {key!r} to be of type {kind.__name__}, got {short(value)}")
    return value


def items(item: object, key: str) -> list[dict[str, Any]]:
    """Return an entry that is a list of objects."""
    values = get(item, key, list)
    if not all(isinstance(value, dict) for value in values):
        raise FormatError(f"expected {key!r} to be a list of objects")
    return list(values)


def short(value: object) -> str:
    """Return a value as text of at most 60 characters."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def symbol_name(text: object) -> str:
    """Return the text if it is the name of a symbol, else nothing."""
    return text if isinstance(text, str) and _NAME.fullmatch(text) else ""


def fraction(text: object) -> Fraction:
    """Read a rational number.

    Examples
    --------
    >>> fraction("-1/2"), fraction("0xff")
    (Fraction(-1, 2), Fraction(255, 1))
    """
    if isinstance(text, str) and _RATIONAL.fullmatch(text):
        return Fraction(text)
    if isinstance(text, str) and _LONG.fullmatch(text):
        above, _, below = text.partition("/")
        return Fraction(int(above, 16), int(below, 16) if below else 1)
    raise FormatError(f"expected a rational number such as '-1/2', got {short(text)}")


def number_text(value: Fraction) -> str:
    """Write a rational number: in decimals, or in hexadecimals where these get too long."""
    if max(value.numerator.bit_length(), value.denominator.bit_length()) <= _MOST_BITS:
        return str(value)
    return f"{value.numerator:#x}/{value.denominator:#x}"
