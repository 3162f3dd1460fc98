"""Landscapes: derivatives against differences, populations against quadrature, published values."""

import sys
from fractions import Fraction

import numpy as np
import pytest
from numpy.polynomial import Chebyshev

from sgdiagrams.diagrams import MissingDependencyError, RequestError
from sgdiagrams.numeric.landscapes.digits import Digits, logistic_derivative
from sgdiagrams.numeric.landscapes.landscape import Landscape
from sgdiagrams.numeric.landscapes.names import LANDSCAPES, landscape
from sgdiagrams.numeric.landscapes.quadrature import hermite_rule, rational_rule
from sgdiagrams.numeric.landscapes.toys import Gauss, Helix, Mean

ALL = [Gauss(), Helix(), Mean(curvature=2, noise=0.5, origin=0.75), Digits()]
named = pytest.mark.parametrize("where", ALL, ids=lambda where: where.name)


def points(where, runs=5, seed=1):
    rng = np.random.default_rng(seed)
    theta = where.start + 0.3 * rng.standard_normal((runs, where.dimension))
    return theta, where.draw(rng, (runs, 4))


def population(where, order):
    """Return the datapoints whose derivatives the statistics hold."""
    if where.name == "digits":
        return np.arange(1797)
    return hermite_rule((2 if where.name == "gauss" else 1) * (order + 1) // 2 + 1)[0]


@named
def test_gradient_is_the_slope_of_the_mean_loss(where):
    theta, x = points(where)
    gradient = where.gradient(theta, x)
    assert gradient.shape == theta.shape
    step = 1e-5
    for axis in range(where.dimension):
        shift = step * np.eye(where.dimension)[axis]
        up, down = (where.loss(theta + sign * shift, x).mean(axis=1) for sign in (1, -1))
        np.testing.assert_allclose(gradient[:, axis], (up - down) / (2 * step), atol=1e-8)


@named
def test_statistics_are_the_derivatives_along_any_line(where):
    order = 4 if where.name == "digits" else 6
    statistics = where.statistics(order)
    x = population(where, order)
    assert statistics.sample_size == len(x)
    rng = np.random.default_rng(7)
    for _ in range(3):
        direction = rng.standard_normal(where.dimension)
        direction *= 0.5 / np.linalg.norm(direction)
        some = rng.integers(len(x), size=5)

        def along(t, i, direction=direction):
            theta = where.start + np.atleast_1d(t)[:, None] * direction
            return where.loss(theta, np.full((len(theta), 1), x[i]))[:, 0]

        for i in some:
            curve = Chebyshev.interpolate(along, 24, args=(i,))
            for k in range(order + 1):
                tensor = statistics.samples[k][i]
                for _axis in range(k):
                    tensor = tensor @ direction
                slope = curve.deriv(k)(0.0) if k else curve(0.0)
                assert tensor == pytest.approx(slope, abs=1e-13 * 30**k, rel=1e-8)


@named
def test_test_loss_is_the_mean_over_the_population(where):
    theta, _ = points(where, runs=40)
    test = where.test_loss(theta)
    assert test.shape == (40,)
    if where.name == "digits":
        x, weights = np.arange(1797), np.full(1797, 1 / 1797)
    else:
        x, weights = hermite_rule(12)
    losses = where.loss(theta, np.broadcast_to(x, (40, len(x))))
    np.testing.assert_allclose(losses @ weights, test, rtol=1e-12)


@named
def test_population_statistics_hold_the_test_loss_and_its_gradient(where):
    statistics = where.statistics(1)
    weights = statistics.weights
    if weights is None:
        weights = np.full(statistics.sample_size, 1 / statistics.sample_size)
    start = where.start[None]
    assert weights @ statistics.samples[0] == pytest.approx(where.test_loss(start)[0], rel=1e-12)
    step = 1e-6 * np.eye(where.dimension)
    slope = (where.test_loss(start + step) - where.test_loss(start - step)) / 2e-6
    np.testing.assert_allclose(weights @ statistics.samples[1], slope, atol=1e-8)


@named
def test_draws_are_seeded_and_follow_the_shape(where):
    one, two = (where.draw(np.random.default_rng(3), (4, 6)) for _ in range(2))
    assert one.shape[:2] == (4, 6)
    assert (one == two).all()
    assert where.start.shape == (where.dimension,)
    assert isinstance(landscape(where.name), type(where))
    assert landscape(where) is where


def test_gauss_has_the_published_tensors():
    """H = 1/2, J = -1/2, C = 1/2, S = -1; l 1/2, GG 0, E|g|^2 1/2, H:gg 1/4."""
    statistics = Gauss().statistics(3, exact=True)
    w = statistics.weights
    loss, g, h, j = (statistics.samples[k].reshape(len(w)) for k in range(4))
    half = Fraction(1, 2)
    assert (w @ loss, w @ g, w @ g**2, w @ g**3) == (half, 0, half, -1)
    assert (w @ h, w @ j, (w @ h) * (w @ g**2)) == (half, -half, half / 2)


def test_helix_drifts_by_a_sixth():
    """-(1/2) C_mn J_mnz / (H_mm + H_nn) = 1/6 in an eigenbasis of H, here the axes."""
    statistics = Helix().statistics(3)
    w = statistics.weights
    g, h, j = (statistics.samples[k] for k in (1, 2, 3))
    C = np.einsum("n,na,nb->ab", w, g, g)
    H, J = np.tensordot(w, h, 1), np.tensordot(w, j, 1)
    np.testing.assert_allclose(H, np.diag([2, 1, 0]), atol=1e-14)
    drift = -0.5 * sum(
        C[a, b] * J[a, b, 2] / (H[a, a] + H[b, b]) for a in range(2) for b in range(2)
    )
    assert drift == pytest.approx(1 / 6, rel=1e-12)


def test_helix_climbs_as_fast_as_the_closed_form():
    """The velocity along z is eta^2 / (2 (3 - 2 eta)) per step."""
    eta, steps, runs = 0.1, 300, 1500
    where, rng = Helix(), np.random.default_rng(0)
    theta = np.zeros((runs, 3))
    for t in range(steps):
        theta = theta - eta * where.gradient(theta, where.draw(rng, (runs, 1)))
        if t == 99:
            before = theta[:, 2].copy()
    climbed = theta[:, 2] - before
    expected = (steps - 100) * eta**2 / (2 * (3 - 2 * eta))
    error = climbed.std(ddof=1) / np.sqrt(runs)
    assert error < 0.05 * expected
    assert abs(climbed.mean() - expected) < 4 * error


@pytest.mark.parametrize("where", [Gauss(), Mean(), Mean(0.1, 3, Fraction(1, 3))], ids=repr)
def test_exact_statistics_agree_with_floating_ones(where):
    exact, floating = where.statistics(3, exact=True), where.statistics(3)
    assert exact.is_exact
    assert not floating.is_exact

    def moments(s):
        rows = [s.samples[k].reshape(s.sample_size) for k in range(4)]
        return [s.weights @ (a * b * c) for a in rows for b in rows for c in rows]

    np.testing.assert_allclose(np.array(moments(exact), dtype=float), moments(floating), atol=1e-10)


@pytest.mark.parametrize("degree", range(1, 13))
def test_rational_rule_has_the_gaussian_moments(degree):
    nodes, weights = rational_rule(degree)
    moment = Fraction(1)
    for k in range(0, degree + 1, 2):
        assert weights @ nodes**k == moment
        moment *= k + 1
        if k < degree:
            assert weights @ nodes ** (k + 1) == 0
    assert all(isinstance(weight, Fraction) for weight in weights)


def test_mean_reads_decimals_as_written_and_refuses_the_rest():
    statistics = Mean(curvature=0.1).statistics(2, exact=True)
    assert statistics.samples[2][0, 0, 0] == Fraction(1, 10)
    assert Mean(noise=0.5).parameters == {"curvature": "1", "noise": "1/2", "origin": "0"}
    for bad in (float("nan"), float("inf"), "one"):
        with pytest.raises(RequestError, match="finite number"):
            Mean(curvature=bad)


def test_digits_are_all_images_standardised_and_not_at_the_optimum():
    where = Digits()
    images = where.signed_images
    sign = images[:, -1]
    assert images.shape == (1797, 9)
    assert set(sign) == {1.0, -1.0}
    features = images[:, :-1] * sign[:, None]
    np.testing.assert_allclose(features.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(features.T @ features / 1797, np.eye(8), atol=1e-10)
    assert np.linalg.norm(where.statistics(1).samples[1].mean(axis=0)) > 0.1
    with pytest.raises(ValueError, match="read-only"):
        images[0, 0] = 1


def test_digits_have_a_sign_that_the_linear_algebra_cannot_choose():
    from sklearn.datasets import load_digits

    data = load_digits()
    pixels = data.data - data.data.mean(axis=0)
    axes = np.linalg.lstsq(
        pixels,
        Digits().signed_images[:, :-1] * np.where(data.target % 2 == 0, 1.0, -1.0)[:, None],
        rcond=None,
    )[0].T
    for axis in axes:
        assert axis[np.abs(axis).argmax()] > 0


def test_digits_survive_large_weights():
    where = Digits()
    theta = np.array([[1e4] * 9, [-1e4] * 9])
    x = np.arange(20).reshape(2, 10)
    assert np.isfinite(where.test_loss(theta)).all()
    assert np.isfinite(where.gradient(theta, x)).all()
    margins = (where.signed_images[x] @ theta[:, :, None])[..., 0]
    np.testing.assert_allclose(where.loss(theta, x), np.maximum(-margins, 0), atol=1e-6)


def test_logistic_derivatives_against_sympy():
    import sympy

    m = sympy.Symbol("m")
    function = sympy.log(1 + sympy.exp(-m))
    at = np.array([-3.0, -0.4, 0.0, 1.7])
    for k in range(7):
        expected = [float(function.diff(m, k).subs(m, value).evalf(30)) for value in at]
        np.testing.assert_allclose(logistic_derivative(at, k), expected, rtol=1e-10, atol=1e-14)


def test_digits_without_scikit_learn_name_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(MissingDependencyError, match=r'pip install "sgdiagrams\[demo\]"'):
        Digits(components=5)  # not in the cache


@pytest.mark.parametrize("components", [0, 62, 2.0, True])
def test_digits_have_so_many_components(components):
    with pytest.raises(RequestError, match=r"1\.\.61"):
        Digits(components)


def test_orders_are_checked():
    for where in ALL:
        for order in (-1, 1.0, True):
            with pytest.raises(RequestError, match="order"):
                where.statistics(order)
    with pytest.raises(RequestError, match="lower the order"):
        Digits().statistics(7)


def test_unknown_landscapes_list_the_known():
    with pytest.raises(RequestError, match="digits, gauss, helix, mean"):
        landscape("saddle")
    assert sorted(LANDSCAPES) == sorted(where.name for where in ALL)
    assert issubclass(Digits, Landscape)
