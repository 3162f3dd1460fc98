r"""What multiplies the embeddings of a diagram, whatever the counting: sign, batch size, symmetry."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

__all__ = ["Prefactor", "mean_share", "prefactor"]


class Prefactor(NamedTuple):
    """A rational number times a power of the batch size B.

    Attributes
    ----------
    number
        The rational number.
    batches
        The exponent of B.
    """

    number: Fraction
    batches: int


def prefactor(updates: int, *, symmetry_factor: int = 1) -> Prefactor:
    r"""Return :math:`(-1/B)^d/|\mathrm{Aut}|` for a diagram with d updates.

    An update goes against the gradient, and by the mean over its batch. This is the only place that
    says so: plain, re-summed and re-linked series, closed forms and sums over times all ask here, and
    a link that is inserted into a diagram is an update more.

    Parameters
    ----------
    updates
        The number d of updates, at least 0.
    symmetry_factor
        The number of automorphisms.

    Examples
    --------
    >>> prefactor(3, symmetry_factor=2)
    Prefactor(number=Fraction(-1, 2), batches=-3)
    """
    return Prefactor(Fraction((-1) ** updates, symmetry_factor), -updates)


def mean_share(size: int | Fraction) -> Fraction:
    """Return the share of a row in the mean over a batch of a size, which an update goes by.

    Examples
    --------
    >>> mean_share(4)
    Fraction(1, 4)
    """
    return Fraction(size) ** prefactor(1).batches
