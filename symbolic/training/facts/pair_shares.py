"""What pairs of updates weigh that share a row."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from sympy import Expr

__all__ = ["PairShares"]


class PairShares(NamedTuple):
    """The expected sum over rows of the product of their shares in the batches of two updates.

    Attributes
    ----------
    at_once
        Of one update with itself.
    in_one_epoch
        Of different updates in one epoch, where epochs make a difference; otherwise None.
    otherwise
        Of all others.
    """

    at_once: Expr
    in_one_epoch: Expr | None
    otherwise: Expr
