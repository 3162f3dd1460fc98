"""Pictures as SVG: one standalone document on white paper, with a title and a description."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING

from sgdiagrams.diagrams.pictures.shapes import Box, Curve, Disc, Polyline, Titled, Words

if TYPE_CHECKING:
    from sgdiagrams.diagrams.pictures.shapes import Paint, Scene, Shape

__all__ = ["svg_text"]


def svg_text(scene: Scene) -> str:
    """Return a picture as a standalone SVG, the same text for the same picture.

    The paper is white, for the greys and tints are chosen against it: on a dark page the picture is
    a light card.

    Examples
    --------
    >>> from sgdiagrams.diagrams.pictures.shapes import Disc, Paint, Scene
    >>> dot = Disc((5.0, 5.0), 2.0, Paint(fill="#000000"))
    >>> print(svg_text(Scene(10, 10, (dot,), "a < b", "One dot.")))
    <svg xmlns="http://www.w3.org/2000/svg" role="img" width="10" height="10" viewBox="0 0 10 10">
    <title>a &lt; b</title>
    <desc>One dot.</desc>
    <rect width="100%" height="100%" fill="white"/>
    <circle cx="5" cy="5" r="2" fill="#000000"/>
    </svg>
    <BLANKLINE>
    """
    width, height = _number(scene.width), _number(scene.height)
    body = "\n".join(_element(shape) for shape in scene.shapes)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width}" '
        f'height="{height}" viewBox="0 0 {width} {height}">\n'
        f"<title>{_escaped(scene.title)}</title>\n<desc>{_escaped(scene.description)}</desc>\n"
        f'<rect width="100%" height="100%" fill="white"/>\n{body}\n</svg>\n'
    )


def _element(shape: Shape) -> str:
    match shape:
        case Polyline(points=((x1, y1), (x2, y2))):
            ends = f'x1="{_number(x1)}" y1="{_number(y1)}" x2="{_number(x2)}" y2="{_number(y2)}"'
            return f"<line {ends}{_look(shape.paint)}/>"
        case Polyline():
            points = " ".join(map(_pair, shape.points))
            return f'<polyline points="{points}"{_look(shape.paint)}/>'
        case Disc(centre=(x, y), radius=radius):
            place = f'cx="{_number(x)}" cy="{_number(y)}" r="{_number(radius)}"'
            return f"<circle {place}{_look(shape.paint)}/>"
        case Box(corner=(x, y)):
            size = f'width="{_number(shape.width)}" height="{_number(shape.height)}"'
            corners = f' rx="{_number(shape.rounding)}"' if shape.rounding else ""
            return f'<rect x="{_number(x)}" y="{_number(y)}" {size}{corners}{_look(shape.paint)}/>'
        case Curve():
            pieces = "".join("C" + " ".join(map(_pair, piece)) for piece in shape.pieces)
            end = "Z" if shape.closed else ""
            return f'<path d="M{_pair(shape.start)}{pieces}{end}"{_look(shape.paint)}/>'
        case Words():
            return _words(shape)
        case Titled(shift=(x, y)):
            moved = f' transform="translate({_number(x)} {_number(y)})"' if (x, y) != (0, 0) else ""
            inside = "".join(map(_element, shape.shapes))
            return f"<g{moved}><title>{_escaped(shape.title)}</title>{inside}</g>"


def _words(words: Words) -> str:
    is_formula = words.latex is not None
    family = "monospace" if words.monospace else "serif" if is_formula else "sans-serif"
    x, y = words.place
    text = _formula(words) if is_formula else _escaped(words.text)
    return (
        f'<text x="{_number(x)}" y="{_number(y)}" text-anchor="{words.anchor}" '
        f'font-family="{family}" font-size="{_number(words.size)}" fill="{words.colour}">'
        f"{text}</text>"
    )


# Of a formula: a script, letters (which are slanted), and everything else.
_RUNS = re.compile(r"(?P<script>[_^]\{[^{}]*\})|(?P<letters>[^\W\d_]+)|(?P<rest>[^\w^]+|[\d_^])")


def _formula(words: Words) -> str:
    """Return the text of a formula, with its scripts below and above the line."""
    parts = []
    level = 0.0
    for run in _RUNS.finditer(words.text):
        text, size, target = run[0], words.size, 0.0
        if run["script"]:
            target = (0.25 if text[0] == "_" else -0.35) * words.size
            text, size = text[2:-1], 0.72 * words.size
        look = f' dy="{_number(target - level)}"' if target != level else ""
        look += f' font-size="{_number(size)}"' if size != words.size else ""
        is_name = len(text) > 1 and text.isascii()
        is_slanted = bool(run["letters"] and not is_name) or bool(
            run["script"] and re.search(r"[^\W\d_]", text)
        )
        look += ' font-style="italic"' if is_slanted else ""
        parts.append(f"<tspan{look}>{_escaped(text)}</tspan>" if look else _escaped(text))
        level = target
    return "".join(parts)


def _look(paint: Paint) -> str:
    parts = [f' fill="{paint.fill or "none"}"']
    if paint.fill and paint.opacity < 1:
        parts.append(f' fill-opacity="{_number(paint.opacity)}"')
    if paint.stroke:
        parts.append(f' stroke="{paint.stroke}" stroke-width="{_number(paint.width)}"')
        if paint.dashes:
            dashes = " ".join(map(_number, paint.dashes))
            parts.append(f' stroke-dasharray="{dashes}"')
    return "".join(parts)


def _pair(place: tuple[float, float]) -> str:
    return f"{_number(place[0])} {_number(place[1])}"


def _number(value: float) -> str:
    """Return a number to a hundredth, without the zeros that say nothing."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _escaped(text: str) -> str:
    """Return a text for XML, without the control characters that it has no way to write."""
    return escape("".join(c if c.isprintable() or c in "\n\t" else "�" for c in text))
