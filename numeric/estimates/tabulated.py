"""What expansions are evaluated with where contractions have been given numbers one by one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from fractions import Fraction

    from sgdiagrams.symbolic.contractions.contraction import Contraction

__all__ = ["Tabulated"]


class Tabulated(ABC):
    """Numbers of contractions with errors: an abstract base without fields."""

    __slots__ = ()

    @property
    @abstractmethod
    def dimension(self) -> int | None:
        """The number of weights p, where it is known."""

    @property
    @abstractmethod
    def degrees(self) -> int | None:
        """Degrees of freedom of the standard errors; None where they are not estimated."""

    @property
    @abstractmethod
    def weight_decay(self) -> Fraction | None:
        """The weight decay in the contractions with penalised losses; None where it is not known."""

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
