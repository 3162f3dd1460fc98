"""Joint moments of landscapes anywhere: those of their statistics, and derivatives of each other."""

import numpy as np
import pytest

from sgdiagrams.diagrams import RequestError
from sgdiagrams.numeric.landscapes.digits import Digits
from sgdiagrams.numeric.landscapes.landscape import Landscape
from sgdiagrams.numeric.landscapes.toys import Gauss, Helix, Mean
from sgdiagrams.numeric.values.evaluator import Evaluator
from sgdiagrams.symbolic import Contraction

BLOCKS = [(0,), (1,), (2,), (3,), (1, 1), (0, 1), (1, 2), (1, 1, 1), (1, 3)]
MAKERS = {
    "gauss": Gauss,
    "helix": Helix,
    "mean": lambda: Mean(curvature=2, noise=0.5, origin=1),
    "digits": lambda: Digits(2),
}


@pytest.fixture(params=MAKERS)
def landscape(request):
    if request.param == "digits":
        pytest.importorskip("sklearn")
    return MAKERS[request.param]()


def test_at_the_start_they_are_those_of_the_statistics(landscape):
    evaluator = Evaluator(landscape.statistics(3))
    moments = landscape.joint_moments(landscape.start[None], BLOCKS)
    for block, moment in zip(BLOCKS, moments, strict=True):
        free = [v for v, k in enumerate(block) for _ in range(k)]
        contraction = Contraction.build([], [list(range(len(block)))], free=free)
        np.testing.assert_allclose(moment[0], evaluator.value(contraction), atol=1e-12)


def test_anywhere_they_are_derivatives_of_each_other(landscape):
    rng, h, p = np.random.default_rng(0), 1e-5, landscape.dimension
    theta = landscape.start + 0.3 * rng.normal(size=(2, p))

    def moment(at, *block):
        return landscape.joint_moments(at, [block])[0]

    np.testing.assert_allclose(moment(theta, 0), landscape.test_loss(theta), rtol=1e-12)
    for i in range(p):
        step = h * np.eye(p)[i]
        for a in range(3):
            slope = (moment(theta + step, a) - moment(theta - step, a)) / (2 * h)
            np.testing.assert_allclose(slope, moment(theta, a + 1)[..., i], atol=1e-7)
        slope = (moment(theta + step, 1, 1) - moment(theta - step, 1, 1)) / (2 * h)
        one = moment(theta, 1, 2)[..., i]
        np.testing.assert_allclose(slope, one + one.transpose(0, 2, 1), atol=1e-7)


def test_every_landscape_knows_loss_and_mean_gradient(landscape):
    theta = landscape.start + np.linspace(0, 0.2, 3)[:, None]
    known = landscape.joint_moments(theta, [(0,), (1,)])
    usual = Landscape.joint_moments(landscape, theta, [(0,), (1,)])
    for one, other in zip(known, usual, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-12)
    with pytest.raises(RequestError, match="joint_moments"):
        Landscape.joint_moments(landscape, theta, [(1, 1)])


def test_moments_that_fit_no_memory_are_refused():
    pytest.importorskip("sklearn")
    with pytest.raises(RequestError, match="fewer components"):
        Digits(60).joint_moments(np.zeros((1, 61)), [(2, 2)])
