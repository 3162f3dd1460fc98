"""Pictures and formulas in few characters, for the inside of a page: the same to look at."""

from __future__ import annotations

import re
from itertools import groupby, pairwise
from math import hypot
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["short_formula", "short_picture"]

#: What parsers of HTML know, and the page says once or has no use for.
_LEFT_OUT = re.compile(
    r' xmlns="[^"]*"|<desc>[^<]*</desc>\n?|<rect width="100%" height="100%" fill="white"/>\n?'
)
_SHAPE = re.compile(r"<(line|circle|rect|path)((?: [\w-]+=\"[^\"]*\")*)/>")
_ATTRIBUTE = re.compile(r' ([\w-]+)="([^"]*)"')
_STYLES = ("fill", "stroke")
_CURVE = re.compile(r"M[-\d. ]+(?:C[-\d. ]+)+Z")
#: So far from a line a curve counts as straight.
_NEAR = 0.15
_Point = tuple[float, float]
_COMMAND = re.compile(r"([MC])([-\d. ]+)")


#: Forms of operators that follow from where they stand, and the namespace.
_FORMS = (
    (re.compile(r' xmlns="[^"]*"'), ""),
    (re.compile(r'<mrow><mo form="prefix"'), "<mrow><mo"),
    (re.compile(r'<mo form="postfix"([^>]*>[^<]*</mo></mrow>)'), r"<mo\1"),
    (re.compile(r'(</\w+>)<mo form="infix"'), r"\1<mo"),
)


def short_formula(mathml: str) -> str:
    """Return a formula in MathML without what parsers of HTML know by themselves.

    Examples
    --------
    >>> short_formula('<math xmlns="x"><mrow><mi>a</mi><mo form="infix">+</mo><mi>b</mi></mrow></math>')
    '<math><mrow><mi>a</mi><mo>+</mo><mi>b</mi></mrow></math>'
    """
    for pattern, short in _FORMS:
        mathml = pattern.sub(short, mathml)
    return mathml


def short_picture(svg: str) -> str:
    """Return a picture with curves to a tenth of a point, and styles once for shapes beside each other.

    Examples
    --------
    >>> dot = '<circle cx="{}" cy="1" r="4" fill="#000000"/>'
    >>> print(short_picture(f'<svg xmlns="x">{dot.format(2)}{dot.format(3)}</svg>'))
    <svg><g fill="#000000"><circle cx="2" cy="1" r="4"/><circle cx="3" cy="1" r="4"/></g></svg>
    """
    text = _LEFT_OUT.sub("", svg).replace(">\n<", "><").strip()
    pieces: list[str] = []
    end = 0
    shapes = list(_SHAPE.finditer(text))
    for style, group in groupby(shapes, lambda shape: _style(shape[2])):
        run = list(group)
        first, last = run[0], run[-1]
        apart = any(a.end() != b.start() for a, b in pairwise(run))
        pieces.append(text[end : first.start()])
        end = last.end()
        if apart or len(run) == 1 or not style:
            pieces.append(_SHAPE.sub(lambda s: _shape(s, ""), text[first.start() : end]))
        else:
            body = "".join(_shape(shape, style) for shape in run)
            pieces.append(f"<g{style}>{body}</g>")
    return "".join([*pieces, text[end:]])


def _style(attributes: str) -> str:
    return "".join(
        f' {name}="{value}"'
        for name, value in _ATTRIBUTE.findall(attributes)
        if name.startswith(_STYLES)
    )


def _shape(shape: re.Match[str], style: str) -> str:
    kept = [
        f' {name}="{_short_curve(value) if name == "d" else value}"'
        for name, value in _ATTRIBUTE.findall(shape[2])
        if not (style and name.startswith(_STYLES))
    ]
    return f"<{shape[1]}{''.join(kept)}/>"


def _short_curve(path: str) -> str:
    """Return a closed curve in steps of a tenth from point to point; other paths as they are.

    Pieces that are straight, up to a tenth, are lines, and lines one after the other one line.
    """
    if not _CURVE.fullmatch(path):
        return path
    (_, first), *rest = _COMMAND.findall(path)
    start = _points(first)[0]
    ends = [start]  # of straight pieces that are not written yet
    here = _tenths(start)
    result = [f"M{_joined(here)}"]

    def step(letter: str, points: list[_Point]) -> None:
        nonlocal here
        places = [_tenths(point) for point in points]
        result.append(
            f"{letter}{_joined(c - o for q in places for c, o in zip(q, here, strict=True))}"
        )
        here = places[-1]

    for _, numbers in rest:
        points = _points(numbers)
        for i in range(0, len(points), 3):
            piece = points[i : i + 3]
            if not _are_straight([ends[-1], *piece]):
                if len(ends) > 1:
                    step("l", [ends[-1]])
                step("c", piece)
                ends = [piece[-1]]
                continue
            if not _are_straight([*ends, piece[-1]]):
                step("l", [ends[-1]])
                ends = ends[-1:]
            ends.append(piece[-1])
    if len(ends) > 1:
        step("l", [ends[-1]])
    return f"{''.join(result)}z"


def _points(numbers: str) -> list[_Point]:
    values = [float(x) for x in numbers.split()]
    return list(zip(values[::2], values[1::2], strict=True))


def _tenths(point: _Point) -> tuple[int, int]:
    return round(10 * point[0]), round(10 * point[1])


def _are_straight(points: list[_Point]) -> bool:
    """Tell whether points are near the line from the first to the last."""
    (x0, y0), (x1, y1) = points[0], points[-1]
    length = hypot(x1 - x0, y1 - y0)
    return all(
        abs((x1 - x0) * (y - y0) - (y1 - y0) * (x - x0)) <= _NEAR * length for x, y in points[1:-1]
    )


def _joined(tenths: Iterable[int]) -> str:
    text = " ".join(f"{x / 10:g}" for x in tenths)
    return text.replace(" -", "-").replace("-0.", "-.").replace(" 0.", " .")
