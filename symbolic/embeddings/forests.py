"""A diagram without its root: what a sampling scheme sees."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from sgdiagrams.diagrams.partitions import (
    coarsenings,
    is_refinement,
    restricted_growth_string,
)
from sgdiagrams.diagrams.trees import parents_of_levels
from sgdiagrams.symbolic.embeddings.effort import check_moves, count_merges, count_moves

if TYPE_CHECKING:
    from sgdiagrams.diagrams.diagram import Diagram

__all__ = [
    "UpdateForest",
    "coarser_forests",
    "joined_nodes",
    "merged_visits",
    "untied",
    "update_forest",
]


@dataclass(frozen=True, slots=True)
class UpdateForest:
    """A diagram without its root: what a sampling scheme sees.

    Attributes
    ----------
    parents
        The parent of every update in preorder; -1 where the parent is the deleted root.
    blocks
        The restricted growth string of the blocks of updates.
    block_count
        The number P of blocks of updates.
    root_is_tied
        Whether the root shared the block of an update.
    visits
        The restricted growth string of the visits, where noise is fresh at each: inside the blocks. Nodes
        of a visit are in one cell, in the moment basis different visits of a block in different ones.
    """

    parents: tuple[int, ...]
    blocks: tuple[int, ...]
    block_count: int
    root_is_tied: bool
    visits: tuple[int, ...] | None = None

    @property
    def is_untied(self) -> bool:
        """Whether every block has one update."""
        return len(self.parents) == self.block_count

    @property
    def has_split_blocks(self) -> bool:
        """Whether a block is made of several visits."""
        return self.visits is not None and self.visits != self.blocks

    def has_whole_visits(self, mask: int, *, one_each: bool) -> bool:
        """Tell whether the nodes of a bit mask are whole visits, and one at most of each block if asked.

        Without visits it is true.
        """
        if self.visits is None:
            return True
        inside: dict[int, int] = {}  # visit -> its block
        for v, visit in enumerate(self.visits):
            if mask >> v & 1:
                inside[visit] = self.blocks[v]
        is_whole = all(mask >> v & 1 or visit not in inside for v, visit in enumerate(self.visits))
        return is_whole and not (one_each and len({*inside.values()}) < len(inside))

    @property
    def edges(self) -> tuple[tuple[int, int], ...]:
        """The edges (child, parent) between updates."""
        return _edges(self.parents)

    def restricted(self, nodes: tuple[int, ...]) -> UpdateForest:
        """Return some of the updates, in preorder, with their edges and blocks; the root is alone."""
        number = {v: i for i, v in enumerate(nodes)}
        parents = tuple(number.get(self.parents[v], -1) for v in nodes)
        blocks = restricted_growth_string(self.blocks[v] for v in nodes)
        visits = None
        if self.visits is not None:
            visits = restricted_growth_string(self.visits[v] for v in nodes)
        return UpdateForest(parents, blocks, max(blocks, default=-1) + 1, False, visits)  # noqa: FBT003


# There are few trees and many partitions.
@lru_cache(maxsize=4096)
def _edges(parents: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    return tuple((child, parent) for child, parent in enumerate(parents) if parent >= 0)


@lru_cache(maxsize=4096)
def _parents(levels: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(parent - 1 for parent in parents_of_levels(levels))


def update_forest(diagram: Diagram) -> UpdateForest:
    """Delete the root of a diagram."""
    labels, visits = diagram.labels, diagram.visit_labels
    if visits is not None:
        visits = tuple([visit - 1 for visit in visits[1:]])  # the root has its own
    if labels.count(0) > 1:
        blocks = restricted_growth_string(labels[1:])
        count = max(blocks) + 1
        return UpdateForest(
            _parents(diagram.levels), blocks, count, root_is_tied=True, visits=visits
        )
    blocks = tuple([label - 1 for label in labels[1:]])
    return UpdateForest(
        _parents(diagram.levels), blocks, max(labels), root_is_tied=False, visits=visits
    )


def coarser_forests(forest: UpdateForest) -> list[UpdateForest]:
    """Return the forest with its blocks merged in all possible ways, itself included.

    Counts in the cumulant basis are the sums of counts in the moment basis over these. Where there are
    visits they are merged too, in all ways that leave them inside the blocks.

    Raises
    ------
    RequestError
        When so many counts would take too long.
    """
    n = len(forest.parents)
    check_moves(
        count_merges(forest.block_count) * count_moves(forest.parents),
        n,
        f"{n} nodes and all ways to merge {forest.block_count} blocks",
    )
    return [
        UpdateForest(
            forest.parents, blocks, max(blocks, default=-1) + 1, forest.root_is_tied, visits
        )
        for blocks in coarsenings(forest.blocks)
        for visits in merged_visits(forest.visits, blocks)
    ]


def merged_visits(
    visits: tuple[int, ...] | None, blocks: tuple[int, ...]
) -> list[tuple[int, ...]] | list[None]:
    """Return visits merged in all ways inside blocks; one None where there are none.

    Examples
    --------
    >>> merged_visits((0, 1, 2), (0, 0, 1))
    [(0, 0, 1), (0, 1, 2)]
    """
    if visits is None:
        return [None]
    return [coarse for coarse in coarsenings(visits) if is_refinement(coarse, blocks)]


def untied(forest: UpdateForest) -> UpdateForest:
    """Return the forest with every node in a block of its own."""
    n = len(forest.parents)
    return UpdateForest(forest.parents, tuple(range(n)), n, root_is_tied=False)


def joined_nodes(forest: UpdateForest, *, by_blocks: bool) -> list[tuple[int, ...]]:
    """Return the parts of a forest that no edge joins, nor a block where these count.

    Examples
    --------
    >>> from sgdiagrams.diagrams import Diagram
    >>> forest = update_forest(Diagram.parse("(02-1-3)(03-13-23)"))
    >>> joined_nodes(forest, by_blocks=True), joined_nodes(forest, by_blocks=False)
    ([(0, 1), (2,)], [(0,), (1,), (2,)])
    """
    part = list(range(len(forest.parents)))
    pairs = list(forest.edges)
    first: dict[int, int] = {}
    if by_blocks:
        pairs += [(v, first.setdefault(block, v)) for v, block in enumerate(forest.blocks)]
    for v, w in pairs:
        old, new = part[v], part[w]
        part = [new if p == old else p for p in part]
    return [tuple(v for v, p in enumerate(part) if p == name) for name in dict.fromkeys(part)]
