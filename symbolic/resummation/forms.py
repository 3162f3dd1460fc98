r"""Presentations of dressed counts: discrete, in continuous time, stationary, and at small eta.

One time sum can be written in four ways:

* ``"discrete"``: exact for all eta and T, in divided differences of :math:`x^T`;
* ``"continuous"``: its leading part for eta to 0 with eta T fixed, in divided differences of
  :math:`e^{Tx}`: only levels of one block each survive (of one node for full batches);
* ``"stationary"``: its leading part for T to infinity, exact in eta. Where every :math:`Q_l` is below
  1 in size that is the limit :math:`\prod_l 1/(1 - Q_l)`; every :math:`Q_l = 1`, which is had along
  flat directions alone, makes it grow like another power of T;
* ``"small-eta"``: the leading part of either of the last two: 1 - Q becomes a sum of h.
"""

from __future__ import annotations

from itertools import combinations
from math import factorial
from typing import TYPE_CHECKING, Literal, NamedTuple

from sympy import Add, Expr, Integer, Mul, Pow, Rational

from sgdiagrams.symbolic.training.dressing import polynomial_at
from sgdiagrams.symbolic.weights.divided_differences import ExponentialDifference, PowerDifference

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sgdiagrams.symbolic.resummation.dressed import DressedComponent, DressedCount, Structure

__all__ = ["FORMS", "Form", "conditions", "expression", "leading", "slow_roots"]

Form = Literal["discrete", "continuous", "stationary", "small-eta"]
FORMS: tuple[Form, ...] = ("discrete", "continuous", "stationary", "small-eta")

Roots = tuple[Expr, ...]


def expression(
    count: DressedCount, form: Form, *, eigenvalues: Sequence[Expr], roots: Sequence[Roots]
) -> Expr:
    """Return a dressed count as a function of the eigenvalues on its edges.

    Parameters
    ----------
    count
        What to write.
    form
        How.
    eigenvalues
        h for the edge above every update; 0 where the direction is flat.
    roots
        For the same edges the roots that an edge between updates has: (1 - h,), or with momentum two.
    """
    scale: Expr = Integer(1)
    h = list(eigenvalues)
    dressing = count.dressing
    if form in ("continuous", "small-eta"):
        # Slow directions see the whole of an update, 1/(1 - beta) times its first step.
        outer = len(count.into_root)
        scale = dressing.gain ** (len(h) - outer) * dressing.readout_gain**outer
        h = [dressing.gain * x for x in h]
    parts = [_component(c, count, form, h, roots) for c in count.components]
    return count.factor * count.share * scale * Mul(*parts)


def _sum(terms: Sequence[tuple[Expr, Expr]]) -> Expr:
    """Return a sum of coefficients times values, with a common coefficient in front."""
    if len({c for c, _ in terms}) == 1:
        return terms[0][0] * Add(*(value for _, value in terms))
    return Add(*(c * value for c, value in terms))


def _component(
    part: DressedComponent,
    count: DressedCount,
    form: Form,
    h: Sequence[Expr],
    roots: Sequence[Roots],
) -> Expr:
    if form in ("discrete", "stationary"):
        edges = [_dressed_edge(count, v, roots[v]) for v in part.nodes]
        split = Mul(*(edge.splitting for edge in edges))
        terms = [
            (
                count.coefficient(s),
                _monomial(s, edges, count) * _last_updates(s, part, edges, count),
                _products(s.alive, s, edges, count),
            )
            for s in part.structures
        ]
    if form == "discrete":
        T = count.T - (count.dressing.window or 0)
        return _sum([(c, m * PowerDifference(T, Integer(1), *Q)) for c, m, Q in terms]) / split
    if form == "stationary":
        grown = [
            (k, (c, monomial * value))
            for c, monomial, products in terms
            for k, value in [_stationary([1 - Q for Q in products], count.T)]
        ]
        most = max((k for k, _ in grown), default=0)
        return _sum([v for k, v in grown if k == most]) / split
    structures = leading(part, count)
    sums = [
        (count.coefficient(s) * _slow_share(s, part, count, h), _sums(s, part, count, h))
        for s in structures
    ]
    if form == "continuous":
        return _sum(
            [
                (c, ExponentialDifference(count.T, Integer(0), *(-x for x in alive)))
                for c, alive in sums
            ]
        )
    slow = [(k, (c, v)) for c, alive in sums for k, v in [_stationary(alive, count.T)]]
    most = max((k for k, _ in slow), default=0)
    return _sum([v for k, v in slow if k == most])


def _stationary(rates: Sequence[Expr], T: Expr) -> tuple[int, Expr]:
    """Return the growth of a time sum, and its leading part: levels of rate 0 give powers of T."""
    flat = sum(rate == 0 for rate in rates)
    decay = Mul(*(1 / rate for rate in rates if rate != 0))
    return flat, decay * Pow(T, Integer(flat)) * Rational(1, factorial(flat))


def leading(part: DressedComponent, count: DressedCount) -> list[Structure]:
    """Return the structures that matter most when many steps pass between levels."""
    kept_roots = slow_roots(count)
    slow = [s for s in part.structures if all(i in kept_roots for i in count.chosen(s))]
    best: dict[int, int] = {}
    for s in slow:
        for n, _ in s.coefficient:
            best[n] = max(best.get(n, 0), len(s.alive))
    kept = []
    for s in slow:
        laurent = {key: c for key, c in s.coefficient.items() if best[key[0]] == len(s.alive)}
        if laurent:
            kept.append(s._replace(coefficient=laurent))
    return kept


def slow_roots(count: DressedCount) -> tuple[int, ...]:
    """Return the numbers of the roots that are near 1: the first, and that of a mean."""
    mean = range(count.dressing.root_count, count.roots_per_edge)
    return (0, *(mean if count.dressing.is_mean else ()))


def _slow_share(
    s: Structure, part: DressedComponent, count: DressedCount, h: Sequence[Expr]
) -> Expr:
    r"""Return what a mean of all iterates brings in: :math:`(1 - e^{-h D})/h` on edges into the root."""
    if not count.dressing.is_mean:
        return Integer(1)
    # Structures have signs for the differences of all roots.
    sign = (-1) ** count.dressing.root_count
    return Mul(
        *(
            Integer(sign if i else -1) / h[v]
            for v, i in zip(part.nodes, count.chosen(s), strict=True)
            if v in count.into_root
        )
    )


def _sums(
    s: Structure, part: DressedComponent, count: DressedCount, h: Sequence[Expr]
) -> list[Expr]:
    step = count.roots_per_edge
    return [
        Add(*(h[v] for v, k in zip(part.nodes, level[::step], strict=True) if k))
        for level in s.alive
    ]


class _DressedEdge(NamedTuple):
    """The roots of an edge, what each comes with, and what all is divided by."""

    roots: Roots
    numerators: Roots
    splitting: Expr


def _dressed_edge(count: DressedCount, v: int, roots: Roots) -> _DressedEdge:
    """Return the edge above an update; signs of roots are in the structures."""
    dressing = count.dressing
    is_outer = v in count.into_root
    polynomial = dressing.readout if is_outer else dressing.numerator
    every = (*roots, *dressing.more) if is_outer else roots
    numerators = tuple(
        polynomial_at(polynomial, x) * _differences((*every[:i], *every[i + 1 :]))
        for i, x in enumerate(every)
    )
    return _DressedEdge(every, numerators, _differences(every))


def _differences(numbers: Roots) -> Expr:
    """Return the product of all differences, a former less a later one."""
    return Mul(*(a - b for a, b in combinations(numbers, 2)))


def _last_updates(
    s: Structure, part: DressedComponent, edges: Sequence[_DressedEdge], count: DressedCount
) -> Expr:
    """Return the sum over the times of the last updates, of which an average is the mean."""
    W = count.dressing.window
    if W is None:
        return Integer(1)
    step = count.roots_per_edge
    which = count.chosen(s)
    before = (
        Pow(edge.roots[i], Integer(W)) - 1
        for place, (v, edge, i) in enumerate(zip(part.nodes, edges, which, strict=True))
        if v in count.into_root and any(level[step * place + i] for level in s.alive)
    )
    nodes = _products((s.begin, *s.last), s, edges, count)
    return Mul(*before) * PowerDifference(Integer(W), *nodes)


def _products(
    levels: Sequence[tuple[int, ...]],
    s: Structure,
    edges: Sequence[_DressedEdge],
    count: DressedCount,
) -> list[Expr]:
    """Return the products of what is alive between levels."""
    step = count.roots_per_edge
    chosen = count.chosen(s)
    return [
        Mul(
            *(
                Pow(edge.roots[i], level[step * place + i])
                for place, (edge, i) in enumerate(zip(edges, chosen, strict=True))
                if level[step * place + i]
            )
        )
        for level in levels
    ]


def _monomial(s: Structure, edges: Sequence[_DressedEdge], count: DressedCount) -> Expr:
    """Return the product over edges of what their roots come with, as often as they are spanned."""
    step = count.roots_per_edge
    return Mul(
        *(
            edge.numerators[i] * Pow(edge.roots[i], Integer(s.spans[step * place + i] - 1))
            for place, (edge, i) in enumerate(zip(edges, count.chosen(s), strict=True))
        )
    )


def conditions(count: DressedCount) -> set[frozenset[int]]:
    """Return the sets of updates over whose edges the product of q must be below 1 in size.

    Then the stationary limit exists. Supersets of a set that is positive are so too. Roots of averages
    that are below 1 make products smaller and do not count.
    """
    step = count.roots_per_edge
    own = count.dressing.root_count
    groups = set()
    for part in count.components:
        for s in part.structures:
            for level in s.alive:
                pieces = [level[i : i + step] for i in range(0, len(level), step)]
                if count.dressing.is_mean or not any(any(piece[own:]) for piece in pieces):
                    steep = (
                        v for v, piece in zip(part.nodes, pieces, strict=True) if any(piece[:own])
                    )
                    groups.add(frozenset(steep))
    return groups - {frozenset()}
