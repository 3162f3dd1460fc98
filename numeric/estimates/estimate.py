"""What an evaluated expansion says: value, error, contributions by order, and a judgement."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeAlias, final

import numpy as np

from sgdiagrams.diagrams.errors import RequestError
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
        By a rule that suits the series better than :func:`judge`; see
        :func:`sgdiagrams.numeric.estimates.noise.judge_by_noise`.

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
    trustworthy: order 2 is 0.15 of order 1
    >>> zero = np.zeros(2)
    >>> print(Estimate((zero, np.array([-3.0, 4.0])), (zero, zero), zero, "displacement", 0.1))
    displacement at eta=0.1
    order  |contribution|  |standard error|
        0               0                 0
        1               5                 0
      sum               5                 0
    value:
    [-3.  4.]
    cannot tell: fewer than two contributions of order >= 1
    """

    orders: tuple[Any, ...]
    order_standard_errors: tuple[Any, ...]
    standard_error: Any
    observable: str = ""
    eta: Any = None
    numbers: Mapping[str, ExactOrFloat] = field(default_factory=dict)
    verdict: Verdict | None = None

    def __post_init__(self) -> None:
        if not self.orders or len(self.orders) != len(self.order_standard_errors):
            raise RequestError(
                "expected at least one order and one standard error per order, "
                f"got {len(self.orders)} orders and {len(self.order_standard_errors)} errors"
            )
        everything = (*self.orders, *self.order_standard_errors, self.standard_error)
        shapes = {np.shape(x): None for x in everything}
        if len(shapes) > 1:
            raise RequestError(
                "expected contributions and standard errors of one shape, "
                f"got shapes {', '.join(map(str, shapes))}"
            )
        object.__setattr__(self, "orders", tuple(map(_frozen, self.orders)))
        errors = tuple(map(_frozen, self.order_standard_errors))
        object.__setattr__(self, "order_standard_errors", errors)
        object.__setattr__(self, "standard_error", _frozen(self.standard_error))

    @property
    def value(self) -> Any:
        """Sum of all orders: a Fraction, or an array of them, when they are."""
        return sum(self.orders)

    @property
    def judgement(self) -> str:
        """What the contributions say about the series, in words; the rule is in :func:`judge`."""
        return self._judged[0]

    @property
    def trustworthy(self) -> bool:
        """Whether the last contribution is at most a third of the one before."""
        return self._judged[1]

    @property
    def _judged(self) -> tuple[str, bool]:
        if self.verdict is None:
            return judge(self.orders, self.standard_error)
        return self.verdict.words, self.verdict.trustworthy

    def to_dict(self) -> dict[str, Any]:
        """Return the estimate as plain data for JSON.

        Fractions become strings ``"p/q"``, arrays nested lists.

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
            "standard_error": _plain(self.standard_error),
            "orders": [_plain(c) for c in self.orders],
            "order_standard_errors": [_plain(error) for error in self.order_standard_errors],
            "judgement": self.judgement,
            "trustworthy": self.trustworthy,
        }

    def __eq__(self, other: object) -> bool:
        """Compare everything but eta, which has several forms for one learning rate."""
        if not isinstance(other, Estimate):
            return NotImplemented
        return self._key() == other._key() and dict(self.numbers) == dict(other.numbers)

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[object, ...]:
        everything = (*self.orders, *self.order_standard_errors, self.standard_error)
        numbers = tuple(x for entry in everything for x in np.ravel(np.asarray(entry, object)))
        return len(self.orders), np.shape(self.standard_error), numbers, self.observable

    def __str__(self) -> str:
        given = {"eta": self.eta, **self.numbers}
        setting = ", ".join(f"{k}={_given(v)}" for k, v in given.items())
        is_tensor = np.ndim(self.standard_error) > 0
        titles = ("contribution", "standard error")
        rows = [("order", *(f"|{title}|" if is_tensor else title for title in titles))]
        pairs = zip(self.orders, self.order_standard_errors, strict=True)
        for name, (c, error) in [*enumerate(pairs), ("sum", (self.value, self.standard_error))]:
            rows.append((str(name), _text(_shown(c)), f"{_shown(error):.2g}"))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(map(str.rjust, row, widths)) for row in rows]
        if is_tensor:
            lines += ["value:", _array_text(self.value)]
            if np.any(self.standard_error):
                lines += ["standard error:", _array_text(self.standard_error)]
        return "\n".join([f"{self.observable or 'value'} at {setting}", *lines, self.judgement])


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


def _text(value: Any) -> str:
    """Return a number in few characters: a Fraction as it is when it is short."""
    text = str(value)
    return text if isinstance(value, Fraction) and len(text) <= 20 else f"{float(value):.6g}"


def _array_text(array: NDArray[Any]) -> str:
    return np.array2string(array, precision=6, formatter={"object": _text})
