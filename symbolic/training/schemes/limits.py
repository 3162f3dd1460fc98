"""Limits: gradient descent of infinite batches; of small steps gradient flow and the diffusion."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import factorial
from typing import TYPE_CHECKING, ClassVar, final

from sgdiagrams.diagrams.errors import SamplingError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.symbolic import symbols
from sgdiagrams.symbolic.checks import Number, count_or_symbol, time_or_symbol, whole_number
from sgdiagrams.symbolic.embeddings.clusters import Cut, flow_count
from sgdiagrams.symbolic.embeddings.forests import UpdateForest, update_forest
from sgdiagrams.symbolic.embeddings.one_pass import linear_extensions, one_pass_count
from sgdiagrams.symbolic.embeddings.rules import MeanGradientSteps, OnePassSteps
from sgdiagrams.symbolic.propagation.course import EqualSteps
from sgdiagrams.symbolic.training.facts.repetition import Repetition
from sgdiagrams.symbolic.training.plain_counts import PlainCounter
from sgdiagrams.symbolic.training.sampling import Sampling

if TYPE_CHECKING:
    from sympy import Expr

    from sgdiagrams.diagrams.diagram import Diagram
    from sgdiagrams.symbolic.embeddings.rules import StepRule
    from sgdiagrams.symbolic.propagation.course import Course
    from sgdiagrams.symbolic.training.counters.counter import Counter
    from sgdiagrams.symbolic.vocabulary import Basis, RootRole, SetRole, Sharing
    from sgdiagrams.symbolic.weights.laurent import Laurent

__all__ = ["SDE", "GradientDescent", "GradientFlow"]


class _Limit(Sampling):
    """What limits in continuous time share."""

    __slots__ = ()

    times: ClassVar[tuple[str, ...]] = ("T",)

    if TYPE_CHECKING:

        @property
        def order(self) -> int:
            """The highest order of the modified equation."""

    @property
    def options(self) -> dict[str, object]:
        """The order, where it is not the first."""
        return {"order": self.order} if self.order > 1 else {}

    @property
    def title(self) -> str:
        """The name, with the order where it is not the first."""
        return f"{self.name} order={self.order}" if self.order > 1 else self.name

    @property
    def cut(self) -> Cut:
        """As many updates at once as the order says."""
        return Cut(self.order, self.largest_block)

    @property
    def updates(self) -> Expr:
        """T, the time in units of eta."""
        return self.values["T"]

    @property
    def datapoints(self) -> None:
        """None: there is no training set."""
        return

    def repetition(self, role: SetRole) -> Repetition[Sampling] | None:
        """Return units of time."""
        return Repetition(self, "update", symbols.T) if role == "population" else None

    @property
    def steps(self) -> StepRule:
        """Those of one pass, whose limit it is."""
        return OnePassSteps()

    def plain_counter(self, basis: Basis) -> Counter:
        """Return the counter of `laurent`."""
        return PlainCounter(self, basis)

    def _flow(self, forest: UpdateForest) -> Laurent:
        """Return the count as exponents of (T, B)."""
        P = forest.block_count
        if self.order == 1:
            return _continuous(forest, largest=self.largest_block or 1)
        flow = flow_count(forest, _one_pass_slope, self.cut, one=Fraction(1))
        return {(j, P): c / factorial(j) for j, c in flow.items()}


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

    def repetition(self, role: SetRole) -> Repetition[Sampling] | None:
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

    Of a higher order it is the flow of the modified equation of gradient descent, with all terms through
    :math:`\eta^k`: backward error analysis. With momentum it is what is left once the transient has died
    out, :math:`-G/(1 - \beta)` to first order; of order k it starts from the point to which terms through
    :math:`\eta^{k-1}` of the transient shift it.

    Parameters
    ----------
    T
        The time in units of eta, a rational number >= 0; the symbol T when left out.
    order
        The highest power of eta in the equation, per update.

    References
    ----------
    E. Hairer, C. Lubich, G. Wanner, Geometric Numerical Integration, chapter IX.

    Examples
    --------
    >>> from sgdiagrams.diagrams import Diagram
    >>> chain = Diagram.parse("(0-1-2)(01-12)")
    >>> GradientFlow().count(chain), GradientFlow(order=2).count(chain)
    (T**2/2, T**2/2 - T/2)
    """

    name: ClassVar[str] = "gradient-flow"
    numbers: ClassVar[tuple[str, ...]] = ("T",)

    T: Number | None = None
    order: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "T", time_or_symbol("T", self.T, symbols.T))
        object.__setattr__(self, "order", whole_number("order", self.order, least=1))

    @property
    def largest_block(self) -> int:
        """1: the mean gradient alone."""
        return 1

    @property
    def is_noiseless(self) -> bool:
        """True."""
        return True

    @property
    def diagram_options(self) -> dict[str, object]:
        """Only diagrams without ties."""
        return {"max_block_size": 1}

    def laurent(self, diagram: Diagram, *, basis: Basis, root: RootRole) -> Laurent:  # noqa: ARG002
        """Return exponents of (T,); at order 1 :math:`T^P` times the linear extensions over P!."""
        return {(j,): c for (j, _), c in self._flow(update_forest(diagram)).items()}


@final
@dataclass(frozen=True, slots=True)
class SDE(_Limit):
    r"""Ito's diffusion limit: :math:`d\theta = -G\,dt + \sqrt{\eta C/B}\,dW` for a time :math:`\eta T`.

    It knows the mean and the covariance of the gradient only, so it counts in the cumulant basis. Of
    order 2 it has the modified drift :math:`-G - \frac{\eta}{2} H G` and is of weak order 2: every power
    of eta comes with the same two highest powers of T as in SGD. A third order would need the third
    cumulant of the gradient, which no diffusion has.

    With momentum it is what is left once the transient has died out, with drift :math:`-G/(1 - \beta)`
    and covariance :math:`\eta C/(B (1 - \beta)^2)`. Of order 2 it starts from the point to which the
    transient shifts it, for the heavy ball :math:`\theta_0 + \eta \beta G/(1 - \beta)^2`, with Nesterov
    :math:`\theta_0 + \eta \beta^2 G/(1 - \beta)^2`.

    Parameters
    ----------
    T
        The time in units of eta, a rational number >= 0; the symbol T when left out.
    B
        The batch size that divides the covariance; 1 when left out.
    order
        1 or 2.

    Raises
    ------
    SamplingError
        When the order is another: from 3 on there is no such diffusion.

    References
    ----------
    Q. Li, C. Tai, W. E, "Stochastic modified equations and adaptive stochastic gradient algorithms"
    (2017); "Stochastic modified equations and dynamics of stochastic gradient algorithms I" (2019).

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
    order: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "T", time_or_symbol("T", self.T, symbols.T))
        object.__setattr__(self, "B", count_or_symbol("B", self.B, symbols.B, least=1))
        object.__setattr__(self, "order", whole_number("order", self.order, least=1))
        if self.order > 2:
            raise SamplingError(
                f"expected order 1 or 2 of an SDE, got order={shown(self.order)}: the third cumulant of "
                "the gradient makes it no diffusion; take GradientFlow(order=k) for descent without noise"
            )

    @property
    def largest_block(self) -> int:
        """2: the mean and the covariance of the gradient."""
        return 2

    @property
    def diagram_options(self) -> dict[str, object]:
        """Only diagrams whose blocks have at most two nodes and an order in time."""
        return {"one_pass": True, "max_block_size": 2}

    def laurent(self, diagram: Diagram, *, basis: Basis, root: RootRole) -> Laurent:  # noqa: ARG002
        """Return exponents of (T, B); at order 1 :math:`(T B)^P` times the linear extensions over P!."""
        return self._flow(update_forest(diagram))


def _one_pass_slope(forest: UpdateForest) -> Fraction:
    """Return the coefficient of T in the count of one pass: the generator of SGD."""
    return one_pass_count(forest, "cumulant", unit_batch=True).get((1, 0), Fraction(0))


def _continuous(forest: UpdateForest, *, largest: int) -> Laurent:
    blocks = forest.block_count
    if any(forest.blocks.count(block) > largest for block in range(blocks)):
        return {}
    extensions = linear_extensions(forest)
    return {(blocks, blocks): Fraction(extensions, factorial(blocks))} if extensions else {}
