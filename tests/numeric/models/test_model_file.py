"""Models in Python files: what is executed, what goes with it to other processes, what is refused."""

import pickle
import subprocess
import sys

import pytest

from sgdiagrams.diagrams import MissingDependencyError, RequestError
from sgdiagrams.numeric.models.model_file import ModelFile

GOOD = """
from dataclasses import dataclass
import neighbour

print("noise on the way")


@dataclass
class Settings:
    width: "int" = 3


def loss(weights, datapoint):
    return weights * datapoint + neighbour.SHIFT


def small():
    import neighbour as again

    print("more noise")
    return loss, Settings().width, [again.SHIFT]


if __name__ == "__main__":
    raise RuntimeError("trained by accident")
"""


@pytest.fixture
def path(tmp_path):
    (tmp_path / "neighbour.py").write_text("SHIFT = 7\n")
    path = tmp_path / "my model.py"
    path.write_text(GOOD)
    yield str(path)
    sys.modules.pop("neighbour", None)


def test_loads_as_python_would(path, capsys):
    folders, modules = list(sys.path), set(sys.modules)
    loss, weights, data = ModelFile.parse(f"{path}:small").load()
    assert (loss(weights, 2), weights, data) == (13, 3, [7])
    assert sys.path == folders
    assert set(sys.modules) - modules == {"neighbour"}
    assert capsys.readouterr() == ("", "noise on the way\nmore noise\n")


def test_is_a_value_that_pickles(path):
    file = ModelFile(path, "small")
    again = pickle.loads(pickle.dumps(file))  # noqa: S301
    assert again == file == ModelFile.parse(f"{path}:small")
    assert hash(file) == hash(ModelFile(path, "small"))


def test_its_functions_go_to_processes_that_cannot_import_them(tmp_path):
    cloudpickle = pytest.importorskip("cloudpickle")
    (tmp_path / "alone.py").write_text(
        "SHIFT = 1\nclass Model:\n    def __call__(self, w, x):\n        return w * x + SHIFT\n"
        "def small():\n    return Model(), 3, []\n"
    )
    loss, _, _ = ModelFile(str(tmp_path / "alone.py"), "small").load()
    sent = tmp_path / "sent"
    sent.write_bytes(cloudpickle.dumps(loss))
    code = f"import pickle; print(pickle.loads(open({str(sent)!r}, 'rb').read())(2, 5))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "11\n"


def test_a_file_may_be_called_like_a_library(tmp_path):
    path = tmp_path / "numpy.py"
    path.write_text("import numpy\ndef small():\n    return numpy.sum, numpy.ones(2), []\n")
    loss, weights, _ = ModelFile(str(path), "small").load()
    assert loss(weights) == 2


REFUSED = {
    "def other(): pass": "expected a function small in {path}, which has other",
    "": "expected a function small in {path}, which has none",
    "small = 3": "to be a function that returns loss, weights and data, got 3 (int)",
    "def small(n): pass": "expected small of {path} to take no arguments, got small(n)",
    "def small(): return 1, 2": "to return loss, weights and data, got (1, 2) (tuple of 2)",
    "def small(): return 1, 2, 3": "to return a function loss(weights, datapoint) first, got loss=1",
    "def small(): pass": "to return loss, weights and data, got None (NoneType)",
    "\n\nx = 1 / 0": "{path} raised ZeroDivisionError at line 3: division by zero",
    "\ndef small():\n  y = 1\n  raise KeyError('here')": "{path} raised KeyError at line 4: 'here'",
    "\nimport sys\nsys.exit(3)": "{path} raised SystemExit at line 3: 3",
    "import sys; sys.exit()": "{path} raised SystemExit at line 1",
    "\ndef small(:": "{path} raised SyntaxError at line 2: ",
    "def small(): return open('/no/such')": "{path} raised FileNotFoundError at line 1: ",
    "\0": "{path}",
    "import nothing_of_that_name": "{path} raised ModuleNotFoundError at line 1: No module named",
}


@pytest.mark.parametrize("text", REFUSED)
def test_refused_in_one_line(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.py").write_text(text)
    with pytest.raises(RequestError) as refused:
        ModelFile("m.py", "small").load()
    message = str(refused.value)
    assert REFUSED[text].format(path="'m.py'") in message
    assert len(message) < 400
    assert "\n" not in message


def test_an_absent_library_names_its_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "optax", None)
    path = tmp_path / "m.py"
    path.write_text("\nimport optax\n")
    with pytest.raises(
        MissingDependencyError, match=r'at line 2: .*pip install "sgdiagrams\[jax\]"'
    ):
        ModelFile(str(path), "small").load()


@pytest.mark.parametrize("text", ["m.py", "m.py:", ":small", "m.py:a b", "m.py:1", 5, None, ""])
def test_other_texts_are_refused(text):
    with pytest.raises(RequestError, match="expected"):
        ModelFile.parse(text)


def test_what_is_no_readable_file(tmp_path):
    for name in (tmp_path / "missing.py", tmp_path):
        with pytest.raises(RequestError, match=r"which does not exist|Is a directory"):
            ModelFile(str(name), "small").load()
    binary = tmp_path / "b.py"
    binary.write_bytes(b"\xff\xfe\x00x")
    with pytest.raises(RequestError, match="which is none"):
        ModelFile(str(binary), "small").load()


def test_an_interrupt_is_an_interrupt(tmp_path):
    path = tmp_path / "m.py"
    path.write_text("raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        ModelFile(str(path), "small").load()


def test_more_may_follow_loss_weights_and_data(tmp_path):
    file = tmp_path / "m.py"
    file.write_text(
        "def small():\n    return abs, 3, [1]\n"
        "def whole():\n    return (*small(), {'test_data': [2], 'functions': {'s': abs}})\n"
    )
    given = ModelFile(str(file), "whole").given()
    assert (given.loss, given.weights, given.data) == ModelFile(str(file), "whole").load()
    assert (given.test_data, given.functions) == ([2], {"s": abs})
    plain = ModelFile(str(file), "small").given()
    assert (plain.test_data, plain.functions) == (None, {})


@pytest.mark.parametrize(
    "more", ["5", "{'tests': 1}", "{'functions': abs}", "{'functions': {'s': 3}}", "[1]", "{}, {}"]
)
def test_nothing_else_may_follow(more, tmp_path):
    (tmp_path / "m.py").write_text(f"def small():\n    return abs, 3, [1], {more}\n")
    with pytest.raises(RequestError, match="to return") as refused:
        ModelFile(str(tmp_path / "m.py"), "small").load()
    assert "\n" not in str(refused.value)
