"""Timing in fresh processes, and what the machine is.

The parent stays small on purpose: on Linux the peak memory of a child starts at its parent's.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from tables import Peer, agree

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Bench", "Measurement", "WorkError", "machine", "measure_command", "measured"]

_LIBRARIES = (
    *("sgdiagrams", "numpy", "sympy", "networkx", "opt_einsum", "click", "mpmath"),
    *("pynauty", "kauri", "jax", "torch"),
)
_PATIENCE = 10  # seconds after which work is not repeated


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


@dataclass(slots=True)
class Bench:
    """Runs works, ours and the peers'.

    Parameters
    ----------
    quick
        Small sizes.
    repeat
        Runs of each work; the best counts.
    budget
        Limit in seconds for a run of a peer. A peer that has exceeded it is not tried at greater sizes.
    limit
        The same for our own works.
    """

    quick: bool
    repeat: int
    budget: int
    limit: int
    _given_up: set[str] = field(default_factory=set)

    def ours(self, work: str, *arguments: object, once: bool = False) -> Measurement | None:
        """Measure a work ``module.name`` of our own; None when it took longer than the limit."""
        _say(f"{work} {' '.join(map(str, arguments))}")
        return measure_work(work, *arguments, repeat=1 if once else self.repeat, timeout=self.limit)

    def peer(
        self, name: str, work: str, *arguments: object, ours: Measurement | None, needs: str
    ) -> Peer:
        """Measure a work of a peer and compare its result with ours."""
        if not find_spec(needs):
            return Peer(name, note=f"absent: pip install {needs}")
        if work in self._given_up:
            return Peer(name, note="not tried")
        _say(f"{work} {' '.join(map(str, arguments))}")
        found = measure_work(work, *arguments, repeat=self.repeat, timeout=self.budget)
        if found is None:
            self._given_up.add(work)
            return Peer(name, note=f"over {self.budget} s")
        same = ours is not None and agree(ours.record["result"], found.record["result"])
        return Peer(name, found.seconds, found.peak_mib, same)


def measured(start: float) -> dict[str, Any]:
    """Return the time since `start` and the peak memory of this process: for works."""
    return {"seconds": perf_counter() - start, "peak_mib": _peak_mib()}


def measure_work(
    work: str, *arguments: object, repeat: int, timeout: float | None = None
) -> Measurement | None:
    """Run a piece of work several times, each in a fresh process.

    Parameters
    ----------
    work, arguments
        ``module.name``: see ``WORK`` in the modules of this folder.
    repeat
        Number of runs at most.
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
    command = [sys.executable, str(Path(__file__).with_name("work.py")), *work.split(".")]
    # Counted work must not depend on the order of sets.
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    records = []
    begin = perf_counter()
    for _ in range(repeat):
        try:
            done = subprocess.run(
                [*command, *map(str, arguments)],
                capture_output=True,
                text=True,
                timeout=timeout,
                check=False,
                env=environment,
            )
        except subprocess.TimeoutExpired:
            return None
        if done.returncode:
            lines = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
            raise WorkError(f"{work} {' '.join(map(str, arguments))}: {lines[-1]}")
        records.append(json.loads(done.stdout))
        if perf_counter() - begin > _PATIENCE:
            break
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
    _say(" ".join(command[-2:]))
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
    facts["commit"] = _commit()
    for name in _LIBRARIES:
        try:
            facts[name] = version(name)
        except PackageNotFoundError:
            facts[name] = "absent"
    return facts


def _peak_mib() -> float | None:
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(peak / (2**20 if sys.platform == "darwin" else 2**10))


def _say(text: str) -> None:
    print(f"measuring {text} ...", file=sys.stderr, flush=True)


def _commit() -> str:
    here = Path(__file__).parent
    try:
        name, changes = (
            subprocess.run(["git", *words], cwd=here, capture_output=True, text=True, check=True)
            for words in (["rev-parse", "--short", "HEAD"], ["status", "--porcelain"])
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return name.stdout.strip() + (" with changes" if changes.stdout.strip() else "")


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
