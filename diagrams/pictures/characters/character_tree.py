"""Diagrams as trees of characters, for terminals: the root on the right, time from left to right.

Letters name blocks of several nodes; nodes alone in their block are dots. Where noise is fresh at every
visit, a number behind the letter names the visit.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sgdiagrams.diagrams.decorated_tree import check_tree
from sgdiagrams.diagrams.trees import parents_of_levels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sgdiagrams.diagrams.decorated_tree import DecoratedTree

__all__ = ["diagram_text"]

_UP, _DOWN, _LEFT, _RIGHT = 1, 2, 4, 8


@dataclass(frozen=True, slots=True)
class _Characters:
    """What trees are made of; `joints` by the sides that lines leave to."""

    node: str
    root: str
    joints: dict[int, str]


_BOXES = {
    _UP | _DOWN: "│",
    _LEFT | _RIGHT: "─",
    _LEFT | _DOWN: "┐",
    _LEFT | _UP: "┘",
    _UP | _DOWN | _LEFT: "┤",
    _UP | _DOWN | _RIGHT: "├",
    _LEFT | _RIGHT | _DOWN: "┬",
    _LEFT | _RIGHT | _UP: "┴",
    _UP | _DOWN | _LEFT | _RIGHT: "┼",
}
_PLAIN = dict.fromkeys(_BOXES, "+") | {_UP | _DOWN: "|", _LEFT | _RIGHT: "-"}
_UNICODE = _Characters("●", "■", _BOXES)
_ASCII = _Characters("o", "#", _PLAIN)


def diagram_text(diagram: DecoratedTree, *, ascii_only: bool = False) -> str:
    """Return a diagram as a tree of characters, of several lines.

    Parameters
    ----------
    diagram
        What to draw.
    ascii_only
        Draw with characters that every terminal has.

    Raises
    ------
    DiagramError
        When it is no diagram.

    Examples
    --------
    >>> from sgdiagrams.diagrams import Diagram
    >>> print(diagram_text(Diagram.parse("(02-1-3)(01-13-23)")))
    a──●──┬──■
       a──┘
    >>> print(diagram_text(Diagram.parse("(02-1-3)(01-13-23)"), ascii_only=True))
    a--o--+--#
       a--+
    """
    check_tree(diagram)
    characters = _ASCII if ascii_only else _UNICODE
    names = _names(diagram, characters)
    parents = (-1, *parents_of_levels(diagram.levels))
    children: list[list[int]] = [[] for _ in parents]
    for i, parent in enumerate(parents[1:], start=1):
        children[parent].append(i)
    rows = _rows(children)
    depth = max(diagram.levels)
    canvas = _Canvas(characters, max(rows) + 1)
    # From the leaves that are farthest away to the root, column by column.
    for level in range(depth, -1, -1):
        here = [i for i, own in enumerate(diagram.levels) if own == level]
        canvas.write({rows[i]: names[i] for i in here})
        if level:
            families = [children[i] for i, own in enumerate(diagram.levels) if own == level - 1]
            joined = [
                ([rows[i] for i in family], rows[parents[family[0]]])
                for family in families
                if family
            ]
            canvas.join(joined)
    return canvas.text()


def _names(diagram: DecoratedTree, characters: _Characters) -> list[str]:
    """Return what stands for every node."""
    sizes = Counter(diagram.labels)
    # As in the text form: by the farthest node.
    last_first = list(dict.fromkeys(reversed(diagram.labels)))
    tied = [label for label in last_first if sizes[label] > 1]
    letters = {label: _letters(i) for i, label in enumerate(tied)}
    visits = diagram.visit_labels
    numbers: dict[int, str] = {}
    if visits is not None:
        known: dict[int, list[int]] = {}
        for label, visit in zip(reversed(diagram.labels[1:]), reversed(visits[1:]), strict=True):
            seen = known.setdefault(label, [])
            if visit not in seen:
                seen.append(visit)
            numbers[visit] = str(seen.index(visit) + 1)
    names = [f"{characters.root}{letters.get(diagram.labels[0], '')}"]
    for i, label in enumerate(diagram.labels[1:], start=1):
        number = "" if visits is None else numbers[visits[i]]
        names.append(letters[label] + number if label in letters else characters.node)
    return names


def _letters(number: int) -> str:
    """Return a, b, ..., z, aa, ab, ..."""
    text = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        text = chr(ord("a") + rest) + text
    return text


def _rows(children: Sequence[Sequence[int]]) -> list[int]:
    """Return the line of every node: leaves below each other, parents beside a middle child."""
    rows = [0] * len(children)
    leaves = 0
    for i in range(len(children)):
        if not children[i]:
            rows[i] = leaves
            leaves += 1
    for i in reversed(range(len(children))):
        if children[i]:
            rows[i] = rows[children[i][(len(children[i]) - 1) // 2]]
    return rows


class _Canvas:
    """Lines that grow to the right together."""

    def __init__(self, characters: _Characters, height: int) -> None:
        self._joints = characters.joints
        self._lines = [""] * height

    def write(self, names: dict[int, str]) -> None:
        """Put names into a column."""
        width = max(map(len, names.values()))
        line = self._joints[_LEFT | _RIGHT]
        for row, text in enumerate(self._lines):
            # A name that is shorter than its column is drawn on to the right.
            self._lines[row] = text + names.get(row, "").ljust(width, line if row in names else " ")

    def join(self, families: Sequence[tuple[Sequence[int], int]]) -> None:
        """Draw lines from children to their parents: the rows of each family, and the parent's."""
        line = self._joints[_LEFT | _RIGHT]
        width = 5 if any(len(rows) > 1 for rows, _ in families) else 2
        cells = [" " * width] * len(self._lines)
        for rows, parent in families:
            if len(rows) == 1:
                cells[parent] = line * width
                continue
            for row in range(rows[0], rows[-1] + 1):
                sides = _UP * (row > rows[0]) | _DOWN * (row < rows[-1])
                sides |= _LEFT * (row in rows) | _RIGHT * (row == parent)
                before = line if row in rows else " "
                after = line if row == parent else " "
                cells[row] = before * 2 + self._joints[sides] + after * 2
        self._lines = [text + cell for text, cell in zip(self._lines, cells, strict=True)]

    def text(self) -> str:
        """Return the lines without blanks at their ends."""
        return "\n".join(line.rstrip() for line in self._lines)
