"""The few shapes that pictures are made of, as plain data: every format is written from these.

Lengths are in points of print, x runs to the right and y down. Shapes that come later lie on top.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

__all__ = [
    "Box",
    "Curve",
    "Disc",
    "Paint",
    "Place",
    "Polyline",
    "Scene",
    "Shape",
    "Titled",
    "Words",
]

#: A place in a picture: x and y.
Place = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Paint:
    """How a shape is filled and how its border is drawn.

    Attributes
    ----------
    fill, stroke
        Colours as ``#rrggbb``, of the inside and of the border; None for nothing.
    width
        Of the border.
    dashes
        Lengths of dashes and gaps in turn; empty for a border without gaps.
    opacity
        Of the inside, 0 to 1; the border hides what lies below.
    """

    fill: str | None = None
    stroke: str | None = None
    width: float = 1.0
    dashes: tuple[float, ...] = ()
    opacity: float = 1.0


@dataclass(frozen=True, slots=True)
class Polyline:
    """Straight lines from point to point; an edge has two points. Nothing is filled."""

    points: tuple[Place, ...]
    paint: Paint


@dataclass(frozen=True, slots=True)
class Disc:
    """A filled circle."""

    centre: Place
    radius: float
    paint: Paint


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle, by its upper left corner; `rounding` is the radius of its corners."""

    corner: Place
    width: float
    height: float
    paint: Paint
    rounding: float = 0.0


@dataclass(frozen=True, slots=True)
class Curve:
    """A path of cubic Bezier curves, closed or not.

    Attributes
    ----------
    start
        Where it begins.
    pieces
        For every piece its two control points and its end.
    closed
        Whether the last end is the start.
    """

    start: Place
    pieces: tuple[tuple[Place, Place, Place], ...]
    paint: Paint
    closed: bool = True

    def points(self, samples: int = 8) -> tuple[Place, ...]:
        """Return points along the path, so many a piece."""
        result = [self.start]
        a = self.start
        for b, c, d in self.pieces:
            for i in range(1, samples + 1):
                t = i / samples
                u = 1 - t
                w = u * u * u, 3 * u * u * t, 3 * u * t * t, t * t * t
                x = w[0] * a[0] + w[1] * b[0] + w[2] * c[0] + w[3] * d[0]
                y = w[0] * a[1] + w[1] * b[1] + w[2] * c[1] + w[3] * d[1]
                result.append((x, y))
            a = d
        return tuple(result)


@dataclass(frozen=True, slots=True)
class Words:
    """One line of text; `place` is on its base line, at the side that `anchor` says.

    Attributes
    ----------
    anchor
        ``"start"``, ``"middle"`` or ``"end"``.
    latex
        The same as LaTeX, for the format that is set by TeX; None where the text is to be escaped.
    """

    place: Place
    text: str
    size: float = 10.0
    anchor: str = "middle"
    colour: str = "#333333"
    monospace: bool = False
    latex: str | None = None


@dataclass(frozen=True, slots=True)
class Titled:
    """Shapes that belong together, with words for those who do not see them, moved by `shift`."""

    title: str
    shapes: tuple[Shape, ...]
    shift: Place = (0.0, 0.0)


#: What pictures are made of.
Shape = Polyline | Disc | Box | Curve | Words | Titled


def moved(shape: Shape, by: Place) -> Shape:
    """Return a shape moved to the right and down.

    Examples
    --------
    >>> moved(Disc((1.0, 2.0), 1.0, Paint()), (10.0, 0.0)).centre
    (11.0, 2.0)
    """
    dx, dy = by

    def at(place: Place) -> Place:
        return place[0] + dx, place[1] + dy

    match shape:
        case Polyline():
            return replace(shape, points=tuple(map(at, shape.points)))
        case Disc():
            return replace(shape, centre=at(shape.centre))
        case Box():
            return replace(shape, corner=at(shape.corner))
        case Curve():
            pieces = tuple((at(a), at(b), at(c)) for a, b, c in shape.pieces)
            return replace(shape, start=at(shape.start), pieces=pieces)
        case Words():
            return replace(shape, place=at(shape.place))
        case Titled():
            return replace(shape, shift=at(shape.shift))


@dataclass(frozen=True, slots=True)
class Scene:
    """Shapes on white paper, and what they show, in words."""

    width: float
    height: float
    shapes: tuple[Shape, ...]
    title: str
    description: str
