r"""Derivatives along curves in JAX: what is compiled; knows no data set and no memory.

A curve :math:`\theta(\epsilon)` that is known by its derivatives is differentiated through by nested
`jvp`: at every level the values so far are the primals and their derivatives along one more direction
the tangents. Derivatives that come twice, like those along :math:`\epsilon_0 \epsilon_1` and
:math:`\epsilon_1 \epsilon_0`, are the same operations on the same arrays, which XLA merges.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any, TypeAlias, final

from sgdiagrams.numeric.models.backends.jax_kernels import leaf_arrays
from sgdiagrams.numeric.models.curves.key_sets import greatest, parts_in_order

if TYPE_CHECKING:
    from collections.abc import Callable

    from sgdiagrams.numeric.models.backends.jax_kernels import LeafValues
    from sgdiagrams.numeric.models.model import Directions

__all__ = ["jets_kernel"]

#: Arrays, by the directions of the derivatives that they are.
ByKey: TypeAlias = "dict[Directions, Any]"


@lru_cache(maxsize=256)
def jets_kernel(
    value: LeafValues, keys: tuple[Directions, ...], *, vectors_out: bool, own: bool
) -> Any:
    """Return a compiled function ``(weights, points, rows, shares, tables, sizes=)``.

    Parameters
    ----------
    value
        The losses of datapoints, or a function.
    keys
        Of the derivatives, ``()`` among them.
    vectors_out
        Derivatives of the gradient and not of the value.
    own
        Every curve has datapoints of its own.

    Returns
    -------
    callable
        Takes weights in a row; datapoints; for curves with datapoints of their own which, shape (S, m),
        else None; shares (m,), equal or 0; tables (S, p) by their keys, without ``()``; and how many
        curves and datapoints are computed at once. Returns by their keys sums of shares times vectors,
        (S, p), or pairs (2, S) whose sums are sums of numbers with a share, not multiplied with it. What
        does not depend on the curve has length 1.
    """
    import jax

    jets = _Jets(value, keys, vectors_out, own)
    return jax.jit(jets.kernel, static_argnames=("sizes",))


@final
@dataclass(frozen=True, slots=True)
class _Jets:
    value: LeafValues
    keys: tuple[Directions, ...]
    vectors_out: bool
    own: bool

    def kernel(
        self,
        flat: Any,
        points: Any,
        rows: Any,
        shares: Any,
        tables: ByKey,
        *,
        sizes: tuple[int, int],
    ) -> ByKey:
        """Return derivatives for all curves, block by block."""
        import jax
        import jax.numpy as jnp

        if self.value.has_datapoints:
            pieces = -(-len(shares) // sizes[1])
            width = -(-len(shares) // pieces)
            shares = jnp.pad(shares, (0, pieces * width - len(shares))).reshape(pieces, width)
            if not self.own:
                points = jax.tree.map(lambda leaf: _cut(leaf, pieces), points)
        else:
            shares = None
        block = partial(self.block, flat, points, shares)
        parts = rows, tables
        curves = len(rows) if self.own else max(map(len, tables.values()), default=1)
        blocks = -(-curves // sizes[0])
        if blocks == 1:
            return block(parts)
        results = jax.lax.map(block, jax.tree.map(lambda leaf: _cut(leaf, blocks), parts))
        return {
            key: _joined(leaf, curves, vectors=self.vectors_out) if key or self.own else leaf[0]
            for key, leaf in results.items()
        }

    def block(self, flat: Any, points: Any, shares: Any, part: tuple[Any, ByKey]) -> ByKey:
        """Return derivatives for some curves, summed over pieces of datapoints."""
        import jax
        import jax.numpy as jnp

        rows, tables = part
        shapes = self.value.shapes
        weights = leaf_arrays(flat, shapes)
        curves = {key: leaf_arrays(table, shapes) for key, table in tables.items()}
        if self.own:  # pieces in front, (pieces, curves, datapoints)
            rows = _cut(rows.T, len(shares)).swapaxes(1, 2)

        def piece(part: Any) -> ByKey:
            here, share, index = part
            chosen = jax.tree.map(lambda leaf: leaf[index], points) if self.own else here
            return self.piece(weights, chosen, share, curves)

        every = (None if self.own else points), shares, rows
        if shares is None or len(shares) == 1:
            sums = piece(jax.tree.map(lambda leaf: leaf[0], every))
        else:
            count = rows.shape[1] if self.own else max(map(len, tables.values()), default=1)
            behind = flat.shape if self.vectors_out else ()
            zeros = {
                key: jnp.zeros((count if key or self.own else 1, *behind), flat.dtype)
                for key in self.keys
            }
            add = lambda sums, part: (_added(sums, piece(part)), None)  # noqa: E731
            sums, _ = jax.lax.scan(add, {key: (zero, zero) for key, zero in zeros.items()}, every)
        if self.vectors_out:
            return {key: high + low for key, (high, low) in sums.items()}
        return {key: jnp.stack(pair) for key, pair in sums.items()}

    def piece(self, weights: Any, points: Any, share: Any, curves: ByKey) -> ByKey:
        """Return derivatives for some curves and datapoints, as pairs whose sums they are."""
        import jax.numpy as jnp

        results = self.mapped()(weights, points, share, curves)
        if not self.vectors_out:
            return _pairs(results, share)
        pairs = {}
        for key, leaves in results.items():
            rows = len(leaves[0]) if key or self.own else 1
            vectors = jnp.concatenate([leaf.reshape(rows, -1) for leaf in leaves], axis=1)
            pairs[key] = vectors, jnp.zeros_like(vectors)
        return pairs

    def mapped(self) -> Callable[..., ByKey]:
        """Return `along` for several curves; what is the same for all is computed once."""
        import jax

        if self.keys == ((),) and not self.own:
            return self.along
        axes = {key: 0 if key or self.own else None for key in self.keys}
        return jax.vmap(self.along, (None, 0 if self.own else None, None, 0), axes)

    def along(self, weights: Any, points: Any, share: Any, curve: ByKey) -> ByKey:
        """Return derivatives along one curve: lists of arrays, or the numbers of datapoints."""
        import jax
        import jax.numpy as jnp

        def value(w: Any) -> Any:
            return self.value(w, points)

        def mean(w: Any) -> Any:
            return value(w)[0] if share is None else jnp.dot(share, value(w))

        function = jax.grad(mean) if self.vectors_out else value
        given = {(): weights, **curve}
        results: ByKey = {}
        for key in greatest(self.keys):
            parts = parts_in_order(key)
            nested = _nested(function, len(key))([given[part] for part in parts])
            for part, result in zip(parts, nested, strict=True):
                results.setdefault(part, result)
        return results


def _nested(function: Callable[[Any], Any], levels: int) -> Callable[[list[Any]], list[Any]]:
    """Return a function of the derivatives of its argument in the order of `parts_in_order`."""
    import jax

    if not levels:
        return lambda given: [function(given[0])]
    inner = _nested(function, levels - 1)

    def outer(given: list[Any]) -> list[Any]:
        half = len(given) // 2
        values, changes = jax.jvp(inner, (given[:half],), (given[half:],))
        return [*values, *changes]

    return outer


def _cut(array: Any, pieces: int) -> Any:
    # Pieces of equal lengths along a new first axis; the last is filled up with the first item.
    import jax.numpy as jnp

    missing = -len(array) % pieces
    if missing:
        array = jnp.concatenate([array, jnp.repeat(array[:1], missing, axis=0)])
    return array.reshape(pieces, -1, *array.shape[1:])


def _joined(blocks: Any, curves: int, *, vectors: bool) -> Any:
    if vectors:
        return blocks.reshape(-1, blocks.shape[-1])[:curves]
    return blocks.swapaxes(0, 1).reshape(2, -1)[:, :curves]


def _two_sum(one: Any, other: Any) -> tuple[Any, Any]:
    """Return a sum and what rounding took from it, exactly."""
    total = one + other
    part = total - one
    return total, (one - (total - part)) + (other - part)


def _added(sums: ByKey, more: ByKey) -> ByKey:
    result = {}
    for key, (high, low) in sums.items():
        total, lost = _two_sum(high, more[key][0])
        result[key] = total, low + (more[key][1] + lost)
    return result


def _pairs(results: ByKey, share: Any) -> ByKey:
    """Return the sums of numbers, shapes (..., c), over datapoints that have a share, and their rests."""
    import jax.numpy as jnp

    # All numbers in one table: what is compiled is as long for ten derivatives as for one.
    tables = [numbers.reshape(-1, numbers.shape[-1]) for numbers in results.values()]
    high = jnp.concatenate(tables)
    high = high if share is None else jnp.where(share > 0, high, 0)
    low = jnp.zeros_like(high)
    while (width := high.shape[1]) > 1:
        half = width // 2
        total, lost = _two_sum(high[:, :half], high[:, half : 2 * half])
        rest = slice(2 * half, width)
        low = jnp.concatenate(
            [low[:, :half] + low[:, half : 2 * half] + lost, low[:, rest]], axis=1
        )
        high = jnp.concatenate([total, high[:, rest]], axis=1)
    ends = [*accumulate(map(len, tables), initial=0)]
    return {
        key: (high[start:end, 0], low[start:end, 0])
        for key, (start, end) in zip(results, pairwise(ends), strict=True)
    }
