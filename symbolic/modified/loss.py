r"""Modified losses: the loss whose gradient flow training follows, and what of it is no gradient.

Where the drift of the modified equation is a gradient, training moves on average down the loss

.. math:: \tilde\ell = \sum_k \eta^{k-1} R_k, \qquad
    D_{1,k} = -\nabla R_k

in the time :math:`\eta T`. Where it is none, no loss says it all: `ModifiedLoss.obstruction` is the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

from sgdiagrams.symbolic import symbols
from sgdiagrams.symbolic.algebra.expression import Expression
from sgdiagrams.symbolic.modified.equation import ModifiedEquation, modified_equation
from sgdiagrams.symbolic.modified.gradients import potential_of
from sgdiagrams.symbolic.modified.writing.articles import modified_article
from sgdiagrams.symbolic.modified.writing.files import dump_loss, load_loss
from sgdiagrams.symbolic.modified.writing.losses import write_loss
from sgdiagrams.symbolic.modified.writing.source import loss_source
from sgdiagrams.symbolic.printing.on_paper import OnPaper

if TYPE_CHECKING:
    from sgdiagrams.symbolic.layout.renderer import Renderer
    from sgdiagrams.symbolic.training.optimizer import Optimizer
    from sgdiagrams.symbolic.training.sampling import Sampling
    from sgdiagrams.symbolic.vocabulary import SetRole, TooLong, Unit

__all__ = ["ModifiedLoss", "modified_loss"]


@final
@dataclass(frozen=True, slots=True, repr=False)
class ModifiedLoss(OnPaper):
    """The scalar whose gradient is the drift, by powers of the learning rate; made by `modified_loss`.

    Attributes
    ----------
    equation
        The modified equation whose drift it is.
    parts
        For the orders 0, 1, ... of eta in the drift, the scalar and the obstruction.

    Examples
    --------
    >>> loss = modified_loss(3, sampling="gradient-descent")
    >>> loss.term(2), loss.is_gradient, loss.obstruction(2).is_zero
    (Expression.parse('1/4 G_a G_a'), False, True)
    """

    equation: ModifiedEquation
    parts: tuple[tuple[Expression, Expression], ...]

    @property
    def order(self) -> int:
        """The highest power of eta in the drift; in the loss it is one less."""
        return self.equation.order

    def term(self, k: int) -> Expression:
        """Return the scalar whose gradient is taken off the drift at order `k` of eta.

        It comes with eta to the power k - 1 in the loss: term 1 is the loss itself.

        Raises
        ------
        RequestError
            When the equation does not go to that order.
        """
        self.equation.operator(k)
        return self.parts[k][0]

    def obstruction(self, k: int) -> Expression:
        """Return what of the drift at order `k`, with its sign changed, is no gradient of contractions.

        Raises
        ------
        RequestError
            As for `term`.
        """
        self.equation.operator(k)
        return self.parts[k][1]

    @property
    def is_gradient(self) -> bool:
        """Whether the drift is the gradient of a loss, to all orders that are known."""
        return all(rest.is_zero for _, rest in self.parts)

    def total(self) -> Expression:
        """Return the loss, powers of eta in its coefficients."""
        orders = range(1, self.order + 1)
        return sum((self.term(k) * symbols.eta ** (k - 1) for k in orders), Expression())

    def _laid_out(self, renderer: Renderer[Any], too_long: TooLong) -> str:
        """Return the loss, and where there is one the obstruction with what it is of the drift."""
        return write_loss(self.equation, self.parts, renderer, too_long=too_long)

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
        return modified_article(self.equation, self.parts, width=width, command=command).latex()

    def to_json(self, *, indent: int | None = 2) -> str:
        """Return the loss as JSON, in the schema of `sgdiagrams.symbolic.modified.writing.files`."""
        return dump_loss(self.equation, self.parts, indent=indent)

    @classmethod
    def from_json(cls, text: str) -> ModifiedLoss:
        """Read what `to_json` wrote. Nothing in the text is evaluated.

        Raises
        ------
        FormatError
            When the text is no JSON, or no modified loss of a version that is known.
        """
        return cls(*load_loss(text, lambda fields: ModifiedEquation(*fields)))

    def python(self) -> str:
        """Return standalone Python source of ``loss``, and ``obstruction``, with NumPy alone."""
        return loss_source(self.equation, self.parts)

    def __repr__(self) -> str:
        kind = "" if self.is_gradient else ", and an obstruction"
        return f"<ModifiedLoss {self.equation.training.label} | order {self.order}{kind}>"


def modified_loss(
    order: int,
    *,
    sampling: str | Sampling,
    optimizer: str | Optimizer = "sgd",
    basis: str = "cumulant",
    role: SetRole = "population",
    per: Unit = "update",
) -> ModifiedLoss:
    r"""Return the loss that training minimises: the one whose gradient is the drift.

    Parameters
    ----------
    order
        The highest power of eta of the drift; the loss has one less.
    sampling, optimizer, basis, role, per
        As for `modified_equation`.

    Raises
    ------
    RequestError, SamplingError
        As for `modified_equation`.

    References
    ----------
    D. Barrett, B. Dherin, "Implicit Gradient Regularization", ICLR 2021, section 3; S. Smith, B. Dherin,
    D. Barrett, S. De, "On the Origin of Implicit Regularization in Stochastic Gradient Descent", ICLR
    2021, eq. (22).

    Examples
    --------
    >>> from sgdiagrams.symbolic.symbols import B, N
    >>> loss = modified_loss(2, sampling="reshuffled-epochs", role="training-set")
    >>> loss.term(2).coefficient("C_aa").factor()
    -(B - N)/(4*B*(N - 1))
    """
    equation = modified_equation(
        order, sampling=sampling, optimizer=optimizer, basis=basis, role=role, per=per
    )
    zero = (Expression(), Expression((), 1))
    parts = tuple(potential_of(-equation.drift(k)) for k in range(1, equation.order + 1))
    return ModifiedLoss(equation, (zero, *parts))
