r"""What the updates on every datapoint contribute, power by power of the learning rate.

Let :math:`w_n` multiply the loss of datapoint n wherever an update uses it. Order k of what training
ends at is homogeneous of degree k in these weights, so by Euler's theorem

.. math:: s^{(k)} = \sum_n \frac1k \frac{\partial s^{(k)}}{\partial w_n}\Big|_{w = 1},

a sum over datapoints without a rest. The derivatives follow along the run, all of them at once. With
weight decay the penalty is one more that contributes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.numeric.given_order.run import Gradients, follow_rule
from sgdiagrams.numeric.given_order.series import composed, zeros
from sgdiagrams.symbolic.embeddings.batches import shares_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sgdiagrams.numeric.given_order.series import Series
    from sgdiagrams.numeric.row_orders.watched_number import WatchedNumber
    from sgdiagrams.symbolic.embeddings.batches import Batches
    from sgdiagrams.symbolic.training.training import Training

__all__ = ["shares_of_rows"]

_MOST_NUMBERS = 2**25
_FLOAT_OPERATIONS = 10**10
_EXACT_OPERATIONS = 10**7


def shares_of_rows(
    watched: WatchedNumber, training: Training, batches: Batches, *, order: int
) -> NDArray[Any]:
    """Return what every datapoint contributes to what is watched after training in a given order.

    Parameters
    ----------
    watched
        With the training set of N rows.
    training
        With numbers for all symbols.
    batches
        The rows of every update.
    order
        The highest power K of the learning rate.

    Returns
    -------
    ndarray
        Shape ``(N, K + 1)``, zeros for power 0; with weight decay a last row for the penalty.

    Raises
    ------
    StatisticsError
        When a derivative or the start is missing.
    RequestError
        When it would take too long.
    """
    data = watched.data
    p, N = data.derivatives.dimension or 0, data.points
    gradients = Gradients(data, training, batches, order)
    size = N + gradients.has_penalty
    result = zeros((size, order + 1), is_exact=data.is_exact)
    if not order or not batches:
        return result
    work = (size + 1) * len(batches) * order**2 * p**2
    most = _EXACT_OPERATIONS if data.is_exact else _FLOAT_OPERATIONS
    if size * (order + 1) * p > _MOST_NUMBERS or work > most:
        raise RequestError(
            f"expected at most {most:.0e} operations for the contributions of {N} datapoints over "
            f"{len(batches)} updates, got {work:.1e}; lower the order"
            f"{' or take floats' if data.is_exact else ''}"
        )

    def gradient(t: int, states: Series) -> Series:
        """Return the gradient of a batch, and how it changes with every weight."""
        delta, tangents = states[0], states[1:]
        changes = _product(tangents, gradients.curvature_at(batches[t], delta), order)
        for row, share in shares_of(batches[t]).items():
            own = composed(lambda k, n=row: data.row(k, n), delta, rank=1, length=order)  # type: ignore[misc]
            changes[row] = changes[row] + data.number(share) * own
        if size > N:
            changes[N] = changes[N] + gradients.penalty_at(delta)
        return np.concatenate([gradients.at(batches[t], delta)[None], changes])

    zero = zeros((1 + size, order + 1, p), is_exact=data.is_exact)
    [end] = follow_rule(data, training, gradient, zero, points=(len(batches),))
    slope = composed(watched.derivative, end[0], rank=1, length=order)
    for k in range(1, order + 1):
        for i in range(k):
            result[:, k] = result[:, k] + end[1:, k - i] @ slope[i]
        result[:, k] = result[:, k] / k
    return result


def _product(vectors: NDArray[Any], matrix: Series, length: int) -> NDArray[Any]:
    """Return series of vectors without constant term times one of symmetric matrices."""
    result = zeros((len(vectors), length, vectors.shape[-1]), is_exact=vectors.dtype == object)
    for i in range(len(matrix)):
        for j in range(1, length - i):
            result[:, i + j] = result[:, i + j] + vectors[:, j] @ matrix[i]
    return result
