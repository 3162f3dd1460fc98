"""A search that knows synonyms, spellings and slips, and ranks what is near."""

from __future__ import annotations

import re
import unicodedata
from difflib import SequenceMatcher
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from sgdiagrams.literature.entries import KINDS, synonym_groups

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sgdiagrams.literature.entries import Entry

__all__ = ["ranked"]

# What a match is worth: by where, and by how. A word itself anywhere is worth more than a synonym or a
# slip in a name.
_NAME, _TEXT, _WORDS = 3.0, 1.5, 1.0
_SAME, _STARTS, _SYNONYM, _SLIP = 1.0, 0.8, 0.3, 0.3
#: How alike a slip is to a word, and how long a word is that may have one.
_ALIKE = 0.79
_SHORTEST = 4
_LITTLE = frozenset(
    ("a", "an", "and", "are", "as", "at", "by", "do", "does", "for", "from", "how", "in", "is", "it",
     "of", "on", "or", "the", "to", "what", "which", "with")
)  # fmt: skip
#: Letters that keyboards have not, as words.
_LETTERS = {
    letter: f" {unicodedata.name(letter).removeprefix('GREEK SMALL LETTER ').casefold()} "
    for letter in "αβγδεζηθκλμνξπρστφψω"
} | {"ł": "l", "ß": "ss", "∇": " grad "}
#: Endings of a word that is there without them.
_ENDINGS = ("e", "ed", "er", "ing", "ly")


class _Fields(NamedTuple):
    """The words of an entry: in its name, its text, and others."""

    name: frozenset[str]
    text: frozenset[str]
    words: frozenset[str]


def ranked(entries: Iterable[Entry], query: str) -> list[Entry]:
    """Return the entries that are near to a query, the nearest first.

    An entry has to do with at least half of the query's words, as they stand, in another spelling, by a
    synonym or with a slip of the pen; what has to do with more of them comes first.

    Examples
    --------
    >>> from sgdiagrams.literature.entries import shipped_entries
    >>> for entry in ranked(shipped_entries(), "label noize")[:2]:
    ...     print(entry.command)
    sgdiagrams results label-noise
    sgdiagrams results label-noise-momentum
    """
    words = list(dict.fromkeys(_split(query)))
    wanted = [word for word in words if word not in _LITTLE] or words
    scored = []
    for place, entry in enumerate(entries):
        fields = _Fields(*(frozenset(_split(x)) for x in (entry.name, entry.text, entry.words)))
        scores = [_score(word, fields) for word in wanted]
        near = sum(score > 0 for score in scores)
        if near and 2 * near >= len(wanted):
            # A name that is the query, and not a longer one, comes first.
            exact = len(fields.name & set(wanted)) / max(len(fields.name), 1)
            total = (sum(scores) + exact) * (near / len(wanted)) ** 2
            scored.append((-total, KINDS.index(entry.kind), place, entry))
    return [entry for *_, entry in sorted(scored, key=lambda found: found[:3])]


def _score(word: str, fields: _Fields) -> float:
    places = ((_NAME, fields.name), (_TEXT, fields.text), (_WORDS, fields.words))
    return max(worth * _match(word, words) for worth, words in places)


def _match(word: str, words: frozenset[str]) -> float:
    if word in words:
        return _SAME
    if len(word) >= _SHORTEST and any(other.startswith(word) for other in words):
        return _STARTS
    if any(word.endswith(e) and word.removesuffix(e) in words for e in _ENDINGS):
        return _STARTS
    if _synonyms().get(word, frozenset()) & words:
        return _SYNONYM
    if len(word) >= _SHORTEST and any(_is_slip(word, other) for other in words):
        return _SLIP
    return 0.0


@cache
def _is_slip(word: str, other: str) -> bool:
    if abs(len(word) - len(other)) > 2 or len(other) < _SHORTEST:
        return False
    matcher = SequenceMatcher(None, word, other, autojunk=False)
    return matcher.quick_ratio() >= _ALIKE and matcher.ratio() >= _ALIKE


@cache
def _synonyms() -> dict[str, frozenset[str]]:
    table: dict[str, set[str]] = {}
    for group in synonym_groups():
        words = {_stem(word) for word in group}
        for word in words:
            table.setdefault(word, set()).update(words - {word})
    return {word: frozenset(others) for word, others in table.items()}


def _split(text: str) -> Sequence[str]:
    """Return the words of a text, in one spelling and without endings."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(_LETTERS.get(x, x) for x in plain if not unicodedata.combining(x))
    return [_stem(word) for word in re.findall(r"[a-z0-9]+", plain)]


@cache
def _stem(word: str) -> str:
    word = word.replace("iz", "is").replace("our", "or")
    for ending, other in (("ies", "y"), ("sses", "ss"), ("s", "")):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
            return word.removesuffix(ending) + other
    return word
