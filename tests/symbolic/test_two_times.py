"""Factors that look at the weights at several times, held against exact SGD read at those times."""

from dataclasses import replace
from fractions import Fraction
from functools import cache

import numpy as np
import pytest
from sympy import Integer, Symbol

from sgdiagrams import RequestError, SamplingError, Statistics, simulate
from sgdiagrams.numeric.exact.landscape import PolynomialLandscape
from sgdiagrams.numeric.exact.simulator import exact_training
from sgdiagrams.symbolic import Expansion, Expression, Product, expand, symbols
from sgdiagrams.symbolic.observable import (
    DISPLACEMENT,
    TEST_LOSS,
    Function,
    change_since,
    covariance_of,
    named_observable,
)
from sgdiagrams.symbolic.training.average import ExponentialAverage, TailAverage
from sgdiagrams.symbolic.training.optimizers.momentum import Momentum, Nesterov
from sgdiagrams.symbolic.training.optimizers.sgd import SGD
from sgdiagrams.symbolic.training.schemes.epochs import Epochs, FullBatch
from sgdiagrams.symbolic.training.schemes.grid import Grid
from sgdiagrams.symbolic.training.schemes.one_pass import OnePass
from sgdiagrams.symbolic.training.schemes.with_replacement import WithReplacement
from sgdiagrams.symbolic.training.training import Training

HALF = Fraction(1, 2)
FUNCTION = {(3, 0): Fraction(1, 2), (1, 1): Fraction(-2), (0, 2): Fraction(1)}
TILT = Function("tilt")
OBSERVABLES = {
    name: named_observable(name)
    for name in (
        "displacement:lag=1",
        "test-loss:at=1",
        "training-loss:lag=1",
        "second-moment:lag=1",
        "second-moment:at=1",
        "covariance:lag=1",
        "variance:lag=1",
        "displacement:step",
        "second-moment:step",
        "second-moment:step:lag=1",
        "second-moment:change-since=1",
        "covariance:change-since=1",
        "variance:change-since=1",
        "displacement:lag=1 * displacement:step",
        "test-loss:lag=1 * training-loss",
        "displacement * expression:G_a",
        "covariance-of:expression:G_a:lag=1 * displacement",
        "variance:expression:|G|^2:lag=1",
    )
} | {
    "three times": DISPLACEMENT.at(1) * TEST_LOSS * DISPLACEMENT.at(lag=1),
    "of a function": covariance_of(TILT.at(lag=1), DISPLACEMENT),
}
TRAININGS = {
    "one pass": Training(OnePass(T=3)),
    "fresh data": Training(OnePass(T=3, B=2)),
    "with replacement": Training(WithReplacement(N=2, B=1, T=3)),
    "full batch": Training(FullBatch(N=2, E=3)),
}


HEAVY = Momentum(beta="1/3")
BY_NUMBER = {
    "momentum": Training(OnePass(T=3), HEAVY),
    "Nesterov, mean": Training(OnePass(T=3), Nesterov(beta="1/3", average=TailAverage())),
    "weight decay": Training(OnePass(T=2), Momentum(beta="1/2", weight_decay="1/3")),
    "epochs": Training(Epochs(N=2, B=1, E=2), SGD(average=ExponentialAverage("1/3"))),
    "epochs, momentum": Training(Epochs(N=2, B=1, E=2), HEAVY),
    "reshuffled": Training(Epochs(N=2, B=1, E=2, shuffle="every-epoch")),
    "with replacement": Training(WithReplacement(N=2, B=1, T=2), HEAVY),
    "grid": Training(Grid([[0, 1], [0], [1]])),
}


@cache
def landscape():
    return PolynomialLandscape.random(5, p=2, degree=3, atoms=2).moved([HALF, Fraction(1, 3)])


@cache
def population():
    known = landscape()
    tilt = PolynomialLandscape([FUNCTION], start=known.start).statistics(6)
    functions = {"tilt": {k: array[0] for k, array in tilt.samples.items()}}
    start = np.array(known.start, dtype=object)
    statistics = Statistics.from_samples(
        known.statistics(6).samples, role="population", functions=functions
    )
    return replace(statistics, start=start)


def assert_exact(observable, training, *, order=2, basis="moment", formula=None, **numbers):
    """Hold an expansion, of a training with symbols where a formula is asked for, against exact SGD."""
    asked = formula or training
    expansion = expand(
        observable, order=order, sampling=asked.sampling, optimizer=asked.optimizer, basis=basis
    )
    theory = expansion.evaluate(population(), eta=1, **numbers).orders
    judge = exact_training(
        landscape(),
        training,
        order=order,
        observable=observable,
        function=FUNCTION if observable.functions else None,
    )
    assert len(theory) == len(judge) == order + 1
    for value, wanted in zip(theory, judge, strict=True):
        assert np.array_equal(value, wanted)
    assert any(np.any(value) for value in judge)


# Every observable once, and a few with every training.
PAIRS = [(name, list(TRAININGS)[i % len(TRAININGS)]) for i, name in enumerate(OBSERVABLES)]
PAIRS += [(n, t) for t in TRAININGS for n in ("second-moment:lag=1", "variance:lag=1")]


@pytest.mark.parametrize(("name", "training"), sorted(set(PAIRS)))
def test_exact_sgd_that_is_read_at_the_times(name, training):
    basis = "cumulant" if len(name) % 2 else "moment"
    assert_exact(OBSERVABLES[name], TRAININGS[training], basis=basis)


@pytest.mark.parametrize("training", BY_NUMBER)
def test_counts_by_number_are_those_of_exact_sgd(training):
    for name in ("second-moment:lag=1", "test-loss:lag=1 * training-loss", "second-moment:step"):
        basis = "cumulant" if name == "second-moment:lag=1" else "moment"
        assert_exact(OBSERVABLES[name], BY_NUMBER[training], basis=basis)


@pytest.mark.parametrize("name", ["covariance:lag=2", "variance:lag=2"])
def test_both_ways_to_count_agree(name):
    """The closed form at numbers, and momentum 0 by number."""
    closed, by_number = (
        expand(name, order=3, sampling=OnePass(T=5, B=2), optimizer=optimizer)
        for optimizer in (SGD(), Momentum(beta=0))
    )
    assert closed.terms == by_number.terms


@pytest.mark.parametrize("optimizer", ["momentum", "nesterov"])
@pytest.mark.parametrize("name", ["second-moment:lag", "variance:lag", "second-moment:step"])
def test_formulas_with_momentum_are_the_counts_by_number(name, optimizer):
    order = 2 if name == "variance:lag" else 3
    formula = expand(name, order=order, sampling="fresh-data", optimizer=optimizer)
    numbers = {"T": 5, "B": 2, "beta": Fraction(1, 3)} | ({"t": 2} if "lag" in name else {})
    fixed = expand(
        name.replace(":lag", ":lag=2"),
        order=order,
        sampling=OnePass(T=5, B=2),
        optimizer=f"{optimizer}:beta=1/3",
    )
    ours = dict(
        zip([t.contraction for t in formula.terms], formula.weights(**numbers), strict=True)
    )
    assert {t.contraction: t.weight for t in fixed.terms} == ours
    assert Expansion.from_json(formula.to_json()) == formula
    if "lag" in name:
        lagged = formula.subs({"t": 2})
        assert lagged.weights(**{k: v for k, v in numbers.items() if k != "t"}) == tuple(
            ours[term.contraction] for term in lagged.terms
        )


def test_formulas_with_momentum_are_those_of_exact_sgd():
    numbers = {"t": 1, "beta": Fraction(1, 3)}
    lagged = expand("second-moment:lag", order=2, sampling=OnePass(T=3), optimizer="momentum")
    theory = lagged.evaluate(population(), eta=1, **numbers).orders
    judge = exact_training(
        landscape(), Training(OnePass(T=3), HEAVY), order=2, observable="second-moment:lag=1"
    )
    assert all(np.array_equal(*pair) for pair in zip(theory, judge, strict=True))


def test_a_third_order_tells_the_factors_apart():
    """The factor that looks early is not the one that looks late, in whatever order they are written."""
    one = Training(OnePass(T=3))
    for early in (DISPLACEMENT.at(1) * DISPLACEMENT, DISPLACEMENT * DISPLACEMENT.at(1)):
        assert_exact(early, one, order=3)
    lagged = expand("second-moment:lag", order=3, sampling="one-pass", basis="cumulant")
    weights = {str(term.contraction): term.weight for term in lagged.order_terms(3)}
    T, t = symbols.T, Symbol("t")
    # C H on the side that goes on for t updates more.
    assert (weights["H_ac C_cb"] + (T - t) * (T - t - 1) / 2).expand() == 0
    assert (weights["C_ac H_bc"] + (T - t) * (T + t - 1) / 2).expand() == 0


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("second-moment:lag", {"t": 1}),
        ("second-moment:step:lag", {"t": 1}),
        ("variance:lag", {"t": 2}),
        ("test-loss:at=1 * test-loss:lag", {"t": 1}),
    ],
)
@pytest.mark.parametrize("scheme", [OnePass(), WithReplacement(N=2, B=1)])
def test_formulas_in_symbols_are_those_of_exact_sgd(name, numbers, scheme):
    observable = named_observable(name)
    lag = {Symbol(k): Integer(v) for k, v in numbers.items()}
    training = Training(scheme.at(T=3))
    expansion = expand(observable, order=2, sampling=scheme)
    theory = expansion.evaluate(population(), eta=1, T=3, **numbers).orders
    fixed = observable.substituted(lag)
    judge = exact_training(landscape(), training, order=2, observable=fixed)
    assert all(np.array_equal(*pair) for pair in zip(theory, judge, strict=True))
    later = expansion.subs(numbers).evaluate(population(), eta=1, T=3).orders
    assert all(np.array_equal(*pair) for pair in zip(later, judge, strict=True))


def test_names_bring_observables_back():
    for name, observable in OBSERVABLES.items():
        if not observable.functions and name != "three times":
            assert named_observable(observable.name) == observable
    expansion = expand("covariance:lag", order=2, sampling="one-pass")
    assert Expansion.from_json(expansion.to_json()) == expansion
    assert expansion.subs({"t": 3}).observable == "covariance:lag=3"
    assert "T-3" in expansion.subs({"t": 3}).latex()


@pytest.mark.parametrize(
    "call",
    [
        lambda: expand("second-moment:lag=4", order=1, sampling=OnePass(T=3)),
        lambda: expand("second-moment:lag", order=2, sampling=Grid([[0]]), optimizer=HEAVY),
        lambda: expand("second-moment:lag=1", order=2, sampling="epochs"),
        lambda: expand("second-moment:at=4", order=1, sampling=OnePass(T=3)),
        lambda: expand("second-moment:lag", order=2, sampling="one-pass").weights(T=3, t=4),
        lambda: expand("second-moment:lag", order=2, sampling="one-pass").subs({"T": 3, "t": 4}),
        lambda: expand("second-moment:step:lag", order=2, sampling="one-pass").subs({"t": 0}),
        lambda: expand("second-moment:lag", order=2, sampling="one-pass").subs({"t": -1}),
        lambda: expand("second-moment:lag", order=2, sampling="one-pass").weights(T=3, t=0.5),
        lambda: expand("second-moment:lag", order=2, sampling="gradient-flow"),
        lambda: expand("second-moment:lag", order=2, sampling="one-pass", resummed=True, through=1),
        lambda: expand("displacement:lag", noise=1, sampling="one-pass", along_path=True),
        lambda: named_observable("displacement:at=1:step:step"),
        lambda: named_observable("test-loss:step"),
        lambda: named_observable("covariance:lag=x y"),
        lambda: named_observable("covariance:at=-1"),
        lambda: named_observable("covariance:lag=T"),
        lambda: named_observable("covariance:change-since=1:lag=1"),
        lambda: named_observable("displacement:since=2:lag=1"),
        lambda: named_observable("test-loss:lag=3:since=2"),
        lambda: named_observable("covariance * test-loss"),
        lambda: named_observable("covariance-of:displacement * displacement * displacement"),
        DISPLACEMENT.at,
        lambda: DISPLACEMENT.at(1, lag=1),
        lambda: DISPLACEMENT.at(1).step().step(),
        lambda: TEST_LOSS.at(lag="t").at(lag="s"),
        lambda: change_since("displacement:since=1", since=2),
        lambda: Product(1, (("loss",),), times=((),)),
    ],
)
def test_what_has_no_answer_is_refused_in_a_line(call):
    with pytest.raises((RequestError, SamplingError)) as refused:
        call()
    assert "\n" not in str(refused.value)


def test_generated_source_checks_the_times():
    source = expand("second-moment:step:lag", order=2, sampling="one-pass").python()
    namespace = {}
    exec(source, namespace)
    tensors = namespace["tensors"]({1: [[1.0], [3.0]], 2: [[[1.0]], [[5.0]]]})
    assert namespace["orders"](tensors, eta=0.5, T=5, t=1)[2].item() == pytest.approx(1.0)
    for numbers in ({"T": 5, "t": 0}, {"T": 5, "t": 5}, {"T": 5, "t": 1.5}):
        with pytest.raises(ValueError, match="whole number"):
            namespace["orders"](tensors, eta=0.5, **numbers)


@pytest.mark.parametrize("sampling", ["one-pass", "fresh-data", "full-batch"])
def test_both_sides_of_yaidas_relation(sampling):
    """What a step adds, in gradients at the weights before: theta . grad l, and the second moment.

    At all times and for any losses, so that at stationarity, where both cancel, it is the relation.
    """
    orders = {}
    for name in (
        "displacement:lag=1 * displacement:step",
        "displacement:lag=1 * expression:G_a:lag=1",
    ):
        shift = name.count("expression")
        expansion = expand(name, order=3 - shift, sampling=sampling, basis="cumulant")
        orders[shift] = {
            (term.order + shift, term.contraction): (-1) ** shift * term.weight
            for term in expansion.terms
        }
    if (
        sampling == "full-batch"
    ):  # gradients of a training set that is kept are not the population's
        assert orders[0] != orders[1]
        return
    assert orders[0].keys() == orders[1].keys()
    assert all((orders[0][k] - orders[1][k]).expand() == 0 for k in orders[0])
    square = expand("second-moment:step", order=3, sampling=sampling, basis="cumulant")
    B = symbols.B if sampling == "fresh-data" else 1
    noise = Expression.parse("G_a") * Expression.parse("G_a") + Expression.parse("C_ab") / B
    moment = expand(noise, order=1, sampling=sampling, basis="cumulant").subs({"T": symbols.T - 1})
    ours = {(t.order, t.contraction): t.weight for t in square.terms}
    theirs = {(t.order + 2, t.contraction): t.weight for t in moment.terms}
    assert ours.keys() == theirs.keys()
    assert all((ours[k] - theirs[k]).expand() == 0 for k in ours)


# Runs -------------------------------------------------------------------------------------------------


def test_runs_are_read_at_the_times():
    """Run by run: products of what is read alone, with the same seed."""

    def per_run(name, component=None):
        return simulate(
            "gauss",
            observable=name,
            component=component,
            sampling=OnePass(T=4),
            optimizer="momentum:beta=0.5",
            eta=0.1,
            runs=20,
            seed=3,
        ).per_run[0]

    early, late = (per_run(name, 0) for name in ("displacement:lag=1", "displacement"))
    assert np.allclose(per_run("second-moment:lag=1", (0, 0)), early * late, rtol=1e-12)
    assert np.allclose(per_run("displacement:step", 0), late - early, rtol=1e-12)
    assert np.allclose(
        per_run("second-moment:change-since=3", (0, 0)), late**2 - early**2, rtol=1e-12
    )
    losses = [per_run(name) for name in ("test-loss:at=3", "test-loss")]
    start = 0.5
    product = (losses[0] + start) * (losses[1] + start) - start**2
    assert np.allclose(per_run("test-loss:lag=1 * test-loss"), product, rtol=1e-9, atol=1e-14)


def test_a_given_order_is_read_at_the_times():
    two = Statistics({1: [[1], [3]], 2: [[[1]], [[5]]]}, "training-set")
    for rows, last in (([[0], [1]], [-3, 5]), ([[1], [0]], [-1, 3])):
        steps = expand("displacement:step", order=2, sampling=Grid(rows))
        orders = steps.evaluate(two, eta=1).orders
        assert [x.item() for x in map(np.asarray, orders[1:])] == last
    both = expand("second-moment:step:lag=1", order=2, sampling=Grid([[0], [1]]))
    assert both.evaluate(two, eta=1).orders[2].item() == 3
