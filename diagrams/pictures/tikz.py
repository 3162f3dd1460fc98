r"""Pictures as TikZ, for papers: one ``tikzpicture``, which needs the package ``tikz`` and no library.

A letter of formulas, that of conditional cumulants, is in amssymb alone; the picture says so then.
Numbers are points of TeX, and y runs down as in all pictures. Colours are named inside the picture.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sgdiagrams.diagrams.pictures.shapes import Box, Curve, Disc, Polyline, Titled, Words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sgdiagrams.diagrams.pictures.shapes import Paint, Place, Scene, Shape

__all__ = ["tikz_text"]

# The sizes that TeX's own fonts have; others would be replaced, with a warning.
_SIZES = (5, 6, 7, 8, 9, 10, 12)
_ANCHORS = {"start": "base west", "middle": "base", "end": "base east"}
_NAMES = {"#000000": "black", "#ffffff": "white"}
_ESCAPES = {
    "\\": r"\textbackslash{}",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "|": r"\textbar{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "×": r"$\times$",
    "η": r"$\eta$",
    **{character: f"\\{character}" for character in "{}$&#_%"},
}


def tikz_text(scene: Scene, *, scale: float = 1.0) -> str:
    r"""Return a picture as one ``tikzpicture``, the same text for the same picture.

    It stands in the middle of a line of text, or in a formula. Around shapes alone there is no margin;
    a picture with words keeps its own.

    Parameters
    ----------
    scene
        What to write.
    scale
        Points of TeX a point of the picture.

    Examples
    --------
    >>> from sgdiagrams.diagrams.pictures.shapes import Disc, Paint, Scene
    >>> dot = Disc((5.0, 5.0), 2.0, Paint(fill="#0072b2"))
    >>> print(tikz_text(Scene(10, 10, (dot,), "a dot", "One dot.")))
    % a dot
    \begin{tikzpicture}[x=1pt, y=-1pt, baseline={([yshift=-0.7ex]current bounding box.center)}]
    \definecolor{ink0072b2}{HTML}{0072B2}
    \path[use as bounding box] (3,3) rectangle (7,7);
    \fill[ink0072b2] (5,5) circle[radius=2pt];
    \end{tikzpicture}
    """
    unit = _number(scale)
    centre = "{([yshift=-0.7ex]current bounding box.center)}"
    (left, upper), (right, lower) = _frame(scene)
    body = [line for shape in scene.shapes for line in _lines(shape, scale)]
    colours = sorted(set(re.findall(r"\bink([0-9a-f]{6})\b", "\n".join(body))))
    return "\n".join(
        [
            f"% {_one_line(scene.title)}",
            *(["% needs the package amssymb too"] if r"\varkappa" in "".join(body) else []),
            f"\\begin{{tikzpicture}}[x={unit}pt, y=-{unit}pt, baseline={centre}]",
            *(f"\\definecolor{{ink{name}}}{{HTML}}{{{name.upper()}}}" for name in colours),
            f"\\path[use as bounding box] {_at((left, upper))} rectangle {_at((right, lower))};",
            *body,
            "\\end{tikzpicture}",
        ]
    )


def _frame(scene: Scene) -> tuple[Place, Place]:
    """Return the corners of what is drawn; those of the paper where there are words."""
    extents = [_extent(shape) for shape in scene.shapes]
    known = [extent for extent in extents if extent is not None]
    if len(known) < len(extents) or not known:
        return (0.0, 0.0), (scene.width, scene.height)
    left, upper, right, lower = zip(*known, strict=True)
    return (min(left), min(upper)), (max(right), max(lower))


def _extent(shape: Shape) -> tuple[float, float, float, float] | None:
    """Return the sides of a shape; None for words, whose width TeX alone knows."""
    match shape:
        case Polyline():
            places = shape.points
        case Curve():
            places = shape.points()
        case Disc(centre=(x, y), radius=r):
            places = ((x - r, y - r), (x + r, y + r))
        case Box(corner=(x, y)):
            places = ((x, y), (x + shape.width, y + shape.height))
        case _:
            return None
    air = shape.paint.width / 2 if shape.paint.stroke else 0.0
    across, down = [place[0] for place in places], [place[1] for place in places]
    return min(across) - air, min(down) - air, max(across) + air, max(down) + air


def _lines(shape: Shape, scale: float) -> Iterator[str]:
    match shape:
        case Polyline():
            yield f"{_command(shape.paint, scale)} {' -- '.join(map(_at, shape.points))};"
        case Disc():
            radius = f"circle[radius={_number(shape.radius * scale)}pt]"
            yield f"{_command(shape.paint, scale)} {_at(shape.centre)} {radius};"
        case Box(corner=(x, y)):
            corners = (
                f"rounded corners={_number(shape.rounding * scale)}pt" if shape.rounding else ""
            )
            end = _at((x + shape.width, y + shape.height))
            yield f"{_command(shape.paint, scale, corners)} {_at((x, y))} rectangle {end};"
        case Curve():
            yield f"{_command(shape.paint, scale)} {_path(shape)};"
        case Words():
            yield _words(shape, scale)
        case Titled():
            yield f"% {_one_line(shape.title)}"
            yield f"\\begin{{scope}}[shift={{{_at(shape.shift)}}}]"
            for inner in shape.shapes:
                yield from _lines(inner, scale)
            yield "\\end{scope}"


def _path(curve: Curve) -> str:
    parts = [_at(curve.start)]
    for i, (one, two, end) in enumerate(curve.pieces, start=1):
        is_closing = curve.closed and i == len(curve.pieces) and end == curve.start
        stop = "cycle" if is_closing else _at(end)
        parts.append(f"controls {_at(one)} and {_at(two)} .. {stop}")
    path = " .. ".join(parts)
    return path if not curve.closed or path.endswith("cycle") else f"{path} -- cycle"


def _words(words: Words, scale: float) -> str:
    size = min(_SIZES, key=lambda known: abs(known - words.size * scale))
    family = r"\ttfamily" if words.monospace else ""
    font = f"\\fontsize{{{size}}}{{{_number(1.2 * size)}}}\\selectfont{family}"
    look = (
        f"anchor={_ANCHORS[words.anchor]}, inner sep=0pt, text={_colour(words.colour)}, font={font}"
    )
    text = _escaped(words.text) if words.latex is None else f"${words.latex}$"
    return f"\\node[{look}] at {_at(words.place)} {{{text}}};"


def _command(paint: Paint, scale: float, *more: str) -> str:
    """Return the command that draws a path, with its options."""
    options = [option for option in more if option]
    if paint.fill:
        options.append(f"fill={_colour(paint.fill)}")
        if paint.opacity < 1:
            options.append(f"fill opacity={_number(paint.opacity)}")
    if paint.stroke:
        options.append(f"draw={_colour(paint.stroke)}")
        options.append(f"line width={_number(paint.width * scale)}pt")
        if paint.dashes:
            lengths = [f"{_number(length * scale)}pt" for length in paint.dashes]
            pairs = zip(lengths[::2], lengths[1::2], strict=True)
            options.append("dash pattern=" + " ".join(f"on {on} off {off}" for on, off in pairs))
    if paint.fill and not paint.stroke:
        return f"\\fill[{', '.join(options).replace('fill=', '', 1)}]"
    return f"\\path[{', '.join(options)}]"


def _colour(name: str) -> str:
    return _NAMES.get(name, f"ink{name.removeprefix('#').lower()}")


def _at(place: Place) -> str:
    return f"({_number(place[0])},{_number(place[1])})"


def _number(value: float) -> str:
    """Return a number to a hundredth, without the zeros that say nothing."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _one_line(text: str) -> str:
    """Return a text for a comment."""
    return " ".join(text.split())


def _escaped(text: str) -> str:
    """Return a text for TeX, which prints it; characters that TeX does not know stay."""
    return "".join(_ESCAPES.get(c, c if c.isprintable() else " ") for c in text)
