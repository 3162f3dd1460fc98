r"""Plain expansions in numbers where contractions have been given numbers one by one.

.. math:: \sum_k \eta^k \sum_i w_i\, v_i, \qquad i \text{ over the terms of order } k

Errors are those of whole sums, so that what contractions have in common is taken account of.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from sgdiagrams.diagrams.errors import RequestError, StatisticsError, check_kind
from sgdiagrams.diagrams.messages import shortened
from sgdiagrams.numeric.estimates.estimate import Estimate
from sgdiagrams.numeric.estimates.judgement import judge, size_of
from sgdiagrams.numeric.estimates.terms import (
    check_weights,
    following_orders,
    free_legs_of_all,
    sizes_of_terms,
    terms_by_order,
    weight_decay_of_parts,
    weighted_contractions,
)
from sgdiagrams.numeric.estimates.training_sets import average_over_orders
from sgdiagrams.numeric.precision.finite import check_finite, within_range
from sgdiagrams.numeric.values.learning_rate import is_exact_rate, read_eta
from sgdiagrams.symbolic.formula import SeriesFormula, check_scalar_rate
from sgdiagrams.symbolic.resummation.formula import ResummedFormula
from sgdiagrams.symbolic.vocabulary import LOSS, PENALISED
from sgdiagrams.symbolic.writing.titles import evaluated_name, is_difference

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sgdiagrams.numeric.estimates.tabulated import Tabulated
    from sgdiagrams.symbolic.contractions.contraction import Contraction

__all__ = ["evaluate_tabulated"]

_Terms: TypeAlias = "list[tuple[Fraction, Contraction]]"

_FACTOR = "eta is a factor of the learning rates that are in the numbers"


def evaluate_tabulated(
    expansion: SeriesFormula, values: Tabulated, *, eta: float | Fraction, **numbers: int | Fraction
) -> Estimate:
    r"""Return the value of a plain expansion, order by order, with standard errors.

    Parameters
    ----------
    expansion
        What to evaluate; its contractions have no free leg, or all have one.
    values
        A number for each of its contractions. Where learning rates of the weights are in them, `eta`
        multiplies these.
    eta
        The learning rate, one for all weights.
    **numbers
        A number for each of ``expansion.symbols``.

    Returns
    -------
    Estimate
        With ``expansion.order + 1`` contributions: numbers, or arrays of shape (p,).

    Raises
    ------
    StatisticsError
        When a contraction has no number, weight decays differ, or the training set has not N points.
    RequestError
        When the expansion is re-summed, `eta` is no number, or a training set is asked for what it does
        not determine: the test loss, one order of its rows.
    SamplingError
        When a number is missing, unknown or impossible.
    """
    if isinstance(expansion, ResummedFormula):
        raise RequestError(
            "expected a plain expansion, got a re-summed one, which needs the eigenbasis of the Hessian; "
            "evaluate it with Statistics, or expand without resummed=True"
        )
    check_kind("formula", expansion, SeriesFormula, called="an expansion")
    if values.has_metric:
        check_scalar_rate(expansion)
    rate = _read_rate(eta, values)
    is_exact = values.is_exact and is_exact_rate(rate)
    weighted = weighted_contractions(expansion, numbers, is_exact=is_exact)
    rows = ""
    if values.role == "training-set" and values.datapoints is not None:
        rows = average_over_orders(expansion, values.datapoints, numbers)
    shape = _shape(free_legs_of_all(expansion, weighted), values)
    decay = weight_decay_of_parts(expansion, numbers)
    table = _Table(values, rate, decay, is_exact=is_exact)
    by_order = terms_by_order(expansion, weighted)
    if not is_exact:
        check_weights(by_order)
    try:
        by_order = [table.rewritten(order, terms) for order, terms in enumerate(by_order)]
    except StatisticsError:
        if is_exact:
            raise
        # What has no number may cancel, which rounded weights do not show.
        weighted = weighted_contractions(expansion, numbers, is_exact=True)
        by_order = terms_by_order(expansion, weighted)
        by_order = [table.rewritten(order, terms) for order, terms in enumerate(by_order)]
    contributions = tuple(
        _total(table, terms, order, shape) for order, terms in enumerate(by_order)
    )
    errors, error, change_error = _errors(table, by_order, shape)
    of_terms = sizes_of_terms(table.contribution, by_order)
    following = following_orders(
        expansion,
        table.contribution,
        numbers,
        of_terms,
        is_exact=is_exact,
        highest=values.highest_order,
        needs_all=True,
    )
    return Estimate(
        contributions,
        errors,
        error,
        evaluated_name(expansion),
        eta,
        dict(numbers),
        judge(contributions, error, of_terms=of_terms, following=following),
        change_standard_error=change_error,
        degrees=values.degrees if np.any(error) else None,
        is_difference=is_difference(expansion),
        rows=rows,
        caveats=(*values.caveats, *([_FACTOR] if values.has_metric else [])),
    )


class _Table:
    """Weights times contractions, as an expansion with a weight decay has them."""

    def __init__(
        self, values: Tabulated, rate: Fraction | float, decay: Fraction, *, is_exact: bool
    ) -> None:
        self.values = values
        self.decay = decay
        self.rate = rate
        self.is_exact = is_exact

    def entry(self, contraction: Contraction) -> Contraction:
        """Return under what a contraction is in the table."""
        bare = contraction.with_metric("identity")
        return bare if self.decay else bare.with_label(PENALISED, LOSS)

    def rewritten(self, order: int, terms: _Terms) -> _Terms:
        """Return the terms of an order in contractions that have numbers."""
        known = self.values.weight_decay
        constants = [
            (weight, contraction) for weight, contraction in terms if _is_constant(contraction)
        ]
        entries = [(weight, self.entry(c)) for weight, c in terms if not _is_constant(c)]
        for _, entry in entries:
            if known is not None and known != self.decay and PENALISED in entry.labels:
                raise StatisticsError(
                    f"expected numbers for weight_decay={self.decay}, got those for "
                    f"weight_decay={known}; measure with this weight decay"
                )
        try:
            return [*constants, *self.values.rewritten(entries)]
        except StatisticsError as error:
            raise StatisticsError(f"{error} (for order {order})") from None

    def factor(self, weight: Fraction, order: int) -> Any:
        """Return a weight times the power of the learning rate."""
        if self.is_exact:
            return weight * Fraction(self.rate) ** order
        try:
            return float(weight) * float(self.rate) ** order
        except OverflowError:
            return math.copysign(math.inf, weight * (-1) ** (order * (self.rate < 0)))

    def contribution(self, weight: Fraction, contraction: Contraction, order: int) -> Any:
        """Return what a term of an order is in numbers."""
        value = 1 if _is_constant(contraction) else self.values.value(self.entry(contraction))
        with np.errstate(over="ignore", invalid="ignore"):
            return self.factor(weight, order) * value

    def standard_error(self, terms: Iterable[tuple[Fraction, Contraction, int]]) -> Any:
        """Return the standard error of a sum of terms of some orders."""
        factors = [(w, c, order) for w, c, order in terms if not _is_constant(c)]
        return self.values.standard_error(
            [(float(self.factor(w, order)), self.entry(c)) for w, c, order in factors]
        )

    def cause(self, terms: _Terms) -> str:
        """Return in words the largest number of some terms, and the learning rate."""
        entries = [self.entry(c) for _, c in terms if not _is_constant(c)]
        sizes = {entry: size_of(self.values.value(entry)) for entry in entries}
        largest = max(sizes, key=sizes.__getitem__)
        name = shortened(str(largest))
        return f"{name} ({sizes[largest]:.6g}) and eta={float(self.rate):.6g}"


def _is_constant(contraction: Contraction) -> bool:
    """Tell whether a contraction is the number 1."""
    return not contraction.node_count


def _total(table: _Table, terms: _Terms, order: int, shape: tuple[int, ...]) -> Any:
    """Return the sum of the terms of an order."""
    if table.is_exact:
        return sum((table.contribution(w, c, order) for w, c in terms), Fraction(0))
    if not terms:
        return np.zeros(shape) if shape else 0.0
    name = f"the sum of order {order}"
    values = [table.contribution(w, c, order) for w, c in terms]
    with within_range(name, ""):
        is_finite = all(np.isfinite(value).all() for value in values)
        total: Any = sum(values, np.zeros(shape)) if shape or not is_finite else math.fsum(values)
    if not np.isfinite(total).all():
        check_finite(total, name, table.cause(terms))
    return total


def _errors(
    table: _Table, by_order: list[_Terms], shape: tuple[int, ...]
) -> tuple[tuple[Any, ...], Any, Any]:
    """Return the standard errors by order, of the sum, and of the sum without order 0."""
    none: Any = np.zeros(shape) if shape else 0.0
    with within_range("standard errors", f"eta={float(table.rate):.6g}"):
        ordered = [[(w, c, order) for w, c in terms] for order, terms in enumerate(by_order)]
        errors = tuple(table.standard_error(terms) if terms else none for terms in ordered)
        change = [term for terms in ordered[1:] for term in terms]
        everything = [*ordered[0], *change]
        return (
            errors,
            table.standard_error(everything) if everything else none,
            table.standard_error(change) if change else none,
        )


def _read_rate(eta: Any, values: Tabulated) -> Fraction | float:
    if np.ndim(eta):
        remedy = (
            "learning rates of the weights are in these numbers already"
            if values.has_metric
            else "measure with eta= to have learning rates of the weights in the numbers"
        )
        raise RequestError(
            f"expected one learning rate, got eta of shape={np.shape(eta)}; {remedy}"
        )
    rate: Fraction | float = read_eta(eta, None)  # type: ignore[assignment]  # no array
    return rate


def _shape(free: int, values: Tabulated) -> tuple[int, ...]:
    if not free:
        return ()
    if free > 1:
        raise StatisticsError(
            f"expected an observable with at most one index, got one with {free}; tables have no "
            "matrices: bring Statistics"
        )
    if values.dimension is None:
        raise StatisticsError(
            "expected numbers of weights for an observable with indices, got a table that has none; "
            "measure it, or bring Statistics"
        )
    return (values.dimension,) * free
