"""Schedules that go down, or up, once: constant by pieces, straight to an end, and like 1/t."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar, final

from sgdiagrams.diagrams.errors import SamplingError, listed
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.symbolic.checks import check_updates, rational, whole_number
from sgdiagrams.symbolic.training.schedules.schedule import Schedule

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Inverse", "PiecewiseConstant", "Ramp", "rounded_power"]

_MOST_POWER = 100  # exact powers are long numbers


@final
@dataclass(frozen=True, slots=True)
class PiecewiseConstant(Schedule):
    """Constant by pieces: PyTorch's ``MultiStepLR`` and ``ConstantLR``.

    Parameters
    ----------
    boundaries
        The updates at which the factor changes, in order.
    values
        The factors: one more than there are boundaries.

    Raises
    ------
    SamplingError
        When boundaries are out of order, or values are too many or too few.

    Examples
    --------
    >>> [str(a) for a in PiecewiseConstant([1, 3], [1, 0.1, 0.01]).multipliers(5)]
    ['1', '1/10', '1/10', '1/100', '1/100']
    """

    name: ClassVar[str] = "piecewise-constant"

    boundaries: tuple[int, ...]
    values: tuple[Fraction, ...]

    def __init__(self, boundaries: Sequence[Any], values: Sequence[Any]) -> None:
        updates = listed("boundaries", boundaries, called="a list of updates", error=SamplingError)
        factors = listed("values", values, called="a list of factors", error=SamplingError)
        at = tuple(whole_number("boundaries", t) for t in updates)
        if any(s >= t for s, t in pairwise(at)):
            raise SamplingError(f"expected boundaries in order, got boundaries={shown(at)}")
        if len(factors) != len(at) + 1:
            raise SamplingError(
                f"expected {len(at) + 1} values for {len(at)} boundaries, got {len(factors)}"
            )
        object.__setattr__(self, "boundaries", at)
        object.__setattr__(self, "values", tuple(rational("values", x) for x in factors))

    def multipliers(self, T: int) -> tuple[Fraction, ...]:
        """Return the factors."""
        check_updates(T)
        return tuple(self.values[bisect_right(self.boundaries, t)] for t in range(T))

    @property
    def label(self) -> str:
        """The values with the updates at which they change."""
        rest = zip(self.boundaries, self.values[1:], strict=True)
        return "piecewise " + ", ".join(
            [str(self.values[0]), *(f"{value} from {t}" for t, value in rest)]
        )


@final
@dataclass(frozen=True, slots=True)
class Ramp(Schedule):
    r"""From `start` to `end` and then constant: :math:`e + (s - e)(1 - t/\mathrm{over})^p`.

    With p = 1 PyTorch's ``LinearLR``, with e = 0 its ``PolynomialLR``. Where it takes all T updates,
    `Polynomial` has the closed form.

    Parameters
    ----------
    start, end
        The first factor, and that from update `over` on.
    over
        The number of updates on the way.
    power
        p > 0. Powers that are no whole numbers are rounded to doubles, which are then exact.

    Examples
    --------
    >>> [str(a) for a in Ramp(start="1/3", end=1, over=2).multipliers(4)]
    ['1/3', '2/3', '1', '1']
    """

    name: ClassVar[str] = "ramp"

    start: Fraction
    end: Fraction
    over: int
    power: Fraction = Fraction(1)

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", rational("start", self.start))
        object.__setattr__(self, "end", rational("end", self.end))
        object.__setattr__(self, "over", whole_number("over", self.over, least=1))
        object.__setattr__(self, "power", _positive("power", self.power, most=_MOST_POWER))

    def multipliers(self, T: int) -> tuple[Fraction, ...]:
        """Return the factors."""
        check_updates(T)
        _check_size(min(T, self.over), Fraction(self.over), self.power)
        left = (1 - Fraction(t, self.over) for t in range(min(T, self.over)))
        way = [self.end + (self.start - self.end) * rounded_power(x, self.power) for x in left]
        return (*way, *[self.end] * (T - len(way)))

    @property
    def label(self) -> str:
        """The name with its numbers."""
        bent = "" if self.power == 1 else f" power={self.power}"
        return f"ramp {self.start} to {self.end} over={self.over}{bent}"


@final
@dataclass(frozen=True, slots=True)
class Inverse(Schedule):
    r"""Decay like 1/t: :math:`a_t = (t_0 + \gamma t)^{-p}`.

    Robbins and Monro's rates. With :math:`t_0 = 1` the first factor is 1; scikit-learn's
    ``invscaling`` has :math:`\gamma = 1` too. With :math:`\gamma = 1` it is
    :math:`1/(t + t_0)^p`.

    Parameters
    ----------
    gamma, t0
        :math:`\gamma \ge 0` and :math:`t_0 > 0`.
    power
        p > 0. Powers that are no whole numbers are rounded to doubles, which are then exact.

    Examples
    --------
    >>> [str(a) for a in Inverse(gamma=0.5).multipliers(4)]
    ['1', '2/3', '1/2', '2/5']
    >>> [str(a) for a in Inverse(t0=10, power=2).multipliers(2)]
    ['1/100', '1/121']

    References
    ----------
    H. Robbins, S. Monro, Ann. Math. Statist. 22 (1951) 400.
    """

    name: ClassVar[str] = "inverse"

    gamma: Fraction = Fraction(1)
    power: Fraction = Fraction(1)
    t0: Fraction = Fraction(1)

    def __post_init__(self) -> None:
        gamma = rational("gamma", self.gamma)
        if gamma < 0:
            raise SamplingError(f"expected a number >= 0 for gamma, got gamma={shown(self.gamma)}")
        object.__setattr__(self, "gamma", gamma)
        object.__setattr__(self, "power", _positive("power", self.power, most=_MOST_POWER))
        object.__setattr__(self, "t0", _positive("t0", self.t0))

    def multipliers(self, T: int) -> tuple[Fraction, ...]:
        """Return the factors."""
        check_updates(T)
        _check_size(T, self.t0 + self.gamma * T, self.power)
        return tuple(rounded_power(self.t0 + self.gamma * t, -self.power) for t in range(T))

    @property
    def label(self) -> str:
        """The name with its numbers."""
        more = "".join(
            f" {name}={value}"
            for name, value in (("power", self.power), ("t0", self.t0))
            if value != 1
        )
        return f"inverse gamma={self.gamma}{more}"


def rounded_power(base: Fraction, power: Fraction) -> Fraction:
    """Return a power of a number >= 0: exact for whole powers, else of doubles and then exact.

    Examples
    --------
    >>> rounded_power(Fraction(4, 9), Fraction(-2)), rounded_power(Fraction(4), Fraction(1, 2))
    (Fraction(81, 16), Fraction(2, 1))
    """
    if power.denominator == 1:
        return base**power.numerator
    try:
        return Fraction(float(base) ** float(power))
    except OverflowError:
        raise SamplingError(
            f"expected powers of factors within the range of doubles, got power={shown(power)} of "
            f"{shown(base)}"
        ) from None


def _check_size(T: int, base: Fraction, power: Fraction) -> None:
    """Raise a SamplingError when exact powers of numbers up to a base are too long to write down."""
    bits = max(base.numerator, base.denominator).bit_length()
    whole = power.numerator if power.denominator == 1 else 1
    check_updates(T, bits=bits * whole // max(T, 1))


def _positive(name: str, value: object, *, most: int | None = None) -> Fraction:
    number = rational(name, value)
    if number <= 0 or (most is not None and number > most):
        span = "> 0" if most is None else f"in (0, {most}]"
        raise SamplingError(f"expected a number {span} for {name}, got {name}={shown(value)}")
    return number
