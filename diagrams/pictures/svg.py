"""Pictures of diagrams as SVG: time runs from left to right, the root is the square on the right.

Nodes of a block of several have one colour and one mark and are joined by dashed arcs (they share a
datapoint); nodes alone in their block are black. Where noise is fresh at every visit, solid arcs join
nodes that share a visit.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from sgdiagrams.diagrams.decorated_tree import check_tree
from sgdiagrams.diagrams.pictures.arcs import arcs_of
from sgdiagrams.diagrams.pictures.layout import RADIUS, Layout, lay_out
from sgdiagrams.diagrams.trees import parents_of_levels

if TYPE_CHECKING:
    from sgdiagrams.diagrams.decorated_tree import DecoratedTree
    from sgdiagrams.diagrams.pictures.arcs import Arc

__all__ = ["LEGEND", "diagram_svg", "drawing", "svg_document"]

#: What a picture shows, in words, for those who do not see it.
LEGEND = (
    "Circles are updates and the square is the root; lines lead from an update to a later one, time runs "
    "from left to right. Dashed arcs join nodes of one block, which use the same datapoint; where noise "
    "is fresh at every visit, solid arcs join those that share a visit."
)

# Okabe and Ito's colours, told apart by people with any kind of colour vision; neighbours here differ
# in lightness, and marks and dashes tell blocks apart where there is no colour at all.
_COLOURS = ("#0072b2", "#e69f00", "#d55e00", "#56b4e9", "#009e73", "#cc79a7")
_DASHES = ("3 2.5", "7 2.5", "1.2 2.4", "7 2.5 1.2 2.5", "10 4")
_MARKS = ("full", "hollow", "ringed", "dotted")


def diagram_svg(diagram: DecoratedTree) -> str:
    """Return a picture of a diagram as a standalone SVG.

    Examples
    --------
    >>> from sgdiagrams.diagrams import Diagram
    >>> diagram_svg(Diagram.parse("(01-2)(02-12)")).startswith("<svg xmlns=")
    True
    """
    check_tree(diagram)
    layout = lay_out(diagram.levels)
    body = drawing(diagram, layout)
    return svg_document(body, layout.width, layout.height, title=f"diagram {diagram}")


def drawing(diagram: DecoratedTree, layout: Layout) -> str:
    """Return the elements of the picture, in the coordinates of the layout."""
    places, labels = layout.places, diagram.visit_labels
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
    tied = [block for block in members.values() if len(block) > 1]
    looks = [("black", "full")] * len(places)
    joined: list[tuple[int, str, list[int]]] = []  # block, dashes, nodes
    for number, block in enumerate(tied):
        dashes = _DASHES[number % len(_DASHES)]
        for i in block:
            looks[i] = (_COLOURS[number % len(_COLOURS)], _MARKS[number % len(_MARKS)])
        visits: dict[int, list[int]] = {}
        for i in block:
            visits.setdefault(-i if labels is None else labels[i], []).append(i)
        joined += [(number, "", visit) for visit in visits.values() if len(visit) > 1]
        joined.append((number, dashes, [visit[0] for visit in visits.values()]))
    all_arcs = arcs_of(layout, [nodes for _, _, nodes in joined])
    for (number, dashes, _), arcs in zip(joined, all_arcs, strict=True):
        parts += [_curve(arc, _COLOURS[number % len(_COLOURS)], dashes) for arc in arcs]
    for i, (place, look) in enumerate(zip(places, looks, strict=True)):
        parts.append(_node(place, *look, is_root=i == 0))
    return "".join(parts)


def _node(place: tuple[float, float], colour: str, mark: str, *, is_root: bool) -> str:
    """Return a node: the root is a square; marks tell blocks apart without their colours."""
    x, y = place
    ring = ' stroke="black" stroke-width="1.4"' if mark == "ringed" else ""
    if is_root:
        side = 2 * RADIUS - 1
        shape = (
            f'<rect x="{x - side / 2:.1f}" y="{y - side / 2:.1f}" width="{side:.1f}" '
            f'height="{side:.1f}" fill="{colour}"{ring}/>'
        )
    else:
        shape = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{RADIUS}" fill="{colour}"{ring}/>'
    if mark not in ("hollow", "dotted"):
        return shape
    inner = 0.6 * RADIUS if mark == "hollow" else 0.3 * RADIUS
    return f'{shape}<ellipse cx="{x:.1f}" cy="{y:.1f}" rx="{inner:.1f}" ry="{inner:.1f}" fill="white"/>'


def _curve(arc: Arc, colour: str, dashes: str) -> str:
    (x1, y1), (x, y), (x2, y2) = arc.start, arc.control, arc.end
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return (
        f'<path d="M{x1:.1f} {y1:.1f} Q{x:.1f} {y:.1f} {x2:.1f} {y2:.1f}" '
        f'fill="none" stroke="{colour}" stroke-width="1.6"{dashed}/>'
    )


def svg_document(body: str, width: float, height: float, *, title: str) -> str:
    """Return a standalone SVG of this size on white paper, with a title and a description."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width:.0f}" '
        f'height="{height:.0f}" viewBox="0 0 {width:.1f} {height:.1f}">\n'
        f"<title>{escape(title)}</title>\n<desc>{escape(LEGEND)}</desc>\n"
        f'<rect width="100%" height="100%" fill="white"/>\n{body}\n</svg>\n'
    )
