from __future__ import annotations

import math
from fractions import Fraction
from functools import cache
from itertools import permutations, product

import numeric_slow as slow
import numpy as np
import pytest
from sympy import sympify

from sgdiagrams.diagrams.errors import RequestError, SamplingError, StatisticsError
from sgdiagrams.numeric.estimates.evaluation import evaluate
from sgdiagrams.numeric.statistics import ROLES, Statistics
from sgdiagrams.numeric.values.evaluator import Evaluator
from sgdiagrams.symbolic import symbols
from sgdiagrams.symbolic.contractions.contraction import Contraction
from sgdiagrams.symbolic.expansion import Expansion
from sgdiagrams.symbolic.formula import Part, Term
from sgdiagrams.symbolic.observable import named_observable
from sgdiagrams.symbolic.theorem import expand
from sgdiagrams.symbolic.training.optimizers.sgd import SGD
from sgdiagrams.symbolic.training.schemes.epochs import Epochs
from sgdiagrams.symbolic.training.schemes.one_pass import OnePass

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
        expand_once("training-loss", order=4, sampling="shuffled-epochs"),
        landscape.statistics("training-set"),
        eta=ETA,
        N=2,
        B=1,
        E=1,
    )
    assert estimate.value == exact


def test_training_set_in_the_order_of_its_rows_is_that_order():
    landscape = Quadratics(n=2, p=2, seed=3)
    statistics = landscape.statistics("training-set")
    exact = landscape.loss([0, 1], landscape.trained([[0], [1]], ETA))
    epochs = expand_once("training-loss", order=4, sampling="epochs")
    assert evaluate(epochs, statistics, eta=ETA, N=2, B=1, E=1).value == exact
    one_pass = expand_once("training-loss", order=4, sampling="one-pass")
    assert evaluate(one_pass, statistics, eta=ETA, T=2).value == exact


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
    for name in ("test-loss", "generalisation-gap", "variance"):
        expansion = expand_once(name, order=1, sampling="epochs")
        with pytest.raises(RequestError, match=f"observable='{name}'"):
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


# Vectors, matrices, functions and weight decay ----------------------------------------------------

START = np.array([F(1, 2), F(-3)])
DECAY = F(2, 5)
CURVE = {0: F(7, 3), 1: [F(1, 2), F(-2)], 2: [[F(3), F(1, 2)], [F(1, 2), F(-1)]]}


def curve(u):
    """The quadratic function whose derivatives are CURVE, at theta_0 + u."""
    return CURVE[0] + np.array(CURVE[1]) @ u + u @ np.array(CURVE[2]) @ u / 2


class Decaying(Quadratics):
    """The same losses, trained with the penalty decay |theta|^2/2 on each of them."""

    def __init__(self, decay, **options):
        super().__init__(**options)
        self.decay = decay

    def trained(self, batches, eta):
        u = np.array([F(0)] * self.p)
        for batch in batches:
            gradients = [self.samples[1][x] + self.samples[2][x] @ u for x in batch]
            u = u - eta @ (sum(gradients) / len(batch) + self.decay * (START + u))
        return u

    def statistics(self, role, weights=None, *, orders=5):
        plain = super().statistics(role, weights, orders=orders)
        zeros = {k: np.zeros([self.p] * k, int) for k in range(3, orders)}
        functions = {"s": {**CURVE, **zeros}}
        return Statistics.from_samples(
            plain.samples, role=role, weights=weights, functions=functions, start=START
        )


def observed(landscape, name, ends):
    """Return the mean over (probability, final displacement, training set) of an observable."""
    if name == "covariance":
        mean = observed(landscape, "displacement", ends)
        return observed(landscape, "second-moment", ends) - np.outer(mean, mean)
    what = {
        "displacement": lambda u, _: u,
        "second-moment": lambda u, _: np.outer(u, u),
        "function:s": lambda u, _: curve(u),
        "test-loss": lambda u, _: sum(w * landscape.loss([x], u) for x, w in enumerate(WEIGHTS)),
        "training-loss": lambda u, rows: landscape.loss(rows, u),
    }[name]
    return sum(weight * what(u, rows) for weight, u, rows in ends)


NAMES = ("displacement", "second-moment", "covariance", "function:s", "test-loss", "training-loss")


@pytest.mark.parametrize("decay", [F(0), DECAY])
@pytest.mark.parametrize("basis", ["moment", "cumulant"])
@pytest.mark.parametrize("name", NAMES)
def test_every_observable_is_sgd_itself(name, basis, decay):
    """Two steps on quadratics: the expectation is a polynomial of degree at most four in eta."""
    landscape = Decaying(decay, n=2, p=2)
    ends = []
    for rows in product(range(2), repeat=2):
        weight = math.prod(WEIGHTS[x] for x in rows)
        ends.append((weight, landscape.trained([[x] for x in rows], ETA), rows))
    expansion = expand_once(
        name, order=4, sampling="one-pass", basis=basis, optimizer=SGD(weight_decay=decay)
    )
    estimate = evaluate(expansion, landscape.statistics("population", WEIGHTS), eta=ETA, T=2)
    expected = observed(landscape, name, ends)
    assert np.shape(estimate.value) == np.shape(expected)
    assert np.all(estimate.value == expected)
    assert all(isinstance(x, Fraction) for v in estimate.orders for x in np.ravel(v))
    assert all(np.shape(v) == np.shape(expected) for v in estimate.order_standard_errors)
    assert not np.any(estimate.standard_error)


def test_a_symbol_for_the_weight_decay():
    landscape = Decaying(DECAY, n=2, p=2)
    statistics = landscape.statistics("population", WEIGHTS)

    def estimate(decay, **numbers):
        optimizer = SGD(weight_decay=decay)
        expansion = expand_once("second-moment", order=3, sampling="one-pass", optimizer=optimizer)
        return evaluate(expansion, statistics, eta=ETA, T=3, **numbers).value

    fixed = estimate(DECAY)
    for value in (DECAY, 0.4):  # decimals are read as they are written
        found = estimate(symbols.lamda, lamda=value)
        assert (found == fixed).all()
        assert all(isinstance(x, Fraction) for x in found.flat)
    assert (estimate(symbols.lamda, lamda=0) == estimate(0)).all()
    with pytest.raises(SamplingError, match="lamda"):
        estimate(symbols.lamda)


@pytest.mark.parametrize("name", ["displacement", "second-moment", "function:s"])
def test_errors_of_tensors_are_deletion(name):
    n = 6
    samples = slow.symmetric_samples(3, n=n, p=2, orders=range(4))
    functions = {"s": {**CURVE, 3: np.zeros((2, 2, 2), int)}}
    expansion = expand_once(
        name, order=3, sampling="epochs", optimizer=SGD(weight_decay=DECAY), basis="moment"
    )

    def estimate(samples):
        statistics = Statistics.from_samples(samples, functions=functions, start=START)
        return evaluate(expansion, statistics, eta=ETA, N=6, B=2, E=2)

    def error(values):
        values = np.array(values)
        squares = ((values - values.mean(axis=0)) ** 2).sum(axis=0) * F(n - 1, n)
        return np.sqrt(np.asarray(squares, dtype=float))

    whole = estimate(samples)
    deleted = [estimate(slow.without(samples, i)) for i in range(n)]
    for k in range(4):
        found = whole.order_standard_errors[k]
        np.testing.assert_allclose(found, error([d.orders[k] for d in deleted]) if k else 0 * found)
    np.testing.assert_allclose(whole.standard_error, error([d.value for d in deleted]))
    assert np.any(whole.standard_error)


@pytest.mark.parametrize("role", ["sample", "training-set"])
def test_orders_of_tensors_are_the_definition(role):
    """The sum over terms of weight times the average over distinct tuples, by loops."""
    n = 4
    samples = slow.symmetric_samples(3, n=n, p=2, orders=range(4))
    everything = {**samples, "penalised-loss": slow.penalised(samples, START, DECAY)}
    optimizer = SGD(weight_decay=DECAY)
    names = {"displacement": 1, "second-moment": 2}
    if role == "sample":
        names["covariance"] = 2
    for name, free in names.items():
        expansion = expand_once(
            name,
            order=3,
            sampling=Epochs(N=n, shuffle="once"),
            optimizer=optimizer,
            basis="moment",
        )
        statistics = Statistics.from_samples(samples, role=role, start=START)
        estimate = evaluate(expansion, statistics, eta=ETA, B=2, E=2)
        expected = [slow.array_of(dict.fromkeys(np.ndindex((2,) * free), 0), 2, free)] * 4
        weights = expansion.weights(B=2, E=2)
        for weight, term in zip(weights, expansion.terms, strict=True):
            c = term.contraction
            value = slow.unbiased(everything, (c.edges, c.blocks, c.free, c.labels), ETA)
            expected[term.order] = expected[term.order] + weight * slow.array_of(value, 2, free)
        for found, answer in zip(estimate.orders, expected, strict=True):
            assert (found == answer).all()


def test_training_set_of_tensors_is_the_mean_over_its_shuffles():
    landscape = Decaying(DECAY, n=2, p=2, seed=3)
    ends = [
        (F(1, 2), landscape.trained([[x] for x in rows], ETA), rows)
        for rows in permutations(range(2))
    ]
    for name in ("displacement", "second-moment", "function:s", "training-loss"):
        training = {"sampling": "shuffled-epochs", "optimizer": SGD(weight_decay=DECAY)}
        expansion = expand_once(name, order=4, **training)
        statistics = landscape.statistics("training-set")
        estimate = evaluate(expansion, statistics, eta=ETA, N=2, B=1, E=1)
        assert np.all(estimate.value == observed(landscape, name, ends))


def test_covariances_over_shuffles_are_products_of_averages_by_themselves():
    """Over shuffles the square of a mean is no average over distinct tuples."""
    landscape = Quadratics(n=2, p=2, seed=3)
    statistics = landscape.statistics("training-set")
    for since in ("", ":since=1"):
        sampling = Epochs(N=2, B=1, E=1, shuffle="once")
        values = {
            name: evaluate(
                expand_once(f"{name}{since}", order=4, sampling=sampling), statistics, eta=ETA
            )
            for name in ("covariance", "second-moment", "displacement")
        }
        means = np.array(values["displacement"].orders)
        for k, value in enumerate(values["covariance"].orders):
            square = sum(np.multiply.outer(means[i], means[k - i]) for i in range(k + 1))
            assert (value == values["second-moment"].orders[k] - square).all()
        assert "over orders of the rows" in str(values["covariance"])


def hand_made(terms, name="displacement", *, order=2, optimizer=None):
    """Return an expansion of given (weight, contraction), for one step."""
    part = Part(F(1), named_observable(name), OnePass(T=1), optimizer or SGD())
    return Expansion(order, "moment", (part,), tuple(Term(sympify(w), c) for w, c in terms))


def test_one_step_by_hand():
    """E s after one step of size eta, without the engine that expands: s - s_a G_a + s_ab M_a|b/2."""
    landscape = Decaying(DECAY, n=2, p=2, seed=5)
    statistics = landscape.statistics("population", WEIGHTS)
    star = [(0, 1), (0, 2)]
    labels = ["s", "penalised-loss", "penalised-loss"]
    terms = [
        (1, Contraction.build([], [[0]], labels=["s"])),
        (-1, Contraction.build([(0, 1)], [[0], [1]], labels=labels[:2])),
        (F(1, 2), Contraction.build(star, [[0], [1, 2]], labels=labels)),
    ]
    ends = [(w, landscape.trained([[x]], ETA), (x,)) for x, w in enumerate(WEIGHTS)]
    optimizer = SGD(weight_decay=DECAY)
    scalar = evaluate(hand_made(terms, "function:s", optimizer=optimizer), statistics, eta=ETA)
    assert scalar.value == observed(landscape, "function:s", ends)
    pair = Contraction.build([], [[0, 1]], labels=labels[1:], free=[0, 1])
    squares = hand_made([(1, pair)], "second-moment", optimizer=optimizer)
    matrix = evaluate(squares, statistics, eta=ETA)
    assert (matrix.value == observed(landscape, "second-moment", ends)).all()
    assert [np.any(v) for v in matrix.orders] == [False, False, True]


def test_orders_without_terms_are_zero():
    statistics = Decaying(F(0), n=3, p=2).statistics("sample")
    empty = evaluate(
        expand_once("covariance", order=0, sampling="one-pass"), statistics, eta=1, T=2
    )
    assert len(empty.orders) == 1
    assert empty.value.tolist() == [[0, 0], [0, 0]]
    assert {type(x) for x in empty.value.flat} == {Fraction}
    assert empty.standard_error.tolist() == [[0.0, 0.0], [0.0, 0.0]]
    none = evaluate(
        expand_once("displacement", order=2, sampling="one-pass"), statistics, eta=1, T=0
    )
    assert [v.tolist() for v in none.orders] == [[0, 0]] * 3
    one = evaluate(
        expand_once("displacement", order=2, sampling="one-pass"), statistics, eta=0.5, T=1
    )
    assert [v.dtype for v in one.orders] == [np.dtype(np.float64)] * 3
    assert one.orders[0].tolist() == one.orders[2].tolist() == [0.0, 0.0]
    assert one.orders[1].any()
    losses = Statistics({0: [1, 2]})
    with pytest.raises(
        StatisticsError, match="observable with indices, got derivatives 0; add key"
    ):
        evaluate(expand_once("displacement", order=2, sampling="one-pass"), losses, eta=1, T=0)


def test_small_samples_have_infinite_errors_in_tensors():
    samples = slow.symmetric_samples(1, n=2, p=2, orders=range(3))
    expansion = expand_once("displacement", order=2, sampling="one-pass")
    estimate = evaluate(expansion, Statistics(samples), eta=F(1, 10), T=5)
    assert np.isfinite(estimate.order_standard_errors[1]).all()
    assert estimate.order_standard_errors[2].tolist() == [math.inf, math.inf]
    assert estimate.standard_error.tolist() == [math.inf, math.inf]
    assert "standard error exceeds the contribution of order 2" in estimate.judgement


def test_forms_of_eta_agree_for_tensors():
    samples = slow.symmetric_samples(4, n=5, p=2, orders=range(4))
    statistics = Statistics(samples)
    expansion = expand_once("second-moment", order=3, sampling="one-pass")
    x = F(2, 7)
    results = [
        evaluate(expansion, statistics, eta=eta, T=3) for eta in (x, [x, x], [[x, 0], [0, x]])
    ]
    assert results[0] == results[1] == results[2]
    floating = evaluate(expansion, statistics, eta=float(x), T=3)
    assert floating != results[0]
    for one, other in zip(floating.orders, results[0].orders, strict=True):
        np.testing.assert_allclose(one, other.astype(float), rtol=1e-12)


def test_parts_with_other_weight_decays():
    landscape = Decaying(DECAY, n=2, p=2)
    statistics = landscape.statistics("population", WEIGHTS)

    def test_loss(decay):
        return expand_once(
            "test-loss", order=2, sampling="one-pass", optimizer=SGD(weight_decay=decay)
        )

    with_decay, without = test_loss(DECAY), test_loss(0)
    difference = evaluate(with_decay - without, statistics, eta=ETA, T=2).value
    one, other = (evaluate(e, statistics, eta=ETA, T=2).value for e in (with_decay, without))
    assert difference == one - other != 0
    assert evaluate(with_decay - test_loss(symbols.lamda), statistics, eta=ETA, T=2, lamda=DECAY)
    for second, numbers in [(F(1, 3), {}), (symbols.lamda, {"lamda": 0})]:
        clash = with_decay - test_loss(second)
        with pytest.raises(RequestError, match="one weight decay for all parts") as caught:
            evaluate(clash, statistics, eta=ETA, T=2, **numbers)
        assert "\n" not in str(caught.value)


def test_what_labels_need_is_named():
    samples = slow.symmetric_samples(1, n=9, p=2, orders=range(3))
    decaying = expand_once(
        "test-loss", order=2, sampling="one-pass", optimizer=SGD(weight_decay=DECAY)
    )
    with pytest.raises(StatisticsError, match=r"for order 1, got start=None; give the .* start="):
        evaluate(decaying, Statistics(samples), eta=0.1, T=2)
    function = expand_once("function:s", order=2, sampling="one-pass")
    with pytest.raises(StatisticsError, match=r"got label='s'; give the statistics functions="):
        evaluate(function, Statistics(samples), eta=0.1, T=2)
    short = Statistics.from_samples(samples, functions={"s": {0: 1, 1: [1, 2]}})
    with pytest.raises(
        StatisticsError, match=r"2 of the function 's' for order 2, .* 0, 1; add key"
    ):
        evaluate(function, short, eta=0.1, T=2)


def test_contractions_with_other_free_legs_are_refused():
    gradient = Contraction.build([], [[0]], free=[0])
    mixed = hand_made([(1, Contraction.build([], [[0]])), (1, gradient)])
    with pytest.raises(RequestError, match="some with 0 and some with 1; evaluate them one by one"):
        evaluate(mixed, Statistics({0: [1.0, 2.0], 1: [[1.0], [2.0]]}), eta=0.1)


def test_numbers_that_no_float_holds():
    samples = slow.symmetric_samples(1, n=5, p=1, orders=range(3))
    expansion = expand_once("test-loss", order=2, sampling="one-pass")
    exact = evaluate(expansion, Statistics(samples), eta=F(1, 10**200), T=10**200)
    assert abs(exact.value) < 100
    floats = Statistics({k: a.astype(float) for k, a in samples.items()})
    with pytest.raises(RequestError, match="below 1e308 for floats, got a larger one at order 2"):
        evaluate(expansion, floats, eta=1e-200, T=10**200)


def test_long_fractions_as_weights():
    """Momentum has weights whose numerator and denominator have thousands of digits."""
    samples = {
        k: a.astype(float) for k, a in slow.symmetric_samples(1, n=5, p=2, orders=(1, 2)).items()
    }
    c = Contraction.build([], [[0]], free=[0])
    weights = [1 - F(9, 10) ** 20000, F(1)]
    one, other = (evaluate(hand_made([(w, c)]), Statistics(samples), eta=0.1) for w in weights)
    np.testing.assert_allclose(one.value, other.value, rtol=1e-14)
    np.testing.assert_allclose(one.standard_error, other.standard_error, rtol=1e-14)


def test_error_is_per_term_sum_not_quadrature():
    """The same contraction with opposite weights has no error at all."""
    samples = slow.symmetric_samples(2, n=5, p=2, orders=range(3))
    c = Contraction.build([(0, 1)], [[0], [1]])
    evaluator = Evaluator(Statistics(samples))
    assert evaluator.standard_error([(F(1), c), (F(-1), c)]) == 0.0
    assert evaluator.standard_error([(F(2), c)]) == pytest.approx(
        2 * evaluator.standard_error([(F(1), c)])
    )


def test_roles_are_all_known():
    assert ROLES == ("sample", "population", "training-set")


@pytest.mark.parametrize("order", [2, 3])
def test_from_a_minimum_two_orders_more_are_looked_at(order):
    """The first order is zero there, and a large fourth derivative acts at order 4 first."""

    def judged(fourth):
        curvature, none = [[[1]], [[1]]], [[[[0]]]] * 2
        samples = {0: [0, 0], 1: [[1], [-1]], 2: curvature, 3: none, 4: [[[[[fourth]]]]] * 2}
        statistics = Statistics.from_samples(samples, role="population")
        expansion = expand("test-loss", order=order, sampling="one-pass")
        return evaluate(expansion, statistics, eta=Fraction(1, 50), T=5)

    assert judged(0).trustworthy
    assert not judged(2000).trustworthy
    assert judged(2000).orders == judged(0).orders
