"""What single datapoints do along training: to first order in their weight, and through the noise."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import numpy as np

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.files import json_text, plain_data
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.diagrams.tables import PrintedTable
from sgdiagrams.diagrams.whole_numbers import is_whole

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["Influence"]

_ROWS = 5  # of a table, at each end


@final
@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class Influence:
    r"""What every datapoint does to an observable along training; made by `influence`.

    Attributes
    ----------
    observable, sampling, optimizer, eta
        What is observed, and how training is done.
    noiseless
        The observable at the end of the noiseless run.
    first_order
        For each of the n datapoints the derivative of `noiseless` by a weight :math:`\delta` when the
        population is :math:`(1 - \delta)\,l + \delta\, l_i`, shape (n,); of sum zero. Leaving datapoint i
        out is :math:`\delta = -1/(n - 1)`, giving it twice about :math:`1/n`.
    datapoints
        The numbers of those whose contribution to the noise was measured, shape (k,).
    noise, noise_standard_errors
        What each of these contributes to noise 1, shape (k,): the contributions of all n add up to it.
    samples
        Sampled runs for each; 0 where contributions are exact, or none were asked for.
    notes
        What is worth knowing.
    complete
        Whether all was measured that was asked for; False after Ctrl-C.
    """

    observable: str
    sampling: str
    optimizer: str
    eta: float
    noiseless: float
    first_order: Floats
    datapoints: NDArray[np.intp]
    noise: Floats
    noise_standard_errors: Floats
    samples: int
    notes: tuple[str, ...] = ()
    complete: bool = True

    @property
    def leave_one_out(self) -> Floats:
        """About how the observable changes when a datapoint is left out of the population, shape (n,)."""
        return np.asarray(-self.first_order / max(1, len(self.first_order) - 1))

    @property
    def noise_total(self) -> float:
        """Noise 1, where the contributions of all datapoints were measured; else not a number."""
        is_all = len(self.datapoints) == len(self.first_order)
        return float(self.noise.sum()) if is_all else math.nan

    @property
    def noise_total_standard_error(self) -> float:
        """The statistical error of `noise_total`; datapoints have draws of their own."""
        is_all = len(self.datapoints) == len(self.first_order)
        return float(np.sqrt((self.noise_standard_errors**2).sum())) if is_all else math.nan

    def most_harmful(self, count: int = 10) -> NDArray[np.intp]:
        """Return the datapoints that raise the observable most, to first order, the first one most.

        Raises
        ------
        RequestError
            When the count is no whole number >= 0.
        """
        return self._order[::-1][: _checked(count)]

    def most_helpful(self, count: int = 10) -> NDArray[np.intp]:
        """Return the datapoints that lower the observable most, to first order, the first one most.

        Raises
        ------
        RequestError
            When the count is no whole number >= 0.
        """
        return self._order[: _checked(count)]

    @property
    def _order(self) -> NDArray[np.intp]:
        return np.argsort(self.first_order, kind="stable")

    def to_dict(self) -> dict[str, Any]:
        """Return all numbers as plain data for JSON."""
        plain: dict[str, Any] = plain_data(
            {
                "observable": self.observable,
                "sampling": self.sampling,
                "optimizer": self.optimizer,
                "eta": self.eta,
                "noiseless": self.noiseless,
                "first_order": self.first_order,
                "datapoints": self.datapoints,
                "noise": self.noise,
                "noise_standard_errors": self.noise_standard_errors,
                "noise_total": self.noise_total,
                "noise_total_standard_error": self.noise_total_standard_error,
                "samples": self.samples,
                "notes": self.notes,
                "complete": self.complete,
            }
        )
        return plain

    def to_json(self) -> str:
        """Return all numbers as JSON."""
        return json_text(self.to_dict())

    def __repr__(self) -> str:
        return f"<Influence on the {self.observable} of {len(self.first_order)} datapoints>"

    def __str__(self) -> str:
        return self._table().text()

    def _repr_html_(self) -> str:
        return self._table().html()

    def _table(self) -> PrintedTable:
        n, order = len(self.first_order), self._order[::-1]
        is_short = n > 2 * _ROWS
        listed = [*order[:_ROWS], *order[-_ROWS:]] if is_short else [*order]
        measured = {int(i): k for k, i in enumerate(self.datapoints)}
        header = ["datapoint", "first order", "left out"]
        if measured:
            header += ["noise 1", "+-"]
        rows = []
        for i in map(int, listed):
            row = [str(i), f"{self.first_order[i]:z.4g}", f"{self.leave_one_out[i]:z.3g}"]
            if measured:
                k = measured.get(i)
                known = k is not None
                row.append(f"{self.noise[k]:z.3g}" if known else "-")
                row.append(f"{self.noise_standard_errors[k]:.2g}" if known else "-")
            rows.append(tuple(row))
        title = f"influence on the {self.observable}: {self.sampling}, {self.optimizer}, eta={self.eta:g}"
        return PrintedTable(
            title, tuple(header), tuple(rows), tuple(self._lines(is_short=is_short))
        )

    def _lines(self, *, is_short: bool) -> list[str]:
        n = len(self.first_order)
        lines = [f"{self.observable} at the end of the noiseless run: {self.noiseless:.6g}"]
        if is_short:
            lines.append(f"the {_ROWS} of {n} datapoints that raise it most, and lower it most")
        lines.append("first order: by a datapoint's weight; left out: the change without it, about")
        if not math.isnan(self.noise_total) and len(self.datapoints):
            error = self.noise_total_standard_error
            lines.append(
                f"noise 1, the sum of all contributions: {self.noise_total:.4g} +- {error:.2g}"
            )
        return [*lines, *self.notes]


def _checked(count: int) -> int:
    if not is_whole(count, least=0):
        raise RequestError(f"expected a whole number of datapoints >= 0, got count={shown(count)}")
    return int(count)
