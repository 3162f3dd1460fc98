"""The sliders of a page: one for the learning rate and one for each symbol, with sensible ranges."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sgdiagrams.symbolic.formula import Part

__all__ = ["first_settings", "sliders_of"]

_LABELS = {
    "eta": "learning rate η",
    "T": "updates T",
    "N": "datapoints N",
    "B": "batch size B",
    "E": "epochs E",
    "beta": "momentum β",
}
#: Where whole numbers begin and end, and where they stand at first.
_WHOLE = {"T": (1, 10_000, 10), "N": (2, 1000, 60), "B": (1, 100, 1), "E": (1, 1000, 1)}
#: The same for all others.
_COUNT = (0, 100, 1)
#: Where a momentum stands at first, or another number below 1.
_MOMENTUM = 0.9
#: The least eigenvalue of eta H at the largest curvature, and the greatest.
_STIFFNESS = (1e-4, 1.0)
#: What eta H is at first, times the updates: the plain series is in its powers.
_FIRST_TIME = 0.25


def sliders_of(
    part: Part,
    *,
    eta: Any = None,
    curvature: float | None = None,
    datapoints: int | None = None,
    is_set: bool = False,
) -> list[dict[str, Any]]:
    """Return the sliders as plain data: see `sgdiagrams.report.report`.

    Parameters
    ----------
    part
        What is expanded.
    eta
        Where the learning rate stands at first.
    curvature
        The size of the Hessian, which says what a large learning rate is; None where it is not known.
    datapoints
        How many there are, where N stands at first.
    is_set
        Whether they are the training set itself, which has no other N.

    Raises
    ------
    RequestError
        When the learning rate is no positive number.
    """
    sliders: list[dict[str, Any]] = []
    scheme = part.training.sampling
    spans = part.optimizer.known_spans
    times = {str(scheme.values[name]) for name in scheme.times}
    chances = {str(scheme.values[name]) for name in scheme.chances}
    wholes = {str(v) for n, v in scheme.values.items() if n not in (*scheme.times, *scheme.chances)}
    wholes |= set(part.observable.lags)
    for name in _in_order(part.symbols):
        if name in times:
            sliders.append(_slider(name, 0.01, 1000.0, 1.0, logarithmic=True))
        elif name in wholes:
            least, most, first = _WHOLE.get(name, _COUNT)
            if name == "N" and datapoints is not None and datapoints > 1:
                first, most = datapoints, max(most, 10 * datapoints)
                least, most = (first, first) if is_set else (least, most)
            sliders.append(_slider(name, least, most, first, whole=True, logarithmic=least > 0))
        elif name in chances:
            sliders.append(_slider(name, 0.01, 1.0, 0.1, step=0.01))
        elif spans.get(name) == (0, 1):
            sliders.append(_slider(name, 0.0, 0.99, _MOMENTUM, step=0.01))
        else:
            sliders.append(_slider(name, 0.0, 1.0, 0.5, step=0.01))
    _fit(sliders, scheme.divisions)
    return [_rate(eta, curvature, _updates(part, sliders)), *sliders]


def _updates(part: Part, sliders: Iterable[dict[str, Any]]) -> float:
    """Return the number of updates at first, 1 at least."""
    first = {s["name"]: s["value"] for s in sliders}
    updates = part.training.updates
    value = updates.subs({x: first[str(x)] for x in updates.free_symbols if str(x) in first})
    return max(1.0, float(value)) if value.is_number else 1.0


def _in_order(names: Iterable[str]) -> list[str]:
    usual = ("T", "E", "N", "B", "beta")
    known = list(dict.fromkeys(names))
    return sorted(known, key=lambda n: (usual.index(n) if n in usual else len(usual), n))


def _rate(eta: Any, curvature: float | None, updates: float) -> dict[str, Any]:
    scale = curvature if curvature is not None and curvature > 0 else 1.0
    least, most = (_round(x / scale) for x in _STIFFNESS)
    first = max(least, _round(_FIRST_TIME / (scale * updates)))
    if eta is not None:
        try:
            first = math.nan if np.ndim(eta) else float(eta)
        except OverflowError:  # a fraction beyond all floats
            first = math.inf
        if not 0 < first < math.inf:
            raise RequestError(
                f"expected one positive learning rate for the slider, got eta={shown(eta)}"
            )
        least, most = min(least, first), max(most, first)
    return _slider("eta", least, most, first, logarithmic=True)


def _round(x: float) -> float:
    """Return the nearest of 1, 2, 5, 10, ..., as people write it."""
    power = math.floor(math.log10(x))
    best = min((1, 2, 5, 10), key=lambda k: abs(math.log(x / (k * 10.0**power))))
    return float(f"{best}e{power}")


def _slider(
    name: str,
    minimum: float,
    maximum: float,
    value: float,
    *,
    whole: bool = False,
    logarithmic: bool = False,
    step: float | None = None,
) -> dict[str, Any]:
    return {
        "name": name,
        "label": _LABELS.get(name, name),
        "minimum": minimum,
        "maximum": maximum,
        "value": value,
        "step": 1 if whole else step,
        "whole": whole,
        "logarithmic": logarithmic,
    }


def _fit(sliders: list[dict[str, Any]], divisions: Any) -> None:
    """Bring the first numbers together where one has to divide another."""
    at = {slider["name"]: slider for slider in sliders}
    for multiple, divisor in divisions:
        if str(divisor) in at and multiple.is_number:
            slider = at[str(divisor)]
            slider["maximum"] = max(1, min(slider["maximum"], int(multiple)))
            slider["value"] = math.gcd(int(slider["value"]), int(multiple))
        if str(multiple) in at and divisor.is_number:
            slider, size = at[str(multiple)], int(divisor)
            slider["minimum"] = slider["step"] = size
            slider["value"] = max(size, int(slider["value"]) // size * size)
            slider["maximum"] = max(slider["maximum"], slider["value"])


def first_settings(sliders: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return where the sliders stand at first."""
    return {slider["name"]: slider["value"] for slider in sliders}
