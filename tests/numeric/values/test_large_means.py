"""Cumulants keep their digits where means are large against the spread."""

from fractions import Fraction

import numpy as np
import pytest

from sgdiagrams.numeric.statistics import Statistics
from sgdiagrams.numeric.values.evaluator import Evaluator
from sgdiagrams.symbolic import Contraction, expand

SPREAD = np.array([-3, 0, 1, 5, -2, 2, -1])
CURVES = np.array([2, 1, -1, 0, 3, 1, 0])


def both(mean, role, weights=None):
    """Return statistics in floats and the same in fractions: deviations are whole numbers."""
    first = (SPREAD + mean).reshape(-1, 1)
    second = (CURVES + 3 * mean).reshape(-1, 1, 1)
    derivatives = {0: SPREAD + 2 * mean, 1: first, 2: second}
    floats = {k: array.astype(float) for k, array in derivatives.items()}
    shares = None if weights is None else np.array(weights, dtype=float)
    return (
        Statistics.from_samples(floats, role=role, weights=shares),
        Statistics.from_samples(derivatives, role=role, weights=weights),
    )


BLOCKS = {
    "covariance": Contraction.build([(0, 1)], [[0, 1]], basis="cumulant"),
    "third": Contraction.build([(0, 1), (2, 1)], [[0, 1, 2]], basis="cumulant"),
    "fourth": Contraction.build([], [range(4)], free=range(4), basis="cumulant"),
    "product": Contraction.build([(0, 1), (2, 3)], [[0, 1], [2, 3]], basis="cumulant"),
    "crossed": Contraction.build([(0, 1), (2, 3), (1, 3)], [[0, 3], [1, 2]], basis="cumulant"),
    "with a mean": Contraction.build([(0, 1), (1, 2)], [[0, 1], [2]], basis="cumulant"),
}
ROLES = [("population", None), ("sample", None), ("training-set", None)]
ROLES += [("population", [Fraction(w, 8) for w in (3, -1, 2, 1, 1, 1, 1)])]


@pytest.mark.parametrize(("role", "weights"), ROLES)
@pytest.mark.parametrize("mean", [10**4, 10**8])
@pytest.mark.parametrize("block", BLOCKS.values(), ids=BLOCKS)
def test_values(block, mean, role, weights):
    floating, exact = both(mean, role, weights)
    right = np.array(Evaluator(exact).value(block), dtype=float)
    np.testing.assert_allclose(Evaluator(floating).value(block), right, rtol=1e-12)
    assert right.any()


@pytest.mark.parametrize("mean", [10**4, 10**8])
@pytest.mark.parametrize("block", BLOCKS.values(), ids=BLOCKS)
def test_jackknife_errors(block, mean):
    floating, exact = both(mean, "sample")
    terms = [(Fraction(1), block)]
    right = Evaluator(exact).standard_error(terms)
    np.testing.assert_allclose(Evaluator(floating).standard_error(terms), right, rtol=1e-10)


@pytest.mark.parametrize("role", ["population", "sample"])
def test_expansions_in_cumulants(role):
    floating, exact = both(10**6, role)
    expansion = expand("generalisation-gap", order=2, sampling="epochs", basis="cumulant")
    numbers = {"N": 6, "B": 2, "E": 3}
    found = expansion.evaluate(floating, eta=1e-6, **numbers)
    right = expansion.evaluate(exact, eta=Fraction(1, 10**6), **numbers)
    np.testing.assert_allclose(
        np.array(found.orders, dtype=float), np.array(right.orders, dtype=float), rtol=1e-12
    )
    np.testing.assert_allclose(found.standard_error, right.standard_error, rtol=1e-9)


@pytest.mark.parametrize("role", ["population", "sample"])
@pytest.mark.parametrize("name", ["covariance", "fourth", "product"])
def test_fractions_do_not_see_the_mean(name, role):
    """Of gradients alone: the same fractions whatever the mean, beyond machine numbers too."""
    values = []
    for mean in (0, 10**4, 10**9):
        gradients = {1: (SPREAD + mean).reshape(-1, 1)}
        value = Evaluator(Statistics.from_samples(gradients, role=role)).value(BLOCKS[name])
        values.append(np.array(value, dtype=object).ravel()[0])
    assert values[0] == values[1] == values[2] != 0
