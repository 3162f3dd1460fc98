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
    """
    n = len(forest.parents)
    width = 3 + max(0, n - 1)
    full = (1 << n) - 1
    children = [0] * n
    for child, parent in forest.edges:
        children[parent] |= 1 << child
    weights = {mask: _epoch_weight(forest, mask, width) for mask in range(1, full + 1)}
    # ways[placed][L]: the nodes that L epochs have placed
    ways: list[dict[int, Laurent]] = [{} for _ in range(full + 1)]
    ways[0][0] = {(0,) * width: Fraction(1)}
    for placed in range(full):
        if not ways[placed]:
            continue
        rest = full & ~placed
        mask = rest
        while mask:
            after = placed | mask
            closed = all(children[v] & ~after == 0 for v in range(n) if mask >> v & 1)
            if closed and weights[mask]:
                for level, laurent in ways[placed].items():
                    into = ways[after].setdefault(level + 1, {})
                    for exps, c in weights[mask].items():
                        add_scaled(into, laurent, c, exps)
            mask = (mask - 1) & rest
        ways[placed] = {}
    result: Laurent = {}
    rows = _falling(forest.block_count, width, 1)
    for level, laurent in ways[full].items():
        for power, number in enumerate(falling_factorial(level)):
            shift = tuple(r + (power if i == 2 else 0) for i, r in enumerate(rows))
            add_scaled(result, laurent, Fraction(number, factorial(level)), shift)
    return result


def _epoch_weight(forest: UpdateForest, mask: int, width: int) -> Laurent:
    """Return the probability-weighted placements of the nodes of a mask in one epoch."""
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
