r"""Optimisers in floating point, many runs at once, by the matrices of their updates.

Gradients are read where the update says, weight decay is added to them there, and the state of vectors is
carried on (`sgdiagrams.symbolic.propagation.linear_update`). The same in exact arithmetic is in
`sgdiagrams.numeric.exact.update_rule`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, final

import numpy as np

from sgdiagrams.diagrams.errors import SamplingError
from sgdiagrams.numeric.linear_state import carried, combined
from sgdiagrams.symbolic.embeddings.drawing import parted, share_groups

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from sgdiagrams.symbolic.embeddings.drawing import Weighted
    from sgdiagrams.symbolic.propagation.linear_update import LinearUpdate
    from sgdiagrams.symbolic.training.optimizer import Optimizer
    from sgdiagrams.symbolic.training.training import Training

__all__ = ["Descent"]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Descent:
    r"""An optimiser with numbers over T updates.

    Attributes
    ----------
    optimizer
        Says how updates go on.
    updates
        What each of them does, in floating point; updates that are alike are one object.
    watched
        For every point that is looked at, the weights of :math:`\theta_0, \dots, \theta_T` in it.
    """

    optimizer: Optimizer
    updates: tuple[LinearUpdate, ...]
    watched: tuple[tuple[float, ...], ...]

    @classmethod
    def of(cls, training: Training, *, points: tuple[int, ...] | None = None) -> Self:
        """Return the descent of a training.

        Parameters
        ----------
        training
            With numbers for all symbols.
        points
            The numbers of updates after which the weights are looked at, by default the last; with an
            average of iterates, as if training ended there.

        Raises
        ------
        SamplingError
            When a number is missing, the schedule is of another length, there are fewer updates than
            iterates to average, or a point is beyond the end.

        Examples
        --------
        >>> from sgdiagrams.symbolic.training.optimizers.momentum import Momentum
        >>> from sgdiagrams.symbolic.training.schemes.one_pass import OnePass
        >>> from sgdiagrams.symbolic.training.training import Training
        >>> Descent.of(Training(OnePass(T=2), Momentum(beta=0.9)), points=(2, 0)).watched
        ((0.0, 0.0, 1.0), (1.0, 0.0, 0.0))
        """
        optimizer = training.optimizer
        if optimizer.symbols:
            raise SamplingError(
                f"expected a number for each of {', '.join(optimizer.symbols)} of "
                f"{optimizer.label}; give {optimizer.symbols[0]}=..."
            )
        T = int(training.updates)
        ends = (T,) if points is None else points
        iterates = [training.iterate_weights(at) for at in ends]
        return cls(
            optimizer=optimizer,
            updates=_in_floats(optimizer.linear_updates(T)),
            watched=tuple(tuple(map(float, (1 - sum(ws), *ws))) for ws in iterates),
        )

    @property
    def states(self) -> int:
        """The number of vectors of the optimiser's state."""
        return self.updates[0].states if self.updates else 1

    @property
    def distinct_updates(self) -> tuple[tuple[LinearUpdate, ...], tuple[int, ...]]:
        """The updates that differ, and the number of each update among them."""
        places: dict[int, int] = {}
        numbers = [places.setdefault(id(update), len(places)) for update in self.updates]
        distinct = {id(update): update for update in self.updates}
        return tuple(distinct.values()), tuple(numbers)

    @property
    def decay(self) -> float:
        """The weight decay."""
        decay: Any = self.optimizer.weight_decay
        return float(decay)

    @property
    def pull(self) -> float:
        """The strength of decoupled weight decay."""
        strength: Any = self.optimizer.decoupled_decay
        return float(strength)

    def follow(
        self,
        gradient: Callable[[NDArray[np.float64], NDArray[Any]], NDArray[np.float64]],
        start: NDArray[np.float64],
        batches: Iterable[NDArray[Any] | Weighted],
        *,
        eta: float,
    ) -> list[NDArray[np.float64]]:
        """Return the points that are looked at, one for each entry of `watched`, shape (R, p).

        Parameters
        ----------
        gradient
            Gives the mean gradients of batches at weights, shape (R, p).
        start
            The weights before the first update, shape (R, p).
        batches
            The datapoints of every update, shape (R, m, ...), one array for each; with shares where they
            are not a mean.
        eta
            The learning rate.
        """
        decay, penalty = self.decay, self.optimizer.penalty
        state: tuple[Any, ...] = (np.zeros_like(start),) * self.states
        points = [weights[0] * start for weights in self.watched]
        for t, (update, x) in enumerate(zip(self.updates, batches, strict=True), start=1):
            theta = start + combined(update.read, state)
            g = _summed(gradient, theta, x)
            if decay:
                g = g + decay * theta
            if penalty is not None:
                g = g + penalty.gradient(theta)
            pull = None
            if update.pull is not None:
                pull = eta * self.pull * (start + combined(update.pull.read, state))
            state = carried(update, state, eta * g, pull)
            for i, weights in enumerate(self.watched):
                if weights[t]:
                    points[i] = points[i] + weights[t] * (start + combined(update.readout, state))
        return points


def _summed(
    gradient: Callable[[NDArray[np.float64], NDArray[Any]], NDArray[np.float64]],
    theta: NDArray[np.float64],
    batch: NDArray[Any] | Weighted,
) -> NDArray[np.float64]:
    """Return the gradients of batches with their shares, from mean gradients, shape (R, p)."""
    x, shares = parted(batch)
    if shares is None:
        return gradient(theta, x)
    if shares.ndim == 1:
        parts = [weight * gradient(theta, x[:, own]) for weight, own in share_groups(shares)]
        return sum(parts[1:], parts[0]) if parts else np.zeros_like(theta)
    runs, m = shares.shape
    each = gradient(np.repeat(theta, m, axis=0), x.reshape(runs * m, 1, *x.shape[2:]))
    # A share of 0 takes nothing, also of what is not finite.
    each = np.where(shares[:, :, None] != 0, each.reshape(runs, m, -1), 0)
    return np.asarray(np.einsum("rm,rmp->rp", shares, each))


def _in_floats(updates: tuple[LinearUpdate, ...]) -> tuple[LinearUpdate, ...]:
    distinct = {id(update): update for update in updates}
    known = {name: update.as_floats() for name, update in distinct.items()}
    return tuple([known[id(update)] for update in updates])
