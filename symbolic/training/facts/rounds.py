"""Rounds of batches of different rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from sympy import Expr

__all__ = ["Rounds"]


class Rounds(NamedTuple):
    """Batches of different rows, all orders being equally likely.

    Attributes
    ----------
    batches
        The number of batches of a round.
    count
        The number of rounds.
    have_one_order
        Whether all rounds have the order that was drawn for the first.
    are_even
        Whether all batches have one size, for which there are closed forms.
    """

    batches: Expr
    count: Expr
    have_one_order: bool = False
    are_even: bool = True
