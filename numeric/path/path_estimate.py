"""What an expansion in the noise along a run predicts: by order, with errors, rescaled at will."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any, final

import numpy as np

from sgdiagrams.diagrams.files import plain_data
from sgdiagrams.diagrams.tables import PrintedTable
from sgdiagrams.numeric.estimates.intervals import errors_of_interval
from sgdiagrams.numeric.path.path_pictures import draw_prediction
from sgdiagrams.numeric.path.path_table import PathRow, PathTable, one_list
from sgdiagrams.numeric.path.trust import judge_noise

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.figure import Figure

    from sgdiagrams.numeric.estimates.judgement import Verdict
    from sgdiagrams.numeric.path.tallies import Tally
    from sgdiagrams.symbolic.training.sampling import Sampling

__all__ = ["PathEstimate"]


@final
@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class PathEstimate:
    r"""A prediction by the expansion in the noise along the noiseless run; made by `along_path`.

    Numbers are floats for one time and an observable that is a number; else arrays, with the times in
    front where several were given, and the weights behind for a displacement.

    Attributes
    ----------
    observable, optimizer
        What is observed, and how training is done.
    sampling
        The scheme, with numbers; that of these numbers, not of those that were measured.
    eta
        The learning rate.
    times
        After how many updates the observable is read.
    is_curve
        Whether times were given, so that numbers have an axis for them.
    noise
        The highest order.
    noiseless
        The observable along the noiseless run; shape (K,) or (K, p) for K times.
    first, left, higher
        What was measured: noise 1; what it leaves out at full noise; and noise 2, or None.
    exact_first
        Noise 1 exactly, where all rows and datapoints were gone through; None where it was sampled.
    diverged
        How many of the runs at full noise ended at no finite number.
    ratio
        The strength of the noise over that of the measurement: noise *m* is multiplied by its m-th power.
    method
        How it was measured, in words.
    notes
        What is worth knowing.
    complete
        Whether all was measured that was asked for; False after Ctrl-C.
    """

    observable: str
    sampling: Sampling
    optimizer: str
    eta: float
    times: tuple[int, ...]
    is_curve: bool
    noise: int
    noiseless: Any
    first: Tally
    left: Tally
    higher: Tally | None
    exact_first: Any = None
    diverged: int = 0
    ratio: Fraction = field(default=Fraction(1))
    method: str = ""
    notes: tuple[str, ...] = ()
    complete: bool = True

    # Numbers ------------------------------------------------------------------------------------------

    @property
    def orders(self) -> tuple[Any, ...]:
        """The contribution of noise 0, 1, ...: order 0 is the value at the end of the noiseless run."""
        return tuple(map(self._shaped, self._orders))

    @property
    def order_standard_errors(self) -> tuple[Any, ...]:
        """The statistical error of every contribution."""
        return tuple(map(self._shaped, self._errors))

    @property
    def value(self) -> Any:
        """The sum of all orders."""
        return self._shaped(sum(self._orders))

    @property
    def standard_error(self) -> Any:
        """The statistical error of the value; orders are measured on runs of their own."""
        return self._shaped(self._total_error)

    @property
    def excess(self) -> Any:
        """What noise adds to the noiseless run: all orders but the first."""
        return self._shaped(sum(self._orders[1:]))

    @property
    def remainder(self) -> Any:
        """What is left out, as the runs at full noise tell; its forecast where noise is rescaled."""
        return self._shaped(self._remainder[0])

    @property
    def remainder_standard_error(self) -> Any:
        """The statistical error of the remainder."""
        return self._shaped(self._remainder[1])

    @property
    def truncation_error(self) -> Any:
        """How far the truth may be because the expansion ends: remainder and twice its error, with care.

        Where noise is rescaled its forecast is larger than that of the remainder: see `judge_noise`.

        One number for a displacement: the length of the vector; an array for several times.
        """
        sizes = [self._judged_at(slice(k, k + 1)).missing for k in range(len(self.times))]
        return np.array(sizes) if self.is_curve else sizes[0]

    @property
    def judgement(self) -> str:
        """Whether noise is a perturbation, in words; the rule is in `judge_noise`.

        The first word is trustworthy, borderline, diverging or cannot tell; of all times together.
        """
        return self._verdict.words

    @property
    def trustworthy(self) -> bool:
        """Whether the judgement is *trustworthy*."""
        return self._verdict.trustworthy

    @property
    def samples(self) -> tuple[int, ...]:
        """How many runs noise 1 was measured on, and how many pairs of runs noise 2."""
        return (self.first.count, *([] if self.higher is None else [self.higher.count]))

    def interval(self, level: float = 0.95) -> tuple[Any, Any]:
        """Return the ends of an interval of confidence, truncation added to statistical errors.

        Raises
        ------
        RequestError
            When the level is not between 0 and 1.
        """
        half = errors_of_interval(level, None) * np.asarray(self.standard_error) + np.abs(
            self.remainder
        )
        half = half + errors_of_interval(level, None) * np.asarray(self.remainder_standard_error)
        return self._plain(self.value - half), self._plain(self.value + half)

    # Other numbers ------------------------------------------------------------------------------------

    def at(self, /, **numbers: int) -> PathEstimate:
        """Return the prediction for noise of another strength, without measuring anything.

        Parameters
        ----------
        **numbers
            ``B`` for one pass and fresh data (the number of updates stays); ``N`` for epochs (their
            number and N/B stay).

        Raises
        ------
        SamplingError
            When the numbers are impossible, or need a run of their own: another learning rate, number of
            epochs, or N/B.
        """
        other, factor = self.sampling.rescaled(**numbers)
        return replace(self, sampling=other, ratio=self.ratio * factor)

    def table(self, /, **numbers: Sequence[int]) -> PathTable:
        """Return the predictions for several batch sizes, side by side, without measuring anything.

        Parameters
        ----------
        **numbers
            ``B=[8, 16, 32]`` for one pass and fresh data, ``N=[...]`` for epochs; see `at`.

        Raises
        ------
        RequestError, SamplingError
            When there is not one list of numbers, or as from `at`.

        Examples
        --------
        >>> import jax.numpy as jnp
        >>> from sgdiagrams import along_path
        >>> print(along_path(
        ...     lambda w, x: (w - x) ** 2 / 2, jnp.array(2.0), jnp.array([-1.0, 1.0]),
        ...     sampling="one-pass", eta=0.5, T=2,
        ... ).table(B=[2, 10]))
        test-loss along one-pass T=2 B=1, sgd, eta=0.5, noise 1
         B     value    excess  standard error  truncation error  judgement
         2  0.703125  0.078125               0                 0  trustworthy
        10  0.640625  0.015625               0                 0  trustworthy
        excess: what noise adds to the noiseless run; one measurement, rescaled
        """
        name, values = one_list(numbers)
        rows = [row for number in values for row in self.at(**{name: number}).rows(int(number))]
        title = f"{self.observable} along {self._setting}, noise {self.noise}"
        return PathTable(title, name, tuple(rows))

    def plot(self, /, path: str | Path | None = None, **numbers: Sequence[int]) -> Figure:
        """Draw what noise adds against 1/B or 1/N, or a curve along the run.

        With numbers, ``B=[8, 16, 32]`` or ``N=[...]``, these are pointed out, of several times at the
        last; without them a curve is drawn where times were given. Bands show two standard errors, and
        with them what is left out; the background where the judgement is *trustworthy*.

        Parameters
        ----------
        path
            A file to write, if any; its suffix says png, svg or pdf.
        **numbers
            As for `table`.

        Raises
        ------
        RequestError, FormatError, SamplingError
            When the observable is a vector, the suffix is another, the directory does not exist, or as
            from `at`.
        MissingDependencyError
            When matplotlib is not installed.
        """
        return draw_prediction(self, numbers, path)

    def scaled(self, factor: Fraction) -> PathEstimate:
        """Return the prediction for noise `factor` times as strong as that of these numbers.

        The sampling stays that of these numbers: there need be none with such noise. Two is that of
        half the batch size.
        """
        return replace(self, ratio=self.ratio * factor)

    def rows(self, number: int) -> list[PathRow]:
        """Return this prediction as rows of a table, one for each time; `number` stands in front."""
        error = self._total_error
        verdicts = [self._judged_at(slice(k, k + 1)) for k in range(len(self.times))]
        return [
            PathRow(
                number=number,
                update=t,
                value=_signed(sum(self._orders)[k]),
                excess=_signed(sum(self._orders[1:])[k]),
                standard_error=_size(error[k : k + 1]),
                truncation_error=verdicts[k].missing,
                judgement=verdicts[k].words,
                trustworthy=verdicts[k].trustworthy,
            )
            for k, t in enumerate(self.times)
        ]

    @property
    def _orders(self) -> list[Any]:
        return self._orders_at(float(self.ratio))

    def _orders_at(self, r: float) -> list[Any]:
        first = self.first.mean if self.exact_first is None else self.exact_first
        orders = [np.asarray(self.noiseless), r * first]
        if self.higher is not None:
            orders.append(r**2 * self.higher.mean)
        return orders

    @property
    def _errors(self) -> list[Any]:
        r = float(self.ratio)
        zero = np.zeros(np.shape(self.noiseless))
        errors = [zero, r * self.first.standard_error if self.exact_first is None else zero]
        if self.higher is not None:
            errors.append(r**2 * self.higher.standard_error)
        return errors

    @property
    def _total_error(self) -> Any:
        """The statistical error of all orders together."""
        return np.sqrt(sum(error**2 for error in self._errors))

    @property
    def _left_out(self) -> tuple[Any, Any]:
        """What is left out and its error, for the noise that was measured."""
        if self.higher is None:
            return self.left.mean, self.left.standard_error
        error = np.sqrt(self.left.standard_error**2 + self.higher.standard_error**2)
        return self.left.mean - self.higher.mean, error

    @property
    def _remainder(self) -> tuple[Any, Any]:
        """What is left out and its error, for the noise of these numbers."""
        factor = float(self.ratio) ** (self.noise + 1)
        left, error = self._left_out
        return factor * left, factor * error

    @property
    def _verdict(self) -> Verdict:
        return self._judged_at(slice(None))

    def _judged_at(self, span: slice) -> Verdict:
        left, error = (part[span] for part in self._left_out)
        return judge_noise(
            excess=_size(sum(self._orders[1:])[span]),
            standard_error=_size(self._total_error[span]),
            remainder=_size(left),
            remainder_error=_size(error),
            noise=self.noise,
            ratio=self.ratio,
            diverged=self.diverged,
            measured_excess=_size(sum(self._orders_at(1.0)[1:])[span]),
        )

    # Printing -----------------------------------------------------------------------------------------

    def _shaped(self, array: Any) -> Any:
        return self._plain(array if self.is_curve else array[0])

    @staticmethod
    def _plain(array: Any) -> Any:
        return float(array) if np.ndim(array) == 0 else np.asarray(array)

    def to_dict(self) -> dict[str, Any]:
        """Return the estimate as plain data for JSON; numbers that are not finite become null."""
        plain: dict[str, Any] = plain_data(
            {
                "observable": self.observable,
                "sampling": self.sampling.label,
                "optimizer": self.optimizer,
                "eta": self.eta,
                "times": self.times,
                "noise": self.noise,
                "value": self.value,
                "standard_error": self.standard_error,
                "orders": self.orders,
                "order_standard_errors": self.order_standard_errors,
                "excess": self.excess,
                "remainder": self.remainder,
                "remainder_standard_error": self.remainder_standard_error,
                "truncation_error": self.truncation_error,
                "judgement": self.judgement,
                "trustworthy": self.trustworthy,
                "samples": self.samples,
                "method": self.method,
                "notes": self.notes,
                "complete": self.complete,
            }
        )
        return plain

    def __str__(self) -> str:
        return self._table().text()

    def __repr__(self) -> str:
        return f"<PathEstimate of the {self.observable} along {self._setting}, noise {self.noise}>"

    def _repr_html_(self) -> str:
        return self._table().html()

    @property
    def _setting(self) -> str:
        return f"{self.sampling.label}, {self.optimizer}, eta={self.eta:g}"

    def _table(self) -> PrintedTable:
        title = f"{self.observable} along the run: {self._setting}"
        notes = [*self._lines()]
        if self.is_curve:
            columns_of = ("update", "noiseless", "value", "standard error", "truncation error")
            columns: list[Any] = [self._orders[0], sum(self._orders)]
            columns.append(self._total_error)
            missing = self.truncation_error
            lines = [
                (str(t), *(f"{_size(c[k]):.6g}" for c in columns[:2]), f"{_size(columns[2][k]):.2g}",
                 f"{missing[k]:.2g}")
                for k, t in enumerate(self.times)
            ]  # fmt: skip
            return PrintedTable(title, columns_of, tuple(lines), tuple(notes))
        titles = ("contribution", "standard error")
        is_vector = np.ndim(self.value) > 0
        header = ("noise", *(f"|{t}|" if is_vector else t for t in titles))
        orders, errors = self._orders, self._errors
        total = self._total_error
        named = [(str(m), *pair) for m, pair in enumerate(zip(orders, errors, strict=True))]
        named += [("sum", sum(orders), total), ("excess", sum(orders[1:]), total)]
        rows = [(name, f"{_signed(c[0]):.6g}", f"{_size(e):.2g}") for name, c, e in named]
        return PrintedTable(title, header, tuple(rows), tuple(notes))

    def _lines(self) -> list[str]:
        largest = np.max(self.truncation_error)
        lines = [f"truncation error: {'unknown' if math.isnan(largest) else f'{largest:.2g}'}"]
        if self.ratio != 1:
            lines.append(
                f"rescaled: the noise is {float(self.ratio):.3g} times that of the measured runs"
            )
        return [*lines, self.judgement, self.method, *self.notes]


def _size(array: Any) -> float:
    """Return the largest size over times: of numbers, or lengths of vectors."""
    values = np.asarray(array, dtype=float)
    if values.ndim == 2:
        values = np.sqrt((values**2).sum(axis=1))
    return float(np.abs(values).max()) if values.size else 0.0


def _signed(value: Any) -> float:
    return float(value) if np.ndim(value) == 0 else float(np.linalg.norm(value))
