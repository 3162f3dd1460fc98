r"""Presentations of dressed counts whose roots look at several times.

The forms are those of `sgdiagrams.symbolic.resummation.forms`. For T to infinity the stages after the
first time keep their lengths, so that lags stay as they are; and what is left is the whole polynomial in
T, since differences of times take its leading part away.
"""

from __future__ import annotations

from math import factorial
from typing import TYPE_CHECKING

from sympy import Add, Expr, Integer, Mul, Pow, Rational

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.symbolic.training.dressing import polynomial_at
from sgdiagrams.symbolic.weights.divided_differences import ExponentialDifference, PowerDifference

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sgdiagrams.symbolic.resummation.forms import Form, Roots
    from sgdiagrams.symbolic.resummation.timed.counts import (
        StagedCount,
        StagedPart,
        StagedStructure,
    )

__all__ = [
    "check_long_times",
    "endless_groups",
    "homogeneous",
    "staged_expression",
]


def staged_expression(
    count: StagedCount,
    form: Form,
    *,
    eigenvalues: Sequence[Expr],
    roots: Sequence[Roots],
) -> Expr:
    """Return a dressed count as a function of the eigenvalues on its edges.

    Parameters are those of `sgdiagrams.symbolic.resummation.forms.expression`.

    Raises
    ------
    RequestError
        When a form is a limit that times from the start, or lags of a number, do not have.
    """
    h = list(eigenvalues)
    if form == "discrete":
        parts = [_discrete(part, count, roots) for part in count.parts]
        return Mul(count.factor, *parts)
    check_long_times(count, form)
    if form == "stationary":
        return Mul(count.factor, *(_stationary(part, count, roots) for part in count.parts))
    gain = count.dressing.gain
    scale = gain ** len(h)
    h = [gain * x for x in h]
    return Mul(count.factor, scale, *(_slow(part, count, form, h) for part in count.parts))


def check_long_times(count: StagedCount, form: Form) -> None:
    """Raise a RequestError where a form is a limit that the times do not have."""
    if form != "stationary" and any(part.endless for part in count.parts):
        raise RequestError(
            f"expected times before the end, lag=..., for form={shown(form)}, got some from the start, "
            "at=...; take form='stationary'"
        )
    lengths = [length for part in count.parts for length in part.lengths[1:]]
    lengths += [T - count.T for part in count.parts for T in part.lengths[:1]]
    if form != "stationary" and any(length.is_number and length != 0 for length in lengths):
        raise RequestError(
            f"expected lags that are symbols, which grow as eta falls, for form={shown(form)}, got "
            f"{', '.join(map(str, lengths))}; take form='stationary'"
        )


def _discrete(part: StagedPart, count: StagedCount, roots: Sequence[Roots]) -> Expr:
    bases = [x for v in part.nodes for x in roots[v]]
    terms = []
    for s in part.structures:
        factors = [
            _difference(length, [_product(level, bases) for level in (start, *levels)])
            for length, (start, levels) in zip(part.lengths, s.stages, strict=True)
        ]
        terms.append(Mul(count.coefficient(s), _monomial(s, count, bases), *factors))
    return Add(*terms) / _splitting(part, count, roots)


def _stationary(part: StagedPart, count: StagedCount, roots: Sequence[Roots]) -> Expr:
    bases = [x for v in part.nodes for x in roots[v]]
    terms = []
    for s in part.structures:
        factors = []
        for i, (length, (start, levels)) in enumerate(zip(part.lengths, s.stages, strict=True)):
            nodes = [_product(level, bases) for level in (start, *levels)]
            difference = _long_difference if i == part.endless else _difference
            factors.append(difference(length, nodes))
        terms.append(Mul(count.coefficient(s), _monomial(s, count, bases), *factors))
    return Add(*terms) / _splitting(part, count, roots)


def _long_difference(n: Expr, nodes: Sequence[Expr]) -> Expr:
    """Return what is left of the divided difference of a power as it grows, a polynomial in it.

    Where nothing stays for ever, no node being 1, it is nothing.
    """
    flat = sum(Q == 1 for Q in nodes) - 1
    if flat < 0:
        return Integer(0)
    rates = [1 / (1 - Q) for Q in nodes if Q != 1]
    sums = homogeneous(rates, flat)
    polynomial = [
        (-1) ** (flat - j) * sums[flat - j] * Mul(*(n - i for i in range(j))) / factorial(j)
        for j in range(flat + 1)
    ]
    return Mul(*rates, Add(*polynomial))


def homogeneous(values: Sequence[Expr], degree: int) -> list[Expr]:
    """Return the complete homogeneous polynomials of degrees 0, ..., `degree`.

    Examples
    --------
    >>> from sympy.abc import x, y
    >>> homogeneous([x, y], 2)[1]
    x + y
    """
    sums: list[Expr] = [Integer(1), *[Integer(0)] * degree]
    for value in values:
        for k in range(1, degree + 1):
            sums[k] = sums[k] + value * sums[k - 1]
    return sums


def _difference(length: Expr, nodes: Sequence[Expr]) -> Expr:
    """Return the divided difference of a power; of a small one as a polynomial."""
    if not length.is_Integer or length > 8:
        return PowerDifference(length, *nodes)
    degree = int(length) - len(nodes) + 1
    return homogeneous(nodes, degree)[degree] if degree >= 0 else Integer(0)


def _slow(part: StagedPart, count: StagedCount, form: Form, h: Sequence[Expr]) -> Expr:
    """Return the leading part where many steps pass between levels: exponentials."""
    step = count.roots_per_edge

    def rate(level: Sequence[int]) -> Expr:
        return Add(*(h[v] for v, k in zip(part.nodes, level[::step], strict=True) if k))

    slow = [s for s in part.structures if step == 1 or not any(map(_is_fast, s.stages))]
    best: dict[int, int] = {}
    for s in slow:
        for n, _ in s.coefficient:
            best[n] = max(best.get(n, 0), _levels(s))
    terms = []
    for s in slow:
        kept = {key: c for key, c in s.coefficient.items() if best[key[0]] == _levels(s)}
        if not kept:
            continue
        factors = []
        for i, (length, (start, levels)) in enumerate(zip(part.lengths, s.stages, strict=True)):
            rates = [rate(level) for level in levels]
            if i == 0 and form == "small-eta":
                flat = sum(x == 0 for x in rates)
                growth = Pow(count.T, flat) * Rational(1, factorial(flat))
                factors.append(growth * Mul(*(1 / x for x in rates if x != 0)))
            else:
                nodes = (-rate(start), *(-x for x in rates))
                factors.append(ExponentialDifference(length, *nodes))
        terms.append(Mul(count.coefficient(s._replace(coefficient=kept)), *factors))
    return Add(*terms)


def _levels(s: StagedStructure) -> int:
    return sum(len(levels) for _, levels in s.stages)


def _is_fast(stage: tuple[tuple[int, ...], tuple[tuple[int, ...], ...]]) -> bool:
    start, levels = stage
    return any(sum(level[1::2]) for level in (start, *levels))


def _product(level: Sequence[int], bases: Sequence[Expr]) -> Expr:
    return Mul(*(Pow(x, k) for x, k in zip(bases, level, strict=True) if k))


def _monomial(s: StagedStructure, count: StagedCount, bases: Sequence[Expr]) -> Expr:
    """Return the product over edges of what their roots come with, as often as they are spanned."""
    levels = [level for _, of_stage in s.stages for level in of_stage]
    step = count.roots_per_edge
    factors = []
    for place, i in enumerate(count.chosen(s)):
        at = step * place + i
        power = Integer(sum(level[at] for level in levels) - 1)
        factors.append(polynomial_at(count.dressing.numerator, bases[at]) * Pow(bases[at], power))
    return Mul(*factors)


def _splitting(part: StagedPart, count: StagedCount, roots: Sequence[Roots]) -> Expr:
    if count.roots_per_edge == 1:
        return Integer(1)
    return Mul(*(roots[v][0] - roots[v][1] for v in part.nodes))


def endless_groups(count: StagedCount) -> set[frozenset[int]]:
    """Return the sets of updates over whose edges the product of q must be below 1 in size.

    Then the stage that grows with T has a limit, and with it the count.
    """
    step = count.roots_per_edge
    return {
        frozenset(v for i, v in enumerate(part.nodes) if any(level[step * i : step * (i + 1)]))
        for part in count.parts
        for s in part.structures
        for start, levels in (
            s.stages[part.endless : part.endless + 1] if part.endless >= 0 else ()
        )
        for level in (start, *levels)
        if any(level)
    }
