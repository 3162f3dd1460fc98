"""Measurements as files: ``.npz`` archives with a header in JSON and a checksum.

The format is described in ``docs/file-formats.md``. Files are data: nothing is unpickled or evaluated,
and whatever is wrong gives one error of one line.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from fractions import Fraction
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

import numpy as np

from sgdiagrams.diagrams.errors import DiagramError, FormatError, RequestError
from sgdiagrams.diagrams.files import json_data, json_text, output_file, usable_path
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.diagrams.whole_numbers import is_whole
from sgdiagrams.numeric.measurement.rounds import Round
from sgdiagrams.numeric.storage.archives import check_archive, opened_numbers, read_archive
from sgdiagrams.symbolic.records.contractions import dump_contraction, load_contraction

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from sgdiagrams.symbolic.contractions.contraction import Contraction

__all__ = [
    "MEASURED_FORMAT",
    "archived_measurement",
    "checksum_of",
    "read_measured",
    "write_measured",
]

Restored = TypeVar("Restored")

#: What archives of measurements say that they are.
MEASURED_FORMAT = "sgdiagrams-measured"
_VERSION = 1
_ARRAYS = ("values", "deviations", "vectors", "vector_deviations")
_WORDS = ("role", "dtype", "library", "method", "data_digest")
_FLAGS = ("has_metric", "complete")
_LISTS = ("methods", "notes")
_KEYS = {
    *("format", "version", "settings", "checksum", "datapoints", "dimension", "weight_decay"),
    *("contractions", "vector_contractions", "model_probe", "rounds"),
    *_WORDS,
    *_FLAGS,
    *_LISTS,
}
_ROUND = {"seed", "index", "samples", "gradients", "groups"}
_LONGEST_HEADER = 2**26
_RATIONAL = re.compile(r"-?[0-9]{1,400}(/[1-9][0-9]{0,399})?")
_MOST = 2**63


def write_measured(measured: Any, path: str | os.PathLike[str], settings: Any = None) -> None:
    """Write a measurement to a file, whole or not at all.

    Parameters
    ----------
    measured
        A `sgdiagrams.numeric.measurement.measured.Measured`.
    path
        A name that ends in ``.npz``.
    settings
        What the measurement goes on with, plain data for JSON; None for nothing.

    Raises
    ------
    FormatError
        When the name has another ending or the file cannot be written.
    """
    target = usable_path(path)
    if target.suffix != ".npz":
        raise FormatError(
            f"expected a name that ends in .npz for a measurement, got path={shown(str(path))}"
        )
    parts = measured.rounds
    groups = sum(len(part.deviations) for part in parts)
    arrays = {
        "values": _stacked([part.values for part in parts]),
        "deviations": _joined([part.deviations for part in parts]),
        "vectors": np.zeros((len(parts), 0, 0)),
        "vector_deviations": np.zeros((groups, 0, 0)),
    }
    if measured.vector_contractions:
        arrays["vectors"] = _stacked([part.vectors for part in parts])
        arrays["vector_deviations"] = _joined([part.vector_deviations for part in parts])
    header: dict[str, Any] = {
        "format": MEASURED_FORMAT,
        "version": _VERSION,
        **{name: getattr(measured, name) for name in (*_WORDS, *_FLAGS)},
        **{name: list(getattr(measured, name)) for name in (*_LISTS, "model_probe")},
        "datapoints": measured.datapoints,
        "dimension": measured.dimension,
        "weight_decay": str(Fraction(measured.weight_decay)),
        "contractions": [dump_contraction(c) for c in measured.contractions],
        "vector_contractions": [dump_contraction(c) for c in measured.vector_contractions],
        "rounds": [
            {
                **{name: getattr(part, name) for name in ("seed", "index", "samples", "gradients")},
                "groups": len(part.deviations),
            }
            for part in parts
        ],
        "settings": settings,
    }
    header = json_data(json_text(header))
    header["checksum"] = checksum_of(header, arrays)
    text = np.frombuffer(json_text(header).encode(), dtype=np.uint8)
    with output_file(target) as file:
        np.savez(file, allow_pickle=False, header=text, **arrays)


def read_measured(
    path: str | os.PathLike[str], make: Callable[..., Restored]
) -> tuple[Restored, Any]:
    """Read a file of a measurement, finished or not.

    Parameters
    ----------
    path
        The file; ``-`` is standard input.
    make
        What is called with the arguments of `sgdiagrams.numeric.measurement.measured.Measured`.

    Returns
    -------
    tuple
        What was made, and the settings.

    Raises
    ------
    FormatError
        When the file is missing, broken, changed, or of another format or version.
    """
    words = "a file of a measurement (.npz)"
    with opened_numbers(path, called=words, kind="measurement") as (file, name):
        return archived_measurement(file, name, make)


def archived_measurement(
    file: BinaryIO, name: str, make: Callable[..., Restored]
) -> tuple[Restored, Any]:
    """Read an archive that is open: see `read_measured`."""
    check_archive(file, name, longest={"header.npy": _LONGEST_HEADER})
    entries = read_archive(file)
    text = entries.pop("header", np.zeros(0))
    if text.dtype != np.uint8 or text.ndim != 1 or set(entries) != set(_ARRAYS):
        raise FormatError(
            f"expected the entries header, {', '.join(_ARRAYS)} of a measurement in path={shown(name)}"
        )
    header = json_data(text.tobytes().decode())
    if not isinstance(header, dict) or set(header) != _KEYS:
        kind = header.get("format") if isinstance(header, dict) else None
        if kind == MEASURED_FORMAT and header.get("version") != _VERSION:
            raise FormatError(
                f"expected version={_VERSION} of {MEASURED_FORMAT}, "
                f"got version={shown(header.get('version'))} in path={shown(name)}"
            )
        raise FormatError(f"expected the header of {MEASURED_FORMAT} in path={shown(name)}")
    if (
        header["format"] != MEASURED_FORMAT
        or header["version"] != _VERSION
        or isinstance(header["version"], bool)
    ):
        raise FormatError(
            f"expected format={shown(MEASURED_FORMAT)} version={_VERSION}, got "
            f"format={shown(header['format'])} version={shown(header['version'])} in path={shown(name)}"
        )
    if any(array.dtype != np.float64 for array in entries.values()):
        raise FormatError(f"expected arrays of float64 in path={shown(name)}")
    if header.pop("checksum") != checksum_of(header, entries):
        raise FormatError(
            f"expected a measurement as it was written, but {shown(name)} has been changed or damaged"
        )
    settings = header.pop("settings")
    return make(**_arguments(header, entries, name)), settings


def _arguments(
    header: Mapping[str, Any], entries: Mapping[str, NDArray[Any]], name: str
) -> dict[str, Any]:
    """Return the arguments of a measurement that a header and arrays describe."""

    def need(condition: object, what: str) -> None:
        if not condition:
            raise FormatError(f"expected {what} in path={shown(name)}")

    for key in _WORDS:
        need(isinstance(header[key], str), f"a text under {key!r}")
    for key in _FLAGS:
        need(isinstance(header[key], bool), f"true or false under {key!r}")
    for key in _LISTS:
        need(_all_of(header[key], str), f"a list of texts under {key!r}")
    probe = header["model_probe"]
    need(isinstance(probe, list) and all(map(_is_number, probe)), "numbers under 'model_probe'")
    for key in ("datapoints", "dimension"):
        need(is_whole(header[key], least=0, most=_MOST), f"a whole number under {key!r}")
    decay = header["weight_decay"]
    need(isinstance(decay, str) and _RATIONAL.fullmatch(decay), "a fraction under 'weight_decay'")
    contractions = _contractions(header["contractions"], name)
    vectors = _contractions(header["vector_contractions"], name)
    known = (0, len(contractions) + len(vectors))
    need(len(header["methods"]) in known, "a method for every contraction, or none")
    rounds = header["rounds"]
    need(_all_of(rounds, dict), "a list of objects under 'rounds'")
    for part in rounds:
        need(set(part) == _ROUND, f"the entries {', '.join(sorted(_ROUND))} in every round")
        counts = ("seed", "index", "samples", "groups")
        need(all(is_whole(part[k], least=0, most=_MOST) for k in counts), "whole numbers in rounds")
        need(_is_number(part["gradients"]) and part["gradients"] >= 0, "a cost in every round")
    groups = sum(part["groups"] for part in rounds)
    number, p = len(rounds), header["dimension"]
    tails = {"": (len(contractions),), "v": (len(vectors), p if vectors else 0)}
    shapes = {
        "values": (number, *tails[""]),
        "deviations": (groups, *tails[""]),
        "vectors": (number, *tails["v"]),
        "vector_deviations": (groups, *tails["v"]),
    }
    for key, shape in shapes.items():
        need(entries[key].shape == shape or not number, f"the shape {shape} of {key!r}")
    made = []
    end = 0
    for i, part in enumerate(rounds):
        begin, end = end, end + part["groups"]
        made.append(
            Round(
                seed=part["seed"],
                index=part["index"],
                samples=part["samples"],
                gradients=float(part["gradients"]),
                values=entries["values"][i],
                deviations=entries["deviations"][begin:end],
                vectors=entries["vectors"][i],
                vector_deviations=entries["vector_deviations"][begin:end],
            )
        )
    return {
        **{key: header[key] for key in (*_WORDS, *_FLAGS, "datapoints", "dimension")},
        **{key: tuple(header[key]) for key in _LISTS},
        "model_probe": tuple(map(float, probe)),
        "weight_decay": Fraction(decay),
        "contractions": contractions,
        "vector_contractions": vectors,
        "rounds": tuple(made),
    }


def _contractions(items: Any, name: str) -> tuple[Contraction, ...]:
    if not _all_of(items, dict):
        raise FormatError(f"expected lists of contractions in path={shown(name)}")
    try:
        return tuple(map(load_contraction, items))
    except (DiagramError, RequestError) as error:
        raise FormatError(f"{error} (in path={shown(name)})") from None


def _all_of(items: Any, kind: type) -> bool:
    return isinstance(items, list) and all(isinstance(item, kind) for item in items)


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return (isinstance(value, int) and abs(value) < _MOST) or math.isfinite(value)


def _stacked(arrays: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    return np.stack(arrays) if arrays else np.zeros(0)


def _joined(arrays: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    return np.concatenate(arrays) if arrays else np.zeros(0)


def checksum_of(header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> str:
    """Return a digest of all that a file says: nobody should go on from a wrong digit."""
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for key in _ARRAYS:
        digest.update(f"{key}{arrays[key].shape}".encode())
        digest.update(np.ascontiguousarray(arrays[key], dtype="<f8").data)
    return digest.hexdigest()
