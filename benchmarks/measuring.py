"""Contractions of a network in gradients of the same datapoints, beside the naive route.

The unit is a gradient of the mean loss of the same datapoints as anybody would write it in the same
library, compiled where it can be, and timed in turn with the work.
"""

from __future__ import annotations

from importlib.util import find_spec
from itertools import pairwise
from time import perf_counter
from typing import TYPE_CHECKING, Any

from measure import Bench, measured
from tables import Row, Target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

__all__ = ["WORK", "measuring_rows"]

#: Widths of tanh networks with ten classes.
NETWORKS = {"10k": (64, 70, 70, 10), "1M": (784, 680, 680, 10)}

#: Edges of what is measured, all nodes with datapoints of their own, and the gradients hoped for.
CONTRACTIONS: dict[str, tuple[tuple[tuple[int, int], ...], float]] = {
    "G.G": (((0, 1),), 2.0),
    "G.H.G": (((0, 1), (1, 2)), 4.1),
    "G.HH.G": (((0, 1), (1, 2), (2, 3)), 6.0),
    "J[G,G,G]": (((0, 1), (0, 2), (0, 3)), 7.4),
    "K[G,G,G,G]": (((0, 1), (0, 2), (0, 3), (0, 4)), 11.6),
}
GROUPS = 7


def _data(name: str, size: int) -> tuple[list[NDArray[Any]], NDArray[Any], NDArray[Any]]:
    import numpy as np

    rng = np.random.default_rng(3)
    widths = NETWORKS[name]
    layers = [(rng.normal(size=s) / s[0] ** 0.5).astype(np.float32) for s in pairwise(widths)]
    inputs = rng.normal(size=(size, widths[0])).astype(np.float32)
    return layers, inputs, rng.integers(10, size=size).astype(np.int32)


def _loss_in_jax(layers: Any, point: Any) -> Any:
    import jax

    x, label = point
    for layer in layers[:-1]:
        x = jax.numpy.tanh(x @ layer)
    scores = x @ layers[-1]
    return jax.nn.logsumexp(scores) - scores[label]


def _loss_in_torch(layers: Any, point: Any) -> Any:
    import torch

    x, label = point
    for layer in layers[:-1]:
        x = torch.tanh(x @ layer)
    return torch.nn.functional.cross_entropy(x @ layers[-1], label.long())


def _unit(library: str, name: str, size: int) -> Callable[[], object]:
    """Return the gradient of the mean loss of all datapoints, as anybody would write it."""
    layers, inputs, labels = _data(name, size)
    if library == "jax":
        import jax

        def mean(layers: Any, inputs: Any, labels: Any) -> Any:
            return jax.vmap(_loss_in_jax, (None, (0, 0)))(layers, (inputs, labels)).mean()

        gradient = jax.jit(jax.grad(mean))
        return lambda: jax.block_until_ready(gradient(layers, inputs, labels))
    import torch

    tensors = [torch.tensor(layer, requires_grad=True) for layer in layers]
    x, y = torch.tensor(inputs), torch.tensor(labels)
    return lambda: torch.autograd.grad(_loss_in_torch(tensors, (x, y)), tensors)


def _model(library: str, name: str, size: int) -> Any:
    from sgdiagrams.numeric.models.choice import model_of

    layers, inputs, labels = _data(name, size)
    if library == "jax":
        return model_of(_loss_in_jax, layers, (inputs, labels))
    import torch

    return model_of(_loss_in_torch, list(map(torch.tensor, layers)), (inputs, labels))


def _in_turn(
    work: Callable[[], object], unit: Callable[[], object], seconds: float
) -> tuple[float, float]:
    """Return the least times of a work and of the unit, timed in turn."""
    work(), unit()
    of_work, of_unit = [], []
    begin = perf_counter()
    while perf_counter() - begin < seconds or len(of_work) < 3:
        for function, times in ((work, of_work), (unit, of_unit), (unit, of_unit)):
            start = perf_counter()
            function()
            times.append(perf_counter() - start)
    return min(of_work), min(of_unit)


def contraction(library: str, name: str, size: str, which: str) -> dict[str, Any]:
    """Measure one contraction, or all of order 3 with `which` "all", over distinct groups, once."""
    import numpy as np

    from sgdiagrams.numeric.sweeps.designs import Grouping
    from sgdiagrams.numeric.sweeps.routes import Routes
    from sgdiagrams.numeric.sweeps.sweep import Sweep
    from sgdiagrams.symbolic import Contraction

    names = list(CONTRACTIONS)[:4] if which == "all" else [which]
    wanted = []
    for key in names:
        edges, _ = CONTRACTIONS[key]
        wanted.append(Contraction.build(edges, [[v] for v in range(len(edges) + 1)]))
    grouping = Grouping(GROUPS, int(size) // GROUPS, columns=1)
    datapoints = np.arange(grouping.samples).reshape(GROUPS, -1)
    model = _model(library, name, grouping.samples)
    routes = Routes.of(wanted, grouping)

    def work() -> list[float]:
        return [float(x) for x in Sweep(model, grouping, datapoints, routes).numbers(wanted)[0]]

    start = perf_counter()
    seconds, unit = _in_turn(work, _unit(library, name, grouping.samples), 4.0)
    return {**measured(start), "seconds": seconds, "gradients": seconds / unit, "result": work()}


def naive(library: str, name: str, size: str, which: str) -> dict[str, Any]:
    """Measure a star, G.H.G or J[G,G,G], the same way but every product of groups by itself."""
    import numpy as np

    from sgdiagrams.numeric.models.model import Leg

    leaves = len(CONTRACTIONS[which][0])
    model = _model(library, name, int(size) // GROUPS * GROUPS)
    groups = np.arange(model.size).reshape(GROUPS, -1)
    row = np.array([[0]])
    products = []
    for middle in range(GROUPS):
        first = [(middle + i) % GROUPS for i in range(1, leaves)]
        products += [(middle, *first, k) for k in range(GROUPS) if k not in (middle, *first)]

    def product(middle: int, *others: int) -> float:
        legs = [Leg(model.derivative("loss", groups[k], output="vector"), row) for k in others]
        return float(model.derivative("loss", groups[middle], legs, output="number")[0, 0])

    def work() -> list[float]:
        return [sum(product(*groups) for groups in products) / len(products)]

    start = perf_counter()
    seconds, unit = _in_turn(work, _unit(library, name, model.size), 4.0)
    return {**measured(start), "seconds": seconds, "gradients": seconds / unit, "result": work()}


def everything(precision: str) -> dict[str, Any]:
    """Measure all of order 3 of one pass on a convolutional network of digits, and evaluate ten times."""
    import sys
    from pathlib import Path

    import sgdiagrams as sd

    sys.path.insert(0, str(Path(__file__).parents[1] / "examples"))
    from networks import convolutional_network, convolutional_network_loss, digits

    expansion = sd.expand("test-loss", order=3, sampling="one-pass")
    start = perf_counter()
    weights, data = convolutional_network(), digits()
    options: dict[str, Any] = {"precision": float(precision), "at": {"eta": 0.01, "T": 10}}
    found = sd.measure(
        convolutional_network_loss, weights, data, expansion, role="population", **options
    )
    estimates = [expansion.evaluate(found, eta=0.002 * k, T=10) for k in range(1, 11)]
    errors = [
        error / abs(value)
        for value, error in zip(
            estimates[4].orders, estimates[4].order_standard_errors, strict=True
        )
    ]
    return {
        **measured(start),
        "result": [],
        "errors": errors,
        "gradients": found.gradients,
        "weights": found.dimension,
    }


def large(memory: str) -> dict[str, Any]:
    """Measure all of order 2, tied terms too, of a million weights within a memory."""
    import sgdiagrams as sd

    layers, inputs, labels = _data("1M", 256)
    expansion = sd.expand("test-loss", order=2, sampling="one-pass")
    start = perf_counter()
    found = sd.measure(_loss_in_jax, layers, (inputs, labels), expansion, memory=float(memory))
    return {**measured(start), "result": [], "gradients": found.gradients}


WORK: dict[str, Callable[..., dict[str, Any]]] = {
    "contraction": contraction,
    "naive": naive,
    "everything": everything,
    "large": large,
}


# Rows ---------------------------------------------------------------------------------------------


def measuring_rows(bench: Bench) -> Iterator[Row]:
    """Measure contractions of networks in gradients of the same datapoints."""
    section = "Measuring: contractions over distinct groups, in gradients of the same datapoints"
    libraries = [name for name in ("jax", "torch") if find_spec(name)]
    if not libraries:
        yield Row(section, "all", note="absent: jax and torch")
        return
    for library in libraries:
        for name in NETWORKS:
            if bench.quick and (name, library) != ("10k", libraries[0]):
                continue
            yield from _contraction_rows(bench, section, library, name)
    if bench.quick or "jax" not in libraries:
        return
    section = "Measuring: whole stories"
    ours = bench.ours("measuring.everything", 0.05, once=True)
    if ours is not None:
        worst = max(ours.record["errors"])
        words = f"all of order 3, {ours.record['weights']:,} weights, ten evaluations"
        row = Row(section, words, f"errors to {100 * worst:.1f} %", ours.seconds)
        is_met = ours.seconds < 120 and worst <= 0.05
        row.targets = [Target("under 2 min, errors under 5 %", is_met)]
        row.peak_mib = ours.peak_mib
        yield row
    ours = bench.ours("measuring.large", 2**29, once=True)
    if ours is not None:
        result = f"{ours.record['gradients']:.0f} gradients"
        row = Row(
            section, "all of order 2, 1,002,320 weights, memory 512 MiB", result, ours.seconds
        )
        row.peak_mib = ours.peak_mib
        yield row


def _contraction_rows(bench: Bench, section: str, library: str, name: str) -> Iterator[Row]:
    for which, hoped in [*((k, v[1]) for k, v in CONTRACTIONS.items()), ("all", 25.0)]:
        ours = bench.ours("measuring.contraction", library, name, 448, which, once=True)
        if ours is None:
            continue
        gradients = ours.record["gradients"]
        words = "all of order 3, one pass, not tied" if which == "all" else which
        row = Row(
            section, f"{library}, {name}: {words}", f"{gradients:.1f} gradients", ours.seconds
        )
        row.targets = [Target(f"{hoped:g} gradients", gradients <= hoped)]
        row.peak_mib = ours.peak_mib
        if which in ("G.H.G", "J[G,G,G]") and name == "10k":
            row.peers = [
                bench.peer(
                    "every product by itself",
                    "measuring.naive",
                    *(library, name, 448, which),
                    ours=ours,
                    needs=library,
                )
            ]
        yield row
        if bench.quick and which == "G.H.G":
            return
