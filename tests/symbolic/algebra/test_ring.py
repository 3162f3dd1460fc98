"""Expressions are a ring with derivatives: its axioms, and values by definition."""

from expressions import NAMES, THETA, coefficients, expressions, landscapes, value
from hypothesis import given
from hypothesis import strategies as st
from strategies import few, relaxed
from sympy import Poly

from sgdiagrams.symbolic.algebra.expression import Expression
from sgdiagrams.symbolic.contractions.contraction import Contraction

SCALARS = coefficients()
MIXED = expressions(rank=0, names=NAMES, max_terms=2, max_nodes=3)
VECTORS = expressions(rank=1, names=NAMES, max_terms=2, max_nodes=3)
WITH_S = {"rank": 0, "names": ("loss", "s"), "max_terms": 2, "max_nodes": 3}
CUBE = {"s": Poly(THETA**3 - 2 * THETA, THETA, domain="QQ")}


@relaxed
@given(MIXED, MIXED, MIXED, SCALARS)
def test_ring_axioms(a, b, c, number):
    assert a + b == b + a
    assert (a + b) + c == a + (b + c)
    assert (a * b).equals(b * a)
    assert ((a * b) * c).equals(a * (b * c))
    assert (a * (b + c)).equals(a * b + a * c)
    assert a * 1 == a == 1 * a
    assert (a - a).is_zero
    assert (-a) * -1 == a
    assert number * a == a * number
    assert number * (a + b) == number * a + number * b
    assert a**2 == a * a


@relaxed
@given(MIXED, VECTORS, landscapes())
def test_sums_and_products_are_those_of_the_values(a, b, losses):
    functions = dict.fromkeys(NAMES[3:], CUBE["s"])
    one, two = (value(e, losses, functions) for e in (a, b))
    assert value(a * b, losses, functions) == one * two == value(b * a, losses, functions)
    assert value(2 * a - a * a, losses, functions) == 2 * one - one * one


@few
@given(MIXED, VECTORS, VECTORS)
def test_leibniz(a, v, w):
    assert (a * v).gradient().equals((a.gradient() * v).reordered(1, 0) + a * v.gradient())
    assert (
        (v.dot(w))
        .gradient()
        .equals(v.gradient().reordered(1, 0).dot(w) + w.gradient().reordered(1, 0).dot(v))
    )
    hessian = a.hessian()
    assert hessian == hessian.reordered(1, 0) == hessian.symmetrised()


@relaxed
@given(expressions(names=("loss", "penalised-loss", "s"), max_terms=2), landscapes())
def test_the_gradient_is_the_derivative_of_the_value(expression, losses):
    assert value(expression.gradient(), losses, CUBE) == value(expression, losses, CUBE).diff(THETA)


@relaxed
@given(st.data(), st.sampled_from(["moment", "cumulant", "plug-in"]), landscapes())
def test_a_function_gives_way_to_what_it_is(data, basis, losses):
    outer, inner = (data.draw(expressions(**WITH_S, bases=(basis,))) for _ in range(2))
    inside = value(inner, losses, CUBE)
    expected = value(outer, losses, {"s": inside})
    assert value(outer.with_function("s", inner), losses, CUBE) == expected


@st.composite
def operators(draw):
    """Draw a differential operator: one node of the function s in every term."""
    result = Expression([], 0)
    for _ in range(draw(st.integers(1, 2))):
        edges, blocks, labels = [], [[0]], ["s"]
        for v in range(1, draw(st.integers(1, 2)) + 1):
            edges.append((draw(st.integers(0, v - 1)), v))
            tied = draw(st.sampled_from([None, *range(1, len(blocks))]))
            blocks.append([v]) if tied is None else blocks[tied].append(v)
            labels.append("loss")
        k = Contraction.build(edges, blocks, labels=labels, basis="cumulant")
        result = result + draw(st.integers(-2, 2)) * Expression.of(k)
    return result


@few
@given(operators(), operators(), operators())
def test_operators_follow_each_other_associatively(a, b, c):
    def after(one, two):
        return one.with_function("s", two)

    assert after(after(a, b), c).equals(after(a, after(b, c)))


@st.composite
def fields(draw):
    """Draw a vector field: a rooted tree of derivatives of the mean loss, with a leg at its root."""
    edges = [(draw(st.integers(0, v - 1)), v) for v in range(1, draw(st.integers(1, 3)))]
    blocks = [[v] for v in range(len(edges) + 1)]
    return Expression.of(Contraction.build(edges, blocks, free=[0]))


@relaxed
@given(fields(), fields(), fields())
def test_grafting_is_pre_lie(x, y, z):
    # What is grafted on what: x > y is the derivative of y along x.
    one = z.along(y).along(x) - z.along(y.along(x))
    assert one == z.along(x).along(y) - z.along(x.along(y))
    assert one.rank == 1


def test_grafting_counts():
    G = Expression.of("G_a")
    assert G.along(G) == Expression.parse("H_ab G_b")
    assert G.along(G).along(G) == Expression.parse("J_abc G_b G_c + H_ab H_bc G_c")
    assert Expression.parse("tr(C)").along("G_a") == Expression.parse("2 kappa_a|ab G_b")
