"""Training many runs at once: run-steps a second, beside plain PyTorch."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from itertools import pairwise
from time import perf_counter
from typing import TYPE_CHECKING, Any

from measure import Bench, measured
from tables import Row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

__all__ = ["WORK", "training_rows"]

ETA = 0.05
UPDATES = 64  # of one datapoint each
COMPARED = 20  # runs, in double precision, whose ends the peers have to reach

#: Inputs, hidden units (none: softmax regression) and runs.
SHAPES = {"softmax": (10, 0, 2000), "tanh-1k": (64, 16, 2000), "tanh-10k": (64, 136, 200)}


@dataclass(frozen=True)
class _Task:
    """A model with ten classes, its data, and the datapoint of every run and update."""

    start: dict[str, NDArray[Any]]
    inputs: NDArray[Any]
    labels: NDArray[Any]
    rows: NDArray[Any]

    @classmethod
    def of(cls, name: str, runs: int, kind: str) -> _Task:
        import numpy as np

        inputs, hidden, _ = SHAPES[name]
        rng = np.random.default_rng(5)
        layers = [inputs, *([hidden] if hidden else []), 10]
        start = {}
        for i, (before, after) in enumerate(pairwise(layers)):
            start[f"{i}.bias"] = np.zeros(after, dtype=kind)
            start[f"{i}.weight"] = (0.1 * rng.standard_normal((after, before))).astype(kind)
        data = rng.standard_normal((1797, inputs)).astype(kind)
        labels = rng.integers(10, size=1797)
        return cls(start, data, labels, rng.integers(1797, size=(UPDATES, runs, 1)))

    @property
    def size(self) -> int:
        return sum(array.size for array in self.start.values())


def _loss_in_jax(weights: Any, point: Any) -> Any:
    import jax

    x, label = point
    if "1.weight" in weights:
        x = jax.numpy.tanh(weights["0.weight"] @ x + weights["0.bias"])
    last = "1" if "1.weight" in weights else "0"
    scores = weights[f"{last}.weight"] @ x + weights[f"{last}.bias"]
    return jax.nn.logsumexp(scores) - scores[label]


def _loss_in_torch(weights: Any, point: Any) -> Any:
    import torch

    x, label = point
    if "1.weight" in weights:
        x = torch.tanh(weights["0.weight"] @ x + weights["0.bias"])
    last = "1" if "1.weight" in weights else "0"
    scores = weights[f"{last}.weight"] @ x + weights[f"{last}.bias"]
    return torch.logsumexp(scores, 0) - scores.gather(0, label[None])[0]


def _ours(library: str, task: _Task) -> Callable[[], list[float]]:
    """Return what makes all runs of a task, by the package."""
    import numpy as np

    from sgdiagrams import OnePass, Training, model_landscape
    from sgdiagrams.numeric.descent import Descent

    loss, weights = _loss_in_jax, dict(task.start)
    if library == "torch":
        import torch

        loss = _loss_in_torch
        weights = {name: torch.tensor(array) for name, array in task.start.items()}
    ground = model_landscape(loss, weights, (task.inputs, task.labels))
    descent = Descent.of(Training(OnePass(T=UPDATES)))
    start = np.tile(ground.start, (task.rows.shape[1], 1))

    def run() -> list[float]:
        (end,) = ground.descend(descent, start, task.rows, eta=ETA)
        return [float(x) for x in (end**2).sum(axis=1)]

    return run


def _vmap(task: _Task) -> Callable[[], list[float]]:
    """Return the same with `vmap` of the gradient, all runs at once, as one would write it."""
    import torch

    inputs, labels, rows = map(torch.tensor, (task.inputs, task.labels, task.rows[:, :, 0]))
    gradient = torch.func.vmap(torch.func.grad(_loss_in_torch))
    runs = rows.shape[1]

    def run() -> list[float]:
        weights = {
            name: torch.tensor(array).expand(runs, *array.shape).clone()
            for name, array in task.start.items()
        }
        for row in rows:
            slopes = gradient(weights, (inputs[row], labels[row]))
            for name, slope in slopes.items():
                weights[name] -= ETA * slope
        squares = sum((w**2).reshape(runs, -1).sum(dim=1) for w in weights.values())
        return [float(x) for x in squares]

    return run


def _loop(task: _Task) -> Callable[[], list[float]]:
    """Return the same run by run, with a module and `torch.optim.SGD`."""
    import torch

    inputs, labels = torch.tensor(task.inputs), torch.tensor(task.labels)
    hidden = "1.weight" in task.start

    def run() -> list[float]:
        ends = []
        for r in range(task.rows.shape[1]):
            layers = [
                torch.nn.Linear(*task.start[f"{i}.weight"].shape[::-1]) for i in range(1 + hidden)
            ]
            between = [part for layer in layers[1:] for part in (torch.nn.Tanh(), layer)]
            module = torch.nn.Sequential(layers[0], *between)
            module.to(inputs.dtype)
            for i, layer in enumerate(layers):
                layer.load_state_dict(
                    {key: torch.tensor(task.start[f"{i}.{key}"]) for key in ("weight", "bias")}
                )
            method = torch.optim.SGD(module.parameters(), lr=ETA)
            for [n] in task.rows[:, r]:
                method.zero_grad()
                torch.nn.functional.cross_entropy(
                    module(inputs[n : n + 1]), labels[n : n + 1]
                ).backward()
                method.step()
            ends.append(float(sum((w.detach() ** 2).sum() for w in module.parameters())))
        return ends

    return run


def train(way: str, name: str, runs: str) -> dict[str, Any]:
    """Time one way to make all runs in single precision; some in double precision are the result."""
    ways: dict[str, Callable[[_Task], Callable[[], list[float]]]] = {
        "jax": partial(_ours, "jax"),
        "torch": partial(_ours, "torch"),
        "vmap": _vmap,
        "loop": _loop,
    }
    checked = ways[way](_Task.of(name, COMPARED, "float64"))()
    wanted = int(runs)
    made = min(wanted, 20) if way == "loop" else wanted
    task = _Task.of(name, made, "float32")
    run = ways[way](task)
    run()  # compiles, starts threads
    seconds = []
    for _ in range(3):
        start = perf_counter()
        run()
        seconds.append(perf_counter() - start)
    record = measured(start)
    best = min(seconds) * wanted / made
    return {**record, "seconds": best, "result": checked, "weights": task.size}


WORK: dict[str, Callable[..., dict[str, Any]]] = {
    way: partial(train, way) for way in ("jax", "torch", "vmap", "loop")
}


# Rows ---------------------------------------------------------------------------------------------


def training_rows(bench: Bench) -> Iterator[Row]:
    """Measure runs of 64 updates with one datapoint each, in single precision."""
    section = "Training: runs of 64 updates, one datapoint each, float32"
    if not find_spec("jax") or not find_spec("torch"):
        yield Row(section, "all", note="absent: jax and torch")
        return
    for name, (_, _, most) in SHAPES.items():
        runs = most // 10 if bench.quick else most
        rows = []
        for library in ("jax", "torch"):
            ours = bench.ours(f"training.{library}", name, runs)
            if ours is None:
                continue
            rate = runs * UPDATES / ours.seconds / 1e6
            words = f"{name}, {ours.record['weights']:,} weights, {runs:,} runs"
            row = Row(
                section,
                f"{words}, model_landscape in {library}",
                f"{rate:.3g} M run-steps/s",
                ours.seconds,
            )
            row.peak_mib = ours.peak_mib
            rows.append((row, ours))
        if not rows:
            continue
        _, first = rows[0]
        peers = [
            bench.peer(f"PyTorch {way}", f"training.{way}", name, runs, ours=first, needs="torch")
            for way in ("vmap", "loop")
        ]
        for row, _ in rows:
            row.peers = peers
            yield row
        if bench.quick:
            return
