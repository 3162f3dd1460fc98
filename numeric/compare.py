"""Prediction against experiment: an expansion and simulated SGD over a range of learning rates."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, replace
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sgdiagrams.diagrams.errors import FormatError, RequestError
from sgdiagrams.diagrams.files import replacing
from sgdiagrams.numeric.landscape import landscape as landscape_by_name
from sgdiagrams.numeric.simulate import Moments, chunk_size, schedule_of, simulate_chunk
from sgdiagrams.symbolic.expand import expand
from sgdiagrams.symbolic.observable import observable as observable_by_name
from sgdiagrams.symbolic.sampling import sampling as sampling_by_name

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.figure import Figure

    from sgdiagrams.numeric.landscape import Landscape
    from sgdiagrams.symbolic.observable import Observable
    from sgdiagrams.symbolic.sampling import Sampling

__all__ = ["Comparison", "Point", "compare"]

_FORMAT = "sgdiagrams-simulation"
_VERSION = 1
_POINTS = 8
_ROUNDING = 1e-12  # of the largest contribution: less than this is taken for zero
_FALLBACK = 0.1  # the highest learning rate where a single contribution tells no scale


@dataclass(frozen=True, slots=True)
class Point:
    """One learning rate: what was simulated and what each order predicts.

    Attributes
    ----------
    eta
        The learning rate.
    moments
        Moments of the simulated change.
    predictions
        Entry ``k - 1`` is the sum of orders 1..k.
    """

    eta: float
    moments: Moments
    predictions: tuple[float, ...]

    @property
    def deviations(self) -> tuple[float, ...]:
        """Prediction minus simulated mean, in standard errors, for every order."""
        error = self.moments.standard_error
        if not self.moments.count or self.moments.diverged or error in (0.0, math.inf):
            return (math.nan,) * len(self.predictions)
        return tuple((value - self.moments.mean) / error for value in self.predictions)


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
    """

    landscape: str
    observable: str
    sampling: str
    coefficients: tuple[float, ...]
    points: tuple[Point, ...]
    runs: int
    complete: bool = True

    @property
    def order(self) -> int:
        """The highest order."""
        return len(self.coefficients) - 1

    def predict(self, eta: float) -> tuple[float, ...]:
        """Return the predicted change at a learning rate: entry ``k - 1`` sums orders 1..k."""
        return tuple(accumulate(c * eta**k for k, c in enumerate(self.coefficients) if k))

    def plot(self, path: str | Path | None = None) -> Figure:
        """Draw the picture and write it to a file, if one is named; its suffix says png, svg or pdf.

        Raises
        ------
        RequestError, FormatError
            When the suffix is another or the directory does not exist.
        MissingDependencyError
            When matplotlib is not installed.
        """
        from sgdiagrams.numeric.plot import plot_comparison

        return plot_comparison(self, path)

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as plain data for JSON; what is unknown is None."""
        data = asdict(self)
        for item, point in zip(data["points"], self.points, strict=True):
            if not point.moments.count:
                item["moments"].update(mean=None, squares=None)
            item["standard_error"] = _finite(point.moments.standard_error)
            item["deviations"] = [_finite(value) for value in point.deviations]
        return data

    def __str__(self) -> str:
        title = (
            f"change of the {self.observable.replace('-', ' ')} on {self.landscape} | "
            f"{self.sampling} | {self.runs} runs a point"
        )
        header = ["eta", "simulated", "+-"]
        for k in range(1, self.order + 1):
            header += [f"order {k}", "dev."]
        rows = [header]
        digits = self._decimals()
        for point in self.points:
            moments = point.moments
            row = [f"{point.eta:.4g}"]
            if moments.diverged:
                row += ["diverged", f"{moments.diverged} runs"]
            elif moments.count:
                row += [f"{moments.mean:z.{digits}f}", f"{moments.standard_error:.{digits}f}"]
            else:
                row += ["-", "-"]
            for value, deviation in zip(point.predictions, point.deviations, strict=True):
                dev = "-" if math.isnan(deviation) else f"{deviation:+.1f}"
                row += [f"{value:z.{digits}f}", dev]
            rows.append(row)
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        table = ["  ".join(map(str.rjust, row, widths)) for row in rows]
        notes = [
            "order k: sum of the orders 1..k; dev.: its distance from the simulation in standard errors"
        ]
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
        return "\n".join([title, *table, *notes])

    def _decimals(self) -> int:
        """Return how many decimals show the smallest standard error with two digits, at least six."""
        errors = [p.moments.standard_error for p in self.points]
        known = [e for e in errors if 0 < e < math.inf]
        return min(12, max(6, 2 - math.floor(math.log10(min(known)) + 1))) if known else 6

    def _best(self) -> Point | None:
        """Return the point with a trustworthy series where order k holds and order 1 fails most."""
        *_, before, last = self.coefficients
        k = self.order
        good = [
            p
            for p in self.points
            if abs(p.deviations[-1]) <= 2 < abs(p.deviations[0])
            and 3 * abs(last) * p.eta**k <= abs(before) * p.eta ** (k - 1)
        ]
        return (
            max(good, key=lambda p: abs(p.deviations[0]), default=None) if self.order > 1 else None
        )


def compare(
    landscape: str | Landscape,
    *,
    observable: str | Observable = "test-loss",
    order: int = 3,
    sampling: str | Sampling = "one-pass",
    eta: float | Sequence[float] | None = None,
    runs: int = 10_000,
    seed: int = 0,
    checkpoint: str | Path | None = None,
    progress: Callable[[float, str], None] | None = None,
    **numbers: int,
) -> Comparison:
    """Predict the change of an observable order by order and simulate it.

    Parameters
    ----------
    landscape
        ``"digits"``, ``"gauss"``, ``"helix"``, ``"mean"`` or an object.
    observable, order, sampling
        As for `sgdiagrams.expand`; the order is at least 1.
    eta
        Learning rates. By default eight, growing by a constant factor to where the last contribution
        is half of the one before, a little beyond what the judgement calls trustworthy; up to 0.1
        where one order alone contributes.
    runs
        Runs at each learning rate, at least 2; each draws its own training set.
    seed
        The same seed gives the same numbers; every learning rate draws its own training sets.
    checkpoint
        A file that keeps the simulation; a later call with the same settings goes on from it. The
        order may differ, if the learning rates are given.
    progress
        Called with the fraction done and a text.
    **numbers
        The numbers of the sampling scheme, such as ``T=10``.

    Returns
    -------
    Comparison
        After Ctrl-C, with what was measured so far.

    Raises
    ------
    RequestError, SamplingError
        When a name, number or learning rate is not possible.
    FormatError
        When the checkpoint is of another simulation.

    Examples
    --------
    >>> comparison = compare("mean", order=2, eta=0.01, runs=4000, T=3)
    >>> abs(comparison.points[0].deviations[1]) < 4
    True
    """
    scheme = sampling_by_name(sampling).at(**numbers)
    rows, _ = schedule_of(scheme)
    where = landscape_by_name(landscape)
    if isinstance(order, bool) or not isinstance(order, int) or order < 1:
        raise RequestError(f"expected an order >= 1 to compare, got order={order!r}")
    if isinstance(runs, bool) or not isinstance(runs, int) or runs < 2:
        raise RequestError(f"expected at least 2 runs, got runs={runs!r}")
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise RequestError(f"expected a whole number >= 0 as seed, got seed={seed!r}")
    what = observable_by_name(observable)
    expansion = expand(what, order=order, sampling=scheme)
    coefficients = tuple(
        float(c) for c in expansion.evaluate(where.statistics(order), eta=1.0).orders
    )
    etas = _learning_rates(eta, coefficients)
    result = Comparison(where.name, what.name, scheme.label, coefficients, (), runs)
    settings = {
        "landscape": where.name,
        "parameters": dict(where.parameters),
        "start": where.start.tolist(),
        "observable": what.name,
        "sampling": scheme.label,
        "eta": list(etas),
        "runs": runs,
        "seed": seed,
        "chunk": chunk_size(where, rows),
    }
    state = _State(settings, len(etas))
    if checkpoint is not None:
        state.load(Path(checkpoint))
    complete = _run(where, scheme, what, etas, runs, seed, state, checkpoint, progress)
    points = tuple(
        Point(e, moments, result.predict(e)) for e, moments in zip(etas, state.moments, strict=True)
    )
    return replace(result, points=points, complete=complete)


class _State:
    """What a simulation has measured so far, by learning rate; whole chunks only."""

    def __init__(self, settings: dict[str, Any], points: int) -> None:
        self.settings = settings
        self.moments = [Moments()] * points

    def load(self, path: Path) -> None:
        """Go on from a checkpoint, if there is one."""
        if path.is_dir() or not path.parent.is_dir():
            raise FormatError(f"expected a file in an existing directory, got {str(path)!r}")
        if not path.exists():
            return
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            raise FormatError(f"expected a checkpoint in JSON, got {str(path)!r}") from None
        if (
            not isinstance(data, dict)
            or data.get("format") != _FORMAT
            or data.get("version") != _VERSION
        ):
            raise FormatError(f"expected {_FORMAT} version {_VERSION}, got {str(path)!r}")
        if data.get("settings") != self.settings:
            raise FormatError(
                f"expected a checkpoint of the same simulation, but {str(path)!r} has other "
                "settings; remove it or name another file"
            )
        try:
            moments = [
                Moments(
                    int(item["count"]),
                    float(item["mean"]),
                    float(item["squares"]),
                    int(item["diverged"]),
                )
                for item in data["moments"]
            ]
        except (KeyError, TypeError, ValueError, OverflowError):
            raise FormatError(f"expected the moments of {_FORMAT}, got {str(path)!r}") from None
        if len(moments) != len(self.moments):
            raise FormatError(f"expected {len(self.moments)} learning rates in {str(path)!r}")
        for item in moments:
            least = min(item.count, item.diverged, item.squares)
            if not (least >= 0 and math.isfinite(item.squares) and math.isfinite(item.mean)):
                raise FormatError(f"expected finite moments of runs in {str(path)!r}, got {item}")
        self.moments = moments

    def save(self, path: Path) -> None:
        """Write the checkpoint, whole or not at all."""
        data = {
            "format": _FORMAT,
            "version": _VERSION,
            "settings": self.settings,
            "moments": [asdict(moments) for moments in self.moments],
        }
        with replacing(path) as temporary:
            temporary.write_text(json.dumps(data), encoding="utf-8")


def _run(
    where: Landscape,
    scheme: Sampling,
    observable: Observable,
    etas: tuple[float, ...],
    runs: int,
    seed: int,
    state: _State,
    checkpoint: str | Path | None,
    progress: Callable[[float, str], None] | None,
) -> bool:
    """Simulate chunk by chunk, all learning rates in turn; return whether it was not interrupted.

    A point that has made `runs` runs is done; the last chunk of a point may be shorter.
    """
    size = int(state.settings["chunk"])
    try:
        for start in range(0, runs, size):
            made = False
            for i, eta in enumerate(etas):
                moments = state.moments[i]
                done = moments.count + moments.diverged
                if done > start:
                    continue
                chunk = simulate_chunk(
                    where,
                    scheme,
                    observable=observable,
                    eta=eta,
                    runs=min(size, runs - start),
                    seed=(seed, i, start // size),
                )
                state.moments[i] = moments.merge(chunk)
                made = True
                if progress is not None:
                    ended = sum(m.count + m.diverged for m in state.moments)
                    progress(ended / (runs * len(etas)), f"eta = {eta:.3g}")
            if made and checkpoint is not None:
                state.save(Path(checkpoint))
    except KeyboardInterrupt:
        if checkpoint is not None:
            state.save(Path(checkpoint))
        return False
    return True


def _learning_rates(
    eta: float | Sequence[float] | None, coefficients: tuple[float, ...]
) -> tuple[float, ...]:
    if eta is None:
        sizes = [abs(c) for c in coefficients]
        found = [(k, c) for k, c in enumerate(sizes) if k and c > _ROUNDING * max(sizes)]
        if not found:
            raise RequestError(
                "expected a contribution other than 0; give the learning rates: eta="
            )
        if len(found) == 1:
            top = _FALLBACK
        else:
            (j, before), (k, last) = found[-2:]
            top = (before / last / 2) ** (1 / (k - j))
        return tuple(float(value) for value in top * np.geomspace(0.1, 1, _POINTS))
    try:
        values = np.atleast_1d(np.asarray(eta, dtype=np.float64))
    except (TypeError, ValueError):
        values = np.empty(0)
    if values.ndim != 1 or not len(values) or not (np.isfinite(values) & (values > 0)).all():
        raise RequestError(f"expected learning rates > 0, got eta={eta!r}")
    return tuple(sorted(map(float, values)))


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
