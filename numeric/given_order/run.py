r"""SGD on given datapoints in a given order, with the weights as a power series in the learning rate.

.. math:: \theta_{t+1} = \theta_t - s\, \eta\, \nabla l_{\mathrm{batch}\ t}(\theta_t), \qquad
    \theta_t = \theta_0 + s\, \theta_t^{(1)} + s^2 \theta_t^{(2)} + \dots

or the updates of another optimiser, by its matrices. Gradients away from the start are
those of Taylor's formula: order K needs the derivatives 1, ..., K of the batch's mean loss at the
start. Nothing is averaged over orders or datapoints beyond the batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, final

import numpy as np

from sgdiagrams.numeric.given_order.series import composed, zeros
from sgdiagrams.numeric.linear_state import carried, combined
from sgdiagrams.numeric.values.leaves import LOSS, PENALISED, as_floats, check_leaf
from sgdiagrams.symbolic.embeddings.batches import Batch

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from sgdiagrams.numeric.derivatives.derivatives import Derivatives
    from sgdiagrams.numeric.given_order.series import Series
    from sgdiagrams.symbolic.embeddings.batches import Batches, WrittenBatch
    from sgdiagrams.symbolic.training.training import Training

__all__ = ["Data", "Gradients", "follow", "follow_rule"]

_KEPT = 2**23  # entries of mean derivatives that are kept for batches that come again


@final
@dataclass(frozen=True, slots=True, eq=False)
class Data:
    """The training set: its derivatives at the start, the learning rate, and what is exact.

    Attributes
    ----------
    derivatives
        One row for every datapoint.
    eta
        The learning rate, as `sgdiagrams.numeric.values.learning_rate.read_eta` returns it.
    is_exact
        Whether all numbers are Fractions.
    """

    derivatives: Derivatives
    eta: Any
    is_exact: bool

    @classmethod
    def of(cls, derivatives: Derivatives, eta: Any) -> Data:
        """Return the data; exact where both are."""
        has_exact_eta = isinstance(eta, Fraction) or np.asarray(eta).dtype == object
        is_exact = derivatives.is_exact and has_exact_eta
        given = eta if is_exact else np.asarray(eta, dtype=np.float64)
        return cls(derivatives, given, is_exact)

    def numbers(self, array: NDArray[Any]) -> NDArray[Any]:
        """Return an array as Fractions or floats."""
        return array if self.is_exact else as_floats(array)

    def number(self, value: Fraction) -> Fraction | float:
        """Return a number as a Fraction or a float."""
        return value if self.is_exact else float(value)

    def summed(self, k: int, batch: WrittenBatch | None = None) -> NDArray[Any]:
        """Return derivative k summed over a batch with its shares; by default the mean of all rows.

        Raises
        ------
        StatisticsError
            When it is missing.
        """
        check_leaf(self.derivatives, LOSS, k, purpose=f"for order {k}")
        sample = self.derivatives.samples[k]
        if isinstance(batch, Batch):
            shares = np.array(
                [self.number(share) for share in batch.shares],
                dtype=object if self.is_exact else float,
            )
            part = self.numbers(sample[list(batch.rows)])
            return np.asarray((part.T * shares).T.sum(axis=0))
        part = self.numbers(sample if batch is None else sample[list(batch)])
        return np.asarray(part.sum(axis=0) / len(part))

    @property
    def points(self) -> int:
        """The number N of datapoints."""
        return len(self.derivatives.samples[max(self.derivatives.samples)])

    @property
    def start(self) -> NDArray[Any]:
        """The weights at the start.

        Raises
        ------
        StatisticsError
            When they are missing.
        """
        check_leaf(self.derivatives, PENALISED, 1, weight_decay=1, purpose="for order 1")
        return self.numbers(np.asarray(self.derivatives.start))

    def row(self, k: int, n: int) -> NDArray[Any]:
        """Return derivative k of datapoint n.

        Raises
        ------
        StatisticsError
            When it is missing.
        """
        check_leaf(self.derivatives, LOSS, k, purpose=f"for order {k}")
        return np.asarray(self.numbers(self.derivatives.samples[k][n]))

    def function(self, name: str, k: int) -> NDArray[Any]:
        """Return derivative k of a function of the weights.

        Raises
        ------
        StatisticsError
            When it is missing.
        """
        check_leaf(self.derivatives, name, k, purpose=f"for order {k}")
        return self.numbers(np.asarray(self.derivatives.functions[name][k]))

    def along_eta(self, steps: Series) -> Series:
        """Return a series of vectors times the learning rate."""
        if np.ndim(self.eta) == 2:
            return np.asarray(steps @ self.eta)  # symmetric
        return np.asarray(steps * self.eta)


def follow(
    data: Data,
    training: Training,
    batches: Batches,
    *,
    order: int,
    points: tuple[int, ...],
) -> list[Series]:
    """Return the displacements at the points that are looked at, as series of length order + 1.

    Parameters
    ----------
    data
        Of p parameters.
    training
        With numbers for all symbols; its optimiser is used, and its number of updates.
    batches
        Those of every update.
    order
        The highest power K of the learning rate.
    points
        The numbers of updates after which the weights are looked at; with an average of iterates, as if
        training ended there.

    Returns
    -------
    list of ndarray
        Shape ``(K + 1, p)`` each.

    Raises
    ------
    StatisticsError
        When a derivative or the start is missing.
    SamplingError
        When a point is beyond the end.
    """
    zero = zeros((order + 1, data.derivatives.dimension or 0), is_exact=data.is_exact)
    if not order or not batches:
        return [zero for _ in points]
    gradients = Gradients(data, training, batches, order)
    return follow_rule(
        data, training, lambda t, delta: gradients.at(batches[t], delta), zero, points=points
    )


def follow_rule(
    data: Data,
    training: Training,
    gradient: Callable[[int, Series], Series],
    zero: Series,
    *,
    points: tuple[int, ...],
) -> list[Series]:
    """Return what the updates of an optimiser, which is linear, make of gradients.

    Parameters
    ----------
    data
        The learning rate, and what is exact.
    training
        With numbers for all symbols.
    gradient
        Takes the number of an update and series of displacements, of shape ``(..., K + 1, p)``, to the
        series of gradients there, of shape ``(..., K, p)``.
    zero
        The displacements at the start.
    points
        As for `follow`.
    """
    optimizer = training.optimizer
    tables = [training.iterate_weights(at) for at in points]
    watched = [zero for _ in points]
    updates = optimizer.linear_updates(len(tables[0]))
    state: tuple[Series, ...] = (zero,) * (updates[0].states if updates else 1)
    for t, exact in enumerate(updates):
        update = exact if data.is_exact else exact.as_floats()
        push = 0 * zero
        push[..., 1:, :] = data.along_eta(gradient(t, combined(update.read, state)))
        pull = None
        if update.pull is not None:
            whole = combined(update.pull.read, state)[..., :-1, :] + 0 * zero[..., :-1, :]
            whole[..., 0, :] = whole[..., 0, :] + data.start
            pull = 0 * zero
            strength = data.number(Fraction(optimizer.decoupled_decay))
            pull[..., 1:, :] = data.along_eta(strength * whole)
        state = carried(update, state, push, pull)
        delta = combined(update.readout, state)
        for i, table in enumerate(tables):
            if table[t]:
                watched[i] = watched[i] + data.number(Fraction(table[t])) * delta
    return watched


@final
class Gradients:
    """The mean gradients of batches, whose derivatives are kept as far as there is room."""

    def __init__(self, data: Data, training: Training, batches: Batches, order: int) -> None:
        self._data = data
        self._order = order
        self.decay: Any = data.number(Fraction(training.optimizer.weight_decay))
        self._start = data.start if self.decay else None
        self._penalty = training.optimizer.penalty
        self.has_penalty = bool(self.decay) or self._penalty is not None
        size = (data.derivatives.dimension or 1) ** order
        distinct = set(batches)
        self._is_kept = len(distinct) < len(batches) and len(distinct) * size <= _KEPT
        self._known: dict[tuple[WrittenBatch, int], NDArray[Any]] = {}

    def at(self, batch: WrittenBatch, delta: Series) -> Series:
        """Return the gradient of a batch with the penalty at a displacement: shape (order, p)."""
        gradient = composed(lambda k: self._derivative(batch, k), delta, rank=1, length=self._order)
        return np.asarray(gradient + self.penalty_at(delta)) if self.has_penalty else gradient

    def penalty_at(self, delta: Series) -> Series:
        """Return the gradient of the penalty at a displacement: shape (order, p)."""
        penalty = np.asarray(self.decay * delta[:-1])
        if self.decay:
            penalty[0] = penalty[0] + self.decay * self._start
        if self._penalty is not None:
            penalty = penalty + self._of_function(delta, rank=1, length=self._order)
        return penalty

    def _of_function(self, delta: Series, *, rank: int, length: int) -> Series:
        """Return a derivative of the penalty that is a function of the weights."""
        penalty: Any = self._penalty
        name = penalty.function_name
        strength = self._data.number(Fraction(penalty.strength))
        pull = composed(lambda k: self._data.function(name, k), delta, rank=rank, length=length)
        return np.asarray(strength * pull)

    def curvature_at(self, batch: WrittenBatch, delta: Series) -> Series:
        """Return the Hessian of a batch with the penalty: shape (order - 1, p, p), at least one."""
        length = max(1, self._order - 1)
        hessian = composed(lambda k: self._derivative(batch, k), delta, rank=2, length=length)
        return np.asarray(hessian + self.penalty_curvature_at(delta))

    def penalty_curvature_at(self, delta: Series) -> Series:
        """Return the Hessian of the penalty: shape (order - 1, p, p), at least one."""
        length, p = max(1, self._order - 1), delta.shape[-1]
        hessian = zeros((length, p, p), is_exact=self._data.is_exact)
        if self.decay:
            hessian[0, np.arange(p), np.arange(p)] += self.decay
        if self._penalty is not None:
            hessian = hessian + self._of_function(delta, rank=2, length=length)
        return hessian

    def _derivative(self, batch: WrittenBatch, k: int) -> NDArray[Any]:
        known = self._known.get((batch, k))
        if known is None:
            known = self._data.summed(k, batch)
            if self._is_kept:
                self._known[batch, k] = known
        return known
