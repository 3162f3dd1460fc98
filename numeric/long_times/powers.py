"""Complete powers in numbers: weights that are expanded, at the eigenvalues of an eigenbasis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from sympy import Dummy, lambdify

from sgdiagrams.numeric.precision.divided_differences import exponential_difference
from sgdiagrams.symbolic.resummation.dressed import closed_count
from sgdiagrams.symbolic.resummation.eigenvalues import eigenvalue
from sgdiagrams.symbolic.resummation.forms import conditions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from sgdiagrams.symbolic.contractions.contraction import Contraction
    from sgdiagrams.symbolic.formula import Term
    from sgdiagrams.symbolic.resummation.formula import ResummedFormula
    from sgdiagrams.symbolic.resummation.skeletons import DressedTerm
    from sgdiagrams.symbolic.training.training import Training

__all__ = ["PowerWeight", "power_weights"]


class PowerWeight(NamedTuple):
    """The weight of one term of a series that is cut at a power.

    Attributes
    ----------
    power
        What the term counts for.
    contraction
        What it multiplies.
    formula
        A function of the eigenvalues at all indices.
    groups
        The indices whose eigenvalues must have a positive sum, for a limit.
    """

    power: int
    contraction: Contraction
    formula: Callable[..., Any]
    groups: tuple[tuple[int, ...], ...]

    def at(self, eigenvalues: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return an array with an axis of length p, or 1, for every index; nan without a limit."""
        order = self.contraction.order
        h = [eigenvalues.reshape([-1 if a == i else 1 for a in range(order)]) for i in range(order)]
        with np.errstate(divide="ignore", invalid="ignore"):
            value = np.asarray(self.formula(*h), dtype=np.float64)
        for group in self.groups:
            value = np.where(sum(h[i] for i in group) > 0, value, np.nan)
        return value


def power_weights(
    expansion: ResummedFormula, terms: Sequence[Term], parts: Sequence[Training]
) -> tuple[PowerWeight, ...]:
    """Return the weights of terms without free symbols but eigenvalues.

    Parameters
    ----------
    expansion
        Knows the form and the dressed diagrams.
    terms
        Those of the expansion at numbers.
    parts
        Its trainings at numbers.
    """
    groups = {}
    if expansion.form != "continuous":
        groups = {t.contraction: _groups(t, parts) for t in expansion.pieces}
    known = {"ExponentialDifference": lambda T, *nodes: exponential_difference(nodes, T)}
    result = []
    for term in terms:
        h = [Dummy("h") for _ in term.indices]
        weight = term.weight.xreplace({eigenvalue(i): x for i, x in enumerate(h)})
        formula = lambdify(h, weight, [known, "numpy"])
        result.append(
            PowerWeight(term.power, term.contraction, formula, groups.get(term.contraction, ()))
        )
    return tuple(result)


def _groups(term: DressedTerm, parts: Sequence[Training]) -> tuple[tuple[int, ...], ...]:
    groups = {
        frozenset(skeleton.indices[v] for v in group)
        for piece in term.pieces
        for skeleton in piece.skeletons
        for group in conditions(
            closed_count(skeleton.diagram, parts[piece.part], root=skeleton.role)
        )
    }
    return tuple(sorted(tuple(sorted(group)) for group in groups))
