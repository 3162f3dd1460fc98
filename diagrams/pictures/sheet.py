"""Many diagrams on one sheet, near the shape of a page."""

from __future__ import annotations

from dataclasses import dataclass
from math import log, sqrt
from typing import TYPE_CHECKING

from sgdiagrams.diagrams.decorated_tree import check_tree
from sgdiagrams.diagrams.errors import RequestError, listed
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.diagrams.pictures.drawing import LEGEND, draw_diagram
from sgdiagrams.diagrams.pictures.picture import Picture
from sgdiagrams.diagrams.pictures.shapes import Titled, Words
from sgdiagrams.diagrams.whole_numbers import is_whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sgdiagrams.diagrams.decorated_tree import DecoratedTree
    from sgdiagrams.diagrams.pictures.shapes import Shape

__all__ = ["contact_sheet_svg", "draw_sheet"]

_MARGIN = 16.0  # around the sheet, and between diagrams
_LETTER = 6.1  # the width of a letter of a caption
_LINE = 12.0  # the height of its lines
_PAGE = log(sqrt(2))  # of width to height, or the other way round


def draw_sheet(
    diagrams: Iterable[DecoratedTree],
    *,
    captions: Sequence[str] | None = None,
    columns: int | None = None,
    title: str | None = None,
) -> Picture:
    """Return one picture with many diagrams in a grid, each with a caption below.

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
    >>> draw_sheet(enumerate_diagrams(2)).title
    '4 diagrams'
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
    sheet = _Sheet.of([draw_diagram(diagram) for diagram in drawn], texts)
    per_row = _best_columns(sheet) if columns is None else int(columns)
    shapes: list[Shape] = []
    y = _MARGIN / 2
    for first in range(0, len(drawn), per_row):
        row = range(first, min(first + per_row, len(drawn)))
        height = max(sheet.pictures[i].height for i in row)
        for i in row:
            picture = sheet.pictures[i]
            x = _MARGIN / 2 + (i - first) * sheet.cell
            shift = x + (sheet.cell - picture.width) / 2, y + (height - picture.height) / 2
            shapes.append(Titled(picture.title, picture.shapes, shift))
            shapes += _caption(texts[i], x + sheet.cell / 2, y + height + _LINE - 2)
        y += height + sheet.words
    width, height = sheet.size(per_row)
    name = f"{len(drawn)} diagram{'s' if len(drawn) != 1 else ''}"
    return Picture(width, height, tuple(shapes), title or name, LEGEND)


def contact_sheet_svg(
    diagrams: Iterable[DecoratedTree],
    *,
    captions: Sequence[str] | None = None,
    columns: int | None = None,
    title: str | None = None,
) -> str:
    """Return the sheet of many diagrams as one SVG; see `draw_sheet`.

    Examples
    --------
    >>> from sgdiagrams.diagrams import enumerate_diagrams
    >>> contact_sheet_svg(enumerate_diagrams(2)).count("<g ")
    4
    """
    return draw_sheet(diagrams, captions=captions, columns=columns, title=title).svg()


@dataclass(frozen=True, slots=True)
class _Sheet:
    """The pictures, the width of a column and the height of the words below a diagram."""

    pictures: list[Picture]
    cell: float
    words: float

    @classmethod
    def of(cls, pictures: list[Picture], texts: Sequence[str]) -> _Sheet:
        lines = [line for text in texts for line in text.splitlines()]
        widths = [picture.width for picture in pictures]
        widths += [_LETTER * len(line) + _MARGIN for line in lines]
        most = max((len(text.splitlines()) for text in texts), default=0)
        return cls(pictures, max(widths, default=0.0), most * _LINE + _LINE + 4)

    def size(self, columns: int) -> tuple[float, float]:
        """Return the width and height of the sheet."""
        heights = [picture.height for picture in self.pictures]
        rows = [max(heights[i : i + columns]) for i in range(0, len(heights), columns)]
        width = min(columns, len(heights)) * self.cell + _MARGIN
        return width, sum(rows) + self.words * len(rows) + _MARGIN


def _best_columns(sheet: _Sheet) -> int:
    """Return how many columns bring the sheet nearest to a page, upright or across, and fill it."""
    count = len(sheet.pictures)
    best = (0.0, 1)
    for columns in range(1, min(count, 200) + 1):
        width, height = sheet.size(columns)
        shape = abs(abs(log(width / height)) - _PAGE)
        empty = -(-count // columns) * columns - count
        best = min(best, (-1 / (1 + shape + 2 * empty / count), columns))
    return best[1]


def _caption(text: str, x: float, y: float) -> list[Words]:
    return [
        Words((x, y + i * _LINE), line, monospace=True) for i, line in enumerate(text.splitlines())
    ]
