"""A scheme on one given training set, in the set's own cumulants: what re-summed weights ask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, final

from sgdiagrams.symbolic.propagation.course import FixedBatches
from sgdiagrams.symbolic.training.given_sets.courses import SetInOneOrder, SetRounds, SetSteps
from sgdiagrams.symbolic.training.sampling import Sampling

if TYPE_CHECKING:
    from fractions import Fraction

    from sympy import Expr

    from sgdiagrams.symbolic.embeddings.rules import StepRule
    from sgdiagrams.symbolic.propagation.course import Course
    from sgdiagrams.symbolic.training.facts.rounds import Rounds
    from sgdiagrams.symbolic.vocabulary import Basis, RootRole

__all__ = ["GivenSet"]


@final
@dataclass(frozen=True, slots=True)
class GivenSet(Sampling):
    """A scheme on one given training set of N rows, averaged over what it draws.

    The rows' derivatives enter by the cumulants of the set, as those of a population. So noise is what
    batches differ by from the set's mean gradient, and a full batch has none.

    Parameters
    ----------
    scheme
        The scheme.
    like
        What it is on a population that is the set, where rows are drawn independently, or not at all.
    rounds
        What is drawn at once otherwise.
    words
        What is averaged, for titles.

    Examples
    --------
    >>> from sgdiagrams.symbolic.training.schemes.with_replacement import WithReplacement
    >>> WithReplacement(N=8, B=2).on_given_set().label
    'with-replacement N=8 B=2 on a given training set, averaged over draws'
    """

    name: ClassVar[str] = "given-set"
    bases: ClassVar[tuple[Basis, ...]] = ("cumulant",)

    scheme: Sampling
    like: Sampling | None = None
    rounds: Rounds | None = None
    words: str = ""

    @property
    def given_scheme(self) -> Sampling:
        """The scheme itself."""
        return self.scheme

    @property
    def values(self) -> dict[str, Expr]:
        """The numbers of the scheme."""
        return self.scheme.values

    @property
    def title(self) -> str:
        """The scheme's title, and what it is on."""
        return f"{self.scheme.title} on a given training set{self._averaged}"

    @property
    def label(self) -> str:
        """The scheme with its numbers, what it is on, and what is averaged."""
        return f"{self.scheme.label} on a given training set{self._averaged}"

    @property
    def averaged_over(self) -> str:
        """Orders or draws; empty for full batches."""
        return self.words

    @property
    def _averaged(self) -> str:
        return f", averaged over {self.words}" if self.words else ""

    def at(self, /, **numbers: int | Fraction) -> Sampling:  # type: ignore[override]
        """Return the scheme with numbers for some of its free symbols, on the set."""
        return self.scheme.at(**numbers).on_given_set()

    @property
    def updates(self) -> Expr:
        """The number of updates T."""
        return self.scheme.updates

    @property
    def datapoints(self) -> Expr | None:
        """The number N of rows."""
        return self.scheme.datapoints

    @property
    def batch_size(self) -> Expr:
        """What updates are divided by: B, or 1 for the mean gradient."""
        return (self.like or self.scheme).batch_size

    @property
    def divisions(self) -> tuple[tuple[Expr, Expr], ...]:
        """Those of the scheme."""
        return self.scheme.divisions

    @property
    def differences(self) -> tuple[Expr, ...]:
        """Those of the scheme."""
        return self.scheme.differences

    @property
    def diagram_options(self) -> dict[str, object]:
        """Those of the scheme that it is like."""
        return {} if self.like is None else self.like.diagram_options

    @property
    def steps(self) -> StepRule | None:
        """Those of the scheme that it is like."""
        return None if self.like is None else self.like.steps

    @property
    def names_rows(self) -> bool:
        """False: chance treats all rows alike."""
        return False

    @property
    def is_random(self) -> bool:
        """Whether parts of a diagram depend on each other by what is drawn."""
        return self.rounds is not None

    def on_given_set(self) -> Sampling:
        """Return the scheme as it is."""
        return self

    def check_means(self) -> None:
        """Ask the scheme."""
        self.scheme.check_means()

    def check_root(self, root: RootRole) -> None:
        """Accept all: the set's own loss is the mean loss of the population that it is."""

    def course(self) -> Course:
        """Return what the noise of the set's batches ties."""
        self._check_course()
        drawn = self.scheme.course()
        if self.like is not None:
            return SetSteps(drawn, self.like.course())
        if self.rounds is not None and self.rounds.have_one_order:
            [(_, batches)] = drawn.all_batches()
            return SetInOneOrder(FixedBatches(batches, drawn.rows))
        rounds = 1 if self.rounds is None else int(self.rounds.count)
        return SetRounds(drawn, drawn.sizes[: len(drawn.sizes) // max(rounds, 1)])
