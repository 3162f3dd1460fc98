"""``sgdiagrams draw``: every format, what is refused, and what a terminal sees."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from command_line import good, run
from pictures_in_tex import compile_tex, has_tikz

from sgdiagrams.commands import cli
from sgdiagrams.diagrams import Diagram, diagram_svg, diagram_text, diagram_tikz, enumerate_diagrams

CHERRY = "(01-2)(02-12)"
NUMBERS = ("--set", "N=3", "--set", "B=1", "--set", "E=2")
MANY = ("--set", "N=30", "--set", "B=3", "--set", "E=3")
SVG = "{http://www.w3.org/2000/svg}"


def test_on_the_terminal():
    assert good("draw", CHERRY) == (
        "a──┬──■   (01-2)(02-12)\na──┘      symmetry factor 2\n          value M_a|b H_ab\n"
    )
    assert good("draw", "(0-1-2)(01-12)", "--ascii", "--sampling", "one-pass") == (
        "o--o--#   (0-1-2)(01-12)\n"
        "          symmetry factor 1\n"
        "          count T (T - 1)/2\n"
        "          value G_a H_ab G_b\n"
    )


def test_all_of_an_order():
    text = good("draw", "--order", "3", "--sampling", "one-pass")
    drawn = list(enumerate_diagrams(3, one_pass=True))
    assert text.count("value ") == len(drawn) == 9
    for diagram in drawn:
        assert diagram_text(diagram).split("\n")[0] + "   " in text
        assert str(diagram) in text
    tied = good("draw", "--order", "1", "--root", "in-partition", "--sampling", "epochs")
    assert "a──■a   (01)(01)" in tied
    assert "count E (N - 1)" in tied
    assert "U_ac(T,t)" in good("draw", "--noise", "1")
    assert "a1" in good("draw", "--order", "2", "--visits", "fresh")


@pytest.mark.parametrize("columns", [30, 50, 80])
def test_lines_fit_the_terminal(columns, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    text = good("draw", "--order", "3", "--sampling", "epochs")
    assert max(map(len, text.splitlines())) <= columns
    assert text.count("──■") == 17


def test_terminals_without_these_characters():
    call = [sys.executable, "-m", "sgdiagrams", "draw", CHERRY]
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    done = subprocess.run(call, env=environment, capture_output=True, check=True)
    assert done.stdout.startswith(b"a--+--#   (01-2)(02-12)\n")


def test_files_of_every_format(tmp_path):
    for ending in ("svg", "tex", "pdf", "png", "txt", "SVG"):
        file = tmp_path / f"a.{ending}"
        assert good("draw", "--order", "2", "--sampling", "epochs", "--output", file) == ""
        assert file.stat().st_size > 200
    starts = {"pdf": b"%PDF-", "png": b"\x89PNG", "txt": "a──a──■".encode()}
    for ending, start in starts.items():
        assert (tmp_path / f"a.{ending}").read_bytes().startswith(start)
    root = ET.parse(tmp_path / "a.svg").getroot()  # noqa: S314 - our own output
    assert root.find(f"{SVG}title").text == "4 diagrams of order 2, epochs"
    captions = ["".join(text.itertext()) for text in root.iter(f"{SVG}text")]
    assert "|Aut| = 2,  count E2 N" in captions
    tikz = (tmp_path / "a.tex").read_text()
    assert r"$|\mathrm{Aut}| = 2,\quad \mbox{count }E^{2} N$" in tikz
    assert tikz.count(r"\begin{tikzpicture}") == 1
    widest = re.search(r"rectangle \((.+),", tikz)[1]
    assert 0.8 * float(widest) <= 345


def test_one_diagram_is_a_figure(tmp_path):
    for ending, text in (("svg", diagram_svg), ("tex", diagram_tikz)):
        file = tmp_path / f"a.{ending}"
        good("draw", CHERRY, "--output", file)
        # What comes after a figure in TeX is not apart from it.
        assert file.read_text().rstrip("%\n") == text(Diagram.parse(CHERRY)).rstrip()


@pytest.mark.tex
@pytest.mark.skipif(not has_tikz(), reason="no pdflatex with tikz is installed")
def test_sheets_fit_pages_in_tex(tmp_path):
    good("draw", "--order", "2", "--sampling", "one-pass", "--output", tmp_path / "a.tex")
    good("draw", "--order", "4", "--sampling", "epochs", "--output", tmp_path / "b.tex")
    good("draw", CHERRY, "--grid", "--sampling", "epochs", *NUMBERS, "--output", tmp_path / "c.tex")
    good("list", "--noise", "1", "--sampling", "epochs", "--draw", tmp_path / "d.tex")
    log = compile_tex("\n\n".join(rf"\input{{{name}}}" for name in "abcd"), tmp_path)
    assert "Overfull" not in log
    assert "LaTeX Font Warning" not in log
    assert int(re.search(r"\((\d+) pages", log)[1]) > 5
    rows = (tmp_path / "b.tex").read_text()
    assert rows.count(r"\begin{scope}") == 101
    assert rows.count(r"\begin{tikzpicture}") > 20


@pytest.mark.tex
@pytest.mark.skipif(not has_tikz(), reason="no pdflatex with tikz is installed")
def test_the_paper_on_the_page_compiles(tmp_path):
    page = (Path(__file__).parents[2] / "docs" / "drawing.md").read_text()
    for call in re.findall(r"^\$ sgdiagrams (draw .*\.tex)$", page, re.MULTILINE):
        good(*shlex.split(call), cwd=tmp_path)
    paper = re.search(r"    \\begin\{document\}\n(.*?)    \\end\{document\}", page, re.DOTALL)
    log = compile_tex(paper[1], tmp_path)
    assert "Overfull" not in log


def test_list_draws_the_same(tmp_path):
    for ending in ("svg", "tex"):
        one, two = tmp_path / f"a.{ending}", tmp_path / f"b.{ending}"
        good("draw", "--order", "3", "--sampling", "one-pass", "--output", one)
        good("list", "--order", "3", "--sampling", "one-pass", "--draw", two)
        assert one.read_text() == two.read_text()


def test_columns(tmp_path):
    sizes = []
    for columns in ("1", "4"):
        good("draw", "--order", "2", "--columns", columns, "--output", tmp_path / "a.svg")
        root = ET.parse(tmp_path / "a.svg").getroot()  # noqa: S314 - our own output
        sizes.append(float(root.get("width")) / float(root.get("height")))
    assert sizes[0] < 1 < sizes[1]


def test_numbers_of_a_scheme():
    text = good(
        "draw", CHERRY, "--sampling", "epochs", "--set", "N=6", "--set", "B=2", "--set", "E=3"
    )
    assert "count 54" in text


def test_without_matplotlib(tmp_path):
    code = (
        "import sys; sys.modules['matplotlib'] = None; sys.argv[0] = 'sgdiagrams'\n"
        "from sgdiagrams.commands import main; main()"
    )
    call = [sys.executable, "-c", code, "draw", CHERRY, "--output"]
    done = subprocess.run([*call, tmp_path / "a.pdf"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "sgdiagrams[demo]" in done.stderr
    assert not list(tmp_path.iterdir())
    assert subprocess.run([*call, tmp_path / "a.svg"], check=False).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "either --order or --noise, got neither"),
        (("--order", "2", "--noise", "1"), "either --order or --noise, got both"),
        ((CHERRY, "--order", "2"), "--order only without DIAGRAM and --grid"),
        ((CHERRY, "--root", "in-partition"), "--root only without DIAGRAM and --grid"),
        ((CHERRY, "--linkless"), "--linkless only without DIAGRAM and --grid"),
        ((CHERRY, "--visits", "fresh"), "--visits only without DIAGRAM and --grid"),
        (("(01)(12)",), "expected"),
        (("--order", "2", "--output", "a.gif"), "ending in .svg, .tex, .pdf, .png, .txt"),
        (("--order", "2", "--output", "no/a.svg"), "existing directory"),
        (("--order", "2", "--columns", "2"), "--columns only for pictures"),
        (("--order", "2", "--ascii", "--output", "a.svg"), "--ascii only for characters"),
        (("--order", "2", "--set", "T=3"), "--set only with --sampling"),
        (("--order", "2", "--sampling", "one-pass", "--set", "E=3"), "free symbols of one-pass"),
        (("--order", "2", "--sampling", "epoch"), "epochs"),
        (("--order", "6"), "at most 2000 diagrams to draw"),
        (("(01)(01)", "--sampling", "sde"), "no training set"),
        (("--noise", "1", "--basis", "moment"), "--basis moment only without --noise"),
        (("--grid", "--order", "2"), "--order only without DIAGRAM and --grid"),
        (("--grid", "--sampling", "one-pass"), "one DIAGRAM with --grid, got none"),
        ((CHERRY, CHERRY, "--grid"), "one DIAGRAM with --grid, got 2"),
        ((CHERRY, "--grid"), "--sampling with --grid"),
        ((CHERRY, "--grid", "--sampling", "epochs"), "numbers for N, B, E"),
        ((CHERRY, "--grid", "--sampling", "sde", "--set", "T=2"), "discrete updates"),
        ((CHERRY, "--grid", "--sampling", "gradient-descent", "--set", "T=2"), "with datapoints"),
        ((CHERRY, "--grid", "--sampling", "rr", *NUMBERS), "drawn at random"),
        ((CHERRY, "--grid", "--sampling", "epochs", *MANY), "at most 200 embeddings"),
        (
            (CHERRY, "--grid", "--sampling", "fresh-data", "--set", "T=3000", "--set", "B=1"),
            "cells",
        ),
        (
            (
                "(01-2)(01-12)",
                "--grid",
                "--sampling",
                "one-pass",
                "--set",
                "T=2",
                "--output",
                "a.svg",
            ),
            "has no embedding",
        ),
    ],
)
def test_refused(arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run("draw", *arguments)
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert message in result.stderr
    assert not list(tmp_path.iterdir())


def test_embeddings_on_grids(tmp_path):
    call = ("draw", CHERRY, "--grid", "--sampling", "epochs", *NUMBERS)
    text = good(*call)
    assert text.startswith("12 embeddings of (01-2)(02-12), epochs N=3 B=1 E=2\n\n")
    assert text.count("0 │") == 12
    assert text.count("0,1") == 6
    assert "0 |0,1" in good(*call, "--ascii")
    for ending in ("svg", "tex", "png"):
        good(*call, "--output", tmp_path / f"a.{ending}")
    root = ET.parse(tmp_path / "a.svg").getroot()  # noqa: S314 - our own output
    assert len(root.findall(f"{SVG}g")) == 12
    assert (tmp_path / "a.tex").read_text().count(r"\begin{scope}") == 12


def test_every_command_has_its_row_and_its_section():
    page = (Path(__file__).parents[2] / "docs" / "command-line.md").read_text()
    rows = re.findall(r"^\| \[`([a-z]+)`\]\(#\1\) \|", page, re.MULTILINE)
    assert sorted(rows) == sorted(cli.commands)
    assert set(rows) <= set(re.findall(r"^## ([a-z]+)$", page, re.MULTILINE))


def test_pictures_of_the_pages_are_those_of_their_commands(tmp_path):
    pictures = Path(__file__).parents[2] / "docs" / "pictures"
    pages = [pictures.parent / "drawing.md", pictures.parents[1] / "README.md"]
    calls = re.findall(
        r"sgdiagrams ((?:draw|list) [^`\n]*(?:--output|--draw) (\S+\.svg))",
        "\n".join(page.read_text() for page in pages),
    )
    assert len(calls) == 4
    for call, name in calls:
        good(*shlex.split(call), cwd=tmp_path)
        drawn, shown = (tmp_path / name).read_text(), (pictures / name).read_text()
        assert drawn == shown, f"in docs/pictures: sgdiagrams {call}"
