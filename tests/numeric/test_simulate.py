"""Simulated SGD against a plain loop, closed forms, and its own bookkeeping."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sgdiagrams.diagrams import RequestError, SamplingError
from sgdiagrams.numeric.exact import epochs_schedule, one_pass_schedule
from sgdiagrams.numeric.landscape import landscape
from sgdiagrams.numeric.simulate import Moments, chunk_size, schedule_of, simulate_chunk
from sgdiagrams.numeric.toys import Helix, Mean
from sgdiagrams.symbolic import Epochs, FullBatch, OnePass
from sgdiagrams.symbolic.sampling import Sampling

OBSERVABLES = ("test-loss", "training-loss", "generalisation-gap")
SCHEMES = [OnePass(T=4), OnePass(T=2, B=3), Epochs(N=6, B=2, E=3), FullBatch(N=3, E=2)]
scheme_named = pytest.mark.parametrize("scheme", SCHEMES, ids=lambda scheme: scheme.label)


def loop(where, schedule, rows, observable, eta, runs, seed):
    """Return the change of each run, one run and one datapoint at a time."""
    data = where.draw(np.random.default_rng(seed), (runs, rows))
    changes = []
    for training_set in data:
        theta = where.start[None]
        for batch in schedule:
            slopes = [where.gradient(theta, training_set[None, [n]]) for n in batch]
            theta = theta - eta * sum(slopes) / len(batch)
        test = where.test_loss(theta)[0] - where.test_loss(where.start[None])[0]
        train = 0.0
        for n in range(rows):
            x = training_set[None, [n]]
            train += (where.loss(theta, x) - where.loss(where.start[None], x))[0, 0] / rows
        changes.append(dict(zip(OBSERVABLES, (test, train, test - train), strict=True))[observable])
    return np.array(changes)


@scheme_named
@pytest.mark.parametrize("observable", OBSERVABLES)
@pytest.mark.parametrize("name", ["gauss", "helix", "mean", "digits"])
def test_agrees_with_a_loop(name, observable, scheme):
    where = landscape(name)
    rows, batches = schedule_of(scheme)
    values = loop(where, batches, rows, observable, 0.3, 7, (5, 2))
    moments = simulate_chunk(where, scheme, observable=observable, eta=0.3, runs=7, seed=(5, 2))
    assert moments.count == 7
    assert moments.diverged == 0
    assert moments.mean == pytest.approx(values.mean(), rel=1e-9, abs=1e-14)
    assert moments.squares == pytest.approx(((values - values.mean()) ** 2).sum(), rel=1e-9)
    assert moments.standard_error == pytest.approx(values.std(ddof=1) / math.sqrt(7), rel=1e-9)


@scheme_named
def test_schedules_are_those_of_the_exact_simulator(scheme):
    rows, batches = schedule_of(scheme)
    values = {name: int(value) for name, value in scheme.values.items()}
    schedule = one_pass_schedule(**values) if "T" in values else epochs_schedule(**values)
    assert tuple(map(tuple, batches)) == schedule
    assert rows == 1 + max(map(max, schedule))


def test_mean_and_variance_of_a_quadratic():
    """theta_T is Gaussian of variance v: H theta^2/2 has mean H v/2 and variance H^2 v^2/2."""
    H, S, eta, T, runs = 1.5, 0.7, 0.2, 8, 20_000
    moments = simulate_chunk(Mean(H, S), OnePass(T=T), eta=eta, runs=runs, seed=(1,))
    v = sum(eta**2 * S**2 * (1 - eta * H) ** (2 * k) for k in range(T))
    assert abs(moments.mean - H * v / 2) < 4 * moments.standard_error
    assert moments.squares / (runs - 1) == pytest.approx(H**2 * v**2 / 2, rel=0.1)


def test_gap_of_one_full_batch_step_on_a_quadratic():
    """Only the noise meets itself: the gap is eta C / N."""
    moments = simulate_chunk(
        Mean(1, 2), FullBatch(N=4, E=1), observable=OBSERVABLES[2], eta=0.3, runs=20_000, seed=(3,)
    )
    assert abs(moments.mean - 0.3 * 4 / 4) < 4 * moments.standard_error


finite = st.floats(-1e3, 1e3)


@given(st.lists(finite, max_size=12), st.lists(finite, max_size=12))
def test_moments_merge_as_if_together(one, two):
    together = Moments.of(np.array(one + two))
    merged = Moments.of(np.array(one)).merge(Moments.of(np.array(two)))
    assert merged.count == together.count == len(one + two)
    assert merged.mean == pytest.approx(together.mean, abs=1e-9)
    assert merged.squares == pytest.approx(together.squares, rel=1e-9, abs=1e-6)


def test_moments_count_what_is_not_finite():
    moments = Moments.of(np.array([1.0, np.nan, 3.0, np.inf, -np.inf]))
    assert (moments.count, moments.mean, moments.squares, moments.diverged) == (2, 2.0, 2.0, 3)
    assert Moments.of(np.array([np.nan])).merge(moments) == Moments(2, 2.0, 2.0, 4)
    assert Moments().standard_error == math.inf
    assert Moments.of(np.ones(1)).standard_error == math.inf


@pytest.mark.parametrize("observable", OBSERVABLES)
def test_diverging_runs_are_counted_without_a_warning(observable):
    moments = simulate_chunk(
        Mean(4, 1, 1), OnePass(T=2000), observable=observable, eta=5.0, runs=10, seed=(0,)
    )
    assert (moments.count, moments.diverged) == (0, 10)


def test_seeds_reproduce_and_differ():
    options = {"eta": 0.1, "runs": 20}
    first = simulate_chunk(Helix(), OnePass(T=3), seed=(0, 0, 0), **options)
    assert simulate_chunk(Helix(), OnePass(T=3), seed=(0, 0, 0), **options) == first
    for other in ((1, 0, 0), (0, 1, 0), (0, 0, 1)):
        assert simulate_chunk(Helix(), OnePass(T=3), seed=other, **options) != first


def test_chunks_shrink_with_the_problem():
    sizes = [chunk_size(Helix(), rows) for rows in (1, 10**4, 10**9)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > sizes[-1] > 0


class Strange(Sampling):
    name = "strange"
    numbers = ("B",)
    B = 1
    is_empty = False

    def laurent(self, *_, **__):
        return {}


@pytest.mark.parametrize(
    ("scheme", "error"),
    [
        (OnePass(), SamplingError),
        (Epochs(N=4), SamplingError),
        (OnePass(T=0), SamplingError),
        (Epochs(N=4, B=2, E=0), SamplingError),
        (Strange(), RequestError),
    ],
)
def test_schedules_that_cannot_be_run(scheme, error):
    with pytest.raises(error, match="expected"):
        schedule_of(scheme)
