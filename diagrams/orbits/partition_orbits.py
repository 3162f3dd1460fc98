"""Partitions of nodes up to swaps of equal sibling subtrees: orbits, as arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

import numpy as np

from sgdiagrams.diagrams.partitions import set_partitions_array

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["PartitionOrbits"]

_MOST_BYTES = 2**28  # of swaps that are remembered


@final
class PartitionOrbits:
    """The partitions of the non-fixed nodes and the orbits of swaps of them."""

    def __init__(self, n: int, noise: int | None) -> None:
        self.rows = set_partitions_array(n)
        if noise is not None and n:
            self.rows = self.rows[self.rows.max(axis=1) + 1 >= n - noise]
        # Lexicographic order makes these codes increasing; 15^15 < 2^63.
        self.weights = (max(n, 1) ** np.arange(n - 1, -1, -1)).astype(np.int64)
        self.codes = self.rows @ self.weights
        self.images: dict[tuple[int, int], NDArray[np.intp]] = {}
        # Scratch arrays that all trees share: new ones cost more than what is done with them.
        self.before = np.empty(len(self.rows), dtype=np.int64)
        self.moved = np.empty_like(self.before)

    def image(self, swap: tuple[int, int]) -> NDArray[np.intp]:
        """Return, for every partition, the index of the partition that the swap makes of it."""
        known = self.images.get(swap)
        if known is None:
            start, size = swap
            columns = np.arange(self.rows.shape[1])
            columns[start : start + 2 * size] = np.roll(columns[start : start + 2 * size], size)
            relabelled = _relabel(self.rows[:, columns])
            known = np.searchsorted(self.codes, relabelled @ self.weights)
            if len(self.images) * known.nbytes > _MOST_BYTES:
                self.images.clear()
            self.images[swap] = known
        return known

    def representatives(
        self, swaps: list[tuple[int, int]]
    ) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Return the least partition of every orbit and the sizes of the orbits."""
        images = [self.image(swap) for swap in swaps]
        least = np.arange(len(self.rows))
        changed = bool(images)
        while changed:
            np.copyto(self.before, least)
            for image in images:
                np.take(least, image, out=self.moved, mode="clip")  # "raise" would copy again
                np.minimum(least, self.moved, out=least)
            changed = not np.array_equal(self.before, least)
        sizes = np.bincount(least, minlength=len(least))
        chosen = np.flatnonzero(sizes)
        return self.rows[chosen], sizes[chosen]


def _relabel(rows: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Bring rows of labels to restricted growth strings."""
    count, n = rows.shape
    result = np.empty_like(rows)
    unseen = np.uint8(255)
    first = np.full((count, n), unseen)
    following = np.zeros(count, dtype=np.uint8)
    every = np.arange(count)
    for j in range(n):
        old = rows[:, j]
        label = first[every, old]
        new = label == unseen
        label = np.where(new, following, label)
        first[every, old] = label
        following += new
        result[:, j] = label
    return result
