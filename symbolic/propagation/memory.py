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

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from sgdiagrams.symbolic.propagation.dynamics import Dynamics

__all__ = ["carried_sum", "elementwise_power"]

_FEW = 8  # matrices: so few are multiplied in their order, row by row


def elementwise_power(values: NDArray[Any], k: int) -> Any:
    """Return the powers of all entries, 1 for k = 0."""
    return values**k if k > 1 else values if k else 1


_POSITION, _VELOCITY, _READOUT = 0, 1, 2
#: How many edges of a bundle are in each state; a bundle is all edges between two groups.
_Counts: TypeAlias = tuple[int, ...]
_NONE: _Counts = (0, 0, 0)
#: Powers of: node, position, velocity, velocity to position, to velocity, readout, decay scale.
_Powers: TypeAlias = tuple[int, ...]
_Polynomial: TypeAlias = dict[_Powers, int]
_ONE: _Powers = (0,) * 7


class _State(NamedTuple):
    """The groups placed, the counts of every bundle, and those of the edges into the root."""

    placed: int
    bundles: tuple[_Counts, ...]
    out: _Counts


def _powers(**exponents: int) -> _Powers:
    names = ("node", "position", "velocity", "to_position", "to_velocity", "readout", "scale")
    return tuple(exponents.get(name, 0) for name in names)


_Options: TypeAlias = "tuple[tuple[int, _Powers], ...]"
_OPENING: _Options = ((_POSITION, _powers(position=1)), (_VELOCITY, _powers(velocity=1)))
_READ_OPENING = (*_OPENING, (_READOUT, _powers(position=1, readout=1)))
_PASSING: dict[int, _Options] = {
    _POSITION: ((_POSITION, _powers(scale=1)),),
    _VELOCITY: ((_POSITION, _powers(to_position=1)), (_VELOCITY, _powers(to_velocity=1))),
}
_READ_PASSING: dict[int, _Options] = {
    _POSITION: (*_PASSING[_POSITION], (_READOUT, _powers(scale=1, readout=1))),
    _VELOCITY: (*_PASSING[_VELOCITY], (_READOUT, _powers(to_position=1, readout=1))),
    _READOUT: ((_READOUT, _powers(scale=1)),),
}


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

    def __init__(self, component: Component, *, reads: bool) -> None:
        self.component = component
        self.reads = reads
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
            if any(state.bundles[i][_VELOCITY] for i in closing):
                continue
            nodes = sum(self.component.sizes[g] for g in bits(together))
            ways: list[tuple[tuple[_Counts, ...], _Polynomial]] = [((), {_powers(node=nodes): 1})]
            for i, (a, _, m) in enumerate(edges):
                counts = _NONE if i in closing else state.bundles[i]
                opened = m if together >> a & 1 else 0
                ways = _both(ways, _step(counts, opened, reads=False))
            opened = sum(self.component.roots[g] for g in bits(together))
            ways = _both(ways, _step(state.out, opened, reads=self.reads))
            for (*bundles, out), polynomial in ways:
                after = self.lumped(_State(state.placed | together, tuple(bundles), out))
                into = result.setdefault(after, {})
                for powers, c in polynomial.items():
                    # Every step multiplies by the scale of decay as often.
                    spent = sum(powers[3:5]) + powers[6]
                    key = (*powers[:6], powers[6] + self.width - spent)
                    into[key] = into.get(key, 0) + c
        return result

    def lumped(self, state: _State) -> _State:
        """Return the least of the states that the symmetries make of a state."""
        edges = [edge[:2] for edge in self.component.edges]
        images = []
        for order in self.symmetries:
            placed = sum(1 << order[g] for g in bits(state.placed))
            at = {(order[a], order[b]): c for (a, b), c in zip(edges, state.bundles, strict=True)}
            images.append(_State(placed, tuple(at[edge] for edge in edges), state.out))
        return min(images)


def _step(counts: _Counts, opened: int, *, reads: bool) -> dict[_Counts, _Polynomial]:
    """Carry the edges of a bundle over one step, and open some."""
    passing = _READ_PASSING if reads else _PASSING
    after: dict[_Counts, _Polynomial] = {_NONE: {_ONE: 1}}
    for state, times in enumerate(counts):
        if times:
            after = _expand(after, passing[state], times)
    return _expand(after, _READ_OPENING if reads else _OPENING, opened)


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
    chain = _Chain(component, reads=dynamics.readout is not None)
    start = _State(0, (_NONE,) * len(component.edges), _NONE)
    full = (1 << len(component.sizes)) - 1
    out = sum(component.roots)
    ends = (0, 0, out) if chain.reads else (out, 0, 0)
    final = _State(full, (_NONE,) * len(component.edges), ends)
    number: dict[_State, int] = {start: 0}
    polynomials: dict[tuple[int, int], _Polynomial] = {}
    for state in (queue := [start]):
        for after, polynomial in chain.moves(state).items():
            if after not in number:
                number[after] = len(number)
                queue.append(after)
            polynomials[number[state], number[after]] = polynomial
    if final not in number:
        return 0, chain.width
    matrices = _matrices(polynomials, dynamics)
    few = _FEW if dynamics.ring.is_whole else dynamics.updates
    return _product_entry(matrices, number[start], number[final], few=few), chain.width


#: Entries other than 0 of a row of equally many square matrices.
_Matrices: TypeAlias = "dict[tuple[int, int], NDArray[Any]]"


def _matrices(polynomials: dict[tuple[int, int], _Polynomial], d: Dynamics) -> _Matrices:
    given = (d.node, d.position, d.velocity, d.velocity_to_position, d.velocity_to_velocity)
    factors: list[Any] = [1 if _are_one(x) else np.array(x, dtype=object) for x in given]
    factors.append(1 if d.readout is None else np.array(d.readout, dtype=object))
    factors.append(d.decay_scale)
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
        result[entry] = np.broadcast_to(np.asarray(total, dtype=object), (d.updates,))
    return result


def _are_one(values: Sequence[Any]) -> bool:
    """Tell whether all values are one object, which is 1."""
    return len(set(map(id, values))) == 1 and bool(values[0] == 1)


def _product_entry(matrices: _Matrices, start: int, final: int, *, few: int) -> Any:
    """Return one entry of the product of all matrices, in their order; a few go row by row."""
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
                if t < count - 1 or j == final:
                    term = value * entry[t] if varies else value if entry == 1 else value * entry
                    new[j] = new[j] + term if j in new else term
        row = new
    return row.get(final, 0)
