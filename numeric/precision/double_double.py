r"""Numbers of about 32 digits: unevaluated sums of two floats, vectorised.

A number is hi + lo with :math:`|lo| \le \mathrm{ulp}(hi)/2`. Sums and products have relative errors of a
few :math:`2^{-104}`, as long as no part leaves the range of floats: below about 1e-290 what is left is
the accuracy of hi.

Sources: T. J. Dekker, Numer. Math. 18 (1971) 224; D. E. Knuth, The Art of Computer Programming 2,
section 4.2.2; M. Joldes, J.-M. Muller, V. Popescu, ACM Trans. Math. Softw. 44 (2017) 15.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, Self

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["DoubleDouble"]

_SPLIT = 2.0**27 + 1


class DoubleDouble:
    """An array of numbers hi + lo.

    Parameters
    ----------
    hi, lo
        Float arrays that broadcast, with lo too small to change hi.

    Examples
    --------
    >>> x = DoubleDouble.of(Fraction(1, 3))
    >>> nine = x * DoubleDouble.of(27)
    >>> float(nine.hi), abs(float(nine.lo)) < 1e-30
    (9.0, True)
    """

    __slots__ = ("hi", "lo")

    def __init__(self, hi: NDArray[Any], lo: NDArray[Any]) -> None:
        self.hi = hi
        self.lo = lo

    @classmethod
    def of(cls, value: Any) -> Self:
        """Return an array of floats as it is, or a rational number to 32 digits."""
        if isinstance(value, (int, Fraction)):
            rounded = float(value)
            return cls(np.asarray(rounded), np.asarray(float(value - Fraction(rounded))))
        hi = np.asarray(value, dtype=float)
        return cls(hi, np.zeros(hi.shape))

    def to_floats(self) -> NDArray[Any]:
        """Return the numbers rounded to floats."""
        return np.asarray(self.hi + self.lo)

    def __add__(self, other: DoubleDouble) -> DoubleDouble:
        hi, error = _sum(self.hi, other.hi)
        lo, small = _sum(self.lo, other.lo)
        hi, lo = _settled(hi, error + lo)
        return DoubleDouble(*_settled(hi, lo + small))

    def __neg__(self) -> DoubleDouble:
        return DoubleDouble(-self.hi, -self.lo)

    def __sub__(self, other: DoubleDouble) -> DoubleDouble:
        return self + -other

    def __mul__(self, other: DoubleDouble) -> DoubleDouble:
        hi = self.hi * other.hi
        a, c = _halves(self.hi)
        b, d = _halves(other.hi)
        error = ((a * b - hi) + a * d + c * b) + c * d
        return DoubleDouble(*_settled(hi, error + (self.hi * other.lo + self.lo * other.hi)))


def _sum(a: Any, b: Any) -> tuple[Any, Any]:
    """Return the rounded sum and its error (Knuth)."""
    s = a + b
    part = s - a
    return s, (a - (s - part)) + (b - part)


def _settled(hi: Any, lo: Any) -> tuple[Any, Any]:
    """Return the same number with a small second part; where that is not finite, without it."""
    s = hi + lo
    error = lo - (s - hi)
    finite = np.isfinite(error)
    if np.all(finite):
        return s, error
    return np.where(finite, s, hi), np.where(finite, error, 0.0)


def _halves(a: Any) -> tuple[Any, Any]:
    """Return two numbers of half as many digits (Dekker)."""
    scaled = a * _SPLIT
    high = scaled - (scaled - a)
    return high, a - high
