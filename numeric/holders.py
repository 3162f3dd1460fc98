"""Files of numbers of every kind, told apart by what is in them."""

from __future__ import annotations

import re
import zipfile
from typing import TYPE_CHECKING, BinaryIO

from sgdiagrams.diagrams.errors import FormatError
from sgdiagrams.diagrams.files import decoded, read_bounded
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.numeric.derivatives.files import statistics_in
from sgdiagrams.numeric.measurement.files import archived_measurement
from sgdiagrams.numeric.measurement.measured import Measured
from sgdiagrams.numeric.measurement.value_files import values_of_text
from sgdiagrams.numeric.measurement.values import Values
from sgdiagrams.numeric.statistics import Statistics
from sgdiagrams.numeric.storage.archives import is_archive, opened_numbers

if TYPE_CHECKING:
    import os

__all__ = ["read_holder"]

_VALUES = re.compile(r'"format"\s*:\s*"sgdiagrams-values"')
_TABLE = re.compile(r"\s*\"?contraction\"?\s*,", re.IGNORECASE)


def read_holder(path: str | os.PathLike[str]) -> Statistics | Measured | Values:
    """Read statistics, a measurement or a table of values, whichever a file holds.

    Parameters
    ----------
    path
        The file; ``-`` is standard input.

    Raises
    ------
    FormatError
        When the file is missing, a directory, broken, or of another format or version.
    """
    words = "statistics (.npz, .json), a measurement (.npz) or values (.json, .csv)"
    with opened_numbers(path, called=words, kind="numbers") as (file, name):
        if is_archive(file):
            if _is_measurement(file):
                return archived_measurement(file, name, Measured)[0]
            return statistics_in(file, name, Statistics)
        text = decoded(read_bounded(file, name=name), name=name)
        file.seek(0)
        if _VALUES.search(text) or _TABLE.match(text):
            return values_of_text(text, name, Values)
        if not text.lstrip().startswith("{"):
            raise FormatError(f"expected {words}, got something else in path={shown(name)}")
        return statistics_in(file, name, Statistics)


def _is_measurement(file: BinaryIO) -> bool:
    with zipfile.ZipFile(file) as archive:
        names = archive.namelist()
    file.seek(0)
    return "header.npy" in names
