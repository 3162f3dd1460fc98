"""The diagrams of a question as rows of a table: pictures, counts and values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sympy import Add, Integer, Mul, Rational

from sgdiagrams.diagrams.enumeration import enumerate_diagrams
from sgdiagrams.diagrams.pictures.drawing import diagram_svg
from sgdiagrams.report.short_markup import short_formula, short_picture
from sgdiagrams.symbolic.algebra.expression import Expression
from sgdiagrams.symbolic.contractions.notation import tensors_of
from sgdiagrams.symbolic.contractions.placements import contractions, fits
from sgdiagrams.symbolic.counting.choice import counter_of
from sgdiagrams.symbolic.embeddings.signs import prefactor
from sgdiagrams.symbolic.layout.mathml import mathml_text
from sgdiagrams.symbolic.layout.nodes import ONE, THIN, Row, Sign, joined
from sgdiagrams.symbolic.observable import root_mode, root_role
from sgdiagrams.symbolic.printing.coefficients import coefficient
from sgdiagrams.symbolic.weights.quotients import canonical

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sympy import Expr

    from sgdiagrams.diagrams.diagram import Diagram
    from sgdiagrams.report.question import Question
    from sgdiagrams.symbolic.layout.nodes import Node
    from sgdiagrams.symbolic.training.counters.counter import Counter
    from sgdiagrams.symbolic.vocabulary import RootRole

__all__ = ["diagram_table", "weight_in_print"]


def weight_in_print(weight: Expr) -> dict[str, str]:
    """Return a weight with its sign as MathML and as text.

    Examples
    --------
    >>> from sgdiagrams.symbolic.symbols import T
    >>> weight_in_print(-T / 2)["text"]
    '-T/2'
    """
    if weight == 0:
        return {"mathml": "<math><mn>0</mn></math>", "text": "0"}
    shown = coefficient(weight, too_long="describe")
    body = shown.node or ONE
    node = Row((Sign(-1, is_unary=True), body)) if shown.sign < 0 else body
    return {"mathml": short_formula(mathml_text(node)), "text": shown.text}


def diagram_table(question: Question) -> list[dict[str, Any]]:
    """Return a row for every diagram that counts, by order; see `sgdiagrams.report.report`.

    The count of plain SGD is that of embeddings, as 'sgdiagrams list' has it; with kernels of edges it is
    the weighted one. Where a mean and another are subtracted, diagrams that both have alike are
    left out. An observable that is read at several times has no one count for a diagram.
    """
    factors = list(dict.fromkeys(e for p in question.observable.products for e in p.expectations))
    # One for all, because it keeps what it has counted.
    counter = counter_of(question.training, question.basis)
    rows: list[dict[str, Any]] = []
    for order in range(question.order + 1):
        known: dict[Diagram, dict[str, Any]] = {}
        for one in factors:
            for diagram in _diagrams(question, order, root_role(one)):
                if diagram not in known and fits(diagram, one):
                    row = _row(question, counter, diagram, one)
                    if row is not None:
                        known[diagram] = row
        rows += known.values()
    return rows


def _diagrams(question: Question, order: int, role: RootRole) -> Iterator[Diagram]:
    options: dict[str, Any] = question.training.sampling.diagram_options
    return enumerate_diagrams(order, root=root_mode(role), **options)


def _row(
    question: Question, counter: Counter, diagram: Diagram, factors: tuple[str, ...]
) -> dict[str, Any] | None:
    """Return a row, or nothing for a diagram that has no embedding, or cancels."""
    count = term = None
    if question.observable.is_at_end:
        count, term = _counts(question, counter, diagram, factors)
        if term == 0:
            return None
    return {
        "text": str(diagram),
        "order": diagram.order,
        "symmetry_factor": diagram.symmetry_factor,
        "blocks": len(diagram.blocks),
        "links": len(diagram.links),
        "tied": diagram.root_is_tied,
        "one_pass": diagram.is_one_pass,
        "svg": short_picture(diagram_svg(diagram)),
        "count": None if count is None else weight_in_print(count),
        "coefficient": None if term is None else weight_in_print(term)["text"],
        "value": _value(question, diagram, factors),
    }


def _counts(
    question: Question, counter: Counter, diagram: Diagram, factors: tuple[str, ...]
) -> tuple[Expr, Expr]:
    """Return the count of a diagram, and what its value is multiplied by beside the learning rate."""
    training, basis, d = question.training, question.basis, diagram.order
    before = prefactor(d, symmetry_factor=diagram.symmetry_factor)
    number = Rational(before.number.numerator, before.number.denominator)
    weighted: dict[RootRole, Expr] = {}
    terms = []
    for p in question.observable.products:
        for one in p.expectations:
            role = root_role(one)
            is_there = fits(diagram, one) and not (diagram.root_is_tied and role == "population")
            if is_there and role not in weighted:
                weighted[role] = counter.weight(counter.count(diagram, role), d)
            if is_there and len(p.expectations) == 1:
                terms.append(p.sign * weighted[role])
    role = root_role(factors)
    count = weighted[role]
    if training.optimizer.is_plain and not training.is_continuous:
        # Without the share of a row in its batch, which the coefficient has.
        count = training.sampling.count(diagram, basis=basis, root=role)
    is_mean = any(len(p.expectations) == 1 for p in question.observable.products)
    total = Add(*terms) if is_mean else weighted[role]
    return canonical(count), canonical(Mul(number, total))


def _value(question: Question, diagram: Diagram, factors: tuple[str, ...]) -> dict[str, str]:
    """Return what a diagram is worth, summed over the ways to share out the root's children."""
    optimizer = question.training.optimizer
    values = contractions(
        diagram, factors, basis=question.basis, is_penalised=optimizer.weight_decay != 0
    )
    value = Expression((Integer(1), contraction) for contraction in values)
    pieces: list[Node] = []
    for number, contraction in value.terms:
        if pieces:
            pieces.append(Sign(1))
        front = [] if number == 1 else [coefficient(number).node or ONE, THIN]
        pieces += [*front, joined(tensors_of(contraction), THIN)]
    return {"mathml": short_formula(mathml_text(Row(tuple(pieces)))), "text": value.text()}
