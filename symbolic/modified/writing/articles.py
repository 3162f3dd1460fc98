r"""Modified equations and losses as articles: question, theorem, result, limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sgdiagrams.symbolic.article.article import Article, Section, article_points, escaped
from sgdiagrams.symbolic.article.words.calls import reproducing
from sgdiagrams.symbolic.article.words.letters import letters_explained, tensors_in
from sgdiagrams.symbolic.article.words.optimizers import optimizer_words
from sgdiagrams.symbolic.article.words.questions import assumed
from sgdiagrams.symbolic.article.words.schemes import scheme_words
from sgdiagrams.symbolic.article.words.sources import bibliography
from sgdiagrams.symbolic.contractions.notation import tensors_of
from sgdiagrams.symbolic.layout.latex import LatexRenderer
from sgdiagrams.symbolic.modified.writing.equations import write_equation
from sgdiagrams.symbolic.modified.writing.losses import write_loss
from sgdiagrams.symbolic.symbols import in_usual_order

if TYPE_CHECKING:
    from sgdiagrams.symbolic.algebra.expression import Expression
    from sgdiagrams.symbolic.modified.kramers_moyal import KramersMoyal
    from sgdiagrams.symbolic.modified.writing.losses import Parts

__all__ = ["modified_article"]


def modified_article(
    equation: KramersMoyal,
    parts: Parts | None = None,
    *,
    width: int | str | None = None,
    command: str | None = None,
) -> Article:
    """Return the derivation of a modified equation, or of a loss; see `ModifiedEquation.document`.

    Parameters
    ----------
    equation
        The equation.
    parts
        For a loss what it is made of: see `sgdiagrams.symbolic.modified.loss.ModifiedLoss`.
    width, command
        As for `Expansion.document`.

    Raises
    ------
    RequestError
        When the width is no length or too small.
    """
    points = article_points(width)
    renderer = LatexRenderer(points=points)
    if parts is None:
        name, shown = "equation", write_equation(equation, renderer, too_long="describe")
        expressions = [*equation.operators, *equation.shifts]
    else:
        name, shown = "loss", write_loss(equation, parts, renderer, too_long="describe")
        expressions = [expression for pair in parts for expression in pair]
    scheme = scheme_words(equation.training.sampling, "cumulant")
    optimizer = optimizer_words(equation.training, points)
    sources = ("tenka", "hairer", "li", *scheme.sources, *optimizer.sources)
    of_loss = ("barrett", "smith") if parts is not None else ()
    basis = equation.basis.replace("plug-in", "plug-in value")
    return Article(
        title=rf"The modified {name} of SGD, through \(\eta^{{{equation.order}}}\)",
        subtitle=f"In {basis}s. Training: {escaped(equation.training.label)}.",
        sections=(
            Section(
                "The question", (scheme.described, *optimizer.described, *_question(equation, name))
            ),
            Section("The theorem", (*_theorem(equation), *(_LOSS if parts is not None else ()))),
            Section("Notation", _notation(equation, expressions)),
            Section("The result", ("To these powers of the learning rate it is", shown)),
            Section("Limits of validity", _limits(equation)),
            Section("How to derive it again", reproducing(command or _call(equation, name))),
            Section("References", bibliography((*sources, *of_loss))),
        ),
        points=points,
    )


_LOSS = (
    (
        r"The drift is $b = -\eta\, \nabla \tilde\ell$ where it is a gradient: $\tilde\ell$ is the "
        r"loss that "
        r"training follows. What of it is no gradient of contractions stands beside as $r$, so "
        r"that then "
        r"$b = -\eta\, (\nabla \tilde\ell + r)$."
    ),
)


def _question(equation: KramersMoyal, name: str) -> tuple[str, ...]:
    asked = (
        r"Which equation in continuous time has, at the times of the updates, the same mean of every "
        r"smooth function of the weights"
        if name == "equation"
        else "Which loss has a gradient that is the drift of the equation that training follows in mean"
    )
    of_set = (
        " All is asked on one given training set, whose rows take the place of the population."
        if equation.role == "training-set"
        else ""
    )
    last = "" if equation.is_stationary else " The learning rate changes: asked is the last update."
    return (
        (
            rf"{asked}, through $\eta^{{{equation.order}}}$? The unit of time is one {equation.per}."
            f"{of_set}{last}"
        ),
    )


def _theorem(equation: KramersMoyal) -> tuple[str, ...]:
    """Return what the generator is, and where it is read off."""
    shift = "S\\, " if equation.has_shift else ""
    lines = [
        (
            "Steps that are independent of each other and all alike multiply the mean of a "
            "function by one "
            "operator, the exponential of a generator:"
        ),
        (
            "\\begin{equation*}\n  \\langle s(\\theta_T) \\rangle = "
            f"{shift}e^{{T L}} s\\,(\\theta_0), \\qquad L s = b_{{\\mu}} s_{{\\mu}}"
            " + \\tfrac{1}{2}\\, \\Sigma_{\\mu\\nu} s_{\\mu\\nu} + \\dots\n\\end{equation*}"
        ),
        (
            "The left side is a sum over diagrams (Tenka 2020), rooted trees whose nodes are "
            "updates, with blocks "
            "of nodes on one datapoint. In cumulants their counts are polynomials in the number "
            "of steps, and $L$ is what "
            "stands at the first power: the function $s$ is at the root, and a diagram whose root "
            "has $m$ children "
            r"belongs to the tensor of $m$ legs. The first is the drift $b$, the second the "
            r"diffusion $\Sigma$; "
            "they are evaluated at any weights, not at the start alone."
        ),
    ]
    if equation.has_shift:
        lines.append(
            "The optimiser has a memory. Its transient leaves powers that decay; without them "
            "the counts are "
            "polynomials again, and $S$ is the shift of the starting point that stays."
        )
    return tuple(lines)


def _notation(equation: KramersMoyal, expressions: list[Expression]) -> tuple[str, ...]:
    nodes = [
        node
        for expression in expressions
        for _, contraction in expression.terms
        for node in tensors_of(contraction)
    ]
    names = {str(x) for e in expressions for c, _ in e.terms for x in c.free_symbols}
    explained = letters_explained(
        (tensor for tensor in tensors_in(nodes) if tensor.name != "s"),
        ["eta", *in_usual_order(names - {"eta"})],
        rank=0,
        is_continuous=False,
    )
    hats = (
        " A hat or a breve marks averages over the rows of the set."
        if equation.basis == "plug-in"
        else ""
    )
    return (
        (
            r"All derivatives are those at the weights $\theta$ where the process is. Indices that "
            r"occur twice "
            f"are summed; a lower index on $s$ is a derivative.{hats}"
        ),
        explained,
    )


def _limits(equation: KramersMoyal) -> tuple[str, ...]:
    k = equation.order
    return (
        (
            rf"Per unit of time what is left out is of order $\eta^{{{k + 1}}}$, so that at fixed "
            rf"$\eta T$ means "
            rf"agree to $\eta^{{{k}}}$ and no better: the equation is one in the weak sense, and "
            rf"says nothing of "
            "single runs."
        ),
        (
            "The series in the learning rate is asymptotic: more powers help while they fall, "
            "which needs "
            r"eigenvalues of $\eta H$ that are small against 1. Where tensors of three legs or "
            r"more do not vanish, no "
            "diffusion has these moments."
        ),
        *assumed((equation.training.sampling,)),
    )


def _call(equation: KramersMoyal, name: str) -> str:
    """Return the Python that makes it."""
    pieces = [f"{equation.order}, sampling={equation.training.sampling!r}"]
    if not equation.training.optimizer.is_default:
        pieces.append(f"optimizer={equation.training.optimizer!r}")
    pieces += [f"basis={equation.basis!r}", f"role={equation.role!r}", f"per={equation.per!r}"]
    return f"modified_{name}({', '.join(pieces)})"
