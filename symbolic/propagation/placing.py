"""What a course lets an update place, put in the way in which a scan asks for it."""

from __future__ import annotations

from fractions import Fraction
from math import perm
from typing import TYPE_CHECKING, NamedTuple

from sgdiagrams.symbolic.embeddings.signs import prefactor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sgdiagrams.symbolic.embeddings.forests import UpdateForest
    from sgdiagrams.symbolic.embeddings.rules import LevelRule

__all__ = ["Placing", "at_numbers", "per_batch", "reshuffled_placing", "rule_placing"]


class Placing(NamedTuple):
    """What a course allows at one step.

    Attributes
    ----------
    weight
        From a bit mask of nodes and the blocks seen in this epoch to the weight of placing them at one
        step, divided by the size of the batch for every node.
    seen_after
        From the same to the blocks seen then.
    epoch
        The number of steps of an epoch; 0 where nothing happens at its end.
    forget
        From the blocks seen to the factor at the end of an epoch, when none counts as seen any more.
    node_scale, epoch_scale
        What makes weights whole, for every node and for every epoch.
    """

    weight: Callable[[int, int], Fraction]
    seen_after: Callable[[int, int], int] = lambda mask, seen: 0  # noqa: ARG005
    epoch: int = 0
    forget: Callable[[int], Fraction] = lambda seen: Fraction(1)  # noqa: ARG005
    node_scale: int = 1
    epoch_scale: int = 1


def per_batch(batch: int, updates: int) -> Fraction:
    """Return what means over batches divide by: the size of a batch for every update."""
    return Fraction(batch) ** prefactor(updates).batches


def at_numbers(powers: Mapping[tuple[int, int], int | Fraction], *, N: int, B: int) -> Fraction:
    """Return a Laurent polynomial in N and B at numbers."""
    total = Fraction(0)
    for (i, j), c in powers.items():
        total += c * Fraction(N) ** i * Fraction(B) ** j
    return total


def rule_placing(forest: UpdateForest, rule: LevelRule, *, N: int, B: int) -> Placing:
    """Return steps that are all alike."""

    def weight(mask: int, seen: int) -> Fraction:  # noqa: ARG001
        return at_numbers(rule.weight(forest, mask), N=N, B=B) * per_batch(B, mask.bit_count())

    return Placing(weight)


def reshuffled_placing(forest: UpdateForest, *, N: int, B: int) -> Placing:
    """Return epochs in random orders: a block is seen once an epoch, on a row of its own."""
    P = forest.block_count

    def blocks(mask: int) -> int:
        seen = 0
        for v, block in enumerate(forest.blocks):
            if mask >> v & 1:
                seen |= 1 << block
        return seen

    def weight(mask: int, seen: int) -> Fraction:
        new = blocks(mask)
        if new & seen or not forest.has_whole_visits(mask, one_each=True):
            return Fraction(0)
        return perm(B, new.bit_count()) * per_batch(B, mask.bit_count())

    def forget(seen: int) -> Fraction:
        # 1/(N)_j for the j blocks that the epoch has seen
        return Fraction(1, perm(N, seen.bit_count()))

    def seen_after(mask: int, seen: int) -> int:
        return seen | blocks(mask)

    return Placing(weight, seen_after, N // B, forget, node_scale=B, epoch_scale=perm(N, P))
