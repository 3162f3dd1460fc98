"""Embeddings on the grid of datapoints and updates: which update used which datapoint, and when.

Rows are datapoints, columns updates; a shaded cell says that the update used the datapoint. Nodes lie
in their cells and have their numbers of the text form, edges lead to later nodes, outlines hold blocks.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot
from typing import TYPE_CHECKING

from sgdiagrams.diagrams.decorated_tree import check_tree
from sgdiagrams.diagrams.errors import RequestError, listed
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.diagrams.pictures.looks import INK, PAPER, look_of
from sgdiagrams.diagrams.pictures.picture import Picture
from sgdiagrams.diagrams.pictures.shapes import Box, Curve, Disc, Paint, Polyline, Words
from sgdiagrams.diagrams.whole_numbers import is_whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sgdiagrams.diagrams.decorated_tree import DecoratedTree
    from sgdiagrams.diagrams.pictures.shapes import Place, Shape

__all__ = ["GRID_LEGEND", "CellGrid", "GridCell", "draw_embedding", "needed_side"]

#: A datapoint and an update, from 0.
GridCell = tuple[int, int]

#: What a picture shows, in words.
GRID_LEGEND = (
    "Rows are datapoints, columns are updates, time runs from left to right; shaded cells are used. "
    "Circles are the nodes of the diagram with their numbers, the square is the root; lines lead to "
    "later nodes. Nodes inside one outline are a block."
)
_RADIUS = 5.0  # of a node
_SIDE = 9.0  # of the root
_LANE = 13.0  # between blocks that share a row, and nodes that share a cell
_LEAST = 22.0  # the side of a cell
_MARGIN = 16.0  # for the numbers on the left and below
_RIGHT = 22.0  # for the root
_MOST_NUMBERED = 40  # rows or columns
_BENDS = (0.0, 9.0, -9.0, 14.0, -14.0, 20.0, -20.0, 28.0, -28.0)


@dataclass(frozen=True, slots=True)
class CellGrid:
    """The cells that a schedule uses.

    Attributes
    ----------
    rows, updates
        The numbers of datapoints and of updates.
    cells
        The pairs of a datapoint and an update that are used, numbered from 0.

    Raises
    ------
    RequestError
        When a cell is outside.
    """

    rows: int
    updates: int
    cells: frozenset[GridCell]

    def __post_init__(self) -> None:
        if not is_whole(self.rows, least=0) or not is_whole(self.updates, least=0):
            raise RequestError(
                f"expected whole numbers >= 0, got rows={shown(self.rows)}, "
                f"updates={shown(self.updates)}"
            )
        if any(not (0 <= n < self.rows and 0 <= t < self.updates) for n, t in self.cells):
            raise RequestError(
                f"expected cells of {self.rows} datapoints and {self.updates} updates, from 0"
            )


def draw_embedding(
    diagram: DecoratedTree, cells: Sequence[GridCell], grid: CellGrid, *, side: float | None = None
) -> Picture:
    """Return the picture of an embedding.

    Parameters
    ----------
    diagram
        What is embedded.
    cells
        For every node but the root, in the numbering of the text form, its datapoint and its update.
    grid
        What the schedule uses.
    side
        That of a cell, in points; as large as the embedding needs when left out.

    Raises
    ------
    DiagramError
        When it is no diagram.
    RequestError
        When there is not a cell of the grid for every node but the root.

    Examples
    --------
    >>> from sgdiagrams.diagrams import Diagram
    >>> grid = CellGrid(2, 2, frozenset({(0, 0), (1, 0), (0, 1), (1, 1)}))
    >>> draw_embedding(Diagram.parse("(01-2)(02-12)"), [(0, 0), (0, 1)], grid).title
    'an embedding of (01-2)(02-12)'
    """
    check_tree(diagram)
    placed = [tuple(cell) for cell in listed("cells", cells, called="a list of cells")]
    if len(placed) != diagram.order or any(cell not in grid.cells for cell in placed):
        raise RequestError(
            f"expected {diagram.order} cells of the grid, one a node but the root, got {shown(placed)}"
        )
    room = needed_side(diagram, placed) if side is None else side
    places, lanes = _places(diagram, placed, grid, room)
    width = 2 * _MARGIN + grid.updates * room + _RIGHT - _MARGIN
    height = _MARGIN + grid.rows * room + 4
    shapes = [*_cells(grid, room), *_outlines(diagram, places, lanes)]
    shapes += [_edge(places, child, parent) for child, parent in diagram.edges]
    for v, (x, y) in enumerate(places):
        paint = Paint(fill=PAPER, stroke=INK, width=0.9)
        if v == diagram.root:
            shapes.append(Box((x - _SIDE / 2, y - _SIDE / 2), _SIDE, _SIDE, Paint(fill=INK)))
            continue
        shapes.append(Disc((x, y), _RADIUS, paint))
        shapes.append(Words((x, y + 2.5), str(v), size=7.0, colour=INK))
    return Picture(width, height, tuple(shapes), f"an embedding of {diagram}", GRID_LEGEND)


def needed_side(diagram: DecoratedTree, cells: Iterable[GridCell]) -> float:
    """Return how large cells are to be, that all nodes of an embedding have room."""
    placed = list(cells)
    lanes = _lanes_of(diagram, placed)
    most = max((len(blocks) for blocks in lanes.values()), default=1)
    together: dict[tuple[int, GridCell], int] = {}
    home = _home(diagram)
    for v, cell in enumerate(placed):
        together[home[v], cell] = together.get((home[v], cell), 0) + 1
    widest = max(together.values(), default=1)
    return max(_LEAST, _LANE * most + 6, _LANE * widest + 6)


def _home(diagram: DecoratedTree) -> dict[int, int]:
    return {v: b for b, block in enumerate(diagram.blocks) for v in block}


def _lanes_of(diagram: DecoratedTree, cells: Sequence[GridCell]) -> dict[int, list[int]]:
    """Return the blocks that every row has, in the order in which they lie below each other."""
    home = _home(diagram)
    lanes: dict[int, list[int]] = {}
    for v, (row, _) in enumerate(cells):
        blocks = lanes.setdefault(row, [])
        if home[v] not in blocks:
            blocks.append(home[v])
    return lanes


def _places(
    diagram: DecoratedTree, cells: Sequence[GridCell], grid: CellGrid, side: float
) -> tuple[list[Place], dict[int, float]]:
    """Return the places of all nodes, and the heights of the blocks' lanes."""
    lanes = _lanes_of(diagram, cells)
    home = _home(diagram)
    heights: dict[int, float] = {}
    for row, blocks in lanes.items():
        middle = 4 + (row + 0.5) * side
        for i, block in enumerate(blocks):
            heights[block] = middle + (i - (len(blocks) - 1) / 2) * _LANE
    together: dict[tuple[int, GridCell], list[int]] = {}
    for v, cell in enumerate(cells):
        together.setdefault((home[v], cell), []).append(v)
    places: list[Place] = []
    for v, cell in enumerate(cells):
        nodes = together[home[v], cell]
        x = _MARGIN + (cell[1] + 0.5) * side + (nodes.index(v) - (len(nodes) - 1) / 2) * _LANE
        places.append((x, heights[home[v]]))
    middle = 4 + grid.rows * side / 2
    y = heights.get(home[diagram.root], middle)
    places.append((_MARGIN + grid.updates * side + _RIGHT - _SIDE, y))
    return places, heights


def _cells(grid: CellGrid, side: float) -> list[Shape]:
    """Return the grid, with its numbers."""
    line = Paint(stroke="#b0b0b0", width=0.5)
    shapes: list[Shape] = [
        Box((_MARGIN + t * side, 4 + n * side), side, side, Paint(fill="#dedede"))
        for n, t in sorted(grid.cells)
    ]
    left, right = _MARGIN, _MARGIN + grid.updates * side
    lower = 4 + grid.rows * side
    shapes += [
        Polyline(((left, 4 + n * side), (right, 4 + n * side)), line) for n in range(grid.rows + 1)
    ]
    shapes += [
        Polyline(((left + t * side, 4), (left + t * side, lower)), line)
        for t in range(grid.updates + 1)
    ]
    if max(grid.rows, grid.updates) > _MOST_NUMBERED:
        return shapes
    shapes += [
        Words((left - 4, 4 + (n + 0.5) * side + 2.4), str(n), size=7.0, anchor="end")
        for n in range(grid.rows)
    ]
    shapes += [
        Words((left + (t + 0.5) * side, lower + 9), str(t), size=7.0) for t in range(grid.updates)
    ]
    return shapes


def _outlines(
    diagram: DecoratedTree, places: Sequence[Place], heights: dict[int, float]
) -> list[Shape]:
    """Return the outlines of blocks of several nodes: they lie in one row."""
    shapes: list[Shape] = []
    tied = [(b, block) for b, block in enumerate(diagram.blocks) if len(block) > 1]
    for number, (b, block) in enumerate(tied):
        across = [places[v][0] for v in block]
        air = _RADIUS + 1.4
        corner = min(across) - air, heights[b] - air
        width = max(across) - min(across) + 2 * air
        shapes.append(Box(corner, width, 2 * air, look_of(number).outline, rounding=air))
    return shapes


def _edge(places: Sequence[Place], child: int, parent: int) -> Shape:
    """Return the line between two nodes, bent around those in its way."""
    paint = Paint(stroke=INK, width=1.0)
    start, end = places[child], places[parent]
    (x1, y1), (x2, y2) = start, end
    length = hypot(x2 - x1, y2 - y1) or 1.0
    across = (y1 - y2) / length, (x2 - x1) / length
    others = [place for v, place in enumerate(places) if v not in (child, parent)]
    tried = []
    for i, bend in enumerate(_BENDS):
        dx, dy = 4 / 3 * bend * across[0], 4 / 3 * bend * across[1]
        one = x1 + (x2 - x1) / 3 + dx, y1 + (y2 - y1) / 3 + dy
        two = x1 + 2 * (x2 - x1) / 3 + dx, y1 + 2 * (y2 - y1) / 3 + dy
        curve = Curve(start, ((one, two, end),), paint, closed=False)
        hits = sum(
            any(hypot(x - u, y - v) < _RADIUS + 1.5 for u, v in others) for x, y in curve.points(24)
        )
        if not hits:
            return curve if bend else Polyline((start, end), paint)
        tried.append((hits, i, curve))
    return min(tried)[2]
