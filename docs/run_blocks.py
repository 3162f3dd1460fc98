"""Run the examples of the pages in reading order, and say, or write, what is really printed.

    python docs/run_blocks.py                         # which blocks are stale
    python docs/run_blocks.py --write                 # put what is printed into the pages
    python docs/run_blocks.py --write docs/scaling.md

Each page runs in an empty folder of its own, block by block, in one namespace:

* ``python``: an example with prompts is a doctest; one without is run, and a ``text`` block that
  follows it shows what it prints. Examples in comments, ``<!--``, are run as well and set up what is
  shown. After ``<!-- from FILE -->`` a block is an excerpt of a file and is compared with it.
* ``console``: commands are the lines that start with ``$``. What a command prints, to standard output
  and to standard error, follows it. Commands other than those of `PROGRAMS` set up an environment and
  are not run.
* ``sh``: sets up an environment, and is not run.

A line ``...`` of an output stands for any lines. What is not run is looked through by `commands`.
"""

import argparse
import contextlib
import doctest
import io
import os
import re
import shlex
import subprocess
import sys
import tempfile
import traceback
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from unittest.mock import patch

from click.testing import CliRunner

from sgdiagrams.commands import main as sgdiagrams

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted(
    [*ROOT.glob("docs/**/*.md"), *(ROOT / f"{name}.md" for name in ("CONTRIBUTING", "CHANGELOG"))]
)
PROGRAMS = ("sgdiagrams ", "python examples/", "echo ", "printf ")
REST = "...\n"
#: What commands need that do not come with the package, by what stands in them.
LIBRARIES = {
    "--dask": "distributed",
    "--scheduler": "distributed",
    ".py:": "jax",
    "wine.py:": "torch",
    "py:wine": "sklearn",
    "wine.npz": "torch",
}

BLOCK = re.compile(r"^```([a-z]*)\n(.*?)^```$", flags=re.DOTALL | re.MULTILINE)
_TERMINAL = {"COLUMNS": "80", "LINES": "24"}
_EXCERPT = re.compile(r"<!-- from (\S+) -->\n+\Z")
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")


@dataclass(frozen=True, slots=True)
class Shown:
    """A command of a page, what the page shows below it, and what it prints."""

    command: str
    shown: str
    printed: str

    @property
    def is_true(self) -> bool:
        """Whether the page shows what is printed."""
        return agree(self.shown, self.printed)

    @property
    def corrected(self) -> str:
        """What the page should show: as many lines around a ``...`` as before."""
        if self.is_true:
            return self.shown
        lines = self.printed.splitlines(keepends=True)
        kept = self.shown.splitlines(keepends=True)
        if REST not in kept:
            return self.printed
        head, tail = kept.index(REST), len(kept) - kept.index(REST) - 1
        return "".join([*lines[:head], REST, *lines[len(lines) - tail :]])


@dataclass(frozen=True, slots=True)
class Run:
    """What became of a page: examples in Python that fail, commands, and the page as it should be."""

    failures: int
    commands: tuple[Shown, ...]
    text: str

    @property
    def stale(self) -> tuple[Shown, ...]:
        """The commands that print something else than the page shows."""
        return tuple(shown for shown in self.commands if not shown.is_true)


def run_page(page: Path) -> Run:
    """Run the examples of a page in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        return _run(page.read_text(encoding="utf-8"), str(page.relative_to(ROOT)))


def _run(text: str, name: str) -> Run:
    variables: dict[str, object] = {"__name__": "__main__"}
    failures, shown_blocks, pieces, end = 0, [], [], 0
    plain: str | None = None  # what the plain example just before has printed
    for block in BLOCK.finditer(text):
        failures += _examples(text, end, block.start(), variables, name)
        language, body = block.groups()
        before, plain = plain, None
        if language == "console":
            blocks, body = _commands(body)
            shown_blocks += blocks
        elif language == "text" and before is not None:
            done = Shown("the example above", body, before)
            shown_blocks.append(done)
            body = done.corrected
        elif language == "python" and ">>>" in body:
            failures += _examples(text, block.start(), block.end(), variables, name)
        elif language == "python" and (excerpt := _EXCERPT.search(text, end, block.start())):
            failures += not is_excerpt(body, ROOT / excerpt[1])
        elif language == "python":
            plain = _printed_by(
                body, f"{name}:{text.count(chr(10), 0, block.start()) + 2}", variables
            )
            failures += plain is None
        pieces += [text[end : block.start()], f"```{language}\n", body, "```"]
        end = block.end()
    failures += _examples(text, end, len(text), variables, name)
    return Run(failures, tuple(shown_blocks), "".join([*pieces, text[end:]]))


def _commands(body: str) -> tuple[list[Shown], str]:
    """Run the commands of a block; return them, and the block as it should be."""
    commands, lines = [], []
    for part in re.split(r"^(?=\$ )", body, flags=re.MULTILINE):
        command, _, shown = part.partition("\n")
        if not is_run(command.removeprefix("$ ")):
            lines.append(part)
            continue
        done = Shown(command, shown, printed(command.removeprefix("$ ")))
        commands.append(done)
        lines.append(f"{command}\n{done.corrected}")
    return commands, "".join(lines)


def _printed_by(code: str, place: str, variables: dict[str, object]) -> str | None:
    """Run an example without prompts; return what it prints, None where it fails."""
    output = io.StringIO()
    try:
        with contextlib.redirect_stdout(output), patch.dict(os.environ, _TERMINAL):
            exec(compile(code, place, "exec"), variables)  # noqa: S102 - the pages are ours
    except Exception:  # noqa: BLE001 - told like a failing doctest, and the page goes on
        print(f"{place}\n{traceback.format_exc()}")
        return None
    return output.getvalue()


def is_excerpt(code: str, path: Path) -> bool:
    """Whether lines stand in a file as they are, indented or not."""
    lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    wanted = [line.strip() for line in code.splitlines()]
    return any(lines[i : i + len(wanted)] == wanted for i in range(len(lines)))


def is_run(command: str) -> bool:
    """Whether a command is run: one of ours, where the library that it asks for is installed."""
    can_run = all(find_spec(name) for sign, name in LIBRARIES.items() if sign in command)
    return command.startswith(PROGRAMS) and can_run


def _examples(text: str, start: int, end: int, variables: dict[str, object], name: str) -> int:
    """Run the examples in Python of a part of a page; return how many fail."""
    line = text.count("\n", 0, start)
    test = doctest.DocTestParser().get_doctest(text[start:end], variables, name, name, line)
    runner = doctest.DocTestRunner(verbose=False)
    test.globs = variables
    runner.run(test, clear_globs=False)
    return runner.failures


def printed(command: str) -> str:
    """Return what a terminal of 80 columns shows after a command."""
    with patch.dict(os.environ, _TERMINAL):
        # The bars of visits, as in (0|1)(01), are none of the shell's.
        stages = [stage.strip() for stage in re.split(r"\s\|\s", command)]
        words = [[_at_root(word) for word in shlex.split(stage)] for stage in stages]
        is_ours = all(stage and stage[0] == "sgdiagrams" for stage in words)
        if is_ours and not set(words[-1]) & {">", ">>", "<", "&&", ";"}:
            return _in_this_process(words)
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        at_root = re.sub(r"(?<=python )(?=examples/)", f"{ROOT}/", command)
        done = subprocess.run(  # noqa: S603 - the pages are ours
            ["bash", "-c", at_root],  # noqa: S607
            env={**os.environ, "PATH": path},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return done.stdout


def _at_root(word: str) -> str:
    """Return a word of a command; a file among the examples by its whole path."""
    return f"{ROOT}/{word}" if word.startswith("examples/") else word


def _in_this_process(stages: list[list[str]]) -> str:
    """Run commands of a pipe one after the other, without starting Python anew for each."""
    errors, passed = "", None
    for words in stages:
        with (
            CliRunner().isolation(input=passed) as (output, _, both),
            patch.object(sys, "argv", words),
            contextlib.suppress(SystemExit),
        ):
            sgdiagrams()
        if words is stages[-1]:
            return errors + both.getvalue().decode()
        passed = output.getvalue().decode()
        errors += both.getvalue().decode().removeprefix(passed)
    return errors


def agree(shown: str, printed: str) -> bool:
    """Whether a page shows what is printed; decimals may differ in their last digit.

    Machines round differently: a decimal may be off by one unit of the last digit shown, or by what
    such a sum loses of the largest number on its line.
    """
    if REST not in shown.splitlines(keepends=True):
        return _same(shown, printed)
    head, _, tail = f"\n{shown}".partition(f"\n{REST}")
    head, lines = head[1:] + "\n" if head else "", printed.splitlines(keepends=True)
    above, below = head.count("\n"), tail.count("\n")
    return (
        len(lines) >= above + below
        and _same(head, "".join(lines[:above]))
        and _same(tail, "".join(lines[len(lines) - below :]))
    )


def _same(shown: str, printed: str) -> bool:
    if shown == printed:
        return True
    if _NUMBER.sub("#", shown).split() != _NUMBER.sub("#", printed).split():
        return False
    pairs = zip(_NUMBER.findall(shown), _NUMBER.findall(printed), strict=True)
    return all(_near(a, b) for a, b in pairs)


def _near(a: str, b: str) -> bool:
    if a == b:
        return True
    if not all(set(number) & set(".e") for number in (a, b)):
        return False  # whole numbers are exact
    size = max(abs(float(a)), abs(float(b)))
    return abs(float(a) - float(b)) <= max(_unit(a), _unit(b), 1e-12 * size) * 1.001 or size < 1e-25


def _unit(number: str) -> float:
    """Return one unit of the last digit of a decimal."""
    digits, _, power = number.lower().partition("e")
    places = len(digits.partition(".")[2])
    return 10.0 ** (int(power or 0) - places)


def main() -> int:
    """Run pages; return 1 when one of them is stale and is not to be written."""
    parser = argparse.ArgumentParser(description="Run the examples of the documentation.")
    parser.add_argument("--write", action="store_true", help="put what is printed into the pages")
    parser.add_argument("pages", nargs="*", type=Path, help="pages; all of them when left out")
    options = parser.parse_args()
    is_stale = False
    for page in [path.resolve() for path in options.pages] or PAGES:
        done = run_page(page)
        name = page.relative_to(ROOT)
        for shown in done.stale:
            print(f"{name}: {shown.command}")
            if not options.write:
                print(shown.printed, end="")
        if done.failures:
            print(f"{name}: {done.failures} examples in Python fail")
        if options.write and done.stale:
            page.write_text(done.text, encoding="utf-8")
        is_stale |= bool(done.failures or (done.stale and not options.write))
    return int(is_stale)


if __name__ == "__main__":
    sys.exit(main())
