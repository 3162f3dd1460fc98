"""A rooted tree with a partition of its nodes, as pictures and graphs see it: a base without fields.

Whatever knows its depths and its labels in preorder has the rest from here: nodes in the numbering of
the literature, parents, blocks, links. That the depths and labels are canonical, `Diagram` alone knows.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter

from sgdiagrams.diagrams.errors import DiagramError, check_kind
from sgdiagrams.diagrams.partitions import blocks_of
from sgdiagrams.diagrams.text_form import tree_text
from sgdiagrams.diagrams.trees import parents_of_levels

__all__ = ["DecoratedTree", "check_tree"]


class DecoratedTree(ABC):
    """What follows from the depths and the block labels of the nodes, in preorder.

    Nodes are numbered backwards along `levels`, as in the literature: children before parents, the
    root last.
    """

    __slots__ = ()

    @property
    @abstractmethod
    def levels(self) -> tuple[int, ...]:
        """The level sequence: depths in preorder, root first."""

    @property
    @abstractmethod
    def labels(self) -> tuple[int, ...]:
        """The block labels along `levels`: a restricted growth string."""

    @property
    def visit_labels(self) -> tuple[int, ...] | None:
        """The visits along `levels`, a finer restricted growth string; None where noise is no matter."""
        return None

    @property
    def order(self) -> int:
        """The number of edges: the power of the learning rate."""
        return len(self.levels) - 1

    @property
    def root(self) -> int:
        """The number of the root: the last one."""
        return len(self.levels) - 1

    @property
    def parents(self) -> tuple[int, ...]:
        """The parent of every node but the root, in the numbering of the text form."""
        last = self.root
        return tuple(last - parent for parent in reversed(parents_of_levels(self.levels)))

    @property
    def edges(self) -> tuple[tuple[int, int], ...]:
        """The edges (child, parent), by child."""
        return tuple(enumerate(self.parents))

    @property
    def blocks(self) -> tuple[tuple[int, ...], ...]:
        """The blocks, each sorted, by least node."""
        return self._numbered(self.labels)

    @property
    def visits(self) -> tuple[tuple[int, ...], ...] | None:
        """The visits that the blocks are made of, where noise is fresh at each; the root has its own.

        Examples
        --------
        >>> from sgdiagrams.diagrams.diagram import Diagram
        >>> Diagram.parse("(0|1-|2)(02-12)").visits
        ((0,), (1,), (2,))
        """
        return None if self.visit_labels is None else self._numbered(self.visit_labels)

    def _numbered(self, labels: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
        """Return the blocks of a string along `levels` in the numbering of the text form."""
        last = self.root
        blocks = (tuple(last - i for i in reversed(block)) for block in blocks_of(labels))
        return tuple(sorted(blocks))

    @property
    def child_counts(self) -> tuple[int, ...]:
        """The number of children of every node."""
        counts = Counter(self.parents)
        return tuple(counts[v] for v in range(len(self.levels)))

    @property
    def root_is_tied(self) -> bool:
        """Whether the root shares its block, as it may for the training loss."""
        return self.labels.count(0) > 1

    @property
    def links(self) -> tuple[int, ...]:
        """The links: non-root nodes with exactly one child that are alone in their block."""
        singles = {block[0] for block in self.blocks if len(block) == 1}
        counts = self.child_counts
        return tuple(v for v in range(self.root) if counts[v] == 1 and v in singles)

    @property
    def is_linkless(self) -> bool:
        """Whether the diagram has no link, as in the re-summed series."""
        return not self.links

    @property
    def is_one_pass(self) -> bool:
        """Whether one pass with batches of one can realise the diagram.

        The quotient of the tree without its root by the blocks must have no directed cycle. For two
        nodes of a block this means that neither is above the other, but for order 4 and more the
        quotient can have a cycle without such a pair.

        Examples
        --------
        >>> from sgdiagrams.diagrams.diagram import Diagram
        >>> Diagram.parse("(01-2)(01-12)").is_one_pass
        False
        """
        home = {v: b for b, block in enumerate(self.blocks) for v in block}
        below: dict[int, set[int]] = {b: set() for b in home.values()}
        for child, parent in self.edges:
            if parent != self.root:
                below[home[parent]].add(home[child])
        ready = [b for b, blocks in below.items() if not blocks]
        done = 0
        while ready:
            b = ready.pop()
            done += 1
            for other, blocks in below.items():
                if b in blocks:
                    blocks.remove(b)
                    if not blocks:
                        ready.append(other)
        return done == len(below)

    def __str__(self) -> str:
        return tree_text(self.parents, self.blocks, self.visits)


def check_tree(value: object) -> None:
    """Raise a DiagramError unless a value is a diagram."""
    words = "a Diagram (Diagram.parse reads texts)"
    check_kind("diagram", value, DecoratedTree, called=words, error=DiagramError)
