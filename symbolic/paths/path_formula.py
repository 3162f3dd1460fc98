"""What machinery sees of an expansion in the noise along a run."""

from __future__ import annotations

from abc import ABC
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sgdiagrams.symbolic.formula import Part
    from sgdiagrams.symbolic.paths.path_terms import PathTerm
    from sgdiagrams.symbolic.training.optimizer import Optimizer
    from sgdiagrams.symbolic.training.sampling import Sampling

__all__ = ["PathFormula"]


class PathFormula(ABC):  # noqa: B024 - fields of the class above take the place of what is declared
    """An expected observable as a sum of `PathTerm`: a base without fields, for writers and holders.

    `sgdiagrams.symbolic.path_expansion.PathExpansion` describes the attributes.
    """

    __slots__ = ()

    # Declared for type checkers alone: fields of dataclasses take their place.
    if TYPE_CHECKING:

        @property
        def noise(self) -> int:
            """The highest order."""

        @property
        def part(self) -> Part:
            """What is expanded."""

        @property
        def terms(self) -> tuple[PathTerm, ...]:
            """The terms, by noise."""

    @property
    def observable(self) -> str:
        """The name of the observable."""
        return self.part.observable.name

    @property
    def sampling(self) -> Sampling:
        """The sampling scheme."""
        return self.part.training.sampling

    @property
    def optimizer(self) -> Optimizer:
        """The optimiser."""
        return self.part.optimizer

    @property
    def symbols(self) -> tuple[str, ...]:
        """The names of the numbers that the scheme and the optimiser are still to be given."""
        return self.part.symbols

    @property
    def orders(self) -> tuple[tuple[PathTerm, ...], ...]:
        """The terms of noise 0, 1, ..., `noise`."""
        return tuple(
            tuple(term for term in self.terms if term.noise == k) for k in range(self.noise + 1)
        )
