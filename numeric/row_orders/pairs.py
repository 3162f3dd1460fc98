r"""What pairs of datapoints contribute to the second power of the learning rate: who comes before whom.

Order 2 of what training ends at is

.. math:: \sum_{j, k} W_{jk}\, (\nabla s \cdot \eta h_k \eta g_j)
    + \frac12 \sum_{j, k} R_j R_k\, \nabla^2 s[\eta g_j, \eta g_k],

with the weight :math:`W_{jk}` of all pairs of places, j in an earlier update than k: the shares in their
batches times the optimiser's kernels. What depends on the order is the part of the commutators,

.. math:: \sum_{j < k} \frac{W_{jk} - W_{kj}}{2}\, \nabla s \cdot \eta (h_k \eta g_j - h_j \eta g_k).

For descent at a constant rate, :math:`W_{jk} + W_{kj}` and R are the same for all orders of one
schedule, so that two orders differ at the second power by commutators alone; with momentum or a schedule
already at the first.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any, final

import numpy as np

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.numeric.given_order.run import Gradients, follow_rule
from sgdiagrams.numeric.given_order.series import zeros
from sgdiagrams.symbolic.embeddings.batches import shares_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sgdiagrams.numeric.given_order.run import Data
    from sgdiagrams.numeric.given_order.series import Series
    from sgdiagrams.numeric.row_orders.watched_number import WatchedNumber
    from sgdiagrams.symbolic.embeddings.batches import Batches
    from sgdiagrams.symbolic.training.training import Training

__all__ = ["RowPairs", "pairs_of_rows"]

_MOST_UPDATES = 5000
_MOST_EXACT_UPDATES = 200
_MOST_ROWS = 2000


@final
@dataclass(frozen=True, slots=True, eq=False)
class RowPairs:
    r"""Contributions of pairs of datapoints to order 2; entry (j, k) is for j before k.

    With weight decay there is one more row and column, the penalty's.

    Attributes
    ----------
    places
        The weights :math:`W_{jk}`, shape (N, N).
    chains
        :math:`\nabla s \cdot \eta h_k \eta g_j`, shape (N, N).
    reach
        The weights :math:`R_j` of the places at the end, shape (N,).
    bends
        :math:`\nabla^2 s[\eta g_j, \eta g_k]`, shape (N, N).
    pulls
        :math:`\nabla s \cdot \eta g_j`, shape (N,): order 1 is :math:`-\sum_j R_j` times these.
    """

    places: NDArray[Any]
    chains: NDArray[Any]
    reach: NDArray[Any]
    bends: NDArray[Any]
    pulls: NDArray[Any]

    @property
    def contributions(self) -> NDArray[Any]:
        """What j before k contributes, with half of what is the same whoever is first, shape (N, N).

        The sum of all entries is order 2.
        """
        same = np.multiply.outer(self.reach, self.reach) * self.bends / 2
        return np.asarray(self.places * self.chains + same)

    @property
    def commutators(self) -> NDArray[Any]:
        """The chain of j before k less that of k before j, shape (N, N), antisymmetric."""
        return np.asarray(self.chains - self.chains.T)

    @property
    def of_the_order(self) -> NDArray[Any]:
        """The part that changes its sign with the order of a pair, shape (N, N), symmetric.

        The sum over pairs j < k is what the order does at order 2.
        """
        return np.asarray((self.places - self.places.T) * self.commutators / 2)


def pairs_of_rows(
    watched: WatchedNumber, training: Training, batches: Batches, *, curved: bool = True
) -> RowPairs:
    """Return the contributions of pairs of datapoints to order 2 after training in a given order.

    Parameters
    ----------
    watched
        With the training set of N rows: derivatives 1 and 2.
    training
        With numbers for all symbols.
    batches
        The rows of every update.
    curved
        Whether second derivatives are asked for; without them order 2 is left out, as zeros.

    Raises
    ------
    StatisticsError
        When a derivative or the start is missing.
    RequestError
        When there are too many updates or rows for a table of pairs.
    """
    data = watched.data
    T, N = len(batches), data.points
    most = _MOST_EXACT_UPDATES if data.is_exact else _MOST_UPDATES
    if most < T or N > _MOST_ROWS:
        raise RequestError(
            f"expected at most {most} updates on {_MOST_ROWS} rows for pairs of datapoints, got {T} on "
            f"{N}; leave them out"
        )
    between, to_end = _kernels(data, training, T)
    p = data.derivatives.dimension or 0
    gradients = Gradients(data, training, batches, order=2)
    size = N + gradients.has_penalty
    shares = zeros((T, size), is_exact=data.is_exact)
    for t, batch in enumerate(batches):
        for row, share in shares_of(batch).items():
            shares[t, row] += data.number(share)
    slopes = zeros((size, p), is_exact=data.is_exact)
    curvatures = zeros((size, p, p), is_exact=data.is_exact)
    for n in range(N):
        slopes[n] = data.row(1, n)
        if curved:
            curvatures[n] = data.row(2, n)
    if size > N:
        start = zeros((3, p), is_exact=data.is_exact)
        shares[:, N] += data.number(Fraction(1))
        slopes[N] = gradients.penalty_at(start)[0]
        if curved:
            curvatures[N] = gradients.penalty_curvature_at(start)[0]
    steps = data.along_eta(slopes)
    pulled = curvatures @ data.along_eta(watched.derivative(1))
    bend = watched.derivative(2) if curved else np.zeros((p, p), dtype=int)
    return RowPairs(
        shares.T @ (between * to_end) @ shares,
        steps @ pulled.T,
        shares.T @ to_end,
        steps @ bend @ steps.T,
        steps @ watched.derivative(1),
    )


def _kernels(data: Data, training: Training, T: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return how far a unit update at s moves the point of each gradient t > s, and the end.

    Shapes (T, T) and (T,).
    """
    one = data.number(Fraction(1))
    between = zeros((T, T), is_exact=data.is_exact)

    def impulse(t: int, states: Series) -> Series:
        between[:, t] = -states[:, 1, 0]
        gradient = states[:, :1] * 0
        gradient[t] = one
        return gradient

    zero = zeros((T, 2, 1), is_exact=data.is_exact)
    if not T:
        return between, zero[:, 1, 0]
    [end] = follow_rule(replace(data, eta=one), training, impulse, zero, points=(T,))
    return between, -end[:, 1, 0]
