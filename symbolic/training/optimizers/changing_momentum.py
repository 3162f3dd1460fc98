"""Momentum that changes from update to update, as with cyclical learning rates."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, ClassVar, final

from sgdiagrams.diagrams.errors import SamplingError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.symbolic.propagation.linear_update import LinearUpdate
from sgdiagrams.symbolic.training.optimizer import Optimizer
from sgdiagrams.symbolic.training.schedules.named_schedules import as_schedule

if TYPE_CHECKING:
    from sgdiagrams.symbolic.checks import Number
    from sgdiagrams.symbolic.training.average import Average
    from sgdiagrams.symbolic.training.penalty import Penalty
    from sgdiagrams.symbolic.training.schedules.schedule import Schedule

__all__ = ["ChangingMomentum"]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ChangingMomentum(Optimizer):
    r"""Momentum with a :math:`\beta_t` for every update, such as that of ``OneCycleLR`` and ``CyclicLR``.

    .. math:: v \leftarrow \beta_t v + g, \qquad \theta \leftarrow \theta - \eta\, a_t v
        \quad\text{or}\quad \theta \leftarrow \theta - \eta\, a_t (g + \beta_t v)

    Parameters
    ----------
    betas
        A schedule whose factors are the :math:`\beta_t`, or one number an update, in [0, 1].
    nesterov
        Whether the step is along :math:`g + \beta_t v`, as in PyTorch.
    schedule, average, weight_decay, penalty
        As for `SGD`.
    decoupled_decay
        As for `Momentum`.

    Examples
    --------
    >>> ball = ChangingMomentum(betas=[0.5, 0.25])
    >>> [str(x) for update in ball.linear_updates(2) for x in update.step[0]]
    ['1', '1/2', '1', '1/4']
    """

    name: ClassVar[str] = "changing-momentum"
    settings: ClassVar[tuple[str, ...]] = ("nesterov",)

    betas: Schedule
    nesterov: bool = False
    schedule: Schedule | None = None
    average: Average | None = None
    weight_decay: Number = 0
    penalty: Penalty | None = None
    decoupled_decay: Number = 0

    def __post_init__(self) -> None:
        betas = as_schedule(self.betas)
        if betas is None:
            raise SamplingError("expected a schedule or a list of numbers for betas, got None")
        object.__setattr__(self, "betas", betas)
        if not isinstance(self.nesterov, bool):
            raise SamplingError(
                f"expected nesterov as True or False, got nesterov={shown(self.nesterov)}"
            )
        Optimizer.__post_init__(self)

    def linear_updates(self, T: int) -> tuple[LinearUpdate, ...]:
        """Return the updates of the weights and the velocity."""
        zero, one = Fraction(0), Fraction(1)
        weights = (one, zero)
        result = []
        for a, beta in zip(self.multipliers(T), self.betas.multipliers(T), strict=True):
            if not 0 <= beta <= 1:
                raise SamplingError(f"expected betas in [0, 1], got beta={shown(beta)}")
            ahead = beta if self.nesterov else one
            taken = a * (1 + beta) if self.nesterov else a
            step = ((one, a * beta * ahead), (zero, beta))
            update = LinearUpdate(weights, (taken, one), step, weights)
            result.append(self._with_pull(update, a))
        return tuple(result)
