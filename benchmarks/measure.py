"""Timing in fresh processes, and what the machine is.

The parent stays small on purpose: on Linux the peak memory of a child starts at its parent's.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Measurement", "WorkError", "machine", "measure_command", "measure_work"]

_LIBRARIES = ("sgdiagrams", "numpy", "sympy", "networkx", "click", "pynauty")


class WorkError(RuntimeError):
    """A child process failed; the message is the last line that it wrote."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """The best of several runs.

    Attributes
    ----------
    seconds
        Least time of a run.
    peak_mib
        Least peak memory of a run, Python and libraries included; None where it cannot be measured.
    record
        What the fastest run reported.
    """

    seconds: float
    peak_mib: float | None
    record: dict[str, Any]


def measure_work(
    name: str, *arguments: object, repeat: int, timeout: float | None = None
) -> Measurement | None:
    """Run a piece of work from `work` several times, each in a fresh process.

    Parameters
    ----------
    name, arguments
        See ``WORK`` in `work`.
    repeat
        Number of runs.
    timeout
        Seconds for every run; no limit when left out.

    Returns
    -------
    Measurement or None
        None when a run took longer than `timeout`.

    Raises
    ------
    WorkError
        When a run fails.
    """
    command = [sys.executable, str(Path(__file__).with_name("work.py")), name]
    records = []
    for _ in range(repeat):
        try:
            done = subprocess.run(
                [*command, *map(str, arguments)],
                capture_output=True,
                text=True,
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return None
        if done.returncode:
            lines = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
            raise WorkError(f"{name} {' '.join(map(str, arguments))}: {lines[-1]}")
        records.append(json.loads(done.stdout))
    best = min(records, key=lambda record: record["seconds"])
    peaks = [record["peak_mib"] for record in records if record["peak_mib"] is not None]
    return Measurement(best["seconds"], min(peaks, default=None), best)


def measure_command(command: Sequence[str], *, repeat: int) -> float:
    """Return the least time of a whole process in seconds, from its start to its end.

    Raises
    ------
    WorkError
        When the command fails.
    """
    seconds = []
    for _ in range(repeat):
        start = perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        seconds.append(perf_counter() - start)
        if done.returncode:
            raise WorkError(f"{' '.join(command)}: {done.stderr.strip().splitlines()[-1:]}")
    return min(seconds)


def machine() -> dict[str, str]:
    """Return date, machine, Python and library versions, one text each."""
    facts = {
        "date": datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %z"),
        "processor": f"{_processor()}, {os.cpu_count()} cores visible",
        "memory": _memory(),
        "system": platform.platform(),
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
    }
    if hasattr(os, "getloadavg"):
        facts["load before"] = f"{os.getloadavg()[0]:.2f} (average of the last minute)"
    for name in _LIBRARIES:
        try:
            facts[name] = version(name)
        except PackageNotFoundError:
            facts[name] = "absent"
    return facts


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _memory() -> str:
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return "unknown"
    return f"{total / 2**30:.0f} GiB"
