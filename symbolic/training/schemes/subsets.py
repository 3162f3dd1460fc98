"""Batches drawn anew at every update, of different rows: subsets of one size, or of a size by chance."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from math import factorial
from typing import TYPE_CHECKING, Any, ClassVar, final, get_args

from sympy import Expr, Integer

from sgdiagrams.diagrams.errors import RequestError, SamplingError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.symbolic import symbols
from sgdiagrams.symbolic.checks import (
    Number,
    check_choice,
    count_or_symbol,
    rational_or_symbol,
    whole_number,
)
from sgdiagrams.symbolic.embeddings.forests import coarser_forests, update_forest
from sgdiagrams.symbolic.embeddings.levels import EdgeMode, level_sums
from sgdiagrams.symbolic.embeddings.one_pass import one_pass_count
from sgdiagrams.symbolic.embeddings.rules import PoissonRule, PoissonSteps, SubsetRule, SubsetSteps
from sgdiagrams.symbolic.propagation.course import EqualSteps
from sgdiagrams.symbolic.training.counters.rooted import with_root
from sgdiagrams.symbolic.training.facts.pair_shares import PairShares
from sgdiagrams.symbolic.training.facts.repetition import Repetition
from sgdiagrams.symbolic.training.facts.rounds import Rounds
from sgdiagrams.symbolic.training.given_sets.given_set import GivenSet
from sgdiagrams.symbolic.training.plain_counts import PlainCounter, ReshuffledCounter
from sgdiagrams.symbolic.training.sampling import Sampling
from sgdiagrams.symbolic.training.schemes.reductions import ReducedSampling, Reduction
from sgdiagrams.symbolic.training.schemes.rescaling import other_numbers
from sgdiagrams.symbolic.weights.laurent import Laurent, add_scaled, falling_factorial

if TYPE_CHECKING:
    from sgdiagrams.diagrams.diagram import Diagram
    from sgdiagrams.symbolic.embeddings.forests import UpdateForest
    from sgdiagrams.symbolic.embeddings.rules import LevelRule, StepRule
    from sgdiagrams.symbolic.propagation.course import Course
    from sgdiagrams.symbolic.training.counters.counter import Counter
    from sgdiagrams.symbolic.vocabulary import Basis, RootRole, SetRole

__all__ = ["Poisson", "Subsets"]


@final
@dataclass(frozen=True, slots=True, repr=False)
class Subsets(ReducedSampling):
    r"""T updates on B different rows each, drawn anew from a training set of N at every update.

    At one update j rows are all there with probability :math:`(B)_j/(N)_j`. Counts are expected numbers.

    Parameters
    ----------
    N, B, T
        Size of the training set, batch size and number of updates; symbols when left out.
    reduction
        ``"mean"``, or ``"sum"``: updates go by the sum of the gradients of a batch.

    Raises
    ------
    SamplingError
        When B is more than N, or a number is not positive (T = 0 is allowed).

    Examples
    --------
    >>> from sgdiagrams.diagrams import Diagram
    >>> Subsets(N=3, B=2).count(Diagram.parse("(0-1-2)(02-12)"))
    8*T**2/3 - 2*T/3
    """

    name: ClassVar[str] = "subsets"
    noise_goes_as: ClassVar[str | None] = "N"  # at fixed N/B and T
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
        if isinstance(self.N, int) and isinstance(self.B, int) and self.N < self.B:
            raise SamplingError(
                f"expected a batch size of at most N, got N={shown(self.N)}, B={shown(self.B)}; rows "
                "come several times in WithReplacement(N, B, T)"
            )

    @property
    def updates(self) -> Expr:
        """T."""
        return self.values["T"]

    @property
    def datapoints(self) -> Expr:
        """N."""
        return self.values["N"]

    @property
    def differences(self) -> tuple[Expr, ...]:
        """A batch has no more rows than there are."""
        return (self.values["N"] - self.values["B"],)

    @property
    def steps(self) -> StepRule:
        """Subsets drawn anew."""
        return SubsetSteps()

    @property
    def pair_shares(self) -> PairShares:
        """Two updates are independent; a batch shares all its rows with itself."""
        return PairShares(1 / self.batch_size, None, 1 / self.datapoints)

    def repetition(self, role: SetRole) -> Repetition[Sampling] | None:
        """Return updates on subsets of a given set, which are independent of each other."""
        if role == "population":
            return None
        return Repetition(self, "update", symbols.T, has_distinct_rows=True)

    def on_given_set(self) -> Sampling:
        """Return rounds of one batch."""
        return GivenSet(self, rounds=Rounds(Integer(1), self.updates), words="draws")

    def rescaled(self, **numbers: int) -> tuple[Subsets, Fraction]:
        """Return as many updates of N/B as it is on another training set: noise goes as 1/N.

        Its first order does so exactly, the others but for a relative 1/N.
        """
        self._check_course()
        N, B = int(self.datapoints), int(self.batch_size)
        given = other_numbers(self, numbers, "N", "another number of updates, or N/B", "B")
        other_N = whole_number("N", given["N"])
        other_B = given.get("B", Fraction(other_N * B, N))
        if other_B * N != B * other_N or Fraction(other_B).denominator != 1:
            raise SamplingError(
                f"expected N/B={Fraction(N, B)} as it is, got N={shown(other_N)}, B={shown(other_B)}; "
                "make a run of its own"
            )
        return replace(self, N=other_N, B=int(other_B)), Fraction(N, other_N)

    def course(self) -> Course:
        """Return T equal steps."""
        self._check_course()
        N, B, T = (int(value) for value in self.values.values())
        return EqualSteps(self.steps, N, B, T, is_sum=self.is_sum)

    def plain_counter(self, basis: Basis) -> Counter:
        """Return the counter of `laurent`."""
        return ReshuffledCounter(self, basis)

    def generators(self, order: int) -> tuple[Expr, ...]:
        """Return N, B, T and N - 1, ..., N - (order - 1)."""
        N, B, T = self.values.values()
        return (N, B, T, *(N - i for i in range(1, order)))

    def laurent(self, diagram: Diagram, *, basis: Basis, root: RootRole) -> Laurent:
        """Return the count as exponents of `generators` -> coefficient."""
        forest = update_forest(diagram)
        width = len(self.generators(diagram.order))
        count: Laurent = {}
        most = self.N if isinstance(self.N, int) else forest.block_count
        if basis == "cumulant" and forest.is_untied:
            times = one_pass_count(forest, "cumulant", unit_batch=True)
            zeros = (0,) * (width - 3)
            count = {(0, diagram.order, t, *zeros): c for (t, _), c in times.items()}
        else:
            for coarse in [forest] if basis == "moment" else coarser_forests(forest):
                if coarse.block_count <= most:  # different blocks need different rows
                    add_scaled(count, _over_steps(coarse, SubsetRule(), width))
        return with_root(count, forest, basis=basis, root=root, size=(1, *[0] * (width - 1)))


@final
@dataclass(frozen=True, slots=True)
class Poisson(Sampling):
    r"""T updates in which every one of N rows takes part by itself with probability q.

    Updates are divided by the expected number q N of rows, and where no row comes the gradient is zero.
    Counts are expected numbers.

    Parameters
    ----------
    N, T
        Size of the training set and number of updates; symbols when left out.
    q
        The probability, a rational number 0 < q <= 1; the symbol q when left out.

    Raises
    ------
    SamplingError
        When a number is impossible.

    References
    ----------
    M. Abadi and others, "Deep Learning with Differential Privacy" (2016), section 3.1.

    Examples
    --------
    >>> from sgdiagrams.diagrams import Diagram
    >>> Poisson().count(Diagram.parse("(01-2)(02-12)"))
    N*T**2*q**2 - N*T*q**2 + N*T*q
    """

    name: ClassVar[str] = "poisson"
    numbers: ClassVar[tuple[str, ...]] = ("N", "q", "T")
    chances: ClassVar[tuple[str, ...]] = ("q",)
    positive: ClassVar[tuple[str, ...]] = ("N",)

    N: Number | None = None
    q: Number | None = None
    T: Number | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "N", count_or_symbol("N", self.N, symbols.N, least=1))
        object.__setattr__(self, "T", count_or_symbol("T", self.T, symbols.T))
        q: Any = rational_or_symbol("q", self.q, symbols.q)
        if isinstance(q, Fraction) and not 0 < q <= 1:
            raise SamplingError(f"expected a probability 0 < q <= 1, got q={shown(self.q)}")
        whole = isinstance(q, Fraction) and q.denominator == 1
        object.__setattr__(self, "q", int(q) if whole else q)

    @property
    def updates(self) -> Expr:
        """T."""
        return self.values["T"]

    @property
    def datapoints(self) -> Expr:
        """N."""
        return self.values["N"]

    @property
    def batch_size(self) -> Expr:
        """The expected number of rows q N."""
        return self.values["q"] * self.values["N"]

    @property
    def step_number(self) -> Expr:
        """The probability q."""
        return self.values["q"]

    @property
    def share_powers(self) -> dict[str, int]:
        """1/(q N)."""
        return {"N": -1, "q": -1}

    @property
    def steps(self) -> StepRule:
        """Rows that come by themselves."""
        return PoissonSteps()

    def check_means(self) -> None:
        """Raise a RequestError: the number of rows is drawn."""
        raise RequestError(
            f"expected batches that weigh the same in every run along a path and for long times, got "
            f"{self.label}, which has no one noiseless run; take Subsets with B = q N"
        )

    def repetition(self, role: SetRole) -> Repetition[Sampling] | None:
        """Return updates on rows of a given set, which come by themselves."""
        if role == "population":
            return None
        return Repetition(self, "update", symbols.T, has_distinct_rows=True)

    def on_given_set(self) -> Sampling:
        """Raise a RequestError: links see how many rows come."""
        self.check_means()
        return self

    def course(self) -> Course:
        """Return T equal steps."""
        self._check_course()
        N, T = int(self.datapoints), int(self.updates)
        q: Any = self.values["q"]
        return EqualSteps(self.steps, N, Fraction(int(q.p), int(q.q)), T)

    def plain_counter(self, basis: Basis) -> Counter:
        """Return the counter of `laurent`."""
        return PlainCounter(self, basis)

    def laurent(self, diagram: Diagram, *, basis: Basis, root: RootRole) -> Laurent:
        """Return the count as exponents of (N, q, T) -> coefficient."""
        forest = update_forest(diagram)
        count: Laurent = {}
        for coarse in [forest] if basis == "moment" else coarser_forests(forest):
            add_scaled(count, _over_steps(coarse, PoissonRule(), 3))
        return with_root(count, forest, basis=basis, root=root, size=(1, 0, 0))


def _over_steps(forest: UpdateForest, rule: LevelRule, width: int) -> Laurent:
    """Return what a rule allows over T steps, as exponents of (N, B, T, N - 1, ...)."""
    plain = (EdgeMode(-1, ({(0,) * width: Fraction(1)},)),)
    sums = level_sums(forest, rule, inner=plain, outer=plain, base_count=0, width=width)
    count: Laurent = {}
    for (_, levels), laurent in sums.items():
        L = len(levels)
        for power, c in enumerate(falling_factorial(L)):
            moved: Laurent = {(n, b, power, *more): a for (_, n, b, *more), a in laurent.items()}
            add_scaled(count, moved, Fraction(c, factorial(L)))
    return count
