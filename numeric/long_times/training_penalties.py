"""Penalties that are functions of the weights, in re-summed formulas: in updates and in eigenvalues."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.numeric.values.leaves import ADDED, check_leaf
from sgdiagrams.numeric.values.weight_norm import with_penalties_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sgdiagrams.numeric.derivatives.derivatives import Derivatives
    from sgdiagrams.symbolic.resummation.formula import ResummedFormula
    from sgdiagrams.symbolic.training.training import Training

__all__ = ["with_penalty_of_parts"]


def with_penalty_of_parts(
    statistics: Derivatives, expansion: ResummedFormula, parts: Sequence[Training]
) -> Derivatives:
    """Return statistics whose penalised losses have the penalty that all parts share.

    Parameters
    ----------
    statistics
        With the derivatives of the function, where there is a penalty.
    expansion
        The formula.
    parts
        Its trainings with their numbers.

    Raises
    ------
    RequestError
        When parts have several.
    StatisticsError
        When a derivative of the function is missing.
    """
    used = {piece.part for term in expansion.pieces for piece in term.pieces if term.order}
    penalties = dict.fromkeys(parts[i].optimizer.penalty for i in sorted(used))
    if len(penalties) > 1:
        named = " and ".join("none" if p is None else p.label for p in penalties)
        raise RequestError(
            f"expected one penalty for all parts of a re-summed expansion, got {shown(named)}; evaluate "
            "the parts one by one"
        )
    penalty = next(iter(penalties), None)
    if penalty is None:
        return statistics
    name = penalty.function_name
    legs = max((max(t.contraction.legs, default=0) for t in expansion.pieces), default=0)
    optimizers = (training.optimizer for training in parts)
    statistics = with_penalties_of(statistics, optimizers, max(2, legs))
    for k in range(1, max(2, legs) + 1):
        check_leaf(statistics, name, k, purpose="of the penalty")
    strength = Fraction(penalty.strength)
    number: Any = strength if statistics.is_exact else float(strength)
    added = {k: number * array for k, array in statistics.functions[name].items()}
    functions = {**statistics.functions, ADDED: added}
    return replace(statistics, functions=functions)  # type: ignore[type-var]
