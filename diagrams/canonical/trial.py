"""Equal siblings in all their orders, one after the other, with equal leaves taken together."""

from __future__ import annotations

from math import factorial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Trial"]

# So many choices are tried one by one; beyond, automorphisms are worth looking for.
_FEW = 24


class Trial:
    """The orders with the least restricted growth string, found by trying the others too.

    Attributes
    ----------
    order, labels
        The first of the best orders, and its string.
    size
        The number of the best orders.
    """

    __slots__ = ("block_of", "labels", "left", "order", "runs", "size")

    def __init__(self, runs: Sequence[Sequence[Sequence[int]]], block_of: Sequence[int]) -> None:
        self.runs = runs
        self.block_of = block_of
        self.labels: list[int] = []
        self.order: list[int] = []
        self.size = 0
        self.left = _FEW

    def explore(
        self,
        stack: list[Sequence[int]],
        known: dict[int, int],
        order: list[int],
        labels: list[int],
        weight: int,
    ) -> bool:
        """Try all ways to go on; return False when they are too many.

        Parameters
        ----------
        stack
            The runs still to be placed, the next one last.
        known
            The labels of blocks that have one.
        order, labels
            What is placed so far; changed in place, like the other lists.
        weight
            The number of orders that this one stands for.
        """
        block_of, runs = self.block_of, self.runs
        while stack:
            run = stack.pop()
            if len(run) == 1:
                v = run[0]
                order.append(v)
                labels.append(known.setdefault(block_of[v], len(known)))
                stack.extend(runs[v])
                continue
            new = len(known)
            labels_of_run = [known.get(block_of[v], new) for v in run]
            least = min(labels_of_run)
            nodes = [v for v, label in zip(run, labels_of_run, strict=True) if label == least]
            if runs[run[0]]:
                choices = [([v], 1) for v in nodes]
            elif least < new:
                choices = [(nodes, factorial(len(nodes)))]
            else:
                choices = self._leaves(nodes)
            if len(choices) > 1:
                return self._branch(choices, (stack, known, order, labels, weight), run)
            placed, ways = choices[0]
            weight *= ways
            order += placed
            labels += [known.setdefault(block_of[v], len(known)) for v in placed]
            if len(placed) < len(run):
                stack.append([v for v in run if v not in placed])
            stack.extend(runs[placed[0]])
        if not self.size or labels < self.labels:
            self.labels, self.order, self.size = labels, order, weight
        elif labels == self.labels:
            self.size += weight
        return True

    def _leaves(self, leaves: Sequence[int]) -> list[tuple[list[int], int]]:
        """Return the leaves that may come next, and how many orders each choice stands for.

        Their blocks are new. Those with the most leaves go first, and of these the ones that come up
        again, so that their labels are smaller; leaves of one block can be exchanged, and so can blocks
        that have no other nodes.
        """
        members: dict[int, list[int]] = {}
        for v in leaves:
            members.setdefault(self.block_of[v], []).append(v)
        most = max(map(len, members.values()))
        ways = factorial(most)
        again = []
        closed: list[int] = []
        for block, nodes in members.items():
            if len(nodes) == most:
                if self.block_of.count(block) == most:
                    closed += nodes
                else:
                    again.append((nodes, ways))
        if again:
            return again
        count = len(closed) // most
        return [(closed, ways**count * factorial(count))]

    def _branch(
        self,
        choices: list[tuple[list[int], int]],
        state: tuple[list[Sequence[int]], dict[int, int], list[int], list[int], int],
        run: Sequence[int],
    ) -> bool:
        """Explore all choices from a state, as `explore`; they have the same label."""
        stack, known, order, labels, weight = state
        if self.size and labels > self.labels[: len(labels)]:
            return True
        for nodes, ways in choices:
            self.left -= 1
            if self.left < 0:
                return False
            block = self.block_of[nodes[0]]
            label = known.get(block, len(known))
            below = stack.copy()
            if len(nodes) < len(run):
                below.append([v for v in run if v not in nodes])
            below.extend(self.runs[nodes[0]])
            if not self.explore(
                below,
                {**known, block: label},
                order + nodes,
                labels + [label] * len(nodes),
                weight * ways,
            ):
                return False
        return True
