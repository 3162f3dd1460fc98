"""Runs one by one: what they have in common, what their differences say, how they go on elsewhere."""

import json
import logging
import math
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import suppress

import numpy as np
import pytest
from executor_tasks import KillsOneWorker
from scipy.stats import t as student

from sgdiagrams import (
    SGD,
    Epochs,
    FormatError,
    Function,
    Grid,
    Momentum,
    OnePass,
    RequestError,
    SamplingError,
    Training,
    WithReplacement,
    expand,
    simulate,
)
from sgdiagrams.numeric.landscapes.landscape import Landscape
from sgdiagrams.numeric.landscapes.names import landscape
from sgdiagrams.numeric.landscapes.toys import Gauss, Helix, Mean
from sgdiagrams.numeric.simulation.simulated import PairedDifference
from sgdiagrams.numeric.simulation.simulation import Simulation

SMALL = {"eta": 0.1, "T": 4, "runs": 150}


class Loud(Landscape):
    """A landscape that keeps what it is asked for."""

    name = "loud"

    def __init__(self):
        self.seen = []

    @property
    def start(self):
        return np.zeros(1)

    def draw(self, rng, shape):
        return rng.standard_normal(shape)

    def loss(self, theta, x):
        return 0.5 * (theta - x) ** 2

    def gradient(self, theta, x):
        self.seen.append(x)
        return theta - x.mean(axis=1, keepdims=True)

    def test_loss(self, theta):
        return 0.5 * (theta[:, 0] ** 2 + 1)

    def statistics(self, order):
        raise NotImplementedError


def batches(sampling, optimizer="sgd", runs=70, eta=0.1, **options):
    """Return the datapoints of every update, one array (runs, B) an update."""
    where = Loud()
    simulate(where, sampling=sampling, optimizer=optimizer, eta=eta, runs=runs, **options)
    return where.seen


def test_the_same_training_sets_for_every_scheme_optimizer_and_rate():
    once = np.hstack(batches(OnePass(T=6)))
    assert once.shape == (70, 6)
    assert len(np.unique(once)) == once.size
    for other in (
        batches(OnePass(T=3, B=2)),
        batches(Epochs(N=6, B=3, E=1)),
        batches(OnePass(T=6), optimizer="nesterov", beta=0.9),
        batches(OnePass(T=6), eta=0.7),
    ):
        assert np.array_equal(np.hstack(other), once)
    reshuffled = np.hstack(batches(Epochs(N=6, B=2, E=1, shuffle="every-epoch")))
    assert np.array_equal(np.sort(reshuffled, axis=1), np.sort(once, axis=1))
    drawn = np.hstack(batches(WithReplacement(N=6, B=1, T=30)))
    assert all(set(a) <= set(b) for a, b in zip(drawn, once, strict=True))


def test_smaller_training_sets_are_the_beginnings_of_larger_ones():
    small, large = (np.hstack(batches(OnePass(T=T))) for T in (3, 7))
    assert np.array_equal(small, large[:, :3])


def test_the_same_orders_for_every_batch_size_optimizer_and_rate():
    one = np.hstack(batches(Epochs(N=6, B=1, E=3, shuffle="every-epoch")))
    for options in ({}, {"optimizer": "momentum", "beta": 0.5}, {"eta": -0.3}):
        other = batches(Epochs(N=6, B=2, E=3, shuffle="every-epoch"), **options)
        assert np.array_equal(np.hstack(other), one)
    # A shorter training is the beginning of a longer one.
    assert np.array_equal(
        np.hstack(batches(Epochs(N=6, B=1, E=2, shuffle="every-epoch"))), one[:, :12]
    )


@pytest.mark.parametrize("scheme", [
    OnePass(T=4), Epochs(N=4, E=2, B=2, shuffle="every-epoch"), WithReplacement(N=3, T=5, B=2),
    Grid([[0, 1], [2]]),
], ids=lambda s: s.name)  # fmt: skip
def test_a_run_has_a_number_whatever_runs_beside_it(scheme, monkeypatch):
    options = {"sampling": scheme, "eta": [0.1, 0.2]}
    whole = simulate("digits", runs=200, **options).per_run
    assert whole.shape == (2, 200)
    assert np.array_equal(simulate("digits", runs=130, **options).per_run, whole[:, :130])
    assert np.array_equal(
        simulate("digits", runs=130, **(options | {"eta": 0.2})).per_run, whole[1:, :130]
    )
    monkeypatch.setattr(Landscape, "runs_at_once", lambda *_: 37)
    np.testing.assert_allclose(simulate("digits", runs=200, **options).per_run, whole, rtol=1e-12)
    other = simulate("digits", runs=200, seed=1, **options).per_run
    assert not np.intersect1d(other, whole).size


def test_runs_are_independent_and_have_the_right_mean():
    """On a quadratic the expansion to order 2 T is exact."""
    expansion = expand("test-loss", order=4, sampling=OnePass(T=2))
    expected = float(expansion.evaluate(Mean().statistics(4), eta=0.3).change)
    simulated = simulate("mean", eta=0.3, T=2, runs=40_000)
    assert abs(simulated.value - expected) < 4 * simulated.standard_error
    assert simulated.standard_error < abs(expected) / 50
    x = simulated.per_run[0] - simulated.value
    assert abs(np.corrcoef(x[:-1], x[1:])[0, 1]) < 4 / math.sqrt(len(x))
    assert abs(np.corrcoef(x[:-64], x[64:])[0, 1]) < 4 / math.sqrt(len(x))
    assert simulated.standard_error == pytest.approx(x.std(ddof=1) / math.sqrt(len(x)))


@pytest.mark.parametrize(
    ("observable", "component"),
    [("training-loss", None), ("generalisation-gap:since=2", None), ("second-moment", (0, 2)),
     (Function("norm", value=lambda theta: (theta**2).sum(axis=1)), None)],
)  # fmt: skip
def test_observables_are_those_of_a_simulation(observable, component):
    options = {"observable": observable, "component": component}
    training = Training(Epochs(N=4, B=2, E=2), Momentum(beta=0.5))
    simulation = Simulation(Helix(), training, **options)
    ours = simulate(
        "helix",
        sampling=training.sampling,
        optimizer=training.optimizer,
        eta=0.2,
        runs=100,
        **options,
    )
    assert np.array_equal(ours.per_run[0], simulation.values(eta=0.2, first=0, runs=100, seed=0))
    assert ours.component == component
    assert ours.statistic == "mean"


def test_a_difference_is_that_of_the_runs():
    a = simulate("digits", sampling="epochs", N=6, B=1, E=4, eta=[0.2, 0.4], runs=400)
    b = simulate("digits", sampling="reshuffled-epochs", N=6, B=1, E=4, eta=[0.2, 0.4], runs=300)
    difference = b - a
    assert isinstance(difference, PairedDifference)
    x = b.per_run - a.per_run[:, :300]
    np.testing.assert_array_equal(difference.per_run, x)
    np.testing.assert_allclose(difference.value, x.mean(axis=1))
    np.testing.assert_allclose(difference.standard_error, x.std(axis=1, ddof=1) / math.sqrt(300))
    spreads = [a.per_run[:, :300].var(axis=1, ddof=1), b.per_run.var(axis=1, ddof=1)]
    np.testing.assert_allclose(difference.unpaired_standard_error, np.sqrt(sum(spreads) / 300))
    # What the two have in common makes the error nine times smaller.
    assert (9 * difference.standard_error < difference.unpaired_standard_error).all()
    low, high = difference.interval(0.9)
    np.testing.assert_allclose((low + high) / 2, difference.value)
    np.testing.assert_allclose((high - low) / 2, student.ppf(0.95, 299) * difference.standard_error)
    assert difference.etas == ((0.2, 0.2), (0.4, 0.4))


def test_the_difference_of_two_learning_rates():
    options = {"sampling": "fresh-data", "runs": 200}
    one = simulate("digits", eta=0.1, T=12, B=1, **options)
    two = simulate("digits", eta=[0.2, 0.3], T=6, B=2, **options)
    difference = two - one
    assert difference.etas == ((0.2, 0.1), (0.3, 0.1))
    np.testing.assert_array_equal(difference.per_run, two.per_run - one.per_run)
    assert "0.2, 0.1" in str(difference)
    single = simulate("digits", eta=0.2, T=6, B=2, **options) - one
    assert single.value == difference.value[0]
    assert isinstance(single.standard_error, float)


def test_variances_and_their_difference():
    options = {"observable": "variance", "T": 5, "eta": 0.3, "runs": 400}
    a, b = (simulate("gauss", optimizer=o, **options) for o in ("sgd", Momentum(beta="1/10")))
    assert a.value == pytest.approx(a.per_run.var(ddof=1))
    assert a.influences.mean() == pytest.approx(a.value)
    difference = a - b
    assert difference.value == pytest.approx(a.value - b.value)
    # Jackknife over runs, as an independent witness.
    x, y = a.per_run[0], b.per_run[0]
    left_out = [
        np.var(np.delete(x, i), ddof=1) - np.var(np.delete(y, i), ddof=1) for i in range(400)
    ]
    jackknife = math.sqrt(399 / 400 * np.sum((left_out - np.mean(left_out)) ** 2))
    assert difference.standard_error == pytest.approx(jackknife, rel=0.03)
    assert difference.standard_error < difference.unpaired_standard_error


@pytest.mark.parametrize(
    "options",
    [{"seed": 1}, {"landscape": "gauss"}, {"landscape": Mean(2, 1, 1)}, {"observable": "training-loss"},
     {"observable": "displacement", "component": 0}],
)  # fmt: skip
def test_what_has_nothing_in_common_is_not_subtracted(options):
    one = simulate("mean", **SMALL)
    two = simulate(**({"landscape": "mean"} | SMALL | options))
    with pytest.raises(RequestError, match=r"^expected runs of one .* to subtract, got .*$"):
        one - two


def test_other_subtractions():
    one, two = (simulate("mean", **(SMALL | {"eta": eta})) for eta in ([0.1, 0.2], [0.1, 0.2, 0.3]))
    with pytest.raises(
        RequestError, match=r"^expected equally many learning rates .* got 2 and 3$"
    ):
        one - two
    with pytest.raises(TypeError):
        one - 1


def test_diverged_runs_are_counted_and_say_nothing():
    wild = simulate("gauss", eta=[-50, 0.1], T=100, runs=100)
    assert 0 < wild.diverged[0] < 100
    assert wild.diverged[1] == 0
    assert np.isnan(wild.per_run[0]).sum() == wild.diverged[0]
    assert np.abs(wild.per_run[0][np.isfinite(wild.per_run[0])]).max() < 1e60
    assert np.isnan(wild.value[0])
    assert wild.standard_error[0] == math.inf
    assert np.isfinite(wild.value[1])
    assert "diverged" in str(wild)
    tame = simulate("gauss", eta=0.1, T=100, runs=100)
    difference = wild - tame
    assert np.isnan(difference.value[0])
    assert difference.value[1] == 0
    assert "diverged" in str(difference)
    data = json.loads(json.dumps((difference.to_dict()), allow_nan=False))
    assert data["first"]["points"][0]["value"] is None
    assert data["first"]["points"][0]["diverged"] == wild.diverged[0]
    assert data["points"][0]["value"] is None


def test_tables_and_data():
    one = simulate("helix", observable="displacement:since=1", component=2, eta=0.1, T=4, runs=50,
                   optimizer="momentum", beta=0.5)  # fmt: skip
    assert " ".join(str(one).splitlines()[:2]).replace("|     ", "| ") == (
        "displacement [2] since update 1 on helix | one-pass T=4 B=1 | momentum beta=1/2 | 50 runs"
    )
    assert one._repr_html_().count("<tr>") == 2
    assert repr(one).startswith("<Simulated: displacement [2]")
    data = json.loads(json.dumps(one.to_dict(), allow_nan=False))
    assert data["points"][0]["value"] == pytest.approx(one.value)
    assert data["component"] == [2]
    assert not one.per_run.flags.writeable
    difference = one - one
    assert difference.value == difference.standard_error == 0
    assert "50 pairs of runs" in str(difference)
    assert "<table" in difference._repr_html_()
    assert repr(difference).startswith("<PairedDifference: displacement")
    for level in (0, 1, "x"):
        with pytest.raises(RequestError, match="level"):
            one.interval(level)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"runs": 1}, RequestError),
        ({"runs": 2.5}, RequestError),
        ({"runs": 10**9}, RequestError),
        ({"seed": -1}, RequestError),
        ({"eta": 0}, RequestError),
        ({"eta": [0.1, math.nan]}, RequestError),
        ({"eta": "fast"}, RequestError),
        ({"eta": []}, RequestError),
        ({"landscape": "flat"}, RequestError),
        ({"sampling": "gradient-flow:order=5", "T": 3}, RequestError),
        ({"T": 2.5}, SamplingError),
        ({"executor": 3}, RequestError),
    ],
)
def test_wrong_requests(options, error):
    with pytest.raises(error, match=r"^expected [^\n]*$"):
        simulate(**({"landscape": "mean"} | SMALL | options))


# Elsewhere and later -----------------------------------------------------------------------------


def stop_after(calls):
    seen = []

    def progress(fraction, _text):
        seen.append(fraction)
        if len(seen) == calls:
            raise KeyboardInterrupt

    return progress


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(Landscape, "runs_at_once", lambda *_: 25)


def process_pool():
    return ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn"))


@pytest.mark.usefixtures("small_chunks")
def test_every_executor_gives_the_same():
    options = {
        "sampling": "reshuffled-epochs",
        "N": 4,
        "B": 1,
        "E": 2,
        "eta": [0.1, 0.2],
        "runs": 140,
    }
    here = simulate("digits", **options)
    with ThreadPoolExecutor(3) as threads, process_pool() as processes:
        for executor in (threads, processes):
            there = simulate("digits", executor=executor, **options)
            assert np.array_equal(there.per_run, here.per_run)


def test_a_cluster_of_which_a_worker_is_killed_gives_the_same(tmp_path):
    distributed = pytest.importorskip("distributed")
    function = Function("square", value=KillsOneWorker(str(tmp_path), os.getpid()))
    options = {"eta": [0.1, 0.2], "runs": 9000, "T": 3, "observable": function}
    here = simulate("gauss", **options)
    assert not (tmp_path / "killed").exists()
    with (
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            dashboard_address=None,
            silence_logs=logging.CRITICAL,
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        there = simulate("gauss", executor=client.get_executor(), **options)
    assert (tmp_path / "killed").exists()
    assert there.complete
    assert np.array_equal(there.per_run, here.per_run)


@pytest.mark.usefixtures("small_chunks")
def test_interrupts_and_checkpoints(tmp_path):
    path = tmp_path / "runs.npz"
    options = {"eta": [0.1, 0.2], "T": 3, "sampling": "one-pass"}
    whole = simulate("helix", runs=210, **options)
    part = simulate("helix", runs=140, checkpoint=path, progress=stop_after(3), **options)
    assert not part.complete
    assert part.per_run.shape == (2, 75)
    assert "interrupted: 75 of 140 runs were made" in str(part)
    assert np.array_equal(part.per_run, whole.per_run[:, :75])
    seen = []
    rest = simulate(
        "helix", runs=140, checkpoint=path, progress=lambda f, _: seen.append(f), **options
    )
    assert rest.complete
    assert len(seen) == 3
    assert seen[-1] == 1
    more = simulate("helix", runs=210, checkpoint=path, **options)
    assert np.array_equal(more.per_run, whole.per_run)
    fewer = simulate("helix", runs=60, checkpoint=path, progress=stop_after(1), **options)
    assert fewer.complete
    assert np.array_equal(fewer.per_run, whole.per_run[:, :60])
    for other in (
        {"T": 4},
        {"eta": [0.1, 0.3]},
        {"optimizer": SGD(schedule=[1, 2, 1])},
        {"seed": 1},
    ):
        with pytest.raises(FormatError, match="other settings"):
            simulate("helix", runs=210, checkpoint=path, **(options | other))


def test_damaged_checkpoints_are_refused(tmp_path):
    path, options = tmp_path / "runs.npz", {"eta": 0.1, "T": 3, "runs": 50}
    once = simulate("mean", checkpoint=path, **options).per_run
    good = path.read_bytes()
    rng = np.random.default_rng(0)
    for at in rng.integers(len(good), size=60):
        path.write_bytes(good[:at] + bytes([good[at] ^ 4]) + good[at + 1 :])
        with suppress(FormatError):  # some bytes of an archive say nothing
            simulated = simulate("mean", checkpoint=path, **options)
            assert np.array_equal(simulated.per_run, once)
    for wrong in (good[: len(good) // 2], b"", b"{}", b"PK"):
        path.write_bytes(wrong)
        with pytest.raises(FormatError, match=r"^expected [^\n]*$"):
            simulate("mean", checkpoint=path, **options)
    np.savez(path, header=np.zeros(3, dtype=np.uint8), runs=np.zeros((1, 2)), more=np.zeros(1))
    with pytest.raises(FormatError, match="entries header and runs"):
        simulate("mean", checkpoint=path, **options)
    np.savez_compressed(path, header=np.zeros(3, dtype=np.uint8), runs=np.zeros((1, 10**7)))
    with pytest.raises(FormatError, match="numbers that fill their file"):
        simulate("mean", checkpoint=path, **options)


def test_an_error_of_a_landscape_keeps_what_was_made(tmp_path, monkeypatch):
    monkeypatch.setattr(Landscape, "runs_at_once", lambda *_: 25)
    path = tmp_path / "runs.npz"

    def broken(fraction, _text):
        if fraction >= 0.5:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        simulate(Gauss(), eta=0.1, T=3, runs=100, checkpoint=path, progress=broken)
    seen = []
    simulate(Gauss(), eta=0.1, T=3, runs=100, checkpoint=path, progress=lambda f, _: seen.append(f))
    assert seen == [0.75, 1]


def test_landscapes_by_name_and_object():
    assert np.array_equal(
        simulate("helix", **SMALL).per_run, simulate(landscape("helix"), **SMALL).per_run
    )
