from __future__ import annotations

import json
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.numeric.estimates import terms
from sgdiagrams.numeric.estimates.estimate import Estimate
from sgdiagrams.numeric.estimates.judgement import Following, judge
from sgdiagrams.numeric.statistics import Statistics
from sgdiagrams.symbolic import ExponentialAverage, Momentum, expand

F = Fraction
ETA = np.array([[F(1, 3), F(1, 5)], [F(1, 5), F(-1, 2)]])


@pytest.mark.parametrize(
    ("orders", "error", "words", "trusted"),
    [
        ([1.0], 0, "cannot tell", False),
        ([1.0, -2.0], 0, "cannot tell", False),
        (
            [1.0, 3.0, 0.3],
            0,
            "trustworthy: orders fall like 0.1^k, about 0.0091 of the change",
            True,
        ),
        ([1, F(3), F(3, 10)], 0, "trustworthy", True),
        (
            [1.0, 3.0, -1.3],
            0,
            "borderline: orders fall like 0.43^k, about 0.33 of the change",
            False,
        ),
        ([1.0, 3.0, 1.5, 0.1], 0, "trustworthy: orders fall like 0.5^k", True),
        ([1.0, 3.0, 1.6, 0.1], 0, "borderline: orders fall like 0.53^k", False),
        ([1.0, 3.0, 3.0], 0, "diverging: orders grow like 1^k", False),
        ([1.0, 3.0, -7.0], 0, "diverging", False),
        ([0.0, 4.0, 1.0, 0.0, 2.0, 0.0], 0, "borderline: orders fall like 0.79^k", False),
        # One ratio says nothing: the sum was +11.7, the truth -0.24.
        ([0.0, -6.58, 17.83, 0.486], 0, "diverging: orders grow like 2.7^k", False),
        # An order that hardly counts at the beginning is not what others are measured by.
        ([0.0, 1e-4, 3.0, 0.3], 0, "trustworthy: orders fall like 0.1^k", True),
        ([1.0, 0.1, 1e-17], 0, "cannot tell", False),
        ([1.0, 0.1, 0.0, 0.0], 0, "ended: nothing beyond order 1", True),
        ([F(1), F(1, 10), F(1, 10**17)], 0, "trustworthy", True),
        ([1.0, 0.1, math.nan], 0, "diverging: out of the range", False),
        ([1.0, 0.1, math.inf], 0, "diverging: out of the range", False),
        ([1.0, 3.0, 0.3], 0.6, "exceeds the contribution of order 2", True),
        ([1.0, 3.0], 4.0, "exceeds the contribution of order 1", False),
        ([1.0, 3.0, 0.3], 0.2, "trustworthy", True),
    ],
)
def test_judgement(orders, error, words, trusted):
    text, verdict, _ = judge(orders, error)
    assert words in text
    assert ("exceeds" in text) == ("exceeds" in words)
    assert verdict is trusted
    estimate = Estimate(tuple(orders), (0.0,) * len(orders), error)
    assert (estimate.judgement, estimate.trustworthy) == (text, trusted)


@pytest.mark.parametrize(
    ("orders", "of_terms", "words"),
    [
        # Orders whose terms cancel altogether, such as the variance where there is no noise.
        ([0.0, 0.0, 0.0], [0, 2, 1], "cannot tell: fewer than two contributions of order >= 1"),
        ([F(1), F(0), F(0), F(0)], [0, 0, 2, 1], "cannot tell"),
        (
            [F(1), F(8), F(-5), F(-3)],
            [0, 8, 5, 3],
            "borderline: orders fall like 0.62^k, the change is 0",
        ),
    ],
)
def test_judgement_where_terms_or_orders_cancel(orders, of_terms, words):
    verdict = judge(orders, of_terms=of_terms)
    assert words in verdict.words
    assert not verdict.trustworthy


def test_next_order_is_not_derived_where_that_takes_minutes(monkeypatch):
    """With two rates in symbols the next order is dear: estimates do without it."""
    asked = []
    monkeypatch.setattr(terms, "expand", lambda *_, order, **__: asked.append(order) or 1 / 0)
    population = Statistics.from_samples({0: [1], 1: [[2]], 2: [[[1]]]}, role="population")
    numbers = {"T": 4, "beta": F(1, 2), "alpha": F(3, 4)}
    dear = expand(
        "test-loss",
        order=2,
        sampling="one-pass",
        optimizer=Momentum(average=ExponentialAverage()),
    )
    assert dear.evaluate(population, eta=F(1, 8), **numbers).judgement
    assert not asked
    cheap = expand("test-loss", order=2, sampling="one-pass", optimizer=Momentum())
    terms.order_expanded.cache_clear()
    with pytest.raises(ZeroDivisionError):
        cheap.evaluate(population, eta=F(1, 8), T=4, beta=F(1, 2))
    assert asked == [3]


def test_noiseless_runs_have_no_variance():
    alone = Statistics.from_samples(
        {0: [1], 1: [[2]], 2: [[[1]]], 3: [[[[1]]]], 4: [[[[[1]]]]]}, role="population"
    )
    for observable in ("variance", "covariance"):
        estimate = expand(observable, order=3, sampling="one-pass").evaluate(
            alone, eta=F(1, 8), T=5
        )
        assert np.all(estimate.value == 0)
        assert estimate.judgement.startswith("cannot tell")


@given(st.lists(st.fractions(), min_size=1, max_size=6), st.fractions(min_value=0))
def test_judgement_always_speaks(orders, error):
    words, trusted, _ = judge(orders, float(error))
    assert trusted == words.startswith(("trustworthy", "ended"))


def test_estimate_prints_a_table():
    estimate = Estimate((F(1, 2), F(-1, 30)), (0.0, 0.25), 0.25, "test-loss", ETA, {"T": 3})
    assert str(estimate).splitlines()[1:] == [
        " order  contribution  standard error",
        "     0           1/2               0",
        "     1         -1/30            0.25",
        "   sum          7/15            0.25",
        "change         -1/30            0.25",
        "truncation error: unknown",
        "cannot tell: fewer than two contributions of order >= 1; the standard error",
        "  exceeds the contribution of order 1",
    ]
    with pytest.raises(RequestError, match="1 orders and 0 errors"):
        Estimate((1.0,), (), 0.0)


def vectors(*rows):
    return tuple(np.array(row) for row in rows)


@pytest.mark.parametrize(
    ("orders", "words", "trusted"),
    [
        (
            vectors([0, 0], [F(3), F(3)], [F(1, 2), F(-1, 2)]),
            "trustworthy: orders fall like 0.17^k",
            True,
        ),
        (
            vectors([0, 0], [F(1), F(1)], [F(1, 3), F(-2, 3)]),
            "borderline: orders fall like 0.53^k",
            False,
        ),
        (vectors([0.0, 0.0], [3.0, 4.0], [0.0, -1.0]), "trustworthy: orders fall like 0.2^k", True),
        (vectors([0.0, 0.0], [3.0, 4.0], [4.0, 3.0]), "diverging: orders grow like 1^k", False),
        (
            vectors([0.0, 0.0], [3e200, 4e200], [0.0, 1e200]),
            "trustworthy: orders fall like 0.2^k",
            True,
        ),
        (vectors([0.0, 0.0], [1.0, 1.0], [1e-17, 0.0]), "cannot tell", False),
        (vectors([0.0], [1.0], [math.nan]), "diverging", False),
        (vectors([0, 0], [F(1), F(0)], [F(10**200), F(10**200)]), "diverging", False),
    ],
)
def test_judgement_of_tensors(orders, words, trusted):
    zero = np.zeros(orders[0].shape)
    text, verdict, _ = judge(orders, zero)
    assert text.startswith(words)
    assert verdict is trusted
    if "range" not in text:
        assert judge(orders, zero + math.inf)[0].startswith(f"{text}; the standard error exceeds")
    estimate = Estimate(orders, (zero,) * len(orders), zero)
    assert (estimate.judgement, estimate.trustworthy) == (text, trusted)


def test_terms_that_cancel_are_not_small():
    """An order that is small because its terms cancel says little of the next."""
    orders = [0.0, 1.0, 0.2, 1e-6]
    assert judge(orders).missing < 1e-6
    known = judge(orders, of_terms=[0.0, 1.0, 0.2, 0.05])
    ratio = 0.05**0.5
    assert known.missing == pytest.approx(0.3 * 0.05 * ratio)
    assert known.words.startswith("trustworthy: orders fall like 0.22^k")
    assert judge(orders, of_terms=[0.0, 1.0, 0.2, 0.5]).words.startswith("borderline")


def test_what_follows_is_looked_up():
    following = Following(size=0.01, of_terms=0.08)
    assert judge([0.0, 1.0, 0.2], following=[following]).missing == pytest.approx(0.3 * 0.08)
    # From a minimum the first order is zero, and the second says nothing alone.
    assert judge([0.0, 0.0, 1.0]).words.startswith("cannot tell")
    assert judge([0.0, 0.0, 1.0], following=[following]).trustworthy
    assert not judge([0.0, 0.0, 1.0], following=[Following(0.25, 0.25)]).trustworthy


def test_errors_of_tensors_are_judged_by_their_norm():
    orders = vectors([0, 0], [F(9), F(9)], [F(3), F(4)])
    assert "exceeds" not in judge(orders, np.array([3.0, 4.0]))[0]
    assert "exceeds the contribution of order 2" in judge(orders, np.array([3.0, 4.1]))[0]
    assert "exceeds" in judge(vectors([0.0, 0.0], [3.0, 4.0]), np.array([1e200, 1e200]))[0]
    assert "exceeds" in judge(vectors([F(0)], [F(3)]), np.array([1e200]))[0]


def test_estimate_of_a_vector():
    orders = vectors([F(0), F(0)], [F(-3), F(4)], [F(1, 2), F(1, 3)])
    zero = np.zeros(2)
    errors = (zero, zero, np.array([0.3, 0.4]))
    estimate = Estimate(orders, errors, errors[2], "displacement", F(1, 10), {"T": 3})
    assert str(estimate).splitlines() == [
        "displacement at eta=1/10, T=3",
        "order  |contribution|  |standard error|",
        "    0               0                 0",
        "    1               5                 0",
        "    2        0.600925               0.5",
        "  sum         5.00278               0.5",
        "value:",
        "[-5/2 13/3]",
        "standard error:",
        "[0.3 0.4]",
        "truncation error: 0.072",
        "trustworthy: orders fall like 0.12^k, about 0.014 of the change is missing",
    ]
    data = json.loads(json.dumps(estimate.to_dict()))
    assert data["value"] == ["-5/2", "13/3"]
    assert data["orders"] == [["0", "0"], ["-3", "4"], ["1/2", "1/3"]]
    assert data["standard_error"] == [0.3, 0.4]
    assert data["order_standard_errors"] == [[0.0, 0.0], [0.0, 0.0], [0.3, 0.4]]
    exactly = Estimate(orders, (zero,) * 3, zero, "displacement", F(1, 10), {"T": 3})
    assert "standard error:" not in str(exactly)
    matrix = Estimate((np.eye(2),), (np.zeros((2, 2)),), np.zeros((2, 2)), "covariance", 0.1)
    assert "value:\n[[1. 0.]\n [0. 1.]]\n" in str(matrix)
    assert matrix.to_dict()["value"] == [[1.0, 0.0], [0.0, 1.0]]


def test_estimates_are_compared_by_their_numbers():
    def make(second=1.0, error=0.0, name="displacement", T=3, shape=(2,)):
        order = np.array([0.0, second]).reshape(shape)
        zero = np.full(shape, error)
        return Estimate((zero, order), (zero, zero), zero, name, 0.1, {"T": T})

    assert make() == make()
    assert hash(make()) == hash(make())
    assert len({make(), make(), make(2.0)}) == 2
    for other in (
        make(2.0),
        make(error=1.0),
        make(name="x"),
        make(T=4),
        make(shape=(1, 2)),
        1,
        None,
    ):
        assert make() != other
    scalar = Estimate((1.0,), (0.0,), 0.0)
    assert scalar == Estimate((F(1),), (0.0,), 0.0, eta=[1.0])
    assert hash(scalar) == hash(Estimate((F(1),), (0.0,), 0.0))
    assert scalar != Estimate((np.array([1.0]),), (np.zeros(1),), np.zeros(1))


def test_estimates_keep_their_arrays():
    order = np.array([1.0, 2.0])
    estimate = Estimate((order,), (np.zeros(2),), np.zeros(2))
    order[0] = 7.0
    assert estimate.value.tolist() == [1.0, 2.0]
    for array in (estimate.orders[0], estimate.order_standard_errors[0], estimate.standard_error):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 3.0
    for shapes in [((2,), (3,), (2,)), ((2,), (2,), ()), ((), (), (1,))]:
        arrays = [np.zeros(shape) if shape else 0.0 for shape in shapes]
        with pytest.raises(RequestError, match="of one shape, got shapes") as caught:
            Estimate((arrays[0],), (arrays[1],), arrays[2])
        assert "\n" not in str(caught.value)


def test_the_change_has_an_error_of_its_own():
    """The loss at the start is most of the error of the sum, and none of that of the change."""
    rng = np.random.default_rng(7)
    losses, gradients = rng.normal(size=12), rng.normal(size=(12, 1)) + 1
    curvatures = rng.normal(size=(12, 1, 1)) / 3 + 1
    sample = Statistics.from_samples({0: losses, 1: gradients, 2: curvatures})
    loss = expand("test-loss", order=2, sampling="one-pass")
    estimate = loss.evaluate(sample, eta=0.1, T=3)
    assert estimate.change == pytest.approx(estimate.value - losses.mean())

    def change(rows):
        kept = {k: array[rows] for k, array in sample.samples.items()}
        return loss.evaluate(Statistics.from_samples(kept), eta=0.1, T=3).change

    # The jackknife by hand: every sample left out in turn.
    without = np.array([change(np.arange(12) != i) for i in range(12)])
    by_hand = math.sqrt(11 / 12 * ((without - without.mean()) ** 2).sum())
    assert estimate.change_standard_error == pytest.approx(by_hand, rel=1e-9)
    assert estimate.change_standard_error != pytest.approx(estimate.standard_error, rel=0.01)
    data = json.loads(json.dumps(estimate.to_dict(), allow_nan=False))
    assert data["change"] == estimate.change
    assert data["change_standard_error"] == estimate.change_standard_error
    assert data["truncation_error"] == estimate.truncation_error
    low, high = estimate.interval(0.95, change=True)
    # Student's t with eleven degrees of freedom; a table says 2.201.
    assert (high - low) / 2 == pytest.approx(2.201 * by_hand, rel=1e-4)
    resummed = expand("test-loss", order=2, sampling="one-pass", resummed=True)
    other = resummed.evaluate(sample, eta=0.1, T=3)
    assert other.change_standard_error == pytest.approx(by_hand, rel=0.3)
    with pytest.raises(RequestError, match="between 0 and 1, got level=95"):
        estimate.interval(95)


def test_an_interval_without_errors_is_a_point():
    assert Estimate((F(1), F(1, 2)), (0.0, 0.0), 0.0).interval() == (F(3, 2), F(3, 2))
    low, high = Estimate((0.0, 1.0), (0.0, 0.5), 0.5).interval(0.6826894921370859)
    assert (low, high) == pytest.approx((0.5, 1.5))
    low, high = Estimate((1.0, 1.0), (0.1, 0.5), 0.5, degrees=9).interval(change=True)
    assert (low, high) == (-math.inf, math.inf)


def test_differences_of_protocols_are_printed_as_differences():
    one = expand("test-loss", order=2, sampling="one-pass")
    other = expand("test-loss", order=2, sampling="full-batch")
    samples = {0: [1.0, 3.0], 1: [[1.0], [2.0]], 2: [[[1.0]], [[1.0]]]}
    population = Statistics.from_samples(samples, role="population")
    estimate = (one - other).evaluate(population, eta=0.1, T=4, N=4, E=2)
    lines = str(estimate).splitlines()
    title = "difference of test-loss: one-pass B=1 minus full-batch"
    assert lines[0].startswith(f"{title} at eta=0.1, ")
    assert estimate.orders[0] == 0
    assert [line.split()[0] for line in lines[2:5]] == ["1", "2", "sum"]
    assert estimate.to_dict()["observable"] == title
    gap = one - expand("training-loss", order=2, sampling="one-pass")
    mixed = gap.evaluate(population, eta=0.1, T=4)
    name = "difference: test-loss of one-pass B=1 minus training-loss of one-pass B=1"
    assert mixed.observable == name
    both = one + other
    assert both.evaluate(population, eta=0.1, T=4, N=4, E=2).observable == "test-loss"
    half = one.subs({"T": 4}) - other.subs({"N": 4, "E": 2})
    assert half.evaluate(population, eta=0.1).observable == "difference of test-loss"
