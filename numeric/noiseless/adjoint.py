r"""The adjoint of a noiseless run: what a push of a gradient does to the end, in one pass backwards.

With :math:`\kappa_t = \partial s/\partial z_t`, a row of vectors, and the update rule of `NoiselessRun`,

.. math:: \mu_t = -\eta\, b_t \cdot \kappa_{t+1}, \qquad
    \kappa_t = A_t^{\mathsf T} \kappa_{t+1} + r_t\, (H(\psi_t) + \lambda)\, \mu_t
    + c_{t-1} \sum_i w_{i t}\, \partial s / \partial (\mathrm{point}\ i)

where point i is :math:`\sum_t w_{i t} \varphi_t`. Then :math:`\mu_t` is the derivative of s along the
gradient of update t.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sgdiagrams.numeric.linear_state import combined
from sgdiagrams.numeric.models.model import Leg
from sgdiagrams.symbolic.vocabulary import LOSS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from sgdiagrams.numeric.noiseless.noiseless_run import NoiselessRun, Passed

__all__ = ["effects", "responses"]

_ONE = np.zeros((1, 1), dtype=np.intp)  # the only vector of a table, for all datapoints


def responses(
    run: NoiselessRun, passed: Passed, slopes: Sequence[Any]
) -> Iterator[tuple[int, Any, Leg]]:
    r"""Yield (t, weights where update t reads, :math:`\mu_t`) for t = T - 1, ..., 1, 0.

    The response :math:`\mu_t` is the only vector of a leg, for derivatives along it.

    Parameters
    ----------
    run
        The noiseless run.
    passed
        What ``run.forward()`` gave.
    slopes
        The derivative of s by each of its points, vectors of the model's library, shape (p,).
    """
    model, watched = run.model, run.descent.watched
    with model.computing():
        ahead = (0 * slopes[0],) * run.descent.states
    for t, theta in run.backward(passed):
        update = run.linear_updates[t]
        with model.computing():
            # The weights after this update are looked at.
            seen = combined([weights[t + 1] for weights in watched], slopes)
            ahead = tuple(
                x + c * seen if c else x for c, x in zip(update.readout, ahead, strict=True)
            )
            push = -run.eta * combined(update.inject, ahead)
            leg = Leg(push[None], _ONE)
        yield t, theta, leg
        if not t:
            return
        here = model.moved(theta)
        bent = here.derivative(LOSS, model.everything, [leg], output="vector")
        turned = run.penalty.added_to_bend(bent[0], here, leg)
        with model.computing():
            columns = zip(*update.step, strict=True)
            reads = [(update.read, turned)]
            if update.pull is not None:
                drawn = -run.eta * run.descent.pull * combined(update.pull.inject, ahead)
                reads.append((update.pull.read, drawn))
            after = []
            for i, column in enumerate(columns):
                vector = combined(column, ahead)
                for row, more in reads:
                    vector = vector + row[i] * more if row[i] else vector
                after.append(vector)
            ahead = tuple(after)


def effects(
    run: NoiselessRun, passed: Passed, slopes: Sequence[Any]
) -> Iterator[tuple[int, NDArray[np.float64]]]:
    r"""Yield (t, e) for t = T - 1, ..., 0: what every datapoint does at update t, to first order.

    .. math:: e_{t, x} = \mu_t \cdot (\nabla l_x - \nabla l)(\varphi_t)

    is the change of s when the gradient of update t is that of datapoint x in place of the mean, about;
    with B datapoints the mean of theirs. Shape (n,), of sum zero. T n numbers in all, one update at a
    time.

    Parameters
    ----------
    run, passed, slopes
        As for `responses`.
    """
    model = run.model
    rows = model.everything[:, None]
    for t, theta, leg in responses(run, passed, slopes):
        numbers = model.moved(theta).derivative(LOSS, rows, [leg], output="number")
        along = np.asarray(numbers, dtype=np.float64)[:, 0]
        yield t, along - along.mean()
