"""Expressions in numbers: from dense derivatives, from tables, and measured on a model."""

import math
from fractions import Fraction

import numpy as np
import pytest

from sgdiagrams.diagrams.errors import RequestError, SamplingError, StatisticsError
from sgdiagrams.numeric.measurement.values import Values
from sgdiagrams.numeric.statistics import Statistics
from sgdiagrams.symbolic.algebra.expression import Expression
from sgdiagrams.symbolic.contractions.contraction import Contraction
from sgdiagrams.symbolic.symbols import N, eta
from sgdiagrams.symbolic.theorem import expand

TRACE = Expression.parse("C_aa")
G = [[1, 0], [3, 2], [2, -1], [0, 5]]
H = [[[k, 1], [1, 2]] for k in (1, 4, 2, 0)]
EXACT = {0: [1, 2, 4, 8], 1: G, 2: H}
FLOATS = {k: np.array(v, dtype=float) for k, v in EXACT.items()}


def test_a_sample_in_fractions():
    estimate = TRACE.evaluate(Statistics.from_samples(EXACT))
    g = np.array(G)
    unbiased = sum(Fraction(int(((g[:, i] - g[:, i].mean()) ** 2 * 4).sum()), 12) for i in (0, 1))
    assert estimate.value == unbiased
    assert isinstance(estimate.value, Fraction)
    assert estimate.degrees == 3


def test_the_error_is_the_jackknife_of_the_whole_sum():
    expression = 3 * Expression.parse("C_ab H_ab") - Expression.parse("G_a G_a") / 2 + 5
    whole = expression.evaluate(Statistics.from_samples(FLOATS)).standard_error
    left_out = []
    for i in range(4):
        rest = {k: np.delete(v, i, axis=0) for k, v in FLOATS.items()}
        left_out.append(expression.evaluate(Statistics.from_samples(rest)).value)
    expected = math.sqrt(3 / 4 * sum((x - np.mean(left_out)) ** 2 for x in left_out))
    assert whole == pytest.approx(expected, rel=1e-12)


def test_coefficients_at_numbers_of_their_symbols():
    expression = TRACE * ((N - 1) / N) * eta + 2 * eta**2
    population = Statistics.from_samples(EXACT, role="population")
    trace = TRACE.evaluate(population).value
    estimate = expression.evaluate(population, N=4, eta=0.1)
    assert estimate.value == trace * Fraction(3, 40) + Fraction(1, 50)
    assert estimate.standard_error == 0
    with pytest.raises(SamplingError, match="N is missing"):
        expression.evaluate(population, eta=0.1)
    with pytest.raises(SamplingError, match="expected numbers for N, eta, got T=3"):
        expression.evaluate(population, N=4, eta=1, T=3)


def test_vectors_and_matrices():
    sample = Statistics.from_samples(EXACT)
    gradient = TRACE.gradient().evaluate(sample)
    assert gradient.value.shape == (2,)
    assert TRACE.hessian().traced().is_zero is False
    matrix = Expression.parse("C_ab").evaluate(sample)
    expected = np.cov(np.array(G).T)
    np.testing.assert_allclose(matrix.value.astype(float), expected)
    assert matrix.standard_error.shape == (2, 2)


def test_circles_and_the_number_one():
    population = Statistics.from_samples(EXACT, role="population")
    assert Expression.parse("tr(H)").evaluate(population).value == Fraction(7, 4) + 2
    assert Expression.of(3).evaluate(population).value == 3
    assert (TRACE - TRACE).evaluate(population).value == 0


def test_all_bases_on_a_sample():
    sample = Statistics.from_samples(EXACT)
    square = Contraction.build([(0, 1)], [[0], [1]])
    distinct = Contraction.build([(0, 1)], [[0], [1]], basis="distinct")
    plugged = Contraction.build([(0, 1)], [[0], [1]], basis="plug-in")
    values = [Expression.of(c).evaluate(sample).value for c in (square, distinct, plugged)]
    mean = np.array(G).sum(axis=0)
    assert values[0] == values[1] != values[2] == Fraction(int(mean @ mean), 16)


def test_a_missing_derivative_is_named():
    sample = Statistics.from_samples({1: G})
    with pytest.raises(StatisticsError, match="derivative"):
        Expression.parse("C_ab H_ab").evaluate(sample)
    with pytest.raises(StatisticsError, match="at least"):
        Expression.parse("G_a G_b H_ab").evaluate(Statistics.from_samples({1: G[:2], 2: H[:2]}))


def test_penalised_losses_ask_for_the_weight_decay():
    expression = Expression.parse("G~_a G~_a")
    population = Statistics.from_samples({1: G}, role="population", start=[1, 1])
    with pytest.raises(RequestError, match="weight_decay"):
        expression.evaluate(population)
    estimate = expression.evaluate(population, weight_decay=Fraction(1, 2))
    assert estimate.value == 2 * Fraction(2) ** 2


def test_tables_of_values():
    values = Values({"C_aa": 2, "G_a G_a": "1/3"})
    expression = Expression.parse("M_a|a") + TRACE * eta
    assert expression.evaluate(values, eta=Fraction(1, 2)).value == Fraction(10, 3)
    with_errors = Values({"C_aa": (2.0, 0.3), "G_a G_a": (1.0, 0.4)})
    estimate = Expression.parse("M_a|a").evaluate(with_errors)
    assert (estimate.value, estimate.standard_error) == (3.0, pytest.approx(0.5))
    assert "independent" in str(estimate)
    with pytest.raises(StatisticsError, match="H_ab"):
        Expression.parse("C_ab H_ab").evaluate(values)
    with pytest.raises(RequestError, match="no free leg"):
        Expression.parse("G_a").evaluate(values)
    # Terms may follow together where they do not one by one.
    table = Values({"C_ab H_ab": 5})
    cumulant = Expression.parse("C_ab H_ab").in_basis("moment")
    assert cumulant.evaluate(table).value == 5


def test_an_expansion_and_its_expression_agree():
    sample = Statistics.from_samples(EXACT)
    expansion = expand("test-loss", order=2, sampling="one-pass")
    expression = Expression((t.weight * eta**t.order, t.contraction) for t in expansion.terms)
    whole = expansion.evaluate(sample, eta=Fraction(1, 10), T=3)
    estimate = expression.evaluate(sample, eta=Fraction(1, 10), T=3)
    assert estimate.value == whole.value
    assert estimate.standard_error == pytest.approx(float(whole.standard_error))


def test_what_has_no_numbers():
    for other in (3, TRACE, "numbers"):
        with pytest.raises(RequestError, match="another holder of numbers"):
            TRACE.evaluate(other)


def test_beyond_floats():
    sample = Statistics.from_samples({1: np.array([[1e200], [2e200], [4e200]])})
    with pytest.raises(RequestError, match="range of floats"):
        TRACE.evaluate(sample)


def test_what_is_printed():
    estimate = TRACE.evaluate(Statistics.from_samples(FLOATS))
    assert str(estimate).startswith("C_aa = 8.66667 +- 5.7")
    assert set(estimate.to_dict()) >= {"value", "standard_error", "expression", "numbers"}
    low, high = estimate.interval()
    assert low < estimate.value < high


def test_measured_on_a_model():
    jax = pytest.importorskip("jax")
    from sgdiagrams.numeric.measurement.measuring import measure, plan

    def loss(weights, x):
        return jax.numpy.tanh(weights @ x) ** 2

    rng = np.random.default_rng(0)
    with jax.enable_x64(True):
        weights, data = np.array([0.4, -0.3]), rng.normal(size=(24, 2))
        expressions = [
            Expression.parse("C_ab H_ab") * eta + Expression.parse("l") + 1,
            TRACE.gradient(),
        ]
        measured = measure(loss, weights, data, expressions, role="population")
        derivative, samples = loss, {}
        for k in range(3):
            samples[k] = np.asarray(jax.vmap(derivative, (None, 0))(weights, data))
            derivative = jax.jacfwd(derivative)
        population = Statistics.from_samples(samples, role="population")
        for expression, numbers in zip(expressions, ({"eta": 0.1}, {}), strict=True):
            value = expression.evaluate(measured, **numbers).value
            expected = expression.evaluate(population, **numbers).value
            np.testing.assert_allclose(value, expected, rtol=1e-9)
        drawn = measure(loss, weights, data, expressions[0])
        assert expressions[0].evaluate(drawn, eta=0.1).standard_error > 0
        reached = measure(
            loss, weights, data, TRACE, role="population", precision=0.05, at={"eta": 1}
        )
        assert TRACE.evaluate(reached).standard_error <= 0.05 * TRACE.evaluate(reached).value
        assert plan(loss, weights, data, TRACE).gradients > 0
        with pytest.raises(StatisticsError, match="not measured"):
            Expression.parse("G_a H_ab H_bc G_c").evaluate(measured)
        with pytest.raises(RequestError, match="2 indices"):
            measure(loss, weights, data, Expression.parse("C_ab"))
        with pytest.raises(RequestError, match="eta in at"):
            measure(loss, weights, data, expressions[0], precision=0.1, at={"T": 1})
        with pytest.raises(RequestError, match="measure it without eta"):
            measure(loss, weights, data, TRACE, eta=np.array([0.1, 0.2]))
        with_rates = measure(
            loss,
            weights,
            data,
            expand("test-loss", order=1, sampling="one-pass"),
            eta=np.array([0.1, 0.2]),
        )
        with pytest.raises(RequestError, match="measure without eta"):
            Expression.parse("G_a G_a").evaluate(with_rates)
        with pytest.raises(RequestError, match="weight decay"):
            measure(loss, weights, data, Expression.parse("G~_a G~_a"))
