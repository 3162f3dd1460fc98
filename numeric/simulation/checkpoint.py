"""Checkpoints of simulations: what has been measured so far, in a file that a later call goes on from.

Runs are made in chunks, whose size the problem fixes. Whole chunks count for every number of runs; a
shorter chunk at the end belongs to one number of runs and is made again when there shall be more. So a
simulation that goes on gives what it would have given in one go.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any, final

from sgdiagrams.diagrams.errors import FormatError
from sgdiagrams.diagrams.files import json_data, json_text, output_file, read_text
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.diagrams.whole_numbers import is_whole
from sgdiagrams.numeric.simulation.moments import Moments

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Checkpoint"]

_MOST_RUNS = 10**8  # as of comparisons
_FORMAT = "sgdiagrams-simulation"
_VERSION = 3
_ENTRIES = {"format", "version", "settings", "whole", "rest", "checksum"}
_COUNTS = ("count", "diverged")


@final
class Checkpoint:
    """What a simulation has measured so far, by learning rate.

    Parameters
    ----------
    settings
        What is simulated, as plain data for JSON; a run goes on only with equal settings.
    points
        The number of learning rates.
    chunk
        The number of runs of a whole chunk.
    runs
        How many runs there shall be at every learning rate.

    Attributes
    ----------
    whole
        What whole chunks gave, one for each learning rate.
    rest
        What the shorter chunk at the end gave.
    """

    __slots__ = ("_chunk", "_runs", "_settings", "rest", "whole")

    def __init__(self, settings: dict[str, Any], *, points: int, chunk: int, runs: int) -> None:
        self._settings = settings
        self._chunk = chunk
        self._runs = runs
        self.whole = [Moments()] * points
        self.rest = [Moments()] * points

    @property
    def moments(self) -> list[Moments]:
        """All that has been measured, for each learning rate."""
        return [whole.merge(rest) for whole, rest in zip(self.whole, self.rest, strict=True)]

    def done(self, point: int) -> int:
        """Return how many runs have been made at a learning rate."""
        return _runs(self.whole[point]) + _runs(self.rest[point])

    def add(self, point: int, moments: Moments) -> None:
        """Take the moments of the next chunk."""
        if _runs(moments) == self._chunk:
            self.whole[point] = self.whole[point].merge(moments)
        else:
            self.rest[point] = moments

    def load(self, path: Path) -> None:
        """Go on from a file, if there is one.

        Raises
        ------
        FormatError
            When it is no checkpoint, one of another simulation, one of more runs, or one whose numbers
            are not those that were written.
        """
        name = shown(str(path))
        if not path.exists():
            return
        data = _read(path, name)
        if data["settings"] != self._settings:
            raise FormatError(
                f"expected a checkpoint of the same simulation, but {name} has other "
                "settings; remove it or name another file"
            )
        whole, rest = (self._points(data[key], name) for key in ("whole", "rest"))
        for first, last in zip(whole, rest, strict=True):
            if _runs(first) % self._chunk or _runs(last) >= self._chunk:
                raise FormatError(f"expected runs in chunks of {self._chunk} in {name}")
            if _runs(first) > self._runs:
                raise FormatError(
                    f"expected at least the {_runs(first)} runs that {name} has, got "
                    f"runs={self._runs}; remove it or name another file"
                )
        self.whole = whole
        # The end of another number of runs is made again, from the same draws as in one go.
        self.rest = [
            last if _runs(first) + _runs(last) == self._runs else Moments()
            for first, last in zip(whole, rest, strict=True)
        ]

    def _points(self, items: Any, name: str) -> list[Moments]:
        if not isinstance(items, list) or len(items) != len(self.whole):
            raise FormatError(f"expected {len(self.whole)} learning rates in {name}")
        return [_moments(item, name) for item in items]

    def save(self, path: Path) -> None:
        """Write the checkpoint, whole or not at all."""
        data: dict[str, Any] = {
            "format": _FORMAT,
            "version": _VERSION,
            "settings": self._settings,
            "whole": [asdict(moments) for moments in self.whole],
            "rest": [asdict(moments) for moments in self.rest],
        }
        with output_file(path) as file:
            file.write(json_text({**data, "checksum": _checksum(data)}).encode())


def _runs(moments: Moments) -> int:
    return moments.count + moments.diverged


def _read(path: Path, name: str) -> dict[str, Any]:
    try:
        data = json_data(read_text(path))
    except ValueError:
        raise FormatError(f"expected a checkpoint in JSON, got {name}") from None
    if (
        not isinstance(data, dict)
        or data.get("format") != _FORMAT
        or data.get("version") != _VERSION
        or isinstance(data["version"], bool)
    ):
        raise FormatError(f"expected {_FORMAT} version {_VERSION}, got {name}")
    if set(data) != _ENTRIES:
        raise FormatError(
            f"expected the entries {', '.join(sorted(_ENTRIES))}, got others in {name}"
        )
    checksum = data.pop("checksum")
    if checksum != _checksum(data):
        raise FormatError(
            f"expected a checkpoint as it was written, but {name} has been changed or damaged; "
            "remove it or name another file"
        )
    return data


def _checksum(data: dict[str, Any]) -> str:
    """Return a digest of all that a checkpoint says: nobody should go on from a wrong digit."""
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


def _moments(item: Any, name: str) -> Moments:
    """Return the moments that an object holds, if there can be such runs."""
    if not isinstance(item, dict) or set(item) != {field.name for field in fields(Moments)}:
        raise FormatError(f"expected the moments of {_FORMAT} in {name}")
    sums = {key: value for key, value in item.items() if key not in _COUNTS}
    if not all(is_whole(item[key], least=0, most=_MOST_RUNS) for key in _COUNTS) or not all(
        isinstance(x, int | float) and not isinstance(x, bool) and _is_finite(x)
        for x in sums.values()
    ):
        raise FormatError(f"expected finite moments of runs in {name}, got {shown(item)}")
    moments = Moments(
        count=item["count"],
        diverged=item["diverged"],
        **{key: float(value) for key, value in sums.items()},
    )
    if not moments.is_possible:
        raise FormatError(f"expected moments that runs can have in {name}, got {shown(item)}")
    return moments


def _is_finite(number: float) -> bool:
    try:
        return math.isfinite(number)
    except OverflowError:
        return False
