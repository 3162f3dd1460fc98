r"""The generator of training: the logarithm of what one update, or one epoch, makes of functions.

Where updates are alike and independent of each other, :math:`E[s(\theta_T)] = P^T s` with an operator P,
and :math:`P = \exp L` as formal power series in the learning rate. So :math:`L s` is the coefficient of
:math:`T^1` in the plain expansion of a function s. An optimiser with memory leaves a transient that dies
out exponentially; then :math:`S \exp(T L) s`, where the shift S is what is left at T = 0.

By number, where there is no closed form in T: with :math:`P_T s = E[s(\theta_T)]`, the last update is the
operator :math:`P_{T-1}^{-1} P_T`, and L its logarithm. That covers schedules.

References
----------
E. Hairer, C. Lubich, G. Wanner, Geometric Numerical Integration, IX.1 and IX.9 (backward error analysis);
Q. Li, C. Tai, W. E, J. Mach. Learn. Res. 20 (2019) 40, section 3 (stochastic modified equations).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sympy import Expr, Integer

from sgdiagrams.diagrams.errors import RequestError, SamplingError
from sgdiagrams.symbolic.algebra.expression import Expression
from sgdiagrams.symbolic.counting.choice import has_closed_form
from sgdiagrams.symbolic.modified.operators import (
    ACTED_ON,
    composition,
    inverse,
    logarithm,
)
from sgdiagrams.symbolic.modified.values_of_sets import in_values_of_the_set
from sgdiagrams.symbolic.observable import Function, increment
from sgdiagrams.symbolic.theorem import expand
from sgdiagrams.symbolic.training.training import Training
from sgdiagrams.symbolic.weights.secular import secular_coefficients

if TYPE_CHECKING:
    from sgdiagrams.symbolic.modified.operators import OperatorSeries
    from sgdiagrams.symbolic.observable import Observable
    from sgdiagrams.symbolic.training.facts.repetition import Repetition
    from sgdiagrams.symbolic.training.sampling import Sampling
    from sgdiagrams.symbolic.vocabulary import Basis, SetRole

__all__ = ["generator_and_shift", "is_for_all_steps", "repetition_of"]


def repetition_of(training: Training, role: SetRole) -> Repetition[Sampling]:
    """Return the independent steps, all alike, that a training consists of.

    Raises
    ------
    RequestError
        When there are none, and so no modified equation.
    """
    repetition = training.sampling.repetition(role)
    if repetition is not None:
        return repetition
    name = training.sampling.title
    other = training.sampling.repetition("training-set" if role == "population" else "population")
    if other is not None and role == "population":
        raise RequestError(
            f"expected steps that are independent of each other, got {name}, which comes back to "
            "the same rows: over all training sets it has no modified equation; take role='training-set'"
        )
    if other is not None:
        raise RequestError(
            f"expected steps that come back to a given training set, got {name}, which does not; take "
            "role='population', or full-batch, with-replacement or reshuffled-epochs"
        )
    raise RequestError(
        f"expected steps that are alike and independent of each other, got {name}, which has no "
        "modified equation; take one-pass, fresh-data or gradient-descent, or with role='training-set' "
        "full-batch, with-replacement or reshuffled-epochs"
    )


def generator_and_shift(
    training: Training, role: SetRole, order: int
) -> tuple[OperatorSeries, OperatorSeries]:
    """Return the generator L of a step and the shift S, to an order.

    Values are those of the population in cumulants or moments; on a given training set the set is the
    population.

    Raises
    ------
    RequestError
        When the training does not consist of steps that are alike, or iterates are averaged.
    SamplingError
        When there is no closed form and a number is missing.
    """
    repetition = repetition_of(training, role)
    if training.optimizer.average is not None:
        raise RequestError(
            f"expected the last iterate, whose equation it is, got {training.optimizer.label}; leave out "
            "the average, and expand it"
        )
    if is_for_all_steps(training, repetition):
        freed = Training(repetition.freed, training.optimizer)
        return _in_closed_form(freed, repetition, order)
    return _by_number(Training(repetition.scheme, training.optimizer), repetition, order)


def is_for_all_steps(training: Training, repetition: Repetition[Sampling]) -> bool:
    """Tell whether one generator serves all steps, once a transient is over, in closed form.

    With a schedule every step has its own.
    """
    optimizer = training.optimizer
    freed = Training(repetition.freed, optimizer)
    return optimizer.is_plain or (optimizer.schedule is None and has_closed_form(freed))


def _in_closed_form(
    training: Training, repetition: Repetition[Sampling], order: int
) -> tuple[OperatorSeries, OperatorSeries]:
    by_power: dict[int, list[list[tuple[Expr, object]]]] = {
        p: [[] for _ in range(order + 1)] for p in (0, 1)
    }
    expansion = expand(
        Function(ACTED_ON),
        order=order,
        sampling=training.sampling,
        optimizer=training.optimizer,
        basis=_basis(repetition),
    )
    for term in expansion.terms:
        powers = secular_coefficients(term.weight, repetition.clock)
        for p in (0, 1):
            if p in powers:
                by_power[p][term.order].append((powers[p], term.contraction))
    shift, linear = (
        tuple(_of(Expression(pairs), repetition, training) for pairs in by_power[p])  # type: ignore[arg-type]
        for p in (0, 1)
    )
    if all(part.is_zero for part in shift[1:]):
        return linear, shift
    return composition(inverse(shift), linear), shift


def _by_number(
    training: Training, repetition: Repetition[Sampling], order: int
) -> tuple[OperatorSeries, OperatorSeries]:
    """Return the logarithm of the last step, and what remains of all before."""
    if training.needed_symbols:
        missing = training.needed_symbols[0]
        raise SamplingError(
            f"expected numbers for {', '.join(training.needed_symbols)}: with {training.label} steps are "
            f"counted by number, and the last one is answered for; give {missing}=..."
        )
    if training.sampling.is_empty:
        clock = repetition.clock.name
        raise SamplingError(f"expected an update at least, got none; give {clock}=1 or more")
    updates = int(training.updates)
    size = 1 if repetition.unit == "update" else int(updates / training.sampling.values["E"])
    until = _operator(Function(ACTED_ON), training, repetition, order)
    since = _operator(
        increment(Function(ACTED_ON), since=updates - size), training, repetition, order
    )
    before = tuple(a - b for a, b in zip(until, since, strict=True))
    return logarithm(composition(inverse(before), until)), before


def _operator(
    observable: Observable, training: Training, repetition: Repetition[Sampling], order: int
) -> OperatorSeries:
    expansion = expand(
        observable,
        order=order,
        sampling=training.sampling,
        optimizer=training.optimizer,
        basis=_basis(repetition),
    )
    return tuple(
        _of(
            Expression((t.weight, t.contraction) for t in expansion.order_terms(k)),
            repetition,
            training,
        )
        for k in range(order + 1)
    )


def _basis(repetition: Repetition[Sampling]) -> Basis:
    return "moment" if repetition.has_distinct_rows else "cumulant"


def _of(expression: Expression, repetition: Repetition[Sampling], training: Training) -> Expression:
    """Return averages over distinct rows in averages over the set, which products may be made of."""
    if not repetition.has_distinct_rows:
        return expression
    return in_values_of_the_set(expression, training.sampling.datapoints or Integer(0))
