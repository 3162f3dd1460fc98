"""Tables of values as files: JSON, or CSV as spreadsheets write it.

The formats are described in ``docs/file-formats.md``. Files are data: nothing is evaluated, and whatever
is wrong gives one error of one line.
"""

from __future__ import annotations

import csv
import re
from fractions import Fraction
from io import StringIO
from typing import TYPE_CHECKING, Any, TypeVar

from sgdiagrams.diagrams.errors import DiagramError, FormatError
from sgdiagrams.diagrams.files import (
    decoded,
    json_data,
    json_text,
    output_file,
    read_bounded,
    usable_path,
)
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.numeric.storage.archives import opened_numbers

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping

    from sgdiagrams.symbolic.contractions.contraction import Contraction

__all__ = ["read_values", "values_of_text", "write_values"]

Tabled = TypeVar("Tabled")

_FORMAT = "sgdiagrams-values"
_VERSION = 1
_KEYS = {"format", "version", "values"}
_COLUMNS = ["contraction", "value", "error"]
_RATIONAL = re.compile(r"[-+]?[0-9]+(/[0-9]+)?")
_DECIMAL = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]{1,5})?")


def write_values(
    numbers: Mapping[Contraction, tuple[Fraction | float, float]], path: str | os.PathLike[str]
) -> None:
    """Write a table to a file, whole or not at all.

    Parameters
    ----------
    numbers
        Contraction -> number and error.
    path
        A name that ends in ``.json`` or ``.csv``.

    Raises
    ------
    FormatError
        When the name has another ending or the file cannot be written.
    """
    target = usable_path(path)
    writers = {".json": _json, ".csv": _csv}
    if target.suffix not in writers:
        raise FormatError(
            f"expected a name that ends in .json or .csv for values, got path={shown(str(path))}"
        )
    text = writers[target.suffix](numbers)
    with output_file(target) as file:
        file.write(text.encode())


def _json(numbers: Mapping[Contraction, tuple[Fraction | float, float]]) -> str:
    table = {
        str(c): [_plain(value), error] if error else _plain(value)
        for c, (value, error) in numbers.items()
    }
    return json_text({"format": _FORMAT, "version": _VERSION, "values": table}, indent=2) + "\n"


def _plain(value: Fraction | float) -> Any:
    whole = isinstance(value, Fraction) and value.denominator == 1 and abs(value) < 2**53
    return int(value) if whole else value


def _csv(numbers: Mapping[Contraction, tuple[Fraction | float, float]]) -> str:
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for c, (value, error) in numbers.items():
        writer.writerow((str(c), str(value), str(error) if error else ""))
    return text.getvalue()


def read_values(path: str | os.PathLike[str], make: Callable[[Any], Tabled]) -> Tabled:
    """Read a table; the kind is recognised from the content.

    Parameters
    ----------
    path
        The file; ``-`` is standard input.
    make
        What is called with the table.

    Raises
    ------
    FormatError
        When the file is missing, a directory, broken, or of another format or version.
    """
    words = "a table of values (.json or .csv)"
    with opened_numbers(path, called=words, kind="values") as (file, name):
        return values_of_text(decoded(read_bounded(file, name=name), name=name), name, make)


def values_of_text(text: str, name: str, make: Callable[[Any], Tabled]) -> Tabled:
    """Read the text of a table: see `read_values`."""
    begins_as_json = text.lstrip()[:1] in ("{", "[")
    try:
        return make(_from_json(text, name) if begins_as_json else _from_csv(text, name))
    except DiagramError as error:
        raise FormatError(f"{error} (in path={shown(name)})") from None


def _from_json(text: str, name: str) -> dict[str, Any]:
    try:
        document = json_data(text)
    except FormatError as error:
        raise FormatError(f"{error} (in path={shown(name)})") from None
    if not isinstance(document, dict) or document.get("format") != _FORMAT:
        raise FormatError(f"expected an object with format={shown(_FORMAT)} in path={shown(name)}")
    version = document.get("version")
    if version != _VERSION or isinstance(version, bool):
        raise FormatError(
            f"expected version={_VERSION} of {_FORMAT}, got version={shown(version)} in "
            f"path={shown(name)}"
        )
    values = document.get("values")
    if set(document) != _KEYS or not isinstance(values, dict):
        raise FormatError(
            f"expected the entries {', '.join(sorted(_KEYS))}, and an object under 'values', in "
            f"path={shown(name)}"
        )
    return values


def _from_csv(text: str, name: str) -> dict[str, Any]:
    try:
        rows = [row for row in csv.reader(StringIO(text, newline=""), strict=True) if any(row)]
    except csv.Error as error:
        raise FormatError(f"expected CSV in path={shown(name)}: {error}") from None
    header = [title.strip().lower() for title in rows[0]] if rows else []
    if header not in (_COLUMNS, _COLUMNS[:2]):
        raise FormatError(
            f"expected a line {','.join(_COLUMNS)} first in path={shown(name)}, got {shown(header)}"
        )
    values: dict[str, Any] = {}
    for row in rows[1:]:
        if len(row) != len(header):
            raise FormatError(
                f"expected {len(header)} entries on every line of path={shown(name)}, got {shown(row)}"
            )
        if row[0] in values:
            raise FormatError(f"expected {shown(row[0])} once in path={shown(name)}, got it twice")
        numbers = [_cell(entry) for entry in row[1:] if entry.strip()]
        values[row[0]] = numbers[0] if len(numbers) == 1 else numbers
    return values


def _cell(text: str) -> Any:
    """Return a whole number or a quotient as text, which is exact; a decimal as a float."""
    word = text.strip()
    if _RATIONAL.fullmatch(word):
        return word
    if not _DECIMAL.fullmatch(word):
        raise ValueError(f"expected numbers, got {shown(text)}")
    return float(word)
