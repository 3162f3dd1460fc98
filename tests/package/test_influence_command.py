"""``sgdiagrams influence``: what it prints is what `influence` returns."""

import json

import numpy as np
import pytest
from command_line import good, run

import sgdiagrams as sd

jax = pytest.importorskip("jax")

MODEL = """
import numpy as np

points = np.array([-1.0, 0.5, 2.0, 4.0])


def loss(w, x):
    return (w - x) ** 2 / 2 + w**3 / 9


def small():
    return loss, np.array(0.5), points


def whole():
    return (*small(), {"test_data": points[:2], "functions": {"cube": lambda w: w**3}})
"""

PATH = ("influence", "m.py:small", "--set", "eta=0.1", "--set", "T=6")


@pytest.fixture(autouse=True)
def _in_a_folder(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.py").write_text(MODEL)


def library(**options):
    space = {}
    exec(MODEL, space)
    given = {"eta": 0.1, "sampling": "one-pass", "T": 6, "samples": 0}
    return sd.influence(space["loss"], np.array(0.5), space["points"], **(given | options))


def test_text_and_json_say_what_the_library_says():
    assert good(*PATH) == f"{library()}\n"
    options = ("--samples", "3", "--datapoints", "2,0", "--seed", "4", "--optimizer", "momentum")
    told = library(samples=3, datapoints=[2, 0], seed=4, optimizer="momentum", beta="1/2")
    text = good(*PATH, *options, "--set", "beta=1/2", "--memory", "1MB", "--format", "json")
    assert json.loads(text) == told.to_dict()


def test_more_of_the_model_and_other_observables():
    whole = ("influence", "m.py:whole", *PATH[2:])
    text = json.loads(good(*whole, "--format", "json"))
    assert text["first_order"] == library(test_data=np.array([-1.0, 0.5])).to_dict()["first_order"]
    cubes = json.loads(good(*whole, "--observable", "function:cube", "--format", "json"))
    assert cubes["observable"] == "function:cube"
    moved = good(*PATH, "--observable", "displacement", "--component", "0")
    assert moved.startswith("influence on the displacement [0]: one-pass")


REFUSED = {
    "m.py:small --set T=6": "expected a learning rate",
    "m.py:small --set eta=0.1": "T",
    "m.py:small --set eta=0.1,0.2 --set T=6": "expected one learning rate",
    "m.py:small --set eta=0.1 --set T=6 --samples 1": "expected samples=0, or 2 to",
    "m.py:small --set eta=0.1 --set T=6 --datapoints 9": "expected different numbers of datapoints 0..3",
    "m.py:small --set eta=0.1 --set T=6 --datapoints 0.5": "expected whole numbers",
    "m.py:small --set eta=0.1 --set T=6 --component 0,1": "expected one index",
    "m.py:small --set eta=0.1 --set T=6 --component 0": "expected no component",
    "no.py:small --set eta=0.1 --set T=6": "expected a Python file",
}


@pytest.mark.parametrize("options", REFUSED)
def test_refused_in_one_line(options):
    done = run("influence", *options.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert REFUSED[options] in done.stderr
