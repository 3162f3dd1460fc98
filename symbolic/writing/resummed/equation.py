r"""Re-summed expansions for print: sums over indices in the eigenbasis of :math:`\eta H`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sympy import Integer, Pow

from sgdiagrams.symbolic import symbols
from sgdiagrams.symbolic.checks import check_choice
from sgdiagrams.symbolic.contractions.notation import tensors_of
from sgdiagrams.symbolic.layout.documents import Equation, Order, Signed
from sgdiagrams.symbolic.layout.formulas import Group, Sum
from sgdiagrams.symbolic.layout.indices import index_letter
from sgdiagrams.symbolic.layout.nodes import (
    BREAK,
    ONE,
    SPACE,
    THIN,
    Index,
    Node,
    Operator,
    Row,
    joined,
)
from sgdiagrams.symbolic.layout.quantities import SumOver
from sgdiagrams.symbolic.resummation.complete import PowerTerm
from sgdiagrams.symbolic.writing.resummed.differences import STYLES
from sgdiagrams.symbolic.writing.resummed.names import Names, fraction_of
from sgdiagrams.symbolic.writing.resummed.names_explained import legend, names_of
from sgdiagrams.symbolic.writing.resummed.powers import edges, in_curvatures, remainder, rest_of
from sgdiagrams.symbolic.writing.resummed.products import SpectralTerms, merged, scalar_row
from sgdiagrams.symbolic.writing.titles import assumptions, left_side, protocols, sentence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sympy import Expr

    from sgdiagrams.symbolic.contractions.contraction import Contraction
    from sgdiagrams.symbolic.formula import Term
    from sgdiagrams.symbolic.resummation.formula import ResummedFormula
    from sgdiagrams.symbolic.writing.resummed.differences import Style
    from sgdiagrams.symbolic.writing.resummed.summands import Summand

__all__ = ["resummed_equation", "weighted_layout"]


def resummed_equation(formula: ResummedFormula, differences: Style) -> Equation:
    """Return the layout of a re-summed expansion for print."""
    check_choice("differences", differences, STYLES)
    terms = [(term.power, _term(term, formula, differences)) for term in formula.terms]
    orders = [Order(tuple(t for order, t in terms if order == k)) for k in range(formula.order + 1)]
    return Equation(
        title=_title(formula),
        left=left_side(formula.parts),
        relation=_relation(formula),
        shares_line=len(formula.parts) <= 1,
        orders=tuple(order for order in orders if order.terms),
        remainder=None if formula.through is None else remainder(formula),
        legend=legend(formula, [t.body for _, t in terms]),
        inner_indent=2,
    )


def _relation(formula: ResummedFormula) -> Operator:
    """Return what stands between both sides: only the exact forms are equal."""
    if formula.form == "discrete" or all(
        part.sampling is not None and part.sampling.is_continuous for part in formula.parts
    ):
        return Operator("=")
    if formula.form != "stationary":
        return Operator("≃")
    grows = any(
        term.weight.has(part.sampling.updates)
        for term in formula.terms
        for part in formula.parts
        if part.sampling is not None and part.sampling.updates.free_symbols
    )
    return Operator("∼" if formula.flat and grows else "→")


def _title(formula: ResummedFormula) -> tuple[str | Node, ...]:
    words = sentence(
        formula,
        f"re-summed ({formula.form} form)",
        protocols(formula.parts),
        *assumptions(formula.parts),
        f"linkless diagrams to {edges(formula)}"
        if formula.through is None
        else f"complete through power {formula.through} from {rest_of(formula)}",
    )
    if not formula.flat:
        return (f"{words}:",)
    rank = max(part.observable.rank for part in formula.parts)
    indices = {index_letter(i): Index(i) for i in range(rank)}
    flat = joined((indices[name] for name in formula.flat), Operator(","), SPACE)
    return (f"{words}, flat along ", flat, ":")


# Terms ------------------------------------------------------------------------------------------------


def _term(term: Term, formula: ResummedFormula, differences: Style) -> Signed:
    names = names_of(formula, len(term.indices), eta_apart=True)
    scale = Pow(symbols.eta, Integer(term.order))
    if isinstance(term, PowerTerm):
        weight, names = in_curvatures(term, formula), replace(names, in_rates=True)
        scale = Pow(symbols.eta, Integer(term.grade[0]))
        return weighted_layout(weight, term.contraction, names, differences, scale)
    return weighted_layout(term.weight, term.contraction, names, differences, scale)


def weighted_layout(
    weight: Expr,
    contraction: Contraction,
    names: Names,
    differences: Style,
    scale: Expr = symbols.eta**0,
) -> Signed:
    """Return the layout of a weighted contraction, summed over its indices, times a scalar."""
    scalar, summands = SpectralTerms(names, differences).common(weight, scale)
    sign, front = scalar_row(scalar)
    summed = tuple(map(Index, range(len(contraction.free), names.count)))
    items: list[Node] = list(front.items)
    if summed:
        items += [BREAK, SPACE] if items else []
        items += [SumOver(summed), SPACE]
    elif items:
        items += [BREAK, THIN]
    tensors = tensors_of(contraction)
    if len(summands) == 1:
        items.append(_alone(summands[0], tensors))
    else:
        items += [_bracketed(summands), BREAK, THIN, joined(tensors, THIN)]
    return Signed(sign, Row(tuple(items)))


def _alone(summand: Summand, tensors: Sequence[Node]) -> Node:
    """Return one summand with its tensors, in the numerator where nothing else is."""
    value = joined(tensors, THIN)
    if summand.below and not summand.above and not summand.beside:
        return fraction_of((value,), summand.below) or value
    shown = _product(summand.above, summand.below, summand)
    return Row((*shown, BREAK, THIN, value)) if shown else value


def _product(above: Sequence[Node], below: Sequence[Node], summand: Summand) -> tuple[Node, ...]:
    """Return a fraction, and what stands beside it in a summand."""
    items: list[Node] = []
    shown = fraction_of(above, below)
    if shown is not None:
        items.append(Group(shown, "big") if isinstance(shown, Sum) else shown)
    for beside in summand.beside:
        is_node = isinstance(beside, Node)
        if items:
            # What stands before a bracket stays with it.
            items.append(THIN if is_node else SPACE)
        items.append(beside if isinstance(beside, Node) else _bracketed(beside))
    return tuple(items)


def _bracketed(summands: Sequence[Summand]) -> Group:
    """Return a sum in brackets; a line may be broken before every summand."""
    terms = []
    for summand in summands:
        sign, above, below = merged(summand)
        terms.append((sign, Row(_product(above, below, summand) or (ONE,))))
    inside = Sum(tuple(terms), room=2, is_breakable=True)
    return Group(Row((SPACE, inside, SPACE)), "Big")
