"""What an evaluated expression says: value and error."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any, final

import numpy as np

from sgdiagrams.diagrams.files import plain_data
from sgdiagrams.diagrams.messages import shortened
from sgdiagrams.numeric.estimates.intervals import errors_of_interval

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ExpressionEstimate"]


@final
@dataclass(frozen=True, slots=True, eq=False)
class ExpressionEstimate:
    """The value of an expression in numbers, with its standard error.

    Made by ``expression.evaluate(values, ...)``. Both are numbers, or arrays with one axis of length p
    for every free leg.

    Parameters
    ----------
    value
        A Fraction, or an array of them, where all numbers are exact; else floats.
    standard_error
        Of the whole sum, whose terms are correlated; 0 for a population or a training set, infinite where
        the sample is as small as the tuples.
    expression
        What was evaluated, in text.
    numbers
        The numbers of its symbols.
    degrees
        Degrees of freedom of the standard error, where it is estimated.
    caveats
        What must be said of the numbers that went in.

    Examples
    --------
    >>> print(ExpressionEstimate(1.25, 0.1, "C_aa"))
    C_aa = 1.25 +- 0.1
    """

    value: Any
    standard_error: Any
    expression: str = ""
    numbers: Mapping[str, Any] = field(default_factory=dict)
    degrees: int | None = None
    caveats: tuple[str, ...] = ()

    def interval(self, level: float = 0.95) -> tuple[Any, Any]:
        """Return the ends of a confidence interval, by Student's t where there are `degrees`.

        Raises
        ------
        RequestError
            When the level is not between 0 and 1.

        Examples
        --------
        >>> [round(end, 3) for end in ExpressionEstimate(1.0, 0.1, degrees=7).interval()]
        [0.764, 1.236]
        """
        factor = errors_of_interval(level, self.degrees)
        if not np.any(self.standard_error):
            return self.value, self.value
        is_array = np.ndim(self.value) > 0
        centre = np.asarray(self.value, dtype=float) if is_array else float(self.value)
        return centre - factor * self.standard_error, centre + factor * self.standard_error

    def to_dict(self) -> dict[str, Any]:
        """Return the estimate as plain data for JSON: Fractions as ``"p/q"``, arrays as nested lists.

        Examples
        --------
        >>> ExpressionEstimate(Fraction(1, 2), 0.0, "l").to_dict()["value"]
        '1/2'
        """
        plain: dict[str, Any] = plain_data(
            {
                "expression": self.expression,
                "numbers": self.numbers,
                "value": self.value,
                "standard_error": self.standard_error,
                "degrees_of_freedom": self.degrees,
                **({"caveats": self.caveats} if self.caveats else {}),
            }
        )
        return plain

    def __str__(self) -> str:
        name = shortened(self.expression or "value")
        given = ", ".join(f"{k}={v}" for k, v in self.numbers.items())
        name += f" at {given}" if given else ""
        if np.ndim(self.value):
            text = f"{name} =\n{self.value}\n+-\n{self.standard_error}"
        else:
            exact = isinstance(self.value, Fraction)
            text = f"{name} = {self.value if exact else format(float(self.value), '.6g')}"
            text += f" +- {self.standard_error:.2g}" if self.standard_error or not exact else ""
        return "\n".join([text, *self.caveats])
