"""Models that a command works on, from a Python file of the user, and where the work is done."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sgdiagrams.commands.shared.completion import files
from sgdiagrams.commands.shared.progress import working

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Executor

    from sgdiagrams.numeric.landscapes.landscape import Landscape
    from sgdiagrams.numeric.models.model_file import GivenModel

__all__ = [
    "executor_at",
    "given_model",
    "landscape_of",
    "loaded_model",
    "model_option",
    "scheduler_option",
]

model_option = click.option(
    "--model",
    "model",
    metavar="FILE.py:NAME",
    shell_complete=files,
    help="A model of yours: a function without arguments in a Python file, which is executed, that "
    "returns (loss, weights, data).",
)
scheduler_option = click.option(
    "--scheduler",
    metavar="ADDRESS",
    help="Work on a Dask cluster, tcp://HOST:8786; local: a process for every core of this machine.",
)


@contextmanager
def loaded_model(text: str) -> Iterator[tuple[Any, Any, Any]]:
    """Yield loss, weights and data of the model that ``FILE.py:NAME`` names; as `given_model`."""
    with given_model(text) as model:
        yield model.loss, model.weights, model.data


@contextmanager
def given_model(text: str) -> Iterator[GivenModel]:
    """Yield all that the model that ``FILE.py:NAME`` names gives.

    Raises
    ------
    RequestError
        When there is none, or the file or its functions, while they are used, raise an error.
    """
    from sgdiagrams.numeric.models.model_file import ModelFile

    file = ModelFile.parse(text)
    with working("loading"):
        model = file.given()
    if "cloudpickle" in sys.modules:
        _send_along(Path(file.path).resolve().parent)
    with file.blamed():
        yield model


def _send_along(folder: Path) -> None:
    """Let what the file imported from its own folder go to workers, which cannot import it."""
    import cloudpickle

    for module in list(sys.modules.values()):
        path = getattr(module, "__file__", None)
        if path and Path(path).resolve().parent == folder:
            cloudpickle.register_pickle_by_value(module)


@contextmanager
def landscape_of(landscape: str | None, model: str | None) -> Iterator[Landscape]:
    """Yield the landscape of a name, or that of a model.

    Raises
    ------
    RequestError
        When both are given, or neither.
    """
    from sgdiagrams import numeric
    from sgdiagrams.diagrams.errors import RequestError

    if (landscape is None) == (model is None):
        raise RequestError("expected either --landscape or --model, got both or neither")
    if model is None:
        yield numeric.landscape(landscape or "")
        return
    with given_model(model) as given:
        yield numeric.model_landscape(
            given.loss,
            given.weights,
            given.data,
            test_data=given.test_data,
            name=model.rpartition(":")[2],
        )


@contextmanager
def executor_at(scheduler: str | None) -> Iterator[Executor | None]:
    """Open an executor at the address of a scheduler; None without one, for this process."""
    if scheduler is None:
        yield None
        return
    from sgdiagrams.diagrams.executors.cluster import dask_executor

    with dask_executor(scheduler) as executor:
        yield executor
