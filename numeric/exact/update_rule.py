r"""One update of an optimiser on truncated power series, by the update rule that it says itself.

The rules of the built-in optimisers are written as in a manual:

.. math:: g \leftarrow g + \lambda \theta, \qquad v \leftarrow \beta v + g, \qquad
    \theta \leftarrow \theta - \eta\, a_t \times \begin{cases} g & \text{SGD} \\ v & \text{heavy ball} \\
    g + \beta v & \text{Nesterov} \end{cases}

with the new *v* on the right, and :math:`v = 0` before the first update. A schedule that scales the
gradient multiplies *g* by :math:`a_t`, after the decay, and not the step. Of the theory's edge kernels
nothing is used. All series are kept whole, in units that the rule is asked for first. Source: the
documentation of ``torch.optim.SGD``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple, Self, final

from sgdiagrams.diagrams.errors import SamplingError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.numeric.exact.series import Series, add, step_down, subtract, times

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sgdiagrams.symbolic.training.optimizer import Optimizer

__all__ = ["Rule", "State"]


@final
class _Denominator:
    """A denominator of a multiple of a whole gradient: what becomes of it under an update rule."""

    __slots__ = ("value",)

    def __init__(self, value: int) -> None:
        self.value = value

    def __add__(self, other: _Denominator, /) -> _Denominator:
        return _Denominator(math.lcm(self.value, other.value))

    __sub__ = __add__

    def __rmul__(self, factor: Any, /) -> _Denominator:
        return _Denominator(self.value * Fraction(factor).denominator)


@final
class _Vector:
    """p series, which exact numbers multiply: what update rules are written for."""

    __slots__ = ("series",)

    def __init__(self, series: Sequence[Series]) -> None:
        self.series = series

    def __add__(self, other: _Vector, /) -> _Vector:
        return _Vector([add(x, y) for x, y in zip(self.series, other.series, strict=True)])

    def __sub__(self, other: _Vector, /) -> _Vector:
        return _Vector([subtract(x, y) for x, y in zip(self.series, other.series, strict=True)])

    def __rmul__(self, factor: Any, /) -> _Vector:
        return _Vector([times(Fraction(factor), x) for x in self.series])


class State(NamedTuple):
    """Where the weights are.

    Attributes
    ----------
    theta
        The deviation from the start, p series.
    memory
        What the optimiser keeps.
    """

    theta: list[Series]
    memory: tuple[_Vector, ...]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    r"""The numbers of an update rule, and units in which all coefficients of the series are whole.

    Attributes
    ----------
    optimizer
        Says what an update does.
    decay
        :math:`\lambda`.
    multipliers
        :math:`a_0, \dots, a_{T-1}`.
    metric
        The learning-rate tensor.
    start
        The starting point.
    gradient_unit
        Gradients and what is kept of them are stored times this number.
    unit
        Series are in :math:`u = s / \mathrm{unit}`.
    """

    optimizer: Optimizer
    decay: Fraction
    multipliers: tuple[Fraction, ...]
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
            With numbers.
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
        for name, value in optimizer.values.items():
            _number(name, value)
        decay = _number("weight_decay", optimizer.weight_decay)
        multipliers = optimizer.multipliers(T)
        # What the rule makes of whole gradients is whole in this unit.
        made = [_Denominator(1)]
        memory = (_Denominator(1),) * optimizer.memory_size
        for a in multipliers:
            step, memory = optimizer.update(_Denominator(1), memory, a)
            made += [step, *memory]
        gradient_unit = gradients * math.lcm(*(x.value for x in made))
        if decay:
            gradient_unit *= decay.denominator * _common(start)
        steps = _common(x for row in metric for x in row)
        return cls(
            optimizer=optimizer,
            decay=decay,
            multipliers=multipliers,
            metric=metric,
            start=start,
            gradient_unit=gradient_unit,
            unit=gradient_unit * steps * _common(readouts),
        )

    def first(self, order: int) -> State:
        """Return the state before the first update."""
        zero = [[0] * (order + 1) for _ in self.start]
        return State(zero, (_Vector(zero),) * self.optimizer.memory_size)

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

        >>> from sgdiagrams.symbolic.training.optimizers.momentum import Momentum
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
        theta = state.theta
        g = list(gradient)
        if self.decay:
            g = [add(x, self._pull(mu, theta[mu])) for mu, x in enumerate(g)]
        step, memory = self.optimizer.update(_Vector(g), state.memory, self.multipliers[t])
        rate = Fraction(self.unit, self.gradient_unit)
        moved = list(theta)
        for mu, row in enumerate(self.metric):
            for eta, along in zip(row, step.series, strict=True):
                if eta:
                    moved[mu] = step_down(moved[mu], times(rate * eta, along))
        return State(moved, memory)

    def _pull(self, mu: int, deviation: Series) -> Series:
        """Return the weight decay's part of the gradient, at the weights and not at the deviation."""
        strength = self.decay * self.gradient_unit
        at_start = times(strength * self.start[mu], [1] + [0] * (len(deviation) - 1))
        return add(at_start, times(strength, deviation))


def _common(numbers: Iterable[Fraction]) -> int:
    return math.lcm(*(number.denominator for number in numbers))


def _number(name: str, value: Any) -> Fraction:
    if getattr(value, "free_symbols", None):
        raise SamplingError(
            f"expected a number for {name}, got {name}={shown(value)}; give {name}=..."
        )
    return Fraction(value)
