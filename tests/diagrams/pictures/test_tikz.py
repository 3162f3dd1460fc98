"""Pictures for papers compile in a real TeX, with the package tikz and nothing else."""

import re

import pytest
from pictures_in_tex import compile_tex, has_tikz

from sgdiagrams.diagrams import (
    Diagram,
    Picture,
    RequestError,
    diagram_tikz,
    draw_diagram,
    draw_sheet,
    enumerate_diagrams,
)
from sgdiagrams.diagrams.pictures.shapes import Box, Curve, Disc, Paint, Polyline, Titled, Words

needs_tikz = pytest.mark.skipif(not has_tikz(), reason="no pdflatex with tikz is installed")
EVERYTHING = Picture(
    100,
    60,
    (
        Box((10, 5), 20, 10, Paint(fill="#eeeeee", stroke="#0072B2", opacity=0.5), rounding=3),
        Curve(
            (40, 40),
            (((50, 30), (60, 30), (70, 40)), ((60, 50), (50, 50), (40, 40))),
            Paint(fill="#ffffff", stroke="#000000", width=0.8, dashes=(3, 2)),
        ),
        Titled(
            "two\nlines %",
            (Polyline(((0, 0), (5, 5), (9, 0)), Paint(stroke="#000000")),),
            shift=(70, 10),
        ),
        Disc((80, 50), 2.5, Paint(fill="#000000")),
        Words((50, 20), r"50% of \a_b^c ~ {x} & $y #1 <|z|> × η é", size=9),
        Words((50, 30), "T^2", latex=r"\frac{T^2}{2}\, G_\mu", anchor="end"),
        Words((50, 40), "(01-2)(02-12)", monospace=True, anchor="start"),
    ),
    "100 % of\nall shapes",
    "",
)


@pytest.mark.tex
@needs_tikz
def test_pictures_compile(tmp_path):
    orders = [(order, "in-partition") for order in range(5)] + [(5, "isolated")]
    drawn = [d for order, root in orders for d in enumerate_diagrams(order, root=root)]
    body = "\n\n".join(f"${diagram_tikz(diagram)}$" for diagram in drawn[::6])
    sheet = draw_sheet(enumerate_diagrams(3), columns=3)
    body += f"\n\n{EVERYTHING.tikz()}\n\n{sheet.tikz(scale=0.7)}"
    log = compile_tex(body, tmp_path)
    assert "Overfull" not in log
    assert "Missing character" not in log
    assert "LaTeX Font Warning" not in log  # a size that the font does not have


EX = 4.30554  # points, of Computer Modern in ten points


@pytest.mark.tex
@needs_tikz
def test_pictures_are_as_large_as_what_is_drawn(tmp_path):
    drawn = [*enumerate_diagrams(3), *enumerate_diagrams(2, root="in-partition")]
    frames, body = [], ""
    for diagram in drawn:
        text = diagram_tikz(diagram)
        frames.append(frame(text))
        body += f"\\setbox0=\\hbox{{{text}}}\\message{{[\\the\\wd0,\\the\\ht0,\\the\\dp0]}}\n"
    log = compile_tex(body, tmp_path).replace("\n", "")
    sizes = re.findall(r"\[([\d.]+)pt,([\d.]+)pt,(-?[\d.]+)pt\]", log)
    assert len(sizes) == len(drawn)
    for (left, upper, right, lower), (width, height, depth) in zip(frames, sizes, strict=True):
        assert float(width) == pytest.approx(0.6 * (right - left), abs=0.05)
        # A chain is so low that all of it is above the base line, whose distance counts then.
        tall = 0.6 * (lower - upper)
        expected = max(tall, tall / 2 + 0.7 * EX)
        assert float(height) + float(depth) == pytest.approx(expected, abs=0.05)


def frame(text):
    """Return the sides of the box that a picture says it has."""
    corners = re.search(r"bounding box\] \((.+),(.+)\) rectangle \((.+),(.+)\);", text)
    return tuple(map(float, corners.groups()))


def test_all_nodes_are_inside():
    for diagram in enumerate_diagrams(4, root="in-partition"):
        text = diagram_tikz(diagram)
        left, upper, right, lower = frame(text)
        nodes = re.findall(r"\(([-\d.]+),([-\d.]+)\) circle\[radius=([\d.]+)pt", text)
        assert len(nodes) >= diagram.order
        for x, y, radius in nodes:
            r = float(radius) / 0.6
            assert left <= float(x) - r + 0.02
            assert float(x) + r <= right + 0.02
            assert upper <= float(y) - r + 0.02
            assert float(y) + r <= lower + 0.02


def test_words_are_escaped_and_formulas_are_not():
    text = EVERYTHING.tikz()
    assert r"50\% of \textbackslash{}a\_b\textasciicircum{}c" in text
    assert r"{$\frac{T^2}{2}\, G_\mu$}" in text
    assert text.splitlines()[0] == "% 100 % of all shapes"
    assert r"% two lines %" in text
    assert r"\definecolor{ink0072b2}{HTML}{0072B2}" in text


def test_files_and_scales(tmp_path):
    picture = draw_diagram(Diagram.parse("(01-2)(02-12)"))
    picture.save(tmp_path / "a.tex")
    assert (tmp_path / "a.tex").read_text() == picture.tikz() + "%\n"
    assert "x=0.5pt, y=-0.5pt" in picture.tikz(scale=0.5)
    for scale in (0, -1, 1000, True, "1", float("nan")):
        with pytest.raises(RequestError, match="a scale above 0"):
            picture.tikz(scale=scale)


def test_one_picture_of_its_own():
    text = diagram_tikz(Diagram.parse("(01-2)(02-12)"))
    assert len(re.findall(r"\\begin\{tikzpicture\}", text)) == 1
    assert text.endswith("\\end{tikzpicture}")
    assert "usetikzlibrary" not in text
