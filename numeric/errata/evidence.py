"""Exact numbers for errata: coefficients of series, and what else SGD does on small landscapes."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from sgdiagrams.numeric.errata.erratum import Evidence
from sgdiagrams.numeric.exact.landscape import PolynomialLandscape
from sgdiagrams.numeric.exact.simulator import exact_training
from sgdiagrams.symbolic.training.schemes.one_pass import OnePass
from sgdiagrams.symbolic.training.training import Training

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sgdiagrams.symbolic.algebra.expression import Expression

__all__ = ["Runs", "limit_of_small_steps", "mean_over_samples", "of_coefficients"]

#: Trainings whose coefficients are added: a factor, the training, and what its learning rate is times.
Runs = tuple[tuple[int, Training, Fraction], ...]


def of_coefficients(
    printed: Expression,
    derived: Expression,
    runs: Runs,
    *,
    order: int,
    numbers: Mapping[str, int],
    observable: str = "test-loss",
    atoms: int = 2,
) -> Evidence:
    """Return what a coefficient of a power of eta is on a random landscape of two weights.

    Parameters
    ----------
    printed, derived
        The coefficient, in the letters that `numbers` has.
    runs
        With numbers for all letters.
    order
        The power of eta.
    numbers
        What the letters of the formulas stand for.
    observable
        What is read off at the end.
    atoms
        How many losses there are.
    """
    landscape = PolynomialLandscape.random(1, p=2, degree=order + 1, atoms=atoms)
    exact = sum(
        factor
        * rate**order
        * np.asarray(
            exact_training(landscape, training, order=order, observable=observable)[order],
            dtype=object,
        )
        for factor, training, rate in runs
    )
    statistics = landscape.statistics(order + 1)

    def value(expression: Expression) -> tuple[Fraction, ...]:
        estimate = expression.subs(dict(numbers)).evaluate(statistics)
        return _components(estimate.value)

    letters = ", ".join(f"{name} = {number}" for name, number in numbers.items())
    return Evidence(
        f"coefficient of eta^{order} at {letters}, on a random landscape of {atoms} losses",
        _components(exact),
        value(derived),
        value(printed),
    )


def _components(value: Any) -> tuple[Fraction, ...]:
    return tuple(Fraction(x) for x in np.atleast_1d(np.asarray(value, dtype=object)).ravel())


def limit_of_small_steps(
    landscape: Callable[[int], PolynomialLandscape], *, order: int, updates: int, finer: int = 2
) -> Fraction:
    r"""Return the coefficient of a power of the time step when each update is cut into ever more steps.

    With :math:`k^2` steps to an update, and noise times k, the coefficient is a polynomial in
    :math:`1/k^2` of a degree below the order, which steps of two sizes determine at order 2.

    Parameters
    ----------
    landscape
        That whose noise is times k.
    order
        The power, 2.
    updates
        How many there are at k = 1.
    finer
        The larger k; the other is 1.
    """

    def coefficient(k: int) -> Fraction:
        training = Training(OnePass(B=1, T=updates * k**2))
        series = exact_training(landscape(k), training, order=order)
        value: Fraction = series[order]
        return value / Fraction(k) ** (2 * order)

    coarse, fine = coefficient(1), coefficient(finer)
    return fine + (fine - coarse) / (finer**2 - 1)


def mean_over_samples(
    values: Sequence[Fraction], size: int, statistic: Callable[[Sequence[Fraction]], Fraction]
) -> Fraction:
    """Return the mean of a statistic over all samples of so many independent draws."""
    samples = list(product(values, repeat=size))
    total = sum((statistic(sample) for sample in samples), Fraction(0))
    return Fraction(total, len(samples))
