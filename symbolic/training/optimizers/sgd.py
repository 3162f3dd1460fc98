"""Plain stochastic gradient descent."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, ClassVar, final

from sympy import Integer

from sgdiagrams.diagrams.errors import SamplingError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.symbolic.propagation.linear_update import LinearUpdate
from sgdiagrams.symbolic.training.kernels import Mode
from sgdiagrams.symbolic.training.optimizer import Optimizer, V

if TYPE_CHECKING:
    from sgdiagrams.symbolic.checks import Number
    from sgdiagrams.symbolic.training.average import Average
    from sgdiagrams.symbolic.training.penalty import Penalty
    from sgdiagrams.symbolic.training.schedules.schedule import Schedule

__all__ = ["SGD"]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SGD(Optimizer):
    """Plain stochastic gradient descent: no memory.

    Parameters
    ----------
    schedule
        Factors of the learning rate: a `Schedule` or one number an update.
    average
        `TailAverage` or `ExponentialAverage` of the iterates.
    weight_decay
        The strength of an L2 penalty on the training losses.
    penalty
        Another penalty: a `Penalty`, or the name of a function of the weights.
    decoupled_decay
        Without memory the same as `weight_decay`, which it becomes.

    Examples
    --------
    >>> SGD().kernel
    (Mode(weight=1, power=0, base=1),)
    """

    name: ClassVar[str] = "sgd"
    kernel_follows_schedule: ClassVar[bool] = True

    schedule: Schedule | None = None
    average: Average | None = None
    weight_decay: Number = 0
    penalty: Penalty | None = None
    decoupled_decay: Number = 0

    def __post_init__(self) -> None:
        # Without memory there is nothing to go past.
        if self.decoupled_decay != 0:
            if self.weight_decay != 0:
                raise SamplingError(
                    "expected one weight decay for sgd, where decoupled_decay is the same, got "
                    f"weight_decay={shown(self.weight_decay)} too"
                )
            object.__setattr__(self, "weight_decay", self.decoupled_decay)
            object.__setattr__(self, "decoupled_decay", 0)
        Optimizer.__post_init__(self)

    @property
    def is_plain(self) -> bool:
        """Whether there is neither schedule nor average."""
        return self.schedule is None and self.average is None

    @property
    def is_default(self) -> bool:
        """Whether there is nothing beside plain descent."""
        return self.is_plain and self.weight_decay == 0 and self.penalty is None

    @property
    def kernel(self) -> tuple[Mode, ...]:
        """The constant 1."""
        return (Mode(Integer(1), 0, Integer(1)),)

    def linear_updates(self, T: int) -> tuple[LinearUpdate, ...]:
        """Return one vector, the weights, which stays."""
        one = Fraction(1)
        return self.by_factor(T, lambda a: LinearUpdate((one,), (a,), ((one,),), (one,)))

    def update(
        self, gradient: V, memory: tuple[V, ...], factor: Fraction
    ) -> tuple[V, tuple[V, ...]]:
        """Return the gradient times the factor."""
        return factor * gradient, memory
