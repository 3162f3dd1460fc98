"""A measurement that is under way, in a file that a later call goes on from."""

from __future__ import annotations

import math
from contextlib import ExitStack
from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING, Any, Self, final

from sgdiagrams.diagrams.errors import FormatError, StatisticsError
from sgdiagrams.diagrams.files import json_data, json_text, usable_path
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.numeric.measurement.files import read_measured, write_measured
from sgdiagrams.numeric.measurement.measured import Measured
from sgdiagrams.numeric.storage.lock import alone_with

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping
    from types import TracebackType

    from sgdiagrams.numeric.measurement.rounds import Round

__all__ = ["MeasurementFile"]

_SECONDS = 20  # between two savings


@final
class MeasurementFile:
    """Rounds as they come in, kept in a file, if one is named.

    In a ``with`` block the file is this process's alone. It is read at the beginning, written after a
    round where that was not done for 20 seconds, and in the end however the block is left: by an
    interrupt, an error, or because all is done. A process that is killed loses what came since.

    Parameters
    ----------
    path
        The file; None for none.
    settings
        By what the numbers of every round are fixed, plain data for JSON. What says only when to stop,
        a precision or a budget, is not among them: it may differ from call to call.
    start
        The measurement without rounds.

    Raises
    ------
    FormatError
        On entering, when somebody else uses the file, it is no measurement, or one of something else.

    Examples
    --------
    >>> from sgdiagrams.symbolic import Contraction
    >>> start = Measured((Contraction.build([], [[0]]),), (), "sample", 8, 2)
    >>> with MeasurementFile(None, {}, start) as file:
    ...     file.finish()
    >>> file.measured.complete
    True
    """

    __slots__ = ("_is_new", "_new", "_saved", "_settings", "_stack", "_start", "path")

    def __init__(
        self, path: str | os.PathLike[str] | None, settings: Mapping[str, Any], start: Measured
    ) -> None:
        self.path = None if path is None else usable_path(path)
        self._start = replace(start, complete=False)
        self._new: list[Round] = []
        self._settings = json_data(json_text(dict(settings)))
        self._saved = -math.inf
        self._is_new = False
        self._stack = ExitStack()

    @property
    def measured(self) -> Measured:
        """What has been measured so far."""
        if self._new:
            # Put together when it is looked at, not at every round.
            self._start = replace(self._start, rounds=(*self._start.rounds, *self._new))
            self._new.clear()
        return self._start

    def __enter__(self) -> Self:
        if self.path is not None:
            with ExitStack() as stack:
                stack.enter_context(alone_with(self.path))
                self._load()
                self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._stack:
            if self._is_new:
                self._save()

    def _load(self) -> None:
        if self.path is None or not self.path.exists():
            return
        name = shown(str(self.path))
        loaded, settings = read_measured(self.path, Measured)
        if settings is None:
            raise FormatError(
                f"expected a measurement that can go on, but {name} was saved without its settings; "
                "name another file, and merge them"
            )
        if settings != self._settings:
            raise FormatError(
                f"expected a checkpoint of the same measurement, but {name} has other settings; "
                "remove it or name another file"
            )
        try:
            self._start = replace(self._start.merge(loaded), complete=False)
        except StatisticsError as problem:
            raise FormatError(
                f"expected a checkpoint of the same measurement in {name}: {problem}"
            ) from None

    def add(self, part: Round) -> None:
        """Take a round, and write the file where that was not done for a while.

        Raises
        ------
        StatisticsError
            When its numbers are not finite or of a wrong shape.
        FormatError
            When the file cannot be written.
        """
        replace(self._start, rounds=(part,))  # refuses a round that is none
        self._new.append(part)
        self._is_new = True
        if monotonic() - self._saved > _SECONDS:
            self._save()

    def finish(self) -> None:
        """Say that all has been measured that was asked for."""
        self._start = replace(self.measured, complete=True)
        self._is_new = True

    def _save(self) -> None:
        if self.path is not None:
            write_measured(self.measured, self.path, self._settings)
        self._saved = monotonic()
        self._is_new = False
