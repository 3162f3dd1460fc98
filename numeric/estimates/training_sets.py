"""What a fixed training set can be asked, and whether its rows are used in one order or in any."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, final

from sgdiagrams.diagrams.errors import RequestError, StatisticsError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.numeric.given_order.answer import answer_in_order, schedules_of
from sgdiagrams.numeric.given_order.run import Data
from sgdiagrams.numeric.values.learning_rate import read_eta
from sgdiagrams.symbolic.checks import rational
from sgdiagrams.symbolic.training.training import Training

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from fractions import Fraction

    from sgdiagrams.numeric.derivatives.derivatives import Derivatives
    from sgdiagrams.symbolic.embeddings.batches import RandomSchedule
    from sgdiagrams.symbolic.formula import Part, SeriesFormula
    from sgdiagrams.symbolic.observable import Observable
    from sgdiagrams.symbolic.training.sampling import Sampling

__all__ = ["UseOfRows", "average_over_orders", "use_of_rows"]

_ONE_ORDER = "in this order of the rows"
_SEVERAL = "average over what may happen to the rows"
_AVERAGE = "average over orders of the rows"
_SPREAD = "over orders of the rows"


@final
@dataclass(frozen=True, slots=True)
class UseOfRows:
    """What the rows of statistics are to an expansion.

    Attributes
    ----------
    words
        For titles; empty where the rows are no training set.
    runs
        Where the rows are used in an order that is named: for every part of the expansion its
        coefficient, observable, training with numbers, and the rows of every update.
    products
        Where an average over orders is asked for products of averages, such as a covariance over orders:
        the parts with numbers for all symbols.
    """

    words: str = ""
    runs: tuple[tuple[Fraction, Observable, Training, RandomSchedule], ...] = ()
    products: tuple[Part, ...] = ()

    @property
    def are_named(self) -> bool:
        """Whether the answer is for the very rows that a scheme names."""
        return bool(self.runs)

    def orders(self, statistics: Derivatives, eta: Any, order: int) -> tuple[Any, ...]:
        """Return the contributions of the orders 0, ..., `order` for the rows that are named.

        Raises
        ------
        StatisticsError
            When a derivative, a function or the start is missing.
        RequestError
            When the learning rate is wrong or it would take too long.
        """
        data = Data.of(statistics, read_eta(eta, statistics.dimension))
        total: list[Any] = [0] * (order + 1)
        for coefficient, observable, training, schedules in self.runs:
            answer = answer_in_order(observable, data, training, schedules, order=order)
            factor = data.number(coefficient)
            total = [x + factor * y for x, y in zip(total, answer, strict=True)]
        return tuple(total)


def use_of_rows(
    expansion: SeriesFormula, statistics: Derivatives, numbers: Mapping[str, int | Fraction]
) -> UseOfRows:
    """Return what the rows are, checked: a training set is asked for what it determines alone.

    Raises
    ------
    StatisticsError
        When a training set has not as many points as the sampling says.
    RequestError
        When the observable or the sampling has no meaning for it, or some parts name rows and
        others are averages.
    """
    if statistics.role != "training-set":
        return UseOfRows()
    schemes, are_named = _schemes(expansion, statistics.sample_size, numbers)
    if are_named and statistics.noise is not None:
        name = next(scheme.name for scheme in schemes if scheme.names_rows)
        raise RequestError(
            f"expected a scheme that shuffles or draws rows for several visits of each, got {name}, "
            "which names them; take shuffled epochs"
        )
    if are_named:
        runs = tuple(
            (
                part.coefficient,
                part.observable,
                Training(scheme, part.optimizer.at(**numbers)),
                schedules_of(scheme),
            )
            for part, scheme in zip(expansion.parts, schemes, strict=True)
        )
        is_one = all(len(schedules) == 1 for *_, schedules in runs)
        return UseOfRows(_ONE_ORDER if is_one else _SEVERAL, runs)
    words = _words(schemes, _AVERAGE)
    if all(len(p.expectations) == 1 for part in expansion.parts for p in part.observable.products):
        return UseOfRows(words)
    # A product of averages over tuples is no average over distinct tuples of the union.
    products = tuple(
        replace(part, sampling=scheme, optimizer=part.optimizer.at(**numbers), substituted=None)
        for part, scheme in zip(expansion.parts, schemes, strict=True)
    )
    return UseOfRows(_words(schemes, _SPREAD), products=products)


def average_over_orders(
    expansion: SeriesFormula, points: int, numbers: Mapping[str, int | Fraction]
) -> str:
    """Return what a training set is to an expansion where its rows are not known one by one, in words.

    Parameters
    ----------
    expansion
        What is evaluated.
    points
        The size of the training set.
    numbers
        A number for every symbol.

    Raises
    ------
    StatisticsError, RequestError
        As `use_of_rows`, and for schemes that name their rows.
    """
    schemes, are_named = _schemes(expansion, points, numbers)
    if are_named:
        name = next(scheme.name for scheme in schemes if scheme.names_rows)
        raise RequestError(
            f"expected a scheme that shuffles or draws rows, got {name}, which names them: its answer "
            "needs the derivatives of every row; bring Statistics, or take shuffled epochs"
        )
    for part in expansion.parts:
        _check_mean(part.observable)
    return _words(schemes, _AVERAGE)


def _schemes(
    expansion: SeriesFormula, points: int, numbers: Mapping[str, int | Fraction]
) -> tuple[list[Sampling], bool]:
    """Return the sampling of every part, and whether they name their rows."""
    for part in expansion.parts:
        if part.observable.needs_population:
            raise RequestError(
                "expected role='sample' or 'population' for the loss of the population, got "
                f"role='training-set' with observable={shown(part.observable.name)}; "
                "a training set knows its own loss only"
            )
        penalty = part.optimizer.penalty
        if penalty is not None and penalty.needs_population:
            raise RequestError(
                "expected role='sample' or 'population' for a penalty of the population's derivatives, "
                f"got role='training-set' with penalty={shown(penalty.label)}; bring a function"
            )
    schemes = [_scheme(part, numbers) for part in expansion.parts]
    for scheme in schemes:
        _check_size(scheme, points)
    names = {scheme.names_rows for scheme in schemes if not scheme.is_empty}
    if len(names) > 1:
        raise RequestError(
            "expected parts of one kind for role='training-set', got some that name their rows and "
            "some that are averages over orders; evaluate them one by one and subtract"
        )
    return schemes, names == {True}


def _words(schemes: Sequence[Sampling], otherwise: str) -> str:
    """Return nothing where no update is made."""
    return "" if all(scheme.is_empty for scheme in schemes) else otherwise


def _scheme(part: Part, numbers: Mapping[str, int | Fraction]) -> Sampling:
    """Return the sampling of a part with its numbers."""
    if part.sampling is not None:
        return part.sampling.put(**{k: numbers[k] for k in part.sampling.symbols})
    scheme = part.substituted and part.substituted.at(
        {k: rational(k, v) for k, v in numbers.items()}
    )
    is_average = scheme and (scheme.datapoints is None or scheme.is_empty or not scheme.names_rows)
    if scheme and is_average:
        return scheme
    # A learning rate may have been substituted too, which the part does not know.
    raise RequestError(
        "expected an expansion as it was made for role='training-set' with a scheme that names its rows, "
        "got one in which something has been substituted; give all numbers to evaluate"
    )


def _check_size(scheme: Sampling, points: int) -> None:
    if scheme.is_empty:
        return
    if scheme.datapoints is None:
        raise RequestError(
            f"expected role='sample' or 'population' for {scheme.name}, which has no training set, "
            "got role='training-set'"
        )
    size = int(scheme.datapoints)
    if size != points:
        raise StatisticsError(
            f"expected a training set of the sampling's N={size} points, got sample_size={points}"
        )


def _check_mean(observable: Observable) -> None:
    if any(len(product.expectations) > 1 for product in observable.products):
        # A product of averages over tuples is no average over distinct tuples of the union.
        raise RequestError(
            "expected a mean for role='training-set', got a difference of moments with "
            f"observable={shown(observable.name)}; evaluate 'second-moment', and subtract "
            "the product of 'displacement' with itself"
        )
