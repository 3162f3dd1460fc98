"""Limits: gradient descent of infinite batches; of small steps gradient flow and the diffusion."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import factorial
from typing import TYPE_CHECKING, ClassVar, final

from sgdiagrams.diagrams.errors import SamplingError
from sgdiagrams.symbolic import symbols
from sgdiagrams.symbolic.checks import Number, count_or_symbol, time_or_symbol
from sgdiagrams.symbolic.embeddings.forests import UpdateForest, update_forest
from sgdiagrams.symbolic.embeddings.one_pass import linear_extensions, one_pass_count
from sgdiagrams.symbolic.embeddings.rules import MeanGradientSteps, OnePassSteps
from sgdiagrams.symbolic.propagation.course import EqualSteps
from sgdiagrams.symbolic.training.plain_counts import PlainCounter
from sgdiagrams.symbolic.training.sampling import Repetition, Sampling

if TYPE_CHECKING:
    from sympy import Expr

    from sgdiagrams.diagrams.diagram import Diagram
    from sgdiagrams.symbolic.embeddings.rules import StepRule
    from sgdiagrams.symbolic.propagation.course import Course
    from sgdiagrams.symbolic.training.counter import Counter
    from sgdiagrams.symbolic.vocabulary import Basis, RootRole, SetRole, Sharing
    from sgdiagrams.symbolic.weights.laurent import Laurent

__all__ = ["SDE", "GradientDescent", "GradientFlow"]


class _Limit(Sampling):
    """What limits in continuous time share."""

    __slots__ = ()

    times: ClassVar[tuple[str, ...]] = ("T",)

    @property
    def updates(self) -> Expr:
        """T, the time in units of eta."""
        return self.values["T"]

    @property
    def datapoints(self) -> None:
        """None: there is no training set."""
        return

    def repetition(self, role: SetRole) -> Repetition | None:
        """Return units of time."""
        return Repetition(self, "update", symbols.T) if role == "population" else None

    @property
    def steps(self) -> StepRule:
        """Those of one pass, whose limit it is."""
        return OnePassSteps()

    def plain_counter(self, basis: Basis) -> Counter:
        """Return the counter of `laurent`."""
        return PlainCounter(self, basis)


@final
@dataclass(frozen=True, slots=True)
class GradientDescent(Sampling):
    """T updates on the mean gradient of the population: full batches of infinitely many datapoints.

    There is no training set and no noise, so only diagrams without ties count, alike in both bases.

    Parameters
    ----------
    T
        Number of updates; the symbol T when left out.

    Examples
    --------
    >>> from sgdiagrams.diagrams import Diagram
    >>> GradientDescent().count(Diagram.parse("(0-1-2)(01-12)"))
    T**2/2 - T/2
    >>> GradientDescent().count(Diagram.parse("(01-2)(02-12)"))
    0
    """

    name: ClassVar[str] = "gradient-descent"
    numbers: ClassVar[tuple[str, ...]] = ("T",)

    T: Number | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "T", count_or_symbol("T", self.T, symbols.T))

    @property
    def updates(self) -> Expr:
        """T."""
        return self.values["T"]

    @property
    def datapoints(self) -> None:
        """None: there is no training set."""
        return

    @property
    def diagram_options(self) -> dict[str, object]:
        """Only diagrams without ties."""
        return {"max_block_size": 1}

    @property
    def steps(self) -> StepRule:
        """Mean gradients."""
        return MeanGradientSteps()

    @property
    def names_rows(self) -> bool:
        """False: there are no rows."""
        return False

    @property
    def is_random(self) -> bool:
        """False."""
        return False

    @property
    def is_noiseless(self) -> bool:
        """True."""
        return True

    @property
    def sharing(self) -> Sharing:
        """None: no datapoint is used twice, as none is used."""
        return "none"

    def repetition(self, role: SetRole) -> Repetition | None:
        """Return updates on the mean gradient."""
        return Repetition(self, "update", symbols.T) if role == "population" else None

    def rescaled(self, **numbers: int) -> tuple[Sampling, Fraction]:
        """Raise a SamplingError: there is no noise to rescale."""
        del numbers
        raise SamplingError(
            f"expected a scheme with noise to rescale, got {self.label}, which has none; its run is "
            "that of any number of datapoints"
        )

    def course(self) -> Course:
        """Return T equal steps on one row, which stands for all datapoints."""
        self._check_course()
        return EqualSteps(self.steps, 1, 1, int(self.updates))

    def plain_counter(self, basis: Basis) -> Counter:
        """Return the counter of `laurent`."""
        return PlainCounter(self, basis)

    def laurent(self, diagram: Diagram, *, basis: Basis, root: RootRole) -> Laurent:  # noqa: ARG002
        """Return the strict order polynomial of the tree, as exponents of (T,) -> coefficient."""
        forest = update_forest(diagram)
        if not forest.is_untied:
            return {}
        count = one_pass_count(forest, "cumulant", unit_batch=True)
        return {(t,): c for (t, _), c in count.items()}


@final
@dataclass(frozen=True, slots=True)
class GradientFlow(_Limit):
    r"""The limit of small steps on the test loss: :math:`d\theta = -G\,dt` for a time :math:`\eta T`.

    Parameters
    ----------
    T
        The time in units of eta, a rational number >= 0; the symbol T when left out.

    Examples
    --------
    >>> from sgdiagrams.diagrams import Diagram
    >>> GradientFlow().count(Diagram.parse("(0-1-2)(01-12)"))
    T**2/2
    """

    name: ClassVar[str] = "gradient-flow"
    numbers: ClassVar[tuple[str, ...]] = ("T",)

    T: Number | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "T", time_or_symbol("T", self.T, symbols.T))

    @property
    def largest_block(self) -> int:
        """1: the mean gradient alone."""
        return 1

    @property
    def diagram_options(self) -> dict[str, object]:
        """Only diagrams without ties."""
        return {"max_block_size": 1}

    def laurent(self, diagram: Diagram, *, basis: Basis, root: RootRole) -> Laurent:  # noqa: ARG002
        """Return :math:`T^P` times the linear extensions over P!, as exponents of (T,)."""
        forest = update_forest(diagram)
        return {(p,): c for (p, _), c in _continuous(forest, largest=1).items()}


@final
@dataclass(frozen=True, slots=True)
class SDE(_Limit):
    r"""Ito's diffusion limit: :math:`d\theta = -G\,dt + \sqrt{\eta C/B}\,dW` for a time :math:`\eta T`.

    It knows the mean and the covariance of the gradient only, so it counts in the cumulant basis.

    Parameters
    ----------
    T
        The time in units of eta, a rational number >= 0; the symbol T when left out.
    B
        The batch size that divides the covariance; 1 when left out.

    Examples
    --------
    >>> from sgdiagrams.diagrams import Diagram
    >>> SDE().count(Diagram.parse("(01-2)(02-12)")), SDE().count(Diagram.parse("(012-3)(03-13-23)"))
    (T, 0)
    """

    name: ClassVar[str] = "sde"
    numbers: ClassVar[tuple[str, ...]] = ("T", "B")
    positive: ClassVar[tuple[str, ...]] = ("B",)
    bases: ClassVar[tuple[Basis, ...]] = ("cumulant",)

    T: Number | None = None
    B: Number = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "T", time_or_symbol("T", self.T, symbols.T))
        object.__setattr__(self, "B", count_or_symbol("B", self.B, symbols.B, least=1))

    @property
    def largest_block(self) -> int:
        """2: the mean and the covariance of the gradient."""
        return 2

    @property
    def diagram_options(self) -> dict[str, object]:
        """Only diagrams whose blocks have at most two nodes and an order in time."""
        return {"one_pass": True, "max_block_size": 2}

    def laurent(self, diagram: Diagram, *, basis: Basis, root: RootRole) -> Laurent:  # noqa: ARG002
        """Return :math:`(T B)^P` times the linear extensions over P!, as exponents of (T, B)."""
        return _continuous(update_forest(diagram), largest=2)


def _continuous(forest: UpdateForest, *, largest: int) -> Laurent:
    blocks = forest.block_count
    if any(forest.blocks.count(block) > largest for block in range(blocks)):
        return {}
    extensions = linear_extensions(forest)
    return {(blocks, blocks): Fraction(extensions, factorial(blocks))} if extensions else {}
