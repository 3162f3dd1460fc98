"""Batches as they are given to the exact simulator: read, checked, and merged up to names of rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import product
from numbers import Rational
from typing import TYPE_CHECKING, Any

import numpy as np

from sgdiagrams.diagrams.errors import SamplingError, listed
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.diagrams.whole_numbers import is_whole
from sgdiagrams.symbolic.embeddings.batches import Batch, shares_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sgdiagrams.symbolic.embeddings.batches import Batches, RandomSchedule, WrittenBatch

__all__ = [
    "check_schedule",
    "drawn_visits",
    "draws",
    "grid_schedule",
    "merge_renamed",
    "places_of",
    "weighted_schedules",
]


def grid_schedule(grid: NDArray[np.bool_] | Sequence[Sequence[Any]]) -> Batches:
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
    words = "N lists of truth values or a list of batches"
    grid = listed("grid", grid, called=words, error=SamplingError)
    if not all(isinstance(line, Sequence | np.ndarray) for line in grid):
        raise SamplingError(f"expected {words}, got {shown(grid)}")
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


def weighted_schedules(
    schedules: Iterable[Batches] | Iterable[tuple[Fraction, Batches]],
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
        raise SamplingError(f"expected probabilities >= 0 of sum 1, got sum={shown(total)}")
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
    merged: dict[Batches, Fraction] = {}
    for probability, schedule in schedules:
        histories = sorted(_histories(schedule), reverse=True)
        standard = tuple(
            _renamed([history[t] for history in histories], batch)
            for t, batch in enumerate(schedule)
        )
        merged[standard] = merged.get(standard, Fraction(0)) + probability
    return tuple((probability, schedule) for schedule, probability in merged.items())


def _histories(schedule: Batches) -> list[tuple[Fraction | int, ...]]:
    """Return for every row that is used how often it is in each batch, or its shares."""
    columns = [
        dict(zip(batch.rows, batch.shares, strict=True))
        if isinstance(batch, Batch)
        else Counter(batch)
        for batch in schedule
    ]
    rows = {row for column in columns for row in column}
    return [tuple(column.get(row, 0) for column in columns) for row in rows]


def _renamed(uses: Sequence[Fraction | int], batch: WrittenBatch) -> WrittenBatch:
    """Return a batch of the rows 0, 1, ... that are used so often, or with such shares."""
    if isinstance(batch, Batch):
        return Batch(tuple(range(len(uses))), tuple(map(Fraction, uses)))
    return tuple(n for n, times in enumerate(uses) for _ in range(int(times)))


def check_schedule(schedule: Batches, rows: int | None = None) -> int:
    """Return the size of the training set: `rows`, or as many as the schedule needs.

    Raises
    ------
    SamplingError
        When a batch is empty, a row does not exist, or there is no datapoint.
    """
    if not isinstance(schedule, Sequence):
        raise SamplingError(f"expected a tuple of batches, got schedule={shown(schedule)}")
    for t, batch in enumerate(schedule):
        if not _is_batch(batch):
            raise SamplingError(
                f"expected batches of at least one row 0, 1, ..., got batch={shown(batch)} at update {t}"
            )
    least = 1 + int(max((row for batch in schedule for row in shares_of(batch)), default=0))
    n = least if rows is None else rows
    if not is_whole(n, least=1):
        raise SamplingError(
            f"expected a whole number of rows of at least 1, got rows={shown(rows)}"
        )
    if schedule and n < least:
        raise SamplingError(
            f"expected rows 0..{n - 1}, got row={least - 1} in the schedule; raise rows={rows}"
        )
    return int(n)


def draws(batch: WrittenBatch, drawn: tuple[int, ...], atoms: int) -> Iterator[tuple[int, ...]]:
    """Yield the training sets so far, with every choice of an atom for the batch's new rows.

    Parameters
    ----------
    batch
        That of the next update.
    drawn
        The atom of every row; -1 where it is still to be drawn.
    atoms
        How many there are.

    Examples
    --------
    >>> list(draws((0, 1), (1, -1, -1), atoms=2))
    [(1, 0, -1), (1, 1, -1)]
    """
    new = sorted(row for row in shares_of(batch) if drawn[row] < 0)
    for choice in product(range(atoms), repeat=len(new)):
        now = list(drawn)
        for row, atom in zip(new, choice, strict=True):
            now[row] = atom
        yield tuple(now)


def places_of(batch: WrittenBatch) -> list[tuple[int, Fraction]]:
    """Return the row and the share of every visit in a batch: a row that comes twice is two visits.

    Examples
    --------
    >>> places_of((0, 0))
    [(0, Fraction(1, 2)), (0, Fraction(1, 2))]
    """
    if isinstance(batch, Batch):
        return list(zip(batch.rows, batch.shares, strict=True))
    return [(row, Fraction(1, len(batch))) for row in batch]


def drawn_visits(
    places: Sequence[tuple[int, int]], drawn: tuple[int, ...], atoms: int, noises: int
) -> Iterator[tuple[tuple[int, ...], tuple[int, ...], int]]:
    """Yield the training sets so far, the weight of every loss in a batch, and how often that is drawn.

    Parameters
    ----------
    places
        The row and the weight of every visit.
    drawn
        As for `draws`; what is drawn are datapoints, by number.
    atoms
        The number of losses: `noises` of each datapoint, one after the other.
    noises
        How many losses every visit draws from.

    Examples
    --------
    >>> list(drawn_visits([(0, 1), (0, 1)], (-1,), atoms=2, noises=2))
    [((0,), (2, 0), 1), ((0,), (1, 1), 2), ((0,), (0, 2), 1)]
    """
    for points in draws(tuple(row for row, _ in places), drawn, atoms // noises):
        numbers: Counter[tuple[int, ...]] = Counter()
        for choice in product(range(noises), repeat=len(places)):
            weights = [0] * atoms
            for (row, weight), noise in zip(places, choice, strict=True):
                weights[points[row] * noises + noise] += weight
            numbers[tuple(weights)] += 1
        for of_losses, number in numbers.items():
            yield points, of_losses, number


def _is_batch(batch: object) -> bool:
    if isinstance(batch, Batch):
        return True
    return (
        isinstance(batch, Sequence) and len(batch) > 0 and all(is_whole(n, least=0) for n in batch)
    )


def _is_pair(item: object) -> bool:
    return isinstance(item, Sequence) and len(item) == 2 and isinstance(item[0], Rational)
