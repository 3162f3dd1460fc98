"""Pictures: well-formed, every node and tie drawn once, nothing outside the frame."""

import math
import re
import sys
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from layout import ROOT
from strategies import diagrams

from sgdiagrams.commands import main
from sgdiagrams.diagrams import (
    Diagram,
    RequestError,
    contact_sheet_svg,
    diagram_svg,
    draw_sheet,
    enumerate_diagrams,
)
from sgdiagrams.diagrams.pictures.captions import FormulaLine
from sgdiagrams.diagrams.pictures.layout import RADIUS

SVG = "{http://www.w3.org/2000/svg}"


def parts(svg):
    root = ET.fromstring(svg)  # noqa: S314 - our own output
    found = {kind: root.findall(f".//{SVG}{kind}") for kind in ("circle", "line", "path", "rect")}
    found["circle"] = [c for c in found["circle"] if float(c.get("r")) == RADIUS - 0.5]  # no marks
    found["line"] = [line for line in found["line"] if length_of(line) > 2 * RADIUS]
    return root, found


def length_of(line):
    ends = [tuple(float(line.get(f"{axis}{i}")) for axis in "xy") for i in (1, 2)]
    return math.dist(*ends)


@settings(max_examples=60, deadline=None)
@given(diagrams().map(lambda data: Diagram(*data)))
def test_every_part_of_a_diagram_is_drawn(diagram):
    root, found = parts(diagram_svg(diagram))
    assert len(found["circle"]) == len(found["line"]) == diagram.order
    assert len(found["rect"]) == 2  # the paper and the root
    # One outline around every block of several nodes.
    assert len(found["path"]) == sum(len(block) > 1 for block in diagram.blocks)
    width, height = float(root.get("width")), float(root.get("height"))
    places = {(c.get("cx"), c.get("cy")) for c in found["circle"]}
    assert len(places) == diagram.order  # no node hides another
    assert all(0 < float(x) < width and 0 < float(y) < height for x, y in places)


@settings(max_examples=40, deadline=None)
@given(diagrams().map(lambda data: Diagram(*data)))
def test_marks_are_blocks(diagram):
    root, found = parts(diagram_svg(diagram))
    nodes = [(c.get("cx"), c.get("cy"), c.get("fill")) for c in found["circle"]]
    square = found["rect"][1]
    half = float(square.get("width")) / 2
    x, y = (float(square.get(name)) + half for name in "xy")
    nodes.append((f"{x:.2f}", f"{y:.2f}", square.get("fill")))
    dots = {
        (float(c.get("cx")), float(c.get("cy")))
        for c in root.findall(f".//{SVG}circle")
        if float(c.get("r")) < 2
    }
    marks = []
    for x, y, fill in nodes:
        dotted = any(math.dist((float(x), float(y)), dot) < 0.05 for dot in dots)
        marks.append((fill, dotted))
    tied = sorted(len(block) for block in diagram.blocks if len(block) > 1)
    if len(tied) <= 3:
        # The first block is as black as nodes alone: its outline tells it from them.
        counts = [marks.count(("#ffffff", False)), marks.count(("#000000", True))]
        assert all(count in [0, *tied] for count in counts)
        assert sum(count > 0 for count in counts) == max(0, len(tied) - 1)


def test_notebooks_get_the_same_picture():
    (diagram,) = enumerate_diagrams(1)
    assert diagram._repr_svg_() == diagram_svg(diagram)


def test_contact_sheet():
    drawn = list(enumerate_diagrams(3))
    root, found = parts(contact_sheet_svg(drawn))
    assert len(found["circle"]) == 3 * len(drawn)
    captions = [text.text for text in root.findall(f".//{SVG}text")]
    assert captions == [str(d) for d in drawn]
    assert len(root.findall(f"{SVG}g")) == 17
    assert ET.fromstring(contact_sheet_svg([])) is not None  # noqa: S314
    escaped = contact_sheet_svg(drawn[:1], captions=["<&>"])
    assert "&lt;&amp;&gt;" in escaped


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run the command line in a folder of its own; return its status, output and notes."""

    def call(*arguments):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["sgdiagrams", *arguments])
        with pytest.raises(SystemExit) as stop:
            main()
        return stop.value.code, *capsys.readouterr()

    return call


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["--draw", "x.gif"], "ending in .svg"), (["--draw", "no/x.svg"], "existing directory")],
)
def test_bad_pictures_on_the_command_line(arguments, message, run):
    status, _, notes = run("list", "--order", "2", *arguments)
    assert status == 2
    assert message in notes
    assert len(notes.splitlines()) == 1


def test_list_draws(run, tmp_path):
    status, _, _ = run("list", "--order", "4", "--draw", "x.svg")
    assert status == 0
    text = (tmp_path / "x.svg").read_text()
    assert len(re.findall("<g ", text)) == 101


def test_the_picture_of_the_readme_is_what_its_command_draws(run, tmp_path):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "`sgdiagrams list --order 3 --draw order-3.svg`" in text
    status, _, _ = run("list", "--order", "3", "--draw", "order-3.svg")
    assert status == 0
    number = re.compile(r"-?\d+\.?\d*")
    ours = (ROOT / "docs" / "pictures" / "order-3.svg").read_text(encoding="utf-8")
    drawn = (tmp_path / "order-3.svg").read_text(encoding="utf-8")
    advice = "run sgdiagrams list --order 3 --draw docs/pictures/order-3.svg"
    assert number.sub("0", ours) == number.sub("0", drawn), advice
    # Another machine may round the last digit otherwise.
    pairs = zip(number.findall(ours), number.findall(drawn), strict=True)
    assert max(abs(float(a) - float(b)) for a, b in pairs) < 0.02, advice


def test_blocks_are_told_apart_without_colour():
    diagram = Diagram((6, 6, 6, 6, 6, 6), ((0, 1), (2, 3), (4, 5), (6,)))
    _, found = parts(diagram_svg(diagram))
    dashes = {path.get("stroke-dasharray") for path in found["path"]}
    assert len(dashes) == 3
    assert len({path.get("fill") for path in found["path"]}) == 3


def test_outlines_of_visits_lie_inside():
    together, apart = Diagram.parse("(01-|2)(02-12)"), Diagram.parse("(0|1-|2)(02-12)")
    outlines = [len(parts(diagram_svg(diagram))[1]["path"]) for diagram in (together, apart)]
    assert outlines == [2, 3]  # the block's, and one of both nodes or one of each


def test_pictures_say_what_they_show():
    for text, title in [
        (diagram_svg(Diagram.parse("(01-2)(02-12)")), "diagram (01-2)(02-12)"),
        (contact_sheet_svg(enumerate_diagrams(3)), "17 diagrams"),
        (contact_sheet_svg(enumerate_diagrams(1), title="a < b"), "a < b"),
    ]:
        root, _ = parts(text)
        assert root.get("role") == "img"
        assert root.find(f"{SVG}title").text == title
        assert "square is the root" in root.find(f"{SVG}desc").text


@pytest.mark.parametrize("order", [3, 4, 5])
def test_sheets_have_the_shape_of_a_page(order):
    root, found = parts(contact_sheet_svg(enumerate_diagrams(order)))
    width, height = float(root.get("width")), float(root.get("height"))
    assert 1.1 < max(width / height, height / width) < 2
    assert len(found["circle"]) == order * len(list(enumerate_diagrams(order)))


def test_columns_and_captions_that_fit():
    drawn = list(enumerate_diagrams(2))
    root, _ = parts(contact_sheet_svg(drawn, columns=1, captions=["one\ntwo"] * 4))
    assert len(root.findall(f".//{SVG}text")) == 8
    assert float(root.get("height")) > 2 * float(root.get("width"))
    for columns in (0, 1.5, True):
        with pytest.raises(RequestError, match="columns >= 1"):
            contact_sheet_svg(drawn, columns=columns)
    with pytest.raises(RequestError, match="expected 4 captions"):
        contact_sheet_svg(drawn, captions=["one"])


def test_formulas_below_pictures():
    formula = FormulaLine("M_{μ|ν} H_{μν}, T^{2}/2", r"M_{\mu|\nu}\, H_{\mu\nu}, \frac{T^2}{2}")
    picture = draw_sheet(enumerate_diagrams(1), captions=[["one", formula]])
    root, _ = parts(picture.svg())
    first, second = root.findall(f".//{SVG}text")
    assert first.text == "one"
    assert "".join(second.itertext()) == "Mμ|ν Hμν, T2/2"
    # Scripts come back to the line.
    shifts = [float(part.get("dy", 0)) for part in second.iter(f"{SVG}tspan")]
    assert sum(shifts) == pytest.approx(0, abs=0.02)
    assert min(shifts) < -2 < 2 < max(shifts)
    assert rf"{{${formula.latex}$}};" in picture.tikz()
    for wrong in ([[1]], [1]):
        with pytest.raises(RequestError, match="texts and formulas"):
            draw_sheet(enumerate_diagrams(1), captions=wrong)


def test_rows_are_as_high_as_their_words():
    drawn = list(enumerate_diagrams(2))
    low = draw_sheet(drawn, columns=2, captions=["a"] * 4)
    high = draw_sheet(drawn, columns=2, captions=["a", "a\nb\nc", "a", "a"])
    assert high.height - low.height == pytest.approx(24)
