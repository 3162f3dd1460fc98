"""Measurements along a run in a file: what a later call goes on from."""

from __future__ import annotations

import hashlib
import json
import math
from contextlib import AbstractContextManager, nullcontext
from time import perf_counter
from typing import TYPE_CHECKING, Any, Self, final

import numpy as np

from sgdiagrams.diagrams.errors import FormatError
from sgdiagrams.diagrams.files import json_data, json_text, output_file, usable_path
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.numeric.path.tallies import Tally
from sgdiagrams.numeric.storage.archives import check_archive, opened_numbers, read_archive
from sgdiagrams.numeric.storage.lock import alone_with

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from numpy.typing import NDArray

__all__ = ["PathFile"]

_FORMAT = "sgdiagrams-path"
_VERSION = 1
_SECONDS = 5.0  # between two savings
_LONGEST_HEADER = 2**24  # bytes


@final
class PathFile:
    """The rounds that have been made, in order, by name; in a file if one is named.

    Used in a ``with`` statement: whatever ends it, what is new is written.

    Parameters
    ----------
    path
        None keeps rounds in memory alone.
    settings
        What is measured, as plain data for JSON: a file goes on only with the same.
    """

    __slots__ = ("_is_new", "_last", "_lock", "_path", "_settings", "rounds")

    def __init__(self, path: str | Path | None, settings: dict[str, Any]) -> None:
        self._path = None if path is None else usable_path(path)
        self._settings = settings
        self._lock: AbstractContextManager[Any] = (
            nullcontext() if self._path is None else alone_with(self._path)
        )
        self._last, self._is_new = -math.inf, False
        #: Name -> tallies of rounds, in the order in which they were made.
        self.rounds: dict[str, list[Tally]] = {}

    def __enter__(self) -> Self:
        self._lock.__enter__()
        try:
            if self._path is not None and self._path.exists():
                self.rounds = _read(self._path, self._settings)
        except BaseException as error:
            self._lock.__exit__(type(error), error, error.__traceback__)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if self._is_new:
                self._save()
        finally:
            self._lock.__exit__(kind, error, trace)

    def add(self, name: str, tally: Tally) -> None:
        """Take the next round."""
        self.rounds.setdefault(name, []).append(tally)
        self._is_new = self._path is not None
        if self._is_new and perf_counter() - self._last > _SECONDS:
            self._save()

    def _save(self) -> None:
        assert self._path is not None  # noqa: S101 - only then is anything new
        arrays = {
            f"{name}_{part}": np.stack([getattr(tally, part) for tally in tallies])
            for name, tallies in self.rounds.items()
            for part in ("mean", "scatter")
        }
        counts = {name: [tally.count for tally in tallies] for name, tallies in self.rounds.items()}
        header: dict[str, Any] = {
            "format": _FORMAT,
            "version": _VERSION,
            "settings": json_data(json_text(self._settings)),
            "counts": counts,
        }
        header["checksum"] = _checksum(header, arrays)
        text = np.frombuffer(json_text(header).encode(), dtype=np.uint8)
        with output_file(self._path) as file:
            np.savez(file, allow_pickle=False, header=text, **arrays)
        self._last, self._is_new = perf_counter(), False


def _read(path: Path, settings: dict[str, Any]) -> dict[str, list[Tally]]:
    with opened_numbers(path, called="a checkpoint of a run (.npz)", kind="rounds") as opened:
        file, name = opened
        check_archive(file, name, longest={"header.npy": _LONGEST_HEADER})
        entries = read_archive(file)
        header = _header(entries.pop("header", None), name)
        damaged = FormatError(
            f"expected a checkpoint as it was written, but {shown(name)} has been changed or damaged; "
            "remove it or name another file"
        )
        checksum = header.pop("checksum")
        if any(array.dtype != np.float64 for array in entries.values()):
            raise damaged
        if checksum != _checksum(header, entries):
            raise damaged
        if header["settings"] != json_data(json_text(settings)):
            raise FormatError(
                f"expected a checkpoint of the same run, but {shown(name)} has other settings; remove "
                "it or name another file"
            )
        return {
            kind: [
                Tally(count, mean, scatter)
                for count, mean, scatter in zip(
                    counts, entries[f"{kind}_mean"], entries[f"{kind}_scatter"], strict=True
                )
            ]
            for kind, counts in header["counts"].items()
        }


def _header(entry: NDArray[Any] | None, name: str) -> dict[str, Any]:
    header: Any = None if entry is None else json_data(entry.tobytes().decode("utf-8"))
    keys = {"format", "version", "settings", "counts", "checksum"}
    is_header = isinstance(header, dict) and set(header) == keys
    if not is_header or (header["format"], header["version"]) != (_FORMAT, _VERSION):
        raise FormatError(f"expected {_FORMAT} version {_VERSION}, got {shown(name)}")
    known: dict[str, Any] = header
    return known


def _checksum(header: dict[str, Any], arrays: dict[str, NDArray[np.float64]]) -> str:
    """Return a digest of all that a file says: nobody should go on from a wrong digit."""
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name in sorted(arrays):
        digest.update(f"{name} {arrays[name].shape}".encode())
        digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    return digest.hexdigest()
