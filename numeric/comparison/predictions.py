"""What is predicted with: derivatives of a landscape or numbers from elsewhere, and their errors."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import accumulate
from typing import TYPE_CHECKING, final

from sgdiagrams.diagrams.errors import RequestError, check_kind
from sgdiagrams.numeric.estimates.tabulated import Tabulated
from sgdiagrams.numeric.landscapes.checking import statistics_of
from sgdiagrams.numeric.precision.finite import BeyondFloatsError
from sgdiagrams.numeric.statistics import Statistics
from sgdiagrams.symbolic.theorem import expand

if TYPE_CHECKING:
    from sgdiagrams.diagrams.nested.visits import VisitNoise
    from sgdiagrams.numeric.landscapes.landscape import Landscape
    from sgdiagrams.symbolic.observable import Observable
    from sgdiagrams.symbolic.training.optimizer import Optimizer
    from sgdiagrams.symbolic.training.training import Training

__all__ = [
    "PredictionErrors",
    "ResummedPrediction",
    "check_values",
    "derivatives_at_start",
    "noise_of_visits",
    "usual_order",
]

_USUAL_ORDER = 3


@final
class ResummedPrediction:
    """The re-summed prediction at any learning rate."""

    def __init__(
        self,
        watched: Observable,
        order: int,
        training: Training,
        statistics: Statistics | Tabulated,
        place: tuple[int, ...] | None,
    ) -> None:
        self._expansion = expand(
            watched,
            order=order,
            sampling=training.sampling,
            optimizer=training.optimizer,
            resummed=True,
        )
        self._statistics = statistics
        self._place = place

    def __call__(self, eta: float) -> tuple[float, ...]:
        """Return the sums of orders 1..k; infinite beyond floats."""
        try:
            orders = self._expansion.evaluate(self._statistics, eta=eta).orders
        except BeyondFloatsError:  # as SGD itself then
            return (math.inf,) * self._expansion.order
        return tuple(
            accumulate(float(c if self._place is None else c[self._place]) for c in orders[1:])
        )


@final
class PredictionErrors:
    """The standard errors of the sums of orders 1..k at any learning rate."""

    def __init__(
        self,
        watched: Observable,
        order: int,
        training: Training,
        known: Statistics | Tabulated,
        place: tuple[int, ...] | None,
    ) -> None:
        self._expansions = [
            expand(
                watched,
                order=k,
                sampling=training.sampling,
                optimizer=training.optimizer,
                visits=noise_of_visits(known),
            )
            for k in range(1, order + 1)
        ]
        self._known = known
        self._place = place

    def __call__(self, eta: float) -> tuple[float, ...]:
        """Return the errors, entry ``k - 1`` that of the orders 1..k together."""
        errors = (
            expansion.evaluate(self._known, eta=eta).change_standard_error
            for expansion in self._expansions
        )
        return tuple(float(e if self._place is None else e[self._place]) for e in errors)


def noise_of_visits(known: Statistics | Tabulated) -> VisitNoise:
    """Return whether statistics have visits, each with noise of its own."""
    return "fresh" if isinstance(known, Statistics) and known.noise is not None else "same"


def check_values(values: Statistics | Tabulated, *, resummed: bool) -> None:
    """Raise a RequestError unless values can predict what SGD with one learning rate does."""
    check_kind(
        "values",
        values,
        (Statistics, Tabulated),
        called="Statistics, a measurement or a table of values",
    )
    if values.role == "training-set":
        raise RequestError(
            "expected values with role='sample' or 'population', got role='training-set'; a comparison "
            "draws new training sets"
        )
    if isinstance(values, Statistics):
        return
    if values.has_metric:
        raise RequestError(
            "expected values without learning rates of the weights to compare with, got some that have "
            "them; measure without eta="
        )
    if resummed:
        raise RequestError(
            "expected Statistics for the re-summed prediction, which needs an eigenbasis, got values of "
            "contractions; leave resummed out"
        )


def usual_order(values: Statistics | Tabulated | None) -> int:
    """Return the order that is compared where none is given."""
    if values is None:
        return _USUAL_ORDER
    highest = values.max_order if isinstance(values, Statistics) else values.highest_order
    return max(1, min(_USUAL_ORDER, highest))


def derivatives_at_start(
    ground: Landscape, order: int, method: Optimizer, watched: Observable
) -> Statistics:
    """Return the population's derivatives, with the start and functions where they are needed."""
    penalty = method.penalty
    order += max(watched.most_legs, 0 if penalty is None else penalty.most_legs)
    statistics = statistics_of(ground, order)
    if method.weight_decay != 0 and statistics.start is None:
        statistics = replace(statistics, start=ground.start)
    functions = dict(statistics.functions)
    for name in watched.functions:
        derivatives = watched.given_function(name).derivatives
        if name not in functions and derivatives is not None:
            functions[name] = {k: derivatives(ground.start, k) for k in range(order + 1)}
    if penalty is not None and penalty.given is not None and penalty.name not in functions:
        of_penalty = penalty.given.derivatives
        if of_penalty is not None:
            functions[penalty.function_name] = {
                k: of_penalty(ground.start, k) for k in range(1, order + 1)
            }
    return replace(statistics, functions=functions) if functions else statistics
