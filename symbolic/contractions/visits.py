"""Cumulants of conditional cumulants as sums of moments: what values are computed from."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.diagrams.partitions import is_refinement, moebius, refinements

if TYPE_CHECKING:
    from sgdiagrams.diagrams.partitions import Partition

__all__ = ["moments_of_visits"]


def moments_of_visits(
    blocks: Partition, visits: Partition, basis: str
) -> dict[tuple[Partition, Partition], Fraction]:
    r"""Return the moments, as blocks and visits, that make up a value, with their factors.

    A conditional cumulant of visits :math:`\sigma` in blocks :math:`\tau` is the sum of

    .. math:: \mu(\pi, \tau)\, \mu(\rho, \sigma)\, M(\pi, \rho), \qquad
        \rho \le \sigma \le \pi \le \tau.

    Parameters
    ----------
    blocks, visits
        Restricted growth strings, the visits inside the blocks.
    basis
        ``"moment"``, ``"cumulant"`` (of datapoints and noise together) or ``"conditional"``.

    Raises
    ------
    RequestError
        For another basis.

    Examples
    --------
    The mean over datapoints of the covariance over the noise of a visit:

    >>> moments_of_visits((0, 0), (0, 0), "conditional")
    {((0, 0), (0, 0)): Fraction(1, 1), ((0, 0), (0, 1)): Fraction(-1, 1)}
    """
    if basis == "moment":
        return {(blocks, visits): Fraction(1)}
    if basis == "cumulant":
        return {(pi, pi): Fraction(moebius(pi, blocks)) for pi in refinements(blocks)}
    if basis == "conditional":
        outer = {pi: moebius(pi, blocks) for pi in refinements(blocks) if is_refinement(visits, pi)}
        inner = {rho: moebius(rho, visits) for rho in refinements(visits)}
        return {(pi, rho): Fraction(a * b) for pi, a in outer.items() for rho, b in inner.items()}
    raise RequestError(
        f"expected moments or cumulants for datapoints with visits, got basis={shown(basis)}"
    )
