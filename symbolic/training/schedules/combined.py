"""Schedules made of others: one after another, multiplied, or a step for several updates."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import prod
from typing import TYPE_CHECKING, Any, ClassVar, final

from sgdiagrams.diagrams.errors import SamplingError, listed
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.symbolic.checks import check_updates, whole_number
from sgdiagrams.symbolic.training.schedules.schedule import Schedule

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ChainedSchedule", "SequentialSchedule", "SlowedSchedule"]


@final
@dataclass(frozen=True, slots=True)
class SequentialSchedule(Schedule):
    """One schedule after another: PyTorch's ``SequentialLR``.

    Parameters
    ----------
    schedules
        Each counts its updates from where it begins.
    milestones
        The updates at which the second, third, ... begins, in order.

    Raises
    ------
    SamplingError
        When milestones are out of order, or too many or too few.

    Examples
    --------
    >>> from sgdiagrams.symbolic.training.schedules.decays import Inverse, Ramp
    >>> warm = SequentialSchedule([Ramp("1/2", 1, over=2), Inverse()], [2])
    >>> [str(a) for a in warm.multipliers(5)]
    ['1/2', '3/4', '1', '1/2', '1/3']
    """

    name: ClassVar[str] = "sequential"

    schedules: tuple[Schedule, ...]
    milestones: tuple[int, ...]

    def __init__(self, schedules: Sequence[Schedule], milestones: Sequence[Any]) -> None:
        parts = _schedules(schedules)
        given = listed("milestones", milestones, called="a list of updates", error=SamplingError)
        at = tuple(whole_number("milestones", t, least=1) for t in given)
        if len(at) != len(parts) - 1:
            raise SamplingError(
                f"expected {len(parts) - 1} milestones between {len(parts)} schedules, got {len(at)}"
            )
        if any(s >= t for s, t in pairwise(at)):
            raise SamplingError(f"expected milestones in order, got milestones={shown(at)}")
        object.__setattr__(self, "schedules", parts)
        object.__setattr__(self, "milestones", at)

    def multipliers(self, T: int) -> tuple[Fraction, ...]:
        """Return the factors; a schedule in units of all updates has those up to the next milestone."""
        check_updates(T)
        factors: list[Fraction] = []
        for part, end in zip(self.schedules, (*self.milestones, T), strict=True):
            factors += part.multipliers(max(0, min(end, T) - len(factors)))
        return tuple(factors)

    @property
    def label(self) -> str:
        """The labels with the updates between them."""
        rest = zip(self.milestones, self.schedules[1:], strict=True)
        return self.schedules[0].label + "".join(f" until {t} then {s.label}" for t, s in rest)


@final
@dataclass(frozen=True, slots=True)
class ChainedSchedule(Schedule):
    """Several schedules multiplied: PyTorch's ``ChainedScheduler``.

    Examples
    --------
    >>> from sgdiagrams.symbolic.training.schedules.decays import Inverse, PiecewiseConstant
    >>> both = ChainedSchedule([Inverse(), PiecewiseConstant([2], [1, 0.5])])
    >>> [str(a) for a in both.multipliers(3)]
    ['1', '1/2', '1/6']
    """

    name: ClassVar[str] = "chained"

    schedules: tuple[Schedule, ...]

    def __init__(self, schedules: Sequence[Schedule]) -> None:
        object.__setattr__(self, "schedules", _schedules(schedules))

    def multipliers(self, T: int) -> tuple[Fraction, ...]:
        """Return the products."""
        parts = [schedule.multipliers(T) for schedule in self.schedules]
        return tuple(prod(factors, start=Fraction(1)) for factors in zip(*parts, strict=True))

    @property
    def label(self) -> str:
        """The labels of all."""
        return " times ".join(schedule.label for schedule in self.schedules)


@final
@dataclass(frozen=True, slots=True)
class SlowedSchedule(Schedule):
    """A schedule that goes on only after every so many updates, such as once an epoch.

    Parameters
    ----------
    of
        The schedule; what it calls an update is a step of this one.
    every
        The number of updates to a step.

    Examples
    --------
    >>> from sgdiagrams.symbolic.training.schedules.decays import Inverse
    >>> [str(a) for a in SlowedSchedule(Inverse(), every=2).multipliers(5)]
    ['1', '1', '1/2', '1/2', '1/3']
    """

    name: ClassVar[str] = "slowed"

    of: Schedule
    every: int

    def __post_init__(self) -> None:
        if not isinstance(self.of, Schedule):
            raise SamplingError(f"expected a schedule to slow down, got of={shown(self.of)}")
        object.__setattr__(self, "every", whole_number("every", self.every, least=1))

    def multipliers(self, T: int) -> tuple[Fraction, ...]:
        """Return the factors, each as often as it is used."""
        check_updates(T)
        steps = self.of.multipliers(-(-T // self.every))
        return tuple(steps[t // self.every] for t in range(T))

    @property
    def label(self) -> str:
        """The label with the number of updates to a step."""
        return f"{self.of.label} once in {self.every} updates"


def _schedules(given: Sequence[Schedule]) -> tuple[Schedule, ...]:
    parts = listed("schedules", given, called="a list of schedules", error=SamplingError)
    strange = [part for part in parts if not isinstance(part, Schedule)]
    if strange or not parts:
        raise SamplingError(
            f"expected schedules, at least one, got schedules={shown(strange or parts)}"
        )
    return tuple(parts)
