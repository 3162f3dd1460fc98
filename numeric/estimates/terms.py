"""How large the terms of a plain expansion are, of its own orders and of the one that follows."""

from __future__ import annotations

import math
from collections import defaultdict
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from sgdiagrams.diagrams.errors import StatisticsError
from sgdiagrams.numeric.estimates.judgement import ROUNDING, Following, size_of
from sgdiagrams.numeric.values.leaves import check_leaf
from sgdiagrams.symbolic.theorem import expand
from sgdiagrams.symbolic.weights.quotients import as_quotient

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sgdiagrams.numeric.values.evaluator import Evaluator
    from sgdiagrams.symbolic.contractions.contraction import Contraction
    from sgdiagrams.symbolic.formula import Part, SeriesFormula

__all__ = ["following_orders", "sizes_of_terms", "weighted_contractions"]

_Terms: TypeAlias = "Sequence[tuple[Fraction, Contraction]]"

#: So many orders that are not zero are looked at before a series is judged.
_LOOK = 3
#: No order above these is evaluated for a judgement alone: for plain SGD, whose counts take a moment, and
#: for optimisers with memory.
_HIGHEST, _HIGHEST_WITH_MEMORY = 4, 3
#: With more monomials in its weights the next order in closed form takes seconds to minutes.
_LONG = 300


def weighted_contractions(
    expansion: SeriesFormula, numbers: Mapping[str, int | Fraction], *, is_exact: bool
) -> tuple[tuple[Fraction, Contraction], ...]:
    """Return the terms at given numbers: exactly, or with as many digits as floats can use."""
    if not is_exact:
        return expansion.rounded_terms(**numbers)
    contractions = (term.contraction for term in expansion.terms)
    return tuple(zip(expansion.weights(**numbers), contractions, strict=True))


def sizes_of_terms(evaluator: Evaluator, by_order: Sequence[_Terms]) -> tuple[float, ...]:
    """Return for every order the sum of the sizes of its terms."""
    return tuple(
        math.fsum(size_of(_contribution(evaluator, w, c)) for w, c in terms) for terms in by_order
    )


def following_orders(
    expansion: SeriesFormula,
    evaluator: Evaluator,
    numbers: Mapping[str, int | Fraction],
    decay: Fraction,
    of_terms: Sequence[float],
) -> tuple[Following, ...]:
    """Return what is known of the orders that follow, until three are not zero.

    An expansion to order 2 says too little of what follows, one to order 3 too when its first order is
    zero, as from a minimum. Terms with derivatives that are not there are left out, and those that need
    more samples. Nothing where there are no others, symbols have been substituted, or weights are so
    long (two rates or more in symbols) that the next order would take minutes.
    """
    if not expansion.order or any(part.sampling is None for part in expansion.parts):
        return ()
    if any(part.training.needed_symbols for part in expansion.parts):
        quotients = (as_quotient(term.weight) for term in expansion.terms)
        if sum(len(q.numerator) + len(q.denominator) for q in quotients) > _LONG:
            return ()
    floor = ROUNDING * max(of_terms)
    missing = _LOOK - sum(size > floor for size in of_terms[1:])
    is_quick = all(part.optimizer.is_plain for part in expansion.parts)
    last = min(expansion.order + missing, _HIGHEST if is_quick else _HIGHEST_WITH_MEMORY)
    following: list[Following] = []
    for order in range(expansion.order + 1, last + 1):
        contributions = _contributions_of(order, expansion, evaluator, numbers, decay)
        if not contributions:
            break
        size = size_of(sum(contributions))
        following.append(Following(size, math.fsum(map(size_of, contributions))))
    return tuple(following)


def _contributions_of(
    order: int,
    expansion: SeriesFormula,
    evaluator: Evaluator,
    numbers: Mapping[str, int | Fraction],
    decay: Fraction,
) -> list[Any]:
    weights: dict[Contraction, Fraction] = defaultdict(Fraction)
    for part in expansion.parts:
        expanded: Any = _expanded(part, order, expansion.basis)
        if not set(expanded.symbols) <= set(numbers):
            return []
        given = {name: numbers[name] for name in expanded.symbols}
        for weight, contraction in weighted_contractions(
            expanded, given, is_exact=evaluator.is_exact
        ):
            if contraction.order == order:
                weights[contraction] += part.coefficient * weight
    contributions = []
    for contraction, weight in weights.items():
        try:
            for label, k in zip(contraction.labels, contraction.legs, strict=True):
                check_leaf(evaluator.statistics, label, k, weight_decay=decay)
            contributions.append(_contribution(evaluator, weight, contraction))
        except StatisticsError:
            continue
    return contributions


@lru_cache(maxsize=64)
def _expanded(part: Part, order: int, basis: Any) -> Any:
    return expand(
        part.observable,
        order=order,
        sampling=part.sampling,  # type: ignore[arg-type]
        optimizer=part.optimizer,
        basis=basis,
    )


def _contribution(evaluator: Evaluator, weight: Fraction, contraction: Contraction) -> Any:
    value = evaluator.value(contraction)
    if evaluator.is_exact:
        return weight * value
    try:
        return float(weight) * value
    except OverflowError:
        return np.full(np.shape(value), math.inf)[()]
