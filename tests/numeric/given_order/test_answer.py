"""A training set whose rows are named is answered for that very order, against SGD on power series."""

from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import permutations
from typing import ClassVar

import numpy as np
import pytest
from sympy import Poly, Rational, diff, symbols

from sgdiagrams import (
    SDE,
    SGD,
    Epochs,
    ExponentialAverage,
    FullBatch,
    Function,
    GradientFlow,
    Grid,
    Momentum,
    Nesterov,
    OnePass,
    RequestError,
    Sampling,
    SamplingError,
    Statistics,
    StatisticsError,
    TailAverage,
    WithReplacement,
    expand,
)
from sgdiagrams.symbolic import RandomBatches

F = Fraction
X, Y, S = symbols("x y s")
START = (F(1, 2), F(-1))
LOSSES = (
    X**3 / 3 + X * Y + 2 * Y**2 - X + 1,
    X**4 / 2 - X**2 * Y / 3 + Y**2 / 2 + Y,
    X * Y**3 / 2 + X**2 - Y**2 + X * Y / 3 + 2,
    Y**4 / 3 + X**3 * Y - X / 2,
)
FUNCTION = X**2 * Y - Y**3 + X
ORDER = 4
OPTIMIZERS = (
    SGD(),
    SGD(weight_decay="1/3", schedule=["1", "1/2", "2", "-1"]),
    SGD(average=TailAverage(2)),
    Momentum(beta="1/2", weight_decay="1/5", schedule=["1", "3/2", "1/2", "2"]),
    Momentum(beta="2/3", schedule=["1", "3/2", "1/2", "2"], schedule_scales="gradient"),
    Nesterov(beta="1/3", average=ExponentialAverage("1/2")),
)
each_optimizer = pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda o: o.label)


def derivatives(polynomial, order=ORDER):
    """Return {k: tensor} at the start."""
    result = {}
    for k in range(order + 1):
        tensor = np.empty((2,) * k, dtype=object)
        for index in np.ndindex(tensor.shape):
            value = polynomial
            for axis in index:
                value = diff(value, (X, Y)[axis])
            value = Rational(value.subs({X: Rational(START[0]), Y: Rational(START[1])}))
            tensor[index] = F(int(value.p), int(value.q))
        result[k] = tensor if k else tensor[()]
    return result


@cache
def training_set(rows=range(4), order=ORDER):
    known = [derivatives(LOSSES[n], order) for n in rows]
    samples = {k: np.array([d[k] for d in known], dtype=object) for k in range(order + 1)}
    functions = {"f": derivatives(FUNCTION, order)}
    return Statistics.from_samples(
        samples, role="training-set", functions=functions, start=list(START)
    )


def truncated(expression, order=ORDER):
    poly = Poly(expression, S)
    return sum((c * S**k for (k,), c in poly.terms() if k <= order), start=Rational(0))


def slow_run(batches, optimizer, eta, rows=range(4)):
    """SGD as in a manual, on polynomials in s: return all iterates."""
    theta = [Rational(x) + 0 * S for x in START]
    slopes = [[diff(LOSSES[n], v) for v in (X, Y)] for n in rows]
    decay = Rational(optimizer.weight_decay)
    beta = Rational(getattr(optimizer, "beta", 0))
    factors = [Rational(a) for a in optimizer.multipliers(len(batches))]
    scales_gradient = getattr(optimizer, "schedule_scales", "velocity") == "gradient"
    velocity = [Rational(0)] * 2
    iterates = [theta]
    for t, batch in enumerate(batches):
        point = dict(zip((X, Y), theta, strict=True))
        at = [[slope.subs(point, simultaneous=True) for slope in slopes[n]] for n in batch]
        g = [
            sum(column) / len(batch) + decay * x
            for column, x in zip(zip(*at, strict=True), theta, strict=True)
        ]
        if scales_gradient:
            g = [factors[t] * x for x in g]
        velocity = [beta * v + x for v, x in zip(velocity, g, strict=True)]
        step = velocity
        if isinstance(optimizer, Nesterov):
            step = [x + beta * v for x, v in zip(g, velocity, strict=True)]
        rate = 1 if scales_gradient else factors[t]
        moved = [
            sum(rate * S * Rational(e) * x for e, x in zip(row, step, strict=True)) for row in eta
        ]
        theta = [truncated(x - m) for x, m in zip(theta, moved, strict=True)]
        iterates.append(theta)
    return iterates


def slow_point(iterates, optimizer, at):
    """Return the watched weights after `at` updates, averages as they are defined."""
    seen = iterates[: at + 1]
    match optimizer.average:
        case None:
            return seen[-1]
        case TailAverage():
            last = seen[-optimizer.average.W :]
            return [sum(column) / len(last) for column in zip(*last, strict=True)]
        case _:
            alpha, mean = Rational(optimizer.average.alpha), seen[0]
            for theta in seen[1:]:
                mean = [alpha * m + (1 - alpha) * x for m, x in zip(mean, theta, strict=True)]
            return mean


def coefficients(expression):
    poly = Poly(truncated(expression), S)
    return [F(int(c.p), int(c.q)) for c in (Rational(poly.coeff_monomial(S**k)) for k in range(5))]


def slow_answer(name, batches, optimizer, eta, rows=range(4)):
    """Return the coefficients of an observable for this very order of the rows."""
    name, _, since = name.partition(":since=")
    iterates = slow_run(batches, optimizer, eta, rows)
    ends = [slow_point(iterates, optimizer, len(batches))]
    if since:
        ends.append(slow_point(iterates, optimizer, int(since)))

    def value(expression):
        values = [expression.subs({X: x, Y: y}, simultaneous=True) for x, y in ends]
        return values[0] - values[1] if since else values[0]

    origin = ends[1] if since else iterates[0]
    delta = [a - b for a, b in zip(ends[0], origin, strict=True)]
    if name == "training-loss":
        return coefficients(value(sum(LOSSES[n] for n in rows) / len(rows)))
    if name == "function:f":
        return coefficients(value(FUNCTION))
    if name == "displacement":
        return np.array([coefficients(d) for d in delta], dtype=object).T
    table = [[coefficients(a * b) for b in delta] for a in delta]
    return np.moveaxis(np.array(table, dtype=object), -1, 0)


ETA = ((F(1), F(1, 3)), (F(1, 3), F(-1, 2)))
BATCHES = ((2,), (0, 3), (1,), (0, 2))


@each_optimizer
@pytest.mark.parametrize(
    "name",
    ["training-loss", "function:f", "displacement", "second-moment", "displacement:since=2"],
)
def test_this_very_order_is_sgd_itself(name, optimizer):
    expansion = expand(name, order=ORDER, sampling=Grid(BATCHES), optimizer=optimizer)
    found = expansion.evaluate(training_set(), eta=np.array(ETA))
    answer = slow_answer(name, BATCHES, optimizer, ETA)
    assert all(np.all(a == b) for a, b in zip(found.orders, answer, strict=True))
    assert all(isinstance(x, Fraction) for entry in found.orders for x in np.ravel(entry))
    assert not np.any(found.standard_error)


def test_gradients_and_hessians_of_two_rows():
    data = Statistics.from_samples(
        {0: [0, 0], 1: [[1], [3]], 2: [[[1]], [[5]]]}, role="training-set"
    )
    orders = {}
    for shuffle in (None, "once", "every-epoch"):
        scheme = Epochs(N=2, B=1, E=1, shuffle=shuffle)
        orders[shuffle] = expand("displacement", order=2, sampling=scheme).evaluate(data, eta=1)
    assert [orders[k].orders[2].tolist() for k in (None, "once", "every-epoch")] == [[5], [4], [4]]
    for order, right in (([[0], [1]], 5), ([[1], [0]], 3)):
        found = expand("displacement", order=2, sampling=Grid(order)).evaluate(data, eta=1)
        assert found.orders[2] == right


@each_optimizer
@pytest.mark.parametrize(("B", "E"), [(1, 1), (2, 2)])
def test_the_mean_of_all_orders_is_the_average_over_orders(optimizer, B, E):
    """Diagrams and U-statistics on the one side, one run after another on the other."""
    N = 3 if B == 1 else 4
    if optimizer.schedule is not None:
        optimizer = type(optimizer)(
            **{
                **{k: getattr(optimizer, k) for k in optimizer.numbers},
                "weight_decay": optimizer.weight_decay,
                "schedule": ["1", "1/2", "-2", "1"][: E * N // B],
            }
        )
    data = training_set(range(N))
    for name in ("training-loss", "displacement", "second-moment", "function:f"):
        training = {"order": 3, "optimizer": optimizer}
        shuffled = Epochs(N=N, B=B, E=E, shuffle="once")
        average = expand(name, sampling=shuffled, **training).evaluate(data, eta=F(1, 2))
        runs = []
        for rows in permutations(range(N)):
            epoch = [rows[i : i + B] for i in range(0, N, B)]
            if any(list(batch) != sorted(batch) for batch in epoch):
                continue  # the same batches once more
            expansion = expand(name, sampling=Grid(epoch * E), **training)
            runs.append(expansion.evaluate(data, eta=F(1, 2)).orders)
        for k in range(4):
            assert np.all(sum(orders[k] for orders in runs) == len(runs) * average.orders[k])


def test_two_orders_differ_by_the_pairs_that_change_places():
    """By eta^2 times the sum of h_k g_j - h_j g_k over j before k in one, after it in the other."""
    data = training_set()
    one, other = (0, 1, 2, 3), (2, 0, 3, 1)
    expansions = [
        expand("displacement", order=2, sampling=Grid([[n] for n in order]))
        for order in (one, other)
    ]
    found = (expansions[0] - expansions[1]).evaluate(data, eta=F(1, 7)).orders
    g, h = data.samples[1], data.samples[2]
    pairs = [
        (j, k)
        for j, k in permutations(range(4), 2)
        if one.index(j) < one.index(k) and other.index(j) > other.index(k)
    ]
    assert pairs == [(0, 2), (1, 2), (1, 3)]
    assert np.all(found[1] == 0)
    assert np.all(found[2] == F(1, 49) * sum(h[k] @ g[j] - h[j] @ g[k] for j, k in pairs))


def test_row_n_of_one_pass_is_at_its_nth_place():
    for B, T in ((1, 4), (2, 2), (4, 1)):
        batches = [tuple(range(t * B, t * B + B)) for t in range(T)]
        for scheme in (OnePass(T=T, B=B), Epochs(N=4, B=B, E=1), Grid(batches)):
            found = expand("training-loss", order=3, sampling=scheme).evaluate(
                training_set(), eta=1
            )
            right = slow_answer("training-loss", batches, SGD(), ((1, 0), (0, 1)))
            assert list(found.orders) == right[:4]


def test_full_batches_and_no_update_have_one_order():
    data = training_set()
    whole = expand("training-loss", order=3, sampling=Grid([(0, 1, 2, 3)] * 2)).evaluate(
        data, eta=1
    )
    full = expand("training-loss", order=3, sampling=FullBatch(N=4, E=2)).evaluate(data, eta=1)
    assert whole.orders == full.orders
    mean = sum(data.samples[0]) / 4
    for scheme in (OnePass(T=0), Epochs(N=4, B=1, E=0), Epochs(N=4, B=1, E=0, shuffle="once")):
        none = expand("training-loss", order=2, sampling=scheme).evaluate(data, eta=1)
        assert none.orders == (mean, 0, 0)


def test_the_one_run_has_no_covariance():
    expansion = expand("covariance", order=3, sampling=Grid(BATCHES))
    assert not np.any(expansion.evaluate(training_set(), eta=1).value)


@dataclass(frozen=True, slots=True)
class Coin(Sampling):
    """Two rows forwards, or with chance 1/3 backwards."""

    name: ClassVar[str] = "coin"
    numbers: ClassVar[tuple[str, ...]] = ()

    @property
    def updates(self):
        return Grid([[0], [1]]).updates

    @property
    def datapoints(self):
        return Grid([[0], [1]]).datapoints

    def course(self):
        return RandomBatches(((F(2, 3), ((0,), (1,))), (F(1, 3), ((1,), (0,)))), 2)


def test_a_scheme_of_a_users_own_that_chooses_among_orders():
    data = training_set(range(2))
    one, other = (
        expand("displacement", order=3, sampling=Grid(b)).evaluate(data, eta=1)
        for b in ([[0], [1]], [[1], [0]])
    )
    mixed = expand("displacement", order=3, sampling=Coin()).evaluate(data, eta=1)
    for k in range(4):
        assert np.all(3 * mixed.orders[k] == 2 * one.orders[k] + other.orders[k])
    # The two ends differ from order 2 on.
    change = one.orders[2] - other.orders[2]
    spread = expand("covariance", order=4, sampling=Coin()).evaluate(data, eta=1)
    assert np.all(spread.orders[4] == F(2, 9) * np.outer(change, change))
    assert not any(np.any(spread.orders[k]) for k in range(4))
    assert "average over what may happen to the rows" in str(mixed)


def test_floats_and_fractions_agree():
    exact = training_set()
    floats = Statistics.from_samples(
        {k: a.astype(float) for k, a in exact.samples.items()},
        role="training-set",
        start=[float(x) for x in START],
    )
    optimizer = Momentum(beta="9/10", weight_decay="1/10", average=TailAverage(3))
    for eta in (F(1, 10), np.array([F(1, 10), F(1, 5)])):
        for name in ("training-loss", "second-moment"):
            scheme = Epochs(N=4, B=2, E=5)
            expansion = expand(name, order=3, sampling=scheme, optimizer=optimizer)
            right = expansion.evaluate(exact, eta=eta)
            found = expansion.evaluate(floats, eta=np.asarray(eta, dtype=float))
            for a, b in zip(found.orders, right.orders, strict=True):
                np.testing.assert_allclose(a, np.asarray(b, dtype=float), rtol=1e-12, atol=1e-15)


def test_symbols_get_their_numbers_when_evaluated():
    expansion = expand("displacement", order=3, sampling="fresh-data", optimizer="momentum")
    found = expansion.evaluate(training_set(), eta=1, T=2, B=2, beta=F(1, 2))
    batches = [(0, 1), (2, 3)]
    right = slow_answer("displacement", batches, Momentum(beta="1/2"), ((1, 0), (0, 1)))
    assert np.all(np.array(found.orders) == right[:4])


def test_titles_say_which():
    data = training_set()
    numbers = {"eta": 1, "N": 4, "B": 2, "E": 1}
    texts = {
        name: str(expand("training-loss", order=1, sampling=name).evaluate(data, **numbers))
        for name in ("epochs", "shuffled-epochs", "reshuffled-epochs")
    }
    assert texts["epochs"].startswith("training-loss, in this order of the rows at eta=1")
    for name in ("shuffled-epochs", "reshuffled-epochs"):
        assert texts[name].startswith("training-loss, average over orders of the rows at eta=1")
    drawn = expand("training-loss", order=1, sampling=WithReplacement(N=4, B=1, T=2))
    assert "average" in str(drawn.evaluate(data, eta=1))
    estimate = expand("training-loss", order=1, sampling=Grid(BATCHES)).evaluate(data, eta=1)
    assert estimate.to_dict()["rows"] == "in this order of the rows"


def evaluated(name, *, data=None, order=2, **options):
    numbers = {k: options.pop(k) for k in ("T", "N", "B", "E") if k in options}
    expansion = expand(name, order=order, **options)
    return expansion.evaluate(training_set() if data is None else data, eta=1, **numbers)


def without(*orders, start=True):
    full = training_set()
    samples = {k: a for k, a in full.samples.items() if k not in orders}
    start = list(START) if start else None
    return Statistics.from_samples(samples, role="training-set", start=start)


REFUSED = [
    (
        RequestError,
        "sde, which has no training set",
        {"name": "displacement", "sampling": SDE(T=4)},
    ),
    (
        RequestError,
        "gradient-flow, which has no training set",
        {"name": Function("f"), "sampling": GradientFlow(T=4)},
    ),
    (RequestError, "observable='test-loss'", {"name": "test-loss", "sampling": Grid(BATCHES)}),
    (StatisticsError, "N=3 points", {"name": "displacement", "sampling": OnePass(T=3)}),
    (
        RequestError,
        "at most 200000 updates .* shuffle='once'",
        {"name": "displacement", "sampling": Epochs(N=4, B=1, E=10**9)},
    ),
    (
        RequestError,
        "operations .* lower the order or take floats",
        {"name": "displacement", "order": 4, "sampling": Epochs(N=4, B=1, E=50_000)},
    ),
    (
        StatisticsError,
        "derivative 2 of the loss for order 2",
        {"name": "displacement", "sampling": Grid(BATCHES), "data": without(2, 3, 4)},
    ),
    (
        StatisticsError,
        "derivative 0 of the loss for order 0",
        {"name": "training-loss", "sampling": Grid(BATCHES), "data": without(0)},
    ),
    (
        StatisticsError,
        "weights at the start",
        {
            "name": "displacement",
            "sampling": Grid(BATCHES),
            "optimizer": SGD(weight_decay="1/2"),
            "data": without(start=False),
        },
    ),
    (
        StatisticsError,
        "label='g'",
        {"name": Function("g"), "sampling": Grid(BATCHES)},
    ),
    (
        SamplingError,
        "since=9",
        {"name": "displacement:since=9", "sampling": Grid(BATCHES)},
    ),
]


@pytest.mark.parametrize(("error", "words", "request_"), REFUSED, ids=lambda x: str(x)[:40])
def test_refusals_in_one_line(error, words, request_):
    with pytest.raises(error, match=words) as caught:
        evaluated(**request_)
    assert "\n" not in str(caught.value)


def test_parts_of_two_kinds_are_refused():
    one = expand("displacement", order=2, sampling=Epochs(N=4, B=1, E=1))
    mean = expand("displacement", order=2, sampling=Epochs(N=4, B=1, E=1, shuffle="once"))
    with pytest.raises(RequestError, match="one by one and subtract"):
        (one - mean).evaluate(training_set(), eta=1)


def test_a_derivative_that_is_not_needed_may_be_missing():
    found = evaluated("displacement", sampling=Grid([[1]], N=4), data=without(0, 2, 3, 4))
    assert np.all(found.orders[1] == -training_set().samples[1][1])
    assert not np.any(found.orders[2])
