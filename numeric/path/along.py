"""The expansion in the noise along a run, measured: from a loss, weights and data to numbers."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import numpy as np

from sgdiagrams.diagrams.errors import RequestError, SamplingError
from sgdiagrams.diagrams.executors.ordered import mapped
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.diagrams.whole_numbers import checked_seed, is_whole
from sgdiagrams.numeric.derivatives.derivatives import check_role
from sgdiagrams.numeric.descent import Descent
from sgdiagrams.numeric.model_landscapes.landscape_of_model import ModelLandscape
from sgdiagrams.numeric.models.choice import model_of
from sgdiagrams.numeric.models.safety.checking import check_model
from sgdiagrams.numeric.path.path_estimate import PathEstimate
from sgdiagrams.numeric.path.path_file import PathFile
from sgdiagrams.numeric.path.read_off import ReadOff, signed_factors
from sgdiagrams.numeric.path.rounds_of_runs import NoiseRounds, RoundTask
from sgdiagrams.numeric.path.tallies import Tally
from sgdiagrams.numeric.simulation.batches import simulated_course
from sgdiagrams.numeric.simulation.rates import learning_rates
from sgdiagrams.symbolic.observable import named_observable
from sgdiagrams.symbolic.training.names import named_optimizer, named_sampling
from sgdiagrams.symbolic.training.training import Training

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from concurrent.futures import Executor
    from fractions import Fraction
    from pathlib import Path

    from numpy.typing import NDArray

    from sgdiagrams.numeric.models.model import Model
    from sgdiagrams.numeric.path.rounds_of_runs import Kind
    from sgdiagrams.symbolic.observable import Observable
    from sgdiagrams.symbolic.training.optimizer import Optimizer
    from sgdiagrams.symbolic.training.sampling import Sampling

__all__ = ["along_path", "along_path_of_model"]

_HIGHEST = 2
#: Of samples of each kind: in a round, at most where nothing else is said, and cost of one in gradients
#: of the mean loss of all data at every update.
_IN_A_ROUND: dict[Kind, int] = {"single": 64, "pairs": 16, "all": 64}
_MOST: dict[Kind, int] = {"single": 2**13, "pairs": 2**10, "all": 2**13}
_COST: dict[Kind, float] = {"single": 5.0, "pairs": 40.0, "all": 5.0}
#: Tables of vectors of a sample that are in memory at once, about.
_TABLES: dict[Kind, int] = {"single": 16, "pairs": 64, "all": 16}
_PAIRS_OF_SAMPLES = 4  # as many samples of single runs come on one pair
_MOST_SAMPLES = 10**8
_MEMORY = 2.0**30


def along_path(
    loss: Callable[[Any, Any], Any],
    weights: Any,
    data: Any,
    *,
    observable: str | Observable = "test-loss",
    sampling: str | Sampling,
    optimizer: str | Optimizer = "sgd",
    eta: float,
    noise: int = 1,
    role: str = "population",
    times: Sequence[int] | None = None,
    samples: int | None = None,
    precision: float = 0.05,
    budget: float | None = None,
    memory: float | None = None,
    test_data: Any = None,
    functions: Mapping[str, Callable[[Any], Any]] | None = None,
    seed: int = 0,
    checkpoint: str | Path | None = None,
    executor: Executor | None = None,
    progress: Callable[[float, str], None] | None = None,
    **numbers: float | Fraction,
) -> PathEstimate:
    r"""Predict what training ends at by an expansion in the noise of its batches, at any learning rate.

    The noiseless run takes the mean gradient of all data at every update. What noise adds to it is

    .. math:: E\,s(\theta_T) = s(\varphi_T) + E\,\tfrac12 \frac{d^2 s}{d\epsilon^2} + \dots

    with all batches' deviations from the mean gradient scaled by :math:`\epsilon`: noise 1 is exactly
    proportional to 1/B (one pass) or 1/N (epochs at fixed N/B), noise *m* to its m-th power. Sampled runs
    are differentiated along the noiseless one, so that neither the learning rate nor the number of
    updates need be small; the noise has to be. The same runs at full noise tell what is left out.

    Parameters
    ----------
    loss, weights, data
        As for `measure`: the loss of one datapoint, where training starts, and the data that training
        sets are drawn from, uniformly and independently.
    observable
        ``"test-loss"``, ``"training-loss"``, ``"generalisation-gap"``, ``"displacement"``, or
        ``"function:NAME"``.
    sampling, optimizer
        As for `sgdiagrams.expand`.
    eta
        The learning rate.
    noise
        The highest order, 1 or 2.
    role
        ``"population"``: the data are the distribution, and every run draws a training set of its own.
        ``"training-set"``: they are the training set, from which a scheme with replacement draws its
        batches; the test loss then needs `test_data`.
    times
        After which updates the observable is read; the last one alone when left out. With an average of
        iterates, as if training ended there.
    samples
        How many sampled runs noise 1 is measured on, and four times as many as pairs of runs for noise 2.
        By default as many as `precision` needs.
    precision
        The statistical error of every order that is aimed at, relative to all that noise adds.
    budget
        How many gradients of the mean loss of all data may be spent, about.
    memory
        Bytes that may be used, about; 1 GiB by default. No run is ever kept whole.
    test_data
        Data for the test loss, where they are others.
    functions
        Name -> function of the weights.
    seed
        The same seed gives the same numbers, on one kind of machine.
    checkpoint
        A file (.npz) that is written as rounds end; a later call with the same settings goes on from it,
        also with more samples, with the same result as in one go.
    executor
        Any ``concurrent.futures.Executor``; this process by default. Results do not depend on it.
    progress
        Called with the fraction done and a text.
    **numbers
        The numbers of sampling scheme and optimiser, such as ``T=100`` or ``beta=0.9``.

    Returns
    -------
    PathEstimate
        After Ctrl-C, with what was measured so far.

    Raises
    ------
    RequestError, SamplingError, StatisticsError
        When an argument is wrong, the loss is no function that can be trusted, or the noiseless run
        diverges.
    FormatError
        When the checkpoint is of another measurement, damaged or in use.
    MissingDependencyError
        When the library of the model is absent.

    Warns
    -----
    UserWarning
        When the loss has kinks, which no derivative at a point sees.

    Examples
    --------
    A mean of which noise 1 is all there is, two rows and two datapoints, exactly:

    >>> import jax.numpy as jnp
    >>> estimate = along_path(
    ...     lambda w, x: (w - x) ** 2 / 2, jnp.array(2.0), jnp.array([-1.0, 1.0]),
    ...     sampling="one-pass", eta=0.5, T=2,
    ... )
    >>> [round(order, 6) for order in estimate.orders], estimate.order_standard_errors
    ([0.625, 0.15625], (0.0, 0.0))
    >>> round(estimate.at(B=10).excess, 6)
    0.015625
    """
    scheme, method = named_sampling(sampling), named_optimizer(optimizer)
    training = Training(scheme, method).at(**numbers)
    if training.optimizer.symbols:
        Descent.of(training)  # says what is missing
    model = model_of(loss, weights, data, functions=functions, memory=memory)
    test_model = None if test_data is None else model_of(loss, weights, test_data, memory=memory)
    if not is_whole(noise, least=0, most=_HIGHEST):
        raise RequestError(f"expected noise=1 or noise=2, got noise={shown(noise)}")
    notes = check_model(model, 2 * int(noise) + 1)
    for note in notes:
        warnings.warn(note, stacklevel=2)
    return along_path_of_model(
        model,
        training,
        test_model=test_model,
        observable=observable,
        eta=eta,
        noise=noise,
        role=role,
        times=times,
        samples=samples,
        precision=precision,
        budget=budget,
        memory=memory,
        seed=seed,
        checkpoint=checkpoint,
        executor=executor,
        progress=progress,
        notes=notes,
    )


def along_path_of_model(
    model: Model,
    training: Training,
    *,
    test_model: Model | None = None,
    observable: str | Observable = "test-loss",
    eta: float,
    noise: int = 1,
    role: str = "population",
    times: Sequence[int] | None = None,
    samples: int | None = None,
    precision: float = 0.05,
    budget: float | None = None,
    memory: float | None = None,
    seed: int = 0,
    checkpoint: str | Path | None = None,
    executor: Executor | None = None,
    progress: Callable[[float, str], None] | None = None,
    notes: tuple[str, ...] = (),
) -> PathEstimate:
    """Predict along the path of a model that is trusted; for the rest see `along_path`."""
    watched = named_observable(observable)
    if not is_whole(noise, least=1, most=_HIGHEST):
        raise RequestError(f"expected noise=1 or noise=2, got noise={shown(noise)}")
    training = _on_its_rows(training, role)
    rate = _rate(eta)
    course = simulated_course(training.sampling)
    points = _times(times, course.updates)
    factors = signed_factors(
        watched, given_set=role == "training-set", has_test_data=test_model is not None
    )
    _check_functions(model, watched)
    rounds = NoiseRounds(
        read_off=ReadOff(model, test_model or model, factors),
        course=course,
        descent=Descent.of(training, points=points),
        eta=rate,
        seed=checked_seed(seed),
    )
    wanted = _Wanted(
        samples=_whole("samples", samples),
        precision=_positive("precision", precision),
        budget=_positive("budget", budget),
        updates=course.updates,
        memory=_positive("memory", memory) or _MEMORY,
        vector_bytes=model.dimension * model.dtype.itemsize,
    )
    noiseless = rounds.noiseless()
    settings = {
        "observable": watched.name,
        "training": training.label,
        "fingerprint": repr((course, rounds.descent))[:10_000],
        "eta": rate,
        "seed": rounds.seed,
        "role": role,
        "model": dict(ModelLandscape(model, test_model).parameters),
        "times": list(points),
    }
    measuring = _Measuring(rounds, wanted, noiseless, executor, progress)
    with PathFile(checkpoint, settings) as file:
        try:
            measuring.make(file, "single")
            measuring.go_through_all(file)
            if noise > 1:
                measuring.make(file, "pairs")
            complete = True
        except KeyboardInterrupt:
            complete = False
    single = measuring.known("single")
    if single is None:
        raise KeyboardInterrupt  # nothing was measured yet
    first, left = (Tally(single.count, single.mean[i], single.scatter[i]) for i in range(2))
    pairs, everything = measuring.known("pairs"), measuring.everything
    higher = None
    if noise > 1:
        higher = Tally(pairs.count, pairs.mean[0], pairs.scatter[0]) if pairs else None
    return PathEstimate(
        observable=watched.name,
        sampling=training.sampling,
        optimizer=training.optimizer.label,
        eta=rate,
        times=points,
        is_curve=times is not None,
        noise=1 if higher is None else 2,
        noiseless=noiseless,
        first=first,
        left=left,
        higher=higher,
        exact_first=None if everything is None else everything.mean[0],
        diverged=round(float(single.mean[3].max()) * single.count),
        method=measuring.words(),
        notes=(*notes, *measuring.notes),
        complete=complete,
    )


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
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
class _Measuring:
    """Makes rounds until they are enough."""

    def __init__(
        self,
        rounds: NoiseRounds,
        wanted: _Wanted,
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

    def make(self, file: PathFile, kind: Kind) -> None:
        """Make rounds of a kind until the precision, or the most, is reached."""
        most = self.wanted.most(kind)
        for _ in self._made(file, kind, most):
            if self.wanted.samples is None and self._reached(kind):
                return
        if self.wanted.samples is None and not self._reached(kind):
            order = 2 if kind == "pairs" else 1
            self.notes.append(
                f"noise {order} was not measured to the precision asked for; give samples= or budget="
            )

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

    def go_through_all(self, file: PathFile) -> None:
        """Take all rows and datapoints where these are no more than the samples needed."""
        visits, counts = self.rounds.visits
        items = visits.shape[1] * self.rounds.read_off.model.size
        if not len(counts) or items > self._needed():
            return
        for _ in self._made(file, "all", items):
            pass
        self.everything = self._tallies["all"]

    def _needed(self) -> float:
        """Return how many samples of single runs the precision needs, about."""
        if self.wanted.samples is not None:
            return self.wanted.samples
        error, size = self._precision_of("single")
        if not size:
            return math.inf
        ratio = error / ((self.wanted.precision or 0.0) * size)
        return float(self._tallies["single"].count * ratio**2)

    def _reached(self, kind: Kind) -> bool:
        error, size = self._precision_of(kind)
        return bool(error <= (self.wanted.precision or 0.0) * size)

    def _precision_of(self, kind: Kind) -> tuple[float, float]:
        """Return the error of a kind's order, and the size of all that noise adds."""
        tally = self._tallies[kind]
        excess = self._tallies["single"].mean[0]
        if kind == "pairs":
            excess = excess + tally.mean[0]
        return _length(tally.standard_error[0]), _length(excess)

    def _said(self, kind: Kind, most: int) -> tuple[float, str]:
        tally = self._tallies[kind]
        done = tally.count / most
        error, size = self._precision_of("single") if kind == "all" else self._precision_of(kind)
        if self.wanted.samples is None and kind != "all" and error and size:
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
        if "pairs" in self._tallies:
            text += f"; noise 2 from {self._tallies['pairs'].count} pairs of runs"
        return text


def _length(array: NDArray[np.float64]) -> float:
    """Return the largest size over times."""
    values = np.asarray(array)
    if values.ndim == 2:
        values = np.sqrt((values**2).sum(axis=1))
    return float(np.abs(values).max())


def _on_its_rows(training: Training, role: str) -> Training:
    """Return the training with a scheme of independent rows.

    Raises
    ------
    RequestError
        When the rows of a given training set are not drawn independently.
    """
    check_role(role, RequestError)
    if role == "population":
        return training
    if role != "training-set":
        raise RequestError(
            "expected role='population' or role='training-set' along a path, got role='sample'; the "
            "noiseless run needs the mean gradient of the distribution"
        )
    given = training.sampling.on_given_rows
    if given is None:
        raise RequestError(
            "expected a scheme with replacement for role='training-set', got "
            f"sampling={shown(training.sampling.name)}, whose rows are not drawn independently of each "
            "other; take role='population'"
        )
    return Training(given, training.optimizer)


def _rate(eta: Any) -> float:
    if np.ndim(eta) != 0:
        raise RequestError(f"expected one learning rate, got eta={shown(eta)}")
    return learning_rates(eta)[0]


def _times(times: Sequence[int] | None, updates: int) -> tuple[int, ...]:
    if times is None:
        return (updates,)
    given: Iterable[Any] = times if isinstance(times, Iterable) else (times,)
    points = tuple(given)
    if not points or not all(is_whole(t, least=0, most=updates) for t in points):
        raise SamplingError(
            f"expected times as numbers of updates 0..{updates}, at least one, got times={shown(times)}"
        )
    return tuple(map(int, points))


def _check_functions(model: Model, watched: Observable) -> None:
    for name in watched.functions:
        if name not in model.functions:
            raise RequestError(
                f"expected the function {shown(name)} of the weights; give "
                f"functions={{{shown(name)}: ...}}"
            )


def _whole(name: str, value: int | None) -> int | None:
    if value is None:
        return None
    if not is_whole(value, least=2, most=_MOST_SAMPLES):
        raise RequestError(f"expected 2 to {_MOST_SAMPLES} {name}, got {name}={shown(value)}")
    return int(value)


def _positive(name: str, value: Any) -> float | None:
    if value is None:
        return None
    try:
        number = math.nan if isinstance(value, (bool, str)) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not number > 0:
        raise RequestError(f"expected {name} > 0, got {name}={shown(value)}")
    return number
