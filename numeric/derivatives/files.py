"""Statistics as files: ``.npz`` archives of floats, ``.json`` for exact numbers.

The formats are described in ``docs/file-formats.md``. Files are data: nothing is unpickled or
evaluated, and whatever is wrong gives one error of one line.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

import numpy as np

from sgdiagrams.diagrams.errors import FormatError
from sgdiagrams.diagrams.files import (
    decoded,
    json_data,
    json_text,
    output_file,
    read_bounded,
    usable_path,
)
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.numeric.storage.archives import (
    check_archive,
    is_archive,
    opened_numbers,
    read_archive,
)

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from numpy.typing import NDArray

    from sgdiagrams.numeric.derivatives.derivatives import Derivatives

__all__ = ["read_statistics", "statistics_in", "write_statistics"]

Made = TypeVar("Made")

_FORMAT = "sgdiagrams-statistics"
_VERSION = 1
_RATIONAL = re.compile(r"-?[0-9]+(/[0-9]*[1-9][0-9]*)?")
_ORDER = re.compile(r"0|[1-9][0-9]{0,5}")  # one spelling for one order
_ENTRY = re.compile(rf"derivative_({_ORDER.pattern})|function_(.+)_({_ORDER.pattern})")
_ENTRIES_OF_JSON = [
    *(
        "format",
        "version",
        "role",
        "derivatives",
        "weights",
        "functions",
        "start",
        "visits",
        "noise",
    )
]
_LONGEST = dict.fromkeys(("format.npy", "version.npy", "role.npy"), 4096)


def write_statistics(statistics: Derivatives, path: str | os.PathLike[str]) -> None:
    """Write statistics to a file, whole or not at all.

    Parameters
    ----------
    statistics
        What to write.
    path
        A name that ends in ``.npz`` for float, in ``.json`` for exact statistics.

    Raises
    ------
    FormatError
        When the name has another ending or the file cannot be written.
    """
    target = usable_path(path)
    ending = ".json" if statistics.is_exact else ".npz"
    if target.suffix != ending:
        kind = "exact" if statistics.is_exact else "float"
        raise FormatError(
            f"expected a name that ends in {ending} for {kind} statistics, got path={shown(str(path))}"
        )
    with output_file(target) as file:
        if statistics.is_exact:
            file.write(json_text(_to_json(statistics)).encode())
        else:
            np.savez(file, allow_pickle=False, **_to_arrays(statistics))


def read_statistics(path: str | os.PathLike[str], make: Callable[..., Made]) -> Made:
    """Read a file of statistics; the kind is recognised from the content.

    Parameters
    ----------
    path
        The file; ``-`` is standard input.
    make
        What is called with the keyword arguments of
        :class:`sgdiagrams.numeric.statistics.Statistics`.

    Raises
    ------
    FormatError
        When the file is missing, a directory, broken, of another format or version, holds pickled
        objects, or its numbers are no statistics.
    """
    words = "a statistics file (.npz or .json)"
    with opened_numbers(path, called=words, kind="statistics") as (file, name):
        return statistics_in(file, name, make)


def statistics_in(file: BinaryIO, name: str, make: Callable[..., Made]) -> Made:
    """Read statistics from a stream that is open: see `read_statistics`."""
    read = _from_archive if is_archive(file) else _from_json
    return make(**read(file, name))


def _to_arrays(statistics: Derivatives) -> dict[str, Any]:
    entries: dict[str, Any] = {
        "format": np.array(_FORMAT),
        "version": np.array(_VERSION),
        "role": np.array(statistics.role),
    }
    entries.update({f"derivative_{k}": array for k, array in statistics.samples.items()})
    for name, orders in statistics.functions.items():
        entries.update({f"function_{name}_{k}": array for k, array in orders.items()})
    for name in ("weights", "start"):
        array = getattr(statistics, name)
        if array is not None:
            entries[name] = array
    if statistics.noise is not None:
        entries["visits"] = np.array(statistics.visits)
        entries["noise"] = np.array(statistics.noise)
    return entries


def _to_json(statistics: Derivatives) -> dict[str, Any]:
    def texts(array: NDArray[Any]) -> Any:
        return np.asarray(np.frompyfunc(str, 1, 1)(array), dtype=object).tolist()

    def by_order(arrays: Any) -> dict[str, Any]:
        return {str(k): texts(array) for k, array in arrays.items()}

    weights, start, functions = statistics.weights, statistics.start, statistics.functions
    document = {
        "format": _FORMAT,
        "version": _VERSION,
        "role": statistics.role,
        "derivatives": by_order(statistics.samples),
        "weights": None if weights is None else texts(weights),
    }
    if functions:
        document["functions"] = {name: by_order(orders) for name, orders in functions.items()}
    if start is not None:
        document["start"] = texts(start)
    if statistics.noise is not None:
        document |= {"visits": statistics.visits, "noise": statistics.noise}
    return document


def _check_header(path: str, found_format: Any, version: Any) -> None:
    if found_format != _FORMAT or version != _VERSION:
        raise FormatError(
            f"expected format={shown(_FORMAT)} version={_VERSION}, "
            f"got format={shown(found_format)} version={shown(version)} in path={shown(path)}"
        )


def _from_archive(file: BinaryIO, path: str) -> dict[str, Any]:
    check_archive(file, path, longest=_LONGEST)
    entries = read_archive(file)
    header = [entries.pop(name, np.array(None)).tolist() for name in ("format", "version", "role")]
    _check_header(path, header[0], header[1])
    arguments: dict[str, Any] = {"role": header[2]}
    arguments.update({name: entries.pop(name, None) for name in ("weights", "start")})
    arguments.update({k: entries.pop(k).tolist() for k in ("visits", "noise") if k in entries})
    samples: dict[int, NDArray[Any]] = {}
    functions: dict[str, dict[int, NDArray[Any]]] = {}
    for entry, array in entries.items():
        match = _ENTRY.fullmatch(entry)
        if match is None:
            raise FormatError(
                "expected entries derivative_<k> and function_<name>_<k>, "
                f"got {shown(entry[:60])} in path={shown(path)}"
            )
        order, name, function_order = match.groups()
        if name is None:
            samples[int(order)] = array
        else:
            functions.setdefault(name, {})[int(function_order)] = array
    return {**arguments, "samples": samples, "functions": functions}


def _from_json(file: BinaryIO, path: str) -> dict[str, Any]:
    text = decoded(read_bounded(file, name=path), name=path)
    try:
        document = json_data(text)
    except FormatError as error:
        raise FormatError(
            f"expected a statistics file (.npz or .json), cannot read path={shown(path)}: {error}"
        ) from None
    if not isinstance(document, dict):
        raise FormatError(
            f"expected a JSON object, got {type(document).__name__} in path={shown(path)}"
        )
    _check_header(path, document.get("format"), document.get("version"))
    unknown = [key for key in document if key not in _ENTRIES_OF_JSON]
    if unknown:
        raise FormatError(
            f"expected no entries but {', '.join(_ENTRIES_OF_JSON)}, got {shown(unknown[0])} "
            f"in path={shown(path)}"
        )
    functions = document.get("functions", {})
    if not isinstance(functions, dict):
        raise FormatError(f"expected an object under 'functions' in path={shown(path)}")
    weights, start = document.get("weights"), document.get("start")
    return {
        "samples": _orders(document.get("derivatives"), "derivatives", path),
        "role": document["role"],
        "weights": None if weights is None else _exact_array(weights),
        "functions": {name: _orders(functions[name], name, path) for name in functions},
        "start": None if start is None else _exact_array(start),
        **{name: document[name] for name in ("visits", "noise") if name in document},
    }


def _orders(arrays: Any, key: str, path: str) -> dict[int, NDArray[Any]]:
    if not isinstance(arrays, dict):
        raise FormatError(f"expected an object under {shown(key[:60])} in path={shown(path)}")
    for order in arrays:
        if not _ORDER.fullmatch(order):
            raise ValueError(f"expected orders of derivatives as keys, got {shown(order[:60])}")
    return {int(order): _exact_array(nested) for order, nested in arrays.items()}


def _exact_array(nested: Any) -> NDArray[Any]:
    texts = np.array(nested, dtype=object)
    numbers = np.empty(texts.shape, dtype=object)
    for index, text in np.ndenumerate(texts):
        if not isinstance(text, str) or not _RATIONAL.fullmatch(text):
            raise ValueError(f"expected strings such as '-3/2', got {repr(text)[:60]}")
        numbers[index] = Fraction(text)
    return numbers
