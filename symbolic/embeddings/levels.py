r"""Time sums over levels: embeddings into schedules whose steps are alike.

In one pass, in full-batch descent and in sampling with replacement every step offers the same choices.
The nodes of an embedding then lie on *levels*, the L distinct times that are used, and only the gaps
between levels matter. An edge with kernel :math:`x^D` contributes x for every step that it spans, so a
set of times :math:`t_1 < \dots < t_L` has the weight :math:`\prod_l Q_l^{g_l}`, where :math:`Q_l` is
the product of x over the edges alive between level l and l + 1 and :math:`g_l` the gap. The sum over
the times depends on the multiset of the :math:`Q_l` alone
(`sgdiagrams.symbolic.weights.exponential_sums`), so this module counts, for every multiset, in how many
ways it comes about.

A factor :math:`t^k` of a node is written in binomials :math:`\binom{t}{m}`: m *markers*, at different
steps before the node.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from sgdiagrams.symbolic.embeddings.effort import check_moves, count_moves, count_weak_orders
from sgdiagrams.symbolic.weights.laurent import Laurent, add_scaled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sgdiagrams.symbolic.embeddings.forests import UpdateForest
    from sgdiagrams.symbolic.embeddings.rules import LevelRule


__all__ = ["EdgeMode", "LevelSums", "level_sums"]


#: How often each base occurs in Q.
Bases = tuple[int, ...]


#: For every multiset (Q_0, sorted Q_1..Q_L): exponents of (T, N, B, modes...) -> coefficient.
LevelSums = dict[tuple[Bases, tuple[Bases, ...]], Laurent]


class EdgeMode(NamedTuple):
    r"""One mode of the kernel of an edge, together with the factor of the node below the edge.

    Attributes
    ----------
    base
        The number of the base x, or -1 for 1.
    markers
        Entry m: exponents of (T, N, B, modes...) -> coefficient of :math:`\binom{t}{m}`.
    """

    base: int
    markers: tuple[Laurent, ...]


class _State(NamedTuple):
    """What is placed so far.

    Attributes
    ----------
    placed
        The nodes, as a bit mask.
    marks
        The number of markers of each node.
    alive
        The base of the edge above each node, -1 when it does not matter (any more).
    out
        The number of edges into the root by base.
    is_late
        Whether times are those of the last updates.
    """

    placed: int
    marks: tuple[int, ...]
    alive: tuple[int, ...]
    out: Bases
    is_late: bool = False


def level_sums(
    forest: UpdateForest,
    rule: LevelRule,
    *,
    inner: tuple[EdgeMode, ...] = (),
    outer: tuple[EdgeMode, ...] = (),
    base_count: int,
    node_base: int = -1,
    width: int = 3,
    own: tuple[tuple[EdgeMode, ...], ...] | None = None,
    late: tuple[tuple[EdgeMode, ...], ...] | None = None,
) -> LevelSums:
    r"""Return the weights of all level structures of a forest, by their multiset of Q.

    Parameters
    ----------
    forest
        The diagram without its root.
    rule
        What the scheme allows at one step.
    inner, outer
        The modes of an edge between updates, and of an edge into the root.
    base_count
        The number of bases other than 1.
    node_base
        The number of the base :math:`\gamma` of a node's factor :math:`\gamma^t`, or -1.
    width
        The number of exponents of a key: T, N, B and one for every mode.
    own
        The modes of the edge above every node, where edges differ; instead of `inner` and `outer`.
    late
        Where edges into the root have other modes in the last updates, those of every node; others then
        end where these begin. Every Q has the bases before that, the bases in the last updates, and a
        number: 0 before, 1 for a level of the last updates, 2 for what is alive when they begin.

    Raises
    ------
    RequestError
        When it would take too long.
    """
    n = len(forest.parents)
    modes = own or tuple(outer if parent < 0 else inner for parent in forest.parents)
    last = modes
    if late is not None:
        last = tuple(late[v] if parent < 0 else modes[v] for v, parent in enumerate(forest.parents))
    most = tuple(
        max(len(mode.markers) for mode in of_node) - 1
        for of_node in map(tuple.__add__, modes, last)
    )
    states = max((len(of_node) for of_node in modes), default=1)
    states *= 1 if late is None else 2
    moves = count_moves(forest.parents, states=states) << sum(most)
    if own:
        # Every weak order is kept, with every choice of modes.
        moves = max(moves, count_weak_orders(forest.parents) * states**n)
    elif states > 1:
        moves *= n * n  # of multisets
    check_moves(moves, n, f"{n} nodes at levels in time")
    full = (1 << n) - 1
    children = [0] * n
    for child, parent in forest.edges:
        children[parent] |= 1 << child
    weights: dict[int, Laurent] = {}

    def weight(mask: int) -> Laurent:
        if mask not in weights:
            powers = rule.weight(forest, mask) if mask else {(0, 0): 1}
            weights[mask] = {
                (0, *exps, *[0] * (width - 1 - len(exps))): Fraction(c)
                for exps, c in powers.items()
            }
        return weights[mask]

    def bases(state: _State) -> Bases:
        """Return Q after a level: the alive edges and the nodes still to come."""
        result = list(state.out)
        for base in state.alive:
            if base >= 0:
                result[base] += 1
        if node_base >= 0:
            result[node_base] += n - state.placed.bit_count()
        if late is None:
            return tuple(result)
        none = (0,) * base_count
        return (*none, *result, 1) if state.is_late else (*result, *none, 0)

    start = _State(0, (0,) * n, (-1,) * n, (0,) * base_count)
    one: Laurent = {(0,) * width: Fraction(1)}
    # Every level adds nodes or markers, so states come in the order of how many there are.
    buckets: list[dict[_State, LevelSums]] = [{} for _ in range(n + sum(most) + 2)]
    buckets[0][start] = {(bases(start), ()): one}
    result: LevelSums = {}
    for bucket in buckets:
        for state, sums in bucket.items():
            if late is not None and not state.is_late:
                _begin_last(state, sums, bases, buckets)
            elif state.placed == full:
                for key, laurent in sums.items():
                    add_scaled(result.setdefault(key, {}), laurent)
            if state.placed == full:
                continue
            for nodes, marked in _choices(state, children, most):
                factor = weight(sum(1 << v for v in nodes))
                if not factor:
                    continue
                moved = tuple(m + (v in marked) for v, m in enumerate(state.marks))
                placed = state.placed | sum(1 << v for v in nodes)
                for (alive, out), opened in _openings(
                    forest, last if state.is_late else modes, nodes, state, factor
                ).items():
                    after = _State(placed, moved, alive, out, state.is_late)
                    q = bases(after)
                    step = placed.bit_count() + sum(moved) + state.is_late
                    target = buckets[step].setdefault(after, {})
                    for (q0, qs), laurent in sums.items():
                        into = target.setdefault((q0, tuple(sorted((*qs, q)))), {})
                        for exps, c in opened.items():
                            add_scaled(into, laurent, c, exps)
        bucket.clear()
    overall = {
        (0, *exps, *[0] * (width - 3)): Fraction(c) for exps, c in rule.overall(forest).items()
    }
    return {key: _times(laurent, overall) for key, laurent in result.items() if laurent}


def _begin_last(
    state: _State,
    sums: LevelSums,
    bases: Callable[[_State], Bases],
    buckets: list[dict[_State, LevelSums]],
) -> None:
    """Go on to the last updates: edges into the root so far have all that they get."""
    # Markers are steps before a node among those that its own modes count.
    if any(mark and not state.placed >> v & 1 for v, mark in enumerate(state.marks)):
        return
    after = state._replace(is_late=True, out=(0,) * len(state.out))
    begin = (*bases(after)[:-1], 2)
    target = buckets[state.placed.bit_count() + sum(state.marks) + 1].setdefault(after, {})
    for (q0, qs), laurent in sums.items():
        into = target.setdefault((q0, tuple(sorted((*qs, begin)))), {})
        add_scaled(into, laurent)


def _choices(
    state: _State, children: list[int], most: tuple[int, ...]
) -> Iterator[tuple[list[int], list[int]]]:
    """Yield the nodes that a level may place and the nodes that it may give a marker."""
    waiting = [v for v in range(len(children)) if not state.placed >> v & 1]
    ready = [v for v in waiting if children[v] & ~state.placed == 0]
    for pick in range(1 << len(ready)):
        nodes = [v for i, v in enumerate(ready) if pick >> i & 1]
        free = [v for v in waiting if v not in nodes and state.marks[v] < most[v]]
        for marking in range(1 << len(free)):
            if pick or marking:
                yield nodes, [v for i, v in enumerate(free) if marking >> i & 1]


def _openings(
    forest: UpdateForest,
    modes: tuple[tuple[EdgeMode, ...], ...],
    nodes: list[int],
    state: _State,
    factor: Laurent,
) -> dict[tuple[tuple[int, ...], Bases], Laurent]:
    """Choose a mode for the edge above each new node; close the edges below the new nodes."""
    closed = list(state.alive)
    for child, parent in forest.edges:
        if parent in nodes:
            closed[child] = -1
    openings: dict[tuple[tuple[int, ...], Bases], Laurent] = {(tuple(closed), state.out): factor}
    for v in nodes:
        into_root = forest.parents[v] < 0
        new: dict[tuple[tuple[int, ...], Bases], Laurent] = {}
        for (alive, out), laurent in openings.items():
            for mode in modes[v]:
                if state.marks[v] >= len(mode.markers) or not mode.markers[state.marks[v]]:
                    continue
                now_alive, now_out = alive, out
                if mode.base >= 0 and into_root:
                    now_out = tuple(k + (i == mode.base) for i, k in enumerate(out))
                elif mode.base >= 0:
                    now_alive = (*alive[:v], mode.base, *alive[v + 1 :])
                product = _times(laurent, mode.markers[state.marks[v]])
                add_scaled(new.setdefault((now_alive, now_out), {}), product)
        openings = new
    return openings


def _times(p: Laurent, q: Laurent) -> Laurent:
    result: Laurent = {}
    for exps, c in q.items():
        add_scaled(result, p, c, exps)
    return result
