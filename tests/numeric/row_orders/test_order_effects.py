"""What the order of the rows does, against all orders of small training sets one by one."""

import math
from dataclasses import dataclass
from fractions import Fraction
from itertools import permutations
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import sympify

from sgdiagrams import (
    SGD,
    Epochs,
    ExponentialAverage,
    Grid,
    Momentum,
    Nesterov,
    OnePass,
    Penalty,
    RequestError,
    Sampling,
    Statistics,
    StatisticsError,
    WithReplacement,
    expand,
    order_effects,
)
from sgdiagrams.symbolic import RandomBatches

F = Fraction
N, P, ORDER = 4, 2, 3
ETA = F(1, 10)


def symmetric(rng, k, n=N):
    raw = rng.integers(-3, 4, size=(n,) + (P,) * k).astype(object)
    total = np.zeros_like(raw)
    for axes in permutations(range(k)):
        total = total + np.transpose(raw, (0, *(1 + a for a in axes)))
    return np.vectorize(F, otypes=[object])(total)


def training_set(seed, n=N, order=ORDER, scale=None):
    """Return a training set; with one row's losses multiplied where `scale` is (row, factor)."""
    rng = np.random.default_rng(seed)
    samples = {k: symmetric(rng, k, n) for k in range(order + 1)}
    functions = {"f": {k: symmetric(rng, k, 1)[0] for k in range(order + 1)}}
    if scale is not None:
        row, factor = scale
        for array in samples.values():
            array[row] = array[row] * factor
    return Statistics.from_samples(
        samples, role="training-set", functions=functions, start=[F(1), F(-2)]
    )


TRAININGS = (
    (Epochs(N=N, B=2, E=2), SGD()),
    (OnePass(T=4, B=1), Momentum(beta="1/2", weight_decay="1/3")),
    (Epochs(N=N, B=2, E=1), SGD(penalty=Penalty("f", strength="1/3"), weight_decay="1/5")),
    (
        Grid([[0, 1], [2], [3, 0]], N=N),
        Nesterov(beta="1/3", schedule=["1", "1/2", "2"], average=ExponentialAverage("1/2")),
    ),
)
each_training = pytest.mark.parametrize(
    ("sampling", "optimizer"), TRAININGS, ids=lambda x: getattr(x, "label", "")
)


def batches_of(sampling):
    [(_, batches)] = sampling.course().all_batches()
    return [list(batch) for batch in batches]


def in_order(statistics, batches, optimizer, observable="training-loss", order=ORDER):
    """Return the orders for one order of the rows, by an expansion that is evaluated."""
    grid = Grid(batches, N=statistics.sample_size)
    expansion = expand(observable, order=order, sampling=grid, optimizer=optimizer)
    return expansion.evaluate(statistics, eta=ETA).orders


def _as_random(grid):
    """Return all assignments of rows to the places of a grid, by chance."""
    chance = F(1, math.factorial(N))
    alternatives = [
        (chance, tuple(tuple(rows[r] for r in batch) for batch in grid.batches))
        for rows in permutations(range(N))
    ]
    return Drawn(tuple(alternatives))


@dataclass(frozen=True)
class Drawn(Sampling):
    """One of several schedules, each with its chance."""

    name: ClassVar[str] = "drawn"
    numbers: ClassVar[tuple[str, ...]] = ()

    alternatives: tuple

    @property
    def updates(self):
        return sympify(len(self.alternatives[0][1]))

    @property
    def datapoints(self):
        return sympify(N)

    @property
    def names_rows(self):
        return False

    def course(self):
        return RandomBatches(self.alternatives, N)


@each_training
def test_average_and_spread_are_those_of_all_orders_one_by_one(sampling, optimizer):
    statistics = training_set(1)
    effects = order_effects(
        statistics, sampling=sampling, optimizer=optimizer, eta=ETA, order=ORDER
    )
    batches = batches_of(sampling)
    assert effects.is_one_order
    assert effects.orders == in_order(statistics, batches, optimizer)
    values = np.array(
        [
            in_order(statistics, [[rows[r] for r in batch] for batch in batches], optimizer)
            for rows in permutations(range(N))
        ]
    )
    mean = values.sum(axis=0) / len(values)
    assert effects.average == tuple(mean)
    deviations = (values - mean)[:, :3]
    assert (effects.spread == deviations.T @ deviations / len(values)).all()
    assert effects.variance == effects.spread.sum() > 0
    shuffled = order_effects(
        statistics,
        sampling=sampling.in_random_order or _as_random(sampling),
        optimizer=optimizer,
        eta=ETA,
    )
    assert (shuffled.spread == effects.spread).all()  # by diagrams in place of forms
    assert effects.standard_deviation == pytest.approx(math.sqrt(effects.variance))


@each_training
@pytest.mark.parametrize("observable", ["training-loss", "function:f", "displacement"])
def test_contributions_of_datapoints_and_pairs_add_up(sampling, optimizer, observable):
    component = 1 if observable == "displacement" else None
    effects = order_effects(
        training_set(2),
        observable=observable,
        component=component,
        sampling=sampling,
        optimizer=optimizer,
        eta=ETA,
        order=ORDER,
        spread=False,
    )
    direct = in_order(training_set(2), batches_of(sampling), optimizer, observable)
    if component is not None:
        direct = tuple(x[component] for x in direct)
    assert effects.orders == direct
    assert tuple(effects.datapoints.sum(axis=0))[1:] == effects.orders[1:]
    assert effects.pairs.contributions.sum() == effects.orders[2]
    assert (effects.pairs.commutators == -effects.pairs.commutators.T).all()
    assert (effects.pairs.of_the_order == effects.pairs.of_the_order.T).all()
    assert effects.has_penalty == (optimizer.weight_decay != 0 or optimizer.penalty is not None)
    assert len(effects.datapoints) == N + effects.has_penalty
    assert effects.spread is effects.variance is effects.standard_deviation is None


@each_training
@pytest.mark.parametrize("row", [0, 3])
def test_a_share_is_the_derivative_by_a_datapoints_weight(sampling, optimizer, row):
    """Order k is a polynomial of degree k in the weight of a row, found from k + 1 of its values."""
    effects = order_effects(
        training_set(3),
        observable="function:f",
        sampling=sampling,
        optimizer=optimizer,
        eta=ETA,
        order=ORDER,
        spread=False,
    )
    factors = [F(x) for x in (1, 0, 2, 3)]
    values = [
        in_order(
            training_set(3, scale=(row, factor)), batches_of(sampling), optimizer, "function:f"
        )
        for factor in factors
    ]
    for k in range(1, ORDER + 1):
        slope = F(0)
        for i, x in enumerate(factors):
            # The derivative at 1 of Lagrange's polynomial that is 1 at x and 0 at all others.
            others = [y for y in factors if y != x]
            scale = math.prod(x - y for y in others)
            parts = (math.prod(1 - z for z in others if z != y) for y in others)
            slope += values[i][k] * sum(parts) / scale
        assert effects.datapoints[row, k] == slope / k


def test_two_orders_of_plain_descent_differ_by_commutators():
    statistics = training_set(4)
    first = [[0, 1], [2], [3]]
    second = [[3, 1], [0], [2]]
    here, there = (
        order_effects(
            statistics, observable="displacement", component=0, sampling=Grid(b, N=N), eta=ETA
        )
        for b in (first, second)
    )
    assert here.orders[1] - there.orders[1] != 0  # batches differ in size
    first, second = [[0], [1], [2], [3]], [[2], [0], [3], [1]]
    here, there = (
        order_effects(
            statistics, observable="displacement", component=0, sampling=Grid(b, N=N), eta=ETA
        )
        for b in (first, second)
    )
    assert here.orders[1] == there.orders[1]
    g, h = statistics.samples[1], statistics.samples[2]
    difference = F(0)
    for j in range(N):
        for k in range(N):
            if first.index([j]) < first.index([k]) and second.index([k]) < second.index([j]):
                difference += (h[k] @ g[j] - h[j] @ g[k])[0]
    assert here.orders[2] - there.orders[2] == ETA**2 * difference
    above = np.triu_indices(N)
    ordered = [x.pairs.of_the_order[above].sum() for x in (here, there)]
    assert ordered[0] - ordered[1] == here.orders[2] - there.orders[2]


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    batches=st.lists(
        st.lists(st.integers(0, 2), min_size=1, max_size=3, unique=True), min_size=1, max_size=4
    ),
    beta=st.fractions(0, F(9, 10), max_denominator=10),
)
def test_any_grid(seed, batches, beta):
    statistics = training_set(seed, n=3, order=2)
    optimizer = Momentum(beta=beta)
    effects = order_effects(statistics, sampling=Grid(batches, N=3), optimizer=optimizer, eta=ETA)
    values = np.array(
        [
            in_order(statistics, [[rows[r] for r in b] for b in batches], optimizer, order=2)
            for rows in permutations(range(3))
        ]
    )
    mean = values.sum(axis=0) / 6
    assert effects.average == tuple(mean)
    assert (effects.spread == (values - mean).T @ (values - mean) / 6).all()
    assert effects.pairs.contributions.sum() == effects.orders[2]
    assert tuple(effects.datapoints.sum(axis=0))[1:] == effects.orders[1:]


@pytest.mark.parametrize(
    "sampling",
    [
        Epochs(N=3, B=1, E=2, shuffle="once"),
        Epochs(N=3, B=1, E=2, shuffle="every-epoch"),
        WithReplacement(N=3, B=1, T=2),
    ],
    ids=lambda s: s.label,
)
def test_schemes_by_chance_have_an_average_and_a_spread(sampling):
    statistics = training_set(5, n=3, order=2)
    effects = order_effects(statistics, observable="function:f", sampling=sampling, eta=ETA)
    assert not effects.is_one_order
    assert effects.datapoints is effects.pairs is None
    chances = {
        "once": [(F(1, 6), [[i] for i in rows] * 2) for rows in permutations(range(3))],
        "every-epoch": [
            (F(1, 36), [[i] for i in (*one, *two)])
            for one in permutations(range(3))
            for two in permutations(range(3))
        ],
        None: [(F(1, 9), [[i], [j]]) for i in range(3) for j in range(3)],
    }[getattr(sampling, "shuffle", None)]
    values = np.array([in_order(statistics, b, SGD(), "function:f", 2) for _, b in chances])
    weights = np.array([chance for chance, _ in chances])
    mean = weights @ values
    assert effects.average == effects.orders == tuple(mean)
    assert (effects.spread == (values - mean).T @ (weights[:, None] * (values - mean))).all()


def test_tables_say_which_and_json_holds_all():
    statistics = training_set(6)
    effects = order_effects(statistics, sampling=Epochs(N=N, B=1, E=1), eta=0.1)
    text = str(effects)
    assert "in this order of the rows" in text
    assert "average over orders" in text
    assert "of the order" in text
    data = effects.to_dict()
    assert data["is_one_order"] is True
    assert np.shape(data["pairs"]["commutators"]) == (N, N)
    assert np.shape(data["datapoints"]) == (N, 3)
    assert effects._repr_html_().count("<table") == 3
    shuffled = order_effects(statistics, sampling=Epochs(N=N, B=1, E=1, shuffle="once"), eta=0.1)
    assert "average over orders of the rows" in str(shuffled)
    assert shuffled.to_dict()["pairs"] is None


def test_long_tables_show_both_ends():
    statistics = training_set(7, n=12, order=2)
    text = str(order_effects(statistics, sampling=OnePass(T=12), eta=0.1, spread=False))
    assert "the 5 largest and the 5 smallest of 12" in text
    assert "the 5 largest and the 5 smallest of 66" in text


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"observable": "test-loss"}, "on a given training set, got observable='test-loss'"),
        ({"observable": "covariance"}, "training-loss, displacement or function:NAME"),
        ({"observable": "displacement:since=1", "component": 0}, "on a given training set"),
        ({"observable": "displacement"}, r"component 0..1 of the displacement, got component=None"),
        ({"component": 0}, "no component of training-loss"),
        ({"order": 0}, "whole number >= 1, got order=0"),
        ({"sampling": Epochs(N=5, B=1, E=1)}, "N=5 points, got sample_size=4"),
        ({"sampling": Epochs(N=4, B=1)}, "expected numbers for E"),
        ({"sampling": "sde"}, "discrete updates"),
        ({"optimizer": "momentum"}, "expected numbers for beta"),
        (
            {"optimizer": Momentum(beta="1/2", decoupled_decay=1)},
            "weight decay in the gradient .* decoupled",
        ),
    ],
)
def test_what_cannot_be_told_is_said_in_one_line(changes, message):
    request = {"sampling": Epochs(N=N, B=1, E=1), "eta": 0.1, **changes}
    with pytest.raises((RequestError, StatisticsError), match=message) as caught:
        order_effects(training_set(8), **request)
    assert "\n" not in str(caught.value)


def test_another_role_has_no_order():
    statistics = training_set(8)
    sample = Statistics.from_samples(dict(statistics.samples), role="sample")
    with pytest.raises(StatisticsError, match="role='training-set'"):
        order_effects(sample, sampling=Epochs(N=N, B=1, E=1), eta=0.1)


@pytest.mark.parametrize("name", ["covariance", "covariance:since=1", "second-moment"])
def test_covariances_over_orders_are_evaluated(name):
    """A product of averages over tuples is no average over distinct tuples of the union."""
    statistics = training_set(9, n=3, order=4)
    sampling = Epochs(N=3, B=1, E=1, shuffle="once")
    optimizer = Momentum(beta="1/2")
    estimate = expand(name, order=4, sampling=sampling, optimizer=optimizer).evaluate(
        statistics, eta=ETA
    )
    moments, means = [], []
    since = ":since=1" if "since" in name else ""
    for rows in permutations(range(3)):
        grid = Grid([[r] for r in rows], N=3)
        for which, into in (("second-moment", moments), ("displacement", means)):
            expansion = expand(which + since, order=4, sampling=grid, optimizer=optimizer)
            into.append(expansion.evaluate(statistics, eta=ETA).orders)
    moment = np.array(moments).sum(axis=0) / 6
    mean = np.array(means).sum(axis=0) / 6
    expected = moment.copy()
    if name.startswith("covariance"):
        for a in range(5):
            for b in range(5 - a):
                expected[a + b] = expected[a + b] - np.multiply.outer(mean[a], mean[b])
        assert "over orders of the rows" in str(estimate)
    assert all((x == y).all() for x, y in zip(estimate.orders, expected, strict=True))
