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
from typing import TYPE_CHECKING

from sympy import Add, Expr, Integer, Mul, Pow

from sgdiagrams.diagrams.errors import StatisticsError
from sgdiagrams.symbolic.algebra.conversions import (
    in_cumulants,
    in_moments,
    split_partition,
    whole_partition,
)
from sgdiagrams.symbolic.algebra.linear_combinations import collected_pairs, is_constant
from sgdiagrams.symbolic.algebra.unbiased import coarse_with_moebius
from sgdiagrams.symbolic.weights.quotients import canonical

if TYPE_CHECKING:
    from collections.abc import Iterable

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
    if basis == "plug-in":
        to_average = [*given["distinct"], *_renamed(_moments(given), "distinct")]
        result = [*given["plug-in"], *_in_plug_ins(to_average, N)]
    else:
        distinct = [*given["distinct"], *_in_distinct(given["plug-in"], N)]
        if basis == "distinct":
            result = [*distinct, *_renamed(_moments(given), "distinct")]
        elif basis == "moment":
            result = [*_moments(given), *_renamed(distinct, "moment")]
        else:
            given["moment"] += _renamed(distinct, "moment")
            population = [*given["moment"], *given["cumulant"]]
            result = [(c * n, k) for c, old in population for k, n in in_cumulants(old).items()]
    return collected_pairs([*given["constant"], *result])


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


def _moments(given: dict[str, list[Pair]]) -> list[Pair]:
    population = [*given["moment"], *given["cumulant"]]
    return [(c * n, k) for c, old in population for k, n in in_moments(old).items()]


def _renamed(pairs: Iterable[Pair], basis: ValueBasis) -> list[Pair]:
    return [(c, k.with_partition(k.partition, basis)) for c, k in pairs]


# Of samples -------------------------------------------------------------------------------------------


class _Sums:
    """Coefficients of contractions, apart by the number of blocks that they come from."""

    def __init__(self) -> None:
        self.terms: dict[tuple[Contraction, int], defaultdict[int, list[Expr]]] = {}

    def add(self, coefficient: Expr, contraction: Contraction, blocks: int, before: int) -> None:
        """Add to the coefficient of a contraction with so many blocks, which had more before."""
        self.terms.setdefault((contraction, blocks), defaultdict(list))[before].append(coefficient)

    def times(self, N: Expr, *, is_falling: bool) -> list[Pair]:
        """Return the sums times N^blocks / (N)_before, or (N)_blocks / N^before where it is falling."""
        known: dict[tuple[object, ...], Expr] = {}
        result = []
        for (contraction, blocks), by_number in self.terms.items():
            sums = tuple((m, Add(*cs)) for m, cs in sorted(by_number.items()))
            key = (blocks, sums)
            if key not in known:
                known[key] = _scaled(blocks, sums, N, is_falling=is_falling)
            result.append((known[key], contraction))
        return result


def _scaled(blocks: int, sums: tuple[tuple[int, Expr], ...], N: Expr, *, is_falling: bool) -> Expr:
    above, below = (_falling, Pow) if is_falling else (Pow, _falling)
    total = Add(*(Mul(c, 1 / below(N, Integer(m))) for m, c in sums))
    product = Mul(total, above(N, Integer(blocks)))
    return product if product.is_Rational else canonical(product)


def _falling(N: Expr, k: Expr) -> Expr:
    """Return N (N - 1) ... (N - k + 1)."""
    return Mul(*(N - i for i in range(int(k))))


def _in_plug_ins(pairs: Iterable[Pair], N: Expr) -> list[Pair]:
    """Return averages over distinct samples as products of averages."""
    sums = _Sums()
    for c, k in pairs:
        inner, nodes = split_partition(k)
        m = _block_count(inner)
        if N.is_Integer and m > N:
            raise StatisticsError(
                f"expected at least {m} samples for an average over distinct {m}-tuples, got N={N}; "
                "bring more samples or lower the order"
            )
        for coarse, mu in coarse_with_moebius(inner):
            new = k.with_partition(whole_partition(coarse, nodes, k.node_count), "plug-in")
            sums.add(c * mu, new, _block_count(coarse), m)
    return sums.times(N, is_falling=False)


def _in_distinct(pairs: Iterable[Pair], N: Expr) -> list[Pair]:
    """Return products of averages over samples as averages over distinct ones."""
    sums = _Sums()
    for c, k in pairs:
        inner, nodes = split_partition(k)
        m = _block_count(inner)
        for coarse, _ in coarse_with_moebius(inner):
            new = k.with_partition(whole_partition(coarse, nodes, k.node_count), "distinct")
            sums.add(c, new, _block_count(coarse), m)
    return sums.times(N, is_falling=True)


def _block_count(partition: tuple[int, ...]) -> int:
    return max(partition, default=-1) + 1
