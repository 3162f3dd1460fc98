"""What other packages compute too, beside what this one computes: values that agree, and times.

    pip install kauri nodepy six backpack-for-pytorch curvlinops-for-pytorch
    python benchmarks/peers.py

A peer that is not installed is left out. Everything runs in one process and one thread, the best of
several times counts, and a peer's value has to agree before its time is printed.
"""

from __future__ import annotations

import platform
import warnings
from importlib.metadata import version
from importlib.util import find_spec
from time import perf_counter
from typing import TYPE_CHECKING, Any

import sgdiagrams as sd
from sgdiagrams.diagrams.trees import rooted_trees

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NODES = 10
SIZES = (64, 16, 10)
TRIES, ENOUGH = 5, 10.0  # seconds


def best(work: Callable[[], Any]) -> tuple[Any, float]:
    """Return what it gives, and the shortest of several times."""
    times = []
    while len(times) < TRIES and sum(times) < ENOUGH:
        began = perf_counter()
        result = work()
        times.append(perf_counter() - began)
    return result, min(times)


def trees() -> Iterator[tuple[str, str, Callable[[], Any]]]:
    """Yield ways to list all rooted trees with so many nodes, and count them."""
    yield "sgdiagrams", "rooted_trees", lambda: sum(1 for _ in rooted_trees(NODES))
    if find_spec("kauri"):
        import kauri

        yield "kauri", "trees_of_order", lambda: sum(1 for _ in kauri.trees_of_order(NODES))
    if find_spec("nodepy") and find_spec("six"):
        from nodepy.rooted_trees import list_trees

        yield "nodepy", "list_trees", lambda: len(list_trees(NODES))


class Network:
    """A tanh network on handwritten digits, for three quantities of all its datapoints."""

    def __init__(self) -> None:
        import torch
        from sklearn.datasets import load_digits

        torch.set_num_threads(1)
        torch.manual_seed(0)
        images, digits = load_digits(return_X_y=True)
        inputs = (images - images.mean(axis=0)) / images.std()
        self.x, self.y = torch.tensor(inputs), torch.tensor(digits)
        self.criterion = torch.nn.CrossEntropyLoss()
        layers = [torch.nn.Linear(SIZES[0], SIZES[1]), torch.nn.Tanh(), torch.nn.Linear(*SIZES[1:])]
        self.module = torch.nn.Sequential(*layers).double()
        self.weights = list(self.module.parameters())

    def gradient(self, *, graph: bool = False) -> Any:
        """Return the gradient of the mean loss."""
        import torch

        loss = self.criterion(self.module(self.x), self.y)
        parts = torch.autograd.grad(loss, self.weights, create_graph=graph)
        return torch.cat([part.reshape(-1) for part in parts])

    def measured(self, text: str) -> Callable[[], Any]:
        """Return how this package computes a quantity."""
        loss, weights = sd.torch_loss(self.module, self.criterion)
        wanted = sd.Expression.parse(text)
        return lambda: float(
            sd.measure(loss, weights, (self.x, self.y), wanted, role="population")
            .evaluate(wanted)
            .value
        )

    def curved(self) -> Iterator[tuple[str, str, Callable[[], Any]]]:
        """Yield ways to compute G.H.G."""
        yield "sgdiagrams", "measure", self.measured("G.H.G")
        yield "PyTorch", "backward twice", self._backward_twice
        if find_spec("curvlinops"):
            from curvlinops import HessianLinearOperator

            data = [(self.x, self.y)]

            def by_operator() -> float:
                G = self.gradient()
                H = HessianLinearOperator(
                    self.module, self.criterion, self.weights, data, check_deterministic=False
                )
                return float(G @ (H @ G))

            yield "curvlinops", "HessianLinearOperator", by_operator

    def _backward_twice(self) -> float:
        import torch

        G = self.gradient(graph=True)
        fixed = G.detach()
        parts = torch.autograd.grad(G @ fixed, self.weights)
        return float(fixed @ torch.cat([part.reshape(-1) for part in parts]))

    def noisy(self) -> Iterator[tuple[str, str, Callable[[], Any]]]:
        """Yield ways to compute tr C, the variance of single gradients."""
        yield "sgdiagrams", "measure", self.measured("tr(C)")
        yield "PyTorch", "torch.func.vmap", self._each_gradient
        if find_spec("backpack"):
            yield "BackPACK", "BatchL2Grad", self._by_backpack

    def mixed(self) -> Iterator[tuple[str, str, Callable[[], Any]]]:
        """Yield ways to compute M_a|b H_ab, the mean of g.H.g over gradients of datapoints."""
        yield "sgdiagrams", "measure", self.measured("M_a|b H_ab")
        yield "PyTorch", "vmap, dense Hessian", self._by_dense_hessian

    def _by_dense_hessian(self) -> float:
        import torch

        G = self.gradient(graph=True)
        columns = []
        for direction in torch.eye(len(G), dtype=G.dtype):
            parts = torch.autograd.grad(G @ direction, self.weights, retain_graph=True)
            columns.append(torch.cat([part.reshape(-1) for part in parts]))
        rows = self._gradients().detach()
        return float(((rows @ torch.stack(columns)) * rows).sum() / len(rows))

    def _each_gradient(self) -> float:
        return float(self._gradients().var(dim=0, correction=0).sum().detach())

    def _gradients(self) -> Any:
        """Return the gradients of all datapoints, one a row."""
        import torch

        named = dict(self.module.named_parameters())

        def loss(weights: Any, x: Any, y: Any) -> Any:
            scores = torch.func.functional_call(self.module, weights, (x[None],))
            return self.criterion(scores, y[None])

        parts = torch.func.vmap(torch.func.grad(loss), (None, 0, 0))(named, self.x, self.y)
        return torch.cat([part.reshape(len(self.x), -1) for part in parts.values()], dim=1)

    def _by_backpack(self) -> float:
        import copy

        from backpack import backpack, extend
        from backpack.extensions import BatchL2Grad

        module, criterion = (
            extend(copy.deepcopy(self.module)),
            extend(copy.deepcopy(self.criterion)),
        )
        loss = criterion(module(self.x), self.y)
        with warnings.catch_warnings(), backpack(BatchL2Grad()):
            warnings.simplefilter("ignore")  # inputs need no gradients
            loss.backward()
        n = len(self.x)  # its rows are those of the mean loss, a share 1/n of single gradients
        squares = sum(weight.batch_l2.sum() for weight in module.parameters())
        return float((n * squares - self.gradient() @ self.gradient()).detach())


def main() -> None:
    """Print one table for each quantity."""
    network = Network()
    for title, ways in (
        (f"all rooted trees with {NODES} nodes, listed and counted", trees()),
        ("G.H.G of a tanh network with 1,210 weights, all 1,797 datapoints", network.curved()),
        ("tr C of the same network", network.noisy()),
        ("M_a|b H_ab of the same network", network.mixed()),
    ):
        print(title)
        print("  package     by                      milliseconds  value")
        first = None
        for name, way, work in ways:
            value, seconds = best(work)
            first = value if first is None else first
            if abs(value - first) > 1e-6 * abs(first):
                raise SystemExit(f"{name} gives {value}, not {first}")
            print(f"  {name:10}  {way:22}  {1000 * seconds:12.1f}  {value:.8g}")
    names = ("numpy", "torch", "kauri", "nodepy", "backpack-for-pytorch", "curvlinops-for-pytorch")
    known = {"backpack-for-pytorch": "backpack", "curvlinops-for-pytorch": "curvlinops"}
    have = [f"{name} {version(name)}" for name in names if find_spec(known.get(name, name))]
    print(f"Python {platform.python_version()}, {', '.join(have)}")


if __name__ == "__main__":
    main()
