"""Measuring, looked at from outside: is it unbiased, do intervals hold the truth as often as they say?

The truth is a sum over tuples of datapoints, written out here; losses are those of logistic regression,
with derivatives by hand. Big versions of these experiments, with their figures, are in decision 0030.
"""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from itertools import permutations, product

import numpy as np
import pytest
from dense_model import DenseModel
from scipy.stats import t as student

import sgdiagrams as sd
from sgdiagrams.numeric.measurement.measured import Measured
from sgdiagrams.numeric.measurement.measuring import measure_model
from sgdiagrams.numeric.measurement.method import Method
from sgdiagrams.numeric.measurement.procedure import Procedure
from sgdiagrams.numeric.measurement.wanted import Wanted
from sgdiagrams.numeric.values.evaluator import Evaluator

ONE_PASS = sd.expand("test-loss", order=3, sampling="one-pass")
GAP = sd.expand("generalisation-gap", order=3, sampling=sd.Epochs(N=16, B=4))
VARIANCE = sd.expand("variance", order=2, sampling="one-pass")
SGD, DESCENT = (
    sd.expand("test-loss", order=3, sampling=sd.Epochs(N=16, B=batch)) for batch in (4, 16)
)
LOSS = sd.expand("test-loss", order=2, sampling="one-pass")
GAP_OF_TWO = sd.expand("generalisation-gap", order=2, sampling="epochs")
DISPLACEMENT = sd.expand("displacement", order=2, sampling="one-pass")


# The truth ------------------------------------------------------------------------------------------


def over_tuples(contraction, tensors, *, distinct):
    """Return the average of a contraction over tuples of datapoints, one for every block: no algebra."""
    blocks = len(set(contraction.partition))
    ends = [[] for _ in contraction.partition]
    for letter, (i, j) in zip("abcdefgh", contraction.edges, strict=False):
        ends[i].append(letter)
        ends[j].append(letter)
    for letter, i in zip("xyz", contraction.free, strict=False):
        ends[i].append(letter)
    indices = ",".join("".join(letters) for letters in ends)
    indices += "->" + "xyz"[: len(contraction.free)]
    size = len(tensors[1])
    tuples = permutations(range(size), blocks) if distinct else product(range(size), repeat=blocks)
    total, count = 0.0, 0
    for datapoints in tuples:
        nodes = [
            tensors[len(letters)][datapoints[block]]
            for letters, block in zip(ends, contraction.partition, strict=True)
        ]
        total = total + np.einsum(indices, *nodes)
        count += 1
    return total / count


def logistic(x, y, w, order):
    """Return the derivatives 0..order of log(1 + exp(-y x.w)) for every datapoint."""
    z = y * (x @ w)
    s = 1 / (1 + np.exp(z))
    # The derivatives of log(1 + exp(-z)) are polynomials in s, with s' = -s (1 - s).
    polynomial = np.polynomial.Polynomial([0.0, -1.0])
    slopes = [np.log1p(np.exp(-z))]
    for _ in range(order):
        slopes.append(polynomial(s))
        polynomial = polynomial.deriv() * np.polynomial.Polynomial([0.0, -1.0, 1.0])
    tensors, outer = {}, np.ones(len(x))
    for k, slope in enumerate(slopes):
        tensors[k] = slope.reshape(-1, *[1] * k) * outer
        outer = np.einsum("n...,na->n...a", outer, y[:, None] * x)
    return tensors


def losses(size, *, scale, p=4, order=4):
    """Return the derivatives of logistic regression at weights of a scale, on datapoints that repeat."""
    rng = np.random.default_rng(7)
    x = np.column_stack([rng.normal(size=(size, p - 1)), np.ones(size)])
    y = np.where(rng.random(size) < 1 / (1 + np.exp(-x.sum(axis=1))), 1.0, -1.0)
    return logistic(x, y, scale * rng.normal(size=p), order)


class DrawnModel(DenseModel):
    """The losses of a few datapoints, any of them many times: quick enough for thousands of rounds."""

    def __init__(self, samples, drawn):
        super().__init__(samples)
        self.drawn = drawn

    @property
    def size(self):
        return len(self.drawn)

    @property
    def arrays(self):
        return (self.drawn,)

    def derivative(self, label, datapoints, legs=(), *, output):
        assert label == "loss"
        tensors = self.samples[len(legs) + (output == "vector")]
        points = np.atleast_2d(self.drawn[datapoints])
        shares = np.zeros((len(points), len(tensors)))
        np.add.at(shares, (np.arange(len(points))[:, None], points), 1 / points.shape[1])
        total = np.tensordot(shares, tensors, axes=1)[:, None]
        for leg in legs:
            vectors = leg.table[leg.rows]
            shape = np.broadcast_shapes(total.shape[:2], vectors.shape[:2])
            total = np.einsum(
                "rsi...,rsi->rs...",
                np.broadcast_to(total, shape + total.shape[2:]),
                np.broadcast_to(vectors, shape + vectors.shape[2:]),
            )
        return total.reshape(-1, self.dimension) if output == "vector" else np.array(total)


# Many measurements ----------------------------------------------------------------------------------


def measurements(samples, expansions, count, *, role, rounds=1, **grouping):
    """Return `count` independent measurements of so many rounds each."""
    wanted = Wanted.of(expansions, None, None)
    size = len(samples[1])
    drawn = np.arange(size)
    total = count * rounds
    if role == "sample":
        groups = grouping["groups"] * grouping["size"]
        drawn = np.random.default_rng(3).integers(size, size=groups * total)
    model = DrawnModel(samples, drawn)
    method = Method.of(
        model, wanted.moments, role=role, seed=5, budget=None, memory=None, samples=64
    )
    method = replace(method, is_exact=False, grouping=replace(method.grouping, **grouping))
    procedure = Procedure(model, method, wanted.numbers, wanted.vectors)
    start = Measured(
        contractions=wanted.numbers,
        vector_contractions=wanted.vectors,
        rounds=(),
        role=role,
        datapoints=model.size,
        dimension=model.dimension,
    )
    made = [procedure(index) for index in range(total)]
    return [replace(start, rounds=tuple(made[i : i + rounds])) for i in range(0, total, rounds)]


def scores(values, errors, degrees, truth):
    """Return bias in its standard errors, coverage of 95 %, and the error stated over the true one."""
    spread = values.std(axis=0, ddof=1)
    bias = (values.mean(axis=0) - truth) / (spread / len(values) ** 0.5)
    inside = abs(values - truth) <= student.ppf(0.975, degrees) * errors
    return bias, inside.mean(axis=0), np.sqrt((errors**2).mean(axis=0)) / spread


def of_contractions(many, samples, role):
    """Return the scores of all contractions without free leg."""
    everything = many[0].contractions
    truth = [truth_of(c, samples, role) for c in everything]
    values = np.array([[m.value(c) for c in everything] for m in many])
    errors = np.array([[m.standard_error([(1.0, c)]) for c in everything] for m in many])
    return scores(values, errors, many[0].degrees, truth)


def truth_of(contraction, samples, role):
    """Return what `over_tuples` returns, by dense tensors, for more datapoints."""
    statistics = sd.Statistics.from_samples(
        samples, role="training-set" if role == "training-set" else "population"
    )
    return Evaluator(statistics).value(contraction)


def of_expansion(many, samples, role, expansion, **numbers):
    """Return the scores of every order that is not zero, and of their sum."""
    statistics = sd.Statistics.from_samples(samples, role=role)
    right = expansion.evaluate(statistics, **numbers)
    estimates = [expansion.evaluate(m, **numbers) for m in many]
    values = np.array([[*e.orders, e.value] for e in estimates], float)
    errors = np.array([[*e.order_standard_errors, e.standard_error] for e in estimates], float)
    kept = values.std(axis=0) > 0
    truth = np.array([*right.orders, right.value], float)
    return scores(values[:, kept], errors[:, kept], many[0].degrees, truth[kept])


# Tests ----------------------------------------------------------------------------------------------


def test_the_truth_is_that_of_dense_statistics():
    samples = losses(5, scale=0.5, p=3)
    wanted = Wanted.of([ONE_PASS, GAP, VARIANCE, DISPLACEMENT], None, None)
    for contraction in wanted.moments:
        for distinct, role in ((True, "training-set"), (False, "population")):
            slow = over_tuples(contraction, samples, distinct=distinct)
            quick = truth_of(contraction, samples, role)
            np.testing.assert_allclose(slow, quick, rtol=1e-9, atol=1e-13, err_msg=str(contraction))


def check(bias, coverage, ratio, *, least, median):
    """Unbiased; errors never too short; intervals as good as skewed numbers let them be."""
    assert abs(bias).max() < 4
    assert np.sqrt((bias**2).mean()) < 1.8
    # Too long by up to what Efron and Stein say, where products of noise lead.
    assert ratio.min() > 0.88
    assert ratio.max() < 3.5
    assert np.median(coverage) > median
    assert coverage.min() > least


@pytest.fixture(scope="module")
def samples():
    return losses(60, scale=1.0)


@pytest.fixture(scope="module")
def of_samples(samples):
    expansions = [ONE_PASS, GAP, VARIANCE, SGD - DESCENT]
    return measurements(samples, expansions, 200, role="sample", groups=11, size=23)


class TestCoverage:
    """Nominally 95 %; with 200 measurements the coverage itself is known to 0.015."""

    def test_of_a_sample(self, of_samples, samples):
        check(*of_contractions(of_samples, samples, "sample"), least=0.8, median=0.91)

    @pytest.mark.parametrize(
        ("expansion", "numbers"),
        [
            (ONE_PASS, {"eta": 0.05, "T": 16}),
            (GAP, {"eta": 0.05, "E": 4}),
            (SGD - DESCENT, {"eta": 0.05, "E": 4}),
        ],
        ids=["one pass", "gap", "difference of protocols"],
    )
    def test_of_orders_and_sums(self, of_samples, samples, expansion, numbers):
        got = of_expansion(of_samples, samples, "population", expansion, **numbers)
        check(*got, least=0.86, median=0.91)

    def test_where_noise_leads(self):
        noisy = losses(60, scale=0.2)
        many = measurements(noisy, [ONE_PASS], 200, role="sample", groups=7, size=9)
        bias, coverage, ratio = of_expansion(many, noisy, "population", ONE_PASS, eta=0.05, T=16)
        check(bias, coverage, ratio, least=0.9, median=0.93)

    @pytest.mark.parametrize("rounds", [1, 12])
    def test_of_draws_from_a_population(self, samples, rounds):
        options = {"role": "population", "groups": 7, "size": 9, "rounds": rounds}
        many = measurements(samples, [ONE_PASS], 120, **options)
        got = of_expansion(many, samples, "population", ONE_PASS, eta=0.05, T=16)
        check(*got, least=0.85, median=0.9)

    def test_of_draws_from_a_training_set(self, samples):
        """Rounds that have most of it are alike: what they say of their spread is right."""
        epochs = sd.Epochs(N=60, B=20, shuffle="every-epoch")
        trained = sd.expand("training-loss", order=2, sampling=epochs)
        options = {"role": "training-set", "groups": 7, "size": 8, "rounds": 12}
        many = measurements(samples, [trained], 120, **options)
        bias, coverage, ratio = of_expansion(many, samples, "training-set", trained, eta=0.05, E=4)
        check(bias, coverage, ratio, least=0.85, median=0.9)
        assert ratio.max() < 1.3


# With JAX, from outside -----------------------------------------------------------------------------


MODEL = """
import numpy as np, jax, jax.numpy as jnp
import sgdiagrams as sd

def loss(weights, datapoint):
    x, y = datapoint
    return jnp.logaddexp(0.0, -y * (x @ weights))

def model(size):
    rng = np.random.default_rng(7)
    x = np.column_stack([rng.normal(size=(size, 2)), np.ones(size)])
    y = np.where(rng.random(size) < 1 / (1 + np.exp(-x.sum(axis=1))), 1.0, -1.0)
    return loss, 0.5 * rng.normal(size=3), (x, y)
"""


@pytest.fixture(scope="module")
def model():
    pytest.importorskip("jax")
    names = {}
    exec(MODEL, names)
    return names["model"]


def tensors_of(data, weights, order=4):
    return logistic(*data, weights, order)


@pytest.mark.parametrize("role", ["training-set", "population"])
def test_exact_values_are_averages_over_tuples(model, role):
    loss, weights, data = model(5)
    measured = sd.measure(loss, weights, data, [ONE_PASS, GAP, VARIANCE, DISPLACEMENT], role=role)
    assert measured.dtype == "float64"
    everything = (*measured.contractions, *measured.vector_contractions)
    assert len(everything) > 25
    tensors = tensors_of(data, weights)
    for contraction in everything:
        slow = over_tuples(contraction, tensors, distinct=role == "training-set")
        np.testing.assert_allclose(
            measured.value(contraction), slow, rtol=1e-9, atol=1e-12, err_msg=str(contraction)
        )
        assert not np.any(measured.standard_error([(1.0, contraction)]))


def test_the_average_over_seeds_is_the_average_over_tuples():
    tensors = losses(8, scale=0.5, p=3)
    wanted = Wanted.of([LOSS, GAP_OF_TWO], None, None)
    many = [measure_model(DenseModel(tensors), wanted, role="sample", seed=s) for s in range(120)]
    for contraction in wanted.numbers:
        values = np.array([m.value(contraction) for m in many])
        error = values.std(ddof=1) / len(values) ** 0.5
        slow = over_tuples(contraction, tensors, distinct=True)
        assert abs(values.mean() - slow) < 4 * error + 1e-12, contraction


DRAWN = {"role": "population", "budget": 60.0, "seed": 2}


def same(one, two):
    return len(one.rounds) == len(two.rounds) and all(
        (a.seed, a.index) == (b.seed, b.index)
        and np.array_equal(a.values, b.values)
        and np.array_equal(a.deviations, b.deviations)
        for a, b in zip(one.rounds, two.rounds, strict=True)
    )


def test_parts_that_are_saved_merge_to_what_one_go_gives(model, tmp_path):
    loss, weights, data = model(400)
    whole = sd.measure(loss, weights, data, LOSS, **DRAWN)
    assert len(whole.rounds) > 8
    for k in (1, 2, 3):
        part = sd.measure(loss, weights, data, LOSS, part=(k, 3), **DRAWN)
        part.save(tmp_path / f"{k}.npz")
    second, third, first = (sd.Measured.load(tmp_path / f"{k}.npz") for k in (2, 3, 1))
    merged = second.merge(third, first)
    assert same(merged, whole)
    for contraction in whole.contractions:
        terms = [(1.0, contraction)]
        assert merged.value(contraction) == whole.value(contraction)
        assert merged.standard_error(terms) == whole.standard_error(terms)
    assert merged.degrees == whole.degrees


@pytest.mark.skipif(os.name != "posix", reason="kill -9")
def test_what_is_killed_and_goes_on_is_what_one_go_gives(model, tmp_path):
    loss, weights, data = model(400)
    whole = sd.measure(loss, weights, data, LOSS, **DRAWN)
    path = tmp_path / "measured.npz"
    code = (
        MODEL
        + f"""
from sgdiagrams.numeric.measurement import measurement_file
measurement_file._SECONDS = 0
expansion = sd.expand("test-loss", order=2, sampling="one-pass")
loss, weights, data = model(400)
progress = lambda fraction, words: print(fraction, flush=True)
sd.measure(loss, weights, data, expansion, checkpoint={str(path)!r}, progress=progress, **{DRAWN!r})
"""
    )
    left = []
    for rounds in (2, 3):
        with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as run:
            for _ in range(rounds):
                assert run.stdout.readline()
            run.send_signal(signal.SIGKILL)
            run.wait()
        left.append(sd.Measured.load(path))
    assert not any(one.complete for one in left)
    assert 0 < len(left[0].rounds) < len(whole.rounds)
    resumed = sd.measure(loss, weights, data, LOSS, checkpoint=path, **DRAWN)
    assert resumed.complete
    assert same(resumed, whole)
    for contraction in whole.contractions:
        assert resumed.value(contraction) == whole.value(contraction)
