"""Derivatives along vectors in JAX: what is compiled; knows no data set and no memory."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, pairwise
from math import prod
from typing import TYPE_CHECKING, Any, final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["LeafValues", "all_finite", "block_products", "derivative_kernel", "leaf_arrays"]

_BLOCK = 1024  # products that are summed in the type of the vectors


@final
@dataclass(frozen=True, slots=True)
class LeafValues:
    """The losses of datapoints, or a function, of the arrays of weights; knows no data.

    Attributes
    ----------
    function
        ``loss(weights, datapoint)``, or a function of the weights alone.
    shapes, structure
        Of the arrays that the weights consist of, and how they hang together.
    has_datapoints
        Whether it is a loss.
    """

    function: Callable[..., Any]
    shapes: tuple[tuple[int, ...], ...]
    structure: Any
    has_datapoints: bool

    def one(self, leaves: Any, *point: Any) -> Any:
        """Return the loss of one datapoint, or the function."""
        import jax

        return self.function(jax.tree.unflatten(self.structure, leaves), *point)

    def __call__(self, leaves: Any, points: Any) -> Any:
        """Return the losses of the datapoints, or the function, shape (c,)."""
        import jax

        if not self.has_datapoints:
            return self.one(leaves).reshape(1)
        mapped: Any = jax.vmap(self.one, (None, 0))
        return mapped(leaves, points)


@lru_cache(maxsize=256)
def derivative_kernel(
    value: LeafValues,
    pattern: tuple[int, ...],
    *,
    vectors_out: bool,
    per_row: tuple[bool, tuple[bool, ...]],
) -> Any:
    """Return a compiled function ``(weights, datapoints, shares, tables, rows) -> result``.

    Derivatives are taken for every array of weights: gathering all weights in a row at every order
    would cost as much as a small batch.

    Parameters
    ----------
    value
        The losses of datapoints. What is compiled is kept for equal ones, whatever the data.
    pattern
        For every leg which of the tables it takes its vectors from.
    vectors_out
        One leg is left open.
    per_row
        Whether datapoints, and each of the tables, have rows of their own. Without any of them the axis
        r has length 1 and is not mapped over: a matrix product without that axis is faster.

    Returns
    -------
    callable
        With weights in a row (p,), datapoints of shape (r, c, ...), shares of shape (c,), tables of shape
        (K, p), and rows of shape (r, s) or (1, s), it returns numbers of shape (r, s, c), or vectors
        (r s, p).
    """
    import jax
    import jax.numpy as jnp

    shapes = value.shapes

    def along(weights: Any, points: Any, shares: Any, vectors: Any) -> Any:
        function: Callable[[Any], Any]
        if vectors_out:
            function = jax.grad(lambda w: jnp.dot(shares, value(w, points)))
        else:
            function = lambda w: value(w, points)  # noqa: E731
        for i in pattern:
            function = _differentiated(function, vectors[i])
        return function(weights)

    def columns(weights: Any, points: Any, shares: Any, vectors: Any) -> Any:
        if pattern and vectors[0][0].shape[0] > 1:
            return jax.vmap(along, (None, None, None, 0))(weights, points, shares, vectors)
        single = jax.tree.map(lambda leaf: leaf[0], vectors)
        return jax.tree.map(lambda leaf: leaf[None], along(weights, points, shares, single))

    def kernel(flat: Any, points: Any, shares: Any, tables: Any, rows: Any) -> Any:
        weights = leaf_arrays(flat, shapes)
        own, legs_own = per_row
        vectors = [
            leaf_arrays(_gathered(table, index if leg else index[0]), shapes)
            for table, index, leg in zip(tables, rows, legs_own, strict=True)
        ]
        here = points if own else jax.tree.map(lambda leaf: leaf[0], points)
        if own or any(legs_own):
            axes = [0 if leg else None for leg in legs_own]
            mapped = jax.vmap(columns, (None, 0 if own else None, None, axes))
            result = mapped(weights, here, shares, vectors)
        else:
            result = jax.tree.map(lambda leaf: leaf[None], columns(weights, here, shares, vectors))
        if not vectors_out:
            return result
        pieces = [leaf.reshape(-1, prod(shape)) for leaf, shape in zip(result, shapes, strict=True)]
        return jnp.concatenate(pieces, axis=1)

    return jax.jit(kernel)


def _gathered(table: Any, index: Any) -> Any:
    # A table of one vector is not copied.
    one = table.shape[0] == 1 and index.size == 1
    return table.reshape(*index.shape, table.shape[1]) if one else table[index]


def _differentiated(function: Callable[[Any], Any], vector: Any) -> Callable[[Any], Any]:
    import jax

    return lambda w: jax.jvp(function, (w,), (vector,))[1]


def leaf_arrays(flat: Any, shapes: Sequence[tuple[int, ...]]) -> list[Any]:
    """Return the arrays of weights that stand in a row, (..., p); axes in front stay in front."""
    ends = accumulate((prod(shape) for shape in shapes), initial=0)
    front = tuple(flat.shape[:-1])
    return [
        flat[..., start:end].reshape(front + shape)
        for (start, end), shape in zip(pairwise(ends), shapes, strict=True)
    ]


def all_finite(*arrays: Any) -> bool:
    """Return whether no number is NaN or infinite, where the arrays are."""
    import jax

    if jax.default_backend() == "cpu":  # without a copy, and faster than what XLA compiles
        return all(bool(np.isfinite(np.asarray(array)).all()) for array in arrays)
    return bool(_all_finite_there()(arrays))


@lru_cache(maxsize=1)
def _all_finite_there() -> Any:
    import jax
    import jax.numpy as jnp

    return jax.jit(lambda arrays: jnp.array([jnp.isfinite(a).all() for a in arrays]).all())


def block_products(one: Any, other: Any) -> Any:
    """Return scalar products of all pairs of vectors, block by block: shape (blocks, K, L)."""
    import jax.numpy as jnp

    blocks = -(-one.shape[1] // _BLOCK)
    padding = ((0, 0), (0, blocks * _BLOCK - one.shape[1]))
    first = jnp.pad(one, padding).reshape(len(one), blocks, _BLOCK)
    second = jnp.pad(other, padding).reshape(len(other), blocks, _BLOCK)
    return jnp.einsum("kbi,lbi->bkl", first, second)
