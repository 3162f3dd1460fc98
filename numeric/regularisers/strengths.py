r"""How strong the penalty is that makes training with large batches imitate small ones.

Two ways to train on one training set of N datapoints, each visited equally often, are compared: batches
of b at the learning rate :math:`\eta_b`, and batches of B at the rate :math:`\eta_B`, with as many
updates that :math:`\eta_b T_b = \eta_B T_B`. Averaged over shuffles, the weights agree to order
:math:`\eta`. At order :math:`\eta^2` they differ because updates of one epoch see *different*
datapoints: for two of them the mean of Hessian times gradient is that over pairs of distinct datapoints,
:math:`H G - \frac{1}{2N} \nabla \operatorname{tr} C`, with the mean gradient G, the mean Hessian H and
the unbiased covariance C of the gradients on that training set. An epoch of N/b updates has
:math:`\binom{N/b}{2}` such pairs, so that the displacement of the weights is

.. math:: -\eta T G + \eta^2 \tbinom{T}{2} H G
   - \eta^2 \tfrac{T}{4} \left(\tfrac1b - \tfrac1N\right) \nabla \operatorname{tr} C + O(\eta^3).

A penalty R added to the loss moves the weights by :math:`-\eta_B T_B \nabla R`. With

.. math:: R = \frac{\eta_b - \eta_B}{4} |\bar g|^2
   + \frac{\eta_b}{4} \left(\frac1b - \frac1B\right) \operatorname{tr} \hat C

the difference is gone. Here :math:`\bar g` is the mean gradient of a batch of B, which has
:math:`\langle |\bar g|^2 \rangle = |G|^2 + (\frac1B - \frac1N) \operatorname{tr} C`, and
:math:`\operatorname{tr} \hat C` any unbiased estimate; N drops out.

With momentum the rates are effective ones, :math:`\eta / (1 - \beta)`, and :math:`\binom{T}{2}` becomes
:math:`\frac{T}{2} (T - \frac{1 + \beta}{1 - \beta})`, up to the ends of training and of epochs.
"""

from __future__ import annotations

from numbers import Real
from typing import Any

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.diagrams.whole_numbers import is_whole

__all__ = ["check_batches", "penalty_strengths", "strengths_of_groups"]


def penalty_strengths(
    *, eta: Any, small_eta: Any, small: int, large: int, batch: int, momentum: Any
) -> tuple[Any, Any]:
    r"""Return what multiplies :math:`|\bar g|^2` and :math:`\operatorname{tr} \hat C` of a batch.

    Parameters
    ----------
    eta, small_eta
        The learning rates with large batches (which the penalty is used with) and with small ones (which
        are imitated).
    small, large
        The sizes b and B of the batches.
    batch
        How many datapoints the mean gradient :math:`\bar g` is taken over: B, or fewer.
    momentum
        :math:`\beta` of heavy balls; 0 for SGD.

    Examples
    --------
    >>> from fractions import Fraction
    >>> def strengths(**rates):
    ...     return penalty_strengths(small=2, large=8, batch=8, momentum=0, **rates)
    >>> strengths(eta=Fraction(1, 10), small_eta=Fraction(1, 10))
    (Fraction(0, 1), Fraction(3, 320))

    The linear scaling rule, four times the rate with four times the batch:

    >>> strengths(eta=Fraction(4, 10), small_eta=Fraction(1, 10))
    (Fraction(-3, 40), Fraction(3, 320))
    """
    eta, small_eta = eta / (1 - momentum), small_eta / (1 - momentum)
    mean = (1 + momentum) * (small_eta - eta) / (4 * (1 - momentum))
    # To |G|^2 the mean over a batch adds tr C / batch, and the strengths are those for batches of B.
    spread = small_eta / (4 * small) - eta / (4 * large) - mean / batch
    return mean, spread


def check_batches(*, small: int, large: int, batch: int, groups: int, momentum: Any) -> None:
    """Raise an error unless the sizes of batches make sense.

    Raises
    ------
    RequestError
        When they do not; the message names the one.
    """
    if not is_whole(large, least=1):
        raise RequestError(f"expected a batch size large >= 1, got large={shown(large)}")
    if not is_whole(small, least=1, most=large):
        raise RequestError(
            f"expected a batch size small from 1 to large={large}, the batch that is trained with, "
            f"got small={shown(small)}"
        )
    if not is_whole(groups, least=2):
        raise RequestError(f"expected groups >= 2 of datapoints, got groups={shown(groups)}")
    if batch < groups:
        raise RequestError(
            f"expected at least as many datapoints as groups={groups}, got a batch of {batch}; "
            "take fewer groups"
        )
    if not isinstance(momentum, Real) or not 0 <= float(momentum) < 1:
        raise RequestError(f"expected a momentum from 0 to below 1, got momentum={shown(momentum)}")


def strengths_of_groups(
    datapoints: int,
    *,
    eta: Any,
    small_eta: Any,
    small: int,
    large: int | None,
    momentum: Any,
    groups: int,
) -> tuple[int, Any, Any]:
    """Return the size of groups of a batch, and the two strengths for what they have together.

    Parameters
    ----------
    datapoints
        Of the batch that is there; also the size B of batches, if `large` is None.
    eta, small_eta, small, large, momentum
        As for `penalty_strengths`; the rate `eta` is imitated if `small_eta` is None.
    groups
        How many equal groups the batch is divided into; what is left over is not used.

    Raises
    ------
    RequestError
        As for `check_batches`.
    """
    whole = datapoints if large is None else large
    check_batches(small=small, large=whole, batch=datapoints, groups=groups, momentum=momentum)
    size = datapoints // groups
    strengths = penalty_strengths(
        eta=eta,
        small_eta=eta if small_eta is None else small_eta,
        small=small,
        large=whole,
        batch=groups * size,
        momentum=momentum,
    )
    return size, *strengths
