"""Estimators in Fractions: their mean over all tuples of a finite distribution is what they estimate."""

import random
from fractions import Fraction
from itertools import product
from math import prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import graphs
from sympy import Integer

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.numeric.statistics import Statistics
from sgdiagrams.numeric.values.evaluator import Evaluator
from sgdiagrams.symbolic.algebra.estimators.estimator import Estimator
from sgdiagrams.symbolic.algebra.estimators.source_for_arrays import dense_code
from sgdiagrams.symbolic.algebra.expression import Expression
from sgdiagrams.symbolic.contractions.contraction import Contraction

P = 2


def symmetric_tensor(rng, order):
    """Return a random symmetric tensor of whole numbers."""
    if not order:
        return Fraction(rng.randint(-3, 3))
    numbers = [Fraction(rng.randint(-3, 3)) for _ in range(order + 1)]
    tensor = np.empty((P,) * order, dtype=object)
    for index in np.ndindex(tensor.shape):
        tensor[index] = numbers[sum(index)]
    return tensor


def derivatives(rng, highest):
    """Return the derivatives of one loss or function."""
    return {k: symmetric_tensor(rng, k) for k in range(highest + 1)}


def stacked(rows):
    return {k: np.array([row[k] for row in rows], dtype=object) for k in rows[0]}


def population_value(expression, points, weights, functions):
    """Return an expression where points with weights are the distribution: sums of contracted means."""
    samples = {k: v.tolist() for k, v in stacked(points).items()}
    population = Statistics.from_samples(
        samples, role="population", weights=weights, functions=functions
    )
    evaluator = Evaluator(population)
    zero = np.full((P,) * expression.rank, Fraction(0)) if expression.rank else Fraction(0)
    return sum(
        (Fraction(int(c.p), int(c.q)) * evaluator.value(k) for c, k in expression.terms), start=zero
    )


def running(source):
    namespace = {}
    exec(source, namespace)
    return namespace


def mean_over_tuples(estimate, points, weights, count, options):
    """Return the mean of a kernel over all tuples of independent datapoints."""
    return sum(
        prod((weights[i] for i in rows), start=Fraction(1))
        * estimate(*(points[i] for i in rows), **options)
        for rows in product(range(len(points)), repeat=count)
    )


def mixed(graph, basis):
    """Return a contraction with functions alone in their blocks."""
    edges, blocks, labels, free = graph
    functions = {v for v, label in enumerate(labels) if label != "loss"}
    alone = [[v] for v in sorted(functions)]
    shared = [[v for v in block if v not in functions] for block in blocks]
    return Contraction.build(
        edges, [*filter(None, shared), *alone], labels=labels, free=free, basis=basis
    )


@st.composite
def expressions(draw, *, most_nodes=4, free=0, circles=False):
    terms = []
    for _ in range(draw(st.integers(1, 3))):
        graph = draw(
            graphs(
                max_nodes=most_nodes,
                names=("loss", "loss", "loss", "s"),
                max_more=1 if circles else 0,
            )
        )
        n = len(graph[2])
        legs = draw(st.lists(st.integers(0, n - 1), min_size=free, max_size=free))
        basis = draw(st.sampled_from(["moment", "cumulant"]))
        coefficient = Fraction(draw(st.integers(-4, 4).filter(bool)), draw(st.integers(1, 3)))
        terms.append((coefficient, mixed((*graph[:3], legs), basis)))
    return Expression(terms)


def check(expression, seed):
    rng = random.Random(seed)
    estimator = expression.estimator()
    highest = max((max(k.legs, default=0) for k in expression.contractions), default=0)
    points = [derivatives(rng, highest) for _ in range(3 if estimator.datapoints < 4 else 2)]
    weights = [Fraction(rng.randint(1, 5)) for _ in points]
    weights = [w / sum(weights) for w in weights]
    has_function = any("s" in k.labels for k in expression.contractions)
    functions = {"s": derivatives(rng, highest)} if has_function else {}
    options = {"functions": functions} if has_function else {}
    target = population_value(expression, points, weights, functions)
    code = running(estimator.python())
    mean = mean_over_tuples(code["estimate"], points, weights, estimator.datapoints, options)
    assert np.all(mean == target)
    # Term by term the kernel is the same function, not only the same on average.
    plain = running(dense_code(estimator.expanded, estimator.rank, estimator.datapoints))
    rows = [rng.choice(points) for _ in range(estimator.datapoints)]
    assert np.all(code["estimate"](*rows, **options) == plain["estimate"](*rows, **options))


@given(expressions(), st.integers(0, 999))
@settings(max_examples=30, deadline=None)
def test_the_mean_over_all_tuples_is_the_target(expression, seed):
    check(expression, seed)


@given(
    st.integers(1, 2).flatmap(lambda free: expressions(free=free, most_nodes=3)),
    st.integers(0, 999),
)
@settings(max_examples=15, deadline=None)
def test_vectors_and_matrices(expression, seed):
    check(expression, seed)


@given(expressions(most_nodes=3, circles=True), st.integers(0, 999))
@settings(max_examples=10, deadline=None)
def test_circles(expression, seed):
    check(expression, seed)


@pytest.mark.parametrize(
    "text",
    [
        "kappa_b|c|ac",
        "C_ab J_acc",
        "kappa_a|b|c J_abc",
        "kappa_a|a|b|b",
        "C_ab C_cd K_abcd",
        "kappa_a|bc C_bd H_cd G_a",
        "C_aa C_bb",
    ],
)
def test_products_of_differences(text):
    check(Expression.parse(text), 1)
    check(Expression.parse(text).gradient(), 2)


@pytest.mark.parametrize("text", ["C_aa", "C_ab H_ab", "M_a|b H_ab l", "C_ab G_b"])
def test_the_average_over_distinct_tuples_is_what_statistics_give(text):
    expression = Expression.parse(text)
    rng = random.Random(3)
    rows = stacked([derivatives(rng, 2) for _ in range(5)])
    sample = Evaluator(Statistics.from_samples({k: v.tolist() for k, v in rows.items()}))
    expected = sum(int(c) * sample.value(k) for c, k in expression.terms)
    average = running(expression.estimator().python())["average"]
    assert np.all(average(rows) == expected)


def test_its_mean_over_all_samples_is_the_target():
    expression = Expression.parse("C_ab H_ab")
    rng = random.Random(4)
    points = [derivatives(rng, 2) for _ in range(2)]
    average = running(expression.estimator().python())["average"]
    samples = list(product(points, repeat=4))
    mean = sum(average(stacked(rows)) for rows in samples) / len(samples)
    assert mean == population_value(expression, points, [Fraction(1, 2)] * 2, {})


def test_averages_need_as_many_samples_as_datapoints():
    average = running(Expression.parse("C_ab H_ab").estimator().python())["average"]
    rows = stacked([derivatives(random.Random(5), 2) for _ in range(2)])
    with pytest.raises(ValueError, match="at least 3 samples, got 2"):
        average(rows)


@pytest.mark.parametrize(
    ("text", "datapoints"),
    [
        ("C_aa", 2),
        ("M_a|b H_ab", 2),
        ("C_ab H_ab", 3),
        ("S_abc J_abc", 4),
        ("l^2", 2),
        ("M_a|a", 1),
        ("G_a s_a", 1),
        ("s_a s_a", 0),
    ],
)
def test_the_fewest_datapoints(text, datapoints):
    expression = Expression.parse(text)
    assert expression.estimator().datapoints == datapoints
    # Along P + t (Q - P), from losses that are 0, the value is a polynomial of this very degree.
    rng = random.Random(6)
    nothing = {k: v * 0 for k, v in derivatives(rng, 3).items()}
    points = [nothing, *(derivatives(rng, 3) for _ in range(4))]
    functions = {"s": derivatives(rng, 3)}

    def value(t):
        weights = [1 - t, *[t / 4] * 4]
        return population_value(expression, points, weights, functions)

    def difference(order):
        return sum(
            Fraction((-1) ** i) * binomial(order, i) * value(Fraction(i, 9))
            for i in range(order + 1)
        )

    assert difference(datapoints) != 0
    assert difference(datapoints + 1) == 0


def binomial(n, k):
    return prod(range(n - k + 1, n + 1)) // prod(range(1, k + 1))


def test_what_cancels_needs_no_datapoint():
    trace = Expression.parse("C_aa")
    assert (trace + Expression.parse("G_a G_a")).estimator().datapoints == 1
    assert (trace - trace).estimator().datapoints == 0
    assert str((trace - trace).estimator()) == "0"


@pytest.mark.parametrize("basis", ["plug-in", "distinct"])
def test_averages_over_samples_are_no_functions_of_the_population(basis):
    contraction = Contraction.build([(0, 1)], [[0, 1]], basis=basis)
    with pytest.raises(RequestError, match="made of samples"):
        Expression.of(contraction).estimator()


def test_functions_share_no_datapoint():
    tied = Contraction.build([(0, 1)], [[0, 1]], labels=["loss", "s"])
    with pytest.raises(RequestError, match="alone in its block"):
        Estimator.of([(Integer(1), tied)], 0)
