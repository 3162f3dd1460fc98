"""Tables fit the page, lines are folded where a reader expects it, nothing is lost."""

import re
import sys
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sgdiagrams.diagrams.tables import PrintedTable, fold, folded_for_people, page_width

FORMULA = (
    "  eta^3  -E N (2 E^2 N^2 - 6 E^2 N + 4 E^2 - 3 E N B + 3 E N)/(3 B^3)   G_a H_ab H_bc G_c"
)
WORDS = st.text(st.sampled_from("abT ()+-*/|[]^,"), min_size=1, max_size=300)


@given(WORDS, st.integers(20, 120))
def test_folding_keeps_everything_and_fits(line, width):
    pieces = fold(line, width)
    assert all(len(piece) <= width for piece in pieces)
    assert "".join("".join(pieces).split()) == "".join(line.split())
    assert all(piece == piece.rstrip() for piece in pieces[:-1])


def test_formulas_are_folded_at_operators_and_gaps():
    assert fold(FORMULA, 60) == [
        "  eta^3  -E N (2 E^2 N^2 - 6 E^2 N + 4 E^2 - 3 E N B",
        "             + 3 E N)/(3 B^3)   G_a H_ab H_bc G_c",
    ]
    assert fold(FORMULA, 80)[-1].strip() == "G_a H_ab H_bc G_c"
    assert fold(FORMULA, 100) == [FORMULA]
    assert fold("one | two | three four", 17) == ["one | two |", "    three four"]
    # Without a blank to break at.
    assert fold("(T-1)*" * 10, 25)[0] == "(T-1)*(T-1)*(T-1)*(T-1)*"
    # A gap that only pads is closed first.
    assert fold(f"  eta^0   1{' ' * 60}l", 40) == ["  eta^0   1   l"]


def test_the_width_of_a_page(monkeypatch):
    class Terminal:
        def fileno(self):
            return 1

        def isatty(self):
            return True

    monkeypatch.setattr("os.get_terminal_size", lambda _number: (132, 40))
    long = " ".join(["word"] * 60)
    assert page_width() == 80
    assert folded_for_people(long) == long  # a program reads it
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setattr("os.get_terminal_size", lambda _number: SizeOfTerminal)
    assert page_width() == 132
    assert max(map(len, folded_for_people(long).splitlines())) <= 132
    monkeypatch.setenv("COLUMNS", "40")
    assert page_width() == 40
    assert max(map(len, folded_for_people(long).splitlines())) <= 40
    for value in ("0", "many", "-3", ""):
        monkeypatch.setenv("COLUMNS", value)
        assert page_width() == 132


class SizeOfTerminal:
    columns = 132


HEADER = ("eta", "simulated", "+-", *(name for k in range(1, 5) for name in (f"order {k}", "dev.")))
ROWS = tuple((f"0.{i}", f"{i}.123456", "0.0001", *("-0.123456", "+12.3") * 4) for i in range(1, 4))


@pytest.mark.parametrize("width", [40, 60, 80, 90, 200])
def test_wide_tables_are_cut_between_groups(width):
    table = PrintedTable("a title", HEADER, ROWS, ("a note",), groups=(3, 2, 2, 2, 2))
    lines = table.text(width=width).splitlines()
    assert lines[0] == "a title"
    assert lines[-1] == "a note"
    assert max(map(len, lines)) <= width
    # Every block begins with the first group, orders stay with their distance, in order.
    headers = [line.split() for line in lines if line.startswith("eta")]
    assert all(words[:3] == ["eta", "simulated", "+-"] for words in headers)
    names = [name for words in headers for name in re.findall(r"order \d dev\.", " ".join(words))]
    assert names == [f"order {k} dev." for k in range(1, 5)]
    assert len(headers) == {40: 4, 60: 2, 80: 2, 90: 1, 200: 1}[width]


def test_columns_are_set_flush():
    table = PrintedTable("", ("name", "n"), (("a", "1"), ("bcd", "100")), left=frozenset({0}))
    assert table.text() == "name    n\na       1\nbcd   100"


class Checker(HTMLParser):
    """Collects the text of cells; every tag must be closed."""

    def __init__(self):
        super().__init__()
        self.open, self.cells = [], []

    def handle_starttag(self, tag, _attributes):
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("td", "th"):
            self.cells.append(data)


def test_tables_for_notebooks_are_escaped():
    table = PrintedTable(
        "<b>", ("a & b", "c"), (("<script>", "1 < 2"),), ('"quoted"', "two\nlines")
    )
    text = table.html()
    checker = Checker()
    checker.feed(text)
    assert not checker.open
    assert checker.cells == ["a & b", "c", "<script>", "1 < 2"]
    assert "<script>" not in text
    assert "&lt;b&gt;" in text
    # The page's own colours, so that it can be read in the dark too.
    assert "color" not in text
    assert "background" not in text
