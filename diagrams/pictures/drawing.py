"""The picture of a diagram: time runs from left to right, the root is the square on the right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sgdiagrams.diagrams.decorated_tree import check_tree
from sgdiagrams.diagrams.pictures.arcs import arcs_of
from sgdiagrams.diagrams.pictures.layout import RADIUS, lay_out
from sgdiagrams.diagrams.pictures.picture import Picture
from sgdiagrams.diagrams.pictures.shapes import Box, Curve, Disc, Paint, Polyline
from sgdiagrams.diagrams.trees import parents_of_levels

if TYPE_CHECKING:
    from sgdiagrams.diagrams.decorated_tree import DecoratedTree
    from sgdiagrams.diagrams.pictures.arcs import Arc
    from sgdiagrams.diagrams.pictures.shapes import Place, Shape

__all__ = ["LEGEND", "diagram_svg", "diagram_tikz", "draw_diagram"]

#: What a picture shows, in words, for those who do not see it.
LEGEND = (
    "Circles are updates and the square is the root; lines lead from an update to a later one, time runs "
    "from left to right. Dashed arcs join nodes of one block, which use the same datapoint; where noise "
    "is fresh at every visit, solid arcs join those that share a visit."
)

# Okabe and Ito's colours, told apart by people with any kind of colour vision; neighbours here differ
# in lightness, and marks and dashes tell blocks apart where there is no colour at all.
_COLOURS = ("#0072b2", "#e69f00", "#d55e00", "#56b4e9", "#009e73", "#cc79a7")
_DASHES: tuple[tuple[float, ...], ...] = (
    (3, 2.5),
    (7, 2.5),
    (1.2, 2.4),
    (7, 2.5, 1.2, 2.5),
    (10, 4),
)
_MARKS = ("full", "hollow", "ringed", "dotted")
_BLACK, _WHITE = "#000000", "#ffffff"
_IN_TEXT = 0.6  # the scale at which a chain is about as high as a letter


def draw_diagram(diagram: DecoratedTree) -> Picture:
    """Return the picture of a diagram.

    Parameters
    ----------
    diagram
        What to draw.

    Raises
    ------
    DiagramError
        When it is no diagram.

    Examples
    --------
    >>> from sgdiagrams.diagrams import Diagram
    >>> draw_diagram(Diagram.parse("(01-2)(02-12)")).title
    'diagram (01-2)(02-12)'
    """
    check_tree(diagram)
    layout = lay_out(diagram.levels)
    places, labels = layout.places, diagram.visit_labels
    shapes: list[Shape] = [
        Polyline((places[i], places[parent]), Paint(stroke=_BLACK, width=1.4))
        for i, parent in enumerate(parents_of_levels(diagram.levels), start=1)
    ]
    members: dict[int, list[int]] = {}
    for i, label in enumerate(diagram.labels):
        members.setdefault(label, []).append(i)
    tied = [block for block in members.values() if len(block) > 1]
    looks = [(_BLACK, "full")] * len(places)
    joined: list[tuple[int, tuple[float, ...], list[int]]] = []  # block, dashes, nodes
    for number, block in enumerate(tied):
        dashes = _DASHES[number % len(_DASHES)]
        for i in block:
            looks[i] = (_COLOURS[number % len(_COLOURS)], _MARKS[number % len(_MARKS)])
        visits: dict[int, list[int]] = {}
        for i in block:
            visits.setdefault(-i if labels is None else labels[i], []).append(i)
        joined += [(number, (), visit) for visit in visits.values() if len(visit) > 1]
        joined.append((number, dashes, [visit[0] for visit in visits.values()]))
    all_arcs = arcs_of(layout, [nodes for _, _, nodes in joined])
    for (number, dashes, _), arcs in zip(joined, all_arcs, strict=True):
        shapes += [_curve(arc, _COLOURS[number % len(_COLOURS)], dashes) for arc in arcs]
    for i, (place, look) in enumerate(zip(places, looks, strict=True)):
        shapes += _node(place, *look, is_root=i == 0)
    return Picture(layout.width, layout.height, tuple(shapes), f"diagram {diagram}", LEGEND)


def diagram_svg(diagram: DecoratedTree) -> str:
    """Return the picture of a diagram as a standalone SVG: ``draw_diagram(diagram).svg()``.

    Examples
    --------
    >>> from sgdiagrams.diagrams import Diagram
    >>> diagram_svg(Diagram.parse("(01-2)(02-12)")).startswith("<svg xmlns=")
    True
    """
    return draw_diagram(diagram).svg()


def diagram_tikz(diagram: DecoratedTree) -> str:
    r"""Return the picture of a diagram as one ``tikzpicture``, in the size for lines of text.

    It needs ``\usepackage{tikz}`` and no library, and stands in the middle of a line or a formula; for
    another size there is ``draw_diagram(diagram).tikz(scale=...)``.

    Examples
    --------
    >>> from sgdiagrams.diagrams import Diagram
    >>> print(diagram_tikz(Diagram.parse("(0-1)(01)")).splitlines()[0])
    % diagram (0-1)(01)
    """
    return draw_diagram(diagram).tikz(scale=_IN_TEXT)


def _node(place: Place, colour: str, mark: str, *, is_root: bool) -> list[Shape]:
    """Return a node: the root is a square; marks tell blocks apart without their colours."""
    x, y = place
    paint = Paint(fill=colour, stroke=_BLACK if mark == "ringed" else None, width=1.4)
    side = 2 * RADIUS - 1
    shapes: list[Shape] = [
        Box((x - side / 2, y - side / 2), side, side, paint)
        if is_root
        else Disc(place, RADIUS, paint)
    ]
    if mark in ("hollow", "dotted"):
        inner = 0.6 * RADIUS if mark == "hollow" else 0.3 * RADIUS
        shapes.append(Disc(place, inner, Paint(fill=_WHITE)))
    return shapes


def _curve(arc: Arc, colour: str, dashes: tuple[float, ...]) -> Curve:
    (x1, y1), (x, y), (x2, y2) = arc.start, arc.control, arc.end
    near, far = ((x1 + 2 * x) / 3, (y1 + 2 * y) / 3), ((x2 + 2 * x) / 3, (y2 + 2 * y) / 3)
    paint = Paint(stroke=colour, width=1.6, dashes=dashes)
    return Curve(arc.start, ((near, far, arc.end),), paint, closed=False)
