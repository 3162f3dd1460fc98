"""Which contractions follow from those that are known, exactly: linear algebra over the partitions."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple, final

from sgdiagrams.diagrams.errors import StatisticsError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.symbolic.algebra.conversions import in_cumulants, in_moments

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sgdiagrams.symbolic.contractions.contraction import Contraction

__all__ = ["KnownContractions"]

_MOST_NAMED = 3


class _Row(NamedTuple):
    """A sum of moments, and the known contractions whose sum it is."""

    moments: dict[Contraction, Fraction]
    combination: dict[Contraction, Fraction]


@final
class KnownContractions:
    """Contractions of both bases, and all that are sums of them.

    Parameters
    ----------
    known
        Moments and cumulants.

    Examples
    --------
    >>> from sgdiagrams.symbolic import Contraction
    >>> C, square = map(Contraction.parse, ("C_aa", "G_a G_a"))
    >>> KnownContractions([C, square]).combination(Contraction.parse("M_a|a"))
    {C_aa: Fraction(1, 1), G_a G_a: Fraction(1, 1)}
    """

    __slots__ = ("_groups", "_known", "_rows")

    def __init__(self, known: Iterable[Contraction]) -> None:
        self._known = frozenset(known)
        self._groups: dict[Contraction, list[Contraction]] = {}
        for contraction in sorted(self._known, key=lambda c: c.simplicity):
            self._groups.setdefault(_skeleton(contraction), []).append(contraction)
        self._rows: dict[Contraction, dict[Contraction, _Row]] = {}

    def combination(self, contraction: Contraction) -> Mapping[Contraction, Fraction]:
        """Return the known contractions whose sum is this one, with their factors.

        Raises
        ------
        StatisticsError
            When it does not follow from what is known; what is missing is named.
        """
        found = self._solved(contraction)
        if found is None:
            raise StatisticsError(self._missing(contraction))
        return found

    def rewritten(
        self, terms: Sequence[tuple[Fraction, Contraction]]
    ) -> dict[Contraction, Fraction]:
        """Return a sum of weights times contractions as one of known contractions.

        Contractions that do not follow one by one may follow together, as where products cancel in the
        cumulants.

        Raises
        ------
        StatisticsError
            When the sum does not follow either; what is missing is named.
        """
        total: dict[Contraction, Fraction] = {}
        together: dict[Contraction, dict[Contraction, Fraction]] = {}
        first: dict[Contraction, Contraction] = {}
        for weight, contraction in terms:
            solved = self._solved(contraction)
            if solved is not None:
                _add(total, weight, solved)
                continue
            skeleton = _skeleton(contraction)
            if skeleton not in self._groups:
                raise StatisticsError(self._missing(contraction))
            first.setdefault(skeleton, contraction)
            _add(together.setdefault(skeleton, {}), weight, in_moments(contraction))
        for skeleton, moments in together.items():
            solved = self._sum(skeleton, moments)
            if solved is None:
                raise StatisticsError(self._missing(first[skeleton]))
            _add(total, Fraction(1), solved)
        return {c: weight for c, weight in total.items() if weight}

    def _solved(self, contraction: Contraction) -> Mapping[Contraction, Fraction] | None:
        if contraction in self._known:
            return {contraction: Fraction(1)}
        skeleton = _skeleton(contraction)
        return self._sum(skeleton, in_moments(contraction)) if skeleton in self._groups else None

    def _sum(
        self, skeleton: Contraction, moments: Mapping[Contraction, int | Fraction]
    ) -> Mapping[Contraction, Fraction] | None:
        rows = self._echelon(skeleton)
        left = _reduced(_Row(_fractions(moments), {}), rows)
        return None if left.moments else {c: -f for c, f in left.combination.items()}

    def _echelon(self, skeleton: Contraction) -> dict[Contraction, _Row]:
        """Return independent rows, each by a moment that no later row has."""
        if skeleton not in self._rows:
            rows: dict[Contraction, _Row] = {}
            for contraction in self._groups.get(skeleton, ()):
                row = _Row(_fractions(in_moments(contraction)), {contraction: Fraction(1)})
                moments, combination = _reduced(row, rows)
                if moments:
                    pivot, factor = next(iter(moments.items()))
                    rows[pivot] = _Row(
                        {c: f / factor for c, f in moments.items()},
                        {c: f / factor for c, f in combination.items()},
                    )
            self._rows[skeleton] = rows
        return self._rows[skeleton]

    def _missing(self, contraction: Contraction) -> str:
        text = f"expected a number for {shown(str(contraction))}, got none"
        group = self._groups.get(_skeleton(contraction), ())
        if contraction.noise and any(c.basis != contraction.basis for c in group):
            change = in_cumulants if contraction.basis == "moment" else in_moments
            absent = [c for c in change(contraction) if self._solved(c) is None]
            names = ", ".join(shown(str(c)) for c in absent[:_MOST_NAMED])
            more = ", ..." if len(absent) > _MOST_NAMED else ""
            return f"{text}; with numbers for {names}{more} it would follow"
        return f"{text}; add it to the values"


def _skeleton(contraction: Contraction) -> Contraction:
    """Return a contraction without what ties its nodes."""
    return contraction.with_partition(tuple(range(contraction.node_count)), "moment")


def _fractions(factors: Mapping[Contraction, int | Fraction]) -> dict[Contraction, Fraction]:
    return {c: Fraction(factor) for c, factor in factors.items() if factor}


def _add(
    total: dict[Contraction, Fraction],
    weight: Fraction,
    sum_of: Mapping[Contraction, int | Fraction],
) -> None:
    for contraction, factor in sum_of.items():
        total[contraction] = total.get(contraction, Fraction(0)) + weight * factor


def _reduced(row: _Row, rows: Mapping[Contraction, _Row]) -> _Row:
    """Subtract rows until none of their pivots is left."""
    moments, combination = dict(row.moments), dict(row.combination)
    for pivot, other in rows.items():  # in this order: later rows have no earlier pivot
        factor = moments.get(pivot)
        if factor:
            for mine, theirs in ((moments, other.moments), (combination, other.combination)):
                for c, f in theirs.items():
                    mine[c] = mine.get(c, Fraction(0)) - factor * f
    return _Row(
        {c: f for c, f in moments.items() if f}, {c: f for c, f in combination.items() if f}
    )
