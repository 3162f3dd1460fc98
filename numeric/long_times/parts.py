"""What sampling schemes allow, put in the way in which dressed counts ask for it.

In the cumulant basis blocks do not see each other on a given schedule. So for one pass and full batches
the parts of a diagram that only the root holds together are counted apart. A random schedule ties them,
through its own randomness; there, counts are sums over coarser blocks of counts in the moment basis.
"""

from __future__ import annotations

from fractions import Fraction
from math import perm
from typing import TYPE_CHECKING, NamedTuple

from sgdiagrams.diagrams.partitions import restricted_growth_string
from sgdiagrams.numeric.long_times.steps import Placing
from sgdiagrams.symbolic.embeddings.forests import UpdateForest, coarser_forests
from sgdiagrams.symbolic.embeddings.rules import ReplacementSteps
from sgdiagrams.symbolic.training.sampling import steps_of
from sgdiagrams.symbolic.training.schemes import Epochs, Grid

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sgdiagrams.symbolic.embeddings.rules import LevelRule
    from sgdiagrams.symbolic.training.sampling import Sampling

__all__ = ["CountTerm", "Part", "count_terms", "fixed_batches"]


class Part(NamedTuple):
    """Some nodes of a forest, their parents among themselves, and how they may be placed."""

    nodes: tuple[int, ...]
    parents: tuple[int, ...]
    placing: Placing


class CountTerm(NamedTuple):
    """A factor, and parts that are counted apart."""

    factor: Fraction
    parts: tuple[Part, ...]


def fixed_batches(scheme: Sampling) -> list[tuple[int, ...]] | None:
    """Return the batches of a schedule that is fixed and not made of equal steps, or None.

    Examples
    --------
    >>> fixed_batches(Epochs(N=4, B=2, E=2))
    [(0, 1), (2, 3), (0, 1), (2, 3)]
    """
    if isinstance(scheme, Grid):
        return list(scheme.batches)
    if isinstance(scheme, Epochs) and not (scheme.is_full_batch or scheme.is_reshuffled):
        N, B, E = (int(value) for value in scheme.values.values())
        return [tuple(range(start, start + B)) for start in range(0, N, B)] * E
    return None


def count_terms(forest: UpdateForest, scheme: Sampling) -> Iterator[CountTerm]:
    """Yield the terms of a cumulant count, divided by B for every update, for all other schemes."""
    N = int(scheme.values.get("N", 1))
    B = int(scheme.batch_size)
    everything = tuple(range(len(forest.parents)))
    if isinstance(scheme, Epochs) and scheme.is_reshuffled:
        for coarse in coarser_forests(forest):
            P = coarse.block_count
            if P <= N:
                placing = _reshuffled(coarse, N, B)
                part = Part(everything, forest.parents, placing)
                yield CountTerm(Fraction(perm(N, P)), (part,))
        return
    steps = steps_of(scheme)
    rule, forests = steps.in_basis("cumulant", forest)
    for coarse in forests:
        groups = [everything] if isinstance(steps, ReplacementSteps) else steps.parts(coarse)
        parts = []
        for nodes in groups:
            part_of = _restricted(coarse, nodes)
            parts.append(Part(nodes, part_of.parents, _by_rule(part_of, rule, N, B)))
        yield CountTerm(_at(rule.overall(coarse), N, B), tuple(parts))


def _restricted(forest: UpdateForest, nodes: tuple[int, ...]) -> UpdateForest:
    place = {v: i for i, v in enumerate(nodes)}
    blocks = restricted_growth_string(forest.blocks[v] for v in nodes)
    parents = tuple(place.get(forest.parents[v], -1) for v in nodes)
    return UpdateForest(parents, blocks, max(blocks) + 1, root_is_tied=False)


def _at(powers: Mapping[tuple[int, int], int | Fraction], N: int, B: int) -> Fraction:
    total = Fraction(0)
    for (i, j), c in powers.items():
        total += c * Fraction(N) ** i * Fraction(B) ** j
    return total


def _by_rule(forest: UpdateForest, rule: LevelRule, N: int, B: int) -> Placing:
    def weight(chosen: int, seen: int) -> Fraction:  # noqa: ARG001
        return _at(rule.weight(forest, chosen), N, B) * Fraction(1, B ** chosen.bit_count())

    return Placing(weight)


def _reshuffled(forest: UpdateForest, N: int, B: int) -> Placing:
    """Return epochs in random orders: a block is seen once an epoch, on a row of its own."""

    def blocks(chosen: int) -> int:
        found = {block for v, block in enumerate(forest.blocks) if chosen >> v & 1}
        return sum(1 << block for block in found)

    def weight(chosen: int, seen: int) -> Fraction:
        new = blocks(chosen)
        if new & seen:
            return Fraction(0)
        return Fraction(perm(B, new.bit_count()), B ** chosen.bit_count())

    def forget(seen: int) -> Fraction:
        # 1/(N)_j for the j blocks that the epoch has seen
        return Fraction(1, perm(N, seen.bit_count()))

    return Placing(weight, lambda chosen, seen: seen | blocks(chosen), N // B, forget)
