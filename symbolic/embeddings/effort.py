"""How much work counting a diagram is, estimated before it begins; knows no scheme by its name.

Counting goes from one set of placed nodes to the next, and there may be too many of these: 2^30 for
thirty leaves. How many *moves* there are, pairs of such sets, is itself a number of maps from a forest to
a short chain of stages, which one walk up the forest finds.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.partitions import bell_number

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "FEW_NODES",
    "MOST_STEPS",
    "check_moves",
    "check_steps",
    "count_merges",
    "count_moves",
    "count_weak_orders",
    "differences",
    "forest_chains",
]

#: Diagrams with so few updates are always counted, and nothing is estimated.
FEW_NODES = 8
#: Moves of a count, of a tenth of a millisecond to one each.
MOST_STEPS = 8_000
_LENIENCE = 100  # times as many for few nodes


def check_moves(steps: int, nodes: int, doing: str) -> None:
    """Refuse a count of some nodes that would take too many moves; of few nodes they may be more."""
    check_steps(steps, doing, most=MOST_STEPS * (1 if nodes > FEW_NODES else _LENIENCE))


def check_steps(steps: int, doing: str, *, most: int) -> None:
    """Refuse work that would take too long.

    Parameters
    ----------
    steps
        An estimate of the work.
    doing
        What is counted, for the message.
    most
        The most steps of this kind.

    Raises
    ------
    RequestError
        When there are more.
    """
    if steps > most:
        size = f"{steps:,}" if steps < 10**9 else f"10^{len(str(steps)) - 1}"
        raise RequestError(
            f"expected a diagram with few enough ways to order its nodes, at most {most:,} steps, got "
            f"about {size} for {doing}; take fewer nodes or blocks, another basis or numbers for symbols"
        )


def count_moves(
    parents: Sequence[int], *, stages: int = 3, strict: int | None = 1, states: int = 1
) -> int:
    """Return the number of maps from a forest to stages that come no later for a child.

    Stage 0 is what is placed already, the last one what is placed later. With three stages and a strict
    middle one these are the moves of a count from step to step.

    Parameters
    ----------
    parents
        The parent of every node in preorder, -1 for the root.
    stages
        The number of stages.
    strict
        The stage that an edge cannot have at both ends, if there is one.
    states
        The number of states of an edge whose child is placed and whose parent is not.

    Examples
    --------
    Three leaves: each is before, now or after.

    >>> count_moves([-1, -1, -1])
    27
    >>> count_moves([-1, 0, 1]), count_moves([-1, 0, 1], stages=2)
    (7, 4)
    """
    last = stages - 1
    ways = [[1] * stages for _ in parents]
    total = 1
    for v in reversed(range(len(parents))):  # preorder, so parents come first
        below = ways[v]
        carried = [states * w for w in below[:last]]
        open_sum = sum(carried) + below[last]
        parent = parents[v]
        if parent < 0:
            total *= open_sum
            continue
        for s in range(last):
            ways[parent][s] *= sum(below[: s + (s != strict)])
        ways[parent][last] *= open_sum
    return total


def count_weak_orders(parents: Sequence[int]) -> int:
    """Return the number of weak orders of a forest that are strict along its edges.

    Examples
    --------
    >>> count_weak_orders([-1, -1, -1]), count_weak_orders([-1, 0, 1])
    (13, 1)
    """
    return sum(forest_chains(parents))


def count_merges(blocks: int) -> int:
    """Return in how many ways blocks can be merged, or of many blocks some number that is too large.

    Examples
    --------
    >>> count_merges(3), count_merges(500) > 10**30
    (5, True)
    """
    return bell_number(min(blocks, 40))


def forest_chains(parents: Sequence[int]) -> list[int]:
    """Return in how many ways the nodes of a forest come in L levels, children first, for every L.

    The number of ways to put them at T times is a polynomial in T; its values at 0, 1, ... are found up
    the forest, and its coefficients of binomial(T, L) are their differences.

    Examples
    --------
    >>> forest_chains([-1, -1, -1])
    [0, 1, 6, 6]
    """
    n = len(parents)
    ways = [[1] * n for _ in parents]  # ways[v][t]: with v at time t
    values = [1] * (n + 1)
    for v in reversed(range(n)):
        until = [0]
        for w in ways[v]:
            until.append(until[-1] + w)
        parent = parents[v]
        if parent < 0:
            values = [a * b for a, b in zip(values, until, strict=True)]
        else:
            ways[parent] = [a * b for a, b in zip(ways[parent], until[:-1], strict=True)]
    return differences(values)


def differences(values: Sequence[int]) -> list[int]:
    """Return a polynomial's coefficients of binomials from its values at 0, 1, ...

    Examples
    --------
    >>> differences([0, 1, 4])
    [0, 1, 2]
    """
    result, row = [], list(values)
    while row:
        result.append(row[0])
        row = [b - a for a, b in pairwise(row)]
    return result
