"""Schedules by name, alone and put together; which classes files may hold."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from sgdiagrams.diagrams.errors import RequestError, SamplingError
from sgdiagrams.diagrams.files import read_text
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.diagrams.written_numbers import read_numbers
from sgdiagrams.symbolic.training.schedules.closed_schedules import Exponential, Polynomial
from sgdiagrams.symbolic.training.schedules.combined import (
    ChainedSchedule,
    SequentialSchedule,
    SlowedSchedule,
)
from sgdiagrams.symbolic.training.schedules.cycles import CosineWaves, OneCycle, Triangular
from sgdiagrams.symbolic.training.schedules.decays import Inverse, PiecewiseConstant, Ramp
from sgdiagrams.symbolic.training.schedules.schedule import ArraySchedule, Schedule
from sgdiagrams.symbolic.training.schedules.spoken_schedules import SPOKEN_SCHEDULES
from sgdiagrams.symbolic.training.schedules.stepwise import Cosine, Step, WarmUp
from sgdiagrams.symbolic.training.spoken import said

__all__ = ["SCHEDULES", "as_schedule", "named_schedule"]

#: The classes, by the names that are in files.
SCHEDULES: Mapping[str, type[Schedule]] = {
    cls.name: cls
    for cls in (
        ArraySchedule,
        ChainedSchedule,
        Cosine,
        CosineWaves,
        Exponential,
        Inverse,
        OneCycle,
        PiecewiseConstant,
        Polynomial,
        Ramp,
        SequentialSchedule,
        SlowedSchedule,
        Step,
        Triangular,
        WarmUp,
    )
}

#: What is said of schedules that cannot be known beforehand, or are functions.
_REFUSED = {
    "reducelronplateau": "ReduceLROnPlateau depends on the run itself: give the factors of a run as "
    "file:PATH, or MultiStepLR:milestones=...",
    "lambdalr": "LambdaLR is a function: give its factors as file:PATH, or as a list, one an update",
    "multiplicativelr": "MultiplicativeLR is a function: give its factors, multiplied up, as file:PATH, "
    "or as a list, one an update",
    "sequentiallr": "SequentialLR is written A until=N then B, such as "
    "'LinearLR:total_iters=5 until=5 then CosineAnnealingLR:T_max=45'",
    "chainedscheduler": "ChainedScheduler is written A times B, such as "
    "'ConstantLR:total_iters=5 times ExponentialLR:gamma=0.9'",
}
_THEN = re.compile(r"\s+until=(\S+)\s+then\s+")
_TIMES = re.compile(r"\s+times\s+")


def named_schedule(which: str | Schedule) -> Schedule:
    """Return a schedule by its name, or the schedule itself.

    ``cosine``, ``cosine:floor=0.1``, ``step:every=30,factor=0.1``, ``warm-up:over=5``, ``linear``,
    ``exponential:gamma=0.99``, ``inverse:gamma=0.1,power=1``; PyTorch's by their names, such as
    ``StepLR:step_size=30,gamma=0.1``, those of optax and scikit-learn; each with ``every=N``, so
    many updates to a step. ``A until=N then B`` is ``SequentialLR``, ``A times B`` is
    ``ChainedScheduler``. ``file:PATH`` has one factor a line.

    Raises
    ------
    RequestError, SamplingError, FormatError
        When the name is unknown, a number impossible, or the file not readable.

    Examples
    --------
    >>> named_schedule("step:every=30")
    Step(every=30, factor=Fraction(1, 10))
    >>> warm = named_schedule("LinearLR:total_iters=2 until=2 then CosineAnnealingLR:T_max=4")
    >>> [round(float(a), 3) for a in warm.multipliers(5)]
    [0.333, 0.667, 1.0, 0.854, 0.5]
    """
    if isinstance(which, Schedule):
        return which
    if isinstance(which, str) and which.startswith("file:"):
        return _schedule_file(which.removeprefix("file:"))
    if isinstance(which, str):
        first, *rest = _THEN.split(which.strip())
        if rest:
            schedules = [named_schedule(part) for part in (first, *rest[1::2])]
            return SequentialSchedule(schedules, [_update(t) for t in rest[::2]])
        factors = _TIMES.split(first)
        if factors[1:]:
            return ChainedSchedule([named_schedule(part) for part in factors])
    return _one(which)


def _one(which: Any) -> Schedule:
    name = which.partition(":")[0].strip().casefold() if isinstance(which, str) else ""
    if name in _REFUSED:
        raise RequestError(f"expected a schedule that is known beforehand: {_REFUSED[name]}")
    schedule: Schedule = said("schedule", which, SPOKEN_SCHEDULES, ("file:PATH",))
    return schedule


def _update(text: str) -> int:
    if not text.isascii() or not text.isdecimal():
        raise RequestError(f"expected a whole number of updates, got {shown(text)}")
    return int(text)


def _schedule_file(path: str) -> ArraySchedule:
    words = (line.strip(",") for line in read_text(path).split())
    return ArraySchedule([x for word in words if word for x in read_numbers("the schedule", word)])


def as_schedule(given: Schedule | Sequence[Any] | str | None) -> Schedule | None:
    """Return a schedule: itself, one of a name, or one of given factors.

    Raises
    ------
    RequestError, SamplingError
        When it is none of these.

    Examples
    --------
    >>> as_schedule([1, 0.5])
    ArraySchedule(values=(Fraction(1, 1), Fraction(1, 2)))
    >>> as_schedule("StepLR:step_size=30")
    Step(every=30, factor=Fraction(1, 10))
    """
    if given is None or isinstance(given, Schedule):
        return given
    if isinstance(given, str):
        return named_schedule(given)
    values = given.tolist() if hasattr(given, "tolist") else given
    if isinstance(values, Sequence):
        return ArraySchedule(values)
    raise SamplingError(
        "expected a schedule, its name or a list of factors, one an update, got "
        f"schedule={shown(given)}"
    )
