"""The literature's text form of a diagram, ``(blocks)(edges)``: writing and reading, as plain data."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sgdiagrams.diagrams.errors import DiagramError, check_kind
from sgdiagrams.diagrams.messages import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["read_tree", "tree_text"]

_BLOCK = r"\|?[0-9.]+(?:\|[0-9.]+)*"
_TEXT = re.compile(rf"\(({_BLOCK}(?:-{_BLOCK})*)\)\(((?:[0-9.]+(?:-[0-9.]+)*)?)\)")


def tree_text(
    parents: Sequence[int],
    blocks: Sequence[Sequence[int]],
    visits: Sequence[Sequence[int]] | None = None,
) -> str:
    """Return the text form of a tree with a partition of its nodes.

    Parameters
    ----------
    parents
        The parent of every node but the root, which is the last one.
    blocks
        The blocks, in the order in which they are written.
    visits
        The visits that the blocks are made of, where noise is fresh at each; the root's is its own.

    Examples
    --------
    >>> tree_text([2, 2], [[0, 1], [2]])
    '(01-2)(02-12)'
    >>> tree_text([2, 2], [[0, 1], [2]], [[0], [1], [2]]), tree_text([1], [[0, 1]], [[0], [1]])
    ('(0|1-|2)(02-12)', '(0|1)(01)')
    """
    separator = "." if len(parents) >= 9 else ""

    def written(block: Sequence[int]) -> str:
        if visits is None:
            return separator.join(map(str, block))
        parts = [separator.join(map(str, visit)) for visit in visits if visit[0] in block]
        # The bar before the root tells fresh noise from noise that comes again.
        return "|".join(["", *parts] if block[0] == len(parents) else parts)

    written_blocks = "-".join(map(written, blocks))
    written_edges = "-".join(separator.join(map(str, edge)) for edge in enumerate(parents))
    return f"({written_blocks})({written_edges})"


def read_tree(text: str) -> tuple[list[int], list[list[int]], list[list[int]] | None]:
    """Return the parents, the blocks and, where there are bars, the visits that a text form names.

    Blocks and edges are separated by ``-``; edges are written child first; children have smaller
    numbers than parents and the root has the greatest. From ten nodes on, the numbers inside a block or
    an edge are separated by ``.``. Bars separate the visits of a block; the root's is always its own,
    so that a bar before it may be left out where there is another.

    Raises
    ------
    DiagramError
        When the text has another form. Whether the blocks are a partition is not checked.

    Examples
    --------
    >>> read_tree("(01-2)(02-12)")
    ([2, 2], [[0, 1], [2]], None)
    >>> read_tree("(0|1-|2)(02-12)")
    ([2, 2], [[0, 1], [2]], [[0], [1], [2]])
    """
    check_kind("text", text, str, called="a text such as '(01-2)(02-12)'", error=DiagramError)
    match = _TEXT.fullmatch(text.strip())
    if match is None:
        raise DiagramError(
            f"expected a diagram such as '(01-2)(02-12)', got {shown(text)}; "
            "write (blocks)(edges), separated by '-'"
        )
    dotted = "." in text
    parts = [
        [_numbers(visit, text, dotted=dotted) for visit in block.removeprefix("|").split("|")]
        for block in match[1].split("-")
    ]
    blocks = [[v for visit in visits for v in visit] for visits in parts]
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
    if "|" not in text:
        return parents, blocks, None
    root = n - 1
    visits = [[v for v in visit if v != root] for visits in parts for visit in visits]
    return parents, blocks, [visit for visit in visits if visit] + [[root]]


def _numbers(text: str, whole: str, *, dotted: bool) -> list[int]:
    parts = text.split(".") if dotted else list(text)
    if not all(part.isascii() and part.isdigit() and len(part) < 7 for part in parts):
        raise DiagramError(
            f"expected numbers separated by '.', got {shown(text)} in {shown(whole)}"
        )
    return [int(part) for part in parts]
