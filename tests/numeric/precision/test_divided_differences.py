"""Divided differences against exact arithmetic, at nodes that coincide or nearly do."""

from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import combinations_with_replacement
from math import comb, prod

import flint
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import relaxed

from sgdiagrams.diagrams import RequestError, SamplingError
from sgdiagrams.numeric.precision.divided_differences import (
    exponential_difference,
    power_difference,
)
from sgdiagrams.numeric.precision.double_double import DoubleDouble

#: Repeats are likely, and 0.9 has neighbours at many distances; some learn too fast (negative nodes).
BASES = (0.0, 1.0, 0.9, 0.5, -0.9, -0.3, -1.0, 1.05, -1.25, 2.0**-40)
NODES = st.one_of(
    st.sampled_from(BASES),
    st.builds(
        lambda x, k, s: s * (x + 10.0**-k),
        st.sampled_from(BASES),
        st.integers(3, 16),
        st.sampled_from([-1, 1]),
    ),
)
NODE_LISTS = st.lists(NODES, min_size=1, max_size=5)


def homogeneous(nodes, degree):
    """Return the sum of all monomials of a degree, by its generating function's recurrence."""
    if degree < 0:
        return Fraction(0)
    sums = [Fraction(1)] + [Fraction(0)] * degree
    for x in nodes:
        for k in range(1, degree + 1):
            sums[k] += Fraction(x) * sums[k - 1]
    return sums[degree]


def quotient(nodes, f):
    """Return the divided difference by its recurrence, for nodes that differ."""
    values = [f(x) for x in nodes]
    for gap in range(1, len(nodes)):
        values = [
            (values[i + 1] - values[i]) / (nodes[i + gap] - nodes[i])
            for i in range(len(nodes) - gap)
        ]
    return values[0]


def assert_close(got, expected, tolerance=1e-10):
    if abs(expected) < Fraction(1e-290):  # floats have fewer digits there, or none
        assert abs(float(got)) < 2e-290
    else:
        assert abs(Fraction(float(got)) - expected) <= Fraction(tolerance) * abs(expected)


def test_the_reference_by_hand():
    x, y = Fraction(1, 2), Fraction(3)
    assert homogeneous([x, y], 2) == x**2 + x * y + y**2 == quotient([x, y], lambda z: z**3)
    assert homogeneous([x, y, y], 0) == 1
    monomials = combinations_with_replacement([x, y, Fraction(-1)], 3)
    assert homogeneous([x, y, -1], 3) == sum(prod(m) for m in monomials)


@relaxed
@given(nodes=NODE_LISTS, T=st.integers(0, 60))
def test_powers_of_floats(nodes, T):
    assert_close(power_difference(nodes, T), homogeneous(nodes, T - len(nodes) + 1))


@relaxed
@given(
    nodes=st.lists(st.fractions(-2, 2, max_denominator=4), min_size=1, max_size=5),
    T=st.integers(0, 30),
)
def test_powers_of_fractions_are_exact(nodes, T):
    expected = homogeneous(nodes, T - len(nodes) + 1)
    assert power_difference(nodes, T).item() == expected
    column = [np.array([x, 2 * x], dtype=object) for x in nodes]
    got = power_difference(column, T)
    assert list(got) == [expected, expected * 2 ** max(0, T - len(nodes) + 1)]


@pytest.mark.parametrize("T", [10**3, 10**4, 10**6])
def test_long_times(T):
    # Short fractions, so that their powers are; at T = 10**6 by formulas that are exact.
    assert_close(power_difference([1.0] * 4, T), Fraction(comb(T, 3)))
    q = 1 - 2.0**-20
    exact = Fraction(q)
    with localcontext(prec=60):
        x = Decimal(exact.numerator) / Decimal(exact.denominator)
        expected = (1 - x**T) / (1 - x)
        twice = T * x ** (T - 1)
        # [1, x, x] and [1, 1, x] as derivatives of (1 - x^T)/(1 - x)
        right = (expected - twice) / (1 - x)
        left = (T - expected) / (1 - x)
    assert_close(power_difference([1.0, q], T), Fraction(expected))
    assert_close(power_difference([q, q], T), Fraction(twice))
    assert_close(power_difference([1.0, q, q], T), Fraction(right))
    assert_close(power_difference([q, 1.0, 1.0], T), Fraction(left))


@pytest.mark.parametrize("gap", [10.0**-k for k in range(3, 17)])
@pytest.mark.parametrize("sign", [1, -1])
def test_near_equal_nodes_at_long_times(gap, sign):
    T = 10**5 + 1
    x, y, z = -0.9999, 0.9999, sign * (0.9999 + gap)
    with localcontext(prec=400):
        nodes = [Decimal(v) for v in (x, y, z)]
        if len(set(nodes)) == 3:
            got = power_difference([x, y, z], T)
            assert_close(got, Fraction(quotient(nodes, lambda v: v**T)))


def in_balls(nodes, function):
    """Return the corner entry of a function of the bidiagonal matrix as a ball of 400 bits."""
    count = len(nodes)
    places = [(i, j) for i in range(count) for j in range(count)]
    with flint.ctx.workprec(400):
        entries = [flint.arb(nodes[i]) if i == j else int(j == i + 1) for i, j in places]
        return function(flint.arb_mat(count, count, entries))[0, count - 1]


def assert_in_ball(got, ball, tolerance):
    with flint.ctx.workprec(400):
        assert abs(flint.arb(float(got)) - ball) <= tolerance * abs(ball), (got, ball)


#: Up to 7 nodes at distances from 1e-17 to 1 of each other and of 1, and zeros.
DISTANCES = st.builds(lambda k: 10.0**-k, st.floats(0, 17))
CLOSE = st.lists(st.one_of(st.just(0.0), DISTANCES), min_size=2, max_size=7)


@relaxed
@given(distances=CLOSE, base=st.sampled_from([1.0, 0.999, 0.9, 0.5]), data=st.data())
def test_long_times_against_balls(distances, base, data):
    T = 10 ** data.draw(st.integers(1, 7)) + data.draw(st.integers(0, 9))
    zeros = data.draw(st.integers(0, 1)) * [0.0]
    nodes = [max(0.0, base - x) for x in distances] + zeros
    ball = in_balls(nodes, lambda matrix: matrix**T)
    if ball > 1e-290:
        # Far better than promised: errors do not grow with T.
        assert_in_ball(power_difference(nodes, T), ball, 1e-13)
    signs = data.draw(st.lists(st.sampled_from([-1, 1]), min_size=len(nodes), max_size=len(nodes)))
    nodes = [s * x for s, x in zip(signs, nodes, strict=True)]
    ball = in_balls(nodes, lambda matrix: matrix**T)
    if abs(ball) > 1e-290:
        assert_in_ball(power_difference(nodes, T), ball, 1e-10)


@relaxed
@given(
    distances=CLOSE, T=st.sampled_from([1, 7, 10**3, 10**5, 10**7]), sign=st.sampled_from([-1, 1])
)
def test_exponentials_at_long_times_against_balls(distances, T, sign):
    nodes = [sign * x for x in distances]
    ball = in_balls(nodes, lambda matrix: (matrix * flint.arb(T)).exp())
    if 1e-290 < ball < 1e300:
        assert_in_ball(exponential_difference(nodes, T), ball, 1e-11)


def test_exponents_beyond_machine_numbers():
    assert power_difference([1.0, 1.0], 10**20) == 1e20
    assert power_difference([-1.0, 1.0], 2**64 + 1) == 1
    assert power_difference([-1.0, 1.0], 2**53) == 0


def test_zeros_and_what_nearly_is_zero():
    assert power_difference([0.9, -0.9], 10**6) == 0
    assert power_difference([0.0, 0.0], 5) == 0
    assert power_difference([0.0, 0.0], 1) == 1
    assert power_difference([1.0, 2.0, 3.0], 1) == 0
    assert exponential_difference([3.0, 2.0], 0) == 0
    assert power_difference([0.9, -0.9, 2.0**-900], 7) == 3 * 0.9**4 * 2.0**-900 / 3
    y = np.nextafter(-0.9, 0)
    assert_close(power_difference([0.9, y], 1000), homogeneous([0.9, y], 999))


def test_beyond_the_range_of_floats():
    # Warnings are errors here.
    assert power_difference([2.0, 0.1], 5000) == np.inf
    assert power_difference([-2.0, 0.1], 5000) == -np.inf
    assert power_difference([0.5, 0.3], 10**6) == 0
    assert_close(power_difference([1.0, 0.5], 10**6), Fraction(2))
    assert exponential_difference([0.0, 5.0], 10**4) == np.inf
    assert exponential_difference([-5.0, 5.0], 10**4) == np.inf
    assert exponential_difference([-1.0, -2.0], 10**4) == 0
    assert exponential_difference([-1e300, 0.0], 1) == pytest.approx(1e-300)
    assert np.isnan(power_difference([np.nan, 1.0], 3))


def test_shapes_broadcast_entry_by_entry():
    x, y = np.array([0.2, 1.0, -0.9]), np.array([[0.2], [-0.9]])
    got = power_difference([x, y, 1.0], 31)
    assert got.shape == (2, 3)
    for i in range(2):
        for j in range(3):
            assert_close(got[i, j], homogeneous([x[j], y[i, 0], 1], 29))
    assert power_difference([np.zeros((0, 2)), 1.0], 3).shape == (0, 2)
    assert power_difference([1, 2], 3).item() == 7
    assert exponential_difference([1, 1], 3) == pytest.approx(3 * np.exp(3))


@relaxed
@given(
    parts=st.lists(st.tuples(NODES, NODES), min_size=2, max_size=4),
    T=st.integers(0, 40),
)
def test_complex_powers(parts, T):
    nodes = [complex(a, b) for a, b in parts]
    # The same recurrence in pairs of fractions
    sums = [(Fraction(1), Fraction(0))] + [(Fraction(0), Fraction(0))] * T
    for a, b in [(Fraction(a), Fraction(b)) for a, b in parts]:
        for k in range(1, T + 1):
            (x, y), (u, v) = sums[k], sums[k - 1]
            sums[k] = (x + a * u - b * v, y + a * v + b * u)
    degree = T - len(nodes) + 1
    got = complex(power_difference(nodes, T))
    x, y = sums[degree] if degree >= 0 else (Fraction(0), Fraction(0))
    error = (Fraction(got.real) - x) ** 2 + (Fraction(got.imag) - y) ** 2
    size = x**2 + y**2
    assert error <= Fraction(1e-10) ** 2 * size or size < Fraction(1e-290) ** 2


@relaxed
@given(nodes=NODE_LISTS, T=st.one_of(st.integers(0, 300), st.fractions(0, 10, max_denominator=9)))
def test_exponentials(nodes, T):
    # Taylor's series in fractions, with the nodes shifted so that no term is negative
    least = min(map(Fraction, nodes))
    with localcontext(prec=80):
        time = Decimal(T.numerator) / Decimal(T.denominator)
        shifted = [Decimal(x) - Decimal(float(least)) for x in nodes]
        sums, term, k = Decimal(0), Decimal(1), 0
        last = len(nodes) - 1
        # [y_0..y_L] exp(T y) = sum over k of T^k/k! h_{k-L}(y)
        rows = [Decimal(1)] * (last + 1)
        while k < last + 40 or term * rows[-1] > sums * Decimal("1e-40"):
            if k >= last:
                if k > last:
                    rows[0] *= shifted[0]
                    for i in range(1, last + 1):
                        rows[i] = rows[i - 1] + shifted[i] * rows[i]
                sums += term * rows[-1]
            k += 1
            term = term * time / k
        expected = Fraction(sums * (time * Decimal(float(least))).exp())
    got = float(exponential_difference(nodes, T))
    if 1e-290 < expected < 1e300:
        assert_close(got, expected)
    elif expected >= 1e309:
        assert got == np.inf
    elif expected <= 1e-330:
        assert got == 0


def test_exponentials_at_long_times():
    T = 10**6
    with localcontext(prec=60):
        x = Decimal.from_float(-1e-5)
        expected = (1 - (T * x).exp()) / -x
        double = (T * (T * x).exp() - expected) / x
    assert_close(exponential_difference([0.0, -1e-5], T), Fraction(expected))
    assert_close(exponential_difference([0.0, -1e-5, -1e-5], T), Fraction(double))
    assert_close(exponential_difference([-1e3, 0.0], T), 1 / Fraction(1000))
    turn = complex(exponential_difference([1 + 1j, 1 - 1j], 2))
    assert turn == pytest.approx(np.exp(2) * np.sin(2))


@relaxed
@given(numbers=st.lists(st.fractions(-3, 3, max_denominator=50), min_size=2, max_size=6))
def test_pairs_have_32_digits(numbers):
    pair, exact = DoubleDouble.of(0.0), Fraction(0)
    for x in numbers:
        pair = (pair + DoubleDouble.of(x)) * DoubleDouble.of(x * x)
        exact = (exact + x) * x * x
    size = 4 ** (3 * len(numbers))
    assert abs(Fraction(float(pair.hi)) + Fraction(float(pair.lo)) - exact) <= size * Fraction(
        1, 2**100
    )
    assert float(pair.to_floats()) == pytest.approx(float(exact), rel=1e-9, abs=1e-9)


def test_sums_of_pairs_lose_nothing_by_cancellation():
    x, y = 2.0**-54 * (1 + 2.0**-52), 2.0**-107
    total = DoubleDouble(np.array(1.0), np.array(x)) + DoubleDouble(np.array(-1.0), np.array(y))
    assert Fraction(float(total.hi)) + Fraction(float(total.lo)) == Fraction(x) + Fraction(y)
    third = DoubleDouble.of(Fraction(1, 3))
    assert float((third - third * DoubleDouble.of(1)).hi) == 0


def test_errors():
    with pytest.raises(RequestError, match="at least one node"):
        power_difference([], 3)
    with pytest.raises(RequestError, match=r"broadcast, got \(2,\), \(3,\)"):
        power_difference([np.zeros(2), np.zeros(3)], 3)
    with pytest.raises(SamplingError, match="T=-1"):
        power_difference([1.0], -1)
    with pytest.raises(SamplingError, match=r"T=2\.5"):
        power_difference([1.0], 2.5)
    for T in (-1, float("inf"), float("nan"), Fraction(-1, 2)):
        with pytest.raises(RequestError, match="finite number >= 0 for T"):
            exponential_difference([1.0], T)
