"""What is known of functions of the weights that a user brings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Given"]


class Given(NamedTuple):
    """A user's function of the weights, for those who work with numbers.

    Attributes
    ----------
    name
        The factor in the products.
    value
        Takes weights of shape (R, p) to values of shape (R,); None where it is not simulated.
    derivatives
        Takes the start, of shape (p,), and k to the derivative of order k there; None where it comes
        with the statistics.
    """

    name: str
    value: Callable[..., Any] | None = None
    derivatives: Callable[..., Any] | None = None
