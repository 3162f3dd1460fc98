"""What small rounds foretell: the window that is worth its cost, and how much of a sample is enough."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, final

from sgdiagrams.numeric.measurement.method import WINDOW
from sgdiagrams.numeric.sweeps.routes import Routes
from sgdiagrams.numeric.sweeps.trees import core_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sgdiagrams.numeric.measurement.method import Method
    from sgdiagrams.numeric.models.model import Model
    from sgdiagrams.symbolic.contractions.contraction import Contraction

__all__ = ["Foretold", "foretold"]

#: Datapoints of a group in a small round.
_SIZE = 32
_WINDOWS = (4, WINDOW, _SIZE)
#: So much more than foretold is taken, because few groups foretell roughly.
_SAFETY = 1.3
#: A window is changed only for a gain in cost times variance that is more than chance.
_GAIN = 1.5
#: Floating-point operations of a round that nobody has to save.
_QUICK = 5e9


@final
@dataclass(frozen=True, slots=True)
class Foretold:
    """What small rounds said.

    Attributes
    ----------
    window
        The window to take.
    samples
        Of a sample, how many datapoints are enough; None for all.
    notes
        The same in words.
    """

    window: int = WINDOW
    samples: int | None = None
    notes: tuple[str, ...] = ()

    @property
    def is_other(self) -> bool:
        """Whether this differs from the usual method."""
        return self.window != WINDOW or self.samples is not None


def foretold(
    method: Method,
    contractions: Sequence[Contraction],
    model: Model,
    precision: float,
    error_of_a_round: Callable[[Method], float],
) -> Foretold:
    """Return what small rounds foretell; nothing where they would not be worth it.

    Parameters
    ----------
    method
        The usual one.
    contractions, model
        What is measured, and on what.
    precision
        The relative error that is asked for.
    error_of_a_round
        The largest relative error after the first round of a method.
    """
    few = method.grouping.groups * _SIZE
    cost = method.gradients * method.size * model.operations
    is_small = (
        method.grouping.samples < 2 * few if method.role != "sample" else method.size < 4 * few
    )
    if method.is_exact or is_small or cost < _QUICK:
        return Foretold()
    scores: dict[int, float] = {}
    errors: dict[int, float] = {}
    for window in _windows(method, contractions):
        grouping = replace(method.grouping, size=_SIZE, window=window)
        price = Routes.of(contractions, grouping).cost(grouping, method.size)
        errors[window] = error_of_a_round(replace(method, grouping=grouping, gradients=price))
        scores[window] = price * errors[window] ** 2
    best = min(scores, key=lambda w: scores[w])
    if not scores[best] * _GAIN < scores[WINDOW]:
        best = WINDOW
    notes = []
    if len(scores) > 1:
        notes.append(f"small rounds with windows of {_listed(scores)}: {best} is worth its cost")
    samples = None
    if method.role == "sample":
        needed = few * (errors[best] / precision) ** 2 * _SAFETY
        if needed < method.size / 2:
            samples = max(math.ceil(needed), few)
            notes.append(f"a small round foretold that {samples} datapoints are enough")
    return Foretold(best, samples, tuple(notes))


def _windows(method: Method, contractions: Sequence[Contraction]) -> tuple[int, ...]:
    """Return the windows to try: more than one where nodes are straddled."""
    routes = Routes.of(contractions, method.grouping)
    cores = [core_of(c) for c in (*routes.branches, *routes.cores)]
    return _WINDOWS if any(c.tied and c.straddled for c in cores) else (WINDOW,)


def _listed(windows: dict[int, float]) -> str:
    *first, last = map(str, windows)
    return f"{', '.join(first)} and {last}"
