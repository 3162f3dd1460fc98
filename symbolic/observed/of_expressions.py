"""Expressions as factors of observables: which may be observed, and how titles show them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.symbolic.algebra.at_roots import powers_of_eta
from sgdiagrams.symbolic.algebra.writing import expression_in_place
from sgdiagrams.symbolic.vocabulary import LOSS, is_function

if TYPE_CHECKING:
    from sgdiagrams.symbolic.algebra.expression import Expression

__all__ = ["MOST_TERMS", "check_observed", "in_brief"]

#: Of an expression that titles and left sides spell out.
MOST_TERMS = 6


def check_observed(expression: Expression) -> None:
    """Check that an expression is a quantity of the population's derivatives at the weights.

    Raises
    ------
    RequestError
        When it has no terms, other contractions than moments and cumulants of losses and functions, or
        coefficients that are no polynomials of eta.
    """
    if expression.is_zero:
        raise RequestError("expected an expression with terms to observe, got 0")
    bases = {k.basis for k in expression.contractions} - {"moment", "cumulant"}
    if bases:
        raise RequestError(
            "expected an expression of the population's moments or cumulants to observe, got one in "
            f"basis={shown(bases.pop())}; a training set's own averages are no function of the weights"
        )
    labels = {label for k in expression.contractions for label in k.labels}
    strange = sorted(label for label in labels if label != LOSS and not is_function(label))
    if strange:
        raise RequestError(
            "expected derivatives of the loss and of functions in an expression to observe, got "
            f"{shown(strange[0])}; write a penalty out"
        )
    powers_of_eta(expression)  # says where there is none


def in_brief(expression: Expression) -> tuple[str, str]:
    """Return an expression at the end of training in LaTeX and as text; of a long one how long it is."""
    count = len(expression.terms)
    if count > MOST_TERMS:
        return r"s(\theta_T)", f"expression of {count} terms"
    latex = expression_in_place(expression.terms)
    [(coefficient, contraction), *others] = expression.terms
    if others or coefficient != 1 or len(contraction.blocks) != 1:
        latex = rf"\left({latex}\right)"
    return rf"{latex}(\theta_T)", expression.text()
