"""Counts of embeddings for plain SGD, where all weights are one.

Counts are added for every contraction before formulas are put in or SymPy sees them.
"""

from __future__ import annotations

from fractions import Fraction
from math import comb, factorial
from typing import TYPE_CHECKING, Any

from sympy import QQ, Expr
from sympy.polys.rings import PolyRing

from sgdiagrams.symbolic.embeddings.epochs import epochs_levels, epochs_polynomial
from sgdiagrams.symbolic.embeddings.forests import update_forest
from sgdiagrams.symbolic.embeddings.signs import prefactor
from sgdiagrams.symbolic.propagation.exact import ExactPropagator
from sgdiagrams.symbolic.training.counters.counter import Counter
from sgdiagrams.symbolic.training.counters.rooted import with_root
from sgdiagrams.symbolic.training.sampling import course_of
from sgdiagrams.symbolic.weights.denominators import over_common_denominator
from sgdiagrams.symbolic.weights.laurent import (
    Laurent,
    add_scaled,
    at_number,
    falling_factorial,
    to_expr,
)
from sgdiagrams.symbolic.weights.quotients import canonical, weight_of_terms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sgdiagrams.diagrams.diagram import Diagram
    from sgdiagrams.symbolic.embeddings.forests import UpdateForest
    from sgdiagrams.symbolic.propagation.course import Course
    from sgdiagrams.symbolic.training.sampling import Sampling
    from sgdiagrams.symbolic.vocabulary import Basis, RootRole


__all__ = [
    "EpochsCounter",
    "PlainCounter",
    "ReshuffledCounter",
    "UnevenEpochsCounter",
    "polynomial_through",
]


def polynomial_through(values: Sequence[Fraction]) -> Laurent:
    """Return the polynomial that has values at 0, 1, ..., as exponents -> coefficient.

    Examples
    --------
    >>> polynomial_through([Fraction(0), Fraction(1), Fraction(4)])
    {(2,): Fraction(1, 1)}
    """
    result: Laurent = {}
    for k in range(len(values)):
        difference = sum(
            ((-1) ** (k - i) * comb(k, i) * values[i] for i in range(k + 1)), Fraction(0)
        )
        powers: Laurent = {(p,): Fraction(c) for p, c in enumerate(falling_factorial(k)) if c}
        add_scaled(result, powers, difference / factorial(k))
    return result


def _exponent(scheme: Sampling, name: str) -> int:
    return scheme.numbers.index(name)


class PlainCounter(Counter):
    """Counts of the scheme itself, times the share of a row for every update."""

    def __init__(self, scheme: Sampling, basis: Basis) -> None:
        self.scheme = scheme
        self.basis = basis

    def count(self, diagram: Diagram, root: RootRole) -> Laurent:
        """Return the count in the generators of the scheme."""
        count = self.scheme.laurent(diagram, basis=self.basis, root=root)
        if not self.scheme.share_powers or not diagram.order:
            return count
        shift = [0] * len(self.scheme.generators(diagram.order))
        for name, power in self.scheme.share_powers.items():
            shift[_exponent(self.scheme, name)] = -power * prefactor(diagram.order).batches
        result: Laurent = {}
        add_scaled(result, count, 1, tuple(shift))
        return result

    def weight(self, total: Laurent, order: int) -> Expr:
        """Return the sum as an expression."""
        return canonical(to_expr(total, self.scheme.generators(order)))


class ReshuffledCounter(PlainCounter):
    """Counts of reshuffled epochs, whose formulas have N - 1, N - 2, ... below the line."""

    def __init__(self, scheme: Sampling, basis: Basis) -> None:
        super().__init__(scheme, basis)
        self._ring = PolyRing(["N"], QQ)
        self._products: dict[tuple[int, ...], tuple[Any, Any]] = {}

    def weight(self, total: Laurent, order: int) -> Expr:
        """Return the sum over its common denominator."""
        N, B, E = self.scheme.values.values()
        if len({N, B, E}) == 3 and N.is_Symbol and B.is_Symbol and E.is_Symbol:
            return self._over_common(total, (N, B, E))
        return super().weight(total, order)

    def _over_common(self, total: Laurent, generators: tuple[Expr, ...]) -> Expr:
        """Return a sum with powers of N, B, E, N - 1, N - 2, ... as a canonical weight."""
        parts: dict[tuple[int, int], dict[Any, Any]] = {}
        for (n, b, e, *more), c in total.items():
            above, below = self._falling((n, *more))
            sums = parts.setdefault((b, e), {})
            sums[below] = sums.get(below, self._ring.zero) + above * QQ(c.numerator, c.denominator)
        numerators, common = over_common_denominator(self._ring, parts)
        return weight_of_terms(
            {(n, b, e): c for (b, e), f in numerators.items() for (n,), c in f.items()},
            {(n, 0, 0): c for (n,), c in common.items()},
            generators,
        )

    def _falling(self, powers: tuple[int, ...]) -> tuple[Any, Any]:
        """Return the product of powers of N, N - 1, ... as a numerator and a denominator."""
        if powers not in self._products:
            [N] = self._ring.gens
            above = below = self._ring.one
            for i, k in enumerate(powers):
                above = above * (N - i) ** max(0, k)
                below = below * (N - i) ** max(0, -k)
            self._products[powers] = (above, below)
        return self._products[powers]


class UnevenEpochsCounter(Counter):
    """Counts of epochs with a smaller last batch, N and B being numbers: polynomials in E.

    A diagram of n updates is in at most n epochs, so that the counts of 0, 1, ..., n epochs, which are
    propagated by number, say those of all.
    """

    def __init__(self, scheme: Sampling, basis: Basis) -> None:
        self.scheme = scheme
        self.basis = basis
        self._courses: dict[int, tuple[Course, ExactPropagator]] = {}

    def count(self, diagram: Diagram, root: RootRole) -> Laurent:
        """Return the count as exponents of E."""
        forest = update_forest(diagram)
        N = int(self.scheme.datapoints or 1)
        if self.basis == "moment" and forest.block_count > N:
            return {}  # different blocks need different rows
        one: Laurent = {(0,): Fraction(1)}
        share = at_number(with_root(one, forest, basis=self.basis, root=root, size=(1,)), N)
        values = [self._after(e, forest) for e in range(diagram.order + 1)] if share else []
        return {key: c * share for key, c in polynomial_through(values).items()}

    def _after(self, epochs: int, forest: UpdateForest) -> Fraction:
        """Return the count for a number of epochs."""
        if not epochs:
            return Fraction(not forest.parents)
        if epochs not in self._courses:
            course = course_of(self.scheme.at(**{str(self.scheme.values["E"]): epochs}))
            self._courses[epochs] = course, ExactPropagator.plain(course.updates)
        course, propagator = self._courses[epochs]
        return course.embed(propagator, forest, self.basis)

    def weight(self, total: Laurent, order: int) -> Expr:  # noqa: ARG002
        """Return the sum as a polynomial in E."""
        return canonical(to_expr(total, (self.scheme.values["E"],)))


class EpochsCounter(Counter):
    """Counts of plain epochs in one order, by level sizes; formulas are put in once for every sum.

    Keys are the power of N and a key of `epochs_levels`.
    """

    def __init__(self, scheme: Sampling, basis: Basis) -> None:
        self.scheme = scheme
        self.basis = basis

    def count(self, diagram: Diagram, root: RootRole) -> Laurent:
        """Return the count by level sizes."""
        forest = update_forest(diagram)
        count = {(0, *key): Fraction(c) for key, c in epochs_levels(forest, self.basis).items()}
        if root == "population" and not forest.root_is_tied:
            return count
        size = (1, *[0] * (diagram.order + 1))
        return with_root(count, forest, basis=self.basis, root=root, size=size)

    def weight(self, total: Laurent, order: int) -> Expr:
        """Return the sum, divided by B for every update of means, as a canonical weight."""
        laurent: Laurent = {}
        batches = 0 if self.scheme.is_sum else prefactor(order).batches
        add_scaled(laurent, epochs_polynomial(total, self.basis), 1, (0, batches, 0))
        return canonical(to_expr(laurent, self.scheme.generators(order)))
