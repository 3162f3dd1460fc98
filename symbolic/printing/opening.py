r"""Coefficients for lines of print: wide fractions are opened, so that lines can be broken inside.

.. math:: \frac{a (b + \dots + c)}{d} \quad\text{becomes}\quad \frac{a}{d} \bigl(b + \dots + c\bigr).
"""

from __future__ import annotations

from dataclasses import replace

from sgdiagrams.symbolic.layout import nodes
from sgdiagrams.symbolic.layout.formulas import Group, OneLine, Sum, Times, product
from sgdiagrams.symbolic.layout.nodes import INNER_BREAK, ONE, Node, Row, Scripts, joined

__all__ = ["opened"]

# Factors that are wider than this stand beside their fraction, not in its numerator.
_WIDE = 24
# Sums that are narrower than this are left in it.
_NARROW = 12


def opened(node: Node) -> Row:
    """Return a coefficient as a row: wide sums beside their fraction, with breaks before signs."""
    return joined(_factors(node), INNER_BREAK)


def _factors(node: Node) -> list[Node]:
    """Return a coefficient as factors one after the other, if it is too wide for one."""
    above = node.above if isinstance(node, nodes.Fraction) else node
    if above.width <= _WIDE or node.has_breaks:
        return [node]
    if isinstance(above, OneLine):
        above = Group(above.inner)
    factors = above.factors if isinstance(above, Times) else (above,)
    sums = [f for f in factors if isinstance(_base(f), Group) and f.width > _NARROW]
    start = product(f for f in factors if f not in sums)
    if isinstance(node, nodes.Fraction):
        start = nodes.Fraction(start or ONE, node.below)
    shown = [_breakable(f) if f.width > _WIDE else f for f in sums]
    return [*([start] if start else []), *shown]


def _base(factor: Node) -> Node:
    return factor.base if isinstance(factor, Scripts) else factor


def _breakable(factor: Node) -> Node:
    """Return a power of a sum in larger brackets in which a line may be broken."""
    if isinstance(factor, Scripts):
        return replace(factor, base=_breakable(factor.base))
    if isinstance(factor, Group) and isinstance(factor.inner, Sum):
        terms = tuple((sign, _term(term)) for sign, term in factor.inner.terms)
        inner = replace(factor.inner, terms=terms, is_breakable=True)
        return Group(inner, "Big" if inner.is_tall else "big")
    return factor


def _term(term: Node) -> Node:
    """Return a term of a wide sum, opened if it is wide too."""
    parts = _factors(term)
    return parts[0] if len(parts) == 1 else joined(parts, nodes.SPACE)
