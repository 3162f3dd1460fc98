"""Vectors in the structure of weights, without a model."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from sgdiagrams.diagrams.errors import MissingDependencyError, RequestError
from sgdiagrams.numeric.models.backends.torch_trees import leaves_of, like
from sgdiagrams.numeric.models.choice import has_tensors

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = ["halved_squares", "vector_like"]


def halved_squares(weights: Any, rates: Sequence[Any] | None = None) -> Callable[[Any], Any]:
    """Return half the squared length as a function of weights, for JAX and PyTorch.

    Parameters
    ----------
    weights
        In the structure that they have.
    rates
        A factor for every weight, in a row; 1 when left out.

    Raises
    ------
    RequestError
        When there are not as many factors as weights.
    """
    factors = None if rates is None else vector_like([float(rate) for rate in rates], weights)

    def value(at: Any) -> Any:
        of_torch = has_tensors(at)
        if not of_torch:
            import jax
        leaves = leaves_of(at) if of_torch else jax.tree_util.tree_leaves(at)
        if factors is None:
            return sum((leaf * leaf).sum() / 2 for leaf in leaves)
        scales = leaves_of(factors) if of_torch else jax.tree_util.tree_leaves(factors)
        pairs = zip(leaves, scales, strict=True)
        if of_torch:
            pairs = ((leaf, scale.to(leaf)) for leaf, scale in pairs)  # type: ignore[assignment]
        return sum((scale * leaf * leaf).sum() / 2 for leaf, scale in pairs)

    return value


def vector_like(vector: ArrayLike, weights: Any) -> Any:
    """Return a vector, shape (p,), in the structure of weights, as models lay them out.

    Parameters
    ----------
    vector
        One number for every weight.
    weights
        A pytree of arrays, or a dictionary, list or tuple of PyTorch's tensors.

    Returns
    -------
    pytree
        NumPy arrays of float64, or tensors of float64 in host memory.

    Raises
    ------
    RequestError
        When there are not as many numbers as weights.
    MissingDependencyError
        When JAX is not installed and the weights are no tensors.

    Examples
    --------
    >>> weights = {"b": np.zeros(2), "w": np.zeros((1, 2))}
    >>> vector_like([1, 2, 3, 4], weights)
    {'b': array([1., 2.]), 'w': array([[3., 4.]])}
    """
    flat = np.asarray(vector, dtype=np.float64)
    if has_tensors(weights):
        import torch

        shapes = [tuple(leaf.shape) for leaf in leaves_of(weights)]
        return like(weights, [torch.from_numpy(part.copy()) for part in _split(flat, shapes)])
    try:
        import jax
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            'JAX is not installed; run: pip install "sgdiagrams[jax]"'
        ) from error
    leaves, structure = jax.tree.flatten(weights)
    return jax.tree.unflatten(structure, _split(flat, [np.shape(leaf) for leaf in leaves]))


def _split(
    flat: NDArray[np.float64], shapes: Sequence[tuple[int, ...]]
) -> list[NDArray[np.float64]]:
    ends = np.cumsum([0, *(int(np.prod(shape)) for shape in shapes)]).tolist()
    if flat.shape != (ends[-1],):
        raise RequestError(f"expected a vector of the {ends[-1]} weights, got shape={flat.shape}")
    parts = zip(pairwise(ends), shapes, strict=True)
    return [flat[begin:end].reshape(shape) for (begin, end), shape in parts]
