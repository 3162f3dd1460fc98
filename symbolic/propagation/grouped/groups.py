r"""Sums over the times of *groups*: nodes that one step places together.

A step gives the set of nodes that it places a weight W, and the weighted number of embeddings is the sum
over all ways to place the nodes of the product of W over the steps. With the joint cumulants of W,

.. math:: W(S) = \sum_{\tau \vdash S} \prod_{g \in \tau} \kappa(g),

it is a sum over set partitions of the nodes into groups that are placed independently of each other, also
at one time. What is left of the forest then falls apart into *components*, which multiply. There are few
of them: all diagrams share them.

Without memory, a component is summed over its order ideals, for all times at once; with memory, as in
`sgdiagrams.symbolic.propagation.grouped.memory`.
"""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from itertools import permutations
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from sgdiagrams.diagrams.partitions import moebius, set_partitions
from sgdiagrams.symbolic.propagation.components import Component, bits, ideals, joint_steps
from sgdiagrams.symbolic.propagation.grouped.epochs import injected_and_read
from sgdiagrams.symbolic.propagation.grouped.memory import carried_sum, elementwise_power

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from sgdiagrams.symbolic.propagation.dynamics import Dynamics

__all__ = ["component_sum", "grouped_sum"]


@cache
def _canonical(component: Component) -> Component:
    return min(component.renumbered(o) for o in permutations(range(len(component.sizes))))


def grouped_sum(
    parents: tuple[int, ...],
    weight: Callable[[int], int],
    dynamics: Dynamics,
) -> tuple[Any, int]:
    """Return the weighted number of embeddings of a forest into steps that are all alike.

    Parameters
    ----------
    parents
        The parent of every node, -1 at the roots.
    weight
        The weight of a step that places the nodes of a bit mask: an integer.
    dynamics
        The optimiser.

    Returns
    -------
    tuple
        The sum, in the ring of the dynamics, times their scale but for that of decay, and the power of
        that.
    """
    terms: list[tuple[Any, int]] = []  # numbers and their powers of the scale of decay
    for groups in set_partitions(len(parents)):
        factor = prod(_cumulant(weight, nodes) for nodes in _masks(groups))
        parts = _components(parents, groups) if factor else None
        if parts is None:
            continue
        value: Any = factor
        power = 0
        for part in parts:
            number, width = component_sum(part, dynamics)
            value *= number
            power += width
        terms.append((value, power))
    most = max((power for _, power in terms), default=0)
    unit = dynamics.decay_scale**dynamics.updates
    total = sum(value * unit ** (most - power) for value, power in terms)
    return total, most * dynamics.updates


def _masks(groups: tuple[int, ...]) -> list[int]:
    masks = [0] * (max(groups, default=-1) + 1)
    for v, group in enumerate(groups):
        masks[group] |= 1 << v
    return masks


def _cumulant(weight: Callable[[int], int], nodes: int) -> int:
    """Return the joint cumulant of the weight of a set of nodes."""
    members = [v for v in range(nodes.bit_length()) if nodes >> v & 1]
    total: int = 0
    for partition in set_partitions(len(members)):
        blocks = [sum(1 << members[i] for i in bits(mask)) for mask in _masks(partition)]
        total += moebius(partition, (0,) * len(members)) * prod(map(weight, blocks))
    return int(total)


def _components(parents: tuple[int, ...], groups: tuple[int, ...]) -> list[Component] | None:
    """Return the components of the groups; None where they cannot be ordered in time."""
    count = max(groups, default=-1) + 1
    sizes, roots = [0] * count, [0] * count
    edges: defaultdict[tuple[int, int], int] = defaultdict(int)
    for v, parent in enumerate(parents):
        sizes[groups[v]] += 1
        if parent < 0:
            roots[groups[v]] += 1
        else:
            edges[groups[v], groups[parent]] += 1
    below = [0] * count
    for child, parent in edges:
        below[parent] |= 1 << child
    if (1 << count) - 1 not in ideals(below):
        return None
    left, components = set(range(count)), []
    while left:
        members = {min(left)}
        while more := {x for e in edges if members & {*e} for x in e} - members:
            members |= more
        left -= members
        order = sorted(members)
        place = {g: i for i, g in enumerate(order)}
        joined = sorted((place[a], place[b], m) for (a, b), m in edges.items() if a in members)
        part = Component(
            tuple(sizes[g] for g in order), tuple(roots[g] for g in order), tuple(joined)
        )
        components.append(_canonical(part))
    return components


def component_sum(component: Component, dynamics: Dynamics) -> tuple[Any, int]:
    """Return the sum over the times of a component, and its number of scales of decay a step.

    It is kept in the dynamics.
    """
    known = dynamics.sums
    if component not in known:
        if dynamics.is_still:
            known[component] = (_without_memory(component, dynamics), 0)
        else:
            known[component] = carried_sum(component, dynamics)
    return known[component]


def _without_memory(component: Component, dynamics: Dynamics) -> Any:
    """Sum over chains of ideals, one ideal at a time for all times."""
    T = dynamics.updates
    injected, readout = injected_and_read(dynamics)
    factors = [
        elementwise_power(injected, size) * elementwise_power(readout, k)
        for size, k in zip(component.sizes, component.roots, strict=True)
    ]
    return _ideal_sums(component.below, factors)[-1] if T else 0


def _ideal_sums(below: list[int], factors: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Return the sums over the times of all groups before times 0, 1, ..., T.

    Parameters
    ----------
    below
        For each group, the groups that must come before it, as a bit mask.
    factors
        For each group, its factor at every time.
    """
    T = len(factors[0])
    sums: dict[int, Any] = {0: 1}
    inputs: defaultdict[int, Any] = defaultdict(int)
    products: dict[int, Any] = {}
    for ideal in ideals(below):
        if ideal:
            sums[ideal] = np.zeros(T + 1, dtype=object)
            sums[ideal][1:] = np.add.accumulate(inputs.pop(ideal))
        before = sums[ideal] if isinstance(sums[ideal], int) else sums[ideal][:-1]
        for together in joint_steps(below, ideal):
            if together:
                if together not in products:
                    products[together] = prod(factors[g] for g in bits(together))
                inputs[ideal | together] = inputs[ideal | together] + before * products[together]
    result: NDArray[Any] = sums[(1 << len(below)) - 1]
    return result
