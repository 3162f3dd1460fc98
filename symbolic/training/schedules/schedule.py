r"""Learning-rate schedules: the factor :math:`a_t` by which update t multiplies the learning rate.

A schedule gives exact factors for any number of updates T. Those with a closed form also say so, as a
sum of terms :math:`c\, t^k\, x^t`, and then formulas keep T as a symbol.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, final

from sgdiagrams.diagrams.errors import SamplingError, listed
from sgdiagrams.symbolic.checks import rational

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from fractions import Fraction

    from sympy import Expr


__all__ = ["ArraySchedule", "Schedule", "ScheduleTerm"]


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
