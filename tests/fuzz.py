"""Fuzzing: thousands of mutated files, odd options and wild numbers, against every door of the package.

    python tests/fuzz.py --minutes 30 --seed 1    # a night, or a part of it
    python tests/fuzz.py --cases 2000             # what the tests run
    python tests/fuzz.py --seed 1 --case 4711     # one case again, with its output

A case goes well when it gives a result or an error of one line: no traceback, no NaN that is called a
result, less than 10 seconds of computing and 1 GB of memory. Cases run in worker processes, so that one
that takes the process down is found as well. The exit status is 1 when anything is off.
"""

import argparse
import os
import selectors
import subprocess
import sys
import time
from pathlib import Path

_LIFE = 400  # cases of a worker: caches grow
_SILENCE = 120  # seconds of the clock without a word: what does not even look at signals


def main() -> int:
    """Run the cases that the options ask for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--minutes", type=float, help="go on for so long, whatever --cases says")
    parser.add_argument("--first", type=int, default=0, help="the number of the first case")
    parser.add_argument("--case", type=int, help="only this one, and show what it prints")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case is not None:
        from fuzzing.verdict import fault, limit_process

        limit_process()
        found = fault(options.seed, options.case, show=True)
        print(found or "goes well")
        return bool(found)
    if options.worker:
        _work(options.seed, options.first, options.cases)
        return 0
    end = None if options.minutes is None else time.monotonic() + 60 * options.minutes
    last = sys.maxsize if end else options.first + options.cases
    number, faults = options.first, 0
    while number < last and (end is None or time.monotonic() < end):
        number, found = _watch(options.seed, number, min(_LIFE, last - number), end)
        faults += found
    print(f"{number - options.first} cases, {faults} off; seed {options.seed}")
    return bool(faults)


def _work(seed: int, first: int, count: int) -> None:
    """Run cases, each announced by its number; a line of another kind is a fault."""
    from fuzzing.corpus import corpus
    from fuzzing.verdict import fault, limit_process

    corpus()
    limit_process()
    say = os.fdopen(os.dup(1), "w", buffering=1)
    for number in range(first, first + count):
        say.write(f"#{number}\n")
        found = fault(seed, number)
        for line in found.splitlines():
            say.write(f" {line}\n")
    say.write("#end\n")


def _watch(seed: int, first: int, count: int, end: float | None) -> tuple[int, int]:
    """Run a worker; return the number of the next case and how many were off."""
    command = [sys.executable, __file__, "--worker", f"--seed={seed}", f"--first={first}"]
    settings = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MPLBACKEND": "Agg"}
    worker = subprocess.Popen(
        [*command, f"--cases={count}"], stdout=subprocess.PIPE, env={**os.environ, **settings},
        cwd=Path(__file__).parent,
    )  # fmt: skip
    number, off, is_off, left = first - 1, 0, False, ""
    selector = selectors.DefaultSelector()
    selector.register(worker.stdout, selectors.EVENT_READ)
    while True:
        if not selector.select(_SILENCE):
            worker.kill()
            print(f"case {number}: no word for {_SILENCE} s", flush=True)
            return number + 1, off + 1
        content = os.read(worker.stdout.fileno(), 65536).decode(errors="replace")
        if not content:
            status = worker.wait()
            print(f"case {number}: the process ended with status {status}", flush=True)
            return number + 1, off + 1
        *lines, left = (left + content).split("\n")
        for line in lines:
            if line == "#end":
                worker.wait()
                return number + 1, off
            if line.startswith("#"):
                number, is_off = int(line[1:]), False
                continue
            if not is_off:
                off, is_off = off + 1, True
                print(f"case {number} of seed {seed}:", flush=True)
            print(f"   {line}", flush=True)
        if end is not None and time.monotonic() > end:
            worker.kill()
            worker.wait()
            return number, off


if __name__ == "__main__":
    sys.exit(main())
