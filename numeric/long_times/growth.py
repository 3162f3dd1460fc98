r"""Dressed counts after many updates: polynomials in T, but for what decays.

The divided difference :math:`[1, Q_1, \dots, Q_L]\, x^T` with k of the Q equal to 1 and the others below
1 in size is, but for terms that decay like :math:`Q^T`,

.. math:: \prod_{Q_l \ne 1} u_l \; \sum_{j=0}^{k} \binom Tj (-1)^{k-j} h_{k-j}(u), \qquad
          u_l = \frac{1}{1 - Q_l},

with the complete homogeneous polynomials :math:`h_m` of the u with :math:`Q_l \ne 1`: the node 1 of
multiplicity k + 1 leaves derivatives of :math:`x^T / \prod (x - Q_l)` at 1. Levels with Q = 1 are those
where all alive edges are flat.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sgdiagrams.numeric.long_times.long_rounds import late_rounds
from sgdiagrams.numeric.precision.divided_differences import power_difference
from sgdiagrams.symbolic.resummation.dressed import DressedCount, closed_count
from sgdiagrams.symbolic.resummation.given_sets.round_sums import has_round_sum, round_sum
from sgdiagrams.symbolic.resummation.timed.counts import StagedCount, staged_count
from sgdiagrams.symbolic.training.dressing import Dressing, polynomial_at

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from sgdiagrams.symbolic.resummation.dressed import DressedComponent, Structure
    from sgdiagrams.symbolic.resummation.given_sets.round_sums import RoundComponent
    from sgdiagrams.symbolic.resummation.skeletons import Skeleton
    from sgdiagrams.symbolic.training.training import Training

__all__ = ["LongTime", "long_time", "product_of_long_times", "staged_value"]

#: Closer to 1 than this, a product of factors is taken for one that does not decay.
_MARGIN = 1e-12
#: Roots of an edge are one where they coincide: there the count, which is analytic in the
#: eigenvalues, is the mean over a circle, of this radius and with so many points.
_RADIUS, _POINTS = 0.05, 12


class LongTime(NamedTuple):
    """A polynomial in T for each value of the eigenvalues.

    Attributes
    ----------
    coefficients
        Of T^0, T^1, ...: arrays that broadcast.
    grows
        Where something else than a polynomial is left: a Q beyond 1, or -1.
    """

    coefficients: tuple[Any, ...]
    grows: Any = False


def product_of_long_times(first: LongTime, second: LongTime) -> LongTime:
    """Return the product of two polynomials."""
    size = len(first.coefficients) + len(second.coefficients) - 1
    total: list[Any] = [0.0] * size
    for i, a in enumerate(first.coefficients):
        for j, b in enumerate(second.coefficients):
            total[i + j] = total[i + j] + a * b
    return LongTime(tuple(total), np.logical_or(first.grows, second.grows))


def long_time(
    skeleton: Skeleton,
    training: Training,
    eigenvalues: Sequence[NDArray[np.float64]],
) -> LongTime:
    """Return a dressed count as a polynomial in T.

    Parameters
    ----------
    skeleton
        The linkless diagram; its indices are not looked at.
    training
        One with a closed form (see `sgdiagrams.symbolic.resummation.dressed`), with all numbers but T
        or E.
    eigenvalues
        For every update h on the edge above it, exactly 0 along flat directions; arrays that broadcast.

    Raises
    ------
    RequestError
        When there is no closed form.

    Examples
    --------
    A valley that is pushed by noise: the update next to the root is on a flat edge, above a pair.

    >>> from sgdiagrams.diagrams import Diagram
    >>> from sgdiagrams.symbolic import SGD, OnePass, Training
    >>> from sgdiagrams.symbolic.resummation.skeletons import Skeleton
    >>> valley = Skeleton(Diagram.parse("(01-2-3)(02-12-23)"), "population", (0, 1, 2))
    >>> h = np.array(0.5)
    >>> growth = long_time(valley, Training(OnePass(), SGD()), [np.array(0.0), h, h])
    >>> [round(float(c), 12) for c in growth.coefficients]
    [-1.777777777778, 1.333333333333, 0.0]
    """
    if skeleton.reads:
        at = partial(
            _staged, staged_count(skeleton.diagram, training, skeleton.reads, root=skeleton.role)
        )
    elif has_round_sum(skeleton.diagram, training):
        at = partial(
            _rounds,
            round_sum(skeleton.diagram, training),
            training.optimizer.dressing or Dressing(),
        )
    else:
        at = partial(_count, closed_count(skeleton.diagram, training, root=skeleton.role))
    return _at_roots(at, training, eigenvalues)


def staged_value(
    skeleton: Skeleton, training: Training, eigenvalues: Sequence[NDArray[np.float64]]
) -> NDArray[np.float64]:
    """Return a dressed count whose roots look at several times, by number.

    Parameters are those of `long_time`, but T or E have numbers too.
    """
    count = staged_count(skeleton.diagram, training, skeleton.reads, root=skeleton.role)
    parts = tuple(part._replace(endless=-1) for part in count.parts)
    value = _at_roots(partial(_staged, replace(count, parts=parts)), training, eigenvalues)
    return np.asarray(value.coefficients[0], dtype=np.float64)


def _at_roots(
    at: Callable[[Sequence[tuple[Any, ...]]], LongTime],
    training: Training,
    eigenvalues: Sequence[NDArray[np.float64]],
) -> LongTime:
    """Return a count of the roots of edges at the eigenvalues."""
    dressing = training.optimizer.dressing
    assert dressing is not None  # noqa: S101 - there is a closed form
    direct = at([_roots(h, dressing) for h in eigenvalues])
    exact = LongTime(tuple(np.real(c) for c in direct.coefficients), direct.grows)
    near: Any = False
    for double in _double_points(dressing):
        for h in eigenvalues:
            near = near | (np.abs(h - double) < _RADIUS / 2 * abs(double))
    if not np.any(near):
        return exact
    circle = [1 + _RADIUS * np.exp(2j * np.pi * k / _POINTS) for k in range(_POINTS)]
    around = [at([_roots(h * z, dressing) for h in eigenvalues]) for z in circle]
    means = [
        sum(c) / _POINTS for c in zip(*(near_by.coefficients for near_by in around), strict=True)
    ]
    mixed = tuple(
        np.where(near, np.real(mean), single)
        for mean, single in zip(means, exact.coefficients, strict=True)
    )
    return LongTime(mixed, exact.grows)


@lru_cache(maxsize=64)
def _double_points(dressing: Dressing) -> tuple[float, ...]:
    """Return the eigenvalues, but 0, at which two roots of an edge coincide."""
    points = []
    if dressing.root_count > 1:
        (t0, t1), (p0, p1) = dressing.total, dressing.product
        square = [t1**2, 2 * t0 * t1 - 4 * p1, t0**2 - 4 * p0]
        points += [x.real for x in np.roots([float(c) for c in square]) if abs(x.imag) < _MARGIN]
    for a in dressing.more:
        # d(a) + h n(a) = 0
        above, below = (polynomial_at(c, a) for c in (dressing.denominator, dressing.numerator))
        points += [float(-above / below)] if below != 0 else []
    return tuple(x for x in points if x)


def _roots(h: NDArray[Any], dressing: Dressing) -> tuple[NDArray[Any], ...]:
    """Return the roots of an edge between updates: complex where they oscillate."""
    if dressing.root_count == 1:
        return (-float(dressing.denominator[1]) - float(dressing.numerator[0]) * h,)
    total, product = (float(a) + float(b) * h for a, b in (dressing.total, dressing.product))
    root = np.sqrt(np.asarray(total**2 - 4 * product, dtype=complex))
    larger, smaller = (total + root) / 2, (total - root) / 2
    # Exactly 1 and beta along flat directions.
    flat = float(dressing.denominator[-1])
    return np.where(h == 0, 1, larger), np.where(h == 0, flat, smaller)


def _rounds(
    components: Sequence[RoundComponent], dressing: Dressing, bases: Sequence[tuple[Any, ...]]
) -> LongTime:
    """Return the limit on a given set for many rounds; where edges are flat there is none."""
    with np.errstate(all="ignore"):
        late = late_rounds(components, bases, dressing)
        value = late.value
        for roots in bases:
            value = value / (roots[0] - roots[1]) if len(roots) == 2 else value
    return LongTime((np.asarray(value),), late.grows)


def _count(count: DressedCount, bases: Sequence[tuple[Any, ...]]) -> LongTime:
    with np.errstate(all="ignore"):
        result = LongTime((float(count.factor),))
        for part in count.components:
            result = product_of_long_times(result, _component(part, count, bases))
        coefficients = tuple(np.asarray(c) for c in result.coefficients)
    return LongTime(coefficients, result.grows)


def _staged(count: StagedCount, bases: Sequence[tuple[Any, ...]]) -> LongTime:
    """Return a count in stages; the one without end as a polynomial in T."""
    step = count.roots_per_edge
    with np.errstate(all="ignore"):
        result = LongTime((float(count.factor),))
        for part in count.parts:
            lengths = [int(length) if length.is_number else 0 for length in part.lengths]
            # The stage without end has T updates less those of the others.
            less = int(count.T - part.lengths[part.endless]) if part.endless >= 0 else 0
            edges = [_inner_shares(count.dressing, bases[v]) for v in part.nodes]
            own = [x for edge in edges for x, _ in edge]
            total: list[Any] = [0.0]
            grows: Any = False
            for s in part.structures:
                levels = [level for _, of_stage in s.stages for level in of_stage]
                front: Any = float(count.coefficient(s))
                for place, i in enumerate(count.chosen(s)):
                    x, share = edges[place][i]
                    exponent = sum(level[step * place + i] for level in levels) - 1
                    front = front * share * (x**exponent if exponent else 1.0)
                value = LongTime((front,))
                for i, (start, of_stage) in enumerate(s.stages):
                    at = [_at(level, own) for level in (start, *of_stage)]
                    if i == part.endless:
                        stage = _endless(at, less)
                    else:
                        nodes = [np.asarray(Q) for Q, _ in at]
                        stage = LongTime((power_difference(nodes, lengths[i]),))
                    value = product_of_long_times(value, stage)
                total += [0.0] * (len(value.coefficients) - len(total))
                for k, c in enumerate(value.coefficients):
                    total[k] = total[k] + c
                grows = np.logical_or(grows, value.grows)
            result = product_of_long_times(result, LongTime(tuple(total), grows))
        coefficients = tuple(np.asarray(c) for c in result.coefficients)
    return LongTime(coefficients, result.grows)


def _at(level: Sequence[int], own: Sequence[Any]) -> tuple[Any, Any]:
    """Return Q, and where all that is alive is flat."""
    Q: Any = np.asarray(1.0)
    is_flat: Any = True
    for x, k in zip(own, level, strict=True):
        if k:
            Q = Q * x**k
            is_flat = np.logical_and(is_flat, x == 1)
    return Q, is_flat


def _endless(at: Sequence[tuple[Any, Any]], less: int) -> LongTime:
    """Return a divided difference of a power T - `less` that grows, without what decays."""
    grows: Any = False
    for Q, is_flat in at:
        grows = np.logical_or(grows, ~np.asarray(is_flat) & (np.abs(Q) >= 1 - _MARGIN))
    rates = [np.where(f, 0.0, 1 / (1 - Q)) for Q, f in at]
    front: Any = 1.0
    for (_, f), u in zip(at, rates, strict=True):
        front = front * np.where(f, 1.0, u)
    sums = _homogeneous(rates)
    flats = sum(np.asarray(f, dtype=int) for _, f in at)
    total: list[Any] = [0.0] * len(at)
    for k in range(len(at)):
        selected = np.where(flats == k + 1, front, 0.0)
        for j in range(k + 1):
            value = (-1) ** (k - j) * sums[k - j] * selected
            for i, c in enumerate(_binomial(j, less)):
                total[i] = total[i] + c * value
    return LongTime(tuple(total), grows)


def _inner_shares(dressing: Dressing, roots: tuple[Any, ...]) -> list[tuple[Any, Any]]:
    """Return the roots of an edge that reads the last weights, and what each comes with."""
    polynomial = [float(c) for c in dressing.numerator]
    split = roots[0] - roots[1] if len(roots) > 1 else 1.0
    return [(x, np.polyval(polynomial, x) / split) for x in roots]


def _component(
    part: DressedComponent, count: DressedCount, bases: Sequence[tuple[Any, ...]]
) -> LongTime:
    total: list[Any] = [0.0]
    grows: Any = False
    edges = [_shares(count, v, bases[v]) for v in part.nodes]
    for s in part.structures:
        part_sum = _structure(s, edges, count)
        number = float(count.coefficient(s))
        total += [0.0] * (len(part_sum.coefficients) - len(total))
        for k, c in enumerate(part_sum.coefficients):
            total[k] = total[k] + number * c
        grows = np.logical_or(grows, part_sum.grows)
    return LongTime(tuple(total), grows)


def _shares(count: DressedCount, v: int, roots: tuple[Any, ...]) -> list[tuple[Any, Any]]:
    """Return the roots of the edge above an update, and what each comes with."""
    dressing = count.dressing
    is_outer = v in count.into_root
    every = [*roots, *map(float, dressing.more)] if is_outer else list(roots)
    polynomial = [float(c) for c in (dressing.readout if is_outer else dressing.numerator)]
    result = []
    for i, x in enumerate(every):
        share = np.polyval(polynomial, x)
        for k, y in enumerate(every):
            if k != i:
                # Signs of roots are in the structures.
                share = share / (x - y if i < k else y - x)
        result.append((x, share))
    return result


def _structure(
    s: Structure, edges: Sequence[list[tuple[Any, Any]]], count: DressedCount
) -> LongTime:
    step = count.roots_per_edge
    own = [
        (*edge[i], step * place + i)
        for place, (edge, i) in enumerate(zip(edges, count.chosen(s), strict=True))
    ]
    products, flats = [], []
    for level in s.alive:
        Q: Any = 1.0
        is_flat: Any = True
        for x, _, at in own:
            if level[at]:
                Q = Q * x
                is_flat = np.logical_and(is_flat, x == 1)
        products.append(Q)
        flats.append(is_flat)
    prefactor: Any = 1.0
    for x, share, at in own:
        power = sum(level[at] for level in s.alive) - 1
        prefactor = prefactor * share
        if power:
            prefactor = prefactor * x**power
    grows: Any = False
    for Q, is_flat in zip(products, flats, strict=True):
        grows = np.logical_or(grows, ~np.asarray(is_flat) & (np.abs(Q) >= 1 - _MARGIN))
    rates = [np.where(f, 0.0, 1 / (1 - Q)) for Q, f in zip(products, flats, strict=True)]
    for f, u in zip(flats, rates, strict=True):
        prefactor = prefactor * np.where(f, 1.0, u)
    homogeneous = _homogeneous(rates)
    L = len(rates)
    flat_count = sum(np.asarray(f, dtype=int) for f in flats)
    total: list[Any] = [0.0] * (L + 1)
    for k in range(L + 1):
        selected = np.where(flat_count == k, prefactor, 0.0)
        for j in range(k + 1):
            value = (-1) ** (k - j) * homogeneous[k - j] * selected
            for i, c in enumerate(_binomial(j)):
                total[i] = total[i] + c * value
    return LongTime(tuple(total), grows)


def _homogeneous(rates: Sequence[Any]) -> list[Any]:
    """Return the complete homogeneous polynomials of degrees 0, ..., len(rates)."""
    sums: list[Any] = [1.0] + [0.0] * len(rates)
    for u in rates:
        for m in range(1, len(sums)):
            sums[m] = sums[m] + u * sums[m - 1]
    return sums


def _binomial(j: int, less: int = 0) -> list[float]:
    """Return the coefficients of T^0, T^1, ... in binomial(T - less, j)."""
    powers = [1.0]
    for i in range(j):
        shifted = [0.0, *powers]
        powers = [
            (a - (i + less) * b) / (i + 1) for a, b in zip(shifted, [*powers, 0.0], strict=True)
        ]
    return powers
