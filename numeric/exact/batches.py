r"""Batches in the order of the updates, one by one or with their probabilities.

A schedule says which rows of the training set every update uses: ``((0, 1), (2,))`` is an update on
the rows 0 and 1 and then one on the row 2. Sampling by chance is a list of schedules with
probabilities. Everything is spelled out, for the exact simulator; nothing is counted.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import combinations, combinations_with_replacement, product
from numbers import Rational
from typing import TYPE_CHECKING, Any

import numpy as np

from sgdiagrams.diagrams.errors import SamplingError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "RandomSchedule",
    "Schedule",
    "check_schedule",
    "epochs_schedule",
    "grid_schedule",
    "merge_renamed",
    "one_pass_schedule",
    "reshuffled_schedules",
    "weighted_schedules",
    "with_replacement_schedules",
]

#: The batches in the order of the updates; a batch is a tuple of rows of the training set.
Schedule = tuple[tuple[int, ...], ...]
#: Schedules with their probabilities.
RandomSchedule = tuple[tuple[Fraction, Schedule], ...]


def one_pass_schedule(T: int, B: int = 1) -> Schedule:
    """Return T batches of B fresh rows each.

    Examples
    --------
    >>> one_pass_schedule(T=2, B=2)
    ((0, 1), (2, 3))
    """
    return tuple(tuple(range(t * B, (t + 1) * B)) for t in range(T))


def epochs_schedule(N: int, B: int, E: int) -> Schedule:
    """Return E passes over N rows in batches of B, always in the same order.

    Raises
    ------
    SamplingError
        When B does not divide N.

    Examples
    --------
    >>> epochs_schedule(N=4, B=2, E=2)
    ((0, 1), (2, 3), (0, 1), (2, 3))
    """
    _check_batch_size(N, B)
    return one_pass_schedule(N // B, B) * E


def grid_schedule(grid: NDArray[np.bool_] | Sequence[Sequence[Any]]) -> Schedule:
    """Return the schedule of a grid, or of a list of batches.

    Parameters
    ----------
    grid
        A boolean N x T array, as an array or as N lists of T truth values: ``grid[n][t]`` says
        whether update t uses row n. Or a list of T batches, each a list of rows.

    Raises
    ------
    SamplingError
        When it is neither, or an update has no row.

    Notes
    -----
    The schedule does not remember rows that no update uses: give their number N as ``rows=``.

    Examples
    --------
    >>> grid_schedule([[True, False, True], [False, True, True]])
    ((0,), (1,), (0, 1))
    >>> grid_schedule([[0], [1], [0, 1]])
    ((0,), (1,), (0, 1))
    """
    is_array = isinstance(grid, np.ndarray)
    if isinstance(grid, np.ndarray) and (grid.dtype != np.bool_ or grid.ndim != 2):
        raise SamplingError(
            "expected a boolean array of shape (N, T), got "
            f"dtype={grid.dtype}, shape={grid.shape}; use astype(bool), or give a list of batches"
        )
    if not all(isinstance(line, Sequence | np.ndarray) for line in grid):
        raise SamplingError(f"expected N lists of truth values or a list of batches, got {grid!r}")
    lines = [list(line) for line in grid]
    truth = [isinstance(cell, bool | np.bool_) for line in lines for cell in line]
    if not is_array and not any(truth):
        schedule = tuple(map(tuple, lines))
    elif all(truth) and len({len(line) for line in lines}) == 1:
        schedule = tuple(
            tuple(n for n, used in enumerate(column) if used) for column in zip(*lines, strict=True)
        )
    else:
        raise SamplingError(
            "expected N lists of T truth values each, or a list of batches of rows, got lists of "
            f"lengths={[len(line) for line in lines]}, {sum(truth)} of the cells truth values"
        )
    check_schedule(schedule)
    return tuple(tuple(int(row) for row in batch) for batch in schedule)


def reshuffled_schedules(N: int, B: int, E: int, *, first_fixed: bool = False) -> RandomSchedule:
    """Return all schedules of E passes over N rows, shuffled anew before each pass.

    The order within a batch does not matter: a pass is one of N! / (B!)^(N/B) sequences of batches, all
    equally likely.

    Parameters
    ----------
    N, B, E
        Rows, rows in a batch, passes.
    first_fixed
        Leave the first pass in the order of the rows. Rows are drawn independently from one
        distribution, and so expectations over training sets do not depend on their names: they are
        the same, from fewer schedules. For one given training set they are not.

    Raises
    ------
    SamplingError
        When B does not divide N.

    Examples
    --------
    >>> for probability, schedule in reshuffled_schedules(N=2, B=1, E=2, first_fixed=True):
    ...     print(probability, schedule)
    1/2 ((0,), (1,), (0,), (1,))
    1/2 ((0,), (1,), (1,), (0,))
    """
    _check_batch_size(N, B)
    passes = tuple(_ordered_batches(tuple(range(N)), B))
    choices = [passes[:1] if first_fixed and e == 0 else passes for e in range(E)]
    probability = Fraction(1, math.prod(map(len, choices)))
    return tuple((probability, sum(chosen, ())) for chosen in product(*choices))


def with_replacement_schedules(N: int, B: int, T: int) -> RandomSchedule:
    """Return all schedules of T updates, every one of the B slots filled uniformly from N rows.

    The order within a batch does not matter: a batch is a multiset, and its probability
    the number of its orders over N^B.

    Raises
    ------
    SamplingError
        When N or B is less than 1.

    Examples
    --------
    >>> for probability, schedule in with_replacement_schedules(N=2, B=2, T=1):
    ...     print(probability, schedule)
    1/4 ((0, 0),)
    1/2 ((0, 1),)
    1/4 ((1, 1),)
    """
    if N < 1 or B < 1:
        raise SamplingError(f"expected N and B of at least 1, got N={N}, B={B}")
    batches = [
        (Fraction(_orders(batch), N**B), batch)
        for batch in combinations_with_replacement(range(N), B)
    ]
    return tuple(
        (
            math.prod((weight for weight, _ in chosen), start=Fraction(1)),
            tuple(b for _, b in chosen),
        )
        for chosen in product(batches, repeat=T)
    )


def weighted_schedules(
    schedules: Iterable[Schedule] | Iterable[tuple[Fraction, Schedule]],
) -> RandomSchedule:
    """Return schedules with probabilities; equal ones where none are given.

    Raises
    ------
    SamplingError
        When there is none, only some have a probability, or these are negative or of another sum than 1.

    Examples
    --------
    >>> weighted_schedules([((0,), (1,)), ((0,), (0,))])[1]
    (Fraction(1, 2), ((0,), (0,)))
    """
    items: list[Any] = list(schedules)
    pairs = [_is_pair(item) for item in items]
    if not items or any(pairs) != all(pairs):
        raise SamplingError(
            "expected schedules, or pairs of a probability (a Fraction) and a schedule, got "
            f"{len(items)} items, {sum(pairs)} of them pairs"
        )
    if not all(pairs):
        return tuple((Fraction(1, len(items)), item) for item in items)
    total = sum((probability for probability, _ in items), Fraction(0))
    if total != 1 or min(probability for probability, _ in items) < 0:
        raise SamplingError(f"expected probabilities >= 0 of sum 1, got sum={total}")
    return tuple((Fraction(probability), schedule) for probability, schedule in items)


def merge_renamed(schedules: RandomSchedule) -> RandomSchedule:
    """Merge schedules that differ only in the names of the rows and the order within batches.

    Rows are drawn independently from one distribution: for expectations over training sets such
    schedules are the same. A schedule is, up to names, the collection of its rows' histories (how
    often the row is in each batch); sorting them gives every class one representative.

    Examples
    --------
    >>> merge_renamed(weighted_schedules([((0,), (1,)), ((1,), (0,)), ((1,), (1,))]))
    ((Fraction(2, 3), ((0,), (1,))), (Fraction(1, 3), ((0,), (0,))))
    """
    merged: dict[Schedule, Fraction] = {}
    for probability, schedule in schedules:
        rows = {row for batch in schedule for row in batch}
        histories = sorted(
            (tuple(batch.count(row) for batch in schedule) for row in rows), reverse=True
        )
        standard = tuple(
            tuple(n for n, history in enumerate(histories) for _ in range(history[t]))
            for t in range(len(schedule))
        )
        merged[standard] = merged.get(standard, Fraction(0)) + probability
    return tuple((probability, schedule) for schedule, probability in merged.items())


def check_schedule(schedule: Schedule, rows: int | None = None) -> int:
    """Return the size of the training set: `rows`, or as many as the schedule needs.

    Raises
    ------
    SamplingError
        When a batch is empty, a row does not exist, or there is no datapoint.
    """
    if not isinstance(schedule, Sequence):
        raise SamplingError(f"expected a tuple of batches, got schedule={schedule!r}")
    for t, batch in enumerate(schedule):
        if not _is_batch(batch):
            raise SamplingError(
                f"expected batches of at least one row 0, 1, ..., got batch={batch!r} at update {t}"
            )
    least = 1 + int(max((row for batch in schedule for row in batch), default=0))
    n = least if rows is None else rows
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise SamplingError(f"expected a whole number of rows of at least 1, got rows={rows!r}")
    if schedule and n < least:
        raise SamplingError(
            f"expected rows 0..{n - 1}, got row={least - 1} in the schedule; raise rows={rows}"
        )
    return n


def _is_batch(batch: object) -> bool:
    return (
        isinstance(batch, Sequence)
        and len(batch) > 0
        and all(isinstance(n, int | np.integer) and not isinstance(n, bool) for n in batch)
        and min(batch) >= 0
    )


def _is_pair(item: object) -> bool:
    return isinstance(item, Sequence) and len(item) == 2 and isinstance(item[0], Rational)


def _check_batch_size(N: int, B: int) -> None:
    if B < 1 or N < 1 or N % B:
        raise SamplingError(f"expected a batch size that divides N, got N={N}, B={B}")


def _ordered_batches(rows: tuple[int, ...], B: int) -> Iterator[Schedule]:
    """Yield all sequences of batches of B that use every row once."""
    if not rows:
        yield ()
        return
    for batch in combinations(rows, B):
        rest = tuple(row for row in rows if row not in batch)
        for tail in _ordered_batches(rest, B):
            yield (batch, *tail)


def _orders(batch: tuple[int, ...]) -> int:
    """Return in how many orders a multiset can be written."""
    repeats = math.prod(math.factorial(batch.count(row)) for row in set(batch))
    return math.factorial(len(batch)) // repeats
