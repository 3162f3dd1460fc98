"""Losses written in JAX."""

from __future__ import annotations

from collections.abc import Hashable
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, final

import numpy as np

from sgdiagrams.numeric.models.arrangement import arranged
from sgdiagrams.numeric.models.backends.jax_costs import gradient_operations, intermediate_bytes
from sgdiagrams.numeric.models.backends.jax_kernels import (
    LeafValues,
    all_finite,
    block_products,
    derivative_kernel,
    leaf_arrays,
)
from sgdiagrams.numeric.models.chunks import MEMORY, in_chunks, sizes_for
from sgdiagrams.numeric.models.failures import not_finite
from sgdiagrams.numeric.models.inputs import (
    check_function_name,
    check_scalar,
    checked_call,
    floating_dtype,
    read_data,
    read_rates,
)
from sgdiagrams.numeric.models.model import Model
from sgdiagrams.numeric.models.weight_penalty import penalty
from sgdiagrams.symbolic.vocabulary import LOSS, PENALISED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from sgdiagrams.numeric.models.model import Leg, Vectors

__all__ = ["JaxModel", "precision"]


@final
class JaxModel(Model):
    """A loss ``loss(weights, datapoint) -> scalar`` written in JAX, weights any pytree, with data.

    Parameters
    ----------
    loss
        The loss of one datapoint, without an axis for a batch.
    weights
        A pytree of arrays of one type, float32 or float64: where derivatives are taken.
    data
        A pytree of arrays, datapoints along their first axes. They stay in host memory; arrays of
        floats are converted to the type of the weights.
    functions
        Functions of the weights by their names, each ``function(weights) -> scalar``.
    weight_decay
        The penalty is this times the squared length of the weights, halved.
    eta
        Learning rates: None; a number, a flat array, or a pytree like the weights; or a linear function
        of such a pytree.
    memory
        Bytes for intermediate results, about.

    Raises
    ------
    RequestError
        When weights are no floating-point arrays of one type.
    StatisticsError
        When data are empty or of unequal lengths.

    Examples
    --------
    >>> model = JaxModel(lambda w, x: (w - x) ** 2 / 2, np.ones(()), np.array([0.0, 2.0, 5.0]))
    >>> model.derivative("loss", np.array([1, 2]), output="vector").tolist()
    [[-2.5]]
    """

    __slots__ = (
        "_costs",
        "_dtype",
        "_kernels",
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

    library = "jax"

    def __init__(
        self,
        loss: Callable[[Any, Any], Any],
        weights: Any,
        data: Any,
        *,
        functions: Mapping[str, Callable[[Any], Any]] | None = None,
        weight_decay: float = 0,
        eta: Any = None,
        memory: float | None = None,
    ) -> None:
        import jax

        leaves, self.structure = jax.tree.flatten(weights)
        host = [np.asarray(leaf) for leaf in leaves]
        dtype = self._dtype = floating_dtype([str(leaf.dtype) for leaf in host])
        self.shapes = tuple(leaf.shape for leaf in host)
        points, structure = jax.tree.flatten(data)
        #: The arrays of the data in host memory, and how they hang together.
        self.data = (read_data(points, dtype), structure)
        self.loss = loss
        self.given_functions = dict(functions or {})
        self.weight_decay = float(weight_decay)
        self.eta = eta
        self.memory = MEMORY if memory is None else float(memory)
        self._kernels: dict[Any, Any] = {}
        self._costs: tuple[float, float] | None = None
        with precision(dtype):
            #: All weights in a row, shape (p,).
            self.start = jax.numpy.asarray(np.concatenate([leaf.reshape(-1) for leaf in host]))
            self._rates = None if eta is None else self._read_rates(eta)
            self._check_functions()

    def _check_functions(self) -> None:
        import jax

        weights, point = self.structured(self.start), self.datapoints(np.array(0))
        with checked_call(LOSS):
            check_scalar(LOSS, jax.eval_shape(self.loss, weights, point), self.dtype)
        for name, function in self.given_functions.items():
            with checked_call(name):
                check_scalar(name, jax.eval_shape(function, weights), self.dtype)

    def __reduce__(self) -> tuple[Any, ...]:
        # What is compiled does not travel to other processes.
        import jax

        leaves, structure = self.data
        options = {
            "functions": self.given_functions,
            "weight_decay": self.weight_decay,
            "eta": self.eta,
            "memory": self.memory,
        }
        weights = self.structured(np.asarray(self.start))
        data = jax.tree.unflatten(structure, leaves)
        return partial(JaxModel, **options), (self.loss, weights, data)

    @property
    def dimension(self) -> int:
        """The number of weights p."""
        return len(self.start)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the weights."""
        return self._dtype

    @property
    def size(self) -> int:
        """The number of datapoints N."""
        return len(self.data[0][0])

    @property
    def arrays(self) -> tuple[NDArray[Any], ...]:
        """The data, with the datapoints along the first axis."""
        return self.data[0]

    @property
    def functions(self) -> tuple[str, ...]:
        """The names of the functions of the weights."""
        return tuple(self.given_functions)

    def structured(self, flat: Any) -> Any:
        """Return a vector, shape (p,), in the structure of the weights."""
        import jax

        return jax.tree.unflatten(self.structure, leaf_arrays(flat, self.shapes))

    def datapoints(self, rows: NDArray[np.intp]) -> Any:
        """Return datapoints, with the axes of `rows` in front, as NumPy arrays."""
        import jax

        leaves, structure = self.data
        return jax.tree.unflatten(structure, [leaf[rows] for leaf in leaves])

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
        with precision(self.dtype):
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

    def _piece(
        self,
        label: str,
        pattern: tuple[int, ...],
        vectors_out: bool,  # noqa: FBT001 - given by `partial` alone
        datapoints: NDArray[np.intp] | None,
        shares: NDArray[np.float64],
        legs: Sequence[Leg],
    ) -> Any:
        own = datapoints is not None and len(datapoints) > 1
        per_row = own, tuple(len(leg.rows) > 1 for leg in legs)
        key = label, pattern, vectors_out, per_row
        if key not in self._kernels:
            values = self._values(label)
            # A callable object may have no hash; what is compiled for it is kept here alone.
            is_hashable = isinstance(values.function, Hashable)
            kernel = derivative_kernel if is_hashable else derivative_kernel.__wrapped__
            self._kernels[key] = kernel(values, pattern, vectors_out=vectors_out, per_row=per_row)
        result = self._kernels[key](
            self.start,
            () if datapoints is None else self.datapoints(datapoints),
            shares.astype(self.dtype),
            [leg.table for leg in legs],
            [leg.rows.astype(np.int32) for leg in legs],
        )
        if not all_finite(result):
            again = partial(self._piece, label, pattern, vectors_out)
            raise not_finite(label, again, datapoints, legs)
        return result if vectors_out else np.asarray(result, dtype=np.float64) @ shares

    def _values(self, label: str) -> LeafValues:
        function = self.given_functions.get(label)
        return LeafValues(
            self.loss if function is None else function,
            self.shapes,
            self.structure,
            has_datapoints=function is None,
        )

    def products(self, one: Vectors, other: Vectors) -> NDArray[np.float64]:
        """Return the scalar products of all pairs of vectors, summed in float64."""
        import jax

        if "products" not in self._kernels:
            self._kernels["products"] = jax.jit(block_products)
        with precision(self.dtype):
            blocks = np.asarray(self._kernels["products"](one, other), dtype=np.float64)
        total: NDArray[np.float64] = blocks.sum(axis=0)
        return total

    def raised(self, table: Vectors) -> Vectors:
        """Return vectors times the learning rates."""
        if self._rates is None:
            return table
        with precision(self.dtype):
            return self._rates(table)

    def _read_rates(self, eta: Any) -> Callable[[Vectors], Vectors]:
        import jax

        if callable(eta):
            return jax.jit(jax.vmap(lambda flat: self._flat(eta(self.structured(flat)))))
        leaves, structure = jax.tree.flatten(eta)
        same = str(structure) == str(self.structure)
        bare = jax.tree_util.treedef_is_leaf(structure)
        flat = read_rates(leaves, self.shapes, bare=bare, same=same)
        rates = jax.numpy.asarray(flat.astype(self.dtype))
        return lambda table: table * rates

    def _flat(self, tree: Any) -> Any:
        import jax

        return jax.numpy.concatenate([leaf.reshape(-1) for leaf in jax.tree.leaves(tree)])

    def joined(self, tables: Sequence[Vectors]) -> Vectors:
        """Return one table of the vectors of several."""
        import jax

        with precision(self.dtype):
            return jax.numpy.concatenate(list(tables))

    def as_floats(self, table: Vectors) -> NDArray[np.float64]:
        """Return vectors as a NumPy array of float64."""
        return np.asarray(table, dtype=np.float64)

    def as_table(self, vectors: NDArray[np.float64]) -> Vectors:
        """Return vectors of shape (K, p) as a table, in the type of the weights."""
        import jax

        with precision(self.dtype):
            return jax.numpy.asarray(np.asarray(vectors).astype(self.dtype))

    def combined(self, table: Vectors, factors: NDArray[np.float64]) -> Vectors:
        """Return linear combinations of vectors: factors of shape (L, K) times a table."""
        with precision(self.dtype):
            return self.as_table(factors) @ table

    def as_weights(self, vector: NDArray[np.float64]) -> Any:
        """Return a vector in the structure of the weights."""
        return self.structured(np.asarray(vector))

    @property
    def operations(self) -> float:
        """Floating-point operations of the gradient of one datapoint's loss, about."""
        return self._read_costs()[0]

    @property
    def bytes_per_datapoint(self) -> float:
        """Memory of intermediate results of the loss of one datapoint, about."""
        return self._read_costs()[1]

    def _read_costs(self) -> tuple[float, float]:
        if self._costs is None:
            weights, point = self.structured(np.asarray(self.start)), self.datapoints(np.array(0))
            with precision(self.dtype):
                self._costs = (
                    gradient_operations(self.loss, weights, point),
                    intermediate_bytes(self.loss, weights, point),
                )
        return self._costs


@contextmanager
def precision(dtype: np.dtype[Any]) -> Iterator[None]:
    """Float64 where the weights have it, here only, and products of matrices in full precision."""
    import jax

    with jax.default_matmul_precision("highest"):
        if dtype == np.float64:
            with jax.enable_x64(True):  # noqa: FBT003 - its only argument
                yield
        else:
            yield
