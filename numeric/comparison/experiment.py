"""Prediction against experiment: an expansion and simulated SGD over a range of learning rates."""

from __future__ import annotations

import math
from contextlib import closing
from dataclasses import dataclass, replace
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal, final, overload

import numpy as np

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.executors.ordered import mapped
from sgdiagrams.diagrams.files import usable_path
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.diagrams.whole_numbers import checked_seed, is_whole
from sgdiagrams.numeric.comparison.comparison import Comparison
from sgdiagrams.numeric.comparison.path_experiment import compare_along_path
from sgdiagrams.numeric.comparison.points import Point
from sgdiagrams.numeric.comparison.predictions import (
    PredictionErrors,
    ResummedPrediction,
    check_values,
    derivatives_at_start,
    noise_of_visits,
    usual_order,
)
from sgdiagrams.numeric.comparison.refinement import refined
from sgdiagrams.numeric.estimates.powers import complete_order
from sgdiagrams.numeric.landscapes.checking import check_landscape
from sgdiagrams.numeric.landscapes.names import landscape as named_landscape
from sgdiagrams.numeric.simulation.checkpoint import Checkpoint
from sgdiagrams.numeric.simulation.rates import learning_rates
from sgdiagrams.numeric.simulation.simulation import Simulation
from sgdiagrams.numeric.storage.lock import alone_with
from sgdiagrams.symbolic.observable import named_observable
from sgdiagrams.symbolic.theorem import expand
from sgdiagrams.symbolic.training.names import named_optimizer, named_sampling
from sgdiagrams.symbolic.training.training import Training

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Executor
    from fractions import Fraction
    from pathlib import Path

    from sgdiagrams.numeric.comparison.path_comparison import PathComparison
    from sgdiagrams.numeric.estimates.tabulated import Tabulated
    from sgdiagrams.numeric.landscapes.landscape import Landscape
    from sgdiagrams.numeric.simulation.moments import Moments
    from sgdiagrams.numeric.statistics import Statistics
    from sgdiagrams.symbolic.algebra.expression import Expression
    from sgdiagrams.symbolic.observable import Observable
    from sgdiagrams.symbolic.training.optimizer import Optimizer
    from sgdiagrams.symbolic.training.sampling import Sampling

__all__ = ["Comparison", "compare"]

_POINTS = 8
_MOST_ORDER = 10  # as of expansions
_MOST_RUNS = 10**8
_SECONDS = 0.5  # between two savings
_PATIENCE = 10  # seconds that a re-summed curve may take
_ROUNDING = 1e-12  # of the largest contribution: less than this is taken for zero
_FALLBACK = 0.1  # the highest learning rate where a single contribution tells no scale


@overload
def compare(
    landscape: str | Landscape,
    *,
    observable: str | Observable | Expression = ...,
    order: int | None = ...,
    sampling: str | Sampling = ...,
    optimizer: str | Optimizer = ...,
    eta: float | Sequence[float] | None = ...,
    runs: int = ...,
    seed: int = ...,
    checkpoint: str | Path | None = ...,
    progress: Callable[[float, str], None] | None = ...,
    executor: Executor | None = ...,
    component: int | tuple[int, ...] | None = ...,
    resummed: bool = ...,
    values: Statistics | Tabulated | None = ...,
    along_path: Literal[False] = ...,
    control: Literal[False] = ...,
    at: None = ...,
    noise: None = ...,
    samples: None = ...,
    precision: None = ...,
    budget: None = ...,
    memory: None = ...,
    **numbers: float | Fraction,
) -> Comparison: ...


@overload
def compare(
    landscape: str | Landscape,
    *,
    observable: str | Observable | Expression = ...,
    sampling: str | Sampling = ...,
    optimizer: str | Optimizer = ...,
    eta: float,
    runs: int = ...,
    seed: int = ...,
    checkpoint: str | Path | None = ...,
    progress: Callable[[float, str], None] | None = ...,
    executor: Executor | None = ...,
    order: None = ...,
    component: None = ...,
    resummed: Literal[False] = ...,
    values: None = ...,
    along_path: Literal[True],
    control: bool = ...,
    at: Mapping[str, Sequence[int]] | None = ...,
    noise: int | None = ...,
    samples: int | None = ...,
    precision: float | None = ...,
    budget: float | None = ...,
    memory: float | None = ...,
    **numbers: float | Fraction | Sequence[int],
) -> PathComparison: ...


def compare(
    landscape: str | Landscape,
    *,
    observable: str | Observable | Expression = "test-loss",
    order: int | None = None,
    sampling: str | Sampling = "one-pass",
    optimizer: str | Optimizer = "sgd",
    eta: float | Sequence[float] | None = None,
    runs: int = 10_000,
    seed: int = 0,
    checkpoint: str | Path | None = None,
    progress: Callable[[float, str], None] | None = None,
    executor: Executor | None = None,
    component: int | tuple[int, ...] | None = None,
    resummed: bool = False,
    values: Statistics | Tabulated | None = None,
    along_path: bool = False,
    control: bool = False,
    at: Mapping[str, Sequence[int]] | None = None,
    noise: int | None = None,
    samples: int | None = None,
    precision: float | None = None,
    budget: float | None = None,
    memory: float | None = None,
    **numbers: Any,
) -> Comparison | PathComparison:
    """Predict an observable order by order and simulate it.

    Losses are compared by their change, the variance of the test loss and a component of the
    displacement or the second moment as they are. Along the path it is compared what noise adds to the
    noiseless run, at one learning rate for several batch sizes.

    Parameters
    ----------
    landscape
        ``"digits"``, ``"gauss"``, ``"helix"``, ``"mean"`` or an object.
    observable, sampling, optimizer
        As for `sgdiagrams.expand`. Of a continuous limit its own equation is run, to order 4.
        Covariances are not simulated, functions of the weights only with their values and derivatives.
    order
        The highest order, at least 1; left out 3, or with `resummed` one with which that series ends in a
        complete power: 4 for losses, 3 for displacement and generalisation gap.
    eta
        Learning rates other than 0, of any sign. By default eight, growing by a constant factor to where
        the last contribution is half of the one before, a little beyond what the judgement calls
        trustworthy; up to 0.1 where one order alone contributes.
    runs
        Runs at each learning rate, 2 to 10^8; each draws its own training set and batches.
    seed
        The same seed gives the same numbers; every learning rate draws its own training sets.
    checkpoint
        A file that keeps the simulation; a later call with the same settings goes on from it, with the
        same result as in one go. There may be more runs, and the order may differ if the learning rates
        are given. One call at a time uses it.
    progress
        Called with the fraction done and a text.
    executor
        Any ``concurrent.futures.Executor`` that shares the simulation; None for this process. The result
        does not depend on it.
    component
        For a displacement its index, for a second moment its two indices, from 0.
    resummed
        Whether the re-summed prediction is given beside the plain one. Long runs need it, and learning
        rates that are given: those by default are of use for the plain one.
    values
        Where the numbers of the prediction come from: `Statistics`, a measurement, or a table of values;
        their errors go into the deviations. Left out, the derivatives of the landscape itself.
    along_path
        Whether the prediction is that of `along_path`, for a `model_landscape`: one measurement,
        rescaled, beside runs for every batch size, at one `eta`. It takes test loss, training loss and
        generalisation gap; none of `order`, `component`, `resummed`, `values`. A checkpoint ``c.npz``
        becomes a file for every part beside it, ``c-path.npz``, ``c-B8.npz``.
    control
        Along the path, as for `simulate`: far fewer runs do for small excesses.
    at
        Along the path the batch sizes that are simulated, ``{"B": [8, 16, 32]}``, or for epochs the
        training sets, ``{"N": [64, 128]}``, at the same N/B; then the other numbers are those of the
        measurement. Left out, lists among the numbers, ``B=[8, 16, 32]``, or ``N=[64, 128], B=[8, 16]``;
        the middle of these is measured.
    noise, samples, precision, budget, memory
        Along the path, as for `along_path`.
    **numbers
        The numbers of sampling scheme and optimiser, such as ``T=10`` or ``beta=0.9``.

    Returns
    -------
    Comparison or, along the path, PathComparison
        After Ctrl-C, with what was measured so far.

    Raises
    ------
    RequestError, SamplingError
        When a name, number or learning rate is not possible, the request is not simulated, or the methods
        of a landscape do not agree with each other.
    FormatError
        When the checkpoint is of another simulation or of more runs, has been changed, or is in use.

    Examples
    --------
    >>> comparison = compare("mean", order=2, eta=0.01, runs=4000, T=3)
    >>> abs(comparison.points[0].deviations[1]) < 4
    True
    >>> compare("mean", order=2, optimizer="momentum", eta=0.01, runs=9, T=3, beta=0.9).optimizer
    'momentum beta=9/10'

    After many updates the plain series runs away, and the re-summed one does not:

    >>> long = compare("mean", order=2, eta=0.1, runs=400, T=200, resummed=True).points[0]
    >>> abs(long.deviations[-1]) > 100, abs(long.resummed_deviations[-1]) < 4
    (True, True)
    """
    measuring = {"samples": samples, "precision": precision, "budget": budget, "memory": memory}
    if along_path:
        others = {"order": order, "component": component, "resummed": resummed, "values": values}
        _refuse("without along_path=True", others)
        return compare_along_path(
            landscape,
            observable=observable,
            sampling=sampling,
            optimizer=optimizer,
            eta=eta,
            noise=1 if noise is None else noise,
            runs=runs,
            seed=seed,
            at=at,
            control=control,
            checkpoint=checkpoint,
            progress=progress,
            executor=executor,
            measuring={name: value for name, value in measuring.items() if value is not None},
            numbers=numbers,
        )
    _refuse("with along_path=True", {"control": control, "at": at, "noise": noise, **measuring})
    training = Training(named_sampling(sampling), named_optimizer(optimizer)).at(**numbers)
    scheme, method = training.sampling, training.optimizer
    ground = named_landscape(landscape)
    watched = named_observable(observable)
    if values is not None:
        check_values(values, resummed=resummed)
    if order is None:
        order = complete_order(watched) if resummed else usual_order(values)
    if not is_whole(order, least=1, most=_MOST_ORDER):
        raise RequestError(
            f"expected an order 1..{_MOST_ORDER} to compare, got order={shown(order)}"
        )
    if not is_whole(runs, least=2, most=_MOST_RUNS):
        raise RequestError(f"expected 2 to {_MOST_RUNS} runs, got runs={shown(runs)}")
    order, runs, seed = int(order), int(runs), checked_seed(seed)
    known: Statistics | Tabulated
    if values is None:
        known = own = derivatives_at_start(ground, order, method, watched)
        check_landscape(ground, order=order, statistics=own)
    else:
        known = values
        check_landscape(ground, order=order, has_statistics=False)
    # Before the expansion, which may take long.
    simulation = Simulation(ground, training, observable=watched, component=component)
    visits = noise_of_visits(known)
    expansion = expand(watched, order=order, sampling=scheme, optimizer=method, visits=visits)
    estimate = expansion.evaluate(known, eta=1.0)
    place = simulation.component
    coefficients = tuple(float(c if place is None else c[place]) for c in estimate.orders)
    etas = _learning_rates(eta, coefficients)
    errors: list[tuple[float, ...]] = [()] * len(etas)
    if np.any(estimate.change_standard_error):
        error_of = PredictionErrors(watched, order, training, known, place)
        errors = [error_of(e) for e in etas]
    predict = None
    if resummed:
        # Eigenvalues need the second derivatives.
        full = values or derivatives_at_start(ground, max(order, 2), method, watched)
        predict = ResummedPrediction(watched, order, training, full, place)
    early = [() if predict is None else predict(e) for e in etas]  # its errors come at once
    result = Comparison(
        ground.name,
        watched.name,
        scheme.label,
        coefficients,
        (),
        runs,
        optimizer=method.label,
        component=place,
    )
    settings = simulation.settings | {
        "eta": list(etas),
        "seed": seed,
        "chunk": simulation.chunk,
    }
    state = Checkpoint(settings, points=len(etas), chunk=simulation.chunk, runs=runs)
    if checkpoint is None:
        complete = _run(simulation, etas, runs, seed, state, None, progress, executor)
    else:
        path = usable_path(checkpoint)
        with alone_with(path):
            state.load(path)
            complete = _run(simulation, etas, runs, seed, state, path, progress, executor)
    points = tuple(
        Point(e, moments, result.predict(e), simulation.statistic, other, error)
        for e, moments, other, error in zip(etas, state.moments, early, errors, strict=True)
    )
    made = dict(zip(etas, early, strict=True))
    curve = () if predict is None else refined(predict, made, seconds=_PATIENCE)
    return replace(result, points=points, complete=complete, resummed_curve=curve)


def _refuse(rule: str, options: dict[str, Any]) -> None:
    """Raise a RequestError for the first option that is given and means nothing."""
    for name, value in options.items():
        if value is not None and value is not False:
            raise RequestError(f"expected {name} {rule} only, got {name}={shown(value)}")


@final
@dataclass(frozen=True, slots=True)
class _Chunk:
    """Makes one chunk of runs at one learning rate; what is sent to workers."""

    simulation: Simulation
    runs: int
    seed: int

    def __call__(self, task: tuple[int, float, int]) -> tuple[int, float, Moments]:
        i, eta, start = task
        size = self.simulation.chunk
        seed = (self.seed, i, start // size)
        return i, eta, self.simulation.run(eta=eta, runs=min(size, self.runs - start), seed=seed)


def _run(
    simulation: Simulation,
    etas: tuple[float, ...],
    runs: int,
    seed: int,
    state: Checkpoint,
    checkpoint: Path | None,
    progress: Callable[[float, str], None] | None,
    executor: Executor | None,
) -> bool:
    """Simulate chunk by chunk, all learning rates in turn; return whether it was not interrupted.

    A point that has made `runs` runs is done; the last chunk of a point may be shorter. What is new is
    saved at the end, and before that whenever it has taken a while.
    """
    size = simulation.chunk
    tasks = (
        (i, eta, start)
        for start in range(0, runs, size)
        for i, eta in enumerate(etas)
        if state.done(i) <= start
    )
    last, is_new = -math.inf, False
    try:
        with closing(mapped(_Chunk(simulation, runs, seed), tasks, executor)) as results:
            for i, eta, chunk in results:
                state.add(i, chunk)
                is_new = True
                if checkpoint is not None and perf_counter() - last > _SECONDS:
                    state.save(checkpoint)
                    last, is_new = perf_counter(), False
                if progress is not None:
                    ended = sum(map(state.done, range(len(etas))))
                    progress(ended / (runs * len(etas)), f"eta = {eta:.3g}")
    except KeyboardInterrupt:
        return False
    finally:
        # Whatever ends it: an interrupt, an error of a user's landscape, or that all is done.
        if checkpoint is not None and is_new:
            state.save(checkpoint)
    return True


def _learning_rates(
    eta: float | Sequence[float] | None, coefficients: tuple[float, ...]
) -> tuple[float, ...]:
    if eta is None:
        sizes = [abs(c) for c in coefficients]
        orders = [(k, c) for k, c in enumerate(sizes) if k and c > _ROUNDING * max(sizes)]
        if not orders:
            raise RequestError(
                "expected a contribution other than 0; give the learning rates: eta="
            )
        if len(orders) == 1:
            top = _FALLBACK
        else:
            (j, before), (k, last) = orders[-2:]
            top = (before / last / 2) ** (1 / (k - j))
        return tuple(float(value) for value in top * np.geomspace(0.1, 1, _POINTS))
    return tuple(sorted(learning_rates(eta)))
