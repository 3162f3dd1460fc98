"""Pictures of diagrams as SVG: time runs from left to right, the root is the square on the right.

Nodes of a block of several have one colour and are joined by a dashed arc (they share a datapoint);
nodes alone in their block are black.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from sgdiagrams.diagrams.pictures.layout import Layout, lay_out
from sgdiagrams.diagrams.trees import parents_of_levels

if TYPE_CHECKING:
    from sgdiagrams.diagrams.decorated_tree import DecoratedTree

__all__ = ["diagram_svg", "drawing", "svg_document"]

_RADIUS = 5.0

# Okabe and Ito's colours, told apart by people with any kind of colour vision.
_COLOURS = ("#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")


def diagram_svg(diagram: DecoratedTree) -> str:
    """Return a picture of a diagram as a standalone SVG.

    Examples
    --------
    >>> from sgdiagrams.diagrams import Diagram
    >>> diagram_svg(Diagram.parse("(01-2)(02-12)")).startswith("<svg xmlns=")
    True
    """
    layout = lay_out(diagram.levels)
    body = drawing(diagram, layout)
    return svg_document(body, layout.width, layout.height)


def drawing(diagram: DecoratedTree, layout: Layout) -> str:
    """Return the elements of the picture, in the coordinates of the layout."""
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


def svg_document(body: str, width: float, height: float) -> str:
    """Return a standalone SVG of this size on white paper."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.1f} {height:.1f}">\n'
        f'<rect width="100%" height="100%" fill="white"/>\n{body}\n</svg>\n'
    )
