"""Results out of the range of floats: caught in one place, with the first cause in words."""

from __future__ import annotations

import math
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from sgdiagrams.diagrams.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from fractions import Fraction

    from numpy.typing import ArrayLike, NDArray

__all__ = ["BeyondFloatsError", "check_finite", "largest_inputs", "within_range"]


class BeyondFloatsError(RequestError):
    """A result out of the range of floats."""


@contextmanager
def within_range(subject: str, cause: str) -> Iterator[None]:
    """Let floats overflow quietly, and make a `BeyondFloatsError` of what raises where they do.

    Parameters
    ----------
    subject
        What is computed.
    cause
        The largest numbers that went in: see `largest_inputs`.

    Raises
    ------
    BeyondFloatsError
        Where a number is beyond floats, or an eigenvalue decomposition fails.

    Examples
    --------
    >>> try:
    ...     with within_range("a power", "eta=1e+308"):
    ...         float(10**400)
    ... except RequestError as error:
    ...     print(error)
    expected a power within the range of floats, got it beyond; the largest inputs are eta=1e+308
    """
    try:
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            yield
    except (OverflowError, np.linalg.LinAlgError):
        raise _beyond(subject, cause) from None


def check_finite(value: Any, subject: str, cause: str) -> None:
    """Raise `BeyondFloatsError` where a number or an entry of an array is infinite or not a number."""
    array = np.asarray(value)
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise _beyond(subject, cause)


def largest_inputs(samples: Mapping[int, Any], eta: ArrayLike | Fraction) -> str:
    """Return in words the largest entry of the derivatives, and of the learning rate.

    Examples
    --------
    >>> largest_inputs({1: np.array([[1.0, -1e155]]), 2: np.zeros((1, 2, 2))}, 0.1)
    'derivative 1 of sample 0 (1e+155) and eta=0.1'
    """
    best, words = -1.0, ""
    for k, array in samples.items():
        flat = np.abs(_rounded(array))
        place = np.unravel_index(int(np.argmax(flat)), flat.shape)
        if flat[place] > best:
            best, words = float(flat[place]), f"derivative {k} of sample {place[0]}"
    rates = np.abs(_rounded(eta))
    return f"{words} ({best:.6g}) and eta={float(rates.max(initial=0.0)):.6g}"


def _rounded(numbers: Any) -> NDArray[np.float64]:
    """Return numbers as floats; fractions beyond their range become infinite."""
    try:
        return np.asarray(numbers, dtype=np.float64)
    except (OverflowError, TypeError):
        return np.asarray(np.vectorize(_float, otypes=[np.float64])(numbers))


def _float(number: Any) -> float:
    try:
        return float(number)
    except OverflowError:
        return math.inf
    except TypeError:  # not a number, as will be said where it is used
        return math.nan


def _beyond(subject: str, cause: str) -> BeyondFloatsError:
    return BeyondFloatsError(
        f"expected {subject} within the range of floats, got it beyond; the largest inputs are {cause}"
    )
