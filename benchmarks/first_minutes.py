"""Time the first minutes of a newcomer: from a copy of the repository to a plot of one's own model.

    python benchmarks/first_minutes.py

Every step of docs/guides/first-ten-minutes.md is run by the clock in a fresh folder and a fresh virtual
environment. What pip has downloaded before is in its cache or not, as it was; reading and writing are not
counted.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

ROOT = Path(__file__).resolve().parent.parent
STEPS = {
    "copy": "git clone -q {root} sgdiagrams",
    "environment": "{python} -m venv .venv",
    "install": '.venv/bin/pip install -q ".[demo]"',
    "formula": ".venv/bin/sgdiagrams expand --order 3",
    "digits": (
        ".venv/bin/sgdiagrams compare --landscape digits --order 3 --set T=10 --runs 20000"
        " --plot digits.png"
    ),
    "PyTorch": '.venv/bin/pip install -q ".[torch]"',
    "own model": (
        ".venv/bin/sgdiagrams compare --model examples/wine.py:wine --order 2 --set T=20 --runs 500"
        " --plot wine.png"
    ),
}


def main() -> None:
    """Run the steps and print seconds."""
    with tempfile.TemporaryDirectory() as folder:
        total = 0.0
        print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start")
        for name, command in STEPS.items():
            words = command.format(root=ROOT, python=sys.executable)
            here = Path(folder) if name == "copy" else Path(folder) / "sgdiagrams"
            start = perf_counter()
            subprocess.run(words, shell=True, cwd=here, check=True, stdout=subprocess.DEVNULL)  # noqa: S602 - ours
            seconds = perf_counter() - start
            total += seconds
            print(f"{name:<12}{seconds:6.1f} s")
        print(f"{'sum':<12}{total:6.1f} s, {total / 60:.1f} minutes")
        print(f"load {os.getloadavg()[0]:.1f} at the end")


if __name__ == "__main__":
    main()
