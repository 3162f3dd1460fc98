"""Expansions in the noise in numbers, where other expansions hold: at small rates, and at rest."""

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from sgdiagrams.numeric.exact.landscape import PolynomialLandscape
from sgdiagrams.numeric.path_tensors.path_tensors import PathTensors
from sgdiagrams.symbolic import expand
from sgdiagrams.symbolic.training.average import TailAverage
from sgdiagrams.symbolic.training.optimizers.momentum import Momentum, Nesterov
from sgdiagrams.symbolic.training.optimizers.sgd import SGD
from sgdiagrams.symbolic.training.schemes.epochs import Epochs, FullBatch
from sgdiagrams.symbolic.training.schemes.one_pass import OnePass
from sgdiagrams.symbolic.training.schemes.with_replacement import WithReplacement
from sgdiagrams.symbolic.training.training import Training

HALF = Fraction(1, 2)
RESHUFFLED = Epochs(N=2, B=1, E=1, shuffle="every-epoch")


def noise(contraction):
    return sum(len(block) - 1 for block in contraction.blocks)


def coefficients(points, values):
    """Return the coefficients of the polynomial through as many points, by Newton's differences."""
    table = list(values)
    newton = [table[0]]
    for k in range(1, len(points)):
        pairs = pairwise(table)
        table = [(b - a) / (points[i + k] - points[i]) for i, (a, b) in enumerate(pairs)]
        newton.append(table[0])
    result = [0 * values[0]]
    for point, c in zip(reversed(points), reversed(newton), strict=True):
        shifted = [0 * c, *result]
        result = [x - point * y for x, y in zip(shifted, [*result, 0 * c], strict=True)]
        result[0] = result[0] + c
    return result[: len(points)]


@pytest.mark.parametrize(
    ("observable", "sampling", "optimizer", "p", "degree", "top"),
    [
        ("test-loss", OnePass(T=2, B=2), SGD(), 1, 3, 2),
        ("training-loss", Epochs(N=2, B=1, E=1), Momentum(beta=HALF), 2, 3, 1),
        ("generalisation-gap", FullBatch(N=2, E=2), SGD(weight_decay=HALF), 2, 3, 1),
        ("covariance", WithReplacement(N=2, B=1, T=2), SGD(average=TailAverage(2)), 1, 3, 2),
        ("training-loss", RESHUFFLED, Nesterov(beta=HALF), 1, 2, 2),
        ("displacement", Epochs(N=2, B=1, E=2), SGD(), 2, 2, 2),
    ],
)
def test_powers_of_the_rate_are_those_of_the_plain_series(
    observable, sampling, optimizer, p, degree, top
):
    """Every order in the noise is a polynomial in eta: order by order the plain terms of that noise."""
    landscape = PolynomialLandscape.random(5, p=p, degree=degree, atoms=3)
    landscape = PolynomialLandscape(landscape.losses, [HALF, -HALF][:p])
    training = Training(sampling, optimizer)
    options = {"sampling": sampling, "optimizer": optimizer}
    expansion = expand(observable, noise=top, along_path=True, **options)
    # The weights have at most the powers 1, 1 + (degree - 1), ... of eta; the loss is one more of them.
    last = degree * sum((degree - 1) ** t for t in range(int(training.updates)))
    points = [Fraction(k, 2) for k in range(-1, last + 1)]
    values = [
        PathTensors.of(landscape, training, eta=eta, noise=top).evaluate(expansion)
        for eta in points
    ]
    plain = expand(observable, order=4, basis="cumulant", **options)
    start = np.array(landscape.start, dtype=object)
    statistics = replace(landscape.statistics(5), start=start)
    for m in range(top + 1):
        powers = coefficients(points, [np.asarray(value[m], dtype=object) for value in values])
        assert not np.any(powers[-1])
        terms = tuple(term for term in plain.terms if noise(term.contraction) == m)
        series = replace(plain, terms=terms).evaluate(statistics, eta=1).orders
        for d, (power, expected) in enumerate(zip(powers[:5], series, strict=True)):
            assert np.all(power == expected), (m, d)
        assert m == 0 or any(np.any(power) for power in powers[2:5])


def at_rest(p, degree):
    """Return losses with mean gradient 0 and a positive mean Hessian at the start, 0."""
    landscape = PolynomialLandscape.random(2, p=p, degree=degree, atoms=3)
    statistics = landscape.statistics(2)
    wanted = {0: 0, 1: np.zeros(p, dtype=int), 2: np.eye(p, dtype=int) + np.ones((p, p), dtype=int)}
    shifts = {k: statistics.samples[k].sum(axis=0) / 3 - wanted[k] for k in (1, 2)}
    change = {}
    for k, shift in shifts.items():
        for indices in np.ndindex(shift.shape):
            exponents = tuple(indices.count(i) for i in range(p))
            change[exponents] = change.get(exponents, 0) + shift[indices] / Fraction(k)
    losses = [
        {e: dict(loss).get(e, Fraction(0)) - change.get(e, 0) for e in {*dict(loss), *change}}
        for loss in landscape.losses
    ]
    return PolynomialLandscape(losses)


@pytest.mark.parametrize(
    ("observable", "sampling", "optimizer", "degree", "top", "order"),
    [
        ("test-loss", OnePass(T=6, B=2), SGD(), 4, 1, 3),
        ("displacement", OnePass(T=6), Momentum(beta=HALF), 4, 1, 3),
        ("generalisation-gap", Epochs(N=4, B=2, E=3), SGD(), 4, 1, 3),
        ("training-loss", Epochs(N=4, B=2, E=2, shuffle="every-epoch"), SGD(), 4, 1, 3),
        ("second-moment", WithReplacement(N=4, B=1, T=4), SGD(weight_decay=HALF), 4, 1, 3),
        ("covariance", OnePass(T=4), Nesterov(beta=HALF), 2, 2, 4),
        ("training-loss", Epochs(N=2, B=1, E=2), SGD(), 2, 2, 4),
    ],
)
def test_at_a_resting_point_it_is_the_resummed_series(
    observable, sampling, optimizer, degree, top, order
):
    """Where G = 0 the run rests, and linkless diagrams with dressed edges are all there is."""
    landscape = at_rest(2, degree)
    options = {"sampling": sampling, "optimizer": optimizer}
    eta = Fraction(1, 5)
    tensors = PathTensors.of(landscape, Training(sampling, optimizer), eta=eta, noise=top)
    ours = tensors.evaluate(expand(observable, noise=top, along_path=True, **options))
    assert not np.any(tensors.path)
    resummed = expand(observable, order=order, resummed=True, **options)
    statistics = replace(landscape.statistics(order), start=np.zeros(2, dtype=int))
    for m in range(1, top + 1):
        pieces = tuple(piece for piece in resummed.pieces if noise(piece.contraction) == m)
        theirs = sum(replace(resummed, pieces=pieces).evaluate(statistics, eta=float(eta)).orders)
        assert np.asarray(ours[m], dtype=float) == pytest.approx(theirs, rel=1e-9, abs=1e-13)
        assert np.any(theirs)
