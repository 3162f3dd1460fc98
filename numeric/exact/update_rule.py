r"""One update of an optimiser on truncated power series, step by step as it is printed in a manual.

.. math:: g \leftarrow g + \lambda \theta, \qquad v \leftarrow \beta v + g, \qquad
    \theta \leftarrow \theta - \eta\, a_t \times \begin{cases} g & \text{SGD} \\ v & \text{heavy ball} \\
    g + \beta v & \text{Nesterov} \end{cases}

with the new *v* on the right, and :math:`v = 0` before the first update. A schedule that scales the
gradient multiplies *g* by :math:`a_t`, after the decay, and not the step. Of the theory's edge kernels
nothing is used. Source: the documentation of ``torch.optim.SGD``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple, Self, final

from sgdiagrams.diagrams.errors import SamplingError
from sgdiagrams.numeric.exact.series import Series, add, step_down, times

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sgdiagrams.symbolic.training.optimizer import Optimizer

__all__ = ["RULES", "Rule", "State"]

#: The names of the optimisers that are known here.
RULES = ("sgd", "momentum", "nesterov")


class State(NamedTuple):
    """Where the weights are.

    Attributes
    ----------
    theta
        The deviation from the start, p series.
    velocity
        The velocity, p series; 0 for ever where there is no momentum.
    """

    theta: list[Series]
    velocity: list[Series]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    r"""The numbers of an update rule, and units in which all coefficients of the series are whole.

    Attributes
    ----------
    name
        One of `RULES`.
    beta, decay
        :math:`\beta` and :math:`\lambda`.
    multipliers
        :math:`a_0, \dots, a_{T-1}`.
    scales_gradient
        Whether :math:`a_t` multiplies the gradient.
    metric
        The learning-rate tensor.
    start
        The starting point.
    gradient_unit
        Gradients and velocities are stored times this number.
    unit
        Series are in :math:`u = s / \mathrm{unit}`.
    """

    name: str
    beta: Fraction
    decay: Fraction
    multipliers: tuple[Fraction, ...]
    scales_gradient: bool
    metric: tuple[tuple[Fraction, ...], ...]
    start: tuple[Fraction, ...]
    gradient_unit: int
    unit: int

    @classmethod
    def of(
        cls,
        optimizer: Optimizer,
        *,
        T: int,
        metric: tuple[tuple[Fraction, ...], ...],
        start: tuple[Fraction, ...],
        gradients: int,
        readouts: Iterable[Fraction],
    ) -> Self:
        """Return the rule of an optimiser for T updates.

        Parameters
        ----------
        optimizer
            One of `RULES`; its numbers are read, nothing else.
        T, metric, start
            Number of updates, learning-rate tensor, starting point.
        gradients
            A common denominator of the gradients' coefficients.
        readouts
            Numbers by which the positions are going to be multiplied.

        Raises
        ------
        SamplingError
            When a symbol has no number, or the schedule is of another length.
        """
        beta = _number("beta", getattr(optimizer, "beta", 0))
        decay = _number("weight_decay", optimizer.weight_decay)
        multipliers = optimizer.multipliers(T)
        # A gradient is in the velocity T - 1 updates later with the power T - 1 of beta.
        gradient_unit = gradients * beta.denominator**T
        if decay:
            gradient_unit *= decay.denominator * _common(start)
        scales_gradient = getattr(optimizer, "schedule_scales", "velocity") == "gradient"
        if scales_gradient:
            gradient_unit *= _common(multipliers)
        steps = _common(multipliers) * _common(x for row in metric for x in row)
        return cls(
            name=optimizer.name,
            beta=beta,
            decay=decay,
            multipliers=multipliers,
            scales_gradient=scales_gradient,
            metric=metric,
            start=start,
            gradient_unit=gradient_unit,
            unit=gradient_unit * steps * _common(readouts),
        )

    def first(self, order: int) -> State:
        """Return the state before the first update."""
        return State(*([[0] * (order + 1) for _ in self.start] for _ in range(2)))

    def update(self, t: int, state: State, gradient: Sequence[Series]) -> State:
        """Return the state after update t.

        Parameters
        ----------
        t
            The number of the update, from 0.
        state
            The state before.
        gradient
            The mean gradient of the batch at the weights before, times the gradient unit.

        Examples
        --------
        Two equal pushes on a heavy ball, a power of s being four units:

        >>> from sgdiagrams.symbolic.training.optimizer import Momentum
        >>> rule = Rule.of(
        ...     Momentum(beta="1/2"), T=2, metric=((Fraction(1),),), start=(Fraction(0),),
        ...     gradients=1, readouts=[],
        ... )
        >>> state = rule.first(order=1)
        >>> for t in range(2):
        ...     state = rule.update(t, state, [[rule.gradient_unit, 0]])
        ...     print(rule.unit, state.theta)
        4 [[0, -4]]
        4 [[0, -10]]
        """
        theta, v = state
        g, a = list(gradient), self.multipliers[t]
        if self.decay:
            g = [add(x, self._pull(mu, theta[mu])) for mu, x in enumerate(g)]
        if self.scales_gradient:
            g, a = [times(a, x) for x in g], Fraction(1)
        if self.name != "sgd":
            v = [add(times(self.beta, old), x) for old, x in zip(v, g, strict=True)]
        if self.name == "sgd":
            step = g
        elif self.name == "momentum":
            step = v
        else:
            step = [add(x, times(self.beta, new)) for x, new in zip(g, v, strict=True)]
        rate = a * self.unit / self.gradient_unit
        moved = list(theta)
        for mu, row in enumerate(self.metric):
            for eta, along in zip(row, step, strict=True):
                if eta:
                    moved[mu] = step_down(moved[mu], times(rate * eta, along))
        return State(moved, v)

    def _pull(self, mu: int, deviation: Series) -> Series:
        """Return the weight decay's part of the gradient, at the weights and not at the deviation."""
        strength = self.decay * self.gradient_unit
        at_start = times(strength * self.start[mu], [1] + [0] * (len(deviation) - 1))
        return add(at_start, times(strength, deviation))


def _common(numbers: Iterable[Fraction]) -> int:
    return math.lcm(*(number.denominator for number in numbers))


def _number(name: str, value: Any) -> Fraction:
    if getattr(value, "free_symbols", None):
        raise SamplingError(f"expected a number for {name}, got {name}={value}; give {name}=...")
    return Fraction(value)
