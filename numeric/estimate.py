"""What an evaluated expansion says: value, error, contributions by order, and a judgement."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any, final

from sgdiagrams.diagrams.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Estimate", "judge"]

Number = Fraction | float

_ROUNDING = 1e-15  # of the largest contribution: less than this is taken for zero among floats


@final
@dataclass(frozen=True, slots=True)
class Estimate:
    """The value of an expansion and how far to trust it.

    Made by :func:`sgdiagrams.numeric.evaluate.evaluate`.

    Parameters
    ----------
    orders
        Contribution of every order 0, 1, ...; ``orders[0]`` is the loss at the start (0 for
        the generalisation gap). The value is their sum.
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

    Raises
    ------
    RequestError
        When there is no order, or not one error per order.

    Examples
    --------
    >>> print(Estimate((1.0, -0.2, 0.03), (0.0, 0.0, 0.0), 0.0, "test-loss", 0.1, {"T": 10}))
    test-loss at eta=0.1, T=10
    order  contribution  standard error
        0             1               0
        1          -0.2               0
        2          0.03               0
      sum          0.83               0
    trustworthy: order 2 is 0.15 of order 1
    """

    orders: tuple[Number, ...]
    order_standard_errors: tuple[float, ...]
    standard_error: float
    observable: str = ""
    eta: Any = field(default=None, compare=False)
    numbers: Mapping[str, Number] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if not self.orders or len(self.orders) != len(self.order_standard_errors):
            raise RequestError(
                "expected at least one order and one standard error per order, "
                f"got {len(self.orders)} orders and {len(self.order_standard_errors)} errors"
            )

    @property
    def value(self) -> Number:
        """Sum of all orders: a Fraction when they are."""
        return sum(self.orders)

    @property
    def judgement(self) -> str:
        """What the contributions say about the series, in words; the rule is in :func:`judge`."""
        return judge(self.orders, self.standard_error)[0]

    @property
    def trustworthy(self) -> bool:
        """Whether the last contribution is at most a third of the one before."""
        return judge(self.orders, self.standard_error)[1]

    def to_dict(self) -> dict[str, Any]:
        """Return the estimate as plain data for JSON; Fractions become strings ``"p/q"``.

        Examples
        --------
        >>> Estimate((Fraction(1, 2),), (0.0,), 0.0, "test-loss").to_dict()["value"]
        '1/2'
        """
        return {
            "observable": self.observable,
            "eta": _plain(self.eta),
            "numbers": {name: _plain(value) for name, value in self.numbers.items()},
            "value": _plain(self.value),
            "standard_error": self.standard_error,
            "orders": [_plain(c) for c in self.orders],
            "order_standard_errors": list(self.order_standard_errors),
            "judgement": self.judgement,
            "trustworthy": self.trustworthy,
        }

    def __str__(self) -> str:
        given = {"eta": self.eta, **self.numbers}
        setting = ", ".join(f"{k}={_given(v)}" for k, v in given.items())
        rows = [("order", "contribution", "standard error")]
        pairs = zip(self.orders, self.order_standard_errors, strict=True)
        rows += [(str(k), _text(c), f"{error:.2g}") for k, (c, error) in enumerate(pairs)]
        rows.append(("sum", _text(self.value), f"{self.standard_error:.2g}"))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(map(str.rjust, row, widths)) for row in rows]
        return "\n".join([f"{self.observable or 'value'} at {setting}", *lines, self.judgement])


def judge(orders: Sequence[Number], standard_error: float = 0.0) -> tuple[str, bool]:
    """Judge a truncated series by its last two contributions.

    Take the last two contributions of order >= 1 that are not zero (floats: above 1e-15 of the
    largest contribution, order 0 included). The series is *trustworthy* when the last is at most
    one third of the one before in size, *borderline* when it is smaller at all, else *diverging*.
    With fewer than two such contributions nothing can be told. When the standard error of the sum
    exceeds the last contribution, the words say so; the verdict stays.

    Parameters
    ----------
    orders
        Contributions of the orders 0, 1, 2, ...
    standard_error
        Of their sum.

    Returns
    -------
    words : str
        The judgement.
    trustworthy : bool
        Whether the verdict is *trustworthy*.

    Examples
    --------
    >>> judge([5.0, 1.0, 0.0, -0.5])
    ('borderline: order 3 is 0.5 of order 1', False)
    >>> judge([5.0, 1.0])
    ('cannot tell: fewer than two contributions of order >= 1', False)
    """
    sizes: list[Any] = [abs(c) for c in orders]
    is_exact = all(isinstance(c, (int, Fraction)) for c in orders)
    zero = 0 if is_exact else _ROUNDING * max(filter(math.isfinite, sizes), default=0)
    found = [(k, size) for k, size in enumerate(sizes) if k and not size <= zero]
    if len(found) < 2:
        words, trusted = "cannot tell: fewer than two contributions of order >= 1", False
    else:
        (before, large), (last, small) = found[-2:]
        trusted = bool(3 * small <= large)
        verdict = "trustworthy" if trusted else "borderline" if small < large else "diverging"
        words = f"{verdict}: order {last} is {float(small / large):.2g} of order {before}"
    if found and standard_error > found[-1][1]:
        words += f"; the standard error exceeds the contribution of order {found[-1][0]}"
    return words, trusted


def _plain(value: Any) -> Any:
    """Return a number, or nested arrays of numbers, as JSON data."""
    if isinstance(value, Fraction):
        return str(value)
    if isinstance(value, (list, tuple)) or hasattr(value, "tolist"):
        items = value.tolist() if hasattr(value, "tolist") else value
        return [_plain(item) for item in items] if isinstance(items, (list, tuple)) else items
    return value


def _given(value: Any) -> str:
    """Return a number, or a list of them, on one line."""
    items = value.tolist() if hasattr(value, "tolist") else value
    if isinstance(items, (list, tuple)):
        return f"[{', '.join(map(_given, items))}]"
    return str(items)


def _text(value: Number) -> str:
    """Return a number in few characters: a Fraction as it is when it is short."""
    text = str(value)
    return text if isinstance(value, Fraction) and len(text) <= 20 else f"{float(value):.6g}"
