"""Numbers for contractions with circles, against sums over indices and over tuples of samples."""

import math
from fractions import Fraction

import numeric_slow as slow
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import Integer

from sgdiagrams.diagrams.errors import RequestError, StatisticsError
from sgdiagrams.numeric.measurement.values import Values
from sgdiagrams.numeric.measurement.wanted import Wanted
from sgdiagrams.numeric.statistics import Statistics
from sgdiagrams.numeric.values.evaluator import Evaluator
from sgdiagrams.symbolic.algebra.expression import Expression
from sgdiagrams.symbolic.contractions.contraction import Contraction
from sgdiagrams.symbolic.expansion import Expansion
from sgdiagrams.symbolic.formula import Part, Term
from sgdiagrams.symbolic.observable import named_observable
from sgdiagrams.symbolic.theorem import expand
from sgdiagrams.symbolic.training.optimizers.sgd import SGD
from sgdiagrams.symbolic.training.schemes.epochs import Epochs
from sgdiagrams.symbolic.training.schemes.one_pass import OnePass
from sgdiagrams.symbolic.training.schemes.with_replacement import WithReplacement

F = Fraction
BASES = ("moment", "cumulant", "plug-in", "distinct")
ETAS = {
    "scalar": (F(2, 3), [[F(2, 3), 0], [0, F(2, 3)]]),
    "diagonal": ([F(1, 2), F(-3)], [[F(1, 2), 0], [0, F(-3)]]),
    "matrix": ([[F(1, 2), F(2)], [F(2), F(-1, 3)]],) * 2,
}
IDENTITY = [[1, 0], [0, 1]]
#: Edges that close circles, by the number of nodes.
CIRCLES = {
    1: [[(0, 0)], [(0, 0), (0, 0)]],
    2: [
        [(0, 0)],
        [(0, 0), (0, 1)],
        [(0, 0), (1, 1)],
        [(0, 1), (0, 1)],
        [(0, 1), (1, 0), (0, 1)],
        [(0, 0), (0, 1), (0, 1)],
    ],
    3: [[(0, 1), (1, 2), (2, 0)], [(0, 1), (0, 1), (1, 2)], [(0, 0), (1, 2), (1, 2)]],
}


@st.composite
def cases(draw, *, most_free=1):
    """Draw edges, blocks and free legs."""
    nodes = draw(st.integers(1, 3))
    edges = draw(st.sampled_from(CIRCLES[nodes]))
    labels = [draw(st.integers(0, nodes - 1)) for _ in range(nodes)]
    blocks = [[x for x in range(nodes) if labels[x] == b] for b in sorted(set(labels))]
    free = draw(st.lists(st.integers(0, nodes - 1), max_size=most_free))
    return edges, blocks, free


def defined(samples, graph, eta, *, basis, role):
    if basis == "plug-in":
        return slow.plug_in(samples, graph, eta)
    moment = slow.plug_in if role == "population" else slow.unbiased
    if basis == "cumulant":
        return slow.cumulant(samples, graph, eta, moment)
    return moment(samples, graph, eta)


def as_dict(value, free):
    return dict(np.ndenumerate(value)) if free else {(): value}


@settings(max_examples=60, deadline=None)
@given(
    graph=cases(),
    seed=st.integers(0, 10**6),
    basis=st.sampled_from(BASES),
    role=st.sampled_from(["sample", "training-set", "population"]),
    eta=st.sampled_from(sorted(ETAS)),
)
def test_value_is_the_definition(*, graph, seed, basis, role, eta):
    samples = slow.symmetric_samples(seed, n=3, p=2, orders=range(7))
    given_eta, matrix = ETAS[eta]
    edges, blocks, free = graph
    c = Contraction.build(edges, blocks, free=free, basis=basis)
    expected = defined(samples, graph, matrix, basis=basis, role=role)
    exact = as_dict(Evaluator(Statistics(samples, role), given_eta).value(c), free)
    assert exact == expected
    assert all(isinstance(v, Fraction) for v in exact.values())
    floats = {k: array.astype(float) for k, array in samples.items()}
    rounded = Evaluator(Statistics(floats, role), np.array(given_eta, dtype=float)).value(c)
    for index, v in as_dict(rounded, free).items():
        assert v == pytest.approx(float(expected[index]), rel=1e-9, abs=1e-9)


@settings(max_examples=30, deadline=None)
@given(graph=cases(), seed=st.integers(0, 10**6), basis=st.sampled_from(BASES))
def test_jackknife_is_really_deleting(graph, seed, basis):
    edges, blocks, free = graph
    samples = slow.symmetric_samples(seed, n=5, p=2, orders=range(7))
    c = Contraction.build(edges, blocks, free=free, basis=basis)
    eta = ETAS["matrix"][0]
    deleted = np.array(
        [Evaluator(Statistics(slow.without(samples, i)), eta).value(c) for i in range(5)]
    )
    evaluator = Evaluator(Statistics(samples), eta)
    assert (evaluator.deviations([(F(1), c)]) == deleted - deleted.sum(axis=0) / 5).all()


@settings(max_examples=20, deadline=None)
@given(graph=cases(most_free=0), seed=st.integers(0, 10**6))
def test_weights_of_a_population(graph, seed):
    samples = slow.symmetric_samples(seed, n=3, p=2, orders=range(6))
    weights = [F(3, 2), F(-1, 4), F(-1, 4)]
    statistics = Statistics(samples, "population", weights)
    expected = slow.plug_in(samples, graph, IDENTITY, weights)[()]
    for basis in ("moment", "plug-in", "distinct"):
        c = Contraction.build(*graph[:2], basis=basis)
        assert Evaluator(statistics).value(c) == expected


def test_traces_of_matrices():
    random = np.random.default_rng(0)
    gradients = random.normal(size=(6, 3))
    matrices = random.normal(size=(6, 3, 3))
    matrices += matrices.transpose(0, 2, 1)
    cubes = random.normal(size=(6, 3, 3, 3))
    cubes = sum(
        cubes.transpose(0, *order)
        for order in [(1, 2, 3), (1, 3, 2), (2, 1, 3), (2, 3, 1), (3, 1, 2), (3, 2, 1)]
    )
    evaluator = Evaluator(Statistics({1: gradients, 2: matrices, 3: cubes}, "population"))
    g, h, j = gradients.mean(axis=0), matrices.mean(axis=0), cubes.mean(axis=0)
    covariance = np.cov(gradients.T, bias=True)
    for text, expected in [
        ("tr(H)", np.trace(h)),
        ("|H|^2", np.sum(h * h)),
        ("tr(H H H)", np.trace(h @ h @ h)),
        ("tr(H) tr(H)", np.trace(h) ** 2),
        ("tr(C H)", np.trace(covariance @ h)),
        ("|C|^2", np.sum(covariance**2)),
        ("J_aab G_b", np.einsum("aab,b", j, g)),
        ("|J|^2", np.sum(j * j)),
        ("J_abb", np.einsum("abb->a", j)),
        ("M_aa|b G_b", np.trace(matrices, axis1=1, axis2=2) @ gradients / 6 @ g),
        ("M_ab|ab", np.sum(matrices * matrices) / 6),
    ]:
        np.testing.assert_allclose(evaluator.value(Contraction.parse(text)), expected)


def test_the_learning_rate_stands_on_every_edge():
    samples = slow.symmetric_samples(4, n=3, p=2, orders=range(4))
    h = samples[2].sum(axis=0) / 3
    eta = np.array(ETAS["matrix"][0], dtype=object)
    evaluator = Evaluator(Statistics(samples, "population"), eta)
    for metric in ("identity", "eta"):
        trace = Contraction.parse("tr(H)").with_metric(metric)
        assert evaluator.value(trace) == np.trace(h.dot(eta))
        square = Contraction.parse("|H|^2").with_metric(metric)
        assert evaluator.value(square) == np.trace(h.dot(eta).dot(h).dot(eta))


def test_averages_over_distinct_samples_estimate_moments():
    """Their mean over all samples of a finite distribution is the moment; that of plug-in values not."""
    population = slow.symmetric_samples(3, n=2, p=2, orders=range(4))
    rows = [[(i >> k) & 1 for k in range(3)] for i in range(8)]
    for text in ("H^u_ab H^u_ab", "H^u_aa H^u_bb G^u_c G^u_c", "U_a|b H^u_ab"):
        distinct = Contraction.parse(text)
        truth = Evaluator(Statistics(population, "population")).value(distinct)
        moment = distinct.with_partition(distinct.partition, "moment")
        plug_in = distinct.with_partition(distinct.partition, "plug-in")
        if len(distinct.blocks) > 3:
            with pytest.raises(StatisticsError, match="at least 4 samples"):
                Evaluator(Statistics(population)).value(distinct)
            continue
        means = {}
        for c in (distinct, moment, plug_in):
            values = [
                Evaluator(Statistics({k: a[row] for k, a in population.items()})).value(c)
                for row in rows
            ]
            means[c] = sum(values) / 8
        assert means[distinct] == means[moment] == truth != means[plug_in]


def hand_made(*texts):
    """Return an expansion with given contractions, each once."""
    contractions = [Contraction.parse(text) for text in texts]
    part = Part(F(1), named_observable("test-loss"), None, SGD())
    order = max(c.order for c in contractions)
    return Expansion(order, "moment", (part,), tuple(Term(Integer(1), c) for c in contractions))


def test_expansions_are_evaluated_saved_and_not_measured():
    samples = slow.symmetric_samples(2, n=4, p=2, orders=range(4))
    statistics = Statistics(samples)
    expansion = hand_made("H_aa", "H_ab H_ab", "J_aab G_b", "G^u_a G^u_a")
    evaluator = Evaluator(statistics, F(1, 5))
    estimate = expansion.evaluate(statistics, eta=F(1, 5))
    values = [evaluator.value(term.contraction) for term in expansion.terms]
    assert estimate.value == sum(values)
    assert Expansion.from_json(expansion.to_json()) == expansion
    table = Values({"tr(H)": 2, "|H|^2": "1/2", "M_aa|b G_b": 3, "kappa_aa|b G_b": 5})
    known = hand_made("H_aa", "H_ab H_ab", "G_a G_a H_bb")
    assert known.evaluate(table, eta=1).orders == (0, 2, F(1, 2) + 3 - 5)
    with pytest.raises(RequestError, match="got 'H_aa', whose circle needs as many products"):
        Wanted.of(hand_made("l", "H_aa"), None, None)
    with pytest.raises(StatisticsError, match="the distinct value"):
        Wanted.of(hand_made("l", "G^u_a G^u_a"), None, None)


def test_standard_errors():
    samples = slow.symmetric_samples(11, n=5, p=2, orders=range(3))
    traces = np.array([sample[0, 0] + sample[1, 1] for sample in samples[2]])
    mean = sum(traces) / 5
    expected = math.sqrt(sum((t - mean) ** 2 for t in traces) / 20)
    evaluator = Evaluator(Statistics(samples))
    assert evaluator.value(Contraction.parse("tr(H)")) == mean
    for text in ("H_aa", "H^_aa", "H^u_aa"):
        error = evaluator.standard_error([(F(1), Contraction.parse(text))])
        assert error == pytest.approx(expected, rel=1e-12)
    # A block is one sample, and one more can be left out; a cumulant of two nodes needs two.
    two = Evaluator(Statistics({1: samples[1][:2]}))
    assert two.can_delete_one([(F(1), Contraction.parse("U_a|a"))])
    assert not two.can_delete_one([(F(1), Contraction.parse("G^u_a G^u_a"))])
    assert not two.can_delete_one([(F(1), Contraction.parse("C_aa"))])


@pytest.mark.parametrize("scheme", [OnePass(B=2), Epochs(), WithReplacement()])
@pytest.mark.parametrize("basis", ["moment", "cumulant"])
def test_the_sharpness_after_training(scheme, basis):
    """A function whose derivatives are given by hand, beside the trace that Leibniz differentiates."""
    samples = slow.symmetric_samples(5, n=3, p=2, orders=range(6))
    numbers = {"N": 4, "B": 2, "E": 2, "T": 4}
    mean = {k: array.sum(axis=0) / 3 for k, array in samples.items()}
    given = {k: mean[k + 2].trace(axis1=k, axis2=k + 1) for k in range(4)}
    statistics = Statistics.from_samples(samples, role="population", functions={"s": given})
    by_hand, by_leibniz = (
        expand(name, order=3, sampling=scheme, basis=basis)
        for name in ("function:s", Expression.parse("tr(H)"))
    )
    known = {name: numbers[name] for name in by_leibniz.symbols if name in numbers}
    assert by_hand.symbols == by_leibniz.symbols
    one, other = (e.evaluate(statistics, eta=F(1, 10), **known) for e in (by_hand, by_leibniz))
    assert one.orders == other.orders
    assert all(order != 0 for order in one.orders)
