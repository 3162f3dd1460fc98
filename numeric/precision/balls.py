r"""Numbers with certified errors: balls of a midpoint and a radius, at three precisions.

The radius of a sum or product is propagated by the triangle inequality, plus the rounding of the
operation itself, :math:`u` times the magnitude of its result. What a computation in balls returns is
within the radius of the exact result; where that is not good enough, the computation is repeated at
the next precision.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal
from typing import TYPE_CHECKING, Any, NamedTuple, final

import numpy as np

from sgdiagrams.numeric.precision.double_double import DoubleDouble

if TYPE_CHECKING:
    from fractions import Fraction

    from numpy.typing import ArrayLike, NDArray

__all__ = ["Ball", "Decimals", "Doubles", "Floats", "Precision", "to_floats"]


class _Complex(NamedTuple):
    """A complex number over an arithmetic that has none."""

    real: Any
    imag: Any

    def __add__(self, other: Any) -> _Complex:
        return _Complex(self.real + other.real, self.imag + other.imag)

    def __mul__(self, other: Any) -> _Complex:
        real = self.real * other.real - self.imag * other.imag
        return _Complex(real, self.real * other.imag + self.imag * other.real)


@final
class Ball:
    """An array of midpoints with their radii.

    Parameters
    ----------
    value
        Midpoints: an array, or anything with ``+`` and ``*``.
    radius
        An array of bounds for the errors.
    precision
        The arithmetic of the midpoints.

    Examples
    --------
    >>> from fractions import Fraction
    >>> third = Floats().number(Fraction(1, 3))
    >>> float((third * third).value), float((third * third).radius) < 1e-15
    (0.1111111111111111, True)
    """

    __slots__ = ("precision", "radius", "value")

    def __init__(self, value: Any, radius: Any, precision: Precision) -> None:
        self.value = value
        self.radius = radius
        self.precision = precision

    @property
    def magnitude(self) -> Any:
        """An upper bound of the absolute value of the midpoint."""
        return _magnitude(self.value)

    def __add__(self, other: Ball) -> Ball:
        value = self.value + other.value
        radius = self.radius + other.radius + _magnitude(value) * self.precision.unit
        return Ball(value, radius, self.precision)

    def __mul__(self, other: Ball) -> Ball:
        value = self.value * other.value
        mine, theirs = self.magnitude, other.magnitude
        radius = mine * (other.radius + theirs * self.precision.unit)
        radius = radius + self.radius * (theirs + other.radius)
        return Ball(value, radius, self.precision)

    def is_certain(self, tolerance: float) -> NDArray[np.bool_]:
        """Tell where the radius is within a relative tolerance of the midpoint."""
        allowed = self.magnitude * type(self.precision.unit)(tolerance)
        return np.asarray(self.radius <= allowed, dtype=bool)


class Precision(ABC):
    """An arithmetic. Concrete precisions are final.

    Parameters
    ----------
    is_complex
        Whether all numbers are complex.

    Attributes
    ----------
    unit
        A bound for the relative error of one operation.
    digits
        Its decimal digits, about.
    """

    __slots__ = ("digits", "is_complex", "unit")

    unit: Any
    digits: int

    def __init__(self, *, is_complex: bool = False) -> None:
        self.is_complex = is_complex

    @property
    def context(self) -> Context:
        """The context of `decimal` that has so many digits, and nothing raises."""
        return Context(prec=self.digits, Emin=MIN_EMIN, Emax=MAX_EMAX, traps=[])

    def ball(self, values: ArrayLike) -> Ball:
        """Return floats or complex floats as exact balls."""
        given = np.asarray(values)
        value = self._real(given.real)
        if self.is_complex:
            value = _Complex(value, self._real(given.imag))
        return Ball(value, _magnitude(value) * 0, self)

    def number(self, number: Fraction) -> Ball:
        """Return the ball of a rational number."""
        value = self._rational(number)
        radius = _magnitude(value) * self.unit
        if self.is_complex:
            value = _Complex(value, self._real(np.zeros(())))
        return Ball(value, radius, self)

    @abstractmethod
    def _real(self, values: NDArray[Any]) -> Any:
        """Return floats in this arithmetic, exactly."""

    @abstractmethod
    def _rational(self, number: Fraction) -> Any:
        """Return a rational number, rounded."""


@final
class Floats(Precision):
    """Floats of 16 digits."""

    __slots__ = ()

    def __init__(self, *, is_complex: bool = False) -> None:
        super().__init__(is_complex=is_complex)
        # 4 and not 1: products of complex numbers, and the rounding of the radii.
        self.unit: Any = 4 * 2.0**-53
        self.digits = 16

    def _real(self, values: NDArray[Any]) -> Any:
        return values

    def _rational(self, number: Fraction) -> Any:
        return np.asarray(float(number))


@final
class Doubles(Precision):
    """Pairs of floats, of 32 digits."""

    __slots__ = ()

    def __init__(self, *, is_complex: bool = False) -> None:
        super().__init__(is_complex=is_complex)
        self.unit: Any = 2.0**-100
        self.digits = 32

    def _real(self, values: NDArray[Any]) -> Any:
        return DoubleDouble.of(values)

    def _rational(self, number: Fraction) -> Any:
        return DoubleDouble.of(number)


@final
class Decimals(Precision):
    """Decimal numbers, of a range that is hard to leave; to be used inside ``localcontext(context)``."""

    __slots__ = ()

    def __init__(self, digits: int, *, is_complex: bool = False) -> None:
        super().__init__(is_complex=is_complex)
        self.unit: Any = Decimal(10) ** (2 - digits)
        self.digits = digits

    def _real(self, values: NDArray[Any]) -> Any:
        flat = np.empty(values.size, dtype=object)
        flat[:] = [Decimal(x) for x in values.ravel().tolist()]
        return flat.reshape(values.shape)

    def _rational(self, number: Fraction) -> Any:
        return np.asarray(Decimal(number.numerator) / Decimal(number.denominator))


def _magnitude(value: Any) -> Any:
    if isinstance(value, _Complex):
        return _magnitude(value.real) + _magnitude(value.imag)
    return np.abs(value.hi) if isinstance(value, DoubleDouble) else np.abs(value)


def to_floats(value: Any) -> NDArray[Any]:
    """Return midpoints of any precision as floats."""
    if isinstance(value, _Complex):
        return np.asarray(to_floats(value.real) + 1j * to_floats(value.imag))
    if isinstance(value, DoubleDouble):
        return np.asarray(value.hi + value.lo)
    given = np.asarray(value)
    return given.astype(float) if given.dtype == object else given
