"""How often judgements are right: estimates on random landscapes held against what SGD really does."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from tables import Row, Target
from truth import Polynomials, simulated, truth

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from measure import Bench

__all__ = [
    "Case",
    "Tally",
    "built_in_cases",
    "calibrated",
    "calibration_rows",
    "one_weight",
    "two_weights",
]

#: Relative to the true change: nearer is right, farther is false.
_RIGHT, _FALSE = 0.03, 0.3
#: Of the truth, which is not better than that, nor smaller than the least change.
_GRAIN, _LEAST = 1e-6, 1e-9
_SCHEMES = ("one-pass", "one-pass", "one-pass", "full-batch", "epochs", "with-replacement")
_SERIES = ("plain", "re-summed", "recommended")


@dataclass(frozen=True, slots=True)
class Case:
    """A landscape, a way of training, and what it does.

    Attributes
    ----------
    statistics
        The population's derivatives 0, ..., 4.
    true
        Observable -> its change, and how well it is known.
    highest
        The highest order that is judged.
    """

    statistics: Any
    scheme: str
    optimizer: str
    eta: float
    numbers: Mapping[str, Any]
    true: Mapping[str, tuple[float, float]]
    highest: int = 4


@dataclass(slots=True)
class Tally:
    """What was counted for a series and an order; shares in per cent."""

    cases: int = 0
    right: int = 0
    kept: int = 0
    trusted: int = 0
    false: int = 0
    covered: int = 0
    ratios: list[float] = field(default_factory=list)

    def add(self, error: float, missing: float, true: float, *, trusted: bool) -> None:
        """Count an estimate, whose error is known and whose truncation error was said."""
        self.cases += 1
        self.right += error <= _RIGHT * abs(true)
        if trusted:
            self.trusted += 1
            self.kept += error <= _RIGHT * abs(true)
            self.false += error > _FALSE * abs(true)
            self.covered += error <= 3 * missing
            if missing:
                self.ratios.append(error / missing)

    @property
    def shares(self) -> tuple[float, float, float]:
        """False among trusted, trusted among right, errors below three times the truncation error."""
        trusted = max(1, self.trusted)
        kept = 100 * self.kept / max(1, self.right)
        return 100 * self.false / trusted, kept, 100 * self.covered / trusted


# Landscapes ---------------------------------------------------------------------------------------


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(10 ** rng.uniform(low, high))


def _random_landscape(rng: np.random.Generator, p: int) -> Polynomials:
    """Return two or three datapoints with mean Hessian of norm 1, at or off a minimum."""
    k, degree = int(rng.integers(2, 4)), int(rng.integers(3, 6))
    noise, curved = _log_uniform(rng, -1.5, 0.5), _log_uniform(rng, -2, 0.4)
    derivatives: list[Any] = [rng.normal(size=k)]
    for order in range(1, degree + 1):
        mean, apart = (_symmetric(rng.normal(size=(n, *(p,) * order))) for n in (1, k))
        apart = apart - apart.mean(axis=0)
        if order == 1:
            slope = 0 if rng.random() < 0.45 else _log_uniform(rng, -1.5, 0.5)
            derivatives.append(slope * mean / np.linalg.norm(mean) + noise * apart)
        elif order == 2:
            axes, _ = np.linalg.qr(rng.normal(size=(p, p)))
            curvatures = np.array([1.0, *rng.uniform(0.2, 1, size=p - 1)])
            curvatures[-1] *= -1 if rng.random() < 0.07 else 1
            hessian = (axes * curvatures) @ axes.T
            derivatives.append(hessian + _log_uniform(rng, -2, 0) * apart)
        else:
            scale = curved ** (order - 2)
            mean = np.abs(mean) if order == degree == 4 and p == 1 else mean
            derivatives.append(
                scale * (_log_uniform(rng, -0.5, 0.3) * mean + _log_uniform(rng, -2, 0) * apart)
            )
    return Polynomials(derivatives)


def _symmetric(array: Any) -> Any:
    from itertools import permutations

    axes = list(permutations(range(1, array.ndim)))
    return sum(array.transpose(0, *order) for order in axes) / len(axes)


def _protocol(
    rng: np.random.Generator, scheme: str, longest: float
) -> tuple[float, dict[str, int]]:
    """Return a learning rate and numbers: 2 to 1000 updates, eta T H from 0.01 to 16."""
    T = round(_log_uniform(rng, 0.3, longest))
    if scheme == "one-pass":
        numbers = {"T": T}
    else:
        N = int(rng.choice([2, 4]))
        B = {"full-batch": N, "with-replacement": 1}.get(scheme, int(rng.choice([1, 2])))
        E = max(1, round(T * B / N))
        T = E * N // B
        numbers = {"N": N, "E": E, "B": B}
        if scheme == "full-batch":
            del numbers["B"]
        if scheme == "with-replacement":
            numbers = {"N": N, "B": B, "T": T}
    return _log_uniform(rng, -2, 1.2) / T, numbers


def one_weight(count: int, *, seed: int) -> Iterator[Case]:
    """Yield random landscapes in one dimension, with exact truths."""
    rng, made = np.random.default_rng(seed), 0
    while made < count:
        landscape = _random_landscape(rng, 1)
        scheme = str(rng.choice(_SCHEMES))
        eta, numbers = _protocol(rng, scheme, 3.0)
        other = str(
            rng.choice(["displacement", "generalisation-gap", "second-moment", "training-loss"])
        )
        if eta > 1.3:
            continue
        found = truth(landscape, scheme, eta, numbers)
        if found is None:
            continue
        made += 1
        true = {name: (found[name], _GRAIN * abs(found[name])) for name in ("test-loss", other)}
        highest = 4 if scheme in ("one-pass", "full-batch") else 3
        yield Case(landscape.statistics(4), scheme, "sgd", eta, numbers, true, highest)


def two_weights(count: int, *, seed: int, runs: int = 20_000) -> Iterator[Case]:
    """Yield random landscapes in two dimensions, some trained with momentum, with simulated truths."""
    from sgdiagrams import Training
    from sgdiagrams.symbolic.training.names import named_optimizer, named_sampling

    rng, made = np.random.default_rng(seed), 0
    while made < count:
        landscape = _random_landscape(rng, 2)
        scheme = str(rng.choice(("one-pass", "one-pass", "reshuffled-epochs")))
        eta, numbers = _protocol(rng, scheme, 2.0)
        settings: dict[str, Any] = dict(numbers)
        optimizer = "sgd"
        if scheme == "one-pass" and rng.random() < 0.3:
            optimizer, settings["beta"] = "momentum", Fraction(1, 2)
            eta /= 2
        if eta > 1.3:
            continue
        training = Training(named_sampling(scheme), named_optimizer(optimizer)).at(**settings)
        found = simulated(landscape, training, eta, runs)
        if found is None or found[1] > _RIGHT / 6 * abs(found[0]):
            continue
        made += 1
        true = {"test-loss": (found[0], 3 * found[1])}
        yield Case(landscape.statistics(4), scheme, optimizer, eta, settings, true, 3)


def built_in_cases(*, runs: int = 20_000) -> Iterator[Case]:
    """Yield the built-in landscapes from short to long times, with simulated truths."""
    from sgdiagrams import OnePass, Training, landscape

    grid = {
        "gauss": ((0.01, 5), (0.1, 5), (0.05, 100), (0.02, 500), (0.3, 200)),
        "mean": ((0.01, 5), (0.1, 30), (0.1, 300)),
        "helix": ((0.02, 5), (0.1, 30), (0.1, 200)),
        "digits": ((0.03, 3), (0.09, 10), (0.009, 100), (0.1, 40), (0.03, 300)),
    }
    for name, pairs in grid.items():
        place = landscape(name)
        for eta, T in pairs:
            found = simulated(place, Training(OnePass(T=T)), eta, runs)
            if found is not None:
                true = {"test-loss": (found[0], 3 * found[1])}
                yield Case(place.statistics(4), "one-pass", "sgd", eta, {"T": T}, true)


# Counting -----------------------------------------------------------------------------------------


@lru_cache(maxsize=128)
def _expansion(observable: str, order: int, scheme: str, optimizer: str, *, resummed: bool) -> Any:
    from sgdiagrams import expand

    return expand(observable, order=order, sampling=scheme, optimizer=optimizer, resummed=resummed)


def calibrated(cases: Iterable[Case]) -> dict[tuple[str, int], Tally]:
    """Return the tallies by series and order. What `judge_series` recommends is the third series."""
    tallies: dict[tuple[str, int], Tally] = {}
    for case in cases:
        for observable, (true, unknown) in case.true.items():
            if abs(true) < _LEAST:
                continue
            for order in range(2, case.highest + 1):
                both = [
                    _expansion(
                        observable, order, case.scheme, case.optimizer, resummed=resummed
                    ).evaluate(case.statistics, eta=case.eta, **case.numbers)
                    for resummed in (False, True)
                ]
                for series, estimate, missing in _with_recommended(both):
                    value = float(np.ravel(estimate.change)[0])
                    error = max(0.0, abs(value - true) - unknown)
                    tally = tallies.setdefault((series, order), Tally())
                    tally.add(error, missing, true, trusted=estimate.trustworthy)
    return tallies


def _with_recommended(both: list[Any]) -> Iterator[tuple[str, Any, float]]:
    """Yield both series, and the one that `judge_series` recommends with the error that it says."""
    for series, estimate in zip(_SERIES, both, strict=False):
        yield series, estimate, estimate.truncation_error
    good = [estimate for estimate in both if estimate.trustworthy]
    if good:
        best = min(good, key=lambda estimate: float(estimate.truncation_error))
        missing = best.truncation_error
        if len(good) > 1 and missing:
            apart = float(np.linalg.norm(np.asarray(both[0].change - both[1].change, dtype=float)))
            missing = max(missing, apart)
        yield "recommended", best, missing


def calibration_rows(bench: Bench) -> Iterator[Row]:
    """Count how often judgements are right, on families of landscapes."""
    small = bench.quick
    families: dict[str, Iterator[Case]] = {
        "one weight": one_weight(8 if small else 300, seed=20_251),
        "two weights": two_weights(
            2 if small else 100, seed=20_252, runs=4000 if small else 20_000
        ),
    }
    if not small:
        families["built-in landscapes"] = built_in_cases()
    for family, cases in families.items():
        start = perf_counter()
        tallies = calibrated(cases)
        seconds = perf_counter() - start
        for (series, order), tally in sorted(
            tallies.items(), key=lambda t: (_SERIES.index(t[0][0]), t)
        ):
            false, kept, covered = tally.shares
            spread = np.quantile(tally.ratios, [0.1, 0.5, 0.9]) if tally.ratios else [np.nan] * 3
            quantiles = ", ".join(f"{x:.2g}" for x in spread)
            targets = (
                []
                if small
                else [
                    Target("off by 30 % below 0.5 %", met=false < 0.5),
                    Target("right trusted above 75 %", met=kept > 75 or series == "recommended"),
                    Target("covered above 95 %", met=covered > 95),
                ]
            )
            yield Row(
                f"Judgements: {family}",
                f"{series}, order {order}",
                f"{tally.cases} estimates, {tally.trusted} trusted: {false:.2f} % off by more than 30 %, "
                f"{covered:.1f} % below 3 truncation errors; {kept:.0f} % of {tally.right} right ones "
                f"trusted; error / truncation error {quantiles}",
                targets=targets,
                note=f"{seconds:.0f} s in all",
            )
