"""How messages show what was given: numbers as people write them, and never much of it."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from difflib import get_close_matches
from fractions import Fraction
from itertools import islice
from math import prod
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["how_many", "nearest", "plain_number", "shortened", "shown"]

#: Characters of one value in a message, which seldom has more than two.
MOST = 80

_ITEMS = 8  # of a list
_DECIMALS = 12  # of a fraction
_DIGITS = 40  # of a whole number
_LONGEST_WORD = 60  # that may be a name with a slip


def shown(value: object, *, most: int = MOST) -> str:
    """Return what was given as a message shows it: on one line, of bounded length.

    Parameters
    ----------
    value
        Anything, however large.
    most
        Characters; what is longer has dots in its middle.

    Examples
    --------
    >>> print(shown(Fraction(9, 10)), shown([Fraction(1, 3), 0.5]), shown("one pass"))
    0.9 [1/3, 0.5] 'one pass'
    >>> print(shown("x" * 1000, most=20))
    'xxxxxxxxxxx…xxxxxx'
    """
    return shortened(" ".join(_text(value, depth=0).split()), most=most)


def shortened(text: str, *, most: int = MOST) -> str:
    """Return a text with dots in its middle where it is longer than `most` characters.

    Examples
    --------
    >>> shortened("abcdefghij", most=5)
    'abc…j'
    """
    if len(text) <= most:
        return text
    tail = (most - 1) * 2 // 5
    return f"{text[: most - 1 - tail]}…{text[len(text) - tail :]}"


def nearest(word: object, known: Iterable[object]) -> str:
    """Return the end of a message that names the known word most like an unknown one, or nothing.

    Capitals, underscores and what follows a colon make no difference.

    Examples
    --------
    >>> nearest("Cosin", ["cosine", "step"]), nearest("nonsense", ["cosine", "step"])
    ('; did you mean cosine?', '')
    """
    if not isinstance(word, str) or len(word) > _LONGEST_WORD:
        return ""
    by_form = {_form(name): name for name in known if isinstance(name, str)}
    close = get_close_matches(_form(word), by_form, n=1)
    return f"; did you mean {by_form[close[0]]}?" if close else ""


def _form(word: str) -> str:
    return word.partition(":")[0].casefold().replace("_", "-")


def how_many(number: int, noun: str) -> str:
    """Return a number and what there is so much of.

    Examples
    --------
    >>> how_many(1, "term"), how_many(0, "term")
    ('1 term', '0 terms')
    """
    return f"{number} {noun}{'' if number == 1 else 's'}"


def plain_number(value: int | Fraction) -> str:
    """Return a rational number as a person writes it: a short decimal, else a quotient.

    Examples
    --------
    >>> plain_number(Fraction(9, 10)), plain_number(Fraction(-1, 800)), plain_number(Fraction(2, 6))
    ('0.9', '-0.00125', '1/3')
    """
    number = Fraction(value)
    scaled, places = number, 0
    while scaled.denominator != 1 and places < _DECIMALS:
        scaled, places = scaled * 10, places + 1
    if scaled.denominator != 1 or abs(scaled.numerator) >= 10**_DIGITS:
        above, below = _whole(number.numerator), _whole(number.denominator)
        return above if below == "1" else f"{above}/{below}"
    if not places:
        return str(number.numerator)
    digits = f"{abs(scaled.numerator):0{places + 1}d}"
    return f"{'-' if number < 0 else ''}{digits[:-places]}.{digits[-places:]}"


def _whole(number: int) -> str:
    # Python refuses to write whole numbers of thousands of digits.
    if abs(number) < 10**_DIGITS:
        return str(number)
    return f"a number of {number.bit_length()} bits"


def _text(value: Any, *, depth: int) -> str:
    if value is None or isinstance(value, bool):
        return str(value)
    if isinstance(value, int):
        return _whole(int(value))
    if isinstance(value, Fraction):
        return plain_number(value)
    if isinstance(value, str):
        # The quotation mark at the end is kept by what is shortened later.
        return repr(value if len(value) <= 2 * MOST else value[:MOST] + value[-MOST:])
    if isinstance(value, bytes):
        return repr(value[: 2 * MOST])
    if isinstance(value, float):
        return repr(float(value))
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple) and hasattr(value, "tolist"):
        if prod(shape) > _ITEMS:
            return f"an array of shape {tuple(map(int, shape))}"
        return _text(value.tolist(), depth=depth)
    if depth < 4 and type(value) in _BRACKETS:
        return _items(value, depth=depth)
    label = getattr(value, "label", None)
    if isinstance(label, str):
        return label  # of schemes and optimisers, with their numbers
    if depth < 4 and is_dataclass(value) and not isinstance(value, type):
        shown_fields = (
            f"{f.name}={_text(getattr(value, f.name, None), depth=depth + 1)}"
            for f in islice(fields(value), _ITEMS)
        )
        return f"{type(value).__name__}({', '.join(shown_fields)})"
    try:
        return repr(value)
    except Exception:  # noqa: BLE001 - a message must not fail for what it speaks of
        return f"a {type(value).__name__}"


_BRACKETS: dict[type, tuple[str, str]] = {
    list: ("[", "]"),
    tuple: ("(", ")"),
    set: ("{", "}"),
    frozenset: ("{", "}"),
    dict: ("{", "}"),
}


def _items(value: Any, *, depth: int) -> str:
    first, last = _BRACKETS[type(value)]
    kept = islice(value.items() if isinstance(value, dict) else value, _ITEMS)
    if isinstance(value, dict):
        pieces = [f"{_text(k, depth=depth + 1)}: {_text(v, depth=depth + 1)}" for k, v in kept]
    else:
        pieces = [_text(item, depth=depth + 1) for item in kept]
    if len(value) > _ITEMS:
        pieces.append("…")
    comma = "," if isinstance(value, tuple) and len(value) == 1 else ""
    return f"{first}{', '.join(pieces)}{comma}{last}"
