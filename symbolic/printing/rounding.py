"""Rounded numbers in a finished layout, and the words that say so; without them all is exact."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from decimal import MAX_EMAX, MIN_EMIN, Decimal, localcontext
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeGuard, TypeVar

from flint import fmpz

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.diagrams.whole_numbers import is_whole
from sgdiagrams.symbolic.layout import nodes
from sgdiagrams.symbolic.layout.formulas import (
    Group,
    OneLine,
    Rounded,
    Spelled,
    Sum,
    Times,
    product,
)
from sgdiagrams.symbolic.layout.nodes import ONE, Node, Numeral, Operator, Row

if TYPE_CHECKING:
    from sgdiagrams.symbolic.layout.documents import Equation, Table

__all__ = ["rounded_equation", "rounded_layout", "rounded_table"]

_Part = TypeVar("_Part")
_MOST = 50


def rounded_equation(layout: Equation, digits: int | None) -> Equation:
    """Return an equation with long numbers rounded: the two sides are then about equal.

    Parameters
    ----------
    layout
        The exact formula.
    digits
        What is left of numbers that have more; None for all of them.

    Raises
    ------
    RequestError
        When the digits are no whole number 1..50.
    """
    changed = rounded_layout(layout, digits)
    if changed == layout or digits is None:
        return layout
    relation = Operator("≈") if layout.relation == Operator("=") else layout.relation
    note = Spelled(rf"\text{{{_words(digits)}}}.", "")
    return replace(changed, relation=relation, legend=(*changed.legend, note))


def rounded_table(layout: Table, digits: int | None) -> Table:
    """Return a table with long numbers rounded, and a line that says so."""
    changed = rounded_layout(layout, digits)
    if changed == layout or digits is None:
        return layout
    return replace(changed, titles=(*changed.titles, _words(digits)))


def _words(digits: int) -> str:
    return f"numbers with more than {digits} digits are rounded to {digits}"


def rounded_layout(layout: _Part, digits: int | None) -> _Part:
    """Return a part of a layout with long numbers rounded; all of it where digits are None."""
    if digits is None:
        return layout
    if not is_whole(digits, least=1, most=_MOST):
        raise RequestError(
            f"expected a whole number 1..{_MOST} of digits, got digits={shown(digits)}"
        )
    result: _Part = _mapped(layout, int(digits))
    return result


def _mapped(part: Any, digits: int) -> Any:
    if isinstance(part, nodes.Fraction):
        divisor, below = _apart(part.below)
        # One number in front: 137.9/N, and not 6.9e+40/(5e+38 N).
        if divisor is not None and (_is_long(divisor, digits) or _has_long(part.above, digits)):
            whole = Fraction(1, _value(divisor))
            above = _scaled(part.above, whole, digits)
            if below is None:
                return Group(above.inner) if isinstance(above, OneLine) else above
            return nodes.Fraction(above, _mapped(below, digits))
    if isinstance(part, Row):
        part = _merged(part, digits)
    if _is_long(part, digits):
        return _decimal(Fraction(_value(part)), digits)
    if type(part) is tuple:
        return tuple(_mapped(x, digits) for x in part)
    if is_dataclass(part) and not isinstance(part, type):
        values = {f.name: getattr(part, f.name) for f in fields(part)}
        new = {name: _mapped(value, digits) for name, value in values.items()}
        changed = {name: value for name, value in new.items() if value is not values[name]}
        return replace(part, **changed) if changed else part
    return part


def _is_long(node: object, digits: int) -> TypeGuard[Numeral]:
    return _is_whole(node) and len(node.digits) > digits


def _is_whole(node: object) -> TypeGuard[Numeral]:
    return isinstance(node, Numeral) and node.digits.isdecimal()


def _value(numeral: Numeral) -> int:
    return int(fmpz(numeral.digits))


def _apart(node: Node) -> tuple[Numeral | None, Node | None]:
    """Return the whole number in front of a product, and the rest of it."""
    if isinstance(node, OneLine):
        number, rest = _apart(node.inner)
        return number, OneLine(rest) if isinstance(rest, Times) else rest
    if _is_whole(node):
        return node, None
    if isinstance(node, Times) and _is_whole(node.factors[0]):
        return node.factors[0], product(node.factors[1:])
    return None, node


def _has_long(above: Node, digits: int) -> bool:
    """Tell whether a number in front of a numerator, or of one of its terms, is long."""
    inner = above.inner if isinstance(above, (OneLine, Group)) else above
    terms = inner.children if isinstance(inner, Sum) else (inner,)
    return any(_is_long(_apart(term)[0], digits) for term in terms)


def _merged(row: Row, digits: int) -> Row:
    """Return a wide sum that stands beside its fraction with the number of that in its terms."""
    match row.items:
        case (nodes.Fraction(above, below), gap, Group(Sum()) as group, *rest) if above == ONE:
            divisor, left = _apart(below)
            if divisor is None or not (_is_long(divisor, digits) or _has_long(group, digits)):
                return row
            start = () if left is None else (nodes.Fraction(ONE, left), gap)
            return Row((*start, _scaled(group, Fraction(1, _value(divisor)), digits), *rest))
    return row


def _scaled(node: Node, factor: Fraction, digits: int) -> Node:
    """Return a node times a number that is rounded, as one number in front or in every term of a sum."""
    if isinstance(node, (OneLine, Group)) and isinstance(node.inner, Sum):
        return replace(node, inner=_scaled(node.inner, factor, digits))
    if isinstance(node, Sum):
        terms = tuple((sign, _scaled(term, factor, digits)) for sign, term in node.terms)
        return replace(node, terms=terms)
    number, rest = _apart(node)
    value = factor if number is None else factor * _value(number)
    head = None if value == 1 and rest else _decimal(value, digits)
    tail: Node | None = None if rest is None else _mapped(rest, digits)
    factors = tail.factors if isinstance(tail, Times) else (tail,)
    return product([head, *factors]) or ONE


def _decimal(value: Fraction, digits: int) -> Node:
    """Return a positive number in decimals."""
    # Decimals, because the number may be beyond what a float holds.
    with localcontext(prec=digits + 20, Emax=MAX_EMAX, Emin=MIN_EMIN):
        bits = max(value.numerator.bit_length(), value.denominator.bit_length())
        shift = max(0, bits - 4000)
        shifted = Decimal(value.numerator >> shift) / Decimal(max(1, value.denominator >> shift))
    text = f"{shifted:.{digits}g}".lower()
    mantissa, e, exponent = text.partition("e")
    if e:
        return Rounded(mantissa, int(exponent))
    return Numeral(mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa)
