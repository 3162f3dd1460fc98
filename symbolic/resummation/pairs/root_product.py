r"""Products over both roots at every index, as polynomials and as SymPy functions with a name."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sympy import Expr, Function, Integer, Mul, Tuple

from sgdiagrams.symbolic.resummation.pairs.pair_law import PairLaw
from sgdiagrams.symbolic.resummation.pairs.root_pairs import Factor, Pairs, polynomial_terms
from sgdiagrams.symbolic.weights.laurent import to_expr

if TYPE_CHECKING:
    from collections.abc import Sequence
    from fractions import Fraction

__all__ = ["RootProduct", "root_product_terms"]


def root_product_terms(count: int, power: int = 0) -> dict[tuple[int, ...], Fraction]:
    r"""Return the product of :math:`1 - b^k x_1 \cdots x_n` over all choices, for a heavy ball.

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


@lru_cache(maxsize=1024)
def _product(
    law: PairLaw, more: Expr | None, factor: Factor
) -> tuple[dict[tuple[int, ...], Fraction], tuple[Expr, ...]]:
    """Return the polynomial of a factor, and what its first variables stand for."""
    pairs = Pairs(len(factor.indices), law, more)
    return polynomial_terms(pairs.product(factor)), pairs.parameters


def _polynomial(law: Expr, power: Expr, variables: Sequence[Expr]) -> Expr:
    k, m, more = power if isinstance(power, Tuple) else (power, 0, None)
    factor = Factor(tuple(range(len(variables))), int(k), int(m))
    terms, parameters = _product(PairLaw.from_args(law), more, factor)
    return to_expr(terms, (*parameters, *variables))


class RootProduct(Function):  # type: ignore[misc]  # SymPy ships no types
    r"""The product of :math:`1 - \beta^k x_1 \cdots x_n` over both roots x at every index.

    The roots are those of :math:`x^2 - (1 + \beta - h_i)\, x + \beta`, so that it is a polynomial in
    the h and beta, with hundreds of terms from three indices on: it stays unevaluated, and ``doit``
    writes it out. Arguments are beta, k, and the h.

    For other optimisers with two roots the first argument is a tuple, `PairLaw.args`, and
    :math:`\beta` stands for the second root at h = 0. With an average of iterates the second argument is
    a tuple (k, m, a), for :math:`1 - \beta^k a^m x_1 \cdots x_n`.

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
        law, power, *h = args
        if not h or all(x.is_Rational for a in args for x in _parts(a)):
            return cls._written_out(law, power, h)
        ordered = sorted(h, key=lambda x: (not x.is_number, str(x)))
        return cls(law, power, *ordered) if ordered != h else None

    @staticmethod
    def _written_out(law: Expr, power: Expr, h: Sequence[Expr]) -> Expr:
        shift = PairLaw.from_args(law).shift
        return _polynomial(law, power, [shift - x for x in h])

    def doit_in(self, variables: Sequence[Expr]) -> Expr:
        """Return the polynomial in the variables of `PairLaw` in place of eigenvalues."""
        return _polynomial(self.args[0], self.args[1], variables)

    @property
    def law(self) -> PairLaw:
        """What is known of both roots."""
        return PairLaw.from_args(self.args[0])

    @property
    def memory(self) -> Expr:
        """The second root along flat directions: beta of a heavy ball."""
        return self.law.flat_root

    @property
    def power(self) -> int:
        """The power of beta."""
        return int(self.args[1][0] if isinstance(self.args[1], Tuple) else self.args[1])

    @property
    def front(self) -> Expr:
        """What stands before the roots."""
        result = self.memory ** Integer(self.power)
        if isinstance(self.args[1], Tuple):
            _, m, more = self.args[1]
            result = Mul(result, more**m)
        return result

    @property
    def eigenvalues(self) -> tuple[Expr, ...]:
        """The eigenvalues h."""
        h: tuple[Expr, ...] = self.args[2:]
        return h

    def doit(self, **hints: Any) -> Expr:
        """Return the polynomial."""
        law, power, *h = (arg.doit(**hints) for arg in self.args)
        return self._written_out(law, power, h)

    def _eval_evalf(self, prec: int) -> Expr | None:
        if not all(part.is_number for arg in self.args for part in _parts(arg)):
            return None
        value = self._written_out(self.args[0], self.args[1], self.eigenvalues)
        return value._eval_evalf(prec)  # noqa: SLF001 - SymPy's own protocol

    def _sympystr(self, printer: Any) -> str:
        lead = "" if self.front == 1 else f"{printer.doprint(self.front)}; "
        return f"R({lead}{', '.join(map(printer.doprint, self.eigenvalues))})"


def _parts(arg: Expr) -> tuple[Expr, ...]:
    """Return the entries of a tuple, or the argument alone."""
    return tuple(arg) if isinstance(arg, Tuple) else (arg,)
