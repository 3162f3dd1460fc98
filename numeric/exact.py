r"""SGD itself in exact arithmetic: truncated power series in the learning rate, over all training sets.

This is the judge of the theory and knows none of it: no diagram, no derivative beyond the gradient. On
a finite distribution of polynomial losses it makes the updates

.. math:: \theta \leftarrow \theta - s\,\eta\, \frac{1}{B} \sum_{n \in \mathrm{batch}}
    \nabla l_n(\theta)

with :math:`\theta` a truncated power series in the number *s*, once for every training set, and
averages the observable. The coefficients of :math:`s^k` are exact fractions, to be compared with the
contributions of an expansion at the learning-rate tensor :math:`\eta`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations_with_replacement, product
from numbers import Rational
from typing import TYPE_CHECKING, Any, final

import numpy as np

from sgdiagrams.diagrams.errors import RequestError, SamplingError
from sgdiagrams.numeric.statistics import Statistics
from sgdiagrams.symbolic.observable import observable as observable_by_name

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sgdiagrams.symbolic.observable import Observable

__all__ = [
    "PolynomialLandscape",
    "Schedule",
    "epochs_schedule",
    "exact_sgd",
    "one_pass_schedule",
]

#: The batches in the order of the updates; a batch is a tuple of rows of the training set.
Schedule = tuple[tuple[int, ...], ...]

Exponents = tuple[int, ...]
Polynomial = tuple[tuple[Exponents, Fraction], ...]
Series = list[int]


@final
@dataclass(frozen=True, slots=True, init=False)
class PolynomialLandscape:
    """A finite distribution of polynomial losses with equal weights.

    Parameters
    ----------
    losses
        One polynomial for each atom: exponents of the p variables -> rational coefficient.
    start
        The starting point, p rational numbers; 0 when left out.

    Raises
    ------
    RequestError
        When there is no atom, exponents disagree in length, or a number is not rational.

    Examples
    --------
    Two parabolas, (x - 1)^2 / 2 and (x + 1)^2 / 2, from x = 2:

    >>> half = Fraction(1, 2)
    >>> two = PolynomialLandscape([{(2,): half, (1,): s, (0,): half} for s in (-1, 1)], start=(2,))
    >>> exact_sgd(two, one_pass_schedule(T=1, B=1), order=2)
    (Fraction(5, 2), Fraction(-4, 1), Fraction(5, 2))
    """

    losses: tuple[Polynomial, ...]
    start: tuple[Fraction, ...]

    def __init__(
        self,
        losses: Sequence[Mapping[Exponents, Rational | int] | Polynomial],
        start: Sequence[Rational | int] | None = None,
    ) -> None:
        polynomials = tuple(_canonical(loss) for loss in losses)
        lengths = {len(exponents) for loss in polynomials for exponents, _ in loss}
        if start is not None:
            lengths.add(len(start))
        if not polynomials or len(lengths) != 1 or 0 in lengths:
            raise RequestError(
                "expected at least one loss, and exponents and start of one length p >= 1, "
                f"got {len(polynomials)} losses and lengths={sorted(lengths)}"
            )
        point = (0,) * lengths.pop() if start is None else start
        object.__setattr__(self, "losses", polynomials)
        object.__setattr__(self, "start", tuple(_fraction("start", value) for value in point))

    @classmethod
    def random(
        cls,
        seed: int | np.random.Generator = 0,
        *,
        p: int = 2,
        degree: int = 4,
        atoms: int = 2,
    ) -> PolynomialLandscape:
        """Return a landscape with small random rational coefficients, starting at 0.

        Parameters
        ----------
        seed
            A seed or a NumPy generator.
        p
            The number of variables.
        degree
            The degree of the losses; all monomials up to it occur.
        atoms
            The number of losses.

        Examples
        --------
        >>> PolynomialLandscape.random(0, p=1, degree=2, atoms=2).dimension
        1
        """
        rng = np.random.default_rng(seed)
        monomials = [
            tuple(choice.count(i) for i in range(p))
            for d in range(degree + 1)
            for choice in combinations_with_replacement(range(p), d)
        ]
        return cls(
            [
                {e: Fraction(int(rng.integers(-3, 4)), int(rng.integers(1, 4))) for e in monomials}
                for _ in range(atoms)
            ],
            (0,) * p,
        )

    @property
    def dimension(self) -> int:
        """Number of variables p."""
        return len(self.start)

    def statistics(self, order: int) -> Statistics:
        """Return the exact derivatives 0..order at the start: a population with equal weights.

        Derivative k has shape ``(atoms, p, ..., p)`` and entries of type ``Fraction``.

        Raises
        ------
        RequestError
            When the order is not a whole number >= 0.
        """
        _check_order(order)
        taylor = [_taylor(loss, self.start) for loss in self.losses]
        p, atoms = self.dimension, len(self.losses)
        samples: dict[int, NDArray[Any]] = {}
        for k in range(order + 1):
            tensor = np.empty((atoms, *[p] * k), dtype=object)
            for atom, *indices in np.ndindex(tensor.shape):
                exponents = tuple(indices.count(i) for i in range(p))
                factorials = math.prod(map(math.factorial, exponents))
                tensor[(atom, *indices)] = factorials * taylor[atom].get(exponents, Fraction(0))
            samples[k] = tensor
        return Statistics.from_samples(samples, role="population")


def one_pass_schedule(T: int, B: int = 1) -> Schedule:
    """Return T batches of B fresh rows each.

    Examples
    --------
    >>> one_pass_schedule(T=2, B=2)
    ((0, 1), (2, 3))
    """
    return tuple(tuple(range(t * B, (t + 1) * B)) for t in range(T))


def epochs_schedule(N: int, B: int, E: int) -> Schedule:
    """Return E passes over N rows in batches of B, always in the same order.

    Raises
    ------
    SamplingError
        When B does not divide N.

    Examples
    --------
    >>> epochs_schedule(N=4, B=2, E=2)
    ((0, 1), (2, 3), (0, 1), (2, 3))
    """
    if B < 1 or N < 1 or N % B:
        raise SamplingError(f"expected a batch size that divides N, got N={N}, B={B}")
    return one_pass_schedule(N // B, B) * E


def exact_sgd(
    landscape: PolynomialLandscape,
    schedule: Schedule,
    *,
    order: int,
    observable: str | Observable = "test-loss",
    eta: Sequence[Any] | None = None,
    rows: int | None = None,
) -> tuple[Fraction, ...]:
    r"""Return the expected observable after SGD as a power series, averaged over all training sets.

    Parameters
    ----------
    landscape
        A finite distribution of polynomial losses.
    schedule
        The batches; a row of the training set occurs at most once a batch.
    order
        The highest power of the learning rate, >= 0.
    observable
        ``"test-loss"``, ``"training-loss"`` (average over the rows) or ``"generalisation-gap"``.
    eta
        The learning-rate tensor is :math:`s \eta`: None for the identity, p rational numbers for a
        diagonal, or a symmetric p x p table of rational numbers.
    rows
        The size N of the training set; by default all rows of the schedule and at least one.

    Returns
    -------
    tuple of Fraction
        The coefficients of :math:`s^0, \dots, s^{\mathrm{order}}`.

    Raises
    ------
    RequestError
        When the order, the observable or `eta` is wrong.
    SamplingError
        When the schedule is.

    Notes
    -----
    With a common denominator D of the losses, D' of eta and the least common multiple L of the batch
    sizes, the series in :math:`u = s / (D D' L)` has integer coefficients: all arithmetic is on Python
    integers. The cost grows as (number of atoms)^N; training sets share the work of common beginnings.

    Examples
    --------
    >>> landscape = PolynomialLandscape([{(2,): 1, (1,): 1}, {(2,): 1, (1,): -1}], start=(1,))
    >>> exact_sgd(landscape, epochs_schedule(N=1, B=1, E=1), order=2, observable="generalisation-gap")
    (Fraction(0, 1), Fraction(1, 1), Fraction(0, 1))
    """
    _check_order(order)
    n = _check_schedule(schedule, rows)
    signs = {"population": 0, "training": 0}
    for sign, role in observable_by_name(observable).parts:
        signs[role] += sign
    atoms, p = len(landscape.losses), landscape.dimension
    taylor = [_taylor(loss, landscape.start) for loss in landscape.losses]
    metric, metric_denominator = _integer_metric(eta, p)
    denominator = math.lcm(*(c.denominator for poly in taylor for c in poly.values()))
    batch_lcm = math.lcm(*(len(batch) for batch in schedule if batch))

    # Integer polynomials as coefficients over one list of monomials of degree <= order.
    losses = [{e: int(c * denominator) for e, c in poly.items()} for poly in taylor]
    monomials = _Monomials({e for poly in losses for e in poly}, p, order)
    values = [monomials.vector(poly) for poly in losses]
    updates = [
        [
            monomials.vector(_combine((row[nu], _derivative(poly, nu)) for nu in range(p)))
            for row in metric
        ]
        for poly in losses
    ]

    used = {row for batch in schedule for row in batch}
    total = [0] * (order + 1)
    stack: list[tuple[int, list[Series], tuple[int, ...]]] = [
        (0, [[0] * (order + 1) for _ in range(p)], (-1,) * n)
    ]
    while stack:
        t, delta, drawn = stack.pop()
        powers = monomials.evaluate(delta)
        if t == len(schedule):
            # Times N and the number of atoms, all is integer; rows never used are averaged at once.
            weights = [n * signs["population"] + (n - len(used)) * signs["training"]] * atoms
            for atom in (drawn[row] for row in used):
                weights[atom] += atoms * signs["training"]
            vector = _weighted(weights, values)
            total = [a + b for a, b in zip(total, _apply(vector, powers), strict=True)]
            continue
        batch = schedule[t]
        new = [row for row in batch if drawn[row] < 0]
        for choice in product(range(atoms), repeat=len(new)):
            now = list(drawn)
            for row, atom in zip(new, choice, strict=True):
                now[row] = atom
            counts = [0] * atoms
            for row in batch:
                counts[now[row]] += batch_lcm // len(batch)
            moved = [
                _subtract_shifted(delta[mu], _apply(_weighted(counts, component), powers))
                for mu, component in enumerate(zip(*updates, strict=True))
            ]
            stack.append((t + 1, moved, tuple(now)))

    scale = atoms ** (len(used) + 1) * n * denominator
    unit = denominator * metric_denominator * batch_lcm
    return tuple(Fraction(c, scale * unit**k) for k, c in enumerate(total))


class _Monomials:
    """The monomials of degree <= order that are needed, each a product of an earlier and a variable."""

    def __init__(self, needed: set[Exponents], p: int, order: int) -> None:
        self.order = order
        found = {(0,) * p}
        for exponents in needed:
            # All divisors, so that derivatives and factors are there.
            found.update(product(*(range(power + 1) for power in exponents)))
        # The deviation from the start begins with s^1: monomials beyond the order vanish.
        self.list = sorted((e for e in found if sum(e) <= order), key=lambda e: (sum(e), e))
        self.index = {exponents: i for i, exponents in enumerate(self.list)}
        self.recipe: list[tuple[int, int]] = []
        for exponents in self.list[1:]:
            variable = next(i for i, power in enumerate(exponents) if power)
            parent = tuple(power - (i == variable) for i, power in enumerate(exponents))
            self.recipe.append((self.index[parent], variable))

    def vector(self, polynomial: Mapping[Exponents, int]) -> list[int]:
        """Return the coefficients over the list."""
        return [polynomial.get(exponents, 0) for exponents in self.list]

    def evaluate(self, delta: list[Series]) -> list[Series]:
        """Return every monomial of the deviation from the start as a truncated series."""
        one = [1] + [0] * self.order
        result = [one]
        for parent, variable in self.recipe:
            result.append(_multiply(result[parent], delta[variable]))
        return result


def _multiply(a: Series, b: Series) -> Series:
    """Multiply two truncated series of one length."""
    result = [0] * len(a)
    for i, x in enumerate(a):
        if x:
            for j in range(len(a) - i):
                result[i + j] += x * b[j]
    return result


def _apply(vector: list[int], powers: list[Series]) -> Series:
    """Return the polynomial with these coefficients as a series."""
    result = [0] * len(powers[0])
    for coefficient, series in zip(vector, powers, strict=True):
        if coefficient:
            for k, x in enumerate(series):
                result[k] += coefficient * x
    return result


def _subtract_shifted(a: Series, b: Series) -> Series:
    """Return a - u b."""
    return [a[0], *(x - y for x, y in zip(a[1:], b, strict=False))]


def _weighted(weights: Sequence[int], vectors: Sequence[list[int]]) -> list[int]:
    return [
        sum(w * c for w, c in zip(weights, column, strict=True) if w)
        for column in zip(*vectors, strict=True)
    ]


def _combine(parts: Any) -> dict[Exponents, int]:
    result: dict[Exponents, int] = {}
    for factor, polynomial in parts:
        for exponents, coefficient in polynomial.items():
            result[exponents] = result.get(exponents, 0) + factor * coefficient
    return result


def _derivative(polynomial: Mapping[Exponents, int], variable: int) -> dict[Exponents, int]:
    return {
        tuple(power - (i == variable) for i, power in enumerate(exponents)): c * exponents[variable]
        for exponents, c in polynomial.items()
        if exponents[variable]
    }


def _taylor(loss: Polynomial, start: tuple[Fraction, ...]) -> dict[Exponents, Fraction]:
    """Return the coefficients of the polynomial in the deviation from the start."""
    result: dict[Exponents, Fraction] = {}
    for exponents, coefficient in loss:
        for lower in product(*(range(power + 1) for power in exponents)):
            factor = coefficient
            for power, low, point in zip(exponents, lower, start, strict=True):
                factor *= math.comb(power, low) * point ** (power - low)
            result[lower] = result.get(lower, Fraction(0)) + factor
    return result


def _canonical(loss: Mapping[Exponents, Rational | int] | Polynomial) -> Polynomial:
    pairs = loss.items() if isinstance(loss, Mapping) else loss
    result: dict[Exponents, Fraction] = {}
    for exponents, coefficient in pairs:
        key = tuple(exponents)
        if any(isinstance(power, bool) or not isinstance(power, int) or power < 0 for power in key):
            raise RequestError(f"expected whole exponents >= 0, got exponents={key!r}")
        result[key] = result.get(key, Fraction(0)) + _fraction("coefficient", coefficient)
    return tuple(sorted(result.items()))


def _fraction(name: str, value: object) -> Fraction:
    if isinstance(value, bool) or not isinstance(value, Rational):
        raise RequestError(f"expected an int or a Fraction, got {name}={value!r}")
    return Fraction(int(value.numerator), int(value.denominator))


def _integer_metric(eta: Sequence[Any] | None, p: int) -> tuple[list[list[int]], int]:
    """Return the learning-rate tensor as integers over a common denominator."""
    if eta is None:
        eta = [1] * p
    rows = [row if isinstance(row, Sequence | np.ndarray) else None for row in eta]
    if len(eta) == p and all(row is None for row in rows):
        matrix = [
            [_fraction("eta", value) if i == j else Fraction(0) for j in range(p)]
            for i, value in enumerate(eta)
        ]
    elif len(eta) == p and all(row is not None and len(row) == p for row in rows):
        matrix = [[_fraction("eta", value) for value in row] for row in eta]
    else:
        raise RequestError(f"expected p={p} numbers or a {p} x {p} table, got eta={eta!r}")
    if any(matrix[i][j] != matrix[j][i] for i in range(p) for j in range(i)):
        raise RequestError(f"expected a symmetric learning-rate tensor, got eta={eta!r}")
    denominator = math.lcm(*(value.denominator for row in matrix for value in row))
    return [[int(value * denominator) for value in row] for row in matrix], denominator


def _check_order(order: int) -> None:
    if isinstance(order, bool) or not isinstance(order, int) or order < 0:
        raise RequestError(f"expected a whole number >= 0 for the order, got order={order!r}")


def _check_schedule(schedule: Schedule, rows: int | None) -> int:
    """Return the size of the training set."""
    least = 1 + max((row for batch in schedule for row in batch), default=0)
    n = least if rows is None else rows
    for t, batch in enumerate(schedule):
        if not batch or len(set(batch)) != len(batch) or min(batch) < 0 or max(batch) >= n:
            raise SamplingError(
                f"expected batches of different rows 0..{n - 1}, got batch={batch!r} at update {t}"
            )
    if n < 1:
        raise SamplingError(f"expected at least one datapoint, got rows={rows}")
    return n
