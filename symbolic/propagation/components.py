"""Components: groups of nodes, each at one time, that edges join; and their order ideals."""

from __future__ import annotations

from itertools import combinations, permutations
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Component", "bits", "ideals", "joint_steps"]


class Component(NamedTuple):
    """Groups that are joined by edges.

    Attributes
    ----------
    sizes
        The number of nodes of each group.
    roots
        The number of edges of each group into the root.
    edges
        (child, parent, number of such edges), sorted.
    """

    sizes: tuple[int, ...]
    roots: tuple[int, ...]
    edges: tuple[tuple[int, int, int], ...]

    def renumbered(self, order: Sequence[int]) -> Component:
        """Return the component with group i as number ``order[i]``."""
        back = sorted(range(len(order)), key=order.__getitem__)
        return Component(
            tuple(self.sizes[i] for i in back),
            tuple(self.roots[i] for i in back),
            tuple(sorted((order[a], order[b], m) for a, b, m in self.edges)),
        )

    @property
    def symmetries(self) -> list[tuple[int, ...]]:
        """The permutations of the groups that change nothing."""
        orders = permutations(range(len(self.sizes)))
        return [order for order in orders if self.renumbered(order) == self]

    @property
    def below(self) -> list[int]:
        """For each group, the groups that come right before it, as a bit mask."""
        masks = [0] * len(self.sizes)
        for child, parent, _ in self.edges:
            masks[parent] |= 1 << child
        return masks


def bits(mask: int) -> list[int]:
    """Return the members of a bit mask."""
    return [i for i in range(mask.bit_length()) if mask >> i & 1]


def ideals(below: list[int]) -> list[int]:
    """Return the sets that contain all that comes before their members, small sets first."""
    smallest_first = [0]
    for ideal in smallest_first:
        for g, mask in enumerate(below):
            larger = ideal | 1 << g
            if larger != ideal and not mask & ~ideal and larger not in smallest_first:
                smallest_first.append(larger)
    return smallest_first


def joint_steps(below: list[int], ideal: int) -> Iterator[int]:
    """Yield the sets of groups that may be placed together once an ideal is."""
    free = [g for g, mask in enumerate(below) if not ideal >> g & 1 and not mask & ~ideal]
    for k in range(len(free) + 1):
        for together in combinations(free, k):
            yield sum(1 << g for g in together)
