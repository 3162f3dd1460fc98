"""The penalty that imitates small batches as a transformation of gradients for optax."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from sgdiagrams.diagrams.errors import MissingDependencyError, RequestError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.numeric.regularisers.group_gradients import (
    penalty_of_groups,
    penalty_of_halves,
)
from sgdiagrams.numeric.regularisers.strengths import check_batches, strengths_of_groups

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SmallBatchPenaltyState", "optax_small_batch_penalty"]


class SmallBatchPenaltyState(NamedTuple):
    """The state of the transformation.

    Attributes
    ----------
    count
        How many updates have been made.
    """

    count: Any


def optax_small_batch_penalty(
    loss: Callable[[Any, Any], Any],
    *,
    eta: Any,
    small: int,
    large: int | None = None,
    small_eta: Any = None,
    momentum: float = 0.0,
    groups: int = 2,
    seed: int = 0,
) -> Any:
    r"""Return a transformation that makes training with large batches imitate small ones.

    It adds to the gradient of every update that of the penalty

    .. math:: \frac{\eta_b - \eta}{4} |\bar g|^2
       + \frac{\eta_b}{4} \left(\frac1b - \frac1B\right) \operatorname{tr} \hat C

    with the batch size b and the learning rate :math:`\eta_b` that are imitated, the mean gradient of the
    batch, and an unbiased estimate of the trace of the covariance of its datapoints' gradients. Put it
    first in a chain, and hand over the batch at every update::

        penalty = optax_small_batch_penalty(loss, eta=0.1, small=4)
        optimizer = optax.chain(penalty, optax.sgd(0.1))
        ...
        updates, state = optimizer.update(gradient, state, weights, batch=batch)

    The weights, averaged over shuffles, then move as those of batches of b on the same training set do,
    to order :math:`\eta^2` (docs/regulariser.md says for which trainings).

    Parameters
    ----------
    loss
        ``loss(weights, datapoint) -> scalar``: the loss of one datapoint, without batch axis.
    eta
        The learning rate of the optimiser, a number or a schedule (count -> number).
    small
        The batch size b to imitate.
    large
        The batch size B that is trained with; that of the batch handed over when left out. Give it when
        gradients are accumulated over several batches, or when only some datapoints of a large batch are
        handed over, which makes the penalty cheaper.
    small_eta
        The learning rate to imitate, a number or a schedule of the same updates; `eta` when left out. As
        many updates of the small batches are imitated as have the same sum of rates.
    momentum
        That of the optimiser, a heavy ball; the same is imitated.
    groups
        The covariance is estimated from the mean gradients of so many groups of datapoints, drawn anew
        at every update: 2 are half batches, which cost two to three gradients; as many as datapoints
        are all pairs. More groups are more precise, for `groups` times the memory of the weights.
    seed
        Of the groups that are drawn.

    Returns
    -------
    optax.GradientTransformationExtraArgs
        Its state counts updates.

    Raises
    ------
    MissingDependencyError
        When JAX or optax is absent.
    RequestError
        When a number makes no sense; at an update when weights or batch are missing, or the batch has
        fewer datapoints than groups.

    Examples
    --------
    >>> import jax.numpy as jnp, optax
    >>> def loss(weights, datapoint):
    ...     return (weights["slope"] * datapoint["x"] - datapoint["y"]) ** 2
    >>> batch = {"x": jnp.array([1.0, 2.0]), "y": jnp.array([1.0, 1.0])}
    >>> weights = {"slope": jnp.array(1.0)}

    Gradients are 0 and 4, Hessians 2 and 8: tr C is 8 and its gradient 24, times (0.1/4) (1 - 1/2).

    >>> penalty = optax_small_batch_penalty(loss, eta=0.1, small=1)
    >>> zero = {"slope": jnp.array(0.0)}
    >>> updates, _ = penalty.update(zero, penalty.init(weights), weights, batch=batch)
    >>> print(f"{updates['slope']:.4f}")
    0.3000

    References
    ----------
    S. Smith, B. Dherin, D. Barrett, S. De, "On the origin of implicit regularization in stochastic
    gradient descent", ICLR 2021.
    """
    try:
        import jax
        import optax
    except ImportError as error:
        raise MissingDependencyError(
            "expected JAX and optax for this transformation, which are not both installed; "
            'run pip install "sgdiagrams[jax]"'
        ) from error
    if not callable(loss):
        raise RequestError(f"expected a function loss(weights, datapoint), got loss={shown(loss)}")
    # The batch is not known yet: the others are checked against the largest that they allow.
    known = max(groups, small) if large is None else large
    check_batches(small=small, large=known, batch=groups, groups=groups, momentum=momentum)

    def init(params: Any) -> SmallBatchPenaltyState:
        del params
        return SmallBatchPenaltyState(count=jax.numpy.zeros([], jax.numpy.int32))

    def update(
        updates: Any,
        state: SmallBatchPenaltyState,
        params: Any = None,
        *,
        batch: Any = None,
        **others: Any,
    ) -> tuple[Any, SmallBatchPenaltyState]:
        del others  # of other transformations in the chain
        if params is None or batch is None:
            raise RequestError(
                "expected weights and batch at every update of a small-batch penalty: "
                "optimizer.update(gradient, state, weights, batch=batch)"
            )
        sizes = {len(leaf) for leaf in jax.tree.leaves(batch)}
        if len(sizes) != 1:
            raise RequestError(
                f"expected arrays with one datapoint in a row, got batch with {sorted(sizes)} rows"
            )
        datapoints = sizes.pop()
        size, on_mean, on_spread = strengths_of_groups(
            datapoints,
            eta=eta(state.count) if callable(eta) else eta,
            small_eta=small_eta(state.count) if callable(small_eta) else small_eta,
            small=small,
            large=large,
            momentum=momentum,
            groups=groups,
        )
        key = jax.random.fold_in(jax.random.key(seed), state.count)
        order = jax.random.permutation(key, datapoints)[: groups * size]
        drawn = jax.tree.map(lambda leaf: jax.numpy.asarray(leaf)[order], batch)

        strengths = (None if small_eta is None else on_mean, on_spread)
        if groups == 2:
            penalty = partial(penalty_of_halves, loss)
        else:
            penalty = partial(penalty_of_groups, loss, groups=groups)
        added = jax.grad(penalty)(params, drawn, *strengths)
        updates = jax.tree.map(lambda one, other: one + other.astype(one.dtype), updates, added)
        return updates, SmallBatchPenaltyState(count=optax.safe_increment(state.count))

    return optax.GradientTransformationExtraArgs(init, update)
