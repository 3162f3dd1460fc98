"""Which library a loss, its weights and its data belong to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sgdiagrams.numeric.models.model import Model

__all__ = ["model_of"]


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
    """Return the model of a loss, weights and data, in PyTorch where weights are tensors, else in JAX."""
    from sgdiagrams.numeric.models.jax_model import JaxModel

    return JaxModel(
        loss,
        weights,
        data,
        functions=functions,
        weight_decay=weight_decay,
        eta=eta,
        memory=memory,
    )
