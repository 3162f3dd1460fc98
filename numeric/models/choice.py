"""Which library a loss, its weights and its data belong to."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from sgdiagrams.diagrams.errors import MissingDependencyError
from sgdiagrams.numeric.models.backends.torch_trees import leaves_of
from sgdiagrams.numeric.models.jax_model import JaxModel
from sgdiagrams.numeric.models.torch_model import TorchModel

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sgdiagrams.numeric.models.model import Model

__all__ = ["has_tensors", "model_of"]


def model_of(
    loss: Callable[[Any, Any], Any],
    weights: Any,
    data: Any,
    *,
    functions: Mapping[str, Callable[[Any], Any]] | None = None,
    weight_decay: float = 0,
    eta: Any = None,
    memory: float | None = None,
) -> Model:
    """Return the model of a loss, weights and data, in PyTorch where weights are tensors, else in JAX.

    Parameters
    ----------
    loss, weights, data, functions, weight_decay, eta, memory
        See `JaxModel` and `TorchModel`.

    Raises
    ------
    RequestError, StatisticsError
        When something is not what it should be.
    MissingDependencyError
        When the library is absent.
    """
    kind = TorchModel if has_tensors(weights) else JaxModel
    try:
        return kind(
            loss,
            weights,
            data,
            functions=functions,
            weight_decay=weight_decay,
            eta=eta,
            memory=memory,
        )
    except ModuleNotFoundError as error:
        if error.name != "jax":
            raise
        raise MissingDependencyError(
            'JAX is not installed; run: pip install "sgdiagrams[jax]"'
        ) from error


def has_tensors(weights: Any) -> bool:
    """Tell whether weights are PyTorch's."""
    torch = sys.modules.get("torch")  # where there are tensors, it has been imported
    return torch is not None and any(isinstance(leaf, torch.Tensor) for leaf in leaves_of(weights))
