"""Which powers of the distance are complete, and verdicts that were wrong by one ratio."""

import math

import numpy as np
import pytest

from sgdiagrams.numeric import Digits, Gauss, Mean, judge_series
from sgdiagrams.numeric.estimates.powers import complete_power
from sgdiagrams.numeric.statistics import Statistics
from sgdiagrams.symbolic import expand
from sgdiagrams.symbolic.observable import named_observable


def slope(gradients, *, hessian=1.0, third=0.5, fourth=0.4):
    """Quartic losses that differ by a linear function, at the start 0."""
    n = len(gradients)
    samples = {k: np.full((n, *(1,) * k), c) for k, c in ((2, hessian), (3, third), (4, fourth))}
    for k in (5, 6):
        samples[k] = np.zeros((n, *(1,) * k))
    samples[0], samples[1] = np.zeros(n), np.reshape(gradients, (n, 1))
    return Statistics.from_samples(samples, role="population")


def descent(gradients, eta, steps):
    """Full batches of two datapoints, all four training sets: losses and displacements at the end."""

    def loss(g, x):
        return g * x + x**2 / 2 + x**3 / 12 + x**4 / 60

    mean = sum(gradients) / len(gradients)
    ends = []
    for a in gradients:
        for b in gradients:
            x = 0.0
            for _ in range(steps):
                x -= eta * ((a + b) / 2 + x + x**2 / 4 + x**3 / 15)
            ends.append((loss(mean, x), loss((a + b) / 2, x), x))
    test, train, shift = np.mean(ends, axis=0)
    square = np.mean([x**2 for *_, x in ends])
    return {
        "test-loss": test,
        "training-loss": train,
        "generalisation-gap": test - train,
        "displacement": shift,
        "second-moment": square,
    }


@pytest.mark.parametrize(
    ("observable", "complete"),
    [
        ("test-loss", {1: 1, 2: 2, 3: 2, 4: 3}),
        ("training-loss", {2: 2, 3: 2, 4: 3}),
        ("generalisation-gap", {1: 2, 2: 2, 3: 3, 4: 3}),
        ("displacement", {1: 1, 2: 1, 3: 2, 4: 2}),
        ("second-moment", {2: 2, 3: 2, 4: 3}),
    ],
)
def test_complete_powers(observable, complete):
    """Half the distance, 2^-(n + 1) of the error: complete to the power n, no less, no more."""
    for order, power in complete.items():
        assert complete_power(named_observable(observable), order) == power
        expansion = expand(observable, order=order, sampling="full-batch", resummed=True)
        errors = []
        for size in (0.02, 0.01):
            gradients = (1.5 * size, 0.5 * size)
            estimate = expansion.evaluate(slope(gradients), eta=0.3, N=2, E=9)
            value = float(np.ravel(estimate.change)[0])
            errors.append(abs(value - descent(gradients, 0.3, 9)[observable]))
        assert math.log2(errors[0] / errors[1]) == pytest.approx(power + 1, abs=0.1)


def test_an_odd_number_of_edges_ends_within_a_power():
    """The loss 0.3 x + x^2/2 + x^3/12 without noise; the truth is -0.04755."""
    samples = {0: [0.0], 1: [[0.3]], 2: [[[1.0]]], 3: [[[[0.5]]]], 4: np.zeros((1, 1, 1, 1, 1))}
    statistics = Statistics.from_samples(samples, role="population")
    trusted = {}
    for order in (3, 4):
        loss = expand("test-loss", order=order, sampling="full-batch", resummed=True)
        estimate = loss.evaluate(statistics, eta=0.2, N=1, E=400)
        assert abs(estimate.change + 0.04755) < estimate.truncation_error
        trusted[order] = estimate.trustworthy
    assert trusted == {3: False, 4: True}
    found = judge_series(statistics, sampling="full-batch", eta=0.2, N=1, E=400)
    assert len(found.resummed) == 5
    assert found.recommended == "re-summed"


def test_noise_is_spoken_of_at_a_minimum_alone():
    """Least squares with noise off its minimum: the gap was -0.120 "by noise", the truth is +0.0072."""
    rng = np.random.default_rng(0)
    a = rng.normal(size=200)
    y = a + 0.3 * rng.normal(size=200)
    samples = {0: y**2 / 2, 1: (-y * a)[:, None], 2: (a * a)[:, None, None]}
    samples |= {k: np.zeros((200, *(1,) * k)) for k in (3, 4)}
    statistics = Statistics.from_samples(samples, role="population")
    for name in ("generalisation-gap", "covariance", "variance", "test-loss"):
        gap = expand(name, order=3, sampling="one-pass", resummed=True)
        estimate = gap.evaluate(statistics, eta=0.1, T=30)
        assert not estimate.trustworthy
        assert "noise" not in estimate.judgement
    # At the minimum powers of the distance are those of the noise.
    at_rest = Gauss().statistics(4)
    loss = expand("test-loss", order=4, sampling="one-pass", resummed=True)
    assert "powers of the noise" in loss.evaluate(at_rest, eta=0.01, T=100).judgement


def test_long_runs_with_skewed_noise_are_not_trusted():
    """GAUSS at eta = 0.3: off by 30 %."""
    for order in (3, 4):
        loss = expand("test-loss", order=order, sampling="one-pass", resummed=True)
        estimate = loss.evaluate(Gauss().statistics(order), eta=0.3, T=1000)
        assert not estimate.trustworthy
        assert estimate.truncation_error > 0.3 * abs(estimate.change)


@pytest.mark.parametrize(("eta", "T", "distance"), [(0.09, 10, 9.5e-4), (0.009, 100, 3e-4)])
def test_a_group_that_cancels_is_no_small_one(eta, T, distance):
    """Logistic regression on digits: order 3 is small by cancellation, and simulation was so far away."""
    pytest.importorskip("sklearn")
    found = judge_series(Digits().statistics(3), order=3, eta=eta, T=T)
    assert found.resummed_next > distance / 3
    assert found.recommended == "plain"


def test_nothing_is_said_of_what_is_not_known():
    """Without third derivatives a quadratic loss cannot be told from any other."""
    loss = expand("test-loss", order=2, sampling="one-pass", resummed=True)
    unknown = loss.evaluate(Mean().statistics(2), eta=0.1, T=100)
    assert unknown.judgement == "cannot tell: third derivatives are not known"
    assert math.isnan(unknown.truncation_error)
    assert unknown.to_dict()["truncation_error"] is None
    known = loss.evaluate(Mean().statistics(3), eta=0.1, T=100)
    assert known.judgement.startswith("ended")
    assert known.trustworthy
    assert known.truncation_error == 0


def test_errors_of_two_good_series_are_not_below_their_distance():
    found = judge_series(Gauss().statistics(4), order=2, eta=0.005, T=5)
    plain, resummed = (
        expand("test-loss", order=2, sampling="one-pass", resummed=is_resummed).evaluate(
            Gauss().statistics(4), eta=0.005, T=5
        )
        for is_resummed in (False, True)
    )
    assert plain.trustworthy
    assert resummed.trustworthy
    apart = abs(plain.change - resummed.change)
    assert found.plain_next >= apart
    assert found.resummed_next >= apart
