"""Counts by number for factors that look at the weights at several times."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, final

from sympy import Expr, Rational

from sgdiagrams.symbolic.embeddings.forests import update_forest
from sgdiagrams.symbolic.propagation.dressed import DressedPropagator
from sgdiagrams.symbolic.propagation.dynamics import Dynamics
from sgdiagrams.symbolic.propagation.rings import FRACTIONS
from sgdiagrams.symbolic.training.counters.counter import TimedCounter
from sgdiagrams.symbolic.training.counters.rooted import with_root
from sgdiagrams.symbolic.training.sampling import course_of
from sgdiagrams.symbolic.weights.laurent import Laurent, at_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sgdiagrams.diagrams.diagram import Diagram
    from sgdiagrams.symbolic.embeddings.forests import UpdateForest
    from sgdiagrams.symbolic.observed.times_of_reading import ReadTime
    from sgdiagrams.symbolic.training.training import Training
    from sgdiagrams.symbolic.vocabulary import Basis, RootRole

__all__ = ["TimedNumberCounter"]


@final
class TimedNumberCounter(TimedCounter):
    """Weighted counts by number, for every scheme and optimiser with discrete updates.

    Parameters
    ----------
    training
        With numbers for all symbols.
    basis
        That of the counts.
    times
        When factors look at the weights.

    Raises
    ------
    SamplingError
        When a number is missing, or a time is none of training.
    """

    def __init__(self, training: Training, basis: Basis, times: Sequence[ReadTime]) -> None:
        training.check_counted_by_number()
        self.scheme = training.sampling
        self.basis = basis
        self.course = course_of(self.scheme)
        self._optimizer = training.optimizer
        T = self.course.updates
        #: The weights of the iterates that are read at each time.
        self._iterates = {time: training.iterate_weights(time.number(T)) for time in times}
        self._values: dict[tuple[Any, ...], Any] = {}

    def count_read(
        self, diagram: Diagram, root: RootRole, reads: tuple[ReadTime | None, ...]
    ) -> Laurent:
        """Return the weighted count under the empty exponents."""
        forest = update_forest(diagram)
        is_short = forest.block_count > self.course.rows and not self.scheme.is_noiseless
        if self.basis == "moment" and is_short:
            return {}  # different blocks need different rows
        N = int(self.scheme.datapoints or 1) or 1
        one: Laurent = {(0,): Fraction(1)}
        share = at_number(with_root(one, forest, basis=self.basis, root=root, size=(1,)), N)
        total = Fraction(self._embedded(forest, reads) * share if share else 0)
        return {(): total} if total else {}

    def _embedded(self, forest: UpdateForest, reads: tuple[ReadTime | None, ...]) -> Any:
        if not forest.parents:
            return Fraction(1)
        key = (forest.parents, forest.blocks, reads)
        if key not in self._values:
            end = next(iter(self._iterates.values()))
            iterates = [end if time is None else self._iterates[time] for time in reads]
            dynamics = Dynamics.timed(
                self._optimizer, self.course.updates, iterates=iterates, ring=FRACTIONS
            )
            propagator = DressedPropagator(dynamics)
            self._values[key] = self.course.embed(propagator, forest, self.basis)
        return self._values[key]

    def weight(self, total: Laurent, order: int) -> Expr:  # noqa: ARG002
        """Return the number."""
        value = Fraction(total.get((), Fraction(0)))
        return Rational(value.numerator, value.denominator)
