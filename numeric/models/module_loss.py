"""Losses of PyTorch modules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

from sgdiagrams.diagrams.errors import MissingDependencyError, RequestError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.numeric.models.backends.torch_trees import leaves_of, like

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ModuleLoss", "refuse_training", "torch_loss"]


@final
@dataclass(frozen=True, slots=True, eq=False)
class ModuleLoss:
    """The loss of one datapoint by a module and a criterion, as a function of the module's weights.

    Attributes
    ----------
    module
        With its buffers and frozen parameters, which are no weights.
    criterion
        ``criterion(output, target)``, or ``criterion(output)`` where datapoints have no target.
    """

    module: Any
    criterion: Callable[..., Any]

    def __call__(self, weights: dict[str, Any], datapoint: Any) -> Any:
        """Return the loss of a datapoint, which gets a batch axis of one."""
        return self.of_batch(weights, like(datapoint, [x[None] for x in leaves_of(datapoint)]))

    def of_batch(self, weights: dict[str, Any], datapoints: Any) -> Any:
        """Return the loss of a batch of datapoints."""
        from torch import nn
        from torch.func import functional_call

        kind = next(iter(weights.values())).dtype
        fixed = {n: t.clone() for n, t in self.module.named_buffers()}  # a call may change them
        fixed.update(self.module.named_parameters())
        constants = {name: _in(kind, t) for name, t in fixed.items() if name not in weights}
        inputs, targets = _parted(datapoints)
        arguments, keywords = _as_arguments(inputs)
        output = functional_call(self.module, {**constants, **weights}, arguments, keywords)
        if isinstance(self.criterion, nn.Module):
            own = {name: _in(kind, t) for name, t in self.criterion.named_buffers()}
            return functional_call(self.criterion, own, (output, *targets))
        return self.criterion(output, *targets)


def torch_loss(module: Any, criterion: Callable[..., Any]) -> tuple[ModuleLoss, dict[str, Any]]:
    """Return the loss of a PyTorch module as a function of its weights, and its weights.

    Parameters
    ----------
    module
        A `torch.nn.Module`. Its parameters that require gradients are the weights; the others, and its
        buffers, stay as they are. Put it into evaluation mode before: dropout and batch normalisation
        in training mode have no loss of their own for a datapoint.
    criterion
        ``criterion(output, target) -> scalar`` that averages over the batch, such as
        ``torch.nn.CrossEntropyLoss()``; ``criterion(output)`` where the data are inputs alone.

    Returns
    -------
    loss
        ``loss(weights, datapoint) -> scalar``; a datapoint is ``(input, target)``, or the input alone,
        without an axis for a batch: an axis of length one is added.
    weights
        Copies of the weights by their names.

    Raises
    ------
    RequestError
        When the module is none, has no weights, or is in training mode with parts that mix datapoints or
        draw random numbers; when the criterion adds losses up or returns one for each datapoint.
    MissingDependencyError
        When PyTorch is absent.

    Examples
    --------
    >>> import torch
    >>> module = torch.nn.Linear(3, 1).eval()
    >>> loss, weights = torch_loss(module, torch.nn.MSELoss())
    >>> sorted(weights)
    ['bias', 'weight']
    >>> loss(weights, (torch.zeros(3), module.bias)).item()
    0.0
    """
    try:
        import torch
    except ImportError as error:
        raise MissingDependencyError(
            'PyTorch is not installed; run: pip install "sgdiagrams[torch]"'
        ) from error
    if not isinstance(module, torch.nn.Module):
        raise RequestError(f"expected a torch.nn.Module, got module={shown(module)}")
    if not callable(criterion):
        raise RequestError(f"expected a criterion, a function, got criterion={shown(criterion)}")
    reduction = getattr(criterion, "reduction", "mean")
    if reduction != "mean":
        raise RequestError(
            f"expected a criterion that averages, got one with reduction={shown(reduction)}; losses"
            " are averaged over a batch here: take reduction='mean'"
        )
    refuse_training(module)
    weights = {
        name: parameter.detach().clone()
        for name, parameter in module.named_parameters()
        if parameter.requires_grad
    }
    if not weights:
        raise RequestError("expected a module with parameters that require gradients, got none")
    return ModuleLoss(module, criterion), weights


def refuse_training(module: Any) -> None:
    """Raise an error for parts in training mode that mix datapoints or draw random numbers."""
    from torch import nn

    means = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)
    drops = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout)
    for name, part in module.named_modules():
        if isinstance(part, means) and (part.training or part.running_mean is None):
            raise RequestError(
                f"{_called(part, name)} takes means over a batch, so that a datapoint has no loss of"
                " its own; call module.eval() before, or replace it by GroupNorm"
            )
        share = part.p if isinstance(part, drops) else getattr(part, "dropout", 0)
        if part.training and isinstance(share, float) and share > 0:
            raise RequestError(
                f"{_called(part, name)} leaves out other units at every call; call module.eval() before"
            )


def _called(part: Any, name: str) -> str:
    return f"{type(part).__name__} ({shown(name)})" if name else type(part).__name__


def _parted(datapoint: Any) -> tuple[Any, tuple[Any, ...]]:
    if isinstance(datapoint, (tuple, list)):
        return datapoint[0], tuple(datapoint[1:])
    return datapoint, ()


def _as_arguments(inputs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if isinstance(inputs, dict):
        return (), inputs
    return (tuple(inputs), {}) if isinstance(inputs, (tuple, list)) else ((inputs,), {})


def _in(kind: Any, tensor: Any) -> Any:
    return tensor.detach().to(kind) if tensor.is_floating_point() else tensor.detach()
