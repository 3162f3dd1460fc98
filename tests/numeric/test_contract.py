from __future__ import annotations

import math
from fractions import Fraction
from itertools import product

import numeric_slow as slow
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sgdiagrams.diagrams.errors import RequestError, StatisticsError
from sgdiagrams.numeric.contract import Evaluator, jackknife_error, read_eta
from sgdiagrams.numeric.network import Network, Tensor
from sgdiagrams.numeric.statistics import Statistics
from sgdiagrams.symbolic.contraction import Contraction

F = Fraction
IDENTITY = [[1, 0], [0, 1]]
ETAS = {
    "scalar": (F(2, 3), [[F(2, 3), 0], [0, F(2, 3)]]),
    "diagonal": ([F(1, 2), F(-3)], [[F(1, 2), 0], [0, F(-3)]]),
    "matrix": ([[F(1, 2), F(2)], [F(2), F(-1, 3)]],) * 2,
}
BASES = ("moment", "cumulant", "plug-in")
seeds = st.integers(0, 10**6)


def as_dict(value, free):
    """The value as the slow definitions give it: free index -> entry."""
    if not free:
        return {(): value}
    return dict(np.ndenumerate(value))


def slow_value(samples, forest, eta, *, basis, role):
    moment = slow.unbiased if role in ("sample", "training-set") else slow.plug_in
    if basis == "plug-in":
        return slow.plug_in(samples, forest, eta)
    if basis == "moment":
        return moment(samples, forest, eta)
    return slow.cumulant(samples, forest, eta, moment)


@settings(max_examples=60, deadline=None)
@given(
    seed=seeds,
    nodes=st.integers(1, 4),
    free=st.integers(0, 2),
    basis=st.sampled_from(BASES),
    role=st.sampled_from(["sample", "training-set", "population"]),
    eta=st.sampled_from(sorted(ETAS)),
    is_tree=st.booleans(),
)
def test_value_is_the_definition(*, seed, nodes, free, basis, role, eta, is_tree):
    forest = slow.random_forest(seed, nodes=nodes, free=min(free, 4 - nodes), is_tree=is_tree)
    samples = slow.symmetric_samples(seed, n=4, p=2, orders=range(5))
    given_eta, matrix = ETAS[eta]
    edges, blocks, legs = forest
    contraction = Contraction.build(edges, blocks, free=legs, basis=basis)
    expected = slow_value(samples, forest, matrix, basis=basis, role=role)
    exact = Evaluator(Statistics(samples, role), given_eta)
    assert exact.is_exact
    found = as_dict(exact.value(contraction), legs)
    assert found == expected
    assert all(isinstance(v, Fraction) for v in found.values())

    floats = {k: array.astype(float) for k, array in samples.items()}
    rounded = Evaluator(Statistics(floats, role), np.array(given_eta, dtype=float))
    assert not rounded.is_exact
    for index, v in as_dict(rounded.value(contraction), legs).items():
        assert v == pytest.approx(float(expected[index]), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("basis", BASES)
@pytest.mark.parametrize(
    ("edges", "blocks"),
    [
        ([(0, 1), (1, 2), (2, 3), (3, 4)], [[0, 4], [1, 3], [2]]),
        ([(0, 1), (0, 2), (0, 3), (0, 4)], [[0], [1, 2], [3, 4]]),
        ([(0, 1), (0, 2), (2, 3), (2, 4)], [[0, 1, 3], [2], [4]]),
        ([(0, 1), (0, 2), (0, 3), (3, 4)], [[0], [1], [2], [3], [4]]),
    ],
)
def test_order_four(edges, blocks, basis):
    samples = slow.symmetric_samples(7, n=5, p=1, orders=range(1, 5))
    eta = F(1, 7)
    expected = slow_value(samples, (edges, blocks, []), [[eta]], basis=basis, role="sample")
    contraction = Contraction.build(edges, blocks, basis=basis)
    assert Evaluator(Statistics(samples), eta).value(contraction) == expected[()]


@settings(max_examples=20, deadline=None)
@given(seed=seeds, nodes=st.integers(1, 4), basis=st.sampled_from(BASES))
def test_signed_weights(seed, nodes, basis):
    forest = slow.random_forest(seed, nodes=nodes)
    samples = slow.symmetric_samples(seed, n=3, p=2, orders=range(4))
    weights = [F(3, 2), F(-1, 4), F(-1, 4)]

    def moment(samples, forest, eta):
        return slow.plug_in(samples, forest, eta, weights)

    if basis == "cumulant":
        expected = slow.cumulant(samples, forest, IDENTITY, moment)
    else:
        expected = moment(samples, forest, IDENTITY)
    statistics = Statistics(samples, "population", weights)
    contraction = Contraction.build(*forest[:2], basis=basis)
    assert Evaluator(statistics).value(contraction) == expected[()]


def test_unbiased_over_all_samples():
    """The mean of the estimate over all samples of size 3 is the population's value."""
    population = slow.symmetric_samples(3, n=2, p=1, orders=range(4))
    for seed, basis in product(range(4), ("moment", "cumulant")):
        edges, blocks, _ = slow.random_forest(seed, nodes=3)
        contraction = Contraction.build(edges, blocks, basis=basis)
        exact = Evaluator(Statistics(population, "population")).value(contraction)
        estimates = []
        for rows in product(range(2), repeat=3):
            sample = {k: array[list(rows)] for k, array in population.items()}
            estimates.append(Evaluator(Statistics(sample)).value(contraction))
        assert sum(estimates) / 8 == exact


def test_metric_does_not_matter():
    samples = slow.symmetric_samples(1, n=4, p=2, orders=(1, 2))
    evaluator = Evaluator(Statistics(samples), ETAS["matrix"][0])
    one, other = (
        Contraction.build([(0, 1), (1, 2)], [[0, 2], [1]], metric=m) for m in ("identity", "eta")
    )
    assert one != other
    assert evaluator.value(one) == evaluator.value(other)


@settings(max_examples=40, deadline=None)
@given(
    seed=seeds,
    nodes=st.integers(1, 4),
    free=st.integers(0, 1),
    basis=st.sampled_from(BASES),
    eta=st.sampled_from(sorted(ETAS)),
)
def test_jackknife_is_really_deleting(seed, nodes, free, basis, eta):
    edges, blocks, legs = slow.random_forest(seed, nodes=nodes, free=free)
    samples = slow.symmetric_samples(seed, n=6, p=2, orders=range(5))
    given_eta = ETAS[eta][0]
    terms = [
        (F(2, 3), Contraction.build(edges, blocks, free=legs, basis=basis)),
        (F(-5), Contraction.build([], [[0]], free=[0] * free)),
    ]

    def total(samples):
        evaluator = Evaluator(Statistics(samples), given_eta)
        return sum(weight * evaluator.value(c) for weight, c in terms)

    deleted = np.array([total(slow.without(samples, i)) for i in range(6)])
    evaluator = Evaluator(Statistics(samples), given_eta)
    deviations = evaluator.deviations(terms)
    assert (deviations == deleted - deleted.sum(axis=0) / 6).all()
    if not free:
        variance = F(5, 6) * (deviations**2).sum()
        assert evaluator.standard_error(terms) == math.sqrt(variance)
        floats = Statistics({k: array.astype(float) for k, array in samples.items()})
        rounded = Evaluator(floats, np.array(given_eta, dtype=float))
        assert rounded.standard_error(terms) == pytest.approx(math.sqrt(variance), rel=1e-8)


def test_mean_has_the_textbook_error():
    losses = np.array([1.0, 2.0, 4.0, 9.0])
    error = Evaluator(Statistics({0: losses})).standard_error(
        [(F(1), Contraction.build([], [[0]]))]
    )
    assert error == pytest.approx(losses.std(ddof=1) / 2)
    assert jackknife_error(losses - losses.mean()) == pytest.approx(losses.std() * math.sqrt(3))


def test_error_with_too_few_samples():
    samples = slow.symmetric_samples(1, n=2, p=1, orders=(1,))
    squared_mean = [(F(1), Contraction.build([(0, 1)], [[0], [1]]))]
    assert Evaluator(Statistics(samples)).standard_error(squared_mean) == math.inf
    with pytest.raises(StatisticsError, match=r"at least 3 samples .* sample_size=2"):
        Evaluator(Statistics(samples)).deviations(squared_mean)
    for role in ("population", "training-set"):
        assert Evaluator(Statistics(samples, role)).standard_error(squared_mean) == 0.0
        with pytest.raises(StatisticsError, match=f"got role='{role}'"):
            Evaluator(Statistics(samples, role)).deviations(squared_mean)
    one = {1: samples[1][:1]}
    with pytest.raises(StatisticsError, match=r"at least 2 samples .* sample_size=1"):
        Evaluator(Statistics(one)).value(squared_mean[0][1])
    assert Evaluator(Statistics(one, "population")).value(squared_mean[0][1]) == one[1][0, 0] ** 2


def test_missing_derivative_and_foreign_label():
    evaluator = Evaluator(Statistics({1: [[1]], 3: [[[[1]]]]}, "population"))
    with pytest.raises(StatisticsError, match=r"derivative 2 .* got derivatives 1, 3"):
        evaluator.value(Contraction.build([(0, 1), (1, 2)], [[0], [1], [2]]))
    with pytest.raises(RequestError, match="label='accuracy'"):
        evaluator.value(Contraction.build([(0, 1)], [[0], [1]], labels=["accuracy", "loss"]))


@pytest.mark.parametrize("limit", [1, 40, 200])
def test_slices_where_memory_is_short(limit):
    """Two tied pairs, interleaved, in floats: no intermediate exceeds the limit if it can be met."""
    samples = slow.symmetric_samples(2, n=6, p=2, orders=range(1, 4))
    contraction = Contraction.build([(0, 1), (1, 2), (2, 3), (1, 4)], [[0, 3], [1, 2], [4]])
    terms = [(F(1), contraction)]
    whole, cut = Evaluator(Statistics(samples)), Evaluator(Statistics(samples))
    cut._limit = limit
    assert cut.value(contraction) == whole.value(contraction)
    assert (cut.deviations(terms) == whole.deviations(terms)).all()


def test_network_obeys_the_limit():
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=(2, 50, 3))
    # sum_st (one_s . other_t) one_s other_t needs 50 x 50 numbers, or slices of them
    network = Network(room=10**6)
    names = [(0, 2), (1, 2), (0, 3), (1, 3)]
    tensors = [
        Tensor(network.identify(i % 2), array, axes)
        for i, (array, axes) in enumerate(zip([one, other] * 2, names, strict=True))
    ]
    expected = np.einsum("sa,ta,sb,tb->s", one, other, one, other)
    found = network.contract(tensors, (0,), samples=[0, 1], limit=150)
    np.testing.assert_allclose(found, expected)
    assert max(array.size for array in network._kept.values()) <= 150


def test_work_is_shared():
    samples = slow.symmetric_samples(2, n=5, p=2, orders=range(1, 3))
    evaluator = Evaluator(Statistics(samples))
    path = [(0, 1), (1, 2)]
    evaluator.value(Contraction.build(path, [[0], [1], [2]]))
    assert len(evaluator._values) == 4  # of the five partitions two are mirror images
    values = dict(evaluator._values)
    evaluator.value(Contraction.build(path, [[0, 1], [2]]))
    assert evaluator._values == values


@pytest.mark.parametrize(
    ("eta", "message"),
    [
        ([1, 2, 3], r"shape=\(2,\) or \(2, 2\), got shape=\(3,\)"),
        (np.ones((2, 3)), "got shape="),
        (np.array([[1.0, 2.0], [0.0, 1.0]]), "symmetric"),
        ([[F(1), F(2)], [F(0), F(1)]], "symmetric"),
        (math.nan, "finite"),
        ([1.0, math.inf], "finite"),
        ("fast", "eta='fast'"),
        (True, "eta=True"),
        (1j, "eta=1j"),
        (None, "eta=None"),
        ([F(1), 0.5], "Fractions and ints"),
        ([[1], [2, 3]], "got a list"),
    ],
)
def test_bad_eta(eta, message):
    with pytest.raises(RequestError, match=message) as caught:
        read_eta(eta, 2)
    assert "\n" not in str(caught.value)


def test_eta_kinds():
    assert read_eta(np.int64(2), 3) == F(2)
    assert isinstance(read_eta(2, None), Fraction)
    assert isinstance(read_eta(np.float32(0.5), 3), float)
    assert read_eta(np.array([1, 2]), 2).tolist() == [F(1), F(2)]
    with pytest.raises(RequestError):
        read_eta([1, 2], None)
    exact = slow.symmetric_samples(1, n=3, p=1, orders=(1,))
    value = Evaluator(Statistics(exact), 0.5).value(Contraction.build([(0, 1)], [[0], [1]]))
    assert isinstance(value, float)
