"""Contractions: crossing symmetry, identity under renumbering, and SymPy's contract."""

import copy
import pickle
from functools import cache
from itertools import combinations, permutations, product

import networkx as nx
import numpy as np
import pytest
import slow
import sympy
from hypothesis import given
from reference import diagram_counts as table
from strategies import forests, relaxed, renumbered_forests
from sympy import Symbol

from sgdiagrams.diagrams import Diagram, DiagramError, RequestError, enumerate_diagrams
from sgdiagrams.symbolic import Contraction, expand

GRADIENT_SQUARED = Contraction.build([(0, 1)], [[0], [1]])
GHG = Contraction.build([(0, 1), (1, 2)], [[0], [1], [2]])
NOISE = Contraction.build([(0, 1), (1, 2)], [[0, 2], [1]], basis="cumulant")
BASES = ("moment", "cumulant", "plug-in", "distinct")


# Crossing symmetry ----------------------------------------------------------------------------------


@pytest.mark.parametrize("order", range(1, 6))
def test_numbers_of_distinct_values(order):
    distinct = {Contraction.from_diagram(d) for d in enumerate_diagrams(order)}
    assert len(distinct) == table.VALUES_ISOLATED[order - 1]
    one_pass = {Contraction.from_diagram(d) for d in enumerate_diagrams(order, one_pass=True)}
    assert len(one_pass) == table.VALUES_ONE_PASS[order - 1]
    cumulants = {Contraction.from_diagram(d, basis="cumulant") for d in enumerate_diagrams(order)}
    assert len(cumulants) == table.VALUES_ISOLATED[order - 1]


@pytest.mark.parametrize("order", range(1, 5))
def test_numbers_of_distinct_values_with_the_root_in_the_partition(order):
    diagrams = enumerate_diagrams(order, root="in-partition")
    distinct = {Contraction.from_diagram(d) for d in diagrams}
    assert len(distinct) == table.VALUES_IN_PARTITION[order - 1]


@pytest.mark.parametrize("order", range(5))
@pytest.mark.parametrize("basis", ["moment", "cumulant"])
def test_equal_exactly_when_the_numbers_are_equal(order, basis):
    # On random tensors two diagrams are worth the same exactly when their contractions are equal.
    samples = slow.symmetric_samples(order, n=4, p=2, span=50)
    contraction_of = {}
    value_of = {}
    for d in enumerate_diagrams(order, root="in-partition"):
        c = Contraction.from_diagram(d, basis=basis)
        value = slow.value(d.edges, d.blocks, samples, basis=basis)
        assert value_of.setdefault(c, value) == value
        assert contraction_of.setdefault(value, c) == c
    for c, value in value_of.items():
        assert slow.value(c.edges, c.blocks, samples, basis=c.basis) == value


def test_the_value_does_not_depend_on_the_root():
    chain = Contraction.from_diagram(Diagram.parse("(0-1-2)(01-12)"))
    cherry = Contraction.from_diagram(Diagram.parse("(0-1-2)(02-12)"))
    assert chain == cherry == GHG
    ends = Contraction.from_diagram(Diagram.parse("(01-2)(02-12)"))
    assert ends != chain
    # A gradient tied to the Hessian between it and the root, or to the root: the same forest.
    middle = Contraction.from_diagram(Diagram.parse("(01-2)(01-12)"))
    assert middle == Contraction.from_diagram(Diagram.parse("(0-12)(01-12)"))
    assert middle == Contraction.from_diagram(Diagram.parse("(0-12)(02-12)"))
    assert middle not in (ends, chain)


# Identity -------------------------------------------------------------------------------------------


def test_properties():
    c = Contraction.build(
        [(0, 1), (2, 1)], [[0, 2], [1], [3]], free=[1, 3, 1], basis="cumulant", metric="eta"
    )
    assert c.node_count == 4
    assert len(c.edges) == 2
    assert c.order == 5  # edges and free legs
    assert sorted(c.legs) == [1, 1, 1, 4]
    assert sorted(map(len, c.blocks)) == [1, 1, 2]
    assert c.basis == "cumulant"
    assert c.metric == "eta"
    assert c.labels == ("loss",) * 4
    centre = c.legs.index(4)
    assert c.free[0] == c.free[2] == centre != c.free[1]
    assert c.with_metric("identity").with_metric("eta") == c
    point = Contraction.build([], [[0]])
    assert (point.order, point.legs, point.blocks) == (0, (0,), ((0,),))


@relaxed
@given(renumbered_forests(max_nodes=8, names=("loss", "s", "test"), max_free=3))
def test_canonical_under_renumbering(pair):
    first, second = (
        Contraction.build(edges, blocks, labels=labels, free=free)
        for edges, blocks, labels, free in pair
    )
    assert first == second
    assert hash(first) == hash(second)
    assert first.args == second.args
    edges, blocks, labels, free = pair[0]
    assert len(first.edges) == len(edges)
    assert sorted(first.labels) == sorted(labels)
    assert sorted(map(len, first.blocks)) == sorted(map(len, blocks))
    assert [first.labels[v] for v in first.free] == [labels[v] for v in free]
    degree = [sum(v in e for e in edges) + list(free).count(v) for v in range(len(labels))]
    assert sorted(first.legs) == sorted(degree)
    assert first.func(*first.args) == first


@relaxed
@given(renumbered_forests(max_nodes=9, singletons=True))
def test_canonical_without_ties(pair):
    # Different trees must not be taken for each other when nothing but their shape differs.
    first, second = (Contraction.build(edges, blocks) for edges, blocks, _, _ in pair)
    assert first == second


@relaxed
@given(forests(max_nodes=7, names=("loss", "s"), max_free=2))
def test_rebuilt_from_its_parts(data):
    edges, blocks, labels, free = data
    c = Contraction.build(edges, blocks, labels=labels, free=free, basis="cumulant", metric="eta")
    again = Contraction.build(
        c.edges, c.blocks, labels=c.labels, free=c.free, basis=c.basis, metric=c.metric
    )
    assert again == c
    assert (again.edges, again.blocks, again.labels, again.free) == (
        c.edges,
        c.blocks,
        c.labels,
        c.free,
    )


@cache
def labelled_forests(n):
    found = []
    pairs = list(combinations(range(n), 2))
    for chosen in product([False, True], repeat=len(pairs)):
        edges = [pair for pair, kept in zip(pairs, chosen, strict=True) if kept]
        graph = nx.Graph(edges)
        graph.add_nodes_from(range(n))
        if nx.is_forest(graph):
            found.append(tuple(edges))
    return found


def orbits(things, copies):
    """Check that a contraction is the same for all copies of a thing and for nothing else."""
    owner = {}
    seen = {}
    for thing in things:
        contraction = things[thing]
        if thing in seen:
            assert seen[thing] == contraction
            continue
        assert contraction not in owner
        owner[contraction] = thing
        for other in copies(thing):
            seen[other] = contraction
    return len(owner)


@pytest.mark.parametrize(("n", "forest_count"), [(1, 1), (2, 2), (3, 7), (4, 38)])
def test_every_forest_with_every_partition(n, forest_count):
    assert len(labelled_forests(n)) == forest_count  # OEIS A001858
    things = {
        (frozenset(edges), slow.as_sets(blocks)): Contraction.build(edges, blocks)
        for edges in labelled_forests(n)
        for blocks in slow.set_partitions(range(n))
    }

    def copies(thing):
        edges, blocks = thing
        for new in permutations(range(n)):
            moved = frozenset(tuple(sorted((new[i], new[j]))) for i, j in edges)
            yield moved, slow.as_sets([new[v] for v in block] for block in blocks)

    assert orbits(things, copies) == len(set(things.values()))


def test_labels_and_free_legs_distinguish():
    n = 3
    legs = [(), *product(range(n)), *product(range(n), repeat=2)]
    things = {
        (frozenset(edges), slow.as_sets(blocks), labels, free): Contraction.build(
            edges, blocks, labels=labels, free=free
        )
        for edges in labelled_forests(n)
        for blocks in slow.set_partitions(range(n))
        for labels in product(("loss", "s"), repeat=n)
        for free in legs
    }

    def copies(thing):
        edges, blocks, labels, free = thing
        for new in permutations(range(n)):
            moved = [""] * n
            for v, label in enumerate(labels):
                moved[new[v]] = label
            yield (
                frozenset(tuple(sorted((new[i], new[j]))) for i, j in edges),
                slow.as_sets([new[v] for v in block] for block in blocks),
                tuple(moved),
                tuple(new[v] for v in free),
            )

    orbits(things, copies)


def test_basis_and_metric_distinguish():
    edges, blocks = [(0, 1), (1, 2)], [[0, 2], [1]]
    bases = {Contraction.build(edges, blocks, basis=b) for b in BASES}
    assert len(bases) == 4
    metrics = {Contraction.build(edges, blocks, metric=m) for m in ("identity", "eta")}
    assert len(metrics) == 2
    # With singletons only, moments and cumulants are the same; averages over a sample are not.
    singles = [[0], [1], [2]]
    assert Contraction.build(edges, singles, basis="cumulant") == Contraction.build(edges, singles)
    assert len({Contraction.build(edges, singles, basis=b) for b in BASES}) == 3


@pytest.mark.parametrize(
    ("edges", "blocks", "options"),
    [
        ([(0, 2)], [[0], [1]], {}),
        ([(0, 1.5)], [[0], [1]], {}),
        ([(0, 1, 2)], [[0], [1], [2]], {}),
        ([(0,)], [[0], [1]], {}),
        ([(0, -1)], [[0], [1]], {}),
        ([], [], {}),
        ([], [[0], []], {}),
        ([], [[0], [0]], {}),
        ([], [[0], [2]], {}),
        ([], [[0]], {"free": [1]}),
        ([], [[0]], {"free": [-1]}),
        ([], [[0]], {"free": [0.5]}),
        ([], [[0]], {"labels": ["loss", "loss"]}),
        ([], [[0]], {"labels": []}),
    ],
)
def test_what_is_no_graph(edges, blocks, options):
    with pytest.raises(DiagramError) as error:
        Contraction.build(edges, blocks, **options)
    assert str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("options", [{"basis": "moments"}, {"metric": "euclidean"}, {"basis": ""}])
def test_unknown_options(options):
    with pytest.raises(RequestError) as error:
        Contraction.build([(0, 1)], [[0, 1]], **options)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "arguments",
    [
        ("",),
        ("(0-1)",),
        ("(0-1)(01)",),
        ("(0-1)(0.1",),
        ("(0-1)(0.1-0.2)",),
        ("(0..1)(0.1)",),
        ("(0)()" * 2,),
        ("(0)()", "moment", "identity", "", "x"),
        ("(0)()", "moment", "identity", "", "1"),
        ("(0)()", "moment", "identity", "loss,loss", ""),
        ("(" + "9" * 50 + ")()",),
        ("(" + "0." * 20000 + "0)()",),
    ],
)
def test_texts_that_are_no_contraction(arguments):
    with pytest.raises(DiagramError) as error:
        Contraction(*arguments)
    assert "\n" not in str(error.value)


# SymPy's contract -----------------------------------------------------------------------------------


@cache
def zoo():
    found = [Contraction.build([], [[0]])]
    for order in range(1, 4):
        for basis in BASES:
            for metric in ("identity", "eta"):
                found += [
                    Contraction.from_diagram(d, basis=basis, metric=metric)
                    for d in enumerate_diagrams(order, root="in-partition")
                ]
    found.append(Contraction.build([(0, 1)], [[0, 1]], labels=["s", "loss"], free=[1, 0]))
    found.append(Contraction.build([], [[0], [1, 2]], free=[2], basis="cumulant", metric="eta"))
    ring = [(0, 1), (1, 2), (2, 0), (0, 0), (1, 2)]
    found += [Contraction.build(ring, [[0, 2], [1]], free=[1], basis=basis) for basis in BASES]
    return tuple(dict.fromkeys(found))


def test_rebuilt_from_its_arguments():
    for c in zoo():
        assert c.func(*c.args) == c
        assert hash(c.func(*c.args)) == hash(c)
        assert all(isinstance(arg, sympy.Basic) for arg in c.args)
        assert c.is_commutative
        assert c.free_symbols == set()
    assert len({hash(c) for c in zoo()}) == len(zoo())


def test_copies():
    for c in zoo():
        for other in (
            pickle.loads(pickle.dumps(c)),  # noqa: S301 - our own bytes
            copy.copy(c),
            copy.deepcopy(c),
        ):
            assert other == c
            assert hash(other) == hash(c)
            assert (other.edges, other.blocks, other.legs) == (c.edges, c.blocks, c.legs)
            assert (other.basis, other.metric) == (c.basis, c.metric)
    expression = sympy.Symbol("T") * GHG + NOISE**2
    assert pickle.loads(pickle.dumps(expression)) == expression  # noqa: S301 - our own bytes


def test_algebra():
    T, x = Symbol("T"), Symbol("x")
    a, b = GHG, NOISE
    assert a + a == 2 * a
    assert a - a == 0
    assert a * b == b * a
    assert sympy.expand((a + b) ** 2) == a**2 + 2 * a * b + b**2
    assert sympy.factor(a**2 + 2 * a * b + b**2) == (a + b) ** 2
    assert sympy.simplify(sympy.Add(T * a, -T * a, evaluate=False)) == 0
    assert sympy.simplify((T**2 * a - a) / (T - 1)) == a * (T + 1)
    assert (T * a + b).coeff(a) == T
    assert sympy.diff(T**2 * a + b, T) == 2 * T * a
    assert sympy.diff(a, T) == 0
    assert sympy.integrate(a * T, T) == a * T**2 / 2
    assert (T * a + b).subs(T, 3) == 3 * a + b
    assert (T * a + b).subs(a, x) == T * x + b
    assert (T * a + b).subs({a: 2, b: 5, T: 3}) == 11
    assert (T * a + b).xreplace({a: x}) == T * x + b
    assert (a + b).atoms(Contraction) == {a, b}
    assert (a + b).has(a)
    assert not (a + b).has(GRADIENT_SQUARED)
    assert sympy.collect(T * a + x * a, a) == a * (T + x)
    assert a != b
    assert a != Symbol(str(a))


def test_lambdify_with_contractions_as_arguments():
    T = Symbol("T")
    f = sympy.lambdify([T, GHG, NOISE], T * GHG**2 + NOISE, dummify=True)
    assert f(2, 3, 5) == 23


def test_powers_are_printed_with_parentheses():
    assert str(GHG) == "G_a H_ab G_b"
    assert str(GHG**2) == "(G_a H_ab G_b)**2"
    assert str(1 / GHG) in ("1/(G_a H_ab G_b)", "(G_a H_ab G_b)**(-1)")
    assert str(2 * GHG) in ("2*G_a H_ab G_b", "2*(G_a H_ab G_b)")
    latex = sympy.latex(GHG)
    assert latex == r"G_{\mu}\, H_{\mu\nu}\, G_{\nu}"
    assert sympy.latex(GHG**2) == rf"\left({latex}\right)^{{2}}"
    assert sympy.latex(2 * GHG).startswith("2 ")
    assert sympy.latex(2 * GHG).endswith(latex)


def test_numpy_code():
    source = sympy.pycode(GHG, fully_qualified_modules=True)
    random = np.random.default_rng(0)
    g, h = random.normal(size=3), random.normal(size=(3, 3))
    assert np.isclose(eval(source, {"numpy": np, "G": g, "H": h}), g @ h @ g)  # noqa: S307
    squared = eval(sympy.pycode(GHG**2), {"numpy": np, "G": g, "H": h})  # noqa: S307
    assert np.isclose(squared, (g @ h @ g) ** 2)


def test_an_expansion_is_a_sympy_expression():
    expansion = expand("test-loss", order=2, sampling="one-pass")
    eta, T = Symbol("eta"), Symbol("T")
    loss = Contraction.build([], [[0]])
    moment = Contraction.build([(0, 1), (1, 2)], [[0, 2], [1]])
    expected = loss - eta * T * GRADIENT_SQUARED + eta**2 * (T * (T - 1) * GHG + T * moment / 2)
    assert sympy.expand(expansion.sympy() - expected) == 0
    assert sympy.expand(sum(expansion.sympy(k) for k in range(3)) - expected) == 0
    tensor = expansion.sympy(1, eta="tensor")
    assert tensor == -T * GRADIENT_SQUARED.with_metric("eta")
    for k in (-1, 3):
        with pytest.raises(RequestError):
            expansion.sympy(k)
    with pytest.raises(RequestError):
        expansion.sympy(eta="matrix")


def test_wide_and_large_forests():
    leaves = list(range(1, 400))
    star = Contraction.build([(0, v) for v in leaves], [[v] for v in range(400)])
    moved = Contraction.build([(v - 1, 399) for v in leaves], [[v] for v in range(400)])
    assert star == moved
    assert star.legs.count(1) == 399
    with pytest.raises(DiagramError, match="at most 500 nodes, got 501"):
        Contraction.build([], [[v] for v in range(501)])
