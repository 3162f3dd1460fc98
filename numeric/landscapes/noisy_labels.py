r"""Linear regression with labels that are noisy anew at every visit of a datapoint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, final

import numpy as np

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.numeric.landscapes.landscape import Landscape, check_derivative_order
from sgdiagrams.numeric.statistics import Statistics

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

    from sgdiagrams.numeric.landscapes.landscape import Floats

__all__ = ["NoisyLabels"]


@final
@dataclass(frozen=True, slots=True, init=False, eq=False)
class NoisyLabels(Landscape):
    r"""Linear regression whose labels draw noise anew at every visit, plus or minus the same size.

    .. math:: l_{x,a}(\theta) = \tfrac12 (\phi_x \cdot \theta - y_x - a)^2, \qquad a = \pm\sigma .

    The population are the given datapoints with equal weights. Gradients have the noise
    :math:`-a\, \phi_x`, and at a minimum that fits all labels nothing else: then the covariance
    :math:`\sigma^2 H`.

    Parameters
    ----------
    features
        Shape ``(n, p)``.
    labels
        Shape ``(n,)``.
    noise
        The size sigma.
    start
        Shape ``(p,)``; 0 when left out.

    Raises
    ------
    RequestError
        When shapes disagree or a number is not finite.

    Examples
    --------
    >>> coin = NoisyLabels([[1.0], [2.0]], [1.0, 2.0], noise=0.5, start=[1.0])
    >>> coin.statistics(2)
    <Statistics: population of 2 with 2 visits each, 1 parameter, derivatives 0, 1, 2, float>
    """

    name: ClassVar[str] = "noisy-labels"

    rows: Floats  # features, and the label last
    noise: float
    first: Floats

    def __init__(
        self,
        features: ArrayLike,
        labels: ArrayLike,
        *,
        noise: float = 1.0,
        start: ArrayLike | None = None,
    ) -> None:
        x, y = np.asarray(features, dtype=float), np.asarray(labels, dtype=float)
        if x.ndim != 2 or y.shape != x.shape[:1] or 0 in x.shape:
            raise RequestError(
                "expected features of shape (n, p) and labels of shape (n,), got "
                f"{x.shape} and {y.shape}"
            )
        point = np.zeros(x.shape[1]) if start is None else np.asarray(start, dtype=float)
        if point.shape != x.shape[1:]:
            raise RequestError(f"expected a start of shape {x.shape[1:]}, got {point.shape}")
        if not all(np.isfinite(array).all() for array in (x, y, point, np.asarray(noise))):
            raise RequestError(
                f"expected finite numbers, got some that are not, noise={shown(noise)}"
            )
        object.__setattr__(self, "rows", np.column_stack([x, y]))
        object.__setattr__(self, "noise", float(noise))
        object.__setattr__(self, "first", point.copy())

    @property
    def start(self) -> Floats:
        """The starting point."""
        return self.first

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The datapoints and the size of the noise."""
        return {"rows": self.rows.tolist(), "noise": self.noise}

    @property
    def population(self) -> NDArray[Any]:
        """The datapoints, without the noise of their labels."""
        return self.rows

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[Any]:
        """Return datapoints, features and the label last."""
        return np.asarray(self.rows[rng.integers(len(self.rows), size=shape)])

    def draw_noise(self, rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[Any]:
        """Return signs."""
        return rng.choice([-1.0, 1.0], size=shape)

    def visited(self, x: NDArray[Any], noise: NDArray[Any]) -> NDArray[Any]:
        """Return datapoints with noise on their labels."""
        noisy = x.copy()
        noisy[..., -1] += self.noise * noise
        return noisy

    def _residuals(self, theta: Floats, x: NDArray[Any]) -> Floats:
        return np.asarray(np.einsum("rp,rmp->rm", theta, x[..., :-1]) - x[..., -1])

    def loss(self, theta: Floats, x: NDArray[Any]) -> Floats:
        """Return the losses, means over the noise of the labels, shape (R, m)."""
        return np.asarray(0.5 * self._residuals(theta, x) ** 2 + 0.5 * self.noise**2)

    def gradient(self, theta: Floats, x: NDArray[Any]) -> Floats:
        """Return the mean gradient, shape (R, p)."""
        weighted = self._residuals(theta, x)[..., None] * x[..., :-1]
        return np.asarray(weighted.mean(axis=1))

    def test_loss(self, theta: Floats) -> Floats:
        """Return the population loss, shape (R,)."""
        everything = np.broadcast_to(self.rows, (len(theta), *self.rows.shape))
        return np.asarray(self.loss(theta, everything).mean(axis=1))

    def statistics(self, order: int) -> Statistics:
        """Return the derivatives 0..order at the start, two visits of every datapoint."""
        order = check_derivative_order(order)
        x, y = self.rows[:, :-1], self.rows[:, -1]
        residuals = (x @ self.first - y)[:, None] - self.noise * np.array([1.0, -1.0])
        n, p = x.shape
        samples: dict[int, NDArray[Any]] = {0: 0.5 * residuals**2}
        if order >= 1:
            samples[1] = residuals[..., None] * x[:, None]
        if order >= 2:
            samples[2] = np.repeat(np.einsum("na,nb->nab", x, x)[:, None], 2, axis=1)
        for k in range(3, order + 1):
            samples[k] = np.zeros((n, 2, *[p] * k))
        return Statistics.from_samples(samples, role="population", visits="population")
