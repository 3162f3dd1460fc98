"""What SGD does on polynomial landscapes with few datapoints: exactly for one weight, else simulated."""

from __future__ import annotations

import math
from collections import Counter
from itertools import combinations_with_replacement, product
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from scipy.sparse import csr_matrix

from sgdiagrams.numeric import Landscape, Statistics

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Polynomials", "simulated", "truth"]

#: Points of the grid on which functions of one weight are carried, and the degree of interpolation.
_POINTS, _NEAR = 240, 8
#: Weights beyond this have diverged.
_FAR = 1e4


class Polynomials(Landscape):
    """Equally likely datapoints whose losses are polynomials, from their derivatives at the start 0.

    Parameters
    ----------
    derivatives
        For every order an array of shape (k, p, ..., p).
    """

    __slots__ = ("derivatives", "p")
    name: ClassVar[str] = "polynomials"

    def __init__(self, derivatives: Sequence[Any]) -> None:
        self.derivatives = [np.asarray(d, dtype=float) for d in derivatives]
        self.p = self.derivatives[1].shape[1]

    @property
    def start(self) -> Any:
        """The origin."""
        return np.zeros(self.p)

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
        """Return numbers of datapoints."""
        return rng.integers(len(self.derivatives[0]), size=shape)

    def loss(self, theta: Any, x: Any) -> Any:
        """Return the losses, shape (R, m)."""
        return _taylor([d[x] for d in self.derivatives], theta[:, None])

    def gradient(self, theta: Any, x: Any) -> Any:
        """Return the mean gradient, shape (R, p)."""
        return _taylor([d[x].mean(axis=1) for d in self.derivatives[1:]], theta)

    def test_loss(self, theta: Any) -> Any:
        """Return the mean loss, shape (R,)."""
        means = [
            np.broadcast_to(d.mean(axis=0), theta.shape[:1] + d.shape[1:]) for d in self.derivatives
        ]
        return _taylor(means, theta)

    def statistics(self, order: int) -> Statistics:
        """Return the derivatives 0..order."""
        zero = [np.zeros((len(self.derivatives[0]), *(self.p,) * k)) for k in range(order + 1)]
        known = dict(enumerate((self.derivatives + zero[len(self.derivatives) :])[: order + 1]))
        return Statistics.from_samples(known, role="population")


def _taylor(derivatives: Sequence[Any], theta: Any) -> Any:
    """Contract the last axes with the displacement, Horner's way."""
    total = derivatives[-1]
    free = derivatives[0].ndim - (theta.ndim - 1)
    for k in range(len(derivatives) - 1, 0, -1):
        shape = theta.shape[:-1] + (1,) * (free + k - 1) + theta.shape[-1:]
        total = (total * theta.reshape(shape)).sum(axis=-1) / k + derivatives[k - 1]
    return total


# One weight, exactly ------------------------------------------------------------------------------


def truth(
    landscape: Polynomials, scheme: str, eta: float, numbers: Mapping[str, int]
) -> dict[str, float] | None:
    """Return the expected changes of all observables for one weight; None where runs diverge.

    One pass, and every training set drawn from with replacement: functions of the weight are carried back
    update by update. Full batches and epochs in one order: all training sets.
    """
    c = [d.reshape(len(d)) for d in landscape.derivatives]
    with np.errstate(all="ignore"):
        if scheme == "one-pass":
            return _one_pass(c, eta, numbers["T"])
        if scheme == "with-replacement":
            return _with_replacement(c, eta, numbers)
        return _all_sets(c, scheme, eta, numbers)


def _horner(c: Sequence[Any], theta: Any) -> Any:
    total: Any = 0
    for k in range(len(c) - 1, -1, -1):
        total = total * theta / (k + 1) + c[k].reshape(-1, *(1,) * np.ndim(theta))
    return total


def _range(c: Sequence[Any], eta: float, T: int) -> tuple[float, float] | None:
    """Return where some runs go, with a margin."""
    rng, table = np.random.default_rng(0), np.stack(c[1:])
    theta, low, high = np.zeros(1000), 0.0, 0.0
    for _ in range(T):
        drawn = table[:, rng.integers(table.shape[1], size=len(theta))]
        force: Any = 0
        for k in range(len(drawn) - 1, -1, -1):
            force = force * theta / (k + 1) + drawn[k]
        theta = theta - eta * force
        low, high = min(low, theta.min()), max(high, theta.max())
        if not max(-low, high) < _FAR:
            return None
    margin = 0.4 * max(high - low, 1e-9)
    return low - margin, high + margin


def _updates(c: Sequence[Any], eta: float, nodes: Any) -> list[Any]:
    """Return for every datapoint the matrix that reads functions at the nodes after an update."""
    step = nodes[1] - nodes[0]
    signs = np.array([(-1) ** j * math.comb(_NEAR - 1, j) for j in range(_NEAR)], dtype=float)
    matrices = []
    for force in _horner(c[1:], nodes):
        at = np.clip((nodes - eta * force - nodes[0]) / step, 0, len(nodes) - 1)
        first = np.clip(np.floor(at).astype(int) - _NEAR // 2 + 1, 0, len(nodes) - _NEAR)
        apart = (at - first)[:, None] - np.arange(_NEAR)
        hit = np.abs(apart) < 1e-12
        weights = np.where(hit.any(axis=1, keepdims=True), hit, signs / np.where(hit, 1, apart))
        weights = weights / weights.sum(axis=1, keepdims=True)
        rows = np.repeat(np.arange(len(nodes)), _NEAR)
        columns = (first[:, None] + np.arange(_NEAR)).ravel()
        matrices.append(csr_matrix((weights.ravel(), (rows, columns)), shape=(len(nodes),) * 2))
    return matrices


def _at_start(nodes: Any, values: Any) -> Any:
    """Return functions at 0 by interpolation."""
    near = np.argsort(np.abs(nodes))[:_NEAR]
    weights = [
        np.prod(nodes[np.delete(near, i)] / (nodes[np.delete(near, i)] - nodes[j]))
        for i, j in enumerate(near)
    ]
    return np.array(weights) @ values[near]


def _one_pass(c: Sequence[Any], eta: float, T: int) -> dict[str, float] | None:
    ends = _range(c, eta, T)
    if ends is None:
        return None
    nodes = np.linspace(*ends, _POINTS)
    updates = _updates(c, eta, nodes)
    mean = sum(updates) / len(updates)
    losses = (_horner(c, nodes) - _horner(c, np.array(0.0))[:, None]).T
    loss = losses.mean(axis=1)
    carried = np.stack([loss, nodes, nodes**2], axis=1)
    later = [losses]  # of the losses of all datapoints, after 0, 1, ... more updates
    for _ in range(T - 1):
        carried, more = mean @ carried, mean @ later[-1]
        later.append(more)
    carried = mean @ carried
    change, shift, square = _at_start(nodes, carried)
    # A point that is trained on is met once: before it and after it updates are like any others.
    trained = np.zeros(_POINTS)
    for after in later:
        own = sum(u @ after[:, x] for x, u in enumerate(updates)) / len(updates)
        trained = own + (mean @ trained)
    training = _at_start(nodes, trained) / T
    return _named(change, training, shift, square)


def _named(change: Any, training: Any, shift: Any, square: Any) -> dict[str, float] | None:
    found = {
        "test-loss": float(change),
        "training-loss": float(training),
        "generalisation-gap": float(change - training),
        "displacement": float(shift),
        "second-moment": float(square),
    }
    return found if all(map(math.isfinite, found.values())) else None


def _sets(k: int, N: int) -> list[tuple[list[int], float]]:
    """Return all training sets without their order, with probabilities."""
    found = []
    for rows in combinations_with_replacement(range(k), N):
        ways = math.factorial(N) / math.prod(map(math.factorial, Counter(rows).values()))
        found.append((list(rows), ways / k**N))
    return found


def _with_replacement(
    c: Sequence[Any], eta: float, numbers: Mapping[str, int]
) -> dict[str, float] | None:
    total = np.zeros(4)
    start = c[0].mean()
    for rows, probability in _sets(len(c[0]), numbers["N"]):
        own = [x[rows] for x in c]
        ends = _range(own, eta, numbers["T"])
        if ends is None:
            return None
        nodes = np.linspace(*ends, _POINTS // 2)
        updates = _updates(own, eta, nodes)
        mean = sum(updates) / len(updates)
        losses = [_horner([x.mean(keepdims=True) for x in some], nodes)[0] for some in (c, own)]
        carried = np.stack([losses[0] - start, losses[1] - own[0].mean(), nodes, nodes**2], axis=1)
        for _ in range(numbers["T"]):
            carried = mean @ carried
        total += probability * _at_start(nodes, carried)
    return _named(*total)


def _all_sets(
    c: Sequence[Any], scheme: str, eta: float, numbers: Mapping[str, int]
) -> dict[str, float] | None:
    N, E = numbers["N"], numbers["E"]
    if scheme == "full-batch":
        pairs = _sets(len(c[0]), N)
        rows, weights = np.array([r for r, _ in pairs]), np.array([w for _, w in pairs])
        batches = [slice(0, N)]
    else:
        rows = np.array(list(product(range(len(c[0])), repeat=N)))
        weights = np.full(len(rows), 1 / len(rows))
        B = numbers["B"]
        batches = [slice(b, b + B) for b in range(0, N, B)]
    forces = [[x[rows[:, batch]].mean(axis=1) for x in c[1:]] for batch in batches]
    theta = np.zeros(len(rows))
    for _ in range(E):
        for force in forces:
            total: Any = 0
            for k in range(len(force) - 1, -1, -1):
                total = total * theta / (k + 1) + force[k]
            theta = theta - eta * total
        if not np.abs(theta).max() < _FAR:
            return None
    trained: Any = 0
    for k in range(len(c) - 1, 0, -1):
        trained = (trained * theta / (k + 1) if k < len(c) - 1 else 0 * theta) + c[k][rows].mean(
            axis=1
        )
    trained = trained * theta
    loss = _horner([x.mean(keepdims=True) for x in c], theta)[0] - c[0].mean()
    return _named(weights @ loss, weights @ trained, weights @ theta, weights @ theta**2)


# Several weights, by simulation -------------------------------------------------------------------


def simulated(
    landscape: Landscape, training: Any, eta: float, runs: int
) -> tuple[float, float] | None:
    """Return the mean change of the test loss and its standard error; None where runs diverge."""
    from sgdiagrams.numeric.simulation.simulation import Simulation

    simulation = Simulation(landscape, training)
    moments = simulation.run(eta=eta, runs=simulation.chunk, seed=(0,))
    for chunk in range(1, -(-runs // simulation.chunk)):
        if moments.diverged:
            break
        moments = moments.merge(simulation.run(eta=eta, runs=simulation.chunk, seed=(chunk,)))
    return None if moments.diverged else (moments.mean, moments.standard_error)
