r"""What simulated runs ended at: one number a run, their mean or variance, and paired differences.

Runs of one number and seed have the same training set and the same orders whatever else differs. So two
protocols are compared run by run: the error of the mean difference :math:`\frac1R \sum_r (x_r - y_r)` is
that of the differences, which is small where :math:`x_r` and :math:`y_r` go up and down together.
Where controls are known, they are subtracted first, from the runs or from the differences.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, final

import numpy as np

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.files import plain_data
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.diagrams.tables import PrintedTable
from sgdiagrams.numeric.estimates.intervals import errors_of_interval
from sgdiagrams.numeric.simulation.control import controlled
from sgdiagrams.numeric.simulation.moments import Moments
from sgdiagrams.symbolic.observed.spelling import in_words

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from sgdiagrams.numeric.landscapes.landscape import Floats
    from sgdiagrams.numeric.simulation.moments import Statistic

__all__ = ["PairedDifference", "Simulated", "watched_in_words"]

_DEFAULT = "sgd"  # which titles leave out


def watched_in_words(observable: str, component: tuple[int, ...] | None) -> str:
    """Return what is read off from runs, in words.

    Examples
    --------
    >>> watched_in_words("displacement:since=5", (0,))
    'displacement [0] since update 5'
    """
    name, _, since = in_words(observable).partition(":since=")
    name = name.replace("expression:", "expression ", 1)
    words = name if "expression " in name else name.replace("-", " ")
    if component is not None:
        words = f"{words} [{', '.join(map(str, component))}]"
    elif name.startswith("variance:"):
        words = f"variance of the {name.removeprefix('variance:')}"
    elif name == "variance":
        words = "variance of the test loss"
    else:
        words = f"change of the {words}"
    return f"{words} since update {since}" if since else words


@final
@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class Simulated:
    """Runs of SGD, one number each; made by `simulate`. Two of one seed can be subtracted.

    Attributes
    ----------
    landscape, observable, sampling, optimizer
        What was run.
    component
        The entry of a displacement or second moment; None for losses.
    statistic
        What of the runs is the observable: ``"mean"`` or ``"variance"``.
    etas
        The learning rates, in the order that they were given.
    is_single
        Whether one learning rate was given as a number; then `value` and the like are numbers, else
        arrays with one entry for each.
    per_run
        ndarray of float64, shape (learning rates, runs), read-only: what every run ended at, NaN where
        it diverged. Run r has the same training set in every row, and with every `Simulated` of the same
        seed.
    runs, seed
        As asked for.
    place
        A digest of the landscape's parameters and starting point.
    complete
        Whether all runs were made; False after Ctrl-C.
    controls
        ndarray of float64 like `per_run`: the first order in the noise of every run, of mean zero, which
        is subtracted with a coefficient fitted on other runs (see `influences`); None without.
    """

    landscape: str
    observable: str
    sampling: str
    optimizer: str
    component: tuple[int, ...] | None
    statistic: Statistic
    etas: tuple[float, ...]
    is_single: bool
    per_run: Floats
    runs: int
    seed: int
    place: str
    complete: bool = True
    controls: Floats | None = None

    @property
    def moments(self) -> tuple[Moments, ...]:
        """The moments over runs at every learning rate, of what they ended at without controls."""
        return tuple(map(Moments.of, self.per_run))

    @property
    def _estimates(self) -> list[tuple[float, float]]:
        """The value and its error at every learning rate, as if no run had diverged."""
        if self.controls is None:
            return [m.estimate(self.statistic) for m in self.moments]
        return [Moments.of(row).estimate(self.statistic) for row in self.influences]

    @property
    def diverged(self) -> Any:
        """How many runs ended at no finite number."""
        return self._shaped((m.diverged for m in self.moments), dtype=int)

    @property
    def value(self) -> Any:
        """The mean or the variance over runs; NaN where a run diverged, as the others then say little."""
        return self._shaped(
            value if m.count and not m.diverged else math.nan
            for m, (value, _) in zip(self.moments, self._estimates, strict=True)
        )

    @property
    def standard_error(self) -> Any:
        """The standard error of the value; infinite where a run diverged, and for fewer than two."""
        return self._shaped(
            math.inf if m.diverged else error
            for m, (_, error) in zip(self.moments, self._estimates, strict=True)
        )

    @property
    def variance_ratio(self) -> Any:
        """How many times smaller the controls make the variance; 1 without, NaN where a run diverged."""
        return self._shaped(
            math.nan if m.diverged else _ratio(m.variance, Moments.of(row).variance)
            for m, row in zip(self.moments, self.influences, strict=True)
        )

    def interval(self, level: float = 0.95) -> tuple[Any, Any]:
        """Return the ends of a confidence interval of the value, by Student's t.

        Raises
        ------
        RequestError
            When the level is not between 0 and 1.
        """
        return _interval(self.value, self.standard_error, self.per_run.shape[1], level)

    @property
    def influences(self) -> Floats:
        r"""Numbers whose mean over runs is the value, shape (learning rates, runs).

        For a mean what every run ended at, less its control where there is one: the runs are parted into
        ten folds by their numbers, and in each the coefficient is that of least squares on the runs of
        the other nine, so that the mean is not biased. For a variance
        :math:`\frac{R}{R - 1} (x_r - \bar x)^2`. Errors of differences follow from these.
        """
        if self.statistic == "mean":
            if self.controls is None:
                return self.per_run
            pairs = zip(self.per_run, self.controls, strict=True)
            return np.array([controlled(values, row[None]) for values, row in pairs])
        count = self.per_run.shape[1]
        squares = (self.per_run - self.per_run.mean(axis=1, keepdims=True)) ** 2
        return np.asarray(count / max(1, count - 1) * squares)

    def __sub__(self, other: Simulated) -> PairedDifference:
        """Return the difference, run by run.

        Raises
        ------
        RequestError
            When runs of one number have nothing in common: another seed, landscape or observable; or
            there are several learning rates of unequal number.
        """
        if not isinstance(other, Simulated):
            return NotImplemented
        for name in ("seed", "landscape", "place", "observable", "component"):
            mine, theirs = getattr(self, name), getattr(other, name)
            if mine != theirs:
                words = "landscape with the same parameters" if name == "place" else name
                raise RequestError(
                    f"expected runs of one {words} to subtract, got "
                    f"{shown(mine, most=40)} and {shown(theirs, most=40)}"
                )
        if len(self.etas) != len(other.etas) and not (self.is_single or other.is_single):
            raise RequestError(
                f"expected equally many learning rates to subtract, or one, got {len(self.etas)} and "
                f"{len(other.etas)}"
            )
        return PairedDifference(first=self, second=other)

    def to_dict(self) -> dict[str, Any]:
        """Return the result without single runs as plain data for JSON; what is unknown is None."""
        columns = (self.etas, self.value, self.standard_error, self.diverged, self.variance_ratio)
        has_controls = self.controls is not None
        plain: dict[str, Any] = plain_data(
            {
                **_titles(self),
                "seed": self.seed,
                "runs": self.runs,
                "complete": self.complete,
                "points": [
                    {
                        "eta": eta,
                        "value": value,
                        "standard_error": error,
                        "runs": self.per_run.shape[1],
                        "diverged": diverged,
                        **({"variance_ratio": ratio} if has_controls else {}),
                    }
                    for eta, value, error, diverged, ratio in zip(
                        *map(np.ravel, columns), strict=True
                    )
                ],
            }
        )
        return plain

    def __repr__(self) -> str:
        return f"<Simulated: {_title(self)}>"

    def __str__(self) -> str:
        return self._table().text()

    def _repr_html_(self) -> str:
        return self._table().html()

    def _table(self) -> PrintedTable:
        values, errors = np.ravel(self.value), np.ravel(self.standard_error)
        digits = _decimals(errors)
        rows = []
        for eta, value, error, m in zip(self.etas, values, errors, self.moments, strict=True):
            row = (f"{eta:.4g}", f"{value:z.{digits}f}", f"{error:.{digits}f}")
            rows.append((row[0], "diverged", f"{m.diverged} runs") if m.diverged else row)
        notes = (*_gain(self), *_interruption(self))
        return PrintedTable(_title(self), ("eta", "simulated", "+-"), tuple(rows), notes)

    def _shaped(self, numbers: Iterable[float], dtype: type = float) -> Any:
        array: NDArray[Any] = np.array(list(numbers), dtype=dtype)
        return array[0].item() if self.is_single else array


@final
@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class PairedDifference:
    """The difference of two protocols, run by run: its error is that of the differences.

    Attributes
    ----------
    first, second
        What is subtracted from what; with several learning rates entry by entry.
    per_run
        ndarray of float64, shape (learning rates, runs): the differences of what the runs ended at (of
        their squared deviations, for a variance); as many runs as both have. Less the controls of
        either, where there are some: coefficients are fitted to differences, on other runs.
    """

    first: Simulated
    second: Simulated
    per_run: Floats = field(init=False)

    def __post_init__(self) -> None:
        runs = min(self.first.per_run.shape[1], self.second.per_run.shape[1])
        sides = [_beginning(side, runs) for side in (self.first, self.second)]
        controls = [side.controls for side in sides if side.controls is not None]
        one, other = (replace(side, controls=None).influences for side in sides)
        with np.errstate(invalid="ignore"):
            difference = one - other
        if controls:
            of_points = np.stack([np.broadcast_to(c, difference.shape) for c in controls], axis=1)
            pairs = zip(difference, of_points, strict=True)
            difference = np.array([controlled(row, known) for row, known in pairs])
        object.__setattr__(self, "per_run", _read_only(difference))

    @property
    def _moments(self) -> tuple[Moments, ...]:
        return tuple(map(Moments.of, self.per_run))

    @property
    def value(self) -> Any:
        """The difference; NaN where a run of either diverged."""
        return self._shaped(
            m.mean if m.count and not m.diverged else math.nan for m in self._moments
        )

    @property
    def standard_error(self) -> Any:
        """The standard error of the difference."""
        return self._shaped(math.inf if m.diverged else m.standard_error for m in self._moments)

    @property
    def unpaired_standard_error(self) -> Any:
        """What the error would be if the runs of the two had nothing in common."""
        runs = self.per_run.shape[1]
        one, other = (
            np.array([m.standard_error for m in map(Moments.of, _beginning(side, runs).influences)])
            for side in (self.first, self.second)
        )
        return self._shaped(np.hypot(one, other))

    def interval(self, level: float = 0.95) -> tuple[Any, Any]:
        """Return the ends of a confidence interval of the difference, by Student's t.

        Raises
        ------
        RequestError
            When the level is not between 0 and 1.
        """
        return _interval(self.value, self.standard_error, self.per_run.shape[1], level)

    @property
    def etas(self) -> tuple[tuple[float, float], ...]:
        """The two learning rates of every entry."""
        pair = np.broadcast_arrays(self.first.etas, self.second.etas)
        return tuple(zip(*(side.tolist() for side in pair), strict=True))

    def to_dict(self) -> dict[str, Any]:
        """Return the difference as plain data for JSON; what is unknown is None."""
        columns = (self.value, self.standard_error, self.unpaired_standard_error)
        plain: dict[str, Any] = plain_data(
            {
                "first": self.first.to_dict(),
                "second": self.second.to_dict(),
                "runs": self.per_run.shape[1],
                "points": [
                    {
                        "etas": etas,
                        "value": value,
                        "standard_error": error,
                        "unpaired_standard_error": unpaired,
                    }
                    for etas, value, error, unpaired in zip(
                        self.etas, *map(np.ravel, columns), strict=True
                    )
                ],
            }
        )
        return plain

    def __repr__(self) -> str:
        return f"<PairedDifference: {_title(self.first)} - {_title(self.second)}>"

    def __str__(self) -> str:
        return self._table().text()

    def _repr_html_(self) -> str:
        return self._table().html()

    def _table(self) -> PrintedTable:
        errors = np.ravel(self.standard_error)
        digits = _decimals(errors)
        rows: list[tuple[str, ...]] = []
        columns = map(np.ravel, (self.value, errors, self.unpaired_standard_error))
        for (one, other), value, error, unpaired in zip(self.etas, *columns, strict=True):
            eta = f"{one:.4g}" if one == other else f"{one:.4g}, {other:.4g}"
            if math.isnan(value):
                rows.append((eta, "diverged", "-", "-"))
            else:
                cells = (f"{x:z.{digits}f}" for x in (value, error, unpaired))
                rows.append((eta, *cells))
        title = f"difference of the {watched_in_words(self.first.observable, self.first.component)}"
        notes = (
            f"first: {_protocol(self.first)}",
            f"second: {_protocol(self.second)}",
            f"{self.per_run.shape[1]} pairs of runs; unpaired: if they had nothing in common",
        )
        header = ("eta", "first - second", "+-", "unpaired +-")
        return PrintedTable(
            f"{title} on {self.first.landscape}", header, tuple(rows), notes, groups=(4,)
        )

    def _shaped(self, numbers: Iterable[float]) -> Any:
        array = np.array(list(numbers), dtype=float)
        is_single = self.first.is_single and self.second.is_single
        return array[0].item() if is_single else array


def _beginning(simulated: Simulated, runs: int) -> Simulated:
    controls = simulated.controls
    kept = None if controls is None else controls[:, :runs]
    return replace(simulated, per_run=simulated.per_run[:, :runs], controls=kept)


def _ratio(plain: float, rest: float) -> float:
    """Return one variance over the other; runs that are all alike leave nothing to gain."""
    if plain == rest:
        return 1.0
    return plain / rest if rest else math.inf


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    array.flags.writeable = False
    return array


def _interval(value: Any, error: Any, runs: int, level: float) -> tuple[Any, Any]:
    factor = errors_of_interval(level, max(1, runs - 1))
    return value - factor * error, value + factor * error


def _titles(simulated: Simulated) -> dict[str, Any]:
    names = ("landscape", "observable", "component", "sampling", "optimizer", "statistic")
    return {name: getattr(simulated, name) for name in names}


def _protocol(simulated: Simulated) -> str:
    method = "" if simulated.optimizer == _DEFAULT else f", {simulated.optimizer}"
    return f"{simulated.sampling}{method}"


def _title(simulated: Simulated) -> str:
    method = "" if simulated.optimizer == _DEFAULT else f"{simulated.optimizer} | "
    words = watched_in_words(simulated.observable, simulated.component)
    return (
        f"{words} on {simulated.landscape} | {simulated.sampling} | {method}"
        f"{simulated.per_run.shape[1]} runs"
    )


def _gain(simulated: Simulated) -> tuple[str, ...]:
    if simulated.controls is None:
        return ()
    times = ", ".join(f"{float(f'{r:.3g}'):g}" for r in np.ravel(simulated.variance_ratio))
    return (f"control variate, its coefficient from other runs: variance {times} times smaller",)


def _interruption(simulated: Simulated) -> tuple[str, ...]:
    if simulated.complete:
        return ()
    made = simulated.per_run.shape[1]
    return (f"interrupted: {made} of {simulated.runs} runs were made",)


def _decimals(errors: NDArray[np.float64]) -> int:
    """Return how many decimals show the smallest standard error with two digits, at least six."""
    known = [e for e in errors if 0 < e < math.inf]
    return min(12, max(6, 2 - math.floor(math.log10(min(known)) + 1))) if known else 6
