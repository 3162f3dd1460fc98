"""What the order of the rows does to training on a given set: the noun, and what makes it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import numpy as np

from sgdiagrams.diagrams.errors import RequestError, StatisticsError, check_kind
from sgdiagrams.diagrams.files import json_text, plain_data
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.diagrams.tables import PrintedTable
from sgdiagrams.diagrams.whole_numbers import is_whole
from sgdiagrams.numeric.given_order.answer import answer_in_order, schedules_of
from sgdiagrams.numeric.given_order.run import Data
from sgdiagrams.numeric.row_orders.over_orders import (
    average_of_orders,
    shuffled_once,
    spread_by_chance,
    spread_of_places,
)
from sgdiagrams.numeric.row_orders.pairs import pairs_of_rows
from sgdiagrams.numeric.row_orders.shares import shares_of_rows
from sgdiagrams.numeric.row_orders.watched_number import WatchedNumber
from sgdiagrams.numeric.statistics import Statistics
from sgdiagrams.numeric.values.learning_rate import read_eta
from sgdiagrams.symbolic.training.names import named_optimizer, named_sampling
from sgdiagrams.symbolic.training.training import Training

if TYPE_CHECKING:
    from fractions import Fraction

    from numpy.typing import ArrayLike, NDArray

    from sgdiagrams.numeric.row_orders.pairs import RowPairs
    from sgdiagrams.symbolic.observable import Observable
    from sgdiagrams.symbolic.training.optimizer import Optimizer
    from sgdiagrams.symbolic.training.sampling import Sampling

__all__ = ["OrderEffects", "order_effects"]

_MOST_SPREAD = 2  # whose products are of order 4
_ROWS = 5  # of a table, at each end
_PENALTY = "penalty"


@final
@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class OrderEffects:
    r"""What an order of the rows does, made by `order_effects`.

    Contributions are numbers with all powers of the learning rate in them.

    Attributes
    ----------
    observable, training, eta
        What is watched, and how training is done.
    is_one_order
        Whether `orders` is the answer for the very order that the scheme names; else the average over
        orders.
    orders
        What the powers 0, ..., K of the learning rate contribute.
    average
        The same on the average over all assignments of the rows to the places of the scheme.
    spread
        The covariances over orders of the powers 0, ..., L, shape (L + 1, L + 1); None where it was not
        asked for.
    datapoints
        What the updates on every datapoint contribute, shape (N, K + 1), with weight decay a last row for
        the penalty; each column sums to its order. None without a named order.
    pairs
        Order 2 by pairs of datapoints, who is before whom, and the commutators; None without a named
        order, below order 2, and where it was not asked for.
    has_penalty
        Whether the last row is the penalty's.
    """

    observable: str
    training: str
    eta: Any
    is_one_order: bool
    orders: tuple[Any, ...]
    average: tuple[Any, ...]
    spread: NDArray[Any] | None
    datapoints: NDArray[Any] | None
    pairs: RowPairs | None
    has_penalty: bool = False

    @property
    def value(self) -> Any:
        """The sum of all orders."""
        return sum(self.orders[1:], self.orders[0])

    @property
    def variance(self) -> Any:
        """The variance over orders of the sum of the powers 0, ..., L; None where it is not known."""
        return None if self.spread is None else self.spread.sum()

    @property
    def standard_deviation(self) -> float | None:
        """Its root, a float."""
        return None if self.spread is None else math.sqrt(max(0.0, float(self.spread.sum())))

    def to_dict(self) -> dict[str, Any]:
        """Return all numbers as plain data for JSON."""
        pairs = self.pairs
        plain: dict[str, Any] = plain_data(
            {
                "observable": self.observable,
                "training": self.training,
                "eta": self.eta,
                "is_one_order": self.is_one_order,
                "orders": self.orders,
                "average": self.average,
                "spread": self.spread,
                "variance": self.variance,
                "datapoints": self.datapoints,
                "pairs": pairs
                and {
                    "contributions": pairs.contributions,
                    "places": pairs.places,
                    "commutators": pairs.commutators,
                    "of_the_order": pairs.of_the_order,
                },
            }
        )
        return plain

    def to_json(self) -> str:
        """Return all numbers as JSON."""
        return json_text(self.to_dict())

    def __repr__(self) -> str:
        return f"<OrderEffects on the {self.observable}>"

    def __str__(self) -> str:
        return "\n\n".join(table.text() for table in self._tables())

    def _repr_html_(self) -> str:
        return "\n".join(table.html() for table in self._tables())

    def _tables(self) -> list[PrintedTable]:
        tables = [self._by_order()]
        if self.datapoints is not None:
            tables.append(self._by_datapoint(self.datapoints))
        if self.pairs is not None and len(self.pairs.chains) > 1:
            tables.append(self._by_pair(self.pairs))
        return tables

    def _by_order(self) -> PrintedTable:
        header = ["power", *(["in this order"] if self.is_one_order else []), "average"]
        if self.spread is not None:
            header.append("deviation")
        rows = []
        for k, (here, mean) in enumerate(zip(self.orders, self.average, strict=True)):
            row = [str(k), *([_number(here)] if self.is_one_order else []), _number(mean)]
            if self.spread is not None:
                known = k < len(self.spread)
                row.append(f"{math.sqrt(max(0.0, float(self.spread[k, k]))):.3g}" if known else "-")
            rows.append(tuple(row))
        which = (
            "in this order of the rows" if self.is_one_order else "average over orders of the rows"
        )
        title = (
            f"{self.observable} on a given training set, {which}: {self.training}, "
            f"eta={_rate(self.eta)}"
        )
        lines = [f"sum: {_number(self.value)}"]
        if self.is_one_order:
            lines[0] += f"; average over orders: {_number(sum(self.average[1:], self.average[0]))}"
        if self.spread is not None:
            lines.append(
                f"standard deviation over orders of the sum to power {len(self.spread) - 1}: "
                f"{self.standard_deviation:.3g}"
            )
        return PrintedTable(title, tuple(header), tuple(rows), tuple(lines))

    def _by_datapoint(self, shares: NDArray[Any]) -> PrintedTable:
        numbers = [math.fsum(map(float, row[1:])) for row in shares]
        listed, note = _ends(numbers)
        names = self._names(len(shares))
        header = ("datapoint", *(f"power {k}" for k in range(1, shares.shape[1])), "sum")
        rows = [
            (names[n], *(_number(x) for x in shares[n, 1:]), _number(numbers[n])) for n in listed
        ]
        title = "what the updates on every datapoint contribute"
        return PrintedTable(title, header, tuple(rows), note)

    def _by_pair(self, pairs: RowPairs) -> PrintedTable:
        names = self._names(len(pairs.chains))
        above = [(j, k) for j in range(len(names)) for k in range(j + 1, len(names))]
        of_the_order = [float(pairs.of_the_order[j, k]) for j, k in above]
        listed, note = _ends(of_the_order)
        both = pairs.contributions + pairs.contributions.T
        rows = []
        for i in listed:
            j, k = above[i]
            rows.append(
                (
                    f"{names[j]}, {names[k]}",
                    _number(both[j, k]),
                    f"{float(pairs.places[j, k]):.4g} : {float(pairs.places[k, j]):.4g}",
                    _number(pairs.commutators[j, k]),
                    _number(pairs.of_the_order[j, k]),
                )
            )
        header = ("pair", "power 2", "before : after", "commutator", "of the order")
        total = _number(math.fsum(of_the_order))
        lines = (
            *note,
            "before : after, pairs of places with the first of a pair before, or after, the second",
            "commutator, what the first before the second gives more than after it",
            f"of the order, what depends on who is first; all pairs: {total}",
        )
        return PrintedTable(
            "what pairs of datapoints contribute to power 2", header, tuple(rows), lines
        )

    def _names(self, size: int) -> list[str]:
        names = [str(n) for n in range(size)]
        if self.has_penalty:
            names[-1] = _PENALTY
        return names


def order_effects(
    statistics: Statistics,
    *,
    observable: str | Observable = "training-loss",
    component: int | None = None,
    order: int = 2,
    sampling: str | Sampling,
    optimizer: str | Optimizer = "sgd",
    eta: ArrayLike | Fraction,
    pairs: bool = True,
    spread: bool = True,
) -> OrderEffects:
    r"""Tell what the order of the rows does to training on a given set.

    With a scheme that names its rows (a grid, epochs without shuffling, one pass), the answer for this
    very order, what every datapoint and every pair of datapoints contributes to it, and how it stands
    among all orders: their average, and their spread. With a scheme that shuffles or draws rows, the
    average and the spread over what may happen to them.

    Parameters
    ----------
    statistics
        The training set: derivatives 0, ..., `order` of N datapoints with p weights, role
        ``"training-set"``.
    observable
        ``"training-loss"`` of the whole set, ``"displacement"`` with a component, or ``"function:NAME"``.
    component
        The entry of the displacement, 0, ..., p - 1.
    order
        The highest power K of the learning rate, >= 1.
    sampling, optimizer
        With numbers for all symbols.
    eta
        The learning rate: a scalar, a diagonal of shape (p,) or a symmetric array of shape (p, p). With
        exact statistics and Fractions or whole numbers everything is exact.
    pairs
        Whether to tell what pairs of datapoints do at order 2.
    spread
        Whether to tell the spread over orders, of the powers 1 and 2.

    Raises
    ------
    StatisticsError
        When the statistics have another role, another number of rows or a derivative is missing.
    RequestError
        When the observable is no mean that a training set knows, the scheme has no training set, or it
        would take too long.
    SamplingError
        When a number is missing or impossible.

    Examples
    --------
    Gradients 1 and 3, Hessians 1 and 5, each datapoint visited once, the first one first:

    >>> from sgdiagrams.symbolic.training.schemes.grid import Grid
    >>> two = Statistics.from_samples({1: [[1], [3]], 2: [[[1]], [[5]]]}, role="training-set")
    >>> told = order_effects(
    ...     two, observable="displacement", component=0, sampling=Grid([[0], [1]]), eta=1
    ... )
    >>> [str(x) for x in told.orders], [str(x) for x in told.average], str(told.variance)
    (['0', '-4', '5'], ['0', '-4', '4'], '1')
    >>> told.pairs.commutators[0, 1], told.datapoints[:, 2].tolist()
    (Fraction(2, 1), [Fraction(5, 2), Fraction(5, 2)])
    """
    check_kind("statistics", statistics, Statistics, called="the training set as Statistics")
    if statistics.role != "training-set":
        raise StatisticsError(
            f"expected role='training-set', whose rows have an order, got role={shown(statistics.role)}"
        )
    if not is_whole(order, least=1):
        raise RequestError(f"expected a whole number >= 1, got order={shown(order)}")
    scheme = named_sampling(sampling).on_rows(statistics.sample_size)
    training = Training(scheme, named_optimizer(optimizer))
    training.check_discrete()
    if training.symbols:
        raise RequestError(
            f"expected numbers for {', '.join(training.symbols)} of {training.label}; "
            f"give {training.symbols[0]}=... to it"
        )
    scheme.check_root("training")
    if scheme.datapoints != statistics.sample_size and not scheme.is_empty:
        raise StatisticsError(
            f"expected a training set of the sampling's N={scheme.datapoints} points, got "
            f"sample_size={statistics.sample_size}"
        )
    data = Data.of(statistics, read_eta(eta, statistics.dimension))
    watched = WatchedNumber.of(observable, component, data)
    shuffled = shuffled_once(training)
    average = average_of_orders(watched, shuffled, order=order, eta=eta)
    most = min(order, _MOST_SPREAD)
    answer, shares, by_pair, covariances = average, None, None, None
    schedules = schedules_of(scheme) if scheme.names_rows else ()
    if schedules and training.optimizer.decoupled_decay != 0:
        raise RequestError(
            "expected weight decay in the gradient for what rows and pairs contribute, got "
            f"optimizer={training.optimizer.label}, whose decay is decoupled from it; evaluate an "
            "expansion for this order, or take weight_decay="
        )
    if len(schedules) == 1:
        [(_, batches)] = schedules
        answer = answer_in_order(watched.observable, data, training, schedules, order=order)
        if component is not None:
            answer = tuple(x[component] for x in answer)
        shares = shares_of_rows(watched, training, batches, order=order)
        if (pairs and order > 1) or spread:
            by_pair = pairs_of_rows(watched, training, batches, curved=order > 1)
        if spread and by_pair is not None:
            covariances = spread_of_places(by_pair, rows=data.points, order=most)
        if not pairs or order < 2:
            by_pair = None
    elif schedules:
        raise RequestError(
            f"expected one order of the rows, or all of them, got {len(schedules)} from {scheme.label}; "
            "ask for one of them as a Grid"
        )
    elif spread:
        covariances = spread_by_chance(watched, training, average, order=most, eta=eta)
    return OrderEffects(
        observable=watched.title,
        training=training.label,
        eta=eta,
        is_one_order=len(schedules) == 1,
        orders=tuple(answer),
        average=tuple(average),
        spread=covariances,
        datapoints=shares,
        pairs=by_pair,
        has_penalty=shares is not None and len(shares) > data.points,
    )


def _ends(numbers: list[float]) -> tuple[list[int], tuple[str, ...]]:
    """Return where the largest and the smallest are, and a line where not all are."""
    order = np.argsort(-np.asarray(numbers), kind="stable").tolist()
    if len(order) <= 2 * _ROWS:
        return sorted(order), ()
    ends = [*order[:_ROWS], *order[-_ROWS:]]
    return ends, (f"the {_ROWS} largest and the {_ROWS} smallest of {len(order)}",)


def _number(value: Any) -> str:
    return f"{float(value):z.6g}"


def _rate(eta: Any) -> str:
    return shown(eta) if np.ndim(eta) else f"{float(eta):g}"
