"""What expansions ask of a measurement: moments, the weight decay in them, and how sure they shall be."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Self, final

import numpy as np

from sgdiagrams.diagrams.errors import RequestError, check_kind
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.numeric.estimates.terms import weight_decay_of_parts
from sgdiagrams.numeric.sweeps.routes import block_count
from sgdiagrams.numeric.sweeps.trees import is_sampled
from sgdiagrams.symbolic.algebra.conversions import in_moments
from sgdiagrams.symbolic.algebra.expression import Expression
from sgdiagrams.symbolic.contractions.circles import is_forest
from sgdiagrams.symbolic.formula import SeriesFormula
from sgdiagrams.symbolic.resummation.formula import ResummedFormula
from sgdiagrams.symbolic.vocabulary import PENALISED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sgdiagrams.numeric.measurement.measured import Measured
    from sgdiagrams.symbolic.contractions.contraction import Contraction

__all__ = ["Wanted"]


@final
@dataclass(frozen=True, slots=True)
class Wanted:
    """The contractions that expansions need, and when they are known well enough.

    Attributes
    ----------
    expansions
        Plain expansions, and expressions.
    numbers, vectors
        The moments without free leg and with one, simplest first.
    weight_decay
        Of the penalised losses.
    at
        For every expansion a number for eta and all symbols, as it is evaluated; empty without.
    precision
        The relative error that every order may have; None for no demand.
    """

    expansions: tuple[SeriesFormula | Expression, ...]
    numbers: tuple[Contraction, ...]
    vectors: tuple[Contraction, ...]
    weight_decay: Fraction
    at: tuple[Mapping[str, Any], ...]
    precision: float | None

    @classmethod
    def of(
        cls,
        expansions: SeriesFormula | Expression | Iterable[SeriesFormula | Expression],
        at: Mapping[str, Any] | None,
        precision: float | None,
    ) -> Self:
        """Return what is wanted.

        Raises
        ------
        RequestError
            When something is no plain expansion, has two free legs or a circle, weight decays differ, or
            numbers are missing or unknown.
        """
        is_one = isinstance(expansions, (SeriesFormula, Expression, ResummedFormula, str))
        if is_one or not hasattr(expansions, "__iter__"):
            given: tuple[Any, ...] = (expansions,)
        else:
            given = tuple(expansions)
        if not given:
            raise RequestError("expected at least one expansion to measure for, got none")
        for expansion in given:
            if isinstance(expansion, ResummedFormula):
                raise RequestError(
                    "expected plain expansions to measure for, got a re-summed one, which needs the "
                    "eigenvectors of H; bring Statistics, or expand without resummed=True"
                )
            if not isinstance(expansion, Expression):
                called = "an expansion or expression, or several"
                check_kind("expansions", expansion, SeriesFormula, called=called)
        precision = _checked_precision(precision)
        moments: dict[Contraction, None] = {}
        for expansion in given:
            for contraction in _contractions(expansion):
                if contraction.node_count:  # what else is the number 1
                    moments.update(dict.fromkeys(in_moments(contraction)))
        ranks = {len(moment.free) for moment in moments}
        if ranks - {0, 1}:
            raise RequestError(
                f"expected observables that are numbers or vectors, got one with {max(ranks)} indices, "
                "whose values are as large as p squared; bring Statistics"
            )
        in_order = sorted(moments, key=lambda c: c.simplicity)
        circle = next((c for c in in_order if not is_forest(c.edges)), None)
        if circle is not None:
            raise RequestError(
                f"expected contractions of trees to measure, got {shown(str(circle))}, whose circle "
                "needs as many products with derivatives as there are weights; bring Statistics"
            )
        points = tuple(_numbers_at(expansion, at) for expansion in given) if at else ()
        return cls(
            given,
            tuple(c for c in in_order if not c.free),
            tuple(c for c in in_order if c.free),
            _weight_decay(given, at or {}),
            points,
            precision,
        )

    @property
    def moments(self) -> tuple[Contraction, ...]:
        """All contractions."""
        return self.numbers + self.vectors

    @property
    def blocks(self) -> int:
        """The largest number of datapoints that meet in a contraction."""
        return max((block_count(c) for c in self.moments), default=0)

    @property
    def functions(self) -> tuple[str, ...]:
        """The functions of the weights that are asked for."""
        labels = (label for c in self.moments for label in c.labels if not is_sampled(label))
        return tuple(dict.fromkeys(labels))

    @property
    def highest_degree(self) -> int:
        """The highest order of a derivative."""
        return max((max(c.legs) for c in self.moments), default=0)

    def errors(self, measured: Measured) -> tuple[float, ...]:
        """Return the relative errors of all orders that are measured; those without a value are left out.

        At given numbers they are those of contributions; else every contraction's, relative to the
        largest of its order.
        """
        relative = []
        if self.at:
            for expansion, numbers in zip(self.expansions, self.at, strict=True):
                if isinstance(expansion, Expression):
                    whole = measured.evaluate(expansion, **numbers)
                    relative.append(_ratio(whole.standard_error, whole.value))
                    continue
                estimate = measured.evaluate(expansion, **numbers)
                for value, error in zip(
                    estimate.orders, estimate.order_standard_errors, strict=True
                ):
                    relative.append(_ratio(error, value))
        else:
            for order in {c.order for c in self.moments}:
                alike = [c for c in self.moments if c.order == order]
                for rank in (0, 1):
                    kind = [c for c in alike if len(c.free) == rank]
                    largest = max((_size(measured.value(c)) for c in kind), default=0.0)
                    relative += [_ratio(measured.standard_error([(1.0, c)]), largest) for c in kind]
        return tuple(r for r in relative if not math.isnan(r))

    def is_reached_by(self, measured: Measured) -> bool:
        """Tell whether the precision that is asked for has been reached."""
        if self.precision is None:
            return False
        return max(self.errors(measured), default=0.0) <= self.precision

    def running_value(self, measured: Measured) -> str:
        """Return the value and its error of what is measured, for a progress bar."""
        if self.at:
            estimate: Any = measured.evaluate(self.expansions[0], **self.at[0])
            return f"{_size(estimate.value):.4g} +- {_size(estimate.standard_error):.2g}"
        worst = max(self.errors(measured), default=0.0)
        return f"relative error {worst:.2g}"


def _size(value: Any) -> float:
    return float(np.linalg.norm(np.atleast_1d(np.asarray(value, dtype=float))))


def _ratio(error: Any, value: Any) -> float:
    """Return a relative error; nan for nothing, which has no error either."""
    size, of_error = _size(value), _size(error)
    if size == 0:
        return math.nan if of_error == 0 else math.inf
    return of_error / size


def _checked_precision(precision: Any) -> float | None:
    if precision is None:
        return None
    if isinstance(precision, bool) or not isinstance(precision, (int, float, Fraction)):
        raise RequestError(
            f"expected a relative error such as 0.05, got precision={shown(precision)}"
        )
    value = float(precision)
    if not (0 < value < math.inf):
        raise RequestError(
            f"expected a relative error above 0 such as 0.05, got precision={shown(precision)}"
        )
    return value


def _contractions(expansion: SeriesFormula | Expression) -> list[Contraction]:
    if isinstance(expansion, Expression):
        return list(expansion.contractions)
    return [term.contraction.with_metric("identity") for term in expansion.terms]


def _numbers_at(expansion: SeriesFormula | Expression, at: Mapping[str, Any]) -> Mapping[str, Any]:
    names = expansion.symbols
    if not isinstance(expansion, Expression):
        if "eta" not in at:
            raise RequestError("expected a learning rate in at, such as at=dict(eta=0.05, T=100)")
        names = ("eta", *names)
    missing = [name for name in names if name not in at]
    if missing:
        raise RequestError(
            f"expected a number for each of {', '.join(names)} in at, got none for "
            f"{', '.join(missing)}"
        )
    return {name: at[name] for name in names}


def _weight_decay(given: Sequence[SeriesFormula | Expression], at: Mapping[str, Any]) -> Fraction:
    decays = set()
    expansions = [entry for entry in given if not isinstance(entry, Expression)]
    for expansion in expansions:
        symbols = {
            str(part.optimizer.weight_decay)
            for part in expansion.parts
            if not isinstance(part.optimizer.weight_decay, (int, float, Fraction))
            and str(part.optimizer.weight_decay) in expansion.symbols
        }
        if symbols - set(at):
            name = min(symbols - set(at))
            raise RequestError(
                f"expected a number for the weight decay {name}, which losses contain; give it to the "
                f"optimiser, or at=dict({name}=...)"
            )
        numbers = {name: at[name] for name in symbols}
        decays.add(weight_decay_of_parts(expansion, numbers))
    decays.discard(Fraction(0))
    if len(decays) > 1:
        raise RequestError(
            f"expected one weight decay, got {' and '.join(map(str, sorted(decays)))}; measure one by one"
        )
    if not decays:
        for expression in given:
            if any(PENALISED in k.labels for k in _contractions(expression)) and isinstance(
                expression, Expression
            ):
                raise RequestError(
                    "expected an expansion beside the expression with penalised losses, which says the "
                    "weight decay, got none"
                )
    return decays.pop() if decays else Fraction(0)
