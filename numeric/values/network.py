"""Operand networks: many small contractions that share tensors and parts of their work."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, final

import numpy as np
import opt_einsum

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

__all__ = ["Network", "Operand", "named_axes"]

#: Pairs of positions: two tensors are taken out, and their product is put at the end.
Path: TypeAlias = "tuple[tuple[int, ...], ...]"


class Operand(NamedTuple):
    """An array with the names of its axes.

    Attributes
    ----------
    identity
        Equal identities mean equal arrays.
    array, axes
        The numbers, and one name per axis. An axis that is there twice is summed over its diagonal.
    symmetric
        So many last axes may be permuted; then big arrays need no transposed copies.
    """

    identity: int
    array: NDArray[Any]
    axes: tuple[int, ...]
    symmetric: int = 0

    def facing(self, rows: Collection[int], columns: Collection[int]) -> Operand:
        """Return an equal tensor with its symmetric axes in the order rows, columns (or reverse)."""
        if self.symmetric < 2:
            return self
        lead, legs = self.axes[: -self.symmetric], self.axes[-self.symmetric :]
        first = columns if any(s in columns for s in lead) else rows
        return self._replace(axes=(*lead, *sorted(legs, key=lambda s: (s not in first, s))))

    def matrices(
        self, batch: Sequence[int], rows: Sequence[int], columns: Sequence[int]
    ) -> NDArray[Any]:
        """Return a stack of matrices, as a view of the array where one exists."""
        array = self.array.transpose([self.axes.index(s) for s in (*batch, *columns, *rows)])
        shape, middle = array.shape, len(batch) + len(columns)
        if array.flags.c_contiguous:
            flat = array.reshape(*shape[: len(batch)], math.prod(shape[len(batch) : middle]), -1)
            return flat.swapaxes(-1, -2)
        array = self.array.transpose([self.axes.index(s) for s in (*batch, *rows, *columns)])
        return array.reshape(*shape[: len(batch)], -1, math.prod(shape[len(batch) : middle]))

    def ordered(self, axes: Sequence[int]) -> NDArray[Any]:
        """Return the array with its axes in another order."""
        result: NDArray[Any] = self.array.transpose([self.axes.index(s) for s in axes])
        return result


def named_axes(
    edges: Sequence[tuple[int, int]],
    free: Sequence[int],
    legs: Sequence[int],
    *,
    has_matrix: bool,
) -> tuple[list[list[int]], list[list[int]], list[int]]:
    """Name the axes: per node those raised with a matrix eta, the others, and the free ones.

    An edge is raised at its end with fewer legs, where the array is smaller.
    """
    raised: list[list[int]] = [[] for _ in legs]
    lowered: list[list[int]] = [[] for _ in legs]
    ends = [sorted(edge, key=lambda x: (legs[x], x)) for edge in edges]
    ends += [[x] for x in free]
    for axis, (small, *large) in enumerate(ends):
        (raised if has_matrix else lowered)[small].append(axis)
        for x in large:
            lowered[x].append(axis)
    return raised, lowered, list(range(len(edges), len(ends)))


@final
class Network:
    """Contracts tensors in planned pairs and keeps the intermediates that several may share."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._kept: dict[int, NDArray[Any]] = {}
        self._identities: dict[object, int] = {}
        self._paths: dict[object, Path | None] = {}

    def identify(self, key: object) -> int:
        """Return a small number that stands for `key`."""
        return self._identities.setdefault(key, len(self._identities))

    def contract(
        self,
        tensors: Sequence[Operand],
        output: tuple[int, ...],
        *,
        samples: Sequence[int],
        limit: int,
    ) -> NDArray[Any]:
        """Contract all to the axes `output`; no intermediate has more than `limit` entries.

        Vectors go first, which always pays; the rest goes in an order that is planned. Where none
        obeys the limit, one of the axes `samples` is halved. (With single samples everywhere,
        taking leaves off the tree obeys it.)
        """
        tensors = self._take_vectors([self._traced(t) for t in tensors], output, samples)
        if len(tensors) == 1:
            return tensors[0].ordered(output)
        path = self._plan(tensors, output, limit)
        if path is None:
            size = {s: d for t in tensors for s, d in zip(t.axes, t.array.shape, strict=True)}
            longest = max(samples, key=lambda s: size.get(s, 0), default=None)
            if longest is not None and size.get(longest, 0) > 1:
                return self._halve(tensors, output, longest, samples=samples, limit=limit)
            path = self._plan(tensors, output, None) or ()
        left = list(tensors)
        for step in path[: len(tensors) - 1]:
            one, other = (left.pop(i) for i in sorted(step, reverse=True))
            needed = set(output).union(*(tensor.axes for tensor in left))
            left.append(self._pair(one, other, needed))
        return left[0].ordered(output)

    def _plan(
        self, tensors: Sequence[Operand], output: tuple[int, ...], limit: int | None
    ) -> Path | None:
        """Return an order of pairs, the same for alike tensors; None where none obeys the limit."""
        if len(tensors) == 2:
            return ((0, 1),)
        symbol: dict[int, str] = {}
        for s in (s for tensor in tensors for s in tensor.axes):
            symbol.setdefault(s, opt_einsum.get_symbol(len(symbol)))
        inputs = ",".join("".join(symbol[s] for s in tensor.axes) for tensor in tensors)
        expression = f"{inputs}->{''.join(symbol[s] for s in output)}"
        shapes = tuple(tensor.array.shape for tensor in tensors)
        key = (expression, shapes, limit)
        if key not in self._paths:
            # Networks are small, and trees mostly: the greedy order is as good as the best, and found
            # sooner.
            for search in ("greedy", "auto"):
                path, _ = opt_einsum.contract_path(
                    expression, *shapes, shapes=True, memory_limit=limit, optimize=search
                )
                pairs = all(len(step) <= 2 for step in path)
                self._paths[key] = tuple(path) if pairs else None
                if pairs:
                    break
        return self._paths[key]

    def _take_vectors(
        self, tensors: Sequence[Operand], output: tuple[int, ...], samples: Collection[int]
    ) -> list[Operand]:
        """Contract vectors with their neighbours, biggest first, and sum over finished samples.

        The neighbour shrinks by the length of an axis and has to be read anyway. A vector of one
        sample goes into a neighbour of the same sample, whose axis stays for now: so a tensor and
        its vectors are one intermediate, whatever else is in the block.
        """
        left = list(tensors)
        while True:
            at: dict[int, list[int]] = {}
            for i, tensor in enumerate(left):
                for s in tensor.axes:
                    at.setdefault(s, []).append(i)
            done = next((s for s in samples if len(at.get(s, ())) == 1 and s not in output), None)
            if done is not None:
                (i,) = at[done]
                left[i] = self._sum(left[i], done)
                continue
            best: tuple[int, int, int] | None = None
            pair = (0, 0)
            for i, vector in enumerate(left):
                legs = [s for s in vector.axes if s not in samples]
                if len(legs) != 1 or len(at[legs[0]]) == 1:
                    continue
                (k,) = (k for k in at[legs[0]] if k != i)
                lead = vector.axes[:-1] if vector.axes[-1] == legs[0] else vector.axes[1:]
                if set(lead) <= set(left[k].axes):
                    rank = (left[k].array.size, vector.array.size, -vector.identity)
                    if best is None or rank > best:
                        best, pair = rank, (i, k)
            if best is None:
                return left
            one, other = (left.pop(i) for i in sorted(pair, reverse=True))
            needed = {s for t in left for s in t.axes}.union(output, samples)
            left.append(self._pair(one, other, needed))

    def _traced(self, tensor: Operand) -> Operand:
        """Return a tensor without the axes that are there twice."""
        for s in dict.fromkeys(tensor.axes):
            if tensor.axes.count(s) < 2:
                continue
            one = tensor.axes.index(s)
            other = tensor.axes.index(s, one + 1)
            identity = self.identify((tensor.identity, "trace", one, other))
            array = self._kept.get(identity)
            if array is None:
                diagonal = np.diagonal(tensor.array, axis1=one, axis2=other)
                array = self._keep(identity, _total(diagonal, -1))
            # Both axes are symmetric ones, or there are none: a matrix eta is at one of them.
            symmetric = max(tensor.symmetric - 2, 0)
            axes = tuple(axis for axis in tensor.axes if axis != s)
            tensor = Operand(identity, array, axes, symmetric)
        return tensor

    def _sum(self, tensor: Operand, axis: int) -> Operand:
        place = tensor.axes.index(axis)
        identity = self.identify((tensor.identity, "sum", place))
        array = self._kept.get(identity)
        if array is None:
            array = self._keep(identity, _total(tensor.array, place))
        axes = tensor.axes[:place] + tensor.axes[place + 1 :]
        return Operand(identity, array, axes, min(tensor.symmetric, len(axes)))

    def _keep(self, identity: int, array: NDArray[Any]) -> NDArray[Any]:
        if array.size <= self._room:
            self._room -= array.size
            self._kept[identity] = array
        return array

    def _halve(
        self,
        tensors: Sequence[Operand],
        output: tuple[int, ...],
        axis: int,
        *,
        samples: Sequence[int],
        limit: int,
    ) -> NDArray[Any]:
        size = next(t.array.shape[t.axes.index(axis)] for t in tensors if axis in t.axes)
        halves = []
        for rows in (slice(None, size // 2), slice(size // 2, None)):
            cut = [
                t._replace(
                    identity=self.identify((t.identity, axis, rows.start, rows.stop)),
                    array=t.array[(slice(None),) * t.axes.index(axis) + (rows,)],
                )
                if axis in t.axes
                else t
                for t in tensors
            ]
            halves.append(self.contract(cut, output, samples=samples, limit=limit))
        if axis in output:
            return np.concatenate(halves, axis=output.index(axis))
        return np.asarray(np.add(*halves), dtype=halves[0].dtype)

    def _pair(self, one: Operand, other: Operand, needed: set[int]) -> Operand:
        if one.identity > other.identity:
            one, other = other, one  # a product asked for in either order is one product
        shared = [s for s in one.axes if s in other.axes]
        batch = [s for s in shared if s in needed]
        summed = [s for s in shared if s not in needed]
        # Memory is read in order; in a stack, matrices are best with the summed axes in front.
        rows = summed if batch else [s for s in one.axes if s not in summed]
        one = one.facing(rows, summed)
        other = other.facing(summed, [s for s in other.axes if s not in shared])
        left = [s for s in one.axes if s not in other.axes]
        right = [s for s in other.axes if s not in one.axes]
        axes = (*batch, *left, *right)
        # What is left of symmetric legs is symmetric.
        symmetric = 0
        if not left or not right:
            rest = other if not left else one
            symmetric = len(set(rest.axes[len(rest.axes) - rest.symmetric :]).difference(shared))
        name: dict[int, int] = {}
        for s in (*one.axes, *other.axes):
            name.setdefault(s, len(name))
        pattern = tuple(tuple(name[s] for s in group) for group in (one.axes, other.axes, axes))
        identity = self.identify((one.identity, other.identity, pattern))
        if identity in self._kept:
            return Operand(identity, self._kept[identity], axes, symmetric)
        size = dict(
            zip((*one.axes, *other.axes), (*one.array.shape, *other.array.shape), strict=True)
        )
        a = one.matrices(batch, left, summed)
        b = other.matrices(batch, summed, right)
        array = (a @ b if summed else a * b).reshape([size[s] for s in axes])
        return Operand(identity, self._keep(identity, array), axes, symmetric)


def _total(array: NDArray[Any], axis: int) -> NDArray[Any]:
    """Return the sum along an axis, of the same kind: NumPy would make machine numbers of whole ones."""
    return np.asarray(array.sum(axis=axis), dtype=array.dtype)
