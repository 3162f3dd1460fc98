"""Reading values from JSON data: the checks that all parts of the schema share."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeVar

from sgdiagrams.diagrams.errors import FormatError, SgdiagramsError
from sgdiagrams.diagrams.files import json_data
from sgdiagrams.diagrams.messages import shown

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "check_keys",
    "fraction",
    "get",
    "load_document",
    "load_items",
    "number_text",
    "symbol_name",
]

_T = TypeVar("_T")

_RATIONAL = re.compile(r"-?[0-9]{1,4000}(/[1-9][0-9]{0,3999})?")
_LONG = re.compile(r"-?0x[0-9a-f]{1,1000000}(/0x[1-9a-f][0-9a-f]{0,999999})?")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,40}")
_MOST_BITS = 13_000  # Python converts integers of up to 4300 digits


def load_document(
    text: str,
    load: Callable[[dict[str, Any]], _T],
    *,
    name: str,
    kind: str,
    versions: tuple[int, ...],
    command: str,
) -> _T:
    """Read JSON text of a format and its versions.

    Parameters
    ----------
    text
        The text.
    load
        What makes an object of the data; its errors become a FormatError.
    name
        The entry ``format``.
    kind
        What it is, with an article.
    versions
        Those that are known, the present one last.
    command
        What writes such a file.

    Raises
    ------
    FormatError
        When the text is something else.
    """
    data = json_data(text, kind=f"{kind} as JSON")
    if not isinstance(data, dict) or data.get("format") != name:
        raise FormatError(f"expected JSON with format={shown(name)}; write it with '{command}'")
    if type(data.get("version")) is not int or data["version"] not in versions:
        raise FormatError(
            f"expected version {versions[-1]} of {name}, got version={shown(data.get('version'))}; "
            "write the file again with this release of sgdiagrams"
        )
    try:
        return load(data)
    except SgdiagramsError as error:
        known = isinstance(error, FormatError)
        message = str(error) if known else f"expected {kind} that is valid; {error}"
        place = ".".join(reversed(getattr(error, "__notes__", [])))
        raise FormatError(f"{message} (in {place})" if place else message) from None


def check_keys(item: dict[str, Any], *names: str) -> None:
    """Raise a FormatError when an object has an entry that is not one of those named.

    Nothing in a file is passed over: a misspelt entry would be taken for one that is left out.
    """
    for key in item:
        if key not in names:
            raise FormatError(f"expected no entries but {', '.join(names)}, got {shown(key)}")


def get(item: object, key: str, kind: type) -> Any:
    """Return an entry of an object, of a type, or raise a FormatError."""
    value = item.get(key) if isinstance(item, dict) else None
    if not isinstance(value, kind) or isinstance(value, bool):
        raise FormatError(
            f"expected {shown(key)} to be of type {kind.__name__}, got {shown(value)}"
        )
    return value


def load_items(item: object, key: str, load: Callable[[dict[str, Any]], _T]) -> tuple[_T, ...]:
    """Return what the objects of a list stand for, each as `load` reads it.

    An error on the way gets the place as a note, from the inside out.
    """
    values = get(item, key, list)
    if not all(isinstance(value, dict) for value in values):
        raise FormatError(f"expected {shown(key)} to be a list of objects")
    loaded = []
    for i, value in enumerate(values):
        try:
            loaded.append(load(value))
        except SgdiagramsError as error:
            error.add_note(f"{key}[{i}]")
            raise
    return tuple(loaded)


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
    raise FormatError(f"expected a rational number such as '-1/2', got {shown(text)}")


def number_text(value: Fraction) -> str:
    """Write a rational number: in decimals, or in hexadecimals where these get too long."""
    if max(value.numerator.bit_length(), value.denominator.bit_length()) <= _MOST_BITS:
        return str(value)
    return f"{value.numerator:#x}/{value.denominator:#x}"
