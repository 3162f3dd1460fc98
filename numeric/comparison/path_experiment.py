"""Predictions along the path against simulated training: one measurement, runs for every batch size."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.files import usable_path
from sgdiagrams.diagrams.messages import shortened, shown
from sgdiagrams.diagrams.whole_numbers import checked_seed, is_whole
from sgdiagrams.numeric.comparison.path_comparison import PathComparison, PathPoint
from sgdiagrams.numeric.landscapes.names import landscape as named_landscape
from sgdiagrams.numeric.models.safety.checking import check_model
from sgdiagrams.numeric.path.along import along_path_of_model
from sgdiagrams.numeric.path.path_table import one_list
from sgdiagrams.numeric.simulation.many_runs import simulate
from sgdiagrams.symbolic.observable import named_observable
from sgdiagrams.symbolic.training.names import named_optimizer, named_sampling
from sgdiagrams.symbolic.training.training import Training

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Executor
    from pathlib import Path

    from sgdiagrams.numeric.landscapes.landscape import Landscape
    from sgdiagrams.numeric.path.path_estimate import PathEstimate
    from sgdiagrams.numeric.simulation.simulated import Simulated
    from sgdiagrams.symbolic.algebra.expression import Expression
    from sgdiagrams.symbolic.observable import Observable
    from sgdiagrams.symbolic.training.optimizer import Optimizer
    from sgdiagrams.symbolic.training.sampling import Sampling

__all__ = ["compare_along_path"]

_OBSERVABLES = ("test-loss", "training-loss", "generalisation-gap")
_MOST_RUNS = 10**7


def compare_along_path(
    landscape: str | Landscape,
    *,
    observable: str | Observable | Expression,
    sampling: str | Sampling,
    optimizer: str | Optimizer,
    eta: Any,
    noise: int,
    runs: int,
    seed: int,
    at: Mapping[str, Sequence[int]] | None,
    control: bool,
    checkpoint: str | Path | None,
    progress: Callable[[float, str], None] | None,
    executor: Executor | None,
    measuring: Mapping[str, Any],
    numbers: Mapping[str, Any],
) -> PathComparison:
    """Measure once along the path, rescale, and simulate at every batch size; see `compare`.

    Parameters
    ----------
    measuring
        How much is measured: ``samples``, ``precision``, ``budget`` and ``memory`` of `along_path`.
    numbers
        Those of the sampling and the optimiser. Where `at` is left out one or two are lists of equal
        length, and the middle of these is what is measured.
    """
    ground = named_landscape(landscape)
    model = ground.model
    if model is None:
        raise RequestError(
            f"expected a landscape of a model along the path, got {shown(ground.name)}; make one with "
            "model_landscape(loss, weights, data)"
        )
    watched = named_observable(observable)
    if watched.name not in _OBSERVABLES:
        raise RequestError(
            f"expected {', '.join(_OBSERVABLES)} to compare along the path, got {shown(watched.name)}"
        )
    if eta is None:
        raise RequestError("expected one learning rate along the path; give eta=0.1")
    if not is_whole(runs, least=2, most=_MOST_RUNS):
        raise RequestError(f"expected 2 to {_MOST_RUNS} runs, got runs={shown(runs)}")
    scheme, method = named_sampling(sampling), named_optimizer(optimizer)
    own, wanted = (numbers, at) if at is not None else _middle(numbers)
    training = Training(scheme, method).at(**own)
    name, marks = one_list(wanted)
    schemes = [training.sampling.rescaled(**{name: mark})[0] for mark in marks]
    if not is_whole(noise, least=1, most=2):
        raise RequestError(f"expected noise=1 or noise=2, got noise={shown(noise)}")
    notes = check_model(model, 2 * int(noise) + 1)
    for note in notes:
        warnings.warn(note, stacklevel=3)
    shares = _Shares(progress, len(marks) + 1)
    estimate = along_path_of_model(
        model,
        training,
        test_model=ground.test_model,
        observable=watched,
        eta=eta,
        noise=noise,
        seed=checked_seed(seed),
        checkpoint=_file(checkpoint, "path"),
        executor=executor,
        progress=shares.of(0, "measuring"),
        notes=notes,
        **measuring,
    )
    complete = estimate.complete
    before = _at_start(ground, model.size, watched.name)
    points = []
    for k, (mark, other) in enumerate(zip(marks, schemes, strict=True)):
        simulated = None
        if complete:
            simulated = simulate(
                ground,
                observable=watched,
                sampling=other,
                optimizer=training.optimizer,
                eta=eta,
                runs=int(runs),
                seed=_seed_of(seed, int(mark)),
                control=control,
                checkpoint=_file(checkpoint, f"{name}{int(mark)}"),
                executor=executor,
                progress=shares.of(k + 1, f"{name}={int(mark)}"),
            )
            complete = simulated.complete
        points.append(_point(estimate.at(**{name: mark}), int(mark), simulated, before))
    return PathComparison(ground.name, estimate, name, tuple(points), int(runs), complete)


def _middle(numbers: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, list[Any]]]:
    """Return the numbers of the measurement, and those that are simulated, from lists of numbers.

    Batches of epochs may be a list beside the training sets, in the same order.
    """
    lists = {name: list(value) for name, value in numbers.items() if np.ndim(value)}
    lengths = set(map(len, lists.values()))
    if len(lengths) != 1 or 0 in lengths or not set(lists) <= {"N", "B"}:
        given = ", ".join(f"{shortened(name)}={shown(value)}" for name, value in numbers.items())
        raise RequestError(
            "expected several batch sizes such as B=[8, 16, 32], or for epochs N=[64, 128] with "
            f"B=[8, 16], or at={{...}}, got {given or 'none'}"
        )
    place = (lengths.pop() - 1) // 2
    own = {name: lists[name][place] if name in lists else value for name, value in numbers.items()}
    name = "N" if "N" in lists else "B"
    _check_steps(lists)
    return own, {name: lists[name]}


def _check_steps(lists: Mapping[str, Sequence[Any]]) -> None:
    if set(lists) == {"N"}:
        raise RequestError(
            "expected as many batch sizes as training sets, at one N/B, got no list of B; give "
            "N=[64, 128], B=[8, 16], or at={'N': [64, 128]} with the numbers of the measurement"
        )
    if len(lists) == 2:
        pairs = list(zip(lists["N"], lists["B"], strict=True))
        first_N, first_B = pairs[0]
        if any(N * first_B != first_N * B for N, B in pairs):
            raise RequestError(
                f"expected one N/B, got N={shown(lists['N'])}, B={shown(lists['B'])}; other numbers of "
                "updates need a measurement of their own"
            )


def _seed_of(seed: int, mark: int) -> int:
    """Return the seed of the runs for a batch size: they have nothing in common with the others."""
    return int(np.random.SeedSequence((seed, mark)).generate_state(1)[0])


def _file(checkpoint: str | Path | None, what: str) -> Path | None:
    """Return the checkpoint of a part: a file beside the one that is named."""
    if checkpoint is None:
        return None
    path = usable_path(checkpoint)
    return path.with_name(f"{path.stem}-{what}{path.suffix or '.npz'}")


def _at_start(ground: Landscape, size: int, observable: str) -> float:
    """Return the observable before the first update: simulated losses are changes since then."""
    start = ground.start[None]
    test = float(ground.test_loss(start)[0])
    if observable == "test-loss":
        return test
    rows = np.arange(size)[None]
    training = float(ground.loss(start, rows).mean())
    return training if observable == "training-loss" else test - training


def _point(
    estimate: PathEstimate, number: int, simulated: Simulated | None, before: float
) -> PathPoint:
    orders, errors = estimate.orders, estimate.order_standard_errors
    made = simulated is not None and simulated.per_run.shape[1] > 1
    value, error, diverged, runs = math.nan, math.inf, 0, 0
    if simulated is not None and made:
        runs, diverged = simulated.per_run.shape[1], int(simulated.diverged)
        value = simulated.value + before - orders[0]
        error = simulated.standard_error
    highest = range(1, len(orders))
    return PathPoint(
        number=number,
        runs=runs,
        diverged=diverged,
        simulated=value,
        simulated_error=error,
        predictions=tuple(float(sum(orders[1 : m + 1])) for m in highest),
        prediction_errors=tuple(float(math.hypot(*errors[1 : m + 1])) for m in highest),
        truncation_error=estimate.truncation_error,
        judgement=estimate.judgement,
        trustworthy=estimate.trustworthy,
    )


class _Shares:
    """Progress of one part after the other."""

    def __init__(self, progress: Callable[[float, str], None] | None, parts: int) -> None:
        self._progress = progress
        self._parts = parts

    def of(self, part: int, label: str) -> Callable[[float, str], None] | None:
        """Return where the progress of a part is told; None where nobody asks."""
        progress = self._progress
        if progress is None:
            return None
        return lambda done, text: progress((part + done) / self._parts, f"{label}: {text}")
