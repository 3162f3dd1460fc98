r"""Contractions read from the text that formulas print, as data: nothing is evaluated.

Factors are separated by blanks. A factor is

- a tensor with its indices: ``l``, ``G_a``, ``H_ab``, ``J_abc``, ``K_abcd``, ``D5_abcde``, with a tilde
  for the penalised loss (``G~_a``), ``C_ab``, ``S_abc``; blocks with a bar between the indices of their
  nodes, ``M_a|bc``, ``kappa_a|b~``, ``V_a|b``, ``U_a|b``, or a semicolon between visits, ``M_a;bc``,
  ``varkappa_a;b``; ``eta^ab``; or a function by its name, ``norm_a``;
- with a mark after the name of a node alone, ``G^_a`` for the average over samples (beside V) and
  ``G^u_a`` for averages over distinct ones (beside U): the basis, which one factor says for all;
- short for such: ``tr(H)``, ``tr(C H)``, ``G.H.G``, ``|G|^2``, ``|H|^2``, ``l^3``.

A letter that occurs twice joins two nodes, or a node with itself; one that occurs once is a free leg, and
free legs are in alphabetical order.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice, pairwise, product
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from sgdiagrams.diagrams.errors import DiagramError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.symbolic.contractions.circles import is_forest
from sgdiagrams.symbolic.layout.indices import index_letter
from sgdiagrams.symbolic.vocabulary import LOSS, PENALISED, is_function

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sgdiagrams.symbolic.contractions.graph import Metric, ValueBasis

__all__ = ["ReadGraph", "read_contraction"]

_LONGEST = 10_000
_MOST_FACTORS = 500
_MOST_READINGS = 32  # of names that may be meant in two ways
_MOST_POWER = 100

_WORD = re.compile(r"tr\s*\([^()]*\)|\S+")
_LETTER = r"[a-km-z](?:[1-9][0-9]{0,2})?"
_INDEX = re.compile(_LETTER)
_TAIL = re.compile(rf"(?:(?:{_LETTER})*~?)(?:[|;](?:{_LETTER})*~?)*")
_ETA = re.compile(rf"eta\^({_LETTER})({_LETTER})")
_TRACE = re.compile(r"tr\s*\(([^()]*)\)")
_NORM = re.compile(r"\|([A-Za-z][A-Za-z0-9-]*~?(?:\^u?)?)\|\^([0-9]{1,3})")
_POWER = re.compile(r"(.*)\^([0-9]{1,3})")
_NUMBERED = re.compile(r"D([1-9][0-9]{0,2})")
_LEGS = {"l": 0, "G": 1, "H": 2, "J": 3, "K": 4}
#: Cumulants of gradients, and of what the bars are in.
_CUMULANTS = {"C": 2, "S": 3}
_BARRED: dict[str, ValueBasis] = {
    "M": "moment",
    "kappa": "cumulant",
    "varkappa": "conditional",
    "V": "plug-in",
    "U": "distinct",
}
#: What is after the name of a node alone.
_MARKS: dict[str, ValueBasis] = {"^": "plug-in", "^u": "distinct"}
_MATRICES = ("H", "H~", "C")
_TENSORS = "a tensor (l, G, H, J, K, D5, C, S, M, kappa, varkappa, V, U)"


class ReadGraph(NamedTuple):
    """What a text says: see `sgdiagrams.symbolic.contractions.contraction.Contraction.build`."""

    edges: tuple[tuple[int, int], ...]
    blocks: tuple[tuple[int, ...], ...]
    labels: tuple[str, ...]
    free: tuple[int, ...]
    basis: ValueBasis
    metric: Metric
    letters: tuple[str, ...]  # of the free legs
    visits: tuple[tuple[int, ...], ...] | None = None


class _Factor(NamedTuple):
    """A block, each of its nodes with a label and indices; or an eta, which has no label."""

    groups: tuple[tuple[str, ...], ...]
    labels: tuple[str, ...]
    basis: ValueBasis | None = None
    breaks: tuple[int, ...] = ()  # groups before which another visit begins


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in a text something is, for errors."""

    text: str
    column: int

    def refuse(self, expected: str, got: str) -> NoReturn:
        """Raise a DiagramError that points here."""
        raise DiagramError(
            f"expected {expected}, got {shown(got)} at column {self.column + 1} of {shown(self.text)}"
        )


@lru_cache(maxsize=4096)
def read_contraction(
    text: str, *, is_part: bool = False, before: str = "", after: str = ""
) -> ReadGraph:
    """Return what a text says.

    ``f_a`` is a function f with an index, unless that cannot be or leaves free legs other than a, b,
    ..., which printed formulas have; then it is a function that is called f_a. So are ``f_xx`` and
    ``f_xy f_xy``, where letters other than the first ones would close circles.

    Parameters
    ----------
    text
        Factors.
    is_part
        Whether other factors may have the same letters: then ``f_a`` always has an index, if it can.
    before, after
        What stands around it, for errors.

    Raises
    ------
    DiagramError
        When the text is no contraction; the message points to the place.

    Examples
    --------
    >>> read_contraction("G_a H_ab G_b").edges
    ((0, 1), (1, 2))
    """
    if len(text) > _LONGEST:
        raise DiagramError(f"expected at most {_LONGEST} characters, got {len(text)}")
    words = list(_WORD.finditer(text))
    if not words:
        raise DiagramError(f"expected a contraction such as 'G_a H_ab G_b', got {shown(text)}")
    if len(words) > _MOST_FACTORS:
        raise DiagramError(f"expected at most {_MOST_FACTORS} factors, got {len(words)}")
    whole = f"{before}{text}{after}"
    places = [_Place(whole, len(before) + word.start()) for word in words]
    # Letters of short forms are numbers, which no text has.
    names = _Names()
    options = [list(_readings(w[0], p, names)) for w, p in zip(words, places, strict=True)]
    odd: ReadGraph | None = None
    error: DiagramError | None = None
    for choice in islice(product(*options), _MOST_READINGS):
        try:
            reading, is_usual = _joined(list(zip(places, choice, strict=True)))
        except DiagramError as problem:
            error = error or problem
            continue
        if is_usual or is_part:
            return reading
        odd = odd or reading
    if odd is not None:
        return odd
    raise error or DiagramError(f"expected a contraction, got {shown(text)}")


@dataclass(slots=True)
class _Names:
    """Letters that no text has."""

    used: int = field(default=0)

    def new(self) -> str:
        """Return another one."""
        self.used += 1
        return f"#{self.used}"


# Words ------------------------------------------------------------------------------------------------


def _readings(word: str, place: _Place, names: _Names) -> Iterator[list[_Factor]]:
    """Yield what a word may stand for, a list of factors each."""
    eta = _ETA.fullmatch(word)
    if eta:
        yield [_Factor(((eta[1], eta[2]),), ())]
        return
    trace, norm = _TRACE.fullmatch(word), _NORM.fullmatch(word)
    if trace:
        yield _cycle(re.split(r"[\s.*]+", trace[1].strip()), place, names)
    elif norm:
        yield _squares(norm[1], int(norm[2]), place, names)
    elif "." in word:
        yield _chain(word.split("."), place, names)
    else:
        yield from _tensors(word, place)


def _cycle(words: list[str], place: _Place, names: _Names) -> list[_Factor]:
    """Return the factors of a trace."""
    letters = [names.new() for _ in words]
    pairs = zip(letters, [*letters[1:], letters[0]], strict=True)
    return [_matrix(word, pair, place) for word, pair in zip(words, pairs, strict=True)]


def _chain(words: list[str], place: _Place, names: _Names) -> list[_Factor]:
    """Return the factors of ``G.H.G``."""
    letters = [names.new() for _ in words[1:]]
    first, *middle, last = words
    pairs = pairwise(letters)
    return [
        _single(first, (letters[0],), place),
        *(_matrix(word, pair, place) for word, pair in zip(middle, pairs, strict=True)),
        _single(last, (letters[-1],), place),
    ]


def _squares(word: str, power: int, place: _Place, names: _Names) -> list[_Factor]:
    """Return the factors of ``|G|^2`` or ``|H|^2``; a function stands for its gradient."""
    if power % 2 or not 0 < power <= _MOST_POWER:
        place.refuse(f"an even power 2..{_MOST_POWER} of a length", str(power))
    legs = _CUMULANTS.get(word, _legs_of(_unmarked(word)[0].removesuffix("~")))
    factors = []
    for _ in range(power // 2):
        letters = tuple(names.new() for _ in range(1 if legs is None else legs))
        factors += [_named(word, letters, place)] * 2
    return factors


def _matrix(word: str, pair: tuple[str, str], place: _Place) -> _Factor:
    name = _unmarked(word)[0]
    if name not in _MATRICES and not is_function(name):
        place.refuse(f"one of {', '.join(_MATRICES)} between vectors or in a trace", word)
    return _named(word, pair, place)


def _named(word: str, indices: tuple[str, ...], place: _Place) -> _Factor:
    """Return a tensor whose name says how many indices it has, or a function."""
    if word in _CUMULANTS:
        return _cumulant(word, indices, place)
    return _single(word, indices, place)


def _cumulant(name: str, indices: tuple[str, ...], place: _Place) -> _Factor:
    """Return a cumulant of gradients."""
    legs = _CUMULANTS[name]
    if len(indices) != legs:
        got = "".join(indices)
        place.refuse(f"{legs} indices on {name}", f"{name}_{got}" if got else name)
    return _Factor(tuple((i,) for i in indices), (LOSS,) * legs, "cumulant")


def _legs_of(name: str) -> int | None:
    """Return how many indices a tensor of the loss has; None for functions."""
    numbered = _NUMBERED.fullmatch(name)
    return int(numbered[1]) if numbered else _LEGS.get(name)


def _unmarked(word: str) -> tuple[str, ValueBasis | None]:
    """Return a name without its mark, and the basis that the mark stands for."""
    for mark, basis in _MARKS.items():
        if word.endswith(mark):
            return word.removesuffix(mark), basis
    return word, None


def _single(word: str, indices: tuple[str, ...], place: _Place) -> _Factor:
    """Return a node alone in its block."""
    bare, basis = _unmarked(word)
    name = bare.removesuffix("~")
    legs = _legs_of(name)
    if legs is None:
        if name != bare or not is_function(name):
            place.refuse(f"{_TENSORS} or a function", word)
        return _Factor((indices,), (name,), basis)
    if len(indices) != legs:
        noun = "index" if legs == 1 else "indices"
        got = "".join(i for i in indices if i[0] != "#")
        place.refuse(f"{legs} {noun} on {word}", f"{word}_{got}" if got else word)
    return _Factor((indices,), (LOSS if name == bare else PENALISED,), basis)


def _tensors(word: str, place: _Place) -> Iterator[list[_Factor]]:
    """Yield the readings of a tensor with indices, or of the power of a number."""
    power = _POWER.fullmatch(word)
    if power:
        times = int(power[2])
        if not 0 < times <= _MOST_POWER:
            place.refuse(f"a power 1..{_MOST_POWER}", power[2])
        if _POWER.fullmatch(power[1]):
            place.refuse("one power, as l^6", word)
        for reading in _tensors(power[1], place):
            if any(group for factor in reading for group in factor.groups):
                place.refuse("powers of what has no index, as l^2 or |G|^2", word)
            yield reading * times
        return
    is_read = False
    for i in (m.start() for m in re.finditer("_", word)):
        # The last underscore that is followed by indices; names of functions may have more.
        name, tail = word[:i], word[i + 1 :]
        if (
            _TAIL.fullmatch(tail)
            and tail
            and (_is_tensor(name) or (is_function(_unmarked(name)[0]) and tail.isalnum()))
        ):
            is_read = True
            yield [_indexed(name, tail, place)]
    head, underscore, tail = word.partition("_")
    if _is_tensor(head):
        if not underscore:
            yield [_indexed(word, "", place)]
        elif not is_read:
            place.refuse("indices of letters a-z without l", tail)
    elif is_function(_unmarked(word)[0]):
        yield [_single(word, (), place)]
    elif not is_read:
        place.refuse(f"{_TENSORS} or a function", word)


def _is_tensor(name: str) -> bool:
    bare = _unmarked(name)[0].removesuffix("~")
    return bare in _LEGS or bool(_NUMBERED.fullmatch(bare)) or name in (*_CUMULANTS, *_BARRED)


def _indexed(name: str, tail: str, place: _Place) -> _Factor:
    if name in _BARRED:
        groups = re.split("[|;]", tail)
        if len(groups) < 2:
            place.refuse(f"a bar between the indices of the nodes of {name}", f"{name}_{tail}")
        marks = [mark for mark in tail if mark in "|;"]
        return _Factor(
            tuple(tuple(_INDEX.findall(group)) for group in groups),
            tuple(PENALISED if group.endswith("~") else LOSS for group in groups),
            _BARRED[name],
            tuple(i for i, mark in enumerate(marks, start=1) if mark == ";"),
        )
    if "|" in tail or ";" in tail or "~" in tail:
        place.refuse(f"letters alone as indices of {name}", tail)
    indices = tuple(_INDEX.findall(tail))
    return _named(name, indices, place)


# Joining ----------------------------------------------------------------------------------------------


def _joined(words: list[tuple[_Place, list[_Factor]]]) -> tuple[ReadGraph, bool]:
    """Return the graph that factors make, and whether its letters are those of printed formulas.

    Letters that are there twice are edges.
    """
    labels: list[str] = []
    blocks: list[tuple[int, ...]] = []
    visits: list[tuple[int, ...]] = []
    ends: dict[str, list[int]] = {}  # letter -> nodes
    etas: dict[str, str] = {}  # letter -> that at the other end of its eta
    seen: dict[str, _Place] = {}
    basis: ValueBasis | None = None
    for place, factors in words:
        for factor in factors:
            if not factor.labels:
                ((i, j),) = factor.groups
                if i == j or i in etas or j in etas:
                    place.refuse("every index at one eta", "".join(sorted({i, j})))
                etas |= {i: j, j: i}
                seen |= {i: place, j: place}
                continue
            if factor.basis is not None:
                if basis not in (None, factor.basis):
                    place.refuse(f"{basis} values alone", f"{factor.basis} values")
                basis = factor.basis
            nodes = range(len(labels), len(labels) + len(factor.labels))
            blocks.append(tuple(nodes))
            cuts = [0, *factor.breaks, len(nodes)]
            visits += [tuple(nodes[a:b]) for a, b in pairwise(cuts)]
            labels += factor.labels
            for node, group in zip(nodes, factor.groups, strict=True):
                for letter in group:
                    ends.setdefault(letter, []).append(node)
                    seen[letter] = place
                    if len(ends[letter]) > (1 if letter in etas else 2):
                        place.refuse("an index at most twice", letter)
    edges, free = _edges(ends, etas, seen)
    graph = ReadGraph(
        tuple(edge for _, edge in edges),
        tuple(blocks),
        tuple(labels),
        tuple(node for _, node in free),
        basis or "moment",
        "eta" if etas else "identity",
        tuple(letter for letter, _ in free),
        tuple(visits) if len(visits) > len(blocks) else None,
    )
    is_usual = [letter for letter, _ in free] == [index_letter(i) for i in range(len(free))]
    if is_usual and not is_forest(graph.edges):
        letters = {letter for letter in seen if letter[0] != "#"}
        is_usual = letters == {index_letter(i) for i in range(len(letters))}
    return graph, is_usual


def _edges(
    ends: dict[str, list[int]], etas: dict[str, str], seen: dict[str, _Place]
) -> tuple[list[tuple[str, tuple[int, int]]], list[tuple[str, int]]]:
    """Return edges and free legs, each with its letter; free legs are in alphabetical order."""
    edges = []
    free = []
    for letter, nodes in ends.items():
        other = etas.get(letter)
        if etas and other is None:
            seen[letter].refuse("eta at every index, or at none", letter)
        if len(nodes) > (2 if other is None else 1):
            seen[letter].refuse("an index at most twice", letter)
        if other is None and len(nodes) == 2:
            edges.append((letter, (nodes[0], nodes[1])))
        elif other in ends:
            if letter < other:
                edges.append((letter, (nodes[0], ends[other][0])))
        else:
            free.append((letter if other is None else other, nodes[0]))
    for letter, other in etas.items():
        if letter not in ends and other not in ends:
            seen[letter].refuse("eta at an index of a tensor", letter)
    return edges, sorted(free, key=lambda leg: (int(leg[0][1:] or 0), leg[0]))
