"""Comparisons: the demonstration, the bookkeeping of long runs, tables and pictures."""

import importlib.abc
import json
import math
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import ClassVar
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from click.testing import CliRunner
from matplotlib.figure import Figure
from measurements import measured

from sgdiagrams.commands import cli
from sgdiagrams.diagrams import (
    FormatError,
    MissingDependencyError,
    RequestError,
    SamplingError,
    SgdiagramsError,
)
from sgdiagrams.numeric import compare as compare_function
from sgdiagrams.numeric.comparison.comparison import Comparison
from sgdiagrams.numeric.comparison.experiment import compare
from sgdiagrams.numeric.comparison.points import Point
from sgdiagrams.numeric.comparison.refinement import refined, smooth
from sgdiagrams.numeric.landscapes.landscape import Landscape
from sgdiagrams.numeric.landscapes.toys import Helix, Mean
from sgdiagrams.numeric.measurement.values import Values
from sgdiagrams.numeric.pictures.canvas import check_picture
from sgdiagrams.numeric.simulation.moments import Moments
from sgdiagrams.numeric.statistics import Statistics
from sgdiagrams.symbolic import (
    TEST_LOSS,
    Epochs,
    FullBatch,
    GradientFlow,
    Grid,
    OnePass,
    WithReplacement,
)
from sgdiagrams.symbolic.theorem import expand
from sgdiagrams.symbolic.training.average import ExponentialAverage, TailAverage
from sgdiagrams.symbolic.training.optimizers.momentum import Momentum, Nesterov
from sgdiagrams.symbolic.training.optimizers.sgd import SGD
from sgdiagrams.symbolic.training.schedules.stepwise import Cosine, Step


@pytest.mark.parametrize(
    ("name", "options", "eta"),
    [
        ("helix", {"observable": "displacement", "component": 2}, 0.01),
        ("gauss", {}, 0.005),
        ("mean", {"order": 2}, 0.3),
    ],
)
def test_after_long_times_the_resummed_series_holds(name, options, eta):
    """Within three standard errors of simulated SGD, where the plain series is of no use."""
    comparison = compare(
        name, **{"order": 3, **options}, eta=[eta], runs=2000, T=3000, resummed=True
    )
    [point] = comparison.points
    assert abs(point.resummed_deviations[-1]) < 3
    assert abs(point.deviations[-1]) > 100


def test_demonstration_on_real_images():
    """Order 3 within two standard errors of simulated SGD, order 1 more than five away."""
    comparison = compare("digits", order=3, eta=[0.04, 0.06], runs=20_000, T=10)
    assert any(
        abs(p.deviations[2]) < 2 and abs(p.deviations[0]) > 5 and p.moments.count == 20_000
        for p in comparison.points
    )
    assert "standard errors from the simulation" in " ".join(str(comparison).split())


@pytest.mark.parametrize("observable", ["test-loss", "training-loss", "generalisation-gap"])
@pytest.mark.parametrize(
    ("name", "sampling", "eta"),
    [
        ("gauss", OnePass(T=5), 0.02),
        ("helix", OnePass(T=3, B=2), 0.01),
        ("mean", Epochs(N=4, B=2, E=3), 0.01),
        ("digits", Epochs(N=6, B=2, E=2), 0.02),
    ],
)
def test_highest_order_meets_the_simulation(name, sampling, eta, observable):
    comparison = compare(
        name, observable=observable, order=3, sampling=sampling, eta=eta, runs=8000, seed=2
    )
    assert abs(comparison.points[0].deviations[-1]) < 4


RESHUFFLED = Epochs(N=3, B=1, E=2, shuffle="every-epoch")


@pytest.mark.parametrize(
    ("name", "sampling", "optimizer", "observable", "component", "order", "eta"),
    [
        ("gauss", OnePass(T=5), Momentum(beta=0.9), "test-loss", None, 3, 0.01),
        ("digits", WithReplacement(N=4, B=2, T=4), SGD(), "generalisation-gap", None, 3, 0.03),
        ("digits", RESHUFFLED, Nesterov(beta=0.5), "training-loss", None, 3, 0.02),
        ("digits", OnePass(T=6), SGD(average=TailAverage(3)), "test-loss", None, 3, 0.05),
        ("helix", OnePass(T=4), SGD(average=ExponentialAverage(0.5)), "test-loss", None, 4, 0.04),
        ("digits", OnePass(T=4), SGD(weight_decay=0.5), "test-loss", None, 3, 0.05),
        (
            "digits",
            Grid([[0, 1], [2], [0], [2, 1, 0]]),
            Momentum(beta=0.5, schedule=[1, 2, 0.5, 1], weight_decay=0.2),
            "training-loss",
            None,
            3,
            0.03,
        ),
        ("digits", FullBatch(N=3, E=4), SGD(schedule=Cosine()), "test-loss:since=2", None, 3, 0.1),
        ("digits", OnePass(T=5), SGD(), "variance", None, 3, 0.02),
        (Mean(1, 1, 1), OnePass(T=3), Momentum(beta=0.5), "variance", None, 4, 0.03),
        ("helix", OnePass(T=6), SGD(), "displacement", 2, 4, 0.03),
        ("digits", OnePass(T=5), Momentum(beta=0.5), "displacement:since=2", 2, 3, 0.05),
        ("digits", OnePass(T=4), SGD(weight_decay=0.2), "second-moment", (1, 1), 3, 0.03),
        ("digits", OnePass(T=4), Nesterov(beta=0.5), "second-moment", (1, 3), 3, 0.02),
    ],
)
def test_optimizers_samplings_and_observables_meet_the_simulation(
    name, sampling, optimizer, observable, component, order, eta
):
    """The highest order holds, and the experiment is sharp enough to see that the lowest does not."""
    comparison = compare(
        name,
        observable=observable,
        order=order,
        sampling=sampling,
        optimizer=optimizer,
        eta=eta,
        runs=8000,
        seed=3,
        component=component,
    )
    (point,) = comparison.points
    assert abs(point.deviations[-1]) < 4
    assert abs(point.deviations[0]) > 4
    assert comparison.optimizer == optimizer.label


def test_weight_decay_pulls_to_the_origin_and_the_test_loss_has_no_penalty():
    """Without noise: theta = 2 (1 - eta (H + lambda))^T, exactly."""
    comparison = compare(
        Mean(1, 0, 2),
        order=4,
        sampling=OnePass(T=2),
        optimizer=SGD(weight_decay=0.5),
        eta=0.1,
        runs=2,
    )
    (point,) = comparison.points
    exact = 2 * (1 - 0.1 * 1.5) ** 4 - 2
    assert point.predictions[-1] == pytest.approx(exact, rel=1e-12)
    assert point.simulated == pytest.approx(exact, rel=1e-12)


def test_numbers_go_to_the_sampling_and_to_the_optimizer():
    options = {"order": 2, "eta": 0.05, "runs": 40}
    one = compare("mean", optimizer="momentum", T=3, beta=0.9, **options)
    two = compare("mean", optimizer=Momentum(beta=0.9), sampling=OnePass(T=3), **options)
    assert one == two
    assert one.optimizer == "momentum beta=9/10"
    averaged = SGD(average=ExponentialAverage())
    three = compare("mean", optimizer=averaged, T=3, alpha=0.5, **options)
    assert three.optimizer == "sgd, exponential average alpha=1/2"


def test_predictions_of_a_quadratic_by_hand():
    """From theta0 = 2 with H = 1, C = 1: ((1-eta)^2T - 1) 2 + (eta^2/2) sum (1-eta)^2k."""
    comparison = compare(Mean(1, 1, 2), order=4, eta=0.1, runs=16, T=2)
    eta = 0.1
    change = 2 * ((1 - eta) ** 4 - 1) + eta**2 / 2 * (1 + (1 - eta) ** 2)
    assert comparison.predict(eta)[-1] == pytest.approx(change, rel=1e-12)
    assert comparison.predict(eta)[0] == pytest.approx(-8 * eta, rel=1e-12)
    assert comparison.order == 4
    assert comparison.points[0].predictions == comparison.predict(eta)


def test_simulation_of_a_quadratic_lies_on_its_closed_form():
    eta, T = 0.3, 6
    comparison = compare(Mean(1, 1, 1), order=1, eta=eta, runs=20_000, T=T)
    exact = 0.5 * ((1 - eta) ** (2 * T) - 1)
    exact += 0.5 * eta**2 * sum((1 - eta) ** (2 * k) for k in range(T))
    moments = comparison.points[0].moments
    assert abs(moments.mean - exact) < 4 * moments.standard_error


def test_default_learning_rates_end_where_the_series_fails():
    comparison = compare("mean", order=3, runs=4, T=5)
    etas = [p.eta for p in comparison.points]
    assert len(etas) == 8
    np.testing.assert_allclose(np.diff(np.log(etas)), np.log(etas[1] / etas[0]))
    *_, before, last = (abs(c) * etas[-1] ** k for k, c in enumerate(comparison.coefficients))
    assert 1 / 3 <= last / before < 1


def test_default_learning_rates_ignore_rounding():
    """At the minimum order 1 vanishes but for rounding, and order 2 alone tells no scale."""
    comparison = compare("gauss", order=2, runs=4, T=5)
    assert comparison.points[-1].eta == pytest.approx(0.1)
    with pytest.raises(RequestError, match="eta="):
        compare("helix", order=1, runs=4, T=5)


def test_same_seed_same_numbers_and_any_order():
    options = {"eta": [0.02, 0.05], "runs": 40, "T": 4}
    one = compare("gauss", order=3, **options)
    assert compare("gauss", order=3, **options) == one
    assert compare("gauss", order=2, **options).points[1].moments == one.points[1].moments
    assert compare("gauss", order=3, seed=1, **options).points != one.points
    twice = compare("gauss", order=2, eta=[0.05, 0.05], runs=40, T=4)
    assert twice.points[0].moments != twice.points[1].moments


def test_objects_are_as_good_as_names():
    options = {"eta": 0.05, "runs": 40}
    one = compare("mean", observable="test-loss", sampling="one-pass", T=4, **options)
    two = compare(Mean(), observable=TEST_LOSS, sampling=OnePass(T=4), **options)
    assert one == two
    assert compare_function is compare


@pytest.fixture
def small_chunks(monkeypatch):
    """Let 100 runs be ten chunks."""
    monkeypatch.setattr(Landscape, "runs_at_once", lambda *_: 10)


OPTIONS = {"order": 2, "eta": [0.05, 0.1], "runs": 95, "T": 3}


def stop_after(calls):
    """Return a progress callback that presses Ctrl-C."""
    seen = []

    def progress(fraction, _text):
        seen.append(fraction)
        if len(seen) == calls:
            raise KeyboardInterrupt

    return progress


@pytest.mark.usefixtures("small_chunks")
def test_the_executor_changes_nothing():
    here = compare("mean", **OPTIONS)
    with ThreadPoolExecutor(3) as pool:
        assert compare("mean", **OPTIONS, executor=pool) == here
        part = compare("mean", **OPTIONS, executor=pool, progress=stop_after(7))
    assert [p.moments.count for p in part.points] == [40, 30]


@pytest.mark.usefixtures("small_chunks")
def test_interruption_returns_what_was_measured():
    comparison = compare("mean", **OPTIONS, progress=stop_after(7))
    assert not comparison.complete
    assert [p.moments.count for p in comparison.points] == [40, 30]
    assert "interrupted: at least 30 of 95" in str(comparison)
    first = compare("mean", **OPTIONS, progress=stop_after(1))
    assert [p.moments.count for p in first.points] == [10, 0]
    assert first.to_dict()["points"][1]["moments"]["mean"] is None
    assert json.loads(json.dumps(first.to_dict(), allow_nan=False))["complete"] is False


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("calls", [1, 2, 9, 19])
def test_resuming_gives_the_same_as_never_stopping(calls, tmp_path):
    path = tmp_path / "run.json"
    stopped = compare("mean", **OPTIONS, checkpoint=path, progress=stop_after(calls))
    assert not stopped.complete
    resumed = compare("mean", **OPTIONS, checkpoint=path)
    assert resumed == compare("mean", **OPTIONS)
    assert resumed.complete
    assert {p.moments.count for p in resumed.points} == {95}
    assert [p.name for p in tmp_path.iterdir()] == ["run.json"]
    # Once more: nothing is left to do, and other orders use the same simulation.
    calls = []
    again = compare(
        "mean", **OPTIONS | {"order": 3}, checkpoint=path, progress=lambda *_: calls.append(1)
    )
    assert [p.moments for p in again.points] == [p.moments for p in resumed.points]
    assert not calls


@pytest.mark.usefixtures("small_chunks")
def test_progress_grows_to_one():
    seen = []
    compare("mean", **OPTIONS, progress=lambda fraction, _text: seen.append(fraction))
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    assert len(seen) == 20


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"eta": [0.05, 0.11]},
        {"T": 4},
        {"observable": "training-loss"},
        {"landscape": Mean(1, 2)},
        {"landscape": Mean(1, 1, 1)},
        {"landscape": "gauss"},
        {"optimizer": "momentum:beta=0.5"},
        {"optimizer": SGD(weight_decay=0.5)},
        {"optimizer": SGD(average=TailAverage(2))},
        {"sampling": "fresh-data", "B": 2},
        {"observable": "displacement", "component": 0},
    ],
    ids=str,
)
def test_a_checkpoint_of_other_settings_is_refused(change, tmp_path):
    path = tmp_path / "run.json"
    settings = {"landscape": "mean", "observable": "test-loss", "seed": 0, **OPTIONS}
    compare(**settings, checkpoint=path)
    before = path.read_bytes()
    with pytest.raises(FormatError, match="other settings"):
        compare(**settings | change, checkpoint=path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"optimizer": SGD(schedule=[1, 2])}, {"optimizer": SGD(schedule=[1, 3])}),
        ({"sampling": Grid([[0], [1]])}, {"sampling": Grid([[0], [0]], N=2)}),
    ],
    ids=["schedule", "grid"],
)
def test_checkpoints_tell_what_labels_leave_out(one, other, tmp_path):
    settings = {"order": 1, "eta": 0.1, "runs": 5, "checkpoint": tmp_path / "run.json"}
    settings |= {"landscape": Mean(1, 1, 1), "sampling": OnePass(T=2)}
    first = compare(**settings | one)
    assert compare(**settings | one) == first
    with pytest.raises(FormatError, match="other settings"):
        compare(**settings | other)


def test_components_are_kept_in_checkpoints(tmp_path):
    settings = {"order": 2, "eta": 0.1, "runs": 5, "T": 2, "checkpoint": tmp_path / "run.json"}
    first = compare("helix", observable="second-moment", component=(0, 1), **settings)
    assert compare("helix", observable="second-moment", component=(0, 1), **settings) == first
    with pytest.raises(FormatError, match="other settings"):
        compare("helix", observable="second-moment", component=(1, 1), **settings)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"format": "sgdiagrams-simulation", "version": 99}',
        '{"format": "sgdiagrams-simulation", "version": 1}',
        '{"format": "other", "version": 2}',
        "\udcff",
        "[" * 100_000,
    ],
    ids=range(9),
)
def test_broken_checkpoints_are_refused(text, tmp_path):
    path = tmp_path / "run.json"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(FormatError, match="expected") as caught:
        compare("mean", **OPTIONS, checkpoint=path)
    assert "\n" not in str(caught.value)


FINE = {"count": 95, "mean": 0, "squares": 0, "cubes": 0, "fourths": 0, "diverged": 0}


def signed(path, **changes):
    """Change a checkpoint and sign it again: what is wrong now must be found in what it says."""
    from sgdiagrams.numeric.simulation.checkpoint import _checksum

    data = json.loads(path.read_text()) | changes
    del data["checksum"]
    path.write_text(json.dumps(data | {"checksum": _checksum(data)}))


@pytest.mark.parametrize(
    "rest",
    [
        None,
        [],
        [{}, {}],
        [FINE],
        [{"count": 1, "mean": 0, "squares": 0, "diverged": 0}] * 2,
        *(
            [FINE | change] * 2
            for change in (
                {"count": -1},
                {"squares": -1},
                {"fourths": -1},
                {"diverged": -1},
                {"mean": math.nan},
                {"squares": math.inf},
                {"cubes": math.nan},
                {"fourths": math.inf},
                {"count": math.inf},
                {"count": "x"},
                {"count": True},
                {"count": 95.0},
                {"count": 10**9},
                {"count": 10**400},
                {"diverged": 2048},
                {"mean": 1e300},
                {"mean": True},
                {"mean": 10**400},
                {"mean": "0"},
                {"squares": 10, "fourths": 0.1},
                {"squares": 1, "fourths": 1, "cubes": 2},
                {"count": 1, "squares": 1, "fourths": 1},
                {"count": 0, "mean": 1},
                {"more": 1},
            )
        ),
    ],
    ids=range(29),
)
def test_checkpoints_with_impossible_moments_are_refused(rest, tmp_path):
    path = tmp_path / "run.json"
    compare("mean", **OPTIONS, checkpoint=path)
    signed(path)
    compare("mean", **OPTIONS, checkpoint=path)
    signed(path, rest=rest)
    with pytest.raises(FormatError, match="expected"):
        compare("mean", **OPTIONS, checkpoint=path)


def test_changed_checkpoints_are_refused(tmp_path):
    path = tmp_path / "run.json"
    compare("mean", **OPTIONS, checkpoint=path)
    text = path.read_text()
    digits = [i for i, c in enumerate(text) if c in "123456789" and i > text.index("whole")]
    for i in digits[:: len(digits) // 40]:
        path.write_text(text[:i] + "0" + text[i + 1 :])
        with pytest.raises(FormatError, match="expected"):
            compare("mean", **OPTIONS, checkpoint=path)
    for entry in ("whole", "checksum", "settings"):
        data = json.loads(text)
        data[entry + "s"] = data.pop(entry)
        path.write_text(json.dumps(data))
        with pytest.raises(FormatError, match="expected"):
            compare("mean", **OPTIONS, checkpoint=path)
    path.write_text(text)
    assert compare("mean", **OPTIONS, checkpoint=path).complete


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("runs", [96, 100, 101, 200])
def test_more_runs_are_the_same_as_in_one_go(runs, tmp_path):
    path = tmp_path / "run.json"
    compare("mean", **OPTIONS, checkpoint=path)
    more = OPTIONS | {"runs": runs}
    calls = []
    raised = compare("mean", **more, checkpoint=path, progress=lambda *_: calls.append(1))
    assert raised == compare("mean", **more)
    assert len(calls) == 2 * (-(-runs // 10) - 9)
    for fewer in (95, 90, 89):
        whole = runs // 10 * 10
        if whole > fewer:
            with pytest.raises(FormatError, match=f"at least the {whole} runs"):
                compare("mean", **OPTIONS | {"runs": fewer}, checkpoint=path)


@pytest.mark.usefixtures("small_chunks")
def test_chunks_within_a_round_are_kept(tmp_path, monkeypatch):
    path = tmp_path / "run.json"
    monkeypatch.setattr(sys.modules["sgdiagrams.numeric.comparison.experiment"], "_SECONDS", -1)
    kept = []

    def look(*_):
        kept.append(json.loads(path.read_text())["whole"])

    compare("mean", **OPTIONS | {"runs": 20}, checkpoint=path, progress=look)
    assert [[item["count"] for item in points] for points in kept] == [
        [10, 0],
        [10, 10],
        [20, 10],
        [20, 20],
    ]


def test_an_error_of_a_landscape_keeps_what_is_there(tmp_path):
    path = tmp_path / "run.json"

    def fail(*_):
        raise RuntimeError

    with pytest.raises(RuntimeError):
        compare("mean", **OPTIONS, checkpoint=path, progress=fail)
    assert json.loads(path.read_text())["rest"][0]["count"] == 95
    assert compare("mean", **OPTIONS, checkpoint=path) == compare("mean", **OPTIONS)


def test_a_checkpoint_is_used_by_one_at_a_time(tmp_path):
    from sgdiagrams.numeric.storage.lock import alone_with

    path = tmp_path / "run.json"
    link = tmp_path / "link.json"
    link.symlink_to(path)
    for name in (path, link):
        with alone_with(name), pytest.raises(FormatError, match="which another run is writing"):
            compare("mean", **OPTIONS, checkpoint=path)
    assert not path.exists()
    # What a killed process leaves behind locks nobody out.
    left = tmp_path / ".run.json.lock"
    left.touch()
    first = compare("mean", **OPTIONS, checkpoint=path)
    assert not left.exists()
    assert compare("mean", **OPTIONS, checkpoint=link) == first


def test_checkpoints_need_a_place(tmp_path):
    for path in (tmp_path, tmp_path / "no" / "run.json"):
        with pytest.raises(FormatError, match="existing directory"):
            compare("mean", **OPTIONS, checkpoint=path)


def test_diverging_runs_are_told():
    comparison = compare(Mean(4, 1, 1), order=2, eta=[0.001, 5.0], runs=20, T=2000)
    fine, wild = comparison.points
    assert fine.moments.count == 20
    assert (wild.moments.count, wild.moments.diverged) == (0, 20)
    assert all(math.isnan(d) for d in wild.deviations)
    assert str(comparison).splitlines()[3].split()[:4] == ["5", "diverged", "20", "runs"]
    json.dumps(comparison.to_dict(), allow_nan=False)
    comparison.plot()
    with pytest.raises(RequestError, match="no run diverged"):
        compare(Mean(4, 1, 1), order=2, eta=5.0, runs=20, T=2000).plot()


def test_no_spread_means_no_deviation():
    comparison = compare(Mean(1, 0, 1), order=2, eta=0.1, runs=5, T=2)
    assert comparison.points[0].moments.standard_error == 0
    assert all(math.isnan(d) for d in comparison.points[0].deviations)
    assert str(comparison).splitlines()[2].split()[4] == "-"


def test_table():
    moments = Moments(count=5, mean=-0.25, squares=0.2)
    points = (Point(0.1, moments, (-0.3, -0.24)), Point(0.2, Moments(), (-0.6, -0.4)))
    comparison = Comparison("toy", "test-loss", "one-pass T=2 B=1", (1, -3, 6), points, 5)
    assert comparison.points[0].deviations == pytest.approx((-0.5, 0.1))
    assert str(comparison).splitlines() == [
        "change of the test loss on toy | one-pass T=2 B=1 | 5 runs a point",
        "eta  simulated        +-    order 1  dev.    order 2  dev.",
        "0.1  -0.250000  0.100000  -0.300000  -0.5  -0.240000  +0.1",
        "0.2          -         -  -0.600000     -  -0.400000     -",
        "order k: sum of orders 1..k; dev.: distance to the simulation in its errors",
    ]


def test_table_of_a_variance():
    moments = Moments.of(np.array([0.0, 0.0, 0.0, 4.0]))
    point = Point(0.1, moments, (0.0, 3.5), "variance")
    assert (point.simulated, point.standard_error) == (moments.variance, moments.variance_error)
    assert point.deviations[1] == pytest.approx(-0.5 / moments.variance_error)
    comparison = Comparison(
        "toy", "variance", "one-pass", (0, 0, 350), (point,), 4, optimizer="momentum beta=1/2"
    )
    title, _, row, *_ = str(comparison).splitlines()
    assert title == (
        "variance of the test loss on toy | one-pass | momentum beta=1/2 | 4 runs a point"
    )
    assert row.split()[:3] == ["0.1", "4.000000", f"{moments.variance_error:.6f}"]
    item = comparison.to_dict()["points"][0]
    assert item["simulated"] == 4
    assert item["standard_error"] == moments.variance_error
    empty = Comparison("toy", "variance", "one-pass", (0, 0, 350), (Point(1, Moments(), ()),), 4)
    assert empty.to_dict()["points"][0]["simulated"] is None


@pytest.mark.parametrize(
    ("observable", "component", "words"),
    [
        ("training-loss", None, "change of the training loss"),
        ("test-loss:since=3", None, "change of the test loss since update 3"),
        ("variance", None, "variance of the test loss"),
        ("displacement", (4,), "displacement [4]"),
        ("second-moment:since=3", (0, 4), "second moment [0, 4] since update 3"),
    ],
)
def test_quantities_in_words(observable, component, words):
    assert Comparison("toy", observable, "", (), (), 1, component=component).quantity == words


def test_small_errors_get_more_decimals():
    moments = Moments(count=101, mean=1e-7, squares=101 * 1e-14)
    point = Point(0.1, moments, (2e-7,))
    table = str(Comparison("toy", "test-loss", "one-pass", (0, 2e-6), (point,), 101))
    assert "0.000000100  0.000000010" in table


def toy(coefficients, *, resummed=()):
    """A comparison whose simulation is near the prediction."""
    comparison = Comparison("toy", "test-loss", "one-pass", coefficients, (), 200)
    points = []
    for i, eta in enumerate((0.01, 0.1, 0.2)):
        mean = comparison.predict(eta)[-1] + 0.003
        other = resummed[i] if resummed else ()
        moments = Moments(count=200, mean=mean, squares=0.02)
        points.append(Point(eta, moments, comparison.predict(eta), resummed=other))
    return Comparison("toy", "test-loss", "one-pass", coefficients, tuple(points), 200)


@pytest.fixture(scope="module")
def drawn():
    return compare("mean", order=3, runs=200, T=5)


@pytest.mark.parametrize(
    ("suffix", "magic"),
    [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF"), ("PNG", b"\x89PNG")],
)
def test_pictures(drawn, suffix, magic, tmp_path):
    path = tmp_path / f"picture.{suffix}"
    drawn.plot(path)
    assert path.read_bytes().startswith(magic)
    assert len(list(tmp_path.iterdir())) == 1


def test_picture_shows_points_curves_and_names():
    drawn = toy((0, -1, 4, -6))
    (axes,) = drawn.plot().axes
    legend = [text.get_text() for text in axes.get_legend().get_texts()]
    assert legend[:3] == ["order 1", "order 2", "order 3"]
    assert "200 runs" in legend[3]
    assert "eta" in axes.get_xlabel()
    assert axes.get_ylabel() == "expected change of the test loss"
    for k in range(3):
        line = next(one for one in axes.lines if one.get_label() == f"order {k + 1}")
        x, y = line.get_data()
        assert len(x) >= 200
        assert y[-1] == pytest.approx(drawn.predict(x[-1])[k])
    low, high = axes.get_ylim()
    means = [p.moments.mean for p in drawn.points]
    assert low < min(0, *means)
    # Whatever order 2 does, the data fill more than half of the picture.
    assert max(means) - min(means) > 0.5 * (high - low)


@pytest.mark.parametrize(
    ("observable", "component", "words"),
    [
        ("variance", None, "variance of the test loss"),
        ("second-moment", (0, 0), "second moment [0, 0]"),
        ("displacement", 0, "expected displacement [0]"),
    ],
)
def test_picture_names_observable_and_optimizer(observable, component, words):
    comparison = compare(
        Mean(1, 1, 1),
        observable=observable,
        component=component,
        optimizer="nesterov:beta=0.5",
        order=3,
        eta=[0.05, 0.1],
        runs=50,
        T=3,
    )
    (axes,) = comparison.plot().axes
    assert axes.get_ylabel() == words
    assert axes.get_title() == "mean, one-pass T=3 B=1\nnesterov beta=1/2"
    points = next(c for c in axes.containers if len(c.lines[0].get_xdata()) == 2).lines[0]
    assert list(points.get_ydata()) == [p.simulated for p in comparison.points]


def lines_of(figure):
    (axes,) = figure.axes
    return {line.get_label(): line for line in axes.lines if line.get_label()[0] != "_"}


def test_orders_that_are_zero_are_left_out(drawn):
    # The mean starts at its minimum.
    assert list(lines_of(drawn.plot())) == ["order 2", "order 3"]
    assert list(lines_of(toy((0, -1, 0, 2)).plot())) == ["order 1", "order 3"]
    assert list(lines_of(toy((0, 0, 0, 0)).plot())) == ["order 3"]
    values = [(x, x, x + 1e-12, x + x * x) for x in (0.05, 0.1, 0.2)]
    names = list(lines_of(toy((0, 1, 1, 1, 1), resummed=values).plot()))
    assert names[4:] == ["re-summed, order 1", "re-summed, order 4"]


def test_the_legend_covers_no_curve(drawn):
    figure = drawn.plot()
    (axes,) = figure.axes
    figure.draw_without_rendering()
    assert axes.get_legend().get_window_extent().x0 > axes.get_window_extent().x1


def test_curves_are_told_apart_without_colour():
    lines = lines_of(toy((0, -1, 4, -6, 20)).plot()).values()
    weights = (0.2126, 0.7152, 0.0722)
    linear = [np.array(line.get_color()[:3]) ** 2.2 @ weights for line in lines]
    lightness = 116 * np.cbrt(linear) - 16
    assert (np.diff(lightness) < -8).all()


def test_resummed_curves_have_no_kinks():
    # After many updates the curve bends within a thousandth of what is shown.
    long = compare("mean", order=2, eta=[0.1, 0.3], runs=50, T=3000, resummed=True)
    assert set(long.resummed_curve) - {(p.eta, p.resummed) for p in long.points}
    assert kink(lines_of(long.plot())["re-summed, order 2"]) < 0.1
    # Where only the points are known, what lies between is smooth too.
    values = [(x, x - 3 * x * x) for x in (0.05, 0.1, 0.2)]
    assert kink(lines_of(toy((0, 1, -3), resummed=values).plot())["re-summed, order 2"]) < 0.3


def kink(line):
    """The largest angle between neighbouring pieces of a line, as it is seen, in radians."""
    points = line.axes.transData.transform(line.get_xydata())
    inside = line.axes.bbox.get_points()
    points = points[((points >= inside[0]) & (points <= inside[1])).all(axis=1)]
    angles = np.arctan2(*np.diff(points, axis=0).T[::-1])
    return np.abs(np.diff(angles)).max()


def test_refinement_stops():
    def slow(x):
        time.sleep(0.01)
        return (x,)

    assert refined(slow, {1.0: (1.0,)}, seconds=0.05) == ()
    curve = refined(slow, {1.0: (1.0,)}, seconds=0.25)
    assert {0.0, 1.0} < {x for x, _ in curve}
    jump = refined(lambda x: (float(x > 0.3), math.nan), {-0.5: (1.0, math.inf)}, seconds=5)
    assert len(jump) < 400
    x, y = smooth([0, 1, 2, 3], [0, 1e300, math.inf, 1], low=0, high=1)
    assert x[-1] == 1
    assert np.isfinite(y).all()


@pytest.mark.parametrize(
    ("settings", "backend"),
    [("text.usetex: True\nfont.family: no-such-font\nsavefig.format: jpg\n", ""), ("", "nonsense")],
)
def test_pictures_whatever_the_user_has_set(settings, backend, tmp_path):
    (tmp_path / "matplotlibrc").write_text(settings)
    code = (
        "from sgdiagrams import compare; drawn = compare('mean', order=2, runs=9, T=3); "
        "[drawn.plot(f'picture.{suffix}') for suffix in ('png', 'svg', 'pdf')]"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "MPLBACKEND": backend, "PATH": ""},  # there is no TeX
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert all(path.stat().st_size > 1000 for path in tmp_path.glob("picture.*"))


def test_svg_pictures_have_a_title_and_a_description(tmp_path):
    path = tmp_path / "picture.svg"
    toy((0, -1, 4)).plot(path)
    root = ET.parse(path).getroot()  # noqa: S314 - our own output
    title, description = list(root)[:2]
    assert title.text == "toy, one-pass"
    assert "order 1, order 2" in description.text
    before = path.read_bytes()
    toy((0, -1, 4)).plot(path)
    assert path.read_bytes() == before


def test_notebooks_show_the_picture(drawn):
    figure = drawn.plot()
    assert isinstance(figure, Figure)
    assert figure._repr_png_().startswith(b"\x89PNG")


def test_a_broken_matplotlib_is_named(drawn, monkeypatch):
    class Broken(importlib.abc.MetaPathFinder):
        def find_spec(self, name, *_):
            if name == "matplotlib.figure":
                raise ValueError("Key backend: 'x' is not a valid value")

    monkeypatch.delitem(sys.modules, "matplotlib.figure")
    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    with pytest.raises(MissingDependencyError, match="look at the file matplotlibrc"):
        drawn.plot()


def test_pictures_that_cannot_be_written(drawn, tmp_path):
    for name in ("picture.gif", "picture", "png"):
        with pytest.raises(RequestError, match=r"\.png, \.svg, \.pdf"):
            drawn.plot(tmp_path / name)
    (tmp_path / "folder.png").mkdir()
    for path in (tmp_path / "folder.png", tmp_path / "no" / "picture.png"):
        with pytest.raises(FormatError, match="existing directory"):
            check_picture(path)
        with pytest.raises(SgdiagramsError, match="expected"):
            drawn.plot(path)


def test_a_failed_picture_leaves_the_old_one(drawn, tmp_path, monkeypatch):
    from matplotlib.figure import Figure

    path = tmp_path / "picture.png"
    path.write_bytes(b"old")

    def fail(*_args, **_options):
        raise RuntimeError("no space")

    monkeypatch.setattr(Figure, "savefig", fail)
    with pytest.raises(RuntimeError, match="no space"):
        drawn.plot(path)
    assert path.read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


def test_pictures_without_matplotlib_name_the_extra(drawn, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingDependencyError, match=r"sgdiagrams\[demo\]"):
        drawn.plot()


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"landscape": "saddle"}, RequestError),
        ({"observable": "loss"}, RequestError),
        ({"sampling": "twice"}, RequestError),
        ({"order": 0}, RequestError),
        ({"order": True}, RequestError),
        ({"order": 2.0}, RequestError),
        ({"runs": 1}, RequestError),
        ({"runs": 2.0}, RequestError),
        ({"seed": -1}, RequestError),
        ({"seed": None}, RequestError),
        ({"eta": 0}, RequestError),
        ({"eta": -0.1}, None),
        ({"eta": math.nan}, RequestError),
        ({"eta": []}, RequestError),
        ({"eta": [[0.1]]}, RequestError),
        ({"eta": "large"}, RequestError),
        ({"T": 0}, SamplingError),
        ({"T": -1}, SamplingError),
        ({"N": 3}, SamplingError),
        ({"beta": 0.5}, SamplingError),
        ({"optimizer": "adam"}, RequestError),
        ({"optimizer": "momentum"}, SamplingError),
        ({"optimizer": "momentum", "beta": 1.5}, SamplingError),
        ({"optimizer": SGD(average=TailAverage(4))}, SamplingError),
        ({"sampling": GradientFlow(order=5)}, RequestError),
        ({"sampling": "sde:order=3"}, SamplingError),
        ({"observable": "covariance"}, RequestError),
        ({"observable": "function:other"}, RequestError),
        ({"observable": "displacement"}, RequestError),
        ({"observable": "displacement", "component": 1}, RequestError),
        ({"component": 0}, RequestError),
        ({"observable": "test-loss:since=4"}, SamplingError),
        ({"sampling": OnePass()}, None),
        ({"eta": np.array([0.1])}, None),
    ],
    ids=str,
)
def test_impossible_requests(change, error):
    settings = {"landscape": "mean", **OPTIONS, **change}
    if error is None:
        assert compare(**settings).complete
        return
    with pytest.raises(error, match="expected") as caught:
        compare(**settings)
    assert "\n" not in str(caught.value)


def test_missing_numbers_are_named():
    with pytest.raises(SamplingError, match="T"):
        compare("mean", runs=4)


class Flip(Landscape):
    """A landscape of a user: two parabolas."""

    name: ClassVar[str] = "flip"

    @property
    def start(self):
        return np.array([2.0])

    def draw(self, rng, shape):
        return rng.choice([-1.0, 1.0], size=shape)

    def loss(self, theta, x):
        return 0.5 * (theta - x) ** 2

    def gradient(self, theta, x):
        return theta - x.mean(axis=1, keepdims=True)

    def test_loss(self, theta):
        return 0.5 * (theta[:, 0] ** 2 + 1)

    def statistics(self, order):
        x = np.array([-1.0, 1.0])
        values = [0.5 * (2 - x) ** 2, 2 - x, np.ones(2)] + [np.zeros(2)] * order
        samples = {k: values[k].reshape(-1, *[1] * k) for k in range(order + 1)}
        return Statistics.from_samples(samples, role="population")


def test_landscapes_of_users(tmp_path):
    options = {"order": 4, "eta": 0.05, "runs": 4000, "T": 3, "checkpoint": tmp_path / "run.json"}
    comparison = compare(Flip(), **options)
    assert abs(comparison.points[0].deviations[-1]) < 4
    # Another object of the same kind finds its checkpoint again.
    assert compare(Flip(), **options) == comparison


def invoke(*arguments):
    """Run the command inside this process."""
    return CliRunner().invoke(cli, ["compare", *arguments])


def test_command_with_optimizer_schedule_average_and_decay():
    done = invoke(
        *("--landscape", "mean", "--order", "2", "--runs", "40", "--sampling", "with-replacement"),
        *(
            "--optimizer",
            "momentum",
            "--schedule",
            "step:every=2,factor=0.5",
            "--average",
            "tail:W=2",
        ),
        *(
            "--weight-decay",
            "0.01",
            "--format",
            "json",
            "--set",
            "beta=0.9",
            "--set",
            "eta=0.1,0.2",
        ),
        *("--set", "N=4", "--set", "B=2", "--set", "T=3"),
    )
    assert done.exit_code == 0, done.output
    data = json.loads(done.output)
    comparison = compare(
        "mean",
        order=2,
        runs=40,
        sampling=WithReplacement(N=4, B=2, T=3),
        optimizer=Momentum(
            beta=0.9, schedule=Step(2, 0.5), average=TailAverage(2), weight_decay=0.01
        ),
        eta=[0.1, 0.2],
    )
    assert data == json.loads(json.dumps(comparison.to_dict()))
    assert data["optimizer"].startswith("momentum beta=9/10 weight-decay=1/100, step")


def test_command_with_a_component_and_a_grid(tmp_path):
    path = tmp_path / "batches.json"
    path.write_text("[[0, 1], [2]]")
    settings = ("--landscape", "helix", "--order", "2", "--runs", "40", "--set", "eta=0.1")
    settings += ("--sampling", f"grid:{path}", "--observable", "second-moment:since=1")
    done = invoke(*settings, "--component", "0, 1")
    assert done.exit_code == 0, done.output
    assert " ".join(done.output.split()).startswith(
        "second moment [0, 1] since update 1 on helix | grid of 3 datapoints x 2 updates | 40 runs"
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ("--component", "0"),
        ("--observable", "displacement"),
        ("--observable", "displacement", "--component", "x"),
        ("--observable", "displacement", "--component", "-1"),
        ("--observable", "displacement", "--component", "9"),
        ("--observable", "covariance", "--component", "0,0"),
        ("--observable", "function:other"),
        ("--sampling", "sde:order=3"),
        ("--sampling", "gradient-flow:order=5"),
        ("--optimizer", "adam"),
        ("--optimizer", "momentum"),
        ("--average", "tail:W=9"),
        ("--schedule", "step"),
        ("--weight-decay", "much"),
        ("--set", "order=2"),
    ],
    ids=" ".join,
)
def test_bad_input_to_the_command_is_one_line(arguments):
    done = invoke("--landscape", "mean", "--set", "T=2", "--runs", "5", *arguments)
    assert isinstance(done.exception, SgdiagramsError)
    assert str(done.exception).startswith("expected ")
    assert "\n" not in str(done.exception)


# Numbers from elsewhere ---------------------------------------------------------------------------------


def drawn_statistics(ground, n, seed=0):
    """Per-sample derivatives of a landscape with quadratic losses, as a user would bring them."""
    x = ground.draw(np.random.default_rng(seed), (1, n))
    theta = ground.start[None]
    losses = ground.loss(theta, x)[0]
    gradients = np.stack([ground.gradient(theta, x[:, [i]])[0] for i in range(n)])
    hessians = np.repeat(ground.statistics(2).samples[2].mean(axis=0)[None], n, axis=0)
    return Statistics.from_samples({0: losses, 1: gradients, 2: hessians}, role="sample")


@pytest.mark.parametrize("kind", ["statistics", "measured"])
def test_numbers_from_elsewhere_bring_their_errors(kind):
    ground = Mean()
    dense = drawn_statistics(ground, 60)
    expansions = [expand("test-loss", order=k, sampling="one-pass") for k in (1, 2)]
    values = dense if kind == "statistics" else measured(dense, expansions[1])
    found = compare(ground, order=2, eta=[0.01, 0.1], runs=400, T=3, values=values)
    for point in found.points:
        for k, expansion in enumerate(expansions):
            estimate = expansion.evaluate(dense, eta=point.eta, T=3)
            assert point.predictions[k] == pytest.approx(estimate.change, rel=1e-9, abs=1e-12)
            error = estimate.change_standard_error
            assert point.prediction_errors[k] == pytest.approx(error, rel=1e-9)
            away = (point.predictions[k] - point.simulated) / math.hypot(
                point.standard_error, error
            )
            assert point.deviations[k] == pytest.approx(away)
    same = compare(ground, order=2, eta=[0.01, 0.1], runs=400, T=3)
    assert [p.moments for p in same.points] == [p.moments for p in found.points]
    header = str(found).split("\n")[1]
    assert header.split() == [
        "eta",
        "simulated",
        "+-",
        "order",
        "1",
        "+-",
        "dev.",
        "order",
        "2",
        "+-",
        "dev.",
    ]
    assert "in the errors of both" in str(found).replace("\n  ", " ")
    data = found.to_dict()["points"][0]
    assert data["prediction_errors"] == list(found.points[0].prediction_errors)
    assert "prediction_errors" not in same.to_dict()["points"][0]
    (band,) = found.plot().axes[0].collections[:1]
    outline = band.get_paths()[0].vertices
    last = found.points[-1]
    heights = outline[np.isclose(outline[:, 0], last.eta), 1]
    assert np.ptp(heights) == pytest.approx(4 * last.prediction_errors[-1], rel=1e-6)
    names = [text.get_text() for text in found.plot().axes[0].get_legend().get_texts()]
    assert any("of the prediction" in name for name in names)


def test_exact_numbers_from_elsewhere_are_those_of_the_landscape():
    ground = Mean()
    exact = measured(ground.statistics(3), expand("test-loss", order=3, sampling="one-pass"))
    found = compare(ground, runs=20, eta=0.1, T=3, values=exact)
    same = compare(ground, runs=20, eta=0.1, T=3)
    assert found.order == 3
    assert found.points[0].predictions == pytest.approx(same.points[0].predictions)
    assert found.points[0].prediction_errors == ()
    short = Values({"l": 0, "G_a G_a": 0, "G_a H_ab G_b": 0, "M_a|b H_ab": 1})
    assert compare(ground, runs=20, eta=0.1, T=3, values=short).order == 2


def test_a_landscape_without_statistics_is_compared_with_values():
    class Bare(Mean):
        __slots__ = ()

        def statistics(self, order):
            raise AssertionError(order)

    values = measured(Mean().statistics(2), expand("test-loss", order=2, sampling="one-pass"))
    found = compare(Bare(), order=2, runs=50, eta=0.1, T=3, values=values)
    assert len(found.points) == 1


def test_vectors_from_elsewhere_are_compared_by_component():
    ground = Helix()
    expansion = expand("displacement", order=2, sampling="one-pass")
    values = measured(ground.statistics(3), expansion)
    options = {
        "observable": "displacement",
        "order": 2,
        "component": 2,
        "runs": 20,
        "eta": 0.1,
        "T": 3,
    }
    found, same = compare(ground, **options, values=values), compare(ground, **options)
    assert found.points[0].predictions == pytest.approx(same.points[0].predictions)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"values": 5}, "a measurement or a table of values"),
        ({"resummed": True}, "needs an eigenbasis"),
        ({"has_metric": True}, "measure without eta="),
        ({"role": "training-set"}, "draws new training sets"),
    ],
)
def test_values_that_cannot_be_compared_are_refused(options, words):
    kinds = {name: options[name] for name in ("has_metric", "role") if name in options}
    options = {name: value for name, value in options.items() if name not in kinds}
    expansion = expand("test-loss", order=2, sampling="one-pass")
    values = replace(measured(Mean().statistics(2), expansion), **kinds)
    with pytest.raises(RequestError, match=words):
        compare("mean", order=2, runs=20, eta=0.1, T=3, **{"values": values, **options})
