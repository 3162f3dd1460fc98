"""Sums and multiples of re-summed formulas, and numbers in their parts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from sympy import Expr, Symbol, sympify

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import shortened, shown
from sgdiagrams.symbolic.observed.times_of_reading import check_stages
from sgdiagrams.symbolic.resummation.formula import scheme_of
from sgdiagrams.symbolic.resummation.skeletons import collect_pieces

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from fractions import Fraction

    from sgdiagrams.symbolic.formula import Part
    from sgdiagrams.symbolic.resummation.formula import ResummedFormula
    from sgdiagrams.symbolic.resummation.skeletons import DressedTerm

__all__ = ["add_pieces", "at_lags", "parts_at", "pieces_at", "scale_pieces"]

Formula_ = TypeVar("Formula_", bound="ResummedFormula")


def add_pieces(
    first: ResummedFormula, second: ResummedFormula, order: int
) -> tuple[tuple[Part, ...], tuple[DressedTerm, ...]]:
    """Return the parts and the dressed terms of a sum, to an order; equal parts become one."""
    parts = list(first.parts)
    places = []
    for part in second.parts:
        alike = [
            i for i, p in enumerate(parts) if _without_coefficient(p) == _without_coefficient(part)
        ]
        if alike:
            before = parts[alike[0]]
            parts[alike[0]] = replace(before, coefficient=before.coefficient + part.coefficient)
        else:
            parts.append(part)
        places.append(alike[0] if alike else len(parts) - 1)
    pieces = [(t.contraction, p) for t in first.pieces if t.order <= order for p in t.pieces]
    pieces += [
        (t.contraction, replace(p, part=places[p.part]))
        for t in second.pieces
        if t.order <= order
        for p in t.pieces
    ]
    return _without_unused(parts, collect_pieces(pieces))


def _without_coefficient(part: Part) -> tuple[object, ...]:
    return (part.observable, part.sampling, part.optimizer)


def _without_unused(
    parts: Sequence[Part], terms: tuple[DressedTerm, ...]
) -> tuple[tuple[Part, ...], tuple[DressedTerm, ...]]:
    """Leave out parts that have cancelled."""
    used = {piece.part for term in terms for piece in term.pieces}
    kept = [i for i, part in enumerate(parts) if part.coefficient or i in used]
    number = {i: k for k, i in enumerate(kept)}
    renumbered = tuple(
        replace(t, pieces=tuple(replace(p, part=number[p.part]) for p in t.pieces)) for t in terms
    )
    return tuple(parts[i] for i in kept), renumbered


def scale_pieces(
    formula: ResummedFormula, factor: Fraction
) -> tuple[tuple[Part, ...], tuple[DressedTerm, ...]]:
    """Return the parts and the dressed terms of a multiple."""
    parts = tuple(replace(p, coefficient=p.coefficient * factor) for p in formula.parts)
    terms = tuple(
        replace(t, pieces=tuple(replace(p, coefficient=p.coefficient * factor) for p in t.pieces))
        for t in (formula.pieces if factor else ())
    )
    return parts, terms


def _table(numbers: Mapping[str, Any]) -> dict[Symbol, Expr]:
    return {Symbol(name): sympify(value) for name, value in numbers.items()}


def _lags(part: Part, numbers: Mapping[str, Any]) -> dict[str, Any]:
    return {name: numbers[name] for name in part.observable.lags if name in numbers}


def pieces_at(terms: Sequence[DressedTerm], numbers: Mapping[str, Any]) -> tuple[DressedTerm, ...]:
    """Return dressed terms with numbers for lags."""
    table = _table(numbers)
    pieces = [
        (t.contraction, replace(p, skeletons=tuple(s.replaced(table) for s in p.skeletons)))
        for t in terms
        for p in t.pieces
    ]
    return collect_pieces(pieces)


def at_lags(formula: Formula_, numbers: Mapping[str, Any]) -> tuple[Formula_, dict[str, Any]]:
    """Return a formula with numbers for its lags, and the other numbers.

    Raises
    ------
    SamplingError
        When times do not come in their order with these numbers.
    """
    names = {name for part in formula.parts for name in part.observable.lags} & numbers.keys()
    given = {name: numbers[name] for name in names}
    rest = {name: value for name, value in numbers.items() if name not in names}
    for part in formula.parts:
        scheme = scheme_of(part)
        known = {k: numbers[k] for k in scheme.symbols if k in numbers}
        check_stages(part.observable.times, scheme.at(**known).updates, given)
    if not names:
        return formula, rest
    parts = tuple(
        replace(part, observable=part.observable.substituted(_table(given)))
        for part in formula.parts
    )
    changed: Formula_ = replace(formula, parts=parts, pieces=pieces_at(formula.pieces, given))  # type: ignore[type-var]
    return changed, rest


def parts_at(
    parts: Sequence[Part], numbers: Mapping[str, Any], *, known: Sequence[str]
) -> tuple[Part, ...]:
    """Return parts with numbers for some symbols of their schemes and optimisers.

    Raises
    ------
    SamplingError
        When a number is impossible.
    RequestError
        When a number belongs to no part: its name is not among the known ones.
    """
    changed = []
    table = _table(numbers)
    for part in parts:
        own = {k: v for k, v in numbers.items() if k in scheme_of(part).symbols}
        scheme = scheme_of(part).put(**own)
        check_stages(part.observable.times, scheme.updates, _lags(part, numbers))
        changed.append(
            replace(
                part,
                observable=part.observable.substituted(table),
                sampling=scheme,
                optimizer=part.optimizer.at(**numbers),
            )
        )
    unknown = [k for k in numbers if k not in known]
    if unknown:
        raise RequestError(
            f"expected numbers for {', '.join(known) or 'no symbol'}, "
            f"got {shortened(unknown[0])}={shown(numbers[unknown[0]])}"
        )
    return tuple(changed)
