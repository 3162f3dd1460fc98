r"""Counting embeddings into epochs whose order is drawn anew every time.

The epochs of an embedding form a weak order of the *nodes*, never later for a child than for its
parent. In one epoch the j blocks that it sees are on j different rows in a uniformly random order, so
with L epochs used

.. math:: E[\mathrm{count}] = \sum_w \binom{E}{L}\, (N)_P \prod_{\text{epochs}}
    \frac{\#\{\text{placements of the } j \text{ blocks}\}}{(N)_j},

a placement being one of :math:`N/B` batches of B for each block, earlier for a child than for a parent
in the same epoch: an embedding into one pass over N/B batches.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from math import factorial

from sgdiagrams.diagrams.partitions import restricted_growth_string
from sgdiagrams.symbolic.embeddings.effort import check_moves, count_moves
from sgdiagrams.symbolic.embeddings.forests import UpdateForest
from sgdiagrams.symbolic.embeddings.one_pass import one_pass_count
from sgdiagrams.symbolic.weights.laurent import Laurent, add_scaled, falling_factorial

__all__ = ["reshuffled_count"]


def reshuffled_count(forest: UpdateForest) -> Laurent:
    """Return the expected number of embeddings in the moment basis.

    Returns
    -------
    dict
        Exponents of (N, B, E, N - 1, ..., N - (n - 1)) -> coefficient, for n nodes.

    Raises
    ------
    RequestError
        When it would take too long.
    """
    n = len(forest.parents)
    # A move multiplies by the rows that every epoch sees; their products double with two blocks.
    terms = 1 << forest.block_count // 2
    check_moves(
        count_moves(forest.parents, strict=None) * terms // 8,
        n,
        f"{n} nodes in reshuffled epochs",
    )
    width = 3 + max(0, n - 1)
    children = [0] * n
    for child, parent in forest.edges:
        children[parent] |= 1 << child
    every = _closed_sets(children)
    weights: dict[int, Laurent] = {}
    # ways[placed][L]: the nodes that L epochs have placed
    ways: dict[int, dict[int, Laurent]] = {placed: {} for placed in every}
    ways[0][0] = {(0,) * width: Fraction(1)}
    for place, placed in enumerate(every[:-1]):
        here = ways.pop(placed)
        if not here:
            continue
        for after in every[place + 1 :]:
            mask = after & ~placed
            if placed & ~after:
                continue
            if mask not in weights:
                weights[mask] = _epoch_weight(forest, mask, width)
            if not weights[mask]:
                continue
            for level, laurent in here.items():
                into = ways[after].setdefault(level + 1, {})
                for exps, c in weights[mask].items():
                    add_scaled(into, laurent, c, exps)
    result: Laurent = {}
    rows = _falling(forest.block_count, width, 1)
    for level, laurent in ways[(1 << n) - 1].items():
        for power, number in enumerate(falling_factorial(level)):
            shift = tuple(r + (power if i == 2 else 0) for i, r in enumerate(rows))
            add_scaled(result, laurent, Fraction(number, factorial(level)), shift)
    return result


def _closed_sets(children: list[int]) -> list[int]:
    """Return the sets that hold the children of all their nodes, smaller numbers first."""
    sets = [0]
    for v in reversed(range(len(children))):  # preorder, so parents come first
        sets += [s | 1 << v for s in sets if not children[v] & ~s]
    return sorted(sets)


def _epoch_weight(forest: UpdateForest, mask: int, width: int) -> Laurent:
    """Return the probability-weighted placements of the nodes of a mask in one epoch.

    An epoch visits a datapoint once.
    """
    if not forest.has_whole_visits(mask, one_each=True):
        return {}
    nodes = [v for v in range(len(forest.parents)) if mask >> v & 1]
    number = {v: i for i, v in enumerate(nodes)}
    blocks = restricted_growth_string(forest.blocks[v] for v in nodes)
    inside = UpdateForest(
        tuple(number.get(forest.parents[v], -1) for v in nodes),
        blocks,
        max(blocks) + 1,
        root_is_tied=False,
    )
    return _weight(inside, width)


@lru_cache(maxsize=16384)
def _weight(inside: UpdateForest, width: int) -> Laurent:
    """Return the weight of one epoch; diagrams share most of them. Not to be changed."""
    probability = _falling(inside.block_count, width, -1)
    result: Laurent = {}
    for (m, b), c in one_pass_count(inside, "moment", unit_batch=False).items():
        exps = list(probability)
        exps[0] += m  # N / B batches
        exps[1] += b - m
        add_scaled(result, {tuple(exps): c})
    return result


def _falling(k: int, width: int, sign: int) -> tuple[int, ...]:
    """Return the exponents of :math:`(N)_k`, to the power `sign`."""
    exps = [0] * width
    if k:
        exps[0] = sign
    for i in range(1, k):
        exps[2 + i] = sign
    return tuple(exps)
