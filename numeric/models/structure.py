"""Vectors in the structure of weights, without a model."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from sgdiagrams.diagrams.errors import MissingDependencyError, RequestError
from sgdiagrams.numeric.models.backends.torch_trees import leaves_of, like
from sgdiagrams.numeric.models.choice import has_tensors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = ["vector_like"]


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
