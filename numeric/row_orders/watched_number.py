"""What is watched on a given training set: one number that is a known function of the weights."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, final

import numpy as np

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.diagrams.whole_numbers import is_whole
from sgdiagrams.numeric.given_order.series import zeros
from sgdiagrams.symbolic.observable import named_observable
from sgdiagrams.symbolic.vocabulary import TRAINING, WEIGHTS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sgdiagrams.numeric.given_order.run import Data
    from sgdiagrams.symbolic.observable import Observable

__all__ = ["WatchedNumber"]


@final
@dataclass(frozen=True, slots=True, eq=False)
class WatchedNumber:
    """The loss of a training set, a function of the weights, or a component of the displacement.

    Attributes
    ----------
    observable
        By its name.
    component
        The entry of a displacement; None for all others.
    data
        The training set.
    """

    observable: Observable
    component: int | None
    data: Data

    @classmethod
    def of(cls, which: str | Observable, component: int | None, data: Data) -> WatchedNumber:
        """Return what is asked for, checked.

        Raises
        ------
        RequestError
            When it is no mean of one factor that a training set knows, or the component is wrong.
        """
        observable = named_observable(which)
        factors = [f for product in observable.products for e in product.expectations for f in e]
        is_elsewhere = observable.since is not None or any(p.times for p in observable.products)
        if observable.needs_population or len(factors) != 1 or is_elsewhere:
            raise RequestError(
                "expected training-loss, displacement or function:NAME on a given training set, got "
                f"observable={shown(observable.name)}"
            )
        p = data.derivatives.dimension or 0
        if factors == [WEIGHTS] and not is_whole(component, least=0, most=p - 1):
            raise RequestError(
                f"expected a component 0..{p - 1} of the displacement, got component={shown(component)}"
            )
        if factors != [WEIGHTS] and component is not None:
            raise RequestError(
                f"expected no component of {observable.name}, got component={shown(component)}"
            )
        return cls(observable, None if component is None else int(component), data)

    def derivative(self, k: int) -> NDArray[Any]:
        """Return the derivative of order k at the start, of shape (p, ..., p).

        Raises
        ------
        StatisticsError
            When it is missing.
        """
        if self.component is not None:
            p = self.data.derivatives.dimension or 0
            tensor = zeros((p,) * k, is_exact=self.data.is_exact)
            if k == 1:
                tensor[self.component] = self.data.number(Fraction(1))
            return tensor
        [factor] = self.observable.factors
        return self.data.summed(k) if factor == TRAINING else self.data.function(factor, k)

    @property
    def title(self) -> str:
        """What it is called in tables."""
        name = self.observable.words
        return name if self.component is None else f"component {self.component} of the {name}"

    def derivatives(self, order: int) -> dict[int, Any]:
        """Return the derivatives 0, ..., order as plain arrays."""
        return {k: np.asarray(self.derivative(k))[()] for k in range(order + 1)}
