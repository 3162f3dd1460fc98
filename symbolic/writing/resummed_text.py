"""Re-summed expansions as a table for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sympy import sympify

from sgdiagrams.symbolic.contractions.notation import index_letter, text_of
from sgdiagrams.symbolic.training.optimizer import SGD, Momentum
from sgdiagrams.symbolic.writing.eigenvalue_names import Factor, Names, over
from sgdiagrams.symbolic.writing.products import Product, SpectralTerms
from sgdiagrams.symbolic.writing.resummed_latex import common_memory, merged

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sgdiagrams.symbolic.formula import Part, Term
    from sgdiagrams.symbolic.resummation.formula import ResummedFormula

__all__ = ["text_resummed"]

_PLAIN = SGD().label
# Where weights are wider than this they stand on the right, so that the table stays readable.
_NARROW = 32


def text_resummed(expansion: ResummedFormula) -> str:
    """Return a re-summed expansion as a table: order, weight, value.

    Examples
    --------
    >>> from sgdiagrams.symbolic import expand
    >>> expansion = expand("test-loss", order=2, sampling="one-pass", resummed=True)
    >>> print(text_resummed(expansion.at_minimum()))
    E[test loss] | one-pass B=1 | re-summed (discrete) | order 2
    sum over a, b; q_a = 1 - h_a, h_a an eigenvalue of eta H; [...]f(x) a divided difference
      eta^0   1                     l
      eta^2   1/2 [1, q_a q_b]x^T   C_ab H_ab
    """
    terms = expansion.terms
    rows = []
    for k in range(expansion.order + 1):
        for i, term in enumerate(t for t in terms if t.order == k):
            power = f"eta^{k}" if i == 0 else ""
            rows.append((power, _weight(term, expansion), text_of(term.contraction)))
    lines = [_title(expansion)]
    if not rows:
        return "\n".join([*lines, "  0"])
    legend = _legend(expansion, terms, " ".join(row[1] for row in rows))
    if legend:
        lines.append(legend)
    powers = max(len(row[0]) for row in rows)
    weights = max(len(row[1]) for row in rows)
    values = max(len(row[2]) for row in rows)
    if weights <= _NARROW:
        lines += [f"  {p:<{powers}}  {w:<{weights}}   {shown}" for p, w, shown in rows]
    else:
        lines += [f"  {p:<{powers}}   {shown:<{values}}  *  {w.strip()}" for p, w, shown in rows]
    return "\n".join(lines)


def _weight(term: Term, expansion: ResummedFormula) -> str:
    """Return a weight with its sign, or a space, in front."""
    names = Names(
        len(term.indices),
        in_rates=expansion.form in ("continuous", "small-eta"),
        eta_apart=False,
        bare_rates=expansion.form == "stationary",
        memory=common_memory(expansion),
    )
    scalar, products = SpectralTerms(names, "brackets").common(term.weight)
    if len(products) == 1:
        [product] = products
        text = _product(product._replace(scalar=product.scalar * scalar))
    else:
        text = _product(Product(scalar, beside=(products,)))
    return text if text.startswith("-") else f" {text}"


def _product(product: Product) -> str:
    """Return a product with its sign."""
    sign, above, below = merged(product)
    shown = over(above, below)
    text = f"({shown.piece.text})" if shown.is_sum and product.beside else shown.piece.text
    pieces = [text] if text else []
    pieces += [
        beside.piece.text if isinstance(beside, Factor) else f"({_sum(beside)})"
        for beside in product.beside
    ]
    body = " ".join(pieces) or "1"
    return f"-{body}" if sign < 0 else body


def _sum(products: Sequence[Product]) -> str:
    text = ""
    for i, product in enumerate(products):
        shown = _product(product)
        if i == 0:
            text = shown
        elif shown.startswith("-"):
            text += f" - {shown[1:]}"
        else:
            text += f" + {shown}"
    return text


def _legend(expansion: ResummedFormula, terms: Sequence[Term], weights: str) -> str:
    """Return a line that says what the names in the weights are."""
    rank = max((part.observable.rank for part in expansion.parts), default=0)
    most = max((len(term.indices) for term in terms), default=0)
    pieces = []
    if most > rank:
        pieces.append(f"sum over {', '.join(index_letter(i) for i in range(rank, most))}")
    decays = [part.optimizer.weight_decay for part in expansion.parts]
    decay = next((d for d in decays if d != 0), None)
    matrix = "eta H" if decay is None else f"eta (H + {decay})"
    if "q_" in weights:
        pieces.append(f"q_a = 1 - h_a, h_a an eigenvalue of {matrix}")
    elif any(name in weights for name in ("h_", "r_", "W[")):
        pieces.append(f"h_a an eigenvalue of {matrix}")
    if "r_" in weights:
        betas = dict.fromkeys(
            str(sympify(part.optimizer.beta))
            for part in expansion.parts
            if isinstance(part.optimizer, Momentum)
        )
        pieces += [f"r_a, s_a the roots of x^2 - (1 + {b} - h_a) x + {b}" for b in betas]
    if "]x^" in weights or "]exp(" in weights:
        pieces.append("[...]f(x) a divided difference")
    if "W[" in weights:
        pieces.append("W[D] the dressed number of embeddings of D")
    return "; ".join(pieces)


def _method(part: Part) -> str:
    return "" if part.optimizer.label == _PLAIN else f", {part.optimizer.label}"


def _title(expansion: ResummedFormula) -> str:
    several = len(expansion.parts) > 1
    pieces = []
    for i, part in enumerate(expansion.parts):
        c = part.coefficient
        sign = ("-" if c < 0 else "") if i == 0 else ("- " if c < 0 else "+ ")
        number = "" if abs(c) == 1 else f"{abs(c)} "
        label = "" if part.sampling is None else part.sampling.label
        where = f" ({label}{_method(part)})" if several else ""
        pieces.append(f"{sign}{number}{part.observable.text}{where}")
    title = [" ".join(pieces) or "0"]
    schemes = dict.fromkeys(part.sampling.label for part in expansion.parts if part.sampling)
    title += list(schemes) if len(schemes) == 1 else []
    methods = dict.fromkeys(part.optimizer.label for part in expansion.parts)
    title += list(methods) if len(methods) == 1 and list(methods) != [_PLAIN] else []
    flat = f", flat along {', '.join(expansion.flat)}" if expansion.flat else ""
    title += [f"re-summed ({expansion.form}{flat})", f"order {expansion.order}"]
    return " | ".join(title)
