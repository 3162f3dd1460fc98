"""Contractions in numbers: all of an order, the dearest alone, and derivatives of a small model."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any

from measure import Bench, WorkError, measured
from tables import Row, Target, agree, below, duration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sgdiagrams.numeric import Statistics
    from sgdiagrams.symbolic import Contraction

__all__ = ["WORK", "derivative_rows", "evaluation_rows"]


# Works --------------------------------------------------------------------------------------------


def shared(parameters: str, order: str, samples: str, which: str) -> dict[str, Any]:
    """Contract all contractions of an order, which share what they can."""
    from sgdiagrams.numeric.values.evaluator import Evaluator

    statistics, every = _case(parameters, order, samples, which)
    _warm_up(statistics)
    start = perf_counter()
    evaluator = Evaluator(statistics)
    values = [evaluator.value(c) for c in every]
    return {**measured(start), "result": values}


def dearest(parameters: str, order: str, samples: str, which: str) -> dict[str, Any]:
    """Contract all together and every one alone, each three times; the time is that of the dearest."""
    from sgdiagrams.numeric.values.evaluator import Evaluator

    statistics, every = _case(parameters, order, samples, which)
    _warm_up(statistics)

    def contract(some: list[Contraction]) -> list[Any]:
        evaluator = Evaluator(statistics)
        return [evaluator.value(c) for c in some]

    together = min(_timed(lambda: contract(every)) for _ in range(3))
    times = [min(_timed(lambda c=c: contract([c])) for _ in range(3)) for c in every]  # type: ignore[misc]
    most = max(times)
    return {
        **measured(0.0),
        "seconds": most,
        "together": together,
        "sum": sum(times),
        "contraction": str(every[times.index(most)]),
        "result": [contract([c])[0] for c in every],
    }


def term_by_term(
    parameters: str, order: str, samples: str, which: str, library: str
) -> dict[str, Any]:
    """Contract every contraction alone with opt_einsum or numpy, without this package."""
    import numpy as np
    import opt_einsum

    statistics, every = _case(parameters, order, samples, which)
    _warm_up(statistics)
    arrays, n = statistics.samples, statistics.sample_size
    start = perf_counter()
    values = []
    for c in every:
        edge = {e: opt_einsum.get_symbol(i) for i, e in enumerate(c.edges)}
        block = {
            v: opt_einsum.get_symbol(len(edge) + b) for b, vs in enumerate(c.blocks) for v in vs
        }
        inputs = [
            block[v] + "".join(s for e, s in edge.items() if v in e) for v in range(c.node_count)
        ]
        expression = f"{','.join(inputs)}->"
        operands = [arrays[k] for k in c.legs]
        if library == "numpy":
            total = np.einsum(expression, *operands, optimize="greedy")
        else:
            total = opt_einsum.contract(expression, *operands)
        values.append(float(total) / n ** len(c.blocks))
    return {**measured(start), "result": values}


def products(parameters: str, order: str, samples: str) -> dict[str, Any]:
    """Count the products of two tensors that all contractions ask for, and the different ones."""
    from unittest.mock import patch

    from sgdiagrams.numeric.values.evaluator import Evaluator
    from sgdiagrams.numeric.values.network import Network

    if not hasattr(Network, "_pair"):
        raise WorkError("expected Network._pair, which is to be counted; tell evaluation.products")
    statistics, every = _case(parameters, order, samples, "all")
    found: list[int] = []
    pair = vars(Network)["_pair"]

    def counted(self: Any, *arguments: Any) -> Any:
        tensor = pair(self, *arguments)
        found.append(tensor.identity)
        return tensor

    with patch.object(Network, "_pair", counted):
        start = perf_counter()
        evaluator = Evaluator(statistics)
        for contraction in every:
            evaluator.value(contraction)
    return {**measured(start), "result": {"asked": len(found), "different": len(set(found))}}


def derivatives(which: str) -> dict[str, Any]:
    """Return G_a H_ab G_b of a small model: from tensors, with making them, or by torch alone."""
    import torch

    from sgdiagrams.numeric import Statistics
    from sgdiagrams.numeric.values.evaluator import Evaluator
    from sgdiagrams.symbolic import Contraction

    torch.manual_seed(3)
    torch.set_default_dtype(torch.float64)
    hidden, inputs, n = 10, 8, 200
    x, y = torch.randn(n, inputs), torch.randn(n)
    theta = torch.randn(hidden * (inputs + 1)) / 3

    def loss(weights: Any, x: Any, y: Any) -> Any:
        first = weights[: hidden * inputs].reshape(hidden, inputs)
        return 0.5 * (torch.tanh(x @ first.T) @ weights[hidden * inputs :] - y) ** 2

    contraction = Contraction.build([(0, 1), (1, 2)], [(0,), (1,), (2,)])

    def by_tensors(statistics: Statistics) -> float:
        return float(Evaluator(statistics).value(contraction))

    def by_torch() -> float:
        weights = theta.clone().requires_grad_()
        mean = loss(weights, x, y).mean()
        (gradient,) = torch.autograd.grad(mean, weights, create_graph=True)
        (along,) = torch.autograd.grad(gradient @ gradient.detach(), weights)
        return float(along @ gradient.detach())

    def tensors() -> Statistics:
        gradients = torch.func.vmap(torch.func.grad(loss), (None, 0, 0))(theta, x, y)
        hessians = torch.func.vmap(torch.func.hessian(loss), (None, 0, 0))(theta, x, y)
        samples = {1: gradients.numpy(), 2: hessians.numpy()}
        return Statistics.from_samples(samples, role="population")

    made = tensors()
    runs: dict[str, Callable[[], float]] = {
        "tensors": lambda: by_tensors(made),
        "all": lambda: by_tensors(tensors()),
        "torch": by_torch,
    }
    run = runs[which]
    run()
    best = min(_timed(run) for _ in range(10))
    return {**measured(0.0), "seconds": best, "parameters": len(theta), "result": run()}


WORK: dict[str, Callable[..., dict[str, Any]]] = {
    "shared": shared,
    "dearest": dearest,
    "term-by-term": term_by_term,
    "products": products,
    "derivatives": derivatives,
}


def _timed(run: Callable[[], Any]) -> float:
    start = perf_counter()
    run()
    return perf_counter() - start


def _warm_up(statistics: Statistics) -> None:
    """Load libraries and their threads, and read the tensors once."""
    import numpy as np
    import opt_einsum

    for array in statistics.samples.values():
        array.sum()
    opt_einsum.contract("ab,bc,cd->ad", *[np.ones((64, 64))] * 3)


def _case(
    parameters: str, order: str, samples: str, which: str
) -> tuple[Statistics, list[Contraction]]:
    """Return dense random derivatives 0..order, and all different contractions of moments."""
    import numpy as np

    from sgdiagrams.diagrams import enumerate_diagrams
    from sgdiagrams.numeric import Statistics
    from sgdiagrams.symbolic.contractions.placements import contractions

    p, highest, n = int(parameters), int(order), int(samples)
    rng = np.random.default_rng(1)
    found: dict[int, Any] = {0: rng.standard_normal(n)}
    for k in range(1, highest + 1):
        letters = "abcdefgh"[:k]
        tensor = np.zeros((n, *[p] * k))
        for _ in range(3):
            vectors = rng.standard_normal((n, p)) / np.sqrt(p)
            inputs = ",".join("n" + s for s in letters)
            tensor += np.einsum(f"{inputs}->n{letters}", *[vectors] * k)
        found[k] = tensor
    diagrams = enumerate_diagrams(highest, one_pass=which == "one-pass")
    every = {c for d in diagrams for c in contractions(d, ("loss",), basis="moment")}
    return Statistics.from_samples(found, role="population"), sorted(every, key=str)


# Rows ---------------------------------------------------------------------------------------------


def evaluation_rows(bench: Bench) -> Iterator[Row]:
    """Measure all contractions of an order on dense statistics."""
    section = "All contractions of an order on dense derivatives"
    cases = [
        (50, 4, 4, "all"),
        (10, 4, 10, "all"),
        (10, 5, 10, "all"),
        (10, 6, 10, "one-pass"),
        (10, 6, 10, "all"),
    ]
    for p, order, n, which in [(10, 4, 10, "all")] if bench.quick else cases:
        case = (p, order, n, which)
        ours = bench.ours("evaluation.shared", *case)
        kind = "of one pass, " if which == "one-pass" else ""
        row = Row(section, f"order {order}, {kind}p = {p}, {n} samples", series=f"{p} {which}")
        if ours is None:
            row.note = "over the limit"
            yield row
            continue
        row.seconds, row.peak_mib = ours.seconds, ours.peak_mib
        row.result = f"{len(ours.record['result']):,} contractions"
        if p == 50:
            alone = bench.ours("evaluation.dearest", *case)
            if alone is None or not agree(ours.record["result"], alone.record["result"]):
                raise WorkError(f"contractions of order {order}: alone they are not what they are")
            together = alone.record["together"]
            times = together / alone.seconds
            row.result += (
                f"; once memory is warm {duration(together)}, "
                f"{times:.1f} times the dearest, {alone.record['contraction']}"
            )
            row.targets.append(Target("< 3 times the dearest", met=times < 3))
            row.details = {key: alone.record[key] for key in ("seconds", "together", "sum")}
        if (p, order) == (10, 6):
            row.targets.append(below(row.seconds, 10, "s"))
        row.peers = [
            bench.peer(name, "evaluation.term-by-term", *case, library, ours=ours, needs=library)
            for name, library in (("opt_einsum", "opt_einsum"), ("np.einsum", "numpy"))
        ]
        if (p, order) == (10, 4):
            counted = bench.ours("evaluation.products", p, order, n, once=True)
            if counted is not None:
                asked, different = counted.record["result"].values()
                row.result += f"; {different:,} different products of {asked:,}"
                row.guarded = {
                    "contractions of order 4: products of two tensors": asked,
                    "contractions of order 4: different products": different,
                }
        yield row


def derivative_rows(bench: Bench) -> Iterator[Row]:
    """Measure one cheap contraction of a small model against torch's double backward."""
    from importlib.util import find_spec

    section = (
        "G_a H_ab G_b of a network of 8 inputs and 10 tanh, 200 samples, against double backward"
    )
    if bench.quick or not find_spec("torch"):
        if not bench.quick:
            yield Row(section, "all", note="absent: a CPU build of torch")
        return
    for which, work in (
        ("tensors", "statistics given"),
        ("all", "statistics of all samples made by torch.func, and checked"),
    ):
        ours = bench.ours("evaluation.derivatives", which)
        if ours is not None:
            row = Row(section, work, f"{ours.record['parameters']} parameters", ours.seconds)
            row.peak_mib = ours.peak_mib
            row.peers = [
                bench.peer("torch", "evaluation.derivatives", "torch", ours=ours, needs="torch")
            ]
            yield row
