"""Factors that look at the weights at several times, held against exact SGD that is read at those times."""

from dataclasses import replace
from fractions import Fraction
from functools import cache

import numpy as np
import pytest

from sgdiagrams import Statistics
from sgdiagrams.numeric.exact.landscape import PolynomialLandscape
from sgdiagrams.numeric.exact.simulator import exact_training
from sgdiagrams.symbolic import expand
from sgdiagrams.symbolic.observable import (
    DISPLACEMENT,
    TEST_LOSS,
    TRAINING_LOSS,
    Function,
    connected,
    named_observable,
)
from sgdiagrams.symbolic.training.optimizers.sgd import SGD
from sgdiagrams.symbolic.training.schemes.epochs import FullBatch
from sgdiagrams.symbolic.training.schemes.one_pass import OnePass
from sgdiagrams.symbolic.training.schemes.with_replacement import WithReplacement
from sgdiagrams.symbolic.training.training import Training

HALF = Fraction(1, 2)
FUNCTION = {(3, 0): Fraction(1, 2), (1, 1): Fraction(-2), (0, 2): Fraction(1)}
TILT = Function("tilt")
OBSERVABLES = {
    name: named_observable(name)
    for name in (
        "displacement:lag=1",
        "test-loss:at=1",
        "training-loss:lag=1",
        "second-moment:lag=1",
        "second-moment:at=1",
        "covariance:lag=1",
        "variance:lag=1",
        "displacement:step",
        "second-moment:step",
        "second-moment:step:lag=1",
        "second-moment:change-since=1",
        "covariance:change-since=1",
        "variance:change-since=1",
        "displacement:lag=1 * displacement:step",
        "test-loss:lag=1 * training-loss",
        "displacement * expression:G_a",
        "connected:expression:G_a:lag=1 * displacement",
        "variance:expression:|G|^2:lag=1",
    )
} | {
    "three times": DISPLACEMENT.at(1) * TEST_LOSS * DISPLACEMENT.at(lag=1),
    "of a function": connected(TILT.at(lag=1), DISPLACEMENT) * TRAINING_LOSS.at(2)
    if False
    else connected(TILT.at(lag=1), DISPLACEMENT),
}
TRAININGS = {
    "one pass": Training(OnePass(T=3)),
    "fresh data": Training(OnePass(T=3, B=2)),
    "with replacement": Training(WithReplacement(N=2, B=1, T=3)),
    "full batch": Training(FullBatch(N=2, E=3)),
}


@cache
def landscape():
    return PolynomialLandscape.random(5, p=2, degree=3, atoms=2).moved([HALF, Fraction(1, 3)])


@cache
def population():
    known = landscape()
    tilt = PolynomialLandscape([FUNCTION], start=known.start).statistics(6)
    functions = {"tilt": {k: array[0] for k, array in tilt.samples.items()}}
    start = np.array(known.start, dtype=object)
    statistics = Statistics.from_samples(known.statistics(6).samples, role="population", functions=functions)
    return replace(statistics, start=start)


def assert_exact(observable, training, *, order=2, basis="moment", formula=None, **numbers):
    """Hold an expansion, of a training with symbols where a formula is asked for, against exact SGD."""
    asked = formula or training
    expansion = expand(
        observable, order=order, sampling=asked.sampling, optimizer=asked.optimizer, basis=basis
    )
    theory = expansion.evaluate(population(), eta=1, **numbers).orders
    judge = exact_training(
        landscape(),
        training,
        order=order,
        observable=observable,
        function=FUNCTION if observable.functions else None,
    )
    assert len(theory) == len(judge) == order + 1
    for value, wanted in zip(theory, judge, strict=True):
        assert np.array_equal(value, wanted)
    assert any(np.any(value) for value in judge)


@pytest.mark.parametrize("training", TRAININGS)
@pytest.mark.parametrize("name", OBSERVABLES)
def test_exact_sgd_that_is_read_at_the_times(name, training):
    for basis in ("moment", "cumulant"):
        assert_exact(OBSERVABLES[name], TRAININGS[training], basis=basis)
