r"""How weights along a run answer to a push of the gradient: the optimiser's updates, linearised.

With the mean Hessian :math:`H_t` where update t reads the gradient and weight decay
:math:`\lambda`, a small move of that point moves the gradient by :math:`H_t + \lambda` times itself, and
the optimiser, which is linear in gradient and state, does the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sgdiagrams.numeric.linear_state import carried, combined

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from sgdiagrams.symbolic.propagation.linear_update import LinearUpdate

__all__ = ["LinearRule", "Responses", "push_responses", "weights_along"]


class LinearRule(NamedTuple):
    """An optimiser with numbers, all Fractions or all floats.

    Attributes
    ----------
    linear_updates
        What every update does.
    metric
        The learning-rate tensor, shape (p, p).
    decay
        The weight decay.
    """

    linear_updates: tuple[LinearUpdate, ...]
    metric: NDArray[Any]
    decay: Any

    @property
    def updates(self) -> int:
        """The number of updates T."""
        return len(self.linear_updates)

    def first(self, zero: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        """Return the state before the first update."""
        return (zero,) * (self.linear_updates[0].states if self.updates else 1)


class Responses(NamedTuple):
    """The derivative of points along a run by the gradient of update s; zero unless that is earlier.

    Attributes
    ----------
    weights
        Of the weights after t updates, shape (T + 1, T, p, p), axes t, s, weight, gradient.
    reads
        Of the point where update t reads the gradient, shape (T, T, p, p).
    """

    weights: NDArray[Any]
    reads: NDArray[Any]


def weights_along(
    rule: LinearRule,
    start: NDArray[Any],
    mean_gradient: Callable[[int, NDArray[Any]], NDArray[Any]],
) -> NDArray[Any]:
    r"""Return the weights :math:`\varphi_0, \dots, \varphi_T`, shape (T + 1, p).

    Parameters
    ----------
    rule
        The optimiser.
    start
        :math:`\varphi_0`.
    mean_gradient
        Called once an update, in their order: its number and the weights where it reads -> the mean
        gradient there.
    """
    state: tuple[Any, ...] = rule.first(0 * start)
    path = [start]
    for t, update in enumerate(rule.linear_updates):
        read = start + combined(update.read, state)
        gradient = mean_gradient(t, read) + rule.decay * read
        state = carried(update, state, rule.metric @ gradient)
        path.append(start + combined(update.readout, state))
    return np.array(path)


def push_responses(rule: LinearRule, hessians: NDArray[Any]) -> Responses:
    r"""Return how the run answers to pushes.

    Parameters
    ----------
    rule
        The optimiser.
    hessians
        The mean Hessians :math:`H_0, \dots, H_{T-1}`, shape (T, p, p).

    Returns
    -------
    Responses
        Signs and learning rates are inside.

    Examples
    --------
    Plain SGD on a parabola of curvature 1 with the learning rate 1/2: a push is halved at every update.

    >>> from sgdiagrams.symbolic.training.optimizers.sgd import SGD
    >>> updates = tuple(update.as_floats() for update in SGD().linear_updates(2))
    >>> rule = LinearRule(updates, np.full((1, 1), 0.5), 0)
    >>> push_responses(rule, np.ones((2, 1, 1))).weights[..., 0, 0].tolist()
    [[0.0, 0.0], [-0.5, 0.0], [-0.25, -0.5]]
    """
    p, T = len(rule.metric), rule.updates
    one = np.array(
        [[type(x)(i == j) for j, x in enumerate(row)] for i, row in enumerate(rule.metric)]
    )
    # By the update that was pushed: the moves of all vectors.
    zero = np.zeros((T, p, p), dtype=one.dtype) + 0 * one
    state: tuple[Any, ...] = rule.first(zero)
    weights, reads = [zero], []
    for t, update in enumerate(rule.linear_updates):
        read = combined(update.read, state)
        gradient = hessians[t] @ read + rule.decay * read
        gradient[t] = gradient[t] + one
        state = carried(update, state, rule.metric @ gradient)
        reads.append(read)
        weights.append(combined(update.readout, state))
    return Responses(np.array(weights), np.array(reads).reshape(T, T, p, p))
