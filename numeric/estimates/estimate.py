"""What an evaluated expansion says: value, error, contributions by order, and a judgement."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeAlias, final

import numpy as np

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.files import plain_data
from sgdiagrams.diagrams.tables import PrintedTable, page_width
from sgdiagrams.numeric.estimates.intervals import errors_of_interval
from sgdiagrams.numeric.estimates.judgement import Verdict, _norm, judge

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


__all__ = ["Estimate"]


ExactOrFloat: TypeAlias = Fraction | float


@final
@dataclass(frozen=True, slots=True, eq=False)
class Estimate:
    """The value of an expansion and how far to trust it.

    Made by :func:`sgdiagrams.numeric.estimates.evaluation.evaluate`. Contributions and errors are
    numbers, or arrays of one shape for observables that are vectors or matrices.

    Parameters
    ----------
    orders
        Contribution of every order 0, 1, ...; ``orders[0]`` is the loss at the start (0 for
        the generalisation gap and for displacements). The value is their sum.
    order_standard_errors
        Standard error of every contribution; 0 for a population or a training set, infinite
        where the sample is as small as the distinct tuples.
    standard_error
        Standard error of the value; contributions are correlated, so it is not their quadrature.
    observable
        The name of what is estimated.
    eta
        The learning rate.
    numbers
        The numbers of updates, datapoints, ... that went in.
    verdict
        By :func:`sgdiagrams.numeric.estimates.judgement.judge` with more than the contributions, or for
        re-summed series by :func:`sgdiagrams.numeric.estimates.powers.judge_by_powers`.
    change_standard_error
        Standard error of the change, orders 1, 2, ... together, from deviations of the same samples. Left
        out, it is the standard error where order 0 has none, else infinite.
    degrees
        Degrees of freedom of the standard errors: samples, or groups of them, less one.
    is_difference
        Whether protocols are subtracted, so that there is no loss at the start.
    rows
        For a training set, in words: whether it is answered for one order of its rows or for the average
        over orders.
    caveats
        What must be said of the numbers that went in; lines below the table.

    Raises
    ------
    RequestError
        When there is no order, not one error per order, or shapes differ.

    Examples
    --------
    >>> print(Estimate((1.0, -0.2, 0.03), (0.0, 0.0, 0.0), 0.0, "test-loss", 0.1, {"T": 10}))
    test-loss at eta=0.1, T=10
     order  contribution  standard error
         0             1               0
         1          -0.2               0
         2          0.03               0
       sum          0.83               0
    change         -0.17               0
    truncation error: 0.0045
    trustworthy: orders fall like 0.15^k, about 0.026 of the change is missing
    >>> zero = np.zeros(2)
    >>> print(Estimate((zero, np.array([-3.0, 4.0])), (zero, zero), zero, "displacement", 0.1))
    displacement at eta=0.1
    order  |contribution|  |standard error|
        0               0                 0
        1               5                 0
      sum               5                 0
    value:
    [-3.  4.]
    truncation error: unknown
    cannot tell: fewer than two contributions of order >= 1
    """

    orders: tuple[Any, ...]
    order_standard_errors: tuple[Any, ...]
    standard_error: Any
    observable: str = ""
    eta: Any = None
    numbers: Mapping[str, ExactOrFloat] = field(default_factory=dict)
    verdict: Verdict | None = None
    change_standard_error: Any = None
    degrees: int | None = None
    is_difference: bool = False
    rows: str = ""
    caveats: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.orders or len(self.orders) != len(self.order_standard_errors):
            raise RequestError(
                "expected at least one order and one standard error per order, "
                f"got {len(self.orders)} orders and {len(self.order_standard_errors)} errors"
            )
        if self.change_standard_error is None:
            certain = not np.any(self.order_standard_errors[0])
            unknown = np.full(np.shape(self.standard_error), np.inf)[()]
            object.__setattr__(
                self, "change_standard_error", self.standard_error if certain else unknown
            )
        errors = (*self.order_standard_errors, self.standard_error, self.change_standard_error)
        everything = (*self.orders, *errors)
        shapes = {np.shape(x): None for x in everything}
        if len(shapes) > 1:
            raise RequestError(
                "expected contributions and standard errors of one shape, "
                f"got shapes {', '.join(map(str, shapes))}"
            )
        object.__setattr__(self, "orders", tuple(map(_frozen, self.orders)))
        *by_order, total, change = map(_frozen, errors)
        object.__setattr__(self, "order_standard_errors", tuple(by_order))
        object.__setattr__(self, "standard_error", total)
        object.__setattr__(self, "change_standard_error", change)

    @property
    def value(self) -> Any:
        """Sum of all orders: a Fraction, or an array of them, when they are."""
        return sum(self.orders)

    @property
    def change(self) -> Any:
        """The change since the start: the value without order 0."""
        return sum(self.orders[1:], np.zeros_like(self.orders[0]) if self._is_tensor else 0)

    @property
    def truncation_error(self) -> float:
        """How far the true value may be because the series ends, as a size; nan where unknown.

        The forecast that the judgement is made by. Statistical errors are not in it.
        """
        return self._judged.missing

    @property
    def judgement(self) -> str:
        """What the contributions say about the series, in words; the rule is in :func:`judge`.

        The first word is trustworthy, borderline, diverging, cannot tell or ended.
        """
        return self._judged.words

    @property
    def trustworthy(self) -> bool:
        """Whether the judgement is *trustworthy* or *ended*."""
        return self._judged.trustworthy

    @property
    def _judged(self) -> Verdict:
        return judge(self.orders, self.standard_error) if self.verdict is None else self.verdict

    @property
    def _is_tensor(self) -> bool:
        return np.ndim(self.standard_error) > 0

    def interval(self, level: float = 0.95, *, change: bool = False) -> tuple[Any, Any]:
        r"""Return the ends of a confidence interval for statistical errors alone.

        .. math:: \text{value} \pm t_{(1 + \text{level})/2,\, \nu}\; \text{standard error},
                  \qquad \nu = \text{degrees of freedom}

        with the quantile of Student's t, because the error is estimated from the same few samples.
        Without `degrees` it is that of the normal distribution. What the series leaves out is not in it;
        that is `truncation_error`.

        From 8 to 16 samples the 95 % interval of a mean of normal numbers covers the truth in 95 %
        (two standard errors in 91 to 94 %). It covers less where numbers are skewed, and for products
        such as the squared gradient: 74 to 79 % for the square of a log-normal mean, 83 to 95 % for
        that of a normal one that is not zero.

        Parameters
        ----------
        level
            Between 0 and 1.
        change
            Whether the interval is for the change since the start.

        Raises
        ------
        RequestError
            When the level is not between 0 and 1.

        Examples
        --------
        >>> estimate = Estimate((0.0, 1.0), (0.0, 0.1), 0.1, degrees=7)
        >>> [round(end, 3) for end in estimate.interval()]
        [0.764, 1.236]
        """
        factor = errors_of_interval(level, self.degrees)
        middle, error = (
            (self.change, self.change_standard_error)
            if change
            else (self.value, self.standard_error)
        )
        if not np.any(error):
            return middle, middle
        centre = middle.astype(float) if self._is_tensor else float(middle)
        return centre - factor * error, centre + factor * error

    def to_dict(self) -> dict[str, Any]:
        """Return the estimate as plain data for JSON.

        Fractions become strings ``"p/q"``, arrays nested lists.

        Examples
        --------
        >>> Estimate((Fraction(1, 2),), (0.0,), 0.0, "test-loss").to_dict()["value"]
        '1/2'
        """
        plain: dict[str, Any] = plain_data(
            {
                "observable": self.observable,
                "eta": self.eta,
                **({"rows": self.rows} if self.rows else {}),
                **({"caveats": self.caveats} if self.caveats else {}),
                "numbers": self.numbers,
                "value": self.value,
                "standard_error": self.standard_error,
                "change": self.change,
                "change_standard_error": self.change_standard_error,
                "truncation_error": self.truncation_error,
                "degrees_of_freedom": self.degrees,
                "orders": self.orders,
                "order_standard_errors": self.order_standard_errors,
                "judgement": self.judgement,
                "trustworthy": self.trustworthy,
            }
        )
        return plain

    def __eq__(self, other: object) -> bool:
        """Compare everything but eta, which has several forms for one learning rate."""
        if not isinstance(other, Estimate):
            return NotImplemented
        return self._key() == other._key() and dict(self.numbers) == dict(other.numbers)

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[object, ...]:
        errors = (*self.order_standard_errors, self.standard_error, self.change_standard_error)
        everything = (*self.orders, *errors)
        numbers = tuple(x for entry in everything for x in np.ravel(np.asarray(entry, object)))
        return len(self.orders), np.shape(self.standard_error), numbers, self.observable

    def __str__(self) -> str:
        return self._table().text()

    def _repr_html_(self) -> str:
        return self._table().html()

    def _table(self) -> PrintedTable:
        given = {"eta": self.eta, **self.numbers}
        setting = ", ".join(f"{k}={_given(v)}" for k, v in given.items())
        titles = ("contribution", "standard error")
        header = ("order", *(f"|{t}|" if self._is_tensor else t for t in titles))
        pairs = list(enumerate(zip(self.orders, self.order_standard_errors, strict=True)))
        starts_at_zero = not np.any(self.orders[0])
        named: list[tuple[Any, Any]] = (
            pairs[1:] if self.is_difference and starts_at_zero else [*pairs]
        )
        named.append(("sum", (self.value, self.standard_error)))
        if not starts_at_zero:
            named.append(("change", (self.change, self.change_standard_error)))
        rows = [(str(n), _text(_shown(c)), f"{_shown(error):.2g}") for n, (c, error) in named]
        notes = []
        if self._is_tensor:
            notes.append(f"value:\n{_array_text(self.value)}")
            if np.any(self.standard_error):
                notes.append(f"standard error:\n{_array_text(self.standard_error)}")
        missing = self.truncation_error
        notes.append(f"truncation error: {'unknown' if math.isnan(missing) else f'{missing:.2g}'}")
        notes.append(self.judgement)
        notes += self.caveats
        name = ", ".join(word for word in (self.observable or "value", self.rows) if word)
        return PrintedTable(f"{name} at {setting}", header, tuple(rows), tuple(notes))


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _shown(value: Any) -> Any:
    """Return what a row of the table says of a number or an array."""
    return _norm(value) if np.ndim(value) else value


def _frozen(value: Any) -> Any:
    """Return a number as it is, an array as a read-only copy."""
    if not isinstance(value, np.ndarray) or not value.ndim:
        return value
    copy: NDArray[Any] = value.copy()
    copy.flags.writeable = False
    return copy


def _given(value: Any) -> str:
    """Return a number, or a list of them, on one line."""
    items = value.tolist() if hasattr(value, "tolist") else value
    if isinstance(items, (list, tuple)):
        return f"[{', '.join(map(_given, items))}]"
    return str(items)


def _text(value: Any) -> str:
    """Return a number in few characters: a Fraction as it is when it is short."""
    text = str(value)
    if isinstance(value, Fraction) and len(text) <= 20:
        return text
    try:
        return f"{float(value):.6g}"
    except OverflowError:
        return f"{Decimal(value.numerator) / Decimal(value.denominator):.6g}"


def _array_text(array: NDArray[Any]) -> str:
    width = max(page_width() - 1, 20)
    return np.array2string(array, precision=6, formatter={"object": _text}, max_line_width=width)
