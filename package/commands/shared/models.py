"""Models that a command works on, from a Python file of the user, and where the work is done."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Executor

__all__ = ["executor_at", "load_model", "scheduler_option"]

scheduler_option = click.option(
    "--scheduler",
    metavar="ADDRESS",
    help="Work on a Dask cluster, tcp://HOST:8786; local: a process for every core of this machine.",
)


def load_model(text: str) -> tuple[Any, Any, Any]:
    """Return loss, weights and data of the model that ``FILE.py:NAME`` names.

    Raises
    ------
    RequestError
        When there is none, or its file raises an error.
    """
    from sgdiagrams.numeric.models.model_file import ModelFile

    file = ModelFile.parse(text)
    model = file.load()
    if "cloudpickle" in sys.modules:
        _send_along(Path(file.path).resolve().parent)
    return model


def _send_along(folder: Path) -> None:
    """Let what the file imported from its own folder go to workers, which cannot import it."""
    import cloudpickle

    for module in list(sys.modules.values()):
        path = getattr(module, "__file__", None)
        if path and Path(path).resolve().parent == folder:
            cloudpickle.register_pickle_by_value(module)


@contextmanager
def executor_at(scheduler: str | None) -> Iterator[Executor | None]:
    """Open an executor at the address of a scheduler; None without one, for this process."""
    if scheduler is None:
        yield None
        return
    from sgdiagrams.diagrams.executors.cluster import dask_executor

    with dask_executor(scheduler) as executor:
        yield executor
