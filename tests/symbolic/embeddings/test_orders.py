from itertools import product

import pytest

from sgdiagrams.symbolic.embeddings.orders import BlockOrder

BUTTERFLY = [(0, 2), (0, 3), (1, 2), (1, 3)]
ZIGZAG = [(0, 2), (1, 2), (1, 3)]


def block_order(pairs, count):
    """Return the order in which the first of every pair comes before the second."""
    below, above = [0] * count, [0] * count
    for a, b in pairs:
        below[b] |= 1 << a
        above[a] |= 1 << b
    return BlockOrder(tuple(below), tuple(above))


def slow_chains(pairs, count, *, total_orders_only):
    """Try all levels for all blocks."""
    chains = [0] * (count + 1)
    for levels in product(range(count), repeat=count):
        used = set(levels)
        is_whole = used == set(range(len(used)))
        if is_whole and all(levels[a] < levels[b] for a, b in pairs):
            chains[len(used)] += not total_orders_only or len(used) == count
    return chains


@pytest.mark.parametrize("total_orders_only", [False, True])
@pytest.mark.parametrize("last", [[], [(4, 5)], [(4, 5), (4, 6)]])
@pytest.mark.parametrize("first", [BUTTERFLY, ZIGZAG])
def test_parts_that_are_no_forests_stand_side_by_side(first, last, total_orders_only):
    pairs = [*first, *last]
    count = 5 + len(last)
    fast = block_order(pairs, count).chains(total_orders_only=total_orders_only)
    assert fast == slow_chains(pairs, count, total_orders_only=total_orders_only)
