"""Equal siblings in many orders: what an automorphism carries into each other is looked at once.

This is the idea of McKay's *nauty*, Congr. Numer. 30 (1981) 45. A candidate is first asked for *any*
order that repeats the best string found so far; if there is one, the two orders together are an
automorphism. The orbits found on the way give the order of the group by the orbit-stabiliser theorem.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Search"]

# What is still to be placed: the children left at the current node, then those of its ancestors.
_Stack = tuple[tuple[int, ...], "_Stack"] | None


class Search:
    """The search for the least restricted growth string among the orders of equal siblings."""

    __slots__ = ("block_of", "children", "codes")

    def __init__(
        self,
        children: Sequence[tuple[int, ...]],
        codes: Sequence[str],
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
            tail_labels, tail, size, below_generators = self.best(below, labels_known)
            for automorphism in below_generators:
                merge(automorphism)
            generators += below_generators
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
