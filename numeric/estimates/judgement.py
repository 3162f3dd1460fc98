"""Whether a truncated series can be trusted."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence


__all__ = ["Verdict", "judge"]


_ROUNDING = 1e-15  # of the largest contribution: less than this is taken for zero among floats


class Verdict(NamedTuple):
    """A judgement of a series: words, whether it is trustworthy, and the size of what is missing."""

    words: str
    trustworthy: bool
    missing: float = math.nan


def judge(orders: Sequence[Any], standard_error: Any = 0.0) -> Verdict:
    """Judge a truncated series by its last two contributions.

    Take the last two contributions of order >= 1 that are not zero (floats: above 1e-15 of the
    largest contribution, order 0 included). The series is *trustworthy* when the last is at most
    one third of the one before in size, *borderline* when it is smaller at all, else *diverging*.
    With fewer than two such contributions nothing can be told. When the standard error of the sum
    exceeds the last contribution, the words say so; the verdict stays. The size of an array, and of
    its standard error, is the Frobenius norm.

    Parameters
    ----------
    orders
        Contributions of the orders 0, 1, 2, ...: numbers, or arrays of one shape.
    standard_error
        Of their sum.

    Returns
    -------
    Verdict
        The words, whether they are *trustworthy*, and the size of what is missing: the last contribution
        times its ratio to the one before; nan where nothing can be told.

    Examples
    --------
    >>> judge([5.0, 1.0, 0.0, -0.5])
    Verdict(words='borderline: order 3 is 0.5 of order 1', trustworthy=False, missing=0.25)
    >>> judge([5.0, 1.0]).words
    'cannot tell: fewer than two contributions of order >= 1'
    """
    is_exact = all(_is_exact(c) for c in orders)
    # Norms of exact arrays are compared by their squares, which are rational.
    power = 2 if is_exact and any(np.ndim(c) for c in orders) else 1
    sizes = [_square(c) if power == 2 else _norm(c) for c in orders]
    zero = 0 if is_exact else _ROUNDING * max(filter(math.isfinite, sizes), default=0)
    contributions = [(k, size) for k, size in enumerate(sizes) if k and not size <= zero]
    if len(contributions) < 2:
        words, trusted = "cannot tell: fewer than two contributions of order >= 1", False
        missing = math.nan
    else:
        (before, large), (last, small) = contributions[-2:]
        trusted = bool(3**power * small <= large)
        verdict = "trustworthy" if trusted else "borderline" if small < large else "diverging"
        ratio = _ratio(small, large) ** (1 / power)
        words = f"{verdict}: order {last} is {ratio:.2g} of order {before}"
        missing = ratio * float(_norm(orders[last]))
    error = _norm(standard_error)
    if contributions and (error * error if power == 2 else error) > contributions[-1][1]:
        words += f"; the standard error exceeds the contribution of order {contributions[-1][0]}"
    return Verdict(words, trusted, missing)


def _is_exact(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return value.dtype == object or value.dtype.kind in "iu"
    return isinstance(value, (int, Fraction))


def _square(value: Any) -> Any:
    """Return the sum of the squares of exact numbers."""
    return sum((x * x for x in np.ravel(np.asarray(value, object))), Fraction(0))


def _norm(value: Any) -> Any:
    """Return the size of a number or the Frobenius norm of an array, without overflow."""
    if not np.ndim(value):
        return abs(value)
    entries = np.abs(np.asarray(value, dtype=np.float64))
    largest = float(entries.max(initial=0.0))
    if largest == 0 or not math.isfinite(largest):
        return largest
    return largest * float(np.linalg.norm(entries / largest))


def _ratio(small: Any, large: Any) -> float:
    try:
        return float(small / large)
    except OverflowError:  # among Fractions
        return math.inf
