"""What a table of a plain expansion has in its rows: diagrams with their counts and values."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.symbolic.article.cells import Cell
from sgdiagrams.symbolic.article.tables import CountedValue, DiagramEntry
from sgdiagrams.symbolic.article.words.observables import expression_letters
from sgdiagrams.symbolic.contractions.notation import tensors_of
from sgdiagrams.symbolic.layout.nodes import INNER_BREAK, ONE, THIN, Numeral, Row, joined
from sgdiagrams.symbolic.printing.coefficients import coefficient
from sgdiagrams.symbolic.printing.rounding import rounded_layout
from sgdiagrams.symbolic.weights.quotients import canonical

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sympy import Expr

    from sgdiagrams.diagrams.diagram import Diagram
    from sgdiagrams.symbolic.contractions.contraction import Contraction
    from sgdiagrams.symbolic.derivation import Derivation
    from sgdiagrams.symbolic.observed.times_of_reading import ReadTime

__all__ = ["check_length", "count_cell", "expectation_entries", "value_cell"]

#: Nobody reads more, and TeX takes minutes.
_MOST = 2000


def expectation_entries(
    derivation: Derivation,
    d: int,
    factors: tuple[str, ...],
    times: tuple[ReadTime, ...],
    *,
    batch: Expr,
    digits: int | None = None,
) -> tuple[DiagramEntry, ...]:
    """Return the diagrams of an order of one expectation.

    Parameters
    ----------
    derivation
        What is expanded.
    d
        The order.
    factors, times
        The expectation: see `sgdiagrams.symbolic.observed.product.Product`.
    batch
        What the sum over diagrams is divided by for every update, so that counts are without it.
    digits
        What is left of numbers that have more.
    """
    by_diagram: dict[Diagram, dict[Expr, list[Contraction]]] = {}
    letters = expression_letters(derivation.observable)
    for diagram, weight, values in derivation.contributions(d, factors, times):
        counts = by_diagram.setdefault(diagram, {})
        counts.setdefault(weight, []).extend(_lettered(value, factors, letters) for value in values)
    return tuple(
        DiagramEntry(
            diagram,
            tuple(
                CountedValue(
                    count_cell(canonical(weight * batch**d) if batch != 1 else weight, digits),
                    value_cell(values),
                )
                for weight, values in counts.items()
            ),
        )
        for diagram, counts in by_diagram.items()
    )


def _lettered(
    value: Contraction, factors: tuple[str, ...], letters: Mapping[str, str]
) -> Contraction:
    """Return a value with letters for the factors at its root that are expressions."""
    for i, factor in enumerate(factors):
        if factor in letters:
            value = value.with_label(f"D{i}", letters[factor])
    return value


def count_cell(count: Expr, digits: int | None = None) -> Cell:
    """Return a count as it stands in a table; where it is too long for any page, how long it is."""
    shown = coefficient(count, too_long="describe" if digits is None else "write")
    node = rounded_layout(shown.row if shown.node else Row((ONE,)), digits)
    return Cell(((shown.sign, node),))


def value_cell(values: Iterable[Contraction]) -> Cell:
    """Return the sum of contractions, equal ones together."""
    terms = []
    for contraction, times in Counter(values).items():
        tensors = joined(tensors_of(contraction), INNER_BREAK, THIN)
        number = () if times == 1 else (Numeral(str(times)), THIN)
        terms.append((1, Row((*number, tensors))))
    return Cell(tuple(terms))


def check_length(entries: Sequence[DiagramEntry]) -> None:
    """Raise a RequestError where a table would have more rows than anybody reads."""
    lines = sum(len(entry.lines) for entry in entries)
    if lines > _MOST:
        raise RequestError(
            f"expected at most {_MOST} rows in the tables of a document, got {lines}; lower the "
            f"order, or "
            "take the formula alone, without document"
        )
