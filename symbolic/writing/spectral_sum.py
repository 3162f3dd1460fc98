r"""Sums over the eigenbasis of :math:`\eta H` as SymPy expressions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from sympy import Expr, Symbol
from sympy.printing.precedence import PRECEDENCE

from sgdiagrams.symbolic.contractions.notation import index_letter, text_of
from sgdiagrams.symbolic.resummation.eigenvalues import eigenvalue, roots
from sgdiagrams.symbolic.writing.resummed_latex import latex_spectral_sum

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
        return latex_spectral_sum(self.weight, self.contraction)
