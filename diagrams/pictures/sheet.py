"""Many diagrams on one sheet."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from sgdiagrams.diagrams.pictures.layout import MARGIN, lay_out
from sgdiagrams.diagrams.pictures.svg import drawing, svg_document

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sgdiagrams.diagrams.decorated_tree import DecoratedTree

__all__ = ["contact_sheet_svg"]


def contact_sheet_svg(
    diagrams: Iterable[DecoratedTree], *, captions: Sequence[str] | None = None, columns: int = 6
) -> str:
    """Return one SVG with many diagrams in a grid, each with a caption below.

    Parameters
    ----------
    diagrams
        What to draw.
    captions
        One line of text each; the text form of the diagram when left out.
    columns
        Diagrams a row, >= 1.

    Examples
    --------
    >>> from sgdiagrams.diagrams import enumerate_diagrams
    >>> contact_sheet_svg(enumerate_diagrams(2)).count("<g ")
    4
    """
    drawn = list(diagrams)
    texts = [str(d) for d in drawn] if captions is None else list(captions)
    layouts = [lay_out(d.levels) for d in drawn]
    if not drawn:
        return svg_document("", 2 * MARGIN, 2 * MARGIN)
    cell_width = max(
        *(layout.width for layout in layouts), *(6.4 * len(text) + MARGIN for text in texts)
    )
    cell_height = max(layout.height for layout in layouts) + 22
    parts = []
    for i, (diagram, layout, text) in enumerate(zip(drawn, layouts, texts, strict=True)):
        x = i % columns * cell_width
        y = i // columns * cell_height
        inside_x = (cell_width - layout.width) / 2
        inside_y = (cell_height - 22 - layout.height) / 2
        parts.append(
            f'<g transform="translate({x + inside_x:.1f} {y + inside_y:.1f})">'
            f"{drawing(diagram, layout)}</g>"
            f'<text x="{x + cell_width / 2:.1f}" y="{y + cell_height - 8:.1f}" '
            'text-anchor="middle" font-family="monospace" font-size="10" fill="#444444">'
            f"{escape(text)}</text>"
        )
    rows = -(-len(drawn) // columns)
    width = min(columns, len(drawn)) * cell_width
    return svg_document("\n".join(parts), width, rows * cell_height)
