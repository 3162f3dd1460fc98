r"""Contractions with datapoints in place of blocks: products of trees, rooted or not.

A moment with blocks 1, ..., k is estimated without bias by its derivatives at k different datapoints,
whichever. What becomes of it then is a product of trees (and circles) whose nodes are derivatives at
single datapoints; nothing ties trees any more.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.symbolic.algebra.estimators.kernel import Circle
from sgdiagrams.symbolic.contractions.contraction import Contraction
from sgdiagrams.symbolic.vocabulary import LOSS, PENALISED

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Branch", "Monomial", "cuts", "drawn", "rerooted", "sampled_blocks"]


class Branch(NamedTuple):
    """A rooted tree of derivatives at datapoints.

    As a branch it hangs on something by one more leg of its root, as a tree it does not. Trees without
    free leg have the least of their nodes as root, others the node of the first free leg.

    Attributes
    ----------
    label, datapoint
        What is differentiated at the root; the datapoint is 0 for functions of the weights.
    children
        The branches that hang on the root, sorted.
    free
        The numbers of the free legs on the root.
    loops
        How many pairs of its legs meet each other.
    """

    label: str
    datapoint: int
    children: tuple[Branch, ...]
    free: tuple[int, ...]
    loops: int = 0


#: A product: trees and circles, sorted.
Monomial: TypeAlias = "tuple[Branch | Circle, ...]"


def sampled_blocks(contraction: Contraction) -> tuple[int, ...]:
    """Return the blocks that stand for a datapoint each, and not for a function of the weights.

    Raises
    ------
    RequestError
        When a function shares its block.
    """
    blocks: list[int] = []
    for block, nodes in enumerate(contraction.blocks):
        labels = {contraction.labels[v] for v in nodes}
        functions = labels - {LOSS, PENALISED}
        if functions and len(nodes) > 1:
            raise RequestError(
                f"expected a function alone in its block, got label={shown(min(functions))} tied to "
                "other nodes; it is the same for all datapoints"
            )
        if not functions:
            blocks.append(block)
    return tuple(blocks)


@lru_cache(maxsize=65536)
def drawn(contraction: Contraction, datapoints: tuple[int, ...]) -> Monomial:
    """Return the product of trees that the nodes of a contraction become at datapoints.

    Parameters
    ----------
    contraction
        Whose blocks do not matter.
    datapoints
        For each of its nodes a number from 1 on; 0 for functions of the weights.
    """
    nodes = list(zip(contraction.labels, datapoints, strict=True))
    near: list[list[int]] = [[] for _ in nodes]
    for i, j in contraction.edges:
        if i != j:
            near[i].append(j)
            near[j].append(i)
    parts: list[Branch | Circle] = []
    left = set(range(len(nodes)))
    while left:
        part = [min(left)]
        for v in part:
            part += sorted({w for w in near[v] if w not in part})
        left.difference_update(part)
        edges = [edge for edge in contraction.edges if edge[0] in part]
        if sum(i != j for i, j in edges) >= len(part):
            parts.append(_circle(contraction, nodes, sorted(part), edges))
        else:
            parts.append(_tree(contraction, nodes, near, part))
    return tuple(sorted(parts))


def _tree(
    contraction: Contraction,
    nodes: Sequence[tuple[str, int]],
    near: Sequence[Sequence[int]],
    part: Sequence[int],
) -> Branch:
    free = contraction.free

    def rooted(v: int, parent: int) -> Branch:
        children = sorted(rooted(w, v) for w in near[v] if w != parent)
        legs = tuple(i for i, w in enumerate(free) if w == v)
        return Branch(*nodes[v], tuple(children), legs, contraction.edges.count((v, v)))

    roots = next(([v] for v in free if v in part), part)
    return min(rooted(v, -1) for v in roots)


def _circle(
    contraction: Contraction,
    nodes: Sequence[tuple[str, int]],
    part: Sequence[int],
    edges: Sequence[tuple[int, int]],
) -> Circle:
    """Return a part with circles; equal ones become equal, by the canonical form of contractions."""
    kinds = sorted({nodes[v] for v in part})
    names = {kind: f"kind-{i}" for i, kind in enumerate(kinds)}
    number = {v: i for i, v in enumerate(part)}
    numbers = tuple(leg for leg, v in enumerate(contraction.free) if v in number)
    alone = Contraction.from_parts(
        [(number[i], number[j]) for i, j in edges],
        range(len(part)),
        [names[nodes[v]] for v in part],
        [number[contraction.free[leg]] for leg in numbers],
    )
    kind_of = {name: kind for kind, name in names.items()}
    return Circle(
        "~circle",
        tuple(kind_of[label] for label in alone.labels),
        alone.edges,
        alone.free,
        numbers,
    )


@lru_cache(maxsize=65536)
def cuts(tree: Branch) -> tuple[tuple[Branch, Branch], ...]:
    """Return the branches on both sides of every edge of a tree, in both orders.

    Examples
    --------
    >>> leaf = Branch("loss", 1, (), ())
    >>> pair = Branch("loss", 2, (leaf,), ())
    >>> cuts(pair) == ((Branch("loss", 2, (), ()), leaf), (leaf, Branch("loss", 2, (), ())))
    True
    """
    pairs: dict[tuple[Branch, Branch], None] = {}
    waiting: list[tuple[Branch, Branch | None]] = [(tree, None)]
    while waiting:
        root, above = waiting.pop()
        children = list(root.children)
        if above is not None:
            children.remove(above)
        for child in dict.fromkeys(children):
            kept = list(root.children)
            kept.remove(child)
            rest = root._replace(children=tuple(kept))
            pairs[rest, child] = None
            if child.children:
                below = child._replace(children=tuple(sorted((*child.children, rest))))
                waiting.append((below, rest))
    return (*pairs, *((other, one) for one, other in pairs if (other, one) not in pairs))


@lru_cache(maxsize=65536)
def rerooted(tree: Branch) -> tuple[Branch, ...]:
    """Return a tree with each of its nodes as root.

    Examples
    --------
    >>> leaf = Branch("loss", 1, (), ())
    >>> [tree.datapoint for tree in rerooted(Branch("loss", 2, (leaf,), ()))]
    [2, 1]
    """
    roots = {tree: None}
    for one, other in cuts(tree):
        roots[one._replace(children=tuple(sorted((*one.children, other))))] = None
    return tuple(roots)
