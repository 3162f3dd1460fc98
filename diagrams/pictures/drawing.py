"""The picture of a diagram: time runs from left to right, the root is the square on the right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sgdiagrams.diagrams.decorated_tree import check_tree
from sgdiagrams.diagrams.pictures.layout import RADIUS, STEP, lay_out
from sgdiagrams.diagrams.pictures.picture import Picture
from sgdiagrams.diagrams.pictures.placed import placed_shapes, tied_blocks
from sgdiagrams.diagrams.pictures.shapes import Curve, moved

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sgdiagrams.diagrams.decorated_tree import DecoratedTree
    from sgdiagrams.diagrams.pictures.shapes import Place, Shape

__all__ = ["LEGEND", "diagram_svg", "diagram_tikz", "draw_diagram"]

#: What a picture shows, in words, for those who do not see it.
LEGEND = (
    "Circles are updates and the square is the root; lines lead from an update to a later one, time runs "
    "from left to right. Nodes inside one outline are a block and use the same datapoint; where noise is "
    "fresh at every visit, those inside one inner outline share a visit."
)

_IN_TEXT = 0.6  # the scale at which a chain is about as high as a letter
_MARGIN = 6.0  # around all that is drawn
_WIDER = 44.0  # between nodes, where there are outlines inside outlines


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
    step = STEP if diagram.visit_labels is None else _WIDER
    places = lay_out(diagram.levels, tied_blocks(diagram), step=step)
    shapes = placed_shapes(diagram, places)
    xs, ys = zip(*_corners(places, shapes), strict=True)
    by = _MARGIN - min(xs), _MARGIN - min(ys)
    width, height = max(xs) + by[0] + _MARGIN, max(ys) + by[1] + _MARGIN
    shapes = tuple(moved(shape, by) for shape in shapes)
    return Picture(width, height, shapes, f"diagram {diagram}", LEGEND)


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


def _corners(places: Sequence[Place], shapes: Sequence[Shape]) -> Iterator[Place]:
    """Yield places whose frame holds everything that is drawn."""
    for x, y in places:
        yield x - RADIUS, y - RADIUS
        yield x + RADIUS, y + RADIUS
    for shape in shapes:
        if isinstance(shape, Curve):
            yield from shape.points()
