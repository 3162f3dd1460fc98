r"""Landscapes: a loss for every datapoint, a distribution of datapoints, and a starting point.

A landscape is what both sides of a comparison share. The simulation draws datapoints x and follows
:math:`\nabla l_x(\theta)`; the theory knows the population derivatives at the starting point only.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.diagrams.whole_numbers import is_whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from sgdiagrams.numeric.descent import Descent
    from sgdiagrams.numeric.models.model import Model
    from sgdiagrams.numeric.noiseless.first_order import FirstOrder
    from sgdiagrams.numeric.noiseless.reading import Reading
    from sgdiagrams.numeric.statistics import Statistics

    Floats = NDArray[np.float64]
    from sgdiagrams.symbolic.embeddings.drawing import Weighted

__all__ = ["Landscape", "check_derivative_order"]

_MOST_ORDER = 12  # of three weights half a million entries a sample

#: Numbers held at once by a chunk of runs (times eight bytes, times a small factor).
_CHUNK_NUMBERS = 2**21
_FEWEST_RUNS = 16
_MOST_RUNS = 2048


class Landscape(ABC):
    """A loss per datapoint, vectorised over R independent runs with weights of shape ``(R, p)``.

    Concrete landscapes are final. The loss of a datapoint is one fixed function of the weights: what is
    random belongs to the datapoint and is drawn with it, or is drawn anew at every visit (`draw_noise`).
    :func:`sgdiagrams.check_landscape` holds the methods against each other. The datapoints of all runs
    are one array ``x`` of shape ``(R, m, ...)``, m for each run, of any type that `draw` returns.
    """

    __slots__ = ()

    #: The name on the command line and in tables.
    name: ClassVar[str]

    @property
    @abstractmethod
    def start(self) -> Floats:
        """The starting point, shape ``(p,)``."""

    @property
    def dimension(self) -> int:
        """The number of parameters p."""
        return len(self.start)

    @property
    def parameters(self) -> Mapping[str, Any]:
        """What distinguishes landscapes of one name: plain JSON values, kept with checkpoints."""
        return {}

    @abstractmethod
    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[Any]:
        """Return independent datapoints as an array that begins with the axes `shape`."""

    @abstractmethod
    def loss(self, theta: Floats, x: NDArray[Any]) -> Floats:
        """Return the losses of the datapoints ``x`` (R, m, ...) at ``theta`` (R, p): shape (R, m)."""

    @abstractmethod
    def gradient(self, theta: Floats, x: NDArray[Any]) -> Floats:
        """Return the gradient at ``theta`` (R, p), averaged over the m datapoints: shape (R, p)."""

    @abstractmethod
    def test_loss(self, theta: Floats) -> Floats:
        """Return the population loss, exactly, at ``theta`` (R, p): shape (R,)."""

    @abstractmethod
    def statistics(self, order: int) -> Statistics:
        """Return the population's derivatives 0..order at the starting point.

        They serve expansions up to this order of the learning rate.

        Raises
        ------
        RequestError
            When the order is not a whole number >= 0, or too high for the memory.
        """

    # What follows is as good as it is for most landscapes.

    def draw_noise(self, rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[Any] | None:  # noqa: ARG002
        """Return noise that is fresh at every visit of a datapoint, an array that begins with `shape`.

        None where a datapoint is the same at all its visits.
        """
        return None

    def visited(self, x: NDArray[Any], noise: NDArray[Any]) -> NDArray[Any]:  # noqa: ARG002
        """Return datapoints (R, m, ...) with the noise (R, m, ...) of a visit.

        The loss of a datapoint without noise has to be the mean over its noise, but for a number that
        does not depend on the weights.
        """
        return x

    @property
    def model(self) -> Model | None:
        """The model whose landscape it is, for predictions along the path; None where there is none."""
        return None

    @property
    def test_model(self) -> Model | None:
        """The model with other data for the test loss; None where these are the same."""
        return None

    @property
    def population(self) -> NDArray[Any]:
        """Datapoints whose plain mean is that of the distribution, for losses and gradients.

        The covariance of their gradients is the distribution's too, at any weights. Gradient descent
        steps on all of them.

        Raises
        ------
        RequestError
            When the landscape does not know such datapoints.
        """
        raise RequestError(
            "expected a landscape that knows its population, for a run without noise, got "
            f"landscape={shown(self.name)}; define its property population"
        )

    def joint_moments(self, theta: Floats, blocks: Sequence[tuple[int, ...]]) -> list[Floats]:
        r"""Return joint moments of the population's derivatives at the weights of many runs.

        Expressions are read off with them: :math:`E[\nabla l_x\, \nabla l_x]` is the block ``(1, 1)``.
        What every landscape knows are the mean loss ``(0,)`` and, with a population, the mean gradient
        ``(1,)``.

        Parameters
        ----------
        theta
            Weights, shape (R, p).
        blocks
            For every moment the orders of the derivatives of one datapoint's loss in it.

        Returns
        -------
        list of ndarray
            Shapes (R, p, ..., p), with the axes of the first derivative first.

        Raises
        ------
        RequestError
            When the landscape does not know them.
        """
        return [self._mean_derivative(theta, block) for block in blocks]

    def _mean_derivative(self, theta: Floats, block: tuple[int, ...]) -> Floats:
        if block == (0,):
            return self.test_loss(theta)
        if block != (1,):
            raise RequestError(
                f"expected the loss l and the mean gradient G alone in an expression on {self.name}, got "
                f"derivatives {', '.join(map(str, block))} of a datapoint; digits, gauss, helix and mean "
                "know all, others with a method joint_moments"
            )
        data = self.population
        rows = max(1, _CHUNK_NUMBERS // max(1, len(data) * self.datapoint_size))
        parts = [theta[i : i + rows] for i in range(0, len(theta), rows)]
        return np.concatenate(
            [self.gradient(part, np.broadcast_to(data, (len(part), *data.shape))) for part in parts]
        )

    def single_gradients(self, theta: Floats, x: NDArray[Any]) -> Floats:
        """Return the gradient of every datapoint at weights of its own, shape (R, m, p).

        With `gradient`, unless a landscape knows a faster way.

        Parameters
        ----------
        theta
            Weights for every datapoint, shape (R, m, p).
        x
            The datapoints, shape (R, m, ...).
        """
        R, m, p = theta.shape
        rows = x.reshape(R * m, 1, *x.shape[2:])
        return self.gradient(theta.reshape(R * m, p), rows).reshape(R, m, p)

    @property
    def datapoint_size(self) -> int:
        """How many numbers a datapoint is about; by default as many as there are parameters."""
        return self.dimension

    def runs_at_once(self, rows: int, visits: int) -> int:  # noqa: ARG002
        """Return how many runs are best made at once: fixed by the problem, so that seeds reproduce.

        Parameters
        ----------
        rows
            The size of the training set, or of the largest batch where that is more.
        visits
            How many datapoints all updates of a run use together.
        """
        return max(_FEWEST_RUNS, min(_MOST_RUNS, _CHUNK_NUMBERS // (rows * self.datapoint_size)))

    def descend(
        self,
        descent: Descent,
        start: Floats,
        batches: Iterable[NDArray[Any] | Weighted],
        *,
        eta: float,
    ) -> list[Floats]:
        """Return the points of whole runs that are looked at, each of shape (R, p).

        Update by update with `gradient`, unless a landscape knows a faster way.

        Parameters
        ----------
        descent
            The optimiser over all updates.
        start
            The weights before the first update, shape (R, p).
        batches
            The datapoints of every update, shape (R, m, ...); with shares where they are not a mean.
        eta
            The learning rate.
        """
        return descent.follow(self.gradient, start, batches, eta=eta)

    def first_order(self, descent: Descent, reading: Reading, *, eta: float) -> FirstOrder:  # noqa: ARG002
        """Return what every datapoint at every update changes, to first order in the noise.

        Parameters
        ----------
        descent
            The optimiser over all updates.
        reading
            What is read off.
        eta
            The learning rate.

        Raises
        ------
        RequestError
            When the landscape's distribution is no finite set of datapoints with derivatives anywhere,
            as that of a model is.
        """
        raise RequestError(
            "expected the landscape of a model for a control variate, got "
            f"landscape={shown(self.name)}; make one with model_landscape()"
        )


def check_derivative_order(order: object) -> int:
    """Return a whole number that is no too high an order of derivatives, or raise a RequestError."""
    if not is_whole(order, least=0, most=_MOST_ORDER):
        raise RequestError(
            f"expected a whole number 0..{_MOST_ORDER} for the order of derivatives, "
            f"got order={shown(order)}"
        )
    return int(order)
