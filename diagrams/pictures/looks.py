"""How blocks are told apart, with colours and without: tints, dashes, and marks on nodes."""

from __future__ import annotations

from dataclasses import dataclass

from sgdiagrams.diagrams.pictures.shapes import Paint

__all__ = ["INK", "PAPER", "Look", "look_of"]

INK = "#000000"
PAPER = "#ffffff"

# Tints and darker lines of Okabe and Ito's colours, told apart by people with any kind of colour vision;
# neighbours differ in lightness too, so that they are different greys.
_TINTS = (
    ("#c0e0f5", "#0b5d8f"),
    ("#eba645", "#7a4800"),
    ("#ececec", "#4d4d4d"),
    ("#7cc7ac", "#00553d"),
    ("#f2cfe0", "#7a2a58"),
    ("#f4ec9a", "#5f5700"),
)
_DASHES: tuple[tuple[float, ...], ...] = ((), (4.0, 2.0), (1.2, 1.8), (6.0, 1.6, 1.2, 1.6))
_MARKS = ("full", "hollow", "dotted", "crossed")


@dataclass(frozen=True, slots=True)
class Look:
    """How a block is drawn.

    Attributes
    ----------
    outline
        The paint of its outline.
    inside
        That of the outlines of its visits, inside.
    mark
        Of its nodes: ``"full"``, ``"hollow"``, ``"dotted"`` or ``"crossed"``.
    """

    outline: Paint
    inside: Paint
    mark: str


def look_of(number: int) -> Look:
    """Return the look of a block by its number among those of several nodes, from 0 on.

    Examples
    --------
    >>> look_of(0).mark, look_of(1).mark, look_of(1).outline.dashes
    ('full', 'hollow', (4.0, 2.0))
    """
    tint, line = _TINTS[number % len(_TINTS)]
    dashes = _DASHES[number % len(_DASHES)]
    return Look(
        Paint(fill=tint, stroke=line, width=1.0, dashes=dashes, opacity=0.7),
        Paint(fill=PAPER, stroke=line, width=0.7, opacity=0.8),
        _MARKS[number % len(_MARKS)],
    )
