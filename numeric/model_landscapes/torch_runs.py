"""Runs of a model in PyTorch: update by update, mapped over runs in chunks."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, final

import numpy as np

from sgdiagrams.numeric.linear_state import carried, combined
from sgdiagrams.numeric.model_landscapes.parallel import (
    ParallelRuns,
    power_of_two,
    segments,
    unpacked,
)
from sgdiagrams.numeric.models.backends.torch_kernels import exact_kernels
from sgdiagrams.numeric.models.backends.torch_trees import leaves_of, like, matched

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray

    from sgdiagrams.numeric.descent import Descent
    from sgdiagrams.numeric.landscapes.landscape import Floats
    from sgdiagrams.numeric.model_landscapes.parallel import Segment
    from sgdiagrams.numeric.models.torch_model import TorchModel
    from sgdiagrams.symbolic.embeddings.drawing import Weighted

__all__ = ["TorchRuns"]

#: Numbers of weights that are updated at once: starting an operation costs as much as some thousands.
_AT_ONCE = 2**21
_MOST_AT_ONCE = 4096
_BATCH_BYTES = 2**28  # of intermediate results


@final
class TorchRuns(ParallelRuns):
    """Runs of a model written in PyTorch.

    Parameters
    ----------
    model
        The model.
    """

    __slots__ = ("_data", "_is_mapped", "_model")

    def __init__(self, model: TorchModel) -> None:
        self._model = model
        self._data: Any = None
        self._is_mapped = True

    @contextmanager
    def _here(self) -> Iterator[Any]:
        """Yield the data, as tensors where the weights are."""
        with exact_kernels(self._model.start.device):
            if self._data is None:
                self._data = self._model.datapoints(np.arange(self._model.size))
            yield self._data

    def _tensor(self, array: NDArray[Any], kind: Any = None) -> Any:
        import torch

        start = self._model.start
        # A copy, which may be changed in place.
        return torch.tensor(array, device=start.device, dtype=start.dtype if kind is None else kind)

    def _rows(self, rows: NDArray[Any]) -> Any:
        import torch

        return self._tensor(rows, torch.int64)

    def _at_once(self, datapoints: int) -> int:
        """Return how many runs go side by side, with some datapoints each."""
        most = min(_MOST_AT_ONCE, _AT_ONCE / self._model.dimension)
        bytes_of_a_run = 3 * datapoints * self._model.bytes_per_datapoint
        return power_of_two(min(most, _BATCH_BYTES / max(1.0, bytes_of_a_run)))

    def _piece(self) -> int:
        """Return how many datapoints of one run are computed at once."""
        return power_of_two(_BATCH_BYTES / max(1.0, 3 * self._model.bytes_per_datapoint))

    def losses(self, theta: Floats, rows: NDArray[np.intp]) -> Floats:
        """Return the losses of datapoints, shape (R, m)."""
        piece = self._piece()
        columns = range(0, rows.shape[1], piece)
        return np.concatenate(
            [self._losses(theta, rows[:, c : c + piece]) for c in columns], axis=1
        )

    def _losses(self, theta: Floats, rows: NDArray[np.intp]) -> Floats:
        size = self._at_once(rows.shape[1])
        with self._here() as data:
            pieces = []
            for first in range(0, len(theta), size):
                span = slice(first, first + size)
                weights, points = self._tensor(theta[span]), _taken(data, self._rows(rows[span]))
                pieces.append(self._model.as_floats(self._mapped(self._values, weights, points)))
        return np.concatenate(pieces)

    def mean_losses(self, theta: Floats) -> Floats:
        """Return the mean loss over all data, shape (R,)."""
        size, piece = self._model.size, self._piece()
        total = np.zeros(len(theta))
        for first in range(0, size, piece):
            rows = np.arange(first, min(first + piece, size))
            total += self._losses(theta, np.broadcast_to(rows, (len(theta), len(rows)))).sum(axis=1)
        return np.asarray(total / size)

    def gradients(self, theta: Floats, rows: NDArray[np.intp]) -> Floats:
        """Return mean gradients, shape (R, p)."""
        m = rows.shape[1]
        size = self._at_once(min(m, self._piece()))
        with self._here() as data:
            pieces = []
            for first in range(0, len(theta), size):
                span = slice(first, first + size)
                own = self._rows(rows[span])
                shares = self._tensor(np.full(own.shape, 1 / m))
                slope = self._slope(self._tensor(theta[span]), own, shares, data)
                pieces.append(self._model.as_floats(slope))
        return np.concatenate(pieces)

    def descend(
        self,
        descent: Descent,
        start: Floats,
        batches: Iterable[NDArray[np.intp] | Weighted],
        *,
        eta: float,
    ) -> list[Floats]:
        """Return the points of whole runs that are looked at, each of shape (R, p)."""
        import torch

        watched = np.array(descent.watched)
        with self._here() as data, torch.no_grad():
            theta = self._tensor(start)
            state = tuple(torch.zeros_like(theta) for _ in range(descent.states))
            points = [row[0] * theta for row in watched]
            for segment in segments(descent, batches, dimension=self._model.dimension):
                size = self._at_once(min(segment.rows.shape[2], self._piece()))
                for first in range(0, len(start), size):
                    span = slice(first, first + size)
                    self._updates(
                        segment,
                        theta[span],
                        tuple(vector[span] for vector in state),
                        [point[span] for point in points],
                        rows=self._rows(segment.rows[span]),
                        shares=self._tensor(_shares_of(segment, span)),
                        rates=(eta, descent.decay),
                        data=data,
                    )
            return [self._model.as_floats(point) for point in points]

    def _updates(
        self,
        segment: Segment,
        start: Any,
        state: tuple[Any, ...],
        points: list[Any],
        *,
        rows: Any,
        shares: Any,
        rates: tuple[float, float],
        data: Any,
    ) -> None:
        """Make the updates of a segment in some runs, in place; shares have a row for every run."""
        eta, decay = rates
        weights = segment.watched.T.tolist()
        updates = [unpacked(numbers, len(state)) for numbers in segment.numbers.tolist()]
        for t, (update, weights_now) in enumerate(zip(updates, weights, strict=True)):
            theta = start + combined(update.read, state)
            slope = self._slope(theta, rows[:, t], shares[:, t], data)
            if decay:
                slope = slope.add_(theta, alpha=decay)
            after = carried(update, state, slope.mul_(eta))
            # A vector that only changes its place is copied before its old place is filled.
            after = tuple(x.clone() if any(x is y for y in state) else x for x in after)
            for vector, new in zip(state, after, strict=True):
                vector.copy_(new)
            if any(weights_now):
                end = start + combined(update.readout, state)
                for point, weight in zip(points, weights_now, strict=True):
                    if weight:
                        point.add_(end, alpha=weight)

    def _slope(self, theta: Any, rows: Any, shares: Any, data: Any) -> Any:
        """Return the gradients of sums of shares times losses, (R, p), for rows and shares (R, m)."""
        m, piece = rows.shape[1], self._piece()
        if m == 1:
            of_one = self._mapped(self._gradient_of_one, theta, _taken(data, rows[:, 0]))
            return of_one * shares
        total: Any = 0
        for first in range(0, m, piece):
            span = slice(first, first + piece)
            points = _taken(data, rows[:, span])
            total = total + self._mapped(self._gradient_of_some, theta, points, shares[:, span])
        return total

    def _mapped(self, function: Callable[..., Any], theta: Any, points: Any, *tables: Any) -> Any:
        """Return a function of every run's weights and datapoints, and of rows of tables."""
        import torch

        weights = self._model.structured(theta)
        if self._is_mapped:
            try:
                return torch.func.vmap(function)(weights, points, *tables)
            except RuntimeError:
                # Some operations of PyTorch know no `vmap`: then runs are taken one by one.
                self._is_mapped = False
        return torch.stack([
            function(_row(weights, run), _row(points, run), *(table[run] for table in tables))
            for run in range(len(theta))
        ])  # fmt: skip

    def _values(self, weights: Any, points: Any) -> Any:
        import torch

        if self._is_mapped:
            return torch.func.vmap(self._model.loss, (None, 0))(weights, points)
        count = len(leaves_of(points)[0])
        return torch.stack([self._model.loss(weights, _row(points, i)) for i in range(count)])

    def _gradient_of_one(self, weights: Any, point: Any) -> Any:
        import torch

        return self._flat(torch.func.grad(self._model.loss)(weights, point))

    def _gradient_of_some(self, weights: Any, points: Any, shares: Any) -> Any:
        import torch

        def mean(leaves: Any) -> Any:
            return self._values(leaves, points) @ shares

        return self._flat(torch.func.grad(mean)(weights))

    def _flat(self, weights: Any) -> Any:
        import torch

        return torch.cat([
            leaf.reshape(-1) for leaf in matched(weights, self._model.structure) or ()
        ])  # fmt: skip


def _shares_of(segment: Segment, runs: slice) -> Floats:
    """Return the shares of the datapoints of some runs, shape (R, S, m)."""
    if segment.shares.ndim == 3:
        return segment.shares[runs]
    return np.broadcast_to(segment.shares, segment.rows[runs].shape)


def _taken(data: Any, rows: Any) -> Any:
    return like(data, [leaf[rows] for leaf in leaves_of(data)])


def _row(tree: Any, row: int) -> Any:
    return like(tree, [leaf[row] for leaf in leaves_of(tree)])
