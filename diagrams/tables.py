"""Tables, and how text fits the width of a page: one layout for all rooms, as text and as HTML."""

from __future__ import annotations

import math
import os
import re
import sys
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["PrintedTable", "fold", "folded_for_people", "page_width"]

_USUAL = 80
_NARROWEST = 20
_GAP = "  "
#: What a line may be broken after where it has no blank.
_WIDE_GAP = re.compile(r"(?<=\S) {5,}")
#: What stands before the first gap of a row, as eta^2 in a formula.
_LABEL = re.compile(r" {0,2}\S+(?: \d+)? {2,}")
_BREAKS = re.compile(r"[-+*/,;|)\]}]")


def page_width() -> int:
    """Return the width that text should have.

    That is the number in the environment variable COLUMNS, else the width of the terminal that standard
    output is, else 80.
    """
    return _known_width() or _USUAL


def folded_for_people(text: str) -> str:
    """Return lines of formulas folded to the width of the page, if anybody looks.

    Where standard output is no terminal and COLUMNS is not set, programs read it, and a row stays a line.
    """
    width = _known_width()
    if width is None:
        return text
    return "\n".join(part for line in text.split("\n") for part in fold(line, width))


def _known_width() -> int | None:
    columns = os.environ.get("COLUMNS", "")
    if columns.isascii() and columns.isdigit() and int(columns):
        return max(int(columns), _NARROWEST)
    try:
        width = os.get_terminal_size(sys.stdout.fileno()).columns
    except (OSError, ValueError, AttributeError):
        return None
    return max(width, _NARROWEST) if width and sys.stdout.isatty() else None


def fold(line: str, width: int, *, indent: int | None = None) -> list[str]:
    """Return a line in pieces of at most `width` characters, broken where a reader expects it.

    Breaks come before gaps between columns, else at blanks with the fewest brackets around them and
    before signs, else after an operator or a bracket.

    Parameters
    ----------
    line
        One line.
    width
        Characters.
    indent
        Of all pieces but the first; four more than the line's own, or than where its second column
        begins, when left out.

    Examples
    --------
    >>> fold("  eta^2   T (T - 1) (T - 2)/3 + T^2/4", 22)
    ['  eta^2   T (T - 1)', '       (T - 2)/3', '       + T^2/4']
    """
    if len(line) <= width:
        return [line]
    rest = _WIDE_GAP.sub("   ", line)
    if indent is None:
        label = _LABEL.match(rest)
        indent = 4 + (label.end() if label else len(rest) - len(rest.lstrip()))
    start = " " * min(indent, width // 3)
    pieces = []
    while len(rest) > width:
        at = _break(rest, width)
        pieces.append(rest[:at].rstrip())
        rest = start + rest[at:].lstrip()
    return [*pieces, rest]


def _break(line: str, width: int) -> int:
    """Return where a line that is too long is broken."""
    first = len(line) - len(line.lstrip())
    depth = 0
    best, least = 0, math.inf
    for i, character in enumerate(line[: width + 1]):
        if character in "([{":
            depth += 1
        elif character in ")]}":
            depth = max(0, depth - 1)
        elif character == " " and i > first and line[i - 1] != " ":
            cost = _cost(line, i, depth) + 8 * (i - first < (width - first) // 3)
            if cost <= least:
                best, least = i, cost
    if best:
        return best
    after = [m.end() for m in _BREAKS.finditer(line, first, width) if m.end() > first + 1]
    return after[-1] if after else width


def _cost(line: str, i: int, depth: int) -> int:
    """Return how bad it is to break at a blank."""
    if line[i : i + 3] == "   ":
        return 0  # between columns
    is_after_sign = line[i - 1] in "+-*/=" and line[i - 2 : i - 1] == " "
    if is_after_sign or line[i + 1 : i + 2] == "|":
        return 100
    if line[i - 1] == "|":
        return 1
    return 2 + 2 * depth - (line[i + 1 : i + 3] in ("+ ", "- ", "* "))


@dataclass(frozen=True, slots=True)
class PrintedTable:
    """A title, columns with their names, and notes; as text it fits the page.

    Attributes
    ----------
    title
        What stands above; empty for nothing.
    header
        The names of the columns.
    rows
        Their cells.
    notes
        Lines below.
    left
        The columns that are set flush left; the others are flush right, as numbers are.
    groups
        How many columns belong together, one number a group. A table that is too wide is first set
        closer, then cut between groups; the first group is repeated. By default every column is one.

    Examples
    --------
    >>> table = PrintedTable("speed", ("eta", "order 1", "order 2"), (("0.1", "12", "3"),))
    >>> print(table.text(width=13))
    speed
    eta  order 1
    0.1       12
    <BLANKLINE>
    eta  order 2
    0.1        3
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    left: frozenset[int] = frozenset()
    groups: tuple[int, ...] = ()

    def text(self, *, width: int | None = None) -> str:
        """Return the table as text of at most `width` characters a line; by default those of the page.

        Cells are never broken: one that is wider than the page makes its line too long.
        """
        limit = page_width() if width is None else width
        lines = fold(self.title, limit) if self.title else []
        widths = [max(map(len, column)) for column in zip(self.header, *self.rows, strict=True)]
        gap, blocks = self._layout(widths, limit)
        for i, columns in enumerate(blocks):
            if i:
                lines.append("")
            for row in (self.header, *self.rows):
                cells = [self._cell(row[c], widths[c], c) for c in columns]
                lines += fold(gap.join(cells).rstrip(), limit)
        for note in self.notes:
            lines += [piece for line in note.split("\n") for piece in fold(line, limit, indent=2)]
        return "\n".join(lines)

    def _cell(self, text: str, width: int, column: int) -> str:
        return text.ljust(width) if column in self.left else text.rjust(width)

    def _layout(self, widths: Sequence[int], limit: int) -> tuple[str, list[list[int]]]:
        """Return what stands between columns, and the columns of every block."""
        everything = list(range(len(widths)))
        for gap in (_GAP, " "):
            if _total(widths, everything, gap) <= limit:
                return gap, [everything]
        return _GAP, list(self._blocks(widths, limit))

    def _blocks(self, widths: Sequence[int], limit: int) -> Iterator[list[int]]:
        """Yield the columns of every block: all of them, or as many groups as fit."""
        sizes = self.groups or (1,) * len(widths)
        starts = [sum(sizes[:g]) for g in range(len(sizes))]
        groups = [list(range(s, s + size)) for s, size in zip(starts, sizes, strict=True)]
        key, *others = groups
        block = list(key)
        for group in others:
            if len(block) > len(key) and _total(widths, [*block, *group], _GAP) > limit:
                yield block
                block = list(key)
            block += group
        yield block

    def html(self) -> str:
        """Return the table as a fragment of HTML, for notebooks: colours are the page's own."""
        aligned = ["left" if c in self.left else "right" for c in range(len(self.header))]
        style = "font-variant-numeric: tabular-nums; padding: 0.2em 0.7em; white-space: pre"

        def row(cells: Sequence[str], tag: str) -> str:
            shown = "".join(
                f'<{tag} style="text-align: {where}; {style}">{escape(cell)}</{tag}>'
                for cell, where in zip(cells, aligned, strict=True)
            )
            return f"<tr>{shown}</tr>"

        # Wide tables scroll by themselves and not with the page.
        parts = ['<div style="overflow-x: auto">']
        if self.title:
            parts.append(f"<p><strong>{escape(self.title)}</strong></p>")
        parts += ['<table style="border-collapse: collapse">', "<thead>", row(self.header, "th")]
        parts += ["</thead>", "<tbody>", *(row(cells, "td") for cells in self.rows), "</tbody>"]
        parts.append("</table>")
        if self.notes:
            parts.append(f"<p>{'<br>'.join(_note(note) for note in self.notes)}</p>")
        return "\n".join([*parts, "</div>"])


def _note(text: str) -> str:
    """Return a note in HTML; one of several lines keeps them."""
    shown = escape(text)
    return f'<span style="white-space: pre">{shown}</span>' if "\n" in text else shown


def _total(widths: Sequence[int], columns: Sequence[int], gap: str) -> int:
    return sum(widths[c] for c in columns) + len(gap) * (len(columns) - 1)
