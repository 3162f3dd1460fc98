"""Whether a case went well: no traceback, no hang, no NaN that is called a result, no lack of memory."""

import json
import random
import re
import resource
import signal
import tempfile
import traceback
from pathlib import Path

from command_line import run

from fuzzing import command_lines, doors
from fuzzing.corpus import corpus
from sgdiagrams import SgdiagramsError

#: Seconds of computing that a case may take.
PATIENCE = 10
#: Bytes of data that the process may hold.
MEMORY = 2**30

_LONGEST_LINE = 1000
_NAN = re.compile(r"\bnan\b", re.IGNORECASE)

#: The kinds of cases, and how often each comes up.
KINDS = {
    **dict.fromkeys((doors.diagram_text, doors.contraction_text, doors.expansion_text), 6),
    **dict.fromkeys(
        (doors.schemes, doors.orders, doors.arrays, doors.numbers, doors.simulations), 5
    ),
    doors.tied_diagram: 1,
    doors.modified_text: 3,
    doors.contraction_as_printed: 3,
    doors.expression_as_written: 4,
    **dict.fromkeys((command_lines.expansion, command_lines.statistics, command_lines.expand), 8),
    command_lines.tables: 6,
    **dict.fromkeys((command_lines.grid, command_lines.checkpoint, command_lines.evaluate), 5),
    **dict.fromkeys((command_lines.schedule, command_lines.scaling, command_lines.compare), 3),
    command_lines.modified: 3,
    **dict.fromkeys((command_lines.listing, command_lines.long_run, command_lines.other), 3),
    command_lines.drawing: 3,
}


class Hang(BaseException):
    """The case takes too long."""


def limit_process() -> None:
    """Bound the memory of this process, and be told of too long computing."""
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))

    def stop(*_: object) -> None:
        raise Hang

    signal.signal(signal.SIGPROF, stop)


def fault(seed: int, number: int, *, show: bool = False) -> str:
    """Run a case; return what is wrong with it, or nothing."""
    rng = random.Random(f"{seed}/{number}")
    [kind] = rng.choices(list(KINDS), list(KINDS.values()))
    module = kind.__module__.removeprefix("fuzzing.")
    signal.setitimer(signal.ITIMER_PROF, PATIENCE)
    try:
        found = _of_door(kind, rng) if module == "doors" else _of_command(kind(rng), show=show)
    except Hang:
        found = f"more than {PATIENCE} s of computing\n{_innermost()}"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return f"{kind.__name__}: {found}" if found else ""


def _innermost() -> str:
    return "".join(traceback.format_exc().splitlines(keepends=True)[-24:])


def _of_door(kind, rng) -> str:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            kind(rng)
        except SgdiagramsError as error:
            return _of_message(str(error))
        except Hang:
            raise
        except BaseException:  # noqa: BLE001 - whatever it is, it is to be reported
            return _innermost()
    return ""


def _of_message(text: str) -> str:
    if "\n" in text:
        return f"an error of several lines: {text[:300]}"
    return f"an error of {len(text)} characters: {text[:300]}" if len(text) > _LONGEST_LINE else ""


def _of_command(line, *, show: bool) -> str:
    with tempfile.TemporaryDirectory() as folder:
        for name, content in {**corpus(), **line.files}.items():
            (Path(folder) / name).write_bytes(content)
        try:
            done = run(*line.arguments, text=line.text, cwd=folder)
        except Hang:
            raise
        except BaseException:  # noqa: BLE001
            return f"{_shown(line)}\n{_innermost()}"
    if show:
        print(_shown(line), done.returncode, done.stdout[:2000], done.stderr[:2000], sep="\n")
    found = _of_output(line, done)
    return f"{_shown(line)}\n{found}" if found else ""


def _of_output(line, done) -> str:
    if done.returncode not in (0, 2):
        return f"exit status {done.returncode}: {done.stderr[-500:]}"
    if "out of memory" in done.stderr:
        return f"out of memory: {done.stderr[:300]}"
    if "Traceback" in done.stderr:
        return f"a traceback: {done.stderr[-1000:]}"
    if done.returncode == 2:
        text = done.stderr.removesuffix("\n")
        if not text.startswith("sgdiagrams: error: "):
            return f"no line of an error: {text[:300]}"
        return _of_message(text)
    if "json" in line.arguments:
        for record in [done.stdout] if line.arguments[0] != "list" else done.stdout.splitlines():
            json.loads(record, parse_constant=_refuse)
    # Source says itself what it refuses.
    if "python" not in line.arguments and _NAN.search(done.stdout):
        place = _NAN.search(done.stdout).start()
        return f"NaN with exit status 0: {done.stdout[max(0, place - 200) : place + 200]}"
    return ""


def _refuse(constant: str) -> None:
    raise ValueError(f"no JSON: {constant}")


def _shown(line) -> str:
    files = {name: content[:1500] for name, content in line.files.items()}
    return f"{[a[:80] for a in line.arguments]} {files}"
