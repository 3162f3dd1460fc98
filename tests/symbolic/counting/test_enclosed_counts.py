"""Weights in balls: they contain the exact weights, and long expansions wait for who asks for those."""

import pickle
from fractions import Fraction

import pytest
from flint import arb, ctx, fmpq

from sgdiagrams.symbolic import (
    Epochs,
    Expansion,
    FullBatch,
    Grid,
    Momentum,
    Nesterov,
    OnePass,
    Term,
    WithReplacement,
    expand,
    increment,
)
from sgdiagrams.symbolic.derivation import Derivation
from sgdiagrams.symbolic.observable import named_observable
from sgdiagrams.symbolic.training.average import ExponentialAverage, TailAverage
from sgdiagrams.symbolic.training.optimizers.sgd import SGD
from sgdiagrams.symbolic.training.training import Training

FACTORS = tuple(Fraction(k % 7 + 1, 5) for k in range(12))
HEAVY = Momentum(beta="9/10")
GRID = Grid([[0, 1], [2], [0, 3], [1, 2], [3], [0]])


def exact(terms):
    return {t.contraction: Fraction(int(t.weight.p), int(t.weight.q)) for t in terms}


def check_enclosures(observable, order, sampling, optimizer, basis=None):
    training = Training(sampling, optimizer)
    basis = sampling.check_basis(basis)
    derivation = Derivation(named_observable(observable), training, basis, order)
    with ctx.workprec(192):
        known = derivation.enclosures()
    assert not any(shift for _, shift in known)
    balls = {contraction: ball for (contraction, _), ball in known.items()}
    weights = exact(derivation.terms)
    # The number to compare with is a ball too, a smaller one.
    with ctx.workprec(1000):
        assert set(weights) <= set(balls)
        for contraction, ball in balls.items():
            weight = weights.get(contraction, Fraction(0))
            assert ball.contains(arb(fmpq(weight.numerator, weight.denominator)))
            assert ball.rad() < 2.0**-100


@pytest.mark.parametrize("basis", ["moment", "cumulant"])
@pytest.mark.parametrize("optimizer", [HEAVY, SGD(average=ExponentialAverage("1/3"))])
@pytest.mark.parametrize(
    "sampling",
    [
        OnePass(T=12, B=2),
        OnePass(T=150),
        WithReplacement(N=5, B=2, T=9),
        FullBatch(N=3, E=130),
        Epochs(N=6, B=2, E=4),
        Epochs(N=4, B=2, E=4, shuffle="every-epoch"),
        GRID,
    ],
)
def test_balls_contain_exact_weights(sampling, optimizer, basis):
    for observable in ("training-loss", "second-moment"):
        check_enclosures(observable, 2, sampling, optimizer, basis)


@pytest.mark.parametrize("optimizer", [HEAVY, Nesterov(beta="1/2")])
@pytest.mark.parametrize("epochs", [1, 2, 9])
@pytest.mark.parametrize("batch", [1, 3, 6])
def test_epochs_with_momentum(batch, epochs, optimizer):
    """From one use of a row to the next it is an epoch."""
    check_enclosures("test-loss", 3, Epochs(N=6, B=batch, E=epochs), optimizer)


@pytest.mark.parametrize(
    "sampling",
    [
        OnePass(T=12),
        WithReplacement(N=5, B=2, T=12),
        Epochs(N=6, B=2, E=4),
        Epochs(N=6, B=2, E=4, shuffle="every-epoch"),
    ],
)
@pytest.mark.parametrize("average", [None, TailAverage(3)])
def test_given_factors(sampling, average):
    optimizer = Momentum(beta="9/10", schedule=FACTORS, average=average)
    check_enclosures("test-loss", 3, sampling, optimizer)


def test_products_and_increments():
    check_enclosures("covariance", 2, Epochs(N=4, B=2, E=3), HEAVY)
    check_enclosures("covariance", 2, OnePass(T=120), HEAVY)
    check_enclosures(increment("covariance", since=3), 2, OnePass(T=9), HEAVY)
    check_enclosures(increment("training-loss", since=3), 2, Epochs(N=4, B=2, E=3), HEAVY)


def test_long_expansions_are_what_they_would_be():
    training = {"sampling": OnePass(T=1200), "optimizer": HEAVY}
    one, gap = (
        expand(observable, order=2, **training) for observable in ("test-loss", "training-loss")
    )
    rounded = {c: w for w, c in one.rounded_terms()}
    plain = Expansion(one.order, one.basis, one.parts, one.terms)
    assert rounded.keys() == exact(plain.terms).keys()
    for contraction, weight in exact(plain.terms).items():
        assert abs(rounded[contraction] - weight) <= abs(weight) / 2**100
        assert rounded[contraction].denominator.bit_length() < 2000
    # A copy that nobody has asked for its terms.
    again = expand("test-loss", order=2, **training)
    assert again == plain
    assert hash(again) == hash(plain)
    assert repr(again) == repr(plain)
    assert all(isinstance(term, Term) for term in again.terms)
    again = expand("test-loss", order=2, **training)
    assert again.to_json() == plain.to_json()
    again = expand("test-loss", order=2, **training)
    assert pickle.loads(pickle.dumps(again)) == plain  # noqa: S301
    with pytest.raises(AttributeError, match="nothing"):
        _ = again.nothing
    # Sums wait too, and what cancels is not there.
    difference = Fraction(1, 2) * gap - one
    sums = {c: w for w, c in difference.rounded_terms()}
    expected = exact((Fraction(1, 2) * Expansion(2, gap.basis, gap.parts, gap.terms) - plain).terms)
    assert exact(difference.terms) == expected
    assert sums.keys() == expected.keys()
    for contraction, weight in expected.items():
        assert abs(sums[contraction] - weight) <= abs(weight) / 2**100
    assert not (one - one).terms


def test_a_million_updates():
    """Transients have died out: -(T - beta/(1 - beta))/(1 - beta)."""
    long = expand("displacement", order=1, sampling=OnePass(T=10**6), optimizer=HEAVY)
    [(first, _)] = long.rounded_terms()
    assert first == pytest.approx(-(10**6 - 9) * 10, rel=1e-15)
    epochs = Epochs(N=100, B=1, E=100)
    [(first, _)] = expand("displacement", order=1, sampling=epochs, optimizer=HEAVY).rounded_terms()
    assert first == pytest.approx(-(10**4 - 9) * 10, rel=1e-15)


def test_rows_come_again_after_an_epoch():
    """An update whose gradient is taken at an earlier one on its row is later by whole epochs."""
    N, E, beta = 30, 40, Fraction(1, 2)
    optimizer = Momentum(beta=beta)
    sampling = Epochs(N=N, B=1, E=E)
    expansion = expand(
        "test-loss", order=2, sampling=sampling, optimizer=optimizer, basis="cumulant"
    )
    weights = {str(c): w for w, c in expansion.rounded_terms()}

    def edge(steps):
        return (1 - beta**steps) / (1 - beta)

    def rest(t):
        return edge(N * E - t)

    tied = sum(
        edge(N * (later - early)) * rest(N * later + row)
        for row in range(N)
        for later in range(E)
        for early in range(later)
    )
    assert any(abs(w - tied) <= abs(tied) / 2**90 for w in weights.values()), (weights, float(tied))
