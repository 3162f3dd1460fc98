"""Weights in balls are exact weights, to more digits than a float has."""

from fractions import Fraction

import pytest

from sgdiagrams.diagrams.errors import RequestError, SamplingError
from sgdiagrams.symbolic import (
    Epochs,
    Momentum,
    Nesterov,
    OnePass,
    WithReplacement,
    expand,
    symbols,
)
from sgdiagrams.symbolic.symbols import N, T, alpha, beta
from sgdiagrams.symbolic.training.average import ExponentialAverage
from sgdiagrams.symbolic.training.optimizers.sgd import SGD
from sgdiagrams.symbolic.training.schedules.closed_schedules import Exponential
from sgdiagrams.symbolic.weights.enclosures import rounded_at
from sgdiagrams.symbolic.weights.substitution import value_at

MANY = Fraction(1500)  # powers of 9/10 have thousands of digits then
NUMBERS = {"N": 7, "B": 2, "T": 1500, "E": 1500, "gamma": "0.999"}


def assert_close(found, exact):
    assert abs(found - exact) <= abs(exact) / 2**100


@pytest.mark.parametrize("b", ["9/10", "0.999999"])
@pytest.mark.parametrize(
    ("sampling", "optimizer"),
    [
        (OnePass(), Momentum()),
        (OnePass(), Momentum(beta="0.9")),
        (Epochs(N=symbols.N, B=symbols.N), Nesterov()),
        (WithReplacement(), Momentum()),
        (OnePass(), SGD(average=ExponentialAverage())),
        (OnePass(), SGD(schedule=Exponential())),
    ],
)
def test_closed_forms(sampling, optimizer, b):
    expansion = expand("training-loss", order=2, sampling=sampling, optimizer=optimizer)
    numbers = {**NUMBERS, "beta": b, "alpha": "0.8"}
    numbers = {k: v for k, v in numbers.items() if k in expansion.symbols}
    for found, exact in zip(
        expansion.rounded_weights(**numbers), expansion.weights(**numbers), strict=True
    ):
        assert_close(found, exact)
        assert found.denominator.bit_length() < 2000


@pytest.mark.parametrize("distance", [Fraction(1, 10**k) for k in (1, 8, 40, 200)])
def test_removable_poles(distance):
    weight = (1 - beta**T) / (1 - beta) ** 2 - T / (1 - beta)
    values = {"T": MANY, "beta": 1 - distance}
    assert_close(rounded_at(weight, values), value_at(weight, values))
    apart = (alpha**T - beta**T) / (alpha - beta)
    values = {"T": MANY, "beta": Fraction(9, 10), "alpha": Fraction(9, 10) - distance}
    assert_close(rounded_at(apart, values), value_at(apart, values))


def test_short_weights_are_exact():
    assert rounded_at((1 - beta**T) / 3, {"T": Fraction(2), "beta": Fraction(1, 2)}) == Fraction(
        1, 4
    )
    assert rounded_at(T**2 / N, {"T": Fraction(10**40), "N": Fraction(3)}) == Fraction(10**80, 3)


def test_what_is_zero_to_a_float_is_zero():
    values = {"T": Fraction(10**15), "beta": Fraction(9, 10)}
    assert rounded_at(beta**T, values) == 0
    assert rounded_at((beta**T) ** 2 - beta ** (2 * T), {**values, "T": MANY}) == 0
    assert_close(rounded_at(T - beta**T, values), Fraction(10**15))


def test_what_no_float_holds_is_refused_before_it_is_written_out():
    with pytest.raises(RequestError, match="below 1e308"):
        rounded_at(beta**T, {"T": Fraction(10**15), "beta": Fraction(3, 2)})


def test_poles_are_named():
    values = {"T": MANY, "beta": Fraction(9, 10), "alpha": Fraction(9, 10)}
    with pytest.raises(SamplingError, match="alpha = beta is a pole"):
        rounded_at((alpha**T - beta**T) / (alpha - beta), values)
    with pytest.raises(SamplingError, match="no digit that is certain"):
        rounded_at(1 / (alpha**T - beta**T), values)
    with pytest.raises(SamplingError, match="is whole"):
        rounded_at(beta ** (T / 7), values)


def test_a_million_updates_with_momentum():
    """Transients have died out: -(T - beta/(1 - beta))/(1 - beta), and the like."""
    heavy = expand("displacement", order=2, sampling="one-pass", optimizer="momentum")
    first = heavy.rounded_weights(T=10**6, beta="0.9")[0]
    assert_close(first, Fraction(-(10**6 - 9) * 10))
    average = Momentum(average=ExponentialAverage())
    averaged = expand("displacement", order=1, sampling="one-pass", optimizer=average)
    # The average lags by alpha/(1 - alpha) updates.
    found = averaged.rounded_weights(T=10**6, beta="0.9", alpha="0.8")[0]
    assert_close(found, Fraction(-(10**6 - 9 - 4) * 10))
