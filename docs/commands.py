"""What is wrong with a command that a page shows: nothing, unless something that it names is not there.

For commands that no test can run, those that install, test or take long, and for those in prose:
their programs, scripts, options, choices, extras and markers are looked up where they are declared.
"""

import ast
import re
import shlex
import tomllib
from functools import cache
from itertools import pairwise
from pathlib import Path

import click

from sgdiagrams.commands import cli

ROOT = Path(__file__).resolve().parent.parent
#: Programs whose words are looked up.
LOOKED_UP = ("pip", "pytest", "python", "sgdiagrams")
#: Other programs that pages may name: tools of development, and what every shell has.
_OTHERS = {".", "cat", "cd", "echo", "git", "grep", "head", "lint-imports", "mypy", "npm", "printf",
           "ruff", "source", "tail", "xargs"}  # fmt: skip
_SETTING = re.compile(r"[A-Z_]+=\S*")


def complaint(command):
    """Return what is wrong with a command, in one line; empty if nothing is."""
    for part in re.split(r"\s+(?:&&|[|;])\s+", re.sub(r"\s#\s.*", "", command)):
        try:
            words = shlex.split(part)
        except ValueError as error:
            return f"{error}: {part}"
        while words and _SETTING.fullmatch(words[0]):
            del words[0]
        if words and (wrong := _wrong(words)):
            return f"{wrong}: {command}"
    return ""


def _wrong(words):
    program = re.sub(r"\d$", "", words[0].removeprefix(".venv/bin/"))
    rest = words[1:]
    if program == "python":
        return _python(rest)
    if program == "pip":
        return _pip(rest)
    if program == "pytest":
        return _pytest(rest)
    if program == "sgdiagrams":
        return _sgdiagrams(rest)
    return "" if program in _OTHERS else f"unknown program {program}"


def _sgdiagrams(words):
    """Look a command up, and its options."""
    context, options = click.Context(cli), _options(cli)
    names = [word for word in words if not word.startswith("-")][:1]
    if names and not names[0].isupper():
        command = cli.get_command(context, names[0])
        if command is None:
            return f"no command {names[0]}"
        options |= _options(command)
    return _unknown(words, options | {"--help"})


def _options(command):
    return {name for option in command.params for name in (*option.opts, *option.secondary_opts)}


def _unknown(words, options):
    for word in words:
        if re.match(r"--?[a-z]", word) and word.partition("=")[0] not in options:
            return f"no option {word}"
    return ""


def _python(words):
    if not words or words[0] in {"-c", "FILE.py", "SCRIPT.py"} or words[:2] == ["-m", "venv"]:
        return ""
    if words[:2] == ["-m", "pytest"]:
        return _pytest(words[2:])
    if words[:2] == ["-m", "doctest"]:
        return "" if all((ROOT / word).exists() for word in words[2:]) else "no such file"
    script = ROOT / words[0]
    if not script.exists():
        return f"no script {words[0]}"
    options, texts = declared(script)
    if "python" in words:  # a command of its own, for a script that runs commands
        words = words[: words.index("python")]
    for word, value in pairwise([*words[1:], ""]):
        if word.startswith("--") and word not in options:
            return f"no option {word}"
        if options.get(word) and value not in texts and not value.isupper():
            return f"no choice {word} {value}"
    return ""


@cache
def declared(script):
    """Return the options of a script, each with whether it has choices, and the texts in it.

    The modules beside it that it imports count as well, and so do the sizes of an experiment.
    """
    options, texts = {}, set()
    for node in ast.walk(ast.parse(script.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            texts.add(node.value)
        if isinstance(node, ast.ImportFrom) and node.module:
            beside = script.parent / f"{node.module.replace('.', '/')}.py"
            if beside.exists():
                options |= declared(beside)[0]
        if isinstance(node, ast.Call):
            keywords = {keyword.arg for keyword in node.keywords}
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name == "add_argument":
                words = [word.value for word in node.args if isinstance(word, ast.Constant)]
                options |= dict.fromkeys(words, "choices" in keywords)
            if name == "read_options":
                options |= {f"--{keyword}": False for keyword in keywords}
    return options, texts


@cache
def _project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def _pip(words):
    """Look extras up, and versions in what continuous integration installs."""
    extras = {*_project()["project"]["optional-dependencies"], "EXTRA"}
    for word in words[1:]:
        for extra in re.sub(r".*\[(.*)\].*|.*", r"\1", word).split(","):
            if extra and extra not in extras:
                return f"no extra {extra}"
        if "==" in word and f'"{word}"' not in (ROOT / ".ci/run").read_text(encoding="utf-8"):
            return f"not the version {word} of .ci/run"
    return _unknown(words, {"-e", "-r", "--upgrade"}) if words[:1] == ["install"] else "not install"


def _pytest(words):
    markers = {m.partition(":")[0] for m in _project()["tool"]["pytest"]["ini_options"]["markers"]}
    for option, value in pairwise([*words, ""]):
        named = set(re.findall(r"\w+", value)) - {"not", "and", "or"}
        if option == "-m" and not named <= markers:
            return f"no marker {value}"
    return _unknown(words, {"-m", "--cov"})
