r"""Kernels in closed form: how much of an update at time s an edge carries to a time D later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Self

from sympy import sympify

if TYPE_CHECKING:
    from sympy import Expr

__all__ = ["Mode"]


class _Mode(NamedTuple):
    weight: Expr
    power: int
    base: Expr


class Mode(_Mode):
    r"""One term :math:`w\, D^k\, x^D` of a kernel.

    Parameters
    ----------
    weight, base
        :math:`w` and :math:`x`: numbers, or SymPy expressions of the optimiser's numbers and T.
    power
        :math:`k`, a whole number >= 0.
    """

    __slots__ = ()

    def __new__(cls, weight: Any, power: int, base: Any) -> Self:
        """Make numbers SymPy's."""
        return super().__new__(cls, sympify(weight), power, sympify(base))
