r"""Polynomial landscapes with rational coefficients, where everything can be computed exactly."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations_with_replacement
from numbers import Rational
from typing import TYPE_CHECKING, Any, final

import numpy as np

from sgdiagrams.diagrams.errors import RequestError, listed
from sgdiagrams.diagrams.messages import shown
from sgdiagrams.diagrams.whole_numbers import is_whole
from sgdiagrams.numeric.exact.series import Exponents, PolynomialTerms, taylor
from sgdiagrams.numeric.statistics import Statistics

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["PolynomialLandscape", "check_order", "exact_number", "polynomial"]

_MOST_ORDER = 100  # of power series, and degree of polynomials


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
    noises
        Where noise is fresh at every visit of a datapoint (augmentation, label noise): so many losses,
        one after the other, belong to each datapoint, and every visit draws one of them.

    Raises
    ------
    RequestError
        When there is no atom, exponents disagree in length, or a number is not rational.

    Examples
    --------
    Two parabolas, (x - 1)^2 / 2 and (x + 1)^2 / 2, from x = 2:

    >>> half = Fraction(1, 2)
    >>> two = PolynomialLandscape([{(2,): half, (1,): s, (0,): half} for s in (-1, 1)], start=(2,))
    >>> two.statistics(1).samples[1].ravel()
    array([Fraction(1, 1), Fraction(3, 1)], dtype=object)

    The same two as the label noise of one datapoint:

    >>> one = PolynomialLandscape(two.losses, two.start, noises=2)
    >>> one.statistics(1)
    <Statistics: population of 1 with 2 visits each, 1 parameter, derivatives 0, 1, exact>
    """

    losses: tuple[PolynomialTerms, ...]
    start: tuple[Fraction, ...]
    noises: int

    def __init__(
        self,
        losses: Sequence[Mapping[Exponents, Rational | int] | PolynomialTerms],
        start: Sequence[Rational | int] | None = None,
        *,
        noises: int = 1,
    ) -> None:
        given = listed("losses", losses, called="a list of polynomials")
        polynomials = tuple(polynomial(loss) for loss in given)
        lengths = {len(exponents) for loss in polynomials for exponents, _ in loss}
        if start is not None:
            start = listed("start", start, called="a list of numbers")
            lengths.add(len(start))
        if not polynomials or len(lengths) != 1 or 0 in lengths:
            raise RequestError(
                "expected at least one loss, and exponents and start of one length p >= 1, "
                f"got {len(polynomials)} losses and lengths={sorted(lengths)}"
            )
        if not is_whole(noises, least=1) or len(polynomials) % noises:
            raise RequestError(
                f"expected noises of which each datapoint has as many losses, got noises={shown(noises)} "
                f"for {len(polynomials)} losses"
            )
        point = (0,) * lengths.pop() if start is None else start
        object.__setattr__(self, "noises", int(noises))
        object.__setattr__(self, "losses", polynomials)
        object.__setattr__(self, "start", tuple(exact_number("start", value) for value in point))

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

    def moved(self, weights: Sequence[Rational | float] | NDArray[Any]) -> PolynomialLandscape:
        """Return the same losses from another start; floats stand for the fractions that they are.

        Examples
        --------
        >>> PolynomialLandscape([{(2,): 1}]).moved([3]).start
        (Fraction(3, 1),)
        """
        given = [Fraction(x) if isinstance(x, float) else x for x in weights]
        return PolynomialLandscape(self.losses, given, noises=self.noises)

    @property
    def without_noise(self) -> PolynomialLandscape:
        """The landscape whose datapoints have the means of their losses over the noise.

        Examples
        --------
        >>> coin = PolynomialLandscape([{(1,): 1}, {(1,): 3}], noises=2)
        >>> coin.without_noise.losses
        ((((1,), Fraction(2, 1)),),)
        """
        if self.noises == 1:
            return self
        share = Fraction(1, self.noises)
        groups = [self.losses[i : i + self.noises] for i in range(0, len(self.losses), self.noises)]
        means = [tuple((e, share * c) for loss in group for e, c in loss) for group in groups]
        return PolynomialLandscape(means, self.start)

    def averaged(self) -> PolynomialLandscape:
        """Return the landscape whose one loss is the mean: what is followed where nothing is drawn.

        Examples
        --------
        >>> PolynomialLandscape([{(1,): 1}, {(1,): 3}]).averaged().losses
        ((((1,), Fraction(2, 1)),),)
        """
        share = Fraction(1, len(self.losses))
        mean = [(exponents, share * c) for loss in self.losses for exponents, c in loss]
        return PolynomialLandscape([tuple(mean)], self.start)

    def statistics(self, order: int) -> Statistics:
        """Return the exact derivatives 0..order at the start: a population with equal weights.

        Derivative k has shape ``(atoms, p, ..., p)`` and entries of type ``Fraction``. With noise the
        losses of a datapoint are its visits.

        Raises
        ------
        RequestError
            When the order is not a whole number >= 0.
        """
        check_order(order)
        deviations = [taylor(loss, self.start) for loss in self.losses]
        p, atoms = self.dimension, len(self.losses)
        samples: dict[int, NDArray[Any]] = {}
        for k in range(order + 1):
            tensor = np.empty((atoms, *[p] * k), dtype=object)
            for atom, *indices in np.ndindex(tensor.shape):
                exponents = tuple(indices.count(i) for i in range(p))
                factorials = math.prod(map(math.factorial, exponents))
                tensor[(atom, *indices)] = factorials * deviations[atom].get(exponents, Fraction(0))
            samples[k] = tensor
        if self.noises == 1:
            return Statistics.from_samples(samples, role="population")
        nested = {k: x.reshape(-1, self.noises, *x.shape[1:]) for k, x in samples.items()}
        return Statistics.from_samples(nested, role="population", visits="population")


def polynomial(given: Mapping[Exponents, Rational | int] | PolynomialTerms) -> PolynomialTerms:
    """Return a polynomial in its standard form: sorted exponents with their coefficients.

    Raises
    ------
    RequestError
        When exponents are not whole numbers 0..100, or a coefficient is not rational.

    Examples
    --------
    >>> polynomial({(1,): 2, (0,): Fraction(1, 3)})
    (((0,), Fraction(1, 3)), ((1,), Fraction(2, 1)))
    """
    pairs = given.items() if isinstance(given, Mapping) else given
    result: dict[Exponents, Fraction] = {}
    called = "a polynomial such as {(2, 0): 1}, coefficients by exponents"
    for pair in listed("polynomial", pairs, called=called):
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise RequestError(f"expected {called}, got {shown(given)}")
        exponents, coefficient = pair
        key = tuple(listed("exponents", exponents, called="a tuple of exponents"))
        if not all(is_whole(power, least=0, most=_MOST_ORDER) for power in key):
            raise RequestError(
                f"expected whole exponents 0..{_MOST_ORDER}, got exponents={shown(key)}"
            )
        key = tuple(map(int, key))
        result[key] = result.get(key, Fraction(0)) + exact_number("coefficient", coefficient)
    return tuple(sorted(result.items()))


def exact_number(name: str, value: object) -> Fraction:
    """Return a rational number, or raise a RequestError; decimals are not rational numbers."""
    if isinstance(value, bool) or not isinstance(value, Rational):
        raise RequestError(f"expected an int or a Fraction, got {name}={shown(value)}")
    return Fraction(int(value.numerator), int(value.denominator))


def check_order(order: int) -> None:
    """Raise a RequestError unless the order is a whole number from 0 to 100."""
    if not is_whole(order, least=0, most=_MOST_ORDER):
        raise RequestError(
            f"expected a whole number 0..{_MOST_ORDER} for the order, got order={shown(order)}"
        )
