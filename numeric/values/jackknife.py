r"""The delete-a-group jackknife: less bias and standard errors for values that are no U-statistics.

With group j of :math:`n_j` of n samples left out in :math:`\theta_{(j)}`, and :math:`h_j = n / n_j`,

.. math:: \theta_J = g\, \theta - \sum_j (1 - 1/h_j)\, \theta_{(j)}, \qquad
          \sigma^2 = \frac1g \sum_j \frac{(\tilde\theta_j - \theta_J)^2}{h_j - 1}, \qquad
          \tilde\theta_j = h_j \theta - (h_j - 1)\, \theta_{(j)} .

Source: F. M. T. A. Busing, E. Meijer, R. van der Leeden, "Delete-m jackknife for unequal m", Stat.
Comput. 9 (1999) 3, equations (5) and (6).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


__all__ = ["deletions", "jackknife_error", "jackknifed"]

#: At most so many evaluations.
_GROUPS = 40


def deletions(sample_size: int) -> list[NDArray[np.intp]]:
    """Return for every group the rows that stay when it is left out.

    Up to 40 samples are left out one by one, more in 40 groups: row i is in group i mod 40.

    Examples
    --------
    >>> [rows.tolist() for rows in deletions(3)]
    [[1, 2], [0, 2], [0, 1]]
    """
    rows = np.arange(sample_size)
    groups = min(sample_size, _GROUPS)
    return [rows[rows % groups != j] for j in range(groups)] if sample_size > 1 else []


def jackknifed(
    value: NDArray[Any], without: Sequence[NDArray[Any]], kept: Sequence[int], sample_size: int
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the value with less bias, and its standard error.

    Parameters
    ----------
    value
        From all samples.
    without
        One for every group that is left out; two at least.
    kept
        How many samples are in each.
    sample_size
        The number of all samples.

    Examples
    --------
    The squared mean of 1, 2, 6 is 9; without bias it is 20/3:

    >>> found, _ = jackknifed(np.array(9.0), [np.array(x**2) for x in (4.0, 3.5, 1.5)], [2] * 3, 3)
    >>> round(float(found), 12)
    6.666666666667
    """
    shares = np.asarray(kept) / sample_size  # 1 - 1/h
    stack = np.stack(without)
    corrected = len(stack) * value - np.tensordot(shares, stack, axes=1)
    h = (1 / (1 - shares)).reshape(-1, *[1] * value.ndim)
    pseudo = h * value - (h - 1) * stack
    unit = _unit(pseudo - corrected)
    spread = ((pseudo - corrected) / unit) ** 2 / (h - 1)
    return corrected, unit * np.sqrt(spread.mean(axis=0))


def jackknife_error(deviations: NDArray[Any]) -> float | NDArray[np.float64]:
    """Return the jackknife's standard error from leave-one-out values minus their mean.

    Parameters
    ----------
    deviations
        Shape ``(n, ...)``, floats or Fractions, n > 1 unless they are 0.

    Returns
    -------
    float or ndarray
        An array where the deviations are arrays.

    Examples
    --------
    >>> jackknife_error(np.array([1.0, -1.0]))
    1.0
    """
    n = len(deviations)
    if deviations.dtype == np.float64:
        # Squares of large numbers would overflow, those of small ones vanish.
        unit = _unit(deviations)
        scaled = deviations / unit
        error = unit * np.sqrt((scaled * scaled).sum(axis=0) * ((n - 1) / n))
        return float(error) if deviations.ndim == 1 else np.asarray(error)
    variance = (deviations * deviations).sum(axis=0) * (n - 1) / n
    if deviations.ndim == 1:
        return _root(variance)
    return np.asarray(np.frompyfunc(_root, 1, 1)(variance), dtype=np.float64)


def _root(variance: Any) -> float:
    """Return a square root as a float; infinite beyond its range."""
    try:
        return math.sqrt(variance)
    except OverflowError:  # of a Fraction
        return math.inf


def _unit(deviations: NDArray[Any]) -> NDArray[Any]:
    """Return the largest sizes along the first axis: 1 where they are 0 or no numbers."""
    sizes = np.abs(deviations).max(axis=0)
    return np.where((sizes > 0) & np.isfinite(sizes), sizes, 1.0)
