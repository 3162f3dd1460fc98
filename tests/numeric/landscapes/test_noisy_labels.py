"""Labels that are noisy anew at every visit: floats against the theory."""

from fractions import Fraction

import numpy as np
import pytest

from sgdiagrams import (
    Epochs,
    FullBatch,
    OnePass,
    WithReplacement,
    check_landscape,
    compare,
    expand,
    simulate,
)
from sgdiagrams.diagrams import RequestError
from sgdiagrams.numeric import NoisyLabels, PolynomialLandscape

FEATURES, LABELS = [[1.0, 0.5], [-0.5, 2.0], [1.5, 1.0]], [1.0, -0.5, 0.25]


@pytest.fixture(scope="module")
def ground():
    return NoisyLabels(FEATURES, LABELS, noise=1.5, start=[0.5, -0.25])


def test_statistics_are_those_of_polynomials(ground):
    losses = []
    for (a, b), y in zip(FEATURES, LABELS, strict=True):
        for noise in (1.5, -1.5):
            c = y + noise
            polynomial = {
                (2, 0): a * a / 2,
                (1, 1): a * b,
                (0, 2): b * b / 2,
                (1, 0): -a * c,
                (0, 1): -b * c,
                (0, 0): c * c / 2,
            }
            losses.append(polynomial)
    exact = PolynomialLandscape(
        [{e: Fraction(x) for e, x in loss.items()} for loss in losses],
        (Fraction(1, 2), Fraction(-1, 4)),
        noises=2,
    ).statistics(3)
    given = ground.statistics(3)
    assert (given.visits, given.noise) == (exact.visits, exact.noise)
    for k, array in exact.samples.items():
        assert given.samples[k] == pytest.approx(array.astype(float))


@pytest.mark.parametrize(
    "scheme",
    [
        Epochs(N=2, B=1, E=3),
        Epochs(N=4, B=2, E=2, shuffle="every-epoch"),
        FullBatch(N=2, E=4),
        WithReplacement(N=2, B=2, T=4),
        OnePass(T=4, B=2),
    ],
    ids=lambda scheme: scheme.label,
)
@pytest.mark.parametrize("observable", ["test-loss", "training-loss"])
def test_runs_are_what_the_theory_says(ground, scheme, observable):
    runs = simulate(ground, observable=observable, sampling=scheme, eta=0.02, runs=20_000, seed=1)
    expansion = expand(observable, order=4, sampling=scheme, visits="fresh")
    change = expansion.evaluate(ground.statistics(5), eta=0.02).change
    assert abs(runs.value - change) < 4.5 * runs.standard_error + 1e-5


def test_the_noise_of_a_visit_matters(ground):
    scheme = FullBatch(N=2, E=4)
    runs = simulate(ground, sampling=scheme, eta=0.02, runs=20_000, seed=1)
    statistics = ground.statistics(5)
    same = expand("test-loss", order=4, sampling=scheme).evaluate(statistics, eta=0.02).change
    assert abs(runs.value - same) > 6 * runs.standard_error


def test_runs_do_not_depend_on_how_many_are_made(ground):
    options = {"sampling": Epochs(N=2, B=1, E=2), "eta": 0.1, "seed": 3}
    few = simulate(ground, runs=100, **options)
    many = simulate(ground, runs=300, **options)
    assert np.array_equal(few.per_run, many.per_run[..., :100])


@pytest.mark.parametrize(
    ("features", "labels", "options"),
    [
        ([1.0], [1.0], {}),
        ([[1.0]], [1.0, 2.0], {}),
        ([[1.0]], [1.0], {"start": [0.0, 1.0]}),
        ([[np.nan]], [1.0], {}),
        ([[1.0]], [1.0], {"noise": np.inf}),
    ],
)
def test_bad_input(features, labels, options):
    with pytest.raises(RequestError, match="expected"):
        NoisyLabels(features, labels, **options)


def test_its_methods_agree(ground):
    check_landscape(ground)


def test_comparisons_know_the_noise(ground):
    options = {"sampling": FullBatch(N=2, E=4), "eta": 0.02}
    comparison = compare(ground, order=3, runs=4000, **options)
    series = expand("test-loss", order=3, sampling=options["sampling"], visits="fresh")
    change = series.evaluate(ground.statistics(3), eta=0.02).change
    assert comparison.points[0].predictions[-1] == pytest.approx(change)
