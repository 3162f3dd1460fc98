r"""Optimisers in floating point, many runs at once, by their own update rules.

The rules of the built-in ones are those of `torch.optim.SGD`:

.. math:: g \leftarrow g + \lambda \theta, \qquad v \leftarrow \beta v + g, \qquad
    \theta \leftarrow \theta - \eta\, a_t \times \begin{cases} g & \text{SGD} \\ v & \text{heavy ball} \\
    g + \beta v & \text{Nesterov} \end{cases}

with the new *v* on the right, and :math:`v = 0` before the first update. A schedule that scales the
gradient multiplies *g* by :math:`a_t`, after the decay, and not the step. The same in exact arithmetic
is in `sgdiagrams.numeric.exact.update_rule`.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Self, final

import numpy as np

from sgdiagrams.diagrams.errors import SamplingError
from sgdiagrams.symbolic.embeddings.drawing import parted, share_groups

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from sgdiagrams.symbolic.embeddings.drawing import Weighted
    from sgdiagrams.symbolic.training.optimizer import Optimizer
    from sgdiagrams.symbolic.training.training import Training

__all__ = ["Descent", "update_matrices"]


@final
class _Vector:
    """An array that exact numbers multiply: what update rules are written for."""

    __slots__ = ("array",)

    def __init__(self, array: NDArray[Any]) -> None:
        self.array = array

    def __add__(self, other: _Vector, /) -> _Vector:
        return _Vector(self.array + other.array)

    def __sub__(self, other: _Vector, /) -> _Vector:
        return _Vector(self.array - other.array)

    def __rmul__(self, factor: Any, /) -> _Vector:
        return self if factor == 1 else _Vector(float(factor) * self.array)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Descent:
    r"""An optimiser with numbers over T updates.

    Attributes
    ----------
    optimizer
        Says what an update does.
    multipliers
        :math:`a_0, \dots, a_{T-1}`.
    watched
        For every point that is looked at, the weights of :math:`\theta_0, \dots, \theta_T` in it.
    """

    optimizer: Optimizer
    multipliers: tuple[Fraction, ...]
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
            multipliers=optimizer.multipliers(T),
            watched=tuple(tuple(map(float, (1 - sum(ws), *ws))) for ws in iterates),
        )

    @property
    def matrices(self) -> NDArray[np.float64]:
        r"""What every update makes of its gradient and the memory, shape (T, 1 + M, 1 + M).

        Row 0 gives the step, the others the new memory; column 0 is multiplied by the gradient, the
        others by the memory. They are read off the update rule, which is linear, exactly; so a library
        that runs all updates by itself needs no other word on an optimiser.

        Examples
        --------
        >>> from sgdiagrams.symbolic.training.optimizers.momentum import Nesterov
        >>> from sgdiagrams.symbolic.training.schemes.one_pass import OnePass
        >>> from sgdiagrams.symbolic.training.training import Training
        >>> Descent.of(Training(OnePass(T=1), Nesterov(beta=0.5))).matrices.tolist()
        [[[1.5, 0.25], [1.0, 0.5]]]
        """
        return update_matrices(self.optimizer, self.multipliers).astype(np.float64)

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
            The datapoints of every update, shape (R, m, ...), one array for each of the multipliers;
            with shares where they are not a mean.
        eta
            The learning rate.
        """
        decay: Any = self.optimizer.weight_decay
        decay = float(decay)
        penalty = self.optimizer.penalty
        theta = start
        memory = (_Vector(np.zeros_like(start)),) * self.optimizer.memory_size
        points = [weights[0] * start for weights in self.watched]
        for t, (a, x) in enumerate(zip(self.multipliers, batches, strict=True), start=1):
            g = _summed(gradient, theta, x)
            if decay:
                g = g + decay * theta
            if penalty is not None:
                g = g + penalty.gradient(theta)
            step, memory = self.optimizer.update(_Vector(g), memory, a)
            theta = theta - eta * step.array
            for i, weights in enumerate(self.watched):
                if weights[t]:
                    points[i] = points[i] + weights[t] * theta
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


def update_matrices(optimizer: Optimizer, multipliers: tuple[Fraction, ...]) -> NDArray[Any]:
    """Return what every update makes of gradient and memory, in Fractions: see `Descent.matrices`.

    Examples
    --------
    >>> from sgdiagrams.symbolic.training.optimizers.momentum import Momentum
    >>> update_matrices(Momentum(beta="1/2"), (Fraction(1),))[0, 0].tolist()
    [Fraction(1, 1), Fraction(1, 2)]
    """
    size = 1 + optimizer.memory_size
    units = [[Fraction(int(i == j)) for j in range(size)] for i in range(size)]
    known: dict[Fraction, NDArray[Any]] = {}
    for a in dict.fromkeys(multipliers):
        columns = []
        for gradient, *memory in units:
            step, kept = optimizer.update(gradient, tuple(memory), a)
            columns.append([Fraction(step), *map(Fraction, kept)])
        known[a] = np.array(columns, dtype=object).T
    return np.array([known[a] for a in multipliers], dtype=object).reshape(-1, size, size)
