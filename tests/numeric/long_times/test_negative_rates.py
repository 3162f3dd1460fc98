"""A negative learning rate is a positive one on the landscape upside down, everywhere."""

from fractions import Fraction
from itertools import permutations

import numeric_slow as slow
import numpy as np
import pytest

from sgdiagrams import RequestError, Statistics, compare, drift, expand, judge_series
from sgdiagrams.numeric import PolynomialLandscape, exact_sgd, one_pass_schedule
from sgdiagrams.numeric.long_times.eigenbasis import eigenbasis_of

ETAS = {
    "scalar": 0.1,
    "diagonal": np.array([0.1, 0.05]),
    "matrix": np.array([[0.1, 0.02], [0.02, 0.05]]),
}


def statistics(sign, orders=4, seed=1):
    samples = slow.symmetric_samples(seed, n=6, p=2, orders=range(orders + 1))
    return Statistics.from_samples(
        {k: sign * np.array(a, dtype=float) for k, a in samples.items()}, role="population"
    )


@pytest.mark.parametrize("eta", ETAS.values(), ids=ETAS)
@pytest.mark.parametrize("sampling", ["one-pass", "with-replacement"])
@pytest.mark.parametrize("resummed", [False, True])
def test_formulas(eta, sampling, resummed):
    numbers = {"T": 4} if sampling == "one-pass" else {"T": 4, "N": 5, "B": 1}
    for name, sign in (("displacement", 1), ("second-moment", 1), ("test-loss", -1)):
        expansion = expand(name, order=3, sampling=sampling, resummed=resummed)
        down = expansion.evaluate(statistics(1), eta=-eta, **numbers).orders
        up = expansion.evaluate(statistics(-1), eta=eta, **numbers).orders
        for a, b in zip(down, up, strict=True):
            np.testing.assert_allclose(a, sign * b, rtol=1e-9, atol=1e-12)
        assert np.any(np.abs(down[-1]) > 1e-9)


def test_the_eigenbasis():
    hessian = np.array([[2.0, 1.0], [1.0, -3.0]])
    for eta in ETAS.values():
        rate = np.diag(np.broadcast_to(eta, 2)) if np.ndim(eta) < 2 else eta
        for sign in (1, -1):
            basis = eigenbasis_of(hessian, sign * eta)
            A, h = basis.vectors, basis.eigenvalues
            np.testing.assert_allclose(sign * A @ A.T, sign * rate, atol=1e-15)
            np.testing.assert_allclose(sign * A.T @ hessian @ A, np.diag(h), atol=1e-15)
            # H is indefinite; the eigenvalues are those of the endomorphism.
            right = np.sort(np.linalg.eigvals(sign * rate @ hessian).real)
            np.testing.assert_allclose(np.sort(h), right, atol=1e-15)
    with pytest.raises(RequestError, match=r"eigenvalues of one sign .* -0\.1 and 0\.2"):
        eigenbasis_of(hessian, [-0.1, 0.2])


def test_the_drift_from_a_maximum():
    """Up the hill with a negative rate is down the valley with a positive one."""
    rng = np.random.default_rng(3)
    slopes = rng.normal(size=(8, 2))
    slopes -= slopes.mean(axis=0)
    cubes = rng.normal(size=(2, 2, 2))
    cubes = sum(np.transpose(cubes, axes) for axes in permutations(range(3)))

    def hill(sign):
        samples = {
            0: np.zeros(8),
            1: slopes,
            2: np.tile(np.diag([1.0, 2.0]), (8, 1, 1)),
            3: np.tile(cubes, (8, 1, 1, 1)),
        }
        return Statistics({k: sign * a for k, a in samples.items()}, "population")

    down, up = drift(hill(1), eta=0.1), drift(hill(-1), eta=-0.1)
    assert np.any(down.limit_vector)
    np.testing.assert_allclose(up.limit_vector, down.limit_vector, rtol=1e-12)


def test_sgd_itself():
    landscape = PolynomialLandscape.random(5, p=2, degree=4, atoms=2)
    found = exact_sgd(landscape, one_pass_schedule(2), order=3, eta=[Fraction(-1, 2), Fraction(-1)])
    expansion = expand("test-loss", order=3, sampling="one-pass")
    rate = np.array([Fraction(-1, 2), Fraction(-1)])
    assert found == expansion.evaluate(landscape.statistics(3), eta=rate, T=2).orders


def test_the_simulation():
    """From the minimum of a parabola with noise S: eta^2 S^2/2 (q^2T - 1)/(q^2 - 1), q = 1 - eta H."""
    etas = [-0.1, 0.1, -0.05]
    comparison = compare("mean", order=2, resummed=True, eta=etas, T=4, runs=4000)
    assert [point.eta for point in comparison.points] == sorted(etas)
    for point in comparison.points:
        q = (1 - point.eta) ** 2
        right = point.eta**2 / 2 * (q**4 - 1) / (q - 1)
        assert point.resummed[-1] == pytest.approx(right, rel=1e-9, abs=1e-15)
        assert abs(point.simulated - right) <= 4 * point.standard_error
    assert "-0.1" in str(comparison)
    for impossible in ("a lot", float("nan"), float("inf"), [], [[0.1]], [1j], 0, [0.1, 0]):
        with pytest.raises(RequestError, match="finite numbers"):
            compare("mean", order=2, eta=impossible, T=4, runs=2)


def test_the_judgement():
    down = judge_series(statistics(1), observable="displacement", eta=-0.01, T=3)
    up = judge_series(statistics(-1), observable="displacement", eta=0.01, T=3)
    assert down.recommended == up.recommended
