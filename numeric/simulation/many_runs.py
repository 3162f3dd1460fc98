"""Many runs of SGD, one number each."""

from __future__ import annotations

import hashlib
import math
from contextlib import closing, nullcontext
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any, final

import numpy as np

from sgdiagrams.diagrams.errors import RequestError, check_kind
from sgdiagrams.diagrams.executors.ordered import mapped
from sgdiagrams.diagrams.files import json_text, usable_path
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.diagrams.whole_numbers import checked_seed, is_whole
from sgdiagrams.numeric.landscapes.names import landscape as named_landscape
from sgdiagrams.numeric.simulation.moments import finite_or_nan
from sgdiagrams.numeric.simulation.rates import learning_rates
from sgdiagrams.numeric.simulation.record import Record
from sgdiagrams.numeric.simulation.simulated import Simulated
from sgdiagrams.numeric.simulation.simulation import Simulation
from sgdiagrams.numeric.storage.lock import alone_with
from sgdiagrams.symbolic.training.names import named_optimizer, named_sampling
from sgdiagrams.symbolic.training.training import Training

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Executor
    from fractions import Fraction
    from pathlib import Path

    from sgdiagrams.numeric.landscapes.landscape import Floats, Landscape
    from sgdiagrams.symbolic.algebra.expression import Expression
    from sgdiagrams.symbolic.observable import Observable
    from sgdiagrams.symbolic.training.optimizer import Optimizer
    from sgdiagrams.symbolic.training.sampling import Sampling

__all__ = ["simulate"]

_MOST_RUNS = 10**7  # a number of each is kept
_SECONDS = 0.5  # between two savings
_SHARE = 20  # saving takes at most one part in so many of the time


def simulate(
    landscape: str | Landscape,
    *,
    observable: str | Observable | Expression = "test-loss",
    sampling: str | Sampling = "one-pass",
    optimizer: str | Optimizer = "sgd",
    eta: float | Sequence[float],
    runs: int = 10_000,
    seed: int = 0,
    component: int | tuple[int, ...] | None = None,
    control: bool = False,
    checkpoint: str | Path | None = None,
    executor: Executor | None = None,
    progress: Callable[[float, str], None] | None = None,
    **numbers: float | Fraction,
) -> Simulated:
    """Train many times and read an observable off at the end of every run.

    Every run begins at the landscape's starting point, and draws a training set of N datapoints and then
    its orders. **Common random numbers**: run r of a seed draws

    * the same training set whatever the scheme, the optimiser and the learning rate, if N is the same;
      of a smaller N it is the beginning of that of a larger one;
    * the same order of every epoch for all reshuffled epochs of one N, whatever B and the optimiser, and
      the same batches for equal N, B and T with replacement.

    So two protocols are compared run by run, and their difference has a small error:
    ``simulate(...) - simulate(...)``.

    **Control variates**: on the landscape of a model the first order in the noise of every run is known
    from its draws alone, and has mean zero. Subtracted, it leaves the mean as it is, at any noise, with a
    smaller error.

    Parameters
    ----------
    landscape
        ``"digits"``, ``"gauss"``, ``"helix"``, ``"mean"`` or an object, such as `model_landscape` makes
        of a JAX function or a PyTorch module.
    observable, sampling, optimizer
        As for `sgdiagrams.expand`. Losses are read off as their change since the start, which is what
        ``Estimate.change`` predicts. Of a continuous limit its own equation is run, to order 4.
        Covariances are not simulated, functions of the weights only with their values, and expressions
        where the landscape knows their derivatives.
    eta
        One learning rate or several, other than 0.
    runs
        Their number, 2 to 10^7.
    seed
        The same seed gives the same numbers, for any executor.
    component
        For a displacement its index, for a second moment its two indices, from 0.
    control
        Subtract the first order in the noise from what every run ends at. For means on landscapes of
        models; costs about four noiseless runs (updates with all data) for each learning rate, and a
        table of updates times datapoints. Functions of the weights need their gradients.
    checkpoint
        A file (.npz) that keeps what the runs ended at; a later call with the same settings goes on from
        it, with the same result as in one go, also for more runs. One call at a time uses it.
    executor
        Any ``concurrent.futures.Executor`` that shares the work; None for this process.
    progress
        Called with the fraction done and a text.
    **numbers
        The numbers of sampling scheme and optimiser, such as ``T=10`` or ``beta=0.9``.

    Returns
    -------
    Simulated
        After Ctrl-C, with the runs that were made so far.

    Raises
    ------
    RequestError, SamplingError
        When a name, number or learning rate is not possible, or the request is not simulated.
    FormatError
        When the checkpoint is of another simulation, has been changed, or is in use.

    Examples
    --------
    >>> options = dict(eta=0.1, N=8, T=8, runs=2000)
    >>> once = simulate("mean", sampling="one-pass", eta=0.1, T=8, runs=2000)
    >>> drawn = simulate("mean", sampling="with-replacement", B=1, **options)
    >>> difference = drawn - once
    >>> difference.standard_error < 0.8 * difference.unpaired_standard_error
    True
    """
    training = Training(named_sampling(sampling), named_optimizer(optimizer)).at(**numbers)
    ground = named_landscape(landscape)
    etas = learning_rates(eta)
    if not is_whole(runs, least=2, most=_MOST_RUNS):
        raise RequestError(f"expected 2 to {_MOST_RUNS} runs, got runs={shown(runs)}")
    check_kind("control", control, bool, called="True or False")
    runs, seed = int(runs), checked_seed(seed)
    simulation = Simulation(ground, training, observable=observable, component=component)
    settings = simulation.settings | {"eta": list(etas), "seed": seed}
    record = Record(settings, points=len(etas))
    path = None if checkpoint is None else usable_path(checkpoint)
    with nullcontext() if path is None else alone_with(path):
        if path is not None:
            record.load(path)
        task = _Chunk(simulation, etas, seed)
        complete = not control or _control(task, runs, record, path, progress)
        complete = complete and _run(task, runs, record, path, progress, executor)
    made = min(runs, record.made, record.controls.shape[1]) if control else min(runs, record.made)
    place = {name: settings[name] for name in ("landscape", "parameters", "start")}
    return Simulated(
        landscape=ground.name,
        observable=settings["observable"],
        sampling=training.sampling.label,
        optimizer=training.optimizer.label,
        component=simulation.component,
        statistic=simulation.statistic,
        etas=etas,
        is_single=np.ndim(eta) == 0,
        per_run=_read_only(record.per_run[:, :made]),
        controls=_read_only(record.controls[:, :made]) if control else None,
        runs=runs,
        seed=seed,
        place=hashlib.sha256(json_text(place).encode()).hexdigest(),
        complete=complete,
    )


@final
@dataclass(frozen=True, slots=True)
class _Chunk:
    """Makes some of the runs at all learning rates; what is sent to workers."""

    simulation: Simulation
    etas: tuple[float, ...]
    seed: int

    def __call__(self, task: tuple[int, int]) -> Floats:
        first, runs = task
        values = [
            self.simulation.values(eta=eta, first=first, runs=runs, seed=self.seed)
            for eta in self.etas
        ]
        return finite_or_nan(np.array(values))


def _control(
    chunk: _Chunk,
    runs: int,
    record: Record,
    path: Path | None,
    progress: Callable[[float, str], None] | None,
) -> bool:
    """Complete the controls of the runs; return whether it was not interrupted."""
    known = record.controls.shape[1]
    if known >= runs:
        return True
    simulation, size = chunk.simulation, chunk.simulation.chunk
    rows: list[Floats] = []
    try:
        for eta in chunk.etas:
            if progress is not None:
                progress(len(rows) / len(chunk.etas), "the noiseless run, for control variates")
            table = simulation.first_order(eta=eta)
            pieces = [
                simulation.controls(
                    table, first=first, runs=min(size, runs - first), seed=chunk.seed
                )
                for first in range(known, runs, size)
            ]
            rows.append(np.concatenate(pieces))
    except KeyboardInterrupt:
        return False
    record.controls = np.concatenate([record.controls, np.array(rows)], axis=1)
    if path is not None:
        record.save(path)
    return True


def _run(
    chunk: _Chunk,
    runs: int,
    record: Record,
    path: Path | None,
    progress: Callable[[float, str], None] | None,
    executor: Executor | None,
) -> bool:
    """Make the runs chunk by chunk; return whether it was not interrupted."""
    size = chunk.simulation.chunk
    tasks = ((first, min(size, runs - first)) for first in range(record.made, runs, size))
    last, pause, is_new = -math.inf, _SECONDS, False
    try:
        with closing(mapped(chunk, tasks, executor)) as results:
            for result in results:
                record.add(result)
                is_new = True
                if path is not None and perf_counter() - last > pause:
                    begin = perf_counter()
                    record.save(path)
                    last, is_new = perf_counter(), False
                    pause = max(_SECONDS, _SHARE * (last - begin))
                if progress is not None:
                    progress(record.made / runs, _words(record.made, runs))
    except KeyboardInterrupt:
        return False
    finally:
        # Whatever ends it: an interrupt, an error of a user's landscape, or that all is done.
        if path is not None and is_new:
            record.save(path)
    return True


def _read_only(array: Floats) -> Floats:
    copy = array.copy()
    copy.flags.writeable = False
    return copy


def _words(made: int, runs: int) -> Any:
    return f"{made} of {runs} runs"
