"""Means and scatter of what samples gave, and how tallies of different samples are joined."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Tally"]


@final
@dataclass(frozen=True, slots=True, eq=False)
class Tally:
    """How often, the mean, and the sum of squared deviations from it.

    Attributes
    ----------
    count
        The number of samples.
    mean, scatter
        Of one shape.

    Examples
    --------
    >>> one, two = Tally.of(np.array([1.0, 3.0])), Tally.of(np.array([5.0]))
    >>> both = one.joined(two)
    >>> both.count, float(both.mean), float(both.scatter)
    (3, 3.0, 8.0)
    """

    count: int
    mean: NDArray[np.float64]
    scatter: NDArray[np.float64]

    @classmethod
    def of(cls, samples: NDArray[np.float64]) -> Self:
        """Return the tally of samples along the first axis."""
        mean = samples.mean(axis=0)
        return cls(len(samples), mean, ((samples - mean) ** 2).sum(axis=0))

    @classmethod
    def known(cls, count: int, mean: Any, error: Any) -> Self:
        """Return a tally of a mean and its standard error, that come from so many samples and more."""
        return cls(count, np.asarray(mean), np.asarray(error) ** 2 * (count * (count - 1)))

    @property
    def variance(self) -> Any:
        """Of a sample; infinite for fewer than two."""
        if self.count < 2:
            return np.full(np.shape(self.mean), math.inf)
        return self.scatter / (self.count - 1)

    def joined(self, other: Tally) -> Tally:
        """Return the tally of both."""
        count = self.count + other.count
        if not self.count or not other.count:
            return self if self.count else other
        apart = other.mean - self.mean
        mean = self.mean + apart * (other.count / count)
        scatter = self.scatter + other.scatter + apart**2 * (self.count * other.count / count)
        return Tally(count, mean, scatter)

    @property
    def standard_error(self) -> Any:
        """Of the mean; infinite for fewer than two samples."""
        if self.count < 2:
            return np.full(np.shape(self.mean), math.inf)
        return np.sqrt(self.scatter / (self.count * (self.count - 1)))
