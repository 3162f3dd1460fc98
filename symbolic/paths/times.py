"""Times of updates: their names, and the conditions that sums over them obey."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sgdiagrams.symbolic.paths.path_terms import PathMean

__all__ = ["END", "Chain", "Time", "Visits", "visits"]

# Letters of blocks whose updates share a row; all others have the letter r.
_SHARED = "tsuvxyz"


@dataclass(frozen=True, slots=True, order=True)
class Time:
    """The name of a time: a letter, with a number below or primes.

    Attributes
    ----------
    letter
        T is the end.
    number
        0 for none.
    primes
        Updates that may be at different times and share a row have one letter.
    """

    letter: str
    number: int = 0
    primes: int = 0


END = Time("T")

#: Groups of times, each group earlier than the next.
Chain = tuple[tuple[Time, ...], ...]


@dataclass(frozen=True, slots=True)
class Visits:
    """The times of a product of expectations' diagrams.

    Attributes
    ----------
    times
        For every factor the time of each of its nodes.
    chains
        Which times are summed over, and which are earlier than which.
    shared
        For every factor the blocks of several updates: their times, where these may differ.
    """

    times: tuple[tuple[Time, ...], ...]
    chains: tuple[Chain, ...]
    shared: tuple[tuple[tuple[Time, ...], ...], ...]


def visits(means: Sequence[PathMean], *, at_once: bool) -> Visits:
    """Return names for the times of diagrams.

    Parameters
    ----------
    means
        The diagrams.
    at_once
        Whether all updates that share a row are one.

    Examples
    --------
    >>> from sgdiagrams.symbolic.paths.path_terms import PathMean, Root
    >>> [drift] = [PathMean((Root("loss"),), (0, 1, 1), (0, 1, 2, 2))]
    >>> named = visits([drift], at_once=True)
    >>> [time.letter for time in named.times[0]]
    ['T', 'r', 't', 't']
    >>> named.chains
    (((Time(letter='t', number=0, primes=0),), (Time(letter='r', number=0, primes=0),)),)
    """
    alone = sum(_is_alone(mean, v) for mean in means for v in _updates(mean))
    times: list[tuple[Time, ...]] = []
    shared: list[tuple[tuple[Time, ...], ...]] = []
    above: dict[Time, set[Time]] = {}
    names = ((letter, lap) for lap in count() for letter in _SHARED)
    lone = 0
    for mean in means:
        named = dict.fromkeys(range(len(mean.roots)), END)
        blocks = []
        for v in _updates(mean):
            if v in named:
                continue
            if _is_alone(mean, v):
                lone += 1
                named[v] = Time("r", lone if alone > 1 else 0)
                continue
            block = [w for w in _updates(mean) if mean.blocks[w] == mean.blocks[v]]
            letter, lap = next(names)
            for i, w in enumerate(sorted(block, key=lambda w: (_rank(mean, w, block), w))):
                named[w] = Time(letter, lap, 0 if at_once else i)
            if len(block) > 1 and not at_once:
                blocks.append(tuple(sorted(named[w] for w in block)))
        times.append(tuple(named[v] for v in range(len(mean.blocks))))
        shared.append(tuple(blocks))
        for v in _updates(mean):
            parent = named[mean.parents[v - len(mean.roots)]]
            above.setdefault(named[v], set()).update({parent} - {END})
    return Visits(tuple(times), _chains(above), tuple(shared))


def _updates(mean: PathMean) -> range:
    return range(len(mean.roots), len(mean.blocks))


def _is_alone(mean: PathMean, v: int) -> bool:
    return mean.blocks.count(mean.blocks[v]) == 1


def _rank(mean: PathMean, v: int, block: Sequence[int]) -> int:
    """Return how many nodes of a block are below a node: later updates have more primes."""
    r = len(mean.roots)
    below = {v}
    for w in range(v + 1, len(mean.blocks)):
        if mean.parents[w - r] in below:
            below.add(w)
    return len(below.intersection(block)) - 1


def _chains(above: Mapping[Time, set[Time]]) -> tuple[Chain, ...]:
    """Return the order of times as chains from the earliest on, each relation once."""
    later: dict[Time, set[Time]] = {}

    def all_above(time: Time) -> set[Time]:
        if time not in later:
            later[time] = set(above[time]).union(*map(all_above, above[time]))
        return later[time]

    covers = {
        time: frozenset(up for up in ups if not any(up in all_above(x) for x in ups))
        for time, ups in above.items()
    }
    has_below = {up for ups in covers.values() for up in ups}
    # The earliest ones that are below the same times are written together: t, t' < r.
    groups: dict[tuple[object, ...], list[Time]] = {}
    for time in sorted(above):
        key = (time,) if time in has_below else ("first", *sorted(covers[time]))
        groups.setdefault(key, []).append(time)
    group_of = {time: tuple(group) for group in groups.values() for time in group}
    unused = {group_of[time]: sorted(covers[time]) for time in sorted(above)}
    chains: list[Chain] = []
    for start in _starts(group_of.values(), has_below):
        while unused[start] or not chains or start not in _grouped(chains):
            chain = [start]
            while unused[chain[-1]]:
                chain.append(group_of[unused[chain[-1]].pop(0)])
            chains.append(tuple(chain))
    return tuple(chains)


def _starts(groups: Iterable[tuple[Time, ...]], has_below: set[Time]) -> list[tuple[Time, ...]]:
    """Return the groups, those with nothing below them first."""
    return sorted(dict.fromkeys(groups), key=lambda group: (group[0] in has_below, group))


def _grouped(chains: Iterable[Chain]) -> set[tuple[Time, ...]]:
    return {group for chain in chains for group in chain}
