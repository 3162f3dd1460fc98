"""Means of the last W iterates in closed form: time is cut where they begin."""

from fractions import Fraction

import pytest
from sympy import Rational

from sgdiagrams.diagrams import SamplingError
from sgdiagrams.numeric.exact.landscape import PolynomialLandscape
from sgdiagrams.numeric.exact.simulator import exact_training
from sgdiagrams.symbolic import (
    SGD,
    ExponentialAverage,
    FullBatch,
    LinearOptimizer,
    Momentum,
    Nesterov,
    OnePass,
    QuasiHyperbolic,
    TailAverage,
    Training,
    WithReplacement,
    expand,
    symbols,
)
from sgdiagrams.symbolic.counting.choice import has_closed_form

F = Fraction
tail = TailAverage(3)
OPTIMIZERS = [
    SGD(average=tail),
    Momentum(beta=F(1, 2), average=tail),
    Nesterov(beta=F(1, 3), average=TailAverage(2)),
    QuasiHyperbolic(beta=F(1, 2), nu=F(1, 3), average=tail),
    # Read out where no gradient is read.
    LinearOptimizer(
        step=[[1, F(1, 2)], [0, F(1, 2)]], inject=[1, 1], readout=[1, 1], average=TailAverage(1)
    ),
]


def by_contraction(expansion, **numbers):
    return {t.contraction: value for t in expansion.terms if (value := t.weight.subs(numbers)) != 0}


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda o: o.label)
@pytest.mark.parametrize(
    ("scheme", "at"),
    [
        ("one-pass", lambda T: OnePass(T=T)),
        ("full-batch", lambda T: FullBatch(N=2, E=T)),
        ("with-replacement", lambda T: WithReplacement(N=2, B=1, T=T)),
    ],
)
@pytest.mark.parametrize("basis", ["moment", "cumulant"])
def test_closed_forms_are_the_counts_by_number(scheme, at, optimizer, basis):
    order = 2 if scheme == "with-replacement" else 3
    request = {"order": order, "optimizer": optimizer, "basis": basis}
    formula = expand("test-loss", sampling=scheme, **request)
    assert has_closed_form(formula.parts[0].training)
    for T in (3, 6):
        by_number = expand("test-loss", sampling=at(T), **request)
        numbers = {"T": T, "E": T, "N": 2, "B": 1}
        assert by_contraction(formula, **numbers) == by_contraction(by_number)


@pytest.mark.parametrize("optimizer", OPTIMIZERS[:3], ids=lambda o: o.label)
def test_against_sgd_itself(optimizer):
    landscape = PolynomialLandscape.random(5, p=1, degree=4, atoms=2)
    formula = expand("test-loss", order=3, sampling="one-pass", optimizer=optimizer)
    truth = exact_training(landscape, Training(OnePass(T=4), optimizer), order=3, eta=[F(1)])
    found = formula.evaluate(landscape.statistics(4), eta=F(1), T=4)
    assert list(found.orders) == list(truth)


def test_a_weighted_average_is_two_other_ones():
    """The mean of the last W is all iterates less the first T - W, a mean of T - W updates' run."""
    T, W = 7, 3
    at = {"sampling": "one-pass", "order": 1}
    [_, tail_term] = expand("test-loss", optimizer=SGD(average=TailAverage(W)), **at).terms
    [_, whole] = expand("test-loss", optimizer=SGD(average=TailAverage()), **at).terms
    expected = (T * whole.weight.subs("T", T) - (T - W) * whole.weight.subs("T", T - W)) / Rational(
        W
    )
    assert tail_term.weight.subs("T", T) == expected
    assert tail_term.weight == -(symbols.T - 1)


def test_fewer_updates_than_iterates_are_refused_at_every_door():
    formula = expand("test-loss", order=2, sampling="one-pass", optimizer=SGD(average=tail))
    statistics = PolynomialLandscape.random(5, p=1, degree=3, atoms=2).statistics(3)
    message = "at least W=3 updates"
    with pytest.raises(SamplingError, match=message):
        formula.evaluate(statistics, eta=F(1), T=2)
    with pytest.raises(SamplingError, match=message):
        formula.subs({symbols.T: 2})
    with pytest.raises(SamplingError, match="at least W=3"):
        expand("test-loss", order=2, sampling=OnePass(T=2), optimizer=SGD(average=tail))
    # Without any update the weights are where they were.
    assert formula.evaluate(statistics, eta=F(1), T=0).change == 0
    names: dict = {}
    exec(formula.python(), names)
    with pytest.raises(ValueError, match="whole number >= 3 for T"):
        names["orders"]({}, T=2, eta=0.1)


def test_others_are_still_counted_by_number():
    for optimizer in (
        SGD(average=tail, schedule="exponential:gamma=1/2"),
        SGD(average=ExponentialAverage(F(1, 2), first="copied")),
    ):
        assert not has_closed_form(Training(OnePass(), optimizer))
