r"""Sums over the times of a linkless diagram on a given training set, in closed form.

Time has two axes: the round, and the batch in it. In a round of M batches that places nodes in L of
them, with :math:`Q_0, \dots, Q_L` the products of the :math:`q = 1 - h` that are alive before, between
and after, all distances add up to :math:`[Q_0, \dots, Q_L]\, x^M`. From the first of K rounds to the end
of R rounds that is followed by :math:`[1, Q_1^M, \dots, Q_K^M]\, x^R`, with the products that are alive
between rounds. An edge passes levels at which other nodes are placed; each costs one more q, since
divided differences count the steps between levels.

Where all rounds have one order, what noise weighs depends on the batches alone: nodes get one of L
batches, and one of K rounds, a parent being in a later round, or in the same in a later batch.
Its distance in batches goes on where the next round begins when the parent's batch is not the later one.

Noise weighs what `sgdiagrams.symbolic.training.given_sets.noise_weights` says; lone nodes weigh 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, NamedTuple

from sympy import Add, Expr, Integer, Mul, Rational

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.partitions import restricted_growth_string
from sgdiagrams.symbolic.embeddings.forests import UpdateForest, joined_nodes, update_forest
from sgdiagrams.symbolic.training.given_sets.courses import tied_nodes
from sgdiagrams.symbolic.training.given_sets.noise_weights import noise_formula, noise_weight

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sgdiagrams.diagrams.diagram import Diagram
    from sgdiagrams.symbolic.training.facts.rounds import Rounds
    from sgdiagrams.symbolic.training.training import Training

__all__ = ["MOST_NODES", "RoundComponent", "RoundSum", "has_round_sum", "round_sum"]

#: Beyond so many nodes that noise ties there are too many ways to put them into rounds.
MOST_NODES = 5

#: For every node whether, or how often, the q of the edge above it occurs.
_Alive = tuple[int, ...]
_Levels = tuple[tuple[int, ...], ...]


class RoundSum(NamedTuple):
    """All ways to place nodes with one pattern of alive edges.

    Attributes
    ----------
    passes
        For each edge the number of levels that it passes.
    rounds_passed
        For each edge the number of rounds that are counted in no divided difference.
    inner
        For every round that places nodes, which edges are alive before, between and after its levels.
    outer
        For nodes that are put into rounds independently of each other, one after the other: which edges
        are alive after each of their rounds.
    """

    passes: _Alive
    rounds_passed: _Alive
    inner: tuple[tuple[_Alive, ...], ...]
    outer: tuple[tuple[_Alive, ...], ...]


@dataclass(frozen=True, slots=True)
class RoundComponent:
    """A part of a diagram whose sum multiplies those of other parts.

    Attributes
    ----------
    nodes
        Its updates, in the diagram's preorder.
    sums
        What it is made of, with coefficients.
    batches, count
        The number of batches of a round, and of rounds; 1 and T where no noise ties nodes.
    into_root
        For every node whether its edge goes into the root.
    """

    nodes: tuple[int, ...]
    sums: tuple[tuple[RoundSum, Expr], ...]
    batches: Expr
    count: Expr
    into_root: tuple[bool, ...]


def has_round_sum(diagram: Diagram, training: Training) -> bool:
    """Tell whether the dressed count of a diagram has a closed form in rounds."""
    few = len(tied_nodes(update_forest(diagram))) <= MOST_NODES
    return training.rounds is not None and few and diagram.order <= MOST_NODES + 1


def round_sum(diagram: Diagram, training: Training) -> tuple[RoundComponent, ...]:
    """Return the parts of a linkless diagram, in the cumulants of a given set.

    Raises
    ------
    RequestError
        When there is no closed form.
    """
    rounds = training.rounds
    if rounds is None or not has_round_sum(diagram, training):
        raise RequestError(
            f"expected at most {MOST_NODES} tied updates for a closed form on a given training set, "
            f"got the diagram {diagram} with {training.label}; take the discrete form in numbers"
        )
    scheme = training.sampling
    forest = update_forest(diagram)
    tied = set(tied_nodes(forest))
    parts = joined_nodes(forest, by_blocks=True)
    noisy = tuple(sorted(v for part in parts if tied & {*part} for v in part))
    components = [
        RoundComponent(
            part, _lone(forest.restricted(part)), Integer(1), scheme.updates, _tops(forest, part)
        )
        for part in parts
        if not tied & {*part}
    ]
    if noisy:
        find = _in_one_order if rounds.have_one_order else _in_many_orders
        own = forest.restricted(noisy)
        N, B = scheme.datapoints or Integer(1), scheme.batch_size
        sums: dict[RoundSum, list[Expr]] = {}
        for pattern, weights in find(own, rounds):
            weight = Mul(*(_weight(blocks, batches, N, B) for blocks, batches in weights))
            sums.setdefault(pattern, []).append(weight)
        added = ((pattern, _added(terms)) for pattern, terms in sums.items())
        kept = tuple((pattern, weight) for pattern, weight in added if weight != 0)
        tops = _tops(forest, noisy)
        components.append(RoundComponent(noisy, kept, rounds.batches, rounds.count, tops))
    return tuple(components)


def _tops(forest: UpdateForest, nodes: Sequence[int]) -> tuple[bool, ...]:
    return tuple(forest.parents[v] < 0 for v in nodes)


def _weight(blocks: tuple[int, ...], batches: tuple[int, ...], N: Expr, B: Expr) -> Expr:
    """Return what noise in one round weighs; in numbers where a set may have too few rows."""
    if not (N.is_Integer and B.is_Integer):
        return noise_formula(blocks, batches, N, B)
    sizes = (int(B),) * (max(batches) + 1)
    weight = noise_weight(blocks, batches, N=int(N), sizes=sizes)
    return Rational(weight.numerator, weight.denominator)


def _added(terms: Sequence[Expr]) -> Expr:
    if len(terms) == 1:
        return terms[0]
    if len(set(terms)) == 1:
        return len(terms) * terms[0]
    total: Expr = Add(*terms).together().factor()
    return total


#: Blocks and batches of the nodes of one round.
_Noise = tuple[tuple[int, ...], tuple[int, ...]]


def _lone(forest: UpdateForest) -> tuple[tuple[RoundSum, Expr], ...]:
    """Return what nodes without noise are placed by: every step is a round."""
    sums: dict[RoundSum, Expr] = {}
    for levels in _in_batches(tuple(range(len(forest.parents))), forest.parents):
        pattern = _pattern(forest.parents, [(level,) for level in levels], of_one=True)
        sums[pattern] = sums.get(pattern, Integer(0)) + 1
    return tuple(sums.items())


def _in_many_orders(
    forest: UpdateForest, rounds: Rounds
) -> Iterator[tuple[RoundSum, list[_Noise]]]:
    """Yield all ways to place nodes in rounds that are independent, with the noise of each."""
    tied = tied_nodes(forest)
    n = len(forest.parents)
    together = [
        [v for v in tied if forest.blocks[v] == b] for b in {forest.blocks[v] for v in tied}
    ]
    most = int(rounds.batches) if rounds.batches.is_Integer else n

    def ways(epochs: _Levels) -> Iterator[list[_Levels]]:
        if not epochs:
            yield []
            return
        for first in _in_batches(epochs[0], forest.parents):
            if len(first) <= most:
                for rest in ways(epochs[1:]):
                    yield [first, *rest]

    for epochs in _in_rounds(tuple(range(n)), forest.parents, together):
        for way in ways(epochs):
            noise = []
            for batches in way:
                at = {v: i for i, batch in enumerate(batches) for v in batch if v in tied}
                if at:
                    noise.append(_noise(forest, at))
            yield _pattern(forest.parents, way, of_one=bool(rounds.batches == 1)), noise


def _noise(forest: UpdateForest, at: dict[int, int]) -> _Noise:
    """Return the blocks and the batches of nodes."""
    blocks = restricted_growth_string(forest.blocks[v] for v in at)
    return blocks, restricted_growth_string(at.values())


def _pattern(parents: Sequence[int], way: Sequence[_Levels], *, of_one: bool) -> RoundSum:
    """Return which edges are alive where, for nodes in rounds and their batches."""
    n = len(parents)
    place = {
        v: (k, level)
        for k, batches in enumerate(way)
        for level, batch in enumerate(batches)
        for v in batch
    }
    order = {p: i for i, p in enumerate(sorted(set(place.values())))}
    end = len(order)
    own = [order[place[v]] for v in range(n)]
    above = [end if p < 0 else own[p] for p in parents]
    inner, outer, before = [], [], 0
    for batches in way:
        gaps = [
            tuple(int(own[v] < before + gap <= above[v]) for v in range(n))
            for gap in range(len(batches) + 1)
        ]
        before += len(batches)
        inner.append(tuple(gaps))
        outer.append(gaps[-1])
    passes = tuple(a - o - 1 for a, o in zip(above, own, strict=True))
    return RoundSum(passes, (0,) * n, () if of_one else tuple(inner), (tuple(outer),))


def _in_one_order(forest: UpdateForest, rounds: Rounds) -> Iterator[tuple[RoundSum, list[_Noise]]]:
    """Yield all ways to place nodes in batches and rounds of one order."""
    parents = forest.parents
    tied = tied_nodes(forest)
    n = len(parents)
    most = int(rounds.batches) if rounds.batches.is_Integer else n
    for batches in _in_rounds(tuple(range(n)), (-1,) * n, []):
        L = len(batches)
        if most < L:
            continue
        level = {v: i for i, batch in enumerate(batches) for v in batch}
        noise = [_noise(forest, {v: level[v] for v in tied})]
        # Nodes that no edge joins are in rounds of their own.
        trees = joined_nodes(forest, by_blocks=False)
        for chains in product(*(tuple(_chains(tree, parents, level, L)) for tree in trees)):
            alive = {v: gaps for chain in chains for v, gaps in chain.alive.items()}
            counted = {v: chain.counted[v] for chain in chains for v in chain.counted}
            passes = tuple(sum(alive[v]) - 1 - int(counted[v].wraps) for v in range(n))
            inner = tuple(tuple(int(alive[v][gap]) for v in range(n)) for gap in range(L + 1))
            outer = tuple(
                tuple(tuple(int(v in now) for v in range(n)) for now in chain.outer)
                for chain in chains
            )
            whole = tuple(counted[v].rounds for v in range(n))
            yield RoundSum(passes, whole, (inner,), outer), noise


class _Counted(NamedTuple):
    """Of an edge: whether its distance in batches goes on in the next round, and rounds left over."""

    wraps: bool
    rounds: int


class _Chain(NamedTuple):
    """Nodes of one tree in rounds: edges alive in the gaps of a round, and after each round."""

    alive: dict[int, tuple[bool, ...]]
    counted: dict[int, _Counted]
    outer: tuple[frozenset[int], ...]


def _chains(
    tree: tuple[int, ...], parents: Sequence[int], level: dict[int, int], L: int
) -> Iterator[_Chain]:
    """Yield all ways to put the nodes of a tree into rounds, for given batches."""
    for rounds in _in_rounds(tree, parents, []):
        at = {v: k for k, nodes in enumerate(rounds) for v in nodes}
        inside = [(v, parents[v]) for v in tree if parents[v] >= 0]
        if any(at[v] == at[p] and level[v] >= level[p] for v, p in inside):
            continue
        K = len(rounds)
        alive, counted = {}, {}
        for v in tree:
            p = parents[v]
            wraps = p >= 0 and at[v] < at[p] and level[v] >= level[p]
            stop = L if p < 0 else level[p]
            alive[v] = tuple(
                (gap > level[v] or gap <= stop) if wraps else level[v] < gap <= stop
                for gap in range(L + 1)
            )
            later = (K - 1 if p < 0 else at[p]) - at[v]
            counted[v] = _Counted(wraps, later - int(wraps))
        outer = tuple(
            frozenset(v for v in tree if at[v] <= k and (parents[v] < 0 or at[parents[v]] > k))
            for k in range(K)
        )
        yield _Chain(alive, counted, outer)


def _in_batches(nodes: tuple[int, ...], parents: Sequence[int]) -> Iterator[_Levels]:
    """Yield all ways to put nodes into levels, a child strictly before its parent."""
    if not nodes:
        yield ()
        return
    rest = set(nodes)
    ready = [v for v in nodes if not any(parents[c] == v for c in rest)]
    for pick in range(1, 1 << len(ready)):
        first = tuple(v for i, v in enumerate(ready) if pick >> i & 1)
        for more in _in_batches(tuple(v for v in nodes if v not in first), parents):
            yield (first, *more)


def _in_rounds(
    nodes: tuple[int, ...], parents: Sequence[int], together: Sequence[Sequence[int]]
) -> Iterator[_Levels]:
    """Yield all ways to put nodes into levels, a child never after its parent, some in one level."""
    if not nodes:
        yield ()
        return
    for pick in range(1, 1 << len(nodes)):
        first = tuple(v for i, v in enumerate(nodes) if pick >> i & 1)
        rest = tuple(v for v in nodes if v not in first)
        if any(parents[c] in first for c in rest):
            continue
        if any({*group} & {*first} and {*group} & {*rest} for group in together):
            continue
        for more in _in_rounds(rest, parents, together):
            yield (first, *more)
