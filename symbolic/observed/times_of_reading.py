"""Read times: after how many updates a factor of an observable looks at the weights."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self, final

from sympy import Expr, Integer, Symbol, sympify

from sgdiagrams.diagrams.errors import RequestError, SamplingError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.diagrams.whole_numbers import is_whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["AT_END", "ReadTime", "check_stages", "in_order_of_time", "read_time", "stage_lengths"]

_TAKEN = ("T", "N", "B", "E", "eta")


@final
@dataclass(frozen=True, slots=True, order=True)
class ReadTime:
    r"""When a factor looks at the weights: some updates before the end, or after some from the start.

    Attributes
    ----------
    back
        A number of updates before the end.
    lag
        The name of a number of further updates before the end; empty without.
    after
        In place of both, the number of updates from the start.

    Examples
    --------
    >>> ReadTime(3).latex, ReadTime(after=5).latex, ReadTime(1, "t").latex
    ('T-3', '5', 'T-t-1')
    """

    back: int = 0
    lag: str = ""
    after: int | None = None

    @property
    def is_end(self) -> bool:
        """Whether it is the end of training."""
        return self == AT_END

    def earlier(self, updates: int) -> Self:
        """Return the time some updates earlier.

        Raises
        ------
        RequestError
            When that is before the start.
        """
        if self.after is None:
            return replace(self, back=self.back + updates)
        if updates > self.after:
            raise RequestError(
                f"expected a time at least {updates} updates after the start, got at={self.after}"
            )
        return replace(self, after=self.after - updates)

    def updates(self, T: Expr) -> Expr:
        """Return after how many updates it is, of T in all."""
        if self.after is not None:
            return Integer(self.after)
        return T - self.back - (Symbol(self.lag) if self.lag else 0)

    def number(self, T: int) -> int:
        """Return the same as a number.

        Raises
        ------
        SamplingError
            When the lag has no number, or the time is before the start or after the end.
        """
        if self.lag:
            raise SamplingError(
                f"expected a number for the lag, which is counted by number here, got lag={self.lag}; "
                "give it in the observable, as in lag=3"
            )
        time = T - self.back if self.after is None else self.after
        if not 0 <= time <= T:
            raise SamplingError(
                f"expected times between the start and the end of T={T} updates, got one {self.words}"
            )
        return time

    def replaced(self, table: Mapping[Symbol, Expr]) -> Self:
        """Return the time with another symbol, or a number, for the lag.

        Raises
        ------
        RequestError
            When something else takes its place.
        """
        if not self.lag or Symbol(self.lag) not in table:
            return self
        given = read_time(lag=_plain(table[Symbol(self.lag)]))
        return replace(self, back=self.back + given.back, lag=given.lag)

    @property
    def latex(self) -> str:
        """The number of updates as it stands below the weights."""
        if self.after is not None:
            return str(self.after)
        return "-".join(
            ["T", *([self.lag] if self.lag else []), *([str(self.back)] * (self.back > 0))]
        )

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what `latex` writes.

        Raises
        ------
        RequestError
            When it is something else.

        Examples
        --------
        >>> [ReadTime.parse(text).latex for text in ("T", "T-t-1", "5")]
        ['T', 'T-t-1', '5']
        """
        form = re.fullmatch(
            r"(?:T(?:-([A-Za-z_]\w*))?(?:-([1-9]\d{0,17}))?|(\d{1,18}))", text, re.ASCII
        )
        if form is None or form[1] in _TAKEN:
            raise RequestError(f"expected a time such as T, T-t, T-3 or 5, got {shown(text)}")
        if form[3] is not None:
            return cls(after=int(form[3]))
        return cls(int(form[2] or 0), form[1] or "")

    @property
    def words(self) -> str:
        """The time in words."""
        if self.after is not None:
            return f"after {self.after} updates"
        number = self.latex.removeprefix("T-").replace("-", " + ")
        return "at the end" if self.is_end else f"{number} updates before the end"


#: The end of training.
AT_END = ReadTime()


def _plain(value: object) -> object:
    if isinstance(value, Symbol):
        return str(value)
    return int(value) if isinstance(value, Expr) and value.is_Integer else value


def read_time(*, lag: object = None, at: object = None) -> ReadTime:
    """Return a time that a user gives: a lag before the end, or a number of updates from the start.

    Parameters
    ----------
    lag
        A whole number >= 0, or a symbol or its name.
    at
        In its place, a whole number >= 0.

    Raises
    ------
    RequestError
        When there is none or both, or another value.

    Examples
    --------
    >>> read_time(lag="t"), read_time(at=5)
    (ReadTime(back=0, lag='t', after=None), ReadTime(back=0, lag='', after=5))
    """
    if (lag is None) == (at is None):
        raise RequestError(f"expected a lag or a time, got lag={shown(lag)} and at={shown(at)}")
    if lag is None:
        if not is_whole(at, least=0):
            raise RequestError(f"expected a whole number of updates >= 0, got at={shown(at)}")
        return ReadTime(after=int(at))
    lag = _plain(lag)
    if isinstance(lag, str) and lag.isascii() and lag.isidentifier() and lag not in _TAKEN:
        return ReadTime(lag=lag)
    if not is_whole(lag, least=0):
        raise RequestError(
            f"expected a whole number of updates >= 0, or another symbol than {', '.join(_TAKEN)}, "
            f"got lag={shown(lag)}"
        )
    return ReadTime(int(lag))


def in_order_of_time(times: Iterable[ReadTime]) -> list[ReadTime]:
    """Return different times, the earliest first.

    Times from the start count as earlier than those from the end, and lags that are symbols as larger
    than numbers: whoever has the numbers checks it.

    Raises
    ------
    RequestError
        When there are lags of two symbols.

    Examples
    --------
    >>> times = [ReadTime(), ReadTime(lag="t"), ReadTime(after=4), ReadTime(2)]
    >>> [time.latex for time in in_order_of_time(times)]
    ['4', 'T-t', 'T-2', 'T']
    """
    different = set(times)
    lags = sorted({time.lag for time in different if time.lag})
    if len(lags) > 1:
        raise RequestError(
            f"expected one symbol for lags, so that times have an order, got {' and '.join(lags)}"
        )
    return sorted(different, key=lambda t: (t.after is None, t.after or 0, not t.lag, -t.back))


def stage_lengths(times: Iterable[ReadTime], T: Expr) -> list[Expr]:
    """Return the numbers of updates between different times, the first since the start.

    Examples
    --------
    >>> from sgdiagrams.symbolic.symbols import T
    >>> stage_lengths([ReadTime(), ReadTime(lag="t"), ReadTime(after=5)], T)
    [5, T - t - 5, t]
    """
    ends = [time.updates(T) for time in in_order_of_time(times)]
    return [end - start for start, end in zip([Integer(0), *ends], ends, strict=False)]


def check_stages(times: Iterable[ReadTime], T: Expr, numbers: Mapping[str, object]) -> None:
    """Check that times come in their order, as far as the numbers are known.

    Parameters
    ----------
    times
        When factors look at the weights.
    T
        The number of updates.
    numbers
        Those of lags.

    Raises
    ------
    SamplingError
        When they do not.
    """
    given = {Symbol(name): sympify(value) for name, value in numbers.items()}
    ordered = in_order_of_time(times)
    ends = [time.updates(T).xreplace(given) for time in ordered]
    names = ["0", *(time.latex for time in ordered)]
    for i, (early, late) in enumerate(zip([Integer(0), *ends], ends, strict=False)):
        length = late - early
        if length.is_number and not (length.is_Integer and length >= 0):
            raise SamplingError(
                f"expected {names[i + 1]} >= {names[i]}, whole numbers of updates after which factors "
                f"look at the weights, got {late} and {early}"
            )
