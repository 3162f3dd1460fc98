"""Factors that look at the weights at several times, held against exact SGD read at those times."""

from dataclasses import replace
from fractions import Fraction
from functools import cache

import numpy as np
import pytest
from sympy import Integer, Symbol

from sgdiagrams import RequestError, SamplingError, Statistics
from sgdiagrams.numeric.exact.landscape import PolynomialLandscape
from sgdiagrams.numeric.exact.simulator import exact_training
from sgdiagrams.symbolic import Expansion, Product, expand, symbols
from sgdiagrams.symbolic.observable import (
    DISPLACEMENT,
    TEST_LOSS,
    Function,
    change_since,
    covariance_of,
    named_observable,
)
from sgdiagrams.symbolic.training.schemes.epochs import FullBatch
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
