"""Landscapes with one mistake each are found out, in one line; right ones pass."""

import numpy as np
import pytest

from sgdiagrams import Landscape, RequestError, Statistics, check_landscape, compare, landscape


def mean_loss(theta):
    return 0.5 * (theta**2 @ [1.0, 3.0] + theta[:, 0] ** 3)


class Tilted(Landscape):
    """Losses (u^2 + 3 v^2 + u^3)/2 + x (u + 2 v + u^3), x normal."""

    name = "tilted"
    start = np.array([0.5, -1.0])

    def draw(self, rng, shape):
        return rng.standard_normal(shape)

    def loss(self, theta, x):
        return mean_loss(theta)[:, None] + x * (theta @ [1.0, 2.0] + theta[:, 0] ** 3)[:, None]

    def gradient(self, theta, x):
        cubic = np.stack([3 * theta[:, 0] ** 2, 0 * theta[:, 0]], axis=1)
        noise = np.array([1.0, 2.0]) + cubic
        return theta * [1.0, 3.0] + cubic / 2 + x.mean(axis=1, keepdims=True) * noise

    def test_loss(self, theta):
        return mean_loss(theta)

    def statistics(self, order):
        nodes, weights = np.polynomial.hermite_e.hermegauss(6)
        u, v = self.start
        corner = np.zeros((2, 2, 2))
        corner[0, 0, 0] = 6.0
        even = [mean_loss(self.start[None])[0], np.array([u + 1.5 * u**2, 3 * v])]
        odd = [u + 2 * v + u**3, np.array([1 + 3 * u**2, 2.0])]
        even += [np.diag([1 + 3 * u, 3.0]), corner / 2]
        odd += [np.diag([6 * u, 0.0]), corner]
        samples = {k: np.array([even[k] + x * odd[k] for x in nodes]) for k in range(order + 1)}
        return Statistics.from_samples(samples, role="population", weights=weights / weights.sum())


def scaled(k, factor):
    def statistics(self, order):
        known = Tilted.statistics(self, order)
        samples = {j: a * (factor if j == k else 1) for j, a in known.samples.items()}
        return Statistics.from_samples(samples, role="population", weights=known.weights)

    return statistics


def noisy(self, theta, x):
    return Tilted.loss(self, theta, x) + 0.01 * np.random.default_rng().standard_normal(x.shape)


def normalised(self, theta, x):
    return Tilted.loss(self, theta, x - x.mean(axis=1, keepdims=True))


def in_place(self, theta, x):
    theta += 1
    return Tilted.loss(self, theta, x)


def cubed(self, theta, x):
    return Tilted.loss(self, theta, x) * np.where(x > 3, np.nan, 1.0) + np.log(theta[:, :1] - 9)


def as_sample(self, order):
    return Statistics.from_samples(Tilted.statistics(self, order).samples)


WRONG = {
    "a sum": (
        {"gradient": lambda self, theta, x: x.shape[1] * Tilted.gradient(self, theta, x)},
        "gradient of tilted to be the mean over the datapoints, got their sum",
    ),
    "one factor": (
        {"gradient": lambda self, theta, x: Tilted.gradient(self, theta, x) * [1.0, 1.02]},
        "finite differences of the loss",
    ),
    "a sign": (
        {"gradient": lambda self, theta, x: -Tilted.gradient(self, theta, x)},
        "finite differences of the loss",
    ),
    "noise at every visit": ({"loss": noisy}, "one fixed function"),
    "batches": ({"loss": normalised}, "own datapoint alone"),
    "weights changed": ({"loss": in_place}, "leave theta as it is"),
    "NaN": ({"loss": cubed}, "NaN or infinity"),
    "losses of a run": (
        {"loss": lambda self, theta, x: Tilted.loss(self, theta, x).mean(axis=1)},
        r"shape \(3, 4\) from loss of tilted .* got shape \(3,\)",
    ),
    "gradients of datapoints": (
        {"gradient": lambda *_: np.zeros((3, 4, 2))},
        r"shape \(3, 2\) from gradient .* got shape \(3, 4, 2\)",
    ),
    "whole numbers": (
        {"loss": lambda *_: np.zeros((3, 4), dtype=int)},
        "floats from loss of tilted, got dtype=int64",
    ),
    "complex numbers": (
        {"test_loss": lambda _, theta: mean_loss(theta) + 0j},
        "floats from test_loss of tilted, got dtype=complex128",
    ),
    "lists": ({"draw": lambda *_: [0.0] * 3}, "begins with .* got list"),
    "shape of draws": (
        {"draw": lambda _, rng, shape: rng.standard_normal(shape[::-1])},
        r"begins with \(3, 4\), got shape \(4, 3\)",
    ),
    "its own generator": (
        {"draw": lambda _, __, shape: np.random.default_rng().standard_normal(shape)},
        "generator that it is given",
    ),
    "start": ({"start": np.zeros((1, 2))}, r"of shape \(p,\) with p >= 1, got shape \(1, 2\)"),
    "start of nothing": ({"start": [None]}, "dtype=object"),
    "dimension": ({"dimension": 3}, "got dimension=3"),
    "another spread": (
        {"draw": lambda _, rng, shape: 1.5 * rng.standard_normal(shape)},
        "variance of the gradient .* over 2000 draws",
    ),
    "another mean": (
        {"draw": lambda _, rng, shape: 0.3 + rng.standard_normal(shape)},
        "mean loss .* as its statistics say",
    ),
    "test loss": (
        {"test_loss": lambda _, theta: mean_loss(theta) + 0.1},
        "test_loss of tilted at the start to be",
    ),
    "statistics 0": ({"statistics": scaled(0, 1.1)}, "test_loss of tilted at the start"),
    "statistics 1": ({"statistics": scaled(1, 1.3)}, "derivative 1 along a direction|variance"),
    "statistics 2": ({"statistics": scaled(2, 1.3)}, "derivative 2 along a direction"),
    "statistics 3": ({"statistics": scaled(3, 5.0)}, "derivative 3 along a direction"),
    "a sample": ({"statistics": as_sample}, "role='population'"),
    "another error": (
        {"loss": lambda *_: {}["no"]},
        "expected loss of tilted to take what it is given, got KeyError: 'no'",
    ),
}


@pytest.mark.parametrize("seed", range(5))
def test_a_right_landscape_passes(seed):
    check_landscape(Tilted(), order=3, seed=seed)
    for name in ("gauss", "helix", "mean", "digits"):
        check_landscape(landscape(name), order=3, seed=seed)


def test_single_precision_passes():
    class Short(Tilted):
        def loss(self, theta, x):
            return super().loss(theta, x).astype(np.float32)

        def gradient(self, theta, x):
            return super().gradient(theta, x).astype(np.float32)

    check_landscape(Short(), order=3)


@pytest.mark.parametrize(("changes", "words"), WRONG.values(), ids=WRONG)
def test_one_mistake_is_found_out(changes, words):
    wrong = type("Wrong", (Tilted,), changes)()
    with pytest.raises(RequestError, match=words) as caught:
        check_landscape(wrong, order=3)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_comparisons_check_before_they_start():
    wrong = type("Wrong", (Tilted,), WRONG["a sum"][0])()
    with pytest.raises(RequestError, match="got their sum"):
        compare(wrong, order=2, eta=0.1, T=3, runs=2)
    comparison = compare(Tilted(), order=2, eta=0.001, T=2, runs=2000)
    assert abs(comparison.points[0].deviations[-1]) < 4


def test_what_is_no_landscape():
    with pytest.raises(RequestError, match="expected a landscape, got 'gauss'"):
        check_landscape("gauss")
