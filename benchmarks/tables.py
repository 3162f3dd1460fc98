"""Rows, tables and what is asked of them: pure functions of numbers and texts."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isclose
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = [
    "Peer",
    "Row",
    "Target",
    "above",
    "agree",
    "below",
    "duration",
    "markdown",
    "missed",
    "sections",
    "with_growth",
]

_HEAD = ["work", "result", "sgdiagrams", "growth", "memory", "peer", "peer / sgdiagrams", "target"]


@dataclass(frozen=True, slots=True)
class Target:
    """What was hoped for, and whether it was reached."""

    text: str
    met: bool

    def __str__(self) -> str:
        return f"{self.text}: {'met' if self.met else 'MISSED'}"


@dataclass(frozen=True, slots=True)
class Peer:
    """Another way to the same result.

    Attributes
    ----------
    name
        What it is made of.
    seconds, peak_mib
        Its cost; None where it was not measured.
    agrees
        Whether its result is ours; a ratio is printed only if it is.
    note
        Why there is no measurement.
    """

    name: str
    seconds: float | None = None
    peak_mib: float | None = None
    agrees: bool | None = None
    note: str = ""

    def ratio(self, ours: float | None) -> float | None:
        """Return the peer's time over ours, if the results are equal."""
        if self.seconds is None or not ours or self.agrees is not True:
            return None
        return self.seconds / ours


@dataclass(slots=True)
class Row:
    """One line of a table.

    Attributes
    ----------
    seconds
        Our time; None where a limit was exceeded, which `note` then says.
    series
        Rows of one series differ in size alone: `growth` is the time over that of the row before.
    guarded
        Ratios and counted work for `guards`, by name.
    """

    section: str
    work: str
    result: str = ""
    seconds: float | None = None
    peak_mib: float | None = None
    peers: list[Peer] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)
    series: str = ""
    note: str = ""
    growth: float | None = None
    guarded: dict[str, float] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)

    def cells(self) -> list[str]:
        """Return the line's texts."""
        several = len(self.peers) > 1
        peers, ratios = [], []
        for peer in self.peers:
            shown = peer.note if peer.seconds is None else duration(peer.seconds)
            peers.append(f"{peer.name}: {shown}" if several or peer.seconds is None else shown)
            found = peer.ratio(self.seconds)
            text = "" if found is None else _ratio(found)
            ratios.append("RESULTS DIFFER" if peer.agrees is False else text)
        return [
            self.work,
            self.result,
            self.note if self.seconds is None else duration(self.seconds),
            "" if self.growth is None else f"{self.growth:.1f}",
            "" if self.peak_mib is None else f"{self.peak_mib:.0f} MiB",
            "; ".join(peers) or "none",
            "; ".join(filter(None, ratios)),
            "; ".join(map(str, self.targets)),
        ]


def below(value: float | None, bound: float, unit: str) -> Target:
    """Ask for less than a bound; nothing measured is a miss."""
    return Target(f"< {bound:g} {unit}", met=value is not None and value < bound)


def above(value: float | None, bound: float, unit: str) -> Target:
    """Ask for more than a bound; nothing measured is a miss."""
    return Target(f"> {bound:,.0f} {unit}", met=value is not None and value > bound)


def duration(seconds: float) -> str:
    """Return a time with three digits.

    Examples
    --------
    >>> duration(0.0000123), duration(0.0123), duration(1.5), duration(234.5)
    ('12.3 us', '12.3 ms', '1.50 s', '234 s')
    """
    if seconds >= 100:
        return f"{seconds:.0f} s"
    for scale, unit in ((1, "s"), (1e3, "ms"), (1e6, "us")):
        if seconds * scale >= 1 or unit == "us":
            return f"{seconds * scale:#.3g} {unit}".replace(". ", " ")
    raise AssertionError


def _ratio(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}" if value >= 1 else f"{value:#.2g}"


def agree(ours: Any, theirs: Any) -> bool:
    """Tell whether results are equal, floats to nine digits.

    Examples
    --------
    >>> agree({"a": [1, 0.1 + 0.2]}, {"a": [1, 0.3]}), agree([1], [2]), agree([1], [1, 1])
    (True, False, False)
    """
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return ours.keys() == theirs.keys() and all(agree(ours[k], theirs[k]) for k in ours)
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(agree, ours, theirs))
    if isinstance(ours, float) or isinstance(theirs, float):
        return isclose(ours, theirs, rel_tol=1e-9)
    return bool(ours == theirs)


def with_growth(rows: Iterable[Row]) -> list[Row]:
    """Fill in the growth of every row over the one before in its series."""
    before: dict[tuple[str, str], float | None] = {}
    filled = list(rows)
    for row in filled:
        if row.series:
            key = (row.section, row.series)
            last = before.get(key)
            row.growth = row.seconds / last if last and row.seconds is not None else None
            before[key] = row.seconds
    return filled


def markdown(lines: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table of a head and lines, without its empty columns."""
    used = [i for i in range(len(lines[0])) if any(line[i] for line in lines[1:])]
    shown = [[line[i].replace("|", r"\|") for i in used] for line in lines]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    shown.insert(1, ["-" * width for width in widths])
    return "\n".join(
        f"| {' | '.join(cell.ljust(w) for cell, w in zip(line, widths, strict=True))} |"
        for line in shown
    )


def sections(rows: Iterable[Row]) -> str:
    """Return one table for every section, in the order of the rows."""
    tables: dict[str, list[Row]] = {}
    for row in rows:
        tables.setdefault(row.section, []).append(row)
    return "\n\n".join(
        f"**{name}**\n\n{markdown([_HEAD, *(row.cells() for row in lines)])}"
        for name, lines in tables.items()
    )


def missed(rows: Iterable[Row]) -> Mapping[str, str]:
    """Return the works that miss a target, with the target."""
    return {
        f"{row.section}: {row.work}": "; ".join(t.text for t in row.targets if not t.met)
        for row in rows
        if any(not t.met for t in row.targets)
    }
