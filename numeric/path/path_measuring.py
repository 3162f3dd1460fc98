"""How many rounds are made of which kind: until a precision is reached, in the way that costs least."""

from __future__ import annotations

import math
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, final

import numpy as np

from sgdiagrams.diagrams.executors.ordered import mapped
from sgdiagrams.numeric.noiseless.first_order import FirstOrder
from sgdiagrams.numeric.noiseless.reading import Reading
from sgdiagrams.numeric.path.read_off import GIVEN
from sgdiagrams.numeric.path.rounds_of_runs import NoiseRounds, RoundTask
from sgdiagrams.numeric.path.tallies import Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Executor

    from numpy.typing import NDArray

    from sgdiagrams.numeric.path.path_file import PathFile
    from sgdiagrams.numeric.path.rounds_of_runs import Kind

__all__ = ["Effort", "PathMeasuring"]

#: Of samples of each kind: in a round, at most where nothing else is said, cost of one in gradients of
#: the mean loss of all data at every update, and tables of vectors that are in memory at once, about.
_IN_A_ROUND: dict[Kind, int] = {"single": 64, "pairs": 16, "all": 64, "real": 512}
_MOST: dict[Kind, int] = {"single": 2**13, "pairs": 2**10, "all": 2**13, "real": 2**18}
_COST: dict[Kind, float] = {"single": 2.0, "pairs": 15.0, "all": 2.0}
_TABLES: dict[Kind, int] = {"single": 16, "pairs": 64, "all": 16, "real": 8}
_PAIRS_OF_SAMPLES = 4  # as many samples of single runs come on one pair
#: Cost of the first order of all datapoints, in gradients; and by how much a gradient of a few datapoints
#: costs more than its share.
_COST_OF_FIRST_ORDER, _OVERHEAD = 5.0, 4.0
#: Real runs are made where they cost less than this share of what they replace.
_CHEAP = 0.5


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How much is measured."""

    samples: int | None
    precision: float | None
    budget: float | None
    updates: int
    memory: float
    vector_bytes: int

    def most(self, kind: Kind) -> int:
        """Return the most samples of a kind."""
        if self.samples is not None:
            share = _PAIRS_OF_SAMPLES if kind == "pairs" else 1
            return max(2, self.samples // share)
        most = _MOST[kind]
        if self.budget is not None:
            most = min(most, int(self.budget / (_COST[kind] * self.updates)))
        return max(2, most)

    def in_a_round(self, kind: Kind) -> int:
        """Return how many samples are made at once."""
        fitting = int(self.memory / (_TABLES[kind] * self.vector_bytes))
        return max(1, min(_IN_A_ROUND[kind], fitting))


@final
class PathMeasuring:
    """Makes rounds until they are enough."""

    def __init__(
        self,
        rounds: NoiseRounds,
        wanted: Effort,
        noiseless: NDArray[np.float64],
        executor: Executor | None,
        progress: Callable[[float, str], None] | None,
    ) -> None:
        self.rounds = rounds
        self.wanted = wanted
        self.noiseless = noiseless
        self.executor = executor
        self.progress = progress
        #: Of all rows and datapoints, where they were gone through.
        self.everything: Tally | None = None
        self.notes: list[str] = []
        self._tallies: dict[str, Tally] = {}

    def known(self, kind: Kind) -> Tally | None:
        """Return what is known of a kind."""
        return self._tallies.get(kind)

    def first(self) -> Tally:
        """Return noise 1: of single runs, or of real runs less what noise 1 leaves out."""
        single, real = self._tallies["single"], self._tallies.get("real")
        if real is None or not real.count:
            return Tally(single.count, single.mean[0], single.scatter[0])
        left, error = single.mean[1], single.standard_error[1]
        both = np.sqrt(real.standard_error[0] ** 2 + error**2)
        return Tally.known(single.count, real.mean[0] - left, both)

    def make(self, file: PathFile, kind: Kind) -> None:
        """Make rounds of a kind until the precision, or the most, is reached."""
        most = self.wanted.most(kind)
        for _ in self._made(file, kind, most):
            if self.wanted.samples is not None:
                continue
            if self._reached(kind) or (kind == "single" and self.go_through_all(file)):
                return
            if kind == "single":
                self._real_runs(file)
        if kind == "single" and self.go_through_all(file):
            return
        if self.wanted.samples is None and not self._reached(kind):
            order = 2 if kind == "pairs" else 1
            self.notes.append(
                f"noise {order} was not measured to the precision asked for; give samples= or budget="
            )

    def _real_runs(self, file: PathFile) -> None:
        """Make real runs where noise 1 costs less by them.

        The mean change of a real run less its first order is noise 1 plus what that leaves out. Real runs
        are cheap, and what is left out varies less than noise 1, so that fewer runs are differentiated:
        two levels of Monte Carlo (Giles, Oper. Res. 56 (2008) 607).
        """
        if "real" in self._tallies:
            return
        tally, read_off = self._tallies["single"], self.rounds.read_off
        is_number = tally.mean.shape[1:] == (1,)
        if not is_number or any(factor == GIVEN for _, factor in read_off.factors):
            return
        of_first, of_left = (float(tally.variance[i, 0]) for i in range(2))
        aim = ((self.wanted.precision or 0.0) * float(tally.mean[0, 0])) ** 2
        if not (aim > 0 and math.isfinite(of_left)):
            return
        real = 2 * (math.sqrt(of_first) + math.sqrt(of_left)) ** 2 / aim
        share = sum(self.rounds.course.sizes) / (read_off.model.size * self.wanted.updates)
        cost = max(0.0, 2 * of_left / aim - tally.count) * _COST["single"]
        cost += real * share * _OVERHEAD + _COST_OF_FIRST_ORDER
        if cost > _CHEAP * (of_first / aim - tally.count) * _COST["single"]:
            return
        if 8 * self.wanted.updates * read_off.model.size > self.wanted.memory / 4:
            return  # the table of first orders
        first_order = FirstOrder.of(
            read_off.model,
            self.rounds.descent,
            Reading(tuple((sign, (factor,)) for sign, factor in read_off.factors)),
            eta=self.rounds.eta,
            test_model=None if read_off.test_model is read_off.model else read_off.test_model,
            memory=self.wanted.memory / 4,
        )
        singles = self.rounds
        self.rounds = replace(singles, first_order=first_order, end=float(self.noiseless[0]))
        for _ in self._made(file, "real", math.ceil(min(real, _MOST["real"]))):
            pass
        self.rounds = singles
        if not np.isfinite(self._tallies["real"].mean).all():
            self._tallies["real"] = Tally(0, np.zeros((1, 1)), np.zeros((1, 1)))
            self.notes.append("a real run diverged, so that real runs were not used")

    def _made(self, file: PathFile, kind: Kind, most: int) -> Iterator[None]:
        size = self.wanted.in_a_round(kind)
        firsts = range(0, most, size)
        tasks = [RoundTask(kind, first, min(size, most - first)) for first in firsts]
        earlier = file.rounds.get(kind, [])
        # A shorter round at the end belongs to one number of samples, and is made again.
        known = [tally for tally, task in zip(earlier, tasks, strict=False)
                 if tally.count == task.samples]  # fmt: skip
        if len(known) < len(tasks):
            file.rounds[kind] = known.copy()
        left = tasks[len(known) :]
        with closing(mapped(self.rounds, left, self.executor)) as results:
            for i in range(len(tasks)):
                if i < len(known):
                    tally = known[i]
                else:
                    tally = next(results)
                    file.add(kind, tally)
                before = self._tallies.get(kind)
                self._tallies[kind] = tally if before is None else before.joined(tally)
                if self.progress is not None:
                    self.progress(*self._said(kind, most))
                yield

    def go_through_all(self, file: PathFile) -> bool:
        """Take all rows and datapoints where these are no more than the samples needed; tell whether."""
        visits, counts = self.rounds.visits
        items = visits.shape[1] * self.rounds.read_off.model.size
        if not len(counts) or items > self._needed():
            return False
        for _ in self._made(file, "all", items):
            pass
        self.everything = self._tallies["all"]
        return True

    def _needed(self) -> float:
        """Return how many samples of single runs the precision needs, about."""
        if self.wanted.samples is not None:
            return self.wanted.samples
        tally = self._tallies["single"]
        size = (self.wanted.precision or 0.0) * _length(tally.mean[0])
        return tally.count * (_length(tally.standard_error[0]) / size) ** 2 if size else math.inf

    def _reached(self, kind: Kind) -> bool:
        error, size = self._precision_of(kind)
        return bool(error <= (self.wanted.precision or 0.0) * size)

    def _precision_of(self, kind: Kind) -> tuple[float, float]:
        """Return the error of a kind's order, and the size of all that noise adds."""
        first = self.first()
        if kind != "pairs":
            return _length(first.standard_error), _length(first.mean)
        tally = self._tallies[kind]
        return _length(tally.standard_error[0]), _length(first.mean + tally.mean[0])

    def _said(self, kind: Kind, most: int) -> tuple[float, str]:
        tally = self._tallies[kind]
        done = tally.count / most
        by_number = kind in {"all", "real"}
        if by_number:
            return done, f"{tally.count} of {most} {'runs' if kind == 'real' else 'rows'}"
        error, size = self._precision_of(kind)
        if self.wanted.samples is None and error and size:
            done = max(done, min(1.0, ((self.wanted.precision or 0.0) * size / error) ** 2))
        order = 2 if kind == "pairs" else 1
        return done, f"noise {order}, error {error:.2g} of {size:.3g}"

    def words(self) -> str:
        """Return in words how it was measured."""
        single = self._tallies["single"]
        text = f"noise 1 from {single.count} sampled runs, all of their pushes at once"
        if self.everything is not None:
            text = (
                "noise 1 exactly, from every row and datapoint; what is left out from "
                f"{single.count} sampled runs"
            )
        elif self._tallies.get("real", single).count and "real" in self._tallies:
            text = (
                f"noise 1 from {self._tallies['real'].count} real runs less their first order, and "
                f"{single.count} sampled runs of which all pushes are differentiated at once"
            )
        if "pairs" in self._tallies:
            text += f"; noise 2 from {self._tallies['pairs'].count} pairs of runs"
        return text


def _length(array: NDArray[np.float64]) -> float:
    """Return the largest size over times."""
    values = np.asarray(array)
    if values.ndim == 2:
        values = np.sqrt((values**2).sum(axis=1))
    return float(np.abs(values).max())
