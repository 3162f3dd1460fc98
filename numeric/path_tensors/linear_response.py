r"""How weights along a run answer to a push of the gradient: the optimiser's updates, linearised.

With the mean Hessian :math:`H_t` at the weights :math:`\varphi_t` and weight decay :math:`\lambda`, a
small move of the weights moves the gradient by :math:`H_t + \lambda` times itself, and the optimiser,
which is linear in gradient and memory, does the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["LinearRule", "push_responses", "weights_along"]


class LinearRule(NamedTuple):
    """An optimiser with numbers, all Fractions or all floats.

    Attributes
    ----------
    matrices
        What every update makes of gradient and memory: see `sgdiagrams.numeric.descent.Descent`.
    metric
        The learning-rate tensor, shape (p, p).
    decay
        The weight decay.
    """

    matrices: NDArray[Any]
    metric: NDArray[Any]
    decay: Any

    @property
    def updates(self) -> int:
        """The number of updates T."""
        return len(self.matrices)


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
        Called once an update, in their order: its number and the weights -> the mean gradient there.
    """
    theta = start
    memory = [0 * start] * (rule.matrices.shape[-1] - 1)
    path = [theta]
    for t, matrix in enumerate(rule.matrices):
        gradient = mean_gradient(t, theta) + rule.decay * theta
        step, *memory = _combined(matrix, [gradient, *memory])
        theta = theta - rule.metric @ step
        path.append(theta)
    return np.array(path)


def push_responses(rule: LinearRule, hessians: NDArray[Any]) -> NDArray[Any]:
    r"""Return the derivative of the weights after t updates by the gradient of update s.

    Parameters
    ----------
    rule
        The optimiser.
    hessians
        The mean Hessians :math:`H_0, \dots, H_{T-1}`, shape (T, p, p).

    Returns
    -------
    ndarray
        Shape (T + 1, T, p, p), axes t, s, weight, gradient; zero unless s < t. Signs and learning rates
        are inside.

    Examples
    --------
    Plain SGD on a parabola of curvature 1 with the learning rate 1/2: a push is halved at every update.

    >>> rule = LinearRule(np.ones((2, 1, 1)), np.full((1, 1), 0.5), 0)
    >>> push_responses(rule, np.ones((2, 1, 1)))[..., 0, 0].tolist()
    [[0.0, 0.0], [-0.5, 0.0], [-0.25, -0.5]]
    """
    p, T = len(rule.metric), rule.updates
    one = np.array(
        [[type(x)(i == j) for j, x in enumerate(row)] for i, row in enumerate(rule.metric)]
    )
    # State by the update that was pushed: the move of the weights, and those of the memory.
    state = [np.zeros((T, p, p), dtype=one.dtype) + 0 * one for _ in range(rule.matrices.shape[-1])]
    result = [state[0]]
    for t, matrix in enumerate(rule.matrices):
        moved, *memory = state
        gradient = hessians[t] @ moved + rule.decay * moved
        gradient[t] = gradient[t] + one
        step, *memory = _combined(matrix, [gradient, *memory])
        state = [moved - rule.metric @ step, *memory]
        result.append(state[0])
    return np.array(result)


def _combined(matrix: NDArray[Any], arrays: list[NDArray[Any]]) -> list[NDArray[Any]]:
    """Return a matrix times a column of arrays."""
    return [sum(x * array for x, array in zip(row, arrays, strict=True)) for row in matrix]
