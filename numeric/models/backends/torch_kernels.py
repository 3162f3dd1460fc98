"""Derivatives along vectors in PyTorch, by reverse mode again and again; knows no data set."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = [
    "exact_kernels",
    "leaf_gradient",
    "leaf_product",
    "mapped_derivatives",
    "repeated_gradients",
    "row_of_leaves",
]


def repeated_gradients(
    total: Callable[[list[Any]], Any],
    weights: Sequence[Any],
    vectors: Sequence[Sequence[Any]],
    columns: int,
    *,
    vectors_out: bool,
) -> Any:
    """Return derivatives of one function along several sets of vectors: the first gradient is shared.

    Parameters
    ----------
    total
        The function of a list of weights.
    weights
        The tensors at which derivatives are taken.
    vectors
        For every leg tensors like the weights with an axis of length `columns` in front.
    columns
        The number s of sets of vectors.
    vectors_out
        One leg is left open.

    Returns
    -------
    tensor
        Numbers, shape (s,), in float64; or vectors, shape (s, p).
    """
    import torch

    leaves = [leaf.detach().requires_grad_() for leaf in weights]
    value = total(leaves)
    if not vectors and not vectors_out:
        return value.detach().double().reshape(1)
    open_legs = len(vectors) + vectors_out
    first = leaf_gradient(value, leaves, graph=open_legs > 1)
    if not vectors:
        return row_of_leaves(first)[None]
    results = []
    for s in range(columns):
        gradient = first
        for i, leg in enumerate(vectors):
            vector = [part[s] for part in leg]
            if i + 1 == len(vectors) and not vectors_out:
                results.append(leaf_product(gradient, vector, kind=torch.float64).detach())
                break
            gradient = leaf_gradient(
                leaf_product(gradient, vector), leaves, graph=i + 2 < open_legs
            )
        else:
            results.append(row_of_leaves(gradient))
    return torch.stack(results)


def mapped_derivatives(
    total: Callable[..., Any],
    weights: Sequence[Any],
    datapoints: Any,
    vectors: Sequence[Sequence[Any]],
    *,
    vectors_out: bool,
    per_row: tuple[bool, tuple[bool, ...]],
) -> Any:
    """Return derivatives for many rows of datapoints and sets of vectors at once, by `torch.func`.

    Parameters
    ----------
    total
        ``total(weights, points=...)``: the function of a list of weights and of one row of datapoints.
    weights
        The tensors at which derivatives are taken.
    datapoints
        Rows in front, (r, c, ...), or without that axis where all rows are the same.
    vectors
        For every leg tensors like the weights, with axes (r, s), or (s,) where all rows are the same.
    vectors_out
        One leg is left open.
    per_row
        Whether datapoints, and each of the legs, have rows of their own.

    Returns
    -------
    tensor
        Numbers, shape (r, s) or (s,); or vectors, with an axis p behind these.
    """
    from torch.func import grad, vmap

    def along(leaves: Any, points: Any, legs: Any) -> Any:
        function: Callable[[Any], Any] = partial(total, points=points)
        for leg in legs:
            function = _directional(grad(function), leg)
        return row_of_leaves(grad(function)(leaves)) if vectors_out else function(leaves)

    own, legs_own = per_row
    columns = vmap(along, (None, None, 0)) if vectors else _with_an_axis(along)
    if own or any(legs_own):
        axes = [0 if leg else None for leg in legs_own]
        columns = vmap(columns, (None, 0 if own else None, axes if vectors else None))
    legs = [list(leg) for leg in vectors]
    return columns([leaf.detach() for leaf in weights], datapoints, legs).detach()


def _with_an_axis(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *arguments: function(*arguments)[None]


def _directional(gradient: Callable[[Any], Any], leg: Any) -> Callable[[Any], Any]:
    return lambda leaves: leaf_product(gradient(leaves), leg)


def leaf_gradient(value: Any, leaves: Sequence[Any], *, graph: bool) -> Any:
    """Return the gradient of a number with respect to tensors."""
    import torch

    if not value.requires_grad:  # a polynomial has run out of degree
        return [torch.zeros_like(leaf) for leaf in leaves]
    # The graph is kept: several sets of vectors share it.
    return torch.autograd.grad(
        value, leaves, create_graph=graph, retain_graph=True, materialize_grads=True
    )


def leaf_product(one: Sequence[Any], other: Sequence[Any], kind: Any = None) -> Any:
    """Return the scalar product of two vectors, summed in a type."""
    return sum((x * y).sum(dtype=kind) for x, y in zip(one, other, strict=True))


def row_of_leaves(leaves: Sequence[Any]) -> Any:
    """Return tensors in a row."""
    import torch

    return torch.cat([leaf.reshape(-1) for leaf in leaves])


@contextmanager
def exact_kernels(device: Any) -> Iterator[None]:
    """Gradients on, attention by its formula, and no shortened floats on GPUs; as it was afterwards."""
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel

    with ExitStack() as stack:
        stack.enter_context(torch.inference_mode(mode=False))
        stack.enter_context(torch.enable_grad())
        # Other kernels of attention have no second derivative.
        stack.enter_context(sdpa_kernel(SDPBackend.MATH))
        if device.type == "cuda":
            flags = torch.backends.cudnn.flags
            here = torch.backends.cudnn.enabled
            stack.enter_context(flags(enabled=here, deterministic=True, allow_tf32=False))
            stack.callback(torch.set_float32_matmul_precision, torch.get_float32_matmul_precision())
            torch.set_float32_matmul_precision("highest")
        yield
