"""Models in PyTorch under questioning."""

from __future__ import annotations

import copy
import warnings
from typing import TYPE_CHECKING, Any, final

import numpy as np

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import shortened
from sgdiagrams.numeric.models.backends.torch_kernels import exact_kernels
from sgdiagrams.numeric.models.backends.torch_trees import leaves_of, like
from sgdiagrams.numeric.models.model import Leg
from sgdiagrams.numeric.models.module_loss import ModuleLoss, refuse_training
from sgdiagrams.numeric.models.safety.torch_operations import (
    kinks_among,
    recorded_operations,
    suspects_among,
)
from sgdiagrams.numeric.models.safety.witness import Suspect, Witness
from sgdiagrams.numeric.models.torch_model import TorchModel

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["TorchWitness"]

_BOTH = np.array([[0, 1]])


@final
class TorchWitness(Witness):
    """Two datapoints of a model in PyTorch: repeated gradients against directional derivatives of one.

    Parameters
    ----------
    model
        A `TorchModel`.
    rows
        Two datapoints.
    """

    __slots__ = ("_twin", "is_double", "leaves")

    def __init__(self, model: Any, rows: NDArray[np.intp]) -> None:
        import torch

        self.leaves = [model.as_floats(leaf) for leaf in leaves_of(model.structured(model.start))]
        if isinstance(model.loss, ModuleLoss):
            refuse_training(model.loss.module)
        leaves, structure = model.data
        points = like(structure, [leaf[rows] for leaf in leaves])
        self.is_double = True
        try:
            self._twin = TorchModel(model.loss, model.structured(model.start.double()), points)
            self.losses()
        except (RequestError, RuntimeError):  # tensors of float32 inside the loss
            if model.start.dtype == torch.float64:
                raise
            self.is_double = False
            self._twin = TorchModel(model.loss, model.structured(model.start), points)

    def _values(self, weights: Any) -> list[Any]:
        points = self._twin.datapoints(np.arange(2))
        every = [like(points, [leaf[i] for leaf in leaves_of(points)]) for i in (0, 1)]
        return [self._twin.loss(weights, point) for point in every]

    def losses(self) -> NDArray[np.float64]:
        """Return the losses of both datapoints, one after the other."""
        with exact_kernels(self._twin.start.device):
            values = self._values(self._twin.structured(self._twin.start))
        return np.array([float(value.detach()) for value in values])

    def refuse_parts(self) -> None:
        """Refuse modules and criteria that mix datapoints."""
        loss = self._twin.loss
        if not isinstance(loss, ModuleLoss):
            return
        weights = self._twin.structured(self._twin.start)
        with exact_kernels(self._twin.start.device):
            both = float(loss.of_batch(weights, self._twin.datapoints(np.arange(2))).detach())
        alone = self.losses().mean()
        if abs(both - alone) > (1e-9 if self.is_double else 1e-4) * (abs(both) + abs(alone)):
            raise RequestError(
                f"the loss of a batch of two is {both:.6g}, the mean of their losses {alone:.6g}:"
                " expected a criterion that averages over datapoints, without weights of classes or"
                " targets that are left out, and a module that treats datapoints alone"
            )

    def numbers(
        self, shift: NDArray[np.float64], vectors: NDArray[np.float64], last: int
    ) -> list[float]:
        """Return derivatives along vectors as the model computes them."""
        twin = copy.copy(self._twin)
        twin.start = twin.start + twin.as_table(shift)
        table = twin.as_table(vectors)
        legs = [Leg(table, np.array([[i]])) for i in range(len(vectors))]
        try:
            return [
                twin.derivative("loss", _BOTH, legs[:k], output="number").item()
                for k in range(last + 1)
            ]
        except (RuntimeError, NotImplementedError) as error:
            raise RequestError(
                f"PyTorch cannot differentiate the loss {last} times:"
                f" {shortened(' '.join(str(error).split()), most=120)}"
            ) from error

    def other_route(self, vectors: NDArray[np.float64]) -> list[float] | None:
        """Return derivatives along vectors by `jvp` of the gradient, again and again."""
        from torch.func import grad

        twin = self._twin
        weights = twin.structured(twin.start)
        legs = [twin.structured(row) for row in twin.as_table(vectors)]

        def mean(tree: Any) -> Any:
            return sum(self._values(tree)) / 2

        def product(one: Any, other: Any) -> Any:
            pairs = zip(leaves_of(one), leaves_of(other), strict=True)
            return sum((x * y).sum() for x, y in pairs)

        values = []
        with exact_kernels(twin.start.device), warnings.catch_warnings():
            # PyTorch compiles formulas for `jvp` by what it calls deprecated itself.
            for category in (DeprecationWarning, FutureWarning):  # up to and since PyTorch 2.14
                warnings.simplefilter("ignore", category)
            try:
                values.append(mean(weights).item())
                function = grad(mean)
                for leg in legs:
                    values.append(product(function(weights), leg).item())
                    function = _pushed(function, leg)
            except (RuntimeError, NotImplementedError):
                return None
        return values

    def kinks(self) -> tuple[str, ...]:
        """Return operations with kinks, from the graph of gradients."""
        return kinks_among(self._operations())

    def suspects(self) -> tuple[Suspect, ...]:
        """Return operations in the graph of gradients that are known for wrong derivatives."""
        return suspects_among(self._operations())

    def _operations(self) -> tuple[str, ...]:
        twin = self._twin
        leaves = [leaf.detach().requires_grad_() for leaf in leaves_of(twin.structured(twin.start))]
        with exact_kernels(twin.start.device):
            value = self._values(like(twin.structure, leaves))[0]
            return recorded_operations(value)


def _pushed(function: Any, leg: Any) -> Any:
    from torch.func import jvp

    return lambda tree: jvp(function, (tree,), (leg,))[1]
