"""Epochs over a training set: in one order, shuffled once, shuffled anew, and full batches."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, ClassVar, Literal, final, get_args

from sympy import Expr, Integer

from sgdiagrams.diagrams.errors import SamplingError, check_kind
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.symbolic import symbols
from sgdiagrams.symbolic.checks import (
    Number,
    check_choice,
    check_updates,
    count_or_symbol,
    whole_number,
)
from sgdiagrams.symbolic.embeddings.batches import Batch
from sgdiagrams.symbolic.embeddings.effort import FEW_NODES
from sgdiagrams.symbolic.embeddings.epochs import epochs_count, full_batch_count, untied_count
from sgdiagrams.symbolic.embeddings.forests import coarser_forests, update_forest
from sgdiagrams.symbolic.embeddings.reshuffled import reshuffled_count
from sgdiagrams.symbolic.embeddings.rules import (
    FullBatchSteps,
)
from sgdiagrams.symbolic.propagation.course import EqualSteps, FixedBatches, ReshuffledEpochs
from sgdiagrams.symbolic.training.counters.rooted import with_root
from sgdiagrams.symbolic.training.facts.pair_shares import PairShares
from sgdiagrams.symbolic.training.facts.repetition import Repetition
from sgdiagrams.symbolic.training.facts.rounds import Rounds
from sgdiagrams.symbolic.training.given_sets.given_set import GivenSet
from sgdiagrams.symbolic.training.plain_counts import (
    EpochsCounter,
    ReshuffledCounter,
    UnevenEpochsCounter,
    polynomial_through,
)
from sgdiagrams.symbolic.training.sampling import Sampling
from sgdiagrams.symbolic.training.schemes.limits import GradientDescent
from sgdiagrams.symbolic.training.schemes.reductions import (
    Reduction,
    summed_option,
    summed_words,
    without_usual,
)
from sgdiagrams.symbolic.training.schemes.rescaling import other_numbers
from sgdiagrams.symbolic.weights.laurent import Laurent, add_scaled

if TYPE_CHECKING:
    from sgdiagrams.diagrams.diagram import Diagram
    from sgdiagrams.symbolic.embeddings.rules import StepRule
    from sgdiagrams.symbolic.propagation.course import Course
    from sgdiagrams.symbolic.training.counters.counter import Counter
    from sgdiagrams.symbolic.vocabulary import Basis, RootRole, SetRole, Sharing

__all__ = ["Epochs", "FullBatch", "Shuffle"]


Shuffle = Literal["once", "every-epoch"] | None


@final
@dataclass(frozen=True, slots=True, repr=False)
class Epochs(Sampling):
    """E epochs over N datapoints in batches of B, the last of an epoch perhaps smaller.

    T is E times the number of batches of an epoch. With symbols for N or B formulas are those for B that
    divides N, with T = E N / B; numbers that do not divide are given before an expansion is made.

    Parameters
    ----------
    N, B, E
        Number of datapoints, batch size and number of epochs; symbols when left out.
    shuffle
        None: always in the order of the rows; ``"once"``: in one order, drawn at random, which over
        i.i.d. datapoints is the same, and on one given training set is the average over orders;
        ``"every-epoch"``: in a new random order every epoch (counts are then expected numbers).
    drop_last
        What becomes of the rows that are left at the end of an epoch where B does not divide N: they are
        a smaller batch, with the mean over its own rows, or are left out. In orders that are drawn chance
        says which they are.
    reduction
        ``"mean"``, or ``"sum"``: updates go by the sum of the gradients of a batch.

    Raises
    ------
    SamplingError
        When B is more than N, or a number is not positive (E = 0 is allowed: no update).

    Examples
    --------
    >>> from sgdiagrams.diagrams import Diagram
    >>> chain = Diagram.parse("(0-1-2)(01-12)")
    >>> Epochs().count(chain, basis="cumulant")
    -B*E*N/2 + E**2*N**2/2
    >>> Epochs(N=3, B=2).updates, Epochs(N=3, B=2, drop_last=True).updates
    (2*E, E)
    """

    name: ClassVar[str] = "epochs"
    noise_goes_as: ClassVar[str | None] = "N"  # at fixed N/B and E
    numbers: ClassVar[tuple[str, ...]] = ("N", "B", "E")
    positive: ClassVar[tuple[str, ...]] = ("N", "B")

    N: Number | None = None
    B: Number | None = None
    E: Number | None = None
    shuffle: Shuffle = None
    drop_last: bool = False
    reduction: Reduction = "mean"

    def __post_init__(self) -> None:
        check_choice("shuffle", self.shuffle, (None, "once", "every-epoch"))
        check_kind("drop_last", self.drop_last, bool, called="True or False")
        check_choice("reduction", self.reduction, get_args(Reduction))
        object.__setattr__(self, "N", count_or_symbol("N", self.N, symbols.N, least=1))
        object.__setattr__(self, "B", count_or_symbol("B", self.B, symbols.B, least=1))
        object.__setattr__(self, "E", count_or_symbol("E", self.E, symbols.E))
        if isinstance(self.N, int) and isinstance(self.B, int) and self.N < self.B:
            raise SamplingError(
                f"expected a batch size of at most N, got N={shown(self.N)}, B={shown(self.B)}; one "
                "batch of all rows is B=N"
            )

    def __repr__(self) -> str:
        return without_usual(self, "drop_last", "reduction")

    @property
    def options(self) -> dict[str, object]:
        """The kind of shuffling, and what is not as usual."""
        more: dict[str, object] = {"drop_last": True} if self.drop_last else {}
        return {"shuffle": self.shuffle, **more, **summed_option(self.reduction)}

    @property
    def is_sum(self) -> bool:
        """Whether updates go by the sum over a batch."""
        return self.reduction == "sum"

    @property
    def is_uneven(self) -> bool:
        """Whether N and B are numbers of which B does not divide N."""
        is_known = isinstance(self.N, int) and isinstance(self.B, int)
        return is_known and self.N % self.B != 0  # type: ignore[operator]

    @property
    def batches(self) -> Expr:
        """The number of batches of an epoch: N/B, or the next whole number."""
        v = self.values
        if not self.is_uneven:
            return v["N"] / v["B"]
        whole: Expr = v["N"] // v["B"]
        return whole if self.drop_last else whole + 1

    @property
    def is_full_batch(self) -> bool:
        """Whether B = N, an epoch being one update."""
        return self.N == self.B

    @property
    def is_reshuffled(self) -> bool:
        """Whether every epoch has an order of its own, and that makes a difference."""
        return self.shuffle == "every-epoch" and not self.is_full_batch

    @property
    def updates(self) -> Expr:
        """E N / B, or E times the number of batches of an epoch."""
        return self.values["E"] * self.batches

    @property
    def datapoints(self) -> Expr:
        """N."""
        return self.values["N"]

    @property
    def title(self) -> str:
        """The name with the kind of shuffling; full batches have a name of their own."""
        if self.is_full_batch:
            return f"full-batch{summed_words(self.reduction)}"
        prefix = {None: "", "once": "shuffled-", "every-epoch": "reshuffled-"}[self.shuffle]
        dropped = " drop-last" if self.drop_last else ""
        return f"{prefix}{self.name}{dropped}{summed_words(self.reduction)}"

    @property
    def divisions(self) -> tuple[tuple[Expr, Expr], ...]:
        """With symbols all batches are full."""
        N, B = self.values["N"], self.values["B"]
        return () if self.is_uneven or self.is_full_batch else ((N, B),)

    @property
    def steps(self) -> StepRule | None:
        """All datapoints, where batches are full."""
        return FullBatchSteps() if self.is_full_batch else None

    def repetition(self, role: SetRole) -> Repetition[Sampling] | None:
        """Return epochs in orders of their own over the rows of a given set, or its full batches."""
        if role == "training-set" and self.is_full_batch:
            return GradientDescent(T=self.E).repetition("population")
        if role == "population" or not self.is_reshuffled:
            return None
        return Repetition(self, "epoch", symbols.E, has_distinct_rows=True)

    def on_given_set(self) -> Sampling:
        """Return rounds of N/B batches, or full batches, which follow the set's mean gradient."""
        if self.is_full_batch:
            return GivenSet(self, like=GradientDescent(T=self.E))
        if self.shuffle is None:
            return Sampling.on_given_set(self)
        v = self.values
        is_even = not self.is_uneven or self.drop_last
        rounds = Rounds(self.batches, v["E"], self.shuffle == "once", is_even)
        return GivenSet(self, rounds=rounds, words="orders")

    @property
    def names_rows(self) -> bool:
        """Whether nothing shuffles the rows, and batches are not full."""
        return self.shuffle is None and not self.is_full_batch

    @property
    def in_random_order(self) -> Epochs:
        """Epochs in one order, drawn at random."""
        return replace(self, shuffle="once") if self.names_rows else self

    @property
    def is_random(self) -> bool:
        """Whether every epoch has an order of its own: one order for all is as good as another."""
        return self.is_reshuffled

    def rescaled(self, **numbers: int) -> tuple[Epochs, Fraction]:
        """Return as many epochs of as many batches on another training set: noise goes as 1/N.

        In random orders its first order does so exactly, the others but for a relative 1/N.
        """
        self._check_course()
        N, B = int(self.datapoints), int(self.batch_size)
        given = other_numbers(
            self, numbers, "N", "other numbers of epochs, or of batches in one", "B"
        )
        other_N = whole_number("N", given["N"])
        ratio = Fraction(N, B)
        if other_N * B % N:
            raise SamplingError(
                f"expected N with whole batches, N/B being {ratio}, got N={shown(other_N)}"
            )
        other = replace(self, N=other_N, B=given.get("B", other_N * B // N))
        if Fraction(int(other.datapoints), int(other.batch_size)) != ratio:
            raise SamplingError(
                f"expected N/B={ratio} as it is, got N={shown(other_N)}, B={shown(other.B)}; "
                "make a run of its own"
            )
        return other, Fraction(N, other_N)

    @property
    def sharing(self) -> Sharing:
        """All updates, those of equal batches, or, where all orders are different, what chance says."""
        if self.is_full_batch:
            return "all"
        return "scheduled" if self.is_reshuffled or self.is_uneven else "equal-batches"

    @property
    def pair_shares(self) -> PairShares | None:
        """Orders of different epochs are independent: two updates of theirs share B/N of a batch."""
        if not self.is_reshuffled or self.is_uneven:
            return None
        return PairShares(1 / self.batch_size, Integer(0), 1 / self.datapoints)

    def course(self) -> Course:
        """Return full batches, epochs in one order, or epochs in orders of their own."""
        self._check_course()
        N, B, E = (int(value) for value in self.values.values())
        if self.is_full_batch:
            return EqualSteps(FullBatchSteps(), N, N, E, is_sum=self.is_sum)
        if self.is_reshuffled:
            return ReshuffledEpochs(N, B, E, drops_last=self.drop_last, is_sum=self.is_sum)
        check_updates(N * E)
        end = N // B * B if self.drop_last else N
        epoch = [tuple(range(start, min(start + B, N))) for start in range(0, end, B)]
        if self.is_sum:
            return FixedBatches(tuple(Batch.of_places(rows, size=1) for rows in epoch) * E, N)
        return FixedBatches(tuple(epoch) * E, N)

    def plain_counter(self, basis: Basis) -> Counter | None:
        """Return the counter of `laurent`, or by level sizes where all epochs have one order.

        With a smaller last batch counts are polynomials in E, or numbers.
        """
        if self.is_uneven:
            return UnevenEpochsCounter(self, basis) if self.symbols else None
        if self.is_reshuffled:
            return ReshuffledCounter(self, basis)
        return EpochsCounter(self, basis)

    def generators(self, order: int) -> tuple[Expr, ...]:
        """Return N, B, E, and for reshuffled epochs N - 1, ..., N - (order - 1)."""
        N, B, E = self.values.values()
        more = range(1, order) if self.is_reshuffled and not self.is_uneven else ()
        return (N, B, E, *(N - i for i in more))

    def laurent(self, diagram: Diagram, *, basis: Basis, root: RootRole) -> Laurent:
        """Return the count as exponents of `generators` -> coefficient."""
        forest = update_forest(diagram)
        count: Laurent = {}
        if self.is_uneven:
            return self._uneven(diagram, basis=basis, root=root)
        if self.is_reshuffled and basis == "cumulant" and forest.is_untied:
            width = len(self.generators(diagram.order))
            count = {(*k, *[0] * (width - 3)): c for k, c in untied_count(forest).items()}
        elif basis == "moment" and isinstance(self.N, int) and forest.block_count > self.N:
            pass  # different blocks need different rows
        elif self.is_reshuffled:
            # Too few datapoints have no distinct rows, and their formula divides by 0.
            most = self.N if isinstance(self.N, int) else forest.block_count
            for coarse in [forest] if basis == "moment" else coarser_forests(forest):
                if coarse.block_count <= most:
                    add_scaled(count, reshuffled_count(coarse))
        elif self.is_full_batch and diagram.order > FEW_NODES and forest.visits is None:
            count = full_batch_count(forest, basis)
        else:
            count = epochs_count(forest, basis)
        width = len(self.generators(diagram.order))
        return with_root(count, forest, basis=basis, root=root, size=(1, *[0] * (width - 1)))

    def _uneven(self, diagram: Diagram, *, basis: Basis, root: RootRole) -> Laurent:
        """Return the count for a smaller last batch, N and B being numbers; of E where it is none."""
        if not self.symbols:
            return Sampling.laurent(self, diagram, basis=basis, root=root)
        symbol = str(self.values["E"])
        counts = [
            Sampling.laurent(self.at(**{symbol: e}), diagram, basis=basis, root=root)
            for e in range(diagram.order + 1)
        ]
        values = [sum(count.values(), Fraction(0)) for count in counts]
        return {(0, 0, e): c for (e,), c in polynomial_through(values).items()}


def FullBatch(N: Number | None = None, E: Number | None = None) -> Epochs:  # noqa: N802
    """Return full-batch gradient descent: ``Epochs`` with B = N, an epoch being one update.

    Examples
    --------
    >>> FullBatch(N=8)
    Epochs(N=8, B=8, E=E, shuffle=None)
    """
    size = symbols.N if N is None else N
    return Epochs(N=size, B=size, E=E)
