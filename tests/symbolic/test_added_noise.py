"""Noise that is added to gradients, independent of datapoint and weights, against SGD itself."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest

from sgdiagrams import (
    Epochs,
    Expansion,
    FullBatch,
    GradientDescent,
    Grid,
    Momentum,
    OnePass,
    Statistics,
    WithReplacement,
    expand,
)
from sgdiagrams.diagrams import RequestError
from sgdiagrams.numeric import PolynomialLandscape
from sgdiagrams.numeric.exact.simulator import exact_training
from sgdiagrams.symbolic.training.training import Training

#: Twice the noise of a coin in each of two directions: +-1 along (1, 1) or (1, -2), as likely.
PUSHES = [(s, s * k) for s in (1, -1) for k in (1, -2)]


def noisy(seed, *, points=2, degree=4, pushes=PUSHES):
    """Return a landscape with noise, and statistics of the losses without it and of the noise."""
    p = len(pushes[0])
    plain = PolynomialLandscape.random(seed, p=p, degree=degree, atoms=points)
    losses = []
    for loss, push in product(plain.losses, pushes):
        added = dict(loss)
        for mu, x in enumerate(push):
            e = tuple(int(nu == mu) for nu in range(p))
            added[e] = added.get(e, Fraction(0)) + x
        losses.append(added)
    a = np.array([[Fraction(x) for x in push] for push in pushes], dtype=object)
    second = np.einsum("na,nb->ab", a, a) / len(a)
    fourth = np.einsum("na,nb,nc,nd->abcd", a, a, a, a) / len(a)
    for pattern in ("ab,cd->abcd", "ac,bd->abcd", "ad,bc->abcd"):
        fourth = fourth - np.einsum(pattern, second, second)
    third = np.full((p,) * 3, Fraction(0))
    known = plain.statistics(5)
    statistics = Statistics(
        known.samples, known.role, functions={"noise": {2: second, 3: third, 4: fourth}}
    )
    return PolynomialLandscape(losses, plain.start, noises=len(pushes)), statistics


COIN = [(1,), (-1,)]


@pytest.mark.parametrize(
    ("scheme", "order"),
    [
        (Epochs(N=2, B=1, E=2), 4),
        (Epochs(N=2, B=1, E=2, shuffle="every-epoch"), 3),
        (FullBatch(N=1, E=4), 4),
        (WithReplacement(N=2, B=1, T=3), 3),
        (OnePass(T=2, B=2), 3),
        (Grid([[0], [0, 1], [1]]), 3),
    ],
    ids=lambda x: getattr(x, "label", ""),
)
def test_losses_are_those_of_sgd(scheme, order):
    landscape, statistics = noisy(1, pushes=COIN)
    for observable in ("test-loss", "generalisation-gap"):
        expansion = expand(observable, order=order, sampling=scheme, visits="additive")
        expected = exact_training(landscape, Training(scheme), order=order, observable=observable)
        assert expansion.evaluate(statistics, eta=1).orders == expected


def test_several_weights_momentum_and_matrices():
    landscape, statistics = noisy(2, degree=3)
    scheme, optimizer = FullBatch(N=1, E=2), Momentum(beta="1/2")
    eta = np.array([[Fraction(1), Fraction(1, 2)], [Fraction(1, 2), Fraction(2)]], dtype=object)
    options = {"order": 2, "sampling": scheme, "optimizer": optimizer}
    for observable in ("displacement", "covariance", "test-loss"):
        expansion = expand(observable, **options, visits="additive")
        expected = exact_training(
            landscape, Training(scheme, optimizer), order=2, observable=observable, eta=eta
        )
        got = expansion.evaluate(statistics, eta=eta).orders
        assert all(np.array_equal(a, b) for a, b in zip(got, expected, strict=True))


def test_gaussian_noise_has_a_covariance_alone():
    # A coin has no third cumulant, so that through order 3 it is Gaussian.
    landscape, statistics = noisy(3, pushes=COIN)
    scheme = Epochs(N=2, B=1, E=2)
    expansion = expand("test-loss", order=3, sampling=scheme, visits="gaussian")
    expected = exact_training(landscape, Training(scheme), order=3)
    assert expansion.evaluate(statistics, eta=1).orders == expected
    higher = expand("test-loss", order=4, sampling="epochs", visits="gaussian")
    counts = {t.contraction.labels.count("noise") for t in higher.terms}
    assert counts == {0, 1, 2}
    assert not any("noise_abc" in str(t.contraction) for t in higher.terms)


def test_langevin_dynamics():
    # On a parabola H x^2/2 with noise of variance S once an update: x <- (1 - eta H) x - eta a.
    H, S, T = Fraction(3), Fraction(5), 4
    losses = PolynomialLandscape([{(2,): H / 2}], start=(2,))
    known = losses.statistics(4)
    statistics = Statistics(known.samples, known.role, functions={"noise": {2: [[S]]}})
    expansion = expand("second-moment", order=4, sampling=FullBatch(N=1), visits="gaussian")
    orders = expansion.evaluate(statistics, eta=1, E=T).orders
    # (x_T - 2)^2 in powers of eta: mean -2 (1 - (1 - eta H)^T), variance eta^2 S sum (1 - eta H)^{2t}.
    mean = [0, -2 * T * H, 2 * 6 * H**2, -2 * 4 * H**3, 2 * H**4]
    square = [sum(mean[i] * mean[k - i] for i in range(k + 1)) for k in range(5)]
    powers = [2 * t for t in range(T)]
    spread = [0, 0, S * T, -S * H * sum(powers), S * H**2 * sum(n * (n - 1) // 2 for n in powers)]
    assert [x[0, 0] for x in orders] == [a + b for a, b in zip(square, spread, strict=True)]


def test_noise_adds_to_the_plain_formula():
    plain = expand("test-loss", order=3, sampling="epochs", basis="cumulant")
    noise = expand("test-loss", order=3, sampling="epochs", visits="gaussian")
    assert noise.text().splitlines()[0] == (
        "E[test loss] | epochs | Gaussian noise | cumulant basis | order 3 | B divides N"
    )
    rest = [term for term in noise.terms if "noise" not in term.contraction.labels]
    assert rest == list(plain.terms)
    [first] = [t for t in noise.order_terms(2) if "noise" in t.contraction.labels]
    assert (str(first.weight), str(first.contraction)) == ("E*N/(2*B**2)", "noise_ab H_ab")
    again = Expansion.from_json(noise.to_json())
    assert again == noise
    assert again.parts[0].visits == "gaussian"


def test_bad_input():
    with pytest.raises(RequestError, match="basis='cumulant'"):
        expand("test-loss", order=2, sampling="epochs", basis="moment", visits="additive")
    with pytest.raises(RequestError, match="full-batch or one-pass"):
        expand("test-loss", order=2, sampling=GradientDescent(), visits="gaussian")
    with pytest.raises(RequestError, match="plain expansion"):
        expand("test-loss", order=2, sampling="one-pass", visits="gaussian", resummed=True)
