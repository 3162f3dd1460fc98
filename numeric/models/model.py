r"""A model: the loss of a datapoint as a function of weights, with the data, in one library.

Everything that is measured on a model is put together from one kind of *step*: the mean loss over some
datapoints, differentiated k times along k vectors (a number), or k + 1 times with one leg left open (a
vector). Vectors have the length p of all weights in a row and stand in *tables*, arrays of the library
with one vector in every row.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, final

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Leg", "Model", "Vectors"]

#: An array of the model's library, shape (K, p): K vectors.
Vectors: TypeAlias = Any


@final
@dataclass(frozen=True, slots=True, eq=False)
class Leg:
    """The vectors that one leg of a derivative is contracted with.

    Attributes
    ----------
    table
        Vectors, shape (K, p).
    rows
        Which of them, shape (R, S): for each of R sets of datapoints S vectors. Two legs with the same
        table and equal rows are equal, which makes the derivative cheaper.
    """

    table: Vectors
    rows: NDArray[np.intp]


class Model(ABC):
    """The loss of a datapoint, functions of the weights, and data; concrete models are final."""

    __slots__ = ()

    #: ``"jax"`` or ``"torch"``.
    library: str
    #: All weights in a row, an array of the library, shape (p,).
    start: Any
    #: The penalty is this times the squared length of the weights, halved.
    weight_decay: float

    @property
    @abstractmethod
    def dimension(self) -> int:
        """The number of weights p."""

    @property
    @abstractmethod
    def dtype(self) -> np.dtype[Any]:
        """The type of the weights: float32 or float64."""

    @property
    @abstractmethod
    def size(self) -> int:
        """The number of datapoints N."""

    @property
    @abstractmethod
    def arrays(self) -> tuple[NDArray[Any], ...]:
        """The data, with the datapoints along the first axis."""

    @property
    @abstractmethod
    def functions(self) -> tuple[str, ...]:
        """The names of the functions of the weights."""

    @abstractmethod
    def derivative(
        self,
        label: str,
        datapoints: NDArray[np.intp] | None,
        legs: Sequence[Leg] = (),
        *,
        output: Literal["number", "vector"],
    ) -> Any:
        """Return derivatives of mean losses, or of a function, along vectors.

        Parameters
        ----------
        label
            ``"loss"``, ``"penalised-loss"`` (with the penalty of the model's weight decay) or the name of
            a function of the weights.
        datapoints
            Shape (R, m): the mean over m datapoints, for each of R rows; or shape (m,): the same for all
            rows. None for a function.
        legs
            The vectors that are contracted with; all have rows of one shape (R, S), or (1, S) for the
            same in all rows. Without legs S is 1 (and R is 1 where datapoints are the same for all rows).
        output
            ``"number"`` or ``"vector"``.

        Returns
        -------
        ndarray of float64, shape (R, S), or Vectors, shape (R S, p)
            Numbers, summed over datapoints in float64; or vectors, row r S + s for (r, s).

        Raises
        ------
        StatisticsError
            When something is not finite; the datapoints are named.
        """

    @abstractmethod
    def products(self, one: Vectors, other: Vectors) -> NDArray[np.float64]:
        """Return the scalar products of all pairs of vectors, shape (K, L), summed in float64."""

    @abstractmethod
    def raised(self, table: Vectors) -> Vectors:
        """Return vectors times the learning rates of the model; as they are where there are none."""

    @abstractmethod
    def joined(self, tables: Sequence[Vectors]) -> Vectors:
        """Return one table of the vectors of several."""

    @abstractmethod
    def combined(self, table: Vectors, factors: NDArray[np.float64]) -> Vectors:
        """Return linear combinations of vectors: factors of shape (L, K) times a table of K vectors."""

    @abstractmethod
    def as_table(self, vectors: NDArray[np.float64]) -> Vectors:
        """Return vectors of shape (K, p) as a table, in the type of the weights."""

    @abstractmethod
    def as_floats(self, table: Vectors) -> NDArray[np.float64]:
        """Return vectors as a NumPy array of float64."""

    @abstractmethod
    def as_weights(self, vector: NDArray[np.float64]) -> Any:
        """Return a vector in the structure of the weights."""

    @property
    @abstractmethod
    def operations(self) -> float:
        """Floating-point operations of the gradient of one datapoint's loss, about."""

    @property
    @abstractmethod
    def bytes_per_datapoint(self) -> float:
        """Memory of intermediate results of the loss of one datapoint, about."""
