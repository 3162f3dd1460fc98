"""How wide a page is: lengths as people and LaTeX write them."""

from __future__ import annotations

import re
from fractions import Fraction

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.diagrams.whole_numbers import is_whole
from sgdiagrams.symbolic.layout.filling import TEXT_WIDTH

__all__ = ["in_points"]

# TeX's units in points, of which an inch has 72.27.
_INCH = Fraction("72.27")
_UNITS = {
    "pt": Fraction(1),
    "in": _INCH,
    "cm": _INCH / Fraction("2.54"),
    "mm": _INCH / Fraction("25.4"),
    "bp": _INCH / 72,
    "pc": Fraction(12),
}
# LaTeX's article at ten points: one column, and one of two on A4 paper, the narrower ones.
_NAMES = {"textwidth": TEXT_WIDTH, "linewidth": TEXT_WIDTH, "columnwidth": 221}
_LEAST, _MOST = 200, 5000

_LENGTH = re.compile(r"([0-9]{1,6}(?:\.[0-9]{0,6})?)\s*([a-z]{2})")


def in_points(width: int | str | None) -> int:
    """Return a width in whole points.

    Parameters
    ----------
    width
        Points; a length such as ``"12cm"``, ``"5in"`` or ``"345pt"``; ``"textwidth"`` or
        ``"columnwidth"``, those of LaTeX's article at ten points with one or two columns; None for the
        first of these.

    Raises
    ------
    RequestError
        When it is none of these, or formulas would not fit.

    Examples
    --------
    >>> in_points("12cm"), in_points("columnwidth"), in_points(None)
    (341, 221, 345)
    """
    points = TEXT_WIDTH if width is None else _points(width)
    if points is None or not _LEAST <= points <= _MOST:
        raise RequestError(
            "expected a width of 200pt (7.03cm) to 5000pt such as '12cm', '345pt', 'columnwidth' or "
            f"'textwidth', got {shown(width)}"
        )
    return points


def _points(width: int | str) -> int | None:
    if is_whole(width):
        return int(width)
    if not isinstance(width, str):
        return None
    name = width.strip().removeprefix("\\")
    if name in _NAMES:
        return _NAMES[name]
    match = _LENGTH.fullmatch(name)
    if match is None or match[2] not in _UNITS:
        return None
    # Rounded down: what fits that fits the width.
    return int(Fraction(match[1]) * _UNITS[match[2]])
