"""How often judgements of the expansion in the noise are right, on many small problems.

    python benchmarks/path_calibration.py --cases 1000 --folder DIR

Every setting, a problem and a way of training, is measured by sampled runs as `along_path` measures, and
trained for real, also with noise of other strengths. Settings that are in the folder are not made again.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import product
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from path_problems import FAMILIES, setting
from path_runs import OBSERVABLES, PathRuns
from tables import markdown

from sgdiagrams.diagrams.errors import SgdiagramsError
from sgdiagrams.numeric.path.path_estimate import PathEstimate
from sgdiagrams.numeric.path.tallies import Tally
from sgdiagrams.symbolic.training.schemes.one_pass import OnePass
from sgdiagrams.symbolic.training.training import Training

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from sgdiagrams.symbolic.training.sampling import Sampling

__all__ = ["Counts", "Reading", "known_records", "measure", "readings", "tables"]

#: Samples of single runs and pairs that are kept; real runs, at first and at most.
_SINGLE, _PAIRS, _FEWEST, _MOST = 1024, 256, 4096, 16384
#: The truth is known well when its error is below this part of the excess.
_KNOWN = 0.03
#: Of the observables: real runs end when so many are known well, or they cost too much.
_MANY, _COST = 0.7, 6e8
_PRECISION = 0.05
_RIGHT, _FALSE = 0.1, 0.3
_NAMES = (*OBSERVABLES, "generalisation-gap")
_RATIOS = tuple(map(Fraction, ("1/64", "1/16", "1/4", "1/2", "2", "4", "16")))
_MOST_ROWS = 2**14
_KEPT_RATIOS = 2


# Measurements -------------------------------------------------------------------------------------


def measure(
    number: int, programs: dict[str, PathRuns], *, single: int = _SINGLE, pairs: int = _PAIRS
) -> dict[str, Any] | None:
    """Return what is known of a setting; None where the noiseless run diverges."""
    one = setting(number)
    family = FAMILIES[one.family]
    if one.family not in programs:
        programs[one.family] = PathRuns(family.loss, family.longest)
    runs, training = programs[one.family], one.training
    fixed = runs.fixed(one.start, one.data, training, one.eta)
    noiseless = runs.noiseless(fixed)
    if not np.abs(noiseless).max() < 1e6:
        return None
    full, first, second = runs.samples("single", fixed, training, single, (number, 1))
    [noise_2] = runs.samples("pair", fixed, training, pairs, (number, 2))
    record: dict[str, Any] = {
        "noiseless": _with_gap(noiseless),
        "second": _with_gap(second) / 2,
        "left": _with_gap(full - first - second / 2),
        "pairs": _with_gap(noise_2),
    }
    exact = runs.exact_first(fixed, training)
    if exact is not None:
        record["exact"] = _with_gap(exact)
    true: list[Any] = []
    strengths = []
    for strength, sampling in _strengths(number, training.sampling):
        other = Training(sampling, training.optimizer)
        true.append(_truth(runs, fixed, other, (number, 3 + len(true))))
        strengths.append(strength)
    record["true"] = np.array(true)
    words = {
        "family": one.family,
        "training": training.label,
        "eta": one.eta,
        "strengths": strengths,
    }
    record["words"] = np.array(json.dumps(words))
    return record


def _with_gap(array: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return all observables along the last axis."""
    return np.concatenate([array, array[..., :1] - array[..., 1:2]], axis=-1)


def _strengths(number: int, sampling: Sampling) -> Iterator[tuple[str, Sampling]]:
    """Yield the scheme and some with noise of other strengths, with these as fractions."""
    yield "1", sampling
    possible: list[tuple[str, Sampling]] = []
    for name, ratio in product("BN", _RATIOS):
        if name not in sampling.numbers:
            continue
        size = int(sampling.values[name] / ratio)
        try:
            other, factor = sampling.rescaled(**{name: size})
        except SgdiagramsError:
            continue  # not by this number, or batches that are not whole
        if factor == ratio and other.datapoints <= _MOST_ROWS:
            possible.append((str(factor), other))
    rng = np.random.default_rng((8, number))
    yield from (possible[i] for i in rng.permutation(len(possible))[:_KEPT_RATIOS])


def _truth(
    runs: PathRuns, fixed: Any, training: Training, seed: tuple[int, ...]
) -> NDArray[np.float64]:
    """Return mean, standard error and share of runs that diverged, shape (3, 2, 4)."""
    import jax

    start, data, *_, updates = fixed
    size = len(start) * len(jax.tree.leaves(data)[0]) * updates
    most = min(_MOST, max(_FEWEST, int(_COST / size)))
    ends: list[list[Any]] = []
    made = 0
    while True:
        wanted = made or _FEWEST
        parts = runs.samples("real", fixed, training, wanted, (*seed, made))
        ends.append([_with_gap(x) for x in parts])
        made += wanted
        full, first = (np.concatenate(column) for column in zip(*ends, strict=True))
        with np.errstate(all="ignore"):
            apart = first - first.mean(axis=0)
            scatter = (apart**2).sum(axis=0)
            c = np.where(
                scatter > 0, (apart * full).sum(axis=0) / np.where(scatter > 0, scatter, 1), 0
            )
            values = full - c * first
            mean, error = values.mean(axis=0), values.std(axis=0, ddof=1) / np.sqrt(made)
            known = (error <= _KNOWN * np.abs(mean)).mean() > _MANY
        gone = ~np.isfinite(full)
        if gone.any() or known or 2 * made > most:
            return np.array([mean, error, gone.mean(axis=0)])


# Readings -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reading:
    """An estimate beside the truth; all numbers of the excess over the noiseless run."""

    estimate: PathEstimate
    true: float
    error: float
    exact_first: float | None

    @property
    def known(self) -> bool:
        """Whether the truth is known well enough to tell right from false; that runs diverge is."""
        return not np.isfinite(self.true) or self.error <= _RIGHT * abs(self.true)

    @property
    def off(self) -> float:
        """How far off the estimate is, in parts of the true excess, beyond the error of the truth."""
        if not np.isfinite(self.true):
            return np.inf
        apart = max(0.0, abs(self.estimate.excess - self.true) - 2 * self.error)
        return float(apart / abs(self.true))


def readings(
    record: Mapping[str, Any], *, noise: int, samples: int | None, at: bool | None = None
) -> Iterator[Reading]:
    """Yield estimates of all observables, halfway and at the end, and for noise of other strengths.

    Parameters
    ----------
    samples
        Of single runs; None for as many as are needed for 5 %.
    at
        True: noise of other strengths alone; False: none of these.
    """
    words = json.loads(str(record["words"]))
    for time in range(2):
        for k, name in enumerate(_NAMES):
            own = {key: record[key][:, time, k] for key in ("second", "left", "pairs")}
            singles, pairs = _enough(own, samples)
            if not np.abs(own["second"]).max():
                continue  # noise changes nothing yet
            left = own["left"][:singles]
            with np.errstate(all="ignore"):
                tallies = [Tally.of(x[:, None]) for x in (own["second"][:singles], left)]
                higher = Tally.of(own["pairs"][:pairs][:, None]) if noise > 1 else None
            estimate = PathEstimate(
                observable=name,
                sampling=OnePass(T=1),  # the words of the optimiser tell which it was
                optimizer=words["training"],
                eta=words["eta"],
                times=(1,),
                is_curve=False,
                noise=noise,
                noiseless=record["noiseless"][None, time, k],
                first=tallies[0],
                left=tallies[1],
                higher=higher,
                diverged=int((~np.isfinite(left)).sum()),
            )
            exact = float(record["exact"][time, k]) if "exact" in record else None
            for strength, true in zip(words["strengths"], record["true"], strict=True):
                if at is (strength == "1"):
                    continue
                yield Reading(
                    replace(estimate, ratio=Fraction(strength)),
                    float(true[0, time, k]) if not true[2, time, k] else np.inf,
                    float(true[1, time, k]),
                    exact if strength == "1" else None,
                )


def _enough(own: Mapping[str, Any], samples: int | None) -> tuple[int, int]:
    """Return how many samples of single runs and pairs are taken, as `along_path` does."""
    if samples is not None:
        return samples, samples // 4
    counts = []
    excess = 0.0
    for key, together in (("second", 64), ("pairs", 16)):
        values = own[key]
        for count in range(together, len(values) + 1, together):
            mean = values[:count].mean()
            error = values[:count].std(ddof=1) / np.sqrt(count)
            if error <= _PRECISION * abs(excess + mean):
                break
        counts.append(count)
        excess += mean
    return counts[0], counts[1]


# Tables -------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Counts:
    """What was counted of some readings."""

    cases: int = 0
    trusted: int = 0
    false: int = 0
    right: int = 0
    kept: int = 0
    inside: int = 0
    with_exact: int = 0
    covered: int = 0

    def add(self, one: Reading) -> None:
        """Count a reading whose truth is known well."""
        estimate = one.estimate
        self.cases += 1
        is_right = one.off <= _RIGHT
        self.right += is_right
        if estimate.trustworthy:
            self.trusted += 1
            self.false += one.off > _FALSE
            self.kept += is_right
            low, high = estimate.interval(0.95)
            true = float(estimate.orders[0]) + one.true
            self.inside += low - 2 * one.error <= true <= high + 2 * one.error

    def cells(self) -> list[str]:
        """Return numbers and shares as texts."""
        of_trusted, of_right = max(1, self.trusted), max(1, self.right)
        return [
            f"{self.cases:,}",
            f"{self.trusted:,}",
            f"{self.false} ({100 * self.false / of_trusted:.2f} %)",
            f"{100 * self.kept / of_right:.0f} % of {self.right:,}",
            f"{100 * self.inside / of_trusted:.1f} %",
        ]


def known_records(folder: Path) -> Iterator[Mapping[str, Any]]:
    """Yield the settings of a folder whose noiseless runs end somewhere."""
    for path in sorted(folder.glob("*.npz")):
        with np.load(path) as file:
            record = dict(file)
        if str(record["words"]) != "null":
            yield record


def tables(records: Sequence[Mapping[str, Any]]) -> str:
    """Return how judgements do by order, samples and strength; and statistical errors by samples."""
    head = ["noise", "samples", "strength", "readings", "trustworthy", "false", "right ones trusted",
            "truth in the interval"]  # fmt: skip
    lines = []
    for noise, samples in product((1, 2), (64, 256, None)):
        counts: dict[str, Counts] = {"1": Counts(), "< 1": Counts(), "> 1": Counts()}
        unknown = 0
        for record in records:
            for one in readings(record, noise=noise, samples=samples):
                r = one.estimate.ratio
                if one.known:
                    counts["1" if r == 1 else "< 1" if r < 1 else "> 1"].add(one)
                else:
                    unknown += 1
        words = "as many as needed" if samples is None else str(samples)
        lines += [[str(noise), words, key, *some.cells()] for key, some in counts.items()]
    exact = []
    for samples in (64, 256, 1024):
        scores = [
            (float(one.estimate.orders[1]) - one.exact_first)
            / float(one.estimate.order_standard_errors[1])
            for record in records
            for one in readings(record, noise=1, samples=samples, at=False)
            if one.exact_first is not None
        ]
        z = np.abs(scores)
        exact.append([
            str(samples), f"{len(z):,}", f"{100 * (z < 1).mean():.1f} %",
            f"{100 * (z < 1.96).mean():.1f} %", f"{100 * (z < 3).mean():.2f} %",
            f"{np.mean(scores):+.3f}",
        ])  # fmt: skip
    title = ["samples", "readings", "within 1 error", "within 1.96", "within 3", "mean z"]
    return f"{markdown([head, *lines])}\n\n{markdown([title, *exact])}"


def main() -> int:
    """Make what is missing, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0, help="the number of the first setting")
    parser.add_argument("--folder", type=Path, default=Path("path-calibration"))
    parser.add_argument("--table", action="store_true", help="of what is in the folder alone")
    options = parser.parse_args()
    options.folder.mkdir(exist_ok=True)
    if options.table:
        print(tables(list(known_records(options.folder))))
        return 0
    programs: dict[str, PathRuns] = {}
    for number in range(options.first, options.cases):
        path = options.folder / f"{number:05d}.npz"
        if path.exists():
            continue
        start = perf_counter()
        record = measure(number, programs)
        save = {"words": np.array("null")} if record is None else record
        with path.with_suffix(".part").open("wb") as file:
            np.savez_compressed(file, **save)
        path.with_suffix(".part").rename(path)
        print(number, save["words"], f"{perf_counter() - start:.1f} s", file=sys.stderr, flush=True)
    print(tables(list(known_records(options.folder))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
