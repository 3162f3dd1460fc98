"""The penalty that imitates small batches as a term of the loss for PyTorch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sgdiagrams.diagrams.errors import MissingDependencyError, RequestError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.numeric.regularisers.strengths import strengths_of_groups

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

__all__ = ["torch_small_batch_penalty"]


def torch_small_batch_penalty(
    losses: Any,
    parameters: Iterable[Any],
    *,
    eta: float,
    small: int,
    large: int | None = None,
    small_eta: float | None = None,
    momentum: float = 0.0,
    groups: int = 2,
    generator: Any = None,
) -> Any:
    r"""Return the penalty that makes training with large batches imitate small ones.

    .. math:: \frac{\eta_b - \eta}{4} |\bar g|^2
       + \frac{\eta_b}{4} \left(\frac1b - \frac1B\right) \operatorname{tr} \hat C

    with the batch size b and the learning rate :math:`\eta_b` that are imitated, the mean gradient of the
    batch, and an unbiased estimate of the trace of the covariance of its datapoints' gradients. Add it to
    the loss::

        losses = criterion(module(X), y)                     # criterion with reduction="none"
        penalty = torch_small_batch_penalty(losses, module.parameters(), eta=0.1, small=4)
        (losses.mean() + penalty).backward()

    The weights, averaged over shuffles, then move as those of batches of b on the same training set do,
    to order :math:`\eta^2` (docs/regulariser.md says for which trainings).

    Parameters
    ----------
    losses
        The losses of the datapoints of a batch, shape (m,), on the graph of the parameters. A loss may
        depend on its own datapoint only: no batch normalisation in train mode.
    parameters
        As the optimiser has them; those that require no gradient are left out.
    eta
        The learning rate of this update.
    small
        The batch size b to imitate.
    large
        The batch size B that is trained with; m when left out. Give it when gradients are accumulated
        over several batches, or when the penalty is taken on some datapoints of a large batch only.
    small_eta
        The learning rate to imitate; `eta` when left out. As many updates of the small batches are
        imitated as have the same sum of rates.
    momentum
        That of the optimiser, a heavy ball; the same is imitated.
    groups
        The covariance is estimated from the mean gradients of so many groups of datapoints, drawn anew
        at every call: 2 are half batches, m are all pairs. It costs ``groups - 1`` gradients of the
        batch, and their derivatives.
    generator
        ``torch.Generator`` of the groups; torch's own when left out.

    Returns
    -------
    torch.Tensor
        A scalar that can be differentiated.

    Raises
    ------
    MissingDependencyError
        When PyTorch is absent.
    RequestError
        When losses are no vector or have no graph, or a number makes no sense.

    Examples
    --------
    >>> import torch
    >>> slope = torch.tensor(1.0, requires_grad=True)
    >>> losses = (slope * torch.tensor([1.0, 2.0]) - 1) ** 2

    Gradients are 0 and 4, so that tr C is 8, times (0.1/4) (1 - 1/2):

    >>> penalty = torch_small_batch_penalty(losses, [slope], eta=0.1, small=1)
    >>> print(f"{penalty.item():.4f}")
    0.1000

    Hessians are 2 and 8, so that the gradient of tr C is 24:

    >>> penalty.backward()
    >>> print(f"{slope.grad.item():.4f}")
    0.3000

    References
    ----------
    S. Smith, B. Dherin, D. Barrett, S. De, "On the origin of implicit regularization in stochastic
    gradient descent", ICLR 2021.
    """
    try:
        import torch
    except ImportError as error:
        raise MissingDependencyError(
            "expected PyTorch for this penalty, which is not installed; "
            'run pip install "sgdiagrams[torch]"'
        ) from error
    if not isinstance(losses, torch.Tensor) or losses.dim() != 1 or not losses.requires_grad:
        raise RequestError(
            "expected the losses of the datapoints as a vector that depends on the parameters, got "
            f"losses={shown(losses)}; make the criterion with reduction='none'"
        )
    weights = [one for one in parameters if one.requires_grad]
    if not weights:
        raise RequestError("expected parameters that require gradients, got none")
    datapoints = len(losses)
    size, on_mean, on_spread = strengths_of_groups(
        datapoints,
        eta=eta,
        small_eta=small_eta,
        small=small,
        large=large,
        momentum=momentum,
        groups=groups,
    )
    device = "cpu" if generator is None else generator.device
    order = torch.randperm(datapoints, generator=generator, device=device)[: groups * size]

    def squared_gradient(factors: NDArray[np.float64]) -> Any:
        """Return the squared norm of a combination of the mean gradients of the groups."""
        along = torch.zeros_like(losses)
        values = torch.as_tensor(factors / size, dtype=losses.dtype, device=losses.device)
        along[order.to(losses.device)] = values.repeat_interleave(size)
        gradients = torch.autograd.grad(
            losses, weights, along, create_graph=True, materialize_grads=True
        )
        return torch.stack([(one**2).sum() for one in gradients]).sum()

    total = on_spread * size / (groups - 1) * sum(map(squared_gradient, _contrasts(groups)))
    if on_mean:
        total += on_mean * squared_gradient(np.full(groups, 1 / groups))
    return total


def _contrasts(groups: int) -> NDArray[np.float64]:
    """Return orthonormal rows that are orthogonal to the mean, shape (groups - 1, groups).

    The squares of what they give sum to the squared distances of the groups from their mean.
    """
    table = np.tril(np.ones((groups, groups)), k=-1)[1:]
    lengths = np.arange(1, groups)
    table[lengths - 1, lengths] = -lengths
    return np.asarray(table / np.sqrt(lengths * (lengths + 1))[:, None])
