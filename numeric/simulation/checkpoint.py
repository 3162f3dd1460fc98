"""Checkpoints of simulations: what has been measured so far, in a file that a later call goes on from."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, final

from sgdiagrams.diagrams.errors import FormatError
from sgdiagrams.diagrams.files import json_text, output_file, read_text
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.numeric.simulation.moments import Moments

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Checkpoint"]

_FORMAT = "sgdiagrams-simulation"
_VERSION = 2
_POWERS = ("mean", "squares", "cubes", "fourths")


@final
class Checkpoint:
    """What a simulation has measured so far, by learning rate; whole chunks only.

    Attributes
    ----------
    settings
        What is simulated, as plain data for JSON; a run goes on only with equal settings.
    moments
        One for each learning rate.
    """

    __slots__ = ("moments", "settings")

    def __init__(self, settings: dict[str, Any], points: int) -> None:
        self.settings = settings
        self.moments = [Moments()] * points

    def load(self, path: Path) -> None:
        """Go on from a file, if there is one.

        Raises
        ------
        FormatError
            When it is no checkpoint, or one of another simulation.
        """
        if path.is_dir() or not path.parent.is_dir():
            raise FormatError(f"expected a file in an existing directory, got {shown(str(path))}")
        if not path.exists():
            return
        try:
            data = json.loads(read_text(path))
        except (ValueError, RecursionError):
            raise FormatError(f"expected a checkpoint in JSON, got {shown(str(path))}") from None
        if (
            not isinstance(data, dict)
            or data.get("format") != _FORMAT
            or data.get("version") != _VERSION
        ):
            raise FormatError(f"expected {_FORMAT} version {_VERSION}, got {shown(str(path))}")
        if data.get("settings") != self.settings:
            raise FormatError(
                f"expected a checkpoint of the same simulation, but {shown(str(path))} has other "
                "settings; remove it or name another file"
            )
        try:
            moments = [
                Moments(
                    count=int(item["count"]),
                    diverged=int(item["diverged"]),
                    **{name: float(item[name]) for name in _POWERS},
                )
                for item in data["moments"]
            ]
        except (KeyError, TypeError, ValueError, OverflowError):
            raise FormatError(
                f"expected the moments of {_FORMAT}, got {shown(str(path))}"
            ) from None
        if len(moments) != len(self.moments):
            raise FormatError(f"expected {len(self.moments)} learning rates in {shown(str(path))}")
        for item in moments:
            least = min(item.count, item.diverged, item.squares, item.fourths)
            if not (least >= 0 and all(math.isfinite(getattr(item, name)) for name in _POWERS)):
                raise FormatError(
                    f"expected finite moments of runs in {shown(str(path))}, got {item}"
                )
        self.moments = moments

    def save(self, path: Path) -> None:
        """Write the checkpoint, whole or not at all."""
        data = {
            "format": _FORMAT,
            "version": _VERSION,
            "settings": self.settings,
            "moments": [asdict(moments) for moments in self.moments],
        }
        with output_file(path) as file:
            file.write(json_text(data).encode())
