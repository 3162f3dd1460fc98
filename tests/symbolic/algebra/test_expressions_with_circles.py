"""Traces in expressions: their derivatives by the weights, and what operators make of them."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
import slow
from expressions import contractions
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import Integer

from sgdiagrams.symbolic.algebra.expression import Expression

of = Expression.of
SAMPLES = slow.symmetric_samples(3, n=3, p=2, orders=range(9), span=4)
DIRECTION = np.array([2, -1], dtype=object)


@pytest.mark.parametrize(
    ("text", "gradient"),
    [
        ("tr(H)", "J_abb"),
        ("tr(H H)", "2 J_abc H_bc"),
        ("|H|^2", "2 J_abc H_bc"),
        ("tr(H H H)", "3 J_abc H_bd H_cd"),
        ("tr(H) tr(H)", "2 J_abb H_cc"),
        ("J_aab G_b", "K_abbc G_c + J_bbc H_ac"),
        ("D4_aabb", "D5_abbcc"),
        ("tr(C H)", "2 kappa_ab|c H_bc + C_bc J_abc"),
        ("|C|^2", "4 kappa_ab|c C_bc"),
        ("tr(norm)", "norm_abb"),
    ],
)
def test_gradients(text, gradient):
    assert of(text).gradient() == of(gradient)
    assert of(str(of(text))) == of(text)


def test_the_hessian_of_the_sharpness():
    assert of("tr(H)").hessian() == of("K_abcc")
    # Its trace again: the Laplacian of the Laplacian.
    assert of("tr(H)").hessian().traced() == of("K_aabb")
    assert of("l").hessian().traced() == of("tr(H)")


def test_one_step_changes_the_sharpness():
    step = of("G_a s_a")
    assert step.with_function("s", of("tr(H)")) == of("J_aab G_b")
    assert of("1/2 C_ab s_ab").with_function("s", of("tr(H)")) == of("1/2 C_ab K_abcc")
    # A function whose trace is taken is shared out at both ends of its loop.
    assert of("s_aa").with_function("s", of("|G|^2")) == of("2 G_a J_abb + 2 |H|^2")


def value(expression, samples):
    """Return what an expression is worth on a population, by its definition."""
    result = 0
    for coefficient, c in expression.terms:
        number = slow.value(c.edges, c.blocks, samples, basis=c.basis, free=c.free)
        result = result + Fraction(int(coefficient.p), int(coefficient.q)) * number
    return result


def moved(t):
    """Return derivatives a way t along the direction, to first order in t."""
    return {k: SAMPLES[k] + t * (SAMPLES[k + 1] @ DIRECTION) for k in range(7)}


@settings(max_examples=40, deadline=None)
@given(
    contractions(rank=0, basis="moment", max_nodes=3)
    | contractions(rank=0, basis="cumulant", max_nodes=3)
)
def test_derivatives_are_those_of_values(c):
    # Values along the line are a polynomial of t, whose degree is at most the number of nodes.
    expression = Expression([(Integer(1), c)])
    points = range(c.node_count + 1)
    matrix = [[Fraction(t) ** k for k in points] for t in points]
    values = [value(expression, moved(t)) for t in points]
    slope = solved(matrix, values)[1] if c.node_count else 0
    along = value(expression.gradient(), SAMPLES)
    assert sum(a * b for a, b in zip(along, DIRECTION, strict=True)) == slope


def solved(matrix, values):
    """Return the solution of linear equations in fractions."""
    rows = [[*row, Fraction(value)] for row, value in zip(matrix, values, strict=True)]
    n = len(rows)
    for i in range(n):
        k = next(k for k in range(i, n) if rows[k][i])
        rows[i], rows[k] = rows[k], rows[i]
        rows[i] = [x / rows[i][i] for x in rows[i]]
        for j in range(n):
            if j != i:
                rows[j] = [x - rows[j][i] * y for x, y in zip(rows[j], rows[i], strict=True)]
    return [row[-1] for row in rows]


VECTORS = st.sampled_from(["G_a", "H_ab G_b", "J_abb", "G_a H_bb", "J_abc H_bc", "C_bb G_a"]).map(
    lambda text: of(text).in_basis("moment")
)


@settings(max_examples=25, deadline=None)
@given(VECTORS, VECTORS, VECTORS)
def test_vector_fields_are_a_pre_lie_algebra(x, y, z):
    def grafted(one, other):
        return other.along(one)

    def associator(one, two, three):
        return grafted(grafted(one, two), three) - grafted(one, grafted(two, three))

    assert associator(x, y, z) == associator(y, x, z)


def test_changes_of_basis():
    for text in ("M_aa|b G_b", "M_ab|ab", "M_aa|bb", "M_aa|b|b", "H_aa H_bb"):
        expression = of(text)
        cumulants = expression.in_basis("cumulant")
        assert cumulants.in_basis("moment") == expression
        assert value(cumulants, SAMPLES) == value(expression, SAMPLES)
        assert cumulants.gradient().in_basis("moment") == expression.gradient()


def test_products_are_disjoint_unions():
    factors = [of("tr(H)"), of("|H|^2"), of("J_aab G_b"), of("|G|^2")]
    for one, other in product(factors, repeat=2):
        assert one * other == other * one
        assert value(one * other, SAMPLES) == value(one, SAMPLES) * value(other, SAMPLES)
        assert (one * other).gradient() == one.gradient() * other + one * other.gradient()
