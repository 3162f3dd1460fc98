"""Substitution of symbols and of connected factors, and what vanishes at a minimum."""

import pytest
from expressions import THETA, expressions, landscapes, value
from hypothesis import given
from strategies import few
from sympy import Poly

from sgdiagrams import Contraction, Expression, RequestError
from sgdiagrams.symbolic.algebra.components import connected_factors
from sgdiagrams.symbolic.symbols import N, eta

parse = Expression.parse
PRODUCTS = expressions(
    rank=3, names=("loss", "loss", "s"), bases=("moment", "cumulant", "plug-in"), max_nodes=4
)
CUBE = {"s": Poly(THETA**3 - THETA, THETA, domain="QQ")}


def test_symbols_and_factors_are_replaced():
    drift = parse("eta N/2 tr(C) G_a - H_ab G_b + 3 eta tr(C)^2 G_a")
    assert drift.subs("N", 4) == parse("2 eta tr(C) G_a - H_ab G_b + 3 eta tr(C)^2 G_a")
    assert drift.subs({"C_aa": 2, N: 1}) == parse("13 eta G_a - H_ab G_b")
    assert drift.subs({"C_aa": eta, "N": "B"}) == parse("(B/2 eta^2 + 3 eta^3) G_a - H_ab G_b")
    assert drift.subs(Contraction.parse("G_a"), "H_ab f_b") == parse(
        "eta N/2 tr(C) H_ab f_b - H_ab G_b + 3 eta tr(C)^2 H_ab f_b"
    )
    assert drift.subs("H_ab G_b", 0) == parse("eta N/2 tr(C) G_a + 3 eta tr(C)^2 G_a")


def test_free_legs_keep_their_order():
    product = parse("G_a H_bc G_c")
    assert product.subs("G_a", "f_a") == parse("f_a H_bc G_c")
    assert product.subs("H_ab G_b", "f_a") == parse("G_a f_b")
    tensor = parse("G_a H_bc f_c")
    mixed = Contraction.parse("J_abc G_c")
    assert parse("J_cab G_c").subs(mixed, "H_ab") == parse("H_ab")
    two = Contraction.build([(0, 1)], [[0], [1]], free=[0, 1], labels=["loss", "s"])
    swapped = Expression.of(two).reordered(1, 0)
    assert Expression.of(two).subs(two, "f_a G_b") == parse("f_a G_b")
    assert swapped.subs(two, "f_a G_b") == parse("G_a f_b")
    assert tensor.rank == 2
    names = ("f", "g", "s")
    for order in ((0, 1, 2), (1, 2, 0), (2, 0, 1), (0, 2, 1)):
        three = Expression.of(Contraction.build([], [[0], [1], [2]], labels=names, free=order))
        assert three.subs({f"{name}_a": f"{name}_a" for name in names}) == three


def test_moments_win_where_a_cumulant_is_put_in():
    assert parse("M_a|b H_ab l").subs("l", "tr(C)") == parse(
        "M_a|b H_ab M_c|c - M_a|b H_ab G_c G_c"
    )


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("G_a G_b", "H_ab", "one connected contraction"),
        ("G_a", "l", "as many free legs as 'G_a', 1"),
        ("G_a", 2, "as many free legs"),
        ("N", "l + ", "a symbol's name or a number to put in"),
        ("N", "9/10", "numbers as numbers"),
        (3, 2, "symbol"),
        ("C_aa", 0.5, "exact number"),
    ],
)
def test_what_cannot_be_replaced_is_refused(old, new, words):
    with pytest.raises(RequestError, match=words):
        parse("N tr(C) G_a").subs(old, new)


def test_poles_are_told_as_such():
    for expression in (parse("tr(C)/(N - 1)"), parse("N/(N^2 - N) l + G_a G_a")):
        with pytest.raises(RequestError, match="are finite and rational"):
            expression.subs("N", 1)


def test_averages_over_distinct_samples_are_no_products():
    pair = Contraction.build([], [[0], [1]], free=[0, 1], basis="distinct")
    assert len(connected_factors(pair)) == 1
    with_function = Contraction.build(
        [], [[0], [1], [2]], free=[0, 1], labels=["loss", "loss", "s"], basis="distinct"
    )
    assert sorted(k.node_count for k, _ in connected_factors(with_function)) == [1, 2]


@few
@given(PRODUCTS, landscapes())
def test_factors_multiply_to_the_product(expression, losses):
    for _, contraction in expression:
        factors = connected_factors(contraction)
        legs = [leg for _, own in factors for leg in own]
        assert sorted(legs) == list(range(expression.rank))
        product = Expression.of(1)
        for factor, _ in factors:
            product = product * Expression.of(factor)
        assert value(product, losses, CUBE) == value(Expression.of(contraction), losses, CUBE)
        # Every factor replaced by itself.
        values = {factor: factor for factor, _ in factors}
        assert Expression.of(contraction).subs(values).equals(Expression.of(contraction))


def test_at_a_minimum():
    e = parse("l + G_a G_a + tr(C) + M_a|b H_ab + s_a G_a + G~_a s_a + kappa_a|ab G_b")
    assert e.at_minimum() == parse("l + tr(C) + M_a|b H_ab + G~_a s_a")
    assert parse("G^_a G^_a + V_a|a").at_minimum() == parse("V_a|a")
    distinct = parse("G^u_a G^u_a + U_a|a")
    assert distinct.at_minimum() == distinct
    assert parse("G^u_a s_a").at_minimum().is_zero


def test_looking_inside():
    e = parse("N eta tr(C) - 2 eta^2 |G|^2")
    assert e.symbols == ("N", "eta")
    assert e.coefficient("C_aa") == N * eta
    assert e.coefficient("l") == 0
    assert [str(k) for _, k in e] == ["G_a G_a", "C_aa"]
    assert e.basis == "cumulant"
    assert e.contractions == tuple(k for _, k in e)
    assert e.power(2) == parse("-2 |G|^2")
    with pytest.raises(RequestError, match="polynomials of eta"):
        (e / eta**3).power(1)
    for k in (-1, 1.0, "2"):
        with pytest.raises(RequestError, match="power of eta"):
            e.power(k)
    with pytest.raises(RequestError, match="divide by"):
        e / parse("l")
    with pytest.raises(RequestError, match="whole power"):
        e**-1
    with pytest.raises(RequestError, match="two of 0 free legs"):
        e.traced()
    with pytest.raises(RequestError, match="free legs on both sides"):
        e.dot("G_a")
    with pytest.raises(RequestError, match="an order of 0 free legs"):
        e.reordered(1)
    with pytest.raises(RequestError, match="an order of 2 free legs"):
        parse("H_ab").reordered(0, "x")
