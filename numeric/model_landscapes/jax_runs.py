"""Runs of a model in JAX: a compiled loop over the updates, mapped over runs in chunks."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, final

import numpy as np

from sgdiagrams.numeric.linear_state import combined
from sgdiagrams.numeric.model_landscapes.jax_kernels import RunKernels
from sgdiagrams.numeric.model_landscapes.parallel import (
    ParallelRuns,
    power_of_two,
    segments,
    side_by_side,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from sgdiagrams.numeric.descent import Descent
    from sgdiagrams.numeric.landscapes.landscape import Floats
    from sgdiagrams.numeric.models.jax_model import JaxModel
    from sgdiagrams.symbolic.embeddings.drawing import Weighted

__all__ = ["JaxRuns"]

_BLOCK = 256  # losses that are summed in the type of the weights
_BATCH_BYTES = 2**27  # of intermediate results of runs that go side by side
_ON_ACCELERATORS = 4096  # runs side by side


@final
class JaxRuns(ParallelRuns):
    """Runs of a model written in JAX; what is compiled is kept.

    Parameters
    ----------
    model
        The model.
    """

    __slots__ = ("_blocks", "_data", "_kernels", "_model")

    def __init__(self, model: JaxModel) -> None:
        import jax

        self._model = model
        self._kernels: dict[Any, Any] = {}
        leaves, structure = model.data
        with self._precision():
            arrays = [jax.numpy.asarray(leaf) for leaf in leaves]
            self._data = jax.tree.unflatten(structure, arrays)
        self._blocks: Any = None

    @contextmanager
    def _precision(self) -> Iterator[None]:
        """Float64 where the weights have it, here only, and products of matrices in full precision."""
        import jax

        with (
            jax.default_matmul_precision("highest"),
            jax.enable_x64(self._model.dtype == np.float64),
        ):
            yield

    def _compiled(self, m: int) -> RunKernels:
        """Return the kernels for batches of m datapoints."""
        import jax

        size = side_by_side(self._model.dimension)
        if jax.default_backend() != "cpu":
            size = _ON_ACCELERATORS
        at_once = max(1.0, _BATCH_BYTES / (3 * self._model.bytes_per_datapoint))
        size = power_of_two(min(size, max(1.0, at_once / m)))
        piece = m if m <= at_once else power_of_two(at_once)
        return RunKernels(self._one, size, piece)

    def _one(self, flat: Any, point: Any) -> Any:
        return self._model.loss(self._model.structured(flat), point)

    def _kernel(self, name: str, m: int, **options: Any) -> Any:
        key = (name, m, *options.items())
        if key not in self._kernels:
            self._kernels[key] = getattr(self._compiled(m), name)(**options)
        return self._kernels[key]

    def losses(self, theta: Floats, rows: NDArray[np.intp]) -> Floats:
        """Return the losses of datapoints, shape (R, m)."""
        with self._precision():
            kernel = self._kernel("losses", rows.shape[1])
            values = kernel(*self._filled(theta, rows), self._data)
            return np.asarray(values, dtype=np.float64)[: len(theta)]

    def gradients(self, theta: Floats, rows: NDArray[np.intp]) -> Floats:
        """Return mean gradients, shape (R, p)."""
        m = rows.shape[1]
        with self._precision():
            kernel = self._kernel("gradients", m)
            shares = np.full(m, 1 / m, dtype=self._model.dtype)
            values = kernel(*self._filled(theta, rows), shares, self._data)
            return np.asarray(values, dtype=np.float64)[: len(theta)]

    def _filled(self, theta: Floats, rows: NDArray[np.intp]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return weights and datapoints of as many runs as are compiled for."""
        room = _room(len(theta), side_by_side(self._model.dimension))
        weights = _longer(theta, room).astype(self._model.dtype)
        return weights, _longer(rows, room).astype(np.int32)

    def mean_losses(self, theta: Floats) -> Floats:
        """Return the mean loss over all data, shape (R,)."""
        with self._precision():
            if self._blocks is None:
                self._blocks = self._in_blocks()
            kernel = self._kernel("sums", 1)
            sums = kernel(theta.astype(self._model.dtype), self._blocks)
            total = np.asarray(sums, dtype=np.float64).sum(axis=1)
            return np.asarray(total / self._model.size)

    def _in_blocks(self) -> Any:
        """Return marks and data in blocks (k, c, ...), the last one filled up."""
        import jax

        size = self._model.size
        most = min(_BLOCK, max(1.0, _BATCH_BYTES / self._model.bytes_per_datapoint))
        blocks = -(-size // int(most))
        length = -(-size // blocks)
        rows = np.minimum(np.arange(blocks * length), size - 1).reshape(blocks, length)
        is_real = np.arange(blocks * length).reshape(blocks, length) < size
        return is_real, jax.tree.map(lambda leaf: leaf[rows], self._data)

    def descend(
        self,
        descent: Descent,
        start: Floats,
        batches: Iterable[NDArray[np.intp] | Weighted],
        *,
        eta: float,
    ) -> list[Floats]:
        """Return the points of whole runs that are looked at, each of shape (R, p)."""
        import jax

        dtype, runs = self._model.dtype, len(start)
        decay = descent.decay
        watched = np.array(descent.watched)
        # Where only the last point counts, nothing need be added up.
        averaged = tuple(bool(row[:-1].any() or row[-1] != 1) for row in watched)
        room = _room(runs, side_by_side(self._model.dimension))
        with self._precision():
            theta = jax.numpy.asarray(_longer(start, room).astype(dtype))
            zero = jax.numpy.zeros_like(theta)
            sums = tuple(
                row[0].astype(dtype) * theta
                for row, adds in zip(watched, averaged, strict=True)
                if adds
            )
            states = descent.states
            state = (theta, (zero,) * states, sums)
            for part in segments(descent, batches, dimension=self._model.dimension):
                capacity = _next_power(part.updates)
                segment = part.padded(capacity)
                scaled = segment.numbers.copy()
                scaled[:, states : 2 * states] *= eta
                kernel = self._kernel(
                    "descent", segment.rows.shape[2], averaged=averaged, decays=decay != 0
                )
                state = kernel(
                    state,
                    _longer(segment.rows, room),
                    (
                        segment.shares
                        if segment.shares.ndim == 2
                        else _longer(segment.shares, room)
                    ).astype(dtype),
                    scaled.astype(dtype),
                    segment.watched.astype(dtype),
                    np.asarray(decay, dtype=dtype),
                    np.int32(part.updates),
                    self._data,
                )
            theta, vectors, sums = state
            if descent.updates:
                theta = theta + combined(descent.updates[-1].readout, vectors)
            rest = iter(sums)
            points = [next(rest) if adds else theta for adds in averaged]
            return [np.asarray(point, dtype=np.float64)[:runs] for point in points]


def _room(runs: int, together: int) -> int:
    """Return how many runs are computed, so that few shapes are compiled."""
    return _next_power(runs) if runs < together else -(-runs // together) * together


def _next_power(number: int) -> int:
    return 1 << max(0, number - 1).bit_length()


def _longer(array: NDArray[Any], length: int) -> NDArray[Any]:
    """Return an array of some length, filled up with its first row."""
    more = length - len(array)
    return array if not more else np.concatenate([array, np.repeat(array[:1], more, axis=0)])
