"""A schedule that is given batch by batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, final

from sympy import Expr, Integer

from sgdiagrams.diagrams.errors import SamplingError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.diagrams.whole_numbers import is_whole
from sgdiagrams.symbolic.checks import (
    whole_number,
)
from sgdiagrams.symbolic.propagation.course import FixedBatches
from sgdiagrams.symbolic.training.sampling import Sampling

if TYPE_CHECKING:
    from sgdiagrams.symbolic.propagation.course import Course

__all__ = ["Grid"]


_MOST_ROWS = 10**6  # of a grid, which holds every row
_MOST_CELLS = 10**6  # rows in all batches of a grid together


@final
@dataclass(frozen=True, slots=True)
class Grid(Sampling):
    """Any schedule, given batch by batch; counted by number.

    Parameters
    ----------
    batches
        A list of batches, each a list of rows of the training set (numbers from 0), or a boolean
        array of shape (N, T) whose columns are the batches. An array of the numbers 0 and 1 may be meant
        either way and is refused. Each batch counts with the mean over its rows, whatever their number.
    N
        The size of the training set; by default 1 + the largest row, or the rows of the array.

    Raises
    ------
    SamplingError
        When a batch is empty or names a row twice or beyond N, or there are more than a million updates,
        rows, or rows in all batches.

    Examples
    --------
    >>> from sgdiagrams.diagrams import Diagram
    >>> two_epochs = Grid([[0, 1], [2, 3], [0, 1], [2, 3]])
    >>> two_epochs.count(Diagram.parse("(01-2)(01-12)")), two_epochs.label
    (4, 'grid of 4 datapoints x 4 updates')
    """

    name: ClassVar[str] = "grid"
    numbers: ClassVar[tuple[str, ...]] = ()

    batches: tuple[tuple[int, ...], ...]
    N: int

    def __init__(self, batches: Any, N: int | None = None) -> None:
        rows, size = _batches(batches)
        least = 1 + max((row for batch in rows for row in batch), default=0)
        number = max(size or 0, least) if N is None else whole_number("N", N, least=1)
        if number > _MOST_ROWS:
            raise SamplingError(
                f"expected at most {_MOST_ROWS} rows in the training set of a grid, got {shown(number)}"
            )
        for t, batch in enumerate(rows):
            if not batch:
                raise SamplingError(
                    f"expected a datapoint in every batch, got none at update {t}; "
                    "leave empty columns out of the grid"
                )
            if len(set(batch)) != len(batch):
                raise SamplingError(
                    f"expected different rows in a batch, got {shown(batch)} at update {t}"
                )
            if max(batch) >= number:
                raise SamplingError(
                    f"expected rows 0..{number - 1} of a training set of N={number}, "
                    f"got row {max(batch)} at update {t}"
                )
        object.__setattr__(self, "batches", rows)
        object.__setattr__(self, "N", number)

    def on_rows(self, N: int) -> Grid:
        """Return the same batches on a training set of N rows, if there are as many."""
        return Grid(self.batches, N) if N > self.N else self

    @property
    def options(self) -> dict[str, object]:
        """The batches and the size of the training set."""
        return {"batches": self.batches, "N": self.N}

    @property
    def label(self) -> str:
        """The shape of the grid."""
        return f"grid of {self.N} datapoints x {len(self.batches)} updates"

    @property
    def updates(self) -> Expr:
        """The number of batches."""
        return Integer(len(self.batches))

    @property
    def datapoints(self) -> Expr:
        """N."""
        return Integer(self.N)

    @property
    def is_random(self) -> bool:
        """False."""
        return False

    def course(self) -> Course:
        """Return the batches."""
        return FixedBatches(self.batches, self.N)


def _batches(given: Any) -> tuple[tuple[tuple[int, ...], ...], int | None]:
    """Return batches, and the number of rows where a table says it."""
    wanted = "expected a list of batches or a boolean array of shape (N, T)"
    _check_cells(getattr(given, "size", 0))
    values = _listed(given)
    is_array = values is not given
    values = [_listed(row) for row in values] if isinstance(values, Sequence) else values
    if not isinstance(values, Sequence) or isinstance(given, str) or not values:
        raise SamplingError(wanted)
    if not all(isinstance(row, Sequence) and not isinstance(row, str) for row in values):
        raise SamplingError(wanted)
    _check_cells(max(len(values), sum(map(len, values))))
    cells = [_listed(x) for row in values for x in row]
    is_table = all(isinstance(x, bool) for x in cells) and any(map(len, values))
    if not is_table:
        if is_array and all(isinstance(x, int | float) and x in (0, 1) for x in cells):
            raise SamplingError(
                f"{wanted}, got an array of 0 and 1, which may be either: give astype(bool) for a "
                "table, or tolist() for lists of rows"
            )
        return tuple(tuple(whole_number("row", x) for x in batch) for batch in values), None
    if len(set(map(len, values))) != 1:
        raise SamplingError("expected rows of equal length in a boolean array of shape (N, T)")
    columns = zip(*values, strict=True)
    return tuple(tuple(n for n, x in enumerate(c) if x) for c in columns), len(values)


def _check_cells(number: object) -> None:
    if is_whole(number) and number > _MOST_CELLS:
        raise SamplingError(
            f"expected at most {_MOST_CELLS} entries of a grid, got {shown(number)}"
        )


def _listed(value: Any) -> Any:
    """Return an array, or a number of an array, as Python's own; anything else as it is.

    Raises
    ------
    SamplingError
        When a mask would be lost.
    """
    if hasattr(value, "mask") and hasattr(value, "filled"):
        raise SamplingError("expected batches without a mask, got a masked array; fill it")
    return value.tolist() if hasattr(value, "tolist") else value
