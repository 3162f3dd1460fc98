"""The README says what happens: its example and its commands are run."""

import contextlib
import io
import re
import shlex
from itertools import pairwise

import pytest
from click.testing import CliRunner
from layout import ROOT

from sgdiagrams.commands import cli

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)\n```", README, re.DOTALL)


def blocks_after(language):
    """Return pairs (block in this language, the text block that follows it)."""
    return [
        (body, following[1])
        for (kind, body), following in pairwise(BLOCKS)
        if kind == language and following[0] == "text"
    ]


def same_numbers(ours, shown):
    """Compare texts; numbers may differ in their last digits between platforms."""
    number = re.compile(r"[-+]?\d+\.?\d*(?:e[-+]?\d+)?")
    assert number.sub("#", ours).split() == number.sub("#", shown).split()
    for a, b in zip(number.findall(ours), number.findall(shown), strict=True):
        assert float(a) == pytest.approx(float(b), rel=2e-5, abs=1e-9)


def test_there_are_two_commands_and_two_examples():
    kinds = [kind for kind, _ in BLOCKS]
    assert kinds.count("sh") == 2
    assert kinds.count("python") == 2  # what comes with the package, and a model of one's own
    examples = [body for kind, body in BLOCKS if kind == "python"]
    assert all(len(example.splitlines()) <= 20 for example in examples)


@pytest.mark.parametrize("which", [0, 1])
def test_the_python_examples_print_what_is_shown(which):
    code, shown = blocks_after("python")[which]
    if "import jax" in code:
        pytest.importorskip("jax")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "README.md", "exec"), {})
    same_numbers(printed.getvalue(), shown)


def main_commands():
    body = next(body for kind, body in BLOCKS if kind == "sh")
    parts = [part.strip() for part in body.split("&&")]
    return [shlex.split(p)[1:] for p in parts if p.startswith(".venv/bin/sgdiagrams")]


def test_the_formula_is_what_the_command_prints():
    done = CliRunner().invoke(cli, main_commands()[0])
    assert done.exit_code == 0
    shown = [body for kind, body in BLOCKS if kind == "text"]
    assert done.output.rstrip() == shown[0]


def numbers_of_rows(text):
    """Return the numbers of the lines of a table that begin with one."""
    lines = [line for line in text.splitlines() if re.match(r"\s*\d", line)]
    return [[float(number) for number in line.split()] for line in lines]


def test_the_main_job_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments = main_commands()[1]
    done = CliRunner().invoke(cli, arguments)
    assert done.exit_code == 0, done.output
    shown = [body for kind, body in BLOCKS if kind == "text"]
    assert done.output.splitlines()[:2] == shown[1].splitlines()[:2]
    ours, theirs = (numbers_of_rows(text) for text in (done.output, shown[1]))
    assert len(ours) == len(theirs) == 8
    for now, then in zip(ours, theirs, strict=True):
        assert now[0] == then[0]
        assert now[3::2] == pytest.approx(then[3::2], rel=2e-5, abs=2e-6)
        # The same seed gives the same runs; other versions of NumPy may draw others.
        assert abs(now[1] - then[1]) < 5 * (now[2] + then[2])
    assert (tmp_path / "digits.png").read_bytes().startswith(b"\x89PNG")
    assert "standard errors from the simulation" in " ".join(done.output.split())


def more_commands():
    """Return the other commands, block by block: those of a block feed each other."""
    bodies = [body for kind, body in BLOCKS if kind == "console"]
    return [[shlex.split(line)[1:] for line in body.splitlines()] for body in bodies]


@pytest.mark.parametrize("commands", more_commands(), ids=lambda block: block[0][0])
def test_the_other_commands_run(commands, tmp_path, monkeypatch):
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    if any(".py:" in word for arguments in commands for word in arguments):
        pytest.importorskip("jax")
    for arguments in commands:
        done = CliRunner().invoke(cli, arguments)
        assert done.exit_code == 0, done.output


def test_links_point_to_files():
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target
