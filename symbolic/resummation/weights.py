"""Weights of a re-summed formula, derived from its dressed diagrams, each one once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from sympy import (
    Add,
    Dummy,
    Expr,
    Integer,
    Mul,
    Poly,
    Rational,
    factor,
    fraction,
    together,
)
from sympy.core.symbol import Str

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.symbolic import symbols
from sgdiagrams.symbolic.contractions.notation import index_letter
from sgdiagrams.symbolic.formula import Term
from sgdiagrams.symbolic.resummation.dressed import closed_count
from sgdiagrams.symbolic.resummation.eigenvalues import EmbeddingSum, eigenvalue, roots
from sgdiagrams.symbolic.resummation.forms import conditions, expression
from sgdiagrams.symbolic.resummation.formula import law_of
from sgdiagrams.symbolic.resummation.given_sets.decay import PowerDecay
from sgdiagrams.symbolic.resummation.given_sets.round_forms import (
    RoundForm,
    round_conditions,
    round_expression,
)
from sgdiagrams.symbolic.resummation.given_sets.round_sums import has_round_sum, round_sum
from sgdiagrams.symbolic.resummation.pairs.paired import (
    PairedTerm,
    paired_product,
    stationary_in_pairs,
)
from sgdiagrams.symbolic.resummation.pairs.reduced import in_factors, in_lowest_terms
from sgdiagrams.symbolic.resummation.timed.counts import has_stages, staged_count
from sgdiagrams.symbolic.resummation.timed.elimination import leading_in_time, without_roots
from sgdiagrams.symbolic.resummation.timed.written_out import endless_groups, staged_expression
from sgdiagrams.symbolic.weights.divided_differences import PowerDifference

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sgdiagrams.diagrams.diagram import Diagram
    from sgdiagrams.symbolic.formula import Part
    from sgdiagrams.symbolic.observed.times_of_reading import ReadTime
    from sgdiagrams.symbolic.resummation.dressed import DressedCount
    from sgdiagrams.symbolic.resummation.forms import Form
    from sgdiagrams.symbolic.resummation.pairs.pair_law import PairLaw
    from sgdiagrams.symbolic.resummation.skeletons import DressedTerm, Piece, Skeleton
    from sgdiagrams.symbolic.resummation.timed.counts import StagedCount
    from sgdiagrams.symbolic.training.dressing import Dressing
    from sgdiagrams.symbolic.training.training import Training
    from sgdiagrams.symbolic.vocabulary import RootRole

__all__ = ["Weights", "least_groups"]

#: The forms for T to infinity.
_LIMITS = ("stationary", "small-eta")
#: The number of updates, where the leading power of it is looked for.
_MANY = Dummy("T")


class _Kind(NamedTuple):
    """What pieces share.

    Attributes
    ----------
    law
        What is known of both roots, where there are two.
    is_averaged
        Whether edges into the root have a root more.
    updates
        Their number, under a mean of all iterates.
    """

    law: PairLaw | None
    is_averaged: bool
    updates: Expr | None


def _is_mean(training: Training) -> bool:
    return training.dressing is not None and training.dressing.is_mean


def _leading(total: Expr) -> Expr:
    """Return what leads among powers of the number of updates."""
    if total == 0:
        return total
    above, below = (Poly(part, _MANY) for part in fraction(together(total)))
    power = Integer(above.degree() - below.degree())
    return in_factors(above.LC() / below.LC()) * _MANY**power


class Weights:
    """The weights of dressed terms in one form; what terms share is derived once.

    Parameters
    ----------
    parts
        What is expanded: schemes and optimisers.
    form, flat
        As in `sgdiagrams.symbolic.resummed.ResummedExpansion`.
    """

    def __init__(self, parts: tuple[Part, ...], form: Form, flat: tuple[str, ...]) -> None:
        self._parts = parts
        self._form = form
        self._flat = flat
        self._counts: dict[tuple[Diagram, RootRole, Training], DressedCount] = {}
        self._staged: dict[
            tuple[Diagram, RootRole, Training, tuple[ReadTime | None, ...]], StagedCount
        ] = {}
        self._dressed: dict[tuple[Skeleton, int, tuple[Expr, ...]], Expr] = {}
        self._pairs: dict[tuple[Skeleton, int, int], tuple[PairedTerm, ...]] = {}

    def terms(self, dressed_terms: Iterable[DressedTerm]) -> tuple[Term, ...]:
        """Return the terms whose weights are not 0."""
        result = []
        for term in dressed_terms:
            weight = self.weight(term)
            if weight != 0:
                names = tuple(index_letter(i) for i in range(term.order))
                result.append(Term(weight, term.contraction, names))
        return tuple(result)

    def weight(self, term: DressedTerm) -> Expr:
        """Return the weight of a term."""
        if self._form not in _LIMITS:
            return self._sum(term.pieces, term)
        if any(s.reads for piece in term.pieces for s in piece.skeletons):
            return self._of_times(term)
        kinds: dict[_Kind, list[Piece]] = {}
        for piece in term.pieces:
            kinds.setdefault(self._kind(piece), []).append(piece)
        return Add(*(self._limit(kind, pieces, term) for kind, pieces in kinds.items()))

    def _of_times(self, term: DressedTerm) -> Expr:
        """Return the limit of a weight of several times: of a polynomial in T what leads."""
        total = self._sum(term.pieces, term)
        for part in {self._parts[piece.part].optimizer.dressing for piece in term.pieces}:
            if part is not None and part.root_count > 1:
                total = without_roots(total, part, term.order)
        total = leading_in_time(total, symbols.T)
        # One term for each root where lags are symbols.
        has_roots = any(total.has(*roots(i)) for i in range(term.order))
        return total if has_roots else factor(total)

    def _kind(self, piece: Piece) -> _Kind:
        """Return what pieces must share to be written in one rational function."""
        part = self._parts[piece.part]
        # The variables of pairs are those of one optimiser.
        is_paired = self._form == "stationary" and not part.training.rounds
        law = law_of(part.optimizer) if is_paired else None  # in rounds roots stay as they are
        dressing = part.training.dressing
        is_averaged = dressing is not None and bool(dressing.more)
        if dressing is not None and dressing.window is not None:
            law = None  # powers of roots are no rational function
        return _Kind(law, is_averaged, part.training.updates if _is_mean(part.training) else None)

    def _limit(self, kind: _Kind, pieces: Sequence[Piece], term: DressedTerm) -> Expr:
        """Return the weight of pieces for T to infinity, of a mean of all iterates what leads."""
        if kind.law is None:
            total = self._sum(pieces, term)
            if total.has(PowerDifference, PowerDecay):
                return total  # powers with a symbol in the exponent are no rational function
            total = in_factors(total) if kind.is_averaged else factor(total)
            return (
                total if kind.updates is None else _leading(total).xreplace({_MANY: kind.updates})
            )
        pairs = list(self._in_pairs(pieces, term))
        if kind.updates is None:
            return in_lowest_terms(pairs, kind.law, term.order)
        by_power: dict[int, list[PairedTerm]] = {}
        for pair in pairs:
            power = int(pair.front.as_powers_dict().get(_MANY, 0))
            by_power.setdefault(power, []).append(pair)
        for power in sorted(by_power, reverse=True):
            weight = in_lowest_terms(by_power[power], kind.law, term.order)
            if weight != 0:
                return weight.xreplace({_MANY: kind.updates})
        return Integer(0)

    def _in_pairs(self, pieces: Iterable[Piece], term: DressedTerm) -> Iterator[PairedTerm]:
        """Return stationary parts with two roots an edge, symmetric in both."""
        free = len(term.contraction.free)
        for piece in pieces:
            counts = (self._paired(s, piece.part, free) for s in piece.skeletons)
            number = PairedTerm(Rational(piece.coefficient), Integer(1), ())
            yield from paired_product((number,), *counts)

    def _paired(self, skeleton: Skeleton, number: int, free: int) -> tuple[PairedTerm, ...]:
        key = (skeleton, number, free)
        if key not in self._pairs:
            part = self._parts[number]
            law = law_of(part.optimizer)
            assert law is not None  # noqa: S101 - callers have one
            self._pairs[key] = stationary_in_pairs(
                self.count(skeleton, part),
                eigenvalues=[self.eigenvalue(i, free) for i in skeleton.indices],
                variables=[law.variable(i) for i in skeleton.indices],
            )
        return self._pairs[key]

    def _sum(self, pieces: Iterable[Piece], term: DressedTerm) -> Expr:
        return Add(*(Rational(p.coefficient) * self._product(p, term) for p in pieces))

    def conditions(self, dressed_terms: Iterable[DressedTerm]) -> tuple[tuple[str, ...], ...]:
        """Return the least groups of indices whose product of q must be below 1 in size.

        Then the stationary form is the limit; flat directions alone need no such thing.
        """
        groups = {
            frozenset(skeleton.indices[v] for v in group)
            for term in dressed_terms
            for piece in term.pieces
            for skeleton in piece.skeletons
            for group in self._conditions(skeleton, self._parts[piece.part])
        }
        return least_groups(groups, self._flat)

    def _product(self, piece: Piece, term: DressedTerm) -> Expr:
        free = len(term.contraction.free)
        return Mul(*(self._factor(s, piece.part, free) for s in piece.skeletons))

    def _factor(self, skeleton: Skeleton, number: int, free: int) -> Expr:
        """Return a dressed count of a part, given by its number, at the eigenvalues of its edges."""
        h = tuple(self.eigenvalue(i, free) for i in skeleton.indices)
        key = (skeleton, number, h)
        if key not in self._dressed:
            self._dressed[key] = self._derived(skeleton, self._parts[number], h)
        return self._dressed[key]

    def _derived(self, skeleton: Skeleton, part: Part, h: tuple[Expr, ...]) -> Expr:
        dressing = part.training.optimizer.dressing
        if dressing is None:
            return EmbeddingSum(Str(self._name(skeleton, part)), *h)
        bases = [
            dressing.roots(x) if dressing.root_count == 1 or x == 0 else roots(i)
            for i, x in zip(skeleton.indices, h, strict=True)
        ]
        if skeleton.reads and has_stages(part.training):
            count = self.staged(skeleton, part)
            return staged_expression(count, self._form, eigenvalues=h, roots=bases)
        if skeleton.reads:
            if self._form != "discrete":
                raise RequestError(
                    "expected form='discrete' for several times without a closed form, got "
                    f"form={shown(self._form)} with {part.training.label}"
                )
            return EmbeddingSum(Str(self._name(skeleton, part)), *h)
        if has_round_sum(skeleton.diagram, part.training):
            return self._in_rounds(skeleton, part, bases, dressing)
        if part.training.dressing is None:
            return EmbeddingSum(Str(self._name(skeleton, part)), *h)
        return expression(self.count(skeleton, part), self._form, eigenvalues=h, roots=bases)

    def _in_rounds(
        self,
        skeleton: Skeleton,
        part: Part,
        bases: Sequence[tuple[Expr, ...]],
        dressing: Dressing,
    ) -> Expr:
        """Return a dressed count on a given set, as a function of the eigenvalues."""
        form: RoundForm = "discrete" if self._form == "discrete" else "stationary"
        components = round_sum(skeleton.diagram, part.training)
        return round_expression(components, form, roots=bases, dressing=dressing)

    def _conditions(self, skeleton: Skeleton, part: Part) -> set[frozenset[int]]:
        if skeleton.reads:
            return endless_groups(self.staged(skeleton, part))
        if has_round_sum(skeleton.diagram, part.training):
            return round_conditions(round_sum(skeleton.diagram, part.training))
        return conditions(self.count(skeleton, part))

    def count(self, skeleton: Skeleton, part: Part) -> DressedCount:
        """Return the dressed count in closed form, which knows no eigenvalues yet."""
        key = (skeleton.diagram, skeleton.role, part.training)
        if key not in self._counts:
            diagram, role, training = key
            count = closed_count(diagram, training, root=role)
            if self._form in _LIMITS and _is_mean(training):
                # So that powers of T are seen where it is a number too.
                count = replace(count, T=_MANY)
            self._counts[key] = count
        return self._counts[key]

    def staged(self, skeleton: Skeleton, part: Part) -> StagedCount:
        """Return the same where roots look at several times."""
        key = (skeleton.diagram, skeleton.role, part.training, skeleton.reads)
        if key not in self._staged:
            self._staged[key] = staged_count(
                skeleton.diagram, part.training, skeleton.reads, root=skeleton.role
            )
        return self._staged[key]

    def _name(self, skeleton: Skeleton, part: Part) -> str:
        """Return the diagram's text, with the number of the part where there are several."""
        text = str(skeleton.diagram)
        if skeleton.reads:
            text += f" at {', '.join(time.latex for time in skeleton.reads if time is not None)}"
        return text if len(self._parts) == 1 else f"{text} of {self._parts.index(part) + 1}"

    def eigenvalue(self, i: int, free: int) -> Expr:
        """Return the eigenvalue at an index, 0 where it is free and flat."""
        is_flat = i < free and index_letter(i) in self._flat
        return Integer(0) if is_flat else eigenvalue(i)


def least_groups(
    groups: Iterable[frozenset[int]], flat: Sequence[str]
) -> tuple[tuple[str, ...], ...]:
    """Return the groups that are not flat and contain no other such group, by the letters of indices.

    Examples
    --------
    >>> least_groups([frozenset({0}), frozenset({0, 1}), frozenset({1, 2})], flat=())
    (('a',), ('b', 'c'))
    >>> least_groups([frozenset({0}), frozenset({0, 1}), frozenset({1, 2})], flat=("a",))
    (('a', 'b'), ('b', 'c'))
    """
    steep = [g for g in groups if not all(index_letter(i) in flat for i in g)]
    least = [g for g in steep if not any(other < g for other in steep)]
    return tuple(sorted(tuple(index_letter(i) for i in sorted(g)) for g in least))
