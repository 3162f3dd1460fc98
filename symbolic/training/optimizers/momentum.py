"""Heavy-ball momentum, and that of Nesterov."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar, Literal, final, get_args

from sympy import Expr, Integer, sympify

from sgdiagrams.diagrams.errors import SamplingError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.symbolic import symbols
from sgdiagrams.symbolic.checks import Number, check_choice, rational, rational_or_symbol
from sgdiagrams.symbolic.propagation.linear_update import LinearUpdate
from sgdiagrams.symbolic.training.kernels import Mode
from sgdiagrams.symbolic.training.optimizer import Optimizer, V

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sgdiagrams.symbolic.training.average import Average
    from sgdiagrams.symbolic.training.penalty import Penalty
    from sgdiagrams.symbolic.training.schedules.schedule import Schedule

__all__ = ["Momentum", "Nesterov", "ScheduleScales"]


ScheduleScales = Literal["velocity", "gradient"]


class _WithMomentum(Optimizer):
    """What heavy ball and Nesterov share."""

    __slots__ = ()

    kernel_follows_schedule: ClassVar[bool] = True

    numbers: ClassVar[tuple[str, ...]] = ("beta",)
    spans: ClassVar[Mapping[str, tuple[int, int | None]]] = {"beta": (0, 1)}
    memory_size: ClassVar[int] = 1

    beta: Number | None
    schedule_scales: ScheduleScales

    def __post_init__(self) -> None:
        beta = rational_or_symbol("beta", self.beta, symbols.beta, below_one=True)
        object.__setattr__(self, "beta", beta)
        check_choice("schedule_scales", self.schedule_scales, get_args(ScheduleScales))
        if self.decoupled_decay and self.schedule and self.schedule_scales == "gradient":
            raise SamplingError(
                "expected schedule_scales='velocity' with decoupled_decay, whose pull goes with the "
                "learning rate of the step, got schedule_scales='gradient'"
            )
        Optimizer.__post_init__(self)

    def linear_updates(self, T: int) -> tuple[LinearUpdate, ...]:
        """Return the updates of the weights and the velocity."""
        zero, one = Fraction(0), Fraction(1)
        beta: Any = self.beta
        of_gradient, of_velocity = self._step(beta)
        weights = (one, zero)

        def update(a: Fraction, damped: Fraction = self.undamped) -> LinearUpdate:
            injected, moved = (a, one) if self.schedule_scales == "gradient" else (one, a)
            step = ((one, moved * of_velocity), (zero, beta))
            taken = a * of_gradient * damped
            return LinearUpdate(weights, (taken, injected * damped), step, weights)

        updates = self.by_factor(T, update)
        if self.undamped == 1 or not T:
            return updates
        # What PyTorch's buffer begins with is the whole gradient.
        factor = self.multipliers(T)[0]
        return (self._with_pull(update(factor, one), factor), *updates[1:])

    @property
    def undamped(self) -> Fraction:
        """How much of a gradient enters the velocity, but for the first."""
        return Fraction(1)

    @abstractmethod
    def _step(self, beta: Fraction) -> tuple[Fraction, Fraction]:
        """Return how much of the gradient and of the velocity before is in a step."""

    @property
    def _decay(self) -> Expr | None:
        """The base of the kernel: beta, times the schedule's where that scales the velocity."""
        beta = sympify(self.beta)
        if self.schedule is None or self.schedule_scales == "gradient":
            return beta
        terms = self.schedule.closed_form
        if terms is None or len(terms) != 1 or terms[0].power:
            return None
        # At 1 the kernel would grow with D; it is then propagated by number.
        return None if beta * terms[0].base == 1 else beta * terms[0].base


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Momentum(_WithMomentum):
    r"""Heavy-ball momentum: :math:`v \leftarrow \beta v + g,\ \theta \leftarrow \theta - \eta a_t v`.

    Parameters
    ----------
    beta
        In [0, 1); the symbol beta when left out.
    schedule, average, weight_decay, penalty
        As for `SGD`.
    decoupled_decay
        Weight decay past the velocity, as AdamW has it: :math:`\theta \leftarrow (1 - \eta a_t \lambda)\,
        \theta - \eta a_t v`.
    schedule_scales
        ``"velocity"``: the schedule multiplies the velocity at the time of the step, as in PyTorch;
        ``"gradient"``: it multiplies the gradient that enters the velocity.
    dampening
        Gradients enter the velocity times 1 less this number in [0, 1], but for the first, as in
        PyTorch; then nothing is known in closed form.

    Examples
    --------
    >>> Momentum(beta=0.9).kernel
    (Mode(weight=10, power=0, base=1), Mode(weight=-10, power=0, base=9/10))
    >>> [str(u.inject[1]) for u in Momentum(beta=0.9, dampening=0.1).linear_updates(3)]
    ['1', '9/10', '9/10']
    """

    name: ClassVar[str] = "momentum"
    settings: ClassVar[tuple[str, ...]] = ("dampening",)

    beta: Number | None = None
    schedule: Schedule | None = None
    average: Average | None = None
    weight_decay: Number = 0
    penalty: Penalty | None = None
    decoupled_decay: Number = 0
    schedule_scales: ScheduleScales = "velocity"
    dampening: Fraction | None = None

    def __post_init__(self) -> None:
        if self.dampening is not None:
            dampening = rational("dampening", self.dampening)
            if not 0 <= dampening <= 1:
                raise SamplingError(
                    f"expected a number in [0, 1] for dampening, got dampening={shown(self.dampening)}"
                )
            object.__setattr__(self, "dampening", dampening or None)
        _WithMomentum.__post_init__(self)

    @property
    def undamped(self) -> Fraction:
        """1 less the dampening."""
        return 1 - (self.dampening or Fraction(0))

    @property
    def kernel(self) -> tuple[Mode, ...] | None:
        r"""The kernel :math:`(1 - \beta^D)/(1 - \beta)`."""
        x = self._decay
        if x is None or self.dampening is not None:
            return None
        return (Mode(1 / (1 - x), 0, Integer(1)), Mode(-1 / (1 - x), 0, x))

    def update(
        self, gradient: V, memory: tuple[V, ...], factor: Fraction
    ) -> tuple[V, tuple[V, ...]]:
        """Return the new velocity; dampening is for all updates but the first."""
        [velocity] = memory
        if self.schedule_scales == "gradient":
            gradient, factor = factor * gradient, Fraction(1)
        velocity = self.beta * velocity + self.undamped * gradient
        return factor * velocity, (velocity,)

    def _step(self, beta: Fraction) -> tuple[Fraction, Fraction]:
        return Fraction(1), beta


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Nesterov(_WithMomentum):
    r"""Nesterov's momentum as in PyTorch: the step is along :math:`g + \beta v` after the update of v.

    Parameters
    ----------
    beta, schedule, average, weight_decay, schedule_scales
        As for `Momentum`.

    Examples
    --------
    >>> Nesterov().kernel[1]
    Mode(weight=-beta/(1 - beta), power=0, base=beta)
    """

    name: ClassVar[str] = "nesterov"

    beta: Number | None = None
    schedule: Schedule | None = None
    average: Average | None = None
    weight_decay: Number = 0
    penalty: Penalty | None = None
    decoupled_decay: Number = 0
    schedule_scales: ScheduleScales = "velocity"

    @property
    def kernel(self) -> tuple[Mode, ...] | None:
        r"""The kernel :math:`(1 - \beta^{D + 1})/(1 - \beta)`.

        With a decaying factor on the velocity, :math:`1 + \beta (1 - x^D)/(1 - x)` in units of the
        factor at s, with x the product of beta and the decay.
        """
        x = self._decay
        if x is None:
            return None
        beta = sympify(self.beta)
        one = Integer(1)
        constant = one / (1 - beta) if x == beta else one + beta / (1 - x)
        return (Mode(constant, 0, one), Mode(-beta / (1 - x), 0, x))

    def update(
        self, gradient: V, memory: tuple[V, ...], factor: Fraction
    ) -> tuple[V, tuple[V, ...]]:
        """Return the gradient with the new velocity ahead of it."""
        [velocity] = memory
        if self.schedule_scales == "gradient":
            gradient, factor = factor * gradient, Fraction(1)
        velocity = self.beta * velocity + gradient
        return factor * (gradient + self.beta * velocity), (velocity,)

    def _step(self, beta: Fraction) -> tuple[Fraction, Fraction]:
        return 1 + beta, beta**2
