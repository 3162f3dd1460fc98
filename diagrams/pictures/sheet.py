"""Many diagrams on one sheet, near the shape of a page."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from math import log, sqrt
from typing import TYPE_CHECKING

from sgdiagrams.diagrams.decorated_tree import check_tree
from sgdiagrams.diagrams.errors import RequestError, listed
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.diagrams.pictures.layout import MARGIN, lay_out
from sgdiagrams.diagrams.pictures.svg import drawing, svg_document
from sgdiagrams.diagrams.whole_numbers import is_whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sgdiagrams.diagrams.decorated_tree import DecoratedTree
    from sgdiagrams.diagrams.pictures.layout import Layout

__all__ = ["contact_sheet_svg"]

_LETTER = 6.1  # the width of a letter of a caption
_LINE = 12.0  # the height of its lines
_PAGE = log(sqrt(2))  # of width to height, or the other way round


def contact_sheet_svg(
    diagrams: Iterable[DecoratedTree],
    *,
    captions: Sequence[str] | None = None,
    columns: int | None = None,
    title: str | None = None,
) -> str:
    """Return one SVG with many diagrams in a grid, each with a caption below.

    Parameters
    ----------
    diagrams
        What to draw.
    captions
        One text each, which may have several lines; the text form of the diagram when left out.
    columns
        Diagrams a row, >= 1; when left out, as many as bring the sheet near the shape of a page.
    title
        What the sheet shows; how many diagrams when left out.

    Raises
    ------
    RequestError
        When `columns` is something else, or there is not one caption for each diagram.

    Examples
    --------
    >>> from sgdiagrams.diagrams import enumerate_diagrams
    >>> contact_sheet_svg(enumerate_diagrams(2)).count("<g ")
    4
    """
    drawn = listed("diagrams", diagrams, called="a list of diagrams")
    for diagram in drawn:
        check_tree(diagram)
    given = drawn if captions is None else listed("captions", captions, called="a list of texts")
    texts = [str(caption) for caption in given]
    if columns is not None and not is_whole(columns, least=1):
        raise RequestError(f"expected columns >= 1 or None, got columns={shown(columns)}")
    if len(texts) != len(drawn):
        raise RequestError(f"expected {len(drawn)} captions, one a diagram, got {len(texts)}")
    sheet = _Sheet.of([lay_out(d.levels) for d in drawn], texts)
    per_row = _best_columns(sheet) if columns is None else int(columns)
    parts = []
    y = MARGIN / 2
    for first in range(0, len(drawn), per_row):
        row = range(first, min(first + per_row, len(drawn)))
        height = max(sheet.layouts[i].height for i in row)
        for i in row:
            layout = sheet.layouts[i]
            x = MARGIN / 2 + (i - first) * sheet.cell
            inside_x = x + (sheet.cell - layout.width) / 2
            inside_y = y + (height - layout.height) / 2
            parts.append(
                f'<g transform="translate({inside_x:.1f} {inside_y:.1f})">'
                f"<title>diagram {escape(str(drawn[i]))}</title>{drawing(drawn[i], layout)}</g>"
                + _caption(texts[i], x + sheet.cell / 2, y + height + _LINE - 2)
            )
        y += height + sheet.words
    width, height = sheet.size(per_row)
    name = f"{len(drawn)} diagram{'s' if len(drawn) != 1 else ''}"
    return svg_document("\n".join(parts), width, height, title=title or name)


@dataclass(frozen=True, slots=True)
class _Sheet:
    """The layouts, the width of a column and the height of the words below a diagram."""

    layouts: list[Layout]
    cell: float
    words: float

    @classmethod
    def of(cls, layouts: list[Layout], texts: Sequence[str]) -> _Sheet:
        lines = [line for text in texts for line in text.splitlines()]
        widths = [layout.width for layout in layouts]
        widths += [_LETTER * len(line) + MARGIN for line in lines]
        most = max((len(text.splitlines()) for text in texts), default=0)
        return cls(layouts, max(widths, default=0.0), most * _LINE + _LINE + 4)

    def size(self, columns: int) -> tuple[float, float]:
        """Return the width and height of the sheet."""
        heights = [layout.height for layout in self.layouts]
        rows = [max(heights[i : i + columns]) for i in range(0, len(heights), columns)]
        width = min(columns, len(heights)) * self.cell + MARGIN
        return width, sum(rows) + self.words * len(rows) + MARGIN


def _best_columns(sheet: _Sheet) -> int:
    """Return how many columns bring the sheet nearest to a page, upright or across, and fill it."""
    count = len(sheet.layouts)
    best = (0.0, 1)
    for columns in range(1, min(count, 200) + 1):
        width, height = sheet.size(columns)
        shape = abs(abs(log(width / height)) - _PAGE)
        empty = -(-count // columns) * columns - count
        best = min(best, (-1 / (1 + shape + 2 * empty / count), columns))
    return best[1]


def _caption(text: str, x: float, y: float) -> str:
    lines = [escape(line) for line in text.splitlines()]
    start = f'<text x="{x:.1f}" y="{y:.1f}" '
    look = 'text-anchor="middle" font-family="monospace" font-size="10" fill="#333333">'
    first, rest = (lines[0], lines[1:]) if lines else ("", [])
    more = [f'<tspan x="{x:.1f}" dy="{_LINE:.0f}">{line}</tspan>' for line in rest]
    return f"{start}{look}{first}{''.join(more)}</text>"
