r"""Batches in the order of the updates: spelled out with their probabilities, or drawn by chance.

Batches say which rows of the training set every update uses: ``((0, 1), (2,))`` is an update on the
rows 0 and 1 and then one on the row 2. Sampling by chance is a list of such batches with probabilities.
Nothing is counted here.
"""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import combinations, combinations_with_replacement, product, repeat
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from sgdiagrams.diagrams.errors import SamplingError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.diagrams.whole_numbers import is_whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

__all__ = [
    "Batches",
    "RandomSchedule",
    "Rows",
    "epochs_schedule",
    "one_pass_schedule",
    "reshuffled_schedules",
    "rows_of",
    "with_replacement_schedules",
]

_MOST_CELLS = 10**6  # rows that are spelled out

#: The batches in the order of the updates; a batch is a tuple of rows of the training set.
Batches: TypeAlias = tuple[tuple[int, ...], ...]
#: Batches with their probabilities, of sum 1.
RandomSchedule: TypeAlias = tuple[tuple[Fraction, Batches], ...]
#: The rows of one batch of many runs: the same for all runs, or an array of shape (runs, B).
Rows: TypeAlias = "slice | NDArray[np.intp]"


def one_pass_schedule(T: int, B: int = 1) -> Batches:
    """Return T batches of B fresh rows each.

    Raises
    ------
    SamplingError
        When a number is not whole, or there are more than a million rows.

    Examples
    --------
    >>> one_pass_schedule(T=2, B=2)
    ((0, 1), (2, 3))
    """
    T, B = _sizes(T=(T, 0), B=(B, 1))
    _check_cells(T * B)
    return tuple(tuple(range(t * B, (t + 1) * B)) for t in range(T))


def epochs_schedule(N: int, B: int, E: int) -> Batches:
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
    N, B, E = _batches_of_epochs(N, B, E)
    _check_cells(N * E)
    return one_pass_schedule(N // B, B) * E


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
    N, B, E = _batches_of_epochs(N, B, E)
    _check_cells(max(N, N * E))
    of_batches = (_binomial(rows, B) for _ in range(E - first_fixed) for rows in range(N, 0, -B))
    _check_alternatives(of_batches, cells=N * E)
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
    N, B, T = _sizes(N=(N, 1), B=(B, 1), T=(T, 0))
    _check_cells(max(N, B * T))
    _check_alternatives(repeat(_binomial(N + B - 1, B), T), cells=B * T)
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


def rows_of(batch: Sequence[int]) -> Rows:
    """Return a batch that is the same for all runs; rows that follow each other as a slice.

    Examples
    --------
    >>> rows_of((2, 3)), rows_of((2, 0))
    (slice(2, 4, None), array([2, 0]))
    """
    first = batch[0]
    if all(row == first + i for i, row in enumerate(batch)):
        return slice(first, first + len(batch))
    return np.array(batch)


def _sizes(**given: tuple[object, int]) -> list[int]:
    """Return whole numbers that are at least what is said beside them."""
    for name, (value, least) in given.items():
        if not is_whole(value, least=least):
            raise SamplingError(
                f"expected a whole number >= {least} for {name}, got {name}={shown(value)}"
            )
    return [int(value) for value, _ in given.values()]  # type: ignore[call-overload]


def _batches_of_epochs(N: int, B: int, E: int) -> list[int]:
    if not (is_whole(N, least=1) and is_whole(B, least=1)) or N % B:
        raise SamplingError(f"expected a batch size that divides N, got N={shown(N)}, B={shown(B)}")
    return _sizes(N=(N, 1), B=(B, 1), E=(E, 0))


def _check_cells(number: int) -> None:
    if number > _MOST_CELLS:
        raise SamplingError(
            f"expected at most {_MOST_CELLS} rows in all batches together, got {shown(number)}"
        )


def _check_alternatives(choices: Iterable[int], *, cells: int) -> None:
    """Check that one of so many choices after the other can be spelled out with all rows."""
    total = max(1, cells)
    for number in choices:
        total *= number
        if total > _MOST_CELLS:
            raise SamplingError(
                f"expected at most {_MOST_CELLS} rows in all schedules together, got more; take a "
                "smaller training set or fewer updates"
            )


def _binomial(n: int, k: int) -> int:
    """Return a binomial coefficient, or a part of it that is too much already."""
    result = 1
    for i in range(min(k, n - k)):
        result = result * (n - i) // (i + 1)
        if result > _MOST_CELLS:
            break
    return result


def _ordered_batches(rows: tuple[int, ...], B: int) -> Iterator[Batches]:
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
