"""All diagrams on rooted trees, tree by tree, as compact arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import numpy as np

from sgdiagrams.diagrams.orbits.partition_orbits import PartitionOrbits
from sgdiagrams.diagrams.trees import parents_of_levels, sibling_swaps, tree_symmetry_factor

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["DiagramRows", "RowsOfTrees"]


@dataclass(frozen=True, slots=True, eq=False)
class DiagramRows:
    """All diagrams on one rooted tree, as arrays.

    Attributes
    ----------
    levels
        The canonical level sequence of the tree: ``n`` depths in preorder.
    labels
        ndarray of uint8, shape (m, n): one canonical restricted growth string a diagram, in preorder.
    symmetry_factors
        ndarray of int64, shape (m,): the symmetry factors.
    """

    levels: tuple[int, ...]
    labels: NDArray[np.uint8]
    symmetry_factors: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)


@final
class RowsOfTrees:
    """Makes the diagrams on trees; sent to workers, which keep their tables of partitions.

    Parameters
    ----------
    free
        The number of nodes that may share a block: all, or all but the root.
    linkless, one_pass, max_block_size, max_legs, max_noise, at_minimum
        Which diagrams are left out; see `sgdiagrams.diagram_rows`.
    """

    def __init__(
        self,
        free: int,
        *,
        linkless: bool,
        one_pass: bool,
        max_block_size: int | None,
        max_legs: int | None,
        max_noise: int | None,
        at_minimum: bool,
    ) -> None:
        self._free = free
        self._linkless = linkless
        self._one_pass = one_pass
        self._max_block_size = max_block_size
        self._max_legs = max_legs
        self._max_noise = max_noise
        self._at_minimum = at_minimum
        # Tables that nobody uses: threads take one each, since their scratch arrays are not shared.
        self._tables: list[PartitionOrbits] = []

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_tables": []}

    def __call__(self, trees: tuple[tuple[int, ...], ...]) -> list[DiagramRows]:
        """Return the diagrams on some trees; those without any are left out."""
        try:
            orbits = self._tables.pop()
        except IndexError:
            orbits = PartitionOrbits(self._free, self._max_noise)
        batches = [rows for levels in trees if len(rows := self._on_one_tree(levels, orbits))]
        self._tables.append(orbits)
        return batches

    def _on_one_tree(self, levels: tuple[int, ...], orbits: PartitionOrbits) -> DiagramRows:
        n, free = len(levels), self._free
        nothing = DiagramRows(levels, np.empty((0, n), np.uint8), np.empty(0, np.int64))
        parents = parents_of_levels(levels)
        child_counts = np.bincount(np.array(parents, dtype=np.int64), minlength=n)
        legs = child_counts + (np.arange(n) > 0)
        if self._max_legs is not None and legs.max() > self._max_legs:
            return nothing
        crowded = self._linkless * np.sum(child_counts[1:] == 1) + self._at_minimum * np.sum(
            child_counts[1:] == 0
        )
        if self._max_noise is not None and crowded > 2 * self._max_noise:
            return nothing  # two nodes that must not be alone make at least one block fewer
        swaps = [(start - (n - free), size) for start, size in sibling_swaps(levels)]
        labels, sizes = orbits.representatives(swaps)
        if free < n:
            labels = np.column_stack([np.zeros(len(labels), dtype=np.uint8), labels + np.uint8(1)])
        factors = tree_symmetry_factor(levels) // sizes
        keep = np.ones(len(labels), dtype=bool)
        if self._max_block_size is not None:
            keep &= _largest_block(labels) <= self._max_block_size
        if self._linkless:
            keep &= ~_is_alone(labels, child_counts == 1)
        if self._at_minimum:
            keep &= ~_is_alone(labels, child_counts == 0)
        if self._one_pass:
            keep &= _is_one_pass(labels, parents)
        if not keep.all():
            labels, factors = labels[keep], factors[keep]
        return DiagramRows(levels, labels, factors)


def _largest_block(labels: NDArray[np.uint8]) -> NDArray[np.int64]:
    counts = [(labels == label).sum(axis=1) for label in range(labels.shape[1])]
    largest: NDArray[np.int64] = np.max(counts, axis=0)
    return largest


def _is_alone(labels: NDArray[np.uint8], nodes: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Tell which rows have one of these nodes, and not the root, alone in its block."""
    alone = np.zeros(len(labels), dtype=bool)
    for j in np.flatnonzero(nodes):
        if j > 0:
            alone |= (labels == labels[:, j : j + 1]).sum(axis=1) == 1
    return alone


def _is_one_pass(labels: NDArray[np.uint8], parents: tuple[int, ...]) -> NDArray[np.bool_]:
    """Tell which rows have an acyclic quotient once the root is deleted."""
    count, n = labels.shape
    every = np.arange(count)
    above = np.zeros((count, n), dtype=np.int64)  # bit b of above[:, a]: block b is above block a
    for child, parent in enumerate(parents, start=1):
        if parent > 0:
            above[every, labels[:, child]] |= 1 << labels[:, parent].astype(np.int64)
    for middle in range(n):
        through = (above >> middle) & 1
        above |= through * above[:, middle : middle + 1]
    on_cycle: NDArray[np.int64] = ((above >> np.arange(n)) & 1).sum(axis=1)
    acyclic: NDArray[np.bool_] = on_cycle == 0
    return acyclic
