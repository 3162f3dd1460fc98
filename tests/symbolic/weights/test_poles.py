"""Poles of closed forms are named, and said to whom the numbers belong; formulas before are right."""

from fractions import Fraction

import pytest

from sgdiagrams.diagrams import RequestError, SamplingError
from sgdiagrams.symbolic import (
    SGD,
    Exponential,
    ExponentialAverage,
    Momentum,
    expand,
    symbols,
)

HALF = Fraction(1, 2)
AVERAGED = Momentum(average=ExponentialAverage())
CASES = [
    (
        "with-replacement",
        AVERAGED,
        {"alpha": HALF, "beta": HALF},
        "alpha = beta",
        "average's memory",
    ),
    ("one-pass", SGD(schedule=Exponential()), {"gamma": 1}, "gamma = 1", "schedule's factor"),
    (
        "one-pass",
        Momentum(schedule=Exponential()),
        {"gamma": HALF, "beta": HALF},
        "beta = gamma",
        "optimiser's momentum",
    ),
]


@pytest.mark.parametrize(("scheme", "optimizer", "values", "pole", "owner"), CASES)
def test_poles_are_named(scheme, optimizer, values, pole, owner):
    expansion = expand("test-loss", order=2, sampling=scheme, optimizer=optimizer)
    numbers = {"T": 3, "N": 5, "B": 1}
    numbers = {k: v for k, v in numbers.items() if k in expansion.symbols}
    with pytest.raises(SamplingError) as first:
        expansion.weights(**numbers, **values)
    with pytest.raises(RequestError) as second:
        expansion.subs(values)
    for error in (first, second):
        message = str(error.value)
        assert message.startswith(f"{pole} is a pole of this closed form")
        assert owner in message
        assert "\n" not in message
        assert len(message) < 200
    # The remedy is one.
    before = expand("test-loss", order=2, sampling=scheme, optimizer=optimizer.at(**values))
    limit = before.weights(**numbers)
    near = {k: Fraction(v) - Fraction(i, 10**9) for i, (k, v) in enumerate(values.items(), 1)}
    for exact, close in zip(limit, expansion.weights(**numbers, **near), strict=True):
        assert abs(exact - close) < Fraction(1, 10**6)


def test_numbers_that_nobody_takes():
    momentum = expand("test-loss", order=3, sampling="one-pass", optimizer=Momentum())
    with pytest.raises(RequestError, match=r"^beta = 1 is a pole .* momentum\) is never that$"):
        momentum.subs({"beta": 1})
    averaged = expand("test-loss", order=2, sampling="with-replacement", optimizer=AVERAGED)
    with pytest.raises(RequestError, match=r"^alpha = beta is a pole .* got alpha=beta;"):
        averaged.subs({"alpha": symbols.beta})
    with pytest.raises(RequestError, match=r"^N = 0 is a pole .* datapoints\) is never that$"):
        averaged.subs({"N": 0})
