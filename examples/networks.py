"""Small tanh networks on the handwritten digits of scikit-learn, for the experiments on real models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def digits() -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Return 1797 images, shape (1797, 8, 8), of mean 0 and variance about 1, and their digits."""
    from sklearn.datasets import load_digits  # noqa: PLC0415 - after the options

    data = load_digits()
    images = (data.images - data.images.mean(axis=0)) / data.images.std()
    return images.astype(np.float32), data.target.astype(np.int32)


def small_network(hidden: int = 16, *, seed: int = 0) -> dict[str, NDArray[np.float32]]:
    """Return weights of a network with one hidden layer; 1,210 for 16 hidden units."""
    rng = np.random.default_rng(seed)
    return {
        "hidden": _normal(rng, 64, hidden),
        "hidden bias": np.zeros(hidden, np.float32),
        "output": _normal(rng, hidden, 10),
        "output bias": np.zeros(10, np.float32),
    }


def small_network_loss(weights: Any, datapoint: Any) -> Any:
    """Return the cross-entropy of one image."""
    from jax.nn import tanh  # noqa: PLC0415 - after the options

    image, digit = datapoint
    hidden = tanh(image.ravel() @ weights["hidden"] + weights["hidden bias"])
    return cross_entropy(hidden @ weights["output"] + weights["output bias"], digit)


def convolutional_network(*, seed: int = 0) -> list[dict[str, NDArray[np.float32]]]:
    """Return 4,983 weights: two layers of 3 x 3 filters and one that is fully connected."""
    rng = np.random.default_rng(seed)
    shapes = ((9, 8), (9 * 8, 21), (16 * 21, 10))
    return [
        {"weight": _normal(rng, *shape), "bias": np.zeros(shape[1], np.float32)} for shape in shapes
    ]


def convolutional_network_loss(weights: Any, datapoint: Any) -> Any:
    """Return the cross-entropy of one image."""
    from jax.nn import tanh  # noqa: PLC0415 - after the options

    image, digit = datapoint
    *filters, last = weights
    hidden = image[:, :, None]
    for layer in filters:
        hidden = tanh(_patches(hidden) @ layer["weight"] + layer["bias"])
    return cross_entropy(hidden.ravel() @ last["weight"] + last["bias"], digit)


def _patches(image: Any) -> Any:
    """Return the 3 x 3 neighbourhoods of an image (h, w, c), shape (h - 2, w - 2, 9 c)."""
    from jax.numpy import concatenate  # noqa: PLC0415 - after the options

    h, w = image.shape[:2]
    shifts = [(i, j) for i in range(3) for j in range(3)]
    return concatenate([image[i : h - 2 + i, j : w - 2 + j] for i, j in shifts], axis=-1)


def cross_entropy(logits: Any, digit: Any) -> Any:
    """Return -log p of the right digit."""
    from jax.nn import logsumexp  # noqa: PLC0415 - after the options

    return logsumexp(logits) - logits[digit]


def _normal(rng: np.random.Generator, *shape: int) -> NDArray[np.float32]:
    """Return weights whose sums over all inputs have variance 1."""
    return (rng.normal(size=shape) / np.sqrt(np.prod(shape[:-1]))).astype(np.float32)
