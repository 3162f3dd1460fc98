r"""A re-summed expansion as an article: links summed into dressed edges, and what that is good for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sympy import Integer, Pow

from sgdiagrams.diagrams.messages import how_many
from sgdiagrams.symbolic import symbols
from sgdiagrams.symbolic.article.article import Article, Section, article_points, escaped
from sgdiagrams.symbolic.article.cells import Cell
from sgdiagrams.symbolic.article.rows import check_length, value_cell
from sgdiagrams.symbolic.article.tables import (
    CountedValue,
    DiagramEntry,
    DiagramGroup,
    diagram_table,
)
from sgdiagrams.symbolic.article.words.calls import reproducing
from sgdiagrams.symbolic.article.words.letters import letters_explained, tensors_in
from sgdiagrams.symbolic.article.words.observables import Timed, expectation_latex
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
    sign_and_share,
)
from sgdiagrams.symbolic.contractions.notation import tensors_of
from sgdiagrams.symbolic.layout.latex import LatexRenderer
from sgdiagrams.symbolic.observed.product import since_before
from sgdiagrams.symbolic.observed.times_of_reading import read_time
from sgdiagrams.symbolic.printing.rounding import rounded_layout
from sgdiagrams.symbolic.resummation.linkless import resum
from sgdiagrams.symbolic.resummation.skeletons import DressedTerm
from sgdiagrams.symbolic.resummation.weights import Weights
from sgdiagrams.symbolic.training.kernels import Mode
from sgdiagrams.symbolic.writing.resummed.equation import weighted_layout
from sgdiagrams.symbolic.writing.resummed.formula import write_resummed
from sgdiagrams.symbolic.writing.resummed.names_explained import names_of
from sgdiagrams.symbolic.writing.resummed.powers import edges, rest_of

if TYPE_CHECKING:
    from sgdiagrams.diagrams.diagram import Diagram
    from sgdiagrams.symbolic.contractions.contraction import Contraction
    from sgdiagrams.symbolic.formula import Part
    from sgdiagrams.symbolic.layout.nodes import Node
    from sgdiagrams.symbolic.observed.product import Product
    from sgdiagrams.symbolic.resummation.formula import ResummedFormula
    from sgdiagrams.symbolic.training.optimizer import Optimizer

__all__ = ["DressedTables", "dressed_article"]

_FORMS = {
    "discrete": "The weights below are exact, whatever the learning rate and the number of updates.",
    "continuous": r"The weights below are their leading part for $\eta \to 0$ at fixed $\eta T$: "
    r"sums over "
    "times become integrals, and powers exponentials.",
    "stationary": r"The weights below are their leading part for $T \to \infty$, exact in the "
    r"learning rate.",
    "small-eta": r"The weights below are their leading part for $T \to \infty$ and then $\eta \to 0$.",
}


def dressed_article(
    formula: ResummedFormula,
    *,
    width: int | str | None = None,
    differences: Any = "short",
    digits: int | None = None,
    command: str | None = None,
) -> Article:
    """Return the derivation of a re-summed expansion; see `ResummedExpansion.document`.

    Raises
    ------
    RequestError
        When the width is no length or too small, or tables are too long.
    """
    points = article_points(width)
    check_names(formula.parts)
    parts = formula.parts
    several = len(parts) > 1
    tables = [DressedTables(i, formula, points, differences, digits) for i in range(len(parts))]
    check_length([entry for table in tables for entry in table.entries])
    equation = write_resummed(
        formula, LatexRenderer(points=points), differences=differences, digits=digits
    )
    trainings = [(scheme_words(p.training.sampling, "cumulant"), p) for p in parts]
    methods = [optimizer_words(p.training, points) for p in parts]
    counting = [
        line
        for (words, part), method in zip(trainings, methods, strict=True)
        for line in (
            *([rf"\emph{{For {escaped(part.training.label)}.}}"] if several else []),
            *words.rule,
            *method.rule,
        )
    ]
    how = (
        f"order={formula.order}" if formula.through is None else f"through={formula.through}",
        "resummed=True",
    )
    sources = [x for words, _ in trainings for x in words.sources]
    sources += [x for method in methods for x in method.sources]
    as_what = "as a sum over diagrams without links, which stays finite for long times"
    return Article(
        title=titled(parts, "for long times"),
        subtitle=f"Re-summed, {formula.form} form, linkless diagrams to {edges(formula)}. "
        f"Training: {protocols_of(parts)}.",
        sections=(
            Section("The question", tuple(question(parts, "cumulant", points, as_what))),
            Section("The theorem", tuple(_theorem(formula))),
            Section("Dressed edges", tuple(_dressed(formula))),
            Section("Counting", (*_counted_how(formula), *counting)),
            Section("Notation", _notation(formula, tables)),
            Section(
                "The diagrams",
                (_about_tables(formula), *(t.latex(is_named=several) for t in tables)),
            ),
            Section("The result", (_collected(formula), equation)),
            Section("Limits of validity", tuple(_limits(formula))),
            Section("How to derive it again", reproducing(command or _call(formula, how))),
            Section("References", bibliography(("tenka", *sources))),
        ),
        points=points,
    )


def _call(formula: ResummedFormula, how: tuple[str, ...]) -> str:
    is_given = any(p.sampling and p.sampling.given_scheme for p in formula.parts)
    call = call_of(formula.parts, *how, *(("role='training-set'",) if is_given else ()))
    flat = f", flat={formula.flat!r}" if formula.flat else ""
    if formula.form == "discrete" and not flat:
        return call
    return f"({call}).with_form({formula.form!r}{flat})"


# Sections ---------------------------------------------------------------------------------------------


def _common_share_of(formula: ResummedFormula) -> Any:
    shares = {common_share(part.training.sampling) for part in formula.parts}
    return shares.pop() if len(shares) == 1 else None


def _theorem(formula: ResummedFormula) -> list[str]:
    share = _common_share_of(formula)
    schemes = [part.training.sampling for part in formula.parts]
    has_shares = share is None and any(s.batch_size != 1 and not s.is_noiseless for s in schemes)
    return [
        (
            r"Expand $s(\theta_T)$ in Taylor's series, update by update, from the last one back to "
            r"the first. "
            r"The terms are trees, and for smooth losses (Tenka 2020, proposition 1)"
        ),
        main_theorem(share),
        diagram_words(formula.parts, "cumulant"),
        embedding_words(have_shares=has_shares),
        *roots_explained(formula.parts, "cumulant"),
    ]


def _dressed(formula: ResummedFormula) -> list[str]:
    """Return how links are summed."""
    optimizers = [part.optimizer for part in formula.parts]
    are_plain = all(_has_plain_edges(o) for o in optimizers)
    has_decay = any(o.weight_decay != 0 or o.penalty is not None for o in optimizers)
    matrix = r"\tilde H" if has_decay else "H"
    if are_plain:
        kernel = (
            rf"With all links summed the edge from an update at $s$ to one at $t$ has the factor "
            rf"$(1 - \eta {matrix})^{{t - s - 1}}$ in place of 1."
        )
    else:
        kernel = (
            "With all links summed the edge from an update at $s$ to one at $t$ has, in place of "
            "$K(s, t)$, "
            "the response of the weights at $t$ to a unit of gradient at $s$ when the optimiser "
            "runs on the "
            f"quadratic loss with Hessian ${matrix}$."
        )
    share = _common_share_of(formula)
    indices = r"_{\mu\nu\cdots}"
    return [
        (
            "A link is an update with one child that is alone in its block. In cumulants it may "
            "be on any "
            "datapoint, at any time between its neighbours: there it contributes "
            rf"$-\eta {matrix}$, whatever else is in the diagram. So diagrams that differ by links "
            rf"are one linkless "
            f"diagram with dressed edges. {kernel}"
        ),
        (
            rf"In the eigenbasis of $\eta {matrix}$ every edge carries an index and its eigenvalue, and "
            "(Tenka 2020, theorem 1)"
        ),
        (
            "\\begin{equation*}\n  \\langle s(\\theta_T) \\rangle = \\sum_{D\\ \\text{linkless}} "
            f"\\frac{{{sign_and_share(share)}^{{d(D)}}}}{{|\\mathrm{{Aut}}(D)|}}\n"
            f"  \\sum_{{\\mu\\nu\\cdots}} W_D(\\eta H_{{\\mu}}, \\eta H_{{\\nu}}, \\dots)\\, "
            f"\\mathrm{{value}}(D){indices},\n\\end{{equation*}}"
        ),
        (
            "$W_D$ being the sum over the embeddings of $D$ of the product of its dressed edges: "
            "sums over "
            "times of powers, which are divided differences."
        ),
        _FORMS[formula.form],
    ]


def _has_plain_edges(optimizer: Optimizer) -> bool:
    """Tell whether all edges weigh one before links dress them."""
    kernel = optimizer.kernel
    is_constant = optimizer.schedule is None and optimizer.average is None
    return is_constant and kernel is not None and tuple(kernel) == (Mode(1, 0, 1),)


def _counted_how(formula: ResummedFormula) -> list[str]:
    if any(part.sampling and part.sampling.given_scheme for part in formula.parts):
        return []
    return ["Without dressing, the embeddings are counted so:"]


def _notation(formula: ResummedFormula, tables: list[DressedTables]) -> tuple[str, ...]:
    values: list[Node] = [node for table in tables for node in table.values]
    values += [node for term in formula.pieces for node in tensors_of(term.contraction)]
    explained = letters_explained(
        tensors_in(values),
        ["eta", *formula.symbols],
        rank=max((part.observable.rank for part in formula.parts), default=0),
        is_continuous=any(part.training.is_continuous for part in formula.parts),
    )
    is_set = any(part.sampling and part.sampling.given_scheme for part in formula.parts)
    of_set = (
        " The population is the given training set: all means are over its rows." if is_set else ""
    )
    return (
        (
            r"All derivatives are those at the starting point $\theta_0$, in the eigenbasis. Indices "
            r"that occur "
            f"are summed, but for free ones.{of_set} What weights are made of is explained below the "
            f"result."
        ),
        explained,
    )


def _about_tables(formula: ResummedFormula) -> str:
    words = [
        (
            "The root, a square, is at the right, and time runs from left to right along the "
            "edges; updates "
            "that are held together are a block. Beside each linkless diagram stand its symmetry "
            "factor and its "
            "value"
        )
    ]
    if formula.through is None:
        words[0] += (
            ", and what it contributes: the sum over indices of the value with its weight, with "
            "sign and "
            "symmetry factor."
        )
    else:
        words[0] += "; the weights, which are powers, stand in the result."
        words.append("Those are left out that contribute nothing to these powers.")
    return " ".join(words)


def _collected(formula: ResummedFormula) -> str:
    flat = (
        f" Along {', '.join(formula.flat)} the landscape is flat: there the eigenvalue is 0."
        if formula.flat
        else ""
    )
    return f"Collecting what has the same value, this is{flat and '.'}{flat}"


def _limits(formula: ResummedFormula) -> list[str]:
    lines = []
    if formula.through is None:
        lines.append(
            rf"Links are summed exactly. What is left out are linkless diagrams with more than "
            f"{edges(formula)}. Each edge more is a power of $\\eta$, times a function of $\\eta "
            f"T$ that stays "
            "finite for long times, but where the landscape is flat."
        )
    else:
        lines.append(
            f"From {rest_of(formula)} all terms through power {formula.through} are there; the "
            f"order of what is "
            "left out stands at the end of the formula."
        )
    if formula.form in ("stationary", "small-eta"):
        lines.append(
            "The limit is there where every power that is summed decays: for plain steps where "
            "all eigenvalues "
            r"of $\eta H$ are between 0 and 2, so that products of $1 - \eta H_{\mu}$ are below "
            r"1 in size."
        )
    else:
        lines.append(
            r"It is for long times where all eigenvalues of $\eta H$ are between 0 and 2 for "
            r"plain steps; along "
            "directions of negative curvature the weights grow, as the training does."
        )
    lines.append(
        "The losses are smooth, and the weights stay where a few derivatives at the starting "
        "point tell the "
        "landscape. On quadratic losses with additive noise edges of linkless diagrams end at the root "
        "alone, two at most for a loss: with these all is exact. Elsewhere higher derivatives come "
        "with more edges."
    )
    return [*lines, *assumed(part.sampling for part in formula.parts)]


# Tables -----------------------------------------------------------------------------------------------


class DressedTables:
    """The linkless diagrams of one training, expectation by expectation.

    Parameters
    ----------
    number
        Of the part of the expansion.
    formula
        The expansion.
    points
        The width of the page.
    differences, digits
        As for `ResummedExpansion.latex`.
    """

    def __init__(
        self,
        number: int,
        formula: ResummedFormula,
        points: int,
        differences: Any,
        digits: int | None,
    ) -> None:
        self.part: Part = formula.parts[number]
        self.points = points
        self._number = number
        self._formula = formula
        self._differences = differences
        self._digits = digits
        self._weights = Weights(formula.parts, formula.form, formula.flat)
        self._known = {
            (skeleton.diagram, skeleton.role)
            for term in formula.pieces
            for piece in term.pieces
            if piece.part == number
            for skeleton in piece.skeletons
        }
        observable = self.part.observable
        products = observable.products
        if observable.since is not None:
            products = since_before(products, read_time(at=observable.since))
        is_single = all(len(p.expectations) == 1 for p in products)
        self._kept = {t.contraction for t in formula.pieces} if is_single else None
        self.groups = [
            (expectation_latex(timed), self._groups_of(timed))
            for timed in dict.fromkeys(timed for p in products for timed in p.timed)
        ]

    def _groups_of(self, timed: Timed) -> tuple[DiagramGroup, ...]:
        factors, times = timed
        observable = self.part.observable
        alone: Product = replace(
            observable.products[0], sign=1, expectations=(factors,), times=(times,)
        )
        single = replace(observable, products=(alone,), since=None)
        terms = resum(
            single,
            order=self._formula.order,
            training=self.part.training,
            noise=self._formula.through,
        )
        by_diagram: dict[Diagram | None, list[DressedTerm]] = {}
        for term in terms:
            if self._kept is not None and term.contraction not in self._kept:
                continue
            for diagram, own in self.shares_of(term).items():
                by_diagram.setdefault(diagram, []).append(own)
        entries: dict[int, list[DiagramEntry]] = {}
        for diagram, own_terms in by_diagram.items():
            if diagram is not None:
                line = self._line(own_terms)
                if line is not None:
                    entries.setdefault(diagram.order, []).append(DiagramEntry(diagram, (line,)))
        return tuple(
            DiagramGroup(
                rf"\emph{{{how_many(d, 'edge')}: {how_many(len(of_order), 'diagram')}}}",
                tuple(sorted(of_order, key=lambda entry: str(entry.diagram))),
            )
            for d, of_order in sorted(entries.items())
        )

    def shares_of(self, term: DressedTerm) -> dict[Diagram | None, DressedTerm]:
        """Return what each diagram adds to a term; the root alone has no skeleton."""
        pieces: dict[Diagram | None, list[Any]] = {}
        for piece in term.pieces:
            skeleton = piece.skeletons[0] if piece.skeletons else None
            if skeleton is not None and (skeleton.diagram, skeleton.role) not in self._known:
                continue
            diagram = skeleton.diagram if skeleton else None
            pieces.setdefault(diagram, []).append(replace(piece, part=self._number))
        return {d: DressedTerm(term.contraction, tuple(own)) for d, own in pieces.items()}

    def _line(self, terms: list[DressedTerm]) -> CountedValue | None:
        values: list[Contraction] = [term.contraction for term in terms]
        if self._formula.through is not None:
            return CountedValue(None, value_cell(values))
        contributions = []
        for term in terms:
            weight = self._weights.weight(term)
            if weight == 0:
                continue
            names = names_of(self._formula, term.order, eta_apart=True)
            scale = Pow(symbols.eta, Integer(term.order))
            signed = weighted_layout(weight, term.contraction, names, self._differences, scale)
            contributions.append((signed.sign, rounded_layout(signed.body, self._digits)))
        if not contributions:
            return None
        return CountedValue(value_cell(values), Cell(tuple(contributions)))

    @property
    def entries(self) -> list[DiagramEntry]:
        """All diagrams."""
        return [entry for _, groups in self.groups for group in groups for entry in group.entries]

    @property
    def values(self) -> list[Node]:
        """The values, as they are written."""
        cells = (line.count or line.value for entry in self.entries for line in entry.lines)
        return [row for cell in cells for _, row in cell.terms]

    def latex(self, *, is_named: bool) -> str:
        """Return the tables."""
        titles = ("value", "contribution") if self._formula.through is None else ("value",)
        lines = []
        for shown, groups in self.groups:
            if is_named or len(self.groups) > 1:
                end = f" ({escaped(self.part.training.label)})" if is_named else ""
                lines.append(rf"\medskip\textbf{{For}} ${shown}${end}:")
            if groups:
                lines.append(diagram_table(groups, titles, self.points))
            else:
                lines.append("No diagram with an edge contributes.")
        return "\n\n".join(lines)
