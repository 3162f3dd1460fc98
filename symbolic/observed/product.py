r"""Products of expectations with signs, and when their factors look at the weights.

What is made of products here are products again: factors at other times, the last step
:math:`\theta_t - \theta_{t-1}` in the place of the weights, changes, and two means in one expectation.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self, final

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.symbolic.observed.times_of_reading import AT_END, ReadTime
from sgdiagrams.symbolic.vocabulary import LOSS, TRAINING, WEIGHTS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Product", "changes", "last_steps", "multiplied", "read_at", "since_before"]


@final
@dataclass(frozen=True, slots=True, repr=False)
class Product:
    """A product of expectations with a sign.

    Attributes
    ----------
    sign
        A whole number.
    expectations
        For each expectation the factors inside it: ``"loss"`` (the population's), ``"training-loss"``,
        ``"weights"`` (a coordinate of the displacement), or the name of a function or expression.
    times
        For each expectation when its factors look at the weights; empty where all do at the end.
    """

    sign: int
    expectations: tuple[tuple[str, ...], ...]
    times: tuple[tuple[ReadTime, ...], ...] = ()

    def __post_init__(self) -> None:
        if not self.times:
            return
        are_times = all(isinstance(t, ReadTime) for of in self.times for t in of)
        if not are_times or [*map(len, self.times)] != [*map(len, self.expectations)]:
            raise RequestError(
                f"expected one time for every factor of {shown(self.expectations)}, got "
                f"times={shown(self.times)}"
            )
        settled = tuple(map(tuple, self.times))
        if all(time.is_end for of in settled for time in of):
            settled = ()
        object.__setattr__(self, "times", settled)

    def __repr__(self) -> str:
        times = f", times={self.times}" if self.times else ""
        return f"Product(sign={self.sign}, expectations={self.expectations}{times})"

    @property
    def timed(self) -> tuple[tuple[tuple[str, ...], tuple[ReadTime, ...]], ...]:
        """The factors of every expectation, and when each looks at the weights."""
        times = self.times or tuple((AT_END,) * len(factors) for factors in self.expectations)
        return tuple(zip(self.expectations, times, strict=True))

    @property
    def root_degree(self) -> int:
        """The least number of edges into roots that are isolated, at a minimum of the loss."""
        coordinates = sum(factors.count(WEIGHTS) for factors in self.expectations)
        # The gradients of losses vanish there.
        is_of_losses = all(set(factors) <= {LOSS, TRAINING} for factors in self.expectations)
        return coordinates or (2 if is_of_losses else 1)

    def with_times(self, change: Callable[[ReadTime], ReadTime]) -> Self:
        """Return the product with other times."""
        times = tuple(tuple(map(change, of)) for _, of in self.timed)
        return replace(self, times=times)


def read_at(products: Sequence[Product], time: ReadTime) -> tuple[Product, ...]:
    """Return products with another time in place of the end, and all that is before the end with it.

    Raises
    ------
    RequestError
        When that is before the start, or two lags are symbols.

    Examples
    --------
    >>> [step] = last_steps([Product(1, (("weights",),))])[1:]
    >>> [time.latex for time in read_at([step], ReadTime(3))[0].times[0]]
    ['T-4']
    """
    return tuple(p.with_times(lambda t: _moved(t, time)) for p in products)


def _moved(time: ReadTime, end: ReadTime) -> ReadTime:
    if time.after is not None:
        return time
    if time.lag and (end.lag or end.after is not None):
        raise RequestError(
            f"expected one time for what is read {time.words}, got another one {end.words}"
        )
    moved = end.earlier(time.back)
    return replace(moved, lag=time.lag) if time.lag else moved


def last_steps(products: Sequence[Product]) -> tuple[Product, ...]:
    r"""Return products with :math:`\theta_t - \theta_{t-1}` in place of the weights at each time t.

    Raises
    ------
    RequestError
        When there are no weights, or a step before the first is asked for.
    """
    for p in products:
        if not any(WEIGHTS in factors for factors in p.expectations):
            raise RequestError(
                "expected weights, which make steps, got an expectation of "
                f"{shown(', '.join(p.expectations[0]))}"
            )
    return _less(products, lambda factor: factor == WEIGHTS, lambda time: time.earlier(1))


def since_before(products: Sequence[Product], start: ReadTime) -> tuple[Product, ...]:
    r"""Return products of increments since a time: :math:`\theta_T - \theta_t` for the weights.

    Single losses and functions are those at the end less those at the time.
    """
    return _less(products, lambda factor: True, lambda time: start)  # noqa: ARG005


def _less(
    products: Sequence[Product],
    is_changed: Callable[[str], bool],
    before: Callable[[ReadTime], ReadTime],
) -> tuple[Product, ...]:
    """Return products with differences in place of some factors: to what they are at a time before."""
    differences: list[Product] = []
    for p in products:
        made = [(p.sign, [list(times) for _, times in p.timed])]
        for e, factors in enumerate(p.expectations):
            for i, factor in enumerate(factors):
                for sign, times in tuple(made) if is_changed(factor) else ():
                    earlier = [list(of) for of in times]
                    earlier[e][i] = before(earlier[e][i])
                    made.append((-sign, earlier))
        differences += [
            replace(p, sign=sign, times=tuple(map(tuple, times))) for sign, times in made
        ]
    return tuple(differences)


def changes(products: Sequence[Product], since: ReadTime) -> tuple[Product, ...]:
    """Return what products that are read at the end are more than at an earlier time."""
    before = read_at(products, since)
    return (*products, *(replace(p, sign=-p.sign) for p in before))


def multiplied(
    ones: Sequence[Product], others: Sequence[Product], *, is_connected: bool
) -> tuple[Product, ...]:
    """Return the mean of a product of two things with means, or their covariance.

    Raises
    ------
    RequestError
        When one of them is no mean.
    """
    made: list[Product] = []
    for one in ones:
        for other in others:
            if len(one.expectations) != 1 or len(other.expectations) != 1:
                raise RequestError(
                    "expected observables that are single expectations in a product, got a product of "
                    "expectations; multiply what they are made of"
                )
            [(factors, times)], [(more, later)] = one.timed, other.timed
            sign = one.sign * other.sign
            made.append(Product(sign, ((*factors, *more),), ((*times, *later),)))
            if is_connected:
                made.append(Product(-sign, (factors, more), (times, later)))
    return tuple(made)
