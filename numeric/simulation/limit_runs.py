r"""Limits in continuous time in floating point: many runs of a modified equation at once.

In units of updates the equation is

.. math:: d\theta = \eta\, b(\theta)\, dT
    + \eta \sqrt{\tfrac{D}{B K}} \sum_{k = 1}^{K} (g_k - G)(\theta)\, dW_k

with the gradients :math:`g_k` of the K datapoints of the population, whose mean is G, and independent
Brownian motions: the covariance of the noise is that of the gradient, and no root of it is taken. The
drift is a sum over trees :math:`\eta^{n - 1} G^{(m)}[\dots]`, derivatives along directions by central
differences.

A step of length h is the weak scheme of order 2 of M. Ninomiya and S. Ninomiya, "A new higher-order weak
approximation scheme for stochastic differential equations and the Runge-Kutta method" (2009), with
parameter u = 1/2: to flow along :math:`\sqrt h \sum_k S_k V_k` and then along :math:`h V_0 + \sqrt h
\sum_k S'_k V_k`, for Gaussian S and S' of variances 1/2 and 3/2 and covariance -1/2. :math:`V_0` is the
drift in Stratonovich's sense. Both flows are by the classical method of Runge and Kutta.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, sqrt
from typing import TYPE_CHECKING, Any, Self, final

import numpy as np

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.symbolic.counting.flows import flow_terms
from sgdiagrams.symbolic.embeddings.forests import update_forest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from sgdiagrams.diagrams.diagram import Diagram
    from sgdiagrams.numeric.landscapes.landscape import Floats, Landscape
    from sgdiagrams.symbolic.training.penalty import Penalty
    from sgdiagrams.symbolic.training.training import Training

__all__ = ["LimitRuns"]

_MOST_ORDER = 4  # of differences in floating point
_STEPS = 1  # an update, and more without noise, where one run is all
_STEPS_ALONE = 16
_FEWEST_STEPS = 4
_NUMBERS = 2**21  # of gradients of all datapoints that are held at once
_FEWEST_RUNS, _MOST_RUNS = 16, 2048

#: A tree of gradients as parents in preorder, and what multiplies it without the power of eta.
_Tree = tuple[tuple[int, ...], float]


@final
@dataclass(frozen=True, slots=True, eq=False)
class LimitRuns:
    """The equation of a limit on a landscape.

    Attributes
    ----------
    landscape
        Which knows its population.
    population
        Its K datapoints.
    drift, shift
        Trees of the drift per update, and of the way from the start to where the equation starts.
    spread
        The factor of the covariance of the gradient, 1/B for SGD; 0 for a flow.
    time
        T.
    decay
        The weight decay.
    penalty
        Another penalty, with numbers.

    Examples
    --------
    >>> from sgdiagrams.numeric.landscapes.toys import Mean
    >>> from sgdiagrams.symbolic.training.schemes.limits import SDE
    >>> from sgdiagrams.symbolic.training.training import Training
    >>> runs = LimitRuns.of(Mean(2, 1, 1), Training(SDE(T=3, B=4, order=2)))
    >>> runs.drift, runs.spread
    ((((-1,), -1.0), ((-1, 0), -0.5)), 0.25)
    """

    landscape: Landscape
    population: NDArray[Any]
    drift: tuple[_Tree, ...]
    shift: tuple[_Tree, ...]
    spread: float
    time: float
    decay: float
    penalty: Penalty | None = None

    @classmethod
    def of(cls, landscape: Landscape, training: Training) -> Self:
        """Return the runs of a limit with numbers for all symbols.

        Raises
        ------
        RequestError
            When the landscape does not know its population, or the order is more than 4.
        """
        cut = training.sampling.cut
        if cut is None or cut.order is None or cut.order > _MOST_ORDER:
            raise RequestError(
                f"expected a limit of order 1..{_MOST_ORDER} to simulate, got {shown(training.label)}"
            )
        terms = flow_terms(training)
        decay: Any = training.optimizer.weight_decay
        return cls(
            landscape,
            landscape.population,
            tuple(map(_tree, terms.drift)),
            tuple(map(_tree, terms.shift)),
            float(terms.spread),
            float(training.updates),
            float(decay),
            training.optimizer.penalty,
        )

    @property
    def is_noiseless(self) -> bool:
        """Whether all runs are one."""
        return self.spread == 0

    @property
    def runs_at_once(self) -> int:
        """How many runs are best made together."""
        if self.is_noiseless:
            return 1
        size = len(self.population) * self.landscape.dimension
        return max(_FEWEST_RUNS, min(_MOST_RUNS, _NUMBERS // size))

    @property
    def steps(self) -> int:
        """The number of steps."""
        return max(_FEWEST_STEPS, ceil(self.time * (_STEPS_ALONE if self.is_noiseless else _STEPS)))

    def normals(self, runs: int, rng: np.random.Generator) -> Iterator[Floats]:
        """Yield what a run draws, step by step: standard normal numbers of shape (2, runs, K)."""
        for _ in range(self.steps if not self.is_noiseless else 0):
            yield rng.standard_normal((2, runs, len(self.population)))

    def ends(self, runs: int, normals: Iterable[Floats], *, eta: float) -> Floats:
        """Return where runs end, shape (runs, p).

        Parameters
        ----------
        runs
            Their number.
        normals
            What they draw.
        eta
            The learning rate.
        """
        start = np.tile(self.landscape.start, (runs, 1))
        theta = start + self._trees(self.shift, start, eta)
        h = self.time / self.steps
        if self.is_noiseless:
            for _ in range(self.steps):
                theta = _flow(lambda at: h * self._trees(self.drift, at, eta), theta)
            return theta
        noise = eta * sqrt(self.spread * h / len(self.population))
        for one, two in normals:
            first, second = one / sqrt(2), two - one / sqrt(2)
            theta = _flow(lambda at, s=first: noise * self._pushes(at, s)[0], theta)  # type: ignore[misc]

            def along(at: Floats, s: Floats = second) -> Floats:
                push, each = self._pushes(at, s)
                drift = self._trees(self.drift, at, eta)
                turn = eta**2 * self.spread / 2 * self._turn(at, each)
                return noise * push + h * (drift - turn)

            theta = _flow(along, theta)
        return theta

    def _gradient(self, theta: Floats) -> Floats:
        """Return the mean gradient, shape (R, p)."""
        shape = (len(theta), *self.population.shape)
        x = np.broadcast_to(self.population, shape)
        slope = np.asarray(self.landscape.gradient(theta, x) + self.decay * theta)
        return slope if self.penalty is None else slope + self.penalty.gradient(theta)

    def _each(self, theta: Floats) -> Floats:
        """Return the gradients of all datapoints, each at its weights: shape (R, K, p)."""
        x = np.broadcast_to(self.population, (len(theta), *self.population.shape))
        return self.landscape.single_gradients(theta, x)

    def _pushes(self, theta: Floats, s: Floats) -> tuple[Floats, Floats]:
        """Return the sum over datapoints of s times the deviations of their gradients, and these."""
        shape = (len(theta), len(self.population), theta.shape[1])
        each = self._each(np.broadcast_to(theta[:, None], shape))
        each = each - each.mean(axis=1, keepdims=True)
        return np.einsum("rk,rkp->rp", s, each), each

    def _turn(self, theta: Floats, each: Floats) -> Floats:
        """Return the mean over datapoints of the derivative of the gradient along its deviation."""
        sizes = np.linalg.norm(each, axis=2, keepdims=True)
        step = _unit(theta, 1) ** 2 / np.where(sizes > 0, sizes, 1.0)
        up, down = (self._each(theta[:, None] + sign * step * each) for sign in (1, -1))
        return np.asarray(((up - down) / (2 * step)).mean(axis=1))

    def _trees(self, trees: Sequence[_Tree], theta: Floats, eta: float) -> Floats:
        """Return the sum over trees, each with eta to the number of its nodes."""
        total = np.zeros_like(theta)
        for parents, factor in trees:
            total += eta ** len(parents) * factor * self._tree_value(parents, 0, theta)
        return total

    def _tree_value(self, parents: tuple[int, ...], node: int, theta: Floats) -> Floats:
        """Return the derivative of the mean gradient along the values of a node's children."""
        children = [v for v, parent in enumerate(parents) if parent == node]
        directions = [self._tree_value(parents, v, theta) for v in children]
        return _derivative(self._gradient, theta, directions, _unit(theta, len(children)))


def _tree(term: tuple[Diagram, Any]) -> _Tree:
    diagram, factor = term
    return update_forest(diagram).parents, float(factor)


def _unit(theta: Floats, order: int) -> float:
    """Return the length of steps for differences of an order, with errors of the fourth power."""
    return float(max(1.0, np.abs(theta).max()) * np.finfo(np.float64).eps ** (1 / (4 + order)))


def _derivative(
    function: Callable[[Floats], Floats],
    theta: Floats,
    directions: Sequence[Floats],
    step: float,
) -> Floats:
    """Return a mixed derivative along directions by central differences of four points."""
    if not directions:
        return function(theta)
    v, *others = directions
    size = np.linalg.norm(v, axis=1, keepdims=True)
    h = step / np.where(size > 0, size, 1.0)
    at = [_derivative(function, theta + k * h * v, others, step) for k in (-2, -1, 1, 2)]
    return np.asarray((at[0] - 8 * at[1] + 8 * at[2] - at[3]) / (12 * h))


def _flow(field: Callable[[Floats], Floats], theta: Floats) -> Floats:
    """Return where a field leads to in a unit of time: one step of Runge and Kutta's method."""
    one = field(theta)
    two = field(theta + one / 2)
    three = field(theta + two / 2)
    four = field(theta + three)
    return theta + (one + 2 * two + 2 * three + four) / 6
