"""What machinery sees of a re-summed expansion."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.symbolic.formula import Formula

if TYPE_CHECKING:
    from sympy import Expr

    from sgdiagrams.symbolic.formula import Part
    from sgdiagrams.symbolic.resummation.forms import Form
    from sgdiagrams.symbolic.resummation.skeletons import DressedTerm
    from sgdiagrams.symbolic.training.optimizer import Optimizer
    from sgdiagrams.symbolic.training.sampling import Sampling

__all__ = ["ResummedFormula", "common_memory", "memory_of", "scheme_of"]


class ResummedFormula(Formula):
    """A sum over linkless diagrams: a formula whose weights are derived from dressed diagrams.

    What users make is `sgdiagrams.symbolic.resummed.ResummedExpansion`, which describes the attributes.
    """

    __slots__ = ()

    # Declared for type checkers alone: fields of dataclasses take their place.
    if TYPE_CHECKING:

        @property
        def pieces(self) -> tuple[DressedTerm, ...]:
            """For every contraction the linkless diagrams on it."""

        @property
        def form(self) -> Form:
            """How weights are written."""

        @property
        def flat(self) -> tuple[str, ...]:
            """The names of the free indices along which the eigenvalue is 0."""


def scheme_of(part: Part) -> Sampling:
    """Return the scheme of a part, which substitutions never remove from a re-summed expansion."""
    if part.sampling is None:
        raise RequestError("expected a sampling scheme in every part of a re-summed expansion")
    return part.sampling


def memory_of(optimizer: Optimizer) -> Expr | None:
    """Return beta, the product of both roots, of an optimiser with two; None for plain SGD."""
    return None if optimizer.dressing is None else optimizer.dressing.beta


def common_memory(formula: ResummedFormula) -> Expr | None:
    """Return beta where all momentum is the same."""
    memories = {memory_of(part.optimizer) for part in formula.parts} - {None}
    return memories.pop() if len(memories) == 1 else None
