"""Sums over times: divided differences and level structures against loops over all times."""

from fractions import Fraction
from itertools import product
from math import comb, prod

import pytest
import slow_weighted as slow
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import relaxed
from sympy import Symbol

from sgdiagrams.diagrams import Diagram, RequestError, enumerate_diagrams
from sgdiagrams.symbolic import OnePass, WithReplacement, symbols
from sgdiagrams.symbolic.embeddings.forests import update_forest
from sgdiagrams.symbolic.embeddings.levels import EdgeMode, level_sums
from sgdiagrams.symbolic.embeddings.rules import FullBatchRule, OnePassRule, ReplacementRule
from sgdiagrams.symbolic.weights.exponential_sums import (
    Base,
    ParameterField,
    binomials_of_power,
    divided_difference,
)

# A small pool, so that nodes often coincide; products of some are others.
ratios = st.sampled_from(
    [Fraction(1), Fraction(1, 2), Fraction(1, 4), Fraction(2), Fraction(-1, 3), Fraction(5, 7)]
)
any_ratio = st.builds(Fraction, st.integers(-9, 9).filter(bool), st.integers(1, 9))


def at_time(field, coefficients, T, **numbers):
    """Return the sum of c T^k x^T."""
    values = [Fraction(numbers[str(s)]) for s in field.symbols]
    total = Fraction(0)
    for (power, base), c in coefficients.items():
        x = base.number * prod(
            (v**k for v, k in zip(values, base.powers, strict=True)), start=Fraction(1)
        )
        total += slow.value_at(c.as_expr(), **numbers) * T**power * x**T
    return total


# Divided differences ------------------------------------------------------------------------------


@settings(relaxed, max_examples=150)
@given(nodes=st.lists(st.one_of(ratios, any_ratio), min_size=1, max_size=5), T=st.integers(0, 6))
def test_divided_differences_sum_over_gaps(nodes, T):
    field = ParameterField([])
    found = divided_difference(field, [Base(x, ()) for x in nodes])
    later = prod(nodes[1:], start=Fraction(1))
    assert later * at_time(field, found, T) == slow.gap_sum(nodes, T)


@settings(relaxed, max_examples=60)
@given(
    nodes=st.lists(
        st.tuples(
            st.sampled_from([Fraction(1), Fraction(1, 2), Fraction(3)]),
            st.integers(0, 2),
            st.integers(0, 2),
        ),
        min_size=1,
        max_size=4,
    ),
    T=st.integers(0, 5),
)
def test_divided_differences_with_symbols(nodes, T):
    x, y = Symbol("x"), Symbol("y")
    field = ParameterField([y, x])
    assert field.symbols == (x, y)
    bases = [field.base(c * x**i * y**j) for c, i, j in nodes]
    assert bases == [Base(c, (i, j)) for c, i, j in nodes]
    found = field.divided_difference(bases)
    at = {"x": Fraction(2, 5), "y": Fraction(7, 3)}  # no two monomials coincide here
    values = [c * at["x"] ** i * at["y"] ** j for c, i, j in nodes]
    assert [slow.value_at(field.of_base(b).as_expr(), **at) for b in bases] == values
    later = prod(values[1:], start=Fraction(1))
    assert later * at_time(field, found, T, **at) == slow.gap_sum(values, T)


@pytest.mark.parametrize("L", range(6))
def test_confluent_at_one_is_a_binomial(L):
    field = ParameterField([])
    found = field.divided_difference([field.one] * (L + 1))
    assert all(base == field.one for _, base in found)
    for T in range(8):
        assert at_time(field, found, T) == comb(T, L)


def test_order_of_the_nodes_does_not_matter():
    field = ParameterField([])
    nodes = [Base(Fraction(x), ()) for x in (1, 2, 1, 3, 2)]
    assert field.divided_difference(nodes) == field.divided_difference(nodes[::-1])


def test_a_base_of_zero_has_no_closed_form():
    with pytest.raises(RequestError):
        divided_difference(ParameterField([]), [Base(Fraction(0), ()), Base(Fraction(1), ())])


def test_elements_of_the_field():
    a, b = Symbol("alpha"), Symbol("beta")
    field = ParameterField([a, b])
    expression = (1 - a) * b / (b - a) ** 2 + Fraction(3, 7) * a**-1
    at = {"alpha": Fraction(2, 3), "beta": Fraction(1, 5)}
    assert slow.value_at(field.element(expression).as_expr(), **at) == slow.value_at(
        expression, **at
    )
    with pytest.raises(RequestError):
        field.element(symbols.T)
    with pytest.raises(RequestError):
        field.base(a + b)


# Powers of the time -------------------------------------------------------------------------------


@pytest.mark.parametrize("k", range(8))
def test_powers_in_binomials(k):
    coefficients = binomials_of_power(k)
    assert len(coefficients) == k + 1
    for t in range(10):
        assert sum(c * comb(t, m) for m, c in enumerate(coefficients)) == t**k


# Level structures ---------------------------------------------------------------------------------


def total(sums, values, T, *, numbers):
    """Return the sum over all multisets of their weights and all their gaps.

    `numbers` are the values of what the exponents of the coefficients are powers of.
    """
    result = Fraction(0)
    for (first, rest), laurent in sums.items():
        weight = sum(
            (
                c * prod((Fraction(x) ** k for x, k in zip(numbers, exps, strict=True)), start=1)
                for exps, c in laurent.items()
            ),
            Fraction(0),
        )
        nodes = [
            prod((x**k for x, k in zip(values, q, strict=True)), start=Fraction(1))
            for q in (first, *rest)
        ]
        result += weight * slow.gap_sum(nodes, T)
    return result


def over_all_times(forest, T, step, overall, edge):
    """Return the sum over all times of the nodes of the weights of edges and steps.

    `edge` has the weight of an edge from time s to time t; t is None for the root.
    """
    n = len(forest.parents)
    result = Fraction(0)
    for times in product(range(T), repeat=n):
        if any(p >= 0 and times[c] >= times[p] for c, p in enumerate(forest.parents)):
            continue
        weight = Fraction(overall)
        for c, p in enumerate(forest.parents):
            weight *= edge(times[c], times[p] if p >= 0 else None)
        for t in set(times):
            weight *= step([v for v in range(n) if times[v] == t])
        result += weight
    return result


def falling(x, k):
    return prod((x - i for i in range(k)), start=1)


def one_pass_step(forest, basis, B):
    def weight(nodes):
        blocks = {forest.blocks[v] for v in nodes}
        if any(b in blocks and v not in nodes for v, b in enumerate(forest.blocks)):
            return 0
        return falling(B, len(blocks)) if basis == "moment" else B ** len(blocks)

    return weight


def replacement_step(forest, N, B):
    """Try all slots for the nodes of a step; different blocks never share one."""

    def weight(nodes):
        result = Fraction(0)
        for slots in product(range(B), repeat=len(nodes)):
            places = list(zip(nodes, slots, strict=True))
            if all(
                forest.blocks[v] == forest.blocks[w] or i != j for v, i in places for w, j in places
            ):
                result += Fraction(1, N ** len(set(slots)))
        return result

    return weight


FORESTS = [update_forest(d) for order in range(4) for d in enumerate_diagrams(order)]
B_VALUE, N_VALUE = 2, 3


@st.composite
def rules(draw, forest):
    """Draw a rule with its weights of one step and of the whole, for B = 2 and N = 3."""
    kind = draw(st.sampled_from(["one-pass", "full-batch", "with-replacement"]))
    basis = draw(st.sampled_from(["moment", "cumulant"]))
    P = forest.block_count
    overall = falling(N_VALUE, P) if basis == "moment" else N_VALUE**P
    if kind == "one-pass":
        return OnePassRule(basis), one_pass_step(forest, basis, B_VALUE), 1
    if kind == "full-batch":
        return FullBatchRule(basis), lambda _: 1, overall
    step = replacement_step(forest, N_VALUE, B_VALUE)
    return ReplacementRule(), step, falling(N_VALUE, P)


@settings(relaxed, max_examples=60)
@given(data=st.data())
def test_level_sums_without_kernels(data):
    forest = data.draw(st.sampled_from(FORESTS))
    rule, step, overall = data.draw(rules(forest))
    plain = (EdgeMode(-1, ({(0, 0, 0): Fraction(1)},)),)
    sums = level_sums(forest, rule, inner=plain, outer=plain, base_count=0)
    for T in range(5):
        expected = over_all_times(forest, T, step, overall, lambda *_: 1)
        assert total(sums, (), T, numbers=(T, N_VALUE, B_VALUE)) == expected


def polynomial_mode(base, place, width, powers):
    """Return an edge mode with factors given by powers of t: (power of T, coefficient) each."""
    markers = [{} for _ in powers]
    for k, (in_T, c) in enumerate(powers):
        for m, b in enumerate(binomials_of_power(k)):
            exps = [in_T, 0, 0, *[0] * (width - 3)]
            exps[3 + place] = 1
            markers[m][tuple(exps)] = markers[m].get(tuple(exps), Fraction(0)) + b * c
    return EdgeMode(base, tuple({k: v for k, v in m.items() if v} for m in markers))


@settings(relaxed, max_examples=150)
@given(data=st.data())
def test_level_sums(data):
    # K(D) = u + v x^D between updates and w y^D into the root. A node has the factor g^t times a
    # polynomial in t, which may depend on T and on the mode above the node.
    forest = data.draw(st.sampled_from(FORESTS))
    rule, step, overall = data.draw(rules(forest))
    x, y, g = (data.draw(ratios) for _ in "xyg")
    u, v, w = (data.draw(any_ratio) for _ in "uvw")
    terms = st.tuples(st.integers(-1, 1), st.integers(-2, 2).map(Fraction))
    degree = 2 if len(forest.parents) < 3 else 1
    of_constant, of_x, of_y = (
        data.draw(st.lists(terms, min_size=1, max_size=degree + 1)) for _ in "uxy"
    )
    width = 6
    sums = level_sums(
        forest,
        rule,
        inner=(polynomial_mode(-1, 0, width, of_constant), polynomial_mode(0, 1, width, of_x)),
        outer=(polynomial_mode(1, 2, width, of_y),),
        base_count=3,
        node_base=2,
        width=width,
    )

    def at(polynomial, T, t):
        return sum(
            (c * Fraction(T) ** k * t**i for i, (k, c) in enumerate(polynomial)), Fraction(0)
        )

    for T in range(1, 5):

        def edge(s, t, T=T):
            if t is None:
                return g**s * w * y ** (T - s) * at(of_y, T, s)
            return g**s * (u * at(of_constant, T, s) + v * x ** (t - s) * at(of_x, T, s))

        expected = over_all_times(forest, T, step, overall, edge)
        numbers = (T, N_VALUE, B_VALUE, u, v, w)
        assert total(sums, (x, y, g), T, numbers=numbers) == expected


def test_levels_of_a_pair_by_hand():
    # Two updates under the root on one row: one level in one pass, one or two otherwise.
    pair = update_forest(Diagram.parse("(01-2)(02-12)"))
    plain = (EdgeMode(-1, ({(0, 0, 0): Fraction(1)},)),)
    shape = {"inner": plain, "outer": plain, "base_count": 0}
    once = level_sums(pair, OnePassRule("moment"), **shape)
    assert once == {((), ((),)): {(0, 0, 1): 1}}
    full = level_sums(pair, FullBatchRule("moment"), **shape)
    assert full == {((), ((),)): {(0, 1, 0): 1}, ((), ((), ())): {(0, 1, 0): 2}}
    random = level_sums(pair, ReplacementRule(), **shape)
    # N [B/N + B (B - 1)/N^2] and 2 N (B/N)^2
    assert random == {
        ((), ((),)): {(0, 0, 1): 1, (0, -1, 2): 1, (0, -1, 1): -1},
        ((), ((), ())): {(0, -1, 2): 2},
    }
    assert (
        WithReplacement(B=1).count(Diagram.parse("(01-2)(02-12)")).expand()
        == (symbols.T + symbols.T * (symbols.T - 1) / symbols.N).expand()
    )
    assert OnePass().count(Diagram.parse("(01-2)(02-12)")) == symbols.T
