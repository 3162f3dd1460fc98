"""Numbers as people write them in options and files, and what may be meant in two ways."""

from __future__ import annotations

import re
from fractions import Fraction

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import shown

__all__ = ["read_numbers", "written_number"]

_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,3}|/\d+)?", re.ASCII)
_LEADING_ZERO = re.compile(r"[-+]?0\d|.*/0\d")
_DECIMAL_COMMA = re.compile(r"[-+]?0,\d+")
_MOST = 4000  # digits


def read_numbers(name: str, text: str) -> list[Fraction]:
    """Return the numbers of a text, separated by commas, exactly.

    A comma is no decimal point: what would be read as several numbers but is usually meant as one, such
    as ``0,05`` or ``1,000``, is refused.

    Parameters
    ----------
    name
        What the numbers are for, for messages.
    text
        For instance ``"10"``, ``"0.05"``, ``"1/20"``, ``"-1e-3"`` or ``"0.05,0.02"``.

    Raises
    ------
    RequestError
        When a piece is no number, or has a leading zero.

    Examples
    --------
    >>> read_numbers("eta", "0.05, 1/3")
    [Fraction(1, 20), Fraction(1, 3)]
    """
    pieces = [piece.strip() for piece in text.split(",")]
    if _DECIMAL_COMMA.fullmatch(text.strip()) or any(map(_LEADING_ZERO.match, pieces)):
        raise RequestError(
            f"expected a decimal point and no leading zeros for {name}, got {shown(text)}; "
            "write 0.05, or 0.0,5 for two numbers"
        )
    try:
        return [written_number(piece) for piece in pieces]
    except ValueError:
        raise RequestError(
            f"expected a number such as 10, 0.05 or 1/20 for {name}, got {shown(text)}"
        ) from None


def written_number(text: str) -> Fraction:
    """Return the rational number that a text such as ``10``, ``0.05``, ``1/20`` or ``1e-3`` says.

    Raises
    ------
    ValueError
        When it is no number, longer than 4000 characters, or has a power of ten of four digits: one
        short word would make a number of a billion digits.

    Examples
    --------
    >>> written_number("0.05"), written_number("1e3"), written_number("2/6")
    (Fraction(1, 20), Fraction(1000, 1), Fraction(1, 3))
    """
    piece = text.strip()
    if len(piece) > _MOST or not _NUMBER.fullmatch(piece):
        raise ValueError("expected a number")
    try:
        return Fraction(piece)
    except ZeroDivisionError:
        raise ValueError("expected a denominator other than 0") from None
