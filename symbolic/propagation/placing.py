"""What a course lets an update place, put in the way in which a scan asks for it."""

from __future__ import annotations

from fractions import Fraction
from math import lcm, perm
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sgdiagrams.symbolic.embeddings.forests import UpdateForest
    from sgdiagrams.symbolic.embeddings.rules import LevelRule, StepWeight

__all__ = ["Placing", "at_numbers", "reshuffled_placing", "rule_placing"]


class Placing(NamedTuple):
    """What a course allows at one step.

    Attributes
    ----------
    weight
        From a bit mask of nodes and the blocks seen in this epoch to the weight of placing them at one
        step, with the share of its row for every node.
    seen_after
        From the same to the blocks seen then.
    epoch
        The number of steps of an epoch; 0 where nothing happens at its end.
    forget
        From the blocks seen to the factor at the end of an epoch, when none counts as seen any more.
    node_scale, epoch_scale
        What makes weights whole, for every node and for every epoch.
    last
        The weight in the last step of an epoch, where that is another; None where it is not.
    """

    weight: Callable[[int, int], Fraction]
    seen_after: Callable[[int, int], int] = lambda mask, seen: 0  # noqa: ARG005
    epoch: int = 0
    forget: Callable[[int], Fraction] = lambda seen: Fraction(1)  # noqa: ARG005
    node_scale: int = 1
    epoch_scale: int = 1
    last: Callable[[int, int], Fraction] | None = None


def at_numbers(powers: StepWeight, *, N: int, B: int | Fraction) -> Fraction:
    """Return a Laurent polynomial in N, B, N - 1, N - 2, ... at numbers.

    One with a zero below the line stands for more blocks than there are rows: no way to place them.

    Examples
    --------
    >>> at_numbers({(1, 2): 1, (-1, 1, -1): 1}, N=3, B=2), at_numbers({(-1, 1, -1): 1}, N=1, B=1)
    (Fraction(37, 3), Fraction(0, 1))
    """
    total = Fraction(0)
    for (i, j, *more), c in powers.items():
        term = c * Fraction(N) ** i * Fraction(B) ** j
        for less, power in enumerate(more, start=1):
            if power < 0 and less == N:
                return Fraction(0)
            if power:
                term *= Fraction(N - less) ** power
        total += term
    return total


def rule_placing(
    forest: UpdateForest, rule: LevelRule, *, N: int, B: int | Fraction, share: Fraction
) -> Placing:
    """Return steps that are all alike, with the share of a row that is used."""

    def weight(mask: int, seen: int) -> Fraction:  # noqa: ARG001
        return at_numbers(rule.weight(forest, mask), N=N, B=B) * share ** mask.bit_count()

    return Placing(weight, node_scale=rule.denominator(forest, N, B) * share.denominator)


def reshuffled_placing(
    forest: UpdateForest, *, N: int, sizes: Sequence[int], shares: Sequence[Fraction]
) -> Placing:
    """Return epochs in random orders: a block is seen once an epoch, on a row of its own.

    Parameters
    ----------
    forest
        A diagram without its root.
    N
        The number of datapoints.
    sizes, shares
        Of the batches of an epoch; they are alike but for the last.
    """
    P = forest.block_count

    def blocks(mask: int) -> int:
        seen = 0
        for v, block in enumerate(forest.blocks):
            if mask >> v & 1:
                seen |= 1 << block
        return seen

    def weights(size: int, share: Fraction) -> Callable[[int, int], Fraction]:
        def weight(mask: int, seen: int) -> Fraction:
            new = blocks(mask)
            if new & seen or not forest.has_whole_visits(mask, one_each=True):
                return Fraction(0)
            return perm(size, new.bit_count()) * share ** mask.bit_count()

        return weight

    def forget(seen: int) -> Fraction:
        # 1/(N)_j for the j blocks that the epoch has seen
        return Fraction(1, perm(N, seen.bit_count()))

    def seen_after(mask: int, seen: int) -> int:
        return seen | blocks(mask)

    kinds = [*zip(sizes, shares, strict=True)]
    return Placing(
        weights(*kinds[0]),
        seen_after,
        len(kinds),
        forget,
        node_scale=lcm(*(share.denominator for _, share in kinds)),
        epoch_scale=perm(N, P),
        last=weights(*kinds[-1]) if kinds[-1] != kinds[0] else None,
    )
