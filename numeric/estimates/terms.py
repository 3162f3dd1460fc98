"""How large the terms of a plain expansion are, of its own orders and of the one that follows."""

from __future__ import annotations

import math
from collections import defaultdict
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from sgdiagrams.diagrams.errors import StatisticsError
from sgdiagrams.numeric.estimates.judgement import Following, size_of
from sgdiagrams.numeric.values.leaves import check_leaf
from sgdiagrams.symbolic.theorem import expand

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sgdiagrams.numeric.values.evaluator import Evaluator
    from sgdiagrams.symbolic.contractions.contraction import Contraction
    from sgdiagrams.symbolic.formula import Part, SeriesFormula

__all__ = ["following_order", "sizes_of_terms"]

_Terms: TypeAlias = "Sequence[tuple[Fraction, Contraction]]"

#: Up to this order an expansion says too little of what follows.
_LOW = 2


def sizes_of_terms(evaluator: Evaluator, by_order: Sequence[_Terms]) -> tuple[float, ...]:
    """Return for every order the sum of the sizes of its terms."""
    return tuple(
        math.fsum(size_of(_contribution(evaluator, w, c)) for w, c in terms) for terms in by_order
    )


def following_order(
    expansion: SeriesFormula,
    evaluator: Evaluator,
    numbers: Mapping[str, int | Fraction],
    decay: Fraction,
) -> Following | None:
    """Return what is known of the order that follows, for an expansion up to order 2.

    Terms with derivatives that are not there are left out, and those that need more samples. None where
    there are no others, or symbols have been substituted.
    """
    if expansion.order > _LOW or any(part.sampling is None for part in expansion.parts):
        return None
    weights: dict[Contraction, Fraction] = defaultdict(Fraction)
    for part in expansion.parts:
        following: Any = _expanded(part, expansion.order + 1, expansion.basis)
        if not set(following.symbols) <= set(numbers):
            return None
        given = {name: numbers[name] for name in following.symbols}
        of_terms = following.weights if evaluator.is_exact else following.rounded_weights
        for term, weight in zip(following.terms, of_terms(**given), strict=True):
            if term.order > expansion.order:
                weights[term.contraction] += part.coefficient * weight
    contributions = []
    for contraction, weight in weights.items():
        try:
            for label, k in zip(contraction.labels, contraction.legs, strict=True):
                check_leaf(evaluator.statistics, label, k, weight_decay=decay)
            contributions.append(_contribution(evaluator, weight, contraction))
        except StatisticsError:
            continue
    if not contributions:
        return None
    return Following(size_of(sum(contributions)), math.fsum(map(size_of, contributions)))


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
