r"""What a training set says of a scheme that names its rows: that very order, and no average over orders.

An observable is a signed sum of products of expectations. Where the order of the rows is given nothing
is left to chance, and an expectation is the value at the end of the one run; where a scheme chooses among
several orders, it is the mean over these. The coefficient of :math:`s^k` is order k of the answer.
"""

from __future__ import annotations

from fractions import Fraction
from functools import partial, reduce
from typing import TYPE_CHECKING, Any

import numpy as np

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.numeric.given_order.run import Data, follow
from sgdiagrams.numeric.given_order.series import composed, contraction_count, outer
from sgdiagrams.numeric.values.leaves import LOSS, check_leaf
from sgdiagrams.symbolic.training.sampling import course_of
from sgdiagrams.symbolic.vocabulary import TRAINING, WEIGHTS

if TYPE_CHECKING:
    from sgdiagrams.numeric.given_order.series import Series
    from sgdiagrams.symbolic.embeddings.batches import RandomSchedule
    from sgdiagrams.symbolic.observable import Observable
    from sgdiagrams.symbolic.training.sampling import Sampling
    from sgdiagrams.symbolic.training.training import Training

__all__ = ["answer_in_order", "schedules_of"]

_UPDATES = 200_000  # half a minute
_FLOAT_OPERATIONS = 10**11
_EXACT_OPERATIONS = 10**7


def answer_in_order(
    observable: Observable,
    data: Data,
    training: Training,
    schedules: RandomSchedule,
    *,
    order: int,
) -> tuple[Any, ...]:
    r"""Return an observable after training on these very rows, order by order.

    Parameters
    ----------
    observable
        Of the training loss, the weights and functions; the loss of the population is not known.
    data
        The training set with the derivatives 0, ..., order at the start.
    training
        With numbers for all symbols.
    schedules
        The rows of every update that its sampling names, with probabilities.
    order
        The highest power of the learning rate.

    Returns
    -------
    tuple
        Contributions of the orders 0, ..., order: numbers, or arrays of shape ``(p, ..., p)`` with as
        many axes as the observable has indices.

    Raises
    ------
    StatisticsError
        When a derivative, a function or the start is missing.
    SamplingError
        When an increment starts after the end.
    RequestError
        When following the rows would take too long.

    Examples
    --------
    Gradients 1 and 3, Hessians 1 and 5, each row visited once: order 2 of the displacement is the second
    row's Hessian times the first row's gradient.

    >>> from sgdiagrams.numeric.statistics import Statistics
    >>> from sgdiagrams.symbolic.observable import DISPLACEMENT
    >>> from sgdiagrams.symbolic.training.schemes.grid import Grid
    >>> from sgdiagrams.symbolic.training.training import Training
    >>> two = Statistics({1: [[1], [3]], 2: [[[1]], [[5]]]}, "training-set")
    >>> data = Data.of(two, Fraction(1))
    >>> for rows in ([[0], [1]], [[1], [0]]):
    ...     training, schedules = Training(Grid(rows)), schedules_of(Grid(rows))
    ...     print(*answer_in_order(DISPLACEMENT, data, training, schedules, order=2)[2])
    5
    3
    """
    updates = len(schedules[0][1])
    _check_operations(data, updates * len(schedules), order)
    points: tuple[int, ...] = (updates,)
    if observable.since is not None:
        points = (updates, observable.since)
    if observable.times:
        points = tuple(time.number(updates) for time in observable.times)
    _check_root(observable, data, order if updates else 0)
    expectations = dict.fromkeys(e for product in observable.products for e in product.timed)
    means: dict[Any, Any] = dict.fromkeys(expectations, 0)
    for chance, batches in schedules:
        watched = follow(data, training, batches, order=order, points=points)
        at_end = _Values(data, watched, order)
        at = {
            time: _Values(data, [point], order)
            for time, point in zip(observable.times, watched, strict=False)
        }
        for factors, times in expectations:
            read = (at.get(t, at_end).of(f) for f, t in zip(factors, times, strict=True))
            moment = reduce(outer, read)
            means[factors, times] = means[factors, times] + data.number(Fraction(chance)) * moment
    total: Any = 0
    for product in observable.products:
        total = total + product.sign * reduce(outer, (means[e] for e in product.timed))
    return tuple(total if observable.rank else total.tolist())


def schedules_of(scheme: Sampling) -> RandomSchedule:
    """Return the rows of every update, with the probabilities of what a scheme chooses from.

    Raises
    ------
    RequestError
        When there are too many updates.

    Examples
    --------
    >>> from sgdiagrams.symbolic.training.schemes.one_pass import OnePass
    >>> schedules_of(OnePass(T=2, B=2))
    ((Fraction(1, 1), ((0, 1), (2, 3))),)
    """
    if scheme.is_empty:
        return ((Fraction(1), ()),)
    _check_updates(int(scheme.updates))
    schedules = course_of(scheme).all_batches()
    _check_updates(int(scheme.updates) * len(schedules))
    return schedules


def _check_updates(updates: int) -> None:
    if updates > _UPDATES:
        raise RequestError(
            f"expected at most {_UPDATES} updates in a given order of the rows, got {updates}; "
            "shuffle='once' answers the average over orders at once"
        )


def _check_operations(data: Data, updates: int, order: int) -> None:
    entries = (data.derivatives.dimension or 1) ** order
    operations = updates * contraction_count(order + 1) * entries
    most = _EXACT_OPERATIONS if data.is_exact else _FLOAT_OPERATIONS
    if operations > most:
        raise RequestError(
            f"expected at most {most:.0e} operations for a given order of the rows, got "
            f"{operations:.1e}; lower the order{' or take floats' if data.is_exact else ''}"
        )


def _check_root(observable: Observable, data: Data, order: int) -> None:
    """Check what stands at the end before the work of getting there."""
    for factor in sorted(observable.factors - {WEIGHTS}):
        for k in range(order + 1):
            label = LOSS if factor == TRAINING else factor
            check_leaf(data.derivatives, label, k, purpose=f"for order {k}")


class _Values:
    """The factors of expectations at the end of a run; for an increment, their change."""

    def __init__(self, data: Data, watched: list[Series], order: int) -> None:
        self._data = data
        self._watched = watched
        self._length = order + 1

    def of(self, factor: str) -> Series:
        """Return a factor as a series."""
        end, *before = (self._at(factor, point) for point in self._watched)
        return np.asarray(end - before[0]) if before else end

    def _at(self, factor: str, point: Series) -> Series:
        if factor == WEIGHTS:
            return point
        derivative = (
            self._data.summed if factor == TRAINING else partial(self._data.function, factor)
        )
        return composed(derivative, point, rank=0, length=self._length)
