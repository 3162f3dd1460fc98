"""How many standard errors an interval of confidence reaches."""

from __future__ import annotations

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import shown

__all__ = ["errors_of_interval"]


def errors_of_interval(level: float, degrees: int | None) -> float:
    """Return the half width of a confidence interval in standard errors.

    Parameters
    ----------
    level
        Between 0 and 1.
    degrees
        Of freedom of the standard error, for Student's t; None for the normal distribution.

    Raises
    ------
    RequestError
        When the level is not between 0 and 1.

    Examples
    --------
    >>> round(errors_of_interval(0.95, None), 3), round(errors_of_interval(0.95, 7), 3)
    (1.96, 2.365)
    """
    if not isinstance(level, (int, float)) or not 0 < level < 1:
        raise RequestError(f"expected a level between 0 and 1, got level={shown(level)}")
    from scipy.stats import norm, t  # loads long

    quantile = (1 + level) / 2
    return float(norm.ppf(quantile) if degrees is None else t.ppf(quantile, degrees))
