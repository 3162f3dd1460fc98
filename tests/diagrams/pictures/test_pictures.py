"""Pictures: well-formed, every node and tie drawn once, nothing outside the frame."""

import re
import sys
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from strategies import diagrams

from sgdiagrams.commands import main
from sgdiagrams.diagrams import Diagram, contact_sheet_svg, diagram_svg, enumerate_diagrams

SVG = "{http://www.w3.org/2000/svg}"


def parts(svg):
    root = ET.fromstring(svg)  # noqa: S314 - our own output
    return root, {
        kind: root.findall(f".//{SVG}{kind}") for kind in ("circle", "line", "path", "rect")
    }


@settings(max_examples=60, deadline=None)
@given(diagrams().map(lambda data: Diagram(*data)))
def test_every_part_of_a_diagram_is_drawn(diagram):
    root, found = parts(diagram_svg(diagram))
    assert len(found["circle"]) == len(found["line"]) == diagram.order
    assert len(found["rect"]) == 2  # the paper and the root
    assert len(found["path"]) == sum(len(block) - 1 for block in diagram.blocks)
    width, height = float(root.get("width")), float(root.get("height"))
    places = {(c.get("cx"), c.get("cy")) for c in found["circle"]}
    assert len(places) == diagram.order  # no node hides another
    assert all(0 < float(x) < width and 0 < float(y) < height for x, y in places)


@settings(max_examples=40, deadline=None)
@given(diagrams().map(lambda data: Diagram(*data)))
def test_colours_are_blocks(diagram):
    _, found = parts(diagram_svg(diagram))
    colours = [c.get("fill") for c in found["circle"]] + [found["rect"][1].get("fill")]
    black = sum(len(block) == 1 for block in diagram.blocks)
    assert colours.count("black") == black
    if len(set(colours) - {"black"}) < 6:
        sizes = sorted(colours.count(c) for c in set(colours) - {"black"})
        assert sizes == sorted(len(b) for b in diagram.blocks if len(b) > 1)


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
    [(["--draw", "x.png"], "ending in .svg"), (["--draw", "no/x.svg"], "existing directory")],
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
