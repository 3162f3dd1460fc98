"""The words of expressions as text: where numbers, symbols and tensors begin and end."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NoReturn

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.symbolic import symbols

__all__ = ["SYMBOLS", "Cursor", "is_plain", "spelled_symbol", "word_at"]

#: Names that are symbols wherever they stand without indices.
SYMBOLS = frozenset(name for name in symbols.__all__ if name != "in_usual_order")

# Words that begin something else.
_TAKEN = ("tr", "binom")
_BARRED = ("M", "kappa", "V", "U")
_MOST_CHARACTERS = 1000  # of a word

_START = re.compile(r"[A-Za-z]")
_MARK = re.compile(r"\^u?(?=_|[^A-Za-z0-9_({\"]|$)")
_TAIL = r"_[a-z0-9|~]*"
#: What a minus without blanks comes after.
_COMPLETE = re.compile(
    rf"l~?(?:\^u?)?|(?:(?:[GHJKCS]|D[0-9]+)~?(?:\^u?)?|{'|'.join(_BARRED)}){_TAIL}|.*\..*"
)


def word_at(text: str, start: int) -> str:
    """Return the word that begins at a place: a name with its marks and indices; nothing if none does.

    A minus without blanks belongs to a name, unless what is before it is a tensor or a symbol.

    Examples
    --------
    >>> [word_at(text, 0) for text in ("M_a|b H_ab", "other-task_a", "N-1", "G^_a", "beta^u")]
    ['M_a|b', 'other-task_a', 'N', 'G^_a', 'beta']
    """
    if not _START.match(text, start):
        return ""
    end = start
    is_barred = False
    while end < len(text):
        c = text[end]
        if c == "_" and not is_barred:
            is_barred = text[start:end] in _BARRED
        if (
            (c.isascii() and c.isalnum())
            or c in "_~"
            or (c == "|" and is_barred)
            or (c == "." and _START.match(text, end + 1))
        ):
            end += 1
            continue
        mark = _MARK.match(text, end)
        before = text[start:end]
        if mark and before not in SYMBOLS and "^" not in before:
            end = mark.end()
            continue
        if c == "-" and not _ends_before(before, text[end + 1 : end + 2]):
            end += 1
            continue
        break
    return text[start:end]


def _ends_before(before: str, after: str) -> bool:
    """Tell whether a minus between two texts is a sign."""
    is_inside = after.isascii() and after.isalnum()
    return before in SYMBOLS or not is_inside or bool(_COMPLETE.fullmatch(before))


def is_plain(label: str, legs: int) -> bool:
    """Tell whether the name of a function may be written as it is, without quotes.

    Examples
    --------
    >>> is_plain("other-task", 0), is_plain("N", 0), is_plain("N", 1), is_plain("f_a", 0)
    (True, False, True, False)
    """
    written = f"{label}_a" if legs else label
    if not legs and (label in SYMBOLS or "_" in label):
        return False
    return label not in _TAKEN and word_at(written, 0) == written


def spelled_symbol(name: str) -> str:
    """Return a symbol as text: its name, in braces where it is not a usual one.

    Examples
    --------
    >>> spelled_symbol("beta"), spelled_symbol("x")
    ('beta', '{x}')
    """
    return name if name in SYMBOLS else f"{{{name}}}"


@dataclass(slots=True)
class Cursor:
    """A place in a text, for readers and for their errors."""

    text: str
    place: int = 0

    def skip(self) -> str:
        """Go over blanks, and return what stands there: a character, or nothing at the end."""
        while self.place < len(self.text) and self.text[self.place].isspace():
            self.place += 1
        return self.text[self.place : self.place + 1]

    def take(self, *marks: str) -> str:
        """Go over blanks and one of some marks, and return it; nothing if it is none of them."""
        self.skip()
        for mark in marks:
            if self.text.startswith(mark, self.place):
                self.place += len(mark)
                return mark
        return ""

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Go over blanks and what a pattern describes, if it is there."""
        self.skip()
        match = pattern.match(self.text, self.place)
        if match:
            self.place = match.end()
        return match

    def word(self) -> str:
        """Return the word that begins here, without going over it."""
        word = word_at(self.text, self.place)
        if len(word) > _MOST_CHARACTERS:
            self.refuse(f"words of at most {_MOST_CHARACTERS} characters")
        return word

    def refuse(self, expected: str, *, at: int | None = None, got: str | None = None) -> NoReturn:
        """Raise a RequestError that points here, or to another place."""
        place = self.place if at is None else at
        here = word_at(self.text, place) or self.text[place : place + 1]
        there = got or (shown(here) if here else "the end")
        raise RequestError(
            f"expected {expected}, got {there} at column {place + 1} of {shown(self.text)}"
        )
