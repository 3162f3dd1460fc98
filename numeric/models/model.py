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
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Directions", "Leg", "Model", "Vectors"]

#: An array of the model's library, shape (K, p): K vectors.
Vectors: TypeAlias = Any
#: Along which of the directions 0, 1, ... a derivative is taken, sorted, as often as it is.
Directions: TypeAlias = tuple[int, ...]


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
    def jets(
        self,
        label: str,
        datapoints: NDArray[np.intp] | None,
        curves: Mapping[Directions, Vectors],
        *,
        output: Literal["number", "vector"],
    ) -> dict[Directions, Any]:
        r"""Return derivatives of a mean loss or its gradient along S curves, or surfaces, of weights.

        With numbers :math:`\epsilon_0, \epsilon_1, \dots`, one for each direction, curve s is

        .. math:: \theta_s(\epsilon) = \theta + \sum_{k} c_{k, s}\, \frac{\epsilon^k}{k!}

        with multi-indices k: the key ``(0, 0, 1)`` stands for :math:`\epsilon_0^2 \epsilon_1`, and its
        table is :math:`\partial_0^2 \partial_1 \theta_s` at 0.

        Parameters
        ----------
        label
            As for `derivative`.
        datapoints
            Shape (S, m): the mean over m datapoints for every curve; or shape (m,): the same for all.
            None for a function.
        curves
            Directions -> table, shape (S, p); with every key all of its parts. The key ``()`` is the
            model's weights, and not given.
        output
            ``"number"``: derivatives of the loss; ``"vector"``: of its gradient.

        Returns
        -------
        dict
            For every key the derivative along its directions at 0: ndarray of float64, shape (S,), or
            Vectors, shape (S, p). For ``()`` the value itself, of length 1 where datapoints are the same
            for all curves.

        Raises
        ------
        StatisticsError
            When something is not finite.
        """

    @abstractmethod
    def moved(self, weights: Any) -> Model:
        """Return the same model with other weights in a row, an array of the library, shape (p,).

        What is compiled is shared.
        """

    @abstractmethod
    def computing(self) -> AbstractContextManager[None]:
        """Return a context in which tables are added and multiplied in full precision."""

    @property
    @abstractmethod
    def everything(self) -> NDArray[np.intp]:
        """The numbers of all datapoints; this very array may be recognised, so that data are kept."""

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
