"""The canonical form of a coloured rooted tree with a partition of its nodes.

Two decorated trees are isomorphic exactly when their canonical forms are equal. The form is

1. the greatest coloured level sequence: nodes in preorder, entry ``depth * K + colour`` (`K` colours),
   at every node the greatest subtree first;
2. among the orders that give this sequence, the least restricted growth string of the blocks.

Step 2 looks at the orders of equal siblings. The orders that give the least string are the images of
one of them under the automorphisms, so their number is the order of the group. Most trees leave few
orders, and trying them all is fastest (`Trial`); where there are more, those that an automorphism
carries into each other are looked at once (`Search`), within a bound on the work.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from sgdiagrams.diagrams.canonical.search import Search, Steps
from sgdiagrams.diagrams.canonical.trial import Trial
from sgdiagrams.diagrams.errors import DiagramError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["CanonicalForm", "canonical_form"]


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

    Raises
    ------
    DiagramError
        When ties leave so many orders of equal branches that it would take minutes.

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
    runs = _runs(children, preorder, opening)
    trial = Trial(runs, block_of)
    if trial.explore([[root]], {}, [], [], 1):
        order, labels, size = tuple(trial.order), tuple(trial.labels), trial.size
    else:
        order, labels, size = _searched(root, preorder, runs, block_of)
    if colours is None:
        return CanonicalForm(order, tuple([depths[v] for v in order]), labels, size)
    step = max(colours) + 1
    return CanonicalForm(order, tuple([depths[v] * step + colours[v] for v in order]), labels, size)


def _runs(
    children: Sequence[Sequence[int]], preorder: Sequence[int], opening: Sequence[str]
) -> list[Sequence[Sequence[int]]]:
    r"""Return every node's children in runs of equal subtrees.

    A code of a subtree opens a node with its colour and closes it with ``\0``; since every colour is
    greater than that, codes compare as level sequences do. The greatest children are in the last run.
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
    return runs


def _searched(
    root: int,
    preorder: Sequence[int],
    runs: Sequence[Sequence[Sequence[int]]],
    block_of: Sequence[int],
) -> tuple[tuple[int, ...], tuple[int, ...], int]:
    """Return the order, the labels and the symmetry factor where many orders are left."""
    steps = Steps(len(block_of))
    try:
        twins = _twins(preorder, runs, block_of, steps)
        search = Search(root, runs, block_of, twins, steps)
    except RecursionError:
        raise DiagramError(
            f"expected fewer equal branches, got {len(block_of)} nodes whose order is hard to decide"
        ) from None
    return search.order, search.labels, search.size


def _twins(
    preorder: Sequence[int],
    runs: Sequence[Sequence[Sequence[int]]],
    block_of: Sequence[int],
    steps: Steps,
) -> dict[int, object]:
    """Return for equal siblings what their subtrees are, up to isomorphisms that keep outer blocks.

    Those that are the same can be exchanged, whatever the rest is.
    """
    sizes = Counter(block_of)
    twins: dict[int, object] = {}
    for v in reversed(preorder):
        for run in runs[v]:
            if len(run) == 1 or not runs[run[0]]:
                continue
            for root in run:
                nodes = [root]
                for u in nodes:
                    nodes += [kid for kids in runs[u] for kid in kids]
                inside = Counter([block_of[u] for u in nodes])
                outer = tuple(sorted(b for b, size in inside.items() if size < sizes[b]))
                search = Search(root, runs, block_of, twins, steps, known=outer)
                twins[root] = (outer, search.labels)
    return twins
