r"""Kernels in closed form: how much of an update at time s an edge carries to a time D later."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from sympy import Expr

__all__ = ["Mode"]


class Mode(NamedTuple):
    r"""One term :math:`w\, D^k\, x^D` of a kernel."""

    weight: Expr
    power: int
    base: Expr
