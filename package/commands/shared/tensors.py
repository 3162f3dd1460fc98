"""Tensors in an eigenbasis from a JSON file, for formulas on them."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from sgdiagrams.commands.shared.reading import read_text

__all__ = ["read_tensors"]

_KEYS = ("curvatures", "tensors", "free")


def read_tensors(path: str) -> dict[str, Any]:
    """Return curvatures, tensors and values of free indices as `ResummedExpansion.on_tensors` takes them.

    The file is an object such as::

        {"curvatures": [2, "1/2"], "tensors": {"C": [[1, 0], [0, "c"]]}, "free": [0]}

    Numbers are integers, decimals or strings such as ``"-3/2"``, which are read exactly; other words in
    strings are symbols.

    Raises
    ------
    FormatError
        When the text is no such object.
    """
    from sgdiagrams.diagrams.errors import FormatError
    from sgdiagrams.diagrams.files import json_data
    from sgdiagrams.diagrams.messages import shown

    data = json_data(read_text(path), kind=f"JSON in {shown(path)}", parse_float=Fraction)
    if not isinstance(data, dict) or not {"curvatures", "tensors"} <= set(data) <= set(_KEYS):
        raise FormatError(
            "expected an object with 'curvatures', 'tensors' and perhaps 'free' for --on-tensors, got "
            f"{shown(list(data) if isinstance(data, dict) else data)}"
        )
    curvatures, tensors, free = data["curvatures"], data["tensors"], data.get("free", [])
    if not isinstance(curvatures, list) or not isinstance(tensors, dict):
        raise FormatError("expected a list of 'curvatures' and an object of 'tensors'")
    if not isinstance(free, list) or not all(type(i) is int for i in free):
        raise FormatError(f"expected 'free' to be a list of whole numbers, got {shown(free)}")
    p = len(curvatures)
    return {
        "curvatures": [_entry(x) for x in curvatures],
        "tensors": {name: _array(name, value, p) for name, value in tensors.items()},
        "free": tuple(free),
    }


def _array(name: str, value: Any, p: int) -> Any:
    from sgdiagrams.diagrams.errors import FormatError
    from sgdiagrams.diagrams.messages import shown

    if isinstance(value, list):
        if len(value) != p:
            raise FormatError(
                f"expected {p} entries on every axis of {shown(name)}, as there are curvatures, got "
                f"{len(value)}"
            )
        return [_array(name, entry, p) for entry in value]
    return _entry(value)


def _entry(value: Any) -> Any:
    """Return a number or a symbol; nothing is evaluated."""
    from sympy import Rational, Symbol

    from sgdiagrams.diagrams.errors import FormatError
    from sgdiagrams.diagrams.messages import shown

    if isinstance(value, str) and value.isidentifier():
        return Symbol(value)
    if (
        isinstance(value, (int, Fraction, str))
        and not isinstance(value, bool)
        and len(str(value)) < 100
    ):
        try:
            number = Fraction(value)
        except (ValueError, ZeroDivisionError):
            pass
        else:
            return Rational(number.numerator, number.denominator)
    raise FormatError(
        f'expected a number such as "-3/2" or a symbol as an entry, got {shown(value)}'
    )
