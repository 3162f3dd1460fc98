r"""Updates of an optimiser on truncated power series, by its matrices.

The state is a row of vectors, zero at first (`sgdiagrams.symbolic.propagation.linear_update`). Weight
decay is added to the gradient at the point where that is read. Of the theory's edge kernels nothing is
used. All series are kept whole, in a unit of the learning rate that the matrices are asked for first.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Self, TypeAlias, final

from sgdiagrams.diagrams.errors import SamplingError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.numeric.exact.series import Series, add, step_down, subtract, times
from sgdiagrams.numeric.linear_state import carried, combined

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sgdiagrams.symbolic.propagation.linear_update import LinearUpdate
    from sgdiagrams.symbolic.training.optimizer import Optimizer

__all__ = ["Rule", "State"]


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


State: TypeAlias = "tuple[_Vector, ...]"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    r"""The numbers of all updates, and units in which all coefficients of the series are whole.

    Attributes
    ----------
    updates
        What each of them does.
    decay
        :math:`\lambda`.
    drawn
        That of decoupled weight decay.
    metric
        The learning-rate tensor.
    start
        The starting point.
    gradient_unit
        Gradients are stored times this number.
    unit
        Series are in :math:`u = s / \mathrm{unit}`.
    """

    updates: tuple[LinearUpdate, ...]
    decay: Fraction
    drawn: Fraction
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
        updates = optimizer.linear_updates(T)
        gradient_unit = gradients
        drawn = _number("decoupled_decay", optimizer.decoupled_decay)
        if decay or drawn:
            gradient_unit *= math.lcm(decay.denominator, drawn.denominator) * _common(start)
        steps = _common(x for row in metric for x in row)
        return cls(
            updates=updates,
            decay=decay,
            drawn=drawn,
            metric=metric,
            start=start,
            gradient_unit=gradient_unit,
            unit=gradient_unit * steps * _made(updates) * _common(readouts),
        )

    def first(self, order: int) -> State:
        """Return the state before the first update."""
        zero = _Vector([[0] * (order + 1) for _ in self.start])
        return (zero,) * (self.updates[0].states if self.updates else 1)

    def read(self, t: int, state: State) -> list[Series]:
        """Return where the gradient of update t is read, as a deviation from the start."""
        return list(combined(self.updates[t].read, state).series)

    def weights(self, t: int, state: State) -> list[Series]:
        """Return where the weights are after update t, as a deviation from the start."""
        return list(combined(self.updates[t].readout, state).series)

    def update(self, t: int, state: State, gradient: Sequence[Series]) -> State:
        """Return the state after update t.

        Parameters
        ----------
        t
            The number of the update, from 0.
        state
            The state before.
        gradient
            The mean gradient of the batch at what it reads, times the gradient unit.

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
        ...     print(rule.unit, rule.weights(t, state))
        4 [[0, -4]]
        4 [[0, -10]]
        """
        g = list(gradient)
        if self.decay:
            read = self.read(t, state)
            g = [add(x, self._pull(mu, read[mu])) for mu, x in enumerate(g)]
        update, pull = self.updates[t], None
        if update.pull is not None:
            drawn = combined(update.pull.read, state).series
            pull = self._push([self._weights(self.drawn, mu, x) for mu, x in enumerate(drawn)])
        return carried(update, state, self._push(g), pull)

    def _push(self, gradient: Sequence[Series]) -> _Vector:
        """Return the learning rate times a gradient."""
        rate = Fraction(self.unit, self.gradient_unit)
        push = []
        for row in self.metric:
            total = [0] * len(gradient[0])
            for eta, along in zip(row, gradient, strict=True):
                if eta:
                    # One power of the learning rate more.
                    total = step_down(total, times(-rate * eta, along))
            push.append(total)
        return _Vector(push)

    def _pull(self, mu: int, deviation: Series) -> Series:
        """Return the weight decay's part of the gradient, at the weights and not at the deviation."""
        return self._weights(self.decay, mu, deviation)

    def _weights(self, number: Fraction, mu: int, deviation: Series) -> Series:
        """Return a number times the weights, and times the gradient unit."""
        strength = number * self.gradient_unit
        at_start = times(strength * self.start[mu], [1] + [0] * (len(deviation) - 1))
        return add(at_start, times(strength, deviation))


def _made(updates: Sequence[LinearUpdate]) -> int:
    """Return a common denominator of all that is made of whole pushes, and of what is read of it."""
    everything = 1
    state = [1] * (updates[0].states if updates else 0)
    for update in updates:
        read = [x.denominator * d for x, d in zip(update.read, state, strict=True) if x]
        state = [
            math.lcm(
                number.denominator,
                *(x.denominator * d for x, d in zip(row, state, strict=True) if x),
            )
            for row, number in zip(update.step, update.inject, strict=True)
        ]
        if update.pull is not None:
            state = [
                math.lcm(d, x.denominator) for d, x in zip(state, update.pull.inject, strict=True)
            ]
        seen = [x.denominator * d for x, d in zip(update.readout, state, strict=True) if x]
        everything = math.lcm(everything, *read, *state, *seen)
    return everything


def _common(numbers: Iterable[Fraction]) -> int:
    return math.lcm(*(number.denominator for number in numbers))


def _number(name: str, value: Any) -> Fraction:
    if getattr(value, "free_symbols", None):
        raise SamplingError(
            f"expected a number for {name}, got {name}={shown(value)}; give {name}=..."
        )
    return Fraction(value)
