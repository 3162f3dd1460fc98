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

from math import factorial
from typing import TYPE_CHECKING, Literal

from sympy import Add, Expr, Integer, Mul, Pow, Rational

from sgdiagrams.symbolic.weights.divided_differences import ExponentialDifference, PowerDifference

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sgdiagrams.symbolic.resummation.dressed import DressedComponent, DressedCount, Structure

__all__ = ["FORMS", "Form", "conditions", "expression", "leading"]

Form = Literal["discrete", "continuous", "stationary", "small-eta"]
FORMS: tuple[Form, ...] = ("discrete", "continuous", "stationary", "small-eta")

Roots = tuple[Expr, ...]


def expression(
    count: DressedCount,
    form: Form,
    *,
    eigenvalues: Sequence[Expr],
    roots: Sequence[Roots],
    memory: Expr,
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
        For the same edges the bases of the kernel: (1 - h,), or with momentum two of them.
    memory
        The momentum beta; 0 without.
    """
    scale: Expr = Integer(1)
    h = list(eigenvalues)
    if form in ("continuous", "small-eta") and memory != 0:
        # Slow directions see an update 1/(1 - beta) times as large.
        scale = (1 - memory) ** -len(h)
        h = [x / (1 - memory) for x in h]
    parts = [_component(c, count, form, h, roots) for c in count.components]
    return count.factor * scale * Mul(*parts)


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
    if form == "discrete":
        terms = [
            (
                count.coefficient(s),
                _monomial(s, part, count, roots)
                * PowerDifference(count.T, Integer(1), *_products(s, part, roots)),
            )
            for s in part.structures
        ]
        return _sum(terms) / _splitting(part, count, roots)
    if form == "stationary":
        grown = [
            (k, (count.coefficient(s), _monomial(s, part, count, roots) * value))
            for s in part.structures
            for k, value in [_stationary([1 - Q for Q in _products(s, part, roots)], count.T)]
        ]
        most = max((k for k, _ in grown), default=0)
        return _sum([v for k, v in grown if k == most]) / _splitting(part, count, roots)
    structures = leading(part, count)
    sums = [(count.coefficient(s), _sums(s, part, count, h)) for s in structures]
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
    per_edge = count.roots_per_edge
    # With momentum only the slow root of every edge is left.
    slow = [s for s in part.structures if per_edge == 1 or not any(sum(x[1::2]) for x in s.alive)]
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


def _products(s: Structure, part: DressedComponent, roots: Sequence[Roots]) -> list[Expr]:
    bases = [x for v in part.nodes for x in roots[v]]
    return [Mul(*(Pow(x, k) for x, k in zip(bases, level, strict=True) if k)) for level in s.alive]


def _sums(
    s: Structure, part: DressedComponent, count: DressedCount, h: Sequence[Expr]
) -> list[Expr]:
    step = count.roots_per_edge
    return [
        Add(*(h[v] for v, k in zip(part.nodes, level[::step], strict=True) if k))
        for level in s.alive
    ]


def _monomial(
    s: Structure, part: DressedComponent, count: DressedCount, roots: Sequence[Roots]
) -> Expr:
    """Return the product of all Q, over the product of q where the kernel is a power of q."""
    powers = [sum(level[i] for level in s.alive) for i in range(len(s.alive[0]))]
    bases = [x for v in part.nodes for x in roots[v]]
    less = 1 if count.roots_per_edge == 1 else 0
    return Mul(*(Pow(x, Integer(k - less)) for x, k in zip(bases, powers, strict=True)))


def _splitting(part: DressedComponent, count: DressedCount, roots: Sequence[Roots]) -> Expr:
    if count.roots_per_edge == 1:
        return Integer(1)
    return Mul(*(roots[v][0] - roots[v][1] for v in part.nodes))


def conditions(count: DressedCount) -> set[frozenset[int]]:
    """Return the sets of updates over whose edges the product of q must be below 1 in size.

    Then the stationary limit exists. Supersets of a set that is positive are so too.
    """
    step = count.roots_per_edge
    return {
        frozenset(v for i, v in enumerate(part.nodes) if any(level[step * i : step * (i + 1)]))
        for part in count.components
        for s in part.structures
        for level in s.alive
    }
