"""Series with whole coefficients: the unit is small enough, or there is an error."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sgdiagrams.numeric.exact.series import Monomials, multiply, step_down, times

series = st.lists(st.integers(-9, 9), min_size=4, max_size=4)


def test_a_unit_that_is_too_large_is_an_error():
    assert times(Fraction(-2, 3), [0, 3, -6]) == [0, -2, 4]
    with pytest.raises(ArithmeticError, match="whole"):
        times(Fraction(1, 2), [0, 3])


@given(a=series, b=series, c=series)
def test_product_is_a_truncated_ring(a, b, c):
    assert multiply(a, b) == multiply(b, a)
    assert multiply(multiply(a, b), c) == multiply(a, multiply(b, c))
    assert multiply(a, [1, 0, 0, 0]) == a
    assert step_down(a, b) == [x - y for x, y in zip(a, multiply([0, 1, 0, 0], b), strict=True)]


@given(a=series, b=series)
def test_monomials_are_products(a, b):
    x, y = [0, *a[1:]], [0, *b[1:]]
    monomials = Monomials({(1, 2), (4, 0)}, p=2, order=3)
    powers = dict(zip(monomials.list, monomials.evaluate([x, y]), strict=True))
    assert powers[1, 2] == multiply(x, multiply(y, y))
    assert powers[3, 0] == multiply(x, multiply(x, x))
    assert (4, 0) not in powers
    vector = monomials.vector({(1, 2): 5, (0, 0): 2, (4, 0): 1})
    combined = monomials.apply(vector, list(powers.values()))
    assert combined == [5 * z + 2 * (k == 0) for k, z in enumerate(powers[1, 2])]
