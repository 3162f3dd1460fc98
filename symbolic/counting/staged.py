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
    from sgdiagrams.symbolic.training.sampling import Sampling
    from sgdiagrams.symbolic.training.training import Training
    from sgdiagrams.symbolic.vocabulary import Basis, RootRole

__all__ = ["StagedCounter", "shares_of_updates"]


def shares_of_updates(scheme: Sampling, updates: int) -> tuple[int, int]:
    """Return the share of a row for every update as powers of N and B, or what is in its place.

    Examples
    --------
    >>> from sgdiagrams.symbolic.training.schemes.one_pass import OnePass
    >>> from sgdiagrams.symbolic.training.schemes.subsets import Poisson
    >>> shares_of_updates(OnePass(B=2), 3), shares_of_updates(Poisson(), 3)
    ((0, -3), (-3, -3))
    """
    powers = [0, 0]
    for name, power in scheme.share_powers.items():
        powers[name != "N"] = -power * prefactor(updates).batches
    return powers[0], powers[1]


@final
class StagedCounter(TimedCounter):
    """Closed forms for plain SGD with steps that are alike, polynomials in the lengths of stages.

    Keys are exponents of N, B (or what stands in its place), and N - 1, N - 2, ... where these are below
    the line, and the numbers of distinct times in every stage.

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
        self._below = steps_of(self.scheme).numbers_below

    def count_read(
        self, diagram: Diagram, root: RootRole, reads: tuple[ReadTime | None, ...]
    ) -> Laurent:
        """Return the count, times the share of a row for every update."""
        forest = update_forest(diagram)
        stages = len(self._lengths)
        last = [stages - 1 if time is None else self._stage[time] for time in reads]
        rule, forests = steps_of(self.scheme).in_basis(self.basis, forest)
        count: Laurent = {}
        rest = [0] * (self._below + stages)
        shares = (*shares_of_updates(self.scheme, len(forest.parents)), *rest)
        N = self.scheme.values.get("N", Integer(0))
        for coarse in forests:
            if N.is_Integer and self._below and coarse.block_count > N:
                continue  # different blocks need different rows
            sums = stage_sums(coarse, rule, last, stages, below=self._below)
            add_scaled(count, sums, 1, shares)
        size = (1, 0, *rest)
        return with_root(count, forest, basis=self.basis, root=root, size=size)

    def weight(self, total: Laurent, order: int) -> Expr:  # noqa: ARG002
        """Return the sum as a canonical weight."""
        N: Expr = self.scheme.datapoints or Integer(1)
        B = self.scheme.step_number
        terms = []
        for (n, b, *rest), c in total.items():
            factors = [Rational(c.numerator, c.denominator), Pow(N, n), Pow(B, b)]
            factors += [Pow(N - i, k) for i, k in enumerate(rest[: self._below], start=1)]
            levels = rest[self._below :]
            for length, count in zip(self._lengths, levels, strict=True):
                factors += [length - i for i in range(count)]
                factors.append(Rational(1, factorial(count)))
            terms.append(Mul(*factors))
        return canonical(Add(*terms))
