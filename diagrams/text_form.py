"""The literature's text form of a diagram, ``(blocks)(edges)``: writing and reading, as plain data."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sgdiagrams.diagrams.errors import DiagramError, check_kind
from sgdiagrams.diagrams.messages import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["read_tree", "tree_text"]

_TEXT = re.compile(r"\(([0-9.]+(?:-[0-9.]+)*)\)\(((?:[0-9.]+(?:-[0-9.]+)*)?)\)")


def tree_text(parents: Sequence[int], blocks: Sequence[Sequence[int]]) -> str:
    """Return the text form of a tree with a partition of its nodes.

    Parameters
    ----------
    parents
        The parent of every node but the root, which is the last one.
    blocks
        The blocks, in the order in which they are written.

    Examples
    --------
    >>> tree_text([2, 2], [[0, 1], [2]])
    '(01-2)(02-12)'
    """
    separator = "." if len(parents) >= 9 else ""
    written_blocks = "-".join(separator.join(map(str, block)) for block in blocks)
    written_edges = "-".join(separator.join(map(str, edge)) for edge in enumerate(parents))
    return f"({written_blocks})({written_edges})"


def read_tree(text: str) -> tuple[list[int], list[list[int]]]:
    """Return the parents and the blocks that a text form names.

    Blocks and edges are separated by ``-``; edges are written child first; children have smaller
    numbers than parents and the root has the greatest. From ten nodes on, the numbers inside a block or
    an edge are separated by ``.``.

    Raises
    ------
    DiagramError
        When the text has another form. Whether the blocks are a partition is not checked.

    Examples
    --------
    >>> read_tree("(01-2)(02-12)")
    ([2, 2], [[0, 1], [2]])
    """
    check_kind("text", text, str, called="a text such as '(01-2)(02-12)'", error=DiagramError)
    match = _TEXT.fullmatch(text.strip())
    if match is None:
        raise DiagramError(
            f"expected a diagram such as '(01-2)(02-12)', got {shown(text)}; "
            "write (blocks)(edges), separated by '-'"
        )
    dotted = "." in text
    blocks = [_numbers(block, text, dotted=dotted) for block in match[1].split("-")]
    edges = [_numbers(edge, text, dotted=dotted) for edge in match[2].split("-") if edge]
    n = len(edges) + 1
    if n > 10 and not dotted:
        raise DiagramError(
            f"expected '.' between numbers from ten nodes on, got {shown(text)} with {n} nodes"
        )
    parents = [-1] * (n - 1)
    for edge in edges:
        if len(edge) != 2:
            raise DiagramError(
                "expected edges of two numbers, child and parent, "
                f"got {len(edge)} numbers in {shown(text)}"
            )
        child, parent = edge
        if not child < parent < n:
            raise DiagramError(
                f"expected edges child-parent with child < parent <= {n - 1} (the root is last), "
                f"got {child}-{parent} in {shown(text)}"
            )
        if parents[child] >= 0:
            raise DiagramError(
                f"expected one parent a node, got two for node {child} in {shown(text)}"
            )
        parents[child] = parent
    return parents, blocks


def _numbers(text: str, whole: str, *, dotted: bool) -> list[int]:
    parts = text.split(".") if dotted else list(text)
    if not all(part.isascii() and part.isdigit() and len(part) < 7 for part in parts):
        raise DiagramError(
            f"expected numbers separated by '.', got {shown(text)} in {shown(whole)}"
        )
    return [int(part) for part in parts]
