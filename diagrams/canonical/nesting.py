"""The canonical form of a rooted tree with two partitions of its nodes, one inside the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sgdiagrams.diagrams.canonical.form import CanonicalForm, canonical_form
from sgdiagrams.diagrams.partitions import restricted_growth_string

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["nested_form"]


def nested_form(
    children: Sequence[Sequence[int]], blocks: Sequence[int], visits: Sequence[int]
) -> CanonicalForm:
    """Return the canonical form of a tree with two partitions.

    Every node gets one more child, a leaf of another colour and the last of all, which is in the visit
    of the node as the node itself is in its block: one partition then holds both. The tree keeps its
    greatest level sequence.

    Parameters
    ----------
    children
        Entry ``v`` lists the children of node ``v``; the root is the last node.
    blocks, visits
        The block and the visit of every node by a number; visits are inside the blocks.

    Examples
    --------
    >>> nested_form([(), (), (0, 1)], [0, 0, 1], [0, 1, 2])
    CanonicalForm(order=(2, 0, 1), levels=(0, 1, 1), labels=(0, 1, 1), symmetry_factor=2)
    """
    n = len(blocks)
    leaves = range(n, 2 * n)
    extended = [[*kids, leaf] for kids, leaf in zip(children, leaves, strict=True)]
    both = [*blocks, *(n + visit for visit in visits)]
    form = canonical_form([*extended, *([] for _ in leaves)], n - 1, both, [1] * n + [0] * n)
    kept = [i for i, v in enumerate(form.order) if v < n]
    order = tuple(form.order[i] for i in kept)
    labels = restricted_growth_string(blocks[v] for v in order)
    return CanonicalForm(
        order, tuple(form.levels[i] // 2 for i in kept), labels, form.symmetry_factor
    )
