"""Gradient descent of the test loss: one run on a landscape's whole population."""

import math

import numpy as np
import pytest

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.numeric.comparison.experiment import compare
from sgdiagrams.numeric.landscapes.digits import Digits
from sgdiagrams.numeric.landscapes.landscape import Landscape
from sgdiagrams.numeric.landscapes.toys import Gauss, Helix, Mean
from sgdiagrams.numeric.simulation.many_runs import simulate
from sgdiagrams.symbolic import GradientDescent, Momentum


@pytest.mark.parametrize("landscape", [Gauss(), Helix(), Mean(2, 0.5, 1)], ids=lambda x: x.name)
def test_populations_have_the_mean_and_the_covariance(landscape):
    """Against a fine quadrature of the normal distribution, away from the start."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(20)
    theta = landscape.start + np.linspace(0.3, 0.5, landscape.dimension)

    def gradients(x):
        return landscape.gradient(np.tile(theta, (len(x), 1)), x[:, None])

    x = landscape.population
    [loss] = landscape.test_loss(theta[None])
    assert landscape.loss(theta[None], x[None]).mean() == pytest.approx(loss, rel=1e-12)
    ours, fine = gradients(x), gradients(nodes)
    mean = weights @ fine / weights.sum()
    assert ours.mean(axis=0) == pytest.approx(mean, rel=1e-9, abs=1e-12)
    spread = (fine - mean).T @ ((fine - mean) * weights[:, None]) / weights.sum()
    assert np.cov(ours.T, bias=True) == pytest.approx(np.squeeze(spread), rel=1e-9, abs=1e-12)


def test_a_run_on_all_images():
    pytest.importorskip("sklearn")
    comparison = compare(
        "digits", order=3, sampling="gradient-descent", optimizer=Momentum(beta=0.5), eta=0.02, T=6
    )
    [point] = comparison.points
    assert point.standard_error == 0
    errors = [abs(prediction - point.simulated) for prediction in point.predictions]
    assert errors[-1] < 1e-5
    assert errors[0] > 5e-4
    assert all(map(math.isnan, point.deviations))
    assert point.moments.count == 10_000


def test_all_runs_are_one_run():
    made = simulate(Mean(1, 5, 2), sampling="gradient-descent", eta=[0.1, 0.5], T=3, runs=40)
    assert made.value == pytest.approx([2 * (0.9**6 - 1), 2 * (0.5**6 - 1)], rel=1e-14)
    assert (made.standard_error == 0).all()
    away = simulate(Gauss(), sampling="gradient-descent", eta=1e9, T=300, runs=5)
    assert math.isnan(away.value) or away.value == 0  # it starts at the minimum


def test_what_has_no_answer():
    class Plain(Landscape):
        name = "plain"
        start = np.zeros(1)
        draw = loss = gradient = test_loss = statistics = None

    options = {"sampling": GradientDescent(T=2), "eta": 0.1, "runs": 4}
    for message, call in {
        "define its property population": lambda: simulate(Plain(), **options),
        "which has no training set": lambda: simulate(
            "mean", observable="training-loss", **options
        ),
        "updates with noise for a control variate": lambda: simulate(
            Digits(), control=True, **options
        ),
    }.items():
        with pytest.raises(RequestError, match=message) as caught:
            call()
        assert "\n" not in str(caught.value)
