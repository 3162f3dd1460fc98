"""Counts by number."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from sympy import Expr, Rational

from sgdiagrams.diagrams.errors import SamplingError
from sgdiagrams.symbolic.embeddings.forests import update_forest
from sgdiagrams.symbolic.propagation.exact import ExactPropagator
from sgdiagrams.symbolic.training.counter import Counter
from sgdiagrams.symbolic.training.sampling import course_of, with_root
from sgdiagrams.symbolic.weights.laurent import Laurent, at_number

if TYPE_CHECKING:
    from sgdiagrams.diagrams.diagram import Diagram
    from sgdiagrams.symbolic.training.training import Training
    from sgdiagrams.symbolic.vocabulary import Basis, RootRole


__all__ = ["NumberCounter"]


class NumberCounter(Counter):
    """Weighted counts by number; see `sgdiagrams.symbolic.propagation.exact`."""

    def __init__(
        self,
        training: Training,
        basis: Basis,
        iterates: tuple[Fraction, ...] | None = None,
    ) -> None:
        scheme, optimizer = training.sampling, training.optimizer
        missing = training.needed_symbols
        if missing:
            raise SamplingError(
                f"expected numbers for {', '.join(missing)}: {optimizer.label} with "
                f"{scheme.label} is counted by number; fix {missing[0]}=... before expanding"
            )
        self.scheme = scheme
        self.basis = basis
        self.course = course_of(scheme)
        self.propagator = ExactPropagator(optimizer, self.course.updates, iterates=iterates)

    def count(self, diagram: Diagram, root: RootRole) -> Laurent:
        """Return the weighted count under the empty exponents."""
        forest = update_forest(diagram)
        if self.basis == "moment" and forest.block_count > self.course.rows:
            return {}  # different blocks need different rows
        value = self.course.embed(self.propagator, forest, self.basis)
        N = int(self.scheme.datapoints or 1) or 1  # without updates there is order 0 alone
        rooted = with_root({(0,): value}, forest, basis=self.basis, root=root, size=(1,))
        total = at_number(rooted, N)
        return {(): total} if total else {}

    def weight(self, total: Laurent, order: int) -> Expr:  # noqa: ARG002
        """Return the number."""
        value = total.get((), Fraction(0))
        return Rational(value.numerator, value.denominator)
