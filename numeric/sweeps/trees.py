r"""How a contraction falls into branches: what is computed once, and what datapoint by datapoint.

A *branch* is a tree with one free leg: what a node sees of the rest across one edge. It is *closed*
where every block lies wholly inside; then its mean over datapoints is a vector of its own and serves all
contractions that it occurs in. A node whose branches are not all closed (it stands between nodes that
share a datapoint) is *straddled*, and has to be worked out for every datapoint of theirs. Branches are
contractions, so equal ones are recognised by their canonical form.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, final

from sgdiagrams.symbolic.contractions.contraction import Contraction
from sgdiagrams.symbolic.vocabulary import LOSS, PENALISED

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "Core",
    "block_sizes",
    "branch",
    "components",
    "core_of",
    "is_lone",
    "is_sampled",
    "splits",
]


def is_sampled(label: str) -> bool:
    """Tell whether a node depends on the datapoint: functions of the weights do not."""
    return label in (LOSS, PENALISED)


@lru_cache(maxsize=4096)
def block_sizes(contraction: Contraction) -> tuple[int, ...]:
    """Return for every node the number of nodes that share its datapoint; 0 for functions."""
    partition = contraction.partition
    return tuple(
        partition.count(block) if is_sampled(label) else 0
        for block, label in zip(partition, contraction.labels, strict=True)
    )


@lru_cache(maxsize=4096)
def is_lone(contraction: Contraction) -> bool:
    """Tell whether no two nodes share a datapoint."""
    return max(block_sizes(contraction)) <= 1


@lru_cache(maxsize=4096)
def neighbours(contraction: Contraction) -> tuple[tuple[int, ...], ...]:
    """Return the neighbours of every node."""
    near: list[list[int]] = [[] for _ in contraction.partition]
    for i, j in contraction.edges:
        near[i].append(j)
        near[j].append(i)
    return tuple(map(tuple, near))


def beyond(contraction: Contraction, start: int, banned: int) -> tuple[int, ...]:
    """Return the nodes that are reached from `start` without passing `banned`."""
    near = neighbours(contraction)
    seen = [start]
    for v in seen:
        seen += [w for w in near[v] if w != banned and w not in seen]
    return tuple(seen)


def is_closed(contraction: Contraction, nodes: Iterable[int]) -> bool:
    """Tell whether no block has nodes inside and outside of a set of nodes."""
    inside = set(nodes)
    blocks = {contraction.partition[v] for v in inside}
    return all(v in inside for v, block in enumerate(contraction.partition) if block in blocks)


def branch(contraction: Contraction, start: int, banned: int) -> Contraction:
    """Return the branch that begins at `start`, seen from the node `banned`.

    Examples
    --------
    >>> chain = Contraction.build([(0, 1), (1, 2)], [[0], [1], [2]])
    >>> middle = chain.legs.index(2)
    >>> branch(chain, middle, neighbours(chain)[middle][0])
    H_ab G_b
    """
    return part(contraction, beyond(contraction, start, banned), (start,))


@lru_cache(maxsize=16384)
def part(contraction: Contraction, nodes: tuple[int, ...], free: tuple[int, ...]) -> Contraction:
    """Return the contraction of some nodes alone, with other free legs."""
    number = {v: i for i, v in enumerate(nodes)}
    return Contraction.from_parts(
        [(number[i], number[j]) for i, j in contraction.edges if i in number and j in number],
        [contraction.partition[v] for v in nodes],
        [contraction.labels[v] for v in nodes],
        [number[v] for v in free],
    )


@lru_cache(maxsize=4096)
def components(contraction: Contraction) -> tuple[tuple[int, ...], ...]:
    """Return the nodes of every tree of a forest."""
    parts: list[tuple[int, ...]] = []
    for v in range(contraction.node_count):
        if not any(v in nodes for nodes in parts):
            parts.append(tuple(sorted(beyond(contraction, v, -1))))
    return tuple(parts)


@lru_cache(maxsize=4096)
def splits(contraction: Contraction) -> tuple[tuple[Contraction, Contraction], ...]:
    """Return the pairs of closed branches whose product a tree without free legs is.

    Examples
    --------
    >>> splits(Contraction.build([(0, 1), (1, 2)], [[0, 2], [1]]))
    ()
    >>> [(one, other)] = splits(Contraction.build([(0, 1), (1, 2)], [[0, 1], [2]]))
    >>> sorted(map(str, (one, other)))
    ['G_a', 'M_b|ab']
    """
    pairs: dict[tuple[Contraction, Contraction], None] = {}
    for i, j in contraction.edges:
        if is_closed(contraction, beyond(contraction, i, j)):
            one, other = branch(contraction, i, j), branch(contraction, j, i)
            pairs[(one, other) if one.simplicity <= other.simplicity else (other, one)] = None
    return tuple(pairs)


@final
@dataclass(frozen=True, slots=True)
class Core:
    """The nodes that are worked out together, datapoint by datapoint, and what hangs on them.

    Attributes
    ----------
    contraction
        Of which it is the core; a forest perhaps.
    roots
        One node for every tree, from which the tree is worked out.
    tied
        The blocks of several nodes inside.
    straddled
        The nodes inside that are alone in their block.
    functions
        The nodes inside that are functions of the weights.
    hanging
        The closed branches that hang on nodes inside: pairs (node inside, first node of the branch).
    """

    contraction: Contraction
    roots: tuple[int, ...]
    tied: tuple[tuple[int, ...], ...]
    straddled: tuple[int, ...]
    functions: tuple[int, ...]
    hanging: tuple[tuple[int, int], ...]


@lru_cache(maxsize=4096)
def core_of(contraction: Contraction) -> Core:
    """Return the core of a contraction with at most one free leg.

    A tree with a free leg is worked out from the node of that leg. Any other from a straddled node where
    there is one, because a number needs less work than a vector, else from the node of most legs.

    Examples
    --------
    >>> core = core_of(Contraction.build([(0, 1), (1, 2), (2, 3)], [[0, 2], [1], [3]]))
    >>> len(core.straddled), [str(branch(core.contraction, j, i)) for i, j in core.hanging]
    (1, ['G_a'])
    """
    sizes = block_sizes(contraction)
    roots, inside, hanging = [], [], []
    for nodes in components(contraction):
        candidates = [v for v in nodes if v in contraction.free] or _middle(contraction, nodes)
        root = max(candidates, key=lambda v: (sizes[v] == 1, contraction.legs[v], -v))
        roots.append(root)
        pairs = [(root, -1)]
        for v, parent in pairs:
            inside.append(v)
            for w in neighbours(contraction)[v]:
                if w == parent:
                    continue
                if is_closed(contraction, beyond(contraction, w, v)):
                    hanging.append((v, w))
                else:
                    pairs.append((w, v))
    blocks: dict[int, list[int]] = {}
    for v in sorted(inside):
        if sizes[v] > 1:
            blocks.setdefault(contraction.partition[v], []).append(v)
    return Core(
        contraction,
        tuple(roots),
        tuple(map(tuple, blocks.values())),
        tuple(v for v in sorted(inside) if sizes[v] == 1),
        tuple(v for v in sorted(inside) if sizes[v] == 0),
        tuple(hanging),
    )


def _middle(contraction: Contraction, nodes: tuple[int, ...]) -> list[int]:
    """Return the nodes of a tree between the nodes that are tied, with these; all if none are."""
    sizes = block_sizes(contraction)
    tied = {v for v in nodes if sizes[v] > 1}
    return [
        v
        for v in nodes
        if v in tied
        or sum(
            bool(tied.intersection(beyond(contraction, w, v))) for w in neighbours(contraction)[v]
        )
        > 1
    ] or list(nodes)
