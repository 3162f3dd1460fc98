"""Tensors of a polynomial loss, as fractions, against the same orders measured on a model."""

from fractions import Fraction

import numpy as np
import pytest

from sgdiagrams import along_path, expand
from sgdiagrams.numeric.exact.landscape import PolynomialLandscape
from sgdiagrams.numeric.path_tensors.path_tensors import PathTensors
from sgdiagrams.symbolic.training.optimizers.momentum import Momentum
from sgdiagrams.symbolic.training.schemes.epochs import Epochs
from sgdiagrams.symbolic.training.schemes.one_pass import OnePass
from sgdiagrams.symbolic.training.training import Training

pytest.importorskip("jax")

POINTS = np.array([[0.5, -1.0], [1.0, 0.25], [-0.75, 0.5], [0.25, 0.75]])
START = np.array([0.5, -0.25])


def loss(weights, point):
    a, b = weights
    return (
        point[0] * a**3 / 3
        + a * a * b * point[1]
        + (a * a + b * b) / 2
        + a * point[1]
        - b * point[0]
    )


def exact_losses():
    half = Fraction(1, 2)
    return [
        {(3, 0): x / 3, (2, 1): y, (2, 0): half, (0, 2): half, (1, 0): y, (0, 1): -x}
        for x, y in (map(Fraction, point) for point in POINTS.tolist())
    ]


@pytest.mark.parametrize(
    ("observable", "sampling", "noise"),
    [
        ("training-loss", OnePass(T=4, B=2), 2),
        ("displacement", Epochs(N=4, B=2, E=2), 1),
        ("displacement", Epochs(N=4, B=2, E=2, shuffle="every-epoch"), 1),
    ],
)
def test_measured_orders_are_those_of_the_tensors(observable, sampling, noise):
    """All digits where every slot has had every datapoint; else within standard errors."""
    optimizer = Momentum(beta=Fraction(1, 2), weight_decay=Fraction(1, 64))
    estimate = along_path(
        loss,
        START,
        POINTS,
        observable=observable,
        sampling=sampling,
        optimizer=optimizer,
        eta=0.25,
        noise=noise,
        samples=512,
    )
    tensors = PathTensors.of(
        PolynomialLandscape(exact_losses(), [Fraction(1, 2), Fraction(-1, 4)]),
        Training(sampling, optimizer),
        eta=Fraction(1, 4),
        noise=noise,
    )
    expansion = expand(
        observable, noise=noise, along_path=True, sampling=sampling, optimizer=optimizer
    )
    exact = [np.asarray(value, dtype=float) for value in tensors.evaluate(expansion)]
    for m, (ours, theirs) in enumerate(zip(estimate.orders, exact, strict=True)):
        error = estimate.order_standard_errors[m]
        assert np.any(error) == (m == 2 or (m == 1 and sampling.is_random))
        assert np.all(np.abs(ours - theirs) < 4.5 * error + 1e-9 * np.abs(theirs) + 1e-13)
        assert np.max(error) < np.max(np.abs(theirs)) or m == 0, (error, theirs)
