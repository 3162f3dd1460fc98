r"""A plain expansion in numbers for all settings at once: what a page evaluates at its sliders.

.. math:: c_k = \eta^k \sum_i w_i\, v_i, \qquad \sigma_k = \Bigl|\eta^k \sum_i w_i\, r_i\Bigr|

with weights that are exact in the symbols, values :math:`v_i` of contractions at :math:`\eta = 1`, and
columns :math:`r_i` of a factor of their covariance: sums over orders have errors of sums. Vectors and
matrices are given by columns of numbers that have their norms, whatever the weights.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from sympy import Add, Expr, Mul, Rational

from sgdiagrams.diagrams.errors import RequestError, StatisticsError
from sgdiagrams.numeric.estimates.tabulated import Tabulated
from sgdiagrams.numeric.estimates.terms import (
    LOOK,
    last_order_looked_at,
    order_expanded,
    weight_decay_of_parts,
)
from sgdiagrams.numeric.values.evaluator import Evaluator
from sgdiagrams.numeric.values.leaves import check_leaf
from sgdiagrams.numeric.values.nested import VisitEvaluator
from sgdiagrams.numeric.values.weight_norm import with_penalties_of, with_weight_norm
from sgdiagrams.report.packing import packed, packed_factor, triangular_factor
from sgdiagrams.symbolic.vocabulary import LOSS, PENALISED
from sgdiagrams.symbolic.weights.quotients import canonical

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from sgdiagrams.numeric.derivatives.derivatives import Derivatives
    from sgdiagrams.report.exact_weights import Generators
    from sgdiagrams.symbolic.contractions.contraction import Contraction
    from sgdiagrams.symbolic.expansion import Expansion

__all__ = ["plain_numbers"]

#: Numbers of a factor of covariances, beyond which a page would be too large.
_MOST_ENTRIES = 2**26
_Pairs = list[tuple[Expr, "Contraction"]]


class _Source(NamedTuple):
    """Where numbers of contractions come from."""

    value: Any
    deviations: Any
    rewritten: Any
    #: What of the orders that follow counts: whether all terms of one have to be there.
    needs_all: bool
    highest: int | None


def plain_numbers(
    expansion: Expansion,
    holder: Derivatives | Tabulated,
    generators: Generators,
    numbers: Mapping[str, Any],
) -> dict[str, Any]:
    """Return a plain expansion as data for `assets/model.js`.

    Parameters
    ----------
    expansion
        Of one part, as it was made.
    holder
        A number for each of its contractions.
    generators
        Told of the symbols and powers in the weights.
    numbers
        Some number for each symbol.

    Raises
    ------
    StatisticsError
        When a contraction has no number.
    """
    source = _source(expansion, holder, numbers)
    by_order: list[_Pairs] = [[] for _ in range(expansion.order + 1)]
    for term in expansion.terms:
        by_order[term.order].append((term.weight, term.contraction))
    rewritten = [source.rewritten(order, pairs) for order, pairs in enumerate(by_order)]
    table: dict[Contraction, int] = {}
    for pairs in rewritten:
        for _, contraction in pairs:
            table.setdefault(contraction, len(table))
    own = list(table)
    following = _following(expansion, source, table)
    columns = [_column(source.value(c)) for c in table]
    # Where nothing contributes to these orders, or to the next, there is not one column.
    values = np.stack(columns, axis=1) if columns else np.zeros((1, 0))
    is_size = values.shape[0] > 1
    return {
        "orders": [_with_weights(pairs, table, generators) for pairs in rewritten],
        "following": [
            {"terms": _with_weights(pairs, table, generators), "whole": whole}
            for pairs, whole in following
        ],
        "look": LOOK,
        "needs_all": source.needs_all,
        "is_size": is_size,
        "sizes": packed(np.linalg.norm(values, axis=0)),
        "values": packed(triangular_factor(values) if is_size else values),
        **_factors(source.deviations(own)),
    }


def _with_weights(
    pairs: _Pairs, table: Mapping[Contraction, int], generators: Generators
) -> list[dict[str, Any]]:
    return [
        {"value": table[contraction], "weight": generators.weight(weight)}
        for weight, contraction in pairs
    ]


def _column(value: Any) -> NDArray[np.float64]:
    return np.ravel(np.asarray(value, dtype=np.float64))


def _factors(known: tuple[list[NDArray[np.float64]], list[int]]) -> dict[str, Any]:
    """Return factors of covariances, and for which values errors are not known."""
    matrices, unknown = known
    return {
        "factors": [packed_factor(matrix) for matrix in matrices],
        "unknown": unknown,
    }


def _following(
    expansion: Expansion, source: _Source, table: dict[Contraction, int]
) -> list[tuple[_Pairs, bool]]:
    """Return the terms of the next orders that have numbers, and whether these are all."""
    bound = {} if source.highest is None else {"highest": source.highest}
    last = min(last_order_looked_at(expansion, **bound), expansion.order + LOOK)
    following: list[tuple[_Pairs, bool]] = []
    [part] = expansion.parts
    for order in range(expansion.order + 1, last + 1):
        expanded = order_expanded(part, order, expansion.basis)
        if not set(expanded.symbols) <= set(expansion.symbols):
            break
        pairs: _Pairs = []
        whole = True
        for term in expanded.order_terms(order):
            entry = source.rewritten(order, [(term.weight, term.contraction)], is_next=True)
            if entry is None:
                whole = False
                continue
            pairs += entry
        following.append((pairs, whole))
    for pairs, _ in following:
        for _, contraction in pairs:
            table.setdefault(contraction, len(table))
    return following


def _source(
    expansion: Expansion, holder: Derivatives | Tabulated, numbers: Mapping[str, Any]
) -> _Source:
    decay = weight_decay_of_parts(expansion, numbers)
    if isinstance(holder, Tabulated):
        return _tabulated(expansion, holder, decay)
    contractions = [term.contraction for term in expansion.terms]
    statistics: Any = with_weight_norm(holder, contractions)
    methods = [part.optimizer for part in expansion.parts]
    statistics = with_penalties_of(statistics, methods, expansion.order)
    kind = Evaluator if statistics.noise is None else VisitEvaluator
    evaluator = kind(statistics, Fraction(1) if statistics.is_exact else 1.0, weight_decay=decay)

    def check(contraction: Contraction, **purpose: str) -> None:
        for label, k in zip(contraction.labels, contraction.legs, strict=True):
            check_leaf(statistics, label, k, weight_decay=decay, **purpose)

    def rewritten(order: int, pairs: _Pairs, *, is_next: bool = False) -> _Pairs | None:
        if is_next:
            try:
                for _, contraction in pairs:
                    check(contraction)
                    evaluator.value(contraction)
            except StatisticsError:
                return None
            return pairs
        for _, contraction in pairs:
            check(contraction, purpose=f"for order {order}")
        return pairs

    def deviations(
        contractions: Sequence[Contraction],
    ) -> tuple[list[NDArray[np.float64]], list[int]]:
        if statistics.role != "sample":
            return [], []
        unknown, columns = [], []
        n = statistics.sample_size
        for i, contraction in enumerate(contractions):
            pairs = [(Fraction(1), contraction)]
            if evaluator.can_delete_one(pairs):
                columns.append(_column(evaluator.deviations(pairs)) * np.sqrt((n - 1) / n))
            else:
                unknown.append(i)
                columns.append(None)
            if sum(c.size for c in columns if c is not None) > _MOST_ENTRIES:
                raise RequestError(
                    "expected a smaller question for errors on a page, got more than "
                    f"{_MOST_ENTRIES:,} numbers; lower the order, or bring fewer samples"
                )
        rows = max((c.size for c in columns if c is not None), default=0)
        filled = [np.zeros(rows) if c is None else c for c in columns]
        return ([np.stack(filled, axis=1)] if rows else []), unknown

    return _Source(evaluator.value, deviations, rewritten, needs_all=False, highest=None)


def _tabulated(expansion: Expansion, holder: Tabulated, decay: Fraction) -> _Source:
    if holder.role == "training-set" and holder.datapoints is None:
        raise StatisticsError("expected a training set of a known size, got one without")

    def entry(contraction: Contraction) -> Contraction:
        bare = contraction.with_metric("identity")
        return bare if decay else bare.with_label(PENALISED, LOSS)

    def rewritten(order: int, pairs: _Pairs, *, is_next: bool = False) -> _Pairs | None:
        sums: dict[Contraction, list[Expr]] = {}
        for weight, contraction in pairs:
            if not contraction.node_count:
                sums.setdefault(contraction, []).append(weight)
                continue
            one = entry(contraction)
            try:
                if is_next:
                    # Sizes of terms are those of whole contractions.
                    holder.value(one)
                    sums.setdefault(one, []).append(weight)
                    continue
                known = holder.rewritten([(Fraction(1), one)])
            except StatisticsError as error:
                if is_next:
                    return None
                raise StatisticsError(f"{error} (for order {order})") from None
            for factor, other in known:
                number = Rational(factor.numerator, factor.denominator)
                sums.setdefault(other, []).append(Mul(number, weight))
        added = ((canonical(Add(*parts)), c) for c, parts in sums.items())
        return [(weight, c) for weight, c in added if weight != 0]

    def value(contraction: Contraction) -> Any:
        return 1.0 if not contraction.node_count else holder.value(contraction)

    def deviations(
        contractions: Sequence[Contraction],
    ) -> tuple[list[NDArray[np.float64]], list[int]]:
        named: Iterable[Contraction | None] = (c if c.node_count else None for c in contractions)
        matrices = holder.error_factors(list(named))
        if matrices is None:
            return [], list(range(len(contractions)))
        return list(matrices), []

    del expansion
    return _Source(value, deviations, rewritten, needs_all=True, highest=holder.highest_order)
