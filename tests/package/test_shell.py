"""The command line among other programs: help, pipes, completion, widths, long input."""

import os
import pty
import shutil
import signal
import subprocess
import sys

import pytest
from command_line import good, run

from sgdiagrams.commands import cli

COMMANDS = sorted(cli.commands)
PROGRAM = [sys.executable, "-m", "sgdiagrams"]


def test_the_name_alone_says_what_there_is():
    done = run()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == good("--help")
    assert all(f"\n  {name} " in done.stdout for name in COMMANDS)


@pytest.mark.parametrize("columns", [40, 60, 80, 100])
def test_help_fits(columns, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    for name in COMMANDS:
        text = good(name, "--help")
        assert max(map(len, text.splitlines())) <= columns, name
        # No name is broken at its hyphens.
        assert "-\n" not in text.replace("-\n-", ""), name
    assert max(map(len, good().splitlines())) <= columns


def test_examples_in_help_can_be_pasted(monkeypatch):
    for columns in (40, 80):
        monkeypatch.setenv("COLUMNS", str(columns))
        text = good("expand", "--help").replace("\\\n", "")
        lines = [" ".join(line.split()) for line in text.splitlines()]
        wanted = (
            "sgdiagrams expand --observable displacement --order 3 --resummed --form stationary"
        )
        assert wanted in lines


WRITERS = [
    ["list", "--order", "7", "--format", "text"],
    ["list", "--order", "6"],
    ["list", "--order", "6", "--format", "json"],
    ["expand", "--order", "3", "--sampling", "epochs"],
    ["expand", "--order", "3", "--sampling", "epochs", "--output", "/dev/stdout"],
    ["results", "takeuchi"],
    ["verify", "--order", "2"],
]  # fmt: skip


@pytest.mark.skipif(not hasattr(signal, "SIGPIPE"), reason="a system without this signal")
@pytest.mark.parametrize("arguments", WRITERS, ids=" ".join)
def test_whose_reader_has_gone_ends_quietly(arguments, tmp_path):
    with subprocess.Popen(
        [*PROGRAM, *arguments], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.close()
        notes = process.stderr.read()
    assert process.returncode == -signal.SIGPIPE  # 141 in a shell
    assert notes == b""


def test_a_full_disk_is_one_line():
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [*PROGRAM, "--help"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 2
    assert done.stderr == "sgdiagrams: error: cannot use the file: No space left on device\n"


LONG = "x" * 5000


@pytest.mark.parametrize(
    "arguments",
    [
        [LONG],
        ["--" + LONG],
        ["expand", "--" + LONG],
        ["expand", "--order", LONG],
        ["expand", "--order", "1", "--sampling", LONG],
        ["expand", "--order", "1", "--sampling", f"one-pass:{LONG}=1"],
        ["expand", "--order", "1", "--optimizer", f"momentum:beta={LONG}"],
        ["expand", "--order", "1", "--observable", LONG],
        ["expand", "--order", "1", "--observable", f"test-loss:since={LONG}"],
        ["expand", "--order", "1", "--schedule", LONG],
        ["expand", "--order", "1", "--set", LONG],
        ["expand", "--order", "1", "--set", f"{LONG}=1"],
        ["expand", "--order", "1", "--set", f"T={LONG}"],
        ["expand", "--order", "1", "--set", f"T={'9' * 4000}", "--set", "T=1"],
        ["expand", "--order", "1", "--sampling", f"grid:{LONG}"],
        ["expand", "--order", "1", "--format", LONG],
        ["list", "--order", "1", "--draw", LONG],
        ["list", "--order", "1", "--output", f"/no/{LONG}"],
        ["compare", "--landscape", LONG],
        ["compare", "--component", LONG],
        ["compare", "--plot", LONG],
        ["compare", "--set", f"eta={'1,' * 2000}x"],
        ["scaling", "--through", LONG],
        ["results", LONG],
        ["drift", "--statistics", LONG, "--set", "eta=1"],
        ["evaluate", LONG, "--statistics", LONG, "--set", "eta=1"],
        ["completion", LONG],
        ["measure", LONG, "--expansion", LONG, "--output", LONG],
        ["measure", "m.py:x", "--expansion", LONG, "--output", "m.npz"],
        ["measure", "m.py:x", "--expansion", "e", "--output", "m.npz", "--part", LONG],
        ["measure", "m.py:x", "--expansion", "e", "--output", "m.npz", "--memory", LONG],
        ["measure", "m.py:x", "--expansion", "e", "--output", "m.npz", "--budget", LONG],
        ["measure", "m.py:x", "--expansion", "e", "--output", "m.npz", "--at", LONG],
        ["merge", LONG, "--output", LONG],
        ["simulate", "--model", LONG, "--set", "eta=1", "--set", "T=1"],
        ["path", LONG, "--set", "eta=1", "--set", "T=1", "--set", "B=1"],
        ["path", "m.py:x", "--set", "eta=1", "--set", "T=1", "--set", "B=1", "--at", f"B={LONG}"],
        ["path", "m.py:x", "--set", "eta=1", "--set", "T=1", "--set", "B=1", "--times", LONG],
        ["compare", "--model", LONG, "--set", "T=1"],
        ["compare", "--statistics", LONG, "--set", "T=1"],
    ],
    ids=lambda arguments: " ".join(arguments)[:40],
)
def test_errors_echo_little(arguments):
    done = run(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert max(done.stderr.count("x"), done.stderr.count("9"), done.stderr.count("1")) < 200
    assert len(done.stderr) < 600


def test_errors_write_numbers_as_people_do():
    done = run("drift", "--landscape", "helix", "--set", "eta=0.1", "--set", "T=0.9")
    assert "Fraction" not in done.stderr
    done = run("expand", "--order", "1", "--set", "T=0.9")
    assert done.stderr.strip().endswith("T=0.9")


def complete(words, *, shell="bash"):
    """Ask for completions of the last word, as a shell does."""
    parts = words.split(" ")
    asked = {"COMP_WORDS": words.rstrip(), "COMP_CWORD": str(len(parts) - 1)}
    asked["_SGDIAGRAMS_COMPLETE"] = f"{shell}_complete"
    done = subprocess.run(
        PROGRAM, env={**os.environ, **asked}, capture_output=True, text=True, check=True
    )
    return [line.partition(",")[2] for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    ("words", "answers"),
    [
        ("sgdiagrams ", COMMANDS),
        ("sgdiagrams expand --sampling re", ["reshuffled-epochs"]),
        ("sgdiagrams list --sampling with-", ["with-replacement"]),
        ("sgdiagrams compare --optimizer mo", ["momentum"]),
        ("sgdiagrams compare --optimizer hea", ["heavy-ball"]),
        ("sgdiagrams compare --landscape ", ["digits", "gauss", "helix", "mean"]),
        ("sgdiagrams judge --observable tr", ["training-loss"]),
        ("sgdiagrams expand --schedule warm", ["warm-up", "warmup-cosine-decay"]),
        ("sgdiagrams expand --average t", ["tail"]),
        ("sgdiagrams expand --stand", ["--standalone"]),
        ("sgdiagrams results vall", ["valley-velocity"]),
        ("sgdiagrams measure --role tr", ["training-set"]),
        ("sgdiagrams simulate --landscape g", ["gauss"]),
        ("sgdiagrams simulate --sampling with-", ["with-replacement"]),
        ("sgdiagrams measure m.py:x --pl", ["--plan"]),
        ("sgdiagrams path m.py:x --role tr", ["training-set"]),
        ("sgdiagrams completion ", ["bash", "zsh", "fish"]),
    ],
)
def test_completion(words, answers):
    assert complete(words) == answers


def test_names_of_files_are_the_shell_s():
    done = subprocess.run(
        PROGRAM,
        env={
            **os.environ,
            "COMP_WORDS": "sgdiagrams judge --statistics sta",
            "COMP_CWORD": "3",
            "_SGDIAGRAMS_COMPLETE": "bash_complete",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "file,sta\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts_of_shells(shell):
    script = good("completion", shell)
    assert "_SGDIAGRAMS_COMPLETE" in script
    if shutil.which(shell):
        flag = "--no-execute" if shell == "fish" else "-n"
        done = subprocess.run(
            [shell, flag], input=script, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("style", ["table", "text", "json"])
def test_list_writes_files(style, tmp_path):
    path = tmp_path / "list.txt"
    arguments = ("list", "--order", "3", "--sampling", "one-pass", "--format", style)
    assert good(*arguments, "--output", path) == ""
    assert path.read_text() == good(*arguments)
    assert good("list", "--order", "3", "--count", "--output", path) == ""
    assert path.read_text() == "17\n"
    path.write_text("old")
    assert (
        run(
            "list", "--order", "3", "--sampling", "sde", "--basis", "moment", "--output", path
        ).returncode
        == 2
    )
    assert path.read_text() == "old"


def test_count_stands_alone():
    for options in (["--draw", "x.svg"], ["--format", "json"]):
        done = run("list", "--order", "2", "--count", *options)
        assert done.returncode == 2
        assert "--count" in done.stderr


FITTING = [
    ["expand", "--order", "4", "--sampling", "epochs"],
    ["expand", "--order", "2", "--optimizer", "momentum"],
    ["expand", "--order", "3", "--resummed"],
    ["list", "--order", "4", "--sampling", "epochs"],
    ["scaling", "--sampling", "epochs"],
    ["judge", "--landscape", "gauss", "--set", "eta=0.01", "--set", "T=100"],
    ["drift", "--landscape", "helix", "--set", "eta=0.05"],
    ["results", "valley-velocity"],
    ["simulate", "--landscape", "mean", "--runs", "9", "--set", "eta=0.1", "--set", "T=9"],
    [*("compare", "--landscape", "mean", "--resummed", "--runs", "9"), *("--set", "T=9")],
]


@pytest.mark.parametrize("arguments", FITTING, ids=lambda arguments: " ".join(arguments)[:30])
def test_output_fits(arguments, monkeypatch):
    texts = []
    for columns in (40, 80, 300):
        monkeypatch.setenv("COLUMNS", str(columns))
        texts.append(good(*arguments))
        assert max(map(len, texts[-1].splitlines())) <= columns
    monkeypatch.delenv("COLUMNS")
    # Folding loses and adds nothing.
    if arguments[0] in ("expand", "list", "results"):
        texts.append(good(*arguments))
        assert len({"".join(text.split()) for text in texts}) == 1


def test_work_is_seen_on_a_terminal_only(tmp_path):
    # The bar comes after a second.
    code = (
        "import time; from sgdiagrams.commands.shared.progress import working\n"
        "with working('counting'): time.sleep(1.5)"
    )
    there, here = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=here,
        cwd=tmp_path,
        env={**os.environ, "TERM": "xterm"},
        check=True,
    )
    os.close(here)
    assert b"counting" in os.read(there, 10_000)
    os.close(there)
    assert done.stdout == b""
    quiet = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert quiet.stderr == b""
