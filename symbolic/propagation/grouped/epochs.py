r"""Sums over the times of nodes in epochs, without memory, all epochs and batches at once.

Time has two axes, the epoch and the batch in it. What one epoch may place depends only on the set of
nodes, not on what came before; so sums over one epoch are found for every set, and these are put
together from epoch to epoch.
"""

from __future__ import annotations

from functools import cache
from math import perm, prod
from typing import TYPE_CHECKING, Any

import numpy as np

from sgdiagrams.symbolic.propagation.components import bits, ideals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from sgdiagrams.symbolic.propagation.course import ReshuffledEpochs
    from sgdiagrams.symbolic.propagation.dynamics import Dynamics

__all__ = ["fixed_epochs_sum", "injected_and_read", "node_factors", "reshuffled_epochs_sum"]

#: An array over epochs (and batches), or 1 for the empty set.
_Values = Any


def injected_and_read(dynamics: Dynamics) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return what nodes inject at every time, and what the root reads of it, without memory."""
    T = dynamics.updates
    inject = dynamics.inject.get(0, (0,) * T)
    injected = np.array(dynamics.node, dtype=object) * np.array(inject, dtype=object)
    if dynamics.readout is None:
        return injected, np.full(T, 1, dtype=object)
    # A root reads the iterates after the update and all later ones.
    weights = np.array(dynamics.readout.get(0, (0,) * T), dtype=object)
    return injected, np.add.accumulate(weights[::-1])[::-1]


def node_factors(parents: Sequence[int], dynamics: Dynamics, epochs: int) -> list[NDArray[Any]]:
    """Return for each node all that depends on its time, by epoch and batch, without memory."""
    inner, read = injected_and_read(dynamics)
    outer = inner if dynamics.readout is None else inner * read
    return [(outer if p < 0 else inner).reshape(epochs, -1) for p in parents]


def reshuffled_epochs_sum(
    parents: tuple[int, ...],
    blocks: tuple[int, ...],
    factors: Sequence[NDArray[Any]],
    course: ReshuffledEpochs,
    *,
    unit: int,
    is_legal: Callable[[int], bool] = lambda nodes: True,  # noqa: ARG005
) -> int:
    r"""Return the expected weighted number of embeddings, times :math:`((N)_P)^n/(N)_P`.

    An epoch puts the j blocks that it sees on positions of their own, with weight :math:`1/(N)_j`.

    Parameters
    ----------
    parents, blocks
        The parent and the block of each of the n nodes; P blocks.
    factors
        Of :func:`node_factors`.
    course
        The epochs.
    unit
        The shares of rows are times this number, for every node.
    is_legal
        Whether the nodes of a bit mask may be all that one epoch has.
    """
    P, N = max(blocks) + 1, course.rows
    shares = np.array([int(share * unit) for share in course.shares], dtype=object)
    factors = [factor * shares for factor in factors]
    above = _above(parents)

    @cache
    def placed(count: int) -> _Values:
        """Return in how many ways blocks come into each batch."""
        return np.array([perm(size, count) for size in course.steps], dtype=object)

    def seen(nodes: int) -> set[int]:
        return {blocks[v] for v in bits(nodes)}

    @cache
    def before(nodes: int) -> _Values:
        """Place nodes in the batches before each one and before the end."""
        if not nodes:
            return 1
        total: _Values = 0
        for last in _subsets(nodes):
            rest = nodes & ~last
            if (
                last
                and not any(above[v] & nodes for v in bits(last))
                and not seen(last) & seen(rest)
            ):
                ways = placed(len(seen(last)))
                total = total + ways * _until(before(rest)) * prod(factors[v] for v in bits(last))
        return _sums_before(total + np.zeros_like(factors[0]))

    def epoch(nodes: int) -> _Values:
        if not is_legal(nodes):
            return np.zeros(len(factors[0]), dtype=object)
        j = len(seen(nodes))
        return before(nodes)[:, -1] * (perm(N - j, P - j) * perm(N, P) ** (nodes.bit_count() - 1))

    return int(np.sum(_chained(parents, epoch)))


def fixed_epochs_sum(
    parents: tuple[int, ...], tied: int, factors: Sequence[NDArray[Any]]
) -> NDArray[Any]:
    """Return the weighted number of embeddings into epochs of one order, by batch of the tied nodes.

    Parameters
    ----------
    parents
        The parent of each node.
    tied
        The nodes that are in the same batch of whatever epochs, as a bit mask; the others are free.
    factors
        Of :func:`node_factors`.
    """
    above = _above(parents)

    def product(nodes: int) -> _Values:
        return prod(factors[v] for v in bits(nodes))

    @cache
    def before(nodes: int) -> _Values:
        """Place free nodes in the batches before each one and before the end."""
        if not nodes:
            return 1
        lasts = [
            last
            for last in _subsets(nodes)
            if last and not any(above[v] & nodes for v in bits(last))
        ]
        return _sums_before(sum(_until(before(nodes & ~x)) * product(x) for x in lasts))

    @cache
    def after(nodes: int) -> _Values:
        """Place free nodes in the batches after each one."""
        if not nodes:
            return 1
        firsts = [x for x in _subsets(nodes) if x and not any(above[v] & x for v in bits(nodes))]
        total = sum(after(nodes & ~x) * product(x) for x in firsts)
        return _sums_before(total[:, ::-1])[:, -2::-1]

    def epoch(nodes: int) -> _Values:
        if not nodes & tied:
            return before(nodes)[:, -1:]
        total: _Values = 0
        for now in _subsets(nodes):
            if nodes & tied & ~now or any(above[v] & now for v in bits(now)):
                continue
            for early in _subsets(nodes & ~now):
                late = nodes & ~now & ~early
                if _is_top(late, nodes, above) and _is_top(now | late, nodes, above):
                    total = total + _until(before(early)) * product(now) * after(late)
        return total

    by_batch: NDArray[Any] = np.sum(_chained(parents, epoch), axis=0)
    return by_batch


def _is_top(part: int, nodes: int, above: list[int]) -> bool:
    """Tell whether a part of some nodes contains those above its members."""
    return not any(above[v] & nodes & ~part for v in bits(part))


def _chained(parents: tuple[int, ...], epoch: Callable[[int], _Values]) -> _Values:
    """Return the sums over all earlier epochs times the last one's, by epoch."""
    below = [sum(1 << c for c, p in enumerate(parents) if p == v) for v in range(len(parents))]
    every = ideals(below)
    one = cache(epoch)
    sums: dict[int, _Values] = {0: 1}
    total: _Values = 1
    for ideal in every[1:]:
        total = 0
        for smaller in every:
            if smaller != ideal and not smaller & ~ideal:
                total = total + sums[smaller] * one(ideal & ~smaller)
        sums[ideal] = np.zeros_like(total)
        sums[ideal][1:] = np.add.accumulate(total, axis=0)[:-1]
    return total


def _above(parents: tuple[int, ...]) -> list[int]:
    """Return for each node the nodes on its way to the root, as a bit mask."""
    masks: list[int] = []
    for parent in parents:  # preorder, so parents come first
        masks.append(0 if parent < 0 else masks[parent] | 1 << parent)
    return masks


def _subsets(mask: int) -> Iterator[int]:
    """Yield all subsets of a bit mask."""
    part = mask
    while True:
        yield part
        if not part:
            return
        part = (part - 1) & mask


def _until(values: _Values) -> _Values:
    return values if np.ndim(values) == 0 else values[:, :-1]


def _sums_before(values: NDArray[Any]) -> NDArray[Any]:
    """Return the sums over the batches before each one, and over all at the end."""
    result = np.zeros((values.shape[0], values.shape[1] + 1), dtype=object)
    result[:, 1:] = np.add.accumulate(values, axis=1)
    return result
