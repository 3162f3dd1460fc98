"""``sgdiagrams simulate``: what it prints is what `simulate` returns."""

import json

import pytest
from command_line import good, run
from layout import ROOT

import sgdiagrams as sd
from sgdiagrams.numeric.models.model_file import ModelFile

SIMULATE = ("simulate", "--landscape", "mean", "--runs", "200", "--set", "T=5")


def test_text_and_json_say_what_the_library_says():
    simulated = sd.simulate("mean", eta=[0.05, 0.1], T=5, runs=200, seed=3)
    options = (*SIMULATE, "--set", "eta=0.05,0.1", "--seed", "3")
    assert good(*options) == f"{simulated}\n"
    assert json.loads(good(*options, "--format", "json")) == simulated.to_dict()
    one = sd.simulate("mean", eta=0.1, T=5, runs=200, optimizer="momentum", beta=0.5)
    options = (*SIMULATE, "--set", "eta=0.1", "--optimizer", "momentum:beta=0.5")
    assert good(*options) == f"{one}\n"


def test_components_and_files(tmp_path):
    path = tmp_path / "out.txt"
    options = (*SIMULATE, "--observable", "displacement", "--component", "0", "--set", "eta=0.1")
    assert good(*options, "--output", path) == ""
    one = sd.simulate("mean", observable="displacement", component=0, eta=0.1, T=5, runs=200)
    assert path.read_text() == f"{one}\n"


def test_the_same_command_goes_on(tmp_path):
    options = (*SIMULATE, "--set", "eta=0.1", "--checkpoint", tmp_path / "c.npz")
    first = good(*options)
    assert good(*options) == first
    more = good(*options, "--runs", "400")
    assert more == good(*SIMULATE, "--set", "eta=0.1", "--runs", "400")


def test_controls(tmp_path):
    pytest.importorskip("jax")
    (tmp_path / "model.py").write_text(
        "import numpy as np\n\n\ndef loss(weights, point):\n    return (weights - point) ** 4\n\n\n"
        "def model():\n    return loss, np.zeros(()), np.array([0.0, 1.0, 3.0])\n"
    )
    options = ("--model", "model.py:model", "--set", "eta=0.01", "--set", "T=5", "--runs", "60")
    text = good("simulate", *options, "--control", cwd=tmp_path)
    assert "control variate, " in text
    told = json.loads(good("simulate", *options, "--control", "--format", "json", cwd=tmp_path))
    assert told["points"][0]["variance_ratio"] > 1.2
    assert "control" not in good("simulate", *options, cwd=tmp_path)


REFUSED = {
    "simulate --landscape mean --set eta=0.1 --set T=5 --control": "expected the landscape of a model",
    "simulate --set eta=0.1 --set T=5": "expected either --landscape or --model",
    "simulate --landscape mean --model m.py:x --set eta=0.1 --set T=5": "expected either --landscape",
    "simulate --landscape mean --set T=5": "expected a learning rate",
    "simulate --landscape mean --set eta=0.1": "T",
    "simulate --landscape mean --set eta=0.1 --set T=5 --component x": "expected indices",
    "simulate --landscape mean --set eta=0.1 --sampling sde:order=3 --set T=5": "an SDE",
    "simulate --model no.py:x --set eta=0.1 --set T=5": "expected a Python file, got 'no.py'",
    "simulate --landscape mean --set eta=0.1 --set T=5 --runs 1": "--runs",
}


@pytest.mark.parametrize("command", REFUSED)
def test_refused_in_one_line(command, tmp_path):
    done = run(*command.split(), cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert REFUSED[command] in done.stderr


MODEL = f"{ROOT}/examples/small_network.py:network"
COMPARE = ("compare", "--model", MODEL, "--order", "1", "--set", "T=4", "--set", "eta=0.01")


def test_a_model_is_a_landscape():
    pytest.importorskip("jax")
    ground = sd.model_landscape(*ModelFile.parse(MODEL).load(), name="network")
    simulated = sd.simulate(ground, eta=0.1, T=3, runs=50)
    options = ("--set", "eta=0.1", "--set", "T=3", "--runs", "50")
    assert good("simulate", "--model", MODEL, *options) == f"{simulated}\n"


def test_a_model_is_compared_with_what_is_measured(tmp_path):
    pytest.importorskip("jax")
    done = run(*COMPARE, "--runs", "200", cwd=tmp_path)
    assert done.returncode == 0
    assert done.stderr == "measuring on all data; --statistics FILE.npz takes a measurement\n"
    assert done.stdout.startswith("change of the test loss on network | one-pass T=4 B=1")
    model = ModelFile.parse(MODEL).load()
    expansion = sd.expand("test-loss", order=1, sampling="one-pass")
    sd.measure(*model, expansion, role="population").save(tmp_path / "m.npz")
    same = run(*COMPARE, "--runs", "200", "--statistics", tmp_path / "m.npz")
    assert (same.returncode, same.stdout, same.stderr) == (0, done.stdout, "")


@pytest.mark.parametrize(
    "options",
    ["--landscape mean --model m.py:x", "--model m.py:x --resummed", "--statistics none.npz"],
)
def test_comparisons_that_mean_nothing(options, tmp_path):
    done = run("compare", *options.split(), "--set", "T=2", "--runs", "9", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
