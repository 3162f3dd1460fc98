"""A schedule that is given batch by batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, final, get_args

from sympy import Expr, Integer

from sgdiagrams.diagrams.errors import SamplingError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.diagrams.whole_numbers import is_whole
from sgdiagrams.symbolic.checks import check_choice, rational, whole_number
from sgdiagrams.symbolic.embeddings.batches import Batch
from sgdiagrams.symbolic.propagation.course import FixedBatches
from sgdiagrams.symbolic.training.sampling import Sampling
from sgdiagrams.symbolic.training.schemes.reductions import (
    Reduction,
    summed_option,
    summed_words,
    without_usual,
)

if TYPE_CHECKING:
    from fractions import Fraction

    from sgdiagrams.symbolic.propagation.course import Course

__all__ = ["Grid"]


_MOST_ROWS = 10**6  # of a grid, which holds every row
_MOST_CELLS = 10**6  # rows in all batches of a grid together


@final
@dataclass(frozen=True, slots=True, repr=False)
class Grid(Sampling):
    """Any schedule, given batch by batch; counted by number.

    Parameters
    ----------
    batches
        A list of batches, each a list of rows of the training set (numbers from 0), or a boolean
        array of shape (N, T) whose columns are the batches. An array of the numbers 0 and 1 may be meant
        either way and is refused. Each batch counts with the mean over its rows, whatever their number;
        a row that comes several times, as padded epochs have it, counts as often.
    N
        The size of the training set; by default 1 + the largest row, or the rows of the array.
    weights
        For every row of every batch a rational number that multiplies its gradient, in lists like
        `batches`; 1 when left out.
    reduction
        ``"mean"``: weighted gradients are added up and divided by the number of rows of the batch;
        ``"sum"``: they are not divided.

    Raises
    ------
    SamplingError
        When a batch is empty or names a row beyond N, weights are not as many as rows, or there are more
        than a million updates, rows, or rows in all batches.

    Examples
    --------
    >>> from sgdiagrams.diagrams import Diagram
    >>> two_epochs = Grid([[0, 1], [2, 3], [0, 1], [2, 3]])
    >>> two_epochs.count(Diagram.parse("(01-2)(01-12)")), two_epochs.label
    (4, 'grid of 4 datapoints x 4 updates')
    >>> Grid([[0, 1, 0]], weights=[[1, "1/2", 1]]).course().batches[0].shares
    (Fraction(2, 3), Fraction(1, 6))
    """

    name: ClassVar[str] = "grid"
    numbers: ClassVar[tuple[str, ...]] = ()

    batches: tuple[tuple[int, ...], ...]
    N: int
    weights: tuple[tuple[Fraction, ...], ...] | None = None
    reduction: Reduction = "mean"

    def __init__(
        self,
        batches: Any,
        N: int | None = None,
        *,
        weights: Any = None,
        reduction: Reduction = "mean",
    ) -> None:
        check_choice("reduction", reduction, get_args(Reduction))
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
            if max(batch) >= number:
                raise SamplingError(
                    f"expected rows 0..{number - 1} of a training set of N={number}, "
                    f"got row {max(batch)} at update {t}"
                )
        object.__setattr__(self, "batches", rows)
        object.__setattr__(self, "N", number)
        object.__setattr__(self, "weights", None if weights is None else _weights(weights, rows))
        object.__setattr__(self, "reduction", reduction)

    def __repr__(self) -> str:
        return without_usual(self, "weights", "reduction")

    def on_rows(self, N: int) -> Grid:
        """Return the same batches on a training set of N rows, if there are as many."""
        return Grid(self.batches, N) if N > self.N else self

    @property
    def options(self) -> dict[str, object]:
        """The batches and the size of the training set."""
        more = {} if self.weights is None else {"weights": self.weights}
        return {"batches": self.batches, "N": self.N, **more, **summed_option(self.reduction)}

    @property
    def label(self) -> str:
        """The shape of the grid."""
        words = "" if self.weights is None else ", weighted"
        words += "," * (self.reduction == "sum") + summed_words(self.reduction)
        return f"grid of {self.N} datapoints x {len(self.batches)} updates{words}"

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
        """Return the batches, with shares where these are not those of a mean over different rows."""
        weights = self.weights or (None,) * len(self.batches)
        size = 1 if self.reduction == "sum" else None
        pairs = zip(self.batches, weights, strict=True)
        return FixedBatches(
            tuple(Batch.of_places(rows, own, size=size) for rows, own in pairs), self.N
        )

    def check_means(self) -> None:
        """Check that the shares of every batch add up to 1."""
        self.course().check_means(self.label)


def _weights(given: Any, batches: tuple[tuple[int, ...], ...]) -> tuple[tuple[Fraction, ...], ...]:
    """Return a weight for every row of every batch."""
    values = _listed(given)
    values = [_listed(row) for row in values] if isinstance(values, Sequence) else values
    are_lists = isinstance(values, Sequence) and not isinstance(values, str)
    if not are_lists or not all(isinstance(row, Sequence) for row in values):
        raise SamplingError(
            f"expected weights as a list for every batch, one for every row, got weights={shown(given)}"
        )
    lengths = [len(row) for row in values]
    if lengths != [len(batch) for batch in batches]:
        raise SamplingError(
            "expected a weight for every row of every batch, got lists of weights of lengths "
            f"{shown(lengths)}"
        )
    return tuple(tuple(rational("a weight", x) for x in row) for row in values)


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
