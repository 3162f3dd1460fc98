"""Losses written in JAX."""

from __future__ import annotations

from collections.abc import Hashable
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, final

import numpy as np

from sgdiagrams.numeric.models.backends.jax_costs import gradient_operations, intermediate_bytes
from sgdiagrams.numeric.models.backends.jax_jets import jets_kernel
from sgdiagrams.numeric.models.backends.jax_kernels import (
    LeafValues,
    all_finite,
    block_products,
    derivative_kernel,
    leaf_arrays,
)
from sgdiagrams.numeric.models.curves.key_sets import checked_keys, counts_of
from sgdiagrams.numeric.models.curves.pieces import sizes_at_once, sum_of_pieces
from sgdiagrams.numeric.models.failures import not_finite, not_finite_along
from sgdiagrams.numeric.models.flat_model import FlatModel
from sgdiagrams.numeric.models.inputs import (
    check_scalar,
    checked_call,
    floating_dtype,
    read_data,
    read_rates,
)
from sgdiagrams.symbolic.vocabulary import LOSS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from numpy.typing import NDArray

    from sgdiagrams.numeric.models.model import Directions, Leg, Vectors

__all__ = ["JaxModel", "precision"]


@final
class JaxModel(FlatModel):
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

    __slots__ = ("_dtype", "_kernels")

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

        super().__init__(
            loss, functions=functions, weight_decay=weight_decay, eta=eta, memory=memory
        )
        leaves, self.structure = jax.tree.flatten(weights)
        host = [np.asarray(leaf) for leaf in leaves]
        dtype = self._dtype = floating_dtype([str(leaf.dtype) for leaf in host])
        self.shapes = tuple(leaf.shape for leaf in host)
        points, structure = jax.tree.flatten(data)
        self.data = (read_data(points, dtype), structure)
        self._kernels: dict[Any, Any] = {}
        with self.computing():
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

    def _weights_and_data(self) -> tuple[Any, Any]:
        import jax

        leaves, structure = self.data
        weights = self.structured(np.asarray(self.start))
        return weights, jax.tree.unflatten(structure, leaves)

    def computing(self) -> AbstractContextManager[None]:
        """Return a context in which tables are added and multiplied in full precision."""
        return precision(self.dtype)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the weights."""
        return self._dtype

    def structured(self, flat: Any) -> Any:
        """Return a vector, shape (p,), in the structure of the weights."""
        import jax

        return jax.tree.unflatten(self.structure, leaf_arrays(flat, self.shapes))

    def datapoints(self, rows: NDArray[np.intp]) -> Any:
        """Return datapoints, with the axes of `rows` in front, as NumPy arrays."""
        import jax

        leaves, structure = self.data
        return jax.tree.unflatten(structure, [leaf[rows] for leaf in leaves])

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
        kernel = self._kernel(
            derivative_kernel, label, pattern, vectors_out=vectors_out, per_row=per_row
        )
        result = kernel(
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

    def _kernel(self, make: Any, label: str, of: tuple[Any, ...], **options: Any) -> Any:
        key = make, label, of, *options.values()
        if key not in self._kernels:
            values = self._values(label)
            # A callable object may have no hash; what is compiled for it is kept here alone.
            is_hashable = isinstance(values.function, Hashable)
            self._kernels[key] = (make if is_hashable else make.__wrapped__)(values, of, **options)
        return self._kernels[key]

    def _along(
        self,
        label: str,
        datapoints: NDArray[np.intp] | None,
        curves: Mapping[Directions, Vectors],
        *,
        vectors_out: bool,
    ) -> dict[Directions, Any]:
        count, m = counts_of(datapoints, curves)
        here = self._data_here()
        most = count, m
        if here is None and datapoints is not None:
            # Datapoints that are in host memory come in pieces.
            fitting = max(int(self.memory / 2 / (self._bytes_of_data / self.size)), 1)
            most = most if datapoints.ndim == 1 else (max(fitting // m, 1), m)
            most = most[0], min(m, fitting)
        return sum_of_pieces(
            partial(self._along_piece, label, vectors_out=vectors_out),
            datapoints,
            curves,
            most,
            self,
            vectors_out=vectors_out,
        )

    def _along_piece(
        self,
        label: str,
        datapoints: NDArray[np.intp] | None,
        shares: NDArray[np.float64],
        curves: Mapping[Directions, Vectors],
        *,
        vectors_out: bool,
    ) -> dict[Directions, Any]:
        import jax

        keys = checked_keys(curves)
        count, m = counts_of(datapoints, curves)
        own = datapoints is not None and datapoints.ndim == 2
        points, rows, here = (), None, self._data_here()
        if datapoints is self.everything and here is not None:
            points = here
        elif datapoints is not None and own and here is not None:
            points, rows = here, datapoints.astype(np.int32)
        elif datapoints is not None:
            points = self.datapoints(datapoints.reshape(-1))
            rows = np.arange(datapoints.size, dtype=np.int32).reshape(count, m) if own else None
        sizes = sizes_at_once(
            count,
            m,
            bytes_each=0 if datapoints is None else self.bytes_per_datapoint,
            derivatives=len(keys),
            memory=self.memory,
            has_caches=jax.default_backend() == "cpu",
        )
        kernel = self._kernel(jets_kernel, label, keys, vectors_out=vectors_out, own=own)
        result: dict[Directions, Any] = kernel(
            self.start, points, rows, shares.astype(self.dtype), dict(curves), sizes=sizes
        )
        if not all_finite(*result.values()):
            again = partial(self._along_piece, label, vectors_out=vectors_out)
            raise not_finite_along(label, again, datapoints, curves)
        if vectors_out:
            return result
        # Sums of numbers, with what rounding took from them; the shares that are not 0 are equal.
        share = 1.0 if datapoints is None else shares.max()
        pairs = {key: np.asarray(pair, dtype=np.float64) for key, pair in result.items()}
        return {key: share * pair.sum(axis=0) for key, pair in pairs.items()}

    def _data_here(self) -> Any:
        """Return the data where the weights are, or None where they do not fit the memory."""
        import jax

        if "data" not in self._kept:
            leaves, structure = self.data
            fits = self._bytes_of_data <= self.memory / 2
            arrays = [jax.numpy.asarray(leaf) for leaf in leaves] if fits else None
            self._kept["data"] = arrays and jax.tree.unflatten(structure, arrays)
        return self._kept["data"]

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
        with self.computing():
            blocks = np.asarray(self._kernels["products"](one, other), dtype=np.float64)
        total: NDArray[np.float64] = blocks.sum(axis=0)
        return total

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

        with self.computing():
            return jax.numpy.concatenate(list(tables))

    def as_floats(self, table: Vectors) -> NDArray[np.float64]:
        """Return vectors as a NumPy array of float64."""
        return np.asarray(table, dtype=np.float64)

    def as_table(self, vectors: NDArray[np.float64]) -> Vectors:
        """Return vectors of shape (K, p) as a table, in the type of the weights."""
        import jax

        with self.computing():
            return jax.numpy.asarray(np.asarray(vectors).astype(self.dtype))

    def as_weights(self, vector: NDArray[np.float64]) -> Any:
        """Return a vector in the structure of the weights."""
        return self.structured(np.asarray(vector))

    def _counted_costs(self) -> tuple[float, float]:
        weights, point = self.structured(np.asarray(self.start)), self.datapoints(np.array(0))
        return (
            gradient_operations(self.loss, weights, point),
            intermediate_bytes(self.loss, weights, point),
        )


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
