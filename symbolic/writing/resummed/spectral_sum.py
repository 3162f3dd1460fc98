r"""Sums over the eigenbasis of :math:`\eta H` as SymPy expressions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from sympy import Dummy, Expr, Poly, Symbol, fraction, together
from sympy.printing.precedence import PRECEDENCE

from sgdiagrams.symbolic import symbols
from sgdiagrams.symbolic.contractions.notation import text_of
from sgdiagrams.symbolic.layout.indices import index_letter
from sgdiagrams.symbolic.layout.latex import latex_text
from sgdiagrams.symbolic.resummation.eigenvalues import EmbeddingSum, eigenvalue, roots
from sgdiagrams.symbolic.resummation.pairs.pair_law import PairLaw
from sgdiagrams.symbolic.resummation.pairs.root_product import RootProduct
from sgdiagrams.symbolic.weights.divided_differences import ExponentialDifference, PowerDifference
from sgdiagrams.symbolic.writing.resummed.equation import weighted_layout
from sgdiagrams.symbolic.writing.resummed.names import Names

if TYPE_CHECKING:
    from sgdiagrams.symbolic.contractions.contraction import Contraction


__all__ = ["SpectralSum"]


class SpectralSum(Expr):  # type: ignore[misc]  # SymPy ships no types
    r"""A contraction in the eigenbasis of :math:`\eta H`, every index weighted.

    .. math:: \sum_{\mu \nu \dots} w(h_\mu, h_\nu, \dots)\, C_{\mu\nu} \cdots

    It behaves as a commutative scalar; its free symbols are those of the weight but for eigenvalues.
    """

    is_commutative = True
    is_number = False
    precedence = PRECEDENCE["Mul"]

    def __new__(cls, weight: Expr, contraction: Contraction) -> Self:  # noqa: D102
        self: Self = Expr.__new__(cls, weight, contraction)
        return self

    @property
    def weight(self) -> Expr:
        """The weight as a function of the eigenvalues."""
        return self.args[0]

    @property
    def contraction(self) -> Contraction:
        """The contraction."""
        contraction: Contraction = self.args[1]
        return contraction

    @property
    def bound(self) -> set[Symbol]:
        """The symbols that summing binds: those of every index that is not free."""
        c = self.contraction
        return {s for i in range(len(c.free), c.order) for s in (eigenvalue(i), *roots(i))}

    @property
    def free_symbols(self) -> set[Symbol]:
        """The symbols that are still free."""
        found: set[Symbol] = self.weight.free_symbols
        return found - self.bound

    def _eval_subs(self, old: Expr, new: Expr) -> Expr | None:
        if old in self.bound:
            return self
        if hasattr(new, "free_symbols") and new.free_symbols & self.bound:
            return self
        return SpectralSum(self.weight.subs(old, new), self.contraction)

    def _sympystr(self, printer: Any) -> str:
        c = self.contraction
        names = "".join(index_letter(i) for i in range(len(c.free), c.order))
        head = f"Sum_{names} " if names else ""
        return f"{head}{printer.parenthesize(self.weight, self.precedence)} {text_of(c)}"

    def _latex(self, printer: Any) -> str:
        del printer  # tensors and eigenvalues have names of their own
        count = self.contraction.order
        law = _law(self.weight)
        names = Names(
            count,
            in_rates=law is not None or _is_in_rates(self.weight, count),
            eta_apart=True,
            bare_rates=not self.weight.has(PowerDifference),
            law=law,
            is_paired=law is not None,
        )
        term = weighted_layout(self.weight, self.contraction, names, "short")
        body = latex_text(term.body)
        # A factor may stand before it.
        return rf"\left(-{body}\right)" if term.sign < 0 else body


def _law(weight: Expr) -> PairLaw | None:
    """Return what is known of both roots in a weight that is symmetric in them."""
    if weight.has(PowerDifference, ExponentialDifference, EmbeddingSum):
        return None
    products = sorted(weight.atoms(RootProduct), key=str)
    if products:
        law: PairLaw = products[0].law
        return law
    return PairLaw.heavy_ball(symbols.beta) if weight.has(symbols.beta) else None


def _is_in_rates(weight: Expr, count: int) -> bool:
    """Tell whether a weight is one of continuous time or small eta."""
    if weight.has(ExponentialDifference):
        return True
    if weight.has(PowerDifference, EmbeddingSum, *(r for i in range(count) for r in roots(i))):
        return False
    # At small eta denominators are products of sums of eigenvalues.
    x = Dummy("x")
    h = [eigenvalue(i) for i in range(count)]
    below = fraction(together(weight))[1].xreplace({y: x * y for y in h})
    return len(Poly(below, x).terms()) == 1
