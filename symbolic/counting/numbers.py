"""Counts by number."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar

from sympy import Expr, Rational

from sgdiagrams.symbolic.embeddings.forests import update_forest
from sgdiagrams.symbolic.propagation.dressed import DressedPropagator
from sgdiagrams.symbolic.propagation.dynamics import Dynamics
from sgdiagrams.symbolic.propagation.exact import ExactPropagator
from sgdiagrams.symbolic.propagation.rings import FRACTIONS
from sgdiagrams.symbolic.training.counters.counter import Counter
from sgdiagrams.symbolic.training.counters.rooted import with_root
from sgdiagrams.symbolic.training.sampling import course_of
from sgdiagrams.symbolic.weights.laurent import Laurent, at_number

if TYPE_CHECKING:
    from sgdiagrams.diagrams.diagram import Diagram
    from sgdiagrams.symbolic.propagation.course import Propagator
    from sgdiagrams.symbolic.propagation.rings import Ring
    from sgdiagrams.symbolic.training.training import Training
    from sgdiagrams.symbolic.vocabulary import Basis, RootRole


__all__ = ["NumberCounter"]


class NumberCounter(Counter):
    """Weighted counts by number; see `sgdiagrams.symbolic.propagation.exact`."""

    #: Where counts are.
    ring: ClassVar[Ring] = FRACTIONS

    def __init__(
        self,
        training: Training,
        basis: Basis,
        iterates: tuple[Fraction, ...] | None = None,
    ) -> None:
        scheme, optimizer = training.sampling, training.optimizer
        training.check_counted_by_number()
        self.scheme = scheme
        self.basis = basis
        self.course = course_of(scheme)
        #: The bare edges as fractions.
        self.dynamics = Dynamics.bare(optimizer, self.course.updates, iterates=iterates)
        self.propagator: Propagator[Any] = ExactPropagator(
            optimizer, self.course.updates, iterates=iterates, bare=self.dynamics
        )

    def count(self, diagram: Diagram, root: RootRole) -> Laurent:
        """Return the weighted count under the empty exponents."""
        return self.count_pulled(diagram, root, ())

    def count_pulled(self, diagram: Diagram, root: RootRole, pulled: tuple[int, ...]) -> Laurent:
        """Return the count of a diagram some of whose updates are those of decoupled weight decay."""
        forest = update_forest(diagram)
        is_short = forest.block_count > self.course.rows and not self.scheme.is_noiseless
        if self.basis == "moment" and is_short:
            return {}  # different blocks need different rows
        N = int(self.scheme.datapoints or 1) or 1  # without updates there is order 0 alone
        one: Laurent = {(0,): Fraction(1)}
        share = at_number(with_root(one, forest, basis=self.basis, root=root, size=(1,)), N)
        propagator = self.propagator
        if pulled:
            marks = [v in pulled for v in range(len(forest.parents))]
            edges = replace(self.dynamics.brought_into(FRACTIONS), pulled=marks)
            propagator = DressedPropagator(edges)
        value = self.course.embed(propagator, forest, self.basis) if share else 0
        total = value * self.ring.number(share)
        return {(): total} if total else {}

    def weight(self, total: Laurent, order: int) -> Expr:  # noqa: ARG002
        """Return the number."""
        value = total.get((), Fraction(0))
        return Rational(value.numerator, value.denominator)
