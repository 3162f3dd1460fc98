r"""Moments of many numbers, merged from chunk to chunk: mean and variance with their standard errors.

Chunks merge exactly: T. F. Chan, G. H. Golub, R. J. LeVeque, "Updating formulae and a pairwise
algorithm for computing sample variances" (1979), for the squares; P. Pebay, "Formulas for robust,
one-pass parallel computation of covariances and arbitrary-order statistical moments" (2008),
equations (2.1) and (2.2), for the third and fourth powers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Moments", "Statistic", "finite_or_nan"]

#: What of the moments is looked at.
Statistic: TypeAlias = Literal["mean", "variance"]

#: Beyond this a run has diverged: the fourth power of what is below fits into a double with room.
_LARGEST = 1e60
_ROUNDING = 1e-6  # of inequalities between sums of powers


def finite_or_nan(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return numbers with NaN for those of runs that have diverged.

    Examples
    --------
    >>> finite_or_nan(np.array([1.0, np.inf, 1e80])).tolist()
    [1.0, nan, nan]
    """
    return np.where(np.abs(values) < _LARGEST, values, np.nan)


@dataclass(frozen=True, slots=True)
class Moments:
    """The first four moments of the values that runs ended at.

    Attributes
    ----------
    count
        Runs that did not diverge.
    mean
        Their mean.
    squares, cubes, fourths
        The sums of the powers of their deviations from it.
    diverged
        Runs that ended at no finite value, or beyond 1e60; then the others say nothing.
    """

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0
    cubes: float = 0.0
    fourths: float = 0.0
    diverged: int = 0

    @classmethod
    def of(cls, values: NDArray[np.float64]) -> Moments:
        """Return the moments of an array.

        Examples
        --------
        >>> Moments.of(np.array([1.0, 3.0])).merge(Moments.of(np.array([5.0]))).mean
        3.0
        """
        kept = values[np.abs(values) < _LARGEST]
        diverged = len(values) - len(kept)
        if not len(kept):
            return cls(diverged=diverged)
        mean = float(kept.mean())
        squares, cubes, fourths = (float(((kept - mean) ** k).sum()) for k in (2, 3, 4))
        return cls(len(kept), mean, squares, cubes, fourths, diverged)

    def merge(self, other: Moments) -> Moments:
        """Return the moments of both sets of runs together."""
        a, b = self.count, other.count
        n, diverged = a + b, self.diverged + other.diverged
        if not n:
            return Moments(diverged=diverged)
        shift = other.mean - self.mean
        p, q = a / n, b / n  # shares
        squares = self.squares + other.squares + shift**2 * a * q
        cubes = (
            self.cubes
            + other.cubes
            + shift**3 * a * q * (p - q)
            + 3 * shift * (p * other.squares - q * self.squares)
        )
        fourths = (
            self.fourths
            + other.fourths
            + shift**4 * a * q * (p**2 - p * q + q**2)
            + 6 * shift**2 * (p**2 * other.squares + q**2 * self.squares)
            + 4 * shift * (p * other.cubes - q * self.cubes)
        )
        return Moments(n, self.mean + shift * q, squares, cubes, fourths, diverged)

    @property
    def is_possible(self) -> bool:
        r"""Whether any runs have such moments, up to rounding.

        Sums of even powers are not negative; few runs have no deviations, or equal ones; and by Cauchy
        and Schwarz :math:`S_2^2 \le n S_4` and :math:`S_3^2 \le S_2 S_4`.

        Examples
        --------
        >>> Moments.of(np.array([1.0, 3.0, 5.0])).is_possible, Moments(2, squares=1.0).is_possible
        (True, False)
        """
        n, second, third, fourth = self.count, self.squares, self.cubes, self.fourths
        if min(n, self.diverged, second, fourth) < 0 or abs(self.mean) > _LARGEST:
            return False
        if n < 2 and (second or third or fourth or (self.mean and not n)):
            return False
        room = 1 + _ROUNDING
        is_even = math.sqrt(second) * math.sqrt(second) <= room * math.sqrt(n) * math.sqrt(fourth)
        return is_even and abs(third) <= room * math.sqrt(second) * math.sqrt(fourth)

    @property
    def standard_error(self) -> float:
        """The standard error of the mean; infinite for fewer than two runs."""
        if self.count < 2:
            return math.inf
        return math.sqrt(self.variance / self.count)

    @property
    def variance(self) -> float:
        """The unbiased variance; not a number for fewer than two runs.

        Examples
        --------
        >>> Moments.of(np.array([1.0, 3.0, 5.0])).variance
        4.0
        """
        return self.squares / (self.count - 1) if self.count > 1 else math.nan

    @property
    def variance_error(self) -> float:
        r"""The standard error of the unbiased variance; infinite for fewer than two runs.

        The root of :math:`(m_4 - s^4 (n - 3)/(n - 1))/n`, with :math:`m_4` the mean fourth power of
        the deviations and :math:`s^2` the variance.
        """
        n = self.count
        if n < 2:
            return math.inf
        spread = self.fourths / n - self.variance**2 * (n - 3) / (n - 1)
        return math.sqrt(max(0.0, spread) / n)

    def estimate(self, statistic: Statistic) -> tuple[float, float]:
        """Return the mean or the variance, and its standard error."""
        if statistic == "variance":
            return self.variance, self.variance_error
        return self.mean, self.standard_error
