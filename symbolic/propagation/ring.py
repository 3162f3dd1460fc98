"""Where propagation computes: a commutative ring that holds the rational numbers."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FRACTIONS", "WHOLE", "Ring"]


def _unchanged(value: Any) -> Any:
    return value


@dataclass(frozen=True, slots=True, eq=False)
class Ring:
    """A commutative ring; its elements need ``+`` and ``*`` only.

    Attributes
    ----------
    number
        From rational numbers into the ring; it leaves what is there already.
    dtype
        Of arrays that hold elements.
    is_whole
        Whether it holds whole numbers alone, so that everything is scaled until it is whole.
    for_squaring
        A more precise ring, where matrices are powered by squaring; None where this one will do.
    price
        How much more an operation costs in this ring than in the less precise one.
    lift, settle
        From the less precise ring into this one, and back.
    """

    number: Callable[[Any], Any]
    dtype: type = object
    is_whole: bool = False
    for_squaring: Ring | None = None
    price: int = 1
    lift: Callable[[Any], Any] = _unchanged
    settle: Callable[[Any], Any] = _unchanged


def _whole(value: Fraction) -> int:
    return value.numerator


#: The rational numbers, and polynomials or anything else that combines with fractions.
FRACTIONS = Ring(Fraction)
#: Whole numbers, for rational ones that are scaled: no fraction is ever reduced.
WHOLE = Ring(_whole, is_whole=True)
