r"""What does not fit a line is taken apart: products between factors, fractions into a product of two.

.. math:: \frac{a (b + c)}{d} \quad\text{becomes}\quad \frac{a}{d} \times (b + c), \qquad
    \frac{a}{b + c} \quad\text{becomes}\quad a \times (b + c)^{-1}.
"""

from __future__ import annotations

from dataclasses import replace

from sgdiagrams.symbolic.layout.formulas import Group, OneLine, Spelled, Sum, Times, product
from sgdiagrams.symbolic.layout.latex_reader import read_latex
from sgdiagrams.symbolic.layout.nodes import (
    INNER_BREAK,
    ONE,
    SIGN_BREAK,
    SPACE,
    THIN,
    Fence,
    Fraction,
    Node,
    Numeral,
    Operator,
    Row,
    Scripts,
    Sign,
    Text,
    joined,
)
from sgdiagrams.symbolic.layout.quantities import Difference, DressedEmbeddings
from sgdiagrams.symbolic.layout.ruler import printed_width

__all__ = ["taken_apart"]

# What stands for itself in a product.
_FACTORS = (Difference, DressedEmbeddings, Fraction, Group, Times)


def taken_apart(nodes: tuple[Node, ...]) -> Row | None:
    """Return nodes in a row that may be broken: between its factors, or else in its widest part.

    None where there is no place for that.
    """
    gaps = [
        i
        for i in range(1, len(nodes) - 1)
        if (
            nodes[i] == THIN
            and isinstance(nodes[i - 1], _FACTORS)
            and isinstance(nodes[i + 1], _FACTORS)
        )
        # The bracket of a sum that goes on, beside a fraction.
        or (
            nodes[i] == SPACE
            and isinstance(nodes[i - 1], Fraction)
            and isinstance(nodes[i + 1], Fence)
        )
    ]
    if gaps:
        i = gaps[0]
        return Row((*nodes[:i], INNER_BREAK, *nodes[i:]))
    widest = sorted(range(len(nodes)), key=lambda i: -printed_width(nodes[i]))
    for i in widest:
        parts = _parts(nodes[i])
        if parts is not None:
            return Row((*nodes[:i], *parts, *nodes[i + 1 :]))
    return None


def _parts(node: Node) -> tuple[Node, ...] | None:
    """Return what a node becomes; None for what stays whole."""
    match node:
        case Row():
            inner = taken_apart(node.items)
            return None if inner is None else inner.items
        case Times():
            return joined(node.factors, INNER_BREAK, SPACE).items
        case OneLine():
            return _parts(node.inner)
        case Group() | Sum() | Scripts(Group()):
            breakable = _breakable(node)
            return (breakable,) if breakable.has_breaks else None
        case Fraction():
            return _fractions(node)
        case Difference() | DressedEmbeddings():
            arguments = _at_commas(node.composed())
            return arguments if SIGN_BREAK in arguments else None
        case Spelled():
            known = read_latex(node.latex)
            return _parts(known) if isinstance(known, Row) else None
        case Text() if " " in node.words.strip():
            words = node.words.replace(" ", " \0").split("\0")
            return joined((Text(word) for word in words if word), SIGN_BREAK).items
        case _:
            return None


def _at_commas(node: Node) -> tuple[Node, ...]:
    """Return a row in which a line may be broken after every comma."""
    match node:
        case Row():
            return tuple(part for item in node.items for part in _at_commas(item))
        case Group():
            left, right = node.fences
            return (left, *_at_commas(node.inner), right)
        case Scripts(Group()):
            *parts, last = _at_commas(node.base)
            return (*parts, Scripts(last, node.below, node.above))
        case Operator(","):
            return (node, SIGN_BREAK)
        case _:
            return (node,)


def _breakable(node: Node) -> Node:
    match node:
        case Scripts():
            return replace(node, base=_breakable(node.base))
        case Group():
            return replace(node, inner=_breakable(node.inner), size=node.size or "big")
        case Sum():
            return replace(node, is_breakable=True)
        case _:
            return node


def _fractions(node: Fraction) -> tuple[Node, ...] | None:
    """Return a fraction with its sums beside it, or one fraction for every factor below."""
    above, below = _factors(node.above), _factors(node.below)
    wide = [f for f in above if isinstance(f.base if isinstance(f, Scripts) else f, Group)]
    if wide:
        start = product(f for f in above if f not in wide) or ONE
        return joined([Fraction(start, node.below), *wide], INNER_BREAK, SPACE).items
    if len(below) > 1:
        # Half of the factors each.
        half = len(below) // 2
        parts = [(above, below[:half]), ([], below[half:])]
        shown = [Fraction(product(a) or ONE, _bare(product(b) or ONE)) for a, b in parts]
        return joined(shown, INNER_BREAK, SPACE).items
    if printed_width(node.below) > printed_width(node.above) and node.above != ONE:
        return joined([node.above, Fraction(ONE, node.below)], INNER_BREAK, SPACE).items
    if len(above) > 1:
        start = Fraction(above[0], node.below)
        return joined([start, product(above[1:]) or ONE], INNER_BREAK, SPACE).items
    inverse = _inverse(below[0]) if node.above == ONE else None
    return None if inverse is None else (inverse,)


def _inverse(node: Node) -> Node | None:
    """Return a sum below, or a power of it, as an inverse power in which a line may be broken."""
    base, power = (node.base, node.above) if isinstance(node, Scripts) else (node, ONE)
    if not isinstance(base, Group) or not isinstance(power, Numeral):
        return None
    breakable = _breakable(base)
    above = Row((Sign(-1, is_unary=True), power))
    return Scripts(breakable, above=above) if breakable.has_breaks else None


def _bare(node: Node) -> Node:
    """Return a sum without brackets, which a fraction bar makes needless in print."""
    return OneLine(node.inner) if isinstance(node, Group) else node


def _factors(node: Node) -> list[Node]:
    inner = node.inner if isinstance(node, OneLine) else node
    if isinstance(inner, Times):
        return list(inner.factors)
    return [Group(inner)] if isinstance(inner, Sum) else [inner]
