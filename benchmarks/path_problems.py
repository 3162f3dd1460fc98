"""Small problems with random data on which many runs of SGD are cheap, and how they are trained."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from sgdiagrams.symbolic.training.training import Training

__all__ = ["FAMILIES", "Family", "Setting", "setting"]


@dataclass(frozen=True, slots=True)
class Family:
    """Problems of one shape.

    Attributes
    ----------
    loss
        Of weights (p,) and one datapoint, in JAX.
    make
        Draws weights where training starts, and the data.
    longest
        The most updates.
    share
        How often it is taken.
    """

    loss: Callable[[Any, Any], Any]
    make: Callable[[np.random.Generator], tuple[NDArray[Any], Any]]
    longest: int
    share: float


@dataclass(frozen=True, slots=True)
class Setting:
    """A problem and a way of training.

    Attributes
    ----------
    family
        Its name.
    start, data
        The weights where training starts, shape (p,), and datapoints.
    training
        With numbers.
    eta
        The learning rate.
    """

    family: str
    start: NDArray[np.float64]
    data: Any
    training: Training
    eta: float


#: Weights beyond this have diverged.
_FAR = 1e3

# Losses -------------------------------------------------------------------------------------------


def _logistic(w: Any, point: Any) -> Any:
    import jax.numpy as jnp

    x, y = point
    return jnp.logaddexp(0.0, w @ x) - y * (w @ x)


def _tanh_unit(w: Any, point: Any) -> Any:
    import jax.numpy as jnp

    x, y = point
    return (jnp.tanh(w @ x) - y) ** 2 / 2


def _tanh_network(w: Any, point: Any) -> Any:
    import jax.numpy as jnp

    x, y = point
    k = len(x)
    hidden = jnp.tanh(w[: k * k].reshape(k, k) @ x + w[k * k : k * k + k])
    return (w[k * k + k : k * k + 2 * k] @ hidden + w[-1] - y) ** 2 / 2


def _double_well(w: Any, point: Any) -> Any:
    slope, curvature = point
    return (w @ w) ** 2 / 4 - (w @ w) / 2 + slope @ w + curvature * (w @ w) / 2


def _quartic(w: Any, point: Any) -> Any:
    slope, hessian, cubic, quartic = point
    return slope @ w + w @ hessian @ w / 2 + (cubic @ w) ** 3 / 6 + (quartic @ w) ** 4 / 24


def _digits(w: Any, point: Any) -> Any:
    import jax.numpy as jnp
    from jax.nn import logsumexp

    x, label = point
    hidden = jnp.tanh(w[:50].reshape(5, 10) @ x + w[50:55])
    scores = w[55:75].reshape(4, 5) @ hidden + w[75:79]
    return logsumexp(scores) - scores[label]


# Data ---------------------------------------------------------------------------------------------


def _regression(
    p: int, n: int, weights: int, *, classes: bool
) -> Callable[[np.random.Generator], tuple[NDArray[Any], Any]]:
    def make(rng: np.random.Generator) -> tuple[NDArray[Any], Any]:
        x = rng.normal(size=(n, p)) * (1 + np.arange(p)) ** -rng.uniform(0, 1)
        signal = np.tanh(x @ rng.normal(size=p)) + rng.choice([0.1, 0.5, 2.0]) * rng.normal(size=n)
        y = (signal > 0).astype(float) if classes else signal
        start = rng.choice([0.1, 1.0]) * rng.normal(size=weights) / np.sqrt(p)
        return start, (x, y)

    return make


def _wells(rng: np.random.Generator) -> tuple[NDArray[Any], Any]:
    p, n = 2, 12
    noise = 10 ** rng.uniform(-1.5, 0.3)
    start = rng.normal(size=p) * rng.choice([0.1, 1.0])
    return start, (noise * rng.normal(size=(n, p)), noise * rng.normal(size=n))


def _polynomial(rng: np.random.Generator) -> tuple[NDArray[Any], Any]:
    p, n = 4, 16
    noise, more = 10 ** rng.uniform(-1.5, 0.3), 10 ** rng.uniform(-2, 0)
    hessian = np.diag(rng.uniform(0.1, 1, size=p))
    apart = more * rng.normal(size=(n, p, p))
    cubic = 10 ** rng.uniform(-2, 0) * rng.normal(size=p) + more * rng.normal(size=(n, p))
    quartic = rng.normal(size=p) + 0.3 * rng.normal(size=(n, p))
    slope = rng.choice([0, 1]) * rng.normal(size=p) + noise * rng.normal(size=(n, p))
    return np.zeros(p), (slope, hessian + apart + apart.transpose(0, 2, 1), cubic, quartic)


@lru_cache
def _pictures() -> tuple[NDArray[Any], NDArray[Any]]:
    from sklearn.datasets import load_digits

    data = load_digits()
    kept = data.target < 4
    x = data.data[kept] - data.data[kept].mean(axis=0)
    axes = np.linalg.svd(x, full_matrices=False)[2][:10]
    x = x @ axes.T
    return x / x.std(), data.target[kept]


def _some_pictures(rng: np.random.Generator) -> tuple[NDArray[Any], Any]:
    x, y = _pictures()
    rows = rng.choice(len(x), size=100, replace=False)
    start = rng.normal(size=79)
    start[:50] /= np.sqrt(10)
    start[50:75] /= np.sqrt(5)
    return start, (x[rows], y[rows])


FAMILIES: dict[str, Family] = {
    "logistic, p=3, n=20": Family(_logistic, _regression(3, 20, 3, classes=True), 40, 5),
    "logistic, p=20, n=60": Family(_logistic, _regression(20, 60, 20, classes=True), 30, 3),
    "logistic, p=100, n=200": Family(_logistic, _regression(100, 200, 100, classes=True), 10, 0.5),
    "tanh unit, p=8, n=40": Family(_tanh_unit, _regression(8, 40, 8, classes=False), 40, 4),
    "tanh network, p=25, n=40": Family(_tanh_network, _regression(4, 40, 25, classes=False), 30, 3),
    "double well, p=2, n=12": Family(_double_well, _wells, 40, 4),
    "quartic, p=4, n=16": Family(_quartic, _polynomial, 40, 4),
    "digits, p=79, n=100": Family(_digits, _some_pictures, 15, 1),
}


# Training -----------------------------------------------------------------------------------------


def _training(rng: np.random.Generator, longest: int) -> tuple[Training, float]:
    """Return a training and the factor of its learning rate beside that of plain SGD."""
    from sgdiagrams.symbolic.training.names import named_optimizer
    from sgdiagrams.symbolic.training.schemes.epochs import Epochs
    from sgdiagrams.symbolic.training.schemes.one_pass import OnePass
    from sgdiagrams.symbolic.training.schemes.with_replacement import WithReplacement
    from sgdiagrams.symbolic.training.training import Training

    B = int(2 ** rng.integers(6))
    T = round(float(np.exp(rng.uniform(np.log(2), np.log(longest)))))
    scheme = rng.choice(
        ["one-pass", "epochs", "reshuffled", "full", "replacement"], p=[0.4, 0.12, 0.25, 0.1, 0.13]
    )
    sampling: Any
    if scheme == "one-pass":
        sampling = OnePass(T=T, B=B)
    elif scheme == "full":
        sampling = Epochs(N=4 * B, B=4 * B, E=T)
    else:
        several = int(rng.choice([2, 3, 4, 8]))
        if scheme == "replacement":
            sampling = WithReplacement(N=several * B, B=B, T=T)
        else:
            shuffle = "every-epoch" if scheme == "reshuffled" else None
            sampling = Epochs(
                N=several * B,
                B=B,
                E=max(1, min(round(T / several), longest // several)),
                shuffle=shuffle,
            )
    name = rng.choice(["sgd", "momentum", "nesterov"], p=[0.5, 0.35, 0.15])
    beta = float(rng.choice([0.5, 0.9]))
    decay = float(rng.choice([0, 0, 0, 0.02]))
    schedule = rng.choice(["", "", "", "cosine", "linear"])
    optimizer = named_optimizer(
        str(name) if name == "sgd" else f"{name}:beta={beta}",
        schedule=str(schedule) or None,
        weight_decay=decay or None,
    )
    return Training(sampling, optimizer), 1.0 if name == "sgd" else (1 - beta) * rng.uniform(1, 3)


def setting(number: int) -> Setting:
    """Return a setting by its number: learning rates go from small ones to beyond stability."""
    import jax

    rng = np.random.default_rng((7, number))
    shares = np.array([family.share for family in FAMILIES.values()])
    name = str(rng.choice(list(FAMILIES), p=shares / shares.sum()))
    family = FAMILIES[name]
    start, data = family.make(rng)
    training, factor = _training(rng, family.longest)

    def mean(w: Any) -> Any:
        return jax.vmap(family.loss, (None, 0))(w, data).mean()

    with jax.enable_x64(True):  # noqa: FBT003 - its only argument
        start = np.asarray(start, dtype=float)
        sharpness = float(np.abs(np.linalg.eigvalsh(jax.hessian(mean)(start))).max())
        gradient = jax.jit(jax.grad(mean))
        moved = start
        for _ in range(int(rng.choice([0, 0, 20, 200]))):
            moved = moved - 0.5 / sharpness * np.asarray(gradient(moved))
        if np.abs(moved).max() < _FAR:
            start = moved
        sharpness = float(np.abs(np.linalg.eigvalsh(jax.hessian(mean)(start))).max())
    eta = factor * 2 / max(sharpness, 1e-3) * float(np.exp(rng.uniform(np.log(0.02), np.log(1.2))))
    return Setting(name, start, data, training, float(f"{eta:.6g}"))
