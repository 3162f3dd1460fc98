"""Pictures of diagrams as TikZ, for papers: the same layout as on the screen.

They need the package ``tikz`` alone, and none of its libraries.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sgdiagrams.diagrams.decorated_tree import check_tree
from sgdiagrams.diagrams.pictures.arcs import arcs_of
from sgdiagrams.diagrams.pictures.layout import RADIUS, lay_out
from sgdiagrams.diagrams.trees import parents_of_levels

if TYPE_CHECKING:
    from sgdiagrams.diagrams.decorated_tree import DecoratedTree

__all__ = ["diagram_tikz"]

# Points of TeX a unit of the layout, and pictures in the middle of a line of text.
_OPTIONS = "x=0.6pt, y=-0.6pt, baseline={([yshift=-0.7ex]current bounding box.center)}"


def diagram_tikz(diagram: DecoratedTree) -> str:
    r"""Return a picture of a diagram as one ``tikzpicture``, which needs ``\usepackage{tikz}`` alone.

    It stands in the middle of a line of text, or in a formula.

    Examples
    --------
    >>> from sgdiagrams.diagrams import Diagram
    >>> diagram_tikz(Diagram.parse("(01-2)(02-12)")).splitlines()[0].startswith(r"\begin{tikzpicture}")
    True
    """
    check_tree(diagram)
    layout = lay_out(diagram.levels)
    members: dict[int, list[int]] = {}
    for i, label in enumerate(diagram.labels):
        members.setdefault(label, []).append(i)
    tied = [block for block in members.values() if len(block) > 1]
    lines = [f"\\begin{{tikzpicture}}[{_OPTIONS}]"]
    for i, parent in enumerate(parents_of_levels(diagram.levels), start=1):
        lines.append(f"\\draw {_at(layout.places[i])} -- {_at(layout.places[parent])};")
    for arcs in arcs_of(layout, tied):
        for arc in arcs:
            # A quadratic curve as a cubic one.
            one, two = (
                tuple((end[axis] + 2 * arc.control[axis]) / 3 for axis in (0, 1))
                for end in (arc.start, arc.end)
            )
            lines.append(
                f"\\draw[dashed] {_at(arc.start)} .. controls {_at((one[0], one[1]))} and "
                f"{_at((two[0], two[1]))} .. {_at(arc.end)};"
            )
    x, y = layout.places[0]
    half = RADIUS - 0.5
    lines.append(f"\\fill {_at((x - half, y - half))} rectangle {_at((x + half, y + half))};")
    lines += [
        f"\\fill {_at(place)} circle[radius={RADIUS * 0.6:.1f}pt];" for place in layout.places[1:]
    ]
    return "\n".join([*lines, "\\end{tikzpicture}"])


def _at(place: tuple[float, float]) -> str:
    return f"({place[0]:.1f},{place[1]:.1f})"
