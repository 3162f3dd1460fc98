r"""A real landscape: logistic regression on the 1797 handwritten digits of scikit-learn.

An image x is compressed to its leading principal components, scaled to unit variance, with a 1 for the
bias; the label y = +-1 says whether the digit is even. With the margin
:math:`m = y\, \theta \cdot x` the loss is :math:`f(m) = \log(1 + e^{-m})`, so derivatives of any order
are analytic,

.. math:: \nabla^k l_x(\theta) = f^{(k)}(m)\, y^k\, x^{\otimes k}.

The population is the data set itself, so the test loss is exact. The images are by E. Alpaydin and
C. Kaynak (UCI Machine Learning Repository, 1998).
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, final

import numpy as np

from sgdiagrams.diagrams.errors import MissingDependencyError, RequestError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.diagrams.whole_numbers import is_whole
from sgdiagrams.numeric.landscapes.landscape import Landscape, check_derivative_order
from sgdiagrams.numeric.statistics import Statistics

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from sgdiagrams.numeric.landscapes.landscape import Floats

__all__ = ["Digits", "logistic_derivative"]

_COMPONENTS = 8
_LARGEST = 2**27  # entries of the derivative tensors of one order: 1 GiB
_ROWS = 32  # runs whose margins stay in the processor's cache
_FACTORS = 600  # numbers between 1 and 2 whose product is below the largest float


@final
class Digits(Landscape):
    """Is this handwritten digit even? Logistic regression on real images.

    The starting point is fixed and not the optimum: weights of alternating signs.

    Parameters
    ----------
    components
        The number of principal components, 1..61; the dimension p is one more.

    Raises
    ------
    MissingDependencyError
        When scikit-learn is absent.
    RequestError
        When the number of components is impossible.

    Examples
    --------
    >>> Digits().dimension, len(Digits().signed_images)
    (9, 1797)
    """

    __slots__ = ("components", "signed_images")

    name: ClassVar[str] = "digits"

    def __init__(self, components: int = _COMPONENTS) -> None:
        if not is_whole(components, least=1, most=61):
            raise RequestError(
                f"expected 1..61 principal components, got components={shown(components)}"
            )
        self.components = int(components)
        #: The images with the bias, times their labels: y x, shape (1797, p), read-only.
        self.signed_images = _signed_images(components)

    def __repr__(self) -> str:
        return f"Digits(components={self.components})"

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The number of components."""
        return {"components": self.components}

    @property
    def start(self) -> Floats:
        """Weights 1/4 of alternating signs, shape (p,)."""
        return np.asarray(0.25 * (-1.0) ** np.arange(self.components + 1))

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[Any]:
        """Return indices of images."""
        return rng.integers(len(self.signed_images), size=shape)

    @property
    def population(self) -> NDArray[Any]:
        """All images."""
        return np.arange(len(self.signed_images))

    def loss(self, theta: Floats, x: NDArray[Any]) -> Floats:
        """Return the losses, shape (R, m)."""
        return _softplus(-self._margins(theta, x)[0])

    def gradient(self, theta: Floats, x: NDArray[Any]) -> Floats:
        """Return the mean gradient, shape (R, p)."""
        margins, images = self._margins(theta, x)
        slopes = -1 / (1 + np.exp(np.clip(margins, -700, 700)))
        return np.asarray((slopes[:, None, :] @ images)[:, 0, :] / x.shape[1])

    def single_gradients(self, theta: Floats, x: NDArray[Any]) -> Floats:
        """Return the gradient of every image at weights of its own, shape (R, m, p)."""
        images = self.signed_images[x]
        margins = np.einsum("rmp,rmp->rm", theta, images)
        slopes = -1 / (1 + np.exp(np.clip(margins, -700, 700)))
        return np.asarray(slopes[:, :, None] * images)

    def test_loss(self, theta: Floats) -> Floats:
        """Return the mean loss over all images, shape (R,)."""
        images = self.signed_images
        cuts = np.arange(0, len(images), _FACTORS)
        result = np.empty(len(theta))
        for first in range(0, len(theta), _ROWS):
            rows = slice(first, first + _ROWS)
            margins = theta[rows] @ images.T
            # log(1 + e^-m) = max(-m, 0) + log(1 + e^-|m|), with one logarithm for many factors.
            sizes = np.abs(margins)
            total = 0.5 * (sizes.sum(axis=1) - margins.sum(axis=1))
            factors = np.exp(-sizes) + 1
            total += np.log(np.multiply.reduceat(factors, cuts, axis=1)).sum(axis=1)
            result[rows] = total / len(images)
        return result

    def joint_moments(self, theta: Floats, blocks: Sequence[tuple[int, ...]]) -> list[Floats]:
        """Return joint moments of derivatives over all images at the weights of many runs.

        Raises
        ------
        RequestError
            When a tensor would exceed 1 GiB.
        """
        images = self.signed_images
        n, p = images.shape
        if n * p ** max(map(sum, blocks), default=0) > _LARGEST:
            raise RequestError(
                f"expected moments of at most {_LARGEST} entries times images, got derivatives "
                f"{', '.join(map(str, max(blocks, key=sum)))} with p={p}; take fewer components"
            )
        powers = {0: np.ones((n, 1))}
        result = [np.empty((len(theta), p ** sum(block))) for block in blocks]
        for first in range(0, len(theta), _ROWS):
            rows = slice(first, first + _ROWS)
            margins = theta[rows] @ images.T
            for block, moments in zip(blocks, result, strict=True):
                k = sum(block)
                for more in range(len(powers), k + 1):
                    powers[more] = (powers[more - 1][:, :, None] * images[:, None, :]).reshape(
                        n, -1
                    )
                factor = np.prod([logistic_derivative(margins, a) for a in block], axis=0)
                moments[rows] = factor @ powers[k] / n
        return [m.reshape(-1, *[p] * sum(block)) for m, block in zip(result, blocks, strict=True)]

    def statistics(self, order: int) -> Statistics:
        """Return the derivatives 0..order of all images at the start.

        Raises
        ------
        RequestError
            When the order is not a whole number >= 0, or one tensor would exceed 1 GiB.
        """
        check_derivative_order(order)
        images = self.signed_images
        n, p = images.shape
        if n * p**order > _LARGEST:
            raise RequestError(
                f"expected derivative tensors of at most {_LARGEST} entries, got order={order} with "
                f"{n} images and p={p}; lower the order or the number of components"
            )
        margins = images @ self.start
        samples: dict[int, NDArray[Any]] = {}
        power = np.ones(n)
        for k in range(order + 1):
            scalar = logistic_derivative(margins, k)
            samples[k] = scalar.reshape(-1, *[1] * k) * power
            if k < order:
                power = power[..., None] * images.reshape(n, *[1] * k, p)
        return Statistics.from_samples(samples, role="population")

    def _margins(self, theta: Floats, x: NDArray[Any]) -> tuple[Floats, Floats]:
        images = self.signed_images[x]
        return np.asarray((images @ theta[:, :, None])[..., 0]), images


def logistic_derivative(margin: Floats, k: int) -> Floats:
    r"""Return the k-th derivative of :math:`f(m) = \log(1 + e^{-m})`.

    With :math:`\sigma = 1/(1 + e^{-m})` it is a polynomial, :math:`f' = \sigma - 1` and
    :math:`f^{(k+1)} = \sigma (1 - \sigma)\, \mathrm{d} f^{(k)} / \mathrm{d}\sigma`.

    Examples
    --------
    >>> [float(logistic_derivative(np.zeros(1), k)[0]) for k in range(1, 5)]
    [-0.5, 0.25, 0.0, -0.125]
    """
    if k == 0:
        return _softplus(-margin)
    sigma = np.polynomial.Polynomial([0, 1])
    polynomial = sigma - 1
    for _ in range(k - 1):
        polynomial = polynomial.deriv() * sigma * (1 - sigma)
    return np.asarray(polynomial(1 / (1 + np.exp(np.clip(-margin, -700, 700)))))


def _softplus(z: Floats) -> Floats:
    """Return log(1 + e^z) without overflow."""
    small = np.abs(z)
    np.negative(small, out=small)
    np.exp(small, out=small)
    small += 1
    np.log(small, out=small)
    small += np.maximum(z, 0)
    return small


@cache
def _signed_images(components: int) -> Floats:
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise MissingDependencyError(
            "expected scikit-learn for the landscape digits, which is not installed; "
            'run pip install "sgdiagrams[demo]"'
        ) from error
    data = load_digits()
    pixels = data.data - data.data.mean(axis=0)
    _, values, axes = np.linalg.svd(pixels, full_matrices=False)
    axes, values = axes[:components], values[:components]
    # The sign of a principal axis is arbitrary: make its largest entry positive.
    axes = axes * np.sign(axes[np.arange(components), np.abs(axes).argmax(axis=1)])[:, None]
    features = pixels @ axes.T / (values / np.sqrt(len(pixels)))
    images = np.column_stack([features, np.ones(len(pixels))])
    signed = np.ascontiguousarray(images * np.where(data.target % 2 == 0, 1.0, -1.0)[:, None])
    signed.flags.writeable = False
    return signed
