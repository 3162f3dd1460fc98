"""Losses written in PyTorch."""

from __future__ import annotations

import warnings
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any, final

import numpy as np

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.numeric.models.backends.torch_costs import counted_costs
from sgdiagrams.numeric.models.backends.torch_jets import looped_jets, mapped_jets
from sgdiagrams.numeric.models.backends.torch_kernels import (
    exact_kernels,
    mapped_derivatives,
    repeated_gradients,
)
from sgdiagrams.numeric.models.backends.torch_trees import leaves_of, like, matched
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
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from numpy.typing import NDArray

    from sgdiagrams.numeric.models.model import Directions, Leg, Vectors

__all__ = ["TorchModel"]

#: Weights beyond which rows are computed one by one: what a row costs is more than starting it.
_LARGE = 100_000
#: What PyTorch warns of where it takes datapoints one by one itself, or stumbles.
_UNMAPPED = ("There is a performance drop", "An output with one or more elements was resized")
#: Bytes that derivatives along curves take at once on processors: half the time of all at once (9,610
#: weights), a third of that of pieces for the caches, where starting operations costs (910 weights).
_AT_ONCE = 2.0**27
_COLUMNS = 2**16  # weights whose products are summed at once, in float64


@final
class TorchModel(FlatModel):
    """A loss ``loss(weights, datapoint) -> scalar`` written in PyTorch, with data.

    Parameters
    ----------
    loss
        The loss of one datapoint, without an axis for a batch; `sgdiagrams.torch_loss` makes one.
    weights
        A dictionary of tensors of one type, float32 or float64, on one device: where derivatives are
        taken. Lists, tuples and single tensors are taken as well.
    data
        Arrays or tensors, or a tuple, list or dictionary of them, datapoints along their first
        axes. They stay in host memory; arrays of floats are converted to the type of the weights.
    functions
        Functions of the weights by their names, each ``function(weights) -> scalar``.
    weight_decay
        The penalty is this times the squared length of the weights, halved.
    eta
        Learning rates: None; a number, a flat array, or rates like the weights; or a linear function
        of such weights.
    memory
        Bytes for intermediate results, about.

    Raises
    ------
    RequestError
        When weights are no floating-point tensors of one type on one device.
    StatisticsError
        When data are empty or of unequal lengths.
    """

    __slots__ = ("_maps_datapoints",)

    library = "torch"

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
        import torch

        super().__init__(
            loss, functions=functions, weight_decay=weight_decay, eta=eta, memory=memory
        )
        leaves = leaves_of(weights)
        other = [leaf for leaf in leaves if not isinstance(leaf, torch.Tensor)]
        if other:
            raise RequestError(f"expected tensors as weights, got {shown(other[0])}")
        dtype = floating_dtype([str(leaf.dtype).removeprefix("torch.") for leaf in leaves])
        places = sorted({str(leaf.device) for leaf in leaves})
        if len(places) > 1:
            raise RequestError(f"expected weights on one device, got {', '.join(places)}")
        self.shapes = tuple(tuple(leaf.shape) for leaf in leaves)
        #: Like the weights, with numbers in their places.
        self.structure = like(weights, list(range(len(leaves))))
        points = leaves_of(data)
        self.data = (read_data(points, dtype), like(data, list(range(len(points)))))
        self._maps_datapoints: bool | None = None
        self.start = torch.cat([leaf.detach().reshape(-1) for leaf in leaves])
        self._rates = None if eta is None else self._read_rates(eta)
        self._check_functions()

    def _check_functions(self) -> None:
        weights, point = self.structured(self.start), self.datapoints(np.array(0))
        with self.computing():
            with checked_call(LOSS):
                check_scalar(LOSS, self.loss(weights, point), self.dtype)
            for name, function in self.given_functions.items():
                with checked_call(name):
                    check_scalar(name, function(weights), self.dtype)

    def _weights_and_data(self) -> tuple[Any, Any]:
        leaves, structure = self.data
        return self.structured(self.start), like(structure, list(leaves))

    def computing(self) -> AbstractContextManager[None]:
        """Return a context in which tables are added and multiplied in full precision."""
        return exact_kernels(self.start.device)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the weights."""
        return np.dtype(str(self.start.dtype).removeprefix("torch."))

    def structured(self, flat: Any) -> Any:
        """Return weights in their structure, of a tensor of all weights in a row."""
        return like(self.structure, self._split(flat))

    def _split(self, flat: Any) -> list[Any]:
        # Axes in front stay in front.
        ends = np.cumsum([0, *(int(np.prod(shape)) for shape in self.shapes)])
        front = tuple(flat.shape[:-1])
        return [
            flat[..., start:end].reshape(front + shape)
            for (start, end), shape in zip(pairwise(ends.tolist()), self.shapes, strict=True)
        ]

    def datapoints(self, rows: NDArray[np.intp]) -> Any:
        """Return datapoints, with the axes of `rows` in front, as tensors where the weights are."""
        import torch

        leaves, structure = self.data
        tensors = [
            torch.from_numpy(np.asarray(leaf[rows])).to(self.start.device) for leaf in leaves
        ]
        return like(structure, tensors)

    def _piece(
        self,
        label: str,
        pattern: tuple[int, ...],
        vectors_out: bool,  # noqa: FBT001 - given by `partial` alone
        datapoints: NDArray[np.intp] | None,
        shares: NDArray[np.float64],
        legs: Sequence[Leg],
    ) -> Any:
        import torch

        own = datapoints is not None and len(datapoints) > 1
        legs_own = tuple(len(leg.rows) > 1 for leg in legs)
        rows = max([len(leg.rows) for leg in legs] + [1 if datapoints is None else len(datapoints)])
        columns = legs[0].rows.shape[1] if legs else 1
        points = None if datapoints is None else self.datapoints(datapoints)
        total = self._total(label, shares)
        weights = self._split(self.start)
        tables = [leg.table[torch.from_numpy(leg.rows)] for leg in legs]
        if rows * columns > 1 and self.dimension <= _LARGE and self._maps_datapoints:
            result = mapped_derivatives(
                total,
                weights,
                points if own else _row(points, 0),
                [self._split(tables[i] if legs_own[i] else tables[i][0]) for i in pattern],
                vectors_out=vectors_out,
                per_row=(own, tuple(legs_own[i] for i in pattern)),
            )
        else:
            result = torch.cat(
                [
                    repeated_gradients(
                        partial(total, points=_row(points, r if own else 0)),
                        weights,
                        [self._split(tables[i][r if legs_own[i] else 0]) for i in pattern],
                        columns,
                        vectors_out=vectors_out,
                    )
                    for r in range(rows)
                ]
            )
        result = result.reshape((-1, self.dimension) if vectors_out else (rows, columns))
        if not torch.isfinite(result).all():
            again = partial(self._piece, label, pattern, vectors_out)
            raise not_finite(label, again, datapoints, legs)
        return result if vectors_out else self.as_floats(result)

    def _along(
        self,
        label: str,
        datapoints: NDArray[np.intp] | None,
        curves: Mapping[Directions, Vectors],
        *,
        vectors_out: bool,
    ) -> dict[Directions, Any]:
        levels = max(map(len, curves), default=0) + vectors_out
        sizes = sizes_at_once(
            *counts_of(datapoints, curves),
            bytes_each=0 if datapoints is None else self.bytes_per_datapoint,
            derivatives=2**levels,
            memory=min(self.memory, _AT_ONCE) if self.start.device.type == "cpu" else self.memory,
            has_caches=False,
        )
        return sum_of_pieces(
            partial(self._along_piece, label, vectors_out=vectors_out),
            datapoints,
            curves,
            sizes,
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
        import torch

        keys = checked_keys(curves)
        count, _ = counts_of(datapoints, curves)
        own = datapoints is not None and datapoints.ndim == 2
        points = None if datapoints is None else self._points_here(datapoints)
        total, weights = self._total(label, shares), self._split(self.start)
        leaves = {key: self._split(table) for key, table in curves.items()}
        if self.dimension <= _LARGE and self._maps_datapoints:
            result = mapped_jets(
                total, weights, points, leaves, keys, vectors_out=vectors_out, own=own
            )
        else:
            single = [
                {key: [part[s] for part in parts] for key, parts in leaves.items()}
                for s in range(count if curves else 0)
            ]
            loop = partial(looped_jets, weights=weights, keys=keys, vectors_out=vectors_out)
            if own:
                rows = [
                    loop(partial(total, points=_row(points, s)), curves=single[s : s + 1])
                    for s in range(count)
                ]
                result = {key: torch.cat([row[key] for row in rows]) for key in keys}
            else:
                result = loop(partial(total, points=points), curves=single)
        if not torch.stack([torch.isfinite(table).all() for table in result.values()]).all():
            again = partial(self._along_piece, label, vectors_out=vectors_out)
            raise not_finite_along(label, again, datapoints, curves)
        return result if vectors_out else {key: self.as_floats(x) for key, x in result.items()}

    def _points_here(self, rows: NDArray[np.intp]) -> Any:
        """Return datapoints where the weights are; the data are kept there if they fit the memory."""
        import torch

        if "data" not in self._kept:
            fits = self._bytes_of_data <= self.memory / 2
            self._kept["data"] = self.datapoints(self.everything) if fits else None
        here = self._kept["data"]
        if here is None:
            return self.datapoints(rows)
        if rows is self.everything:
            return here
        index = torch.from_numpy(np.array(rows)).to(self.start.device)
        return like(here, [leaf[index] for leaf in leaves_of(here)])

    def _total(self, label: str, shares: NDArray[np.float64]) -> Callable[..., Any]:
        import torch

        if label in self.given_functions:
            function = self.given_functions[label]
            return lambda leaves, points=None: function(like(self.structure, leaves))  # noqa: ARG005
        factors = torch.from_numpy(shares).to(self.start.device)

        def total(leaves: Any, points: Any) -> Any:
            return self._losses(leaves, points).double() @ factors

        if self._maps_datapoints is None:
            self._maps_datapoints = self._can_be_mapped()
        return total

    def _losses(self, leaves: list[Any], points: Any) -> Any:
        import torch

        weights = like(self.structure, leaves)
        if self._maps_datapoints:
            return torch.func.vmap(self.loss, (None, 0))(weights, points)
        count = len(leaves_of(points)[0])
        return torch.stack([self.loss(weights, _row(points, i)) for i in range(count)])

    def _can_be_mapped(self) -> bool:
        # Some operations of PyTorch know no `vmap`: then datapoints are taken one by one.
        import torch

        weights, points = self.structured(self.start), self.datapoints(np.zeros(2, dtype=int))
        with warnings.catch_warnings():
            for words in _UNMAPPED:
                warnings.filterwarnings("error", message=words)
            try:
                torch.func.vmap(self.loss, (None, 0))(weights, points)
            except (RuntimeError, UserWarning):
                return False
        return True

    def products(self, one: Vectors, other: Vectors) -> NDArray[np.float64]:
        """Return the scalar products of all pairs of vectors, summed in float64."""
        total = 0.0
        for start in range(0, one.shape[1], _COLUMNS):
            columns = slice(start, start + _COLUMNS)
            total = total + one[:, columns].double() @ other[:, columns].double().T
        return self.as_floats(total)

    def _read_rates(self, eta: Any) -> Callable[[Vectors], Vectors]:
        import torch

        if callable(eta):
            return lambda table: torch.stack([self._flat(eta(self.structured(v))) for v in table])
        leaves = matched(eta, self.structure)
        bare = not isinstance(eta, (dict, list, tuple))
        given = [eta] if bare else leaves or []
        rates = read_rates(given, self.shapes, bare=bare, same=leaves is not None)
        here = torch.from_numpy(rates).to(self.start)
        return lambda table: table * here

    def _flat(self, weights: Any) -> Any:
        import torch

        leaves = matched(weights, self.structure)
        if leaves is None:
            raise RequestError("expected eta to return a vector in the structure of the weights")
        return torch.cat([leaf.reshape(-1) for leaf in leaves])

    def joined(self, tables: Sequence[Vectors]) -> Vectors:
        """Return one table of the vectors of several."""
        import torch

        return torch.cat(list(tables))

    def as_table(self, vectors: NDArray[np.float64]) -> Vectors:
        """Return vectors of shape (K, p) as a table, in the type of the weights."""
        import torch

        return torch.from_numpy(np.array(vectors)).to(self.start)

    def as_floats(self, table: Vectors) -> NDArray[np.float64]:
        """Return vectors as a NumPy array of float64."""
        floats: NDArray[np.float64] = table.detach().double().cpu().numpy()
        return floats

    def as_weights(self, vector: NDArray[np.float64]) -> Any:
        """Return a vector in the structure of the weights, as tensors of float64 in host memory."""
        import torch

        return self.structured(torch.from_numpy(np.array(vector, dtype=np.float64)))

    def _counted_costs(self) -> tuple[float, float]:
        point = self.datapoints(np.array(0))
        operations, kept = counted_costs(
            lambda leaves: self.loss(like(self.structure, leaves), point), self._split(self.start)
        )
        own = sum(leaf.numel() * leaf.element_size() for leaf in leaves_of(point))
        return operations, kept + own


def _row(points: Any, row: int) -> Any:
    return None if points is None else like(points, [leaf[row] for leaf in leaves_of(points)])
