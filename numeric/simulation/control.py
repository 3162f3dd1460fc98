r"""Control variates: numbers of known mean zero, subtracted from runs with coefficients of other runs.

Let :math:`x_r` be what run r ended at and :math:`d_r` its control, with :math:`E\, d_r = 0` exactly. The
runs are parted into folds by their numbers, and in fold f

.. math:: y_r = x_r - c_f\, d_r

with the least-squares coefficients :math:`c_f` of the runs of all *other* folds, which are independent of
:math:`d_r`. So the mean of :math:`y_r` is that of :math:`x_r`, whatever the noise and the number of runs;
coefficients fitted on the same runs would bias it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sgdiagrams.numeric.landscapes.landscape import Floats

__all__ = ["controlled"]

_FOLDS = 10  # each coefficient is fitted on nine tenths of the runs
_SMALLEST = (
    1e-10  # of the eigenvalues of the controls' spread that count, relative to their squares
)


def controlled(values: Floats, controls: Floats) -> Floats:
    """Return values less the part that controls explain, shape (R,); their mean is not biased.

    Parameters
    ----------
    values
        One for every run, shape (R,), in the order of the runs' numbers.
    controls
        Of mean zero, shape (k, R).

    Examples
    --------
    >>> controls = np.random.default_rng(0).standard_normal((1, 40))
    >>> float(np.ptp(controlled(5 + 3 * controls[0], controls))) < 1e-12
    True
    """
    runs = len(values)
    if runs < 2 or not np.isfinite(values).all():  # runs that diverged say nothing anyway
        return values
    fold = np.arange(runs) % min(_FOLDS, runs)
    x = values - values.mean()  # which coefficients do not feel; so no digits are lost
    parts = (x, controls, controls * x, controls[:, None] * controls)
    in_folds = [_by_fold(fold, part) for part in parts]
    xs, ds, dx, dd = (sums.sum(axis=-1, keepdims=True) - sums for sums in in_folds)
    others = runs - np.bincount(fold)
    covariance = dx - ds * xs / others
    spread = np.moveaxis(dd - ds[:, None] * ds / others, -1, 0)
    # What is rounding is told by the other runs as well.
    cut = _SMALLEST * np.einsum("iif->f", dd)[:, None]
    sizes, axes = np.linalg.eigh(spread)
    inverses = np.divide(1, sizes, out=np.zeros_like(sizes), where=sizes > cut)
    coefficients = np.einsum("fik,fk,fjk,jf->if", axes, inverses, axes, covariance)
    return np.asarray(values - (coefficients[:, fold] * controls).sum(axis=0))


def _by_fold(fold: NDArray[np.intp], array: NDArray[Any]) -> NDArray[Any]:
    """Return the sums over the runs of each fold, along the last axis."""
    return np.apply_along_axis(lambda a: np.bincount(fold, weights=a), -1, array)
