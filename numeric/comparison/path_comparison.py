"""Predictions along the path beside simulated training, for several batch sizes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

from sgdiagrams.diagrams.files import plain_data
from sgdiagrams.diagrams.tables import PrintedTable
from sgdiagrams.numeric.path.path_pictures import draw_with_simulation
from sgdiagrams.numeric.pictures.noise_pictures import SimulatedPoint

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.figure import Figure

    from sgdiagrams.numeric.path.path_estimate import PathEstimate

__all__ = ["PathComparison", "PathPoint"]

_ERRORS = 2.0  # standard errors within which the truth is expected


@final
@dataclass(frozen=True, slots=True)
class PathPoint:
    """One strength of the noise: what noise adds by simulation, and by prediction.

    Attributes
    ----------
    number
        The batch size, or the number of datapoints.
    runs, diverged
        Runs that were made, and how many of them ended at no finite number.
    simulated, simulated_error
        Their mean, less the value along the noiseless run, and its standard error; NaN and infinite where
        there is none.
    predictions, prediction_errors
        The sums of the orders up to noise 1, 2, ..., and their standard errors.
    truncation_error
        How far the truth may be because the expansion ends.
    judgement, trustworthy
        As of the estimate with this number.
    """

    number: int
    runs: int
    diverged: int
    simulated: float
    simulated_error: float
    predictions: tuple[float, ...]
    prediction_errors: tuple[float, ...]
    truncation_error: float
    judgement: str
    trustworthy: bool

    @property
    def deviations(self) -> tuple[float, ...]:
        """Prediction minus simulation, in standard errors of the difference, for every sum."""
        return tuple(
            (value - self.simulated) / scale if scale > 0 else math.nan
            for value, scale in zip(self.predictions, map(self._scale, self.prediction_errors),
                                    strict=True)
        )  # fmt: skip

    @property
    def inside(self) -> bool | None:
        """Whether the simulation is within the stated error: two standard errors, and what is left out.

        The standard error is that of the difference. None where nothing was simulated.
        """
        if not math.isfinite(self.simulated):
            return None
        room = _ERRORS * self._scale(self.prediction_errors[-1]) + self.truncation_error
        return abs(self.predictions[-1] - self.simulated) <= room

    def _scale(self, error: float) -> float:
        return math.hypot(error, self.simulated_error)


@final
@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PathComparison:
    """What noise adds to a run, predicted and simulated; made by `compare` with `along_path`.

    Attributes
    ----------
    landscape
        Where it was run.
    estimate
        The one measurement along the path, from which all predictions are rescaled.
    name
        What the numbers of the points are: ``"B"`` or ``"N"``.
    points
        One for each number.
    runs
        Runs asked for at each.
    complete
        Whether all was measured and simulated; False after Ctrl-C.
    """

    landscape: str
    estimate: PathEstimate
    name: str
    points: tuple[PathPoint, ...]
    runs: int
    complete: bool = True

    @property
    def observable(self) -> str:
        """The name of the observable."""
        return self.estimate.observable

    def plot(self, path: str | Path | None = None) -> Figure:
        """Draw what noise adds against 1/B or 1/N: simulation, noise 1, noise 1 to 2.

        Bands show two standard errors of the prediction, and with them what is left out; the background
        where the judgement is *trustworthy*.

        Raises
        ------
        RequestError, FormatError
            When the suffix is not png, svg or pdf, or the directory does not exist.
        MissingDependencyError
            When matplotlib is not installed.
        """
        simulated = [
            SimulatedPoint(1 / point.number, point.simulated, point.simulated_error)
            for point in self.points
            if math.isfinite(point.simulated)
        ]
        numbers = {self.name: [point.number for point in self.points]}
        return draw_with_simulation(
            self.estimate, numbers, simulated, path, before=f"{self.landscape}, "
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as plain data for JSON; what is unknown is None."""
        points = [
            {
                self.name: point.number,
                "runs": point.runs,
                "diverged": point.diverged,
                "simulated": point.simulated,
                "simulated_error": point.simulated_error,
                "predictions": point.predictions,
                "prediction_errors": point.prediction_errors,
                "deviations": point.deviations,
                "truncation_error": point.truncation_error,
                "inside": point.inside,
                "judgement": point.judgement,
                "trustworthy": point.trustworthy,
            }
            for point in self.points
        ]
        plain: dict[str, Any] = plain_data(
            {
                "landscape": self.landscape,
                "estimate": self.estimate.to_dict(),
                "points": points,
                "runs": self.runs,
                "complete": self.complete,
            }
        )
        return plain

    def __repr__(self) -> str:
        return f"<PathComparison on {self.landscape}: {self.estimate!r}>"

    def __str__(self) -> str:
        return self._table().text()

    def _repr_html_(self) -> str:
        return self._table().html()

    def _table(self) -> PrintedTable:
        estimate = self.estimate
        title = (
            f"{estimate.observable.replace('-', ' ')} on {self.landscape}: excess over the noiseless "
            f"{estimate.noiseless[-1]:.6g} | {estimate.sampling.label} | {estimate.optimizer} | "
            f"eta={estimate.eta:g} | {self.runs} runs a point"
        )
        header = [self.name, "simulated", "+-"]
        for m in range(1, estimate.noise + 1):
            header += [f"noise {m}" if m == 1 else f"noise 1-{m}", "+-", "dev."]
        header += ["left out", "inside", "judgement"]
        rows = [tuple(_cells(point)) for point in self.points]
        notes = [
            "noise 1-m: sum of the orders; dev.: distance to the simulation in the errors of both",
            "inside: within two of these errors and what is left out",
        ]
        known = [point.inside for point in self.points if point.inside is not None]
        trusted = [p.inside for p in self.points if p.inside is not None and p.trustworthy]
        notes.append(
            f"{sum(known)} of {len(known)} inside, of the trusted {sum(trusted)} of {len(trusted)}"
        )
        notes.append(f"predictions: {estimate.method}")
        if not self.complete:
            notes.append("interrupted: not all was measured and simulated")
        groups = (3, *[3] * estimate.noise, 3)
        left = frozenset({len(header) - 1})
        return PrintedTable(title, tuple(header), tuple(rows), tuple(notes), left, groups)


def _cells(point: PathPoint) -> list[str]:
    cells = [str(point.number)]
    if point.diverged:
        cells += ["diverged", f"{point.diverged} runs"]
    elif math.isfinite(point.simulated):
        cells += [f"{point.simulated:.5g}", f"{point.simulated_error:.2g}"]
    else:
        cells += ["-", "-"]
    sums = zip(point.predictions, point.prediction_errors, point.deviations, strict=True)
    for value, error, deviation in sums:
        shown = "-" if math.isnan(deviation) else f"{deviation:+.1f}"
        cells += [f"{value:.5g}", f"{error:.2g}", shown]
    inside = {None: "-", True: "yes", False: "no"}[point.inside]
    return [*cells, f"{point.truncation_error:.2g}", inside, point.judgement.partition(":")[0]]
