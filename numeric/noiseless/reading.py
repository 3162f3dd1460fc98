"""What is read off at the end of a run, as a linear function of where runs near a noiseless one end."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, final

import numpy as np

from sgdiagrams.symbolic.vocabulary import LOSS, TRAINING, WEIGHTS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from sgdiagrams.numeric.models.model import Model

    Floats = NDArray[np.float64]

__all__ = ["Linear", "Reading"]


@final
@dataclass(frozen=True, slots=True, eq=False)
class Linear:
    r"""A number that depends on the end of a run, a point before it and the training set, to first order.

    Attributes
    ----------
    value
        On the noiseless run, with the population as the training set.
    slopes
        Its derivatives by the two points, shape (2, p).
    rows
        What a datapoint changes that is one of the training set, times the set's size, shape (n,); of
        sum zero.
    """

    value: float
    slopes: Floats
    rows: Floats

    def times(self, other: Linear) -> Linear:
        """Return the product, to first order.

        Examples
        --------
        >>> x = Linear(2.0, np.ones((2, 1)), np.zeros(1))
        >>> x.times(x).slopes.tolist()
        [[4.0], [4.0]]
        """
        return Linear(
            self.value * other.value,
            self.value * other.slopes + other.value * self.slopes,
            self.value * other.rows + other.value * self.rows,
        )

    def plus(self, other: Linear, sign: int = 1) -> Linear:
        """Return the sum with a multiple of another."""
        return Linear(
            self.value + sign * other.value,
            self.slopes + sign * other.slopes,
            self.rows + sign * other.rows,
        )


@final
@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    r"""A mean at the end, or its change since a point before: a signed sum of products of factors.

    Attributes
    ----------
    products
        Signs with factors: ``"loss"``, ``"training-loss"``, ``"weights"`` (a coordinate of the
        displacement since the point before) or the names of functions of the weights.
    component
        Which coordinates, one for every ``"weights"`` of a product.
    functions
        Those that are no functions of the model: weights, shape (p,), to value and gradient there.
    is_change
        Whether the values at the point before are subtracted.
    """

    products: tuple[tuple[int, tuple[str, ...]], ...]
    component: tuple[int, ...] = ()
    functions: Mapping[str, Callable[[Floats], tuple[float, Floats]]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    is_change: bool = True

    def at(self, points: Sequence[Any], model: Model, test_model: Model | None = None) -> Linear:
        """Return what is read off near two points.

        Parameters
        ----------
        points
            The end and the point before, vectors of the model's library, shape (p,).
        model
            With the population.
        test_model
            With other data for the ``"loss"``.
        """
        p, n = model.dimension, model.size
        total = Linear(0.0, np.zeros((2, p)), np.zeros(n))
        for sign, factors in self.products:
            legs = iter(self.component)
            moves = [_coordinate(next(legs), points, model) for f in factors if f == WEIGHTS]
            names = [factor for factor in factors if factor != WEIGHTS]
            # A displacement begins at zero: only other products have a value before.
            for which, side in ((0, sign), (1, -sign))[: 1 if moves or not self.is_change else 2]:
                scalars = [self._scalar(name, which, points, model, test_model) for name in names]
                product = Linear(1.0, np.zeros((2, p)), np.zeros(n))
                for factor in [*moves, *scalars]:
                    product = product.times(factor)
                total = total.plus(product, side)
        return total

    def _scalar(
        self,
        name: str,
        which: int,
        points: Sequence[Any],
        model: Model,
        test_model: Model | None,
    ) -> Linear:
        """Return a loss or a function at one of the points."""
        slopes, rows = np.zeros((2, model.dimension)), np.zeros(model.size)
        if name in self.functions:
            value, slopes[which] = self.functions[name](model.as_floats(points[which]))
            return Linear(value, slopes, rows)
        label = LOSS if name == TRAINING else name
        there = test_model if name == LOSS and test_model is not None else model
        moved = there.moved(points[which])
        datapoints = there.everything if label == LOSS else None
        slope = moved.derivative(label, datapoints, output="vector")
        slopes[which] = model.as_floats(slope)[0]
        if name == TRAINING:
            losses = moved.derivative(LOSS, there.everything[:, None], output="number")[:, 0]
            return Linear(float(losses.mean()), slopes, losses - losses.mean())
        value = moved.derivative(label, datapoints, output="number")[0, 0]
        return Linear(float(value), slopes, rows)


def _coordinate(index: int, points: Sequence[Any], model: Model) -> Linear:
    slopes = np.zeros((2, model.dimension))
    slopes[:, index] = 1, -1
    end, before = (float(model.as_floats(point)[index]) for point in points)
    return Linear(end - before, slopes, np.zeros(model.size))
