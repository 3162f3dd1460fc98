"""One learning rate of a comparison: what was simulated, and what every order predicts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sgdiagrams.numeric.simulation.moments import Moments, Statistic

__all__ = ["Point"]


@dataclass(frozen=True, slots=True)
class Point:
    """One learning rate: what was simulated and what each order predicts.

    Attributes
    ----------
    eta
        The learning rate.
    moments
        Moments of what was simulated.
    predictions
        Entry ``k - 1`` is the sum of orders 1..k.
    statistic
        What of the moments is predicted: ``"mean"`` or ``"variance"``.
    resummed
        The same as `predictions` from the re-summed expansion; empty where it was not asked for.
    prediction_errors
        The standard errors of `predictions`; empty where these are exact.
    """

    eta: float
    moments: Moments
    predictions: tuple[float, ...]
    statistic: Statistic = "mean"
    resummed: tuple[float, ...] = ()
    prediction_errors: tuple[float, ...] = ()

    @property
    def simulated(self) -> float:
        """The simulated mean or variance."""
        return self.moments.estimate(self.statistic)[0]

    @property
    def standard_error(self) -> float:
        """The standard error of what was simulated."""
        return self.moments.estimate(self.statistic)[1]

    @property
    def deviations(self) -> tuple[float, ...]:
        """Prediction minus simulation, in standard errors of the difference, for every order."""
        errors = self.prediction_errors or (0.0,) * len(self.predictions)
        return self._deviations(self.predictions, errors)

    @property
    def resummed_deviations(self) -> tuple[float, ...]:
        """The same for the re-summed expansion."""
        return self._deviations(self.resummed, (0.0,) * len(self.resummed))

    def _deviations(
        self, values: tuple[float, ...], errors: tuple[float, ...]
    ) -> tuple[float, ...]:
        error = self.standard_error
        if not self.moments.count or self.moments.diverged or error in (0.0, math.inf):
            return (math.nan,) * len(values)
        return tuple(
            (value - self.simulated) / math.hypot(error, own)
            for value, own in zip(values, errors, strict=True)
        )
