r"""Which series to believe: plain and re-summed contributions side by side, order by order.

The plain expansion is a series in :math:`\eta`, of use while :math:`\eta T H` is small. The re-summed one
keeps only linkless diagrams and stays finite for long times.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, final

import numpy as np

from sgdiagrams.diagrams.tables import PrintedTable
from sgdiagrams.numeric.estimates.judgement import judge
from sgdiagrams.numeric.estimates.noise import without_rounding
from sgdiagrams.symbolic.theorem import expand
from sgdiagrams.symbolic.training.names import named_optimizer, named_sampling
from sgdiagrams.symbolic.training.training import Training

if TYPE_CHECKING:
    from collections.abc import Mapping
    from fractions import Fraction

    from numpy.typing import ArrayLike

    from sgdiagrams.numeric.estimates.estimate import Estimate
    from sgdiagrams.numeric.statistics import Statistics
    from sgdiagrams.symbolic.observable import Observable
    from sgdiagrams.symbolic.training.optimizer import Optimizer
    from sgdiagrams.symbolic.training.sampling import Sampling

__all__ = ["Validity", "judge_series"]


@final
@dataclass(frozen=True, slots=True)
class Validity:
    """Sizes of the contributions of both series, and which one to use; made by `judge_series`.

    Attributes
    ----------
    plain, resummed
        The size of the contribution of every order 0, 1, ...: the absolute value, or the Frobenius norm.
    plain_judgement, resummed_judgement
        What `sgdiagrams.numeric.estimates.judgement.judge` says.
    plain_next, resummed_next
        An estimate of what comes next: the last contribution times the ratio of the last two, among
        those that are not zero (see `judge_series` for starts at a minimum); 0 where a series has ended;
        nan where nothing can be told.
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
            "resummed": [_finite(x) for x in self.resummed],
            "plain_judgement": self.plain_judgement,
            "resummed_judgement": self.resummed_judgement,
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
        rows = []
        for k, (a, b) in enumerate(zip(self.plain, self.resummed, strict=True)):
            rows.append((str(k), f"{a:.6g}", f"{b:.6g}"))
        rows.append(("next", _guess(self.plain_next), _guess(self.resummed_next)))
        notes = (
            f"plain: {self.plain_judgement}",
            f"re-summed: {self.resummed_judgement}",
            f"recommended: {self.recommended}",
        )
        title = " | ".join(filter(None, (self.observable, self.setting, given)))
        return PrintedTable(title, ("order", "|plain|", "|re-summed|"), tuple(rows), notes)


def judge_series(
    statistics: Statistics,
    *,
    observable: str | Observable = "test-loss",
    order: int = 3,
    sampling: str | Sampling = "one-pass",
    optimizer: str | Optimizer | None = None,
    eta: ArrayLike | Fraction,
    **numbers: int | Fraction,
) -> Validity:
    r"""Return the sizes of all contributions of the plain and of the re-summed series, and a judgement.

    A series is *usable* when `judge` finds it trustworthy (the last contribution is at most a third of
    the one before), or when it has ended: of its contributions of order >= 1 one at least is not zero,
    and the last two, or all beyond order 2 where third and higher derivatives vanish, are zero. Of two
    usable series the one with the smaller estimate of the next contribution is recommended, the plain
    one where they are equal; of one that one; else neither.

    From a minimum the re-summed series is judged by noise and not by edges, up to the first sum that is
    incomplete (`sgdiagrams.numeric.estimates.noise`); that sum is then the estimate of what is missing.

    Parameters
    ----------
    statistics
        A population, or a sample that is large enough for its errors to be small.
    observable, order, sampling, optimizer
        As for `sgdiagrams.expand`.
    eta, **numbers
        As for `sgdiagrams.numeric.long_times.evaluation.evaluate_resummed`.

    Raises
    ------
    RequestError, SamplingError, StatisticsError
        As from the two evaluations.

    Examples
    --------
    >>> from sgdiagrams.numeric.landscapes.toys import Mean
    >>> print(judge_series(Mean().statistics(3), eta=0.1, T=1000))
    test-loss | one-pass B=1 | eta=0.1, T=1000
    order  |plain|  |re-summed|
        0        0            0
        1        0            0
        2        5    0.0263158
        3    499.5            0
     next    5e+04            0
    plain: diverging: order 3 is 1e+02 of order 2
    re-summed: ended: nothing beyond order 2
    recommended: re-summed
    """
    scheme = named_sampling(sampling)
    method = named_optimizer("sgd" if optimizer is None else optimizer)
    series = expand(observable, order=order, sampling=scheme, optimizer=method)
    other = expand(observable, order=order, sampling=scheme, optimizer=method, resummed=True)
    # Beyond derivatives of zero there is nothing to expand.
    is_quadratic = order > 2 and all(
        not array.any() for k, array in statistics.samples.items() if k > 2
    )
    first = series.evaluate(statistics, eta=eta, **numbers)
    second = other.evaluate(statistics, eta=eta, **numbers)
    plain = _by_order(first, is_quadratic=is_quadratic)
    resummed = _by_order(second, is_quadratic=is_quadratic)
    if not resummed.has_ended and second.verdict is not None:
        words, usable, missing = second.verdict
        resummed = _Report(resummed.sizes, words, usable=usable, next_size=missing)
    recommended: Literal["plain", "re-summed", "neither"] = "neither"
    if plain.usable and (not resummed.usable or plain.next_size <= resummed.next_size):
        recommended = "plain"
    elif resummed.usable:
        recommended = "re-summed"
    return Validity(
        plain.sizes,
        resummed.sizes,
        plain.words,
        resummed.words,
        plain.next_size,
        resummed.next_size,
        recommended,
        first.observable,
        {"eta": eta, **numbers},
        Training(scheme, method).label,
    )


@dataclass(frozen=True, slots=True)
class _Report:
    sizes: tuple[float, ...]
    words: str
    usable: bool
    next_size: float
    has_ended: bool = False


def _by_order(estimate: Estimate, *, is_quadratic: bool) -> _Report:
    sizes = tuple(map(_size, estimate.orders))
    if not all(map(math.isfinite, sizes)):
        words = "diverging: out of the range of floats"
        return _Report(sizes, words, usable=False, next_size=math.inf)
    judged = without_rounding(sizes)
    kept = [k for k, size in enumerate(judged) if k and size]
    if kept and kept[-1] <= (2 if is_quadratic else len(sizes) - 3):
        words = f"ended: nothing beyond order {kept[-1]}"
        return _Report(sizes, words, usable=True, next_size=0.0, has_ended=True)
    words, usable, _ = judge(judged, _size(estimate.standard_error))
    last = [judged[k] for k in kept[-2:]]
    next_size = last[1] * last[1] / last[0] if len(last) == 2 else math.nan
    return _Report(sizes, words, usable=usable, next_size=next_size)


def _size(array: Any) -> float:
    return float(np.linalg.norm(np.asarray(array, dtype=np.float64)))


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _guess(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.2g}"


def _shown(value: Any) -> Any:
    plain = value.tolist() if hasattr(value, "tolist") else value
    return plain if isinstance(plain, (int, float)) else " ".join(str(plain).split())
