"""Training that repeats one step, independently of the others."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from sympy import Symbol

    from sgdiagrams.symbolic.vocabulary import Unit

__all__ = ["Repetition"]

Scheme = TypeVar("Scheme")


class Repetition(NamedTuple, Generic[Scheme]):
    """Independent steps that are all alike, so that the step is an operator and training its power.

    Attributes
    ----------
    scheme
        The scheme to expand: that of the population, or of a given training set in the place of one.
    unit
        What is repeated.
    clock
        The number of repetitions, by its symbol.
    has_distinct_rows
        Whether values are averages over distinct tuples of rows of a given training set. Otherwise the
        population is meant, or the given set in its place.
    """

    scheme: Scheme
    unit: Unit
    clock: Symbol
    has_distinct_rows: bool = False

    @property
    def freed(self) -> Scheme:
        """The scheme with a symbol for the number of repetitions."""
        changed: Any = self.scheme
        changed = replace(changed, **{self.clock.name: self.clock})
        freed: Scheme = changed
        return freed
