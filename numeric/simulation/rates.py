"""Learning rates to simulate: one, or a list."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["learning_rates", "one_learning_rate"]


def learning_rates(eta: float | Sequence[float]) -> tuple[float, ...]:
    """Return one learning rate or several as a tuple, in the order that they are given.

    Raises
    ------
    RequestError
        When they are no finite numbers other than 0.

    Examples
    --------
    >>> learning_rates(0.5), learning_rates([0.2, -0.1])
    ((0.5,), (0.2, -0.1))
    """
    try:
        values = np.atleast_1d(np.asarray(eta, dtype=np.float64))
    except (TypeError, ValueError, OverflowError):
        values = np.empty(0)
    if values.ndim != 1 or not len(values) or not (np.isfinite(values) & (values != 0)).all():
        raise RequestError(
            "expected a learning rate or a list of them, finite numbers other than 0, "
            f"got eta={shown(eta)}"
        )
    return tuple(map(float, values))


def one_learning_rate(eta: float) -> float:
    """Return a learning rate where there can be but one.

    Raises
    ------
    RequestError
        When it is no finite number other than 0.

    Examples
    --------
    >>> one_learning_rate(0.5)
    0.5
    """
    if np.ndim(eta) != 0:
        raise RequestError(f"expected one learning rate, got eta={shown(eta)}")
    return learning_rates(eta)[0]
