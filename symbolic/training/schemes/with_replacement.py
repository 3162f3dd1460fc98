"""Batches drawn with replacement from a training set."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import factorial
from typing import TYPE_CHECKING, ClassVar, final, get_args

from sgdiagrams.symbolic import symbols
from sgdiagrams.symbolic.checks import (
    Number,
    check_choice,
    count_or_symbol,
)
from sgdiagrams.symbolic.embeddings.forests import coarser_forests, update_forest
from sgdiagrams.symbolic.embeddings.levels import EdgeMode, level_sums
from sgdiagrams.symbolic.embeddings.one_pass import one_pass_count
from sgdiagrams.symbolic.embeddings.rules import (
    ReplacementRule,
    ReplacementSteps,
)
from sgdiagrams.symbolic.propagation.course import EqualSteps
from sgdiagrams.symbolic.training.counters.rooted import with_root
from sgdiagrams.symbolic.training.facts.pair_shares import PairShares
from sgdiagrams.symbolic.training.given_sets.given_set import GivenSet
from sgdiagrams.symbolic.training.plain_counts import (
    PlainCounter,
)
from sgdiagrams.symbolic.training.schemes.one_pass import OnePass
from sgdiagrams.symbolic.training.schemes.reductions import ReducedSampling, Reduction
from sgdiagrams.symbolic.weights.laurent import Laurent, add_scaled, falling_factorial

if TYPE_CHECKING:
    from sympy import Expr

    from sgdiagrams.diagrams.diagram import Diagram
    from sgdiagrams.symbolic.embeddings.rules import StepRule
    from sgdiagrams.symbolic.propagation.course import Course
    from sgdiagrams.symbolic.training.counters.counter import Counter
    from sgdiagrams.symbolic.training.facts.repetition import Repetition
    from sgdiagrams.symbolic.training.sampling import Sampling
    from sgdiagrams.symbolic.vocabulary import Basis, RootRole, SetRole

__all__ = ["WithReplacement"]


@final
@dataclass(frozen=True, slots=True, repr=False)
class WithReplacement(ReducedSampling):
    """T updates on B datapoints each, every one drawn uniformly from a training set of N.

    A datapoint may come up several times in one batch. Counts are expected numbers.

    Parameters
    ----------
    N, B, T
        Size of the training set, batch size and number of updates; symbols when left out.
    reduction
        ``"mean"``, or ``"sum"``: updates go by the sum of the gradients of a batch.

    Examples
    --------
    >>> from sgdiagrams.diagrams import Diagram
    >>> WithReplacement(B=1).count(Diagram.parse("(01-2)(01-12)"))
    T**2/(2*N) - T/(2*N)
    """

    name: ClassVar[str] = "with-replacement"
    numbers: ClassVar[tuple[str, ...]] = ("N", "B", "T")
    positive: ClassVar[tuple[str, ...]] = ("N", "B")

    N: Number | None = None
    B: Number | None = None
    T: Number | None = None
    reduction: Reduction = "mean"

    def __post_init__(self) -> None:
        check_choice("reduction", self.reduction, get_args(Reduction))
        object.__setattr__(self, "N", count_or_symbol("N", self.N, symbols.N, least=1))
        object.__setattr__(self, "B", count_or_symbol("B", self.B, symbols.B, least=1))
        object.__setattr__(self, "T", count_or_symbol("T", self.T, symbols.T))

    @property
    def updates(self) -> Expr:
        """T."""
        return self.values["T"]

    @property
    def datapoints(self) -> Expr:
        """N."""
        return self.values["N"]

    @property
    def steps(self) -> StepRule:
        """Slots filled at random."""
        return ReplacementSteps()

    @property
    def pair_shares(self) -> PairShares:
        """Two slots hold one row with probability 1/N; a slot shares its own row with itself."""
        N, B = self.datapoints, self.batch_size
        return PairShares((N + B - 1) / (N * B), None, 1 / N)

    def repetition(self, role: SetRole) -> Repetition[Sampling] | None:
        """Return updates on rows of a given set, drawn independently of each other."""
        return None if role == "population" else self.on_given_rows.repetition("population")

    def on_given_set(self) -> Sampling:
        """Return fresh datapoints of a population that is the set."""
        return GivenSet(self, like=self.on_given_rows, words="draws")

    @property
    def on_given_rows(self) -> OnePass:
        """Fresh datapoints at every update: rows are drawn independently of each other."""
        return OnePass(T=self.T, B=self.B, reduction=self.reduction)

    def course(self) -> Course:
        """Return T equal steps."""
        self._check_course()
        N, B, T = (int(value) for value in self.values.values())
        return EqualSteps(self.steps, N, B, T, is_sum=self.is_sum)

    def plain_counter(self, basis: Basis) -> Counter:
        """Return the counter of `laurent`."""
        return PlainCounter(self, basis)

    def laurent(self, diagram: Diagram, *, basis: Basis, root: RootRole) -> Laurent:
        """Return the count as exponents of (N, B, T) -> coefficient."""
        forest = update_forest(diagram)
        count: Laurent = {}
        plain = (EdgeMode(-1, ({(0, 0, 0): Fraction(1)},)),)
        if basis == "cumulant" and forest.is_untied:
            times = one_pass_count(forest, "cumulant", unit_batch=True)
            count = {(0, diagram.order, t): c for (t, _), c in times.items()}
            return with_root(count, forest, basis=basis, root=root, size=(1, 0, 0))
        if basis == "moment" and isinstance(self.N, int) and forest.block_count > self.N:
            return {}  # different blocks need different rows
        for coarse in [forest] if basis == "moment" else coarser_forests(forest):
            sums = level_sums(coarse, ReplacementRule(), inner=plain, outer=plain, base_count=0)
            for (_, levels), laurent in sums.items():
                L = len(levels)
                for power, c in enumerate(falling_factorial(L)):
                    moved: Laurent = {(n, b, power): a for (_, n, b), a in laurent.items()}
                    add_scaled(count, moved, Fraction(c, factorial(L)))
        return with_root(count, forest, basis=basis, root=root, size=(1, 0, 0))
