"""Weights of re-summed terms by number, in every form: arrays over the values of the indices."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from sympy import Dummy, lambdify

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.numeric.long_times.dressed_counts import dressed_count
from sgdiagrams.numeric.long_times.growth import (
    LongTime,
    long_time,
    product_of_long_times,
    staged_value,
)
from sgdiagrams.numeric.long_times.long_rounds import late_rounds
from sgdiagrams.numeric.precision.divided_differences import exponential_difference
from sgdiagrams.symbolic.resummation.dressed import closed_count
from sgdiagrams.symbolic.resummation.forms import conditions, expression
from sgdiagrams.symbolic.resummation.given_sets.round_sums import round_sum
from sgdiagrams.symbolic.resummation.timed.counts import has_stages, staged_count
from sgdiagrams.symbolic.resummation.timed.written_out import endless_groups, staged_expression
from sgdiagrams.symbolic.training.dressing import Dressing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from sgdiagrams.numeric.long_times.eigenbasis import Eigenbasis
    from sgdiagrams.symbolic.resummation.forms import Form
    from sgdiagrams.symbolic.resummation.skeletons import DressedTerm, Skeleton
    from sgdiagrams.symbolic.training.training import Training

__all__ = ["check_iterate", "is_limit", "long_time_weight", "weight"]

#: Dressed counts are computed for so many values of the eigenvalues at once,
_CHUNK = 2**20
#: and where they are kept for every update, for so many values and updates together.
_TIMES = 2**21
#: Diagrams of so many updates have few ways into batches and rounds.
_FEW = 3


def is_limit(form: Form) -> bool:
    """Tell whether a form is a limit for T to infinity, which may not exist."""
    return form in ("stationary", "small-eta")


def check_iterate(parts: Sequence[Training], form: str) -> None:
    """Check that a plain mean of iterates is asked for in the exact form alone.

    Raises
    ------
    RequestError
        When it is not: the others leave powers of T behind, or have no eigenvalue 0.
    """
    for part in parts:
        if part.dressing is not None and part.dressing.is_of_many:
            raise RequestError(
                f"expected form='discrete' and a number of updates for {part.optimizer.label} in "
                f"numbers, got form={shown(form)}"
            )


def weight(
    term: DressedTerm, parts: Sequence[Training], basis: Eigenbasis | None, form: Form
) -> NDArray[np.float64]:
    """Return the weight of a term: an array with an axis of length p, or 1, for every index.

    In the forms that are limits for T to infinity, entries without a finite limit are nan. A term of
    order 0 needs no basis.
    """
    if form != "discrete":
        check_iterate(parts, form)
    if form == "stationary":
        late = long_time_weight(term, parts, basis)
        has_limit = np.logical_not(late.grows)
        for c in late.coefficients[1:]:
            has_limit = has_limit & (c == 0)
        return np.where(has_limit, late.coefficients[0], np.nan)
    h = np.zeros(0)
    if basis is not None:
        h = basis.clean if is_limit(form) else basis.eigenvalues
    total: Any = np.zeros((1,) * term.order)
    for piece in term.pieces:
        part = parts[piece.part]
        product: Any = float(piece.coefficient)
        for s in piece.skeletons:
            product = product * _count(s, part, _on_axes(h, s, term), form)
        total = total + product
    return np.asarray(total)


def long_time_weight(
    term: DressedTerm, parts: Sequence[Training], basis: Eigenbasis | None
) -> LongTime:
    """Return the weight of a term after many updates, a polynomial in T: see `long_time`."""
    sums: list[Any] = [np.zeros((1,) * term.order)]
    grows: Any = False
    h = np.zeros(0) if basis is None else basis.clean
    for piece in term.pieces:
        part = parts[piece.part]
        product = LongTime((float(piece.coefficient),))
        for s in piece.skeletons:
            eigenvalues = _on_axes(h, s, term)
            product = product_of_long_times(product, long_time(s, part, eigenvalues))
        sums += [0.0] * (len(product.coefficients) - len(sums))
        for k, c in enumerate(product.coefficients):
            sums[k] = sums[k] + c
        grows = np.logical_or(grows, product.grows)
    return LongTime(tuple(sums), grows)


def _on_axes(
    h: NDArray[np.float64], skeleton: Skeleton, term: DressedTerm
) -> list[NDArray[np.float64]]:
    """Return the eigenvalues for every update of a skeleton, on the axes of its indices."""
    return [
        h.reshape([-1 if axis == i else 1 for axis in range(term.order)]) for i in skeleton.indices
    ]


def _count(skeleton: Skeleton, part: Training, h: list[NDArray[np.float64]], form: Form) -> Any:
    if not h:
        return 1.0  # the root alone
    if skeleton.reads and form == "discrete" and has_stages(part):
        return _in_chunks(lambda *values: staged_value(skeleton, part, values), h, _CHUNK)
    if form == "discrete":
        if not skeleton.reads and _is_in_one_order(skeleton, part):
            components = round_sum(skeleton.diagram, part)
            return late_rounds(components, [(1 - x,) for x in h], Dressing(), is_late=False).value

        def count(*values: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.asarray(
                dressed_count(
                    skeleton.diagram, part, values, root=skeleton.role, reads=skeleton.reads
                )
            )

        is_kept = part.sampling.steps is None
        most = max(2**8, min(_CHUNK, _TIMES // max(1, int(part.updates)))) if is_kept else _CHUNK
        return _in_chunks(count, h, most)
    formula, groups = _formula(skeleton, part, form)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.asarray(formula(*h), dtype=np.float64)
    if form == "small-eta":
        for group in groups:
            value = np.where(sum(h[v] for v in group) > 0, value, np.nan)
    return value


def _is_in_one_order(skeleton: Skeleton, part: Training) -> bool:
    """Tell whether sums over rounds of one order are short, which have nothing for every update."""
    rounds, dressing = part.rounds, part.optimizer.dressing
    if rounds is None or dressing is None or not dressing.is_plain or not part.updates:
        return False
    return rounds.have_one_order and skeleton.diagram.order <= _FEW


@lru_cache(maxsize=1024)
def _formula(
    skeleton: Skeleton, part: Training, form: Form
) -> tuple[Callable[..., Any], tuple[tuple[int, ...], ...]]:
    """Return a function of the eigenvalues, and the groups whose sums must be positive."""
    h = [Dummy("h") for _ in skeleton.indices]
    known = {"ExponentialDifference": lambda T, *nodes: exponential_difference(nodes, T)}
    if skeleton.reads:
        staged = staged_count(skeleton.diagram, part, skeleton.reads, root=skeleton.role)
        formula = staged_expression(staged, form, eigenvalues=h, roots=[() for _ in h])
        groups = tuple(tuple(sorted(group)) for group in endless_groups(staged))
        return lambdify(h, formula, [known, "numpy"]), groups
    count = closed_count(skeleton.diagram, part, root=skeleton.role)
    # These forms have sums of h only, no roots.
    formula = expression(count, form, eigenvalues=h, roots=[() for _ in h])
    groups = tuple(tuple(sorted(group)) for group in conditions(count))
    return lambdify(h, formula, [known, "numpy"]), groups


def _in_chunks(
    function: Callable[..., NDArray[np.float64]],
    arrays: list[NDArray[np.float64]],
    most: int | None = None,
) -> NDArray[np.float64]:
    """Apply a function to arrays that broadcast, to at most so many entries at a time."""
    most = most or _CHUNK
    shape = np.broadcast_shapes(*(a.shape for a in arrays))
    axis = next((i for i, length in enumerate(shape) if length > 1), None)
    rest = int(np.prod(shape)) // (shape[axis] if axis is not None else 1)
    if axis is None or rest * shape[axis] <= most:
        return function(*arrays)
    step = max(1, most // rest)
    result = np.empty(shape)
    for start in range(0, shape[axis], step):
        cut = (slice(None),) * axis + (slice(start, start + step),)
        part = [a[cut] if a.shape[axis] > 1 else a for a in arrays]
        result[cut] = _in_chunks(function, part, most) if rest > most else function(*part)
    return result
