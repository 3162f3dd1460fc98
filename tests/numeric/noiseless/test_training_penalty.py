"""Penalties of training on models: against the same penalties inside the losses."""

from dataclasses import replace

import numpy as np
import pytest

jax = pytest.importorskip("jax")
jnp = jax.numpy

from sgdiagrams.diagrams import RequestError  # noqa: E402
from sgdiagrams.numeric import Statistics, along_path, influence, measure, model_landscape, simulate  # noqa: E402
from sgdiagrams.symbolic import SGD, Epochs, Function, Momentum, OnePass, Penalty, expand  # noqa: E402

DATA = np.array([[0.3, 1.0], [-0.7, 0.4], [1.1, -0.2]])
START = np.array([0.5, -0.3])
SHARP = 0.05
METHOD = Momentum(beta=0.5, weight_decay=0.1, penalty=Penalty("smooth", 0.2))


def loss(w, x):
    residual = w[0] * x[0] + w[1] - x[1]
    return residual**2 / 2 + w[0] ** 3 * x[0] / 6 + w[1] ** 4 / 12


def smooth(w):
    """Return the length of the weights, as a smooth L1 norm has it."""
    return jnp.sum(jnp.sqrt(w**2 + SHARP))


def inside(w, x):
    return loss(w, x) + 0.2 * smooth(w)


def read(w):
    return w[0] * w[1] ** 2


BARE = replace(METHOD, penalty=None)


def test_noise_along_the_path():
    options = {"observable": "displacement", "sampling": OnePass(T=2), "eta": 0.3}
    got = along_path(loss, START, DATA, optimizer=METHOD, functions={"smooth": smooth}, **options)
    want = along_path(inside, START, DATA, optimizer=BARE, **options)
    for one, other in zip(got.orders, want.orders, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-9)
    with pytest.raises(RequestError, match="smooth"):
        along_path(loss, START, DATA, sampling=OnePass(T=2), eta=0.3, optimizer=METHOD)


def test_decoupled_decay_along_the_path():
    # Without memory both decays are one.
    options = {"observable": "displacement", "sampling": OnePass(T=2), "eta": 0.3}
    got = along_path(loss, START, DATA, optimizer=Momentum(beta=0, decoupled_decay=0.4), **options)
    want = along_path(loss, START, DATA, optimizer=SGD(weight_decay=0.4), **options)
    groups = along_path(loss, START, DATA, optimizer=SGD(weight_decay=[0.4, 0.4]), **options)
    for one, other, third in zip(got.orders, want.orders, groups.orders, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-9)
        np.testing.assert_allclose(third, other, rtol=1e-5, atol=1e-9)


def test_simulations_and_control_variates():
    shared = {"observable": "displacement", "sampling": Epochs(N=2, B=1, E=2), "eta": 0.2}
    shared |= {"runs": 20, "component": (0,)}

    def gradient(w, k):
        assert k == 1
        return w / np.sqrt(w**2 + SHARP)

    by_itself = replace(METHOD, penalty=Penalty(Function("smooth", derivatives=gradient), 0.2))
    got = simulate(model_landscape(loss, START, DATA), optimizer=by_itself, **shared)
    want = simulate(model_landscape(inside, START, DATA), optimizer=BARE, **shared)
    assert got.value == pytest.approx(want.value, rel=1e-6)
    assert got.standard_error == pytest.approx(want.standard_error, rel=1e-4)


def test_influences():
    shared = {"sampling": OnePass(T=3), "eta": 0.2}
    functions = {"functions": {"read": read, "smooth": smooth}}
    got = influence(
        loss, START, DATA, observable="function:read", optimizer=METHOD, **shared, **functions
    )
    want = influence(
        inside, START, DATA, observable="function:read", optimizer=BARE, **shared, **functions
    )
    np.testing.assert_allclose(got.first_order, want.first_order, rtol=1e-5, atol=1e-9)


def test_measured_contractions():
    expansion = expand("displacement", order=2, sampling=OnePass(T=4), optimizer=METHOD)
    bare = expand("displacement", order=2, sampling=OnePass(T=4), optimizer=BARE)
    got = measure(loss, START, DATA, expansion, role="population", functions={"smooth": smooth})
    want = measure(inside, START, DATA, bare, role="population")
    for one, other in zip(
        got.evaluate(expansion, eta=0.1).orders, want.evaluate(bare, eta=0.1).orders, strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("library", ["jax", "torch"])
def test_decays_are_measured(library):
    method = Momentum(beta=0.5, decoupled_decay=0.3, weight_decay=(0.2, 0.1))
    expansion = expand("displacement", order=2, sampling=OnePass(T=4), optimizer=method)

    def bowl(w, x):
        return ((w - x) ** 2).sum() / 2 + (w**3).sum() / 6

    weights, data = START, DATA
    if library == "torch":
        torch = pytest.importorskip("torch")
        weights, data = torch.tensor(START), torch.tensor(DATA)
    measured = measure(bowl, weights, data, expansion, role="population")
    dense = Statistics.from_samples(
        {
            1: START - DATA + START**2 / 2,
            2: np.tile(np.diag(1 + START), (len(DATA), 1, 1)),
            3: np.tile(np.array([[[1, 0], [0, 0]], [[0, 0], [0, 1]]]), (len(DATA), 1, 1, 1)),
        },
        role="population",
        start=START,
    )
    for one, other in zip(
        measured.evaluate(expansion, eta=0.1).orders, dense.evaluate(expansion, eta=0.1).orders,
        strict=True,
    ):  # fmt: skip
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)
