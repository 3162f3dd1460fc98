r"""Re-summed expansions as LaTeX: sums over indices in the eigenbasis of :math:`\eta H`."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sympy import Dummy, Expr, Integer, Poly, Pow, fraction, latex, sympify, together

from sgdiagrams.symbolic import symbols
from sgdiagrams.symbolic.checks import check_choice
from sgdiagrams.symbolic.contractions.notation import index_latex, index_letter, latex_of, text_of
from sgdiagrams.symbolic.resummation.dressed import is_continuous
from sgdiagrams.symbolic.resummation.eigenvalues import EmbeddingSum, eigenvalue, roots
from sgdiagrams.symbolic.training.optimizer import Momentum
from sgdiagrams.symbolic.weights.divided_differences import ExponentialDifference, PowerDifference
from sgdiagrams.symbolic.writing.coefficients import Piece, coefficient
from sgdiagrams.symbolic.writing.eigenvalue_names import Factor, Names, over, powers, product_piece
from sgdiagrams.symbolic.writing.lines import LINE_WIDTH, Lines, document, plain_width, sign_tex
from sgdiagrams.symbolic.writing.products import DIFFERENCES, SpectralTerms
from sgdiagrams.symbolic.writing.titles import left_side, protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sgdiagrams.symbolic.contractions.contraction import Contraction
    from sgdiagrams.symbolic.formula import Term
    from sgdiagrams.symbolic.resummation.formula import ResummedFormula
    from sgdiagrams.symbolic.writing.products import Product

__all__ = ["common_memory", "latex_resummed", "latex_spectral_sum", "merged"]


# Numerators wider than this are left to `coefficient`, which breaks lines inside.
_WIDE = 40
# The widest piece that is made of a last summand and the tensors after it.
_TOGETHER = 56


def latex_resummed(
    expansion: ResummedFormula,
    *,
    differences: str = "short",
    standalone: bool = False,
    environment: str = "align*",
) -> str:
    """Return a re-summed expansion in LaTeX; see `ResummedExpansion.latex`."""
    check_choice("differences", differences, DIFFERENCES)
    left = left_side(expansion.parts)
    # The left side stands in its own column; a wide one gets a line of its own.
    alone = len(expansion.parts) > 1
    width = LINE_WIDTH - (0 if alone else plain_width(left) - 5)
    lines: list[str] = []
    terms = expansion.terms
    for k in range(expansion.order + 1):
        writer = Lines(width, inner=r"\qquad")
        for term in terms:
            if term.order != k:
                continue
            _write(writer, _term(term, expansion, differences))
        lines += writer.lines
    if lines:
        lines[0] = lines[0].removeprefix("{}").removeprefix("+ ")
    lines = lines or ["0"]
    legend = _legend(expansion, "\n".join(lines))
    sign = _relation(expansion)
    left = f"& {left} \\\\\n  {sign}{{}}& " if alone else f"{left} {sign}{{}}& "
    body = left + " \\\\\n  & ".join(lines)
    if legend:
        body += " \\\\[1ex]\n  & " + " \\\\\n  & ".join(legend)
    formula = f"\\begin{{{environment}}}\n  {body}\n\\end{{{environment}}}"
    return document(_title(expansion), formula) if standalone else formula


def _relation(expansion: ResummedFormula) -> str:
    """Return what stands between both sides: only the exact forms are equal."""
    if expansion.form == "discrete" or all(
        part.sampling is not None and is_continuous(part.sampling) for part in expansion.parts
    ):
        return "="
    if expansion.form != "stationary":
        return r"\simeq"
    grows = any(
        term.weight.has(part.sampling.updates)
        for term in expansion.terms
        for part in expansion.parts
        if part.sampling is not None and part.sampling.updates.free_symbols
    )
    return r"\sim" if expansion.flat and grows else r"\to"


def latex_spectral_sum(weight: Expr, contraction: Contraction) -> str:
    """Return the LaTeX of a weighted contraction inside an expression of SymPy's."""
    names = Names(
        contraction.order,
        in_rates=_is_in_rates(weight, contraction.order),
        eta_apart=True,
        bare_rates=not weight.has(PowerDifference),
    )
    sign, pieces = _pieces(weight, Integer(1), contraction, names, "short")
    body = "".join(piece.tex for piece in pieces)
    # A factor may stand before it.
    return rf"\left(-{body}\right)" if sign < 0 else body


def _is_in_rates(weight: Expr, count: int) -> bool:
    """Tell whether a weight is one of continuous time or small eta."""
    if weight.has(ExponentialDifference):
        return True
    if weight.has(PowerDifference, EmbeddingSum, *(r for i in range(count) for r in roots(i))):
        return False
    # At small eta denominators are products of sums of eigenvalues.
    x = Dummy("x")
    h = [eigenvalue(i) for i in range(count)]
    below = fraction(together(weight))[1].xreplace({y: x * y for y in h})
    return len(Poly(below, x).terms()) == 1


def _term(term: Term, expansion: ResummedFormula, differences: str) -> tuple[int, list[Piece]]:
    names = Names(
        len(term.indices),
        in_rates=expansion.form in ("continuous", "small-eta"),
        eta_apart=True,
        bare_rates=expansion.form == "stationary",
        memory=common_memory(expansion),
    )
    scale = Pow(symbols.eta, Integer(term.order))
    return _pieces(term.weight, scale, term.contraction, names, differences)


def common_memory(expansion: ResummedFormula) -> Expr | None:
    """Return beta where all momentum is the same."""
    found = {
        sympify(part.optimizer.beta)
        for part in expansion.parts
        if isinstance(part.optimizer, Momentum)
    }
    return found.pop() if len(found) == 1 else None


def _pieces(
    weight: Expr, scale: Expr, contraction: Contraction, names: Names, differences: Any
) -> tuple[int, list[Piece]]:
    """Return the sign of a term and its pieces."""
    scalar, products = SpectralTerms(names, differences).common(weight, scale)
    front_sign, front = _scalar(scalar)
    pieces = list(front)
    summed = range(len(contraction.free), names.count)
    if not summed and pieces:
        pieces[-1] = Piece(pieces[-1].tex + r"\, ", pieces[-1].text, pieces[-1].width)
    if summed:
        letters = "".join(index_latex(i) for i in summed)
        head = rf"\sum_{{{letters}}}"
        pieces.append(Piece((" " if pieces else "") + head + " ", "sum", max(3, len(summed) + 1)))
    tensors = _tensors(contraction)
    if len(products) == 1:
        pieces += _alone(products[0], tensors)
    else:
        pieces += _followed(_bracketed(products), tensors)
    return front_sign, pieces


def _alone(product: Product, tensors: list[Piece]) -> list[Piece]:
    """Return the pieces of one product, tensors in the numerator where nothing else is."""
    if product.below and not product.above and not product.beside:
        numerator = [Factor(Piece(p.tex + r"\,", p.text, p.width)) for p in tensors[:-1]]
        return [over([*numerator, Factor(tensors[-1])], product.below).piece]
    pieces = _product(product)
    return _followed(pieces, tensors) if pieces else [_glued(tensors)]


def _product(product: Product, lead: Factor | None = None) -> list[Piece]:
    """Return the pieces of a product, but for its scalar."""
    pieces: list[Piece] = []
    above = [*([lead] if lead else []), *product.above]
    if above or product.below:
        shown = over(above, product.below)
        if shown.is_sum:
            tex = rf"\bigl({shown.piece.tex}\bigr)"
            shown = Factor(Piece(tex, shown.piece.text, shown.piece.width + 2))
        pieces.append(shown.piece)
    for beside in product.beside:
        inner = [beside.piece] if isinstance(beside, Factor) else _bracketed(beside)
        if pieces:
            # What stands before a bracket stays with it.
            last = pieces.pop()
            gap = r"\, " if isinstance(beside, Factor) else " "
            joined = Piece(last.tex + gap + inner[0].tex, "x", last.width + inner[0].width)
            inner = [joined, *inner[1:]]
        pieces += inner
    return pieces


def _bracketed(products: Sequence[Product]) -> list[Piece]:
    """Return a sum in brackets; a line may be broken before every summand."""
    pieces: list[Piece] = []
    for i, product in enumerate(products):
        sign, inner = _inner(product)
        lead = ("-" if sign < 0 else "") if i == 0 else f" {sign_tex(sign)}"
        first = Piece(lead + inner[0].tex, "x", inner[0].width + (2 if lead else 0))
        pieces += [first, *inner[1:]]
    pieces[0] = Piece(rf"\Bigl( {pieces[0].tex}", "x", pieces[0].width + 1)
    pieces[-1] = Piece(rf"{pieces[-1].tex} \Bigr)", "x", pieces[-1].width + 1)
    return pieces


def _inner(product: Product) -> tuple[int, list[Piece]]:
    """Return a summand inside brackets, its scalar in its own fraction."""
    sign, above, below = merged(product)
    whole = product._replace(above=tuple(above), below=tuple(below))
    pieces = _product(whole)
    return sign, pieces or [Piece("1", "1", 1)]


def merged(product: Product) -> tuple[int, list[Factor], list[Factor]]:
    """Return the sign of a product and its fraction, with the scalar in it."""
    top, bottom = fraction(together(product.scalar))
    (over_sign, over_number), (under_sign, under_number) = _scalar(top), _scalar(bottom)
    above = [Factor(product_piece(over_number))] if over_number else []
    below = [Factor(product_piece(under_number))] if under_number else []
    return (
        over_sign * under_sign,
        [*above, *product.above],
        [*below, *product.below],
    )


@lru_cache(maxsize=4096)  # the summands of a weight share a few scalars
def _scalar(scalar: Expr) -> tuple[int, tuple[Piece, ...]]:
    """Return a scalar as a sign and pieces, powers of eta before all other symbols."""
    top, bottom = fraction(together(scalar))
    above, below = _line(top), _line(bottom)
    if above[1].width > _WIDE:
        whole = coefficient(scalar)
        return whole.sign, whole.pieces
    factors = [[Factor(piece)] if piece.text else [] for _, piece in (above, below)]
    shown = over(*factors).piece
    return above[0] * below[0], (shown,) if shown.text else ()


def _line(polynomial: Expr) -> tuple[int, Piece]:
    """Return a polynomial as a sign and one piece: a number, eta, and the rest."""
    number, rest = polynomial.as_coeff_Mul()
    power, rest = _eta_apart(rest)
    c, other = coefficient(number), coefficient(rest)
    lead = [powers(Piece(r"\eta", "eta", 1), power)] if power else []
    return c.sign * other.sign, product_piece([*c.pieces, *lead, *other.pieces])


def _eta_apart(polynomial: Expr) -> tuple[int, Expr]:
    """Return the power of eta that is a factor, and what is left."""
    power = int(polynomial.as_powers_dict().get(symbols.eta, 0))
    return power, polynomial / symbols.eta**power


def _tensors(contraction: Contraction) -> list[Piece]:
    return [
        Piece(tex, text, len(text.replace("_", "").replace("^", "")))
        for tex, text in zip(
            latex_of(contraction).split(r"\, "), text_of(contraction).split(" "), strict=True
        )
    ]


def _glued(tensors: list[Piece]) -> Piece:
    return Piece(r"\, ".join(p.tex for p in tensors), "x", sum(p.width for p in tensors))


def _followed(pieces: list[Piece], tensors: list[Piece]) -> list[Piece]:
    """Return pieces with the tensors, which stay with the last of them if they can."""
    *start, last = pieces
    whole = _glued(tensors)
    if last.width + whole.width > _TOGETHER:
        return [*pieces, Piece(r"\, " + whole.tex, "x", whole.width)]
    return [*start, Piece(rf"{last.tex}\, {whole.tex}", "x", last.width + whole.width)]


def _write(writer: Lines, signed: tuple[int, list[Piece]]) -> None:
    sign, pieces = signed
    lead = " " * bool(writer.lines) + sign_tex(sign)
    first = Piece(lead + pieces[0].tex, "x", 3 + pieces[0].width)
    writer.term([first, *pieces[1:]])


def _legend(expansion: ResummedFormula, body: str) -> list[str]:
    """Return the lines that say what symbols stand for, as far as they occur."""
    lines = []
    decays = dict.fromkeys(sympify(part.optimizer.weight_decay) for part in expansion.parts)
    matrix = r"\eta H"
    if any(d != 0 for d in decays):
        matrix = rf"\eta (H + {latex(next(d for d in decays if d != 0), fold_short_frac=True)})"
    eigenvalues = (
        rf"\eta H_{{\mu}} \text{{ the eigenvalues of }} {matrix}"
        r"\text{, indices in its eigenbasis}"
    )
    if "q_{" in body:
        lines.append(rf"q_{{\mu}} = 1 - \eta H_{{\mu}}, \quad {eigenvalues}")
    elif "H_{" in body or "r_{" in body or "W_{" in body:
        lines.append(eigenvalues)
    if "r_{" in body:
        for part in expansion.parts:
            if isinstance(part.optimizer, Momentum):
                beta = latex(sympify(part.optimizer.beta), fold_short_frac=True)
                line = (
                    rf"r_{{\mu}}, s_{{\mu}} \text{{ the roots of }} "
                    rf"x^2 - (1 + {beta} - \eta H_{{\mu}})\, x + {beta}"
                )
                if line not in lines:
                    lines.append(line)
    if r"]\,x^" in body or r"]\,e^" in body:
        lines.append(
            r"[x_0, \dots, x_L]\,f(x) = \sum_i f(x_i) \big/ \prod_{j \neq i} (x_i - x_j) "
            r"\text{, a divided difference}"
        )
    if r"W_{\text" in body:
        lines.append(
            r"W_D \text{ the number of embeddings of the diagram } D \text{, dressed with links}"
        )
    if lines:
        lines[0] = r"\text{with } " + lines[0]
    edges = "edge" if expansion.order == 1 else "edges"
    if expansion.pieces:
        lines.append(rf"\text{{linkless diagrams with at most {expansion.order} {edges}}}")
    return [line + ("," if i < len(lines) - 1 else ".") for i, line in enumerate(lines)]


def _title(expansion: ResummedFormula) -> str:
    schemes = sorted({protocol(part) for part in expansion.parts})
    name = expansion.observable.replace("-", " ").replace("_", r"\_")
    title = f"{name[:1].upper()}{name[1:]}, re-summed ({expansion.form} form)"
    if schemes:
        title += f", {' and '.join(schemes)}"
    edges = "edge" if expansion.order == 1 else "edges"
    title += f", linkless diagrams to {expansion.order} {edges}"
    if expansion.flat:
        rank = max(part.observable.rank for part in expansion.parts)
        names = {index_letter(i): index_latex(i) for i in range(rank)}
        title += f", flat along ${', '.join(names[name] for name in expansion.flat)}$"
    return title + ":"
