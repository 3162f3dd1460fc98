"""``sgdiagrams measure``: what it asks of the library, what it writes, and what it refuses."""

import subprocess
import sys
import warnings
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import pytest
from command_line import good, run
from layout import ROOT

from sgdiagrams import Expansion, Measured, numeric
from sgdiagrams.commands.shared.models import loaded_model
from sgdiagrams.diagrams.executors import cluster
from sgdiagrams.numeric.models.model_file import ModelFile

MODEL = """
def small():
    print("loading")
    return abs, 1.0, [1, 2]
"""


@dataclass
class Asked:
    """What the library was asked for, in place of a measurement."""

    arguments: tuple = ()
    options: dict = None
    complete: bool = True
    rounds: tuple = (1,)

    def __call__(self, *arguments, **options):
        self.arguments, self.options = arguments, options
        return self

    def __str__(self):
        return "a table"

    def to_dict(self):
        return {"complete": self.complete}


@pytest.fixture
def asked(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.py").write_text(MODEL)
    good("expand", "--order", "1", "--format", "json", "--output", "e.json")
    answer = Asked()
    monkeypatch.setattr(numeric, "measure", answer, raising=False)
    monkeypatch.setattr(numeric, "plan", answer, raising=False)
    return answer


MEASURE = ("measure", "m.py:small", "--expansion", "e.json")


def test_what_is_asked_for(asked):
    done = run(
        *(*MEASURE, "--expansion", "e.json", "--output", "m.npz", "--role", "population"),
        *("--precision", "0.05", "--at", "eta=0.05", "--at", "T=100", "--budget", "1e4"),
        *("--memory", "2GB", "--seed", "3", "--part", "2/3"),
    )
    assert (done.returncode, done.stdout) == (0, "a table\n")
    assert done.stderr == "loading\nwrote m.npz\n"
    loss, weights, data, formulas = asked.arguments
    assert (loss, weights, data) == (abs, 1.0, [1, 2])
    assert [formula.order for formula in formulas] == [1, 1]
    options = asked.options
    assert options.pop("at") == {"eta": pytest.approx(0.05), "T": 100}
    assert options.pop("executor") is None
    assert options.pop("progress") is None  # standard error is no terminal
    assert options == {
        "role": "population",
        "precision": 0.05,
        "budget": 1e4,
        "memory": 2 * 10**9,
        "seed": 3,
        "part": (2, 3),
        "checkpoint": "m.npz",
    }


def test_what_is_left_out_is_left_to_the_library(asked):
    good(*MEASURE, "--output", "m.npz")
    nothing = {"at", "precision", "budget", "memory", "executor", "progress"}
    assert {name for name, value in asked.options.items() if value is None} == nothing
    assert asked.options["role"] == "sample"


def test_a_plan_measures_nothing(asked):
    assert good(*MEASURE, "--plan") == "a table\n"
    assert "checkpoint" not in asked.options
    assert '"complete": true' in good(*MEASURE, "--plan", "--format", "json")


def test_an_interrupted_measurement_says_how_to_go_on(asked):
    asked.complete = False
    done = run(*MEASURE, "--output", "m.npz")
    assert (done.returncode, done.stdout) == (130, "a table\n")
    assert done.stderr == "loading\nkept in m.npz; the same command goes on\n"


def test_a_part_without_rounds_says_so(asked):
    asked.rounds = ()
    done = run(*MEASURE, "--output", "m.npz", "--part", "2/2")
    assert done.returncode == 0
    assert "part 2/2 has nothing to do: there are fewer rounds than parts\n" in done.stderr


def test_the_work_is_done_on_a_cluster(asked, monkeypatch):
    monkeypatch.setattr(cluster, "dask_executor", nullcontext)
    good(*MEASURE, "--output", "m.npz", "--scheduler", "tcp://10.0.0.1:8786")
    assert asked.options["executor"] == "tcp://10.0.0.1:8786"


REFUSED = {
    "": "expected --output FILE.npz",
    "--plan --output m.npz": "expected --output only without --plan",
    "--output m.npz --precision 0": "expected a positive number for --precision, got '0'",
    "--output m.npz --precision 5%": "expected a positive number for --precision, got '5%'",
    "--output m.npz --budget -1": "expected a positive number for --budget",
    "--output m.npz --budget nan": "expected a positive number for --budget",
    "--output m.npz --budget 1e999": "expected a positive number for --budget",
    "--output m.npz --memory 2XB": "expected a size such as 2GB or 500MB for --memory, got '2XB'",
    "--output m.npz --memory -2GB": "expected a size such as 2GB or 500MB for --memory",
    "--output m.npz --memory GB": "expected a size such as 2GB or 500MB for --memory",
    "--output m.npz --at eta": "expected --at NAME=VALUE",
    "--output m.npz --at T=1 --at T=2": "expected --at T once, got it twice",
    "--output m.npz --part 0/3": "expected a part such as 1/3 or 3/3 for --part, got '0/3'",
    "--output m.npz --part 4/3": "expected a part such as 1/3 or 3/3 for --part",
    "--output m.npz --part 1": "expected a part such as 1/3 or 3/3 for --part",
    "--output m.npz --expansion r.json": "expected a plain expansion, got the re-summed one",
    "--output m.npz --expansion no.json": "no.json",
    "--output m.npz --scheduler nonsense://x": "scheduler",
}


@pytest.mark.parametrize("options", REFUSED)
def test_refused_in_one_line(options, asked):
    good("expand", "--order", "2", "--resummed", "--format", "json", "--output", "r.json")
    if "--scheduler" in options:
        pytest.importorskip("distributed")
    done = run(*MEASURE, *options.split())
    assert done.returncode == 2
    assert done.stdout == ""
    assert REFUSED[options] in done.stderr
    lines = done.stderr.splitlines()
    assert len([line for line in lines if line != "loading"]) == 1
    assert asked.options is None


@pytest.mark.parametrize("model", ["m.py", "m.py:other", "no.py:small", ":", "m.py:small:x"])
def test_models_that_are_none(model, asked):
    done = run("measure", model, "--expansion", "e.json", "--output", "m.npz")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1].startswith("sgdiagrams: error: expected ")
    assert asked.options is None


def test_neighbours_of_the_file_go_to_workers_too(tmp_path):
    cloudpickle = pytest.importorskip("cloudpickle")
    (tmp_path / "helping.py").write_text("FACTOR = 5\ndef grow(x):\n    return FACTOR * x\n")
    (tmp_path / "m.py").write_text(
        "import helping\nSHIFT = 1\n"
        "def loss(w, x):\n    return helping.grow(w) + x + SHIFT\n"
        "def small():\n    return loss, 1.0, []\n"
    )
    try:
        with loaded_model(f"{tmp_path}/m.py:small") as (loss, _, _):
            (tmp_path / "sent").write_bytes(cloudpickle.dumps(loss))
    finally:
        helping = sys.modules.pop("helping", None)
        if helping is not None:
            cloudpickle.unregister_pickle_by_value(helping)
    code = "import pickle; print(pickle.load(open('sent', 'rb'))(2, 3))"
    (tmp_path / "helping.py").unlink()
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == "14\n"


def test_what_is_written_is_what_the_library_measures(tmp_path, monkeypatch):
    pytest.importorskip("jax")
    monkeypatch.chdir(tmp_path)
    good("expand", "--order", "1", "--format", "json", "--output", "e.json")
    model = ROOT / "examples" / "small_network.py"
    options = ("measure", f"{model}:network", "--expansion", "e.json", "--output", "m.npz")
    table = good(*options)
    measured = Measured.load("m.npz")
    assert table == f"{measured}\n"
    expansion = Expansion.from_json(Path("e.json").read_text())
    direct = numeric.measure(*ModelFile(str(model), "network").load(), expansion)
    for term in expansion.terms:
        assert measured.value(term.contraction) == direct.value(term.contraction)
    before = Path("m.npz").read_bytes()
    assert good(*options) == table  # nothing is left to do
    for other in (["--seed", "1"], ["--role", "population"]):
        done = run(*options, *other)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.count("\n") == 1
        assert Path("m.npz").read_bytes() == before
    good("expand", "--order", "2", "--format", "json", "--output", "e.json")
    assert run(*options).returncode == 2
    assert Path("m.npz").read_bytes() == before


LOSSES = {
    "return jnp.sum(w) * datapoint + missing": "NameError",
    "return float(w)": "TypeError",
    "return 1 / 0": "ZeroDivisionError",
    "return jnp.array([1.0, 2.0])": "loss",
}


@pytest.mark.parametrize("line", LOSSES)
def test_what_a_loss_raises_is_one_line(line, tmp_path, monkeypatch):
    pytest.importorskip("jax")
    monkeypatch.chdir(tmp_path)
    good("expand", "--order", "1", "--format", "json", "--output", "e.json")
    (tmp_path / "m.py").write_text(
        f"import jax.numpy as jnp\ndef loss(w, datapoint):\n    {line}\n"
        "def small():\n    return loss, jnp.ones(2), jnp.ones(40)\n"
    )
    for command in (MEASURE, ("simulate", "--model", "m.py:small", "--set", "T=2")):
        options = ("--output", "m.npz") if command is MEASURE else ("--set", "eta=0.1")
        done = run(*command, *options)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.count("\n") == 1
        assert LOSSES[line] in done.stderr
        if "Error" in LOSSES[line]:
            assert "line 3 of 'm.py'" in done.stderr or "'m.py' raised" in done.stderr


@pytest.mark.usefixtures("asked")
def test_a_warning_is_one_line(tmp_path):
    (tmp_path / "m.py").write_text(MODEL.replace("print", "import warnings; warnings.warn"))
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        done = run(*MEASURE, "--output", "m.npz")
    assert done.returncode == 0
    assert done.stderr == "sgdiagrams: warning: loading\nwrote m.npz\n"
