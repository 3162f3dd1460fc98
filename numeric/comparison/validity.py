r"""Which series to believe: plain and re-summed contributions side by side, order by order.

The plain expansion is a series in :math:`\eta`, of use while :math:`\eta T H` is small. The re-summed one
keeps only linkless diagrams and stays finite for long times.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, final

import numpy as np

from sgdiagrams.diagrams.errors import check_kind
from sgdiagrams.diagrams.tables import PrintedTable
from sgdiagrams.numeric.estimates.judgement import size_of
from sgdiagrams.numeric.estimates.powers import complete_order
from sgdiagrams.numeric.estimates.tabulated import Tabulated
from sgdiagrams.numeric.precision.finite import BeyondFloatsError
from sgdiagrams.numeric.statistics import Statistics
from sgdiagrams.symbolic.observable import named_observable
from sgdiagrams.symbolic.theorem import expand
from sgdiagrams.symbolic.training.names import named_optimizer, named_sampling
from sgdiagrams.symbolic.training.training import Training

if TYPE_CHECKING:
    from collections.abc import Mapping
    from fractions import Fraction

    from numpy.typing import ArrayLike

    from sgdiagrams.symbolic.algebra.expression import Expression
    from sgdiagrams.symbolic.observable import Observable
    from sgdiagrams.symbolic.training.optimizer import Optimizer
    from sgdiagrams.symbolic.training.sampling import Sampling

__all__ = ["Validity", "judge_series"]

_HIGHEST = 4
_NO_EIGENBASIS = "not known, it needs the eigenbasis of the Hessian"


@final
@dataclass(frozen=True, slots=True)
class Validity:
    """Sizes of the contributions of both series, and which one to use; made by `judge_series`.

    Attributes
    ----------
    plain, resummed
        The size of the contribution of every order 0, 1, ...: the absolute value, or the Frobenius norm.
        The latter is empty where there is no re-summed series: from measured contractions or a table of
        values, which have no eigenbasis of the Hessian.
    plain_judgement, resummed_judgement
        What the two estimates say of themselves.
    plain_next, resummed_next
        The truncation errors: what is missing, and not less than the distance of the two series
        where both are trustworthy; 0 where a series has ended, nan where nothing can be told.
    recommended
        ``"plain"``, ``"re-summed"`` or ``"neither"``: see `judge_series`.
    observable, numbers, setting
        What was evaluated; the setting is the labels of sampling and optimiser.
    """

    plain: tuple[float, ...]
    resummed: tuple[float, ...]
    plain_judgement: str
    resummed_judgement: str
    plain_next: float
    resummed_next: float
    recommended: Literal["plain", "re-summed", "neither"]
    observable: str = ""
    numbers: Mapping[str, Any] = field(default_factory=dict)
    setting: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain data for JSON; what is not finite is None."""
        return {
            "observable": self.observable,
            "setting": self.setting,
            "numbers": {name: _shown(value) for name, value in self.numbers.items()},
            "plain": [_finite(x) for x in self.plain],
            "resummed": [_finite(x) for x in self.resummed] if self.resummed else None,
            "plain_judgement": self.plain_judgement,
            "resummed_judgement": self.resummed_judgement or None,
            "plain_next": _finite(self.plain_next),
            "resummed_next": _finite(self.resummed_next),
            "recommended": self.recommended,
        }

    def __str__(self) -> str:
        return self._table().text()

    def _repr_html_(self) -> str:
        return self._table().html()

    def _table(self) -> PrintedTable:
        given = ", ".join(f"{name}={_shown(value)}" for name, value in self.numbers.items())
        title = " | ".join(filter(None, (self.observable, self.setting, given)))
        plain = [*(f"{a:.6g}" for a in self.plain), _guess(self.plain_next)]
        orders = [*map(str, range(len(self.plain))), "next"]
        columns = [("order", *orders), ("|plain|", *plain)]
        if self.resummed:
            resummed = [*(f"{a:.6g}" for a in self.resummed), _guess(self.resummed_next)]
            columns.append(("|re-summed|", *resummed))
        header, *rows = zip(*columns, strict=True)
        notes = (
            f"plain: {self.plain_judgement}",
            f"re-summed: {self.resummed_judgement or _NO_EIGENBASIS}",
            f"recommended: {self.recommended}",
        )
        return PrintedTable(title, header, tuple(rows), notes)


def judge_series(
    statistics: Statistics | Tabulated,
    *,
    observable: str | Observable | Expression = "test-loss",
    order: int | None = None,
    sampling: str | Sampling = "one-pass",
    optimizer: str | Optimizer | None = None,
    eta: ArrayLike | Fraction,
    **numbers: int | Fraction,
) -> Validity:
    r"""Return the sizes of all contributions of the plain and of the re-summed series, and a judgement.

    The rules of the judgements are those of `sgdiagrams.numeric.estimates.judgement.judge` for the
    plain series, by orders, and of `sgdiagrams.numeric.estimates.powers.judge_by_powers` for the
    re-summed one, by powers of the distance that weights go. Of two trustworthy series the one with
    the smaller truncation error is recommended, the plain one where they are equal; of one that
    one; else neither. The errors of two trustworthy series are not less than their distance, but for one
    that has ended.

    Parameters
    ----------
    statistics
        A population, or a sample that is large enough for its errors to be small. Measured contractions
        and tables of values serve the plain series alone, which then is recommended where it is
        trustworthy.
    observable, sampling, optimizer
        As for `sgdiagrams.expand`.
    order
        The highest order of both; left out, one with which the re-summed series ends in a complete
        power: 4 for losses, 3 for displacement and generalisation gap, less where derivatives end; of the
        plain series alone the highest order up to 4 that was measured.
    eta, **numbers
        As for `sgdiagrams.numeric.long_times.evaluation.evaluate_resummed`.

    Raises
    ------
    RequestError, SamplingError, StatisticsError
        As from the two evaluations.

    Examples
    --------
    >>> from sgdiagrams.numeric.landscapes.toys import Mean
    >>> print(judge_series(Mean().statistics(3), order=2, eta=0.1, T=1000))
    test-loss | one-pass B=1 | eta=0.1, T=1000
    order  |plain|  |re-summed|
        0        0            0
        1        0            0
        2        5    0.0263158
     next  3.4e+04            0
    plain: diverging: orders grow like 67^k
    re-summed: ended: nothing is beyond second derivatives
    recommended: re-summed
    """
    check_kind(
        "statistics",
        statistics,
        (Statistics, Tabulated),
        called="Statistics, a measurement or a table of values",
    )
    scheme = named_sampling(sampling)
    method = named_optimizer("sgd" if optimizer is None else optimizer)
    watched = named_observable(observable)
    if isinstance(statistics, Tabulated) or watched.expressions:  # the plain series alone
        known = (
            statistics.highest_order
            if isinstance(statistics, Tabulated)
            else max(statistics.samples)
        )
        highest = max(0, min(_HIGHEST, known - watched.most_legs)) if order is None else order
        series = expand(watched, order=highest, sampling=scheme, optimizer=method)
        alone = series.evaluate(statistics, eta=eta, **numbers)
        return Validity(
            plain=tuple(map(size_of, alone.orders)),
            resummed=(),
            plain_judgement=alone.judgement,
            resummed_judgement="",
            plain_next=alone.truncation_error,
            resummed_next=math.nan,
            recommended="plain" if alone.trustworthy else "neither",
            observable=alone.observable,
            numbers={"eta": eta, **numbers},
            setting=Training(scheme, method).label,
        )
    if order is None:
        order = complete_order(watched, min(_HIGHEST, max(statistics.samples)))
    series = expand(watched, order=order, sampling=scheme, optimizer=method)
    other = expand(watched, order=order, sampling=scheme, optimizer=method, resummed=True)
    plain = series.evaluate(statistics, eta=eta, **numbers)
    try:
        resummed = other.evaluate(statistics, eta=eta, **numbers)
    except BeyondFloatsError:  # as SGD itself then
        infinite = tuple(np.full(np.shape(x), math.inf)[()] for x in plain.orders)
        resummed = replace(plain, orders=infinite, verdict=None)
    sizes = [tuple(map(size_of, estimate.orders)) for estimate in (plain, resummed)]
    missing = [plain.truncation_error, resummed.truncation_error]
    recommended: Literal["plain", "re-summed", "neither"] = "neither"
    if plain.trustworthy and (not resummed.trustworthy or missing[0] <= missing[1]):
        recommended = "plain"
    elif resummed.trustworthy:
        recommended = "re-summed"
    if plain.trustworthy and resummed.trustworthy:
        apart = size_of(plain.change - resummed.change)
        missing = [max(apart, guess) if guess else 0.0 for guess in missing]
    return Validity(
        plain=sizes[0],
        resummed=sizes[1],
        plain_judgement=plain.judgement,
        resummed_judgement=resummed.judgement,
        plain_next=missing[0],
        resummed_next=missing[1],
        recommended=recommended,
        observable=plain.observable,
        numbers={"eta": eta, **numbers},
        setting=Training(scheme, method).label,
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _guess(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.2g}"


def _shown(value: Any) -> Any:
    plain = value.tolist() if hasattr(value, "tolist") else value
    return plain if isinstance(plain, (int, float)) else " ".join(str(plain).split())
