"""Embeddings as grids of characters, for terminals: a row a datapoint, a column an update."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sgdiagrams.diagrams.pictures.embedding import CellGrid, GridCell

__all__ = ["grid_text"]

_BETWEEN = "    "


def grid_text(
    nodes: int,
    embeddings: Sequence[Sequence[GridCell]],
    grid: CellGrid,
    *,
    width: int,
    ascii_only: bool = False,
) -> str:
    """Return embeddings as grids of characters, as many beside each other as a line holds.

    Cells have the numbers of their nodes, with commas between them; those that are used by none have a
    dot, and cells that the schedule does not use are blank.

    Parameters
    ----------
    nodes
        How many nodes are placed.
    embeddings
        The cells of the nodes of each.
    grid
        What the schedule uses.
    width
        Characters a line.
    ascii_only
        Draw with characters that every terminal has.

    Examples
    --------
    >>> from sgdiagrams.diagrams.pictures.embedding import CellGrid
    >>> grid = CellGrid(2, 2, frozenset({(0, 0), (1, 1), (1, 0)}))
    >>> print(grid_text(2, [[(0, 0), (1, 1)], [(1, 0), (1, 1)]], grid, width=40, ascii_only=True))
    0 |0  |    0 |.  |
    1 |. 1|    1 |0 1|
    """
    named = [_named(nodes, cells) for cells in embeddings]
    wide = max((len(name) for names in named for name in names.values()), default=1)
    drawn = [_one(names, grid, wide, ascii_only=ascii_only) for names in named]
    room = max((len(line) for lines in drawn for line in lines), default=0) + len(_BETWEEN)
    per_row = max(1, (width + len(_BETWEEN)) // room)
    parts = []
    for first in range(0, len(drawn), per_row):
        rows = zip(*drawn[first : first + per_row], strict=True)
        parts.append("\n".join("".join(c.ljust(room) for c in row).rstrip() for row in rows))
    return "\n\n".join(parts)


def _named(nodes: int, cells: Sequence[GridCell]) -> dict[GridCell, str]:
    here: dict[GridCell, list[str]] = {}
    for v in range(nodes):
        here.setdefault(cells[v], []).append(str(v))
    return {cell: ",".join(names) for cell, names in here.items()}


def _one(names: dict[GridCell, str], grid: CellGrid, wide: int, *, ascii_only: bool) -> list[str]:
    dot, side = (".", "|") if ascii_only else ("·", "│")
    number = len(str(grid.rows - 1))
    lines = []
    for n in range(grid.rows):
        cells = [(n, t) for t in range(grid.updates)]
        shown = [names.get(cell, dot if cell in grid.cells else "").ljust(wide) for cell in cells]
        lines.append(f"{n:>{number}} {side}{' '.join(shown)}{side}")
    return lines
