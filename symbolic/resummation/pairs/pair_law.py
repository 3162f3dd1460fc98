r"""What is known of the two roots at an index: their sum and their product, linear in the eigenvalue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, final

from sympy import Expr, Integer, Symbol, Tuple, expand

from sgdiagrams.symbolic.resummation.eigenvalues import root_sum, share_left

if TYPE_CHECKING:
    from sgdiagrams.symbolic.training.dressing import Dressing

__all__ = ["PairLaw"]


@final
@dataclass(frozen=True, slots=True)
class PairLaw:
    r"""Sum and product of both roots as functions of one variable v, in which they are short.

    For a heavy ball v is the sum itself, :math:`u = 1 + \beta - h`, and the product is
    :math:`\beta`; for all others v is :math:`q = 1 - h`: both are :math:`(1 + \beta) q` and
    :math:`\beta q` for Nesterov.

    Attributes
    ----------
    shift
        What v is at h = 0: v = shift - h.
    total, product
        The coefficients of 1 and of v.

    Examples
    --------
    >>> from sgdiagrams.symbolic import Nesterov
    >>> law = PairLaw.of(Nesterov().dressing)
    >>> law.total, law.product, law.flat_root
    ((0, beta + 1), (0, beta), beta)
    """

    shift: Expr
    total: tuple[Expr, Expr]
    product: tuple[Expr, Expr]

    @classmethod
    def heavy_ball(cls, beta: Expr) -> Self:
        """Return that of a heavy ball."""
        return cls(1 + beta, (Integer(0), Integer(1)), (beta, Integer(0)))

    @classmethod
    def of(cls, dressing: Dressing) -> Self | None:
        """Return that of an optimiser with two roots; None for one root."""
        if dressing.root_count == 1:
            return None
        if dressing.beta is not None:
            return cls.heavy_ball(dressing.beta)
        one = Integer(1)
        total, product = (
            (expand(a + b), expand(-b)) for a, b in (dressing.total, dressing.product)
        )
        return cls(one, total, product)

    @classmethod
    def from_args(cls, args: Expr) -> Self:
        """Return what `args` gave."""
        if not isinstance(args, Tuple):
            return cls.heavy_ball(args)
        shift, t0, t1, p0, p1 = args
        return cls(shift, (t0, t1), (p0, p1))

    @property
    def args(self) -> Expr:
        """Return it as one argument of a SymPy function: a heavy ball's is beta."""
        if self.beta is not None:
            return self.beta
        return Tuple(self.shift, *self.total, *self.product)

    @property
    def beta(self) -> Expr | None:
        """The momentum of a heavy ball; None for all others."""
        return self.product[0] if self.total == (0, 1) and self.product[1] == 0 else None

    @property
    def flat_root(self) -> Expr:
        """The root beside 1 along flat directions."""
        a, b = self.product
        return expand(a + b * self.shift)

    def variable(self, i: int) -> Symbol:
        """Return the symbol of v at an index: u_a of a heavy ball, otherwise q_a."""
        return share_left(i) if self.beta is None else root_sum(i)
