"""Runs of limits: the equations themselves against their expansions, and the scheme's weak order."""

import math
from fractions import Fraction

import numpy as np
import pytest

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.numeric.comparison.experiment import compare
from sgdiagrams.numeric.landscapes.landscape import Landscape
from sgdiagrams.numeric.landscapes.toys import Gauss, Helix, Mean
from sgdiagrams.numeric.simulation import limit_runs
from sgdiagrams.numeric.simulation.limit_runs import LimitRuns
from sgdiagrams.numeric.simulation.many_runs import simulate
from sgdiagrams.numeric.simulation.simulation import Simulation
from sgdiagrams.numeric.statistics import Statistics
from sgdiagrams.symbolic import SDE, SGD, GradientFlow, Momentum, Nesterov, Training, expand

LOSSES = ([0, 1, 0.5, 0.3, 0.1], [0, -1.2, 0.8, -0.2, 0.15])  # coefficients, constant first


class Coin(Landscape):
    """Two losses in one dimension."""

    name = "coin"
    start = np.array([0.2])
    population = np.arange(2)
    losses = tuple(map(np.polynomial.Polynomial, LOSSES))

    def draw(self, rng, shape):
        return rng.integers(2, size=shape)

    def loss(self, theta, x):
        return np.where(x == 0, *(f(theta) for f in self.losses))

    def gradient(self, theta, x):
        slopes = np.where(x == 0, *(f.deriv()(theta) for f in self.losses))
        return slopes.mean(axis=1, keepdims=True)

    def test_loss(self, theta):
        return np.mean([f(theta[:, 0]) for f in self.losses], axis=0)

    def statistics(self, order):
        at = [[f.deriv(k)(self.start) for f in self.losses] for k in range(1, order + 1)]
        samples = {k: np.reshape(x, (2, *[1] * k)) for k, x in enumerate(at, start=1)}
        return Statistics.from_samples(
            {0: [f(0.2) for f in self.losses]} | samples, role="population", start=self.start
        )


def replace_start(landscape, start):
    """Return a landscape from elsewhere."""

    class Moved(type(landscape)):
        pass

    Moved.start = start
    return Moved()


@pytest.mark.parametrize("order", [1, 2])
def test_one_step_has_weak_order_two(order, monkeypatch):
    """One step is an update; its expectation by quadrature is off by the fourth power of eta."""
    monkeypatch.setattr(limit_runs, "_FEWEST_STEPS", 1)
    nodes, shares = np.polynomial.hermite_e.hermegauss(12)
    shares = np.outer(shares, shares).ravel() / shares.sum() ** 2
    # Of two datapoints only the difference of what they draw matters.
    grid = [x.ravel() for x in np.meshgrid(nodes, nodes)]
    normals = np.array([np.stack([x, -x], axis=1) / math.sqrt(2) for x in grid])
    coin = Coin()
    runs = LimitRuns.of(coin, Training(SDE(T=1, order=order)))
    expansion = expand("test-loss", order=6, sampling=SDE(T=1, order=order))
    errors = []
    for eta in (0.04, 0.02):
        found = shares @ coin.test_loss(runs.ends(len(shares), [normals], eta=eta))
        errors.append(found - float(expansion.evaluate(coin.statistics(6), eta=eta).value))
    assert abs(errors[1]) < 3e-8
    assert 11 < errors[0] / errors[1] < 22


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_flows_approach_descent(order):
    """In the weights of two dimensions and more, with all trees: off by the next power of eta."""
    ground, errors = Helix(), []
    moved = replace_start(ground, np.array([0.7, -0.4, 0.3]))
    for eta in (0.1, 0.05):
        options = {"eta": eta, "T": 3, "runs": 2, "observable": "displacement", "component": 2}
        flow = simulate(moved, sampling=GradientFlow(order=order), **options)
        assert flow.standard_error == 0
        errors.append(flow.value - simulate(moved, sampling="gradient-descent", **options).value)
    assert 0.6 < errors[0] / errors[1] / 2 ** (order + 1) < 1.7


def test_a_flow_with_momentum_starts_elsewhere():
    coin, eta = Coin(), 0.004
    for optimizer in (Momentum(beta="1/2"), Nesterov(beta="1/3", weight_decay="1/7")):
        scheme = GradientFlow(T=Fraction(7, 2), order=2)
        found = simulate(coin, sampling=scheme, optimizer=optimizer, eta=eta, runs=7)
        expansion = expand("test-loss", order=5, sampling=scheme, optimizer=optimizer)
        change = expansion.evaluate(coin.statistics(5), eta=eta).change
        assert found.value == pytest.approx(float(change), abs=5e-11)


@pytest.mark.parametrize(
    ("landscape", "sampling", "optimizer", "observable", "component", "order", "eta"),
    [
        (Mean(1, 1, 2), SDE(T=5), SGD(), "test-loss", None, 5, 0.04),
        (Mean(1, 1, 2), SDE(T=4, order=2), Momentum(beta="1/2"), "test-loss", None, 5, 0.02),
        (
            Mean(1, 1, 2),
            SDE(T=4, B=2, order=2),
            Nesterov(beta="1/2", weight_decay="1/5"),
            "second-moment",
            (0, 0),
            5,
            0.02,
        ),
        (Gauss(), SDE(T=4, B=2, order=2), SGD(), "variance", None, 5, 0.02),
        (Helix(), SDE(T=4, order=2), SGD(), "displacement", 2, 5, 0.02),
    ],
    ids=lambda x: getattr(x, "name", None),
)
def test_diffusions(landscape, sampling, optimizer, observable, component, order, eta):
    comparison = compare(
        landscape,
        observable=observable,
        order=order,
        sampling=sampling,
        optimizer=optimizer,
        eta=eta,
        runs=4000,
        component=component,
    )
    [point] = comparison.points
    assert abs(point.deviations[-1]) < 4
    assert abs(point.deviations[0]) > 8


def test_the_order_makes_a_difference():
    """The drift of order 2 is seen against the prediction of order 1."""
    options = {"eta": 0.1, "runs": 4000, "T": 4, "order": 5}
    ground = Mean(1, Fraction(1, 2), 2)
    both = [compare(ground, sampling=x, **options).points[0] for x in ("sde", "sde:order=2")]
    assert all(abs(point.deviations[-1]) < 4 for point in both)
    off = both[1].simulated - both[0].predictions[-1]
    assert abs(off) > 8 * both[1].standard_error


def test_runs_have_numbers_of_their_own():
    simulation = Simulation(Coin(), Training(SDE(T=2, order=2)))
    whole = simulation.values(eta=0.1, first=0, runs=150, seed=4)
    parts = [simulation.values(eta=0.1, first=k, runs=50, seed=4) for k in (0, 50, 100)]
    assert np.array_equal(whole, np.concatenate(parts))
    assert len(set(whole)) == 150
    other = Simulation(Coin(), Training(SDE(T=2)))
    assert simulation.fingerprint != other.fingerprint


def test_what_is_not_run():
    class Plain(Coin):
        population = Landscape.population

    options = {"sampling": SDE(T=2), "eta": 0.1, "runs": 4}
    for message, call in {
        "define its property population": lambda: simulate(Plain(), **options),
        "which has no training set": lambda: simulate(
            Coin(), observable="training-loss", **options
        ),
        "updates with noise for a control": lambda: simulate(Coin(), control=True, **options),
        "scheme of discrete updates": lambda: simulate(
            Coin(), observable="test-loss:since=1", **options
        ),
        "limit of order 1..4": lambda: simulate(
            Coin(), **options | {"sampling": "gradient-flow:order=5", "T": 2}
        ),
    }.items():
        with pytest.raises(RequestError, match=message) as caught:
            call()
        assert "\n" not in str(caught.value)
