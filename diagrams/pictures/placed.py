"""A diagram at given places: outlines around its blocks, edges, and nodes on top."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sgdiagrams.diagrams.partitions import blocks_of
from sgdiagrams.diagrams.pictures.layout import RADIUS
from sgdiagrams.diagrams.pictures.looks import INK, PAPER, look_of
from sgdiagrams.diagrams.pictures.shapes import Box, Curve, Disc, Paint, Polyline
from sgdiagrams.diagrams.pictures.ties.outlines import outlines_of
from sgdiagrams.diagrams.trees import parents_of_levels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sgdiagrams.diagrams.decorated_tree import DecoratedTree
    from sgdiagrams.diagrams.pictures.shapes import Place, Shape

__all__ = ["placed_shapes", "tied_blocks"]

_EDGE = Paint(stroke=INK, width=1.0)


def tied_blocks(diagram: DecoratedTree) -> list[tuple[int, ...]]:
    """Return the blocks of several nodes, as positions along `levels`.

    Examples
    --------
    >>> from sgdiagrams.diagrams.diagram import Diagram
    >>> tied_blocks(Diagram.parse("(01-2)(02-12)"))
    [(1, 2)]
    """
    return [tuple(block) for block in blocks_of(diagram.labels) if len(block) > 1]


def placed_shapes(diagram: DecoratedTree, places: Sequence[Place]) -> tuple[Shape, ...]:
    """Return the shapes of a diagram whose nodes are at these places.

    Parameters
    ----------
    diagram
        What to draw.
    places
        One for every position along `levels`, the root's first.

    Examples
    --------
    >>> from sgdiagrams.diagrams.diagram import Diagram
    >>> shapes = placed_shapes(Diagram.parse("(01)(01)"), [(40.0, 0.0), (0.0, 0.0)])
    >>> [type(shape).__name__ for shape in shapes]
    ['Curve', 'Polyline', 'Box', 'Disc']
    """
    tied = tied_blocks(diagram)
    visits = None if diagram.visit_labels is None else blocks_of(diagram.visit_labels)
    parts = None
    if visits is not None:
        parts = [[visit for visit in visits if visit[0] in block] for block in tied]
    shapes: list[Shape] = []
    marks = ["full"] * len(places)
    for outline in outlines_of(places, tied, parts):
        look = look_of(outline.group)
        shapes += [Curve(*loop, look.outline) for loop in outline.loops]
        shapes += [Curve(*loop, look.inside) for loops in outline.inside for loop in loops]
        for i in tied[outline.group]:
            marks[i] = look.mark
    for i, parent in enumerate(parents_of_levels(diagram.levels), start=1):
        shapes.append(Polyline((places[i], places[parent]), _EDGE))
    for i, (place, mark) in enumerate(zip(places, marks, strict=True)):
        shapes += _node(place, mark, is_root=i == 0)
    return tuple(shapes)


def _node(place: Place, mark: str, *, is_root: bool) -> list[Shape]:
    """Return a node: the root is a square; marks tell blocks apart without their colours."""
    x, y = place
    paint = Paint(fill=PAPER if mark in ("hollow", "crossed") else INK, stroke=INK, width=1.0)
    radius = RADIUS - 0.5  # half of the border is outside
    shapes: list[Shape] = [
        Box((x - radius, y - radius), 2 * radius, 2 * radius, paint)
        if is_root
        else Disc(place, radius, paint)
    ]
    if mark == "dotted":
        shapes.append(Disc(place, 1.6, Paint(fill=PAPER)))
    if mark == "crossed":
        arm = radius * 0.7
        shapes.append(Polyline(((x - arm, y - arm), (x + arm, y + arm)), _EDGE))
        shapes.append(Polyline(((x - arm, y + arm), (x + arm, y - arm)), _EDGE))
    return shapes
