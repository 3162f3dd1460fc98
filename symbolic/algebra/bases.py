r"""Linear combinations in one of four bases, exactly.

A population has moments and cumulants. N samples have averages over the samples, V (*plug-in*), and over
distinct ones, U (*distinct*), a U-statistic:

.. math:: U(\pi) = \frac{1}{(N)_{|\pi|}} \sum_{\sigma \ge \pi} \mu(\pi, \sigma) N^{|\sigma|} V(\sigma),
          \qquad V(\pi) = N^{-|\pi|} \sum_{\sigma \ge \pi} (N)_{|\sigma|} U(\sigma),

over what a partition refines. :math:`U(\pi)` is the unbiased estimator of the moment :math:`M(\pi)`,
which is its expectation over samples that are drawn independently: so a change from a population to
samples is the unbiased estimator, and back its expectation.

References
----------
W. Hoeffding, "A class of statistics with asymptotically normal distribution", Ann. Math. Statist. 19
(1948) 293; R. P. Stanley, Enumerative Combinatorics 1, example 3.10.4.
"""

from __future__ import annotations

from collections import defaultdict
from math import prod
from typing import TYPE_CHECKING

from sympy import Expr, Integer

from sgdiagrams.diagrams.errors import StatisticsError
from sgdiagrams.symbolic.algebra.conversions import (
    in_cumulants,
    in_moments,
    split_partition,
    whole_partition,
)
from sgdiagrams.symbolic.algebra.linear_combinations import collected_pairs
from sgdiagrams.symbolic.algebra.shared_ring import SharedRing
from sgdiagrams.symbolic.algebra.unbiased import coarse_with_moebius
from sgdiagrams.symbolic.contractions.placements import is_constant

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from flint import fmpq_mpoly

    from sgdiagrams.symbolic.algebra.linear_combinations import Pair
    from sgdiagrams.symbolic.contractions.contraction import Contraction
    from sgdiagrams.symbolic.contractions.graph import ValueBasis

__all__ = ["pairs_in_basis", "values_cancel"]

_POPULATION = ("moment", "cumulant")


def pairs_in_basis(pairs: Iterable[Pair], basis: ValueBasis, N: Expr) -> tuple[Pair, ...]:
    """Return a linear combination in one basis.

    Parameters
    ----------
    pairs
        Of any bases.
    basis
        ``"moment"``, ``"cumulant"``, ``"distinct"`` or ``"plug-in"``.
    N
        The number of samples: whole, or an expression in symbols.

    Raises
    ------
    StatisticsError
        When a contraction has more than ten nodes that depend on datapoints, or there are fewer samples
        than blocks of an average over distinct ones.

    Examples
    --------
    >>> from sgdiagrams.symbolic.contractions.contraction import Contraction
    >>> from sgdiagrams.symbolic.symbols import N
    >>> pairs_in_basis([(Integer(1), Contraction.parse("C_aa"))], "plug-in", N)
    ((-N/(N - 1), G^_a G^_a), (N/(N - 1), V_a|a))
    """
    given: defaultdict[str, list[Pair]] = defaultdict(list)
    for pair in pairs:
        given["constant" if is_constant(pair[1]) else pair[1].basis].append(pair)
    # Nothing is worked out for what is in the basis already.
    kept = [*given.pop("constant", ()), *given.pop(basis, ())]
    if not given:
        return collected_pairs(kept, is_canonical=True)
    changed = [pair for group in given.values() for pair in group]
    sums = _Sums(changed, N)
    if basis == "plug-in":
        sums.replace(("moment", "cumulant"), in_moments, "distinct")
        sums.average_over_all()
    else:
        sums.average_over_distinct()
        if basis == "cumulant":
            sums.replace(("distinct",), _itself, "moment")
            sums.replace(("moment",), in_cumulants, "cumulant")
        else:
            sums.replace(("moment", "cumulant"), in_moments, basis)
            sums.replace(("distinct",), _itself, basis)
    return collected_pairs([*kept, *sums.pairs()], is_canonical=True)


def values_cancel(pairs: Iterable[Pair], N: Expr) -> bool:
    """Tell whether a linear combination is zero whatever the datapoints are.

    It is in cumulants that contractions do not depend on each other, penalties or not: values of samples
    take the names of a population, which loses nothing.

    Raises
    ------
    StatisticsError
        When a contraction has more than ten nodes that depend on datapoints.

    Examples
    --------
    >>> from sgdiagrams.symbolic.contractions.contraction import Contraction
    >>> from sgdiagrams.symbolic.symbols import N
    >>> names = ("C_aa", "M_a|a", "G_a G_a")
    >>> covariance, second, first = map(Contraction.parse, names)
    >>> values_cancel([(Integer(1), covariance), (Integer(-1), second), (Integer(1), first)], N)
    True
    """
    population: list[Pair] = []
    samples: list[Pair] = []
    for pair in pairs:
        (population if pair[1].basis in _POPULATION else samples).append(pair)
    return not any(pairs_in_basis(part, "cumulant", N) for part in (population, samples))


def _itself(contraction: Contraction) -> Mapping[Contraction, int]:
    return {contraction: 1}


class _Sums:
    """Contractions with their coefficients, as numerators over one denominator."""

    def __init__(self, pairs: Sequence[Pair], N: Expr) -> None:
        self._ring = SharedRing((c for c, _ in pairs), () if N.is_Integer else (N,))
        self._below = self._ring.denominator
        self._N = N
        self._size = self._ring.polynomial(N)
        self._zero = self._ring.polynomial(Integer(0))
        self._terms: dict[Contraction, fmpq_mpoly] = {}
        for c, k in pairs:
            self._add(self._terms, k, self._ring.numerator(c))

    def _add(self, terms: dict[Contraction, fmpq_mpoly], k: Contraction, above: fmpq_mpoly) -> None:
        terms[k] = terms.get(k, self._zero) + above

    def pairs(self) -> list[Pair]:
        """Return the contractions with weights as coefficients."""
        known: dict[str, Expr] = {}
        result = []
        for k, above in self._terms.items():
            key = str(above)
            if key not in known:
                known[key] = self._ring.weight(above, self._below)
            result.append((known[key], k))
        return result

    def replace(
        self,
        bases: Collection[str],
        change: Callable[[Contraction], Mapping[Contraction, int]],
        basis: ValueBasis,
    ) -> None:
        """Put the sums that a function gives in the place of contractions, and rename their basis."""
        terms: dict[Contraction, fmpq_mpoly] = {}
        for k, above in self._terms.items():
            # Of single nodes, moments are cumulants.
            if k.basis not in bases:
                self._add(terms, k, above)
                continue
            for new, factor in change(k).items():
                renamed = new.with_partition(new.partition, basis) if new.basis != basis else new
                self._add(terms, renamed, above * factor)
        # What cancels asks for no samples.
        self._terms = {k: above for k, above in terms.items() if above}

    def _falling(self, start: int, stop: int) -> fmpq_mpoly:
        """Return (N - start) ... (N - stop + 1)."""
        return prod((self._size - i for i in range(start, stop)), start=self._zero + 1)

    def average_over_all(self) -> None:
        """Write averages over distinct samples as products of averages."""
        given = [(k, above, *split_partition(k)) for k, above in self._terms.items()]
        most = max((_block_count(inner) for _, _, inner, _ in given), default=0)
        if self._N.is_Integer and most > self._N:
            raise StatisticsError(
                f"expected at least {most} samples for an average over distinct {most}-tuples, "
                f"got N={self._N}; bring more samples or lower the order"
            )
        # Over N (N - 1) ... (N - most + 1).
        terms: dict[Contraction, fmpq_mpoly] = {}
        for k, above, inner, nodes in given:
            scaled = above * self._falling(_block_count(inner), most)
            for coarse, mu in coarse_with_moebius(inner):
                new = k.with_partition(whole_partition(coarse, nodes, k.node_count), "plug-in")
                self._add(terms, new, scaled * mu * self._size ** _block_count(coarse))
        self._terms = terms
        self._below = self._below * self._falling(0, most)

    def average_over_distinct(self) -> None:
        """Write products of averages as averages over distinct samples."""
        given = [
            (k, above, *split_partition(k))
            for k, above in self._terms.items()
            if k.basis == "plug-in"
        ]
        if not given:
            return
        most = max(_block_count(inner) for _, _, inner, _ in given)
        # Over a power of N.
        terms: dict[Contraction, fmpq_mpoly] = {
            k: above * self._size**most for k, above in self._terms.items() if k.basis != "plug-in"
        }
        for k, above, inner, nodes in given:
            scaled = above * self._size ** (most - _block_count(inner))
            for coarse, _ in coarse_with_moebius(inner):
                new = k.with_partition(whole_partition(coarse, nodes, k.node_count), "distinct")
                self._add(terms, new, scaled * self._falling(0, _block_count(coarse)))
        self._terms = terms
        self._below = self._below * self._size**most


def _block_count(partition: tuple[int, ...]) -> int:
    return max(partition, default=-1) + 1
