"""Counts by number."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from sympy import Expr, Integer, Rational

from sgdiagrams.diagrams.errors import SamplingError
from sgdiagrams.symbolic.counting.base import Counter
from sgdiagrams.symbolic.embeddings.forests import coarser_forests, update_forest
from sgdiagrams.symbolic.propagation.dynamics import Dynamics
from sgdiagrams.symbolic.propagation.grid import GridPropagator
from sgdiagrams.symbolic.propagation.scan import reshuffled_step_count, step_count
from sgdiagrams.symbolic.training.sampling import step_rule, with_root
from sgdiagrams.symbolic.training.schemes import Epochs, Grid
from sgdiagrams.symbolic.training.training import _needed
from sgdiagrams.symbolic.weights.laurent import Laurent, at_number

if TYPE_CHECKING:
    from sgdiagrams.diagrams.diagram import Diagram
    from sgdiagrams.symbolic.embeddings.forests import UpdateForest
    from sgdiagrams.symbolic.training.optimizer import Optimizer
    from sgdiagrams.symbolic.training.sampling import Sampling
    from sgdiagrams.symbolic.vocabulary import Basis, RootRole


__all__ = ["NumberCounter"]


class NumberCounter(Counter):
    """Weighted counts by number; see `sgdiagrams.symbolic.propagation.grid`."""

    def __init__(
        self,
        scheme: Sampling,
        optimizer: Optimizer,
        basis: Basis,
        iterates: tuple[Fraction, ...] | None = None,
    ) -> None:
        missing = (*scheme.symbols, *_needed(optimizer))
        if missing:
            raise SamplingError(
                f"expected numbers for {', '.join(missing)}: {optimizer.label} with "
                f"{scheme.label} is counted by number; fix {missing[0]}=... before expanding"
            )
        self.scheme = scheme
        self.basis = basis
        self.T = int(scheme.updates)
        self._propagator: GridPropagator | None = None
        self.batch = int(scheme.batch_size)
        if isinstance(scheme, Grid):
            node = [Fraction(1, len(batch)) for batch in scheme.batches]
            dynamics = Dynamics.of(optimizer, self.T, iterates=iterates, node=node)
            self._propagator = GridPropagator(scheme.batches, scheme.N, dynamics)
            return
        self.dynamics = Dynamics.of(optimizer, self.T, iterates=iterates)
        if isinstance(scheme, Epochs) and not (scheme.is_full_batch or scheme.is_reshuffled):
            N, B, E = (int(v) for v in scheme.values.values())
            epoch = [tuple(range(start, start + B)) for start in range(0, N, B)]
            self._propagator = GridPropagator(epoch * E, N, self.dynamics)

    def count(self, diagram: Diagram, root: RootRole) -> Laurent:
        """Return the weighted count under the empty exponents."""
        forest = update_forest(diagram)
        found = self._count(forest) / self.batch**diagram.order
        N = int(self.scheme.datapoints or 1) or 1  # without updates there is order 0 alone
        rooted = with_root({(0,): found}, forest, basis=self.basis, root=root, size=(1,))
        total = at_number(rooted, N)
        return {(): total} if total else {}

    def _count(self, forest: UpdateForest) -> Fraction:
        scheme = self.scheme
        if self._propagator is not None:
            return self._propagator.count(forest, self.basis)
        N = int(scheme.values.get("N", Integer(1)))
        if isinstance(scheme, Epochs) and scheme.is_reshuffled:
            E = int(scheme.values["E"])
            forests = [forest] if self.basis == "moment" else coarser_forests(forest)
            counts = (
                reshuffled_step_count(f, self.dynamics, N=N, B=self.batch, E=E) for f in forests
            )
        else:
            rule, forests = step_rule(scheme, self.basis, forest)
            counts = (step_count(f, rule, self.dynamics, N=N, B=self.batch) for f in forests)
        return sum(counts, Fraction(0))

    def weight(self, total: Laurent, order: int) -> Expr:  # noqa: ARG002
        """Return the number."""
        value = total.get((), Fraction(0))
        return Rational(value.numerator, value.denominator)
