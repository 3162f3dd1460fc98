"""Penalties of training in exact arithmetic: polynomials of the weights, by their definition."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any, final

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.numeric.exact.polynomial_values import expression_polynomials
from sgdiagrams.numeric.exact.series import add, derivative, taylor, times
from sgdiagrams.symbolic.vocabulary import GROUP_DECAY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sgdiagrams.numeric.exact.landscape import PolynomialLandscape
    from sgdiagrams.numeric.exact.series import Exponents, Monomials, PolynomialTerms, Series
    from sgdiagrams.symbolic.training.optimizer import Optimizer

__all__ = ["PenaltySlopes"]


def _halved_squares(rates: Sequence[Fraction], p: int) -> PolynomialTerms:
    if len(rates) != p:
        raise RequestError(
            f"expected weight_decay with a number for each of {p} weights, got {len(rates)}"
        )
    return tuple((tuple(2 * (i == j) for j in range(p)), r / 2) for i, r in enumerate(rates))


@final
class PenaltySlopes:
    """The gradient of what is added to the losses, as series in the learning rate.

    Parameters
    ----------
    optimizer
        With its penalty, and numbers for the symbols in it but eta.
    landscape
        The losses, whose derivatives an expression is made of.
    functions
        The polynomials of the user's functions, by name.

    Attributes
    ----------
    polynomials
        By the power of the learning rate before them, in deviations from the start; none without penalty.
    denominator
        Of all their coefficients.

    Raises
    ------
    RequestError
        When a symbol of an expression has no number.

    Examples
    --------
    >>> from sgdiagrams.numeric.exact.landscape import PolynomialLandscape
    >>> from sgdiagrams.symbolic.training.optimizers.sgd import SGD
    >>> from sgdiagrams.symbolic.training.penalty import Penalty
    >>> flat = PolynomialLandscape([{(0,): 0}], start=(1,))
    >>> cubic = SGD(penalty=Penalty("R", strength="1/2"))
    >>> PenaltySlopes(cubic, flat, {"R": (((3,), Fraction(1)),)}).polynomials
    {0: {(0,): Fraction(1, 2), (1,): Fraction(3, 2), (2,): Fraction(3, 2), (3,): Fraction(1, 2)}}
    """

    def __init__(
        self,
        optimizer: Optimizer,
        landscape: PolynomialLandscape,
        functions: Mapping[str, PolynomialTerms],
    ) -> None:
        self._dimension = p = landscape.dimension
        self.polynomials: dict[int, dict[Exponents, Fraction]] = {}
        if optimizer.penalty is not None:
            rates = optimizer.penalty.rates
            if rates:
                functions = {**functions, GROUP_DECAY: _halved_squares(rates, p)}
            known = expression_polynomials(
                optimizer.penalty.expression, landscape.losses, functions, p
            )
            self.polynomials = {
                power: taylor(polynomial, landscape.start)
                for (power, _), polynomial in known.items()
                if polynomial
            }
        coefficients = (c for poly in self.polynomials.values() for c in poly.values())
        self.denominator = math.lcm(*(c.denominator for c in coefficients))
        self._slopes: dict[int, list[list[int]]] = {}

    @property
    def exponents(self) -> set[Exponents]:
        """The monomials that occur."""
        return {e for poly in self.polynomials.values() for e in poly}

    def prepare(self, monomials: Monomials) -> None:
        """Write the gradients over a list of monomials that contains theirs."""
        for power, polynomial in self.polynomials.items():
            whole = {e: int(c * self.denominator) for e, c in polynomial.items()}
            self._slopes[power] = [
                monomials.vector(derivative(whole, mu)) for mu in range(self._dimension)
            ]

    def added_to(
        self,
        gradient: list[Series],
        monomials: Monomials,
        powers: Sequence[Series],
        *,
        gradient_unit: int,
        unit: int,
    ) -> list[Series]:
        """Return a gradient with that of the penalty at evaluated monomials.

        Parameters
        ----------
        gradient
            Times the gradient unit, a multiple of the denominator.
        monomials, powers
            Those that it was prepared for, at the weights.
        gradient_unit, unit
            As of `sgdiagrams.numeric.exact.update_rule.Rule`.
        """
        result = gradient
        for j, vectors in self._slopes.items():
            scale = gradient_unit // self.denominator * unit**j
            pulls = (times(scale, monomials.apply(vector, powers)) for vector in vectors)
            shifted = ([*[0] * j, *pull][: len(pull)] for pull in pulls)
            result = [add(x, y) for x, y in zip(result, shifted, strict=True)]
        return result

    def at_rate(
        self, monomials: Monomials, powers: Sequence[Sequence[Fraction]], rate: Fraction
    ) -> list[list[Fraction]]:
        """Return the gradient at evaluated monomials, with a number for the learning rate."""
        result = [[Fraction(0)] * (monomials.order + 1) for _ in range(self._dimension)]
        for j, vectors in self._slopes.items():
            scale = rate**j / self.denominator
            for mu, vector in enumerate(vectors):
                pull: list[Any] = monomials.apply(vector, powers)
                result[mu] = add(result[mu], [scale * c for c in pull])
        return result
