r"""An expansion in the noise along a run as an article."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sgdiagrams.diagrams.diagram import Diagram
from sgdiagrams.diagrams.messages import how_many
from sgdiagrams.symbolic.article.article import Article, Section, article_points
from sgdiagrams.symbolic.article.cells import Cell
from sgdiagrams.symbolic.article.rows import check_length
from sgdiagrams.symbolic.article.tables import (
    CountedValue,
    DiagramEntry,
    DiagramGroup,
    diagram_table,
)
from sgdiagrams.symbolic.article.words.calls import reproducing
from sgdiagrams.symbolic.article.words.letters import letters_explained, tensors_in
from sgdiagrams.symbolic.article.words.optimizers import optimizer_words
from sgdiagrams.symbolic.article.words.questions import (
    assumed,
    call_of,
    check_names,
    protocols_of,
    question,
    titled,
)
from sgdiagrams.symbolic.article.words.schemes import scheme_words
from sgdiagrams.symbolic.article.words.sources import bibliography
from sgdiagrams.symbolic.article.words.theorem import diagram_words, roots_explained
from sgdiagrams.symbolic.layout.latex import LatexRenderer
from sgdiagrams.symbolic.layout.nodes import INNER_BREAK, SPACE, THIN, Row
from sgdiagrams.symbolic.layout.quantities import SumUnder
from sgdiagrams.symbolic.paths.path_layout import path_factors
from sgdiagrams.symbolic.paths.path_writing import write_path

if TYPE_CHECKING:
    from sgdiagrams.symbolic.layout.nodes import Node
    from sgdiagrams.symbolic.paths.path_formula import PathFormula
    from sgdiagrams.symbolic.paths.path_terms import PathMean

__all__ = ["path_article"]


def path_article(
    formula: PathFormula, *, width: int | str | None = None, command: str | None = None
) -> Article:
    """Return the derivation of an expansion along a run; see `PathExpansion.document`.

    Raises
    ------
    RequestError
        When the width is no length or too small.
    """
    points = article_points(width)
    check_names((formula.part,))
    part, parts = formula.part, (formula.part,)
    groups = _groups(formula)
    entries = [entry for group in groups for entry in group.entries]
    check_length(entries)
    scheme = scheme_words(part.training.sampling, "cumulant")
    optimizer = optimizer_words(part.training, points)
    tensors = tensors_in(row for e in entries for line in e.lines for _, row in line.value.terms)
    explained = letters_explained(
        (tensor for tensor in tensors if tensor.name != "U"),
        ["eta", *formula.symbols],
        rank=part.observable.rank,
        is_continuous=False,
    )
    as_what = "as a series in the noise, at any learning rate and for any number of updates"
    how = (f"noise={formula.noise}", "along_path=True")
    noise = "without noise" if formula.noise == 0 else f"to noise {formula.noise}"
    return Article(
        title=titled(parts, f"along the run, {noise}"),
        subtitle=f"Training: {protocols_of(parts)}.",
        sections=(
            Section("The question", tuple(question(parts, "cumulant", points, as_what))),
            Section("The theorem", (*_theorem(), *roots_explained(parts, None))),
            Section(
                "Notation",
                (
                    (
                        r"Derivatives are those at the weights $\varphi_t$ of the run, at the times "
                        r"that stand "
                        "beside them. Indices that occur twice are summed. The run and its "
                        "propagator $U$ are "
                        "explained below the result."
                    ),
                    explained,
                ),
            ),
            Section(
                "The diagrams",
                (_ABOUT, diagram_table(groups, ("value",), points) if groups else _NONE),
            ),
            Section(
                "The result",
                (
                    "Collected, with signs, symmetry factors and shares, this is",
                    write_path(formula, LatexRenderer(points=points)),
                ),
            ),
            Section("Limits of validity", tuple(_limits(formula))),
            Section("How to derive it again", reproducing(command or call_of(parts, *how))),
            Section("References", bibliography(("tenka", *scheme.sources, *optimizer.sources))),
        ),
        points=points,
    )


_ABOUT = (
    "The root, a square, is at the right, and time runs from left to right along the edges; "
    "updates that are "
    "held together are a block. Beside each diagram stand its symmetry factor and its value, the "
    "sum over the "
    "times of its updates included. It has several lines where the children of its root belong "
    "to different "
    "factors."
)
_NONE = "Without noise there is none: what is looked at is that of the run."


def _theorem() -> tuple[str, ...]:
    return (
        (
            r"Let $\varphi_t$ be the run of the same optimiser on the mean gradient of the "
            r"population. Every "
            "datapoint pushes the updates that use it away from that run; expand in these pushes. "
            "The terms are "
            "diagrams (Tenka 2020) in which time sums stay sums along the run:"
        ),
        (
            "\\begin{equation*}\n  \\langle s(\\theta_T) \\rangle = s(\\varphi_T) + \\sum_D "
            "\\frac{(-\\eta)^{d(D)}}{|\\mathrm{Aut}(D)|}\n"
            "  \\sum_{\\text{times}}\\, \\sum_{\\text{rows}} \\mathrm{shares} \\cdot "
            "\\mathrm{value}(D).\n\\end{equation*}"
        ),
        diagram_words((), "cumulant"),
        (
            "Updates that are alone in their block and have no child or one are in the run and in "
            "its propagator "
            "already, so that no diagram has any. The order in the noise is the number of nodes less "
            "that of "
            "blocks: a block of $k$ updates needs one datapoint at $k$ times, and datapoints of "
            "a batch are "
            "averaged."
        ),
    )


def _limits(formula: PathFormula) -> list[str]:
    return [
        (
            "Nothing is expanded in the learning rate, and the run may be long and may go far. What "
            "is left out "
            f"is of noise {formula.noise + 1}; its order stands at the end of the formula."
        ),
        (
            "The series is good where noise moves the weights little against the distance on which "
            "the landscape "
            "changes, and where the propagators do not grow: where the run is unstable, pushes grow "
            "along it."
        ),
        *assumed((formula.sampling,)),
    ]


def _groups(formula: PathFormula) -> list[DiagramGroup]:
    """Return the diagrams by their noise."""
    lines: dict[Diagram, dict[PathMean, CountedValue]] = {}
    for term in formula.terms:
        for mean in term.means:
            if mean.updates:
                cell = Cell(((1, _row(path_factors((mean,), formula.sampling))),))
                lines.setdefault(_merged(mean), {}).setdefault(mean, CountedValue(None, cell))
    by_noise: dict[int, list[DiagramEntry]] = {}
    for diagram, of_means in lines.items():
        noise = len(diagram.levels) - len(diagram.blocks)
        by_noise.setdefault(noise, []).append(DiagramEntry(diagram, tuple(of_means.values())))
    return [
        DiagramGroup(rf"\emph{{Noise {k}: {how_many(len(entries), 'diagram')}}}", tuple(entries))
        for k, entries in sorted(by_noise.items())
    ]


def _row(factors: tuple[Node, ...]) -> Row:
    items: list[Node] = []
    for i, factor in enumerate(factors):
        if i:
            items += [SPACE] if isinstance(factors[i - 1], SumUnder) else [INNER_BREAK, THIN]
        items.append(factor)
    return Row(tuple(items))


def _merged(mean: PathMean) -> Diagram:
    """Return the diagram of an expectation, all of whose factors are one root."""
    r, n = len(mean.roots), mean.updates
    parents = [n if parent < r else parent - r for parent in mean.parents]
    blocks: dict[int, list[int]] = {}
    for v, block in enumerate(mean.blocks[r:]):
        blocks.setdefault(block, []).append(v)
    tied = next((block for block in mean.blocks[:r] if block in blocks), None)
    if tied is None:
        return Diagram(parents, [*blocks.values(), [n]])
    blocks[tied].append(n)
    return Diagram(parents, blocks.values())
