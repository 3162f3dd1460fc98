r"""Optimisers in floating point, many runs at once; the rules are those of `torch.optim.SGD`.

.. math:: g \leftarrow g + \lambda \theta, \qquad v \leftarrow \beta v + g, \qquad
    \theta \leftarrow \theta - \eta\, a_t \times \begin{cases} g & \text{SGD} \\ v & \text{heavy ball} \\
    g + \beta v & \text{Nesterov} \end{cases}

with the new *v* on the right, and :math:`v = 0` before the first update. A schedule that scales the
gradient multiplies *g* by :math:`a_t`, after the decay, and not the step. The same in exact arithmetic
is in `sgdiagrams.numeric.exact.update_rule`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, final

from sgdiagrams.diagrams.errors import RequestError, SamplingError
from sgdiagrams.symbolic.training.optimizer import SGD, Momentum, Nesterov
from sgdiagrams.symbolic.training.training import iterate_weights

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    from numpy.typing import NDArray

    from sgdiagrams.numeric.landscapes.landscape import Floats, Landscape
    from sgdiagrams.symbolic.training.optimizer import Optimizer
    from sgdiagrams.symbolic.training.sampling import Sampling

__all__ = ["Descent"]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Descent:
    r"""The numbers of an optimiser over T updates.

    Attributes
    ----------
    has_velocity, looks_ahead
        Whether there is momentum, and whether it is Nesterov's.
    beta, decay
        :math:`\beta` and :math:`\lambda`.
    multipliers
        :math:`a_0, \dots, a_{T-1}`.
    scales_gradient
        Whether :math:`a_t` multiplies the gradient that enters the velocity.
    watched
        For every point that is looked at, the weights of :math:`\theta_0, \dots, \theta_T` in it.
    """

    has_velocity: bool
    looks_ahead: bool
    beta: float
    decay: float
    multipliers: tuple[float, ...]
    scales_gradient: bool
    watched: tuple[tuple[float, ...], ...]

    @classmethod
    def of(
        cls, optimizer: Optimizer, scheme: Sampling, *, points: tuple[int, ...] | None = None
    ) -> Self:
        """Return the numbers of an optimiser on a scheme.

        Parameters
        ----------
        optimizer
            `SGD`, `Momentum` or `Nesterov`, with numbers for all symbols.
        scheme
            Says how many updates there are.
        points
            The numbers of updates after which the weights are looked at, by default the last; with an
            average of iterates, as if training ended there.

        Raises
        ------
        RequestError
            When the optimiser is another.
        SamplingError
            When a number is missing, the schedule is of another length, there are fewer updates than
            iterates to average, or a point is beyond the end.

        Examples
        --------
        >>> from sgdiagrams.symbolic.training.schemes import OnePass
        >>> Descent.of(Momentum(beta=0.9), OnePass(T=2), points=(2, 0)).watched
        ((0.0, 0.0, 1.0), (1.0, 0.0, 0.0))
        """
        if not isinstance(optimizer, SGD | Momentum | Nesterov):
            raise RequestError(
                f"expected SGD(), Momentum() or Nesterov() to simulate, got optimizer={optimizer!r}"
            )
        if optimizer.symbols:
            raise SamplingError(
                f"expected a number for each of {', '.join(optimizer.symbols)} of "
                f"{optimizer.label}; give {optimizer.symbols[0]}=..."
            )
        T = int(scheme.updates)
        ends = (T,) if points is None else points
        iterates = [iterate_weights(scheme, optimizer, at) for at in ends]
        decay: Any = optimizer.weight_decay
        return cls(
            has_velocity=not isinstance(optimizer, SGD),
            looks_ahead=isinstance(optimizer, Nesterov),
            beta=float(getattr(optimizer, "beta", 0)),
            decay=float(decay),
            multipliers=tuple(map(float, optimizer.multipliers(T))),
            scales_gradient=optimizer.scales_nodes,
            watched=tuple(tuple(map(float, (1 - sum(found), *found))) for found in iterates),
        )

    def follow(
        self,
        landscape: Landscape,
        start: Floats,
        batches: Iterable[NDArray[Any]],
        *,
        eta: float,
    ) -> list[NDArray[np.float64]]:
        """Return the points that are looked at, one for each entry of `watched`, shape (R, p).

        Parameters
        ----------
        landscape
            Gives the gradients.
        start
            The weights before the first update, shape (R, p).
        batches
            The datapoints of every update, shape (R, m, ...), one array for each of the multipliers.
        eta
            The learning rate.
        """
        theta = start
        velocity: Any = 0.0
        points = [weights[0] * start for weights in self.watched]
        for t, (a, x) in enumerate(zip(self.multipliers, batches, strict=True), start=1):
            g = landscape.gradient(theta, x)
            if self.decay:
                g = g + self.decay * theta
            rate = eta if self.scales_gradient else eta * a
            if self.scales_gradient:
                g = a * g
            if self.has_velocity:
                velocity = self.beta * velocity + g
                g = g + self.beta * velocity if self.looks_ahead else velocity
            theta = theta - rate * g
            for i, weights in enumerate(self.watched):
                if weights[t]:
                    points[i] = points[i] + weights[t] * theta
        return points
