"""Optimisers, schedules and averages by their names, as the command line writes them.

``momentum:beta=0.9`` is a name, and numbers after a colon. Text is read as data: names from a list,
numbers exactly.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sgdiagrams.diagrams.errors import FormatError, RequestError
from sgdiagrams.diagrams.files import read_text
from sgdiagrams.symbolic.checks import check_choice, rational
from sgdiagrams.symbolic.training.average import Average, ExponentialAverage, TailAverage
from sgdiagrams.symbolic.training.optimizer import SGD, Momentum, Nesterov, Optimizer
from sgdiagrams.symbolic.training.sampling import Sampling
from sgdiagrams.symbolic.training.schedule import (
    ArraySchedule,
    Cosine,
    Exponential,
    Polynomial,
    Schedule,
    Step,
    WarmUp,
)
from sgdiagrams.symbolic.training.schemes import (
    SDE,
    Epochs,
    FreshData,
    FullBatch,
    GradientFlow,
    Grid,
    OnePass,
    WithReplacement,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from fractions import Fraction


__all__ = ["average", "named_schedule", "optimizer", "sampling"]


def optimizer(
    which: str | Optimizer,
    *,
    schedule: str | Schedule | None = None,
    average: str | Average | None = None,
    weight_decay: object = None,
) -> Optimizer:
    """Return an optimiser by its name on the command line, or the optimiser itself.

    Parameters
    ----------
    which
        ``"sgd"``, ``"momentum"``, ``"nesterov"``, with numbers as in ``"momentum:beta=0.9"``.
    schedule, average, weight_decay
        Replace those of the optimiser, when given.

    Raises
    ------
    RequestError, SamplingError
        When a name is unknown or a number is impossible.

    Examples
    --------
    >>> optimizer("momentum:beta=0.9", average="tail:W=10").label
    'momentum beta=9/10, average of the last 10'
    """
    if isinstance(which, Optimizer):
        method = which
    else:
        name, numbers = _split(
            "optimizer", which, {"sgd": (), "momentum": ("beta",), "nesterov": ("beta",)}
        )
        makers: dict[str, Callable[..., Optimizer]] = {
            "sgd": SGD,
            "momentum": Momentum,
            "nesterov": Nesterov,
        }
        method = makers[name](**numbers)
    changes: dict[str, Any] = {}
    if schedule is not None:
        changes["schedule"] = named_schedule(schedule)
    if average is not None:
        changes["average"] = _average(average)
    if weight_decay is not None:
        changes["weight_decay"] = weight_decay
    return replace(method, **changes) if changes else method  # type: ignore[type-var]


def named_schedule(which: str | Schedule) -> Schedule:
    """Return a schedule by its name, or the schedule itself.

    ``cosine``, ``cosine:floor=0.1``, ``step:every=30,factor=0.1``, ``warm-up:over=5``, ``linear``,
    ``exponential``, ``exponential:gamma=0.99``, or ``file:PATH`` with one factor a line.

    Raises
    ------
    RequestError, SamplingError, FormatError
        When the name is unknown, a number impossible, or the file not readable.

    Examples
    --------
    >>> named_schedule("step:every=30")
    Step(every=30, factor=Fraction(1, 10))
    """
    if isinstance(which, Schedule):
        return which
    if which.startswith("file:"):
        return _schedule_file(which.removeprefix("file:"))
    known = {
        "cosine": ("floor",),
        "step": ("every", "factor"),
        "warm-up": ("over",),
        "linear": (),
        "exponential": ("gamma",),
    }
    name, numbers = _split("schedule", which, known, more=("file:PATH",))
    makers: dict[str, Callable[..., Schedule]] = {
        "cosine": Cosine,
        "step": Step,
        "warm-up": WarmUp,
        "linear": Polynomial,
        "exponential": Exponential,
    }
    required = {"step": "every", "warm-up": "over"}.get(name)
    if required is not None and required not in numbers:
        raise RequestError(f"expected {name}:{required}=..., got schedule={which!r}")
    return makers[name](**numbers)


def _average(which: str | Average) -> Average:
    if isinstance(which, Average):
        return which
    name, numbers = _split("average", which, {"tail": ("W",), "exponential": ("alpha",)})
    return TailAverage(**numbers) if name == "tail" else ExponentialAverage(**numbers)


average = _average


def _split(
    kind: str, text: str, known: dict[str, tuple[str, ...]], more: tuple[str, ...] = ()
) -> tuple[str, dict[str, Any]]:
    """Read ``name:key=value,key=value``."""
    name, colon, rest = str(text).partition(":")
    check_choice(kind, name, (*known, *more))
    numbers: dict[str, Fraction] = {}
    for piece in rest.split(",") if colon else ():
        key, equals, value = piece.partition("=")
        if not equals or key not in known.get(name, ()) or key in numbers:
            allowed = ", ".join(f"{k}=..." for k in known.get(name, ())) or "no numbers"
            raise RequestError(f"expected {name} with {allowed}, got {kind}={text!r}")
        numbers[key] = rational(key, value)
    return name, numbers


def _schedule_file(path: str) -> ArraySchedule:
    try:
        words = read_text(path).replace(",", " ").split()
    except FormatError:
        raise FormatError(
            f"expected a readable text file with one factor a line, got {path!r}"
        ) from None
    return ArraySchedule([rational("the schedule", word) for word in words])


def sampling(scheme: str | Sampling) -> Sampling:
    """Return a scheme by its name on the command line, or the scheme itself.

    ``grid:FILE`` reads batches from a JSON file: a list of batches, each a list of row numbers, or N
    lists of T values true or false.

    Raises
    ------
    RequestError
        When the name is unknown.
    FormatError
        When the file of a grid is not readable or holds something else.

    Examples
    --------
    >>> sampling("epochs")
    Epochs(N=N, B=B, E=E, shuffle=None)
    """
    if isinstance(scheme, Sampling):
        return scheme
    if isinstance(scheme, str) and scheme.startswith("grid:"):
        return _grid_file(scheme.removeprefix("grid:"))
    makers: dict[str, Callable[[], Sampling]] = {
        "one-pass": OnePass,
        "epochs": Epochs,
        "shuffled-epochs": lambda: Epochs(shuffle="once"),
        "reshuffled-epochs": lambda: Epochs(shuffle="every-epoch"),
        "with-replacement": WithReplacement,
        "fresh-data": FreshData,
        "full-batch": FullBatch,
        "gradient-flow": GradientFlow,
        "sde": SDE,
    }
    check_choice("sampling", scheme, (*makers, "grid:FILE"))
    if scheme not in makers:
        raise RequestError(
            "expected the name of a file after grid:, for instance grid:batches.json"
        )
    return makers[scheme]()


def _grid_file(path: str) -> Grid:
    try:
        data = json.loads(read_text(path))
    except (FormatError, ValueError, RecursionError):
        raise FormatError(
            f"expected a JSON file with a list of batches or a table of true and false, got {path!r}"
        ) from None
    return Grid(data)
