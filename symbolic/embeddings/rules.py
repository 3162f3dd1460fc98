"""What a scheme of equal steps allows at one step."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple, Protocol

from sgdiagrams.symbolic.weights.laurent import falling_factorial

if TYPE_CHECKING:
    from collections.abc import Mapping
    from fractions import Fraction

    from sgdiagrams.symbolic.embeddings.forests import UpdateForest
    from sgdiagrams.symbolic.vocabulary import Basis

__all__ = ["FullBatchRule", "LevelRule", "OnePassRule", "ReplacementRule"]


class LevelRule(Protocol):
    """What a scheme allows at one step."""

    def weight(self, forest: UpdateForest, chosen: int) -> Mapping[tuple[int, int], int | Fraction]:
        """Return exponents of (N, B) -> coefficient for the nodes in the bit mask `chosen`."""

    def overall(self, forest: UpdateForest) -> Mapping[tuple[int, int], int | Fraction]:
        """Return the factor of the whole embedding in the same form."""


def _members(forest: UpdateForest, chosen: int) -> dict[int, int]:
    """Return block -> number of its chosen nodes."""
    sizes: dict[int, int] = defaultdict(int)
    for v, block in enumerate(forest.blocks):
        if chosen >> v & 1:
            sizes[block] += 1
    return sizes


class OnePassRule(NamedTuple):
    """Whole blocks at a time: :math:`(B)_k` or :math:`B^k` for k blocks."""

    basis: Basis

    def weight(self, forest: UpdateForest, chosen: int) -> Mapping[tuple[int, int], int]:
        """Return the number of ways to give the blocks datapoints of the batch."""
        sizes = _members(forest, chosen)
        if any(forest.blocks.count(block) != size for block, size in sizes.items()):
            return {}
        return _powers(len(sizes), self.basis, place=1)

    def overall(self, forest: UpdateForest) -> Mapping[tuple[int, int], int]:  # noqa: ARG002
        """Return 1."""
        return {(0, 0): 1}


class FullBatchRule(NamedTuple):
    """Any nodes at any step: :math:`(N)_P` or :math:`N^P` for the P blocks."""

    basis: Basis

    def weight(self, forest: UpdateForest, chosen: int) -> Mapping[tuple[int, int], int]:  # noqa: ARG002
        """Return 1."""
        return {(0, 0): 1}

    def overall(self, forest: UpdateForest) -> Mapping[tuple[int, int], int]:
        """Return the number of ways to give the blocks datapoints."""
        return _powers(forest.block_count, self.basis, place=0)


class ReplacementRule(NamedTuple):
    r"""Slots filled at random: :math:`(B)_j N^{-j}` for nodes in j slots; only in the moment basis.

    The nodes of a block at one step may share a slot or not; different blocks never do.
    """

    def weight(self, forest: UpdateForest, chosen: int) -> Mapping[tuple[int, int], int]:
        """Return the expected number of ways to give the nodes slots."""
        ways = {0: 1}
        for size in _members(forest, chosen).values():
            new: dict[int, int] = defaultdict(int)
            for slots, number in ways.items():
                for more in range(1, size + 1):
                    new[slots + more] += number * _stirling(size, more)
            ways = new
        result: dict[tuple[int, int], int] = defaultdict(int)
        for slots, number in ways.items():
            for power, c in enumerate(falling_factorial(slots)):
                if c:
                    result[-slots, power] += number * c
        return result

    def overall(self, forest: UpdateForest) -> Mapping[tuple[int, int], int]:
        """Return the number of ways to give the blocks different datapoints."""
        return _powers(forest.block_count, "moment", place=0)


def _powers(k: int, basis: Basis, *, place: int) -> dict[tuple[int, int], int]:
    """Return :math:`(x)_k` or :math:`x^k` with x = N (place 0) or B (place 1)."""
    coefficients = falling_factorial(k) if basis == "moment" else [0] * k + [1]
    return {
        (power, 0) if place == 0 else (0, power): c for power, c in enumerate(coefficients) if c
    }


def _stirling(n: int, k: int) -> int:
    """Return the number of partitions of n elements into k blocks."""
    row = [1] + [0] * k
    for _ in range(n):
        row = [0, *(j * row[j] + row[j - 1] for j in range(1, k + 1))]
    return row[k]
