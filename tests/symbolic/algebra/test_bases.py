"""Changes of basis: values by their definition are the same before and after, and nothing is lost."""

from itertools import product

import pytest
from expressions import THETA, ZERO, expressions, landscapes, value
from hypothesis import given
from hypothesis import strategies as st
from strategies import few, relaxed
from sympy import Poly, Rational

from sgdiagrams.diagrams.enumeration import enumerate_diagrams
from sgdiagrams.diagrams.errors import RequestError, SamplingError, StatisticsError
from sgdiagrams.symbolic.algebra.expression import Expression
from sgdiagrams.symbolic.contractions.contraction import Contraction
from sgdiagrams.symbolic.symbols import N, T

BASES = ("moment", "cumulant", "plug-in", "distinct")
NAMES = ("loss", "loss", "loss", "penalised-loss", "s")
CUBE = {"s": Poly(THETA**3 / 3 - THETA, THETA, domain="QQ")}
ANY = expressions(bases=BASES, names=NAMES)
OF_A_POPULATION = expressions(bases=("moment", "cumulant"), names=NAMES)
OF_SAMPLES = expressions(bases=("plug-in", "distinct"), names=NAMES)


@relaxed
@given(OF_A_POPULATION, landscapes())
def test_moments_and_cumulants_have_one_value(expression, losses):
    expected = value(expression, losses, CUBE)
    for basis in ("moment", "cumulant"):
        changed = expression.in_basis(basis)
        assert value(changed, losses, CUBE) == expected
        assert {k.basis for _, k in changed if k.noise} <= {basis}


@few
@given(OF_SAMPLES, landscapes(size=4))
def test_averages_over_samples_and_over_distinct_ones_have_one_value(expression, samples):
    expected = value(expression, samples, CUBE)
    for basis in ("plug-in", "distinct"):
        assert value(expression.in_basis(basis, N=4), samples, CUBE) == expected
        assert value(expression.in_basis(basis).subs({"N": 4}), samples, CUBE) == expected


@few
@given(OF_A_POPULATION, landscapes(size=2), st.sampled_from(["plug-in", "distinct"]))
def test_from_a_population_to_samples_is_the_unbiased_estimator(expression, losses, basis):
    estimator = expression.in_basis(basis, N=4)
    samples = [list(chosen) for chosen in product(losses, repeat=4)]
    mean = sum((value(estimator, s, CUBE) for s in samples), ZERO)
    assert mean.mul_ground(Rational(1, len(samples))) == value(expression, losses, CUBE)


@few
@given(OF_SAMPLES, landscapes(size=2), st.sampled_from(["moment", "cumulant"]))
def test_from_samples_to_a_population_is_the_expectation(expression, losses, basis):
    samples = [list(chosen) for chosen in product(losses, repeat=4)]
    mean = sum((value(expression, s, CUBE) for s in samples), ZERO)
    expected = value(expression.in_basis(basis, N=4), losses, CUBE)
    assert mean.mul_ground(Rational(1, len(samples))) == expected


@relaxed
@given(
    expressions(bases=BASES, names=("loss", "loss", "s")),
    st.sampled_from(BASES),
    st.sampled_from(BASES),
)
def test_changes_of_basis_are_undone(expression, one, other):
    changed = expression.in_basis(one)
    assert changed.in_basis(other).in_basis(one) == changed
    assert (
        changed.in_basis("moment")
        .in_basis("distinct")
        .in_basis("plug-in")
        .in_basis("distinct")
        .in_basis("moment")
        .in_basis(one)
        == changed
    )


@relaxed
@given(ANY, st.sampled_from(BASES))
def test_the_gradient_commutes_with_a_change_of_basis(expression, basis):
    assert expression.gradient().in_basis(basis).equals(expression.in_basis(basis).gradient())


@relaxed
@given(ANY, st.sampled_from(BASES), st.sampled_from(BASES))
def test_values_are_equal_after_changes_of_basis(expression, one, other):
    changed = expression.in_basis(one)
    assert changed.in_basis(other).in_basis(one).equals(changed)
    assert not changed.equals(
        changed + Expression([(1, k) for _, k in changed][:1], changed.rank)
    ) or (changed.is_zero)


def test_known_changes():
    parse = Expression.parse
    assert parse("C_aa").in_basis("moment") == parse("M_a|a - G_a G_a")
    assert parse("M_a|a").in_basis("cumulant") == parse("C_aa + G_a G_a")
    assert parse("C_aa").in_basis("plug-in") == parse("N/(N - 1) V_a|a - N/(N - 1) G^_a G^_a")
    assert parse("V_a|a - G^_a G^_a").in_basis("cumulant") == parse("(N - 1)/N C_aa")
    assert parse("G^_a G^_a").in_basis("distinct") == parse("1/N U_a|a + (N - 1)/N G^u_a G^u_a")
    assert parse("T C_aa + s - 3").in_basis("distinct").in_basis("cumulant") == parse(
        "T C_aa + s - 3"
    )


def test_what_cancels_asks_for_no_samples():
    parse = Expression.parse
    second = parse("C_aa + G_a G_a")
    assert second.in_basis("plug-in", N=1) == parse("V_a|a")
    assert parse("V_a|a").in_basis("cumulant", N=1) == second
    assert parse("C_aa - M_a|a + G_a G_a").in_basis("plug-in").is_zero
    with pytest.raises(StatisticsError, match="2 samples"):
        parse("C_aa").in_basis("plug-in", N=1)


def test_values_are_compared_whatever_the_basis():
    covariance = Expression.parse("tr(C)")
    assert covariance.equals("M_a|a - |G|^2")
    assert not covariance.equals("M_a|a - 2 |G|^2")
    assert not covariance.equals(covariance.in_basis("distinct"))
    assert covariance.in_basis("distinct").equals(covariance.in_basis("plug-in"))
    assert not covariance.equals("G_a")
    assert Expression.parse("G^_a").equals("G^u_a")


def test_functions_and_penalties_are_constants():
    tied = Contraction.build([(0, 1)], [[0, 1]], labels=["loss", "s"])
    assert Expression.of(tied) == Expression.parse("G_a s_a")
    assert Expression.of(tied.with_partition((0, 0), "cumulant")).is_zero
    penalised = Contraction.build([(0, 1)], [[0, 1]], labels=["penalised-loss"] * 2, basis="moment")
    assert Expression.of(penalised).in_basis("cumulant") == Expression.parse("C_aa + G~_a G~_a")
    # Where a penalised node is tied, the bare loss is what shares the datapoint.
    bare = Expression.of(penalised).with_function("penalised-loss", "l")
    assert bare == Expression.parse("C_aa + G_a G_a")
    assert Expression.parse("J~_abc") == Expression.parse("J_abc")
    assert Expression.parse("kappa_a|a~") == Expression.parse("C_aa")
    assert Expression.parse("M_a|a~ - M_a|a").equals("G_a G~_a - |G|^2")
    assert Expression.parse("V_a|a~ - V_a|a").equals("G^_a G~^_a - G^_a G^_a")


def test_sizes_are_checked():
    pair = Expression.parse("|G|^2")
    with pytest.raises(StatisticsError, match=r"at least 2 samples .* got N=1"):
        pair.in_basis("plug-in", N=1)
    with pytest.raises(SamplingError, match="whole number >= 1"):
        pair.in_basis("plug-in", N=0)
    with pytest.raises(RequestError, match="basis to be one of"):
        pair.in_basis("mixed")
    long = Contraction.build([(i, i + 1) for i in range(11)], [range(12)])
    with pytest.raises(StatisticsError, match="at most 10 nodes"):
        Expression.of(long).in_basis("cumulant")


def test_a_complete_order_goes_there_and_back():
    values = {
        Contraction.from_diagram(d, basis="cumulant"): i
        for i, d in enumerate(enumerate_diagrams(3), start=1)
    }
    expression = Expression((i * (N - 1) / T, k) for k, i in values.items())
    for basis in BASES:
        assert expression.in_basis(basis).in_basis("cumulant") == expression
