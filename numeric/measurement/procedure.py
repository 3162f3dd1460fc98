"""What a round does, wherever it is done: here, in another process, or on another machine."""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import TYPE_CHECKING, Any, final

import numpy as np

from sgdiagrams.numeric.measurement.rounds import Round
from sgdiagrams.numeric.models.model import Leg
from sgdiagrams.numeric.sweeps.complete import complete_values
from sgdiagrams.numeric.sweeps.routes import Routes
from sgdiagrams.numeric.sweeps.sweep import Sweep

if TYPE_CHECKING:
    from sgdiagrams.numeric.measurement.method import Method
    from sgdiagrams.numeric.models.model import Model
    from sgdiagrams.symbolic.contractions.contraction import Contraction

__all__ = ["Procedure"]

_PROBED = 4


@final
class Procedure:
    """Measures the round of a number.

    Parameters
    ----------
    model
        With weights and data.
    method
        What rounds do.
    numbers, vectors
        The moments without free leg and with one.
    """

    def __init__(
        self,
        model: Model,
        method: Method,
        numbers: tuple[Contraction, ...],
        vectors: tuple[Contraction, ...],
    ) -> None:
        self.model = model
        self.method = method
        self.numbers = numbers
        self.vectors = vectors

    def __reduce__(self) -> tuple[Any, ...]:
        return Procedure, (self.model, self.method, self.numbers, self.vectors)

    def __call__(self, index: int) -> Round:
        """Return the round of a number."""
        method, model = self.method, self.model
        if method.is_exact:
            values, vectors = complete_values(
                model, self.numbers, self.vectors, method.role, rows=method.rows
            )
            deviations = np.zeros((0, len(self.numbers)))
            of_vectors = np.zeros((0, *vectors.shape))
        else:
            datapoints = method.datapoints(index)
            sweep = Sweep(model, method.grouping, datapoints, self._routes, rows=method.rows)
            values, deviations = sweep.numbers(self.numbers)
            vectors, of_vectors = sweep.vectors(self.vectors)
        return Round(
            seed=method.seed,
            index=index,
            samples=method.size if method.is_exact else method.grouping.samples,
            gradients=method.gradients,
            values=values,
            deviations=deviations,
            vectors=vectors,
            vector_deviations=of_vectors,
        )

    @cached_property
    def _routes(self) -> Routes:
        return Routes.of([*self.numbers, *self.vectors], self.method.grouping)

    @cached_property
    def data_digest(self) -> str:
        """A digest of the data: types, shapes and contents."""
        digest = hashlib.blake2b(digest_size=16)
        for array in self.model.arrays:
            whole = np.ascontiguousarray(array)
            digest.update(f"{whole.dtype.str}{whole.shape}".encode())
            digest.update(whole.tobytes())
        return digest.hexdigest()

    @cached_property
    def model_probe(self) -> tuple[float, ...]:
        """A few numbers that another model would hardly share: losses, slopes and functions."""
        model = self.model
        rows = np.arange(min(model.size, _PROBED))[:, None]
        losses = model.derivative("loss", rows, output="number")
        gradients = model.raised(model.derivative("loss", rows, output="vector"))
        pairs = np.arange(len(rows))[:, None]
        slopes = model.derivative("loss", rows, [Leg(gradients, pairs[::-1])], output="number")
        others = [model.derivative(name, None, output="number") for name in model.functions]
        return tuple(float(x) for array in (losses, slopes, *others) for x in array[:, 0])
