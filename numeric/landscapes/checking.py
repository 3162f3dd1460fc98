r"""Whether a landscape is what it says: its methods held against each other on a small sample.

The loss of a datapoint must be one fixed function of the weights. Its gradient is held against finite
differences, the mean over datapoints against single ones, and the statistics against datapoints that are
drawn: their means by derivatives along random directions, and the variance of the gradient.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

import numpy as np

from sgdiagrams.diagrams.errors import RequestError, SgdiagramsError
from sgdiagrams.diagrams.messages import shortened, shown
from sgdiagrams.diagrams.whole_numbers import checked_seed
from sgdiagrams.numeric.landscapes.landscape import Landscape
from sgdiagrams.numeric.statistics import Statistics

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from sgdiagrams.numeric.landscapes.landscape import Floats

__all__ = ["check_landscape", "statistics_of"]

_RUNS, _POINTS = 3, 4  # of small batches
_DRAWS = 2000
_LARGEST = 2**22  # entries of weights for all draws
_SIGMAS = 7.0
_SLACK = 1e-4  # relative, beside the errors of finite differences
_ORDERS = 3  # derivatives that are held against draws


def check_landscape(
    landscape: Landscape,
    *,
    order: int = 2,
    seed: int = 0,
    statistics: Statistics | None = None,
    has_statistics: bool = True,
) -> None:
    r"""Raise an error in one line unless the methods of a landscape agree with each other.

    Checked are the start, shapes, kinds of numbers, NaN, that the loss of a datapoint is one fixed
    function and does not depend on the others of its batch, the gradient against finite differences of
    the loss, its mean over datapoints, and the statistics and the test loss against datapoints that are
    drawn. `sgdiagrams.compare` does this before it starts.

    Parameters
    ----------
    landscape
        One of a user's own, mostly.
    order
        The statistics are asked for the derivatives 0, ..., order; those up to 3 are held against
        draws.
    seed
        Of the draws.
    statistics
        Those of the landscape, where they are known already.
    has_statistics
        Whether the landscape is asked for statistics, and these are checked; False where the numbers of a
        prediction come from elsewhere.

    Raises
    ------
    RequestError
        When something is wrong; the message says what was expected and what came.

    Notes
    -----
    2,000 datapoints are drawn; means may be off by 7 standard errors. Rare datapoints that they do not
    contain are not seen.

    Examples
    --------
    >>> from sgdiagrams.numeric.landscapes.toys import Helix
    >>> check_landscape(Helix())
    """
    if not isinstance(landscape, Landscape):
        raise RequestError(f"expected a landscape, got {shown(landscape)}")
    trial = _Trial(landscape, checked_seed(seed))
    trial.check_shapes()
    trial.check_fixed()
    trial.check_gradient()
    if has_statistics:
        known = trial.statistics(order) if statistics is None else statistics
        trial.check_statistics(known)


def statistics_of(landscape: Landscape, order: int) -> Statistics:
    """Return the statistics of a landscape, which may be a user's, or raise an error of one line."""
    return _Trial(landscape, 0).statistics(order)


@final
class _Trial:
    """A landscape with what it is asked for, checked on the way."""

    def __init__(self, landscape: Landscape, seed: int) -> None:
        self.ground = landscape
        name = str(getattr(landscape, "name", type(landscape).__name__))
        self.name = shortened(" ".join(name.split()), most=30)
        self.seed = seed
        start = self.numbers("start", self.read("start"))
        if start.ndim != 1 or not len(start):
            raise RequestError(
                f"expected start of {self.name} of shape (p,) with p >= 1, got shape {start.shape}"
            )
        self.start = start.astype(np.float64)
        model = self.read("model")
        # Of rounding: a model's library may compute in less than what its landscape returns.
        self.unit = float(np.finfo(np.float64 if model is None else model.dtype).eps)
        rng = np.random.default_rng((seed, 1))
        size = max(1.0, float(np.abs(self.start).max()))
        self.theta = self.start + 0.05 * size * rng.standard_normal((_RUNS, len(start)))
        self.theta[0] = self.start
        self.x = self.drawn((_RUNS, _POINTS))
        directions = rng.standard_normal((3, len(start)))
        self.directions = directions / np.linalg.norm(directions, axis=1, keepdims=True)

    # Asking -----------------------------------------------------------------------------------------

    def read(self, name: str) -> Any:
        """Return an attribute."""
        return self._safely(name, lambda: getattr(self.ground, name))

    def asked(self, name: str, *arguments: Any) -> Any:
        """Return what a method returns."""
        return self._safely(name, lambda: getattr(self.ground, name)(*arguments))

    def statistics(self, order: int) -> Statistics:
        """Return the statistics up to an order, if that is what they are."""
        known = self.asked("statistics", order)
        if not isinstance(known, Statistics):
            raise RequestError(
                f"expected Statistics from statistics of {self.name}, got {shown(known)}; "
                "Statistics.from_samples(..., role='population') makes them"
            )
        return known

    def _safely(self, name: str, ask: Callable[[], Any]) -> Any:
        try:
            with np.errstate(all="ignore"):
                return ask()
        except SgdiagramsError:
            raise
        except Exception as error:
            raise RequestError(
                f"expected {name} of {self.name} to take what it is given, got "
                f"{type(error).__name__}: {shortened(' '.join(str(error).split()))}"
            ) from error

    def numbers(self, name: str, value: Any) -> NDArray[Any]:
        """Return real, finite numbers as an array."""
        array = self._safely(name, lambda: np.asarray(value))
        if array.dtype.kind not in "fiu":
            raise RequestError(
                f"expected floats from {name} of {self.name}, got dtype={array.dtype}"
            )
        if not np.isfinite(array).all():
            raise RequestError(
                f"expected finite numbers from {name} of {self.name}, got NaN or infinity"
            )
        return np.asarray(array)

    def values(self, name: str, shape: tuple[int, ...], *arguments: Any) -> NDArray[Any]:
        """Return floats of one shape from a method, which leaves the weights as they are."""
        theta = arguments[0].copy()
        result = self.numbers(name, self.asked(name, *arguments))
        if result.shape != shape:
            raise RequestError(
                f"expected shape {shape} from {name} of {self.name} at theta of shape {theta.shape}, "
                f"got shape {result.shape}"
            )
        if result.dtype.kind != "f":
            raise RequestError(
                f"expected floats from {name} of {self.name}, got dtype={result.dtype}"
            )
        if not np.array_equal(theta, arguments[0]):
            raise RequestError(
                f"expected {name} of {self.name} to leave theta as it is, got it changed; copy it first"
            )
        return result

    def drawn(self, shape: tuple[int, ...]) -> NDArray[Any]:
        """Return datapoints, the same at every call."""
        array = self.asked("draw", np.random.default_rng((self.seed, 2)), shape)
        if not isinstance(array, np.ndarray) or array.shape[: len(shape)] != shape:
            came = f"shape {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__
            raise RequestError(
                f"expected draw of {self.name} to return an array whose shape begins with {shape}, "
                f"got {came}"
            )
        return array

    def loss(self, theta: Floats, x: NDArray[Any]) -> NDArray[Any]:
        """Return the losses, shape (R, m)."""
        return self.values("loss", (len(theta), x.shape[1]), theta, x)

    def gradient(self, theta: Floats, x: NDArray[Any]) -> NDArray[Any]:
        """Return the mean gradients, shape (R, p)."""
        return self.values("gradient", theta.shape, theta, x)

    # Checking ---------------------------------------------------------------------------------------

    def check_shapes(self) -> None:
        """Ask for everything once."""
        p = self.read("dimension")
        if p != len(self.start):
            raise RequestError(
                f"expected dimension of {self.name} to be the {len(self.start)} entries of its start, "
                f"got dimension={shown(p)}"
            )
        for array in (self.loss(self.theta, self.x), self.gradient(self.theta, self.x)):
            self.unit = max(self.unit, float(np.finfo(array.dtype).eps))
        self.values("test_loss", (_RUNS,), self.theta)
        if not np.array_equal(self.x, self.drawn((_RUNS, _POINTS))):
            raise RequestError(
                f"expected draw of {self.name} to draw from the generator that it is given, got other "
                "datapoints for the same seed; use rng alone"
            )

    def check_fixed(self) -> None:
        """Check that losses are functions of the weights and of their own datapoint alone."""
        for name, ask in (("loss", self.loss), ("gradient", self.gradient)):
            once, again = ask(self.theta, self.x), ask(self.theta, self.x)
            if not self._agree(once, again):
                raise RequestError(
                    f"expected {name} of {self.name} to be one fixed function for every datapoint, got "
                    "two values at the same weights and datapoints; draw all chance in draw"
                )
        losses = self.loss(self.theta, self.x)
        gradients = self.gradient(self.theta, self.x)
        single = []
        for j in range(_POINTS):
            x = self.x[:, j : j + 1]
            if not self._agree(self.loss(self.theta, x)[:, 0], losses[:, j]):
                raise RequestError(
                    f"expected loss of {self.name} to depend on its own datapoint alone, got another "
                    "value without the others of the batch"
                )
            single.append(self.gradient(self.theta, x))
        mean = np.mean(single, axis=0)
        if not self._agree(gradients, mean):
            is_sum = self._agree(gradients, np.sum(single, axis=0))
            came = "their sum" if is_sum else f"off by {np.abs(gradients - mean).max():.2g}"
            raise RequestError(
                f"expected gradient of {self.name} to be the mean over the datapoints, got {came}"
            )

    def check_gradient(self) -> None:
        """Hold the gradient against finite differences of the loss."""
        gradients = self.gradient(self.theta, self.x)
        for direction in self.directions:
            difference, error = _difference(
                lambda theta: self.loss(theta, self.x).mean(axis=1),
                self.theta,
                direction,
                unit=self.unit,
            )
            along = gradients @ direction
            bound = _SLACK * (np.abs(difference) + np.linalg.norm(gradients, axis=1)) + error
            off = np.abs(along - difference) > bound
            if off.any():
                i = int(np.argmax(off))
                raise RequestError(
                    f"expected gradient of {self.name} along a direction to be {difference[i]:.6g}, as "
                    f"finite differences of the loss say, got {along[i]:.6g}"
                )

    def check_statistics(self, statistics: Statistics) -> None:
        """Hold the statistics and the test loss at the start against datapoints that are drawn."""
        p = len(self.start)
        if getattr(statistics, "role", None) != "population":
            raise RequestError(
                f"expected statistics of {self.name} of role='population', got {shown(statistics)}"
            )
        if statistics.dimension not in (None, p):
            raise RequestError(
                f"expected statistics of {self.name} of its p={p} parameters, got "
                f"{statistics.dimension}"
            )
        population = statistics.as_population()
        n = max(16, min(_DRAWS, _LARGEST // p))
        x = self.drawn((1, n))
        start = self.start[None]
        [losses] = self.loss(start, x)
        known = population.samples
        test_loss = float(self.values("test_loss", (1,), start)[0])
        if 0 in known:
            mean = float(_mean(known[0], population.weights))
            if abs(mean - test_loss) > _SLACK * (abs(mean) + abs(test_loss)) + 1e-12:
                raise RequestError(
                    f"expected test_loss of {self.name} at the start to be {mean:.6g}, the mean of its "
                    f"statistics, got {test_loss:.6g}"
                )
            self._check_mean("the mean loss", losses, known[0], population.weights)
        # Derivatives have the noise of a visit, where that is fresh at each.
        noise = self.asked("draw_noise", np.random.default_rng((self.seed, 3)), x.shape[:2])
        single = np.swapaxes(x if noise is None else self.asked("visited", x, noise), 0, 1)
        for v in self.directions:
            for k in range(1, _ORDERS + 1):
                if k not in known:
                    continue
                drawn, error = self._derivative(single, v, k)
                row = known[k]
                for _ in range(k):
                    row = row @ v
                quantity = f"derivative {k} along a direction"
                self._check_mean(quantity, drawn, row, population.weights, float(error.mean()))
                if k == 1:
                    self._check_variance(drawn, row, population.weights)

    def _derivative(self, x: NDArray[Any], v: Floats, k: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return derivative k of every datapoint's loss along v at the start, with its error."""
        theta = np.repeat(self.start[None], len(x), axis=0)

        def slope(at: Floats) -> NDArray[Any]:
            return np.asarray(self.gradient(at, x) @ v)

        if k == 1:
            value = slope(theta)
            return value, np.zeros(len(value))
        return _difference(slope, theta, v, order=k - 1, unit=self.unit)

    def _check_mean(
        self,
        quantity: str,
        drawn: NDArray[Any],
        row: NDArray[Any],
        weights: NDArray[Any] | None,
        error: float = 0.0,
    ) -> None:
        mean = float(_mean(row, weights))
        spread = max(float(drawn.var()), float(_mean((row - mean) ** 2, weights)), 0.0)
        bound = _SIGMAS * np.sqrt(spread / len(drawn)) + _SLACK * (abs(mean) + np.sqrt(spread))
        found = float(drawn.mean())
        if abs(found - mean) > bound + error + 1e-12:
            raise RequestError(
                f"expected {quantity} of {self.name} at the start to be {mean:.6g}, as its statistics "
                f"say, got {found:.6g} on average over {len(drawn)} draws"
            )

    def _check_variance(
        self, drawn: NDArray[Any], row: NDArray[Any], weights: NDArray[Any] | None
    ) -> None:
        mean = float(_mean(row, weights))
        squares, wanted = (drawn - mean) ** 2, (row - mean) ** 2
        variance = float(_mean(wanted, weights))
        spread = max(
            float(squares.var()), float(_mean((wanted - variance) ** 2, weights)), variance**2
        )
        bound = _SIGMAS * np.sqrt(spread / len(drawn)) + _SLACK * abs(variance)
        found = float(squares.mean())
        if abs(found - variance) > bound + 1e-12:
            raise RequestError(
                f"expected the variance of the gradient of {self.name} along a direction to be "
                f"{variance:.6g}, as its statistics say, got {found:.6g} over {len(drawn)} draws"
            )

    def _agree(self, a: NDArray[Any], b: NDArray[Any]) -> bool:
        """Whether arrays are equal but for rounding, in the precision that they are computed in."""
        size = float(max(np.abs(a).max(), np.abs(b).max()))
        return bool(np.all(np.abs(a - b) <= 1e4 * self.unit * max(size, 1e-300)))


def _mean(row: NDArray[Any], weights: NDArray[Any] | None) -> Any:
    return row.mean(axis=0) if weights is None else np.tensordot(weights, row, axes=1)


def _difference(
    function: Callable[[Floats], NDArray[Any]],
    theta: Floats,
    v: Floats,
    *,
    unit: float,
    order: int = 1,
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return a derivative of order 1 or 2 along v by central differences at two steps, and its error."""
    middle = function(theta)
    size = max(1.0, float(np.abs(theta).max()))
    h = size * unit ** (1 / (4 + order))

    def at(step: float) -> NDArray[Any]:
        up, down = (function(theta + s * step * v) for s in (1, -1))
        return np.asarray(
            (up - down) / (2 * step) if order == 1 else (up - 2 * middle + down) / step**2
        )

    wide, narrow = at(h), at(h / 2)
    better = (4 * narrow - wide) / 3
    rounding = 100 * unit * np.abs(middle).max() / h**order
    return better, np.abs(better - narrow) + rounding
