"""What models of all libraries have in common: weights in a row, data in host memory, chunks."""

from __future__ import annotations

from abc import abstractmethod
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np

from sgdiagrams.numeric.models.arrangement import arranged
from sgdiagrams.numeric.models.chunks import MEMORY, in_chunks, sizes_for
from sgdiagrams.numeric.models.curves.key_sets import checked_keys, counts_of
from sgdiagrams.numeric.models.curves.penalty_along import add_penalty
from sgdiagrams.numeric.models.inputs import check_function_name
from sgdiagrams.numeric.models.model import Model
from sgdiagrams.numeric.models.weight_penalty import penalty
from sgdiagrams.symbolic.vocabulary import LOSS, PENALISED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from numpy.typing import NDArray

    from sgdiagrams.numeric.models.model import Directions, Leg, Vectors

__all__ = ["FlatModel"]


class FlatModel(Model):
    """A loss and functions of the weights, with data; a library's model makes `start` and `data`.

    Parameters
    ----------
    loss, functions, weight_decay, eta, memory
        As of the library's models.

    Attributes
    ----------
    start
        All weights in a row, shape (p,): an array of the library.
    shapes, structure
        Of the arrays that the weights consist of, and how they hang together.
    data
        The arrays of the data in host memory, and how they hang together.
    """

    __slots__ = (
        "_kept",
        "_rates",
        "data",
        "eta",
        "given_functions",
        "loss",
        "memory",
        "shapes",
        "start",
        "structure",
        "weight_decay",
    )

    start: Any
    shapes: tuple[tuple[int, ...], ...]
    structure: Any
    data: tuple[tuple[NDArray[Any], ...], Any]
    _rates: Callable[[Vectors], Vectors] | None

    def __init__(
        self,
        loss: Callable[[Any, Any], Any],
        *,
        functions: Mapping[str, Callable[[Any], Any]] | None,
        weight_decay: float,
        eta: Any,
        memory: float | None,
    ) -> None:
        self.loss = loss
        self.given_functions = dict(functions or {})
        self.weight_decay = float(weight_decay)
        self.eta = eta
        self.memory = MEMORY if memory is None else float(memory)
        # What is computed once, for this model and all that are moved from it.
        self._kept: dict[str, Any] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        # What is compiled does not travel to other processes.
        options = {
            "functions": self.given_functions,
            "weight_decay": self.weight_decay,
            "eta": self.eta,
            "memory": self.memory,
        }
        return partial(type(self), **options), (self.loss, *self._weights_and_data())

    @property
    def dimension(self) -> int:
        """The number of weights p."""
        return len(self.start)

    @property
    def size(self) -> int:
        """The number of datapoints N."""
        return len(self.data[0][0])

    @property
    def everything(self) -> NDArray[np.intp]:
        """The numbers of all datapoints; this very array is recognised, so that data are kept."""
        if "everything" not in self._kept:
            everything = np.arange(self.size)
            everything.flags.writeable = False
            self._kept["everything"] = everything
        every: NDArray[np.intp] = self._kept["everything"]
        return every

    def moved(self, weights: Any) -> Self:
        """Return the same model with other weights in a row; what is compiled is shared."""
        other = object.__new__(type(self))
        for kind in type(self).__mro__:
            for name in getattr(kind, "__slots__", ()):
                setattr(other, name, getattr(self, name))
        other.start = weights
        return other

    @property
    def arrays(self) -> tuple[NDArray[Any], ...]:
        """The data, with the datapoints along the first axis."""
        return self.data[0]

    @property
    def functions(self) -> tuple[str, ...]:
        """The names of the functions of the weights."""
        return tuple(self.given_functions)

    def derivative(
        self,
        label: str,
        datapoints: NDArray[np.intp] | None,
        legs: Sequence[Leg] = (),
        *,
        output: Literal["number", "vector"],
    ) -> Any:
        """Return derivatives of mean losses, or of a function, along vectors; see `Model`."""
        plain = LOSS if label == PENALISED else label
        check_function_name(self, plain, datapoints)
        arrangement = arranged(datapoints, legs)
        vectors_out = output == "vector"
        sizes = sizes_for(
            arrangement,
            memory=self.memory,
            vector_bytes=self.dimension * self.dtype.itemsize,
            datapoint_bytes=0 if datapoints is None else self.bytes_per_datapoint,
            vectors_out=vectors_out,
        )
        with self.computing():
            result = in_chunks(
                partial(self._piece, plain, arrangement.pattern, vectors_out),
                arrangement,
                sizes,
                self,
                vectors_out=vectors_out,
            )
            if label == PENALISED:
                result += penalty(self, legs, rows=arrangement.rows, vectors_out=vectors_out)
        return result

    def jets(
        self,
        label: str,
        datapoints: NDArray[np.intp] | None,
        curves: Mapping[Directions, Vectors],
        *,
        output: Literal["number", "vector"],
    ) -> dict[Directions, Any]:
        """Return derivatives along curves; see `Model`."""
        plain = LOSS if label == PENALISED else label
        check_function_name(self, plain, datapoints)
        vectors_out = output == "vector"
        checked_keys(curves)
        counts_of(datapoints, curves)
        with self.computing():
            result = self._along(plain, datapoints, curves, vectors_out=vectors_out)
            if label == PENALISED:
                add_penalty(self, result, curves, vectors_out=vectors_out)
        return result

    def raised(self, table: Vectors) -> Vectors:
        """Return vectors times the learning rates."""
        if self._rates is None:
            return table
        with self.computing():
            return self._rates(table)

    def combined(self, table: Vectors, factors: NDArray[np.float64]) -> Vectors:
        """Return linear combinations of vectors: factors of shape (L, K) times a table."""
        with self.computing():
            return self.as_table(factors) @ table

    @property
    def operations(self) -> float:
        """Floating-point operations of the gradient of one datapoint's loss, about."""
        return self._known_costs()[0]

    @property
    def bytes_per_datapoint(self) -> float:
        """Memory of intermediate results of the loss of one datapoint, about."""
        return self._known_costs()[1]

    @property
    def _bytes_of_data(self) -> int:
        return sum(leaf.nbytes for leaf in self.arrays)

    def _known_costs(self) -> tuple[float, float]:
        if "costs" not in self._kept:
            with self.computing():
                self._kept["costs"] = self._counted_costs()
        costs: tuple[float, float] = self._kept["costs"]
        return costs

    # What differs from library to library -------------------------------------------------------------

    @abstractmethod
    def computing(self) -> AbstractContextManager[None]:
        """Return a context for the library's arithmetic."""

    @abstractmethod
    def _piece(
        self,
        label: str,
        pattern: tuple[int, ...],
        vectors_out: bool,  # noqa: FBT001 - given by `partial` alone
        datapoints: NDArray[np.intp] | None,
        shares: NDArray[np.float64],
        legs: Sequence[Leg],
    ) -> Any:
        """Return what one chunk gives: see `sgdiagrams.numeric.models.chunks.Compute`."""

    @abstractmethod
    def _along(
        self,
        label: str,
        datapoints: NDArray[np.intp] | None,
        curves: Mapping[Directions, Vectors],
        *,
        vectors_out: bool,
    ) -> dict[Directions, Any]:
        """Return what `jets` does, without a penalty."""

    @abstractmethod
    def _counted_costs(self) -> tuple[float, float]:
        """Return operations and bytes of one datapoint."""

    @abstractmethod
    def _weights_and_data(self) -> tuple[Any, Any]:
        """Return both as they were given, about."""
