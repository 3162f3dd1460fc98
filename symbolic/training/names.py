"""All that has a name: sampling schemes, optimisers, schedules and averages, as people write them.

``momentum:beta=0.9`` is a name, and numbers after a colon. Text is read as data: names from a table,
numbers exactly. The same tables say which classes files may hold. What users define themselves is in
no table, and is given as an object.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.files import json_data, read_text
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.diagrams.written_numbers import read_numbers
from sgdiagrams.symbolic.checks import check_choice, rational
from sgdiagrams.symbolic.training.average import Average, ExponentialAverage, TailAverage
from sgdiagrams.symbolic.training.optimizer import Optimizer
from sgdiagrams.symbolic.training.optimizers.momentum import Momentum, Nesterov
from sgdiagrams.symbolic.training.optimizers.sgd import SGD
from sgdiagrams.symbolic.training.sampling import Sampling
from sgdiagrams.symbolic.training.schedules.closed_schedules import Exponential, Polynomial
from sgdiagrams.symbolic.training.schedules.schedule import ArraySchedule, Schedule
from sgdiagrams.symbolic.training.schedules.stepwise import Cosine, Step, WarmUp
from sgdiagrams.symbolic.training.schemes.epochs import Epochs, FullBatch
from sgdiagrams.symbolic.training.schemes.grid import Grid
from sgdiagrams.symbolic.training.schemes.limits import SDE, GradientDescent, GradientFlow
from sgdiagrams.symbolic.training.schemes.one_pass import FreshData, OnePass
from sgdiagrams.symbolic.training.schemes.with_replacement import WithReplacement

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from fractions import Fraction


__all__ = [
    "AVERAGES",
    "OPTIMIZERS",
    "SAMPLINGS",
    "SCHEDULES",
    "named_average",
    "named_optimizer",
    "named_sampling",
    "named_schedule",
]

#: The classes of each kind, by the names that are in files.
SAMPLINGS: Mapping[str, type[Sampling]] = {
    cls.name: cls
    for cls in (OnePass, Epochs, WithReplacement, Grid, GradientDescent, GradientFlow, SDE)
}
OPTIMIZERS: Mapping[str, type[Optimizer]] = {cls.name: cls for cls in (SGD, Momentum, Nesterov)}
SCHEDULES: Mapping[str, type[Schedule]] = {
    cls.name: cls for cls in (ArraySchedule, Cosine, Exponential, Polynomial, Step, WarmUp)
}
AVERAGES: Mapping[str, type[Average]] = {cls.name: cls for cls in (TailAverage, ExponentialAverage)}


class _Spoken(NamedTuple):
    """What a name on the command line makes, and the numbers that may and must follow a colon."""

    maker: Callable[..., Any]
    numbers: tuple[str, ...] = ()
    required: str | None = None


_SAMPLINGS: Mapping[str, _Spoken] = {
    "one-pass": _Spoken(OnePass),
    "epochs": _Spoken(Epochs),
    "shuffled-epochs": _Spoken(lambda: Epochs(shuffle="once")),
    "reshuffled-epochs": _Spoken(lambda: Epochs(shuffle="every-epoch")),
    "with-replacement": _Spoken(WithReplacement),
    "fresh-data": _Spoken(FreshData),
    "full-batch": _Spoken(FullBatch),
    "gradient-descent": _Spoken(GradientDescent),
    "gradient-flow": _Spoken(GradientFlow, ("order",)),
    "sde": _Spoken(SDE, ("order",)),
}
_OPTIMIZERS: Mapping[str, _Spoken] = {
    name: _Spoken(cls, cls.numbers) for name, cls in OPTIMIZERS.items()
}
_SCHEDULES: Mapping[str, _Spoken] = {
    "cosine": _Spoken(Cosine, ("floor",)),
    "step": _Spoken(Step, ("every", "factor"), "every"),
    "warm-up": _Spoken(WarmUp, ("over",), "over"),
    "linear": _Spoken(Polynomial),
    "exponential": _Spoken(Exponential, ("gamma",)),
}
_AVERAGES: Mapping[str, _Spoken] = {
    "tail": _Spoken(TailAverage, ("W",)),
    "exponential": _Spoken(ExponentialAverage, ("alpha",)),
}


def named_optimizer(
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
        When a name is unknown, a number is impossible, or an optimiser of a user's own has no such
        field.

    Examples
    --------
    >>> named_optimizer("momentum:beta=0.9", average="tail:W=10").label
    'momentum beta=9/10, average of the last 10'
    """
    method: Any = which if isinstance(which, Optimizer) else _make("optimizer", which, _OPTIMIZERS)
    changes: dict[str, Any] = {}
    if schedule is not None:
        changes["schedule"] = named_schedule(schedule)
    if average is not None:
        changes["average"] = named_average(average)
    if weight_decay is not None:
        changes["weight_decay"] = weight_decay
    lacking = [name for name in changes if name not in {field.name for field in fields(method)}]
    if lacking:
        raise RequestError(f"expected an optimiser with a {lacking[0]}, got {method.label}")
    changed: Optimizer = replace(method, **changes) if changes else method
    return changed


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
    schedule: Schedule = _make("schedule", which, _SCHEDULES, more=("file:PATH",))
    return schedule


def named_average(which: str | Average) -> Average:
    """Return an average by its name, ``tail:W=10`` or ``exponential:alpha=0.9``, or the average itself.

    Raises
    ------
    RequestError, SamplingError
        When the name is unknown or a number impossible.

    Examples
    --------
    >>> named_average("tail")
    TailAverage(W=None)
    """
    if isinstance(which, Average):
        return which
    average: Average = _make("average", which, _AVERAGES)
    return average


def named_sampling(which: str | Sampling) -> Sampling:
    """Return a scheme by its name on the command line, or the scheme itself.

    ``sde:order=2`` and ``gradient-flow:order=3`` are limits of a higher order. ``grid:FILE`` reads
    batches from a JSON file: a list of batches, each a list of row numbers, or N lists of T values true
    or false.

    Raises
    ------
    RequestError
        When the name is unknown.
    FormatError
        When the file of a grid is not readable or holds something else.

    Examples
    --------
    >>> named_sampling("epochs")
    Epochs(N=N, B=B, E=E, shuffle=None)
    """
    if isinstance(which, Sampling):
        return which
    if isinstance(which, str) and which.startswith("grid:"):
        return _grid_file(which.removeprefix("grid:"))
    scheme: Sampling = _make("sampling", which, _SAMPLINGS, more=("grid:FILE",))
    return scheme


def _make(kind: str, text: object, known: Mapping[str, _Spoken], more: tuple[str, ...] = ()) -> Any:
    """Return what ``name:key=value,key=value`` says."""
    name, colon, rest = text.partition(":") if isinstance(text, str) else (text, "", "")
    check_choice(kind, name, (*known, *more))
    spoken = known.get(str(name), _Spoken(dict))
    numbers: dict[str, Fraction] = {}
    for piece in rest.split(",") if colon else ():
        key, equals, value = piece.partition("=")
        if not equals or key not in spoken.numbers or key in numbers:
            allowed = ", ".join(f"{k}=..." for k in spoken.numbers) or "no numbers"
            raise RequestError(f"expected {name} with {allowed}, got {kind}={shown(text)}")
        numbers[key] = rational(key, value)
    if spoken.required is not None and spoken.required not in numbers:
        raise RequestError(f"expected {name}:{spoken.required}=..., got {kind}={shown(text)}")
    return spoken.maker(**numbers)


def _schedule_file(path: str) -> ArraySchedule:
    words = (line.strip(",") for line in read_text(path).split())
    return ArraySchedule([x for word in words if word for x in read_numbers("the schedule", word)])


def _grid_file(path: str) -> Grid:
    kind = f"a JSON file with a list of batches or a table of true and false in {shown(path)}"
    return Grid(json_data(read_text(path), kind=kind))
