"""JAX, PyTorch and dense tensors agree, contraction by contraction."""

from functools import lru_cache

import numpy as np
import pytest

import sgdiagrams as sd
from sgdiagrams.numeric.values.evaluator import Evaluator

jax = pytest.importorskip("jax")

WIDTH, SIZE, ORDER = 2, 5, 4
OBSERVABLES = ("test-loss", "training-loss", "displacement")


@lru_cache(maxsize=1)
def given():
    """Return weights, inputs and targets: a small network with two layers and bias, p = 7."""
    rng = np.random.default_rng(0)
    weights = {
        "a": rng.normal(size=(WIDTH, WIDTH)),
        "b": rng.normal(size=WIDTH),
        "c": np.array(0.3),
    }
    return weights, rng.normal(size=(SIZE, WIDTH)), rng.normal(size=SIZE)


def network(weights, datapoint, tanh):
    x, y = datapoint
    error = tanh(x @ weights["a"]) @ weights["b"] + weights["c"] - y
    return error * error / 2 + weights["c"] ** 4 * y


def in_jax(weights, datapoint):
    return network(weights, datapoint, jax.numpy.tanh)


@lru_cache(maxsize=1)
def expansions():
    return [
        sd.expand(o, order=ORDER, sampling=s, basis="moment")
        for o in OBSERVABLES
        for s in ("one-pass", "epochs")
    ]


@lru_cache(maxsize=1)
def dense_samples():
    from jax.flatten_util import ravel_pytree

    weights, X, Y = given()
    with jax.enable_x64(True):
        flat, unflatten = ravel_pytree(weights)
        derivative = lambda theta, x, y: in_jax(unflatten(theta), (x, y))
        samples = {}
        for order in range(ORDER + 2):
            samples[order] = np.asarray(jax.vmap(derivative, (None, 0, 0))(flat, X, Y))
            derivative = jax.jacfwd(derivative)
    return samples


def measured_in_jax():
    weights, X, Y = given()
    return sd.measure(in_jax, weights, (X, Y), expansions(), role="population")


def measured_in_torch():
    torch = pytest.importorskip("torch")
    weights, X, Y = given()
    tensors = {name: torch.tensor(array) for name, array in weights.items()}
    loss = lambda w, datapoint: network(w, datapoint, torch.tanh)
    return sd.measure(loss, tensors, (X, Y), expansions(), role="population")


@pytest.mark.parametrize("measured_in", [measured_in_jax, measured_in_torch])
def test_every_contraction_of_order_4_is_that_of_dense_tensors(measured_in):
    measured = measured_in()
    dense = Evaluator(sd.Statistics.from_samples(dense_samples(), role="population"))
    assert len(measured.contractions) > 100
    for contraction in (*measured.contractions, *measured.vector_contractions):
        wanted = dense.value(contraction)
        got = measured.value(contraction)
        scale = max(1.0, float(np.max(np.abs(wanted))))
        assert np.max(np.abs(got - wanted)) < 1e-10 * scale, contraction
