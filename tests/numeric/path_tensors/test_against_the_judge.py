"""Expansions in the noise against SGD itself, power by power of the noise, as fractions."""

from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import ClassVar, final

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slow_paths import path_terms
from sympy import Integer

from sgdiagrams import Delayed, ScheduleFree
from sgdiagrams.numeric.exact.landscape import PolynomialLandscape
from sgdiagrams.numeric.exact.noise_series import exact_noise
from sgdiagrams.numeric.path_tensors.path_tensors import PathTensors
from sgdiagrams.symbolic import expand
from sgdiagrams.symbolic.observable import (
    OBSERVABLES,
    Function,
    Observable,
    Product,
)
from sgdiagrams.symbolic.propagation.course import RandomBatches
from sgdiagrams.symbolic.training.average import ExponentialAverage, TailAverage
from sgdiagrams.symbolic.training.optimizers.momentum import Momentum, Nesterov
from sgdiagrams.symbolic.training.optimizers.sgd import SGD
from sgdiagrams.symbolic.training.sampling import Sampling
from sgdiagrams.symbolic.training.schedules.closed_schedules import Exponential
from sgdiagrams.symbolic.training.schedules.schedule import ArraySchedule
from sgdiagrams.symbolic.training.schemes.epochs import Epochs, FullBatch
from sgdiagrams.symbolic.training.schemes.grid import Grid
from sgdiagrams.symbolic.training.schemes.one_pass import OnePass
from sgdiagrams.symbolic.training.schemes.subsets import Subsets
from sgdiagrams.symbolic.training.schemes.with_replacement import WithReplacement
from sgdiagrams.symbolic.training.training import Training

HALF, THIRD = Fraction(1, 2), Fraction(1, 3)
RESHUFFLED = Epochs(N=2, B=1, E=2, shuffle="every-epoch")
ETAS = {1: THIRD, 2: np.array([[THIRD, Fraction(1, 8)], [Fraction(1, 8), HALF]])}
WATCHED = {
    **OBSERVABLES,
    "function": Function("f"),
    "product": Observable("product", "x", "x", (Product(2, (("loss", "weights", "f"), ("f",))),)),
    "trained": Observable(
        "trained",
        "x",
        "x",
        (
            Product(1, (("weights", "training-loss"), ("weights",))),
            Product(1, (("weights", "weights", "f"),)),
        ),
    ),
}


def ground(seed, p, degree=4):
    """Three atoms, which have third cumulants, from a start that is not 0; and a function of weights."""
    landscape = PolynomialLandscape.random(seed, p=p, degree=degree, atoms=3)
    function = PolynomialLandscape.random(seed + 1, p=p, degree=3, atoms=1).losses[0]
    return PolynomialLandscape(landscape.losses, [HALF, -THIRD][:p]), function


@cache
def slow_terms(name, pushes):
    """Return the terms with so many pushes at most, by slow means."""
    return path_terms(WATCHED[name], pushes)


def case(name, training, p, seed, noise):
    """Return landscape, options of the judge, tensors and expansion."""
    landscape, function = ground(seed, p)
    observable = WATCHED[name]
    functions = {"f": dict(function)} if observable.functions else {}
    options = {"eta": ETAS[p], "observable": observable, "functions": functions}
    tensors = PathTensors.of(landscape, training, eta=ETAS[p], noise=noise, functions=functions)
    expansion = expand(
        observable,
        noise=noise,
        along_path=True,
        sampling=training.sampling,
        optimizer=training.optimizer,
    )
    return landscape, options, tensors, expansion


SCALED = {"schedule": ArraySchedule([1, HALF, 2]), "schedule_scales": "gradient"}
#: Observable, sampling, optimiser, p, and the highest power of the noise.
CASES = [
    ("test-loss", OnePass(T=3), SGD(), 2, 4),
    ("test-loss", Epochs(N=2, B=1, E=2), Momentum(beta=HALF), 1, 4),
    ("test-loss", WithReplacement(N=2, B=2, T=2), Nesterov(beta=THIRD), 2, 4),
    ("training-loss", OnePass(T=2, B=2), SGD(weight_decay=THIRD), 2, 4),
    ("training-loss", RESHUFFLED, Momentum(beta=THIRD, weight_decay=HALF), 1, 4),
    ("training-loss", WithReplacement(N=2, B=1, T=3), SGD(schedule=Exponential(HALF)), 1, 3),
    ("generalisation-gap", Epochs(N=2, B=2, E=2), SGD(), 2, 3),
    ("generalisation-gap", FullBatch(N=2, E=3), Nesterov(beta=HALF, **SCALED), 1, 4),
    (
        "displacement",
        Grid([[0, 1], [2], [0, 2]], N=4),
        Momentum(beta=HALF, schedule=ArraySchedule([1, THIRD, 2])),
        2,
        4,
    ),
    ("second-moment", Epochs(N=2, B=1, E=2, shuffle="once"), SGD(average=TailAverage(2)), 2, 3),
    ("second-moment", OnePass(T=2), Momentum(beta=HALF), 2, 4),
    ("training-loss", Epochs(N=2, B=1, E=2), ScheduleFree(beta=THIRD, weight_decay=HALF), 1, 3),
    ("test-loss", OnePass(T=3), Delayed(d=1, inner=Momentum(beta=HALF)), 1, 3),
    (
        "covariance",
        OnePass(T=3),
        Nesterov(beta=HALF, average=ExponentialAverage(alpha=THIRD)),
        2,
        3,
    ),
    ("covariance", WithReplacement(N=2, B=1, T=2), SGD(), 1, 4),
    ("variance", Epochs(N=2, B=1, E=1, shuffle="every-epoch"), SGD(average=TailAverage()), 2, 3),
    ("variance", OnePass(T=2), SGD(), 1, 4),
    (
        "function",
        OnePass(T=3),
        Momentum(weight_decay=HALF, beta=HALF, average=TailAverage(2)),
        2,
        4,
    ),
    ("product", RESHUFFLED, SGD(), 1, 3),
    ("trained", Grid([[0], [1, 0]], N=3), SGD(), 2, 3),
    ("training-loss", Epochs(N=3, B=2, E=2), Momentum(beta=HALF), 1, 3),
    ("test-loss", Epochs(N=3, B=2, E=2, shuffle="every-epoch"), SGD(), 1, 4),
    ("displacement", Epochs(N=3, B=2, E=2, shuffle="every-epoch", drop_last=True), SGD(), 1, 3),
    ("test-loss", Subsets(N=3, B=2, T=2), SGD(), 1, 4),
    ("second-moment", Grid([[0, 1, 1], [1]], weights=[[HALF, 2, HALF], [1]]), SGD(), 1, 4),
]


@pytest.mark.parametrize(("name", "sampling", "optimizer", "p", "pushes"), CASES)
def test_powers_of_the_noise(name, sampling, optimizer, p, pushes):
    """All observables, samplings and optimisers: noise 1, 2, and 3 as far as there are four pushes."""
    training = Training(sampling, optimizer)
    landscape, options, tensors, expansion = case(name, training, p, seed=0, noise=2)
    series = exact_noise(landscape, training, pushes=pushes, **options)
    groups = [
        [term for term in expansion.terms if (term.noise, term.pushes) == key]
        for key in ((0, 0), (1, 2), (2, 3), (2, 4))
    ]
    assert sum(map(len, groups)) == len(expansion.terms)
    if pushes == 4:  # blocks of four are noise 3
        groups[3] += [t for t in slow_terms(name, 4) if (t.noise, t.pushes) == (3, 4)]
    ours = tensors.sums(groups[:pushes], rank=options["observable"].rank)
    for value, k in zip(ours, (0, 2, 3, 4)[:pushes], strict=True):
        assert np.all(value == series[k]), f"{k} pushes"
    assert not np.any(series[1])
    assert np.any(series[2])


@pytest.mark.parametrize("name", WATCHED)
def test_terms_are_those_of_labelled_pushes(name):
    """The package's terms and the slow ones have one sum for every number of pushes and noise."""
    training = Training(Epochs(N=2, B=1, E=2), SGD())
    noise = 1 if name in {"product", "trained"} else 2
    _, options, tensors, expansion = case(name, training, 1, seed=3, noise=noise)
    rank = options["observable"].rank
    for key in [(0, 0), (1, 2), (2, 3), (2, 4)][: 2 * noise]:
        ours, slow = tensors.sums(
            [
                [term for term in terms if (term.noise, term.pushes) == key]
                for terms in (expansion.terms, slow_terms(name, 2 * noise))
            ],
            rank=rank,
        )
        assert np.all(ours == slow), key


SAMPLINGS = st.sampled_from(
    [
        OnePass(T=3),
        OnePass(T=2, B=2),
        Epochs(N=2, B=1, E=2),
        Epochs(N=2, B=1, E=2, shuffle="once"),
        Epochs(N=2, B=1, E=2, shuffle="every-epoch"),
        FullBatch(N=2, E=2),
        WithReplacement(N=2, B=1, T=3),
        WithReplacement(N=3, B=2, T=2),
    ]
)


@st.composite
def grids(draw):
    """Draw a schedule of three batches of three rows."""
    rows = st.lists(st.integers(0, 2), min_size=1, max_size=3, unique=True)
    return Grid([draw(rows) for _ in range(draw(st.integers(1, 3)))], N=3)


@st.composite
def optimisers(draw):
    """Draw an optimiser that runs three updates."""
    number = st.builds(Fraction, st.integers(0, 3), st.just(4))
    options = {
        "weight_decay": draw(number),
        "average": draw(st.sampled_from([None, TailAverage(), ExponentialAverage(alpha=HALF)])),
        "schedule": draw(st.sampled_from([None, Exponential(HALF)])),
    }
    kind = draw(st.sampled_from([SGD, Momentum, Nesterov]))
    if kind is SGD:
        return SGD(**options)
    scales = draw(st.sampled_from(["velocity", "gradient"]))
    return kind(beta=draw(number), schedule_scales=scales, **options)


@settings(max_examples=25, deadline=None)
@given(
    name=st.sampled_from(list(WATCHED)),
    sampling=SAMPLINGS | grids(),
    optimizer=optimisers(),
    p=st.sampled_from([1, 2]),
    seed=st.integers(0, 10**6),
)
def test_noise_1_is_two_pushes(name, sampling, optimizer, p, seed):
    training = Training(sampling, optimizer)
    landscape, options, tensors, expansion = case(name, training, p, seed, noise=1)
    series = exact_noise(landscape, training, pushes=2, **options)
    ours = tensors.evaluate(expansion)
    assert all(np.all(x == series[k]) for x, k in zip(ours, (0, 2), strict=True))


def test_random_batches_of_a_users_own():
    """A course that is a sum of others: a coin decides which rows the second update uses."""
    half = RandomBatches(
        ((Fraction(1, 3), ((0,), (0,), (1,))), (Fraction(2, 3), ((0, 1), (1, 2), (0,)))), 3
    )

    @final
    @dataclass(frozen=True, slots=True)
    class Coin(Sampling):
        name: ClassVar[str] = "coin"
        numbers: ClassVar[tuple[str, ...]] = ()

        @property
        def updates(self):
            return Integer(3)

        @property
        def datapoints(self):
            return Integer(3)

        @property
        def is_random(self):
            return True

        def course(self):
            return half

    training = Training(Coin(), Momentum(beta=HALF))
    for name, noise in (("test-loss", 2), ("training-loss", 1), ("variance", 1)):
        landscape, options, tensors, expansion = case(name, training, 1, seed=2, noise=noise)
        series = exact_noise(landscape, training, pushes=3, **options)
        by_pushes = [[t for t in expansion.terms if t.pushes == k] for k in range(noise + 2)]
        ours = tensors.sums(by_pushes)
        assert ours == series[: noise + 2]
