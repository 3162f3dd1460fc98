r"""Sums over the eigenbasis of :math:`\eta H`: a contraction weighted by a function of eigenvalues."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from sympy import Expr, Function, Symbol
from sympy.printing.precedence import PRECEDENCE

from sgdiagrams.symbolic.notation import index_latex, index_letter, text_of

if TYPE_CHECKING:
    from sgdiagrams.symbolic.contraction import Contraction

__all__ = ["EmbeddingSum", "SpectralSum", "eigenvalue", "eigenvalue_names", "roots"]


def eigenvalue(i: int) -> Symbol:
    r"""Return the symbol of the eigenvalue of :math:`\eta H` at index number i: h_a, h_b, ...

    Examples
    --------
    >>> eigenvalue(0), eigenvalue(2)
    (h_a, h_c)
    """
    return Symbol(f"h_{index_letter(i)}")


def roots(i: int) -> tuple[Symbol, Symbol]:
    r"""Return the symbols of the two bases of the heavy ball at an index.

    They are the roots of :math:`x^2 - (1 + \beta - h) x + \beta`.
    """
    return Symbol(f"r_{index_letter(i)}"), Symbol(f"s_{index_letter(i)}")


def eigenvalue_names(count: int) -> dict[str, str]:
    r"""Return the LaTeX of the symbols of `count` indices: h, q, and the two roots r and s."""
    return {
        f"{kind}_{index_letter(i)}": f"{kind}_{{{index_latex(i)}}}"
        for i in range(count)
        for kind in "hqrs"
    }


class EmbeddingSum(Function):  # type: ignore[misc]  # SymPy ships no types
    """A dressed count that is known by number only: the text of a diagram and its eigenvalues."""

    is_commutative = True

    @classmethod
    def eval(cls, *args: Any) -> None:
        """Leave it as it is."""

    def _sympystr(self, printer: Any) -> str:
        values = ", ".join(printer.doprint(x) for x in self.args[1:])
        return f"W[{self.args[0]}]({values})"

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        values = ", ".join(printer.doprint(x) for x in self.args[1:])
        power = "" if exp is None else f"^{{{exp}}}"
        return rf"W{power}_{{\text{{{self.args[0]}}}}}({values})"


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
        from sgdiagrams.symbolic.resummed_latex import latex_spectral_sum

        return latex_spectral_sum(self, printer)
