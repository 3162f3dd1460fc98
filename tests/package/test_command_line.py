"""The command line: output that feeds the next command, and one clear line for bad input."""

import json
import os
import signal
import subprocess
import sys
import time
from fractions import Fraction

import numpy as np
import pytest
from command_line import good, run
from fuzzing.corpus import corpus

import sgdiagrams
from sgdiagrams.commands.shared import options
from sgdiagrams.numeric.landscapes.names import LANDSCAPES
from sgdiagrams.symbolic.observable import OBSERVABLES, named_observable
from sgdiagrams.symbolic.training import names
from sgdiagrams.symbolic.training.names import named_sampling
from sgdiagrams.symbolic.training.schedules.spoken_schedules import SPOKEN_SCHEDULES


def started(*arguments):
    """Run the installed command as a user would, in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "sgdiagrams", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def statistics(tmp_path):
    rng = np.random.default_rng(0)
    g = rng.normal(size=(40, 2))
    h = rng.normal(size=(40, 2, 2))
    values = {0: rng.normal(size=40), 1: g, 2: h + h.transpose(0, 2, 1)}
    path = tmp_path / "stats.npz"
    sgdiagrams.Statistics.from_samples(values).save(path)
    return path


def test_names_are_those_of_the_library():
    assert tuple(OBSERVABLES) == options.OBSERVABLES
    assert tuple(LANDSCAPES) == options.LANDSCAPES
    tables = {kind: getattr(names, f"_{kind}") for kind in ("SAMPLINGS", "OPTIMIZERS", "AVERAGES")}
    tables["SCHEDULES"] = SPOKEN_SCHEDULES
    for kind, table in tables.items():
        assert tuple(table) == getattr(options, kind)
        assert tuple(word for entry in table.values() for word in entry.also) == options.ALSO[kind]
    for word in options.ALSO["OBSERVABLES"]:
        assert named_observable(word).name in OBSERVABLES
    for name in options.SAMPLINGS:
        assert named_sampling(name).label


def test_help_of_every_command():
    assert "Usage" in good("--help")
    for command in ("list", "expand", "evaluate", "compare", "scaling", "verify"):
        assert "--help" in good(command, "--help")
    assert sgdiagrams.__version__ in good("--version")


def test_a_process_of_its_own_says_the_same():
    for arguments in (["expand", "--order", "1"], ["expand", "--order", "-1"], ["nonsense"]):
        theirs, ours = started(*arguments), run(*arguments)
        assert (theirs.returncode, theirs.stdout, theirs.stderr) == (
            ours.returncode,
            ours.stdout,
            ours.stderr,
        )


def test_list():
    lines = good("list", "--order", "3", "--sampling", "one-pass").splitlines()
    assert len(lines) == 1 + 9
    assert lines[-1].split() == ["(0-1-2-3)(03-13-23)", "6", "G_a", "J_abc", "G_b", "G_c", "T", "(T",
                                 "-", "1)", "(T", "-", "2)"]  # fmt: skip
    assert good("list", "--order", "8", "--count") == "598201\n"
    assert good("list", "--order", "4", "--root", "in-partition", "--count") == "329\n"
    texts = good("list", "--order", "2", "--format", "text").split()
    assert [str(sgdiagrams.Diagram.parse(t)) for t in texts] == texts
    records = [
        json.loads(line) for line in good("list", "--order", "2", "--format", "json").splitlines()
    ]
    assert sum(Fraction(1, r["symmetry_factor"]) for r in records) == 3


def test_list_stops_quietly_when_the_reader_does():
    command = f"{sys.executable} -m sgdiagrams list --order 8 --format text | head -n 2"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)  # noqa: S602
    assert len(done.stdout.splitlines()) == 2
    assert done.stderr == ""


@pytest.mark.parametrize("style", ["text", "latex", "mathml", "json", "python"])
def test_expand_in_every_format(style, tmp_path):
    arguments = ["expand", "--observable", "generalisation-gap", "--order", "2"]
    arguments += ["--sampling", "epochs", "--format", style]
    text = good(*arguments)
    path = tmp_path / "out"
    assert good(*arguments, "--output", path) == ""
    assert path.read_text() == text
    if style == "python":
        compile(text, "generated", "exec")
    expected = sgdiagrams.expand("generalisation-gap", order=2, sampling="epochs")
    if style == "json":
        assert sgdiagrams.Expansion.from_json(text) == expected
    if style in ("latex", "mathml"):
        assert text == f"{getattr(expected, style)()}\n"
        whole = getattr(expected, style)(standalone=True)
        assert good(*arguments, "--standalone").rstrip("\n") == whole.rstrip("\n")


def test_expand_with_fixed_numbers():
    text = good("expand", "--order", "1", "--sampling", "epochs", "--set", "N=6", "--set", "B=2")
    assert "-3 E" in text


def test_one_command_feeds_the_next(statistics, tmp_path):
    formula = good("expand", "--order", "2", "--format", "json")
    piped = good(
        "evaluate",
        "-",
        "--statistics",
        statistics,
        "--set",
        "eta=0.05",
        "--set",
        "T=10",
        text=formula,
    )
    (tmp_path / "e.json").write_text(formula)
    arguments = ["evaluate", tmp_path / "e.json", "--statistics", statistics]
    arguments += ["--set", "eta=0.05", "--set", "T=10"]
    assert good(*arguments) == piped
    data = json.loads(good(*arguments, "--format", "json"))
    assert data["eta"] == "1/20"
    assert sum(data["orders"]) == pytest.approx(data["value"])
    expansion = sgdiagrams.Expansion.from_json(formula)
    direct = expansion.evaluate(sgdiagrams.Statistics.load(statistics), eta=0.05, T=10)
    assert data["value"] == pytest.approx(direct.value)


def test_exact_statistics_give_fractions(tmp_path):
    exact = sgdiagrams.Statistics.from_samples(
        {0: [1, 2], 1: [[1], [Fraction(1, 3)]]}, role="population"
    )
    exact.save(tmp_path / "exact.json")
    (tmp_path / "e.json").write_text(good("expand", "--order", "1", "--format", "json"))
    data = json.loads(
        good(
            *("evaluate", tmp_path / "e.json", "--statistics", tmp_path / "exact.json"),
            *("--set", "eta=1/7", "--set", "T=3", "--format", "json"),
        )
    )
    assert Fraction(data["value"]) == Fraction(3, 2) - Fraction(3, 7) * Fraction(2, 3) ** 2


def test_compare_writes_table_picture_and_checkpoint(tmp_path):
    arguments = ["compare", "--landscape", "mean", "--order", "2", "--set", "T=4", "--runs", "500"]
    arguments += ["--checkpoint", "state.json"]
    first = good(*arguments, "--plot", "mean.svg", cwd=tmp_path)
    assert (tmp_path / "mean.svg").read_text().lstrip().startswith("<?xml")
    assert good(*arguments, cwd=tmp_path) == first
    data = json.loads(good(*arguments, "--format", "json", cwd=tmp_path))
    assert data["complete"] is True
    other = run(*arguments, "--seed", "1", cwd=tmp_path)
    assert other.returncode == 2
    assert "checkpoint" in other.stderr


@pytest.mark.skipif(os.name != "posix", reason="sends a signal")
def test_interrupt_shows_what_was_measured(tmp_path):
    # A test run in the background of a shell may have been told to ignore the signal.
    listening = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
        "from sgdiagrams.commands import main; main()"
    )
    command = [sys.executable, "-c", listening, "compare", "--landscape", "mean", "--order", "2"]
    command += ["--set", "T=200", "--runs", "100000000", "--checkpoint", "state.json"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=tmp_path, **pipes) as process:
        for _ in range(600):
            time.sleep(0.1)
            if (tmp_path / "state.json").exists():
                break
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "interrupted" in out
    assert "simulated" in out
    assert json.loads((tmp_path / "state.json").read_text())["format"]


def test_verify_passes_and_fails(monkeypatch):
    text = good("verify", "--order", "2")
    assert "FAIL" not in text
    from click.testing import CliRunner

    from sgdiagrams.commands import cli
    from sgdiagrams.numeric import verify as verify_function

    module = sys.modules[verify_function.__module__]
    monkeypatch.setattr(module, "rooted_tree_count", lambda n: n)
    done = CliRunner().invoke(cli, ["verify", "--order", "2"])
    assert done.exit_code == 1
    assert "FAIL" in done.output


def test_expand_takes_schemes_optimizers_and_observables(tmp_path):
    grid = tmp_path / "batches.json"
    grid.write_text("[[0, 1], [2], [0, 2]]")
    factors = tmp_path / "factors.txt"
    factors.write_text("1\n0.5\n0.25\n")
    text = good("expand", "--order", "2", "--sampling", f"grid:{grid}", "--optimizer",
                "nesterov:beta=0.9", "--schedule", f"file:{factors}", "--weight-decay", "0.01",
                "--average", "tail:W=2", "--observable", "covariance", "--format", "json")  # fmt: skip
    expected = sgdiagrams.expand(
        "covariance",
        order=2,
        sampling=sgdiagrams.Grid([[0, 1], [2], [0, 2]]),
        optimizer=sgdiagrams.Nesterov(
            beta=0.9,
            schedule=[1, 0.5, 0.25],
            weight_decay=0.01,
            average=sgdiagrams.TailAverage(2),
        ),
    )
    assert sgdiagrams.Expansion.from_json(text) == expected
    symbolic = good("expand", "--order", "1", "--optimizer", "momentum")
    assert "beta (1 - beta^T)" in symbolic
    fixed = good("expand", "--order", "1", "--optimizer", "momentum", "--set", "beta=0.5",
                 "--set", "T=3")  # fmt: skip
    assert "-17/4" in fixed
    for name in options.OBSERVABLES:
        good("expand", "--order", "1", "--observable", name)
    for name in options.SAMPLINGS:
        good("expand", "--order", "1", "--sampling", name)


def test_scaling():
    text = good("scaling", "--order", "2", "--basis", "cumulant")
    assert "order 2: 1 of 2 terms obeys, 1 partly" in text


def test_drift():
    text = good("drift", "--landscape", "helix", "--set", "eta=0.05")
    assert "flat" in text
    assert "velocity per update" in text
    data = json.loads(
        good("drift", "--landscape", "helix", "--set", "eta=0.05", "--format", "json")
    )
    assert abs(data["velocity_vector"][2] - 0.05**2 / (2 * (3 - 2 * 0.05))) < 1e-12
    assert data["limit"][0] is None
    momentum = ["--optimizer", "momentum", "--weight-decay", "1/10", "--set", "beta=1/2"]
    text = good("drift", "--landscape", "mean", *momentum, "--set", "eta=0.05")
    assert "momentum" in text


def test_judge():
    arguments = ["judge", "--landscape", "gauss", "--set", "eta=0.01"]
    assert good(*arguments, "--set", "T=10000").endswith("recommended: re-summed\n")
    short = json.loads(good(*arguments, "--set", "T=3", "--format", "json"))
    assert short["recommended"] == "plain"
    assert "T=3" in short["setting"]


@pytest.mark.parametrize("name", ["values.json", "values.csv", "measured.npz"])
def test_numbers_of_every_kind_are_evaluated_and_judged(tmp_path, name):
    for file in (name, "plain.json"):
        (tmp_path / file).write_bytes(corpus()[file])
    numbers = ["--statistics", name, "--set", "eta=0.01", "--set", "T=3"]
    text = good("evaluate", "plain.json", *numbers, cwd=tmp_path)
    assert text.startswith("test-loss at eta=1/100, T=3\n")
    data = json.loads(good("evaluate", "plain.json", *numbers, "--format", "json", cwd=tmp_path))
    assert ("caveats" in data) == name.startswith("values")
    judged = good("judge", "--order", "2", *numbers, cwd=tmp_path)
    assert "re-summed: not known" in judged
    (tmp_path / "resummed.json").write_bytes(corpus()["resummed.json"])
    for command, words in [
        (["drift", "--statistics", name, "--set", "eta=0.01"], "expected per-sample derivatives"),
        (["evaluate", "resummed.json", *numbers], "expected a plain expansion"),
    ]:
        done = run(*command, cwd=tmp_path)
        assert done.returncode == 2
        assert words in done.stderr
        assert done.stderr.count("\n") == 1


def test_drift_of_statistics(tmp_path):
    sgdiagrams.landscape("gauss").statistics(3).save(tmp_path / "gauss.npz")
    text = good("drift", "--statistics", tmp_path / "gauss.npz", "--set", "eta=0.1")
    same = good("drift", "--landscape", "gauss", "--set", "eta=0.1")
    assert text == same


def test_compare_with_resummed():
    arguments = ["compare", "--landscape", "mean", "--order", "2", "--runs", "50", "--resummed"]
    arguments += ["--set", "T=100", "--set", "eta=0.1"]
    assert "re-s. order 2" in good(*arguments)
    point = json.loads(good(*arguments, "--format", "json"))["points"][0]
    assert abs(point["resummed"][1] - 0.1**2 / 2 * (1 - 0.9**200) / (1 - 0.81)) < 1e-12
    assert len(point["resummed_deviations"]) == 2
    plain = json.loads(good(*[a for a in arguments if a != "--resummed"], "--format", "json"))
    assert "resummed" not in plain["points"][0]


BAD = {
    "beta of one": ["expand", "--order", "1", "--optimizer", "momentum:beta=1"],
    "negative beta": ["expand", "--order", "1", "--optimizer", "nesterov:beta=-0.1"],
    "beta put in later": ["expand", "--order", "1", "--optimizer", "momentum", "--set", "beta=2"],
    "unknown optimizer": ["expand", "--order", "1", "--optimizer", "adam"],
    "optimizer with another number": ["expand", "--order", "1", "--optimizer", "sgd:beta=0.9"],
    "optimizer without a number": ["expand", "--order", "1", "--optimizer", "momentum:beta"],
    "negative weight decay": ["expand", "--order", "1", "--weight-decay", "-1"],
    "unknown schedule": ["expand", "--order", "1", "--schedule", "sine"],
    "schedule without its number": ["expand", "--order", "1", "--schedule", "step"],
    "schedule without T": ["expand", "--order", "1", "--schedule", "cosine"],
    "schedule of another length": ["expand", "--order", "1", "--schedule", "file:factors.txt",
                                   "--set", "T=3"],
    "missing schedule": ["expand", "--order", "1", "--schedule", "file:none.txt"],
    "average over too many": ["expand", "--order", "1", "--average", "tail:W=5", "--set", "T=3"],
    "unknown average": ["expand", "--order", "1", "--average", "median"],
    "decimal comma": ["expand", "--order", "1", "--optimizer", "momentum", "--set", "beta=0,9"],
    "thousands": ["expand", "--order", "1", "--set", "T=1,000"],
    "leading zero": ["expand", "--order", "1", "--set", "T=010"],
    "negative epochs": ["expand", "--order", "1", "--sampling", "reshuffled-epochs", "--set", "E=-1"],
    "batch larger than N": ["expand", "--order", "1", "--sampling", "epochs", "--set", "N=4",
                            "--set", "B=8"],
    "memory with epochs": ["expand", "--order", "1", "--sampling", "epochs", "--optimizer",
                           "momentum"],
    "grid without a file": ["expand", "--order", "1", "--sampling", "grid:"],
    "missing grid": ["expand", "--order", "1", "--sampling", "grid:none.json"],
    "grid with an empty column": ["expand", "--order", "1", "--sampling", "grid:empty.json"],
    "grid that is no grid": ["expand", "--order", "1", "--sampling", "grid:text.json"],
    "training loss of a diffusion": ["expand", "--order", "1", "--sampling", "sde",
                                     "--observable", "training-loss"],
    "moments of a diffusion": ["expand", "--order", "1", "--sampling", "sde", "--basis", "moment"],
    "schedule of a flow": ["expand", "--order", "1", "--sampling", "gradient-flow", "--schedule",
                           "cosine"],
    "diffusion of order three": ["expand", "--order", "1", "--sampling", "sde:order=3"],
    "function without a name": ["expand", "--order", "1", "--observable", "function:"],
    "function called as a tensor": ["expand", "--order", "1", "--observable", "function:G"],
    "increment beyond the end": ["expand", "--order", "1", "--observable", "displacement:since=9",
                                 "--set", "T=3"],
    "increment without T": ["expand", "--order", "1", "--observable", "displacement:since=1"],
    "increment of a variance": ["expand", "--order", "1", "--observable", "variance:since=1"],
    "scaling without a batch size": ["scaling", "--sampling", "one-pass"],
    "no combination": ["scaling", "--through", "eta+B"],
    "combination of unknown symbols": ["scaling", "--through", "eta*E"],
    "set named self": ["expand", "--order", "1", "--set", "self=1"],
    "unknown observable": ["expand", "--order", "2", "--observable", "accuracy"],
    "negative order": ["expand", "--order", "-1"],
    "order is no number": ["list", "--order", "three"],
    "missing order": ["expand"],
    "unknown command": ["explode"],
    "unknown sampling": ["expand", "--order", "1", "--sampling", "twice"],
    "batch larger than the set": ["expand", "--order", "1", "--sampling", "epochs", "--set", "N=2",
                                  "--set", "B=5"],
    "a subset larger than the set": ["expand", "--order", "1", "--sampling", "subsets", "--set",
                                     "N=2", "--set", "B=5"],
    "no probability": ["expand", "--order", "1", "--sampling", "poisson:q=2"],
    "one pass drops nothing": ["expand", "--order", "1", "--drop-last"],
    "no reduction": ["expand", "--order", "1", "--sampling", "epochs:reduction=all"],
    "number not of the scheme": ["expand", "--order", "1", "--set", "N=5"],
    "no number": ["expand", "--order", "1", "--set", "T=ten"],
    "set without value": ["expand", "--order", "1", "--set", "T"],
    "set twice": ["expand", "--order", "1", "--set", "T=1", "--set", "T=2"],
    "set with list": ["expand", "--order", "1", "--set", "T=1,2"],
    "negative T": ["expand", "--order", "1", "--set", "T=-3"],
    "output in no directory": ["expand", "--order", "1", "--output", "nowhere/out.txt"],
    "output is a directory": ["expand", "--order", "1", "--output", "."],
    "missing expansion": ["evaluate", "none.json", "--statistics", "stats.npz", "--set", "eta=1"],
    "expansion is a directory": ["evaluate", ".", "--statistics", "stats.npz", "--set", "eta=1"],
    "expansion is no JSON": ["evaluate", "text.json", "--statistics", "stats.npz", "--set", "eta=1"],
    "expansion of another version": ["evaluate", "version.json", "--statistics", "stats.npz",
                                     "--set", "eta=1", "--set", "T=1"],
    "expansion is binary": ["evaluate", "stats.npz", "--statistics", "stats.npz", "--set", "eta=1"],
    "no eta": ["evaluate", "e.json", "--statistics", "stats.npz", "--set", "T=1"],
    "no T": ["evaluate", "e.json", "--statistics", "stats.npz", "--set", "eta=1"],
    "eta of a wrong length": ["evaluate", "e.json", "--statistics", "stats.npz", "--set", "T=1",
                              "--set", "eta=1,2,3"],
    "unknown number": ["evaluate", "e.json", "--statistics", "stats.npz", "--set", "eta=1",
                       "--set", "T=1", "--set", "Q=1"],
    "T is no whole number": ["evaluate", "e.json", "--statistics", "stats.npz", "--set", "eta=1",
                             "--set", "T=1.5"],
    "missing statistics": ["evaluate", "e.json", "--statistics", "none.npz", "--set", "eta=1",
                           "--set", "T=1"],
    "statistics are a directory": ["evaluate", "e.json", "--statistics", ".", "--set", "eta=1",
                                   "--set", "T=1"],
    "statistics of wrong shapes": ["evaluate", "e.json", "--statistics", "shapes.npz", "--set",
                                   "eta=1", "--set", "T=1"],
    "statistics with NaN": ["evaluate", "e.json", "--statistics", "nan.npz", "--set", "eta=1",
                            "--set", "T=1"],
    "too few samples": ["evaluate", "e.json", "--statistics", "few.npz", "--set", "eta=1",
                        "--set", "T=2"],
    "missing derivative": ["evaluate", "e3.json", "--statistics", "stats.npz", "--set", "eta=1",
                           "--set", "T=1"],
    "unknown landscape": ["compare", "--landscape", "moon"],
    "compare without T": ["compare", "--landscape", "mean"],
    "compare with eta 0": ["compare", "--landscape", "mean", "--set", "T=2", "--set", "eta=0"],
    "one run": ["compare", "--landscape", "mean", "--set", "T=2", "--runs", "1"],
    "picture of unknown kind": ["compare", "--landscape", "mean", "--set", "T=2", "--runs", "9",
                                "--plot", "picture.docx"],
    "picture in no directory": ["compare", "--landscape", "mean", "--set", "T=2", "--runs", "9",
                                "--plot", "nowhere/picture.png"],
    "checkpoint is a directory": ["compare", "--landscape", "mean", "--set", "T=2", "--runs", "9",
                                  "--checkpoint", "."],
    "checkpoint of something else": ["compare", "--landscape", "mean", "--set", "T=2", "--runs", "9",
                                     "--checkpoint", "e.json"],
    "judge without eta": ["judge", "--landscape", "helix", "--set", "T=4"],
    "judge without T": ["judge", "--landscape", "helix", "--set", "eta=0.1"],
    "judge of nothing": ["judge", "--set", "eta=0.1", "--set", "T=3"],
    "drift without eta": ["drift", "--landscape", "helix"],
    "drift with T": ["drift", "--landscape", "helix", "--set", "eta=0.1", "--set", "T=4"],
    "drift of nothing": ["drift", "--set", "eta=0.1"],
    "drift of both": ["drift", "--landscape", "helix", "--statistics", "stats.npz", "--set", "eta=1"],
    "drift of epochs": ["drift", "--landscape", "helix", "--sampling", "epochs", "--set", "eta=0.1"],
    "drift that is unstable": ["drift", "--landscape", "gauss", "--set", "eta=9"],
    "drift of missing statistics": ["drift", "--statistics", "none.npz", "--set", "eta=0.1"],
    "verify order 0": ["verify", "--order", "0"],
    "form of a plain series": ["expand", "--order", "1", "--form", "small-eta"],
    "flat direction of a plain series": ["expand", "--order", "1", "--flat", "a"],
    "plain series at a minimum": ["expand", "--order", "1", "--at-minimum"],
    "differences of a plain series": ["expand", "--order", "1", "--differences", "short"],
    "re-summed as Python": ["expand", "--order", "1", "--resummed", "--format", "python"],
    "re-summed with the tensor eta": ["expand", "--order", "1", "--resummed", "--eta", "tensor"],
    "re-summed with coefficients": ["expand", "--order", "1", "--resummed", "--coefficients",
                                    "expanded"],
    "re-summed moments": ["expand", "--order", "1", "--resummed", "--basis", "moment"],
    "flat direction of a scalar": ["expand", "--order", "2", "--resummed", "--flat", "a"],
    "discrete form of a limit": ["expand", "--order", "1", "--resummed", "--sampling", "sde",
                                 "--form", "discrete"],
    "stationary form of epochs": ["expand", "--order", "2", "--resummed", "--sampling", "epochs",
                                  "--form", "stationary"],
}  # fmt: skip


@pytest.mark.parametrize("arguments", BAD.values(), ids=BAD.keys())
def test_bad_input_gives_one_line_and_exit_status_2(arguments, statistics, tmp_path):
    e = sgdiagrams.expand("test-loss", order=2, sampling="one-pass").to_json()
    (tmp_path / "e.json").write_text(e)
    e3 = sgdiagrams.expand("test-loss", order=3, sampling="one-pass").to_json()
    (tmp_path / "e3.json").write_text(e3)
    (tmp_path / "version.json").write_text(e.replace('"version": 2', '"version": 99'))
    (tmp_path / "text.json").write_text("not json")
    (tmp_path / "factors.txt").write_text("1 0.5")
    (tmp_path / "empty.json").write_text("[[0, 1], [], [0]]")
    good_values = dict(np.load(statistics))
    key = {k: v for k, v in good_values.items() if np.ndim(v) == 2 and v.shape == (40, 2)}
    (name,) = key
    np.savez(tmp_path / "shapes.npz", **{**good_values, name: np.zeros((40, 3))})
    np.savez(tmp_path / "nan.npz", **{**good_values, name: np.full((40, 2), np.nan)})
    few = {k: (v[:2] if np.ndim(v) and len(v) == 40 else v) for k, v in good_values.items()}
    np.savez(tmp_path / "few.npz", **few)
    done = run(*arguments, cwd=tmp_path)
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stderr.startswith("sgdiagrams: error: ")
    assert len(done.stderr.splitlines()) == 1
    assert "Traceback" not in done.stderr


def test_expand_resummed():
    drift = ["expand", "--observable", "displacement", "--order", "3", "--resummed", "--at-minimum"]
    table = good(*drift).splitlines()
    assert table[0] == "E[displacement]^a | one-pass B=1 | re-summed (discrete) | order 3"
    assert table[-1].split("  ")[-1].strip() == "J_abc C_bc"
    small = good(*drift, "--form", "small-eta", "--flat", "a", "--format", "latex")
    assert r"- \frac{\eta^{2} T}{2} \sum_{\nu\lambda}" in small
    long = good(*drift, "--format", "latex", "--differences", "written-out", "--standalone")
    page = good(*drift, "--format", "mathml", "--differences", "written-out", "--standalone")
    assert page.startswith("<!DOCTYPE html>")
    assert long.startswith(r"\documentclass")
    assert r"(q_{\nu} q_{\lambda})^{T}" in long


def test_resummed_expansions_are_evaluated(statistics, tmp_path):
    arguments = ["expand", "--order", "2", "--resummed", "--format", "json"]
    formula = good(*arguments)
    expected = sgdiagrams.expand("test-loss", order=2, sampling="one-pass", resummed=True)
    assert expected.to_json() + "\n" == formula
    (tmp_path / "e.json").write_text(formula)
    numbers = ["--set", "eta=0.05", "--set", "T=10", "--format", "json"]
    data = json.loads(good("evaluate", tmp_path / "e.json", "--statistics", statistics, *numbers))
    direct = expected.evaluate(sgdiagrams.Statistics.load(statistics), eta=0.05, T=10)
    assert data["value"] == pytest.approx(direct.value)


def test_list_in_parts():
    whole = good("list", "--order", "4", "--format", "text").splitlines()
    parts = ["--modulus", "3", "--residue"]
    lines = [
        good("list", "--order", "4", "--format", "text", *parts, r).splitlines() for r in "012"
    ]
    assert all(lines)
    assert sorted(line for part in lines for line in part) == sorted(whole)
    counts = [int(good("list", "--order", "4", "--count", *parts, r)) for r in "012"]
    assert counts == [len(part) for part in lines]
    one_pass = ["--sampling", "one-pass", "--count"]
    counts = [int(good("list", "--order", "4", *one_pass, *parts, r)) for r in "012"]
    assert sum(counts) == 36


@pytest.mark.parametrize(
    "part",
    [["--residue", "1"], ["--residue", "-1", "--modulus", "2"], ["--residue", "3", "--modulus", "3"],
     ["--modulus", "0"], ["--modulus", "two"]],
)  # fmt: skip
def test_bad_parts_give_one_line(part):
    for more in ([], ["--count"]):
        done = run("list", "--order", "2", *part, *more)
        assert done.returncode == 2
        assert done.stderr.startswith("sgdiagrams: error: ")
        assert len(done.stderr.splitlines()) == 1


def test_penalties_and_decays_are_options():
    text = good("expand", "--order", "1", "--penalty", "ridge:strength=0.1", "--format", "json")
    penalty = sgdiagrams.Penalty("ridge", 0.1)
    assert sgdiagrams.Expansion.from_json(text) == sgdiagrams.expand(
        "test-loss", order=1, sampling="one-pass", optimizer=sgdiagrams.SGD(penalty=penalty)
    )
    text = good("expand", "--order", "2", "--sampling", "full-batch", "--penalty",
                "expression:eta (N - 1)/(4 N) C_aa:strength=1", "--basis", "cumulant")  # fmt: skip
    assert "C_ab H_ab" in text
    text = good("expand", "--order", "1", "--optimizer", "momentum", "--decoupled-decay", "0.1",
                "--weight-decay", "0.5, 0", "--format", "json")  # fmt: skip
    method = sgdiagrams.Momentum(decoupled_decay=0.1, weight_decay=(0.5, 0))
    assert sgdiagrams.Expansion.from_json(text).parts[0].optimizer == method
    refused = run("expand", "--order", "1", "--penalty", "two words")
    assert refused.returncode == 2
    assert "as a penalty" in refused.stderr


@pytest.mark.parametrize(
    ("command", "name", "style"),
    [
        ("expand --order 1", "a.tex", "latex"),
        ("expand --order 1", "a.JSON", "json"),
        ("expand --order 1", "a.py", "python"),
        ("expand --order 1", "a.mml", "mathml"),
        ("expand --order 1", "a.txt", "text"),
        ("expand --order 1", "tex", "text"),
        ("modified --order 2", "a.tex", "latex"),
        ("results akaike", "a.tex", "latex"),
        ("scaling --order 2", "a.json", "json"),
        ("list --order 2", "a.json", "json"),
        ("drift --landscape helix --set eta=0.05", "a.json", "json"),
        ("drift --landscape helix --set eta=0.05", "a.tex", "text"),  # it has no LaTeX
    ],
)
def test_the_format_is_that_of_the_name_of_the_output(tmp_path, command, name, style):
    by_name, by_word = tmp_path / name, tmp_path / "by_word"
    good(*command.split(), "--output", by_name)
    good(*command.split(), "--format", style, "--output", by_word)
    assert by_name.read_text(encoding="utf-8") == by_word.read_text(encoding="utf-8")


def test_a_format_that_is_given_goes_before_the_name(tmp_path):
    path = tmp_path / "a.tex"
    good("expand", "--order", "1", "--format", "json", "--output", path)
    assert path.read_text(encoding="utf-8").startswith("{")
