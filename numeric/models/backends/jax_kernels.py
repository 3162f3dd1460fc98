"""Derivatives along vectors in JAX: what is compiled; knows no data set and no memory."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import TYPE_CHECKING, Any, final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FlatValues", "block_products", "derivative_kernel"]

_BLOCK = 1024  # products that are summed in the type of the vectors


@final
@dataclass(frozen=True, slots=True)
class FlatValues:
    """The losses of datapoints, or a function, of all weights in a row; knows no data.

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

    def structured(self, flat: Any) -> Any:
        """Return a vector, shape (p,), in the structure of the weights."""
        import jax

        leaves, end = [], 0
        for shape in self.shapes:
            start, end = end, end + prod(shape)
            leaves.append(flat[start:end].reshape(shape))
        return jax.tree.unflatten(self.structure, leaves)

    def __call__(self, flat: Any, points: Any) -> Any:
        """Return the losses of the datapoints, or the function, shape (c,)."""
        import jax

        if not self.has_datapoints:
            return self.function(self.structured(flat)).reshape(1)

        def one(w: Any, point: Any) -> Any:
            return self.function(self.structured(w), point)

        mapped: Any = jax.vmap(one, (None, 0))
        return mapped(flat, points)


@lru_cache(maxsize=256)
def derivative_kernel(
    value: FlatValues,
    pattern: tuple[int, ...],
    *,
    vectors_out: bool,
    per_row: tuple[bool, tuple[bool, ...]],
) -> Any:
    """Return a compiled function ``(weights, datapoints, shares, tables, rows) -> result, is_finite``.

    Parameters
    ----------
    value
        The losses of datapoints. What is compiled is kept for equal ones, whatever the data.
    pattern
        For every leg which of the tables it takes its vectors from.
    vectors_out
        One leg is left open.
    per_row
        Whether datapoints, and each of the legs, have rows of their own. Without any of them the axis r
        has length 1 and is not mapped over: a matrix product without that axis is faster.

    Returns
    -------
    callable
        With datapoints of shape (r, c, ...), shares of shape (c,), tables of shape (K, p), and rows of
        shape (r, s) or (1, s), it returns numbers of shape (r, s, c), or vectors (r s, p) with a mark
        for each whether it is finite.
    """
    import jax
    import jax.numpy as jnp

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
        if not pattern:
            return along(weights, points, shares, vectors)[None]
        if vectors[0].shape[0] == 1:
            return along(weights, points, shares, [v[0] for v in vectors])[None]
        return jax.vmap(along, (None, None, None, 0))(weights, points, shares, vectors)

    def kernel(weights: Any, points: Any, shares: Any, tables: Any, rows: Any) -> Any:
        vectors = [table[index] for table, index in zip(tables, rows, strict=True)]
        own, legs_own = per_row
        if own or any(legs_own):
            axes = [0 if leg else None for leg in legs_own]
            vectors = [v if leg else v[0] for v, leg in zip(vectors, legs_own, strict=True)]
            mapped = jax.vmap(columns, (None, 0 if own else None, None, axes))
            result = mapped(weights, points if own else _first(points), shares, vectors)
        else:
            result = columns(weights, _first(points), shares, [v[0] for v in vectors])[None]
        if not vectors_out:
            return result, None
        table = result.reshape(-1, result.shape[-1])
        return table, jnp.isfinite(table).all(axis=1)

    def _first(points: Any) -> Any:
        return jax.tree.map(lambda leaf: leaf[0], points)

    return jax.jit(kernel)


def _differentiated(function: Callable[[Any], Any], vector: Any) -> Callable[[Any], Any]:
    import jax

    return lambda w: jax.jvp(function, (w,), (vector,))[1]


def block_products(one: Any, other: Any) -> Any:
    """Return scalar products of all pairs of vectors, block by block: shape (blocks, K, L)."""
    import jax.numpy as jnp

    blocks = -(-one.shape[1] // _BLOCK)
    padding = ((0, 0), (0, blocks * _BLOCK - one.shape[1]))
    first = jnp.pad(one, padding).reshape(len(one), blocks, _BLOCK)
    second = jnp.pad(other, padding).reshape(len(other), blocks, _BLOCK)
    return jnp.einsum("kbi,lbi->bkl", first, second)
