"""Linear combinations of contractions: the ring, derivatives, substitution."""

from fractions import Fraction

import pytest
from sympy import Integer, Rational

from sgdiagrams.diagrams.errors import RequestError
from sgdiagrams.symbolic.algebra.expression import Expression
from sgdiagrams.symbolic.contractions.contraction import Contraction
from sgdiagrams.symbolic.symbols import N, eta

G2 = Expression.of("G_a G_a")


def test_the_unit_is_one_and_sums_may_begin_with_zero():
    one = Expression.of(1)
    assert one * G2 == G2 == G2 * one
    assert sum([G2, G2]) == 2 * G2
    assert (G2 - G2).is_zero
    assert one - G2 == -(G2 - 1)
    assert Contraction.unit().func(*Contraction.unit().args) == Contraction.unit()


def test_coefficients_are_exact_and_canonical():
    assert (G2 * Fraction(1, 2)).coefficient("G_b G_b") == Rational(1, 2)
    assert G2 * ((N**2 - 1) / (N - 1)) == (N + 1) * G2
    with pytest.raises(RequestError, match="exact"):
        G2 / 0.5
    assert (G2 * (eta + 3 * eta**2)).power(2) == 3 * G2


def test_the_gradient_of_the_trace_of_the_covariance():
    trace = Expression.of("C_aa")
    expected = 2 * Expression.of("M_b|ab") - 2 * Expression.of("H_ab G_b")
    assert trace.in_basis("moment").gradient() == expected
    assert trace.gradient().in_basis("moment") == expected


def test_operators_follow_each_other():
    # (G.d)(G.d) s = G H ds + G G dds
    step = Expression.of("G_a s_a")
    twice = step.with_function("s", step)
    assert twice == Expression.of("G_a H_ab s_b") + Expression.of("G_a s_ab G_b")
    assert step.with_function("s", G2) == G2.along("G_a") == 2 * Expression.of("G_a H_ab G_b")


def test_ranks_must_agree_in_sums():
    with pytest.raises(RequestError, match="free legs"):
        G2 + Expression.of("G_a")
    assert Expression.of("G_a").dot("G_a") == G2
    assert Integer(2) * Expression.of("G_a") == Expression.of("G_a") + Expression.of("G_a")
