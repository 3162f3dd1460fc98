r"""What the exact simulator reads off from a run: raw moments of an observable's factors.

An observable is a signed sum of products of expectations. A readout turns the weights of one run into
what stands inside the expectations, each factor at its time. These are averaged over runs, and the last
step makes the observable of the averages: a variance is the mean square minus the square of the mean.
"""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import product
from typing import TYPE_CHECKING, Any, final

import numpy as np

from sgdiagrams.diagrams.errors import RequestError, SamplingError
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.diagrams.whole_numbers import is_whole
from sgdiagrams.numeric.exact.polynomial_values import expression_polynomials
from sgdiagrams.numeric.exact.series import add, multiply, subtract, taylor, weighted
from sgdiagrams.symbolic.vocabulary import LOSS, TRAINING, WEIGHTS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sgdiagrams.numeric.exact.landscape import PolynomialLandscape
    from sgdiagrams.numeric.exact.series import Exponents, Monomials, PolynomialTerms, Series
    from sgdiagrams.symbolic.observable import Observable
    from sgdiagrams.symbolic.observed.times_of_reading import ReadTime
    from sgdiagrams.symbolic.training.optimizer import Optimizer

__all__ = ["Readout", "watch_tables"]

#: An entry of an expression: its factor, the power of eta before it, and its component.
_Entry = tuple[str, int, tuple[int, ...]]
_Factor = str | _Entry
#: The factors inside an expectation that are no coordinates with the numbers of their times, and the
#: times and components of those that are, sorted.
_Moment = tuple[tuple[tuple[_Factor, int], ...], tuple[tuple[int, int], ...]]


@final
class Readout:
    """The raw moments of one run.

    Parameters
    ----------
    observable
        Its products are read off.
    landscape
        The losses.
    functions
        The polynomials of the user's functions, by name.
    used
        The rows that the schedule uses, `rows` of the training set in all.
    in_noise
        Whether series are in a factor that scales all noise: then the training loss is the mean loss
        plus this factor times what is left.

    Attributes
    ----------
    exponents
        The monomials that are needed.
    scales
        One number for each moment, by which the moment comes multiplied.
    """

    def __init__(
        self,
        observable: Observable,
        landscape: PolynomialLandscape,
        functions: Mapping[str, PolynomialTerms],
        *,
        used: Sequence[int],
        rows: int,
        in_noise: bool = False,
    ) -> None:
        self.used, self.rows = used, rows
        self._in_noise = in_noise
        self._observable = observable
        self._atoms = len(landscape.losses)
        self._dimension = p = landscape.dimension
        expressions = dict(observable.expressions)
        scalars = sorted(observable.factors - {WEIGHTS} - set(expressions))
        read: dict[_Factor, list[PolynomialTerms]] = {}
        for factor in scalars:
            read[factor] = [functions[factor]] if factor in functions else list(landscape.losses)
        #: The entries of every expression, by power of eta and component.
        self._entries: dict[str, dict[tuple[int, tuple[int, ...]], _Entry]] = {}
        self._ranks = {name: expression.rank for name, expression in expressions.items()}
        for name, expression in expressions.items():
            if in_noise:
                raise RequestError(
                    "expected losses, weights or functions for series in the noise, got an expression"
                )
            polynomials = expression_polynomials(expression, landscape.losses, functions, p)
            self._entries[name] = {key: (name, *key) for key in polynomials}
            read |= {entry: [polynomials[key]] for key, entry in self._entries[name].items()}
        self._polynomials = {
            factor: [taylor(poly, landscape.start) for poly in polynomials]
            for factor, polynomials in read.items()
        }
        self._denominators = {
            factor: math.lcm(*(c.denominator for poly in polynomials for c in poly.values()))
            for factor, polynomials in self._polynomials.items()
        }
        self._vectors: dict[_Factor, list[list[int]]] = {}
        #: The numbers of the times; without any it is the end, or the rise since before.
        self._places = {time: i for i, time in enumerate(observable.times)}
        timed = dict.fromkeys(e for product in observable.products for e in product.timed)
        self._moments: list[_Moment] = list(
            dict.fromkeys(
                self._key(factors, times, chosen, components)
                for factors, times in timed
                for chosen in product(*map(self._choices, factors))
                for components in product(range(p), repeat=factors.count(WEIGHTS))
            )
        )
        units = {
            factor: self._denominators[factor]
            * (rows * self._atoms if factor in (LOSS, TRAINING) else 1)
            for factor in read
        }
        self.scales = [
            math.prod(units[factor] for factor, _ in factors) for factors, _ in self._moments
        ]

    def _key(
        self,
        factors: tuple[str, ...],
        times: tuple[ReadTime, ...],
        chosen: Sequence[_Factor],
        components: Sequence[int],
    ) -> _Moment:
        """Return what a product is known by: factors as chosen, and the components of coordinates."""
        places = [self._places.get(time, 0) for time in times]
        others = zip(factors, chosen, places, strict=True)
        coordinates = (i for f, i in zip(factors, places, strict=True) if f == WEIGHTS)
        return (
            tuple((choice, i) for factor, choice, i in others if factor != WEIGHTS),
            tuple(sorted(zip(coordinates, components, strict=True))),
        )

    def _choices(self, factor: str) -> tuple[_Factor, ...]:
        """Return what a factor is: itself, or the entries of an expression."""
        return tuple(self._entries[factor].values()) if factor in self._entries else (factor,)

    @property
    def exponents(self) -> set[Exponents]:
        """The monomials that occur in what is read off."""
        return {e for polys in self._polynomials.values() for poly in polys for e in poly}

    def prepare(self, monomials: Monomials) -> None:
        """Write the polynomials over a list of monomials that contains theirs."""
        self._vectors = {
            factor: [
                monomials.vector({e: int(c * self._denominators[factor]) for e, c in poly.items()})
                for poly in polynomials
            ]
            for factor, polynomials in self._polynomials.items()
        }

    def moments(
        self, monomials: Monomials, points: Sequence[Sequence[Series]], drawn: Sequence[int]
    ) -> list[Series]:
        """Return the raw moments times their scales.

        Parameters
        ----------
        monomials
            The list for which the readout was prepared.
        points
            The weights that are watched, as deviations from the start: at the end and, for an
            increment, before; with factors at several times, those of `Observable.times`.
        drawn
            The atom in every row that is used.
        """
        if self._places:
            rises = [list(point) for point in points]
            read: list[Sequence[Sequence[Series]]] = [(point,) for point in points]
        else:
            end, *before = points
            rise = list(end)
            for point in before:
                rise = [subtract(x, y) for x, y in zip(rise, point, strict=True)]
            rises, read = [rise], [tuple(points)]
        values: dict[tuple[_Factor, int], Series] = {}
        if self._vectors:
            for i, of_time in enumerate(read):
                powers = [monomials.evaluate(point) for point in of_time]
                for factor in self._vectors:
                    values[factor, i] = self._value(factor, monomials, powers, drawn)
        result = []
        for factors, components in self._moments:
            series = [values[factor] for factor in factors]
            series += [rises[i][component] for i, component in components]
            moment = series[0]
            for other in series[1:]:
                moment = multiply(moment, other)
            result.append(moment)
        return result

    def _value(
        self, factor: _Factor, monomials: Monomials, powers: Sequence[Any], drawn: Sequence[int]
    ) -> Series:
        """Return a factor at the first of some points, less what it is at the others."""
        vectors = self._vectors[factor]
        vector = vectors[0]
        if isinstance(factor, str) and factor in (LOSS, TRAINING):
            vector = weighted(self._shares(factor, drawn), vectors)
        value, *earlier = [monomials.apply(vector, p) for p in powers]
        if self._in_noise and factor == TRAINING:
            means = weighted(self._shares(LOSS, drawn), vectors)
            value, *earlier = [
                add(mean, [0, *subtract(noisy, mean)[:-1]])
                for noisy, mean in zip(
                    (value, *earlier), (monomials.apply(means, p) for p in powers), strict=True
                )
            ]
        for other in earlier:
            value = subtract(value, other)
        return value

    def _shares(self, factor: str, drawn: Sequence[int]) -> list[int]:
        """Return how often every atom is in a loss, times N and the number of atoms."""
        if factor == LOSS:
            return [self.rows] * self._atoms
        # Rows that no update uses are independent of the weights: they are averaged at once.
        shares = [self.rows - len(self.used)] * self._atoms
        for row in self.used:
            shares[drawn[row]] += self._atoms
        return shares

    def _moment(
        self,
        factors: tuple[str, ...],
        times: tuple[ReadTime, ...],
        indices: tuple[int, ...],
        known: Mapping[_Moment, Sequence[Fraction]],
    ) -> list[Fraction]:
        """Return the expectation of a product: indices of coordinates come first."""
        place = factors.count(WEIGHTS)
        components = indices[:place]
        options: list[list[tuple[int, _Factor]]] = []
        for factor in factors:
            if factor not in self._entries:
                options.append([(0, factor)])
                continue
            component = indices[place : place + self._ranks[factor]]
            place += len(component)
            entries = self._entries[factor].items()
            options.append([(j, entry) for (j, of), entry in entries if of == component])
        total = [Fraction(0)] * len(next(iter(known.values()), ()))
        for choice in product(*options):
            chosen = [factor for _, factor in choice]
            series = known[self._key(factors, times, chosen, components)]
            power = sum(j for j, _ in choice)
            total = add(total, [*[Fraction(0)] * power, *series][: len(total)])
        return total

    def observed(self, moments: Sequence[Sequence[Fraction]]) -> tuple[Any, ...]:
        """Return the observable's coefficients from the averages of the raw moments."""
        known = dict(zip(self._moments, moments, strict=True))
        rank = self._observable.rank
        entries: dict[tuple[int, ...], list[Fraction]] = {}
        for indices in np.ndindex(*[self._dimension] * rank):
            total: list[Fraction] = []
            for p in self._observable.products:
                start = 0
                value: list[Fraction] = []
                for factors, times in p.timed:
                    stop = start + sum(f == WEIGHTS or self._ranks.get(f, 0) for f in factors)
                    moment = self._moment(factors, times, indices[start:stop], known)
                    value = multiply(value, moment) if value else moment
                    start = stop
                signed = [p.sign * x for x in value]
                total = add(total, signed) if total else signed
            entries[indices] = total
        if not rank:
            return tuple(entries[()])
        result = []
        for k in range(len(entries[(0,) * rank])):
            tensor = np.empty((self._dimension,) * rank, dtype=object)
            for indices, series in entries.items():
                tensor[indices] = series[k]
            result.append(tensor)
        return tuple(result)


def watch_tables(
    optimizer: Optimizer, T: int, since: int | None, times: Sequence[ReadTime] = ()
) -> tuple[tuple[Fraction, ...], ...]:
    """Return the weights of the iterates 1..T in the watched points: at the end, and before.

    What is missing to 1 is the weight of the start. Without an average the last iterate has weight 1.
    With `times` the points are those.

    Raises
    ------
    RequestError
        When `since` is given and there are times.
    SamplingError
        When `since` is not a number of updates, a time is none of training, or there are too few updates
        for the average.

    Examples
    --------
    >>> from sgdiagrams.symbolic.training.optimizers.sgd import SGD
    >>> [[str(weight) for weight in table] for table in watch_tables(SGD(), 3, since=1)]
    [['0', '0', '1'], ['1', '0', '0']]
    """
    if since is not None and not is_whole(since, least=0, most=T):
        raise SamplingError(
            f"expected since= as a number of updates 0..{T}, got since={shown(since)}"
        )
    if since is not None and times:
        raise RequestError(
            "expected an observable that is read at the end for an increment, got since="
            f"{shown(since)} with one of several times"
        )
    stops = [time.number(T) for time in times] or ([T] if since is None else [T, since])
    tables = []
    for stop in stops:
        if optimizer.average is not None:
            weights = optimizer.iterate_weights(stop) or ()
        else:
            weights = tuple(Fraction(t == stop) for t in range(1, stop + 1))
        tables.append(weights + (Fraction(0),) * (T - stop))
    return tuple(tables)
