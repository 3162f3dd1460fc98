r"""Dressed counts by powers: of :math:`\eta` at fixed :math:`\eta T`, and of 1/N.

Far from the first steps a time sum is a series in the learning rate: with every h, 1/T and 1/N small of
the first degree, a diagram of noise m (nodes less blocks) starts at degree m. With :math:`y_l = Q_l - 1`,
which is minus the sum of the alive h in leading order, a time sum is the divided difference at
0 and the y of

.. math:: (1 + y)^T = e^{T y} \exp\bigl(T (-\tfrac12 y^2 + \tfrac13 y^3 - \dots)\bigr)
    = e^{T y} \sum_{j,k} c_{jk}\, T^j y^k , \qquad k \ge 2 j ,

every term of degree k - j; powers of y come out by Leibniz' rule, and moving a node by a small amount is
Taylor's: the derivative by a node repeats it. Roots of momentum that die out in a few steps leave
:math:`1/(x - Q)`, which is expanded at 1. For T to infinity nothing is left but
:math:`\prod_l 1/(1 - Q_l)`.
"""

from __future__ import annotations

from itertools import combinations_with_replacement, product
from math import factorial
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from sympy import Add, Expr, Integer, Pow, Rational

from sgdiagrams.symbolic.resummation.forms import leading
from sgdiagrams.symbolic.resummation.truncated import (
    Truncated,
    constant,
    cut_power,
    cut_product,
    product_of,
    reciprocal,
)
from sgdiagrams.symbolic.weights.divided_differences import ExponentialDifference

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sgdiagrams.symbolic.resummation.dressed import DressedComponent, DressedCount, Structure
    from sgdiagrams.symbolic.training.dressing import Dressing

__all__ = ["Grade", "Graded", "graded_count", "product_of_graded", "roots_in_powers"]

#: A power of eta at fixed eta T, and one of 1/N.
Grade: TypeAlias = "tuple[int, int]"
#: What stands at each of them.
Graded: TypeAlias = "dict[Grade, Expr]"


class _TimeSum(NamedTuple):
    """A time sum: ``T^growth`` for long times, and a series that starts at a power of eta."""

    growth: int
    start: int
    series: Truncated


def roots_in_powers(h: Expr, dressing: Dressing, length: int) -> tuple[Truncated, ...]:
    r"""Return the roots of an edge between updates as series: 1 - h, or two of them.

    The slow root is 1 at h = 0, the fast one beta of heavy balls and Nesterov's momentum.

    Examples
    --------
    >>> from sympy.abc import h
    >>> from sgdiagrams.symbolic import SGD
    >>> roots_in_powers(h, SGD().dressing, 3)
    ((1, -h, 0),)
    """
    if dressing.root_count == 1:
        slope = -dressing.numerator[0] * h
        return ((Integer(1), slope, *constant(Integer(0), length))[:length],)
    (total, more), (_, product) = dressing.total, dressing.product
    slow = [Integer(1)]
    for k in range(1, length):
        crossed = Add(*(slow[i] * slow[k - i] for i in range(1, k)))
        known = more * slow[k - 1] - crossed - (product if k == 1 else 0)
        slow.append(known / (2 - total))
    scaled = tuple(c * h**k for k, c in enumerate(slow))
    whole = (total, more * h, *constant(Integer(0), length))
    return scaled, tuple(a - b for a, b in zip(whole, scaled, strict=False))


def graded_count(
    count: DressedCount,
    bases: Sequence[tuple[Truncated, ...]],
    *,
    most: int,
    stationary: bool,
    is_continuous: bool,
) -> Graded:
    r"""Return :math:`\eta^d` times a dressed count, d its updates, as a series, through a power.

    Parameters
    ----------
    count
        Of a linkless diagram.
    bases
        For the edge above every update, as `roots_in_powers` returns them, with enough coefficients:
        `most` + 2 + the number of edges.
    most
        The highest power, of eta and 1/N together.
    stationary
        Whether T is infinite: what decays is dropped, and of what grows the leading power of T is kept.
    is_continuous
        Whether the scheme is a limit in continuous time, in which leading parts are exact.
    """
    first = (0, -count.rows) if count.is_of_set else (-count.rows, 0)
    least = [_least(part, count) for part in count.components]
    # What the other parts cost at least is not there for a part.
    left = most - sum(first) - sum(map(sum, least))
    total: Graded = {first: count.factor}
    for part, (eta, _) in zip(count.components, least, strict=True):
        own = _component(
            part,
            count,
            bases,
            most=left + eta,
            stationary=stationary,
            is_continuous=is_continuous,
        )
        total = product_of_graded(total, own, most)
    return {grade: c for grade, c in total.items() if sum(grade) <= most and c != 0}


def product_of_graded(first: Graded, second: Graded, most: int) -> Graded:
    """Return the product through a power of eta; powers of 1/N may still cancel."""
    result: dict[Grade, list[Expr]] = {}
    for (i, j), a in first.items():
        for (k, m), b in second.items():
            if i + k <= most:
                result.setdefault((i + k, j + m), []).append(a * b)
    return {grade: Add(*terms) for grade, terms in result.items()}


def _least(part: DressedComponent, count: DressedCount) -> Grade:
    """Return the least powers of eta and of 1/N."""
    edges = len(part.nodes)
    return (
        min((edges - _slow(s, count) for s in part.structures), default=0),
        min((_rows(key, count) for s in part.structures for key in s.coefficient), default=0),
    )


def _slow(s: Structure, count: DressedCount) -> int:
    """Return the number of levels of slow roots alone, each of which costs a time 1/h."""
    step = count.roots_per_edge
    return sum(not any(k for i, k in enumerate(level) if i % step) for level in s.alive)


def _rows(key: tuple[int, ...], count: DressedCount) -> int:
    """Return the power of 1/N in a monomial of N and B."""
    n, b = key
    return -n - (b if count.is_full_batch else 0)


def _component(
    part: DressedComponent,
    count: DressedCount,
    bases: Sequence[tuple[Truncated, ...]],
    *,
    most: int,
    stationary: bool,
    is_continuous: bool,
) -> Graded:
    """Return an independent part of a count, through a power of eta alone."""
    edges = len(part.nodes)
    structures = leading(part, count) if is_continuous else part.structures
    sums: list[tuple[Structure, _TimeSum]] = []
    for s in structures:
        length = most - edges + _slow(s, count) + 1
        if length < 1:
            continue
        # A rate is of the first degree, so that levels are known to one degree more.
        roots = [_roots(count, v, bases[v], length + 1) for v in part.nodes]
        own = [x for edge in roots for x in edge]
        levels = [_product(own, level, length + 1) for level in s.alive]
        if is_continuous:
            front = constant(Integer(1), length)
            levels = [level[:2] + constant(Integer(0), length - 1) for level in levels]
        else:
            front = _front(s, part, roots, count, length)
        after = (
            _stationary(levels, count.T)
            if stationary
            else _transient(levels, count.T, is_continuous=is_continuous)
        )
        sums.append((s, after._replace(series=cut_product(after.series, front))))
    growth = max((t.growth for _, t in sums), default=0)
    result: dict[Grade, list[Expr]] = {}
    for s, time_sum in sums:
        if time_sum.growth < growth:
            continue
        for key, c in s.coefficient.items():
            number = Rational(c.numerator, c.denominator) * count.N ** key[0] * count.B ** key[1]
            for k, value in enumerate(time_sum.series):
                if value != 0:
                    grade = (edges + time_sum.start + k, _rows(key, count))
                    result.setdefault(grade, []).append(number * value)
    return {grade: Add(*terms) for grade, terms in result.items()}


def _product(bases: Sequence[Truncated], exponents: Sequence[int], length: int) -> Truncated:
    """Return a product of powers of bases."""
    return product_of((cut_power(x, k) for x, k in zip(bases, exponents, strict=True) if k), length)


def _roots(count: DressedCount, v: int, bases: Sequence[Truncated], length: int) -> list[Truncated]:
    """Return the roots of the edge above an update, as many as a node has bases."""
    more = [constant(x, length) for x in count.dressing.more]
    return (
        [*(x[:length] for x in bases), *more]
        if v in count.into_root
        else [
            *(x[:length] for x in bases),
            *(constant(Integer(0), length) for _ in more),
        ]
    )


def _front(
    s: Structure,
    part: DressedComponent,
    edges: Sequence[Sequence[Truncated]],
    count: DressedCount,
    length: int,
) -> Truncated:
    """Return what stands before a time sum; see `sgdiagrams.symbolic.resummation.forms`."""
    dressing, step = count.dressing, count.roots_per_edge
    whole = constant(Integer(1), length)
    for place, (v, edge, i) in enumerate(zip(part.nodes, edges, count.chosen(s), strict=True)):
        is_outer = v in count.into_root
        own = edge if is_outer else edge[: dressing.root_count]
        polynomial = dressing.readout if is_outer else dressing.numerator
        span = sum(level[step * place + i] for level in s.alive)
        factors = [_polynomial(polynomial, own[i]), cut_power(own[i], span - 1)]
        # The differences of the others are above and below. Signs of roots are in the structures.
        factors += [
            reciprocal(tuple(a - b for a, b in zip(own[min(i, k)], own[max(i, k)], strict=True)))
            for k in range(len(own))
            if k != i
        ]
        whole = cut_product(whole, product_of(factors, length))
    return whole


def _polynomial(coefficients: Sequence[Expr], x: Truncated) -> Truncated:
    """Return a polynomial at a series."""
    total = constant(Integer(0), len(x))
    for c in coefficients:
        raised = cut_product(total, x)
        total = (raised[0] + c, *raised[1:])
    return total


# For long times ---------------------------------------------------------------------------------------


def _stationary(levels: Sequence[Truncated], T: Expr) -> _TimeSum:
    """Return the time sum where all that decays has decayed: flat levels give powers of T."""
    flat = sum(not any(_rates(level)) for level in levels)
    start, decays = -flat, []
    for rates in map(_rates, levels):
        if rates[0] != 0:
            decays.append(reciprocal(rates))
        elif any(rates):
            start -= 1
            decays.append(reciprocal(rates[1:]))
    length = len(levels[0]) - 1 if levels else 1
    series = product_of((d[:length] for d in decays), length)
    scale = Pow(T, Integer(flat)) * Rational(1, factorial(flat))
    return _TimeSum(flat, start, tuple(scale * c for c in series))


def _rates(level: Truncated) -> Truncated:
    """Return 1 - Q."""
    return (1 - level[0], *(-c for c in level[1:]))


# At fixed eta T ---------------------------------------------------------------------------------------


def _transient(levels: Sequence[Truncated], T: Expr, *, is_continuous: bool) -> _TimeSum:
    """Return the divided difference of x^T at 1 and the levels, or of e^(Tx) in continuous time."""
    length = len(levels[0]) - 1 if levels else 1
    nodes = [(Integer(0), *level[1:]) for level in levels if level[0] == 1]
    fast = [_rates(level) for level in levels if level[0] != 1]
    function = {(0, 0): Integer(1)} if is_continuous else _function(T, fast, length)
    total = [Integer(0)] * length
    differences: dict[int, Truncated] = {}
    for (k, degree), c in function.items():
        if k not in differences:
            differences[k] = _difference(nodes, T, k, length)
        for j in range(length - degree):
            total[degree + j] += c * differences[k][j]
    return _TimeSum(0, -len(nodes), tuple(total))


def _function(T: Expr, fast: Sequence[Truncated], length: int) -> dict[tuple[int, int], Expr]:
    """Return (1 + y)^T e^(-Ty), over Q - 1 - y for what dies out: power of y, degree -> coefficient.

    Powers of y are of their degree, T is of degree -1.
    """
    logarithm = {(p, p - 1): T * Rational((-1) ** (p + 1), p) for p in range(2, length + 1)}
    result = term = {(0, 0): Integer(1)}
    for n in range(1, length):
        term = _multiplied(term, {key: c / n for key, c in logarithm.items()}, length)
        result = {key: result.get(key, 0) + term.get(key, 0) for key in (*result, *term)}
    for rates in fast:
        inverse_rates = reciprocal(rates)
        around = {
            (k, k + i): (-1) ** k * c
            for k in range(length)
            for i, c in enumerate(cut_power(inverse_rates, k + 1))
        }
        result = _multiplied(result, around, length)
    return result


def _multiplied(
    first: dict[tuple[int, int], Expr], second: dict[tuple[int, int], Expr], length: int
) -> dict[tuple[int, int], Expr]:
    result: dict[tuple[int, int], Expr] = {}
    for (k, i), a in first.items():
        for (m, j), b in second.items():
            if i + j < length and a != 0 and b != 0:
                result[k + m, i + j] = result.get((k + m, i + j), Integer(0)) + a * b
    return result


def _difference(nodes: Sequence[Truncated], T: Expr, k: int, length: int) -> Truncated:
    r"""Return the divided difference of :math:`y^k e^{Ty}` at 0 and at the nodes, without its degree.

    .. math:: [y_0, \dots, y_L]\, y^k e^{Ty}
        = \sum_i h_{k - L + i}(y_i, \dots, y_L)\; [y_0, \dots, y_i]\, e^{Ty}
    """
    L = len(nodes)
    total = constant(Integer(0), length)
    for i in range(max(0, L - k), L + 1):
        # A node is of the first degree.
        rest = [node[1:] for node in (constant(Integer(0), length + 1), *nodes)[i:]]
        chosen = combinations_with_replacement(rest, k - L + i)
        homogeneous = [product_of(factors, length) for factors in chosen]
        moved = _moved(nodes[:i], T, length)
        total = tuple(map(Add, total, *(cut_product(factor, moved) for factor in homogeneous)))
    return total


def _moved(nodes: Sequence[Truncated], T: Expr, length: int) -> Truncated:
    """Return the divided difference of e^(Ty) at 0 and at the nodes, by Taylor around what leads."""
    total = list(constant(Integer(0), length))
    moves = [(Integer(0), *node[2:]) for node in nodes]
    for times_moved in product(range(length), repeat=len(nodes)):
        if sum(times_moved) >= length:
            continue
        points = [
            p for node, n in zip(nodes, times_moved, strict=True) for p in [node[1]] * (n + 1)
        ]
        value = ExponentialDifference(T, Integer(0), *points)
        factor = product_of(
            (cut_power(m, n) for m, n in zip(moves, times_moved, strict=True) if n), length
        )
        total = [t + c * value for t, c in zip(total, factor, strict=True)]
    return tuple(total)
