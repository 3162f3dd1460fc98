"""Embeddings one by one: as many as the scheme counts, all as the definition has them, and drawn so."""

from itertools import combinations

import pytest
from slow import embedding_count, epochs_cells, one_pass_cells

from sgdiagrams.diagrams import Diagram, RequestError, SamplingError, enumerate_diagrams
from sgdiagrams.diagrams.pictures.embedding import CellGrid, draw_embedding
from sgdiagrams.diagrams.pictures.shapes import Box, Curve, Disc, Polyline, Words
from sgdiagrams.symbolic import (
    SDE,
    Epochs,
    FullBatch,
    GradientDescent,
    Grid,
    OnePass,
    Subsets,
    WithReplacement,
)
from sgdiagrams.symbolic.drawn.placements import (
    cell_grid,
    draw_embeddings,
    embeddings_of,
    embeddings_text,
)

FIXED = [
    OnePass(T=3, B=2),
    Epochs(N=4, B=2, E=2),
    Epochs(N=3, B=2, E=2),  # a smaller last batch
    Epochs(N=3, B=1, E=2, shuffle="once"),
    FullBatch(N=2, E=3),
    Grid([[0], [1, 0], [2]]),
]


@pytest.mark.parametrize("scheme", FIXED, ids=lambda scheme: scheme.label)
@pytest.mark.parametrize("basis", ["moment", "cumulant"])
def test_there_are_as_many_as_the_scheme_counts(scheme, basis):
    grid = cell_grid(scheme)
    for order in range(4):
        for diagram in enumerate_diagrams(order):
            every = list(embeddings_of(diagram, grid, basis=basis))
            assert len(every) == len(set(every)) == scheme.count(diagram, basis=basis)


def test_counts_of_training_roots_are_shares_of_rows():
    scheme = Epochs(N=3, B=1, E=2)
    grid = cell_grid(scheme)
    tied = [d for d in enumerate_diagrams(3, root="in-partition") if d.root_is_tied]
    for diagram in tied:
        number = sum(1 for _ in embeddings_of(diagram, grid))
        assert number == 3 * scheme.count(diagram, root="training")


@pytest.mark.parametrize("basis", ["moment", "cumulant"])
def test_embeddings_are_those_of_the_definition(basis):
    for scheme, cells in (
        (OnePass(T=3, B=1), one_pass_cells(3, 1)),
        (Epochs(N=2, B=1, E=2), epochs_cells(2, 1, 2)),
    ):
        grid = cell_grid(scheme)
        assert grid.cells == set(cells[0])
        for diagram in enumerate_diagrams(3):
            every = list(embeddings_of(diagram, grid, basis=basis))
            slow = embedding_count(diagram.parents, diagram.blocks, cells, basis=basis)
            assert len(every) == slow
            for placed in every:
                check_definition(diagram, placed, grid, basis)


def check_definition(diagram, placed, grid, basis):
    """Check one map of nodes to cells, by the words of the definition."""
    assert set(placed) <= grid.cells
    for child, parent in diagram.edges:
        if parent != diagram.root:
            assert placed[child][1] < placed[parent][1]
    rows = [{placed[v][0] for v in block if v != diagram.root} for block in diagram.blocks]
    assert all(len(row) == 1 for row in rows if row)
    if basis == "moment":
        used = [row for row in rows if row]
        assert all(one.isdisjoint(two) for one, two in combinations(used, 2))


@pytest.mark.parametrize("basis", ["moment", "cumulant"])
def test_visits_have_cells_of_their_own(basis):
    """In moments; in cumulants nothing but what is tied need be in one place, or in two."""
    scheme = Epochs(N=2, B=1, E=2)
    for order in (2, 3):
        for diagram in enumerate_diagrams(order, visits="fresh"):
            number = sum(1 for _ in embeddings_of(diagram, cell_grid(scheme), basis=basis))
            assert number == scheme.count(diagram, basis=basis)
    pair = Diagram.parse("(0|1-|2)(02-12)")
    one = CellGrid(1, 1, frozenset({(0, 0)}))
    expected = [] if basis == "moment" else [((0, 0), (0, 0))]
    assert list(embeddings_of(pair, one, basis=basis)) == expected


def test_pictures_show_the_embeddings():
    scheme, diagram = Epochs(N=3, B=1, E=2), Diagram.parse("(01-2-3)(02-12-23)")
    grid = cell_grid(scheme)
    every = list(embeddings_of(diagram, grid))
    picture = draw_embeddings(diagram, scheme)
    assert len(picture.shapes) == len(every) == scheme.count(diagram)
    for titled, cells in zip(picture.shapes, every, strict=True):
        check_picture(diagram, cells, grid, titled.shapes)


def check_picture(diagram, cells, grid, shapes):
    """Check that nodes lie in their cells, edges join them and outlines hold blocks."""
    boxes = [s for s in shapes if isinstance(s, Box)]
    shaded = [box for box in boxes if box.paint.fill == "#dedede"]
    assert len(shaded) == len(grid.cells)
    place = dict(zip(sorted(grid.cells), shaded, strict=True))
    discs = [s for s in shapes if isinstance(s, Disc)]
    assert len(discs) == diagram.order
    for disc, cell in zip(discs, cells, strict=True):
        x, y = disc.centre
        left, upper = place[cell].corner
        assert left < x - disc.radius
        assert x + disc.radius < left + place[cell].width
        assert upper < y - disc.radius
        assert y + disc.radius < upper + place[cell].height
    numbers = [s.text for s in shapes if isinstance(s, Words)][-diagram.order :]
    assert numbers == [str(v) for v in range(diagram.order)]
    root = boxes[-1] if boxes[-1].paint.fill == "#000000" else None
    assert root is not None
    assert root.corner[0] > max(box.corner[0] + box.width for box in shaded)
    middles = [disc.centre for disc in discs]
    middles.append((root.corner[0] + root.width / 2, root.corner[1] + root.height / 2))
    ends = [
        (s.start, s.pieces[-1][2]) if isinstance(s, Curve) else (s.points[0], s.points[-1])
        for s in shapes
        if isinstance(s, Curve) or (isinstance(s, Polyline) and s.paint.stroke == "#000000")
    ]
    assert ends == [(middles[child], middles[parent]) for child, parent in diagram.edges]
    outlines = [box for box in boxes if box.rounding]
    tied = [block for block in diagram.blocks if len(block) > 1]
    for box, block in zip(outlines, tied, strict=True):
        for v in block:
            x, y = middles[v]
            assert box.corner[0] < x - 5 < x + 5 < box.corner[0] + box.width
            assert box.corner[1] < y - 5 < y + 5 < box.corner[1] + box.height


def test_nodes_do_not_overlap():
    for diagram in enumerate_diagrams(3):
        for scheme in (Epochs(N=2, B=1, E=2), FullBatch(N=2, E=2)):
            for cells in embeddings_of(diagram, cell_grid(scheme), basis="cumulant"):
                picture = draw_embedding(diagram, cells, cell_grid(scheme))
                discs = [s.centre for s in picture.shapes if isinstance(s, Disc)]
                for (x, y), (u, v) in combinations(discs, 2):
                    assert (x - u) ** 2 + (y - v) ** 2 > 10**2
                assert all(5 < x < picture.width - 5 for x, _ in discs)
                assert all(5 < y < picture.height - 5 for _, y in discs)


def test_grids_of_characters():
    text = embeddings_text(Diagram.parse("(0-1-2)(01-12)"), OnePass(T=3), width=30)
    assert text == (
        "3 embeddings of (0-1-2)(01-12), one-pass T=3 B=1\n\n"
        "0 │0    │    0 │0    │\n1 │  1  │    1 │  ·  │\n2 │    ·│    2 │    1│\n\n"
        "0 │·    │\n1 │  0  │\n2 │    1│"
    )
    none = embeddings_text(Diagram.parse("(01-2)(01-12)"), OnePass(T=3), width=30)
    assert none == "0 embeddings of (01-2)(01-12), one-pass T=3 B=1"


@pytest.mark.parametrize(
    ("scheme", "error", "message"),
    [
        (Epochs(N=3, B=1), SamplingError, "numbers for E"),
        (Epochs(N=3, B=1, E=2, shuffle="every-epoch"), RequestError, "drawn at random"),
        (WithReplacement(N=30, B=4, T=20), RequestError, "drawn at random"),
        (Subsets(N=3, B=2, T=2), RequestError, "drawn at random"),
        (SDE(T=2), RequestError, "discrete updates"),
        (GradientDescent(T=3), RequestError, "with datapoints"),
        (FullBatch(N=100, E=30), RequestError, "at most 2000 cells"),
        (FullBatch(N=15, E=10), RequestError, "at most 200 embeddings"),
    ],
)
def test_what_cannot_be_drawn(scheme, error, message):
    with pytest.raises(error, match=message):
        draw_embeddings(Diagram.parse("(01-2)(02-12)"), scheme)


def test_wrong_cells():
    diagram, grid = Diagram.parse("(0-1)(01)"), CellGrid(1, 1, frozenset({(0, 0)}))
    for cells in ([], [(0, 1)], [(0, 0), (0, 0)]):
        with pytest.raises(RequestError, match="1 cells of the grid"):
            draw_embedding(diagram, cells, grid)
    with pytest.raises(RequestError, match="cells of 1 datapoints"):
        CellGrid(1, 1, frozenset({(1, 0)}))
