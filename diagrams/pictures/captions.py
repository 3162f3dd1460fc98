"""What stands below a picture: lines of words, and formulas in the spellings of all formats."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.diagrams.pictures.shapes import Words

if TYPE_CHECKING:
    from sgdiagrams.diagrams.pictures.shapes import Place

__all__ = [
    "Caption",
    "FormulaLine",
    "caption_height",
    "caption_lines",
    "caption_width",
    "caption_words",
]

_LINE = 12.0  # the height of a line of words
_TALL = 15.0  # and of one with fractions
_LETTER = 6.1  # the width of a letter of a caption
_SCRIPT = re.compile(r"[_^]\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class FormulaLine:
    """A line of a caption that is a formula.

    Attributes
    ----------
    text
        For formats without mathematics: letters in Unicode, scripts in braces, ``M_{μ|ν} H_{μν}``.
    latex
        The same in LaTeX that needs no package.
    """

    text: str
    latex: str


#: A text that may have several lines, or its lines.
Caption: TypeAlias = str | Iterable[str | FormulaLine]


def caption_lines(caption: object) -> tuple[str | FormulaLine, ...]:
    r"""Return the lines of a caption.

    Raises
    ------
    RequestError
        When it is none.

    Examples
    --------
    >>> caption_lines("a\nb")
    ('a', 'b')
    """
    if isinstance(caption, str):
        return tuple(caption.splitlines())
    given = tuple(caption) if isinstance(caption, Iterable) else (caption,)
    for line in given:
        if not isinstance(line, str | FormulaLine):
            raise RequestError(f"expected captions of texts and formulas, got {shown(line)}")
    return given


def caption_width(line: str | FormulaLine) -> float:
    """Return about how wide a line is, in points."""
    if isinstance(line, str):
        return _LETTER * len(line)
    scripts = sum(len(inner) for inner in _SCRIPT.findall(line.text))
    letters = _SCRIPT.sub("", line.text)
    blanks = letters.count(" ")
    return 5.4 * (len(letters) - blanks) + 2.8 * blanks + 4.2 * scripts


def caption_height(lines: Iterable[str | FormulaLine]) -> float:
    """Return how high lines are together, in points."""
    return sum(_height(line) for line in lines)


def _height(line: str | FormulaLine) -> float:
    return _LINE if isinstance(line, str) or r"\frac" not in line.latex else _TALL


def caption_words(lines: Iterable[str | FormulaLine], place: Place) -> list[Words]:
    """Return the words of a caption, centred; `place` is the middle of its upper side."""
    x, y = place
    words = []
    for line in lines:
        y += _height(line)
        at = x, y - (2.0 if _height(line) == _LINE else 4.0)
        if isinstance(line, str):
            words.append(Words(at, line, monospace=True))
        else:
            words.append(Words(at, line.text, colour="#000000", latex=line.latex))
    return words
