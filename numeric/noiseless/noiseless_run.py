r"""The noiseless run of a model: an optimiser on the mean gradient of all data, forward and backward.

.. math:: g_t = \nabla l(\psi_t) + \lambda \psi_t, \quad \psi_t = \varphi_0 + r_t \cdot z_t, \qquad
    z_{t+1} = A_t z_t - \eta\, b_t g_t, \qquad \varphi_{t+1} = \varphi_0 + c_t \cdot z_{t+1}

with the numbers of `sgdiagrams.symbolic.propagation.linear_update`; most optimisers read gradients at the
weights. Backward some states are kept, as many as the memory allows, and the others are
computed again from those: with room for k of them k updates in one go, about :math:`k^2/4` with one more
pass over all updates, and so on. So there is no number of updates that memory would not suffice for.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Self, final

from sgdiagrams.diagrams.errors import StatisticsError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.numeric.linear_state import carried, combined
from sgdiagrams.numeric.models.chunks import MEMORY
from sgdiagrams.numeric.noiseless.training_penalty import TrainingPenalty
from sgdiagrams.symbolic.vocabulary import LOSS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sgdiagrams.numeric.descent import Descent
    from sgdiagrams.numeric.models.model import Model
    from sgdiagrams.symbolic.propagation.linear_update import LinearUpdate

__all__ = ["NoiselessRun", "Passed", "RunState"]

#: Besides those that are kept: the present one, its gradient, and what is carried back.
_STATES_AT_WORK = 4


@final
@dataclass(frozen=True, slots=True, eq=False)
class RunState:
    """Where a run stands: vectors of the model's library, shape (p,) each.

    Attributes
    ----------
    vectors
        The optimiser's, zero at the start.
    """

    vectors: tuple[Any, ...]


@final
@dataclass(frozen=True, slots=True, eq=False)
class Passed:
    """A run that has been followed to its end.

    Attributes
    ----------
    points
        What is looked at: averages of the weights over the run, or its end; shape (p,) each.
    kept
        States by the number of updates before them, in ascending order; 0 is the first.
    """

    points: tuple[Any, ...]
    kept: dict[int, RunState]


@final
@dataclass(frozen=True, slots=True, eq=False)
class NoiselessRun:
    """An optimiser on the mean loss of a model's data, from the model's weights; in their type.

    Attributes
    ----------
    model
        The loss and the data: the population.
    descent
        The optimiser over all updates, and what is looked at.
    linear_updates
        Those of the descent.
    eta
        The learning rate.
    room
        How many states are kept at a time, besides those at work.

    Examples
    --------
    >>> import numpy as np
    >>> from sgdiagrams.numeric.descent import Descent
    >>> from sgdiagrams.numeric.models.choice import model_of
    >>> from sgdiagrams.symbolic.training.schemes.one_pass import OnePass
    >>> from sgdiagrams.symbolic.training.training import Training
    >>> model = model_of(lambda w, x: (w - x) ** 2 / 2, np.ones(()), np.array([-1.0, 1.0]))
    >>> run = NoiselessRun.of(model, Descent.of(Training(OnePass(T=2))), eta=0.5)
    >>> run.forward().points[0].tolist()
    [0.25]
    """

    model: Model
    descent: Descent
    linear_updates: tuple[LinearUpdate, ...]
    eta: float
    room: int

    @classmethod
    def of(cls, model: Model, descent: Descent, *, eta: float, memory: float = MEMORY) -> Self:
        """Return the run that keeps states in so many bytes, about."""
        state = descent.states * model.dimension * model.dtype.itemsize
        room = max(0, int(memory // state) - _STATES_AT_WORK)
        _ = model.everything, model.bytes_per_datapoint  # known once, all that is moved shares them
        return cls(model, descent, descent.updates, float(eta), room)

    @property
    def updates(self) -> int:
        """The number of updates T."""
        return len(self.linear_updates)

    @property
    def penalty(self) -> TrainingPenalty:
        """What the optimiser adds to the loss."""
        return TrainingPenalty.of(self.model, self.descent.optimizer)

    def states(self) -> Iterator[RunState]:
        """Yield the states after 0, 1, ..., T updates.

        Raises
        ------
        StatisticsError
            When one of them is not finite.
        """
        with self.model.computing():
            zero = 0 * self.model.start
        now = RunState((zero,) * self.descent.states)
        yield now
        for t in range(self.updates):
            now = self._updated(now, t)
            yield now

    def forward(self) -> Passed:
        """Follow the run to its end.

        Raises
        ------
        StatisticsError
            When it does not stay finite.
        """
        places = {0, *_places(0, self.updates, self.room)}
        kept = {}
        with self.model.computing():
            points = [0 * self.model.start] * len(self.descent.watched)
        for t, state in enumerate(self.states()):
            if t in places:
                kept[t] = state
            with self.model.computing():
                for i, weights in enumerate(self.descent.watched):
                    if weights[t]:
                        points[i] = points[i] + weights[t] * self.weights(t, state)
        return Passed(tuple(points), kept)

    def weights(self, t: int, state: RunState) -> Any:
        """Return the weights after t updates."""
        if not t:
            return self.model.start
        return self.model.start + combined(self.linear_updates[t - 1].readout, state.vectors)

    def read(self, t: int, state: RunState) -> Any:
        """Return the weights at which update t reads the gradient."""
        return self.model.start + combined(self.linear_updates[t].read, state.vectors)

    def backward(self, passed: Passed) -> Iterator[tuple[int, Any]]:
        """Yield (t, weights at which update t reads the gradient) for t = T - 1, ..., 1, 0."""
        room = self.room + 1 - len(passed.kept)  # the start is there anyway
        for begin, end in reversed([*pairwise([*passed.kept, self.updates])]):
            yield from self._back(begin, passed.kept[begin], end, room)

    def _back(self, begin: int, state: RunState, end: int, room: int) -> Iterator[tuple[int, Any]]:
        """Yield what is between two updates backwards, with room for more states."""
        if end - begin == 1:
            yield begin, self._reading(begin, state)
            return
        places = _places(begin, end, room)
        if not places:  # no room: every state from the first
            for t in reversed(range(begin, end)):
                yield t, self._reading(t, self._advanced(state, begin, t))
            return
        kept, last = {begin: state}, begin
        for place in places:
            kept[place] = self._advanced(kept[last], last, place)
            last = place
        for first, following in reversed([*pairwise([*kept, end])]):
            yield from self._back(first, kept.pop(first), following, room - len(kept))

    def _reading(self, t: int, state: RunState) -> Any:
        with self.model.computing():
            return self.read(t, state)

    def _advanced(self, state: RunState, begin: int, end: int) -> RunState:
        for t in range(begin, end):
            state = self._updated(state, t)
        return state

    def _updated(self, state: RunState, t: int) -> RunState:
        read = self._reading(t, state)
        model = self.model.moved(read)
        try:
            table = model.derivative(LOSS, model.everything, output="vector")
        except StatisticsError as error:
            raise StatisticsError(
                f"expected a noiseless run that stays finite, but at eta={shown(self.eta)} it does not "
                f"after {t} of {self.updates} updates; take a smaller learning rate"
            ) from error
        slope = self.penalty.added_to_slope(table[0], model)
        with model.computing():
            update, pull = self.linear_updates[t], None
            if update.pull is not None:
                whole = self.model.start + combined(update.pull.read, state.vectors)
                pull = (self.eta * self.descent.pull) * whole
            return RunState(carried(update, state.vectors, self.eta * slope, pull))


def _places(begin: int, end: int, room: int) -> list[int]:
    """Return the updates between two before which states are kept.

    All of them where there is room, else half of what fits, evenly; the other half is for what lies
    between these.
    """
    between = end - begin - 1
    if between <= room:
        return [*range(begin + 1, end)]
    count = (room + 1) // 2
    return [begin + (end - begin) * i // (count + 1) for i in range(1, count + 1)]
