"""What a comparison found: predictions and simulation at every learning rate, as a table."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np

from sgdiagrams.diagrams.files import plain_data
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.diagrams.tables import PrintedTable
from sgdiagrams.numeric.comparison.curves import draw_curves
from sgdiagrams.numeric.precision.finite import check_finite, within_range
from sgdiagrams.numeric.simulation.simulated import watched_in_words
from sgdiagrams.numeric.values.learning_rate import read_eta

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.figure import Figure

    from sgdiagrams.numeric.comparison.points import Point


__all__ = ["PLAIN", "Comparison"]

#: The label of plain SGD, which titles leave out.
PLAIN = "sgd"

#: From this size on, numbers are shown with an exponent.
_LARGE = 1e6


@dataclass(frozen=True, slots=True)
class Comparison:
    """Predicted and simulated changes of an observable; made by `compare`.

    Attributes
    ----------
    landscape, observable, sampling
        What was run.
    coefficients
        The contribution of every order at eta = 1; order k scales with eta^k.
    points
        One for each learning rate.
    runs
        Runs asked for at each learning rate.
    complete
        Whether all of them were made; False after Ctrl-C.
    optimizer
        The label of the optimiser.
    component
        The entry of a displacement or second moment; None for losses.
    resummed_curve
        For a picture: learning rates, and there the re-summed prediction summed up to every order. Empty
        where it was not asked for.
    """

    landscape: str
    observable: str
    sampling: str
    coefficients: tuple[float, ...]
    points: tuple[Point, ...]
    runs: int
    complete: bool = True
    optimizer: str = PLAIN
    component: tuple[int, ...] | None = None
    resummed_curve: tuple[tuple[float, tuple[float, ...]], ...] = ()

    @property
    def order(self) -> int:
        """The highest order."""
        return len(self.coefficients) - 1

    @property
    def quantity(self) -> str:
        """What is compared, in words.

        Examples
        --------
        >>> Comparison("mean", "displacement:since=5", "one-pass", (), (), 0, component=(0,)).quantity
        'displacement [0] since update 5'
        """
        return watched_in_words(self.observable, self.component)

    def predict(self, eta: float) -> tuple[float, ...]:
        """Return the prediction at a learning rate: entry ``k - 1`` sums orders 1..k."""
        rate = read_eta(eta, None)
        what, cause = "the prediction", f"eta={shown(rate)}"
        with within_range(what, cause):
            eta = float(rate)
            sums = tuple(accumulate(c * eta**k for k, c in enumerate(self.coefficients) if k))
        check_finite(np.array(sums, dtype=float), what, cause)
        return sums

    def plot(self, path: str | Path | None = None) -> Figure:
        """Draw the picture and write it to a file, if one is named; its suffix says png, svg or pdf.

        Raises
        ------
        RequestError, FormatError
            When the suffix is another or the directory does not exist.
        MissingDependencyError
            When matplotlib is not installed.
        """
        is_moment = self.observable.startswith(("variance", "second-moment"))
        method = "" if self.optimizer == PLAIN else f"\n{self.optimizer}"
        return draw_curves(
            self.points,
            self.predict,
            resummed=self.resummed_curve,
            quantity=self.quantity if is_moment else f"expected {self.quantity}",
            title=f"{self.landscape}, {self.sampling}{method}",
            path=path,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as plain data for JSON; what is unknown is None."""
        data = asdict(self)
        for item, point in zip(data["points"], self.points, strict=True):
            if not point.moments.count:
                item["moments"].update(dict.fromkeys(("mean", "squares", "cubes", "fourths")))
            known = point.moments.count > 0
            item["simulated"] = _finite(point.simulated) if known else None
            item["standard_error"] = _finite(point.standard_error)
            item["deviations"] = [_finite(value) for value in point.deviations]
            if point.resummed:
                item["resummed"] = [_finite(value) for value in point.resummed]
                item["resummed_deviations"] = [_finite(x) for x in point.resummed_deviations]
            else:
                del item["resummed"]
            if point.prediction_errors:
                item["prediction_errors"] = [_finite(x) for x in point.prediction_errors]
            else:
                del item["prediction_errors"]
        del data["resummed_curve"]
        plain: dict[str, Any] = plain_data(data)
        return plain

    def __str__(self) -> str:
        return self._table().text()

    def _repr_html_(self) -> str:
        return self._table().html()

    def _table(self) -> PrintedTable:
        method = "" if self.optimizer == PLAIN else f"{self.optimizer} | "
        title = (
            f"{self.quantity} on {self.landscape} | {self.sampling} | {method}"
            f"{self.runs} runs a point"
        )
        header = ["eta", "simulated", "+-"]
        is_resummed = any(point.resummed for point in self.points)
        has_errors = any(point.prediction_errors for point in self.points)
        for k in range(1, self.order + 1):
            header += [f"order {k}", *(["+-"] if has_errors else []), "dev."]
        if is_resummed:
            for k in range(1, self.order + 1):
                header += [f"re-s. order {k}", "dev."]
        rows = []
        digits = self._decimals()
        for point in self.points:
            moments = point.moments
            row = [f"{point.eta:.4g}"]
            if moments.diverged:
                row += ["diverged", f"{moments.diverged} runs"]
            elif moments.count:
                row += [f"{point.simulated:z.{digits}f}", f"{point.standard_error:.{digits}f}"]
            else:
                row += ["-", "-"]
            errors = point.prediction_errors or (0.0,) * len(point.predictions)
            plain = zip(point.predictions, errors, point.deviations, strict=True)
            for value, error, deviation in plain:
                shown_error = [_entry(error, digits)] if has_errors else []
                row += [_entry(value, digits), *shown_error, _deviation(deviation)]
            for value, deviation in zip(point.resummed, point.resummed_deviations, strict=True):
                row += [_entry(value, digits), _deviation(deviation)]
            rows.append(tuple(row))
        whose = "the errors of both" if has_errors else "its errors"
        notes = [f"order k: sum of orders 1..k; dev.: distance to the simulation in {whose}"]
        if is_resummed:
            notes.append("re-s.: the re-summed expansion, linkless diagrams with 1..k edges")
        best = self._best()
        if best is not None:
            first, last = best.deviations[0], best.deviations[-1]
            notes.append(
                f"at eta = {best.eta:.4g} order {self.order} is {abs(last):.1f} and order 1 is "
                f"{abs(first):.1f} standard errors from the simulation"
            )
        if not self.complete:
            done = min((p.moments.count + p.moments.diverged for p in self.points), default=0)
            notes.append(f"interrupted: at least {done} of {self.runs} runs a point were made")
        # An order stays with its distance.
        sizes = [3 if has_errors else 2] * self.order + [2] * (self.order if is_resummed else 0)
        groups = (3, *sizes)
        return PrintedTable(title, tuple(header), tuple(rows), tuple(notes), groups=groups)

    def _decimals(self) -> int:
        """Return how many decimals show the smallest standard error with two digits, at least six."""
        errors = [p.standard_error for p in self.points]
        known = [e for e in errors if 0 < e < math.inf]
        return min(12, max(6, 2 - math.floor(math.log10(min(known)) + 1))) if known else 6

    def _best(self) -> Point | None:
        """Return the point with a trustworthy series where order k holds and order 1 fails most."""
        *_, before, last = self.coefficients
        good = [
            p
            for p in self.points
            if abs(p.deviations[-1]) <= 2 < abs(p.deviations[0])
            and 3 * abs(last * p.eta) <= abs(before)
        ]
        return (
            max(good, key=lambda p: abs(p.deviations[0]), default=None) if self.order > 1 else None
        )


def _entry(value: float, digits: int) -> str:
    # Plain series of long runs are beyond all decimals.
    return f"{value:z.{digits}f}" if abs(value) < _LARGE else f"{value:.4g}"


def _deviation(value: float) -> str:
    if math.isnan(value):
        return "-"
    return f"{value:+.1f}" if abs(value) < _LARGE else f"{value:+.2g}"


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
