"""Influences of datapoints, measured: from a loss, weights and data to a table."""

from __future__ import annotations

import warnings
from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.executors.ordered import mapped
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.diagrams.whole_numbers import checked_seed, is_whole
from sgdiagrams.numeric.descent import Descent
from sgdiagrams.numeric.influences.influence import Influence
from sgdiagrams.numeric.influences.signed_runs import RowVisits, SignedRuns
from sgdiagrams.numeric.models.choice import model_of
from sgdiagrams.numeric.models.chunks import MEMORY
from sgdiagrams.numeric.models.inputs import check_functions, positive_option
from sgdiagrams.numeric.models.safety.checking import check_model
from sgdiagrams.numeric.noiseless.adjoint import effects
from sgdiagrams.numeric.noiseless.noiseless_run import NoiselessRun
from sgdiagrams.numeric.noiseless.reading import Reading
from sgdiagrams.numeric.path.read_off import ReadOff, signed_factors
from sgdiagrams.numeric.path.rounds_of_runs import NoiseRounds
from sgdiagrams.numeric.simulation.batches import simulated_course
from sgdiagrams.numeric.simulation.rates import one_learning_rate
from sgdiagrams.symbolic.observable import named_observable
from sgdiagrams.symbolic.training.names import named_optimizer, named_sampling
from sgdiagrams.symbolic.training.training import Training

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Executor
    from fractions import Fraction

    from numpy.typing import NDArray

    from sgdiagrams.numeric.models.model import Model
    from sgdiagrams.numeric.noiseless.reading import Linear
    from sgdiagrams.symbolic.observable import Observable
    from sgdiagrams.symbolic.training.optimizer import Optimizer
    from sgdiagrams.symbolic.training.sampling import Sampling

    Floats = NDArray[np.float64]

__all__ = ["influence", "influence_of_model"]

_MOST_SAMPLES = 10**6
_IN_A_ROUND = 64  # runs
_TABLES = 16  # of vectors of a round, in memory at once, about


def influence(
    loss: Callable[[Any, Any], Any],
    weights: Any,
    data: Any,
    *,
    observable: str | Observable = "test-loss",
    sampling: str | Sampling,
    optimizer: str | Optimizer = "sgd",
    eta: float,
    component: int | None = None,
    samples: int = 4,
    datapoints: Sequence[int] | None = None,
    memory: float | None = None,
    test_data: Any = None,
    functions: Mapping[str, Callable[[Any], Any]] | None = None,
    seed: int = 0,
    executor: Executor | None = None,
    progress: Callable[[float, str], None] | None = None,
    **numbers: float | Fraction,
) -> Influence:
    r"""Tell what every datapoint does to an observable along training.

    **To first order in its weight**: with the population :math:`(1 - \delta)\,l + \delta\,l_i` the end of
    the noiseless run changes by :math:`\delta` times

    .. math:: \sum_t \mu_t \cdot (\nabla l_i - \nabla l)(\varphi_t)

    where :math:`\mu_t` is the derivative of the observable by the gradient of update t, of all updates
    from one pass backwards. A training loss changes itself, too, by :math:`(l_i - l)(\varphi_T)`; test
    loss and functions stay the functions of the weights that they are.

    **Through the noise**: what draws of datapoint i contribute to noise 1, that is to what the batches of
    one real run add on the average; the contributions of all datapoints add up to it.

    Parameters
    ----------
    loss, weights, data
        As for `along_path`.
    observable
        ``"test-loss"``, ``"training-loss"``, ``"generalisation-gap"``, ``"displacement"`` or
        ``"function:NAME"``.
    sampling, optimizer
        As for `sgdiagrams.expand`.
    eta
        The learning rate.
    component
        The index of a displacement, from 0.
    samples
        Sampled runs for the contribution of each datapoint to noise 1, 2 or more, each the cost of about
        five noiseless runs; 0 for the first order alone. Exact, and with fewer runs, where no more rows
        than these differ in when they are visited.
    datapoints
        Whose contributions to the noise; all when left out.
    memory
        Bytes that may be used, about; 1 GiB by default.
    test_data
        Data for the test loss, where they are others.
    functions
        Name -> function of the weights.
    seed
        The same seed gives the same numbers, on one kind of machine.
    executor
        Any ``concurrent.futures.Executor``; this process by default. Results do not depend on it.
    progress
        Called with the fraction done and a text.
    **numbers
        The numbers of sampling scheme and optimiser, such as ``T=100`` or ``beta=0.9``.

    Returns
    -------
    Influence
        After Ctrl-C, with the contributions that were measured so far.

    Raises
    ------
    RequestError, SamplingError, StatisticsError
        When an argument is wrong, the loss is no function that can be trusted, or the noiseless run
        diverges.
    MissingDependencyError
        When the library of the model is absent.

    Warns
    -----
    UserWarning
        When the loss has kinks, which no derivative at a point sees.

    Examples
    --------
    Three datapoints, whose mean the weight follows. The last one, far away, is pulled towards; drawn or
    not in training sets of three, it makes most of the noise:

    >>> import jax.numpy as jnp
    >>> told = influence(
    ...     lambda w, x: (w - x) ** 2 / 2, jnp.array(0.0), jnp.array([-1.0, 0.0, 4.0]),
    ...     sampling="full-batch", N=3, E=2, eta=0.5,
    ... )
    >>> told.first_order.tolist(), told.noise.tolist()
    ([0.375, 0.1875, -0.5625], [0.125, 0.03125, 0.28125])
    >>> told.most_helpful(1).tolist()
    [2]
    """
    training = Training(named_sampling(sampling), named_optimizer(optimizer)).at(**numbers)
    model = model_of(loss, weights, data, functions=functions, memory=memory)
    test_model = None if test_data is None else model_of(loss, weights, test_data, memory=memory)
    notes = check_model(model, 3)
    for note in notes:
        warnings.warn(note, stacklevel=2)
    return influence_of_model(
        model,
        training,
        test_model=test_model,
        observable=observable,
        eta=eta,
        component=component,
        samples=samples,
        datapoints=datapoints,
        memory=memory,
        seed=seed,
        executor=executor,
        progress=progress,
        notes=notes,
    )


def influence_of_model(
    model: Model,
    training: Training,
    *,
    test_model: Model | None = None,
    observable: str | Observable = "test-loss",
    eta: float,
    component: int | None = None,
    samples: int = 4,
    datapoints: Sequence[int] | None = None,
    memory: float | None = None,
    seed: int = 0,
    executor: Executor | None = None,
    progress: Callable[[float, str], None] | None = None,
    notes: tuple[str, ...] = (),
) -> Influence:
    """Tell what the datapoints of a model that is trusted do; for the rest see `influence`."""
    watched = named_observable(observable)
    course = simulated_course(training.sampling, needs_noise=True)
    descent = Descent.of(training)
    rate = one_learning_rate(eta)
    if not is_whole(samples, most=_MOST_SAMPLES, least=0) or samples == 1:
        raise RequestError(
            f"expected samples=0, or 2 to {_MOST_SAMPLES} of each datapoint, got samples={shown(samples)}"
        )
    room = positive_option("memory", memory, "bytes") or MEMORY
    factors = signed_factors(watched, given_set=False, has_test_data=test_model is not None)
    _check_component(component, watched, model.dimension)
    wanted = _checked_datapoints(datapoints, model.size)
    check_functions(model, watched.functions)
    reading = Reading(
        tuple((sign, (factor,)) for sign, factor in factors),
        () if component is None else (int(component),),
        is_change=False,
    )
    run = NoiselessRun.of(model, descent, eta=rate, memory=room)
    linear, first_order = _first_order(run, reading, test_model)
    read_off = ReadOff(model, test_model or model, factors)
    runs = SignedRuns(
        read_off=read_off,
        course=course,
        descent=descent,
        eta=rate,
        seed=checked_seed(seed),
        component=component,
        datapoints=wanted if samples else wanted[:0],
        samples=int(samples),
        visits=_few_visits(NoiseRounds(read_off, course, descent, rate, 0), int(samples)),
    )
    size = int(room / (_TABLES * model.dimension * model.dtype.itemsize))
    values = _made(runs, max(1, min(_IN_A_ROUND, size)), executor, progress)
    noise, errors = _contributions(runs, values)
    is_exact = runs.visits is not None
    return Influence(
        observable=watched.name if component is None else f"{watched.name} [{component}]",
        sampling=training.sampling.label,
        optimizer=training.optimizer.label,
        eta=rate,
        noiseless=linear.value,
        first_order=first_order,
        datapoints=runs.datapoints[: len(noise)],
        noise=noise,
        noise_standard_errors=errors,
        samples=0 if is_exact else int(samples),
        notes=notes,
        complete=len(noise) == len(runs.datapoints),
    )


def _first_order(
    run: NoiselessRun, reading: Reading, test_model: Model | None
) -> tuple[Linear, Floats]:
    """Return what is read off at the end, and its derivatives by the weights of datapoints."""
    model = run.model
    passed = run.forward()
    linear = reading.at((passed.points[0], model.start), model, test_model)
    total = linear.rows.copy()
    for _, effect in effects(run, passed, [model.as_table(linear.slopes[0])]):
        total += effect
    return linear, total


def _few_visits(rounds: NoiseRounds, samples: int) -> RowVisits | None:
    """Return the courses of rows, where there are no more of them than samples, and no chance in them."""
    shares, counts = rounds.visits
    return RowVisits(shares, counts) if 0 < len(counts) <= samples else None


def _made(
    runs: SignedRuns,
    size: int,
    executor: Executor | None,
    progress: Callable[[float, str], None] | None,
) -> Floats:
    """Return what items gave, as far as it was not interrupted."""
    most = len(runs.datapoints) * runs.per_datapoint
    tasks = ((first, min(size, most - first)) for first in range(0, most, size))
    pieces: list[Floats] = [np.empty(0)]
    made = 0
    try:
        with closing(mapped(runs, tasks, executor)) as results:
            for piece in results:
                pieces.append(piece)
                made += len(piece)
                if progress is not None:
                    progress(made / most, f"{made} of {most} runs")
    except KeyboardInterrupt:
        pass  # what was made is returned
    return np.concatenate(pieces)


def _contributions(runs: SignedRuns, values: Floats) -> tuple[Floats, Floats]:
    """Return the contributions of whole datapoints and their errors."""
    per = max(1, runs.per_datapoint)
    table = values[: len(values) // per * per].reshape(-1, per)
    if runs.visits is not None or not len(table):
        return table.sum(axis=1), np.zeros(len(table))
    return table.mean(axis=1), table.std(axis=1, ddof=1) / np.sqrt(per)


def _check_component(component: int | None, watched: Observable, p: int) -> None:
    if (component is None) != (watched.rank == 0) or not (
        component is None or is_whole(component, least=0, most=p - 1)
    ):
        kind = f"component=0..{p - 1}" if watched.rank else "no component"
        raise RequestError(
            f"expected {kind} for observable={shown(watched.name)}, got component={shown(component)}"
        )


def _checked_datapoints(given: Sequence[int] | None, size: int) -> NDArray[np.intp]:
    if given is None:
        return np.arange(size)
    numbers = list(given) if np.iterable(given) else [given]
    if not all(is_whole(i, least=0, most=size - 1) for i in numbers) or len({*numbers}) < len(
        numbers
    ):
        raise RequestError(
            f"expected different numbers of datapoints 0..{size - 1}, got datapoints={shown(given)}"
        )
    return np.array(numbers, dtype=np.intp)
