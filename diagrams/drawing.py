"""Pictures of diagrams as SVG: time runs from left to right, the root is the square on the right.

Nodes of a block of several have one colour and are joined by a dashed arc (they share a datapoint);
nodes alone in their block are black.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING

from sgdiagrams.diagrams.trees import parents_of_levels

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sgdiagrams.diagrams.diagram import Diagram

__all__ = ["contact_sheet_svg", "diagram_svg"]

_STEP = 34.0  # distance between generations and between leaves
_MARGIN = 16.0
_RADIUS = 5.0
# Okabe and Ito's colours, told apart by people with any kind of colour vision.
_COLOURS = ("#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")


@dataclass(frozen=True, slots=True)
class _Layout:
    """Positions along `levels`, and the size of the picture."""

    places: tuple[tuple[float, float], ...]
    width: float
    height: float


def diagram_svg(diagram: Diagram) -> str:
    """Return a picture of a diagram as a standalone SVG.

    Examples
    --------
    >>> from sgdiagrams.diagrams.diagram import Diagram
    >>> diagram_svg(Diagram.parse("(01-2)(02-12)")).startswith("<svg xmlns=")
    True
    """
    layout = _layout(diagram.levels)
    body = _drawing(diagram, layout)
    return _document(body, layout.width, layout.height)


def contact_sheet_svg(
    diagrams: Iterable[Diagram], *, captions: Sequence[str] | None = None, columns: int = 6
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
    >>> from sgdiagrams.diagrams.enumeration import enumerate_diagrams
    >>> contact_sheet_svg(enumerate_diagrams(2)).count("<g ")
    4
    """
    drawn = list(diagrams)
    texts = [str(d) for d in drawn] if captions is None else list(captions)
    layouts = [_layout(d.levels) for d in drawn]
    if not drawn:
        return _document("", 2 * _MARGIN, 2 * _MARGIN)
    cell_width = max(
        *(layout.width for layout in layouts), *(6.4 * len(text) + _MARGIN for text in texts)
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
            f"{_drawing(diagram, layout)}</g>"
            f'<text x="{x + cell_width / 2:.1f}" y="{y + cell_height - 8:.1f}" '
            'text-anchor="middle" font-family="monospace" font-size="10" fill="#444444">'
            f"{escape(text)}</text>"
        )
    rows = -(-len(drawn) // columns)
    width = min(columns, len(drawn)) * cell_width
    return _document("\n".join(parts), width, rows * cell_height)


def _layout(levels: tuple[int, ...]) -> _Layout:
    """Place leaves one below the other and every parent in the middle of its children."""
    n = len(levels)
    parents = (-1, *parents_of_levels(levels))
    children: list[list[int]] = [[] for _ in range(n)]
    for i in range(1, n):
        children[parents[i]].append(i)
    row = [0.0] * n
    leaves = 0
    for i in range(n):
        if not children[i]:
            row[i] = leaves
            leaves += 1
    for i in reversed(range(n)):
        if children[i]:
            row[i] = (row[children[i][0]] + row[children[i][-1]]) / 2
    depth = max(levels)
    places = tuple(
        (_MARGIN + (depth - levels[i]) * _STEP, _MARGIN + row[i] * _STEP) for i in range(n)
    )
    return _Layout(places, 2 * _MARGIN + depth * _STEP, 2 * _MARGIN + (leaves - 1) * _STEP)


def _drawing(diagram: Diagram, layout: _Layout) -> str:
    places = layout.places
    parts = []
    for i, parent in enumerate(parents_of_levels(diagram.levels), start=1):
        (x1, y1), (x2, y2) = places[i], places[parent]
        parts.append(
            f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
            'stroke="black" stroke-width="1.4"/>'
        )
    members: dict[int, list[int]] = {}
    for i, label in enumerate(diagram.labels):
        members.setdefault(label, []).append(i)
    colours = ["black"] * len(places)
    tied = [block for block in members.values() if len(block) > 1]
    for number, block in enumerate(tied):
        colour = _COLOURS[number % len(_COLOURS)]
        for i in block:
            colours[i] = colour
        path = sorted(block, key=lambda i: (places[i][1], places[i][0]))
        parts += [_arc(places[a], places[b], colour) for a, b in pairwise(path)]
    for i, (x, y) in enumerate(places):
        if i == 0:
            side = 2 * _RADIUS - 1
            parts.append(
                f'<rect x="{x - side / 2:.1f}" y="{y - side / 2:.1f}" width="{side:.1f}" '
                f'height="{side:.1f}" fill="{colours[i]}"/>'
            )
        else:
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{_RADIUS}" fill="{colours[i]}"/>')
    return "".join(parts)


def _arc(a: tuple[float, float], b: tuple[float, float], colour: str) -> str:
    """Return a dashed curve from a to b that bends away from the straight line."""
    (x1, y1), (x2, y2) = a, b
    bend = 0.28
    middle_x = (x1 + x2) / 2 - bend * (y2 - y1)
    middle_y = (y1 + y2) / 2 + bend * (x2 - x1)
    return (
        f'<path d="M{x1:.1f} {y1:.1f} Q{middle_x:.1f} {middle_y:.1f} {x2:.1f} {y2:.1f}" '
        f'fill="none" stroke="{colour}" stroke-width="1.6" stroke-dasharray="3 2.5"/>'
    )


def _document(body: str, width: float, height: float) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.1f} {height:.1f}">\n'
        f'<rect width="100%" height="100%" fill="white"/>\n{body}\n</svg>\n'
    )
