r"""Sums over the eigenbasis of :math:`\eta H`: a contraction weighted by a function of eigenvalues."""

from __future__ import annotations

from typing import Any

from sympy import Function, Symbol

from sgdiagrams.symbolic.contractions.notation import index_letter

__all__ = ["EmbeddingSum", "eigenvalue", "root_sum", "roots", "share_left"]


def eigenvalue(i: int) -> Symbol:
    r"""Return the symbol of the eigenvalue of :math:`\eta H` at index number i: h_a, h_b, ...

    Examples
    --------
    >>> eigenvalue(0), eigenvalue(2)
    (h_a, h_c)
    """
    return Symbol(f"h_{index_letter(i)}")


def roots(i: int) -> tuple[Symbol, Symbol]:
    r"""Return the symbols of the two roots of an edge at an index.

    Those of a heavy ball are of :math:`x^2 - (1 + \beta - h) x + \beta`; see
    `sgdiagrams.symbolic.training.dressing`.
    """
    return Symbol(f"r_{index_letter(i)}"), Symbol(f"s_{index_letter(i)}")


def share_left(i: int) -> Symbol:
    """Return the symbol of :math:`q = 1 - h`, what one step of SGD leaves: q_a, q_b, ...

    Examples
    --------
    >>> share_left(1)
    q_b
    """
    return Symbol(f"q_{index_letter(i)}")


def root_sum(i: int) -> Symbol:
    r"""Return the symbol of the sum of these roots, :math:`1 + \beta - h`: u_a, u_b, ...

    Examples
    --------
    >>> root_sum(1)
    u_b
    """
    return Symbol(f"u_{index_letter(i)}")


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
