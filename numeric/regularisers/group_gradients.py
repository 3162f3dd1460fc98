"""The penalty of one batch in JAX, from the mean gradients of groups of its datapoints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["penalty_of_groups", "penalty_of_halves"]


def penalty_of_halves(
    loss: Callable[[Any, Any], Any], weights: Any, data: Any, on_mean: Any, on_spread: Any
) -> Any:
    """Return the penalty of a batch from its two halves.

    It costs a gradient for each strength, since combinations of halves are differentiated, not the
    halves one by one; the latter is slow where vectors of all weights do not fit the processor's cache.

    Parameters
    ----------
    loss
        Of one datapoint.
    weights, data
        Any pytrees; datapoints along the first axis, their number even.
    on_mean, on_spread
        What multiplies the squared mean gradient, or None for nothing, and the trace of the covariance of
        the datapoints' gradients.
    """
    import jax

    def squared_gradient(*factors: float) -> Any:
        def combined(weights: Any) -> Any:
            halves = jax.vmap(loss, in_axes=(None, 0))(weights, data).reshape(2, -1)
            return sum(c * half.mean() for c, half in zip(factors, halves, strict=True))

        return sum((leaf**2).sum() for leaf in jax.tree.leaves(jax.grad(combined)(weights)))

    datapoints = len(jax.tree.leaves(data)[0])
    total = on_spread * datapoints / 4 * squared_gradient(1, -1)
    return total if on_mean is None else total + on_mean * squared_gradient(0.5, 0.5)


def penalty_of_groups(
    loss: Callable[[Any, Any], Any],
    weights: Any,
    data: Any,
    on_mean: Any,
    on_spread: Any,
    *,
    groups: int,
) -> Any:
    """Return the penalty of a batch from the mean gradients of groups of equal sizes.

    Parameters are those of `penalty_of_halves`.
    """
    import jax

    parts = jax.tree.map(lambda leaf: leaf.reshape(groups, -1, *leaf.shape[1:]), data)
    size = len(jax.tree.leaves(data)[0]) // groups

    def group_loss(weights: Any, part: Any) -> Any:
        return jax.vmap(loss, in_axes=(None, 0))(weights, part).mean()

    gradients = jax.vmap(jax.grad(group_loss), in_axes=(None, 0))(weights, parts)
    total = 0.0
    for leaf in jax.tree.leaves(gradients):
        mean = leaf.mean(axis=0)
        total += on_spread * size / (groups - 1) * ((leaf - mean) ** 2).sum()
        if on_mean is not None:
            total += on_mean * (mean**2).sum()
    return total
