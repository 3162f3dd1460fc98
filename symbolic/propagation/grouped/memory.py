r"""Sums over the times of a component with memory: the states of edges are carried through time.

The edges between two groups are a *bundle*: alike, so that it matters alone how many of them are in which
state. One step is a matrix between the states of all bundles. The matrices of the steps are multiplied
in pairs, pairs of pairs and so on, all pairs at once: numbers with as many digits as the result then come
up in the last products alone, where step by step all T products would be as long as the result.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from sgdiagrams.symbolic.propagation.components import Component, bits, ideals, joint_steps
from sgdiagrams.symbolic.propagation.dynamics import is_one_value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from sgdiagrams.symbolic.propagation.dynamics import Dynamics

__all__ = ["carried_sum", "elementwise_power"]

_FEW = 8  # matrices: so few are multiplied in their order, row by row


def elementwise_power(values: NDArray[Any], k: int) -> Any:
    """Return the powers of all entries, 1 for k = 0."""
    return values**k if k > 1 else values if k else 1


#: How many edges of a bundle are in each state, and have been read; a bundle is all edges between two
#: groups.
_Counts: TypeAlias = tuple[int, ...]
#: Powers of the numbers of one update, by their places in `_Alphabet.numbers`.
_Powers: TypeAlias = tuple[int, ...]
_Polynomial: TypeAlias = dict[_Powers, int]
#: Where an edge may go in one step, and with which factors.
_Options: TypeAlias = "tuple[tuple[int, _Powers], ...]"


class _Alphabet:
    """The numbers of one update as letters, and what an edge may do in a step."""

    def __init__(self, dynamics: Dynamics) -> None:
        d = dynamics
        states = range(d.states)
        #: Of what edges in every state of a bundle there are none.
        self.none: _Counts = (0,) * (d.states + 1)
        self.read_state = d.states
        self.numbers: list[Any] = [d.node, *d.inject.values()]
        injected = {i: k for k, i in enumerate(d.inject, start=1)}
        read = {i: k for k, i in enumerate(d.read, start=len(self.numbers))}
        self.numbers += d.read.values()
        readout = {i: k for k, i in enumerate(d.readout or (), start=len(self.numbers))}
        self.numbers += (d.readout or {}).values()
        #: Where transitions begin; each of them has the scale of decay in it, which is the last letter.
        self.first_step = len(self.numbers)
        steps = {place: k for k, place in enumerate(d.step, start=self.first_step)}
        self.numbers += [*d.step.values(), d.decay_scale]

        def letters(*places: int) -> _Powers:
            return tuple(places.count(k) for k in range(len(self.numbers)))

        self.one = letters()
        #: What a node reads of an edge in each state; None for zero.
        self.reading = [letters(read[i]) if i in read else None for i in states]
        opening = [(i, letters(k)) for i, k in injected.items()]
        opened = [
            (self.read_state, letters(k, readout[i])) for i, k in injected.items() if i in readout
        ]
        passing = [
            tuple((j, letters(k)) for (i, j), k in steps.items() if i == state) for state in states
        ]
        passed = [
            tuple(
                (self.read_state, letters(k, readout[j]))
                for (i, j), k in steps.items()
                if i == state and j in readout
            )
            for state in states
        ]
        idle = ((self.read_state, letters(len(self.numbers) - 1)),)
        self.opening: _Options = tuple(opening)
        self.passing: list[_Options] = [*passing, idle]
        self.read_opening: _Options = (*opening, *opened)
        self.read_passing: list[_Options] = [
            *((*way, *end) for way, end in zip(passing, passed, strict=True)),
            idle,
        ]

    def node(self, count: int) -> _Powers:
        """Return the factor of so many nodes."""
        return (count, *self.one[1:])

    def steps_in(self, powers: _Powers) -> int:
        """Return how often a monomial has the scale of decay in it."""
        return sum(powers[self.first_step :])


class _State(NamedTuple):
    """The groups placed, the counts of every bundle, and those of the edges into the root."""

    placed: int
    bundles: tuple[_Counts, ...]
    out: _Counts


def _expand(
    start: dict[_Counts, _Polynomial], options: _Options, times: int
) -> dict[_Counts, _Polynomial]:
    """Choose one of the options for each of so many edges."""
    expanded = start
    for _ in range(times):
        new: dict[_Counts, _Polynomial] = {}
        for counts, polynomial in expanded.items():
            for state, more in options:
                into = new.setdefault(
                    (*counts[:state], counts[state] + 1, *counts[state + 1 :]),
                    {},
                )
                for powers, c in polynomial.items():
                    key = tuple(map(int.__add__, powers, more))
                    into[key] = into.get(key, 0) + c
        expanded = new
    return expanded


class _Chain:
    """The states of a component and the moves between them at one step."""

    def __init__(self, component: Component, dynamics: Dynamics) -> None:
        self.component = component
        self.letters = _Alphabet(dynamics)
        self.reads = dynamics.readout is not None
        self.symmetries = component.symmetries
        # The largest number of edges that a step can carry.
        self.width = max(self._alive(ideal) for ideal in ideals(component.below))

    def _alive(self, placed: int) -> int:
        roots = sum(self.component.roots[g] for g in bits(placed))
        edges = self.component.edges
        return roots + sum(m for a, b, m in edges if placed >> a & 1 and not placed >> b & 1)

    def moves(self, state: _State) -> dict[_State, _Polynomial]:
        """Return the states after one step, with polynomials in the factors of the step."""
        result: dict[_State, _Polynomial] = {}
        edges = self.component.edges
        for together in joint_steps(self.component.below, state.placed):
            closing = [i for i, (_, b, _) in enumerate(edges) if together >> b & 1]
            read = self._read([state.bundles[i] for i in closing])
            if read is None:
                continue
            nodes = sum(self.component.sizes[g] for g in bits(together))
            start = tuple(map(int.__add__, self.letters.node(nodes), read))
            ways: list[tuple[tuple[_Counts, ...], _Polynomial]] = [((), {start: 1})]
            for i, (a, _, m) in enumerate(edges):
                counts = self.letters.none if i in closing else state.bundles[i]
                opened = m if together >> a & 1 else 0
                ways = _both(ways, self._step(counts, opened, reads=False))
            opened = sum(self.component.roots[g] for g in bits(together))
            ways = _both(ways, self._step(state.out, opened, reads=self.reads))
            for (*bundles, out), polynomial in ways:
                after = self.lumped(_State(state.placed | together, tuple(bundles), out))
                into = result.setdefault(after, {})
                for powers, c in polynomial.items():
                    # Every step multiplies by the scale of decay as often.
                    spent = self.letters.steps_in(powers)
                    key = (*powers[:-1], powers[-1] + self.width - spent)
                    into[key] = into.get(key, 0) + c
        return result

    def _read(self, closing: list[_Counts]) -> _Powers | None:
        """Return what nodes read of the edges below them; None for zero."""
        powers = self.letters.one
        for counts in closing:
            for i, count in enumerate(counts[:-1]):
                letters = self.letters.reading[i]
                if count and letters is None:
                    return None
                for _ in range(count):
                    powers = tuple(map(int.__add__, powers, letters or ()))
        return powers

    def _step(self, counts: _Counts, opened: int, *, reads: bool) -> dict[_Counts, _Polynomial]:
        """Carry the edges of a bundle over one step, and open some."""
        letters = self.letters
        passing = letters.read_passing if reads else letters.passing
        after: dict[_Counts, _Polynomial] = {letters.none: {letters.one: 1}}
        for state, times in enumerate(counts):
            if times:
                after = _expand(after, passing[state], times)
        return _expand(after, letters.read_opening if reads else letters.opening, opened)

    def lumped(self, state: _State) -> _State:
        """Return the least of the states that the symmetries make of a state."""
        edges = [edge[:2] for edge in self.component.edges]
        images = []
        for order in self.symmetries:
            placed = sum(1 << order[g] for g in bits(state.placed))
            at = {(order[a], order[b]): c for (a, b), c in zip(edges, state.bundles, strict=True)}
            images.append(_State(placed, tuple(at[edge] for edge in edges), state.out))
        return min(images)


def _both(
    ways: list[tuple[tuple[_Counts, ...], _Polynomial]], more: dict[_Counts, _Polynomial]
) -> list[tuple[tuple[_Counts, ...], _Polynomial]]:
    result = []
    for bundles, p in ways:
        for counts, q in more.items():
            product: _Polynomial = {}
            for x, c in p.items():
                for y, d in q.items():
                    key = tuple(map(int.__add__, x, y))
                    product[key] = product.get(key, 0) + c * d
            result.append(((*bundles, counts), product))
    return result


def carried_sum(component: Component, dynamics: Dynamics) -> tuple[Any, int]:
    """Multiply the matrices of all steps; one row and one column of the product are needed.

    Elements of a ring that does not grow need no pairs: a row times all matrices is quicker.
    """
    chain = _Chain(component, dynamics)
    none = chain.letters.none
    start = _State(0, (none,) * len(component.edges), none)
    full = (1 << len(component.sizes)) - 1
    out = sum(component.roots)
    number: dict[_State, int] = {start: 0}
    polynomials: dict[tuple[int, int], _Polynomial] = {}
    for state in (queue := [start]):
        for after, polynomial in chain.moves(state).items():
            if after not in number:
                number[after] = len(number)
                queue.append(after)
            polynomials[number[state], number[after]] = polynomial
    finals = {}
    for state, place in number.items():
        is_closed = state.bundles == start.bundles
        if state.placed == full and is_closed and sum(state.out) == out:
            weight = _end_weight(state.out, dynamics)
            if weight:
                finals[place] = weight
    if not finals:
        return 0, chain.width
    matrices = _matrices(polynomials, chain.letters.numbers, dynamics.updates)
    few = _FEW if dynamics.ring.is_whole else dynamics.updates
    return _product_entry(matrices, number[start], finals, few=few), chain.width


def _end_weight(out: _Counts, dynamics: Dynamics) -> Any:
    """Return what the root makes of the states of its edges at the end."""
    *carried, read = out
    if dynamics.readout is not None:
        return 0 if any(carried) else 1
    if read or any(count and i not in dynamics.final for i, count in enumerate(carried)):
        return 0
    return prod(dynamics.final[i] ** count for i, count in enumerate(carried) if count)


#: Entries other than 0 of a row of equally many square matrices.
_Matrices: TypeAlias = "dict[tuple[int, int], NDArray[Any]]"


def _matrices(
    polynomials: dict[tuple[int, int], _Polynomial], numbers: Sequence[Any], updates: int
) -> _Matrices:
    *given, decay_scale = numbers
    # Of one number for all times there is one copy.
    factors: list[Any] = [x[0] if is_one_value(x) else np.array(x, dtype=object) for x in given]
    factors.append(decay_scale)
    known: dict[_Powers, Any] = {}

    def monomial(powers: _Powers) -> Any:
        if powers not in known:
            known[powers] = prod(
                elementwise_power(x, k) for x, k in zip(factors, powers, strict=True) if k
            )
        return known[powers]

    result: _Matrices = {}
    for entry, polynomial in polynomials.items():
        total = sum(c * monomial(powers) for powers, c in polynomial.items())
        result[entry] = np.broadcast_to(np.asarray(total, dtype=object), (updates,))
    return result


def _product_entry(matrices: _Matrices, start: int, finals: Mapping[int, Any], *, few: int) -> Any:
    """Return a row of the product of all matrices, in their order, times a column.

    A few go row by row.
    """
    count = len(next(iter(matrices.values())))
    by_row: dict[int, list[int]] = {}
    for i, j in matrices:
        by_row.setdefault(i, []).append(j)
    while count > few:
        if count % 2:
            matrices = {
                (i, j): np.append(values, int(i == j)) for (i, j), values in matrices.items()
            }
            for i in set(by_row) - {i for i, j in matrices if i == j}:
                matrices[i, i] = np.append(np.zeros(count, dtype=object), 1)
        product: _Matrices = {}
        for (i, j), values in matrices.items():
            for k in by_row.get(j, ()):
                if (j, k) in matrices:
                    more = values[::2] * matrices[j, k][1::2]
                    product[i, k] = product[i, k] + more if (i, k) in product else more
        matrices = product
        by_row = {}
        for i, j in matrices:
            by_row.setdefault(i, []).append(j)
        count = (count + 1) // 2
    entries = {
        # Of one number for all times there is one copy.
        place: values[0] if values.strides == (0,) else values.tolist()
        for place, values in matrices.items()
    }
    columns = {
        i: [(j, entries[i, j], isinstance(entries[i, j], list)) for j in row]
        for i, row in by_row.items()
    }
    row: dict[int, Any] = {start: 1}
    for t in range(count):
        new: dict[int, Any] = {}
        for i, value in row.items():
            for j, entry, varies in columns.get(i, ()):
                if t < count - 1 or j in finals:
                    term = value * entry[t] if varies else value if entry == 1 else value * entry
                    new[j] = new[j] + term if j in new else term
        row = new
    terms = [row[j] if x == 1 else row[j] * x for j, x in finals.items() if j in row]
    return sum(terms[1:], terms[0]) if terms else 0
