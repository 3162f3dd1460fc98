"""Signs that long work goes on, on standard error, where that is a terminal."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.progress import Progress

__all__ = ["progress_bar", "working"]


@contextmanager
def progress_bar(label: str) -> Iterator[Callable[[float, str], None] | None]:
    """Show a progress bar on stderr, if that is a terminal; yields ``update(fraction, text)``."""
    if not sys.stderr.isatty():
        yield None
        return
    with _bar(label, total=1.0) as progress:
        (task,) = progress.task_ids

        def update(fraction: float, text: str = "") -> None:
            progress.update(task, completed=fraction, description=f"{label} {text}".strip())

        yield update


@contextmanager
def working(label: str) -> Iterator[None]:
    """Show on stderr, if that is a terminal, that work which takes more than a second goes on."""
    if not sys.stderr.isatty():
        yield
        return
    with _bar(label, total=None):
        yield


@contextmanager
def _bar(label: str, *, total: float | None) -> Iterator[Progress]:
    """Show a bar after a second; without a total it moves to and fro, and tells the time."""
    from threading import Timer

    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
    from rich.progress import TimeElapsedColumn as Elapsed
    from rich.progress import TimeRemainingColumn as Remaining

    time = (Elapsed(),) if total is None else (TaskProgressColumn(), Remaining())
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), *time)
    progress = Progress(*columns, console=Console(stderr=True), transient=True)
    progress.add_task(label, total=total)
    start = Timer(1.0, progress.start)
    start.daemon = True
    start.start()
    try:
        yield progress
    finally:
        start.cancel()
        start.join()
        progress.stop()
