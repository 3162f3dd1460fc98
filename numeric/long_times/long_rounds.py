r"""Dressed counts on a given training set in numbers, from sums over rounds.

Sums over rounds (`sgdiagrams.symbolic.resummation.given_sets`) are evaluated without a quotient of
differences: divided differences of :math:`x^M` are complete homogeneous polynomials, sums of products
of the alive q over the batches of a round. Noise of a round adds up to 0, so that terms cancel where
:math:`h M` is small: a relative error grows there like :math:`(h M)^{-2}`.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sgdiagrams.symbolic.resummation.given_sets.round_sums import RoundComponent
    from sgdiagrams.symbolic.training.dressing import Dressing

__all__ = ["LateRounds", "homogeneous_power", "late_rounds"]

#: Closer to 1 than this, a product of factors is taken for one that does not decay.
_MARGIN = 1e-12


class LateRounds(NamedTuple):
    """A dressed count after many rounds, where it has a limit.

    Attributes
    ----------
    value
        An array.
    grows
        Where there is no limit: products of q that do not decay.
    """

    value: Any
    grows: Any


def late_rounds(
    components: Sequence[RoundComponent],
    bases: Sequence[tuple[Any, ...]],
    dressing: Dressing,
    *,
    is_late: bool = True,
) -> LateRounds:
    """Return the limit of a dressed count for many rounds, or its value after all of them.

    Parameters
    ----------
    components
        With all numbers but that of the rounds.
    bases
        For the edge above every update the bases of its kernel: 1 - h, or with momentum two. With two,
        the product of their differences is left to be divided by.
    dressing
        What the bases are the roots of.
    is_late
        Whether the number of rounds is infinite, whatever it is.
    """
    value: Any = 1.0
    grows: Any = False
    for part in components:
        own = [bases[v] for v in part.nodes]
        numerators = [
            [float(c) for c in (dressing.readout if top else dressing.numerator)]
            for top in part.into_root
        ]
        M = int(part.batches)
        total: Any = 0.0
        known: dict[tuple[int, ...], _Choice] = {}
        for s, weight in part.sums:
            for picked in product(*(range(len(b)) for b in own)):
                if picked not in known:
                    known[picked] = _Choice(own, picked, M)
                choice = known[picked]
                term: Any = float(weight) * (-1.0) ** sum(picked)
                for c, x in zip(numerators, choice.own, strict=True):
                    term = term * np.polyval(c, x)
                for x, k, rounds in zip(choice.own, s.passes, s.rounds_passed, strict=True):
                    power = k + M * rounds
                    term = term * x**power if power else term
                for gaps in s.inner:
                    term = term * choice.difference(gaps)
                for chain in s.outer:
                    if not is_late:
                        term = term * choice.rounds(chain, int(part.count))
                        continue
                    for alive in chain:
                        rate, stays = choice.rate(alive)
                        grows = np.logical_or(grows, stays)
                        term = term * rate
                total = total + term
        value = value * total
    return LateRounds(value, grows)


class _Choice:
    """One base for every edge, and what is known of the products of these."""

    def __init__(self, own: Sequence[tuple[Any, ...]], picked: tuple[int, ...], M: int) -> None:
        self.own = [b[i] for b, i in zip(own, picked, strict=True)]
        self._M = M
        self._products: dict[tuple[int, ...], Any] = {}
        self._differences: dict[tuple[tuple[int, ...], ...], Any] = {}
        self._sums: dict[tuple[tuple[tuple[int, ...], ...], int], Any] = {}

    def product(self, alive: tuple[int, ...]) -> Any:
        """Return the product of the bases of alive edges."""
        if alive not in self._products:
            Q: Any = 1.0
            for x, k in zip(self.own, alive, strict=True):
                Q = Q * x if k else Q
            self._products[alive] = Q
        return self._products[alive]

    def difference(self, gaps: tuple[tuple[int, ...], ...]) -> Any:
        """Return the sum over the batches of a round."""
        if gaps not in self._differences:
            nodes = [self.product(alive) for alive in gaps]
            self._differences[gaps] = homogeneous_power(nodes, self._M)
        return self._differences[gaps]

    def rate(self, alive: tuple[int, ...]) -> tuple[Any, Any]:
        """Return the sum over all rounds, and where it has no limit."""
        P = np.asarray(self.product(alive)) ** self._M
        stays = np.abs(P) >= 1 - _MARGIN
        return 1 / np.where(stays, np.inf, 1 - P), stays

    def rounds(self, chain: tuple[tuple[int, ...], ...], count: int) -> Any:
        """Return the sum over so many rounds."""
        key = (chain, count)
        if key not in self._sums:
            nodes = [1.0, *(self.product(alive) ** self._M for alive in chain)]
            self._sums[key] = homogeneous_power(nodes, count)
        return self._sums[key]


def homogeneous_power(nodes: Sequence[Any], M: int) -> Any:
    """Return the divided difference of ``x**M`` at nodes, a polynomial in them.

    Examples
    --------
    >>> homogeneous_power([1, 0.5], 3)
    1.75
    """
    L = len(nodes) - 1
    if M < L:
        return 0.0
    sums: list[Any] = [1.0] * (L + 1)
    for _ in range(M - L):
        sums[0] = nodes[0] * sums[0]
        for i in range(1, L + 1):
            sums[i] = sums[i - 1] + nodes[i] * sums[i]
    return sums[L]
