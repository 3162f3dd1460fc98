"""Sums over rounds as functions of eigenvalues: after R rounds, and for R to infinity."""

from __future__ import annotations

from itertools import product
from math import factorial
from typing import TYPE_CHECKING, Literal

from sympy import Add, Expr, Integer, Mul, Pow, Rational

from sgdiagrams.symbolic.resummation.given_sets.decay import PowerDecay
from sgdiagrams.symbolic.training.dressing import polynomial_at
from sgdiagrams.symbolic.weights.divided_differences import PowerDifference

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sgdiagrams.symbolic.resummation.given_sets.round_sums import RoundComponent
    from sgdiagrams.symbolic.training.dressing import Dressing

__all__ = ["ROUND_FORMS", "RoundForm", "round_conditions", "round_expression"]

RoundForm = Literal["discrete", "stationary"]
ROUND_FORMS: tuple[RoundForm, ...] = ("discrete", "stationary")


def round_expression(
    components: Sequence[RoundComponent],
    form: RoundForm,
    *,
    roots: Sequence[tuple[Expr, ...]],
    dressing: Dressing,
) -> Expr:
    """Return a dressed count on a given set as a function of the eigenvalues on its edges.

    Parameters
    ----------
    components
        What to write.
    form
        ``"discrete"``: after all rounds; ``"stationary"``: the leading part for many rounds, at their
        ends, exact in the learning rate.
    roots
        For the edge above every update the bases of its kernel: (1 - h,), or with momentum two of them.
    dressing
        What the bases are the roots of.
    """
    return Mul(
        *(_component(part, form, [roots[v] for v in part.nodes], dressing) for part in components)
    )


def _component(
    part: RoundComponent,
    form: RoundForm,
    roots: Sequence[tuple[Expr, ...]],
    dressing: Dressing,
) -> Expr:
    numerators = [dressing.readout if top else dressing.numerator for top in part.into_root]
    by_outer: dict[tuple[int, Expr], list[Expr]] = {}
    for s, weight in part.sums:
        for sign, own in _choices(roots):
            growth, factor = 0, Integer(1)
            for chain in s.outer:
                grown, value = _outer(part, form, [_product(own, alive) for alive in chain])
                growth, factor = growth + grown, factor * value
            value = Mul(
                sign,
                weight,
                *(polynomial_at(c, x) for c, x in zip(numerators, own, strict=True)),
                *(Pow(x, Integer(k)) for x, k in zip(own, s.passes, strict=True)),
                *(Pow(x, part.batches * k) for x, k in zip(own, s.rounds_passed, strict=True) if k),
                *(
                    PowerDifference(part.batches, *(_product(own, alive) for alive in gaps))
                    for gaps in s.inner
                ),
            )
            by_outer.setdefault((growth, factor), []).append(value)
    most = max((growth for growth, _ in by_outer), default=0)
    total = Add(*(f * Add(*terms) for (growth, f), terms in by_outer.items() if growth == most))
    return total / Mul(*(r[0] - r[1] for r in roots if len(r) == 2))


def _choices(roots: Sequence[tuple[Expr, ...]]) -> Iterator[tuple[int, tuple[Expr, ...]]]:
    """Yield one root for every edge, with the sign of all."""
    for picked in product(*(range(len(r)) for r in roots)):
        yield (-1) ** sum(picked), tuple(r[i] for r, i in zip(roots, picked, strict=True))


def _product(own: Sequence[Expr], alive: Sequence[int]) -> Expr:
    return Mul(*(x for x, k in zip(own, alive, strict=True) if k))


def _outer(part: RoundComponent, form: RoundForm, products: Sequence[Expr]) -> tuple[int, Expr]:
    """Return the sum over the rounds: what power of their number it grows like, and its value."""
    if form == "discrete":
        nodes = [Q if Q == 1 else Pow(Q, part.batches) for Q in products]
        return 0, PowerDifference(part.count, Integer(1), *nodes)
    flat = sum(Q == 1 for Q in products)
    decay = Mul(*(1 / PowerDecay(part.batches, Q) for Q in products if Q != 1))
    return flat, decay * part.count**flat * Rational(1, factorial(flat))


def round_conditions(components: Sequence[RoundComponent]) -> set[frozenset[int]]:
    """Return the sets of updates over whose edges the product of q must be below 1 in size.

    Then the stationary limit exists.
    """
    return {
        frozenset(v for v, k in zip(part.nodes, alive, strict=True) if k)
        for part in components
        for s, _ in part.sums
        for chain in s.outer
        for alive in chain
    }
