"""Many diagrams as trees of characters, each with words beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sgdiagrams.diagrams.errors import RequestError, listed
from sgdiagrams.diagrams.pictures.characters.character_tree import diagram_text
from sgdiagrams.diagrams.tables import fold, page_width

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sgdiagrams.diagrams.decorated_tree import DecoratedTree

__all__ = ["sheet_text"]

_GAP = 3  # between trees and words
_LEAST = 26  # columns for words beside a tree; with fewer they stand below it


def sheet_text(
    diagrams: Iterable[DecoratedTree],
    *,
    captions: Sequence[str] | None = None,
    width: int | None = None,
    ascii_only: bool = False,
) -> str:
    r"""Return many diagrams as trees of characters, one below the other, each with words beside it.

    Parameters
    ----------
    diagrams
        What to draw.
    captions
        A text of one or several lines each; the text form of the diagram when left out.
    width
        Characters a line, to which words are folded; those of the page when left out.
    ascii_only
        Draw with characters that every terminal has.

    Raises
    ------
    RequestError
        When there is not one caption for each diagram.

    Examples
    --------
    >>> from sgdiagrams.diagrams import enumerate_diagrams
    >>> print(sheet_text(list(enumerate_diagrams(2))[1:3], captions=["a chain", "a star\nof two"]))
    ●──●──■   a chain
    <BLANKLINE>
    a──┬──■   a star
    a──┘      of two
    """
    drawn = listed("diagrams", diagrams, called="a list of diagrams")
    given = drawn if captions is None else listed("captions", captions, called="a list of texts")
    if len(given) != len(drawn):
        raise RequestError(f"expected {len(drawn)} captions, one a diagram, got {len(given)}")
    trees = [diagram_text(diagram, ascii_only=ascii_only).split("\n") for diagram in drawn]
    column = max((len(line) for tree in trees for line in tree), default=0) + _GAP
    page = page_width() if width is None else width
    is_beside = page - column >= _LEAST
    parts = []
    for tree, caption in zip(trees, given, strict=True):
        room = page - column if is_beside else page - 2
        words = [piece for line in str(caption).split("\n") for piece in fold(line, room, indent=2)]
        if not is_beside:
            parts.append("\n".join([*tree, *(f"  {line}" for line in words)]))
            continue
        height = max(len(tree), len(words))
        left = [*tree, *[""] * (height - len(tree))]
        right = [*words, *[""] * (height - len(words))]
        pairs = zip(left, right, strict=True)
        parts.append("\n".join(f"{one:<{column}}{two}".rstrip() for one, two in pairs))
    return "\n\n".join(parts)
