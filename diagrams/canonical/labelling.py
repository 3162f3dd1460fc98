"""The labels of blocks along an order of the nodes, decided as late as possible.

Leaves of new blocks side by side get new labels, whatever their order; which block has which label
matters only when the blocks come up again. Until then they share a *cell*, an interval of labels. A
block that comes up takes the least label of its cell, those that stay away keep the others: this is the
refinement of an ordered partition, as in McKay's *nauty*.
"""

from __future__ import annotations

from collections import Counter
from math import factorial, prod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Labelling"]


class Labelling:
    """The cells of the blocks that have come up so far.

    Parameters
    ----------
    block_of
        The block of every node.
    known
        Blocks that have the first labels before any node comes.

    Attributes
    ----------
    ways
        The number of orders of leaves that have been placed together, but for exchanges of blocks.
    """

    __slots__ = ("_block_of", "_least", "_members", "ways")

    def __init__(self, block_of: Sequence[int], known: Sequence[int] = ()) -> None:
        self._block_of = block_of
        self._least = {block: label for label, block in enumerate(known)}
        self._members = {label: [block] for label, block in enumerate(known)}
        self.ways = 1

    def copy(self) -> Labelling:
        """Return a copy that can go on by itself."""
        other = Labelling(self._block_of)
        other._least.update(self._least)
        other._members.update(self._members)
        other.ways = self.ways
        return other

    @property
    def orders(self) -> int:
        """The number of orders that agree so far: blocks of a cell can be exchanged."""
        return self.ways * prod(factorial(len(cell)) for cell in self._members.values())

    def least(self, v: int) -> int:
        """Return the least label that a node can have if it comes next."""
        return self._least.get(self._block_of[v], len(self._least))

    def is_new(self, v: int) -> bool:
        """Tell whether the block of a node has not come up."""
        return self._block_of[v] not in self._least

    def is_decided(self, v: int) -> bool:
        """Tell whether the block of a node is new, or alone in its cell."""
        label = self._least.get(self._block_of[v])
        return label is None or len(self._members[label]) == 1

    def decided(self, order: Sequence[int | Sequence[int]]) -> list[int]:
        """Return all nodes in order, the leaves of every run by the labels that their blocks have."""
        place = {
            block: label + i
            for label, blocks in self._members.items()
            for i, block in enumerate(blocks)
        }
        nodes: list[int] = []
        for item in order:
            if isinstance(item, int):
                nodes.append(item)
            else:
                nodes += sorted(item, key=lambda v: place[self._block_of[v]])
        return nodes

    def place(self, v: int) -> int:
        """Place a node; return its label."""
        block = self._block_of[v]
        label = self._least.get(block)
        if label is None:
            label = len(self._least)
            self._least[block], self._members[label] = label, [block]
        elif len(self._members[label]) > 1:
            self._split(label, [[block]])
        return label

    def place_leaves(self, run: Sequence[int]) -> list[int]:
        """Place all leaves of a run in the best order; return their labels."""
        labels: list[int] = []
        for label, classes in self._classes(run):
            at = label
            for size, blocks in classes:
                for _ in blocks:
                    labels += [at] * size
                    at += 1
                if size > 1:
                    self.ways *= factorial(size) ** len(blocks)
            if label < len(self._least):
                if len(self._members[label]) > 1:
                    self._split(label, [blocks for _, blocks in classes])
                continue
            for _, blocks in classes:
                self._open(len(self._least), blocks)
        return labels

    def labels_of_leaves(self, run: Sequence[int], *, later: int = 0) -> list[int]:
        """Return the labels that `place_leaves` would give, new ones greater by `later`."""
        labels: list[int] = []
        for label, classes in self._classes(run):
            at = label + later if label == len(self._least) else label
            for size, blocks in classes:
                for _ in blocks:
                    labels += [at] * size
                    at += 1
        return labels

    def _classes(self, run: Sequence[int]) -> list[tuple[int, list[tuple[int, list[int]]]]]:
        """Return the blocks of leaves by their cells, and there by their number of leaves.

        More leaves of one block go first, so that greater labels come later.
        """
        new = len(self._least)
        sizes = Counter([self._block_of[v] for v in run])
        cells: dict[int, dict[int, list[int]]] = {}
        for block, size in sizes.items():
            cells.setdefault(self._least.get(block, new), {}).setdefault(size, []).append(block)
        return [(label, sorted(cells[label].items(), reverse=True)) for label in sorted(cells)]

    def _split(self, label: int, classes: Sequence[list[int]]) -> None:
        """Give the least labels of a cell to some of its blocks, class by class."""
        members = self._members[label]
        for blocks in classes:
            self._open(label, blocks)
            label += len(blocks)
        present = {block for blocks in classes for block in blocks}
        if len(present) < len(members):
            self._open(label, [block for block in members if block not in present])

    def _open(self, label: int, blocks: list[int]) -> None:
        self._members[label] = blocks
        for block in blocks:
            self._least[block] = label
