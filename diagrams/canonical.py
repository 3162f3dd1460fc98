"""The canonical form of a coloured rooted tree with a partition of its nodes.

Two decorated trees are isomorphic exactly when their canonical forms are equal. The form is

1. the greatest coloured level sequence: nodes in preorder, entry ``depth * K + colour`` (`K` colours),
   at every node the greatest subtree first;
2. among the orders that give this sequence, the least restricted growth string of the blocks.

Step 2 is a search over the orders of equal siblings. The orders that give the least string are the
images of one of them under the automorphisms, so their number is the order of the group. Most trees
leave few orders to try, and trying them all, with equal leaves taken together, is fastest. Where there
are more, branches that an automorphism carries into each other are explored once (the idea of McKay's
*nauty*, Congr. Numer. 30 (1981) 45): a candidate is first asked for *any* order that repeats the best
string found so far; if there is one, the two orders together are an automorphism. The orbits found on
the way give the order of the group by the orbit-stabiliser theorem.
"""

from __future__ import annotations

from math import factorial
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["CanonicalForm", "canonical_form"]

# What is still to be placed: the children left at the current node, then those of its ancestors.
_Stack = tuple[tuple[int, ...], "_Stack"] | None

# So many choices are tried one by one; beyond, automorphisms are worth looking for.
_FEW = 24


class CanonicalForm(NamedTuple):
    """The canonical form of a decorated rooted tree.

    Attributes
    ----------
    order
        The nodes in canonical preorder: those that can be reached from the root.
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
    n = len(children)
    depths = [0] * n
    preorder = [root]
    for v in preorder:
        kids = children[v]
        if kids:
            preorder.extend(kids)
            depth = depths[v] + 1
            for kid in kids:
                depths[kid] = depth
    opening = ["\1"] * n if colours is None else [chr(colour + 1) for colour in colours]
    codes, runs = _runs(children, preorder, opening)
    orders = _Orders(runs, block_of)
    if orders.explore([[root]], {}, [], [], 1):
        order, labels, size = tuple(orders.order), tuple(orders.labels), orders.size
    else:
        ordered = [tuple(kid for run in reversed(of_node) for kid in run) for of_node in runs]
        labels, order, size, _ = _Search(ordered, codes, block_of).best(((root,), None), {})
    if colours is None:
        return CanonicalForm(order, tuple([depths[v] for v in order]), labels, size)
    step = max(colours) + 1
    return CanonicalForm(order, tuple([depths[v] * step + colours[v] for v in order]), labels, size)


def _runs(
    children: Sequence[Sequence[int]], preorder: Sequence[int], opening: Sequence[str]
) -> tuple[list[str], list[Sequence[Sequence[int]]]]:
    r"""Return the code of every subtree, and every node's children in runs of equal subtrees.

    A code opens a node with its colour and closes it with ``\0``; since every colour is greater than
    that, codes compare as level sequences do. The greatest children are in the last run.
    """
    codes = [""] * len(children)
    runs: list[Sequence[Sequence[int]]] = [()] * len(children)
    for v in reversed(preorder):
        kids = children[v]
        if not kids:
            codes[v] = opening[v] + "\0"
        elif len(kids) == 1:
            codes[v] = opening[v] + codes[kids[0]] + "\0"
            runs[v] = (kids,)
        else:
            ordered = sorted(kids, key=codes.__getitem__)
            of_node: list[list[int]] = []
            inside = ""
            last = ""
            for kid in ordered:
                code = codes[kid]
                if code == last:
                    of_node[-1].append(kid)
                else:
                    of_node.append([kid])
                    last = code
                inside = code + inside
            codes[v] = opening[v] + inside + "\0"
            runs[v] = of_node
    return codes, runs


class _Orders:
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
            found = [known.get(block_of[v], new) for v in run]
            least = min(found)
            nodes = [v for v, label in zip(run, found, strict=True) if label == least]
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


class _Search:
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
