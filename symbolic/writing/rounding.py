"""Rounded numbers in a finished layout, and the words that say so; without them all is exact."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from decimal import MAX_EMAX, MIN_EMIN, Decimal, localcontext
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeVar

from flint import fmpz

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.diagrams.whole_numbers import is_whole
from sgdiagrams.symbolic.layout import nodes
from sgdiagrams.symbolic.layout.formulas import Rounded, Spelled
from sgdiagrams.symbolic.layout.nodes import Node, Numeral, Operator

if TYPE_CHECKING:
    from sgdiagrams.symbolic.layout.documents import Equation, Table

__all__ = ["rounded_equation", "rounded_table"]

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
    changed = _rounded(layout, digits)
    if changed == layout or digits is None:
        return layout
    relation = Operator("≈") if layout.relation == Operator("=") else layout.relation
    note = Spelled(rf"\text{{{_words(digits)}}}.", "")
    return replace(changed, relation=relation, legend=(*changed.legend, note))


def rounded_table(layout: Table, digits: int | None) -> Table:
    """Return a table with long numbers rounded, and a line that says so."""
    changed = _rounded(layout, digits)
    if changed == layout or digits is None:
        return layout
    return replace(changed, titles=(*changed.titles, _words(digits)))


def _words(digits: int) -> str:
    return f"numbers with more than {digits} digits are rounded to {digits}"


def _rounded(layout: _Part, digits: int | None) -> _Part:
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
        above, below = _number(part.above), _number(part.below)
        if above is not None and below is not None and _is_long(digits, part.above, part.below):
            return _decimal(Fraction(above, below), digits)
    if isinstance(part, Numeral):
        number = _number(part)
        is_exact = number is None or not _is_long(digits, part)
        return part if is_exact else _decimal(Fraction(number or 0), digits)
    if type(part) is tuple:
        return tuple(_mapped(x, digits) for x in part)
    if is_dataclass(part) and not isinstance(part, type):
        values = {f.name: getattr(part, f.name) for f in fields(part)}
        new = {name: _mapped(value, digits) for name, value in values.items()}
        changed = {name: value for name, value in new.items() if value is not values[name]}
        return replace(part, **changed) if changed else part
    return part


def _is_long(digits: int, *numerals: object) -> bool:
    return any(isinstance(x, Numeral) and len(x.digits) > digits for x in numerals)


def _number(node: object) -> int | None:
    """Return the value of a whole numeral."""
    if isinstance(node, Numeral) and node.digits.isdecimal():
        return int(fmpz(node.digits))
    return None


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
