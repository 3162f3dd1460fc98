"""Rounds: what a measurement consists of, and what files of measurements hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Round"]


@final
@dataclass(frozen=True, slots=True, eq=False)
class Round:
    r"""The contractions, measured on some datapoints that no other round of the same draw has.

    Attributes
    ----------
    seed, index
        Which datapoints: the round of number `index` of the draw by `seed`.
    samples
        How many datapoints they are.
    gradients
        The cost, in gradients of the mean loss of all data.
    values
        Of the contractions without free leg, in the order of the measurement; shape (C,).
    deviations
        Groups of datapoints left out; shape (M, C). The standard error of
        :math:`\sum_c w_c v_c` is :math:`[\sum_g (\sum_c d_{gc} w_c)^2]^{1/2}`. M is 0 where values are
        exact.
    vectors, vector_deviations
        The same of the contractions with one free leg: shapes (V, p) and (M, V, p).
    """

    seed: int
    index: int
    samples: int
    gradients: float
    values: NDArray[np.float64]
    deviations: NDArray[np.float64]
    vectors: NDArray[np.float64]
    vector_deviations: NDArray[np.float64]
