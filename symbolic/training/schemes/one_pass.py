"""One pass over fresh data: every datapoint is used once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, ClassVar, final, get_args

from sgdiagrams.symbolic import symbols
from sgdiagrams.symbolic.checks import (
    Number,
    check_choice,
    count_or_symbol,
)
from sgdiagrams.symbolic.embeddings.forests import update_forest
from sgdiagrams.symbolic.embeddings.one_pass import one_pass_count
from sgdiagrams.symbolic.embeddings.rules import (
    OnePassSteps,
)
from sgdiagrams.symbolic.propagation.course import EqualSteps
from sgdiagrams.symbolic.training.counters.rooted import with_root
from sgdiagrams.symbolic.training.facts.repetition import Repetition
from sgdiagrams.symbolic.training.plain_counts import (
    PlainCounter,
)
from sgdiagrams.symbolic.training.schemes.epochs import Epochs
from sgdiagrams.symbolic.training.schemes.reductions import ReducedSampling, Reduction
from sgdiagrams.symbolic.training.schemes.rescaling import other_numbers

if TYPE_CHECKING:
    from sympy import Expr

    from sgdiagrams.diagrams.diagram import Diagram
    from sgdiagrams.symbolic.embeddings.rules import StepRule
    from sgdiagrams.symbolic.propagation.course import Course
    from sgdiagrams.symbolic.training.counters.counter import Counter
    from sgdiagrams.symbolic.training.sampling import Sampling
    from sgdiagrams.symbolic.vocabulary import Basis, RootRole, SetRole, Sharing
    from sgdiagrams.symbolic.weights.laurent import Laurent

__all__ = ["FreshData", "OnePass"]


@final
@dataclass(frozen=True, slots=True, repr=False)
class OnePass(ReducedSampling):
    """One pass: T updates, each with B fresh datapoints, so that N = T B.

    Parameters
    ----------
    T
        Number of updates; the symbol T when left out.
    B
        Batch size; 1 when left out. Give ``sgdiagrams.symbols.B`` to keep it symbolic.
    reduction
        ``"mean"``, or ``"sum"``: updates go by the sum of the gradients of a batch.

    Examples
    --------
    >>> OnePass().symbols, OnePass(T=10).symbols, OnePass(B=symbols.B).symbols
    (('T',), (), ('T', 'B'))
    """

    name: ClassVar[str] = "one-pass"
    noise_goes_as: ClassVar[str | None] = "B"
    numbers: ClassVar[tuple[str, ...]] = ("T", "B")
    positive: ClassVar[tuple[str, ...]] = ("B",)

    T: Number | None = None
    B: Number = 1
    reduction: Reduction = "mean"

    def __post_init__(self) -> None:
        check_choice("reduction", self.reduction, get_args(Reduction))
        object.__setattr__(self, "T", count_or_symbol("T", self.T, symbols.T))
        object.__setattr__(self, "B", count_or_symbol("B", self.B, symbols.B, least=1))

    @property
    def updates(self) -> Expr:
        """T."""
        return self.values["T"]

    @property
    def datapoints(self) -> Expr:
        """T B: every datapoint is used once."""
        return self.updates * self.batch_size

    @property
    def diagram_options(self) -> dict[str, object]:
        """Only diagrams whose blocks have an order in time."""
        return {"one_pass": True}

    @property
    def steps(self) -> StepRule:
        """Whole blocks of fresh datapoints."""
        return OnePassSteps()

    def repetition(self, role: SetRole) -> Repetition[Sampling] | None:
        """Return updates on fresh datapoints."""
        return Repetition(self, "update", symbols.T) if role == "population" else None

    @property
    def names_rows(self) -> bool:
        """True: row n has its n-th place."""
        return True

    @property
    def in_random_order(self) -> Epochs | None:
        """One epoch in an order that is drawn at random."""
        if self.symbols or self.is_empty:
            return None
        return Epochs(N=int(self.datapoints), B=self.B, E=1, shuffle="once")

    @property
    def is_random(self) -> bool:
        """False."""
        return False

    def rescaled(self, **numbers: int) -> tuple[OnePass, Fraction]:
        """Return as many updates with other batches, whose noise is proportional to 1/B."""
        self._check_course()
        B = other_numbers(self, numbers, "B", "another number of updates")["B"]
        other = replace(self, B=B)
        return other, Fraction(int(self.batch_size), int(other.batch_size))

    @property
    def sharing(self) -> Sharing:
        """None: every datapoint is used once."""
        return "none"

    def course(self) -> Course:
        """Return T equal steps."""
        self._check_course()
        T, B = int(self.updates), int(self.batch_size)
        return EqualSteps(self.steps, T * B, B, T, is_sum=self.is_sum)

    def plain_counter(self, basis: Basis) -> Counter:
        """Return the counter of `laurent`."""
        return PlainCounter(self, basis)

    def laurent(self, diagram: Diagram, *, basis: Basis, root: RootRole) -> Laurent:
        """Return the count as exponents of (T, B) -> coefficient."""
        forest = update_forest(diagram)
        if basis == "moment" and forest.has_split_blocks:
            return {}  # every datapoint is visited once
        count = one_pass_count(forest, basis, unit_batch=self.B == 1)
        return with_root(count, forest, basis=basis, root=root, size=(1, 1))


def FreshData(T: Number | None = None, B: Number | None = None) -> OnePass:  # noqa: N802
    """Return T updates of B new datapoints each: ``OnePass`` with a batch size.

    Examples
    --------
    >>> FreshData(B=4)
    OnePass(T=T, B=4)
    """
    return OnePass(T=T, B=symbols.B if B is None else B)
