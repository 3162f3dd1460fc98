"""The expansion in the noise along a run, measured: from a loss, weights and data to numbers."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from sgdiagrams.diagrams.errors import RequestError, SamplingError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.diagrams.whole_numbers import checked_seed, is_whole
from sgdiagrams.numeric.derivatives.derivatives import check_role
from sgdiagrams.numeric.descent import Descent
from sgdiagrams.numeric.model_landscapes.landscape_of_model import ModelLandscape
from sgdiagrams.numeric.models.choice import model_of
from sgdiagrams.numeric.models.chunks import MEMORY
from sgdiagrams.numeric.models.inputs import check_functions, positive_option
from sgdiagrams.numeric.models.safety.checking import check_model
from sgdiagrams.numeric.path.path_estimate import PathEstimate
from sgdiagrams.numeric.path.path_file import PathFile
from sgdiagrams.numeric.path.path_measuring import Effort, PathMeasuring
from sgdiagrams.numeric.path.read_off import ReadOff, signed_factors
from sgdiagrams.numeric.path.rounds_of_runs import NoiseRounds
from sgdiagrams.numeric.path.tallies import Tally
from sgdiagrams.numeric.simulation.batches import simulated_course
from sgdiagrams.numeric.simulation.rates import one_learning_rate
from sgdiagrams.symbolic.observable import named_observable
from sgdiagrams.symbolic.training.names import named_optimizer, named_sampling
from sgdiagrams.symbolic.training.training import Training

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Executor
    from fractions import Fraction
    from pathlib import Path

    from sgdiagrams.numeric.models.model import Model
    from sgdiagrams.symbolic.observable import Observable
    from sgdiagrams.symbolic.training.optimizer import Optimizer
    from sgdiagrams.symbolic.training.sampling import Sampling

__all__ = ["along_path", "along_path_of_model"]

_HIGHEST = 2
_MOST_SAMPLES = 10**8


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
        Name -> function of the weights: what is observed, and a penalty of the optimiser.
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
    # What is missing is said before a model is looked at.
    simulated_course(training.sampling, needs_noise=True)
    if training.optimizer.symbols:
        Descent.of(training)
    model = model_of(loss, weights, data, functions=functions, memory=memory)
    test_model = None if test_data is None else model_of(loss, weights, test_data, memory=memory)
    _check_noise(noise)
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
    _check_noise(noise)
    training = _on_its_rows(training, role)
    rate = one_learning_rate(eta)
    course = simulated_course(training.sampling, needs_noise=True)
    points = _times(times, course.updates)
    factors = signed_factors(
        watched, given_set=role == "training-set", has_test_data=test_model is not None
    )
    check_functions(model, watched.functions)
    rounds = NoiseRounds(
        read_off=ReadOff(model, test_model or model, factors),
        course=course,
        descent=Descent.of(training, points=points),
        eta=rate,
        seed=checked_seed(seed),
    )
    wanted = Effort(
        samples=_whole("samples", samples),
        precision=positive_option("precision", precision),
        budget=positive_option("budget", budget),
        updates=course.updates,
        memory=positive_option("memory", memory) or MEMORY,
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
    measuring = PathMeasuring(rounds, wanted, noiseless, executor, progress)
    with PathFile(checkpoint, settings) as file:
        try:
            measuring.make(file, "single")
            if noise > 1:
                measuring.make(file, "pairs")
            complete = True
        except KeyboardInterrupt:
            complete = False
    single = measuring.known("single")
    if single is None:
        raise KeyboardInterrupt  # nothing was measured yet
    left = Tally(single.count, single.mean[1], single.scatter[1])
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
        first=measuring.first(),
        left=left,
        higher=higher,
        exact_first=None if everything is None else everything.mean[0],
        diverged=round(float(single.mean[3].max()) * single.count),
        method=measuring.words(),
        notes=(*notes, *measuring.notes),
        complete=complete,
    )


def _check_noise(noise: Any) -> None:
    if not is_whole(noise, least=1, most=_HIGHEST):
        raise RequestError(f"expected noise=1 or noise=2, got noise={shown(noise)}")


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


def _whole(name: str, value: int | None) -> int | None:
    if value is None:
        return None
    if not is_whole(value, least=2, most=_MOST_SAMPLES):
        raise RequestError(f"expected 2 to {_MOST_SAMPLES} {name}, got {name}={shown(value)}")
    return int(value)
