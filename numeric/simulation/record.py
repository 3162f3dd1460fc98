"""Records of single runs: what each ended at, in a file that a later call goes on from.

A run's number, with the seed, says all about it. So a record may go on at any run, with any number of
runs, and hold what it would hold in one go. The same holds for their controls, which follow from the
draws alone: there may be more or fewer of them than of runs.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, final

import numpy as np

from sgdiagrams.diagrams.errors import FormatError
from sgdiagrams.diagrams.files import json_data, json_text, output_file
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.numeric.storage.archives import check_archive, opened_numbers, read_archive

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["Record"]

_FORMAT = "sgdiagrams-runs"
_VERSION = 1
_LONGEST_HEADER = 2**24  # bytes


@final
class Record:
    """What the runs 0, 1, ... ended at, at every learning rate.

    Parameters
    ----------
    settings
        What is simulated, as plain data for JSON; a record goes on only with equal settings.
    points
        The number of learning rates.
    """

    __slots__ = ("_pieces", "_points", "_settings", "controls", "made")

    def __init__(self, settings: dict[str, Any], *, points: int) -> None:
        self._settings = settings
        self._points = points
        self._pieces: list[NDArray[np.float64]] = []
        #: The number of runs so far.
        self.made = 0
        #: The controls of the first runs, shape (learning rates, K).
        self.controls: NDArray[np.float64] = np.empty((points, 0))

    @property
    def per_run(self) -> NDArray[np.float64]:
        """What the runs ended at, shape (learning rates, runs)."""
        if len(self._pieces) != 1:
            empty = np.empty((self._points, 0))
            self._pieces = [np.concatenate([empty, *self._pieces], axis=1)]
        return self._pieces[0]

    def add(self, piece: NDArray[np.float64]) -> None:
        """Take the next runs, shape (learning rates, runs)."""
        self._pieces.append(piece)
        self.made += piece.shape[1]

    def load(self, path: Path) -> None:
        """Go on from a file, if there is one.

        Raises
        ------
        FormatError
            When it is no record, one of another simulation, or its numbers are not those that were
            written.
        """
        if not path.exists():
            return
        name = shown(str(path))
        header, per_run, controls = _read(path, name)
        if header["settings"] != json_data(json_text(self._settings)):
            raise FormatError(
                f"expected a checkpoint of the same simulation, but {name} has other "
                "settings; remove it or name another file"
            )
        self._pieces = [per_run]
        self.made = per_run.shape[1]
        self.controls = np.empty((self._points, 0)) if controls is None else controls

    def save(self, path: Path) -> None:
        """Write the record, whole or not at all."""
        per_run = self.per_run
        header: dict[str, Any] = {
            "format": _FORMAT,
            "version": _VERSION,
            "settings": json_data(json_text(self._settings)),
        }
        arrays = {"runs": per_run}
        if self.controls.shape[1]:
            arrays["controls"] = self.controls
        header["checksum"] = _checksum(header["settings"], arrays)
        text = np.frombuffer(json_text(header).encode(), dtype=np.uint8)
        with output_file(path) as file:
            np.savez(file, allow_pickle=False, header=text, **arrays)


def _read(
    path: Path, name: str
) -> tuple[dict[str, Any], NDArray[np.float64], NDArray[np.float64] | None]:
    with opened_numbers(path, called="a checkpoint of single runs (.npz)", kind="runs") as opened:
        file, shown_name = opened
        check_archive(file, shown_name, longest={"header.npy": _LONGEST_HEADER})
        arrays = read_archive(file)
        if not {"header", "runs"} <= set(arrays) <= {"header", "runs", "controls"}:
            raise FormatError(f"expected the entries header and runs, got others in {name}")
        header = json_data(arrays.pop("header").tobytes().decode("utf-8"))
    keys = {"format", "version", "settings", "checksum"}
    is_header = isinstance(header, dict) and set(header) == keys
    if not is_header or (header["format"], header["version"]) != (_FORMAT, _VERSION):
        raise FormatError(f"expected {_FORMAT} version {_VERSION}, got {name}")
    are_tables = all(array.ndim == 2 and array.dtype == np.float64 for array in arrays.values())
    if not are_tables or header["checksum"] != _checksum(header["settings"], arrays):
        raise FormatError(
            f"expected a checkpoint as it was written, but {name} has been changed or damaged; "
            "remove it or name another file"
        )
    return header, arrays["runs"], arrays.get("controls")


def _checksum(settings: Any, arrays: dict[str, NDArray[np.float64]]) -> str:
    """Return a digest of all that a record says: nobody should go on from a wrong digit."""
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for name in sorted(arrays, reverse=True):  # the runs first, as in records without controls
        digest.update(repr(arrays[name].shape).encode())
        digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    return digest.hexdigest()
