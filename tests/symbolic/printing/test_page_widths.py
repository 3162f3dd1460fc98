"""Widths of pages are read as people write them, and everything else is refused in one line."""

import numpy as np
import pytest

from sgdiagrams.diagrams import RequestError
from sgdiagrams.symbolic import expand
from sgdiagrams.symbolic.printing.page_widths import in_points


@pytest.mark.parametrize(
    ("width", "points"),
    [
        (None, 345),
        (345, 345),
        (np.int64(300), 300),
        ("345pt", 345),
        ("12cm", 341),
        (" 120 mm", 341),
        ("5.0in", 361),
        ("textwidth", 345),
        (r"\linewidth", 345),
        (r"\columnwidth", 221),
        ("columnwidth", 221),
    ],
)
def test_widths(width, points):
    assert in_points(width) == points


@pytest.mark.parametrize(
    "width",
    [
        "",
        "12",
        "cm",
        "12 furlongs",
        "-5cm",
        "1e3pt",
        "5cm",
        "9" * 400,
        12.5,
        0,
        True,
        [],
        "pagewidth",
    ],
)
def test_what_is_no_width(width):
    with pytest.raises(RequestError, match="expected a width of 200pt") as error:
        in_points(width)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 220


def test_doors():
    expansion = expand("test-loss", order=3, sampling="epochs")
    resummed = expand("test-loss", order=3, sampling="one-pass", resummed=True)
    for formula in (expansion, resummed):
        for write in (formula.latex, formula.mathml):
            lines = [write(width=w).count("\n") for w in ("17cm", "textwidth", "columnwidth")]
            assert lines == sorted(set(lines))
            assert write(width="textwidth") == write()
            with pytest.raises(RequestError):
                write(width="wide")
    document = expansion.latex(standalone=True, width="12cm")
    assert "textwidth=341pt" in document
    assert expansion.latex(width="12cm") in document
