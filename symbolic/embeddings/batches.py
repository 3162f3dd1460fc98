r"""Batches in the order of the updates, spelled out, and by chance with their probabilities.

Batches say which rows of the training set every update uses: ``((0, 1), (2,))`` is an update on the
rows 0 and 1 and then one on the row 2. An update goes against the sum over rows of their *shares* times
their gradients; rows alone mean their average, and a `Batch` has any shares. Sampling by chance is a list
of such batches with probabilities. Nothing is counted here.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations, combinations_with_replacement, product, repeat
from typing import TYPE_CHECKING, Any, TypeAlias, final

from sgdiagrams.diagrams.errors import SamplingError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.diagrams.whole_numbers import is_whole
from sgdiagrams.symbolic.checks import rational
from sgdiagrams.symbolic.embeddings.signs import mean_share

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = [
    "Batch",
    "Batches",
    "RandomSchedule",
    "epochs_schedule",
    "mass_of",
    "one_pass_schedule",
    "poisson_schedules",
    "reshuffled_schedules",
    "shares_of",
    "subsets_schedules",
    "units_of",
    "with_replacement_schedules",
]

_MOST_CELLS = 10**6  # rows that are spelled out


@final
@dataclass(frozen=True, slots=True)
class Batch:
    r"""The rows of one update with their shares: it goes against :math:`\sum_n s_n \nabla l_n`.

    Parameters
    ----------
    rows
        Different rows of the training set; none is an update with gradient zero.
    shares
        A rational number for each. Rows without a share are left out.

    Raises
    ------
    SamplingError
        When a row comes twice or is no whole number, or there are not as many shares as rows.

    Examples
    --------
    A sum in place of a mean, and a mean in which row 4 comes twice:

    >>> Batch((0, 1), (1, 1))
    Batch(rows=(0, 1), shares=(Fraction(1, 1), Fraction(1, 1)))
    >>> Batch.of_places((4, 2, 4)).shares
    (Fraction(2, 3), Fraction(1, 3))
    """

    rows: tuple[int, ...]
    shares: tuple[Fraction, ...]

    def __post_init__(self) -> None:
        rows, shares = tuple(self.rows), tuple(rational("a share", x) for x in self.shares)
        are_rows = all(is_whole(row, least=0) for row in rows) and len(set(rows)) == len(rows)
        if not are_rows or len(rows) != len(shares):
            raise SamplingError(
                f"expected different rows 0, 1, ... with a share for each, got rows={shown(rows)}, "
                f"{len(shares)} shares"
            )
        kept = [(int(row), share) for row, share in zip(rows, shares, strict=True) if share]
        object.__setattr__(self, "rows", tuple(row for row, _ in kept))
        object.__setattr__(self, "shares", tuple(share for _, share in kept))

    @classmethod
    def of_places(
        cls,
        places: Sequence[int],
        weights: Sequence[Any] | None = None,
        *,
        size: Fraction | int | None = None,
    ) -> WrittenBatch:
        """Return the batch of places that hold rows, some of them perhaps the same.

        It is the tuple of the rows where that is what a mean over different rows is.

        Parameters
        ----------
        places
            The row at every place.
        weights
            A rational number for every place; 1 when left out.
        size
            What the sum is divided by: the number of places when left out, which makes a mean.

        Examples
        --------
        >>> Batch.of_places((3, 1)), Batch.of_places((3, 1), size=1).shares
        ((3, 1), (Fraction(1, 1), Fraction(1, 1)))
        """
        size = Fraction(len(places) if size is None else size)
        if weights is None and size == len(places) and len(set(places)) == len(places):
            return tuple(places)
        total: dict[int, Fraction] = {}
        of_places = [1] * len(places) if weights is None else weights
        for row, weight in zip(places, of_places, strict=True):
            total[row] = total.get(row, Fraction(0)) + Fraction(weight) / size
        return cls(tuple(total), tuple(total.values()))


#: A batch as it is written: rows alone are a mean, in which a row may come several times.
WrittenBatch: TypeAlias = "tuple[int, ...] | Batch"
#: The batches in the order of the updates.
Batches: TypeAlias = tuple[WrittenBatch, ...]
#: Batches with their probabilities, of sum 1.
RandomSchedule: TypeAlias = tuple[tuple[Fraction, Batches], ...]


def shares_of(batch: WrittenBatch) -> dict[int, Fraction]:
    """Return row -> share of a batch.

    Examples
    --------
    >>> shares_of((0, 0, 2)), shares_of(Batch((1,), (3,)))
    ({0: Fraction(2, 3), 2: Fraction(1, 3)}, {1: Fraction(3, 1)})
    """
    if isinstance(batch, Batch):
        return dict(zip(batch.rows, batch.shares, strict=True))
    size = len(batch)
    return {row: Fraction(times, size) for row, times in Counter(batch).items()}


def mass_of(batch: WrittenBatch) -> Fraction:
    """Return the sum of the shares of a batch, which is 1 for a mean.

    Examples
    --------
    >>> mass_of((0, 1)), mass_of(Batch((0, 1), (1, 1)))
    (Fraction(1, 1), Fraction(2, 1))
    """
    return sum(batch.shares, Fraction(0)) if isinstance(batch, Batch) else Fraction(1)


def units_of(batches: Batches) -> list[Fraction]:
    """Return for every batch the largest number of which all its shares are whole multiples.

    Examples
    --------
    >>> units_of(((0, 1), Batch((0, 1), ("1/2", "1/3"))))
    [Fraction(1, 2), Fraction(1, 6)]
    """
    known: dict[Batch | int, Fraction] = {}
    units = []
    for batch in batches:
        key = batch if isinstance(batch, Batch) else len(batch)
        if key not in known:
            known[key] = _unit(key.shares) if isinstance(key, Batch) else mean_share(key)
        units.append(known[key])
    return units


def _unit(shares: Sequence[Fraction]) -> Fraction:
    common = math.lcm(*(share.denominator for share in shares))
    return Fraction(math.gcd(*(int(share * common) for share in shares)) or 1, common)


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


def epochs_schedule(N: int, B: int, E: int, *, drop_last: bool = False) -> Batches:
    """Return E passes over N rows in batches of B, always in the same order.

    Parameters
    ----------
    N, B, E
        Rows, rows in a batch, passes.
    drop_last
        Whether to leave out the last rows of every pass where they are fewer than B.

    Raises
    ------
    SamplingError
        When a number is not whole, or B is more than N.

    Examples
    --------
    >>> epochs_schedule(N=4, B=2, E=2)
    ((0, 1), (2, 3), (0, 1), (2, 3))
    >>> epochs_schedule(N=3, B=2, E=1), epochs_schedule(N=3, B=2, E=1, drop_last=True)
    (((0, 1), (2,)), ((0, 1),))
    """
    N, B, E = _numbers_of_epochs(N, B, E)
    _check_cells(N * E)
    end = N // B * B if drop_last else N
    return tuple(tuple(range(start, min(start + B, N))) for start in range(0, end, B)) * E


def reshuffled_schedules(
    N: int, B: int, E: int, *, drop_last: bool = False, first_fixed: bool = False
) -> RandomSchedule:
    """Return all schedules of E passes over N rows, shuffled anew before each pass.

    The order within a batch does not matter: where B divides N, a pass is one of N! / (B!)^(N/B)
    sequences of batches, all equally likely.

    Parameters
    ----------
    N, B, E
        Rows, rows in a batch, passes.
    drop_last
        Whether to leave out the last rows of every pass where they are fewer than B.
    first_fixed
        Leave the first pass in the order of the rows. Rows are drawn independently from one
        distribution, and so expectations over training sets do not depend on their names: they are
        the same, from fewer schedules. For one given training set they are not.

    Raises
    ------
    SamplingError
        When a number is not whole, or B is more than N.

    Examples
    --------
    >>> for probability, schedule in reshuffled_schedules(N=2, B=1, E=2, first_fixed=True):
    ...     print(probability, schedule)
    1/2 ((0,), (1,), (0,), (1,))
    1/2 ((0,), (1,), (1,), (0,))
    >>> [schedule for _, schedule in reshuffled_schedules(N=3, B=2, E=1)]
    [((0, 1), (2,)), ((0, 2), (1,)), ((1, 2), (0,))]
    """
    N, B, E = _numbers_of_epochs(N, B, E)
    _check_cells(max(N, N * E))
    of_batches = (
        _binomial(rows, B)
        for _ in range(E - first_fixed)
        for rows in range(N, B - 1 if drop_last else 0, -B)
    )
    _check_alternatives(of_batches, cells=N * E)
    passes = tuple(_ordered_batches(tuple(range(N)), B, drop_last=drop_last))
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


def subsets_schedules(N: int, B: int, T: int) -> RandomSchedule:
    """Return all schedules of T updates on B different rows each, drawn anew from N.

    Raises
    ------
    SamplingError
        When a number is less than 1, or B more than N.

    Examples
    --------
    >>> [schedule for _, schedule in subsets_schedules(N=3, B=2, T=1)]
    [((0, 1),), ((0, 2),), ((1, 2),)]
    """
    N, B, _ = _numbers_of_epochs(N, B, 0)
    [T] = _sizes(T=(T, 0))
    _check_cells(max(N, B * T))
    _check_alternatives(repeat(_binomial(N, B), T), cells=B * T)
    batches = tuple(combinations(range(N), B))
    chance = Fraction(1, len(batches) ** T)
    return tuple((chance, chosen) for chosen in product(batches, repeat=T))


def poisson_schedules(N: int, q: Fraction, T: int) -> RandomSchedule:
    """Return all schedules of T updates on rows that come by themselves with probability q.

    Shares are 1/(q N), so that an update is the mean over all rows on the average.

    Raises
    ------
    SamplingError
        When a number is less than 1, or the probability not between 0 and 1.

    Examples
    --------
    >>> for probability, (batch,) in poisson_schedules(N=1, q=Fraction(1, 3), T=1):
    ...     print(probability, batch)
    2/3 Batch(rows=(), shares=())
    1/3 Batch(rows=(0,), shares=(Fraction(3, 1),))
    """
    N, T = _sizes(N=(N, 1), T=(T, 0))
    q = rational("q", q)
    if not 0 < q <= 1:
        raise SamplingError(f"expected a probability 0 < q <= 1, got q={shown(q)}")
    _check_cells(max(N, N * T))
    _check_alternatives(repeat(2 ** min(N, 100), T), cells=N * T)
    batches = [
        (q**size * (1 - q) ** (N - size), Batch(rows, (1 / (q * N),) * size))
        for size in range(N + 1)
        for rows in combinations(range(N), size)
    ]
    return tuple(
        (
            math.prod((chance for chance, _ in chosen), start=Fraction(1)),
            tuple(batch for _, batch in chosen),
        )
        for chosen in product([pair for pair in batches if pair[0]], repeat=T)
    )


def _sizes(**given: tuple[object, int]) -> list[int]:
    """Return whole numbers that are at least what is said beside them."""
    for name, (value, least) in given.items():
        if not is_whole(value, least=least):
            raise SamplingError(
                f"expected a whole number >= {least} for {name}, got {name}={shown(value)}"
            )
    return [int(value) for value, _ in given.values()]  # type: ignore[call-overload]


def _numbers_of_epochs(N: int, B: int, E: int) -> list[int]:
    N, B, E = _sizes(N=(N, 1), B=(B, 1), E=(E, 0))
    if B > N:
        raise SamplingError(f"expected a batch size of at most N, got N={shown(N)}, B={shown(B)}")
    return [N, B, E]


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
    for i in range(min(k, max(0, n - k))):
        result = result * (n - i) // (i + 1)
        if result > _MOST_CELLS:
            break
    return result


def _ordered_batches(rows: tuple[int, ...], B: int, *, drop_last: bool) -> Iterator[Batches]:
    """Yield all sequences of batches of B that use every row once, the last of them with what is left."""
    if not rows or (drop_last and len(rows) < B):
        yield ()
        return
    for batch in combinations(rows, min(B, len(rows))):
        rest = tuple(row for row in rows if row not in batch)
        for tail in _ordered_batches(rest, B, drop_last=drop_last):
            yield (batch, *tail)


def _orders(batch: tuple[int, ...]) -> int:
    """Return in how many orders a multiset can be written."""
    repeats = math.prod(math.factorial(batch.count(row)) for row in set(batch))
    return math.factorial(len(batch)) // repeats
