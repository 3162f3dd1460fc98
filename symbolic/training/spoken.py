"""Words as people write them: a name, and numbers after a colon; read as data, from tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.symbolic.checks import check_choice, rational

__all__ = ["Reader", "Spoken", "number_list", "said", "word_of", "yes_or_no"]

#: Takes the name of an entry and its text to what a maker is given.
Reader = Callable[[str, str], Any]


def word_of(name: str, text: str) -> str:  # noqa: ARG001
    """Return a word as it stands, for entries that are no numbers: a reader."""
    return text


def yes_or_no(name: str, text: str) -> bool:
    """Return what ``true`` or ``false`` says: a reader.

    Examples
    --------
    >>> yes_or_no("drop_last", "True")
    True
    """
    check_choice(name, text.casefold(), ("true", "false"))
    return text.casefold() == "true"


def number_list(name: str, text: str) -> list[Any]:
    """Return numbers with commas between them: a reader.

    Examples
    --------
    >>> number_list("milestones", "30,60")
    [Fraction(30, 1), Fraction(60, 1)]
    """
    return [rational(name, piece) for piece in text.split(",")]


class Spoken(NamedTuple):
    """What a name makes, and the entries that may and must follow a colon.

    Attributes
    ----------
    maker
        Takes the entries by name.
    numbers
        The names of the entries, in order.
    required
        One that must be there.
    also
        Other words for the name. Capitals make no difference, nor ``_`` for ``-``.
    readers
        How entries are read that are no rational numbers.
    entries_also
        Other words for the entries.
    remedies
        What to do about entries that cannot be meant, by their names.
    """

    maker: Callable[..., Any]
    numbers: tuple[str, ...] = ()
    required: str | tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    readers: Mapping[str, Reader] = {}
    entries_also: Mapping[str, str] = {}
    remedies: Mapping[str, str] = {}


def said(kind: str, text: object, known: Mapping[str, Spoken], more: tuple[str, ...] = ()) -> Any:
    """Return what ``name:key=value,key=value`` makes.

    Parameters
    ----------
    kind
        What messages call it.
    text
        The words. Commas without a key go on with the list before them.
    known
        All names of this kind.
    more
        Other forms, for messages.

    Raises
    ------
    RequestError, SamplingError
        When the name or a key is unknown, one is missing, or a number impossible.

    Examples
    --------
    >>> known = {"tail": Spoken(dict, ("W",), also=("swa",))}
    >>> said("average", "SWA:W=10", known)
    {'W': Fraction(10, 1)}
    >>> said("average", "tial", known)
    Traceback (most recent call last):
    sgdiagrams.diagrams.errors.RequestError: expected average to be one of tail; got average='tial'; \
did you mean tail?
    """
    name, colon, rest = text.partition(":") if isinstance(text, str) else (text, "", "")
    index = {_form(word): key for key, entry in known.items() for word in (key, *entry.also)}
    key_of = index.get(_form(name)) if isinstance(name, str) else None
    if key_of is None:
        others = [word for entry in known.values() for word in entry.also]
        check_choice(kind, name, (*known, *more), also=others)
        key_of = str(name)  # one of `more`, without what should follow
    spoken = known.get(key_of, Spoken(dict))
    entries: dict[str, str] = {}
    last = ""
    for piece in rest.split(",") if colon else ():
        key, equals, value = piece.partition("=")
        key = spoken.entries_also.get(key, key)
        if not equals and spoken.readers.get(last) is number_list:
            entries[last] += f",{piece}"
            continue
        if not equals or key not in spoken.numbers or key in entries:
            allowed = ", ".join(f"{k}=..." for k in spoken.numbers) or "no numbers"
            remedy = f"; {spoken.remedies[key]}" if key in spoken.remedies else ""
            raise RequestError(f"expected {name} with {allowed}, got {kind}={shown(text)}{remedy}")
        entries[key] = value
        last = key
    required = spoken.required
    needed = (required,) if isinstance(required, str) else required
    if not set(needed) <= set(entries):
        words = ",".join(f"{key}=..." for key in needed)
        raise RequestError(f"expected {name}:{words}, got {kind}={shown(text)}")
    return spoken.maker(
        **{key: spoken.readers.get(key, rational)(key, value) for key, value in entries.items()}
    )


def _form(word: str) -> str:
    return word.casefold().replace("_", "-")
