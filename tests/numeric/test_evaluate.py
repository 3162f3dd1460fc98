from __future__ import annotations

import math
from fractions import Fraction
from functools import cache
from itertools import permutations, product

import numeric_slow as slow
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sgdiagrams.diagrams.errors import RequestError, SamplingError, StatisticsError
from sgdiagrams.numeric.contract import Evaluator
from sgdiagrams.numeric.estimate import Estimate, judge
from sgdiagrams.numeric.evaluate import evaluate
from sgdiagrams.numeric.statistics import ROLES, Statistics
from sgdiagrams.symbolic.contraction import Contraction
from sgdiagrams.symbolic.expand import expand
from sgdiagrams.symbolic.sampling import Epochs, OnePass

F = Fraction
expand_once = cache(expand)


class Quadratics:
    """Losses c + b.u + u.A.u/2 with u = theta - theta_0: SGD's loss is a polynomial in eta."""

    def __init__(self, *, n, p, seed=0):
        self.samples = slow.symmetric_samples(seed, n=n, p=p, orders=range(3))
        self.p = p

    def statistics(self, role, weights=None, *, orders=5):
        zeros = {k: np.zeros((len(self.samples[0]), *[self.p] * k), int) for k in range(3, orders)}
        return Statistics({**self.samples, **zeros}, role, weights)

    def trained(self, batches, eta):
        u = np.array([F(0)] * self.p)
        for batch in batches:
            gradients = [self.samples[1][x] + self.samples[2][x] @ u for x in batch]
            u = u - eta @ (sum(gradients) / len(batch))
        return u

    def loss(self, rows, u):
        c, b, a = (self.samples[k] for k in range(3))
        return sum(c[x] + b[x] @ u + u @ a[x] @ u / 2 for x in rows) / len(rows)


WEIGHTS = [F(3, 4), F(1, 4)]
ETA = np.array([[F(1, 3), F(1, 5)], [F(1, 5), F(-1, 2)]])


def expected(landscape, observable, *, N, B, E, eta):
    """Mean over all i.i.d. training sets of N out of two points with the probabilities WEIGHTS."""
    total = F(0)
    for rows in product(range(2), repeat=N):
        epoch = [rows[i : i + B] for i in range(0, N, B)]
        u = landscape.trained(epoch * E, eta)
        population = sum(w * landscape.loss([x], u) for x, w in enumerate(WEIGHTS))
        losses = {"test-loss": population, "training-loss": landscape.loss(rows, u)}
        losses["generalisation-gap"] = losses["test-loss"] - losses["training-loss"]
        total += math.prod(WEIGHTS[x] for x in rows) * losses[observable]
    return total


@pytest.mark.parametrize("basis", ["moment", "cumulant"])
@pytest.mark.parametrize("observable", ["test-loss", "training-loss", "generalisation-gap"])
def test_population_is_sgd_itself(observable, basis):
    """Two steps on quadratics end in a polynomial of degree four: nothing is truncated."""
    landscape = Quadratics(n=2, p=2)
    statistics = landscape.statistics("population", WEIGHTS)
    for N, B, E in [(2, 1, 1), (2, 2, 2)]:
        exact = expected(landscape, observable, N=N, B=B, E=E, eta=ETA)
        expansion = expand_once(observable, order=4, sampling="epochs", basis=basis)
        estimate = evaluate(expansion, statistics, eta=ETA, N=N, B=B, E=E)
        assert estimate.value == exact
        assert len(estimate.orders) == 5
        assert all(isinstance(v, Fraction) for v in estimate.orders)
        assert (estimate.standard_error, estimate.order_standard_errors) == (0.0, (0.0,) * 5)


def test_training_set_is_the_mean_over_its_shuffles():
    landscape = Quadratics(n=2, p=2, seed=3)
    shuffles = list(permutations(range(2)))
    exact = sum(landscape.loss(s, landscape.trained([[x] for x in s], ETA)) for s in shuffles) / 2
    estimate = evaluate(
        expand_once("training-loss", order=4, sampling="epochs"),
        landscape.statistics("training-set"),
        eta=ETA,
        N=2,
        B=1,
        E=1,
    )
    assert estimate.value == exact
    one_pass = expand_once("training-loss", order=4, sampling="one-pass")
    assert evaluate(one_pass, landscape.statistics("training-set"), eta=ETA, T=2).value == exact


def slow_orders(expansion, samples, eta, **numbers):
    result = [F(0)] * (expansion.order + 1)
    for weight, term in zip(expansion.weights(**numbers), expansion.terms, strict=True):
        c = term.contraction
        forest = (c.edges, c.blocks, ())
        if c.basis == "moment":
            value = slow.unbiased(samples, forest, eta)
        else:
            value = slow.cumulant(samples, forest, eta, slow.unbiased)
        result[term.order] += weight * value[()]
    return tuple(result)


@pytest.mark.parametrize(("basis", "n", "p"), [("moment", 5, 2), ("cumulant", 6, 1)])
def test_sample_is_the_definition_and_its_error_is_deletion(basis, n, p):
    samples = slow.symmetric_samples(5, n=n, p=p, orders=range(4))
    eta = ETA[:p, :p]
    numbers = {"N": 10, "B": 2, "E": 3}
    expansion = expand_once("test-loss", order=3, sampling="epochs", basis=basis)

    def estimate(samples):
        return evaluate(expansion, Statistics(samples), eta=eta, **numbers)

    whole = estimate(samples)
    assert whole.orders == slow_orders(expansion, samples, eta, **numbers)
    assert whole.value == sum(whole.orders)
    deleted = [estimate(slow.without(samples, i)) for i in range(n)]

    def error(values):
        mean = sum(values) / n
        return math.sqrt(F(n - 1, n) * sum((v - mean) ** 2 for v in values))

    assert whole.standard_error == error([d.value for d in deleted])
    assert whole.order_standard_errors == tuple(
        error([d.orders[k] for d in deleted]) for k in range(4)
    )
    floats = estimate({k: a.astype(float) for k, a in samples.items()})
    assert floats.orders == pytest.approx([float(v) for v in whole.orders])
    assert floats.standard_error == pytest.approx(whole.standard_error)
    assert floats.order_standard_errors == pytest.approx(whole.order_standard_errors)


def test_order_two_formula():
    """l - T GG + T(T - 1/2) GHG + (T M/2) C:H + (T/2)(M - 1/B)(1/2 grad tr C).G, any N, B, E."""
    samples = slow.symmetric_samples(9, n=4, p=2, orders=range(3))
    losses, g, h = samples.values()
    N, B, E, eta = 12, 3, 5, F(1, 9)
    T, M = F(E * N, B), F(E * N, B) / N
    G, H = g.mean(axis=0), h.mean(axis=0)
    C = sum(np.outer(v, v) for v in g) / 4 - np.outer(G, G)
    half_grad_trace = sum(a @ v for a, v in zip(h, g, strict=True)) / 4 - H @ G
    estimate = evaluate(
        expand_once("test-loss", order=2, sampling="epochs"),
        Statistics(samples, "population"),
        eta=eta,
        N=N,
        B=B,
        E=E,
    )
    second = T * (T - F(1, 2)) * (G @ H @ G) + T * M / 2 * (C * H).sum()
    second += T / 2 * (M - F(1, B)) * (half_grad_trace @ G)
    assert estimate.orders == (losses.mean(), -eta * T * (G @ G), eta**2 * second)


@pytest.mark.parametrize("role", ["sample", "population"])
def test_forms_of_eta_and_metrics_agree(role):
    samples = slow.symmetric_samples(4, n=5, p=2, orders=range(4))
    statistics = Statistics(samples, role)
    expansion = expand_once("generalisation-gap", order=3, sampling=Epochs(N=6, B=2), basis=None)
    x = F(2, 7)
    forms = [x, [x, x], [[x, 0], [0, x]]]
    results = [
        evaluate(e, statistics, eta=eta, E=2)
        for e in (expansion, expansion.with_metric("eta"))
        for eta in forms
    ]
    assert all(r == results[0] for r in results)
    assert results[0].orders[0] == 0
    floating = evaluate(expansion, statistics, eta=float(x), E=2)
    assert all(isinstance(v, float) for v in floating.orders)
    assert floating.orders == pytest.approx([float(v) for v in results[0].orders])
    assert expansion.evaluate(statistics, eta=x, E=2) == results[0]


def test_no_update_leaves_the_loss():
    statistics = Statistics({0: [1.0, 3.0]})
    estimate = evaluate(
        expand_once("test-loss", order=2, sampling="one-pass"), statistics, eta=0.1, T=0
    )
    assert estimate.orders == (2.0, 0.0, 0.0)
    assert estimate.standard_error == pytest.approx(1.0)
    assert estimate.judgement.startswith("cannot tell")


def test_the_gap_needs_no_losses():
    samples = slow.symmetric_samples(1, n=4, p=1, orders=(1, 2))
    gap = expand_once("generalisation-gap", order=2, sampling="epochs")
    assert evaluate(gap, Statistics(samples), eta=F(1, 2), N=2, B=1, E=1).orders[0] == 0
    test_loss = expand_once("test-loss", order=2, sampling="epochs")
    with pytest.raises(StatisticsError, match="derivative 0 of the loss for order 0"):
        evaluate(test_loss, Statistics(samples), eta=F(1, 2), N=2, B=1, E=1)


def test_small_samples():
    samples = slow.symmetric_samples(1, n=3, p=1, orders=range(3))
    expansion = expand_once("test-loss", order=2, sampling="one-pass")
    estimate = evaluate(expansion, Statistics(samples), eta=F(1, 10), T=5)
    assert [math.isfinite(e) for e in estimate.order_standard_errors] == [True, True, False]
    assert estimate.standard_error == math.inf
    assert "standard error exceeds the contribution of order 2" in estimate.judgement
    two = Statistics(slow.without(samples, 0))
    with pytest.raises(StatisticsError, match="at least 3 samples"):
        evaluate(expansion, two, eta=F(1, 10), T=5)


def test_missing_derivative_is_named():
    samples = slow.symmetric_samples(1, n=9, p=1, orders=range(3))
    expansion = expand_once("test-loss", order=3, sampling="one-pass")
    for role in ("sample", "population"):
        with pytest.raises(StatisticsError, match="derivative 3 of the loss for order 3"):
            evaluate(expansion, Statistics(samples, role), eta=0.1, T=5)


def test_training_set_requests():
    statistics = Statistics(slow.symmetric_samples(1, n=4, p=1, orders=range(3)), "training-set")
    for observable in ("test-loss", "generalisation-gap"):
        expansion = expand_once(observable, order=1, sampling="epochs")
        with pytest.raises(RequestError, match=f"observable='{observable}'"):
            evaluate(expansion, statistics, eta=0.1, N=4, B=1, E=1)
    with pytest.raises(StatisticsError, match=r"N=6 points, got sample_size=4"):
        evaluate(
            expand_once("training-loss", order=1, sampling="epochs"),
            statistics,
            eta=0.1,
            N=6,
            B=1,
            E=1,
        )
    for sampling, numbers in [(OnePass(B=2), {"T": 3}), (Epochs(N=6, B=2), {"E": 1})]:
        expansion = expand_once("training-loss", order=1, sampling=sampling)
        with pytest.raises(StatisticsError, match=r"N=6 points"):
            evaluate(expansion, statistics, eta=0.1, **numbers)
    after = expand_once("training-loss", order=1, sampling="epochs").subs({"B": "N"})
    with pytest.raises(StatisticsError, match=r"N=6 points"):
        evaluate(after, statistics, eta=0.1, N=6, E=1)
    assert evaluate(after, statistics, eta=0, N=4, E=1).orders[1] == 0
    one_pass = expand_once("training-loss", order=1, sampling="one-pass")
    assert evaluate(one_pass, statistics, eta=F(1, 10), T=0).orders[1] == 0


def test_other_bad_requests():
    statistics = Statistics(slow.symmetric_samples(1, n=4, p=2, orders=range(3)))
    expansion = expand_once("test-loss", order=1, sampling="one-pass")
    with pytest.raises(RequestError, match="got shape="):
        evaluate(expansion, statistics, eta=[0.1, 0.1, 0.1], T=2)
    with pytest.raises(SamplingError):
        evaluate(expansion, statistics, eta=0.1)
    with pytest.raises(SamplingError):
        evaluate(expansion, statistics, eta=0.1, T=2, N=5)


def test_only_scalars_are_evaluated():
    expansion = expand_once("test-loss", order=1, sampling="one-pass")
    gradient = Contraction.build([], [[0]], free=[0])
    terms = [type(t)(t.weight, gradient) for t in expansion.terms]
    free = type(expansion)(expansion.order, expansion.basis, expansion.parts, tuple(terms))
    with pytest.raises(RequestError, match="free legs"):
        evaluate(free, Statistics({1: [[1.0], [2.0]]}), eta=0.1, T=1)


def test_error_is_per_term_sum_not_quadrature():
    """The same contraction with opposite weights has no error at all."""
    samples = slow.symmetric_samples(2, n=5, p=2, orders=range(3))
    c = Contraction.build([(0, 1)], [[0], [1]])
    evaluator = Evaluator(Statistics(samples))
    assert evaluator.standard_error([(F(1), c), (F(-1), c)]) == 0.0
    assert evaluator.standard_error([(F(2), c)]) == pytest.approx(
        2 * evaluator.standard_error([(F(1), c)])
    )


@pytest.mark.parametrize(
    ("orders", "error", "words", "trusted"),
    [
        ([1.0], 0, "cannot tell", False),
        ([1.0, -2.0], 0, "cannot tell", False),
        ([1.0, 3.0, -1.0], 0, "trustworthy: order 2 is 0.33 of order 1", True),
        ([1, F(3), F(-1)], 0, "trustworthy", True),
        ([1.0, 3.0, -1.1], 0, "borderline: order 2 is 0.37 of order 1", False),
        ([1.0, 3.0, 3.0], 0, "diverging: order 2 is 1 of order 1", False),
        ([1.0, 3.0, -7.0], 0, "diverging", False),
        ([0.0, 4.0, 1.0, 0.0, 2.0, 0.0], 0, "diverging: order 4 is 2 of order 2", False),
        ([1.0, 0.1, 1e-17], 0, "cannot tell", False),
        ([F(1), F(1, 10), F(1, 10**17)], 0, "trustworthy", True),
        ([1.0, 0.1, math.nan], 0, "diverging", False),
        ([1.0, 0.1, math.inf], 0, "diverging", False),
        ([1.0, 3.0, 0.5], 0.6, "exceeds the contribution of order 2", True),
        ([1.0, 3.0], 4.0, "exceeds the contribution of order 1", False),
        ([1.0, 3.0, 0.5], 0.4, "trustworthy: order 2 is 0.17 of order 1", True),
    ],
)
def test_judgement(orders, error, words, trusted):
    text, verdict = judge(orders, error)
    assert words in text
    assert ("exceeds" in text) == ("exceeds" in words)
    assert verdict is trusted
    estimate = Estimate(tuple(orders), (0.0,) * len(orders), error)
    assert (estimate.judgement, estimate.trustworthy) == (text, trusted)


@given(st.lists(st.fractions(), min_size=1, max_size=6), st.fractions(min_value=0))
def test_judgement_always_speaks(orders, error):
    words, trusted = judge(orders, float(error))
    assert trusted == words.startswith("trustworthy")


def test_estimate_prints_a_table():
    estimate = Estimate((F(1, 2), F(-1, 30)), (0.0, 0.25), 0.25, "test-loss", ETA, {"T": 3})
    assert str(estimate).splitlines()[1:] == [
        "order  contribution  standard error",
        "    0           1/2               0",
        "    1         -1/30            0.25",
        "  sum          7/15            0.25",
        (
            "cannot tell: fewer than two contributions of order >= 1; "
            "the standard error exceeds the contribution of order 1"
        ),
    ]
    with pytest.raises(RequestError, match="1 orders and 0 errors"):
        Estimate((1.0,), (), 0.0)


def test_roles_are_all_known():
    assert ROLES == ("sample", "population", "training-set")
