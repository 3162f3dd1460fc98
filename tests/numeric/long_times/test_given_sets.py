"""Re-summed expansions on a given training set: recursions over all orders, and plain expansions."""

from fractions import Fraction
from itertools import combinations, permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import relaxed

from sgdiagrams.diagrams import RequestError, StatisticsError
from sgdiagrams.numeric import Statistics, drift
from sgdiagrams.numeric.long_times.dressed_counts import dressed_count
from sgdiagrams.numeric.long_times.long_rounds import late_rounds
from sgdiagrams.numeric.values.evaluator import Evaluator
from sgdiagrams.symbolic import (
    SDE,
    SGD,
    Epochs,
    FullBatch,
    Grid,
    Momentum,
    Nesterov,
    OnePass,
    ResummedExpansion,
    Subsets,
    WithReplacement,
    expand,
)
from sgdiagrams.symbolic.resummation.given_sets.round_sums import round_sum
from sgdiagrams.symbolic.resummation.relinking import relink
from sgdiagrams.symbolic.training.average import TailAverage
from sgdiagrams.symbolic.training.dressing import Dressing
from sgdiagrams.symbolic.training.schedules.closed_schedules import Polynomial

HALF = Fraction(1, 2)
SET = {"resummed": True, "role": "training-set"}
SCHEMES = [
    Epochs(N=4, B=2, E=2, shuffle="every-epoch"),
    Epochs(N=3, B=1, E=2, shuffle="every-epoch"),
    Epochs(N=4, B=2, E=2, shuffle="once"),
    Epochs(N=3, B=1, E=3, shuffle="once"),
    WithReplacement(N=3, B=2, T=2),
    FullBatch(N=3, E=3),
    Epochs(N=3, B=2, E=2, shuffle="every-epoch"),
    Epochs(N=3, B=2, E=2, shuffle="once"),
    Epochs(N=3, B=2, E=2, shuffle="every-epoch", drop_last=True),
    Subsets(N=4, B=2, T=2),
]
LABELS = [scheme.label for scheme in SCHEMES]
OPTIMIZERS = [
    SGD(),
    Momentum(beta=HALF),
    Nesterov(beta=Fraction(1, 3), schedule=Polynomial((1, -HALF))),
    SGD(average=TailAverage(2)),
]


def schedules(scheme):
    """Return all courses of the batches on a given set with their probabilities, spelled out here."""
    N, B = int(scheme.datapoints), int(scheme.values["B"])
    if isinstance(scheme, WithReplacement):
        T = int(scheme.updates)
        batches = [tuple(batch) for batch in product(range(N), repeat=B)]
        courses = list(product(batches, repeat=T))
    elif isinstance(scheme, Subsets):
        courses = list(product(combinations(range(N), B), repeat=int(scheme.T)))
    else:
        E = int(scheme.values["E"])
        epochs = [
            tuple(
                order[i : i + B]
                for i in range(0, N, B)
                if i + B <= N or not getattr(scheme, "drop_last", False)
            )
            for order in permutations(range(N))
        ]
        if scheme.shuffle == "every-epoch":
            courses = [sum(some, ()) for some in product(epochs, repeat=E)]
        else:
            courses = [epoch * E for epoch in epochs]
    return Fraction(1, len(courses)), courses


def moments(scheme, h, slopes, eta, beta=0):
    """Return the first two moments of the weight on l_n = h x^2/2 + s_n x, run for run."""
    chance, courses = schedules(scheme)
    first = second = Fraction(0)
    for course in courses:
        x = v = Fraction(0)
        for batch in course:
            v = beta * v - eta * sum(h * x + slopes[n] for n in batch) / len(batch)
            x += v
        first += chance * x
        second += chance * x**2
    return first, second


def statistics_of(h, slopes):
    zeros = [Fraction(0)] * len(slopes)
    return Statistics.from_samples(
        {0: zeros, 1: [[s] for s in slopes], 2: [[[h]] for _ in slopes]}, role="training-set"
    )


def exact_value(expansion, h, values):
    """Return a re-summed expansion of one weight as a fraction, from the values of contractions."""
    total = Fraction(0)
    for term in expansion.pieces:
        for piece in term.pieces:
            weight = piece.coefficient
            for s in piece.skeletons:
                training = expansion.parts[piece.part].training
                weight *= dressed_count(s.diagram, training, [h] * s.diagram.order, root=s.role)
            total += weight * values(term.contraction)
    return total


def on_the_set(statistics, eta):
    """Return what takes a contraction to its value on the set as a population."""
    population = Statistics.from_samples(
        dict(statistics.samples), role="population", functions=dict(statistics.functions)
    )
    evaluator = Evaluator(population, eta)
    return lambda contraction: np.asarray(evaluator.value(contraction), dtype=object).reshape(-1)[0]


rationals = st.fractions(min_value=-2, max_value=2, max_denominator=4)


@pytest.mark.parametrize("scheme", SCHEMES, ids=LABELS)
@given(st.data())
@settings(relaxed, max_examples=4)
def test_slopes_that_differ_are_exact_at_order_2(scheme, data):
    slopes = data.draw(st.lists(rationals, min_size=4, max_size=4))[: int(scheme.datapoints)]
    h, eta = data.draw(rationals), data.draw(rationals)
    beta = data.draw(st.sampled_from([Fraction(0), HALF]))
    statistics = statistics_of(h, slopes)
    method = Momentum(beta=beta) if beta else SGD()
    first, second = moments(scheme, h, slopes, eta, beta)
    values = on_the_set(statistics, eta)
    expected = {
        "displacement": first,
        "second-moment": second,
        "covariance": second - first**2,
        "training-loss": h * second / 2 + sum(slopes) / len(slopes) * first,
    }
    for observable, value in expected.items():
        expansion = expand(observable, order=2, sampling=scheme, optimizer=method, **SET)
        assert exact_value(expansion, eta * h, values) == value


@pytest.mark.parametrize("scheme", SCHEMES[2:], ids=LABELS[2:])
def test_floats_and_errors(scheme):
    slopes = [Fraction(x) for x in (1, -2, 3, 5)][: int(scheme.datapoints)]
    h, eta = Fraction(1, 3), HALF
    first, second = moments(scheme, h, slopes, eta)
    estimate = expand("covariance", order=2, sampling=scheme, **SET).evaluate(
        statistics_of(h, slopes), eta=eta
    )
    assert float(np.squeeze(estimate.value)) == pytest.approx(float(second - first**2), abs=1e-14)
    assert not np.any(estimate.standard_error)


@pytest.mark.parametrize("method", OPTIMIZERS, ids=[m.label for m in OPTIMIZERS])
@pytest.mark.parametrize("scheme", SCHEMES, ids=LABELS)
def test_links_put_back_give_the_plain_expansion(scheme, method):
    """On rows that differ in everything, order by order, as fractions."""
    rows = int(scheme.datapoints)
    numbers = [[2, -1, 3, 1], [1, 3, -2, 2], [3, 1, 2, -2], [1, 2, -1, 4], [2, 1, 1, -3]]
    shapes = {k: (rows, *[1] * k) for k in range(5)}
    samples = {
        k: np.array([Fraction(x, 2) for x in numbers[k][:rows]], dtype=object).reshape(shapes[k])
        for k in range(5)
    }
    statistics = Statistics.from_samples(samples, role="training-set")
    order = 4 if method == SGD() and rows == 4 else 3
    for observable in ("training-loss", "second-moment"):
        plain = expand(observable, order=order, sampling=scheme, optimizer=method)
        wanted = plain.evaluate(statistics, eta=1).orders
        expansion = expand(observable, order=order, sampling=scheme, optimizer=method, **SET)
        value = on_the_set(statistics, 1)
        orders = [Fraction(0)] * (order + 1)
        for term in relink(expansion, order):
            weight = Fraction(int(term.weight.p), int(term.weight.q))
            orders[term.order] += weight * value(term.contraction)
        assert orders == [np.asarray(x, dtype=object).reshape(-1)[0] for x in wanted]


def test_a_set_is_smaller_than_the_blocks():
    """Two rows have no three different ones: sums over different rows are empty then."""
    scheme = Epochs(N=2, B=1, E=2, shuffle="every-epoch")
    slopes, h, eta = [Fraction(1), Fraction(-3)], Fraction(1, 5), Fraction(2)
    expansion = expand("second-moment", order=4, sampling=scheme, **SET)
    values = on_the_set(
        Statistics.from_samples(
            {
                **statistics_of(h, slopes).samples,
                3: np.zeros((2, 1, 1, 1), dtype=int),
                4: np.zeros((2, 1, 1, 1, 1), dtype=int),
            },
            role="training-set",
        ),
        eta,
    )
    assert exact_value(expansion, eta * h, values) == moments(scheme, h, slopes, eta)[1]


def test_what_is_refused():
    for scheme, words in [
        (Epochs(N=4, B=2, E=2), "nothing is averaged in an order that is named"),
        (OnePass(T=3), "nothing is averaged"),
        (Grid([[0], [1]]), "nothing is averaged"),
        (SDE(T=3), "a scheme with a training set"),
    ]:
        with pytest.raises(RequestError, match=words):
            expand("training-loss", order=2, sampling=scheme, **SET)
    shuffled = Epochs(N=4, B=2, E=2, shuffle="once")
    for observable in ("test-loss", "generalisation-gap"):
        with pytest.raises(RequestError, match="knows its own loss only"):
            expand(observable, order=2, sampling=shuffled, **SET)
    with pytest.raises(RequestError, match="a plain expansion serves every role"):
        expand("training-loss", order=2, sampling=shuffled, role="training-set")
    expansion = expand("training-loss", order=2, sampling=shuffled, **SET)
    with pytest.raises(RequestError, match="serves both"):
        expansion.expanded()
    three = statistics_of(HALF, [Fraction(1)] * 3)
    with pytest.raises(StatisticsError, match="N=4 points, got sample_size=3"):
        expansion.evaluate(three, eta=1)
    with pytest.raises(RequestError, match="got role='sample'"):
        expansion.evaluate(Statistics.from_samples(dict(three.samples)), eta=1)
    averaged = expand("training-loss", order=2, sampling=shuffled, resummed=True)
    with pytest.raises(RequestError, match="role='training-set'"):
        averaged.evaluate(three, eta=1)
    with pytest.raises(RequestError, match="parts of one role"):
        (averaged - expansion).evaluate(three, eta=1)


@pytest.mark.parametrize("scheme", SCHEMES, ids=LABELS)
def test_files_keep_the_role(scheme):
    expansion = expand("training-loss", order=2, sampling=scheme, **SET)
    again = ResummedExpansion.from_json(expansion.to_json())
    assert again == expansion
    assert "on a given training set" in str(again)


def test_draws_with_replacement_are_fresh_data_of_the_set():
    ours = expand("second-moment", order=4, sampling="with-replacement", **SET)
    fresh = expand("second-moment", order=4, sampling="fresh-data", resummed=True)
    assert [(t.weight, t.contraction) for t in ours.terms] == [
        (t.weight, t.contraction) for t in fresh.terms
    ]
    complete = expand("training-loss", through=1, sampling="with-replacement", **SET)
    of_test = expand("test-loss", through=1, sampling="fresh-data", resummed=True)
    assert complete.stationary().in_one_dimension() == of_test.stationary().in_one_dimension()


@pytest.mark.parametrize("kind", ["every-epoch", "once"])
@pytest.mark.parametrize("method", [SGD(), Momentum(beta=HALF), Nesterov(beta=HALF)])
def test_limits_are_reached(kind, method):
    """In two dimensions with rows that differ in all derivatives, by closed forms and by number."""
    rng = np.random.default_rng(1)
    N = 6
    slopes = rng.normal(size=(N, 2))
    curved = np.array([[1.0, 0.3], [0.3, 0.5]]) + 0.1 * rng.normal(size=(N, 1, 1)) * np.eye(2)
    third = np.zeros((N, 2, 2, 2))
    third[:, 0, 0, 0], third[:, 1, 1, 1] = rng.normal(size=N), 1.0
    samples = {0: np.zeros(N), 1: slopes - slopes.mean(0), 2: curved, 3: third}
    statistics = Statistics.from_samples(samples, role="training-set")
    scheme = Epochs(N=N, B=2, shuffle=kind)
    for observable, order in (("displacement", 3), ("covariance", 2)):
        expansion = expand(observable, order=order, sampling=scheme, optimizer=method, **SET)
        after = expansion.evaluate(statistics, eta=0.2, E=300).value
        limit = expansion.stationary().evaluate(statistics, eta=0.2).value
        assert np.max(np.abs(limit)) > 1e-5
        assert after == pytest.approx(limit, rel=1e-9, abs=1e-13)


def test_sums_over_rounds_of_one_order_are_dressed_counts():
    scheme = Epochs(N=6, B=2, E=4, shuffle="once")
    expansion = expand("displacement", order=3, sampling=scheme, **SET)
    h = np.array([0.3, 1.2])
    for term in expansion.pieces:
        for piece in term.pieces:
            for s in piece.skeletons:
                training = expansion.parts[0].training
                values = [h.reshape([-1 if i == v else 1 for i in range(3)]) for v in range(3)]
                values = values[: s.diagram.order]
                sums = late_rounds(
                    round_sum(s.diagram, training),
                    [(1 - x,) for x in values],
                    Dressing(),
                    is_late=False,
                ).value
                numbers = dressed_count(s.diagram, training, values, root=s.role)
                assert np.asarray(sums) == pytest.approx(numbers, rel=1e-11)


def test_drift_on_a_given_set():
    rng = np.random.default_rng(2)
    slopes = rng.normal(size=(6, 2))
    third = np.zeros((6, 2, 2, 2))
    third[:, 0, 0, 0] = third[:, 1, 1, 1] = 1.0
    samples = {1: slopes - slopes.mean(0), 2: [[[1.0, 0.3], [0.3, 0.5]]] * 6, 3: third}
    statistics = Statistics.from_samples(samples, role="training-set")
    scheme = WithReplacement(N=6, B=2)
    found = drift(statistics, eta=0.1, sampling=scheme)
    limit = expand("displacement", order=3, sampling=scheme, **SET).stationary()
    estimate = limit.evaluate(
        Statistics.from_samples({0: np.zeros(6), **samples}, role="training-set"), eta=0.1
    )
    assert found.limit_vector == pytest.approx(estimate.value)
    assert estimate.rows == "average over draws of the rows"
    with pytest.raises(RequestError, match="steps that are alike"):
        drift(statistics, eta=0.1, sampling=Epochs(N=6, B=2, shuffle="once"))
    with pytest.raises(RequestError, match="rows drawn one by one"):
        expand("displacement", through=1, sampling=Epochs(shuffle="once"), **SET)


@pytest.mark.parametrize("scheme", SCHEMES[:1] + SCHEMES[2:3], ids=LABELS[:1] + LABELS[2:3])
def test_times_inside_an_epoch(scheme):
    """The weights after an odd number of batches, alone and with those one batch later."""
    slopes, h, eta = [Fraction(x) for x in (1, -2, 3, 5)], Fraction(1, 3), HALF
    chance, courses = schedules(scheme)
    square = product_of_both = Fraction(0)
    for course in courses:
        x, path = Fraction(0), []
        for batch in course:
            x -= eta * sum(h * x + slopes[n] for n in batch) / len(batch)
            path.append(x)
        square += chance * path[-2] ** 2
        product_of_both += chance * path[-2] * path[-1]
    wanted = {
        "displacement:lag=1 * displacement:lag=1": square,
        "second-moment:lag=1": product_of_both,
    }
    for observable, value in wanted.items():
        expansion = expand(observable, order=2, sampling=scheme, **SET)
        estimate = expansion.evaluate(statistics_of(h, slopes), eta=eta)
        assert float(np.squeeze(estimate.value)) == pytest.approx(float(value), rel=1e-12)


def test_variance_averaged_over_the_steps_of_an_epoch():
    """Along flat directions h (M + 1)/3 of what independent steps have; Kuehn and Rosenow (2023)."""
    N, h = 4, 0.002
    slopes = np.array([[3.0], [-1.0], [-4.0], [2.0]])
    samples = {0: np.zeros(N), 1: slopes, 2: np.full((N, 1, 1), h)}
    statistics = Statistics.from_samples(samples, role="training-set")
    scheme = Epochs(N=N, B=1, E=800, shuffle="every-epoch")
    variances = []
    for k in range(N):
        observable = f"displacement:lag={k} * displacement:lag={k}" if k else "second-moment"
        expansion = expand(observable, order=2, sampling=scheme, **SET)
        variances.append(float(np.squeeze(expansion.evaluate(statistics, eta=1.0).value)))
    independent = np.mean(slopes**2) / (h * (2 - h))
    assert np.mean(variances) / independent == pytest.approx(h * (N + 1) / 3, rel=0.01)


@pytest.mark.parametrize("kind", ["every-epoch", "once"])
def test_weight_decay_is_in_the_curvature(kind):
    slopes, h, eta = [Fraction(x) for x in (1, -2, 3, 5)], Fraction(1, 3), HALF
    decay, start = Fraction(1, 4), Fraction(2)
    scheme = Epochs(N=4, B=2, E=2, shuffle=kind)
    chance, courses = schedules(scheme)
    second = Fraction(0)
    for course in courses:
        x = Fraction(0)
        for batch in course:
            push = sum(h * x + slopes[n] for n in batch) / len(batch)
            x -= eta * (push + decay * (start + x))
        second += chance * x**2
    statistics = Statistics.from_samples(
        dict(statistics_of(h, slopes).samples), role="training-set", start=[start]
    )
    expansion = expand(
        "second-moment", order=2, sampling=scheme, optimizer=SGD(weight_decay=decay), **SET
    )
    value = float(np.squeeze(expansion.evaluate(statistics, eta=eta).value))
    assert value == pytest.approx(float(second), rel=1e-12)
