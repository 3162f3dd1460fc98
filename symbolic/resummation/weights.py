"""Weights of a re-summed formula, derived from its dressed diagrams, each one once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sympy import Add, Expr, Integer, Mul, Rational, factor
from sympy.core.symbol import Str

from sgdiagrams.symbolic.contractions.notation import index_letter
from sgdiagrams.symbolic.formula import Term
from sgdiagrams.symbolic.resummation.dressed import closed_count
from sgdiagrams.symbolic.resummation.eigenvalues import EmbeddingSum, eigenvalue, root_sum, roots
from sgdiagrams.symbolic.resummation.forms import conditions, expression
from sgdiagrams.symbolic.resummation.formula import memory_of
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
from sgdiagrams.symbolic.resummation.pairs.reduced import in_lowest_terms
from sgdiagrams.symbolic.weights.divided_differences import PowerDifference

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sgdiagrams.diagrams.diagram import Diagram
    from sgdiagrams.symbolic.formula import Part
    from sgdiagrams.symbolic.resummation.dressed import DressedCount
    from sgdiagrams.symbolic.resummation.forms import Form
    from sgdiagrams.symbolic.resummation.skeletons import DressedTerm, Piece, Skeleton
    from sgdiagrams.symbolic.training.training import Training
    from sgdiagrams.symbolic.vocabulary import RootRole

__all__ = ["Weights", "least_groups"]


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
        if self._form != "stationary":
            total = self._sum(term.pieces, term)
            # Rational functions have one best way to be written; others keep their time sums apart.
            return factor(total) if self._form == "small-eta" else total
        # Sums of roots stand for 1 + beta - h of one beta.
        memories = dict.fromkeys(map(self._memory, term.pieces))
        alike = ((m, [p for p in term.pieces if self._memory(p) == m]) for m in memories)
        return Add(
            *(
                self._factored(pieces, term)
                if memory is None
                else in_lowest_terms(self._in_pairs(pieces, term), memory, term.order)
                for memory, pieces in alike
            )
        )

    def _factored(self, pieces: Iterable[Piece], term: DressedTerm) -> Expr:
        total = self._sum(pieces, term)
        # Powers with a symbol in the exponent are no rational function.
        return total if total.has(PowerDifference, PowerDecay) else factor(total)

    def _in_pairs(self, pieces: Iterable[Piece], term: DressedTerm) -> Iterator[PairedTerm]:
        """Return stationary parts with momentum, symmetric in both roots."""
        free = len(term.contraction.free)
        for piece in pieces:
            counts = (self._paired(s, piece.part, free) for s in piece.skeletons)
            number = PairedTerm(Rational(piece.coefficient), Integer(1), ())
            yield from paired_product((number,), *counts)

    def _paired(self, skeleton: Skeleton, number: int, free: int) -> tuple[PairedTerm, ...]:
        key = (skeleton, number, free)
        if key not in self._pairs:
            part = self._parts[number]
            self._pairs[key] = stationary_in_pairs(
                self.count(skeleton, part),
                eigenvalues=[self.eigenvalue(i, free) for i in skeleton.indices],
                sums=[root_sum(i) for i in skeleton.indices],
                memory=memory_of(part.optimizer) or Integer(0),
            )
        return self._pairs[key]

    def _sum(self, pieces: Iterable[Piece], term: DressedTerm) -> Expr:
        return Add(*(Rational(p.coefficient) * self._product(p, term) for p in pieces))

    def _memory(self, piece: Piece) -> Expr | None:
        """Return the momentum that there is."""
        part = self._parts[piece.part]
        # In rounds roots stay as they are.
        return None if part.training.rounds else memory_of(part.optimizer) or None

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
        memory = memory_of(part.optimizer)
        bases = [
            (1 - x,) if memory is None else _bases(i, x, memory)
            for i, x in zip(skeleton.indices, h, strict=True)
        ]
        if has_round_sum(skeleton.diagram, part.training):
            return self._in_rounds(skeleton, part, bases)
        if part.training.dressing is None:
            return EmbeddingSum(Str(self._name(skeleton, part)), *h)
        return expression(
            self.count(skeleton, part),
            self._form,
            eigenvalues=h,
            roots=bases,
            memory=Integer(0) if memory is None else memory,
        )

    def _in_rounds(self, skeleton: Skeleton, part: Part, bases: Sequence[tuple[Expr, ...]]) -> Expr:
        """Return a dressed count on a given set, as a function of the eigenvalues."""
        form: RoundForm = "discrete" if self._form == "discrete" else "stationary"
        components = round_sum(skeleton.diagram, part.training)
        return round_expression(components, form, roots=bases)

    def _conditions(self, skeleton: Skeleton, part: Part) -> set[frozenset[int]]:
        if has_round_sum(skeleton.diagram, part.training):
            return round_conditions(round_sum(skeleton.diagram, part.training))
        return conditions(self.count(skeleton, part))

    def count(self, skeleton: Skeleton, part: Part) -> DressedCount:
        """Return the dressed count in closed form, which knows no eigenvalues yet."""
        key = (skeleton.diagram, skeleton.role, part.training)
        if key not in self._counts:
            diagram, role, training = key
            self._counts[key] = closed_count(diagram, training, root=role)
        return self._counts[key]

    def _name(self, skeleton: Skeleton, part: Part) -> str:
        """Return the diagram's text, with the number of the part where there are several."""
        text = str(skeleton.diagram)
        return text if len(self._parts) == 1 else f"{text} of {self._parts.index(part) + 1}"

    def eigenvalue(self, i: int, free: int) -> Expr:
        """Return the eigenvalue at an index, 0 where it is free and flat."""
        is_flat = i < free and index_letter(i) in self._flat
        return Integer(0) if is_flat else eigenvalue(i)


def _bases(i: int, h: Expr, memory: Expr) -> tuple[Expr, Expr]:
    """Return the two bases of the heavy ball's kernel at an index."""
    if memory == 0:
        return 1 - h, memory
    return (Integer(1), memory) if h == 0 else roots(i)


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
