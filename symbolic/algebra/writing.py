"""Expressions for people: an equation for print, and a line that can be read back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sgdiagrams.symbolic.algebra.grammar.words import is_plain, spelled_symbol
from sgdiagrams.symbolic.checks import check_choice
from sgdiagrams.symbolic.contractions.notation import tensors_of
from sgdiagrams.symbolic.layout.documents import Equation, Order, Signed
from sgdiagrams.symbolic.layout.formulas import Spelled
from sgdiagrams.symbolic.layout.indices import index_letter
from sgdiagrams.symbolic.layout.latex import LatexRenderer
from sgdiagrams.symbolic.layout.latex_reader import estimated_width
from sgdiagrams.symbolic.layout.nodes import (
    BREAK,
    INNER_BREAK,
    ONE,
    THIN,
    Node,
    Operator,
    Row,
    joined,
)
from sgdiagrams.symbolic.layout.quantities import IndexedTensor
from sgdiagrams.symbolic.layout.text import TextRenderer
from sgdiagrams.symbolic.printing.coefficients import coefficient
from sgdiagrams.symbolic.printing.rounding import rounded_equation
from sgdiagrams.symbolic.vocabulary import is_function

if TYPE_CHECKING:
    from sgdiagrams.symbolic.algebra.linear_combinations import Pair
    from sgdiagrams.symbolic.layout.nodes import Symbol
    from sgdiagrams.symbolic.layout.renderer import Renderer
    from sgdiagrams.symbolic.vocabulary import Coefficients, TooLong

__all__ = ["expression_in_place", "expression_text", "signed_term", "write_expression"]

_STYLES = ("factored", "expanded", "binomial")


# For print --------------------------------------------------------------------------------------------


def write_expression(
    pairs: tuple[Pair, ...],
    renderer: Renderer[Any],
    *,
    left: str | None = None,
    coefficients: Coefficients = "factored",
    too_long: TooLong = "refuse",
    digits: int | None = None,
) -> str:
    """Return the sum as an equation in a format; see `Expression.latex`."""
    check_choice("coefficients", coefficients, _STYLES)
    if digits is not None:
        too_long = "write"
    terms = tuple(signed_term(pair, coefficients, too_long) for pair in pairs)
    equation = Equation(
        title=("Repeated indices are summed:",),
        left=Row(()) if left is None else Spelled(left, left, estimated_width(left)),
        relation=Operator("" if left is None else "="),
        shares_line=True,
        orders=(Order(terms),) if terms else (),
    )
    return renderer.equation(rounded_equation(equation, digits))


def signed_term(pair: Pair, coefficients: Coefficients, too_long: TooLong) -> Signed:
    """Return a coefficient times a contraction, for lines of print."""
    weight, contraction = pair
    number = coefficient(weight, coefficients, too_long=too_long)
    lead, rest = number.number_apart
    if not contraction.node_count:
        # Nothing stands after a number, so that it is no factor.
        return Signed(number.sign, number.row if number.node else Row((ONE,)))
    tensors = joined(tensors_of(contraction), INNER_BREAK, THIN)
    if rest is None:
        return Signed(number.sign, tensors, lead)
    return Signed(number.sign, Row((rest.row, BREAK, THIN, tensors)), lead)


def expression_in_place(pairs: tuple[Pair, ...]) -> str:
    r"""Return the sum in LaTeX as a part of a formula, without breaks.

    Examples
    --------
    >>> from sgdiagrams.symbolic import symbols
    >>> from sgdiagrams.symbolic.contractions.contraction import Contraction
    >>> print(expression_in_place(((-symbols.eta / 4, Contraction.parse("G_a G_a")),)))
    -\frac{\eta}{4}\, G_{\mu}\, G_{\mu}
    """
    renderer = LatexRenderer()
    written = []
    for weight, contraction in pairs:
        number = coefficient(weight, "factored", too_long="describe")
        nodes = list(tensors_of(contraction)) if contraction.node_count else []
        if number.node is not None or not nodes:
            nodes.insert(0, number.node or ONE)
        term = r"\, ".join(map(renderer.render, nodes))
        written.append(f"{'-' if number.sign < 0 else '+'} {term}")
    text = " ".join(written)
    return text[2:] if text[0] == "+" else f"-{text[2:]}"


# In a line --------------------------------------------------------------------------------------------


class _LineRenderer(TextRenderer):
    """Coefficients in text that can be read back."""

    def symbol(self, node: Symbol) -> str:
        """Return the name, in braces where it might be taken for a function."""
        return spelled_symbol(node.name)


_LINE = _LineRenderer()
_TEXT = TextRenderer()


def expression_text(
    pairs: tuple[Pair, ...],
    rank: int,
    *,
    coefficients: Coefficients = "factored",
    too_long: TooLong = "write",
) -> str:
    """Return the sum in a line, as `sgdiagrams.symbolic.algebra.grammar.reading` reads it.

    Examples
    --------
    >>> from sympy import Rational
    >>> from sgdiagrams.symbolic.contractions.contraction import Contraction
    >>> half = Rational(1, 2)
    >>> pairs = (half, Contraction.unit()), (-half, Contraction.parse("G_a G_a"))
    >>> expression_text(pairs, 0)
    '1/2 - 1/2 G_a G_a'
    """
    check_choice("coefficients", coefficients, _STYLES)
    if not pairs:
        # A tensor for every free leg, so that their number can be read.
        return " ".join(["0", *(f"G_{index_letter(i)}" for i in range(rank))])
    written = []
    for weight, contraction in pairs:
        number = coefficient(weight, coefficients, too_long=too_long)
        tensors = " ".join(map(_factor, tensors_of(contraction))) if contraction.node_count else ""
        head = "" if number.node is None and tensors else _LINE.render(number.node or ONE)
        sign = "-" if number.sign < 0 else "+"
        written.append(f"{sign} {' '.join(filter(None, (head, tensors)))}")
    text = " ".join(written)
    return text[2:] if text[0] == "+" else f"-{text[2:]}"


def _factor(node: Node) -> str:
    """Return a tensor, with quotes around a name that would be read as something else."""
    text = _TEXT.render(node)
    if isinstance(node, IndexedTensor) and is_function(node.name) and not node.has_bars:
        legs = sum(map(len, node.groups))
        if not is_plain(node.name, legs):
            return f'"{node.name}"{text.removeprefix(node.name)}'
    return text
