from __future__ import annotations

import math
from fractions import Fraction
from itertools import product

import numeric_slow as slow
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sgdiagrams.diagrams import enumerate_diagrams
from sgdiagrams.diagrams.errors import RequestError, StatisticsError
from sgdiagrams.numeric.statistics import Statistics
from sgdiagrams.numeric.values import evaluator as contract
from sgdiagrams.numeric.values.evaluator import Evaluator
from sgdiagrams.numeric.values.jackknife import jackknife_error
from sgdiagrams.numeric.values.learning_rate import read_eta
from sgdiagrams.numeric.values.network import Network, Operand
from sgdiagrams.symbolic.contractions.contraction import Contraction

F = Fraction
IDENTITY = [[1, 0], [0, 1]]
ETAS = {
    "scalar": (F(2, 3), [[F(2, 3), 0], [0, F(2, 3)]]),
    "diagonal": ([F(1, 2), F(-3)], [[F(1, 2), 0], [0, F(-3)]]),
    "matrix": ([[F(1, 2), F(2)], [F(2), F(-1, 3)]],) * 2,
}
BASES = ("moment", "cumulant", "plug-in", "distinct")
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
    if basis in ("moment", "distinct"):
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


# Labels: functions of the weights and penalised losses -------------------------------------------

START = np.array([F(2, 3), F(-5)])
DECAY = F(3, 4)
# Names that are ordinary words inside the evaluator, and one as long as names may be.
NAMES = ("loss", "penalised-loss", "open", "function-0", "x" * 61)


def labelled(seed, *, n, role="sample", orders=range(5)):
    """Return the slow definitions' samples and the same as statistics."""
    samples = slow.symmetric_samples(seed, n=n, p=2, orders=orders)
    functions = {
        name: slow.symmetric_function(seed + i, p=2, orders=orders)
        for i, name in enumerate(NAMES[2:], start=1)
    }
    statistics = Statistics.from_samples(samples, role=role, functions=functions, start=START)
    everything = {**samples, "penalised-loss": slow.penalised(samples, START, DECAY), **functions}
    return everything, statistics


def same(found, expected, free):
    """Tell whether a value equals that of the slow definitions, as Fractions."""
    values = as_dict(found, free)
    return values == expected and all(isinstance(v, Fraction) for v in values.values())


@settings(max_examples=80, deadline=None)
@given(
    seed=seeds,
    nodes=st.integers(1, 4),
    free=st.integers(0, 2),
    basis=st.sampled_from(BASES),
    role=st.sampled_from(["sample", "training-set", "population"]),
    eta=st.sampled_from(sorted(ETAS)),
    is_tree=st.booleans(),
)
def test_labels_are_the_definition(*, seed, nodes, free, basis, role, eta, is_tree):
    forest = slow.labelled_forest(
        seed, names=NAMES, nodes=nodes, free=min(free, 4 - nodes), is_tree=is_tree
    )
    samples, statistics = labelled(seed, n=4, role=role)
    edges, blocks, legs, labels = forest
    contraction = Contraction.build(edges, blocks, labels=labels, free=legs, basis=basis)
    given_eta, matrix = ETAS[eta]
    evaluator = Evaluator(statistics, given_eta, weight_decay=DECAY)
    assert evaluator.is_exact
    expected = slow_value(samples, forest, matrix, basis=basis, role=role)
    assert same(evaluator.value(contraction), expected, legs)


@settings(max_examples=60, deadline=None)
@given(
    seed=seeds,
    nodes=st.integers(1, 4),
    free=st.integers(0, 2),
    basis=st.sampled_from(BASES),
    eta=st.sampled_from(sorted(ETAS)),
)
def test_jackknife_with_labels_is_really_deleting(seed, nodes, free, basis, eta):
    edges, blocks, legs, labels = slow.labelled_forest(
        seed, names=NAMES, nodes=nodes, free=free, is_tree=True
    )
    samples, statistics = labelled(seed, n=6, orders=range(6))
    given_eta = ETAS[eta][0]
    contraction = Contraction.build(edges, blocks, labels=labels, free=legs, basis=basis)
    terms = [
        (F(2, 3), contraction),
        (F(-5), Contraction.build([], [[0]], free=[0] * free, labels=["penalised-loss"])),
        (F(7), Contraction.build([], [[0]], free=[0] * free, labels=["open"])),
    ]
    functions = {name: samples[name] for name in NAMES[2:]}
    plain = {k: samples[k] for k in range(6)}

    def total(samples):
        fewer = Statistics.from_samples(samples, functions=functions, start=START)
        evaluator = Evaluator(fewer, given_eta, weight_decay=DECAY)
        return sum(weight * evaluator.value(c) for weight, c in terms)

    deleted = np.array([total(slow.without(plain, i)) for i in range(6)])
    evaluator = Evaluator(statistics, given_eta, weight_decay=DECAY)
    deviations = evaluator.deviations(terms)
    assert deviations.shape == (6, *[2] * free)
    assert (deviations == deleted - deleted.sum(axis=0) / 6).all()
    variance = F(5, 6) * (deviations**2).sum(axis=0)
    error = evaluator.standard_error(terms)
    if free:
        assert error.shape == (2,) * free
        assert error.dtype == np.float64
        assert error.tolist() == np.vectorize(math.sqrt)(variance).tolist()
    else:
        assert error == math.sqrt(variance)


def test_floats_follow():
    samples, exact = labelled(5, n=5)
    functions = {
        name: {k: np.asarray(a, dtype=float) for k, a in samples[name].items()}
        for name in NAMES[2:]
    }
    floats = {k: samples[k].astype(float) for k in range(5)}
    rounded = Statistics.from_samples(floats, functions=functions, start=START.astype(float))
    contraction = Contraction.build(
        [(0, 1), (1, 2), (1, 3)],
        [[0], [1, 2], [3]],
        labels=["open", "penalised-loss", "loss", "penalised-loss"],
        free=[2, 0],
    )
    expected = Evaluator(exact, ETAS["matrix"][0], weight_decay=DECAY).value(contraction)
    eta = np.array(ETAS["matrix"][0], dtype=float)
    for statistics, rate, decay in [
        (rounded, eta, DECAY),
        (exact, eta, DECAY),
        (exact, ETAS["matrix"][0], float(DECAY)),
    ]:
        evaluator = Evaluator(statistics, rate, weight_decay=decay)
        assert not evaluator.is_exact
        found = evaluator.value(contraction)
        assert found.dtype == np.float64
        np.testing.assert_allclose(found, expected.astype(float), rtol=1e-12)
        errors = evaluator.standard_error([(F(1), contraction)])
        exactly = Evaluator(exact, ETAS["matrix"][0], weight_decay=DECAY)
        np.testing.assert_allclose(errors, exactly.standard_error([(F(1), contraction)]))


def test_weights_of_a_population_go_with_labels():
    samples, _ = labelled(8, n=3, role="population")
    weights = [F(3, 2), F(-1, 4), F(-1, 4)]
    plain = {k: samples[k] for k in range(5)}
    statistics = Statistics(plain, "population", weights, {"open": samples["open"]}, START)
    edges, blocks = [(0, 1), (1, 2)], [[0], [1, 2]]
    labels = ["open", "penalised-loss", "loss"]
    contraction = Contraction.build(edges, blocks, labels=labels, free=[2])
    found = Evaluator(statistics, weight_decay=DECAY).value(contraction)
    expected = slow.plug_in(samples, (edges, blocks, [2], labels), IDENTITY, weights)
    assert same(found, expected, [2])


def test_a_function_counts_for_no_sample():
    """Two samples are enough for two blocks of losses, however many functions there are."""
    functions = {"s": {0: F(1, 2), 1: [F(3)], 2: [[F(5)]]}}
    statistics = Statistics.from_samples({1: [[1], [4]]}, functions=functions)
    between = Contraction.build([(0, 1), (1, 2)], [[0], [1], [2]], labels=["loss", "s", "loss"])
    assert Evaluator(statistics).value(between) == 1 * 5 * 4
    alone = Contraction.build([], [[0]], labels=["s"])
    one = Evaluator(Statistics.from_samples({1: [[1]]}, functions=functions), F(1, 3))
    assert one.value(alone) == F(1, 2)
    plug_in = Contraction.build([], [[0]], labels=["s"], basis="plug-in")
    for c in (alone, plug_in):
        assert one.standard_error([(F(1), c)]) == 0.0
        assert one.can_delete_one([(F(1), c)])
    gradient = Contraction.build([], [[0]], labels=["s"], free=[0])
    assert one.value(gradient).tolist() == [F(1)]
    assert one.standard_error([(F(1), gradient)]).tolist() == [0.0]
    assert one.deviations([(F(1), gradient)]).tolist() == [[F(0)]]
    both = Contraction.build([(0, 1)], [[0], [1]], labels=["s", "loss"])
    assert one.standard_error([(F(1), both)]) == math.inf
    two = Evaluator(statistics)
    assert two.value(both) == F(15, 2)
    assert two.standard_error([(F(1), both)]) == 3 * 1.5  # the mean's error, 3/2, times 3


def test_a_tied_function_is_refused():
    evaluator = Evaluator(Statistics.from_samples({1: [[1], [4]]}, functions={"s": {1: [3]}}))
    for labels in (["s", "loss"], ["s", "s"], ["penalised-loss", "s"]):
        for basis in BASES:
            tied = Contraction.build([(0, 1)], [[0, 1]], labels=labels, basis=basis)
            with pytest.raises(RequestError, match="alone in its block, got label='s'") as caught:
                evaluator.value(tied)
            assert "\n" not in str(caught.value)
            with pytest.raises(RequestError, match="alone in its block"):
                evaluator.deviations([(F(1), tied)])


def test_without_weight_decay_penalised_is_plain():
    samples = slow.symmetric_samples(4, n=4, p=2, orders=range(1, 4))
    evaluator = Evaluator(Statistics(samples))
    forms = [
        Contraction.build([(0, 1), (1, 2)], [[0, 1], [2]], labels=labels)
        for labels in (None, ["penalised-loss"] * 3, ["loss", "penalised-loss", "loss"])
    ]
    assert len({evaluator.value(c) for c in forms}) == 1
    assert len(evaluator._values) == 2  # two partitions, whatever the labels
    assert len(set(forms)) == 3
    terms = [(F(1), forms[0]), (F(-1), forms[1])]
    assert evaluator.standard_error(terms) == 0.0


def test_missing_numbers_of_labels():
    samples = {1: [[1, 0], [4, 2]], 2: [np.eye(2, dtype=int)] * 2}
    contraction = Contraction.build([(0, 1)], [[0], [1]], labels=["penalised-loss", "s"])
    short = Statistics.from_samples(
        samples, functions={"s": {0: 1, 2: [[1, 0], [0, 1]]}}, start=[1, 1]
    )
    with pytest.raises(
        StatisticsError,
        match=r"derivative 1 of the function 's' .* got derivatives 0, 2; add key 1 to functions\['s'\]",
    ):
        Evaluator(short).value(contraction)
    unknown = Statistics.from_samples(samples, functions={"s": {1: [1, 1]}})
    with pytest.raises(StatisticsError, match=r"start=None; give the statistics start=") as caught:
        Evaluator(unknown, weight_decay=DECAY).value(contraction)
    assert "\n" not in str(caught.value)
    assert Evaluator(unknown, weight_decay=0).value(contraction) == F(5, 2) + 1
    # The second derivative of the penalty does not depend on the start.
    curved = Contraction.build([], [[0]], labels=["penalised-loss"], free=[0, 0])
    found = Evaluator(unknown, weight_decay=DECAY).value(curved)
    assert (found == np.eye(2, dtype=int) * (1 + DECAY)).all()
    with pytest.raises(StatisticsError, match="derivative 0 of the loss"):
        Evaluator(unknown).value(Contraction.build([], [[0]], labels=["penalised-loss"]))


@pytest.mark.parametrize("decay", [None, "0.1", True, math.nan, math.inf, 1j, [0.1], F])
def test_bad_weight_decay(decay):
    with pytest.raises(RequestError, match="expected weight_decay as a finite float") as caught:
        Evaluator(Statistics({1: [[1]]}), weight_decay=decay)
    assert "\n" not in str(caught.value)


def test_long_weights_are_rounded_among_floats():
    """Weights of momentum have denominators of thousands of digits."""
    samples = slow.symmetric_samples(4, n=5, p=2, orders=range(1, 4))
    floats = Evaluator(Statistics({k: a.astype(float) for k, a in samples.items()}))
    contraction = Contraction.build([(0, 1), (1, 2)], [[0, 2], [1]])
    weight = 1 - F(9, 10) ** 5000
    error = floats.standard_error([(weight, contraction)])
    assert error == pytest.approx(floats.standard_error([(F(1), contraction)]), rel=1e-12)


def test_large_results_are_not_cut_into_single_samples(monkeypatch):
    """A result beyond the limit is no reason to halve the sample axis."""
    samples = slow.symmetric_samples(6, n=6, p=3, orders=(2,))
    evaluator = Evaluator(Statistics(samples))
    evaluator._limit = 3
    monkeypatch.setattr(Network, "_halve", None)
    chain = Contraction.build(
        [(0, 1), (1, 2)], [[0], [1], [2]], free=[0, 2], basis="plug-in", metric="eta"
    )
    mean = samples[2].mean(axis=0)
    assert (evaluator.value(chain) == mean @ mean @ mean).all()
    assert evaluator.deviations([(F(1), chain)]).shape == (6, 3, 3)


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
    accuracy = Contraction.build([(0, 1)], [[0], [1]], labels=["accuracy", "loss"])
    sampled = Evaluator(Statistics({1: [[1], [2]]}, functions={"s": {1: [1]}}))
    for ask in (evaluator.value, sampled.value, lambda c: sampled.standard_error([(F(1), c)])):
        with pytest.raises(StatisticsError, match="label='accuracy'") as caught:
            ask(accuracy)
        assert "functions={'accuracy': {0: number, 1: gradient, ...}}" in str(caught.value)
        assert "\n" not in str(caught.value)
    assert "or a function of the statistics (s)" in str(caught.value)


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
        Operand(network.identify(i % 2), array, axes)
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


# Many contractions at once -------------------------------------------------------------------------


def order_four():
    """All contractions of the test loss at order 4, without their factors."""
    return list(dict.fromkeys(Contraction.from_diagram(d) for d in enumerate_diagrams(4)))


def by_tensors(samples, contraction):
    """The value from the full joint moment of every block, contracted all at once."""
    letters = {e: "abcd"[i] for i, e in enumerate(contraction.edges)}
    names = [
        "".join(s for e, s in letters.items() if x in e) for x in range(contraction.node_count)
    ]
    inputs, moments = [], []
    for block in contraction.blocks:
        own = [names[x] for x in block]
        distinct = []  # an edge inside a block is two legs of its moment
        for i, legs in enumerate(own):
            distinct.append("".join(s.upper() if s in "".join(own[:i]) else s for s in legs))
        arrays = [samples[len(legs)] for legs in own]
        n = len(arrays[0])
        pattern = ",".join("z" + legs for legs in distinct) + "->" + "".join(distinct)
        moments.append(np.einsum(pattern, *arrays) / n)
        inputs.append("".join(own))
    return np.einsum(",".join(inputs) + "->", *moments, optimize="greedy")


def test_all_of_order_four_by_full_tensors(monkeypatch):
    """And no array is larger than the largest that is given, and that one is read twice."""
    contractions = order_four()
    assert len(contractions) == 62
    samples = slow.symmetric_samples(11, n=7, p=3, orders=range(5))
    samples = {k: a.astype(float) for k, a in samples.items()}
    monkeypatch.setattr(contract, "_FLOOR", 0)
    evaluator = Evaluator(Statistics(samples, "population"))
    pair, reads = Network._pair, []

    def watched(self, one, other, needed):
        result = pair(self, one, other, needed)
        assert result.array.size <= samples[4].size
        if samples[4].size in (one.array.size, other.array.size):
            reads.append(result.identity)
        return result

    monkeypatch.setattr(Network, "_pair", watched)
    for c in contractions:
        assert evaluator.value(c) == pytest.approx(by_tensors(samples, c), rel=1e-9, abs=1e-9), c
    # Once for its mean; and it meets the gradient of the same sample once, whatever follows.
    assert len(set(reads)) == 1
