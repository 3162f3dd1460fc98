"""A re-summed expansion in the format of a renderer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sgdiagrams.symbolic.printing.rounding import rounded_equation, rounded_table
from sgdiagrams.symbolic.writing.resummed.equation import resummed_equation
from sgdiagrams.symbolic.writing.resummed.table import resummed_table

if TYPE_CHECKING:
    from sgdiagrams.symbolic.layout.renderer import Renderer
    from sgdiagrams.symbolic.resummation.formula import ResummedFormula

__all__ = ["write_resummed"]


def write_resummed(
    formula: ResummedFormula,
    renderer: Renderer[Any],
    *,
    differences: Any = "short",
    digits: int | None = None,
) -> str:
    """Return a re-summed expansion in a format; see `ResummedExpansion.write`.

    Examples
    --------
    >>> from sgdiagrams.symbolic import expand
    >>> from sgdiagrams.symbolic.layout.text import TextRenderer
    >>> expansion = expand("test-loss", order=2, sampling="one-pass", resummed=True)
    >>> print(write_resummed(expansion.at_minimum(), TextRenderer()))
    E[test loss] | one-pass B=1 | re-summed (discrete) | order 2
    sum over a, b; q_a = 1 - h_a, h_a an eigenvalue of eta H; [...]f(x) a divided difference
      eta^0   1                     l
      eta^2   1/2 [1, q_a q_b]x^T   C_ab H_ab
    """
    if renderer.is_tabular:
        return renderer.table(rounded_table(resummed_table(formula), digits))
    return renderer.equation(rounded_equation(resummed_equation(formula, differences), digits))
