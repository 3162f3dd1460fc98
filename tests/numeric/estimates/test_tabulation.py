"""Tables of contractions give formulas the numbers that dense statistics give them."""

from dataclasses import replace
from fractions import Fraction

import numeric_slow as slow
import numpy as np
import pytest
from measurements import measured

from sgdiagrams.diagrams.errors import RequestError, SamplingError, StatisticsError
from sgdiagrams.numeric.statistics import Statistics
from sgdiagrams.symbolic import symbols
from sgdiagrams.symbolic.theorem import expand
from sgdiagrams.symbolic.training.optimizers.sgd import SGD


def statistics(role, *, n=8, p=2, orders=4, **more):
    samples = slow.symmetric_samples(1, n=n, p=p, orders=range(orders))
    floats = {k: np.asarray(array, dtype=float) for k, array in samples.items()}
    return Statistics(floats, role, **more)


NEED_POPULATION = ("test-loss", "generalisation-gap", "variance")
CASES = [
    ("test-loss", "one-pass", "moment", {"T": 8}),
    ("test-loss", "shuffled-epochs", "cumulant", {"N": 8, "B": 2, "E": 3}),
    ("generalisation-gap", "shuffled-epochs", "moment", {"N": 8, "B": 2, "E": 3}),
    ("training-loss", "with-replacement", "cumulant", {"N": 8, "B": 2, "T": 3}),
    ("displacement", "one-pass", "moment", {"T": 8}),
    ("variance", "one-pass", "moment", {"T": 5}),
]


@pytest.mark.parametrize("role", ["population", "sample", "training-set"])
@pytest.mark.parametrize(("observable", "sampling", "basis", "numbers"), CASES)
def test_tables_agree_with_dense_statistics(role, observable, sampling, basis, numbers):
    expansion = expand(observable, order=3, sampling=sampling, basis=basis)
    dense = statistics(role)
    table = measured(dense, expansion)
    if role == "training-set" and (sampling == "one-pass" or observable in NEED_POPULATION):
        with pytest.raises(RequestError) as refused:
            expansion.evaluate(table, eta=0.1, **numbers)
        assert "\n" not in str(refused.value)
        return
    one = expansion.evaluate(dense, eta=0.1, **numbers)
    two = expansion.evaluate(table, eta=0.1, **numbers)
    for name in ("orders", "order_standard_errors", "standard_error", "change_standard_error"):
        np.testing.assert_allclose(
            np.array(getattr(two, name)), np.array(getattr(one, name)), rtol=1e-9, atol=1e-12
        )
    assert two.degrees == one.degrees
    assert two.rows == one.rows


def test_penalised_losses_have_numbers_of_their_own():
    decay = Fraction(1, 4)
    expansion = expand("test-loss", order=2, sampling="one-pass", optimizer=SGD(weight_decay=decay))
    dense = statistics("population", start=np.array([1.0, -2.0]))
    table = measured(dense, expansion, decay=decay)
    expected = expansion.evaluate(dense, eta=0.1, T=5).orders
    assert expansion.evaluate(table, eta=0.1, T=5).orders == pytest.approx(expected, rel=1e-12)
    with pytest.raises(StatisticsError, match="weight_decay=1/4, got those for weight_decay=1/2"):
        expansion.evaluate(measured(dense, expansion, decay=Fraction(1, 2)), eta=0.1, T=5)


def test_a_penalty_of_strength_zero_asks_for_plain_losses():
    plain = expand("test-loss", order=2, sampling="one-pass")
    symbolic = expand(
        "test-loss", order=2, sampling="one-pass", optimizer=SGD(weight_decay=symbols.lamda)
    )
    table = measured(statistics("population"), plain)
    orders = plain.evaluate(table, eta=0.1, T=5).orders
    assert symbolic.evaluate(table, eta=0.1, T=5, lamda=0).orders == orders


def test_what_is_not_in_the_table_is_named():
    short, long = (expand("test-loss", order=k, sampling="one-pass") for k in (1, 2))
    table = measured(statistics("population"), short)
    with pytest.raises(StatisticsError, match=r"a number for '.*', which .* \(for order 2\)"):
        long.evaluate(table, eta=0.1, T=5)


def test_an_order_that_follows_is_looked_at_where_all_of_it_is_there():
    short, long = (expand("test-loss", order=k, sampling="one-pass") for k in (2, 3))
    dense = statistics("population")
    alone = short.evaluate(measured(dense, short), eta=0.1, T=5)
    informed = short.evaluate(measured(dense, long), eta=0.1, T=5)
    following = long.evaluate(dense, eta=0.1, T=5)
    assert alone.orders == informed.orders
    assert informed.truncation_error >= abs(following.orders[3]) * (1 - 1e-9)
    assert alone.truncation_error != informed.truncation_error


def test_an_order_of_which_some_is_missing_is_not_looked_at():
    short, long = (expand("test-loss", order=k, sampling="one-pass") for k in (2, 3))
    dense = statistics("population")
    some = replace(long, terms=long.terms[:-1])
    alone = short.evaluate(measured(dense, short), eta=0.1, T=5)
    assert short.evaluate(measured(dense, some), eta=0.1, T=5).judgement == alone.judgement


def test_learning_rates_have_a_sign():
    expansion = expand("test-loss", order=3, sampling="one-pass")
    dense = statistics("population")
    expected = expansion.evaluate(dense, eta=-0.1, T=5).orders
    found = expansion.evaluate(measured(dense, expansion), eta=-0.1, T=5).orders
    assert found == pytest.approx(expected, rel=1e-12)


def test_what_tables_cannot_answer_is_refused_in_one_line():
    expansion = expand("test-loss", order=2, sampling="one-pass")
    table = measured(statistics("population"), expansion)
    resummed = expand("test-loss", order=2, sampling="one-pass", resummed=True)
    second = expand("second-moment", order=2, sampling="one-pass")
    for formula, options, error, words in [
        (resummed, {"T": 3}, RequestError, "eigenbasis"),
        (second, {"T": 3}, StatisticsError, "at most one index"),
        (5, {"T": 3}, RequestError, "an expansion"),
        (expansion, {}, SamplingError, "T is missing"),
    ]:
        with pytest.raises(error, match=words) as refused:
            table.evaluate(formula, eta=0.1, **options)
        assert "\n" not in str(refused.value)
    for eta, words in [([0.1, 0.2], "measure with eta="), ("x", "finite eta"), (np.inf, "finite")]:
        with pytest.raises(RequestError, match=words):
            expansion.evaluate(table, eta=eta, T=3)


def test_learning_rates_in_the_numbers_make_eta_a_factor():
    expansion = expand("test-loss", order=2, sampling="one-pass")
    table = measured(statistics("population"), expansion, has_metric=True)
    estimate = expansion.evaluate(table, eta=0.1, T=3)
    assert "factor of the learning rates" in str(estimate)
    assert "factor" in estimate.to_dict()["caveats"][0]
    with pytest.raises(RequestError, match="in these numbers already"):
        expansion.evaluate(table, eta=[0.1, 0.2], T=3)


def test_numbers_beyond_floats_are_named():
    expansion = expand("test-loss", order=2, sampling="one-pass")
    table = measured(statistics("population"), expansion)
    with pytest.raises(RequestError, match="within the range of floats"):
        expansion.evaluate(table, eta=1e200, T=3)
