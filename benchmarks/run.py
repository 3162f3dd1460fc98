"""Measure the package and hold it against an assembly of libraries off the shelf.

    python benchmarks/run.py [--quick] [--section NAME] [--json FILE]

Prints Markdown tables. Every time is the best of several runs in fresh processes, every memory the peak
of such a process. Results of both sides are compared before any ratio is printed; the exit status is 1
when they differ, or when a guard (a ratio or counted work, never a time) is out of bounds.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from along_path import along_path_rows
from calibration import calibration_rows
from counting import collection_rows, counting_rows
from enumeration import canonical_rows, enumeration_rows, tree_rows
from evaluation import derivative_rows, evaluation_rows
from expansion import basis_rows, expansion_rows, start_rows
from guards import Verdict, judge
from long_times import power_rows, resummed_rows, time_sum_rows
from measure import Bench, WorkError, machine
from measuring import measuring_rows
from tables import Row, markdown, missed, sections, with_growth
from training import training_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: What `--section` may name.
_SECTIONS: dict[str, tuple[Callable[[Bench], Iterator[Row]], ...]] = {
    "enumeration": (tree_rows, enumeration_rows, canonical_rows),
    "counting": (counting_rows, collection_rows),
    "expansion": (expansion_rows, basis_rows),
    "evaluation": (evaluation_rows, derivative_rows),
    "long-times": (time_sum_rows, resummed_rows, power_rows),
    "training": (training_rows,),
    "measuring": (measuring_rows,),
    "along-path": (along_path_rows,),
    "start-up": (start_rows,),
    "calibration": (calibration_rows,),
}


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number >= 1, got {text!r}")
    return int(text)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small sizes, one run of each")
    parser.add_argument(
        "--section", action="append", choices=_SECTIONS, help="these tables only; may be repeated"
    )
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the measurements as well")
    parser.add_argument(
        "--budget", type=_positive, metavar="SECONDS", help="limit for one run of a peer (20)"
    )
    parser.add_argument(
        "--limit", type=_positive, metavar="SECONDS", help="limit for one run of ours (120)"
    )
    parser.add_argument(
        "--repeat", type=_positive, metavar="RUNS", help="runs; the best counts (3)"
    )
    return parser.parse_args()


def _end(everything: list[Row], verdicts: list[Verdict]) -> list[str]:
    """Print what is left to say, and return the reasons for exit status 1."""
    lines = [verdict.cells() for verdict in verdicts]
    print(f"\n**Guards**\n\n{markdown([['guard', 'value', 'bound', ''], *lines])}")
    late = missed(everything)
    if late:
        print("\nTargets missed:\n")
        print("\n".join(f"* {work} ({target})" for work, target in late.items()))
    reasons = [
        f"{row.section}: {row.work}: results differ from those of {peer.name}"
        for row in everything
        for peer in row.peers
        if peer.agrees is False
    ]
    return reasons + [f"guard: {' '.join(v.cells())}" for v in verdicts if v.failed]


def main() -> int:
    """Measure, print, and return the exit status."""
    options = _arguments()
    bench = Bench(
        quick=options.quick,
        repeat=options.repeat or (1 if options.quick else 3),
        budget=options.budget or (5 if options.quick else 20),
        limit=options.limit or 120,
    )
    facts = machine()
    facts["runs"] = f"best of {bench.repeat} (no more after 10 s); start-up best of 10"
    facts["limits"] = f"{bench.budget} s for a run of a peer, {bench.limit} s for one of ours"
    print("\n".join(f"* {name}: {text}" for name, text in facts.items()))
    everything: list[Row] = []
    try:
        for name in options.section or _SECTIONS:
            for stage in _SECTIONS[name]:
                rows = with_growth(stage(bench))
                if rows:
                    print(f"\n{sections(rows)}", flush=True)
                everything += rows
    except WorkError as error:
        print(f"failed: {error}", file=sys.stderr)
        return 1
    verdicts = judge(row.guarded for row in everything)
    reasons = _end(everything, verdicts)
    if hasattr(os, "getloadavg"):
        print(f"\nLoad after: {os.getloadavg()[0]:.2f} (average of the last minute).")
    if options.json is not None:
        text = json.dumps({"machine": facts, "rows": [asdict(row) for row in everything]}, indent=2)
        options.json.write_text(text + "\n", encoding="utf-8")
    for reason in reasons:
        print(f"failed: {reason}", file=sys.stderr)
    return 1 if reasons else 0


if __name__ == "__main__":
    sys.exit(main())
