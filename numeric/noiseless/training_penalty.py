r"""What training adds to the loss of a model: weight decay, and a function of the weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, final

import numpy as np

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.numeric.models.inputs import check_functions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sgdiagrams.numeric.models.model import Directions, Leg, Model, Vectors
    from sgdiagrams.symbolic.training.optimizer import Optimizer

__all__ = ["TrainingPenalty"]


@final
@dataclass(frozen=True, slots=True, eq=False)
class TrainingPenalty:
    r"""The term :math:`\lambda |\theta|^2 / 2 + \mu R(\theta)` of the loss that is trained on.

    Attributes
    ----------
    decay
        :math:`\lambda`: a number, or a vector of the model's library with one for every weight.
    name
        Of R among the functions of the model; None without.
    strength
        :math:`\mu`.
    """

    decay: Any
    name: str | None
    strength: float

    @classmethod
    def of(cls, model: Model, optimizer: Optimizer) -> Self:
        """Return that of an optimiser with numbers.

        Raises
        ------
        RequestError
            When the penalty is an expression, or the model has no such function.
        """
        decay: Any = optimizer.weight_decay
        if optimizer.penalty is None:
            return cls(float(decay), None, 0.0)
        if optimizer.penalty.rates:
            rates = np.array(optimizer.penalty.rates, dtype=np.float64)
            if len(rates) != model.dimension:
                raise RequestError(
                    f"expected weight_decay with a number for each of {model.dimension} weights, got "
                    f"{len(rates)}"
                )
            return cls(model.as_table(rates[None])[0], None, 0.0)
        name = optimizer.penalty.function_name
        check_functions(model, [name])
        strength: Any = optimizer.penalty.strength
        return cls(float(decay), name, float(strength))

    @property
    def decays(self) -> bool:
        """Whether there is weight decay."""
        return not isinstance(self.decay, float) or self.decay != 0

    def added_to_slope(self, slope: Any, here: Model) -> Any:
        """Return a gradient with that of the penalty: a vector of the model's library.

        Parameters
        ----------
        slope
            That of the loss.
        here
            The model at the weights.
        """
        pull = None
        if self.name is not None:
            pull = here.derivative(self.name, None, output="vector")[0]
        with here.computing():
            if self.decays:
                slope = slope + self.decay * here.start
            return slope if pull is None else slope + self.strength * pull

    def added_to_bend(self, bent: Any, here: Model, leg: Leg) -> Any:
        """Return a Hessian times a vector, the one of a leg, with that of the penalty."""
        pull = None
        if self.name is not None:
            pull = here.derivative(self.name, None, [leg], output="vector")[0]
        with here.computing():
            if self.decays:
                bent = bent + self.decay * leg.table[0]
            return bent if pull is None else bent + self.strength * pull

    def added_to_jets(
        self,
        slope: Mapping[Directions, Vectors],
        here: Model,
        theta: Mapping[Directions, Vectors],
    ) -> dict[Directions, Vectors]:
        """Return derivatives of the gradient along curves of weights with those of the penalty's."""
        pull = None
        if self.name is not None:
            curves = {key: table for key, table in theta.items() if key}
            pull = here.jets(self.name, None, curves, output="vector")
        with here.computing():
            result = dict(slope)
            if self.decays:
                result = {key: table + self.decay * theta[key] for key, table in result.items()}
            if pull is not None:
                result = {key: table + self.strength * pull[key] for key, table in result.items()}
            return result
