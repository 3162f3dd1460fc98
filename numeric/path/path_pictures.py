"""What pictures of a prediction along a run show: which strengths of the noise, which numbers."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.numeric.path.path_table import one_list
from sgdiagrams.numeric.pictures.noise_pictures import (
    NoiseBands,
    draw_along_run,
    draw_strengths,
)
from sgdiagrams.symbolic.observable import named_observable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from sgdiagrams.numeric.path.path_table import PathRow
    from sgdiagrams.numeric.pictures.noise_pictures import SimulatedPoint
    from sgdiagrams.symbolic.training.sampling import Sampling

__all__ = ["Prediction", "check_number", "draw_prediction", "draw_with_simulation"]

_PLACES = 200
_BEYOND = 1.08  # of the strongest noise that is asked for
_USUAL = 2.0  # times the noise that was measured


class Prediction(Protocol):
    """What is drawn: a `PathEstimate`."""

    @property
    def observable(self) -> str:
        """The name of the observable."""
        ...

    @property
    def sampling(self) -> Sampling:
        """The scheme, with numbers."""
        ...

    @property
    def optimizer(self) -> str:
        """The label of the optimiser."""
        ...

    @property
    def eta(self) -> float:
        """The learning rate."""
        ...

    @property
    def times(self) -> tuple[int, ...]:
        """After which updates."""
        ...

    @property
    def is_curve(self) -> bool:
        """Whether times were given."""
        ...

    @property
    def orders(self) -> tuple[Any, ...]:
        """The contributions of all orders."""
        ...

    def at(self, /, **numbers: int) -> Self:
        """Return the prediction for other numbers."""
        ...

    def scaled(self, factor: Fraction) -> Self:
        """Return the prediction for noise of another strength."""
        ...

    def rows(self, number: int) -> list[PathRow]:
        """Return numbers for every time."""
        ...


def draw_prediction(
    estimate: Prediction, numbers: Mapping[str, Sequence[int]], path: str | Path | None
) -> Figure:
    """Draw a prediction: along the run where times were given and no numbers, else by strength."""
    check_number(estimate.observable)
    if estimate.is_curve and not numbers:
        order = np.argsort(estimate.times, kind="stable")
        noiseless = np.asarray(estimate.orders[0])[order]
        rows = [estimate.rows(0)[k] for k in order]
        sums = np.cumsum(np.array(estimate.orders), axis=0)[1:, order]
        bands = _bands([row.update for row in rows], sums, rows)
        words = estimate.observable.replace("-", " ")
        return draw_along_run(bands, noiseless, quantity=words, title=_title(estimate), path=path)
    return draw_with_simulation(estimate, numbers, (), path)


def draw_with_simulation(
    estimate: Prediction,
    numbers: Mapping[str, Sequence[int]],
    simulated: Sequence[SimulatedPoint],
    path: str | Path | None,
    *,
    before: str = "",
) -> Figure:
    """Draw what noise adds at the last time against its strength, beside simulated points."""
    check_number(estimate.observable)
    name = estimate.sampling.noise_goes_as
    marks: list[Any] = []
    if numbers:
        name, marks = one_list(numbers)
        for mark in marks:
            estimate.at(**{name: mark})  # refuses what is impossible
    own = 1.0 if name is None else 1 / float(estimate.sampling.values[name])
    strongest = max((1 / float(mark) for mark in marks), default=_USUAL * own)
    places = np.linspace(0.0, _BEYOND * strongest, _PLACES)[1:]
    steps = [estimate.scaled(Fraction(float(place / own))) for place in places]
    contributions = np.array([[np.ravel(c)[-1] for c in step.orders] for step in steps])
    sums = np.cumsum(contributions[:, 1:], axis=1).T
    bands = _bands(places, sums, [step.rows(0)[-1] for step in steps]).from_nothing()
    words = f"{estimate.observable.replace('-', ' ')}: excess over the noiseless run"
    return draw_strengths(
        bands,
        number=name,
        marks=[int(mark) for mark in marks],
        simulated=simulated,
        quantity=words,
        title=before + _title(estimate),
        path=path,
    )


def _bands(places: Sequence[float] | NDArray[Any], sums: Any, rows: list[PathRow]) -> NoiseBands:
    return NoiseBands(
        places=np.asarray(places, dtype=float),
        sums=tuple(np.asarray(values, dtype=float) for values in sums),
        error=np.array([row.standard_error for row in rows]),
        missing=np.array([row.truncation_error for row in rows]),
        trusted=np.array([row.trustworthy for row in rows]),
    )


def check_number(observable: str) -> None:
    """Raise a RequestError unless an observable is a number, which can be drawn."""
    if named_observable(observable).rank:
        raise RequestError(
            f"expected an observable that is a number to draw, got {shown(observable)}, a vector"
        )


def _title(estimate: Prediction) -> str:
    """Return what is the same at all places of the picture."""
    sampling = estimate.sampling
    values, name = dict(sampling.values), sampling.noise_goes_as
    if name is not None and not estimate.is_curve:
        own = values.pop(name)
        if "B" in values:  # which then changes too
            values[f"{name}/B"] = own / values.pop("B")
    kind = sampling.label.partition(" ")[0]
    numbers = " ".join(f"{key}={value}" for key, value in values.items())
    return f"{kind} {numbers}, {estimate.optimizer}, eta={estimate.eta:g}"
