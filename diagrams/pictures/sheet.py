"""Many diagrams on one sheet, near the shape of a page."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import log, sqrt
from typing import TYPE_CHECKING

from sgdiagrams.diagrams.decorated_tree import check_tree
from sgdiagrams.diagrams.errors import RequestError, listed
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.diagrams.pictures.captions import (
    caption_height,
    caption_lines,
    caption_width,
    caption_words,
)
from sgdiagrams.diagrams.pictures.drawing import LEGEND, draw_diagram
from sgdiagrams.diagrams.pictures.picture import Picture
from sgdiagrams.diagrams.pictures.shapes import Titled, moved
from sgdiagrams.diagrams.whole_numbers import is_whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sgdiagrams.diagrams.decorated_tree import DecoratedTree
    from sgdiagrams.diagrams.pictures.captions import Caption, FormulaLine
    from sgdiagrams.diagrams.pictures.shapes import Shape

__all__ = ["contact_sheet_svg", "draw_sheet", "gathered", "sheet_in_rows"]

_MARGIN = 16.0  # around the sheet, and between diagrams
_BELOW = 16.0  # between a caption and the next row
_PAGE = log(sqrt(2))  # of width to height, or the other way round


def draw_sheet(
    diagrams: Iterable[DecoratedTree],
    *,
    captions: Sequence[Caption] | None = None,
    columns: int | None = None,
    title: str | None = None,
) -> Picture:
    """Return one picture with many diagrams in a grid, each with a caption below.

    Parameters
    ----------
    diagrams
        What to draw.
    captions
        One each: a text of several lines, or a list of lines, which may be a `FormulaLine`; the text form
        of the diagram when left out.
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
    texts = [caption_lines(caption if captions is not None else str(caption)) for caption in given]
    if len(texts) != len(drawn):
        raise RequestError(f"expected {len(drawn)} captions, one a diagram, got {len(texts)}")
    name = f"{len(drawn)} diagram{'s' if len(drawn) != 1 else ''}"
    pictures = [draw_diagram(diagram) for diagram in drawn]
    return gathered(pictures, texts, columns=columns, title=title or name, description=LEGEND)


def gathered(
    pictures: Sequence[Picture],
    captions: Sequence[Sequence[str | FormulaLine]],
    *,
    columns: int | None,
    title: str,
    description: str,
) -> Picture:
    """Return one picture of many, with captions below; see `draw_sheet`."""
    if columns is not None and not is_whole(columns, least=1):
        raise RequestError(f"expected columns >= 1 or None, got columns={shown(columns)}")
    sheet = _Sheet.of(pictures, captions)
    per_row = _best_columns(sheet) if columns is None else int(columns)
    shapes: list[Shape] = []
    y = _MARGIN / 2
    for first in range(0, len(pictures), per_row):
        row = range(first, min(first + per_row, len(pictures)))
        height = max(pictures[i].height for i in row)
        for i in row:
            picture = pictures[i]
            x = _MARGIN / 2 + (i - first) * sheet.cell
            shift = x + (sheet.cell - picture.width) / 2, y + (height - picture.height) / 2
            shapes.append(Titled(picture.title, picture.shapes, shift))
            shapes += caption_words(captions[i], (x + sheet.cell / 2, y + height))
        y += height + max(sheet.words[i] for i in row) + _BELOW
    width, height = sheet.size(per_row)
    return Picture(width, height, tuple(shapes), title, description)


def sheet_in_rows(sheet: Picture, columns: int) -> list[Picture]:
    """Return the rows of a sheet of so many columns, each as a picture as wide as the sheet.

    Examples
    --------
    >>> from sgdiagrams.diagrams import enumerate_diagrams
    >>> rows = sheet_in_rows(draw_sheet(enumerate_diagrams(2), columns=3), 3)
    >>> [sum(isinstance(shape, Titled) for shape in row.shapes) for row in rows]
    [3, 1]
    """
    starts = [i for i, shape in enumerate(sheet.shapes) if isinstance(shape, Titled)][::columns]
    # A row begins where its highest picture does, and ends where the next one begins.
    uppers = [
        min(s.shift[1] for s in sheet.shapes[a:b] if isinstance(s, Titled))
        for a, b in pairwise([*starts, len(sheet.shapes)])
    ]
    ends = [*uppers[1:], sheet.height - _MARGIN / 2]
    return [
        Picture(
            sheet.width,
            lower - upper,
            tuple(moved(shape, (0.0, -upper)) for shape in sheet.shapes[a:b]),
            f"{sheet.title}, row {i}",
            sheet.description,
        )
        for i, ((a, b), upper, lower) in enumerate(
            zip(pairwise([*starts, len(sheet.shapes)]), uppers, ends, strict=True), start=1
        )
    ]


def contact_sheet_svg(
    diagrams: Iterable[DecoratedTree],
    *,
    captions: Sequence[Caption] | None = None,
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
    """The pictures, the width of a column and the heights of the words below them."""

    pictures: Sequence[Picture]
    cell: float
    words: list[float]

    @classmethod
    def of(
        cls, pictures: Sequence[Picture], texts: Sequence[Sequence[str | FormulaLine]]
    ) -> _Sheet:
        lines = [line for text in texts for line in text]
        widths = [picture.width for picture in pictures]
        widths += [caption_width(line) + _MARGIN for line in lines]
        heights = [caption_height(text) for text in texts]
        return cls(pictures, max(widths, default=0.0), heights)

    def size(self, columns: int) -> tuple[float, float]:
        """Return the width and height of the sheet."""
        count = len(self.pictures)
        rows = [range(first, min(first + columns, count)) for first in range(0, count, columns)]
        height = sum(
            max(self.pictures[i].height for i in row) + max(self.words[i] for i in row) + _BELOW
            for row in rows
        )
        return min(columns, count) * self.cell + _MARGIN, height + _MARGIN


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
