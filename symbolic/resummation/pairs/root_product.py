r"""Products over both roots at every index, as polynomials and as SymPy functions with a name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sympy import Expr, Function, Integer

from sgdiagrams.symbolic.resummation.pairs.root_pairs import Factor, Pairs, polynomial_terms
from sgdiagrams.symbolic.weights.laurent import to_expr

if TYPE_CHECKING:
    from collections.abc import Sequence
    from fractions import Fraction

__all__ = ["RootProduct", "root_product_terms"]


def root_product_terms(count: int, power: int = 0) -> dict[tuple[int, ...], Fraction]:
    r"""Return the product of :math:`1 - b^k x_1 \cdots x_n` over all choices.

    Parameters
    ----------
    count
        How many pairs there are.
    power
        That of b.

    Returns
    -------
    dict
        Exponents of (b, t_1, ..., t_n) -> coefficient.

    Examples
    --------
    >>> {exps: int(c) for exps, c in root_product_terms(1).items()}
    {(1, 0): 1, (0, 1): -1, (0, 0): 1}
    """
    return polynomial_terms(Pairs(count).product(Factor(tuple(range(count)), power)))


class RootProduct(Function):  # type: ignore[misc]  # SymPy ships no types
    r"""The product of :math:`1 - \beta^k x_1 \cdots x_n` over both roots x at every index.

    The roots are those of :math:`x^2 - (1 + \beta - h_i)\, x + \beta`, so that it is a polynomial in
    the h and beta, with hundreds of terms from three indices on: it stays unevaluated, and ``doit``
    writes it out. Arguments are beta, k, and the h.

    Examples
    --------
    >>> from sympy.abc import h, beta
    >>> RootProduct(beta, 0, h), RootProduct(beta, 0, h).doit()
    (R(h), h)
    >>> RootProduct(beta, 0, h, h).doit().factor()
    -h*(beta - 1)**2*(-2*beta + h - 2)
    """

    is_commutative = True

    @classmethod
    def eval(cls, *args: Any) -> Expr | None:
        """Put the eigenvalues into one order; numbers are worked out."""
        beta, power, *h = args
        if not h or all(x.is_Rational for x in args):
            return cls._written_out(beta, power, h)
        ordered = sorted(h, key=lambda x: (not x.is_number, str(x)))
        return cls(beta, power, *ordered) if ordered != h else None

    @staticmethod
    def _written_out(beta: Expr, power: Expr, h: Sequence[Expr]) -> Expr:
        terms = root_product_terms(len(h), int(power))
        return to_expr(terms, (beta, *(1 + beta - x for x in h)))

    @property
    def memory(self) -> Expr:
        """The momentum beta."""
        return self.args[0]

    @property
    def power(self) -> int:
        """The power of beta."""
        return int(self.args[1])

    @property
    def eigenvalues(self) -> tuple[Expr, ...]:
        """The eigenvalues h."""
        h: tuple[Expr, ...] = self.args[2:]
        return h

    def doit(self, **hints: Any) -> Expr:
        """Return the polynomial."""
        beta, power, *h = (arg.doit(**hints) for arg in self.args)
        return self._written_out(beta, power, h)

    def _eval_evalf(self, prec: int) -> Expr | None:
        if not all(arg.is_number for arg in self.args):
            return None
        value = self._written_out(self.memory, Integer(self.power), self.eigenvalues)
        return value._eval_evalf(prec)  # noqa: SLF001 - SymPy's own protocol

    def _sympystr(self, printer: Any) -> str:
        lead = f"{printer.doprint(self.memory**self.power)}; " if self.power else ""
        return f"R({lead}{', '.join(map(printer.doprint, self.eigenvalues))})"
