"""How large the terms of a plain expansion are, of its own orders and of the one that follows."""

from __future__ import annotations

import math
from collections import defaultdict
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

from sympy import Symbol

from sgdiagrams.diagrams.errors import RequestError, StatisticsError
from sgdiagrams.numeric.estimates.judgement import ROUNDING, Following, size_of
from sgdiagrams.symbolic.checks import rational
from sgdiagrams.symbolic.theorem import expand
from sgdiagrams.symbolic.weights.quotients import as_quotient

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sgdiagrams.symbolic.contractions.contraction import Contraction
    from sgdiagrams.symbolic.formula import Part, SeriesFormula

__all__ = [
    "LOOK",
    "Contribution",
    "check_weights",
    "following_orders",
    "free_legs_of_all",
    "last_order_looked_at",
    "order_expanded",
    "sizes_of_terms",
    "terms_by_order",
    "weight_decay_of_parts",
    "weighted_contractions",
]

_Terms: TypeAlias = "Sequence[tuple[Fraction, Contraction]]"
_Ordered: TypeAlias = "Sequence[tuple[Fraction, Contraction, int]]"

#: What a weight times a contraction is in numbers at an order, with its powers of the learning rate; a
#: StatisticsError where the contraction has none.
Contribution: TypeAlias = "Callable[[Fraction, Contraction, int], Any]"

#: So many orders that are not zero are looked at before a series is judged.
LOOK = 3
#: No order above these is evaluated for a judgement alone: for plain SGD, whose counts take a moment, and
#: for optimisers with memory.
_HIGHEST, _HIGHEST_WITH_MEMORY = 4, 3
#: With more monomials in its weights the next order in closed form takes seconds to minutes.
_LONG = 300


def weighted_contractions(
    expansion: SeriesFormula, numbers: Mapping[str, int | Fraction], *, is_exact: bool
) -> tuple[tuple[Fraction, Contraction, int], ...]:
    """Return the terms at given numbers: exactly, or with as many digits as floats can use.

    They are weights, contractions and orders.
    """
    if not is_exact:
        return expansion.rounded_by_order(**numbers)
    known = ((term.contraction, term.order) for term in expansion.terms)
    return tuple(
        (weight, *pair) for weight, pair in zip(expansion.weights(**numbers), known, strict=True)
    )


def terms_by_order(
    expansion: SeriesFormula, weighted: _Ordered
) -> list[list[tuple[Fraction, Contraction]]]:
    """Return the terms of the orders 0, 1, ... whose weights are not zero."""
    by_order: list[list[tuple[Fraction, Contraction]]] = [[] for _ in range(expansion.order + 1)]
    for weight, contraction, order in weighted:
        if weight:
            by_order[order].append((weight, contraction))
    return by_order


def check_weights(by_order: Sequence[_Terms]) -> None:
    """Raise a RequestError where a weight is beyond floats."""
    for order, terms in enumerate(by_order):
        for weight, _ in terms:
            try:
                float(weight)
            except OverflowError:
                raise RequestError(
                    f"expected weights below 1e308 for floats, got a larger one at order {order}; "
                    "take smaller numbers, or exact statistics and eta"
                ) from None


def free_legs_of_all(expansion: SeriesFormula, weighted: _Ordered) -> int:
    """Return the number of free legs, the same for all contractions."""
    ranks = {len(contraction.free) for _, contraction, _ in weighted}
    if not ranks:
        ranks = {part.observable.rank for part in expansion.parts}
    if len(ranks) > 1:
        raise RequestError(
            "expected contractions with equally many free legs, got some with "
            f"{' and some with '.join(map(str, sorted(ranks)))}; evaluate them one by one"
        )
    return ranks.pop() if ranks else 0


def weight_decay_of_parts(
    expansion: SeriesFormula, numbers: Mapping[str, int | Fraction]
) -> Fraction:
    """Return the weight decay of all parts that have one; a symbol may have the number 0."""
    decays = set()
    for part in expansion.parts:
        decay = part.optimizer.weight_decay
        if isinstance(decay, Symbol):
            decays.add(rational(decay.name, numbers[decay.name]))
        elif decay != 0:
            decays.add(rational("weight_decay", decay))
    if len(decays) > 1:
        raise RequestError(
            "expected one weight decay for all parts of an expansion, "
            f"got {' and '.join(map(str, sorted(decays)))}; evaluate the parts one by one"
        )
    return decays.pop() if decays else Fraction(0)


def sizes_of_terms(contribution: Contribution, by_order: Sequence[_Terms]) -> tuple[float, ...]:
    """Return for every order the sum of the sizes of its terms."""
    return tuple(
        math.fsum(size_of(contribution(w, c, order)) for w, c in terms)
        for order, terms in enumerate(by_order)
    )


def following_orders(
    expansion: SeriesFormula,
    contribution: Contribution,
    numbers: Mapping[str, int | Fraction],
    of_terms: Sequence[float],
    *,
    is_exact: bool,
    highest: int = _HIGHEST,
    needs_all: bool = False,
) -> tuple[Following, ...]:
    """Return what is known of the orders that follow, until three are not zero.

    An expansion to order 2 says too little of what follows, one to order 3 too when its first order is
    zero, as from a minimum. Terms that have no number (a derivative is missing, or samples are) are left
    out. Nothing where there are no others, symbols have been substituted, or weights are so
    long (two rates or more in symbols) that the next order would take minutes.

    Parameters
    ----------
    expansion
        The series.
    contribution
        What its terms are in numbers.
    numbers
        A number for each of its symbols.
    of_terms
        For each of its orders the sum of the sizes of its terms.
    is_exact
        Whether weights are asked for exactly.
    highest
        The last order to look at.
    needs_all
        Whether an order counts only where all of its terms have numbers.
    """
    floor = ROUNDING * max(of_terms)
    missing = LOOK - sum(size > floor for size in of_terms[1:])
    last = min(expansion.order + missing, last_order_looked_at(expansion, highest=highest))
    following: list[Following] = []
    for order in range(expansion.order + 1, last + 1):
        contributions, are_all = _contributions_of(
            order, expansion, contribution, numbers, is_exact=is_exact
        )
        if not contributions or (needs_all and not are_all):
            break
        size = size_of(sum(contributions))
        following.append(Following(size, math.fsum(map(size_of, contributions))))
    return tuple(following)


def last_order_looked_at(expansion: SeriesFormula, *, highest: int = _HIGHEST) -> int:
    """Return the last order that is evaluated to judge an expansion; its own where none follows."""
    if not expansion.order or any(part.sampling is None for part in expansion.parts):
        return expansion.order
    if any(part.training.needed_symbols for part in expansion.parts):
        quotients = (as_quotient(term.weight) for term in expansion.terms)
        if sum(len(q.numerator) + len(q.denominator) for q in quotients) > _LONG:
            return expansion.order
    is_quick = all(p.optimizer.is_plain and p.optimizer.penalty is None for p in expansion.parts)
    if any(p.optimizer.penalty and p.optimizer.penalty.has_bare_edges for p in expansion.parts):
        return expansion.order  # their next order takes seconds
    return max(expansion.order, min(_HIGHEST if is_quick else _HIGHEST_WITH_MEMORY, highest))


def _contributions_of(
    order: int,
    expansion: SeriesFormula,
    contribution: Contribution,
    numbers: Mapping[str, int | Fraction],
    *,
    is_exact: bool,
) -> tuple[list[Any], bool]:
    """Return the terms of an order that have numbers, and whether they are all."""
    weights: dict[Contraction, Fraction] = defaultdict(Fraction)
    for part in expansion.parts:
        expanded: Any = order_expanded(part, order, expansion.basis)
        if not set(expanded.symbols) <= set(numbers):
            return [], False
        given = {name: numbers[name] for name in expanded.symbols}
        for weight, contraction, k in weighted_contractions(expanded, given, is_exact=is_exact):
            if k == order:
                weights[contraction] += part.coefficient * weight
    contributions = []
    are_all = True
    for contraction, weight in weights.items():
        try:
            contributions.append(contribution(weight, contraction, order))
        except StatisticsError:
            are_all = False
    return contributions, are_all


@lru_cache(maxsize=64)
def order_expanded(part: Part, order: int, basis: Any) -> Any:
    """Return the expansion of a part up to an order, to judge another by."""
    return expand(
        part.observable,
        order=order,
        sampling=part.sampling,  # type: ignore[arg-type]
        optimizer=part.optimizer,
        basis=basis,
    )
