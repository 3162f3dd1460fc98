"""Trees of characters: exact, and read back they are the diagram."""

import re

import pytest
from hypothesis import given, settings
from strategies import diagrams

from sgdiagrams.diagrams import Diagram, DiagramError, diagram_text, enumerate_diagrams

EXACT = {
    "(0)()": "■",
    "(0-1)(01)": "●──■",
    "(01)(01)": "a──■a",
    "(01-2)(02-12)": "a──┬──■\na──┘",
    "(0-1-2-3)(03-13-23)": "●──┐\n●──┼──■\n●──┘",
    "(02-1-34)(04-14-24-34)": "b──┐\na──┼──■b\na──┤\n●──┘",
    "(01-23-4)(03-12-24-34)": "a──b──┬──■\na──b──┘",
    "(01|2-|3)(02-12-23)": "a1──┬──a2──■\na1──┘",
    "(0|1)(01)": "a1──■a",
}
TO_ASCII = str.maketrans("●■─│┐┘┤├┬┴┼", "o#-|+++++++")


@pytest.mark.parametrize("text", EXACT)
def test_exact(text):
    assert diagram_text(Diagram.parse(text)) == EXACT[text]


def read_back(text):
    """Return the diagram that a tree of characters shows, by following its lines."""
    lines = text.split("\n")
    nodes = {}  # row and first column -> name and the column behind it
    for row, line in enumerate(lines):
        for match in re.finditer(r"●|■[a-z]*|[a-z]+\d*", line):
            nodes[row, match.start()] = (match[0], match.end())
    parents = {}
    for place, (name, end) in nodes.items():
        if not name.startswith("■"):
            parents[place] = follow(lines, nodes, place[0], end)
    (root,) = (place for place in nodes if place not in parents)
    # Children are farther left than parents, the root is the last one.
    order = [*sorted(parents, key=lambda place: place[1]), root]
    blocks, visits = {}, {}
    for i, place in enumerate(order):
        name = nodes[place][0].removeprefix("■")
        alone = name in ("", "●")
        blocks.setdefault(i if alone else name.rstrip("0123456789"), []).append(i)
        visits.setdefault(i if alone or place == root else name, []).append(i)
    return Diagram([order.index(parents[place]) for place in order[:-1]], [*blocks.values()]), [
        *visits.values()
    ]


def follow(lines, nodes, row, column):
    """Return the node that a line leads to."""
    while (row, column) not in nodes:
        if lines[row][column] == "─":
            column += 1
            continue
        assert lines[row][column] in "┐┘┤┬┴┼", lines[row][column]
        # Along the bar, to the line that goes on to the right.
        for step in (1, -1):
            r = row
            while lines[r][column] not in "┬┴┼├" and lines[r][column] in (
                "┐┤│" if step > 0 else "┘┤│"
            ):
                r += step
            if lines[r][column] in "┬┴┼├":
                row = r
                break
        column += 1
    return row, column


def test_trees_are_read_back():
    for order in range(6):
        for diagram in enumerate_diagrams(order, root="in-partition" if order < 5 else "isolated"):
            assert read_back(diagram_text(diagram))[0] == diagram


@settings(max_examples=60, deadline=None)
@given(diagrams().map(lambda data: Diagram(*data)))
def test_larger_trees_are_read_back(diagram):
    assert read_back(diagram_text(diagram))[0] == diagram


def test_visits_are_read_back():
    for diagram in enumerate_diagrams(3, visits="fresh"):
        plain, visits = read_back(diagram_text(diagram))
        tied = sorted(len(visit) for visit in diagram.visits)
        assert sorted(map(len, visits)) == tied
        assert plain == Diagram(diagram.parents, diagram.blocks)


def test_characters_of_every_terminal():
    for diagram in enumerate_diagrams(4, root="in-partition"):
        plain = diagram_text(diagram, ascii_only=True)
        assert plain.isascii()
        assert plain == diagram_text(diagram).translate(TO_ASCII)


def test_more_blocks_than_letters():
    leaves = 60
    diagram = Diagram([leaves] * leaves, [[2 * i, 2 * i + 1] for i in range(30)] + [[leaves]])
    assert {"a", "z", "aa", "ad"} <= set(re.findall("[a-z]+", diagram_text(diagram)))
    assert read_back(diagram_text(diagram))[0] == diagram


def test_no_diagram():
    with pytest.raises(DiagramError, match="a Diagram"):
        diagram_text("(0)()")
