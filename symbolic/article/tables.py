r"""Tables of diagrams that go on over pages: picture, symmetry factor, count and value.

Where count and value have no room beside each other, they stand below each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sgdiagrams.diagrams.pictures.drawing import draw_diagram
from sgdiagrams.symbolic.article.cells import TOO_WIDE, Cell

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sgdiagrams.diagrams.diagram import Diagram

__all__ = ["CountedValue", "DiagramEntry", "DiagramGroup", "diagram_table"]

# Hundredths of a point.
_GAP = 1000  # between columns
_SYMMETRY = 2300  # the column of symmetry factors, with its title
_LETTER = 520  # of a title before what stands below each other
_SPARE = 400  # what lines below each other have in front
_HALF = 0.55  # of the page, which values may take before they are broken
_MANY_LINES = 16  # more are several rows
_FEW_LINES = 3  # more look better below each other
# The widest picture in points, and points a unit of it where there is room.
_PICTURE, _SCALE = 80, 0.6


@dataclass(frozen=True, slots=True)
class CountedValue:
    """A count, if it has one, and what it counts for."""

    count: Cell | None
    value: Cell


@dataclass(frozen=True, slots=True)
class DiagramEntry:
    """A diagram, and what it is worth."""

    diagram: Diagram
    lines: tuple[CountedValue, ...]


@dataclass(frozen=True, slots=True)
class DiagramGroup:
    """Diagrams below one heading, in LaTeX."""

    heading: str
    entries: tuple[DiagramEntry, ...]


@dataclass(frozen=True, slots=True)
class _Columns:
    """The widths of counts and values in hundredths of a point, and the scale of pictures."""

    count: int
    value: int
    scale: float

    @property
    def both(self) -> int:
        return self.count + self.value + (_GAP if self.count else 0)


def diagram_table(groups: Sequence[DiagramGroup], titles: Sequence[str], points: int) -> str:
    """Return a table.

    Parameters
    ----------
    groups
        One at least.
    titles
        Those of the columns of counts and of values; that of the values alone, where there are no
        counts.
    points
        The width of the page.
    """
    entries = [entry for group in groups for entry in group.entries]
    columns = _columns(entries, points, has_counts=len(titles) > 1)
    width = len(titles) + 3
    spec = r"@{}r@{\hspace{10pt}}c@{\hspace{10pt}}c" + r"@{\hspace{10pt}}l" * len(titles) + "@{}"
    head = [r"\(D\)", "", r"\(|\mathrm{Aut}|\)", *titles]
    lines = [
        rf"\begin{{longtable}}{{{spec}}}",
        r"\hline\noalign{\vskip 2pt}",
        f"{head[0]} & {' & '.join(head[1:])}" + r"\\",
        r"\noalign{\vskip 2pt}\hline\noalign{\vskip 5pt}",
        r"\endhead",
        r"\noalign{\vskip 4pt}\hline",
        r"\endfoot",
    ]
    number = 0
    for group in groups:
        if group.heading:
            lines.append(rf"\multicolumn{{{width}}}{{@{{}}l@{{}}}}{{{group.heading}}}\\*")
            lines.append(r"\noalign{\nobreak\vskip 4pt}")
        for entry in group.entries:
            number += 1
            lines += _rows(entry, number, columns, titles)
    return "\n".join([*lines, r"\end{longtable}"])


def _columns(entries: Sequence[DiagramEntry], points: int, *, has_counts: bool) -> _Columns:
    """Share the width of the page out."""
    widest = max(draw_diagram(entry.diagram).width for entry in entries)
    scale = min(_SCALE, _PICTURE / widest)
    number = 500 * len(str(len(entries)))
    room = int(100 * points - 100 * widest * scale - number - _SYMMETRY - 3 * _GAP - _SPARE)
    if not has_counts:
        return _Columns(0, room, scale)
    room -= _GAP
    lines = [line for entry in entries for line in entry.lines]
    counts = max((line.count.width for line in lines if line.count), default=0)
    values = max(line.value.width for line in lines)
    if counts + values <= room:
        return _Columns(counts, room - counts, scale)
    terms = max(line.value.term_width for line in lines)
    for width in (values, terms):
        if width <= _HALF * room:
            # Values stay whole, or their terms do, and counts are broken.
            return _Columns(room - width, width, scale)
    share = min(0.65, max(0.35, counts / (counts + values)))
    count = min(counts, int(room * share))
    return _Columns(count, room - count, scale)


def _rows(
    entry: DiagramEntry, number: int, columns: _Columns, titles: Sequence[str]
) -> Iterator[str]:
    """Yield the rows of a diagram; no row is higher than a part of a page, as it cannot be broken."""
    picture = draw_diagram(entry.diagram).tikz(scale=columns.scale)
    shown = f"\\(\\vcenter{{\\hbox{{{picture}}}}}\\)"
    start = f"{number} & {shown} & {entry.diagram.symmetry_factor}"
    rows = [cells for line in entry.lines for cells in _shown(line, columns, titles)]
    for i, cells in enumerate(rows):
        # Few rows stay on one page.
        is_kept = len(rows) <= _FEW_LINES and i < len(rows) - 1
        yield f"{start} & {cells}" + (r"\\*" if is_kept else r"\\")
        yield r"\noalign{\vskip 8pt}"
        start = " & & "


def _shown(line: CountedValue, columns: _Columns, titles: Sequence[str]) -> list[str]:
    """Return the cells of a count beside its value, or above it, perhaps in several rows."""
    value = line.value.lines(columns.value)
    if len(titles) == 1:
        return [_cell(lines) for lines in _parts(value)]
    count = [] if line.count is None else line.count.lines(columns.count)
    is_fine = all(
        len(lines) <= _FEW_LINES and lines != [TOO_WIDE] for lines in (count or value, value)
    )
    if is_fine:
        return [f"{_cell(count)} & {_cell(value)}"]
    cells = (line.count, line.value)
    label = max(_LETTER * len(title) for title in titles) + _GAP
    beside = [cell.lines(columns.both - label) if cell else ["1"] for cell in cells]
    if sum(map(len, beside)) <= _MANY_LINES and [TOO_WIDE] not in beside:
        stacked = []
        for title, (first, *others) in zip(titles, beside, strict=True):
            stacked.append(rf"\text{{\itshape {title}}} \quad && {_unary(first)}")
            stacked += [f"&& {other}" for other in others]
        return [_spanning(r"\begin{alignedat}{2}", stacked, r"\end{alignedat}")]
    # Titles on lines of their own leave more room, and can be broken over pages.
    stacked = []
    for title, cell in zip(titles, cells, strict=True):
        lines = cell.lines(columns.both) if cell else ["1"]
        stacked += [rf"\text{{\itshape {title}}}", *map(_unary, lines)]
    return [_spanning(r"\begin{aligned}", part, r"\end{aligned}") for part in _parts(stacked)]


def _parts(lines: list[str]) -> list[list[str]]:
    """Return lines in parts, none of many lines."""
    return [lines[i : i + _MANY_LINES] for i in range(0, len(lines), _MANY_LINES)]


def _spanning(begin: str, lines: Iterable[str], end: str) -> str:
    """Return lines that take both columns."""
    body = r" \\ & ".join(lines)
    return rf"\multicolumn{{2}}{{l@{{}}}}{{\({begin}& {body}{end}\)}}"


def _cell(lines: Iterable[str]) -> str:
    """Return lines below each other."""
    *first, last = lines
    if not first:
        return rf"\(\displaystyle {last}\)"
    body = r" \\ ".join(f"& {_unary(line)}" for line in (*first, last))
    return rf"\(\begin{{aligned}}{body}\end{{aligned}}\)"


def _unary(line: str) -> str:
    """Return a line with a sign in front that stands before nothing else."""
    return f"{{-}}{line[1:]}" if line.startswith("-") else line
