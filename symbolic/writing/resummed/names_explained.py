r"""What the symbols of a re-summed expansion stand for, as far as they occur."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sympy import latex, sympify

from sgdiagrams.symbolic.layout.formulas import Spelled
from sgdiagrams.symbolic.layout.indices import index_letter
from sgdiagrams.symbolic.layout.latex import latex_text
from sgdiagrams.symbolic.layout.nodes import (
    ONE,
    SIGN_BREAK,
    Node,
    Scripts,
    Symbol,
    joined,
    occurring,
)
from sgdiagrams.symbolic.layout.quantities import Difference, DressedEmbeddings, IndexedTensor
from sgdiagrams.symbolic.layout.text import plain_text
from sgdiagrams.symbolic.printing.coefficients import coefficient
from sgdiagrams.symbolic.resummation.formula import common_law, law_of
from sgdiagrams.symbolic.writing.resummed.names import Names
from sgdiagrams.symbolic.writing.resummed.powers import complete_in_latex

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sympy import Expr

    from sgdiagrams.symbolic.formula import Term
    from sgdiagrams.symbolic.resummation.formula import ResummedFormula
    from sgdiagrams.symbolic.resummation.pairs.pair_law import PairLaw

__all__ = ["legend", "names_of", "one_line_legend"]

#: What the letter of products over both roots is called here, as tensors may have any letter.
_PRODUCT = "root product"


def names_of(formula: ResummedFormula, count: int, *, eta_apart: bool) -> Names:
    """Return how eigenvalues are called in a formula, for a number of indices."""
    # In rounds, and in means of the last few iterates, roots stay as they are.
    in_roots = all(
        part.window is not None or (part.sampling and part.sampling.rounds)
        for part in formula.parts
    )
    is_paired = formula.form == "stationary" and bool(_laws(formula)) and not in_roots
    return Names(
        count,
        in_rates=is_paired or formula.form in ("continuous", "small-eta"),
        eta_apart=eta_apart,
        bare_rates=formula.form == "stationary",
        law=common_law(formula),
        is_paired=is_paired,
    )


def _kinds(bodies: Iterable[Node]) -> set[str]:
    """Return what occurs: letters with an index, divided differences, numbers of embeddings."""
    kinds = set()
    for body in bodies:
        for node in occurring(body):
            if isinstance(node, Scripts) and isinstance(node.base, Symbol) and node.below:
                name = node.base.name
                kinds.add(_PRODUCT if name == "R" else name)
            elif isinstance(node, IndexedTensor) and not any(node.penalised):
                kinds.add(node.name)
            elif isinstance(node, Difference | DressedEmbeddings):
                kinds.add(node.kind)
    return kinds


def _penalty(formula: ResummedFormula) -> tuple[str, str]:
    """Return the second derivative of the first penalty that there is, in LaTeX and as text."""
    for part in formula.parts:
        decay, penalty = sympify(part.optimizer.weight_decay), part.optimizer.penalty
        inside = [] if decay == 0 else [(latex(decay, fold_short_frac=True), str(decay))]
        if penalty is not None:
            strength, name = sympify(penalty.strength), penalty.function_name
            math = latex(strength, fold_short_frac=True)
            inside.append((rf"{math}\, \text{{{name}}}^{{\prime\prime}}", f"{strength} {name}''"))
        if inside:
            math, text = zip(*inside, strict=True)
            return " + ".join(math), " + ".join(text)
    return "", ""


def _laws(formula: ResummedFormula) -> list[PairLaw]:
    """Return what is known of both roots, of the different optimisers with two."""
    laws = (law_of(part.optimizer) for part in formula.parts)
    return list(dict.fromkeys(law for law in laws if law is not None))


def _memories(formula: ResummedFormula) -> list[Expr]:
    """Return the different betas of heavy balls."""
    return [law.beta for law in _laws(formula) if law.beta is not None]


def _one_more(memories: Sequence[Expr], spelled: Callable[[Expr], str]) -> str:
    """Return 1 + beta, of all momenta where they differ."""
    if not memories or memories[0].is_number:
        return spelled(1 + memories[0]) if memories else ""
    return f"1 + {spelled(memories[0])}"


def _polynomial(law: PairLaw, spelled: Callable[[Expr], str], h: str, space: str) -> str:
    """Return the polynomial of both roots at an eigenvalue, in words of a format."""
    if law.beta is not None:
        return f"x^2 - ({_one_more([law.beta], spelled)} - {h}){space} x + {spelled(law.beta)}"
    h = f"(1 - {h})"
    total, product = (_linear(own, spelled, h) for own in (law.total, law.product))
    return f"x^2 - {total}{space} x + {product}"


def _linear(own: tuple[Expr, Expr], spelled: Callable[[Expr], str], q: str) -> str:
    """Return a + b q as one factor or a sum in parentheses."""
    constant, slope = own
    lead = "" if slope == 1 else spelled(slope)
    if constant == 0:
        return f"{lead} {q}".strip()
    return f"({spelled(constant)} + {lead} {q})".replace("+  ", "+ ").replace("+ -", "- ")


def _latex(expr: Expr) -> str:
    if expr.is_Add:
        shown = coefficient(expr)
        return ("-" if shown.sign < 0 else "") + latex_text(shown.node or ONE)
    return str(latex(expr, fold_short_frac=True))


def _spelled(expr: Expr) -> str:
    if expr.is_Add:
        shown = coefficient(expr)
        return ("-" if shown.sign < 0 else "") + plain_text(shown.node or ONE)
    return str(expr).replace("**", "^").replace("*", " ")


def legend(formula: ResummedFormula, bodies: Iterable[Node]) -> tuple[Node, ...]:
    """Return the lines below a formula for print, each a row that may be broken between its parts."""
    kinds = _kinds(bodies)
    lines: list[list[str]] = []
    penalty, _ = _penalty(formula)
    matrix = rf"\eta (H + {penalty})" if penalty else r"\eta H"
    eigenvalues = [
        r"\eta H_{\mu} \text{ the eigenvalues of } " + matrix + ",",
        r"\text{ indices in its eigenbasis}",
    ]
    if "q" in kinds:
        lines.append([r"q_{\mu} = 1 - \eta H_{\mu}, \quad ", *eigenvalues])
    elif kinds & {"H", "r", "u", _PRODUCT, "embeddings"}:
        lines.append(eigenvalues)
    more = _one_more(_memories(formula), _latex)
    if "u" in kinds:
        lines.append([rf"u_{{\mu}} = {more} - \eta H_{{\mu}}"])
    if _PRODUCT in kinds:
        lines.append(
            [
                r"R_{\mu\nu\cdots} = \prod (1 - x_{\mu} x_{\nu} \cdots)",
                r"\text{ over both roots } x_{\mu}",
                r"\text{ of } " + _polynomial(_laws(formula)[0], _latex, r"\eta H_{\mu}", r"\,"),
                r"\text{ at every index}",
            ]
        )
    if "r" in kinds:
        lines += [
            [
                r"r_{\mu}, s_{\mu} \text{ the roots of } ",
                _polynomial(law, _latex, r"\eta H_{\mu}", r"\,"),
            ]
            for law in _laws(formula)
        ]
    if "difference" in kinds:
        lines.append(
            [
                r"[x_0, \dots, x_L]\,f(x) ",
                r"= \sum_i f(x_i) \big/ \prod_{j \neq i} (x_i - x_j),",
                r"\text{ a divided difference}",
            ]
        )
    if "embeddings" in kinds:
        lines.append(
            [
                r"W_D \text{ the number of embeddings of the diagram } D,",
                r"\text{ dressed with links}",
            ]
        )
    if lines:
        lines[0][0] = r"\text{with } " + lines[0][0]
    if formula.pieces:
        lines += [[line] for line in complete_in_latex(formula)]
    ends = ["," for _ in lines[:-1]] + ["."]
    for line, end in zip(lines, ends, strict=False):
        line[-1] += end
    return tuple(joined((Spelled(part, "") for part in line), SIGN_BREAK) for line in lines)


def one_line_legend(
    formula: ResummedFormula, terms: Sequence[Term], weights: Iterable[Node]
) -> str:
    """Return the line above a table."""
    kinds = _kinds(weights)
    rank = max((part.observable.rank for part in formula.parts), default=0)
    most = max((len(term.indices) for term in terms), default=0)
    words = []
    if most > rank:
        words.append(f"sum over {', '.join(index_letter(i) for i in range(rank, most))}")
    _, penalty = _penalty(formula)
    matrix = f"eta (H + {penalty})" if penalty else "eta H"
    if "q" in kinds:
        words.append(f"q_a = 1 - h_a, h_a an eigenvalue of {matrix}")
    elif "H" in kinds and formula.through is not None:
        words.append(f"eta H_a an eigenvalue of {matrix}")
    elif kinds & {"h", "r", "u", _PRODUCT, "embeddings"}:
        words.append(f"h_a an eigenvalue of {matrix}")
    more = _one_more(_memories(formula), str)
    if "u" in kinds:
        words.append(f"u_a = {more} - h_a")
    if _PRODUCT in kinds:
        words.append(
            "R_ab.. the product of 1 - x_a x_b .. over both roots x of "
            f"{_polynomial(_laws(formula)[0], _spelled, 'h', '')} at every index, a polynomial in h"
        )
    if "r" in kinds:
        words += [
            f"r_a, s_a the roots of {_polynomial(law, _spelled, 'h_a', '')}"
            for law in _laws(formula)
        ]
    if "difference" in kinds:
        words.append("[...]f(x) a divided difference")
    if "embeddings" in kinds:
        words.append("W[D] the dressed number of embeddings of D")
    return "; ".join(words)
