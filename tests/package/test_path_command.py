"""``sgdiagrams path``: what it asks of the library, what it prints, and what it refuses."""

import json
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import dataclass, field

import pytest
from command_line import good, run

import sgdiagrams as sd
from sgdiagrams import numeric
from sgdiagrams.diagrams.executors import cluster
from sgdiagrams.numeric.models.model_file import ModelFile

MODEL = """
import jax.numpy as jnp
import numpy as np


def loss(w, x):
    return jnp.tanh(w[0] * x[0] + w[1]) * x[1] + (w[0] - x[1]) ** 2 / 2


def small():
    return loss, np.array([0.5, -0.3]), np.array([[0.3, 1.0], [-0.7, 0.4], [1.1, -0.2]])


def whole():
    more = {"test_data": np.array([[2.0, 1.0]]), "functions": {"first": lambda w: w[0] ** 2}}
    return (*small(), more)


def wrong():
    return (*small(), {"tests": 1})


def failing():
    return lambda w, x: 1 / 0, np.array([0.5]), np.array([[0.3, 1.0]])
"""


@dataclass
class Asked:
    """What the library was asked for, in place of a measurement."""

    arguments: tuple = ()
    options: dict = field(default_factory=dict)
    complete: bool = True

    def __call__(self, *arguments, **options):
        self.arguments, self.options = arguments, options
        return self

    def __str__(self):
        return "an estimate"

    def to_dict(self):
        return {"complete": self.complete}

    def plot(self, path, **numbers):
        self.options["plot"] = (path, numbers)

    def table(self, **numbers):
        return TableAsked(numbers)


@dataclass
class TableAsked:
    numbers: dict

    def __str__(self):
        return f"a table of {self.numbers}"

    def to_dict(self):
        return {"title": "", "rows": [self.numbers]}


@pytest.fixture
def folder(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.py").write_text(MODEL)
    return tmp_path


@pytest.fixture
def asked(folder, monkeypatch):
    # What is only loaded needs no JAX.
    (folder / "m.py").write_text(MODEL.replace("import jax.numpy as jnp\n", ""))
    monkeypatch.setattr(numeric, "along_path", Asked(), raising=False)
    return numeric.along_path


RUN = ("path", "m.py:small", "--set", "eta=0.1")
PATH = (*RUN, "--set", "T=6", "--set", "B=2")


def test_what_is_asked_for(asked):
    done = run(
        *(*RUN, "--sampling", "reshuffled-epochs", "--set", "N=6", "--set", "B=2", "--set", "E=3"),
        *("--optimizer", "momentum", "--set", "beta=0.9", "--observable", "training-loss"),
        *("--noise", "2", "--times", "0,3,9", "--samples", "8", "--precision", "1/20"),
        *("--budget", "1e4", "--memory", "2GB", "--seed", "3", "--checkpoint", "c.npz"),
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "an estimate\n", "")
    loss, weights, data = asked.arguments
    assert (loss.__name__, weights.tolist(), data.shape) == ("loss", [0.5, -0.3], (3, 2))
    options = dict(asked.options)
    assert options.pop("sampling") == sd.Epochs(N=6, B=2, E=3, shuffle="every-epoch")
    assert options.pop("optimizer") == sd.Momentum(beta="0.9")
    assert options.pop("executor") is None
    assert options.pop("progress") is None  # standard error is no terminal
    assert options == {
        "observable": "training-loss",
        "eta": pytest.approx(0.1),
        "noise": 2,
        "role": "population",
        "times": [0, 3, 9],
        "samples": 8,
        "precision": 0.05,
        "budget": 1e4,
        "memory": 2 * 10**9,
        "seed": 3,
        "checkpoint": "c.npz",
        "test_data": None,
        "functions": {},
    }


def test_what_is_left_out_is_left_to_the_library(asked):
    good(*PATH)
    for name in ("precision", "noise", "samples", "budget", "memory"):
        assert name not in asked.options
    left = {"times", "checkpoint", "test_data"}
    assert left <= {name for name, value in asked.options.items() if value is None}
    good("path", "m.py:whole", *PATH[2:])
    assert asked.options["test_data"].tolist() == [[2.0, 1.0]]
    assert asked.options["functions"]["first"]([3.0]) == 9.0


@pytest.mark.usefixtures("asked")
def test_other_batch_sizes_stand_below():
    table = "a table of {'B': [4, 8]}\n"
    assert good(*PATH, "--at", "B=4,8") == f"an estimate\n\n{table}"
    shown = json.loads(good(*PATH, "--at", "B=4", "--format", "json"))
    assert shown == {"complete": True, "at": [{"B": [4]}]}


def test_pictures_are_drawn(asked):
    done = run(*PATH, "--at", "B=4", "--plot", "p.svg")
    assert (done.returncode, done.stderr) == (0, "wrote p.svg\n")
    assert asked.options["plot"] == ("p.svg", {"B": [4]})


def test_an_interrupted_measurement_says_how_to_go_on(asked):
    asked.complete = False
    done = run(*PATH, "--checkpoint", "c.npz")
    assert (done.returncode, done.stdout) == (130, "an estimate\n")
    assert done.stderr == "kept in c.npz; the same command goes on\n"
    assert run(*PATH).stderr == ""


def test_the_work_is_done_on_a_cluster(asked, monkeypatch):
    monkeypatch.setattr(cluster, "dask_executor", nullcontext)
    good(*PATH, "--scheduler", "tcp://10.0.0.1:8786")
    assert asked.options["executor"] == "tcp://10.0.0.1:8786"


COMPARE = ("compare", "--model", "m.py:small", "--along-path", "--sampling", "fresh-data")
SMALL = ("--set", "eta=0.1", "--set", "T=3", "--set", "B=2", "--runs", "60", "--samples", "8")


@pytest.mark.usefixtures("folder")
def test_predictions_are_held_against_runs():
    pytest.importorskip("jax")
    options = (*SMALL, "--at", "B=1,2", "--seed", "3", "--control", "--plot", "p.svg")
    done = run(*COMPARE, *options, "--observable", "training-loss", "--checkpoint", "c.npz")
    assert (done.returncode, done.stderr) == (0, "wrote p.svg\n")
    model = ModelFile.parse("m.py:small").load()
    ground = sd.model_landscape(*model, name="small")
    compared = sd.compare(
        *(ground,), along_path=True, sampling=sd.OnePass(T=3, B=2), eta=0.1, at={"B": [1, 2]},
        runs=60, samples=8, seed=3, control=True, observable="training-loss", checkpoint="c.npz",
    )  # fmt: skip
    assert done.stdout == f"{compared}\n"


REFUSED_COMPARISONS = {
    "--set eta=0.1 --at B=1": "expected --order only without --along-path",
    "": "expected --model FILE.py:NAME and --at",
    "--set eta=0.1,0.2 --at B=1": "expected one learning rate",
    "--set eta=0.1 --at T=1": "make a run of its own",
}


@pytest.mark.parametrize("options", REFUSED_COMPARISONS)
@pytest.mark.usefixtures("folder")
def test_comparisons_refused_in_one_line(options):
    pytest.importorskip("jax")
    more = ("--order", "2") if "order" in REFUSED_COMPARISONS[options] else ()
    done = run(*COMPARE, "--set", "T=3", "--set", "B=2", *options.split(), *more)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert REFUSED_COMPARISONS[options] in done.stderr
    for option in (["--at", "B=1"], ["--noise", "2"], ["--control"], ["--samples", "9"]):
        done = run("compare", "--landscape", "mean", "--set", "T=3", *option)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert f"expected {option[0]} only with --along-path" in done.stderr


REFUSED = {
    "m.py:small --set T=6 --set B=2": "expected a learning rate; give --set eta=0.05",
    "m.py:small --set eta=0.1 --set B=2": "expected a number for each of T",
    "m.py:small --set eta=0.1,0.2 --set T=6 --set B=2": "expected one learning rate, got eta=[0.1, 0.2]",
    "m.py:small --set eta=0.1 --set T=6 --set B=2 --at B=x": "expected a number such as 10",
    "m.py:small --set eta=0.1 --set T=6 --set B=2 --at T=9": "make a run of its own",
    "m.py:small --set eta=0.1 --set T=6 --set B=2 --at B=0": "for B, got B=0",
    "m.py:small --set eta=0.1 --set T=6 --set B=2 --at B": "expected --at NAME=VALUE",
    "m.py:small --set eta=0.1 --set T=6 --set B=2 --times 1.5": "expected whole numbers such as",
    "m.py:small --set eta=0.1 --set T=6 --set B=2 --times 7": "expected times as numbers of updates",
    "m.py:small --set eta=0.1 --set T=6 --set B=2 --noise 3": "--noise",
    "m.py:small --set eta=0.1 --set T=6 --set B=2 --samples 1": "--samples",
    "m.py:small --set eta=0.1 --set T=6 --set B=2 --budget 0": "expected a positive number for --budget",
    "m.py:small --set eta=0.1 --set T=6 --set B=2 --memory 2XB": "expected a size such as 2GB",
    "m.py:small --set eta=0.1 --set T=6 --set B=2 --observable variance": "variance",
    "m.py:small --set eta=0.1 --set T=6 --set B=2 --observable function:s": "expected the function 's'",
    "m.py:small --set eta=0.1 --sampling sde --set T=2": "sde",
    "m.py:small --set eta=0.1 --set T=6 --set B=2 --plot p.jpg": "expected a file ending in .png",
    "m.py:small --set eta=0.1 --set T=6 --set B=2 --observable displacement --plot p.png": "a number",
    "m.py:wrong --set eta=0.1 --set T=6 --set B=2": 'at most {"test_data": ..., "functions"',
    "m.py:none --set eta=0.1 --set T=6 --set B=2": "expected a function none",
    "no.py:small --set eta=0.1 --set T=6 --set B=2": "expected a Python file, got 'no.py'",
    "m.py:failing --set eta=0.1 --set T=6 --set B=2": "ZeroDivisionError",
}


@pytest.mark.parametrize("options", REFUSED)
def test_refused_in_one_line(options, folder):
    pytest.importorskip("jax")
    done = run("path", *options.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert REFUSED[options] in done.stderr
    assert {path.name for path in folder.iterdir()} <= {"m.py", "__pycache__"}


@pytest.mark.usefixtures("folder")
def test_what_is_printed_is_what_the_library_says():
    pytest.importorskip("jax")
    options = ("--samples", "8", "--at", "B=1,4", "--checkpoint", "c.npz", "--seed", "5")
    command = ["path", "m.py:whole", *PATH[2:], "--observable", "function:first", *options]
    program = [sys.executable, "-m", "sgdiagrams"]
    done = subprocess.run([*program, *command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    model = ModelFile.parse("m.py:whole").given()
    settings = {"sampling": sd.OnePass(T=6, B=2), "eta": 0.1, "seed": 5, "checkpoint": "c.npz"}
    settings |= {"observable": "function:first", "functions": model.functions}
    estimate = sd.along_path(
        model.loss, model.weights, model.data, test_data=model.test_data, samples=8, **settings
    )
    table = estimate.table(B=[1, 4])
    assert done.stdout == f"{estimate}\n\n{table}\n"
    assert [row.excess for row in table.rows] == [estimate.at(B=b).excess for b in (1, 4)]
    data = json.loads(good(*command, "--format", "json"))
    assert data == json.loads(json.dumps(estimate.to_dict() | {"at": table.to_dict()["rows"]}))
    assert data["at"][1]["B"] == 4
    other = run(*command, "--seed", "6")  # another measurement than the one in the file
    assert (other.returncode, other.stdout, other.stderr.count("\n")) == (2, "", 1)
