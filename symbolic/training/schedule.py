r"""Learning-rate schedules: the factor :math:`a_t` by which update t multiplies the learning rate.

A schedule gives exact factors for any number of updates T. Those with a closed form also say so, as a
sum of terms :math:`c\, t^k\, x^t`, and then formulas keep T as a symbol.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, final

from sympy import Expr, Integer, Symbol, sympify

from sgdiagrams.diagrams.errors import SamplingError, listed
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.symbolic import symbols
from sgdiagrams.symbolic.checks import check_updates, rational, rational_or_symbol, whole_number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sgdiagrams.symbolic.checks import Number

__all__ = [
    "ArraySchedule",
    "Cosine",
    "Exponential",
    "Polynomial",
    "Schedule",
    "ScheduleTerm",
    "Step",
    "WarmUp",
    "as_schedule",
]


class ScheduleTerm(NamedTuple):
    r"""One term :math:`c\, t^k\, x^t` of a schedule in closed form."""

    coefficient: Expr
    power: int
    base: Expr


class Schedule(ABC):
    """Factors of the learning rate. Concrete schedules are final, frozen dataclasses."""

    __slots__ = ()

    #: The name on the command line and in files.
    name: ClassVar[str]
    #: The names of the numbers that may be symbols.
    numbers: ClassVar[tuple[str, ...]] = ()
    #: The spans of its numbers that have one: the least, and what they are below (None without end).
    spans: ClassVar[Mapping[str, tuple[int, int | None]]] = {}

    @abstractmethod
    def multipliers(self, T: int) -> tuple[Fraction, ...]:
        """Return the factors of the updates 0, ..., T - 1, exactly.

        Raises
        ------
        SamplingError
            When the schedule is of another length, or has symbols without numbers.
        """

    @property
    def closed_form(self) -> tuple[ScheduleTerm, ...] | None:
        """The schedule as a sum of terms, or None where it has no closed form."""
        return None

    @property
    @abstractmethod
    def label(self) -> str:
        """A short description for titles."""


@final
@dataclass(frozen=True, slots=True)
class ArraySchedule(Schedule):
    """Given factors, one an update.

    Parameters
    ----------
    values
        Rational numbers; decimals are read as they are written.

    Examples
    --------
    >>> ArraySchedule([1, 0.5, "1/3"]).multipliers(3)
    (Fraction(1, 1), Fraction(1, 2), Fraction(1, 3))
    """

    name: ClassVar[str] = "array"

    values: tuple[Fraction, ...]

    def __init__(self, values: Sequence[Any]) -> None:
        given = listed("values", values, called="a list of factors", error=SamplingError)
        exact = tuple(rational("the schedule", value) for value in given)
        object.__setattr__(self, "values", exact)

    def multipliers(self, T: int) -> tuple[Fraction, ...]:
        """Return the values."""
        if len(self.values) != T:
            raise SamplingError(
                f"expected a schedule of T={T} factors, one an update, got {len(self.values)}"
            )
        return self.values

    @property
    def label(self) -> str:
        """The number of factors."""
        return f"schedule of {len(self.values)}"


@final
@dataclass(frozen=True, slots=True)
class Exponential(Schedule):
    r"""Exponential decay :math:`a_t = \gamma^t`, in closed form.

    Examples
    --------
    >>> Exponential("1/2").multipliers(3)
    (Fraction(1, 1), Fraction(1, 2), Fraction(1, 4))
    """

    name: ClassVar[str] = "exponential"
    numbers: ClassVar[tuple[str, ...]] = ("gamma",)
    spans: ClassVar[Mapping[str, tuple[int, int | None]]] = {"gamma": (0, None)}

    gamma: Number | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "gamma", rational_or_symbol("gamma", self.gamma, symbols.gamma))

    def multipliers(self, T: int) -> tuple[Fraction, ...]:
        """Return the powers of gamma."""
        gamma = _known("gamma", self.gamma)
        check_updates(T, bits=max(gamma.numerator, gamma.denominator).bit_length() - 1)
        return tuple(gamma**t for t in range(T))

    @property
    def closed_form(self) -> tuple[ScheduleTerm, ...] | None:
        """The one term; none for gamma = 0, where :math:`0^0 = 1`."""
        if self.gamma == 0:
            return None
        return (ScheduleTerm(Integer(1), 0, sympify(self.gamma)),)

    @property
    def label(self) -> str:
        """The name with gamma."""
        return (
            "exponential" if isinstance(self.gamma, Symbol) else f"exponential gamma={self.gamma}"
        )


@final
@dataclass(frozen=True, slots=True)
class Polynomial(Schedule):
    r"""A polynomial in the fraction of time: :math:`a_t = \sum_k c_k (t/T)^k`, in closed form.

    Parameters
    ----------
    coefficients
        :math:`c_0, c_1, \dots`; linear decay to zero, ``(1, -1)``, when left out.

    Examples
    --------
    >>> Polynomial().multipliers(4)
    (Fraction(1, 1), Fraction(3, 4), Fraction(1, 2), Fraction(1, 4))
    """

    name: ClassVar[str] = "polynomial"

    coefficients: tuple[Fraction, ...]

    def __init__(self, coefficients: Sequence[Any] = (1, -1)) -> None:
        words = "a list of coefficients"
        given = listed("coefficients", coefficients, called=words, error=SamplingError)
        exact = tuple(rational("coefficients", value) for value in given)
        if not exact:
            raise SamplingError("expected at least one coefficient of a polynomial schedule")
        object.__setattr__(self, "coefficients", exact)

    def multipliers(self, T: int) -> tuple[Fraction, ...]:
        """Return the values at t/T."""
        times = [Fraction(t, T) for t in range(T)]
        return tuple(
            sum((c * x**k for k, c in enumerate(self.coefficients)), Fraction(0)) for x in times
        )

    @property
    def closed_form(self) -> tuple[ScheduleTerm, ...] | None:
        """One term for each coefficient other than 0; they contain 1/T."""
        if not any(self.coefficients):
            return None
        return tuple(
            ScheduleTerm(sympify(c) / symbols.T**k, k, Integer(1))
            for k, c in enumerate(self.coefficients)
            if c
        )

    @property
    def label(self) -> str:
        """The name with the coefficients."""
        return f"polynomial {','.join(map(str, self.coefficients))}"


@final
@dataclass(frozen=True, slots=True)
class Cosine(Schedule):
    r"""Half a cosine from 1 to `floor`: :math:`f + (1 - f)(1 + \cos(\pi t/T))/2`.

    The cosines are rounded to doubles, which are then exact.

    Examples
    --------
    >>> [float(a) for a in Cosine(floor=0.5).multipliers(2)]
    [1.0, 0.75]
    """

    name: ClassVar[str] = "cosine"

    floor: Fraction = Fraction(0)

    def __post_init__(self) -> None:
        object.__setattr__(self, "floor", rational("floor", self.floor))

    def multipliers(self, T: int) -> tuple[Fraction, ...]:
        """Return the factors."""
        check_updates(T)
        half = [Fraction(0.5 + 0.5 * math.cos(math.pi * t / T)) for t in range(T)]
        return tuple(self.floor + (1 - self.floor) * x for x in half)

    @property
    def label(self) -> str:
        """The name with the floor."""
        return "cosine" if self.floor == 0 else f"cosine floor={self.floor}"


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


def as_schedule(given: Schedule | Sequence[Any] | None) -> Schedule | None:
    """Return a schedule: itself, or one of given factors.

    Raises
    ------
    SamplingError
        When it is neither a schedule nor a sequence of numbers.

    Examples
    --------
    >>> as_schedule([1, 0.5])
    ArraySchedule(values=(Fraction(1, 1), Fraction(1, 2)))
    """
    if given is None or isinstance(given, Schedule):
        return given
    values = given.tolist() if hasattr(given, "tolist") else given
    if isinstance(values, Sequence) and not isinstance(values, str):
        return ArraySchedule(values)
    raise SamplingError(
        f"expected a schedule or a list of factors, one an update, got schedule={shown(given)}"
    )


def _known(name: str, value: object) -> Fraction:
    if isinstance(value, Symbol):
        raise SamplingError(f"expected a number for {name}; give {name}=...")
    return rational(name, value)
