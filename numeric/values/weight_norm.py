"""Functions of the weights that statistics need not bring: those that are known from the start."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from sgdiagrams.diagrams.errors import StatisticsError
from sgdiagrams.symbolic.vocabulary import L2

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sgdiagrams.numeric.derivatives.derivatives import Derivatives
    from sgdiagrams.symbolic.contractions.contraction import Contraction
    from sgdiagrams.symbolic.training.optimizer import Optimizer

__all__ = ["with_penalties_of", "with_weight_norm"]


def with_penalties_of(
    statistics: Derivatives, optimizers: Iterable[Optimizer], order: int
) -> Derivatives:
    """Return statistics with the penalties that say their derivatives themselves, to an order.

    Nothing is added where the start is not known: then the functions are asked for by name.
    """
    start: Any = statistics.start
    functions = dict(statistics.functions)
    if start is None:
        return statistics
    for optimizer in optimizers:
        penalty = optimizer.penalty
        if penalty is None or penalty.given is None or penalty.given.name in functions:
            continue
        of_start = penalty.given.derivatives
        if of_start is not None:
            arrays = {k: of_start(start, k) for k in range(1, order + 1)}
            functions[penalty.given.name] = arrays
    if len(functions) == len(statistics.functions):
        return statistics
    return replace(statistics, functions=functions)  # type: ignore[type-var]


def with_weight_norm(statistics: Derivatives, contractions: Iterable[Contraction]) -> Derivatives:
    """Return statistics with the function L2, where contractions need it and the start is known.

    Raises
    ------
    StatisticsError
        When the start is not known, nor the function.
    """
    orders = {
        k for c in contractions for label, k in zip(c.labels, c.legs, strict=True) if label == L2
    }
    if not orders or L2 in statistics.functions:
        return statistics
    start: Any = statistics.start
    if start is None:
        raise StatisticsError(
            "expected the weights at the start for decoupled weight decay, got start=None; give the "
            "statistics start=[...]"
        )
    p = len(start)
    zero = Fraction(0) if statistics.is_exact else 0.0
    arrays: dict[int, Any] = {0: start @ start / 2, 1: start, 2: np.eye(p, dtype=int) + zero}
    for k in orders - set(arrays):
        arrays[k] = np.full((p,) * k, zero)
    functions = {**statistics.functions, L2: arrays}
    return replace(statistics, functions=functions)  # type: ignore[type-var]
