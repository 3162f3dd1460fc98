"""Learning rates and weight decays as they come in: checked, and made exact or floating."""

from __future__ import annotations

import math
from fractions import Fraction
from numbers import Rational, Real
from typing import TYPE_CHECKING, Any

import numpy as np

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import shown

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["is_exact_rate", "read_eta", "read_weight_decay"]


def read_eta(eta: ArrayLike | Fraction, dimension: int | None) -> Fraction | float | NDArray[Any]:
    """Check a learning rate and make it exact or floating.

    Parameters
    ----------
    eta
        Scalar, 1-D diagonal of shape ``(p,)``, or symmetric array of shape ``(p, p)``.
    dimension
        Number of parameters p; None when unknown, and then only a scalar passes.

    Returns
    -------
    Fraction, float or ndarray
        Fractions where `eta` holds Fractions or ints, else floats.

    Raises
    ------
    RequestError
        When the shape, the symmetry or an entry is wrong.

    Examples
    --------
    >>> read_eta(1, 2), read_eta([0.5, 0.25], 2)
    (Fraction(1, 1), array([0.5 , 0.25]))
    """
    try:
        given = np.asarray(eta)
    except ValueError as error:
        raise RequestError("expected eta as a scalar, a vector or a matrix, got a list") from error
    p = dimension
    if given.ndim and given.shape not in {(p,), (p, p)}:
        raise RequestError(
            f"expected eta as a scalar or of shape=({p},) or ({p}, {p}), got shape={given.shape}"
        )
    array: Any
    if given.dtype.kind in "iu" or all(_is_rational(value) for value in given.flat):
        array = np.frompyfunc(_fraction, 1, 1)(given)
    elif given.dtype.kind == "f" and np.isfinite(given).all():
        array = given.astype(np.float64)
    else:
        raise RequestError(
            "expected a finite eta of floats, or of Fractions and ints for exact values, "
            f"got eta={shown(eta)}"
        )
    if given.ndim == 0:
        return array if isinstance(array, Fraction) else float(array)
    if given.ndim == 2 and (array != array.T).any():
        raise RequestError("expected a symmetric eta, got an asymmetric one; use (eta + eta.T)/2")
    return np.asarray(array)


def is_exact_rate(eta: Fraction | float | NDArray[Any]) -> bool:
    """Tell whether a learning rate, as `read_eta` returns it, is one of Fractions."""
    return isinstance(eta, Fraction) or np.asarray(eta).dtype == object


def read_weight_decay(decay: object) -> Fraction | float:
    """Check a weight decay: a Fraction where it is rational, else a float.

    Raises
    ------
    RequestError
        When it is not a finite number.

    Examples
    --------
    >>> read_weight_decay(1), read_weight_decay(0.5)
    (Fraction(1, 1), 0.5)
    """
    if _is_rational(decay):
        return _fraction(decay)
    if not isinstance(decay, bool) and isinstance(decay, Real) and math.isfinite(decay):
        return float(decay)
    raise RequestError(
        "expected weight_decay as a finite float, or a Fraction or int for exact values, "
        f"got weight_decay={' '.join(repr(decay).split())[:60]}"
    )


def _is_rational(value: object) -> bool:
    return isinstance(value, Rational) and not isinstance(value, bool)


def _fraction(value: Any) -> Fraction:
    return Fraction(int(value.numerator), int(value.denominator))
