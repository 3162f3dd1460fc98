"""What the loss of one datapoint costs in PyTorch, counted while it is computed once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["counted_costs"]


def counted_costs(loss: Callable[[list[Any]], Any], weights: Sequence[Any]) -> tuple[float, float]:
    """Return operations of a gradient, and bytes that are kept for it, about.

    Operations are those of products of matrices and convolutions, and six for every weight.
    """
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    leaves = [leaf.detach().requires_grad_() for leaf in weights]
    own = {leaf.untyped_storage().data_ptr() for leaf in leaves}
    kept: dict[int, int] = {}

    def keep(tensor: Any) -> Any:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = tensor.numel() * tensor.element_size()
        return tensor

    with FlopCounterMode(display=False) as counter:
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            value = loss(leaves)
        if value.requires_grad:
            torch.autograd.grad(value, leaves, materialize_grads=True)
    weights_used = sum(leaf.numel() for leaf in leaves)
    return float(counter.get_total_flops() + 6 * weights_used), float(sum(kept.values()))
