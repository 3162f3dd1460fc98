"""What is read off from pushed runs and from runs at full noise: means of one factor."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, final

import numpy as np

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.numeric.model_landscapes.landscape_of_model import ModelLandscape
from sgdiagrams.numeric.path.pushing import Watched, add_noise, lower_keys
from sgdiagrams.symbolic.vocabulary import LOSS, TRAINING, WEIGHTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from sgdiagrams.numeric.models.model import Directions, Model
    from sgdiagrams.symbolic.observable import Observable

__all__ = ["GIVEN", "ReadOff", "signed_factors"]

#: The mean loss of all data, beside one on test data.
GIVEN = "mean-loss-of-the-data"


def signed_factors(
    observable: Observable, *, given_set: bool, has_test_data: bool
) -> tuple[tuple[int, str], ...]:
    """Return the factors whose means an observable is, with signs.

    Parameters
    ----------
    observable
        What is asked for.
    given_set
        Whether the data are the training set, whose loss is then that of the data.
    has_test_data
        Whether the test loss has data of its own.

    Raises
    ------
    RequestError
        When it is no mean of single factors, or there is no test loss.
    """
    singles = [
        (product.sign, product.expectations[0][0])
        for product in observable.products
        if len(product.expectations) == 1 and len(product.expectations[0]) == 1
    ]
    is_mean = len(singles) == len(observable.products) and not observable.expressions
    if not is_mean or not observable.is_at_end:
        remedy = "take one of these" if observable.is_at_end else "give times=[...] and subtract"
        raise RequestError(
            "expected test-loss, training-loss, generalisation-gap, displacement or function:NAME along "
            f"a path, got observable={shown(observable.name)}; {remedy}"
        )
    if not given_set:
        return tuple(singles)
    if LOSS in observable.factors and not has_test_data:
        raise RequestError(
            "expected test_data for the test loss of role='training-set', whose data are the training "
            "set; give test_data=..."
        )
    return tuple((sign, GIVEN if factor == TRAINING else factor) for sign, factor in singles)


@final
@dataclass(frozen=True, eq=False)
class ReadOff:
    """Reads an observable off at points of runs.

    Attributes
    ----------
    model
        With the data that are drawn from.
    test_model
        The same with the data of the test loss.
    factors
        What is summed, with signs.
    """

    model: Model
    test_model: Model
    factors: tuple[tuple[int, str], ...]

    @property
    def is_vector(self) -> bool:
        """Whether it is a displacement."""
        return any(factor == WEIGHTS for _, factor in self.factors)

    @property
    def needs_rows(self) -> bool:
        """Whether the training set of a run is read."""
        return any(factor == TRAINING for _, factor in self.factors)

    @cached_property
    def landscape(self) -> ModelLandscape:
        """The same for many weights at once."""
        test = None if self.test_model is self.model else self.test_model
        return ModelLandscape(self.model, test)

    def noiseless(self, weights: Any) -> NDArray[np.float64]:
        """Return the observable of the noiseless run at weights, a table of length 1."""
        return self.jets(Watched(0, weights, {}), (), ())[()]

    def jets(
        self,
        point: Watched,
        rows: Sequence[NDArray[np.intp]],
        keys: Sequence[Directions],
        factors: NDArray[np.float64] | None = None,
    ) -> dict[Directions, NDArray[np.float64]]:
        """Return derivatives of the observable by the strengths of the noise at 0.

        Parameters
        ----------
        point
            Of pushed runs.
        rows
            For every direction the training sets, shape (S, N).
        keys
            Which derivatives; the value comes with them.
        factors
            Of what the mean loss of the rows differs by from that of all data, shape (S,); None for 1.

        Returns
        -------
        dict
            Key -> shape (S,), or (S, p) for a displacement.
        """
        known: dict[int, dict[Directions, Any]] = {}

        def mean_loss(model: Model) -> dict[Directions, Any]:
            if id(model) not in known:
                here = model.moved(point.weights[0])
                known[id(model)] = here.jets(LOSS, model.everything, point.jets, output="number")
            return known[id(model)]

        total: dict[Directions, Any] = dict.fromkeys([(), *keys], 0.0)
        for sign, factor in self.factors:
            if factor == WEIGHTS:
                with self.model.computing():
                    moved = point.weights - self.model.start[None]
                tables = {(): moved, **point.jets}
                piece = {key: self.model.as_floats(table) for key, table in tables.items()}
            elif factor == LOSS:
                piece = mean_loss(self.test_model)
            elif factor == GIVEN:
                piece = mean_loss(self.model)
            elif factor == TRAINING:
                piece = self._training(mean_loss(self.model), point, rows, keys, factors)
            else:
                here = self.model.moved(point.weights[0])
                piece = here.jets(factor, None, point.jets, output="number")
            total = {key: value + sign * piece[key] for key, value in total.items()}
        return total

    def _training(
        self,
        mean: dict[Directions, Any],
        point: Watched,
        rows: Sequence[NDArray[np.intp]],
        keys: Sequence[Directions],
        factors: NDArray[np.float64] | None,
    ) -> dict[Directions, Any]:
        """Return the mean loss of the rows, of which the noise is what they differ by from the mean."""
        result = {key: mean[key] for key in [(), *keys]}
        here = self.model.moved(point.weights[0])
        for x, table in enumerate(rows):
            curves = {key: point.jets[key] for key in lower_keys(keys, x)}
            own = here.jets(LOSS, table, curves, output="number")
            add_noise(result, x, own, mean, factors)
        return result

    def at_full_noise(
        self, weights: NDArray[np.float64], rows: NDArray[np.intp]
    ) -> NDArray[np.float64]:
        """Return the observable at weights of shape (S, p) with training sets (S, N).

        Shape (S,), or (S, p) for a displacement.
        """
        total: Any = 0.0
        for sign, factor in self.factors:
            if factor == WEIGHTS:
                piece: Any = weights - self.landscape.start
            elif factor == LOSS:
                piece = self.landscape.test_loss(weights)
            elif factor == GIVEN:
                piece = self._own_landscape.test_loss(weights)
            elif factor == TRAINING:
                piece = self.landscape.loss(weights, rows).mean(axis=1)
            else:
                piece = self._function(factor, weights)
            total = total + sign * piece
        return np.asarray(total, dtype=np.float64)

    @cached_property
    def _own_landscape(self) -> ModelLandscape:
        return ModelLandscape(self.model)

    def _function(self, name: str, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        values = []
        for row in weights:
            with self.model.computing():
                here = self.model.moved(self.model.as_table(row[None])[0])
            values.append(here.derivative(name, None, output="number")[0, 0])
        return np.array(values)

    def __getstate__(self) -> dict[str, Any]:
        # What is compiled does not travel to other processes.
        return {name: self.__dict__[name] for name in ("model", "test_model", "factors")}
