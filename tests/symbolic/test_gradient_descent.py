"""Gradient descent of the test loss: full batches of infinitely many datapoints, and exact descent."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import Symbol, cancel, together

from sgdiagrams.diagrams import Diagram, enumerate_diagrams
from sgdiagrams.diagrams.errors import RequestError, SamplingError
from sgdiagrams.numeric.exact.landscape import PolynomialLandscape
from sgdiagrams.numeric.exact.noise_series import exact_noise
from sgdiagrams.numeric.exact.simulator import exact_training
from sgdiagrams.symbolic import (
    SGD,
    Cosine,
    ExponentialAverage,
    FullBatch,
    GradientDescent,
    Momentum,
    Nesterov,
    TailAverage,
    Training,
    expand,
    symbols,
)
from sgdiagrams.symbolic.counting.choice import counter_of

F = Fraction
OPTIMIZERS = (
    SGD(),
    Momentum(beta=F(1, 2)),
    Nesterov(beta=F(1, 3)),
    SGD(average=TailAverage(2)),
    Momentum(beta=F(2, 3), schedule=Cosine(floor=F(1, 4)), average=ExponentialAverage(F(1, 2))),
    Nesterov(beta=F(1, 2), schedule=[1, F(1, 2), F(1, 4), 2], schedule_scales="gradient"),
)


def in_infinite_batches(expansion):
    """Return contraction -> weight for N to infinity: weights are rational in N."""
    x = Symbol("x")
    weights = {
        term.contraction: cancel(together(term.weight.subs(symbols.N, 1 / x))).subs(x, 0)
        for term in expansion.terms
    }
    return {contraction: weight for contraction, weight in weights.items() if weight != 0}


@pytest.mark.parametrize("basis", ["moment", "cumulant"])
@pytest.mark.parametrize("optimizer", [SGD(), Momentum(), Nesterov()], ids=lambda o: o.name)
def test_it_is_full_batch_of_infinitely_many_datapoints(optimizer, basis):
    order = 4 if optimizer == SGD() else 3
    options = {"order": order, "optimizer": optimizer, "basis": basis}
    large = expand("test-loss", sampling=FullBatch(E=symbols.T), **options)
    found = expand("test-loss", sampling=GradientDescent(), **options)
    expected = in_infinite_batches(large)
    assert set(expected) == {term.contraction for term in found.terms}
    for term in found.terms:
        assert cancel(together(term.weight - expected[term.contraction])) == 0


def test_ties_do_not_count_and_bases_agree():
    scheme = GradientDescent()
    for diagram in enumerate_diagrams(4):
        counts = [scheme.count(diagram, basis=basis) for basis in ("moment", "cumulant")]
        assert counts[0] == counts[1]
        assert bool(counts[0] == 0) is (len(diagram.blocks) <= diagram.order)
        assert scheme.count(diagram, T=3) == scheme.count(diagram).subs("T", 3)
    assert scheme.count(Diagram.parse("(0-1-2-3)(01-12-23)"), T=5) == 10


@pytest.mark.parametrize("scheme", [GradientDescent(), GradientDescent(T=4)], ids=str)
def test_ties_do_not_count_with_memory(scheme):
    """In closed form and by number, where nobody has left them out before."""
    counter = counter_of(Training(scheme, Momentum(beta=F(1, 2))), "cumulant")
    for diagram in enumerate_diagrams(3):
        is_tied = len(diagram.blocks) <= diagram.order
        assert bool(counter.count(diagram, "population")) is not is_tied


@settings(max_examples=12, deadline=None)
@given(
    st.integers(0, 10**6),
    st.sampled_from(OPTIMIZERS),
    st.sampled_from(("test-loss", "displacement", "second-moment", "covariance")),
    st.sampled_from(("moment", "cumulant")),
)
def test_exact_descent_on_the_mean_loss(seed, optimizer, observable, basis):
    """To order 5, on two random losses of two weights whose mean is followed."""
    landscape = PolynomialLandscape.random(seed, p=2, degree=4, atoms=2)
    training = Training(GradientDescent(T=4), optimizer)
    exact = exact_training(landscape, training, order=5, observable=observable)
    expansion = expand(
        observable, order=5, sampling=training.sampling, optimizer=optimizer, basis=basis
    )
    estimate = expansion.evaluate(landscape.statistics(6), eta=1)
    for ours, theirs in zip(estimate.orders, exact, strict=True):
        assert (ours == theirs) if not hasattr(ours, "shape") else (ours == theirs).all()


def test_symbols_and_numbers_agree():
    options = {"order": 4, "sampling": GradientDescent(T=7)}
    for optimizer in (Momentum(beta=F(1, 2)), Nesterov(beta=F(1, 2)), SGD(average=TailAverage())):
        by_number = expand("test-loss", optimizer=optimizer, **options)
        late = expand("test-loss", order=4, sampling="gradient-descent", optimizer=optimizer).subs(
            "T", 7
        )
        assert {t.contraction: t.weight for t in by_number.terms} == {
            t.contraction: t.weight for t in late.terms
        }


def test_long_descent_ends_at_the_minimum():
    """Re-summed, by the stationary form: a quadratic loses all that it has."""
    quadratic = PolynomialLandscape([{(2,): F(1, 2), (1,): s, (0,): 2} for s in (-1, 3)], (3,))
    statistics = quadratic.statistics(4)
    series = expand("test-loss", order=3, sampling="gradient-descent", resummed=True)
    at_end = series.stationary().evaluate(statistics, eta=0.5).value
    assert at_end == pytest.approx(float(2 - F(1, 2)))
    after = series.evaluate(statistics, eta=0.5, T=4).value
    assert after == pytest.approx(1.5 + 0.5 * (4 * 0.5**4) ** 2)


def test_there_is_no_noise_and_no_training_set():
    scheme = GradientDescent(T=3)
    landscape = PolynomialLandscape.random(3, p=1, degree=3, atoms=3)
    series = exact_noise(landscape, Training(scheme), pushes=3, eta=F(1, 4))
    assert series[1:] == (0, 0, 0)
    along = expand("test-loss", noise=2, along_path=True, sampling=scheme)
    assert [term.noise for term in along.terms] == [0]
    for observable in ("training-loss", "generalisation-gap"):
        with pytest.raises(RequestError, match="gradient-descent, which has no training set"):
            expand(observable, order=2, sampling=scheme)
    with pytest.raises(SamplingError, match="with noise to rescale"):
        scheme.rescaled(B=3)
