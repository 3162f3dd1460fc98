"""Set partitions and their refinement lattice.

A partition of ``{0, ..., n - 1}`` is its *restricted growth string* (RGS): entry ``i`` is the label
of the block of ``i``, and labels appear for the first time in the order 0, 1, 2, ... The string is
unique, so equal partitions are equal tuples. In the lattice ``fine <= coarse`` says that every block
of ``fine`` lies inside a block of ``coarse`` (Stanley, Enumerative Combinatorics 1, example 3.10.4).
"""

from __future__ import annotations

from functools import lru_cache
from math import comb, factorial, prod
from typing import TYPE_CHECKING

import numpy as np

from sgdiagrams.diagrams.errors import DiagramError, listed
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.diagrams.whole_numbers import is_whole

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

__all__ = [
    "bell_number",
    "block_numbers",
    "blocks_of",
    "coarsenings",
    "is_refinement",
    "moebius",
    "partition_of_blocks",
    "refinements",
    "restricted_growth_string",
    "set_partitions",
    "set_partitions_array",
]

Partition = tuple[int, ...]

_MOST_ELEMENTS = 1000  # the Bell number has 1928 digits
_MOST_IN_ARRAY = 12


def _check_size(n: int, *, most: int) -> None:
    if not is_whole(n, least=0, most=most):
        raise DiagramError(f"expected a whole number 0..{most} of elements, got n={shown(n)}")


def bell_number(n: int) -> int:
    """Return the number of partitions of a set of `n` elements.

    Bell's recurrence is ``Bell(n + 1) = sum_k binomial(n, k) Bell(k)`` (OEIS A000110).

    Examples
    --------
    >>> [bell_number(n) for n in range(7)]
    [1, 1, 2, 5, 15, 52, 203]
    """
    _check_size(n, most=_MOST_ELEMENTS)
    bells = [1]
    for m in range(n):
        bells.append(sum(comb(m, k) * bells[k] for k in range(m + 1)))
    return bells[n]


def restricted_growth_string(labels: Iterable[Hashable]) -> Partition:
    """Relabel blocks by first occurrence.

    Parameters
    ----------
    labels
        Entry ``i`` names the block of element ``i``.

    Returns
    -------
    tuple of int
        The restricted growth string of the partition.

    Examples
    --------
    >>> restricted_growth_string("baab")
    (0, 1, 1, 0)
    """
    first: dict[Hashable, int] = {}
    return tuple(first.setdefault(label, len(first)) for label in labels)


def partition_of_blocks(blocks: Iterable[Iterable[int]], n: int) -> Partition:
    """Return the restricted growth string of a partition given by its blocks.

    Parameters
    ----------
    blocks
        Disjoint non-empty sets whose union is ``{0, ..., n - 1}``.
    n
        Number of elements.

    Raises
    ------
    DiagramError
        When an element is missing, repeated or out of range, or a block is empty.

    Examples
    --------
    >>> partition_of_blocks([[0, 3], [1, 2]], 4)
    (0, 1, 1, 0)
    """
    return restricted_growth_string(block_numbers(blocks, n))


def block_numbers(blocks: Iterable[Iterable[int]], n: int) -> list[int]:
    """Return the number of every element's block, in the order in which the blocks are given.

    Parameters and errors are those of `partition_of_blocks`.

    Examples
    --------
    >>> block_numbers([[1, 2], [0, 3]], 4)
    [1, 0, 0, 1]
    """
    numbers = [-1] * n
    given = listed("blocks", blocks, called="a list of blocks", error=DiagramError)
    for number, block in enumerate(given):
        i: int | None = None
        for i in listed("block", block, called="a list of nodes", error=DiagramError):
            if not isinstance(i, (int, np.integer)) or not 0 <= i < n:
                raise DiagramError(f"expected block elements in 0..{n - 1}, got {shown(i)}")
            if numbers[i] >= 0:
                raise DiagramError(f"expected disjoint blocks, but {i} occurs twice")
            numbers[i] = number
        if i is None:
            raise DiagramError("expected non-empty blocks, got an empty one; leave it out")
    if -1 in numbers:
        missing = numbers.index(-1)
        raise DiagramError(f"expected blocks that cover 0..{n - 1}, but {missing} is in none")
    return numbers


def blocks_of(partition: Sequence[int]) -> tuple[tuple[int, ...], ...]:
    """Return the blocks of a restricted growth string, each sorted, by least element.

    Examples
    --------
    >>> blocks_of((0, 1, 1, 0))
    ((0, 3), (1, 2))
    """
    blocks: list[list[int]] = [[] for _ in range(max(partition, default=-1) + 1)]
    for i, label in enumerate(partition):
        blocks[label].append(i)
    return tuple(map(tuple, blocks))


def set_partitions(n: int) -> Iterator[Partition]:
    """Yield all partitions of `n` elements as restricted growth strings, in lexicographic order.

    Examples
    --------
    >>> list(set_partitions(3))
    [(0, 0, 0), (0, 0, 1), (0, 1, 0), (0, 1, 1), (0, 1, 2)]
    """
    _check_size(n, most=_MOST_ELEMENTS)
    if n == 0:
        yield ()
        return
    string = [0] * n
    above = [0] * n  # above[i] = max(string[:i]): the largest label before position i
    while True:
        yield tuple(string)
        i = n - 1
        while i > 0 and string[i] > above[i]:
            i -= 1
        if i == 0:
            return
        string[i] += 1
        top = max(above[i], string[i])
        for j in range(i + 1, n):
            string[j] = 0
            above[j] = top


def set_partitions_array(n: int) -> NDArray[np.uint8]:
    """Return all partitions of `n` elements as rows, in lexicographic order.

    Returns
    -------
    ndarray of uint8, shape (Bell(n), n)
        One restricted growth string a row.

    Raises
    ------
    DiagramError
        When there are more than 12 elements: 4,213,597 rows.

    Examples
    --------
    >>> set_partitions_array(2)
    array([[0, 0],
           [0, 1]], dtype=uint8)
    """
    _check_size(n, most=_MOST_IN_ARRAY)
    rows = np.zeros((1, 0), dtype=np.uint8)
    labels_used = np.zeros(1, dtype=np.int64)
    for _ in range(n):
        repeats = labels_used + 1
        starts = np.repeat(np.cumsum(repeats) - repeats, repeats)
        new = np.arange(len(starts)) - starts
        rows = np.column_stack([np.repeat(rows, repeats, axis=0), new.astype(np.uint8)])
        labels_used = np.maximum(np.repeat(labels_used, repeats), new + 1)
    return rows


def _labels(partition: Sequence[int]) -> Partition:
    """Return the labels of the blocks as a tuple, or raise a DiagramError."""
    if type(partition) is not tuple:
        words = "a partition as a list of labels"
        partition = tuple(listed("partition", partition, called=words, error=DiagramError))
    try:
        used = set(partition)
    except TypeError:
        used = {None}
    if used != set(range(len(used))):
        raise DiagramError(f"expected labels 0, 1, ..., each in use, got {shown(partition)}")
    return partition


def is_refinement(fine: Sequence[int], coarse: Sequence[int]) -> bool:
    """Tell whether every block of `fine` lies inside a block of `coarse`.

    Examples
    --------
    >>> is_refinement((0, 1, 2), (0, 1, 0)), is_refinement((0, 1, 0), (0, 1, 2))
    (True, False)
    """
    fine, coarse = _labels(fine), _labels(coarse)
    home: dict[int, int] = {}
    return len(fine) == len(coarse) and all(
        home.setdefault(f, c) == c for f, c in zip(fine, coarse, strict=True)
    )


def coarsenings(partition: Partition) -> tuple[Partition, ...]:
    """Return all partitions that `partition` refines (itself included), finest last.

    They are the partitions of the set of its blocks, Bell(number of blocks) of them.

    Examples
    --------
    >>> coarsenings((0, 1, 0))
    ((0, 0, 0), (0, 1, 0))
    """
    return _coarsenings(_labels(partition))


@lru_cache(maxsize=4096)
def _coarsenings(partition: Partition) -> tuple[Partition, ...]:
    _check_size(max(partition, default=-1) + 1, most=_MOST_IN_ARRAY)
    return tuple(
        tuple(merge[label] for label in partition)
        for merge in set_partitions(max(partition, default=-1) + 1)
    )


def refinements(partition: Partition) -> tuple[Partition, ...]:
    """Return all partitions that refine `partition` (itself included).

    They are the products of partitions of its blocks.

    Examples
    --------
    >>> refinements((0, 1, 0))
    ((0, 1, 0), (0, 1, 2))
    """
    return _refinements(_labels(partition))


@lru_cache(maxsize=4096)
def _refinements(partition: Partition) -> tuple[Partition, ...]:
    _check_size(len(partition), most=_MOST_IN_ARRAY)
    results: list[list[int]] = [[0] * len(partition)]
    used = [0]
    for block in blocks_of(partition):
        new_results: list[list[int]] = []
        new_used: list[int] = []
        for result, offset in zip(results, used, strict=True):
            for split in set_partitions(len(block)):
                copy = result.copy()
                for i, label in zip(block, split, strict=True):
                    copy[i] = offset + label
                new_results.append(copy)
                new_used.append(offset + max(split) + 1)
        results, used = new_results, new_used
    return tuple(restricted_growth_string(result) for result in results)


def moebius(fine: Sequence[int], coarse: Sequence[int]) -> int:
    """Return the Moebius function of the partition lattice.

    ``mu(fine, coarse) = prod over blocks of coarse of (-1)^(k - 1) (k - 1)!`` with k the number of
    blocks of `fine` inside it (Stanley, example 3.10.4).

    Raises
    ------
    DiagramError
        When `fine` does not refine `coarse`.

    Examples
    --------
    >>> moebius((0, 1, 2), (0, 0, 0))
    2
    """
    fine, coarse = _labels(fine), _labels(coarse)
    if not is_refinement(fine, coarse):
        raise DiagramError(
            f"expected a refinement, but {tuple(fine)} does not refine {tuple(coarse)}"
        )
    inside = [0] * (max(coarse, default=-1) + 1)
    for _, c in set(zip(fine, coarse, strict=True)):
        inside[c] += 1
    return prod((-1) ** (k - 1) * factorial(k - 1) for k in inside)
