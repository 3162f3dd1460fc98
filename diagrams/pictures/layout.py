"""Where the nodes of a diagram are drawn."""

from __future__ import annotations

from dataclasses import dataclass

from sgdiagrams.diagrams.trees import parents_of_levels

__all__ = ["MARGIN", "RADIUS", "Layout", "lay_out"]

MARGIN = 16.0  # around every diagram
RADIUS = 5.0  # of a node
_STEP = 34.0  # distance between generations and between leaves


@dataclass(frozen=True, slots=True)
class Layout:
    """The places of the nodes, along `levels`, and the size of the picture."""

    places: tuple[tuple[float, float], ...]
    width: float
    height: float


def lay_out(levels: tuple[int, ...]) -> Layout:
    """Place leaves one below the other and every parent in the middle of its children."""
    n = len(levels)
    parents = (-1, *parents_of_levels(levels))
    children: list[list[int]] = [[] for _ in range(n)]
    for i in range(1, n):
        children[parents[i]].append(i)
    row = [0.0] * n
    leaves = 0
    for i in range(n):
        if not children[i]:
            row[i] = leaves
            leaves += 1
    for i in reversed(range(n)):
        if children[i]:
            row[i] = (row[children[i][0]] + row[children[i][-1]]) / 2
    depth = max(levels)
    places = tuple(
        (MARGIN + (depth - levels[i]) * _STEP, MARGIN + row[i] * _STEP) for i in range(n)
    )
    return Layout(places, 2 * MARGIN + depth * _STEP, 2 * MARGIN + (leaves - 1) * _STEP)
