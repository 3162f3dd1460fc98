"""Schedules by number: cosine, steps down, and a warm-up before another one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar, final

from sgdiagrams.symbolic.checks import check_updates, rational, whole_number
from sgdiagrams.symbolic.training.schedules.schedule import Schedule

__all__ = ["Cosine", "Step", "WarmUp"]


@final
@dataclass(frozen=True, slots=True)
class Cosine(Schedule):
    r"""Half a cosine from 1 to `floor`: :math:`f + (1 - f)(1 + \cos(\pi t/n))/2`.

    The cosines are rounded to doubles, which are then exact.

    Parameters
    ----------
    floor
        The least factor.
    over
        The number n of updates on the way, after which the factor stays; T when left out.

    Examples
    --------
    >>> [float(a) for a in Cosine(floor=0.5).multipliers(2)]
    [1.0, 0.75]
    """

    name: ClassVar[str] = "cosine"

    floor: Fraction = Fraction(0)
    over: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "floor", rational("floor", self.floor))
        if self.over is not None:
            object.__setattr__(self, "over", whole_number("over", self.over, least=1))

    def multipliers(self, T: int) -> tuple[Fraction, ...]:
        """Return the factors."""
        check_updates(T)
        n = self.over or T
        half = [Fraction(0.5 + 0.5 * math.cos(math.pi * min(t / n, 1))) for t in range(T)]
        return tuple(self.floor + (1 - self.floor) * x for x in half)

    @property
    def label(self) -> str:
        """The name with its numbers."""
        floor = "" if self.floor == 0 else f" floor={self.floor}"
        return f"cosine{floor}" if self.over is None else f"cosine{floor} over={self.over}"


@final
@dataclass(frozen=True, slots=True)
class Step(Schedule):
    """Steps down: multiplied by `factor` after every `every` updates.

    Examples
    --------
    >>> [str(a) for a in Step(every=2, factor="1/10").multipliers(5)]
    ['1', '1', '1/10', '1/10', '1/100']
    """

    name: ClassVar[str] = "step"

    every: int
    factor: Fraction = Fraction(1, 10)

    def __post_init__(self) -> None:
        object.__setattr__(self, "every", whole_number("every", self.every, least=1))
        object.__setattr__(self, "factor", rational("factor", self.factor))

    def multipliers(self, T: int) -> tuple[Fraction, ...]:
        """Return the factors."""
        check_updates(T, bits=self.factor.denominator.bit_length() // self.every)
        return tuple(self.factor ** (t // self.every) for t in range(T))

    @property
    def label(self) -> str:
        """The name with its numbers."""
        return f"step every={self.every} factor={self.factor}"


@final
@dataclass(frozen=True, slots=True)
class WarmUp(Schedule):
    """Linear growth over the first updates, 1/over, 2/over, ..., 1, and then another schedule.

    Parameters
    ----------
    over
        The number of updates until the factor is 1.
    then
        What follows; constant when left out. Its updates are counted from the end of the warm-up.

    Examples
    --------
    >>> [str(a) for a in WarmUp(over=3).multipliers(5)]
    ['1/3', '2/3', '1', '1', '1']
    """

    name: ClassVar[str] = "warm-up"

    over: int
    then: Schedule | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "over", whole_number("over", self.over, least=1))

    def multipliers(self, T: int) -> tuple[Fraction, ...]:
        """Return the factors."""
        rest = max(0, T - self.over)
        start = tuple(Fraction(t + 1, self.over) for t in range(min(T, self.over)))
        end = (Fraction(1),) * rest if self.then is None else self.then.multipliers(rest)
        return (*start, *end)

    @property
    def label(self) -> str:
        """The name with its numbers."""
        then = "" if self.then is None else f" then {self.then.label}"
        return f"warm-up over={self.over}{then}"
