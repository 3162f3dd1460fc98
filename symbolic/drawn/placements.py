"""The embeddings of a diagram into a schedule by number, one by one, as the definition has them."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from sgdiagrams.diagrams.decorated_tree import check_tree
from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.diagrams.pictures.characters.text_grid import grid_text
from sgdiagrams.diagrams.pictures.embedding import (
    GRID_LEGEND,
    CellGrid,
    draw_embedding,
    needed_side,
)
from sgdiagrams.diagrams.pictures.sheet import gathered
from sgdiagrams.symbolic.embeddings.batches import Batch
from sgdiagrams.symbolic.training.sampling import course_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sgdiagrams.diagrams.diagram import Diagram
    from sgdiagrams.diagrams.pictures.embedding import GridCell
    from sgdiagrams.diagrams.pictures.picture import Picture
    from sgdiagrams.symbolic.training.sampling import Sampling
    from sgdiagrams.symbolic.vocabulary import Basis, RootRole

__all__ = ["cell_grid", "draw_embeddings", "embeddings_of", "embeddings_text"]

_MOST_GRIDS = 200
_MOST_CELLS = 2000


def cell_grid(sampling: Sampling) -> CellGrid:
    """Return the cells that a scheme uses.

    Parameters
    ----------
    sampling
        A scheme with numbers whose schedule is fixed; or once shuffled, which is drawn in the order of
        the rows.

    Raises
    ------
    SamplingError
        When a number is missing.
    RequestError
        When there are no datapoints, or the schedule is drawn at random.

    Examples
    --------
    >>> from sgdiagrams.symbolic import Epochs
    >>> sorted(cell_grid(Epochs(N=2, B=1, E=2)).cells)
    [(0, 0), (0, 2), (1, 1), (1, 3)]
    """
    if sampling.is_noiseless:
        raise RequestError(f"expected a scheme with datapoints to draw, got {sampling.label}")
    course = course_of(sampling)
    every = course.all_batches() if not sampling.is_random else ()
    if len(every) != 1:
        raise RequestError(
            f"expected a schedule that is fixed to draw, got {sampling.label}, which is drawn at random; "
            "take epochs, shuffled-epochs, or an order that was recorded: grid:FILE"
        )
    cells = {
        (row, t)
        for t, batch in enumerate(every[0][1])
        for row in (batch.rows if isinstance(batch, Batch) else batch)
    }
    return CellGrid(course.rows, course.updates, frozenset(cells))


def embeddings_of(
    diagram: Diagram, grid: CellGrid, *, basis: Basis = "moment"
) -> Iterator[tuple[GridCell, ...]]:
    """Yield the embeddings: for every node but the root its datapoint and its update.

    Children come before parents; the nodes of a block are on one row, those of a visit in one cell. In
    the moment basis different blocks are on different rows, and different visits of a block in
    different cells.

    Examples
    --------
    >>> from sgdiagrams.diagrams import Diagram
    >>> grid = CellGrid(1, 3, frozenset({(0, 0), (0, 1), (0, 2)}))
    >>> list(embeddings_of(Diagram.parse("(01-2)(01-12)"), grid))
    [((0, 0), (0, 1)), ((0, 0), (0, 2)), ((0, 1), (0, 2))]
    """
    check_tree(diagram)
    root, parents = diagram.root, diagram.parents
    block = {v: b for b, nodes in enumerate(diagram.blocks) for v in nodes}
    visits = diagram.visits or ()
    visit = {v: i for i, nodes in enumerate(visits) for v in nodes}
    cells = sorted(grid.cells)
    cell_of: dict[int, GridCell] = {}

    def fits(v: int, cell: GridCell) -> bool:
        if parents[v] != root and cell[1] >= cell_of[parents[v]][1]:
            return False
        for w, other in cell_of.items():
            if block[w] == block[v]:
                if other[0] != cell[0]:
                    return False
                if visits and visit[w] == visit[v] and other != cell:
                    return False
                if visits and visit[w] != visit[v] and other == cell and basis == "moment":
                    return False
            elif basis == "moment" and other[0] == cell[0]:
                return False
        return True

    def placed(v: int) -> Iterator[tuple[GridCell, ...]]:
        # Parents have greater numbers, so that they are placed first.
        if v < 0:
            yield tuple(cell_of[w] for w in range(root))
            return
        for cell in cells:
            if fits(v, cell):
                cell_of[v] = cell
                yield from placed(v - 1)
                del cell_of[v]

    yield from placed(root - 1)


def draw_embeddings(
    diagram: Diagram,
    sampling: Sampling,
    *,
    basis: Basis | None = None,
    columns: int | None = None,
) -> Picture:
    """Return one picture of all embeddings of a diagram into the cells of a scheme, each on its grid.

    There are as many as `Sampling.count` says for a population root.

    Parameters
    ----------
    diagram
        A diagram; a root that shares a block is drawn in the row of its block.
    sampling
        See `cell_grid`.
    basis
        ``"moment"``: different blocks on different rows; ``"cumulant"``: on any. The usual basis of
        the scheme when left out.
    columns
        Grids a row; near the shape of a page when left out.

    Raises
    ------
    RequestError
        When there are more than 200, or none can be drawn.

    Examples
    --------
    >>> from sgdiagrams.diagrams import Diagram
    >>> from sgdiagrams.symbolic import OnePass
    >>> draw_embeddings(Diagram.parse("(0-1-2)(01-12)"), OnePass(T=4)).title
    '6 embeddings of (0-1-2)(01-12), one-pass T=4 B=1'
    """
    grid, every = _all_embeddings(diagram, sampling, basis)
    if not every:
        raise RequestError(
            f"expected a diagram that {sampling.label} can have, got {diagram}, which has no embedding"
        )
    side = max(needed_side(diagram, cells) for cells in every)
    pictures = [draw_embedding(diagram, cells, grid, side=side) for cells in every]
    title = _title(diagram, sampling, len(every))
    if len(every) == 1:
        return pictures[0]
    blank: list[tuple[str, ...]] = [()] * len(every)
    return gathered(pictures, blank, columns=columns, title=title, description=GRID_LEGEND)


def embeddings_text(
    diagram: Diagram,
    sampling: Sampling,
    *,
    basis: Basis | None = None,
    width: int,
    ascii_only: bool = False,
) -> str:
    """Return all embeddings as grids of characters beside each other; see `draw_embeddings`."""
    grid, every = _all_embeddings(diagram, sampling, basis)
    title = _title(diagram, sampling, len(every))
    drawn = grid_text(diagram.order, every, grid, width=width, ascii_only=ascii_only)
    return f"{title}\n\n{drawn}" if every else title


def _all_embeddings(
    diagram: Diagram, sampling: Sampling, basis: Basis | None
) -> tuple[CellGrid, list[tuple[GridCell, ...]]]:
    check_tree(diagram)
    in_basis = sampling.check_basis(basis)
    grid = cell_grid(sampling)
    if len(grid.cells) > _MOST_CELLS:
        raise RequestError(
            f"expected at most {_MOST_CELLS} cells to draw, got {len(grid.cells)} of {sampling.label}; "
            "take fewer datapoints or updates"
        )
    root: RootRole = "training" if diagram.root_is_tied else "population"
    # Counting is fast where there are none, or very many.
    if not sampling.count(diagram, basis=in_basis, root=root):
        return grid, []
    every = list(islice(embeddings_of(diagram, grid, basis=in_basis), _MOST_GRIDS + 1))
    if len(every) > _MOST_GRIDS:
        raise RequestError(
            f"expected at most {_MOST_GRIDS} embeddings to draw, got more of {shown(str(diagram))} "
            f"into {sampling.label}; take fewer datapoints or updates"
        )
    return grid, every


def _title(diagram: Diagram, sampling: Sampling, count: int) -> str:
    kinds = "embedding" if count == 1 else "embeddings"
    return f"{count} {kinds} of {diagram}, {sampling.label}"
