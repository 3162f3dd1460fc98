r"""Complete powers for print: weights as functions of curvatures, heads of rows, and what is left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sympy import Expr, Symbol

from sgdiagrams.symbolic import symbols
from sgdiagrams.symbolic.layout import nodes
from sgdiagrams.symbolic.layout.formulas import product
from sgdiagrams.symbolic.layout.indices import index_letter
from sgdiagrams.symbolic.layout.latex import latex_text
from sgdiagrams.symbolic.layout.nodes import ONE, Fence, Node, Numeral, Row, Scripts
from sgdiagrams.symbolic.layout.text import plain_text
from sgdiagrams.symbolic.resummation.complete import edges_needed, small_powers
from sgdiagrams.symbolic.resummation.eigenvalues import eigenvalue
from sgdiagrams.symbolic.resummation.formula import scheme_of
from sgdiagrams.symbolic.training.sampling import steps_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sgdiagrams.symbolic.observable import Observable
    from sgdiagrams.symbolic.resummation.complete import PowerTerm
    from sgdiagrams.symbolic.resummation.formula import ResummedFormula
    from sgdiagrams.symbolic.resummation.graded import Grade

__all__ = [
    "LeftOut",
    "complete_in_latex",
    "edges",
    "head_of_powers",
    "in_curvatures",
    "left_out",
    "notes_of_powers",
    "remainder",
    "rest_of",
]


def in_curvatures(term: PowerTerm, formula: ResummedFormula, *, without_rows: bool = False) -> Expr:
    r"""Return a weight without its power of eta: a function of the :math:`H_\mu` and of eta T.

    With `without_rows` its power of 1/N is left out too.
    """
    table: dict[Expr, Expr] = {
        eigenvalue(i): Symbol(f"H_{index_letter(i)}") for i in range(len(term.indices))
    }
    for part in formula.parts:
        updates = scheme_of(part).updates
        if updates.is_Symbol:
            table[updates] = updates * symbols.eta
    weight = term.weight.xreplace(table)
    if without_rows and term.grade[1]:
        sizes = {scheme_of(part).values["N"] for part in formula.parts}
        weight = weight * sizes.pop() ** term.grade[1]
    return weight


def head_of_powers(grade: Grade) -> Node:
    """Return a power of eta over one of N; the exponent of eta alone is always written."""
    eta, rows = grade
    if not rows:
        return _power("eta", eta, always=True)
    above = product([_power("eta", eta)] if eta else []) or ONE
    return nodes.Fraction(above, _power("N", rows))


def _power(name: str, exponent: int, *, always: bool = False) -> Node:
    base = nodes.Symbol(name)
    return base if exponent == 1 and not always else Scripts(base, above=Numeral(str(exponent)))


def _smallest(formula: ResummedFormula) -> list[Grade]:
    """Return the powers that are left out first."""
    assert formula.through is not None  # noqa: S101 - callers ask for complete powers only
    k = formula.through + 1
    names = {name for part in formula.parts for name in small_powers(part)}
    if "N" not in names:
        return [(k, 0)]
    if is_at_rest(formula):
        return [(0, k)]
    return [(k - j, j) for j in range(k + 1)]


def is_at_rest(formula: ResummedFormula) -> bool:
    """Tell whether the learning rate is gone: full batches come to rest at the minimum of their set."""
    schemes = [scheme_of(part) for part in formula.parts]
    return formula.form in ("stationary", "small-eta") and all(
        "N" in scheme.values and steps_of(scheme).keeps_rows for scheme in schemes
    )


def remainder(formula: ResummedFormula) -> Node:
    """Return the order of what is left out."""
    items: list[Node] = []
    for i, grade in enumerate(_smallest(formula)):
        items += [nodes.Operator(","), nodes.SPACE] if i else []
        items.append(head_of_powers(grade))
    return Row((nodes.Symbol("O"), Fence("("), *items, Fence(")")))


class LeftOut(NamedTuple):
    """What a formula leaves out, as text and in LaTeX; empty where it says nothing of it."""

    text: str = ""
    latex: str = ""


def left_out(formula: ResummedFormula) -> LeftOut:
    """Return the order of what is left out of complete powers."""
    if formula.through is None:
        return LeftOut()
    node = remainder(formula)
    return LeftOut(plain_text(node), latex_text(node))


def rest_of(formula: ResummedFormula) -> str:
    """Return in words where the mean gradient is 0."""
    is_set = all(scheme_of(part).given_scheme is not None for part in formula.parts)
    return f"a minimum of the {'training' if is_set and formula.parts else 'test'} loss"


def notes_of_powers(formula: ResummedFormula) -> tuple[str, ...]:
    """Return the line above a table that says what its rows are, and which powers are complete."""
    if formula.through is not None:
        fixed = "at fixed eta T" if formula.form == "continuous" else "T to infinity"
        return (f"from {rest_of(formula)}, {fixed}; complete but for {left_out(formula).text}",)
    if formula.form == "discrete" or not any(term.order for term in formula.pieces):
        return ()
    rows = "rows by edges of linkless diagrams, not by powers of eta"
    return (rows,) if _is_in_rounds(formula) else (f"{rows}; {''.join(_complete(formula))}",)


def complete_in_latex(formula: ResummedFormula) -> tuple[str, ...]:
    """Return which powers are complete, for the lines below a formula in print."""
    if formula.through is not None:
        fixed = r"\text{ at fixed } \eta T" if formula.form == "continuous" else ""
        power = rf"\text{{complete through power {formula.through}}}"
        return (rf"{power}{fixed}\text{{, from {rest_of(formula)}}}",)
    words = rf"\text{{linkless diagrams with at most {edges(formula)}}}"
    is_plain = formula.form == "discrete" or not any(term.order for term in formula.pieces)
    if is_plain or _is_in_rounds(formula):
        return (words,)
    before, small, after = _complete(formula)
    names = small.replace("eta", r"\eta").replace(" and ", r"\text{ and }")
    ending = rf"\text{{{after}}}" if after else ""
    return words, rf"\text{{{before}}} {names}{ending}"


def edges(formula: ResummedFormula) -> str:
    """Return how many edges diagrams have at most, in words."""
    return f"{formula.order} {'edge' if formula.order == 1 else 'edges'}"


def _is_in_rounds(formula: ResummedFormula) -> bool:
    """Tell whether noise of one epoch cancels, so that it has other powers than fresh noise."""
    rounds = (scheme_of(part).rounds for part in formula.parts)
    return any(drawn is not None and drawn.batches != 1 for drawn in rounds)


def _complete(formula: ResummedFormula) -> tuple[str, str, str]:
    """Return in words which powers diagrams with that many edges know: before, of what, and after."""
    observables = [part.observable for part in formula.parts]
    if any(term.vanishes_at_minimum for term in formula.pieces):
        # Trees whose leaves are gradients; a free index, or the root itself, is one more leaf.
        power = min((formula.order + 2 - (o.rank == 1)) // 2 for o in observables)
        return f"of the noiseless terms, those to power {power} of ", "G", " are complete"
    names = {name for part in formula.parts for name in small_powers(part)}
    small = "eta" if "N" not in names else "1/N" if is_at_rest(formula) else "eta and 1/N"
    known = [m for m in range(1, formula.order + 1) if _needed(observables, m) <= formula.order]
    if not known:
        return "no power of ", small, " is complete"
    return f"complete through power {known[-1]} of ", small, ""


def _needed(observables: Sequence[Observable], power: int) -> int:
    return max(edges_needed(o, power) for o in observables)
