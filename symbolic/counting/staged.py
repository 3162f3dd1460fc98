r"""Counts for factors that look at the weights at several times, in closed form.

The times cut training into stages, whose lengths may be symbols; a stage of n steps offers
:math:`\binom{n}{L}` choices of L distinct times.
"""

from __future__ import annotations

from math import factorial
from typing import TYPE_CHECKING, final

from sympy import Add, Expr, Integer, Mul, Pow, Rational

from sgdiagrams.symbolic.embeddings.forests import update_forest
from sgdiagrams.symbolic.embeddings.signs import prefactor
from sgdiagrams.symbolic.embeddings.stages import stage_sums
from sgdiagrams.symbolic.observed.times_of_reading import in_order_of_time, stage_lengths
from sgdiagrams.symbolic.training.counters.counter import TimedCounter
from sgdiagrams.symbolic.training.counters.rooted import with_root
from sgdiagrams.symbolic.training.sampling import steps_of
from sgdiagrams.symbolic.weights.laurent import Laurent, add_scaled
from sgdiagrams.symbolic.weights.quotients import canonical

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sgdiagrams.diagrams.diagram import Diagram
    from sgdiagrams.symbolic.observed.times_of_reading import ReadTime
    from sgdiagrams.symbolic.training.training import Training
    from sgdiagrams.symbolic.vocabulary import Basis, RootRole

__all__ = ["StagedCounter"]


@final
class StagedCounter(TimedCounter):
    """Closed forms for plain SGD with steps that are alike, polynomials in the lengths of stages.

    Keys are exponents of N and B, and the numbers of distinct times in every stage.

    Parameters
    ----------
    training
        Plain SGD, with a scheme of equal steps.
    basis
        That of the counts.
    times
        When factors look at the weights.
    """

    def __init__(self, training: Training, basis: Basis, times: Sequence[ReadTime]) -> None:
        self.scheme = training.sampling
        self.basis = basis
        ordered = in_order_of_time(times)
        self._stage = {time: i for i, time in enumerate(ordered)}
        self._lengths = stage_lengths(ordered, self.scheme.updates)

    def count_read(
        self, diagram: Diagram, root: RootRole, reads: tuple[ReadTime | None, ...]
    ) -> Laurent:
        """Return the count, divided by B for every update."""
        forest = update_forest(diagram)
        stages = len(self._lengths)
        last = [stages - 1 if time is None else self._stage[time] for time in reads]
        rule, forests = steps_of(self.scheme).in_basis(self.basis, forest)
        count: Laurent = {}
        batches = (0, prefactor(len(forest.parents)).batches, *[0] * stages)
        for coarse in forests:
            add_scaled(count, stage_sums(coarse, rule, last, stages), 1, batches)
        size = (1, *[0] * (stages + 1))
        return with_root(count, forest, basis=self.basis, root=root, size=size)

    def weight(self, total: Laurent, order: int) -> Expr:  # noqa: ARG002
        """Return the sum as a canonical weight."""
        N: Expr = self.scheme.datapoints or Integer(1)
        B = self.scheme.batch_size
        terms = []
        for (n, b, *levels), c in total.items():
            factors = [Rational(c.numerator, c.denominator), Pow(N, n), Pow(B, b)]
            for length, count in zip(self._lengths, levels, strict=True):
                factors += [length - i for i in range(count)]
                factors.append(Rational(1, factorial(count)))
            terms.append(Mul(*factors))
        return canonical(Add(*terms))
