"""Run a command and keep what it prints, with the machine it ran on: the source of figures on pages.

    python docs/record.py --output examples/records/helix.json python examples/helix.py --full

A page names the record in the section where the figures stand: `docs/figures.py` says how, and checks
them.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))

from measure import machine  # noqa: E402


def record(command):
    """Run a command from the root of the repository; return its record."""
    facts, start = machine(), time.perf_counter()
    words = [sys.executable if word == "python" else word for word in command]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603
    return {
        "command": " ".join(command),
        "machine": facts,
        "seconds": round(time.perf_counter() - start, 1),
        "printed": done.stdout.splitlines(),
    }


def main():
    """Record what the command line says."""
    parser = argparse.ArgumentParser(description="Keep what a command prints.")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    text = json.dumps(record(options.command), indent=1, ensure_ascii=False)
    options.output.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
