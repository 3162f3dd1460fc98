"""Schedules in closed form: exponential decay, and polynomials in the fraction of time."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar, final

from sympy import Integer, Symbol, sympify

from sgdiagrams.diagrams.errors import SamplingError, listed
from sgdiagrams.symbolic import symbols
from sgdiagrams.symbolic.checks import check_updates, rational, rational_or_symbol
from sgdiagrams.symbolic.training.schedules.schedule import Schedule, ScheduleTerm

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sgdiagrams.symbolic.checks import Number

__all__ = ["Exponential", "Polynomial"]


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


def _known(name: str, value: object) -> Fraction:
    if isinstance(value, Symbol):
        raise SamplingError(f"expected a number for {name}; give {name}=...")
    return rational(name, value)
