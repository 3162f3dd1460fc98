r"""Embeddings into steps that are alike, where parts of a diagram have to end before the end.

A factor of an observable that looks at the weights early lets the updates under it be early ones only.
The times at which factors look cut the steps into *stages*, and what matters of an embedding is how many
distinct times it uses in each: a stage of n steps offers :math:`\binom{n}{L}` choices of L times.
"""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction
from itertools import product as modes_of
from typing import TYPE_CHECKING

from sgdiagrams.symbolic.embeddings.effort import check_moves, count_moves, count_weak_orders
from sgdiagrams.symbolic.weights.laurent import Laurent, add_scaled

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sgdiagrams.symbolic.embeddings.forests import UpdateForest
    from sgdiagrams.symbolic.embeddings.rules import LevelRule

__all__ = ["StageLevels", "stage_levels", "stage_sums"]


def stage_sums(
    forest: UpdateForest, rule: LevelRule, last: Sequence[int], stages: int, *, below: int = 0
) -> Laurent:
    """Return the numbers of embeddings by how many times they use in every stage.

    Parameters
    ----------
    forest
        The diagram without its root.
    rule
        What the scheme allows at one step.
    last
        For every node the last stage that it may be in.
    stages
        The number of stages.
    below
        How many of N - 1, N - 2, ... the rule has below the line.

    Returns
    -------
    dict
        Exponents of N, B, N - 1, ..., N - `below`, and the numbers of times -> coefficient.

    Raises
    ------
    RequestError
        When it would take too long.

    Examples
    --------
    Of two updates that different factors read, the first has to be in the first of two stages:

    >>> from sgdiagrams.diagrams import Diagram
    >>> from sgdiagrams.symbolic.embeddings.forests import update_forest
    >>> from sgdiagrams.symbolic.embeddings.rules import OnePassRule
    >>> pair = update_forest(Diagram.parse("(0-1-2)(02-12)"))
    >>> sums = stage_sums(pair, OnePassRule("cumulant"), [0, 1], 2)
    >>> {key: int(c) for key, c in sums.items()}
    {(0, 2, 1, 0): 1, (0, 2, 2, 0): 2, (0, 2, 1, 1): 1}
    """
    n = len(forest.parents)
    check_moves(count_moves(forest.parents) * stages, n, f"{n} nodes in {stages} stages")
    full = (1 << n) - 1
    children = [0] * n
    for child, parent in forest.edges:
        children[parent] |= 1 << child
    width = 2 + below + stages
    weights: dict[int, Laurent] = {}

    def in_full(exps: tuple[int, ...]) -> tuple[int, ...]:
        return (*exps, *[0] * (width - len(exps)))

    def weight(nodes: int) -> Laurent:
        if nodes not in weights:
            powers = rule.weight(forest, nodes)
            weights[nodes] = {in_full(exps): Fraction(c) for exps, c in powers.items()}
        return weights[nodes]

    sums: dict[int, Laurent] = {0: {(0,) * width: Fraction(1)}}
    for stage in range(stages):
        due = sum(1 << v for v in range(n) if last[v] <= stage)
        one_more = tuple(int(i == 2 + below + stage) for i in range(width))
        by_size: defaultdict[int, dict[int, Laurent]] = defaultdict(dict)
        for placed, laurent in sums.items():
            by_size[placed.bit_count()][placed] = laurent
        for size in range(n):
            for placed, laurent in list(by_size[size].items()):
                for nodes in _ready(placed, children):
                    target = by_size[(placed | nodes).bit_count()].setdefault(placed | nodes, {})
                    for exps, c in weight(nodes).items():
                        shift = tuple(map(sum, zip(exps, one_more, strict=True)))
                        add_scaled(target, laurent, c, shift)
        sums = {
            placed: laurent
            for of_size in by_size.values()
            for placed, laurent in of_size.items()
            if laurent and not due & ~placed
        }
    result: Laurent = {}
    for exps, factor in rule.overall(forest).items():
        add_scaled(result, sums.get(full, {}), factor, in_full(exps))
    return result


def _ready(placed: int, children: Sequence[int]) -> Iterator[int]:
    """Yield the sets of nodes, at least one, that a step may place."""
    free = sum(
        1 << v for v, below in enumerate(children) if not placed >> v & 1 and not below & ~placed
    )
    part = free
    while part:
        yield part
        part = (part - 1) & free


#: How often each base is in Q at the start of a stage, and after each of its levels.
StageLevels = tuple[tuple[int, ...], tuple[tuple[int, ...], ...]]


def stage_levels(
    forest: UpdateForest, rule: LevelRule, last: Sequence[int], stages: int, *, per_edge: int
) -> dict[tuple[StageLevels, ...], Laurent]:
    r"""Return all level structures in stages: what edges are alive between levels, and how often.

    An edge into the root is alive to the end of the stage of its node in `last`, others to their
    parent's level. With two bases an edge the kernel is their difference.

    Parameters
    ----------
    forest, rule, last, stages
        As for `stage_sums`.
    per_edge
        The number of bases of an edge: 1, or 2 with the signs +1 and -1.

    Returns
    -------
    dict
        For every stage what is alive at its start and after its levels -> exponents of (N, B) ->
        coefficient.
    """
    n = len(forest.parents)
    moves = max(count_moves(forest.parents, states=per_edge), count_weak_orders(forest.parents))
    check_moves(moves * stages * per_edge**n, n, f"{n} nodes in {stages} stages")
    full = (1 << n) - 1
    children = [0] * n
    for child, parent in forest.edges:
        children[parent] |= 1 << child

    def alive(open_edges: tuple[int, ...]) -> tuple[int, ...]:
        result = [0] * (per_edge * n)
        for v, mode in enumerate(open_edges):
            if mode >= 0:
                result[per_edge * v + mode] += 1
        return tuple(result)

    one: Laurent = {(0, 0): Fraction(1)}
    waiting: list[tuple[int, tuple[int, ...], tuple[StageLevels, ...], StageLevels, Laurent]]
    # The nodes placed, the base of every alive edge (-1 for others), and the stages so far.
    States = dict[tuple[int, tuple[int, ...], tuple[StageLevels, ...]], Laurent]
    states: States = {(0, (-1,) * n, ()): one}
    for stage in range(stages):
        after: States = {}
        waiting = [
            (placed, edges, before, (alive(edges), ()), laurent)
            for (placed, edges, before), laurent in states.items()
        ]
        while waiting:
            placed, edges, before, (start, levels), laurent = waiting.pop()
            closed = tuple(
                -1 if forest.parents[v] < 0 and last[v] <= stage else mode
                for v, mode in enumerate(edges)
            )
            if all(placed >> v & 1 for v in range(n) if last[v] <= stage):
                key = (placed, closed, (*before, (start, levels)))
                add_scaled(after.setdefault(key, {}), laurent)
            for nodes in _ready(placed, children):
                weight = rule.weight(forest, nodes)
                if not weight:
                    continue
                product: Laurent = {}
                for exps, c in weight.items():
                    add_scaled(product, laurent, c, exps)
                new = [v for v in range(n) if nodes >> v & 1]
                kept = [
                    -1 if forest.parents[v] >= 0 and nodes >> forest.parents[v] & 1 else mode
                    for v, mode in enumerate(edges)
                ]
                for modes in modes_of(range(per_edge), repeat=len(new)):
                    opened = list(kept)
                    for v, mode in zip(new, modes, strict=True):
                        opened[v] = mode
                    signed: Laurent = {}
                    add_scaled(signed, product, (-1) ** sum(modes))
                    level = alive(tuple(opened))
                    waiting.append(
                        (placed | nodes, tuple(opened), before, (start, (*levels, level)), signed)
                    )
        states = after
    result: dict[tuple[StageLevels, ...], Laurent] = {}
    for (placed, _, of_stages), laurent in states.items():
        if placed == full:
            for exps, c in rule.overall(forest).items():
                add_scaled(result.setdefault(of_stages, {}), laurent, c, exps)
    return {key: laurent for key, laurent in result.items() if laurent}
