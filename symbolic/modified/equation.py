r"""Modified equations: what training follows between its updates, to any order in the learning rate.

The expected value of every function s of the weights moves as :math:`\frac{d}{dt} E[s] = E[L s]`, with
t in updates and :math:`L = \sum_k \eta^k L_k` a differential operator,

.. math:: L = \sum_m \frac{1}{m!} D_m^{\mu_1 \dots \mu_m} \partial_{\mu_1} \cdots \partial_{\mu_m},
    \qquad D_m = \sum_k \eta^k D_{m,k},

its Kramers-Moyal expansion. Cut after m = 2 it is the stochastic modified equation
:math:`d\theta = D_1\,dt + \sqrt{D_2}\,dW`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import how_many, shown
from sgdiagrams.diagrams.whole_numbers import is_whole
from sgdiagrams.symbolic.checks import check_choice
from sgdiagrams.symbolic.modified.generators import generator_and_shift, repetition_of
from sgdiagrams.symbolic.modified.kramers_moyal import KramersMoyal
from sgdiagrams.symbolic.modified.values_of_sets import in_plug_in_values
from sgdiagrams.symbolic.modified.writing.articles import modified_article
from sgdiagrams.symbolic.modified.writing.equations import values_of, write_equation
from sgdiagrams.symbolic.modified.writing.files import dump_equation, load_equation
from sgdiagrams.symbolic.modified.writing.source import equation_source
from sgdiagrams.symbolic.printing.on_paper import OnPaper
from sgdiagrams.symbolic.training.names import named_optimizer, named_sampling
from sgdiagrams.symbolic.training.training import Training

if TYPE_CHECKING:
    from sympy import Expr

    from sgdiagrams.symbolic.algebra.expression import Expression
    from sgdiagrams.symbolic.layout.renderer import Renderer
    from sgdiagrams.symbolic.modified.operators import OperatorSeries
    from sgdiagrams.symbolic.training.facts.repetition import Repetition
    from sgdiagrams.symbolic.training.optimizer import Optimizer
    from sgdiagrams.symbolic.training.sampling import Sampling
    from sgdiagrams.symbolic.vocabulary import SetRole, TooLong, Unit

__all__ = ["ModifiedEquation", "modified_equation"]

_MOST_ORDER = 7  # of a million diagrams


@final
@dataclass(frozen=True, slots=True, repr=False)
class ModifiedEquation(OnPaper, KramersMoyal):
    r"""The generator of training, by powers of the learning rate; made by `modified_equation`.

    Attributes
    ----------
    order
        The highest power of eta.
    training
        Sampling and optimiser.
    role
        ``"population"``, or ``"training-set"``: all values are then those of the set, as a population.
    per
        The unit of time, ``"update"`` or ``"epoch"``.
    basis
        Of the contractions.
    operators
        The coefficients of eta^0, eta^1, ... of the generator L, each an expression with one node ``s``,
        the function that it acts on.
    shifts
        The same of the shift S, which the transient of an optimiser with memory leaves; the identity
        without memory. After the transient :math:`E[s(\theta_T)] = S \exp(T L) s`.

    Examples
    --------
    >>> equation = modified_equation(2, sampling="one-pass")
    >>> equation.drift(2), equation.diffusion(2)
    (Expression.parse('-1/2 H_ab G_b'), Expression.parse('C_ab'))
    """

    order: int
    training: Training
    role: SetRole
    per: Unit
    basis: str
    operators: OperatorSeries
    shifts: OperatorSeries

    def _laid_out(self, renderer: Renderer[Any], too_long: TooLong) -> str:
        """Return a stochastic differential equation, or the generator, with the tensors below it."""
        return write_equation(self, renderer, too_long=too_long)

    def document(self, *, width: int | str | None = None, command: str | None = None) -> str:
        """Return the whole derivation as an article in LaTeX: see `Expansion.document`.

        Parameters
        ----------
        width
            That of the text, 300pt or more.
        command
            What writes the text again, for its last section; the call when left out.

        Raises
        ------
        RequestError
            When the width is no length or too small.
        """
        return modified_article(self, width=width, command=command).latex()

    def to_json(self, *, indent: int | None = 2) -> str:
        """Return the equation as JSON, in the schema of `sgdiagrams.symbolic.modified.writing.files`."""
        return dump_equation(self, indent=indent)

    @classmethod
    def from_json(cls, text: str) -> ModifiedEquation:
        """Read what `to_json` wrote. Nothing in the text is evaluated.

        Raises
        ------
        FormatError
            When the text is no JSON, or no modified equation of a version that is known.
        """
        return cls(*load_equation(text))

    def python(self) -> str:
        """Return standalone Python source of the tensors, ``drift`` and others, with NumPy alone."""
        return equation_source(self)

    def __repr__(self) -> str:
        count = how_many(sum(len(part.terms) for part in self.operators), "term")
        return f"<ModifiedEquation {' | '.join(values_of(self))} | {count}>"


def modified_equation(
    order: int,
    *,
    sampling: str | Sampling,
    optimizer: str | Optimizer = "sgd",
    basis: str = "cumulant",
    role: SetRole = "population",
    per: Unit = "update",
) -> ModifiedEquation:
    r"""Return the modified equation that training follows, exact to an order of the learning rate.

    Parameters
    ----------
    order
        The highest power of eta, 1 to 7.
    sampling
        With role population ``"one-pass"``, ``"fresh-data"``, ``"gradient-descent"``; on a given training
        set ``"full-batch"``, ``"with-replacement"``, ``"reshuffled-epochs"``; or an object.
    optimizer
        ``"sgd"``, ``"momentum"``, ``"nesterov"``, or an object. With memory the equation holds after the
        transient; its shift is undone. With a schedule the answer is for the last update, by number.
    basis
        ``"cumulant"`` or ``"moment"``; with role training-set also ``"plug-in"``, averages over the set.
    role
        ``"population"``, or ``"training-set"``: for a given one, whose values then take the place of
        those of the population.
    per
        The unit of time: ``"update"`` or ``"epoch"``.

    Raises
    ------
    RequestError
        When the training does not consist of independent steps that are all alike, and so has no modified
        equation; or an option is unknown.
    SamplingError
        When there is no closed form and a number is missing.

    References
    ----------
    Q. Li, C. Tai, W. E, J. Mach. Learn. Res. 20 (2019) 40, theorem 9 (weak order 2); E. Hairer,
    C. Lubich, G. Wanner, Geometric Numerical Integration, IX.1 (without noise).

    Examples
    --------
    >>> equation = modified_equation(3, sampling="one-pass")
    >>> equation.drift(3).coefficient("H_ab H_bc G_c"), equation.tensor(3, 3)
    (-1/3, Expression.parse('-S_abc'))
    >>> heavy = modified_equation(2, sampling="gradient-descent", optimizer="momentum")
    >>> heavy.drift(2).coefficient("H_ab G_b").factor()
    (beta + 1)/(2*(beta - 1)**3)
    """
    if not is_whole(order, least=1, most=_MOST_ORDER):
        raise RequestError(f"expected a whole number 1..{_MOST_ORDER}, got order={shown(order)}")
    check_choice("role", role, ("population", "training-set"))
    check_choice("per", per, ("update", "epoch"))
    bases = ("cumulant", "moment", *(("plug-in",) if role == "training-set" else ()))
    check_choice("basis", basis, bases)
    training = Training(named_sampling(sampling), named_optimizer(optimizer))
    repetition = repetition_of(training, role)
    scale = _units(training, repetition, per)
    generator, shift = generator_and_shift(training, role, int(order))

    def finished(part: Expression) -> Expression:
        if basis == "plug-in":
            return in_plug_in_values(part.in_basis("moment"))
        return part.in_basis(basis)

    return ModifiedEquation(
        int(order),
        training,
        role,
        per,
        basis,
        tuple(finished(part) * scale for part in generator),
        tuple(map(finished, shift)),
    )


def _units(training: Training, repetition: Repetition[Sampling], per: Unit) -> Expr | int:
    """Return how many of the steps that are repeated make the unit of time."""
    if repetition.unit == per:
        return 1
    scheme = training.sampling
    if scheme.datapoints is None:
        raise RequestError(
            f"expected per='update' with {training.sampling.title}, which has no training set to make "
            "epochs of, got per='epoch'"
        )
    # Epochs may end with a smaller batch; others are parted into N/B updates in thought.
    rounds = scheme.values.get("E")
    updates: Expr = scheme.updates / rounds if rounds else scheme.datapoints / scheme.batch_size
    return updates if per == "epoch" else 1 / updates
