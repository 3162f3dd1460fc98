r"""By which route every contraction is measured, and what that costs in gradients.

A forest is a product of *clusters*, trees that share datapoints. A cluster that falls into two closed
branches is the scalar product of their vectors, so that vectors serve several contractions and all pairs
of groups; any other is worked out from its core.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

from sgdiagrams.numeric.sweeps.trees import (
    Core,
    block_sizes,
    branch,
    components,
    core_of,
    is_sampled,
    part,
    splits,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sgdiagrams.numeric.sweeps.designs import Grouping
    from sgdiagrams.symbolic.contractions.contraction import Contraction

__all__ = ["Routes", "block_count", "branches_of", "clusters", "columns_of", "is_by_rows"]

# One node with k legs, in gradients of the same datapoints: as a number, and with a leg left open. By
# nested forward derivatives; from the orders beyond, each is 2.2 times the one before.
_NUMBER = (0.5, 1.3, 2.2, 4.4, 9.1, 19.0)
_VECTOR = (1.0, 2.2, 4.4, 9.2, 19.0, 42.0)
#: A further set of vectors at the same datapoints costs so much of the first.
_FURTHER = 1.0


def block_count(contraction: Contraction) -> int:
    """Return the number of blocks that depend on a datapoint."""
    pairs = zip(contraction.partition, contraction.labels, strict=True)
    return len({block for block, label in pairs if is_sampled(label)})


def clusters(contraction: Contraction) -> tuple[Contraction, ...]:
    """Return the parts of a forest that share no datapoint with each other.

    Examples
    --------
    >>> from sgdiagrams.symbolic.contractions.contraction import Contraction
    >>> forest = Contraction.build([(0, 1)], [[0], [1, 2], [3]])
    >>> sorted(map(str, clusters(forest)))
    ['M_|a G_a', 'l']
    """
    groups: list[set[int]] = []
    for nodes in components(contraction):
        blocks = {contraction.partition[v] for v in nodes}
        joined = [g for g in groups if blocks & {contraction.partition[v] for v in g}]
        groups = [g for g in groups if g not in joined]
        groups.append(set(nodes).union(*joined))
    return tuple(
        part(contraction, tuple(sorted(g)), tuple(v for v in contraction.free if v in g))
        for g in groups
    )


def is_by_rows(core: Core) -> bool:
    """Tell whether a core is worked out datapoint by datapoint."""
    return bool(core.tied)


def columns_of(contraction: Contraction, grouping: Grouping) -> int:
    """Return for how many multipliers a branch is worked out: one where a group meets no other."""
    return grouping.columns if block_count(contraction) > 1 and not grouping.is_complete else 1


def branches_of(core: Core) -> tuple[Contraction, ...]:
    """Return the closed branches that hang on a core."""
    return tuple(branch(core.contraction, w, v) for v, w in core.hanging)


@final
@dataclass(frozen=True, slots=True)
class Routes:
    """How a set of contractions is measured.

    Attributes
    ----------
    products
        Cluster -> the two branches whose scalar product it is; clusters that are not here are worked out
        from their core.
    branches
        All branches that are needed, each after those that it needs itself.
    cores
        The clusters, and the branches, that are worked out from their cores.
    """

    products: dict[Contraction, tuple[Contraction, Contraction]]
    branches: tuple[Contraction, ...]
    cores: tuple[Contraction, ...]

    @classmethod
    def of(cls, contractions: Iterable[Contraction], grouping: Grouping) -> Routes:
        """Choose the routes: contractions in turn, each by what it adds least to the cost."""
        products: dict[Contraction, tuple[Contraction, Contraction]] = {}
        needed: dict[Contraction, None] = {}
        cores: dict[Contraction, None] = {}
        for contraction in sorted(contractions, key=lambda c: c.simplicity):
            for cluster in clusters(contraction):
                if cluster.free and len(components(cluster)) == 1:
                    _add(cluster, needed)
                    continue
                pairs = splits(cluster) if len(components(cluster)) == 1 else ()
                if not pairs:
                    cores[cluster] = None
                    for other in branches_of(core_of(cluster)):
                        _add(other, needed)
                elif cluster not in products:
                    pair = min(pairs, key=lambda p: (_added(p, needed, grouping), str(p)))
                    products[cluster] = pair
                    for other in pair:
                        _add(other, needed)
        return cls(products, tuple(needed), tuple(cores))

    def cost(self, grouping: Grouping, of_all: float) -> float:
        """Return the cost of a round in gradients of `of_all` datapoints."""
        parts = [*self.branches, *self.cores]
        return sum(part_cost(c, grouping) for c in parts) * grouping.samples / of_all


def part_cost(contraction: Contraction, grouping: Grouping) -> float:
    """Return what a branch or a core costs, in gradients of the datapoints of the round."""
    core = core_of(contraction)
    legs = contraction.legs
    has_vector = bool(contraction.free)
    if not is_by_rows(core):
        root = core.roots[0]
        if not is_sampled(contraction.labels[root]):
            return 0.0
        further = _FURTHER * (columns_of(contraction, grouping) - 1)
        return _node_cost(legs[root], is_vector=has_vector) * (1 + further)
    n = grouping.size
    sizes = block_sizes(contraction)
    window = n if grouping.is_complete else min(n, grouping.window)
    meetings = n if grouping.is_complete else min(n, grouping.pairings)
    rows = float(meetings ** (len(core.tied) - 1))
    total = 0.0
    for v in (*(v for block in core.tied for v in block), *core.straddled):
        is_number = v in core.roots and v not in contraction.free
        datapoints = window if sizes[v] == 1 else 1
        total += rows * datapoints * _node_cost(legs[v], is_vector=not is_number)
    return total


def _node_cost(legs: int, *, is_vector: bool) -> float:
    """Return the cost of a node in gradients; of a vector one of the legs is left open."""
    table, k = (_VECTOR, max(legs - 1, 0)) if is_vector else (_NUMBER, legs)
    last = len(table) - 1
    return table[k] if k <= last else table[last] * 2.2 ** (k - last)


def _added(
    pair: tuple[Contraction, ...], needed: dict[Contraction, None], grouping: Grouping
) -> float:
    trial = dict(needed)
    for other in pair:
        _add(other, trial)
    return sum(part_cost(c, grouping) for c in trial if c not in needed)


def _add(contraction: Contraction, needed: dict[Contraction, None]) -> None:
    if contraction in needed:
        return
    for other in branches_of(core_of(contraction)):
        _add(other, needed)
    needed[contraction] = None
