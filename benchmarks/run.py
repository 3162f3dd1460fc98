"""Measure the package and hold it against an assembly of libraries off the shelf.

    python benchmarks/run.py [--quick] [--json FILE]

Prints Markdown tables. Every time is the best of several runs in fresh processes, every memory the peak
of such a process. Results of both sides are compared before any ratio is printed; the exit status is 1
when they differ.
"""

from __future__ import annotations

import argparse
import json
import sys
import sysconfig
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from measure import Measurement, WorkError, machine, measure_command, measure_work

if TYPE_CHECKING:
    from collections.abc import Iterator

_STARTS = 10  # runs of a start-up, which is short and noisy
_ABSENT = "absent: pip install pynauty"
_UNTRIED = "not tried"


@dataclass(slots=True)
class Row:
    """One line of a table; None where nothing was measured."""

    section: str
    work: str
    result: str
    seconds: float
    peak_mib: float | None
    peer_seconds: float | None = None
    peer_peak_mib: float | None = None
    peer_note: str = "none"
    agrees: bool | None = None
    target_seconds: float | None = None
    target_mib: float | None = None
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def ratio(self) -> float | None:
        """The peer's time over ours."""
        return self.peer_seconds / self.seconds if self.peer_seconds is not None else None

    @property
    def target(self) -> str:
        """The targets and whether the measurement meets them."""
        bounds: list[str] = []
        met = True
        if self.target_seconds is not None:
            bounds.append(f"< {self.target_seconds:g} s")
            met &= self.seconds < self.target_seconds
        if self.target_mib is not None and self.peak_mib is not None:
            bounds.append(f"< {self.target_mib:.0f} MiB")
            met &= self.peak_mib < self.target_mib
        return f"{', '.join(bounds)}: {'met' if met else 'MISSED'}" if bounds else ""

    def cells(self) -> list[str]:
        """Return the line's texts."""
        peer = self.peer_note if self.peer_seconds is None else _time(self.peer_seconds)
        ratio = "" if self.ratio is None else f"{self.ratio:.{0 if self.ratio >= 10 else 1}f}"
        if self.agrees is False:
            ratio = "RESULTS DIFFER"
        memory = "" if self.peak_mib is None else f"{self.peak_mib:.0f} MiB"
        return [self.work, self.result, _time(self.seconds), memory, peer, ratio, self.target]


class Peer:
    """Runs the peer's work, order after order, until one order takes longer than the budget."""

    def __init__(self, name: str, budget: int, repeat: int) -> None:
        self.name = name
        self.budget = budget
        self.repeat = repeat
        self.note = "" if find_spec("pynauty") else _ABSENT

    def measure(self, order: int) -> tuple[Measurement | None, str]:
        """Return the measurement at an order, or None and the reason."""
        if self.note:
            return None, self.note
        found = measure_work(self.name, order, repeat=self.repeat, timeout=self.budget)
        if found is None:
            self.note = _UNTRIED
            return None, f"over {self.budget} s"
        return found, ""


def enumeration(highest: int, budget: int, repeat: int) -> Iterator[Row]:
    """Measure the diagrams of every order with their symmetry factors: rows, then objects."""
    peer = Peer("assembly", budget, repeat)
    for order in range(1, highest + 1):
        other, note = peer.measure(order)
        for name, shown in (("rows", "compact rows"), ("objects", "`Diagram` objects")):
            ours = _ours(name, order, repeat=repeat)
            factors = ours.record["result"]
            count = sum(factors.values())
            row = Row(
                "Enumeration with symmetry factors",
                f"order {order}, {shown}",
                f"{count:,} diagram{'s' if count > 1 else ''}",
                ours.seconds,
                ours.peak_mib,
                details={"count": count, "symmetry_factors": factors},
            )
            if name == "rows" and order == 8:
                row.target_seconds, row.target_mib = 3.0, 1e9 / 2**20
            yield _beside(row, ours, other, note)


def expansions(one_pass: int, epochs: int, budget: int, repeat: int) -> Iterator[Row]:
    """Measure closed formulas with their LaTeX."""
    peer = Peer("expansion-assembly", budget, repeat)
    cases = [("test-loss", "one-pass", d) for d in range(1, one_pass + 1)]
    cases += [("test-loss", "epochs", d) for d in range(1, epochs + 1)]
    cases += [
        ("generalisation-gap", "one-pass", one_pass),
        ("generalisation-gap", "epochs", epochs),
    ]
    for observable, sampling, order in cases:
        ours = _ours("expansion", observable, sampling, order, repeat=repeat)
        coefficients = ours.record["result"]
        row = Row(
            "Expansion and its LaTeX",
            f"{observable}, {sampling}, order {order}",
            f"{sum(map(len, coefficients))} terms; LaTeX {_time(ours.record['latex_seconds'])}",
            ours.seconds,
            ours.peak_mib,
            details={
                "terms": sum(map(len, coefficients)),
                "latex_seconds": ours.record["latex_seconds"],
                "latex_characters": ours.record["latex_characters"],
            },
        )
        if order == 4:
            row.target_seconds = 1.0 if sampling == "one-pass" else 5.0
        if (observable, sampling) == ("test-loss", "one-pass"):
            other, note = peer.measure(order)
            row = _beside(row, ours, other, note)
        yield row


def start_up(repeat: int) -> Iterator[Row]:
    """Measure whole processes, from start to end."""
    script = Path(sysconfig.get_path("scripts")) / "sgdiagrams"
    command = [str(script)] if script.exists() else [sys.executable, "-m", "sgdiagrams"]
    cases = [
        ("`python -c pass`, for reference", [sys.executable, "-c", "pass"], None),
        ("`sgdiagrams --help`", [*command, "--help"], 0.3),
        ("`import sgdiagrams`", [sys.executable, "-c", "import sgdiagrams"], None),
        (
            "`from sgdiagrams import Diagram` (loads NumPy)",
            [sys.executable, "-c", "from sgdiagrams import Diagram"],
            None,
        ),
        (
            "`from sgdiagrams import expand` (loads SymPy)",
            [sys.executable, "-c", "from sgdiagrams import expand"],
            None,
        ),
    ]
    for work, arguments, target in cases:
        _note(work)
        seconds = measure_command(arguments, repeat=repeat)
        yield Row("Start-up of a process", work, "", seconds, None, target_seconds=target)


def _ours(name: str, *arguments: object, repeat: int) -> Measurement:
    _note(f"{name} {' '.join(map(str, arguments))}")
    found = measure_work(name, *arguments, repeat=repeat)
    if found is None:
        raise AssertionError  # our own work has no time limit
    return found


def _beside(row: Row, ours: Measurement, other: Measurement | None, note: str) -> Row:
    if other is None:
        row.peer_note = note
        return row
    row.peer_seconds, row.peer_peak_mib = other.seconds, other.peak_mib
    row.agrees = ours.record["result"] == other.record["result"]
    return row


def _note(text: str) -> None:
    print(f"measuring {text} ...", file=sys.stderr, flush=True)


def _time(seconds: float) -> str:
    if seconds >= 100:
        return f"{seconds:.0f} s"
    return f"{seconds:#.3g} s" if seconds >= 1 else f"{seconds * 1000:#.3g} ms".replace(". ", " ")


def _table(rows: list[Row]) -> str:
    head = ["work", "result", "sgdiagrams", "memory", "peer", "peer / sgdiagrams", "target"]
    lines = [head, *(row.cells() for row in rows)]
    used = [i for i in range(len(head)) if any(line[i] for line in lines[1:])]
    lines = [[line[i] for i in used] for line in lines]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join(
        f"| {' | '.join(cell.ljust(w) for cell, w in zip(line, widths, strict=True))} |"
        for line in lines
    )


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number >= 1, got {text!r}")
    return int(text)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="lower orders, one run of each")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the measurements as well")
    parser.add_argument(
        "--budget", type=_positive, metavar="SECONDS", help="limit for one run of the peer (20)"
    )
    parser.add_argument(
        "--repeat", type=_positive, metavar="RUNS", help="runs; the best counts (3)"
    )
    return parser.parse_args()


def main() -> int:
    """Measure, print, and return the exit status."""
    options = _arguments()
    repeat = options.repeat or (1 if options.quick else 3)
    budget = options.budget or (5 if options.quick else 20)
    facts = machine()
    facts["runs"] = f"best of {repeat} ({_STARTS} for start-up); limit of a peer's run: {budget} s"
    print("\n".join(f"* {name}: {text}" for name, text in facts.items()))
    everything: list[Row] = []
    stages = [
        enumeration(6 if options.quick else 8, budget, repeat),
        expansions(4 if options.quick else 5, 3 if options.quick else 4, budget, repeat),
        start_up(_STARTS),
    ]
    try:
        for stage in stages:
            rows = list(stage)
            print(f"\n**{rows[0].section}**\n\n{_table(rows)}", flush=True)
            everything += rows
    except WorkError as error:
        print(f"failed: {error}", file=sys.stderr)
        return 1
    if options.json is not None:
        records = [{**asdict(row), "ratio": row.ratio} for row in everything]
        text = json.dumps({"machine": facts, "rows": records}, indent=2)
        options.json.write_text(text + "\n", encoding="utf-8")
    if any(row.agrees is False for row in everything):
        print("failed: results differ", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
