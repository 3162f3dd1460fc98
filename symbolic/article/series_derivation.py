r"""A plain expansion as an article: question, theorem, counting, diagrams, result, limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sympy import Integer

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import how_many
from sgdiagrams.symbolic.article.article import Article, Section, article_points, escaped
from sgdiagrams.symbolic.article.rows import check_length, expectation_entries
from sgdiagrams.symbolic.article.tables import DiagramGroup, diagram_table
from sgdiagrams.symbolic.article.words.calls import reproducing
from sgdiagrams.symbolic.article.words.letters import letters_explained, tensors_in
from sgdiagrams.symbolic.article.words.observables import (
    expectation_latex,
    expectations_of,
    expression_letters,
)
from sgdiagrams.symbolic.article.words.optimizers import optimizer_words
from sgdiagrams.symbolic.article.words.questions import (
    assumed,
    call_of,
    check_names,
    protocols_of,
    question,
    titled,
)
from sgdiagrams.symbolic.article.words.schemes import common_share, scheme_words
from sgdiagrams.symbolic.article.words.sources import bibliography
from sgdiagrams.symbolic.article.words.theorem import (
    diagram_words,
    embedding_words,
    main_theorem,
    roots_explained,
)
from sgdiagrams.symbolic.contractions.notation import tensors_of
from sgdiagrams.symbolic.derivation import Derivation
from sgdiagrams.symbolic.layout.latex import LatexRenderer
from sgdiagrams.symbolic.layout.nodes import Numeral, occurring
from sgdiagrams.symbolic.printing.coefficients import coefficient
from sgdiagrams.symbolic.writing.series import write_series

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sgdiagrams.symbolic.article.tables import DiagramEntry
    from sgdiagrams.symbolic.formula import Formula, Part
    from sgdiagrams.symbolic.layout.nodes import Node
    from sgdiagrams.symbolic.vocabulary import Basis, Coefficients

__all__ = ["plain_article"]

#: What is left of numbers that no line has room for.
_DIGITS = 12


def plain_article(
    formula: Formula,
    *,
    width: int | str | None = None,
    coefficients: Coefficients = "factored",
    digits: int | None = None,
    command: str | None = None,
) -> Article:
    """Return the derivation of a plain expansion; see `Expansion.document`.

    Raises
    ------
    RequestError
        When it is not known how training is done any more, or tables are too long or too narrow.
    """
    points = article_points(width)
    check_names(formula.parts)
    parts, basis = formula.parts, _checked_basis(formula)
    has_pulls = any(part.optimizer.decoupled_decay != 0 for part in parts)
    # Pulls are counted in cumulants, whatever the basis of the result.
    counted: Basis = "cumulant" if has_pulls else basis
    tables = [_PartTables(part, formula, points, digits) for part in parts]
    if digits is None and _has_long_numbers(formula, tables, points):
        digits = _DIGITS
        tables = [_PartTables(part, formula, points, digits) for part in parts]
    check_length([entry for table in tables for entry in table.entries])
    several = len(parts) > 1
    renderer = LatexRenderer(points=points)
    equation = write_series(
        formula, renderer, coefficients=coefficients, too_long="describe", digits=digits
    )
    as_what = rf"as a power series in $\eta$ to order {formula.order}"
    how = (f"order={formula.order}", f"basis={basis!r}")
    return Article(
        title=titled(parts, _powers(formula.order)),
        subtitle=f"{basis.capitalize()} basis. Training: {protocols_of(parts)}.",
        sections=(
            Section("The question", tuple(question(parts, counted, points, as_what))),
            Section("The theorem", tuple(_theorem(parts, counted, tables))),
            Section("Counting", tuple(x for t in tables for x in t.counting(is_named=several))),
            Section("Notation", _notation(formula, tables)),
            Section(
                "The diagrams",
                (_about_tables(formula), *(t.latex(is_named=several) for t in tables)),
            ),
            Section("The result", (_collected(formula), equation)),
            Section("Limits of validity", tuple(_limits(formula, digits))),
            Section("How to derive it again", reproducing(command or call_of(parts, *how))),
            Section("References", bibliography(("tenka", *(x for t in tables for x in t.sources)))),
        ),
        points=points,
    )


def _checked_basis(formula: Formula) -> Basis:
    """Return the basis of a formula that knows how training is done."""
    if any(part.sampling is None for part in formula.parts):
        raise RequestError(
            "expected an expansion whose schemes are known, got one whose symbols have been "
            "substituted; "
            "give the numbers to the scheme before it is expanded"
        )
    if formula.basis not in ("moment", "cumulant") or not formula.parts:
        got = "both bases" if formula.parts else "no part"
        raise RequestError(
            f"expected an expansion with one basis, got {got}; expand both sides in one basis"
        )
    basis: Any = formula.basis
    return basis  # type: ignore[no-any-return]


def _has_long_numbers(formula: Formula, tables: Sequence[_PartTables], points: int) -> bool:
    """Tell whether a number takes half a line, so that nothing could break it."""
    most = points // 10  # a digit has five points
    weights = (coefficient(term.weight, too_long="describe").row for term in formula.terms)
    counts = (row for table in tables for row in table.counts)
    return any(
        isinstance(node, Numeral) and len(node.digits) > most
        for row in (*weights, *counts)
        for node in occurring(row)
    )


def _powers(order: int) -> str:
    if order == 0:
        return "at the start"
    return r"to first order in \(\eta\)" if order == 1 else rf"through \(\eta^{{{order}}}\)"


# Sections ---------------------------------------------------------------------------------------------


def _theorem(parts: Sequence[Part], basis: Basis, tables: Sequence[_PartTables]) -> list[str]:
    """Return the sum over diagrams, and what is in it."""
    shares = {table.share for table in tables}
    share = shares.pop() if len(shares) == 1 else None
    have_shares = share is None and not all(table.has_unit_shares for table in tables)
    lines = [
        (
            r"Expand $s(\theta_T)$ in Taylor's series, update by update, from the last one back to "
            r"the first. "
            r"The terms are trees, and for smooth losses (Tenka 2020)"
        ),
        main_theorem(share),
        diagram_words(parts, basis),
        embedding_words(have_shares=have_shares),
    ]
    return [*lines, *roots_explained(parts, basis)]


def _notation(formula: Formula, tables: Sequence[_PartTables]) -> tuple[str, ...]:
    values = [node for table in tables for node in table.values]
    values += [node for term in formula.terms for node in tensors_of(term.contraction)]
    explained = letters_explained(
        tensors_in(values),
        ["eta", *formula.symbols],
        rank=max(part.observable.rank for part in formula.parts),
        is_continuous=any(part.training.is_continuous for part in formula.parts),
    )
    return (
        (
            r"All derivatives are those at the starting point $\theta_0$. Indices that occur twice "
            r"are summed."
        ),
        explained,
    )


def _about_tables(formula: Formula) -> str:
    words = [
        (
            "The root, a square, is at the right, and time runs from left to right along the "
            "edges; updates "
            "that are held together are a block. Beside each diagram stand its symmetry factor, "
            "its count "
            "and its value. Diagrams whose count or value is zero are left out."
        )
    ]
    if any(part.visits == "fresh" for part in formula.parts):
        words.append("An outline inside a block holds the updates of one visit.")
    if any(part.optimizer.decoupled_decay != 0 for part in formula.parts):
        words.append(
            "A diagram has several lines where some of its updates may be pulls of decoupled decay."
        )
        if formula.basis == "moment":
            words.append(
                "Pulls need no datapoint, so counts and values are in cumulants here; the result "
                "is in moments "
                "again."
            )
    if any(part.observable.times for part in formula.parts):
        words.append(
            "A diagram has several lines where the children of its root belong to factors that look at "
            "different times."
        )
    if any(part.observable.expressions for part in formula.parts):
        words.append(
            "The values have derivatives of the function that is looked at; the result writes them out."
        )
    has_penalty = any(part.optimizer.penalty is not None for part in formula.parts)
    if has_penalty and formula.basis == "moment":
        words.append("In these values $M$, too, has derivatives of the losses with their penalty.")
    return " ".join(words)


def _collected(formula: Formula) -> str:
    has_products = any(
        len(p.expectations) > 1 for part in formula.parts for p in part.observable.products
    )
    start = "Multiplying expectations out, and collecting" if has_products else "Collecting"
    return (
        f"{start} what has the same value (a value depends on the tree and its blocks, and for equal "
        "nodes not on which one is the root), this is"
    )


def _limits(formula: Formula, digits: int | None) -> list[str]:
    k = formula.order + 1
    derivatives = f"{k} continuous derivatives" if k > 1 else "a continuous derivative"
    exact = (
        "there is no rounding and no fit"
        if digits is None
        else f"only in print are numbers with more than {digits} digits rounded to {digits}"
    )
    power = r"\eta" if k == 1 else rf"\eta^{{{k}}}"
    return [
        (
            f"The coefficients are exact: {exact}. What is left out is of order "
            rf"${power}$ at fixed numbers of updates and datapoints, for losses with {derivatives} "
            rf"at least."
        ),
        (
            r"The series is one about the starting point. Its terms grow like powers of $\eta T$ times "
            "curvatures, so that it is good for short times. Where the last order is not small "
            "against the "
            "one before, it says nothing, and the re-summed expansion, or that along the path, is "
            "the one to "
            "take."
        ),
        *assumed(part.sampling for part in formula.parts),
        (
            "All tensors are those of the population. What is put in their place from a sample has "
            "an error of "
            "its own, and products of means over one sample are biased."
        ),
    ]


# Tables -----------------------------------------------------------------------------------------------


class _PartTables:
    """The diagrams of one training, expectation by expectation."""

    def __init__(self, part: Part, formula: Formula, points: int, digits: int | None) -> None:
        basis, order = _checked_basis(formula), formula.order
        has_pulls = part.optimizer.decoupled_decay != 0
        counted: Basis = "cumulant" if has_pulls else basis
        self.part = part
        self.points = points
        self.share = common_share(part.training.sampling)
        self.scheme = scheme_words(part.training.sampling, counted)
        self.optimizer = optimizer_words(part.training, points)
        self.sources = (*self.scheme.sources, *self.optimizer.sources)
        derivation = Derivation(part.observable, part.training, basis, order, part.visits)
        batch = Integer(1) if self.share is None else self.share
        self.groups: list[tuple[str, tuple[DiagramGroup, ...]]] = []
        for timed in expectations_of(part.observable):
            groups = []
            for d in range(order + 1):
                entries = expectation_entries(derivation, d, *timed, batch=batch, digits=digits)
                if entries:
                    heading = rf"\emph{{Order {d}: {how_many(len(entries), 'diagram')}}}"
                    groups.append(DiagramGroup(heading, entries))
            shown = expectation_latex(
                timed,
                since=part.observable.since,
                letters=expression_letters(part.observable),
            )
            self.groups.append((shown, tuple(groups)))

    @property
    def has_unit_shares(self) -> bool:
        """Whether every datapoint of a batch counts once."""
        scheme = self.part.training.sampling
        is_alone = scheme.batch_size == 1 and scheme.share_powers == {"B": -1}
        return is_alone or scheme.is_noiseless or scheme.is_sum

    @property
    def entries(self) -> list[DiagramEntry]:
        """All diagrams."""
        return [entry for _, groups in self.groups for group in groups for entry in group.entries]

    @property
    def values(self) -> list[Node]:
        """The values, as they are written."""
        return [
            row for entry in self.entries for line in entry.lines for _, row in line.value.terms
        ]

    @property
    def counts(self) -> list[Node]:
        """The counts, as they are written."""
        cells = (line.count for entry in self.entries for line in entry.lines)
        return [row for cell in cells if cell is not None for _, row in cell.terms]

    def counting(self, *, is_named: bool) -> list[str]:
        """Return the rules of counting."""
        name = escaped(self.part.training.label)
        start = [rf"\emph{{For {name}.}}"] if is_named else []
        return [*start, *self.scheme.rule, *self.optimizer.rule]

    def latex(self, *, is_named: bool) -> str:
        """Return the tables."""
        lines = []
        for shown, groups in self.groups:
            if is_named or len(self.groups) > 1:
                end = f" ({escaped(self.part.training.label)})" if is_named else ""
                lines.append(rf"\medskip\textbf{{For}} ${shown}${end}:")
            if groups:
                lines.append(diagram_table(groups, ("count", "value"), self.points))
            else:
                lines.append("There is none to this order.")
        return "\n\n".join(lines)
