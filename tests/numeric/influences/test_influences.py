"""Influences of datapoints: against weighted runs, runs without one, and all rows of all orders."""

import json
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import numpy as np
import pytest

jax = pytest.importorskip("jax")
jnp = jax.numpy

from sgdiagrams import (  # noqa: E402
    SGD,
    Epochs,
    Momentum,
    Nesterov,
    OnePass,
    RequestError,
    SamplingError,
    TailAverage,
    Training,
    influence,
)
from sgdiagrams.numeric.descent import Descent  # noqa: E402
from sgdiagrams.numeric.influences.along_training import influence_of_model  # noqa: E402
from sgdiagrams.numeric.models.choice import model_of  # noqa: E402
from sgdiagrams.numeric.path.along import along_path_of_model  # noqa: E402

N_DATA, ETA = 9, 0.4
_rng = np.random.default_rng(2)
DATA = _rng.standard_normal((N_DATA, 2))
TEST_DATA = _rng.standard_normal((4, 2))
START = np.array([0.5, -0.3])


def loss(w, x):
    return jnp.tanh(w[0] * x[0] + w[1]) * x[1] + (w[0] - x[1]) ** 2 / 2 + w[1] ** 4 / 6


def bowl(w):
    return jnp.sin(w[0]) * w[1] ** 2


def model(data=DATA):
    return model_of(loss, START, data, functions={"bowl": bowl})


MODEL, TEST_MODEL = model(), model(TEST_DATA)


def observed(name, end, test, population):
    """Return an observable from its definition, with the population's losses as a function."""
    means = {"test-loss": lambda: test(end), "training-loss": lambda: population(end)}
    return {
        **means,
        "generalisation-gap": lambda: test(end) - population(end),
        "displacement": lambda: (end - START)[1],
        "function:bowl": lambda: bowl(end),
    }[name]()


def descended(training, gradient):
    """Return the end of a run, by the optimiser's matrices."""
    descent = Descent.of(training)
    decay = float(training.optimizer.weight_decay)
    theta, state = jnp.asarray(START), [jnp.zeros(2)] * descent.states
    end = descent.watched[0][0] * theta

    def moved(row, state):
        return sum(m * k for m, k in zip(row, state, strict=True))

    for t, update in enumerate(descent.updates):
        read = START + moved(update.read, state)
        push = ETA * (gradient(t, read) + decay * read)
        state = [
            moved(row, state) - number * push
            for row, number in zip(update.step, update.inject, strict=True)
        ]
        theta = START + moved(update.readout, state)
        end = end + descent.watched[0][t + 1] * theta
    return end


def weighted(training, names, test_data=DATA):
    """Return observables of a noiseless run as a function of the datapoints' weights."""

    def value(weights):
        losses = lambda w: jax.vmap(loss, (None, 0))(w, jnp.asarray(DATA))
        mean = lambda w: weights @ losses(w)
        test = lambda w: jax.vmap(loss, (None, 0))(w, jnp.asarray(test_data)).mean()
        slope = jax.grad(mean)
        end = descended(training, lambda _, w: slope(w))
        return jnp.array([observed(name, end, test, mean) for name in names])

    return jax.jit(value)


PROTOCOLS = [
    (OnePass(T=5, B=2), SGD()),
    (Epochs(N=4, B=2, E=2, shuffle="every-epoch"), Momentum(beta="1/2", weight_decay="1/10")),
    (Epochs(N=3, B=3, E=4), Nesterov(beta="1/2", average=TailAverage(2))),
]
OBSERVABLES = ["test-loss", "training-loss", "generalisation-gap", "displacement", "function:bowl"]


@pytest.mark.parametrize(("sampling", "optimizer"), PROTOCOLS, ids=["pass", "epochs", "full"])
def test_first_orders_are_derivatives_by_weights(sampling, optimizer):
    training = Training(sampling, optimizer)
    with jax.enable_x64(True):
        value = weighted(training, OBSERVABLES, TEST_DATA)
        equal = jnp.full(N_DATA, 1 / N_DATA)
        values, all_slopes = value(equal), np.asarray(jax.jit(jax.jacfwd(value))(equal))
    for k, (name, slopes) in enumerate(zip(OBSERVABLES, all_slopes, strict=True)):
        told = influence_of_model(
            MODEL, training, observable=name, test_model=TEST_MODEL, eta=ETA, samples=0,
            component=1 if name == "displacement" else None,
        )  # fmt: skip
        np.testing.assert_allclose(told.noiseless, values[k], rtol=1e-12)
        expected = slopes - slopes.mean()
        np.testing.assert_allclose(told.first_order, expected, rtol=1e-9, atol=1e-13)
        assert len(told.noise) == 0
        assert np.isnan(told.noise_total)


def test_leaving_out_is_foretold():
    """The error of the first order is of second: a tenth of the weight, a hundredth of the error."""
    training = Training(OnePass(T=8, B=1), SGD())
    told = influence_of_model(MODEL, training, test_model=TEST_MODEL, eta=ETA, samples=0)
    value = weighted(training, ["test-loss"], TEST_DATA)
    changes, parts = np.empty(N_DATA), np.empty(N_DATA)
    equal = np.full(N_DATA, 1 / N_DATA)
    with jax.enable_x64(True):
        for i in range(N_DATA):
            unit = np.arange(N_DATA) == i
            [without] = value(jnp.asarray((1 - unit) / (N_DATA - 1)))
            delta = -0.1 / (N_DATA - 1)
            [less] = value(jnp.asarray((1 - delta) * equal + delta * unit))
            changes[i], parts[i] = without - told.noiseless, less - told.noiseless
    missed = np.abs(told.leave_one_out - changes).max()
    assert missed < 0.3 * np.abs(changes).max()
    assert np.abs(0.1 * told.leave_one_out - parts).max() < 0.015 * missed
    assert np.corrcoef(told.leave_one_out, changes)[0, 1] > 0.97
    assert told.most_harmful(1)[0] == np.argmax(told.first_order)
    assert told.most_helpful(2)[0] == np.argmin(told.first_order)


def contributions(training, name, courses):
    """Return what every datapoint contributes to noise 1, from the definition.

    Parameters
    ----------
    courses
        Pairs of shares of a row in every batch, and how many rows have them on the average.
    """
    losses = lambda w: jax.vmap(loss, (None, 0))(w, jnp.asarray(DATA))
    mean = lambda w: losses(w).mean()
    rows = training.sampling.course().rows

    def value(e, i, shares):
        own = lambda w: losses(w)[i]
        push = lambda t, w: shares[t] * (jax.grad(own)(w) - jax.grad(mean)(w))
        end = descended(training, lambda t, w: jax.grad(mean)(w) + e * push(t, w))
        return observed(name, end, mean, lambda w: mean(w) + e / rows * (own(w) - mean(w)))

    def along(function):
        return lambda e: jax.jvp(function, (e,), (jnp.ones(()),))[1]

    def second(i, shares):
        return along(along(lambda e: value(e, i, shares)))(jnp.zeros(()))

    mapped = jax.jit(jax.vmap(second, (0, None)))
    with jax.enable_x64(True):
        each = [count * mapped(jnp.arange(N_DATA), jnp.asarray(c)) for c, count in courses]
        return np.asarray(sum(each)) / 2 / N_DATA


@pytest.mark.parametrize("name", ["generalisation-gap", "displacement"])
def test_contributions_are_exact_where_rows_are_few(name):
    training = Training(OnePass(T=4, B=3), Momentum(beta="1/2", weight_decay="1/10"))
    options = {"component": 1} if name == "displacement" else {}
    told = influence_of_model(MODEL, training, observable=name, eta=ETA, samples=4, **options)
    courses = [(np.arange(4) == t, 3) for t in range(4)]
    expected = contributions(training, name, [(c / 3, count) for c, count in courses])
    np.testing.assert_allclose(told.noise, expected, rtol=1e-9, atol=1e-14)
    assert not told.noise_standard_errors.any()
    assert told.samples == 0
    estimate = along_path_of_model(
        MODEL, training, observable=name, eta=ETA, samples=2 * N_DATA * 4
    )
    total = estimate.orders[1] if name != "displacement" else estimate.orders[1][1]
    assert told.noise_total == pytest.approx(total, rel=1e-10)
    assert not np.any(estimate.order_standard_errors[1])  # exact, too


def test_contributions_are_measured_without_bias_where_orders_are_drawn():
    """Rows are visited once an epoch, in one batch of two: all four pairs are equally likely."""
    training = Training(Epochs(N=4, B=2, E=2, shuffle="every-epoch"), SGD())
    name = "training-loss"
    told = influence_of_model(MODEL, training, observable=name, eta=ETA, samples=200)
    pairs = [np.isin(np.arange(4), pair) / 2 for pair in product((0, 1), (2, 3))]
    expected = contributions(training, name, [(c, 1) for c in pairs])
    deviations = (told.noise - expected) / told.noise_standard_errors
    assert np.abs(deviations).max() < 4
    assert 0.3 < (deviations**2).mean() < 2.5
    assert (told.noise_standard_errors < 0.3 * np.abs(expected).max()).all()
    assert abs(told.noise_total - expected.sum()) < 4 * told.noise_total_standard_error
    assert told.samples == 200


OPTIONS = {"sampling": OnePass(T=6, B=2), "eta": ETA, "samples": 3, "seed": 5}


def told_of(**options):
    given = {"eta": ETA, "samples": 3, "seed": 5} | options
    return influence_of_model(MODEL, Training(OnePass(T=6, B=2)), **given)


def test_everybody_gets_the_same():
    whole = influence(loss, START, DATA, **OPTIONS)
    with ThreadPoolExecutor(2) as pool:
        there = influence(loss, START, DATA, executor=pool, **OPTIONS)
    assert np.array_equal(there.noise, whole.noise)
    again = told_of()
    assert np.array_equal(again.noise, whole.noise)
    small = told_of(memory=8000.0)
    np.testing.assert_allclose(small.noise, whole.noise, rtol=1e-12)
    np.testing.assert_allclose(small.first_order, whole.first_order, rtol=1e-12)
    some = told_of(datapoints=[0, 1])
    np.testing.assert_allclose(some.noise, whole.noise[:2], rtol=1e-12)
    assert np.isnan(some.noise_total)


def test_pytorch_says_the_same():
    torch = pytest.importorskip("torch")

    def torch_loss(weights, x):
        [w] = weights
        return torch.tanh(w[0] * x[0] + w[1]) * x[1] + (w[0] - x[1]) ** 2 / 2 + w[1] ** 4 / 6

    mine = influence(loss, START, DATA, **OPTIONS)
    other = influence(torch_loss, [torch.tensor(START)], DATA, **OPTIONS)
    np.testing.assert_allclose(other.first_order, mine.first_order, rtol=1e-10)
    np.testing.assert_allclose(other.noise, mine.noise, rtol=1e-9)


def test_interrupts_keep_whole_datapoints():
    def stop(*_):
        raise KeyboardInterrupt

    memory = 16 * 2 * 8 * 7  # rounds of 7 runs
    part, whole = told_of(progress=stop, memory=memory), told_of(memory=memory)
    assert not part.complete
    assert part.datapoints.tolist() == [0, 1]
    np.testing.assert_array_equal(part.noise, whole.noise[:2])
    np.testing.assert_array_equal(part.first_order, whole.first_order)


def test_tables_and_json():
    training = Training(OnePass(T=6, B=2))
    told = influence_of_model(
        model(np.tile(DATA, (2, 1))), training, eta=ETA, samples=3, datapoints=[3, 0]
    )
    lines = str(told).splitlines()
    assert lines[0] == "influence on the test-loss: one-pass T=6 B=2, sgd, eta=0.4"
    assert lines[1].split() == ["datapoint", "first", "order", "left", "out", "noise", "1", "+-"]
    assert lines[2].split()[0] == str(told.most_harmful(1)[0])
    assert lines[11].split()[0] == str(told.most_helpful(1)[0])
    assert "the 5 of 18 datapoints that raise it most, and lower it most" in str(told)
    assert repr(told) == "<Influence on the test-loss of 18 datapoints>"
    assert told._repr_html_().startswith("<")
    read = json.loads(told.to_json())
    assert read["first_order"] == told.first_order.tolist()
    assert read["datapoints"] == [3, 0]
    assert read["noise_total"] is None
    all_of_them = told_of()
    assert f"noise 1, the sum of all contributions: {all_of_them.noise_total:.4g}" in str(
        all_of_them
    )


REFUSED = [
    ({"samples": 1}, "expected samples=0, or 2 to"),
    ({"component": 0}, "expected no component"),
    ({"observable": "displacement"}, r"expected component=0\.\.1"),
    ({"observable": "displacement", "component": 2}, r"expected component=0\.\.1"),
    ({"observable": "function:no"}, "expected the function 'no'"),
    ({"observable": "variance"}, "along a path, got observable='variance'"),
    ({"datapoints": [0, 9]}, r"numbers of datapoints 0\.\.8"),
    ({"datapoints": [1, 1]}, "different numbers of datapoints"),
    ({"datapoints": 3.5}, "numbers of datapoints"),
    ({"eta": [0.1, 0.2]}, "one learning rate"),
    ({"memory": 0}, "expected memory > 0"),
]


@pytest.mark.parametrize(("options", "words"), REFUSED)
def test_refused_in_one_line(options, words):
    with pytest.raises(RequestError, match=words) as refused:
        told_of(**options)
    assert "\n" not in str(refused.value)


def test_counts_and_missing_numbers_are_refused():
    told = told_of(samples=0)
    with pytest.raises(RequestError, match="count=-1"):
        told.most_harmful(-1)
    with pytest.raises(SamplingError, match="T"):
        influence(loss, START, DATA, sampling="one-pass", eta=0.1)
