"""Counts of limits in continuous time for optimisers with memory, without the transient."""

from __future__ import annotations

from fractions import Fraction
from math import factorial
from typing import TYPE_CHECKING, Any, NamedTuple

from sympy.polys.domains import QQ

from sgdiagrams.diagrams.diagram import Diagram
from sgdiagrams.diagrams.enumeration import enumerate_diagrams
from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.symbolic.counting.steps import StepCounter
from sgdiagrams.symbolic.embeddings.clusters import flow_count, generator_count
from sgdiagrams.symbolic.embeddings.forests import UpdateForest, update_forest
from sgdiagrams.symbolic.embeddings.signs import prefactor
from sgdiagrams.symbolic.training.counters.counter import Counter
from sgdiagrams.symbolic.training.schemes.one_pass import OnePass
from sgdiagrams.symbolic.training.training import Training
from sgdiagrams.symbolic.weights.denominators import over_common_denominator
from sgdiagrams.symbolic.weights.laurent import Laurent, to_expr
from sgdiagrams.symbolic.weights.quotients import canonical

if TYPE_CHECKING:
    from collections.abc import Callable

    from sympy import Expr

    from sgdiagrams.symbolic.vocabulary import RootRole

__all__ = ["FlowCounter", "FlowTerms", "flow_terms"]


class FlowTerms(NamedTuple):
    r"""The equation of a limit by number, per update.

    Attributes
    ----------
    drift, shift
        Diagrams whose root has one child, which are trees of gradients of the drift and of the way to
        where the flow starts, each with what multiplies it and :math:`\eta` to its order.
    spread
        What multiplies the covariance of the gradient, with :math:`\eta^2`.
    """

    drift: tuple[tuple[Diagram, Fraction], ...]
    shift: tuple[tuple[Diagram, Fraction], ...]
    spread: Fraction


def flow_terms(training: Training) -> FlowTerms:
    """Return the equation that a limit follows.

    Parameters
    ----------
    training
        A limit with numbers for its optimiser and B.

    Raises
    ------
    RequestError
        When it is no limit of an order.

    Examples
    --------
    >>> from sgdiagrams.symbolic.training.schemes.limits import SDE
    >>> terms = flow_terms(Training(SDE(T=3, B=2, order=2)))
    >>> [(str(diagram), str(factor)) for diagram, factor in terms.drift], terms.spread
    ([('(0-1)(01)', '-1'), ('(0-1-2)(01-12)', '-1/2')], Fraction(1, 2))
    """
    return FlowCounter(training).terms()


class FlowCounter(Counter):
    r"""Counts of the flow that an optimiser follows once its transient has died out.

    Without exponentials in T, counts of one pass are those of :math:`S e^{T L}`. L is cut as the limit
    says, and the flow starts where S shifts the point to. Keys are the powers of T and B and the number
    of a value.

    Parameters
    ----------
    training
        A limit, and an optimiser whose kernel is a constant and exponentials that die out.
    """

    def __init__(self, training: Training) -> None:
        cut = training.sampling.cut
        if cut is None:
            raise RequestError(
                f"expected a limit in continuous time, got {training.sampling.label}"
            )
        self.scheme = training.sampling
        self._cut = cut
        self._steps = StepCounter(Training(OnePass(), training.optimizer), "cumulant")
        self._polynomials: dict[UpdateForest, tuple[Any, Any]] = {}
        self._generators: dict[UpdateForest, Any] = {}
        self._values: dict[Any, int] = {}

    def count(self, diagram: Diagram, root: RootRole) -> Laurent:  # noqa: ARG002
        """Return the weighted count."""
        forest = update_forest(diagram)
        flow = flow_count(
            forest, self._generator, self._cut, one=self._steps.field.field.one, start=self._shift
        )
        batches = forest.block_count + prefactor(diagram.order).batches
        return {
            (j, batches, self._values.setdefault(value, len(self._values))): Fraction(
                1, factorial(j)
            )
            for j, value in flow.items()
        }

    def _shift(self, forest: UpdateForest) -> Any:
        return self._constant_and_slope(forest)[0]

    def _generator(self, forest: UpdateForest) -> Any:
        return generator_count(
            forest, self._shift, lambda f: self._constant_and_slope(f)[1], self._generators
        )

    def _constant_and_slope(self, forest: UpdateForest) -> tuple[Any, Any]:
        """Return the coefficients of T^0 and T^1 of one pass, without exponentials."""
        if forest not in self._polynomials:
            powers = self._steps.without_exponentials(forest)
            zero = self._steps.field.field.zero
            self._polynomials[forest] = (powers.get(0, zero), powers.get(1, zero))
        return self._polynomials[forest]

    def terms(self) -> FlowTerms:
        """Return the equation by number."""
        order = self._cut.order
        if order is None:
            raise RequestError(f"expected a limit of an order, got {self.scheme.label}")
        pair = update_forest(Diagram.parse("(01-2)(02-12)"))
        is_noisy = self._cut.largest is None or self._cut.largest > 1
        batch = Fraction(int(self.scheme.batch_size))
        return FlowTerms(
            self._trees(order, self._generator),
            self._trees(order - 1, self._shift),
            _number(self._generator(pair)) / batch if is_noisy else Fraction(0),
        )

    def _trees(
        self, order: int, of: Callable[[UpdateForest], Any]
    ) -> tuple[tuple[Diagram, Fraction], ...]:
        """Return all trees of gradients to an order with what is not zero."""
        result = []
        for d in range(1, order + 1):
            for diagram in enumerate_diagrams(d, max_block_size=1):
                forest = update_forest(diagram)
                value = _number(of(forest)) if forest.parents.count(-1) == 1 else 0
                if value:
                    scale = prefactor(d, symmetry_factor=diagram.symmetry_factor).number
                    result.append((diagram, scale * value))
        return tuple(result)

    def weight(self, total: Laurent, order: int) -> Expr:  # noqa: ARG002
        """Return the sum as a canonical weight."""
        values = list(self._values)
        is_single = self.scheme.batch_size == 1
        parts: dict[tuple[int, int], dict[Any, Any]] = {}
        for (j, batches, number), c in total.items():
            value = values[number]
            by_denominator = parts.setdefault((j, 0 if is_single else batches), {})
            numerator = value.numer * QQ(c.numerator, c.denominator)
            if value.denom in by_denominator:
                numerator = numerator + by_denominator[value.denom]
            by_denominator[value.denom] = numerator
        field = self._steps.field
        numerators, common = over_common_denominator(field.field.ring, parts)
        inner = len(field.symbols)
        generators = (self.scheme.updates, self.scheme.batch_size, *field.symbols)
        above = {
            (j, batches, *exps[:inner]): c
            for (j, batches), numerator in numerators.items()
            for exps, c in numerator.items()
        }
        below = {(0, 0, *exps[:inner]): c for exps, c in common.items()}
        return canonical(to_expr(above, generators) / to_expr(below, generators))


def _number(value: Any) -> Fraction:
    """Return an element of the field that is a number."""
    number = value.as_expr()
    return Fraction(int(number.p), int(number.q))
