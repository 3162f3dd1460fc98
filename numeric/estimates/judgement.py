"""Whether a truncated series can be trusted."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


__all__ = ["ROUNDING", "SHARE", "Following", "Verdict", "falls", "judge", "size_of", "verdict_of"]

#: A series whose orders fall by at least this factor from one to the next falls fast enough.
_HALF = 0.5
#: Of the change: more than this must not be missing.
SHARE = 0.2
#: Of the largest order: a smaller one at the beginning is not what the others are measured by.
_SMALL = 1e-3
#: Of the sum of the sizes of an order's terms: so much of it is expected where they cancel.
_CANCELLED = 0.3
#: Of the largest contribution: less than this is taken for zero among floats.
ROUNDING = 1e-15


class Verdict(NamedTuple):
    """A judgement of a series: words, whether it is trustworthy, and the size of what is missing."""

    words: str
    trustworthy: bool
    missing: float = math.nan


class Following(NamedTuple):
    """The order that follows a series, as far as it is known: its size and that of its terms."""

    size: float
    of_terms: float


def judge(
    orders: Sequence[Any],
    standard_error: Any = 0.0,
    *,
    of_terms: Sequence[float] | None = None,
    following: Sequence[Following] = (),
) -> Verdict:
    r"""Judge a truncated series by all of its contributions.

    The size :math:`a_k` of an order is the sum of the sizes of its terms, which do not cancel, or
    that of the contribution :math:`c_k` where terms are not known. From the first order f >= 1 on
    that is more than 0.001 of the largest, orders *fall* by the factor

    .. math:: r = \max_{k > f}\, (a_k / a_f)^{1/(k - f)} .

    What is missing are the contributions that follow where they are known (terms of the next orders
    are evaluated with the derivatives that there are, until three orders are not zero), else the last one
    times its ratio to the one before, but not less than :math:`0.3\, r\, a_K`; where contributions that
    follow are known, 0.3 of the sizes of their terms. The series is *trustworthy* when r is at most 1/2
    and at most 0.2 of the change, the sum of all contributions of order >= 1, is missing;
    *borderline* when r < 1; else *diverging*. It has *ended* when at least the last two orders are
    zero and one before is not. With fewer than two orders that are not zero, or where the terms of
    all cancel, one *cannot tell*. When the standard error of the sum exceeds the last contribution,
    the words say so; the verdict stays. The size of an array is the Frobenius norm.

    Parameters
    ----------
    orders
        Contributions of the orders 0, 1, 2, ...: numbers, or arrays of one shape.
    standard_error
        Of their sum.
    of_terms
        For every order the sum of the sizes of its terms.
    following
        What is known of the next orders.

    Returns
    -------
    Verdict
        The words, whether they are *trustworthy* or *ended*, and the size of what is missing; nan where
        nothing can be told.

    Examples
    --------
    >>> judge([5.0, 1.0, 0.0, -0.1]).words
    'trustworthy: orders fall like 0.32^k, about 0.035 of the change is missing'
    >>> judge([0.0, -6.58, 17.83, 0.486]).words
    'diverging: orders grow like 2.7^k'
    >>> judge([5.0, 1.0]).words
    'cannot tell: fewer than two contributions of order >= 1'
    """
    sizes = [size_of(c) for c in orders]
    if not all(map(math.isfinite, sizes)):
        return Verdict("diverging: out of the range of floats", trustworthy=False, missing=math.inf)
    known = dict(enumerate(sizes if of_terms is None else map(max, sizes, of_terms)))
    known |= {len(sizes) + i: after.of_terms for i, after in enumerate(following)}
    is_exact = all(_is_exact(c) for c in orders)
    zero = 0.0 if is_exact else ROUNDING * max(sizes[0], *known.values())
    verdict = _judged(sizes, known, zero, size_of(_total(orders[1:])), following)
    last = max((k for k, size in enumerate(sizes) if k and size > zero), default=None)
    if last is not None and size_of(standard_error) > sizes[last]:
        words = f"{verdict.words}; the standard error exceeds the contribution of order {last}"
        return verdict._replace(words=words)
    return verdict


def _judged(
    sizes: Sequence[float],
    known: Mapping[int, float],
    zero: float,
    change: float,
    following: Sequence[Following],
) -> Verdict:
    present = [k for k, size in known.items() if k and size > zero]
    K = len(sizes) - 1
    if present and present[-1] <= K - 2:
        words = f"ended: nothing beyond order {present[-1]}"
        return Verdict(words, trustworthy=True, missing=0.0)
    contributions = [k for k, size in enumerate(sizes) if k and size > zero]
    if len(present) < 2 or present[0] > K or not contributions:  # terms may cancel in every order
        words = "cannot tell: fewer than two contributions of order >= 1"
        return Verdict(words, trustworthy=False)
    _, ratio = falls({k: known[k] for k in present})
    if following:
        missing = sum(max(after.size, _CANCELLED * after.of_terms) for after in following)
    else:
        last = contributions[-1]
        step = 1.0
        if len(contributions) > 1:
            before = contributions[-2]
            step = (sizes[last] / sizes[before]) ** (1 / (last - before))
        missing = max(sizes[last] * step, _CANCELLED * known[present[-1]] * ratio)
    return verdict_of("orders", ratio, missing, change)


def falls(known: Mapping[int, float]) -> tuple[int, float]:
    """Return the first of some sizes that counts, and the factor by which the others fall from it.

    Parameters
    ----------
    known
        Sizes above zero by order, at least one.

    Examples
    --------
    >>> falls({1: 4.0, 2: 1.0, 3: 0.64})
    (1, 0.4)
    """
    floor = _SMALL * max(known.values())
    first = min(k for k, size in known.items() if size > floor)
    after = [k for k in known if k > first]
    if not after and len(known) > 1:  # the last is by far the largest
        before = max(k for k in known if k < first)
        return first, (known[first] / known[before]) ** (1 / (first - before))
    return first, max(((known[k] / known[first]) ** (1 / (k - first)) for k in after), default=0.0)


def verdict_of(
    series: str, ratio: float, missing: float, change: float, *, share: float = SHARE
) -> Verdict:
    """Return the verdict on a series whose contributions fall by a ratio and that misses something.

    Parameters
    ----------
    series
        What its contributions are called.
    ratio, missing, change
        As for `judge`.
    share
        How much of the change may be missing.
    """
    part = missing / change if change else math.inf
    if ratio >= 1:
        return Verdict(
            f"diverging: {series} grow like {ratio:.2g}^k", trustworthy=False, missing=missing
        )
    trusted = ratio <= _HALF and part <= share
    words = f"{'trustworthy' if trusted else 'borderline'}: {series} fall like {ratio:.2g}^k"
    left = f"about {part:.2g} of the change is missing" if change else "the change is 0"
    return Verdict(f"{words}, {left}", trusted, missing)


def _is_exact(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return value.dtype == object or value.dtype.kind in "iu"
    return isinstance(value, (int, Fraction))


def _total(contributions: Sequence[Any]) -> Any:
    return sum(contributions[1:], contributions[0]) if contributions else 0


def size_of(value: Any) -> float:
    """Return the size of a number or an array as a float; infinite beyond its range."""
    try:
        return float(_norm(value))
    except OverflowError:  # among Fractions
        return math.inf


def _norm(value: Any) -> Any:
    """Return the size of a number or the Frobenius norm of an array, without overflow."""
    if not np.ndim(value):
        return abs(value)
    try:
        entries = np.abs(np.asarray(value, dtype=np.float64))
    except OverflowError:  # among Fractions
        return math.inf
    largest = float(entries.max(initial=0.0))
    if largest == 0 or not math.isfinite(largest):
        return largest
    return largest * float(np.linalg.norm(entries / largest))
