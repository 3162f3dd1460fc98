"""PDF and PNG without TeX: the same bytes every time, fonts inside, white paper, everything drawn."""

import re
import shutil
import subprocess
import sys
import zlib
from io import BytesIO

import pytest

from sgdiagrams.diagrams import (
    Diagram,
    FormatError,
    MissingDependencyError,
    RequestError,
    draw_diagram,
    draw_sheet,
    enumerate_diagrams,
)
from sgdiagrams.diagrams.pictures.picture import Picture
from sgdiagrams.diagrams.pictures.shapes import Box, Paint, Titled, Words, moved

DIAGRAM = Diagram.parse("(02-13-4)(01-12-23-34)")


def matplotlib_image(content):
    """Return a PNG as an array of rows, columns and channels."""
    return pytest.importorskip("matplotlib.image").imread(BytesIO(content), format="png")


def test_the_same_picture_is_the_same_file(monkeypatch):
    pytest.importorskip("matplotlib")
    sheet = draw_sheet(enumerate_diagrams(2))
    first = sheet.pdf(), sheet.png()
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    again = draw_sheet(enumerate_diagrams(2))
    assert (again.pdf(), again.png()) == first
    assert b"CreationDate" not in first[0]
    assert b"tEXtSoftware" not in first[1]


def test_a_pdf_has_its_size_its_title_and_its_fonts(tmp_path):
    pytest.importorskip("matplotlib")
    sheet = draw_sheet(enumerate_diagrams(2))
    pdf = sheet.pdf()
    width, height = map(float, re.search(rb"/MediaBox \[ 0 0 ([\d.]+) ([\d.]+) \]", pdf).groups())
    assert (width, height) == pytest.approx((sheet.width, sheet.height), abs=0.01)
    assert b"/Title (4 diagrams)" in pdf
    # TrueType, so that letters can be searched for and copied.
    assert b"/FontFile2" in pdf
    assert b"DejaVuSansMono" in pdf
    assert pdf.count(b"%%EOF") == 1
    if shutil.which("mutool"):
        sheet.save(tmp_path / "a.pdf")
        read = ["mutool", "draw", "-q", "-F", "text", str(tmp_path / "a.pdf")]
        text = subprocess.run(read, capture_output=True, check=True).stdout.decode()
        assert "(01-2)(02-12)" in text


def test_curves_of_a_pdf_are_curves():
    pytest.importorskip("matplotlib")
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", draw_diagram(DIAGRAM).pdf(), re.DOTALL)
    drawn = b""
    for stream in streams:
        try:
            drawn += zlib.decompress(stream)
        except zlib.error:
            continue
    assert drawn.count(b" c\n") > 40  # two outlines and six discs


def test_a_png_shows_nodes_outlines_and_paper():
    picture = draw_diagram(DIAGRAM)
    image = matplotlib_image(picture.png(resolution=144))  # two dots a point
    assert image.shape[1] == pytest.approx(2 * picture.width, abs=1)
    assert image.shape[0] == pytest.approx(2 * picture.height, abs=1)
    assert (image[0, 0, :3] == 1).all()
    root = next(shape for shape in picture.shapes if isinstance(shape, Box))
    x, y = root.corner[0] + root.width / 2, root.corner[1] + root.height / 2
    assert image[round(2 * y), round(2 * x), :3].max() == 0
    # The first outline is blue beside its nodes.
    x, y = picture.shapes[0].start
    inside = image[round(2 * y) - 6 : round(2 * y) + 7, round(2 * x) - 6 : round(2 * x) + 7]
    assert (inside[..., 2] - inside[..., 0]).max() > 0.1


def test_all_shapes_are_printed_where_they_are_moved_to():
    paint = Paint(fill="#ff0000")
    box = Box((0.0, 0.0), 10.0, 10.0, paint, rounding=2.0)
    words = Words((5.0, 8.0), "$x$ <&> é", size=4.0)
    picture = Picture(40, 20, (Titled("a", (box, words), (20.0, 5.0)),), "t", "d")
    image = matplotlib_image(picture.png(resolution=72))
    red = (image[..., 0] > 0.9) & (image[..., 1] < 0.1)
    assert red[6:8, 21:29].any()
    assert not red[:, :18].any()
    assert not red[5, 20]  # a corner is round
    assert moved(picture.shapes[0], (1.0, 2.0)).shift == (21.0, 7.0)


@pytest.mark.parametrize("resolution", [0, 9, 1201, 72.5, "high", True])
def test_resolutions_that_are_none(resolution):
    with pytest.raises(RequestError, match=r"whole number 10\.\.1200 of dots an inch"):
        draw_diagram(DIAGRAM).png(resolution=resolution)


def test_saving_chooses_the_format_by_the_name(tmp_path):
    pytest.importorskip("matplotlib")
    picture = draw_diagram(DIAGRAM)
    for name, start in (("a.svg", b"<svg"), ("b.PDF", b"%PDF"), ("c.png", b"\x89PNG")):
        picture.save(tmp_path / name)
        assert (tmp_path / name).read_bytes().startswith(start)
    with pytest.raises(RequestError, match=r"expected a file ending in \.svg"):
        picture.save(tmp_path / "d.jpg")
    with pytest.raises(FormatError, match="existing directory"):
        picture.save(tmp_path / "no" / "a.svg")
    assert picture._repr_svg_() == (tmp_path / "a.svg").read_text(encoding="utf-8")


def test_without_matplotlib_the_extra_is_named_and_nothing_is_written(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    picture = draw_diagram(DIAGRAM)
    for name in ("a.pdf", "a.png"):
        with pytest.raises(MissingDependencyError, match=r"sgdiagrams\[demo\]"):
            picture.save(tmp_path / name)
    assert not list(tmp_path.iterdir())
    assert picture.svg()


def test_settings_of_the_user_change_nothing():
    mpl = pytest.importorskip("matplotlib")
    plain = draw_diagram(DIAGRAM).png()
    with mpl.rc_context({"figure.facecolor": "black", "lines.linewidth": 9, "savefig.dpi": 10}):
        assert draw_diagram(DIAGRAM).png() == plain
