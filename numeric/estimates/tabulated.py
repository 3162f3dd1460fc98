"""What expansions are evaluated with where contractions have been given numbers one by one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from fractions import Fraction

    import numpy as np
    from numpy.typing import NDArray

    from sgdiagrams.numeric.estimates.estimate import Estimate
    from sgdiagrams.symbolic.contractions.contraction import Contraction
    from sgdiagrams.symbolic.formula import SeriesFormula

__all__ = ["Tabulated"]


class Tabulated(ABC):
    """Numbers of contractions with errors: an abstract base without fields.

    Every edge and every free leg is contracted with the identity, or with learning rates that are in the
    numbers (`has_metric`).
    """

    __slots__ = ()

    # Declared for type checkers alone: fields of dataclasses may take their place.
    if TYPE_CHECKING:

        @property
        def role(self) -> str:
            """``"sample"``, ``"population"`` or ``"training-set"``: what was averaged over."""

        @property
        def datapoints(self) -> int | None:
            """The number of datapoints N, where it is known."""

        @property
        def dimension(self) -> int | None:
            """The number of weights p, where it is known."""

        @property
        def weight_decay(self) -> Fraction | None:
            """The weight decay in the contractions with penalised losses; None where it is not known."""

        @property
        def has_metric(self) -> bool:
            """Whether learning rates of the weights are in the numbers."""

    @property
    @abstractmethod
    def degrees(self) -> int | None:
        """Degrees of freedom of the standard errors; None where they are not estimated."""

    @property
    @abstractmethod
    def highest_order(self) -> int:
        """The highest order of the contractions that have a number; -1 without any."""

    @property
    def is_exact(self) -> bool:
        """Whether all numbers are Fractions."""
        return False

    @property
    def caveats(self) -> tuple[str, ...]:
        """What must be said of every number that is made of these, in lines."""
        return ()

    def rewritten(
        self, terms: Sequence[tuple[Fraction, Contraction]]
    ) -> list[tuple[Fraction, Contraction]]:
        """Return a sum of weights times contractions as one of contractions that have numbers.

        Raises
        ------
        StatisticsError
            When it is none; the message names what is missing.
        """
        for _, contraction in terms:
            self.value(contraction)
        return list(terms)

    @abstractmethod
    def value(self, contraction: Contraction) -> Any:
        """Return the number of a contraction (a vector where it has a free leg).

        Raises
        ------
        StatisticsError
            When there is none; the message names it.
        """

    @abstractmethod
    def standard_error(self, terms: Sequence[tuple[float, Contraction]]) -> Any:
        """Return the standard error of a sum of weights times contractions."""

    def error_factors(
        self, contractions: Sequence[Contraction | None]
    ) -> tuple[NDArray[np.float64], ...] | None:
        """Return matrices F with a column for each contraction, of numbers, vectors or constants (None).

        The standard error of a sum with weights w is the sum of the norms of F w over the matrices; for
        vectors there is one matrix, and that is the norm of the errors. None where no such matrices are
        known.
        """
        del contractions
        return None

    @abstractmethod
    def evaluate(
        self, formula: SeriesFormula, *, eta: float | Fraction, **numbers: int | Fraction
    ) -> Estimate:
        """Return a plain expansion in numbers."""
