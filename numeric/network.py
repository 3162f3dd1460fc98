"""Tensor networks: many small contractions that share tensors and parts of their work."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple, final

import numpy as np
import opt_einsum

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

__all__ = ["Network", "Tensor"]


class Tensor(NamedTuple):
    """An array with the names of its axes.

    Attributes
    ----------
    identity
        Equal identities mean equal arrays.
    array, axes
        The numbers, and one name per axis.
    symmetric
        So many last axes may be permuted; then big arrays need no transposed copies.
    """

    identity: int
    array: NDArray[Any]
    axes: tuple[int, ...]
    symmetric: int = 0

    def facing(self, rows: Collection[int], columns: Collection[int]) -> Tensor:
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


@final
class Network:
    """Contracts tensors in planned pairs and keeps the intermediates that several may share."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._kept: dict[int, NDArray[Any]] = {}
        self._identities: dict[object, int] = {}

    def identify(self, key: object) -> int:
        """Return a small number that stands for `key`."""
        return self._identities.setdefault(key, len(self._identities))

    def contract(
        self,
        tensors: Sequence[Tensor],
        output: tuple[int, ...],
        *,
        samples: Sequence[int],
        limit: int,
    ) -> NDArray[Any]:
        """Contract all to the axes `output`; no intermediate has more than `limit` entries.

        Where no order of pairs obeys the limit, one of the axes `samples` is halved. (With single
        samples everywhere, taking leaves off the tree obeys it.)
        """
        size = {s: d for t in tensors for s, d in zip(t.axes, t.array.shape, strict=True)}
        symbol = opt_einsum.get_symbol
        inputs = ",".join("".join(map(symbol, tensor.axes)) for tensor in tensors)
        expression = f"{inputs}->{''.join(map(symbol, output))}"
        shapes = [tensor.array.shape for tensor in tensors]
        path, _ = opt_einsum.contract_path(expression, *shapes, shapes=True, memory_limit=limit)
        if any(len(step) > 2 for step in path):
            longest = max(samples, key=size.__getitem__, default=None)
            if longest is not None and size[longest] > 1:
                return self._halve(tensors, output, longest, samples=samples, limit=limit)
            path, _ = opt_einsum.contract_path(expression, *shapes, shapes=True)
        left = list(tensors)
        for step in path[: len(tensors) - 1]:
            one, other = (left.pop(i) for i in sorted(step, reverse=True))
            if one.identity > other.identity:
                one, other = other, one  # a product asked for in either order is one product
            needed = set(output).union(*(tensor.axes for tensor in left))
            left.append(self._pair(one, other, needed))
        (last,) = left
        result: NDArray[Any] = last.array.transpose([last.axes.index(axis) for axis in output])
        return result

    def _halve(
        self,
        tensors: Sequence[Tensor],
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
        total: NDArray[Any] = np.add(*halves)
        return total

    def _pair(self, one: Tensor, other: Tensor, needed: set[int]) -> Tensor:
        inner = {s for s in one.axes if s in other.axes and s not in needed}
        one = one.facing(set(one.axes) - inner, inner)
        other = other.facing(inner, set(other.axes) - inner)
        shared = [s for s in one.axes if s in other.axes]
        batch = [s for s in shared if s in needed]
        summed = [s for s in shared if s not in needed]
        left = [s for s in one.axes if s not in other.axes]
        right = [s for s in other.axes if s not in one.axes]
        axes = (*batch, *left, *right)
        name: dict[int, int] = {}
        for s in (*one.axes, *other.axes):
            name.setdefault(s, len(name))
        pattern = tuple(tuple(name[s] for s in group) for group in (one.axes, other.axes, axes))
        identity = self.identify((one.identity, other.identity, pattern))
        if identity in self._kept:
            return Tensor(identity, self._kept[identity], axes)
        size = dict(
            zip((*one.axes, *other.axes), (*one.array.shape, *other.array.shape), strict=True)
        )
        a = one.matrices(batch, left, summed)
        b = other.matrices(batch, summed, right)
        array = (a @ b if summed else a * b).reshape([size[s] for s in axes])
        if array.size <= self._room:
            self._room -= array.size
            self._kept[identity] = array
        return Tensor(identity, array, axes)
