"""The canonical form of a coloured rooted tree with a partition of its nodes.

Two decorated trees are isomorphic exactly when their canonical forms are equal. The form is

1. the greatest coloured level sequence: nodes in preorder, entry ``depth * K + colour`` (`K` colours),
   at every node the greatest subtree first;
2. among the orders that give this sequence, the least restricted growth string of the blocks.

Step 2 is a search over the orders of equal siblings. Branches that an automorphism carries into each
other are explored once (the idea of McKay's *nauty*, Congr. Numer. 30 (1981) 45): a candidate is first
asked for *any* order that repeats the best string found so far; if there is one, the two orders
together are an automorphism. The orbits found on the way give the order of the group by the
orbit-stabiliser theorem.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["CanonicalForm", "canonical_form"]

# What is still to be placed: the children left at the current node, then those of its ancestors.
_Stack = tuple[tuple[int, ...], "_Stack"] | None


@dataclass(frozen=True, slots=True)
class CanonicalForm:
    """The canonical form of a decorated rooted tree.

    Attributes
    ----------
    order
        The nodes in canonical preorder.
    levels
        The greatest coloured level sequence.
    labels
        The least restricted growth string, along `order`.
    symmetry_factor
        The number of automorphisms that keep colours and carry blocks to blocks.
    """

    order: tuple[int, ...]
    levels: tuple[int, ...]
    labels: tuple[int, ...]
    symmetry_factor: int


def canonical_form(
    children: Sequence[Sequence[int]],
    root: int,
    block_of: Sequence[int],
    colours: Sequence[int] | None = None,
) -> CanonicalForm:
    """Return the canonical form of a rooted tree with a partition of its nodes.

    Parameters
    ----------
    children
        Entry ``v`` lists the children of node ``v``.
    root
        The root; all nodes must be reachable from it.
    block_of
        Entry ``v`` names the block of node ``v`` by a number.
    colours
        Small numbers >= 0 that isomorphisms must preserve; all 0 when left out.

    Examples
    --------
    Two leaves on the root, in one block:

    >>> canonical_form([(), (), (0, 1)], 2, [0, 0, 1])
    CanonicalForm(order=(2, 0, 1), levels=(0, 1, 1), labels=(0, 1, 1), symmetry_factor=2)
    """
    colours = [0] * len(children) if colours is None else colours
    step = max(colours) + 1
    codes: list[tuple[int, ...]] = [()] * len(children)
    ordered: list[tuple[int, ...]] = [()] * len(children)
    for v in _postorder(children, root):
        kids = children[v]
        if kids:
            ordered[v] = tuple(sorted(kids, key=codes.__getitem__, reverse=True))
            tail = [entry + step for kid in ordered[v] for entry in codes[kid]]
            codes[v] = (colours[v], *tail)
        else:
            codes[v] = (colours[v],)
    search = _Search(ordered, codes, block_of)
    labels, order, size, _ = search.best(((root,), None), {})
    return CanonicalForm(order, codes[root], labels, size)


def _postorder(children: Sequence[Sequence[int]], root: int) -> list[int]:
    order = [root]
    for v in order:
        order.extend(children[v])
    order.reverse()
    return order


class _Search:
    """The search for the least restricted growth string among the orders of equal siblings."""

    __slots__ = ("block_of", "children", "codes")

    def __init__(
        self,
        children: Sequence[tuple[int, ...]],
        codes: Sequence[tuple[int, ...]],
        block_of: Sequence[int],
    ) -> None:
        self.children = children
        self.codes = codes
        self.block_of = block_of

    def candidates(self, stack: _Stack) -> tuple[tuple[int, ...], _Stack]:
        """Return the nodes that may come next and the rest of the stack they are taken from."""
        while stack is not None and not stack[0]:
            stack = stack[1]
        if stack is None:
            return (), None
        remaining = stack[0]
        code = self.codes[remaining[0]]
        width = 1
        while width < len(remaining) and self.codes[remaining[width]] == code:
            width += 1
        return remaining[:width], stack

    def after(self, node: int, stack: _Stack) -> _Stack:
        """Return the stack once `node` has been placed."""
        if stack is None:
            raise AssertionError
        rest = tuple(v for v in stack[0] if v != node)
        below: _Stack = (rest, stack[1]) if rest else stack[1]
        kids = self.children[node]
        return (kids, below) if kids else below

    def placed(self, node: int, known: dict[int, int]) -> tuple[int, dict[int, int]]:
        """Return the label of `node` and the labels of blocks known once it is placed."""
        block = self.block_of[node]
        label = known.get(block)
        if label is not None:
            return label, known
        return len(known), {**known, block: len(known)}

    def best(
        self, stack: _Stack, known: dict[int, int]
    ) -> tuple[tuple[int, ...], tuple[int, ...], int, list[dict[int, int]]]:
        """Return the least string, an order that gives it, its stabiliser's order and generators."""
        labels: list[int] = []
        order: list[int] = []
        while True:
            nodes, stack = self.candidates(stack)
            if not nodes:
                return tuple(labels), tuple(order), 1, []
            if len(nodes) > 1:
                new = len(known)
                least = min(known.get(self.block_of[v], new) for v in nodes)
                nodes = tuple(v for v in nodes if known.get(self.block_of[v], new) == least)
            if len(nodes) > 1:
                tail_labels, tail, size, generators = self.branch(nodes, stack, known)
                return (*labels, *tail_labels), (*order, *tail), size, generators
            label, known = self.placed(nodes[0], known)
            labels.append(label)
            order.append(nodes[0])
            stack = self.after(nodes[0], stack)

    def branch(
        self, nodes: tuple[int, ...], stack: _Stack, known: dict[int, int]
    ) -> tuple[tuple[int, ...], tuple[int, ...], int, list[dict[int, int]]]:
        """Compare the candidates `nodes`, which all have the same label; as `best` otherwise."""
        orbit = {v: v for v in nodes}

        def find(v: int) -> int:
            while orbit[v] != v:
                v = orbit[v]
            return v

        def merge(automorphism: dict[int, int]) -> None:
            for v in nodes:
                image = automorphism.get(v, v)
                if find(v) != find(image):
                    orbit[find(v)] = find(image)

        best_labels: tuple[int, ...] = ()
        best_order: tuple[int, ...] = ()
        best_size = 0
        generators: list[dict[int, int]] = []
        seen: list[int] = []
        for node in nodes:
            if any(find(node) == find(v) for v in seen):
                continue
            label, labels_known = self.placed(node, known)
            below = self.after(node, stack)
            if best_order:
                twin = self.match(below, labels_known, best_labels, 1)
                if twin is not None:
                    automorphism = dict(zip(best_order, (node, *twin), strict=True))
                    generators.append(automorphism)
                    merge(automorphism)
                    continue
            seen.append(node)
            tail_labels, tail, size, found = self.best(below, labels_known)
            for automorphism in found:
                merge(automorphism)
            generators += found
            if not best_order or (label, *tail_labels) < best_labels:
                best_labels, best_order, best_size = (label, *tail_labels), (node, *tail), size
        orbit_size = sum(find(v) == find(best_order[0]) for v in nodes)
        return best_labels, best_order, best_size * orbit_size, generators

    def match(
        self, stack: _Stack, known: dict[int, int], target: tuple[int, ...], at: int
    ) -> tuple[int, ...] | None:
        """Return an order of what is left that gives the labels ``target[at:]``, if there is one."""
        order: list[int] = []
        while True:
            nodes, stack = self.candidates(stack)
            if not nodes:
                return tuple(order)
            new = len(known)
            nodes = tuple(v for v in nodes if known.get(self.block_of[v], new) == target[at])
            if not nodes:
                return None
            if len(nodes) > 1:
                for node in nodes:
                    _, labels_known = self.placed(node, known)
                    tail = self.match(self.after(node, stack), labels_known, target, at + 1)
                    if tail is not None:
                        return (*order, node, *tail)
                return None
            _, known = self.placed(nodes[0], known)
            order.append(nodes[0])
            stack = self.after(nodes[0], stack)
            at += 1
