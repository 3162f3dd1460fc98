"""The judge of the expansion in the noise, against SGD itself on losses with scaled noise."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sgdiagrams.diagrams import RequestError, SamplingError
from sgdiagrams.numeric.exact.landscape import PolynomialLandscape
from sgdiagrams.numeric.exact.noise_series import exact_noise
from sgdiagrams.numeric.exact.simulator import exact_training
from sgdiagrams.symbolic.observable import Observable, Product, increment
from sgdiagrams.symbolic.training.average import ExponentialAverage, TailAverage
from sgdiagrams.symbolic.training.optimizers.momentum import Momentum, Nesterov
from sgdiagrams.symbolic.training.optimizers.sgd import SGD
from sgdiagrams.symbolic.training.schedules.schedule import ArraySchedule
from sgdiagrams.symbolic.training.schemes.epochs import Epochs
from sgdiagrams.symbolic.training.schemes.grid import Grid
from sgdiagrams.symbolic.training.schemes.one_pass import OnePass
from sgdiagrams.symbolic.training.schemes.with_replacement import WithReplacement
from sgdiagrams.symbolic.training.training import Training

HALF, THIRD = Fraction(1, 2), Fraction(1, 3)
MATRIX = [[HALF, Fraction(1, 8)], [Fraction(1, 8), THIRD]]


def with_noise_scaled(landscape, sigma):
    """Return the landscape of the losses l + sigma (l_x - l)."""
    n = len(landscape.losses)
    exponents = sorted({e for loss in landscape.losses for e, _ in loss})
    tables = [dict(loss) for loss in landscape.losses]
    mean = {e: sum(table.get(e, Fraction(0)) for table in tables) / n for e in exponents}
    return PolynomialLandscape(
        [
            {e: mean[e] + sigma * (table.get(e, Fraction(0)) - mean[e]) for e in exponents}
            for table in tables
        ],
        landscape.start,
    )


def at(coefficients, x):
    """Return a polynomial at a number."""
    return sum(c * x**k for k, c in enumerate(coefficients))


PRODUCT = Observable("product", "x", "x", (Product(1, (("loss", "weights", "f"),)),))
CASES = [
    ("test-loss", OnePass(T=2, B=2), SGD()),
    ("training-loss", Epochs(N=2, B=1, E=2), Momentum(beta=THIRD)),
    (
        "generalisation-gap",
        Epochs(N=2, B=1, E=1, shuffle="every-epoch"),
        SGD(average=TailAverage(2)),
    ),
    ("training-loss", Grid([[0], [1, 0]], N=3), SGD(weight_decay=HALF)),
    ("variance", WithReplacement(N=2, B=1, T=2), SGD()),
    ("displacement", OnePass(T=3), Nesterov(beta=HALF, weight_decay=THIRD)),
    ("second-moment", OnePass(T=2), SGD(average=ExponentialAverage(alpha=THIRD))),
    ("covariance", Epochs(N=2, B=2, E=2), SGD(schedule=ArraySchedule([1, HALF]))),
    (increment("training-loss", since=1), OnePass(T=2), Momentum(beta=HALF)),
    (increment("covariance", since=1), OnePass(T=2), SGD()),
    (PRODUCT, OnePass(T=2), SGD()),
]


@pytest.mark.parametrize(("observable", "sampling", "optimizer"), CASES)
@pytest.mark.parametrize("p", [1, 2])
def test_is_the_polynomial_in_the_noise_of_sgd_itself(observable, sampling, optimizer, p):
    """On quadratic losses both series end: in the learning rate, and in the noise."""
    landscape = PolynomialLandscape.random(p, p=p, degree=2, atoms=3)
    landscape = PolynomialLandscape(landscape.losses, [HALF, -1][:p])
    training = Training(sampling, optimizer)
    eta = MATRIX if p == 2 else [Fraction(2, 5)]
    named = observable if isinstance(observable, str) else observable.name
    functions = {"f": {(1,) * p: 1, (2,) + (0,) * (p - 1): HALF}} if named == "product" else None
    order = 6 * int(training.updates)
    series = exact_noise(
        landscape, training, pushes=order, eta=eta, observable=observable, functions=functions
    )
    assert not np.any(series[-1])
    for sigma in (Fraction(1), Fraction(-2, 3)):
        expected = exact_training(
            with_noise_scaled(landscape, sigma),
            training,
            order=order,
            observable=observable,
            functions=functions,
            eta=eta,
        )
        assert np.all(at(series, sigma) == sum(expected))


fractions = st.builds(Fraction, st.integers(-4, 4), st.integers(1, 4))


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**6), eta=fractions, start=st.tuples(fractions, fractions))
def test_one_update_by_hand(seed, eta, start):
    """After one update of B = 1 the k-th coefficient is that of l at start - eta (G + sigma xi)."""
    landscape = PolynomialLandscape.random(seed, p=2, degree=3, atoms=3)
    landscape = PolynomialLandscape(landscape.losses, start)
    statistics = landscape.statistics(1)
    gradients = statistics.samples[1]
    mean = gradients.sum(axis=0) / 3

    def loss(theta):
        return (
            sum(
                c * theta[0] ** e[0] * theta[1] ** e[1]
                for poly in landscape.losses
                for e, c in poly
            )
            / 3
        )

    series = exact_noise(landscape, Training(OnePass(T=1)), pushes=3, eta=eta)
    for sigma in (Fraction(1), Fraction(3), Fraction(-1, 2)):
        runs = [loss(np.array(start) - eta * (mean + sigma * (g - mean))) for g in gradients]
        assert at(series, sigma) == sum(runs) / 3
    assert series[1] == 0


def test_known_moments():
    """T = 1, s = theta^4: 3 m_2^2 (1/B^2 - 1/B^3) and the fourth moment over B^3."""
    atoms = (-2, 0, 1, 1)
    landscape = PolynomialLandscape([{(1,): a} for a in atoms])
    m2, m3, m4 = (Fraction(sum(a**k for a in atoms), 4) for k in (2, 3, 4))
    for B in (1, 2, 3):
        *_, third, fourth = exact_noise(
            landscape,
            Training(OnePass(T=1, B=B)),
            pushes=4,
            eta=1,
            observable="function",
            function={(4,): 1},
        )
        assert third == 0
        assert fourth == m4 / B**3 + 3 * m2**2 * (Fraction(1, B**2) - Fraction(1, B**3))
        *_, cubed = exact_noise(
            landscape,
            Training(OnePass(T=1, B=B)),
            pushes=3,
            eta=1,
            observable="function",
            function={(3,): 1},
        )
        assert cubed == -m3 / B**2


def test_training_loss_of_rows_that_are_not_used():
    landscape = PolynomialLandscape.random(5, p=1, degree=3, atoms=3)
    grid = Training(Grid([[0]], N=3))
    series = exact_noise(landscape, grid, pushes=6, eta=HALF, observable="training-loss")
    for sigma in (1, 2, -3):
        scaled = with_noise_scaled(landscape, Fraction(sigma))
        total = Fraction(0)
        for rows in product(range(3), repeat=3):
            [slope] = scaled.statistics(1).samples[1][rows[0]]
            total += sum(c * (-HALF * slope) ** e for row in rows for (e,), c in scaled.losses[row])
        assert at(series, sigma) == total / 3 / 27


def test_refusals():
    landscape = PolynomialLandscape([{(2,): 1}])
    with pytest.raises(RequestError, match="expected an int or a Fraction, got eta"):
        exact_noise(landscape, Training(OnePass(T=1)), pushes=2, eta=0.1)
    with pytest.raises(SamplingError, match="numbers for T"):
        exact_noise(landscape, Training(OnePass()), pushes=2, eta=1)
    with pytest.raises(SamplingError, match="numbers for beta"):
        exact_noise(landscape, Training(OnePass(T=1), Momentum()), pushes=2, eta=1)
    with pytest.raises(RequestError, match="order=-1"):
        exact_noise(landscape, Training(OnePass(T=1)), pushes=-1, eta=1)
    with pytest.raises(RequestError, match="expected p=1 numbers"):
        exact_noise(landscape, Training(OnePass(T=1)), pushes=1, eta=[1, 2])
