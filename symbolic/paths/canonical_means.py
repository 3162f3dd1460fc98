"""The canonical form of an expectation's diagram: equal diagrams become equal values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sgdiagrams.diagrams.canonical.form import canonical_form
from sgdiagrams.diagrams.partitions import restricted_growth_string
from sgdiagrams.symbolic.paths.path_terms import PathMean, Root
from sgdiagrams.symbolic.vocabulary import LOSS, TRAINING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["canonical_mean", "split_means"]


def canonical_mean(
    roots: Sequence[Root], parents: Sequence[int], blocks: Sequence[int]
) -> PathMean:
    """Return a diagram in canonical numbering; a training loss that is alone is the population's.

    Parameters
    ----------
    roots, parents, blocks
        As those of `PathMean`, in any order: a parent may come after its child.

    Raises
    ------
    DiagramError
        When ties leave so many orders that it would take minutes.

    Examples
    --------
    >>> canonical_mean([Root("training-loss")], [2, 0], [0, 1, 1])
    PathMean(roots=(Root(factor='loss', leg=-1),), parents=(0, 1), blocks=(0, 1, 1))
    """
    r, n = len(roots), len(blocks)
    kinds = [
        Root(LOSS) if root.factor == TRAINING and blocks.count(blocks[v]) == 1 else root
        for v, root in enumerate(roots)
    ]
    children: list[list[int]] = [[] for _ in range(n)]
    for v, parent in enumerate(parents, start=r):
        children[parent].append(v)
    # Under one node above all roots it is a tree; roots have colours.
    children.append(list(range(r)))
    colour = {kind: i for i, kind in enumerate(sorted(set(kinds), reverse=True), start=1)}
    colours = [*(colour[kind] for kind in kinds), *[0] * (n - r + 1)]
    form = canonical_form(children, n, [*blocks, max(blocks) + 1], colours)
    order = [v for v in form.order if v < r] + [v for v in form.order if r <= v < n]
    number = {v: i for i, v in enumerate(order)}
    return PathMean(
        tuple(kinds[v] for v in order[:r]),
        tuple(number[parents[v - r]] for v in order[r:]),
        restricted_growth_string([blocks[v] for v in order]),
    )


def split_means(
    roots: Sequence[Root], parents: Sequence[int], blocks: Sequence[int], *, is_random: bool
) -> tuple[PathMean, ...]:
    """Return a diagram as a product of independent ones, each in canonical numbering, sorted.

    Parts without edge or block between them are independent of each other where the schedule is fixed.
    Where it is random, only factors are that have no update and no row.

    Parameters
    ----------
    roots, parents, blocks
        As for `canonical_mean`.
    is_random
        Whether chance decides which updates share a row.

    Examples
    --------
    >>> loss = Root("loss")
    >>> [mean.updates for mean in split_means([loss, loss], [0, 0], [0, 1, 2, 2], is_random=True)]
    [0, 2]
    """
    r, n = len(roots), len(blocks)
    part = list(range(n))  # union-find: nodes with one representative are in one part

    def top(v: int) -> int:
        while part[v] != v:
            part[v] = part[part[v]]
            v = part[v]
        return v

    first: dict[int, int] = {}
    edges = list(enumerate(parents, start=r))
    ties = [(v, first.setdefault(block, v)) for v, block in enumerate(blocks)]
    # A random schedule ties all updates.
    chance = [(v, r) for v in range(r, n)] if is_random else []
    for v, u in (*edges, *ties, *chance):
        part[top(v)] = top(u)
    groups: dict[int, list[int]] = {}
    for v in range(n):
        groups.setdefault(top(v), []).append(v)
    means = []
    for nodes in groups.values():
        number = {v: i for i, v in enumerate(nodes)}
        means.append(
            canonical_mean(
                [roots[v] for v in nodes if v < r],
                [number[parents[v - r]] for v in nodes if v >= r],
                [blocks[v] for v in nodes],
            )
        )
    return tuple(sorted(means))
