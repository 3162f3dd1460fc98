"""Predictions for noise of several strengths, side by side: what one measurement says of batch sizes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, final

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.files import plain_data
from sgdiagrams.diagrams.messages import shortened, shown
from sgdiagrams.diagrams.tables import PrintedTable

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PathRow", "PathTable", "one_list"]

_MOST = 10_000  # numbers of a table


def one_list(numbers: Mapping[str, Any]) -> tuple[str, list[Any]]:
    """Return the name and the values of the one list of numbers that is given.

    Raises
    ------
    RequestError
        When there are several, or none, or something else.

    Examples
    --------
    >>> one_list({"B": (8, 16)})
    ('B', [8, 16])
    """
    wanted = "expected one list of numbers such as B=[8, 16, 32], or N=[...] for epochs"
    if len(numbers) != 1:
        raise RequestError(f"{wanted}, got {', '.join(map(shortened, numbers)) or 'none'}")
    [(name, given)] = numbers.items()
    is_list = isinstance(given, Iterable) and not isinstance(given, (str, bytes, dict))
    values = list(islice(iter(given), _MOST + 1)) if is_list else []
    if not values or len(values) > _MOST:
        raise RequestError(f"{wanted}, got {shortened(name)}={shown(given)}")
    return name, values


@final
@dataclass(frozen=True, slots=True)
class PathRow:
    """The prediction for one strength of the noise, after one number of updates.

    Attributes
    ----------
    number
        The batch size, or the number of datapoints.
    update
        After how many updates.
    value, excess
        The prediction, and what noise adds to the noiseless run; lengths for a displacement.
    standard_error, truncation_error
        The statistical error, and how far the truth may be because the expansion ends.
    judgement, trustworthy
        As of `PathEstimate`.
    """

    number: int
    update: int
    value: float
    excess: float
    standard_error: float
    truncation_error: float
    judgement: str
    trustworthy: bool


@final
@dataclass(frozen=True, slots=True)
class PathTable:
    """What one measurement along the path predicts for several batch sizes; see `PathEstimate.table`.

    Attributes
    ----------
    title
        What is predicted.
    name
        What the numbers of the rows are: ``"B"`` or ``"N"``.
    rows
        One for each number, and for each time.
    """

    title: str
    name: str
    rows: tuple[PathRow, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the table as plain data for JSON; numbers that are not finite become null."""
        rows = [{self.name: row.number, **asdict(row)} for row in self.rows]
        for row in rows:
            del row["number"]
        plain: dict[str, Any] = plain_data({"title": self.title, "rows": rows})
        return plain

    def __str__(self) -> str:
        return self._table().text()

    def _repr_html_(self) -> str:
        return self._table().html()

    def _table(self) -> PrintedTable:
        is_curve = len({row.update for row in self.rows}) > 1
        header = ("value", "excess", "standard error", "truncation error", "judgement")
        lines = [
            (
                str(row.number),
                *([str(row.update)] if is_curve else []),
                f"{row.value:.6g}",
                f"{row.excess:.6g}",
                f"{row.standard_error:.2g}",
                f"{row.truncation_error:.2g}",
                row.judgement.partition(":")[0],
            )
            for row in self.rows
        ]
        names = (self.name, *(["update"] if is_curve else []), *header)
        note = "excess: what noise adds to the noiseless run; one measurement, rescaled"
        return PrintedTable(
            self.title, names, tuple(lines), (note,), left=frozenset({len(names) - 1})
        )
