r"""Toy landscapes with one phenomenon each; a datapoint is a number :math:`x \sim N(0, 1)`.

Their losses are polynomials in x, so a population of a few weighted points has all the moments that
an expansion needs *exactly*: Gauss-Hermite nodes in floating point; for rational losses also a signed
rule with integer nodes and rational weights, in fractions.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import TYPE_CHECKING, Any, ClassVar, final

import numpy as np

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.diagrams.written_numbers import written_number
from sgdiagrams.numeric.landscapes.joint_moments import averaged_products
from sgdiagrams.numeric.landscapes.landscape import Landscape
from sgdiagrams.numeric.landscapes.quadrature import _rule
from sgdiagrams.numeric.statistics import Statistics

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from sgdiagrams.numeric.landscapes.landscape import Floats


__all__ = ["Gauss", "Helix", "Mean"]

#: The nodes of Gauss and Hermite's rule of three points, as often as they weigh.
_NORMAL = np.sqrt([0.0, 0.0, 0.0, 0.0, 3.0, 3.0]) * (1, 1, 1, 1, 1, -1)


@final
@dataclass(frozen=True, slots=True)
class Gauss(Landscape):
    r"""Fit the log-variance of a Gaussian: skewed noise that changes with the weight.

    .. math:: l_x(h) = \tfrac12 (h + x^2 e^{-h}), \qquad l(h) = \tfrac12 (h + e^{-h}), \qquad h_0 = 0.

    The start is the minimum of the test loss, with H = 1/2, J = -1/2, C = 1/2 and S = -1.

    Examples
    --------
    >>> [round(float(h), 3) for h in Gauss().test_loss(np.array([[0.0], [1.0]]))]
    [0.5, 0.684]
    """

    name: ClassVar[str] = "gauss"

    @property
    def start(self) -> Floats:
        """The starting point h = 0."""
        return np.zeros(1)

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[Any]:
        """Return standard normal numbers."""
        return rng.standard_normal(shape)

    @property
    def population(self) -> NDArray[Any]:
        """Six numbers with the moments of a normal one, to the fifth."""
        return _NORMAL.copy()

    def loss(self, theta: Floats, x: NDArray[Any]) -> Floats:
        """Return the losses, shape (R, m)."""
        return np.asarray(0.5 * (theta + x**2 * np.exp(-theta)))

    def gradient(self, theta: Floats, x: NDArray[Any]) -> Floats:
        """Return the mean gradient, shape (R, 1)."""
        mean_square = (x**2).mean(axis=1, keepdims=True)
        return np.asarray(0.5 * (1 - mean_square * np.exp(-theta)))

    def test_loss(self, theta: Floats) -> Floats:
        """Return the population loss, shape (R,)."""
        return 0.5 * (theta[:, 0] + np.exp(-theta[:, 0]))

    def joint_moments(self, theta: Floats, blocks: Sequence[tuple[int, ...]]) -> list[Floats]:
        """Return joint moments of derivatives at the weights of many runs."""
        nodes, weights = _rule(max(map(len, blocks), default=0), degree=2, exact=False)

        def derivative(k: int) -> Floats:
            decay = 0.5 * (-1) ** k * np.exp(-theta) * nodes**2
            straight = 0.5 * theta if k == 0 else float(k == 1) / 2
            return np.asarray(decay + straight).reshape(len(theta), -1, *[1] * k)

        return averaged_products(derivative, blocks, weights)

    def statistics(self, order: int, *, exact: bool = False) -> Statistics:
        """Return the derivatives 0..order at the start; with `exact` as fractions.

        Examples
        --------
        >>> Gauss().statistics(2, exact=True)
        <Statistics: weighted population of 7, 1 parameter, derivatives 0, 1, 2, exact>
        """
        nodes, weights = _rule(order, degree=2, exact=exact)
        half = Fraction(1, 2) if exact else 0.5
        samples: dict[int, NDArray[Any]] = {}
        for k in range(order + 1):
            values = (-1) ** k * half * nodes**2 + (half if k == 1 else 0)
            samples[k] = values.reshape(-1, *[1] * k)
        return Statistics.from_samples(samples, role="population", weights=weights)


@final
@dataclass(frozen=True, slots=True)
class Helix(Landscape):
    r"""A valley along z in which SGD keeps climbing the z axis although the test loss does not change.

    .. math:: l_x = \tfrac12 \bigl(u^2 + v^2 + (u \cos z + v \sin z)^2\bigr)
              + x \bigl(u \cos(z - \tfrac\pi4) + v \sin(z - \tfrac\pi4)\bigr),
              \qquad (u, v, z)_0 = 0.

    The noise winds with the Hessian around the z axis and ahead of it: the drift is
    :math:`+\eta^2/6` per step at small :math:`\eta`, though every point with u = v = 0 is a minimum.

    Examples
    --------
    >>> Helix().dimension, Helix().test_loss(np.array([[0.0, 0.0, 5.0], [1.0, 0.0, 0.0]]))
    (3, array([0., 1.]))
    """

    name: ClassVar[str] = "helix"

    @property
    def start(self) -> Floats:
        """The starting point (0, 0, 0)."""
        return np.zeros(3)

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[Any]:
        """Return standard normal numbers."""
        return rng.standard_normal(shape)

    @property
    def population(self) -> NDArray[Any]:
        """Six numbers with the moments of a normal one, to the fifth."""
        return _NORMAL.copy()

    def loss(self, theta: Floats, x: NDArray[Any]) -> Floats:
        """Return the losses, shape (R, m)."""
        u, v, z = theta.T
        phase = z - np.pi / 4
        noise = u * np.cos(phase) + v * np.sin(phase)
        return np.asarray(self.test_loss(theta)[:, None] + x * noise[:, None])

    def gradient(self, theta: Floats, x: NDArray[Any]) -> Floats:
        """Return the mean gradient, shape (R, 3)."""
        u, v, z = theta.T
        mean = x.mean(axis=1)
        c, s = np.cos(z), np.sin(z)
        a, b = np.cos(z - np.pi / 4), np.sin(z - np.pi / 4)
        along, across = u * c + v * s, v * c - u * s
        return np.stack(
            [
                u + along * c + mean * a,
                v + along * s + mean * b,
                along * across + mean * (v * a - u * b),
            ],
            axis=1,
        )

    def test_loss(self, theta: Floats) -> Floats:
        """Return the population loss, shape (R,)."""
        u, v, z = theta.T
        return np.asarray(0.5 * (u**2 + v**2 + (u * np.cos(z) + v * np.sin(z)) ** 2))

    def joint_moments(self, theta: Floats, blocks: Sequence[tuple[int, ...]]) -> list[Floats]:
        """Return joint moments of derivatives at the weights of many runs."""
        nodes, weights = _rule(max(map(len, blocks), default=0), degree=1, exact=False)

        def derivative(k: int) -> Floats:
            tensor = np.zeros((*[3] * k, len(theta), len(nodes)))
            for index in product(range(3), repeat=k):
                i, j, turns = (index.count(axis) for axis in range(3))
                even, odd = _helix_derivative_at(theta, i, j, turns)
                tensor[index] = even[:, None] + nodes * odd[:, None]
            return np.moveaxis(tensor, (-2, -1), (0, 1))

        return averaged_products(derivative, blocks, weights)

    def statistics(self, order: int) -> Statistics:
        """Return the derivatives 0..order at the start."""
        nodes, weights = _rule(order, degree=1, exact=False)
        samples: dict[int, NDArray[Any]] = {}
        for k in range(order + 1):
            tensor = np.zeros((*[3] * k, len(nodes)))
            for index in product(range(3), repeat=k):
                i, j, turns = (index.count(axis) for axis in range(3))
                even, odd = _helix_derivative(i, j, turns)
                tensor[index] = even + nodes * odd
            samples[k] = np.moveaxis(tensor, -1, 0)
        return Statistics.from_samples(samples, role="population", weights=weights)


@final
@dataclass(frozen=True, slots=True)
class Mean(Landscape):
    r"""Estimate a mean: a quadratic with additive noise, on which the re-summed order 2 is exact.

    .. math:: l_x(\theta) = \tfrac12 H \theta^2 + x S \theta, \qquad l(\theta) = \tfrac12 H \theta^2.

    Parameters
    ----------
    curvature
        The Hessian H.
    noise
        The standard deviation S of the gradient; C = S^2.
    origin
        The starting point; at 0, the minimum of the test loss, there is noise only.

    Raises
    ------
    RequestError
        When a parameter is no finite number.

    Examples
    --------
    >>> Mean(curvature=2, noise=0.5).statistics(1, exact=True).samples[1][:, 0].tolist()[:2]
    [Fraction(0, 1), Fraction(1, 2)]
    """

    name: ClassVar[str] = "mean"

    curvature: float | Fraction = 1
    noise: float | Fraction = 1
    origin: float | Fraction = 0

    def __post_init__(self) -> None:
        for value in (self.curvature, self.noise, self.origin):
            _exactly(value)

    @property
    def start(self) -> Floats:
        """The starting point, shape (1,)."""
        return np.array([float(self.origin)])

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The three numbers as text."""
        numbers = {"curvature": self.curvature, "noise": self.noise, "origin": self.origin}
        return {name: str(_exactly(value)) for name, value in numbers.items()}

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[Any]:
        """Return standard normal numbers."""
        return rng.standard_normal(shape)

    @property
    def population(self) -> NDArray[Any]:
        """Six numbers with the moments of a normal one, to the fifth."""
        return _NORMAL.copy()

    def loss(self, theta: Floats, x: NDArray[Any]) -> Floats:
        """Return the losses, shape (R, m)."""
        return self.test_loss(theta)[:, None] + float(self.noise) * x * theta

    def gradient(self, theta: Floats, x: NDArray[Any]) -> Floats:
        """Return the mean gradient, shape (R, 1)."""
        mean = x.mean(axis=1, keepdims=True)
        return np.asarray(float(self.curvature) * theta + float(self.noise) * mean)

    def test_loss(self, theta: Floats) -> Floats:
        """Return the population loss, shape (R,)."""
        return 0.5 * float(self.curvature) * theta[:, 0] ** 2

    def joint_moments(self, theta: Floats, blocks: Sequence[tuple[int, ...]]) -> list[Floats]:
        """Return joint moments of derivatives at the weights of many runs."""
        nodes, weights = _rule(max(map(len, blocks), default=0), degree=1, exact=False)

        H, S = float(self.curvature), float(self.noise)

        def derivative(k: int) -> Floats:
            values = {
                0: H * theta**2 / 2 + S * theta * nodes,
                1: H * theta + S * nodes,
                2: H + 0 * theta * nodes,
            }
            at = values.get(k, 0 * theta * nodes)
            return np.asarray(at).reshape(len(theta), -1, *[1] * k)

        return averaged_products(derivative, blocks, weights)

    def statistics(self, order: int, *, exact: bool = False) -> Statistics:
        """Return the derivatives 0..order at the start; with `exact` as fractions.

        Decimals such as 0.1 are then read as they are written, 1/10.
        """
        nodes, weights = _rule(order, degree=1, exact=exact)
        numbers = (self.curvature, self.noise, self.origin)
        read: Callable[[Any], Any] = _exactly if exact else float
        H, S, t = map(read, numbers)
        derivatives = {0: nodes * (S * t) + H * t * t / 2, 1: nodes * S + H * t, 2: nodes * 0 + H}
        samples = {k: derivatives.get(k, nodes * 0).reshape(-1, *[1] * k) for k in range(order + 1)}
        return Statistics.from_samples(samples, role="population", weights=weights)


def _helix_derivative(i: int, j: int, k: int) -> tuple[float, float]:
    r"""Return the derivative d_u^i d_v^j d_z^k of the helix at 0: its mean, and the factor of x.

    In double angles the mean loss is :math:`u^2 (3 + \cos 2z)/4 + u v \sin(2z)/2 + v^2 (3 - \cos 2z)/4`.
    """
    cos2, sin2 = 2**k * _quarter_cos(k), 2**k * _quarter_cos(k - 1)
    constant = 1.5 if k == 0 else 0.0
    quarter = np.pi * (k / 2 - 0.25)
    return (
        {(2, 0): constant + cos2 / 2, (1, 1): sin2 / 2, (0, 2): constant - cos2 / 2}.get(
            (i, j), 0.0
        ),
        {(1, 0): float(np.cos(quarter)), (0, 1): float(np.sin(quarter))}.get((i, j), 0.0),
    )


def _helix_derivative_at(theta: Floats, i: int, j: int, k: int) -> tuple[Floats, Floats]:
    """Return the same anywhere, for every row of weights."""
    u, v, z = theta.T

    def turned(angle: Floats, speed: int) -> Floats:
        return np.asarray(float(speed) ** k * np.cos(angle + k * np.pi / 2))

    def power(x: Floats, n: int, m: int) -> Floats:
        factor = (1.0, float(n), float(n * (n - 1)))[m] if m <= n else 0.0
        return factor * x ** max(n - m, 0)

    constant = 3.0 if k == 0 else 0.0
    cos2, sin2 = turned(2 * z, 2), turned(2 * z - np.pi / 2, 2)
    even = (
        power(u, 2, i) * power(v, 0, j) * (constant + cos2) / 4
        + power(u, 1, i) * power(v, 1, j) * sin2 / 2
        + power(u, 0, i) * power(v, 2, j) * (constant - cos2) / 4
    )
    odd = power(u, 1, i) * power(v, 0, j) * turned(z - np.pi / 4, 1) + power(u, 0, i) * power(
        v, 1, j
    ) * turned(z - 3 * np.pi / 4, 1)
    return even, odd


def _quarter_cos(k: int) -> int:
    """Return cos(k pi / 2)."""
    return (1, 0, -1, 0)[k % 4]


def _exactly(value: float | Fraction) -> Fraction:
    """Return a number as a fraction; decimals are read as they are written."""
    try:
        exact = Fraction(value) if isinstance(value, int | Fraction) else written_number(str(value))
        float(exact)
    except (ValueError, OverflowError):
        raise RequestError(f"expected a finite number, got {shown(value)}") from None
    return exact
