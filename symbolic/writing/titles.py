"""What stands before a formula: left sides and titles, of plain and of re-summed expansions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sgdiagrams.symbolic.layout.formulas import Spelled
from sgdiagrams.symbolic.layout.nodes import SPACE, Node, Numeral, Row, Sign

if TYPE_CHECKING:
    from collections.abc import Sequence
    from fractions import Fraction

    from sgdiagrams.symbolic.formula import Formula, Part

__all__ = [
    "assumptions",
    "evaluated_name",
    "heading",
    "is_difference",
    "left_side",
    "protocols",
    "sentence",
]


_NOISE = {"fresh": "fresh", "additive": "additive", "gaussian": "Gaussian"}


def _method(part: Part) -> str:
    """Return the optimiser where it is not plain SGD, and whether noise is fresh at every visit."""
    method = "" if part.optimizer.is_default else f", {part.optimizer.label}"
    return method if part.visits == "same" else f"{method}, {_NOISE[part.visits]} noise"


def _protocol(part: Part) -> str:
    """Return the sampling and, where it is not plain SGD, the optimiser."""
    return f"{'' if part.sampling is None else part.sampling.label}{_method(part)}"


# For print --------------------------------------------------------------------------------------------


def left_side(parts: Sequence[Part]) -> Node:
    """Return the sum of expected observables that is expanded."""
    if not parts:
        return Numeral("0")
    items: list[Node] = []
    for i, part in enumerate(parts):
        c = part.coefficient
        sign = -1 if c < 0 else 1
        items += [SPACE, Sign(sign)] if i else [Sign(sign, is_unary=True)]
        if abs(c) != 1:
            items.append(_number(abs(c)))
        items.append(_expectation(part, is_alone=len(parts) == 1))
    return Row(tuple(items))


def _number(c: Fraction) -> Node:
    shown = str(c) if c.denominator == 1 else rf"\frac{{{c.numerator}}}{{{c.denominator}}}"
    return Spelled(rf"{shown}\,", f"{c} ")


def _expectation(part: Part, *, is_alone: bool) -> Node:
    latex, text = part.observable.latex, part.observable.text
    if is_alone or part.sampling is None:
        return Spelled(latex, text)
    protocol = _protocol(part)
    words = protocol.replace("_", r"\_")
    return Spelled(rf"{latex}\big|_{{\text{{{words}}}}}", f"{text} ({protocol})")


def protocols(parts: Sequence[Part]) -> str:
    """Return the ways of training in words."""
    return " and ".join(sorted({_protocol(part) for part in parts if part.sampling is not None}))


def assumptions(parts: Sequence[Part]) -> list[str]:
    """Return what the formulas take for granted, such as batches that divide a training set."""
    assumed = (part.sampling.assumption for part in parts if part.sampling is not None)
    return list(dict.fromkeys(filter(None, assumed)))


def sentence(formula: Formula, *rest: str) -> str:
    """Return a title for print: the observable, and what follows after commas."""
    name = "; ".join(dict.fromkeys(part.observable.words for part in formula.parts))
    return ", ".join([f"{name[:1].upper()}{name[1:]}", *filter(None, rest)])


# For numbers ------------------------------------------------------------------------------------------


def is_difference(formula: Formula) -> bool:
    """Tell whether parts are subtracted, so that what all have at the start is not in it."""
    return len(formula.parts) > 1 and sum(part.coefficient for part in formula.parts) == 0


def evaluated_name(formula: Formula) -> str:
    """Return what the numbers of a formula are of: an observable, or the difference of two protocols."""
    parts = formula.parts
    if not is_difference(formula):
        return "; ".join(dict.fromkeys(part.observable.title for part in parts))
    names = dict.fromkeys(part.observable.title for part in parts)
    if any(part.sampling is None for part in parts):
        return f"difference of {' and '.join(names)}"
    sides = []
    for sign in (1, -1):
        side = []
        for part in sorted(parts, key=lambda part: -abs(part.coefficient)):
            if part.coefficient * sign > 0:
                number = "" if abs(part.coefficient) == 1 else f"{abs(part.coefficient)} "
                name = "" if len(names) == 1 else f"{part.observable.title} of "
                side.append(f"{number}{name}{_protocol(part)}")
        sides.append(" plus ".join(side))
    what = f"difference of {next(iter(names))}" if len(names) == 1 else "difference"
    return f"{what}: {' minus '.join(sides)}"


# For terminals ----------------------------------------------------------------------------------------


def heading(formula: Formula, schemes: Sequence[str], *rest: str) -> str:
    """Return what stands above a table: the observables, the sampling, the optimiser, and more."""
    several = len(formula.parts) > 1
    names = []
    for i, part in enumerate(formula.parts):
        c = part.coefficient
        sign = ("-" if c < 0 else "") if i == 0 else ("- " if c < 0 else "+ ")
        number = "" if abs(c) == 1 else f"{abs(c)} "
        shown = f" ({_protocol(part)})" if several and part.sampling is not None else ""
        names.append(f"{sign}{number}{part.observable.text}{shown}")
    methods = dict.fromkeys(_method(part).removeprefix(", ") for part in formula.parts)
    method = next(iter(methods)) if len(methods) == 1 else ""
    return " | ".join([" ".join(names) or "0", *schemes, *filter(None, [method]), *rest])
