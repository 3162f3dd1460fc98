"""Losses of PyTorch modules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

from sgdiagrams.diagrams.errors import MissingDependencyError, RequestError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.numeric.models.backends.torch_trees import leaves_of, like

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ModuleLoss", "torch_loss"]


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
        from torch.func import functional_call

        kind = next(iter(weights.values())).dtype
        fixed = {**dict(self.module.named_buffers()), **dict(self.module.named_parameters())}
        constants = {name: _in(kind, t) for name, t in fixed.items() if name not in weights}
        inputs, targets = _parted(datapoint)
        arguments, keywords = _as_arguments(_batch_of_one(inputs))
        output = functional_call(self.module, {**constants, **weights}, arguments, keywords)
        return self.criterion(output, *(_batch_of_one(target) for target in targets))


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
        When the module is none, has no weights, or when the criterion adds losses up or returns one for
        each datapoint.
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
    weights = {
        name: parameter.detach().clone()
        for name, parameter in module.named_parameters()
        if parameter.requires_grad
    }
    if not weights:
        raise RequestError("expected a module with parameters that require gradients, got none")
    return ModuleLoss(module, criterion), weights


def _parted(datapoint: Any) -> tuple[Any, tuple[Any, ...]]:
    if isinstance(datapoint, (tuple, list)):
        return datapoint[0], tuple(datapoint[1:])
    return datapoint, ()


def _batch_of_one(tree: Any) -> Any:
    return like(tree, [leaf[None] for leaf in leaves_of(tree)])


def _as_arguments(inputs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if isinstance(inputs, dict):
        return (), inputs
    return (tuple(inputs), {}) if isinstance(inputs, (tuple, list)) else ((inputs,), {})


def _in(kind: Any, tensor: Any) -> Any:
    return tensor.detach().to(kind) if tensor.is_floating_point() else tensor.detach()
