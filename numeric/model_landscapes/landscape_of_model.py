r"""Models as landscapes: a loss in JAX or PyTorch, its weights, and a data set as the distribution.

A datapoint is the number of a row of the data. Training sets are drawn from the rows, uniformly and with
replacement: the finite data set is the population, whose mean loss is the test loss, exactly.
"""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import replace
from itertools import combinations_with_replacement, permutations
from typing import TYPE_CHECKING, Any, final

import numpy as np

from sgdiagrams.diagrams.errors import RequestError, check_kind
from sgdiagrams.numeric.landscapes.joint_moments import averaged_products
from sgdiagrams.numeric.landscapes.landscape import Landscape, check_derivative_order
from sgdiagrams.numeric.model_landscapes.jax_runs import JaxRuns
from sgdiagrams.numeric.model_landscapes.parallel import runs_in_a_chunk
from sgdiagrams.numeric.model_landscapes.torch_runs import TorchRuns
from sgdiagrams.numeric.models.choice import model_of
from sgdiagrams.numeric.models.model import Leg
from sgdiagrams.numeric.models.safety.checking import check_model
from sgdiagrams.numeric.noiseless.first_order import FirstOrder
from sgdiagrams.numeric.statistics import Statistics
from sgdiagrams.symbolic.observable import Function
from sgdiagrams.symbolic.training.penalty import Penalty

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from sgdiagrams.numeric.descent import Descent
    from sgdiagrams.numeric.landscapes.landscape import Floats
    from sgdiagrams.numeric.model_landscapes.parallel import ParallelRuns
    from sgdiagrams.numeric.models.model import Model
    from sgdiagrams.numeric.noiseless.reading import Reading
    from sgdiagrams.symbolic.embeddings.drawing import Weighted

__all__ = ["ModelLandscape", "model_landscape"]

_LARGEST = 2**27  # entries of the derivative tensors of one order: 1 GiB
_AT_ONCE = 2**22  # entries that are computed at once
_NAME = "model"


@final
class ModelLandscape(Landscape):
    """A model with its data as a landscape; made by `model_landscape`.

    Parameters
    ----------
    model
        The loss, the weights where runs start, and the data that are drawn from.
    test_model
        The loss with other data, for the test loss; None for the same data.
    name
        For titles.
    """

    __slots__ = (
        "_checked",
        "_model",
        "_name",
        "_parameters",
        "_runs",
        "_start",
        "_test_model",
        "_test_runs",
    )

    def __init__(self, model: Model, test_model: Model | None = None, *, name: str = _NAME) -> None:
        self._model = model
        self._test_model = test_model
        self._name = name
        self._runs = _runs_of(model)
        self._test_runs = self._runs if test_model is None else _runs_of(test_model)
        self._start = model.as_floats(model.start)
        self._parameters: dict[str, Any] | None = None
        self._checked = 0  # the order of derivatives up to which the model has been checked

    def __reduce__(self) -> tuple[Any, ...]:
        # What is compiled does not travel to other processes.
        return _remade, (self._model, self._test_model, self._name)

    @property
    def name(self) -> str:  # type: ignore[override]
        """For titles."""
        return self._name

    @property
    def model(self) -> Model:
        """The model."""
        return self._model

    @property
    def test_model(self) -> Model | None:
        """The model with other data for the test loss; None for the same data."""
        return self._test_model

    @property
    def start(self) -> Floats:
        """The weights in a row, shape (p,)."""
        return self._start

    @property
    def parameters(self) -> Mapping[str, Any]:
        """Digests of data and test data, and the losses of a few datapoints at the start."""
        if self._parameters is None:
            size = self._model.size
            rows = np.unique(np.linspace(0, size - 1, 4).astype(int))
            [losses] = self.loss(self._start[None], rows[None])
            self._parameters = {
                "library": self._model.library,
                "dtype": str(self._model.dtype),
                "data": _digest(self._model),
                "test_data": None if self._test_model is None else _digest(self._test_model),
                # Rounded: machines may differ in the last digits.
                "losses": [f"{loss:.3g}" for loss in losses],
            }
        return self._parameters

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[Any]:
        """Return numbers of rows of the data."""
        return rng.integers(self._model.size, size=shape)

    @property
    def population(self) -> NDArray[Any]:
        """All rows of the data."""
        return np.arange(self._model.size)

    def loss(self, theta: Floats, x: NDArray[Any]) -> Floats:
        """Return the losses, shape (R, m)."""
        return self._runs.losses(theta, x)

    def gradient(self, theta: Floats, x: NDArray[Any]) -> Floats:
        """Return the mean gradient, shape (R, p)."""
        return self._runs.gradients(theta, x)

    def test_loss(self, theta: Floats) -> Floats:
        """Return the mean loss over all data, or over the test data, shape (R,)."""
        return self._test_runs.mean_losses(theta)

    @property
    def datapoint_size(self) -> int:
        """One: the number of a row."""
        return 1

    def runs_at_once(self, rows: int, visits: int) -> int:  # noqa: ARG002
        """Return how many runs take a few seconds."""
        return runs_in_a_chunk(self._model.dimension, visits)

    def descend(
        self,
        descent: Descent,
        start: Floats,
        batches: Iterable[NDArray[Any] | Weighted],
        *,
        eta: float,
    ) -> list[Floats]:
        """Return the points of whole runs that are looked at: all updates in the model's library."""
        penalty = descent.optimizer.penalty
        if penalty is None and not descent.pull:
            return self._runs.descend(descent, start, batches, eta=eta)
        if penalty is None or penalty.rates:
            return super().descend(descent, start, batches, eta=eta)
        name = penalty.function_name
        if name not in self._model.functions:
            return super().descend(descent, start, batches, eta=eta)
        # A function of the model's, run by run.
        known = Penalty(Function(name, derivatives=self._of_function(name)), penalty.strength)
        optimizer: Any = descent.optimizer
        of_model = replace(descent, optimizer=replace(optimizer, penalty=known))
        return super().descend(of_model, start, batches, eta=eta)

    def _of_function(self, name: str) -> Callable[[Floats, int], Floats]:
        def gradient(weights: Floats, _: int) -> Floats:
            here = self._model.moved(self._model.as_table(weights[None])[0])
            table = here.derivative(name, None, output="vector")
            row: Floats = np.asarray(self._model.as_floats(table), dtype=np.float64)[0]
            return row

        return gradient

    def first_order(self, descent: Descent, reading: Reading, *, eta: float) -> FirstOrder:
        """Return what every datapoint changes, from a run forward and back with all data."""
        return FirstOrder.of(self._model, descent, reading, eta=eta, test_model=self._test_model)

    def joint_moments(self, theta: Floats, blocks: Sequence[tuple[int, ...]]) -> list[Floats]:
        """Return joint moments of derivatives over all data at the weights of many runs.

        Beyond losses and mean gradients by dense derivatives, run by run.

        Raises
        ------
        RequestError
            As for `statistics`.
        """
        if self._test_model is not None:
            raise RequestError(
                f"expected {self._name} without test_data for an expression, whose derivatives are those "
                "of the distribution; leave test_data out"
            )
        if set(blocks) <= {(0,), (1,)}:
            return super().joint_moments(theta, blocks)
        highest = max(max(block, default=0) for block in blocks)
        by_run = [self._moments_at(row, highest, blocks) for row in theta]
        return [np.concatenate(parts) for parts in zip(*by_run, strict=True)]

    def _moments_at(
        self, row: Floats, highest: int, blocks: Sequence[tuple[int, ...]]
    ) -> list[Floats]:
        known = self.moved(row).statistics(highest).samples
        return averaged_products(lambda k: known[k][None], blocks)

    def statistics(self, order: int) -> Statistics:
        """Return the derivatives 0..order of all datapoints at the start, as dense arrays.

        Raises
        ------
        RequestError
            When the order is not a whole number >= 0, one tensor would exceed 1 GiB, or there are other
            data for the test loss.
        """
        check_derivative_order(order)
        if self._test_model is not None:
            raise RequestError(
                f"expected {self._name} without test_data for its statistics, whose test loss is that of "
                "the distribution; leave test_data out"
            )
        size, p = self._model.size, self._model.dimension
        if size * p**order > _LARGEST:
            raise RequestError(
                f"expected derivative tensors of at most {_LARGEST} entries, got order={order} of "
                f"{size} datapoints and p={p}; measure() gives what a formula needs without tensors"
            )
        if max(1, order) > self._checked:
            for note in check_model(self._model, max(1, order)):
                warnings.warn(note, stacklevel=2)
            self._checked = max(1, order)
        samples = {k: self._derivatives(k) for k in range(order + 1)}
        return Statistics.from_samples(samples, role="population", start=self._start)

    def moved(self, weights: NDArray[Any]) -> ModelLandscape:
        """Return the same model from other weights, given in a row; it is not checked again.

        Raises
        ------
        RequestError
            When there are not as many weights.
        """
        row = np.asarray(weights, dtype=np.float64)
        if row.shape != self._start.shape:
            raise RequestError(
                f"expected weights of shape={self._start.shape}, got shape={row.shape}"
            )
        models = [
            None if model is None else model.moved(model.as_table(row[None])[0])
            for model in (self._model, self._test_model)
        ]
        landscape = ModelLandscape(*models, name=self._name)  # type: ignore[arg-type]
        landscape._checked = self._checked
        return landscape

    def _derivatives(self, k: int) -> Floats:
        """Return derivative k of every datapoint's loss, shape (N, p, ..., p)."""
        model = self._model
        size, p = model.size, model.dimension
        rows = np.arange(size)[:, None]
        if k == 0:
            return np.asarray(model.derivative("loss", rows, output="number"))[:, 0]
        if k == 1:
            return model.as_floats(model.derivative("loss", rows, output="vector"))
        tensor = np.empty((size, *[p] * k))
        units = model.as_table(np.eye(p))
        indices = np.array(list(combinations_with_replacement(range(p), k - 1)))
        step = max(1, _AT_ONCE // (size * p))
        for first in range(0, len(indices), step):
            some = indices[first : first + step]
            legs = [Leg(units, column[None]) for column in some.T]
            table = model.as_floats(model.derivative("loss", rows, legs, output="vector"))
            values = table.reshape(size, len(some), p)
            for axes in permutations(range(k - 1)):
                place: Any = (slice(None), *(some[:, axis] for axis in axes))
                tensor[place] = values
        return tensor

    def __repr__(self) -> str:
        model = self._model
        return (
            f"<ModelLandscape {self._name}: {model.library}, {model.dtype}, p={model.dimension}, "
            f"{model.size} datapoints>"
        )


def model_landscape(
    loss: Callable[[Any, Any], Any],
    weights: Any,
    data: Any,
    *,
    test_data: Any = None,
    name: str | None = None,
) -> ModelLandscape:
    """Make a landscape of a model in JAX or PyTorch: real training for `simulate` and `compare`.

    The data set is the distribution: training sets of any size are drawn from its rows, uniformly and
    with replacement, and its mean loss is the test loss, exactly.

    Parameters
    ----------
    loss
        ``loss(weights, datapoint) -> scalar``, the loss of one datapoint: one fixed function, the same
        at every visit and whatever else is in the batch. For PyTorch ``torch_loss(module, criterion)``
        gives loss and weights.
    weights
        Where all runs start: a pytree of arrays, or a dictionary of tensors, in float32 or float64,
        which the runs keep.
    data
        Arrays, or a pytree of them, with datapoints along their first axes.
    test_data
        Other data for the test loss. Predictions need the same data.
    name
        For titles; by default that of the loss.

    Raises
    ------
    RequestError, StatisticsError
        When weights or data are of another kind, the loss changes from call to call, a datapoint has no
        loss of its own, or gradients are not those of the loss.
    MissingDependencyError
        When JAX or PyTorch is not installed.

    Examples
    --------
    >>> from sgdiagrams import simulate
    >>> points = np.array([[0.0, 1.0], [1.0, 0.5], [2.0, -1.0]])
    >>> def squared_error(weights, point):
    ...     return (weights @ point[:1] - point[1]) ** 2 / 2
    >>> ground = model_landscape(squared_error, np.zeros(1), points)
    >>> ground
    <ModelLandscape squared_error: jax, float64, p=1, 3 datapoints>
    >>> fall = simulate(ground, eta=0.1, T=10, runs=100)
    >>> fall.value < -3 * fall.standard_error
    True
    """
    if name is None:
        given = getattr(loss, "__name__", _NAME)
        name = given if str(given).isidentifier() else _NAME
    check_kind("name", name, str, called="a name as a text")
    model = model_of(loss, weights, data)
    check_model(model, 1)  # kinks are for predictions to warn of
    test_model = None if test_data is None else model_of(loss, weights, test_data)
    return ModelLandscape(model, test_model, name=name)


def _remade(model: Model, test_model: Model | None, name: str) -> ModelLandscape:
    return ModelLandscape(model, test_model, name=name)


def _runs_of(model: Any) -> ParallelRuns:
    return TorchRuns(model) if model.library == "torch" else JaxRuns(model)


def _digest(model: Model) -> str:
    digest = hashlib.sha256()
    for leaf in model.arrays:
        digest.update(f"{leaf.dtype.str}{leaf.shape}".encode())
        digest.update(np.ascontiguousarray(leaf).tobytes())
    return digest.hexdigest()
