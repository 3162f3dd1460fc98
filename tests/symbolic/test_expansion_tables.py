"""Expansions against published tables, term by term, and against their definition."""

from fractions import Fraction
from functools import cache

import pytest
import slow
from reference import published_tables as table
from sympy import Add, Rational, Symbol, sympify
from sympy import expand as expand_expr

from sgdiagrams.diagrams import Diagram, enumerate_diagrams
from sgdiagrams.symbolic import Contraction, Epochs, FreshData, FullBatch, OnePass, expand, symbols

T, N, B, E = (Symbol(name) for name in "TNBE")


@cache
def expansion_of(observable, sampling, basis, order):
    return expand(observable, order=order, sampling=sampling, basis=basis)


def weights_of(expansion, k):
    return {t.contraction: t.weight for t in expansion.order_terms(k)}


def reference(entries, basis="moment"):
    """Return {contraction: weight} of a reference table; equal contractions are added."""
    total = {}
    for (edges, blocks), weight in entries.items():
        c = Contraction.build(edges, blocks, basis=basis)
        total[c] = expand_expr(total.get(c, 0) + weight)
    return {c: w for c, w in total.items() if w != 0}


@pytest.mark.parametrize("order", range(4))
def test_one_pass_in_moments(order):
    expansion = expand("test-loss", order=3, sampling="one-pass")
    assert weights_of(expansion, order) == reference(table.ONE_PASS_TEST_LOSS[order])


def test_one_pass_at_order_two_has_two_binomials():
    # A published table has binomial(T, 2) G H G.
    ghg = Contraction.build([(0, 1), (1, 2)], [[0], [1], [2]])
    weight = weights_of(expand("test-loss", order=2, sampling="one-pass"), 2)[ghg]
    assert weight == expand_expr(T * (T - 1))


def test_the_generalisation_gap_at_order_three():
    expansion = expand("generalisation-gap", order=3, sampling="one-pass")
    found = weights_of(expansion, 3)
    for name, weight in table.GAP_ORDER_3.items():
        edges, blocks = table.NAMED[name]
        contraction = Contraction.build(edges, blocks)
        expected = expand_expr(weight.subs(N, T))
        assert expand_expr(found.pop(contraction, 0) - expected) == 0, name
    # One pass with B = 1 has no other contraction.
    assert found == {}


def test_the_table_has_sixteen_different_contractions():
    named = {name: Contraction.build(*data) for name, data in table.NAMED.items()}
    assert len(set(named.values())) == 16
    # With the two that one pass cannot realise they are all the contractions of order 3.
    diagrams = enumerate_diagrams(3, root="in-partition")
    everything = {Contraction.from_diagram(d) for d in diagrams}
    others = everything - set(named.values())
    path = [(0, 1), (1, 2), (2, 3)]
    assert others == {
        Contraction.build(path, [[0, 1], [2, 3]]),
        Contraction.build(path, [[0, 1, 2, 3]]),
    }


@pytest.mark.parametrize("order", range(3))
def test_the_law_of_order_two_for_equal_visits(order):
    # In cumulants; E = T B / N epochs.
    entries = {
        key: weight for key, weight in table.EQUAL_VISITS_ORDER_2.items() if len(key[0]) == order
    }
    expected = reference(entries, "cumulant")
    law = expand("test-loss", order=2, sampling="epochs", basis="cumulant").subs({E: T * B / N})
    assert weights_of(law, order) == expected
    one_pass = expand("test-loss", order=2, sampling=FreshData(), basis="cumulant")
    in_one_pass = {c: expand_expr(sympify(w).subs(N, T * B)) for c, w in expected.items()}
    assert weights_of(one_pass, order) == {c: w for c, w in in_one_pass.items() if w != 0}
    full = expand("test-loss", order=2, sampling="full-batch", basis="cumulant").subs({E: T})
    in_full_batch = {c: expand_expr(sympify(w).subs(B, N)) for c, w in expected.items()}
    assert weights_of(full, order) == {c: w for c, w in in_full_batch.items() if w != 0}


def test_gap_at_order_one():
    # (T/N) (E|g|^2 - G.G): the training loss falls faster than the test loss.
    same = Contraction.build([(0, 1)], [[0, 1]])
    squared = Contraction.build([(0, 1)], [[0], [1]])
    gap = expand("generalisation-gap", order=1, sampling="epochs").subs({E: T * B / N})
    assert weights_of(gap, 0) == {}
    assert weights_of(gap, 1) == {same: T / N, squared: -T / N}
    in_cumulants = expand("generalisation-gap", order=1, sampling="epochs", basis="cumulant")
    tied = Contraction.build([(0, 1)], [[0, 1]], basis="cumulant")
    assert weights_of(in_cumulants, 1) == {tied: E / B}
    assert weights_of(expand("training-loss", order=1, sampling="one-pass"), 1) == {
        same: -1,
        squared: 1 - T,
    }


def test_gradient_descent_against_sgd_in_the_test_loss():
    # The schedules differ at order 2 only by (1/2 grad tr C).G with -(T/2)(M - 1/B): in the
    # difference GD - SGD (T = N, B = 1 against B = N) the factor is (T/2)(1 - 1/N).
    sgd = expand("test-loss", order=2, sampling="one-pass", basis="cumulant")
    gd = expand("test-loss", order=2, sampling="full-batch", basis="cumulant")
    difference = weights_of(gd.subs({E: N}) - sgd.subs({T: N}), 2)
    half_gradient_of_trace = Contraction.build([(0, 1), (1, 2)], [[0, 1], [2]], basis="cumulant")
    assert difference == {half_gradient_of_trace: N / 2 - Rational(1, 2)}


def test_many_epochs_against_one():
    # M0 epochs at eta/M0 against one epoch at eta, B = 1, moments: the difference at order 2 is
    # (N/2)(M0 - 1)/(2 M0) times (grad E|g|^2).G; half the gradient is the moment (1, 2).
    M0 = Symbol("M0")
    one = expand("test-loss", order=2, sampling=Epochs(B=1, E=1))
    many = expand("test-loss", order=2, sampling=Epochs(B=1)).subs({E: M0, "eta": symbols.eta / M0})
    difference = weights_of(many - one, 2)
    half_gradient = Contraction.build([(0, 1), (1, 2)], [[0, 1], [2]])
    assert set(difference) == {half_gradient}
    assert expand_expr(difference[half_gradient] - N * (M0 - 1) / (2 * M0)) == 0


OBSERVABLES = {
    "test-loss": [(1, "isolated", "population")],
    "training-loss": [(1, "in-partition", "training")],
    "generalisation-gap": [(1, "isolated", "population"), (-1, "in-partition", "training")],
}
GRIDS = {
    "one-pass": (OnePass(B=symbols.B), {"T": 3, "B": 2}, slow.one_pass_cells(3, 2)),
    "epochs": (Epochs(), {"N": 4, "B": 2, "E": 2}, slow.epochs_cells(4, 2, 2)),
    "full-batch": (FullBatch(), {"N": 3, "E": 3}, slow.epochs_cells(3, 3, 3)),
}


@pytest.mark.parametrize("observable", OBSERVABLES)
@pytest.mark.parametrize("scheme", GRIDS)
@pytest.mark.parametrize("basis", ["moment", "cumulant"])
def test_the_main_theorem_by_brute_force(observable, scheme, basis):
    # E[s] = sum over diagrams of (-1/B)^d count/|Aut| value, every factor from its definition.
    sampling, numbers, grid = GRIDS[scheme]
    batch = numbers.get("B", numbers.get("N"))
    samples = slow.symmetric_samples(3, n=3, p=2)
    expected = [Fraction(0)] * 4
    for order in range(4):
        for sign, mode, root in OBSERVABLES[observable]:
            _, sizes = slow.isomorphism_classes(order + 1, isolated=mode == "isolated")
            representatives = {}
            labelled, _ = slow.isomorphism_classes(order + 1, isolated=mode == "isolated")
            for diagram, which in labelled.items():
                representatives.setdefault(which, diagram)
            assert len(representatives) == len(sizes)
            for parents, blocks in representatives.values():
                blocks_ = [sorted(block) for block in blocks]
                count = slow.embedding_count(parents, blocks_, grid, basis=basis, root=root)
                edges = list(enumerate(parents))
                value = slow.value(edges, blocks_, samples, basis=basis)
                symmetry = slow.automorphism_count(parents, blocks_)
                expected[order] += sign * Fraction(-1, batch) ** order * count * value / symmetry
    expansion = expand(observable, order=3, sampling=sampling, basis=basis)
    found = [Fraction(0)] * 4
    for weight, term in zip(expansion.weights(**numbers), expansion.terms, strict=True):
        c = term.contraction
        found[term.order] += weight * slow.value(c.edges, c.blocks, samples, basis=c.basis)
    assert found == expected


# Bases ----------------------------------------------------------------------------------------------


def in_cumulants(weights):
    """Replace every moment contraction by the sum of cumulants over finer partitions."""
    total = {}
    for contraction, weight in weights.items():
        splits = [[]]
        for block in contraction.blocks:
            splits = [[*s, *parts] for s in splits for parts in slow.set_partitions(block)]
        for blocks in splits:
            c = Contraction.build(contraction.edges, blocks, basis="cumulant")
            total.setdefault(c, []).append(weight)
    sums = {c: expand_expr(Add(*parts)) for c, parts in total.items()}
    return {c: w for c, w in sums.items() if w != 0}


def in_moments(weights):
    """Replace every cumulant contraction by moments over finer partitions, with Moebius signs."""
    total = {}
    for contraction, weight in weights.items():
        splits = [(1, [])]
        for block in contraction.blocks:
            ways = []
            for parts in slow.set_partitions(block):
                sign = 1
                for k in range(1, len(parts)):
                    sign *= -k
                ways.append((sign, parts))
            splits = [(s * f, [*done, *parts]) for s, done in splits for f, parts in ways]
        for sign, blocks in splits:
            c = Contraction.build(contraction.edges, blocks)
            total.setdefault(c, []).append(sign * weight)
    sums = {c: expand_expr(Add(*parts)) for c, parts in total.items()}
    return {c: w for c, w in sums.items() if w != 0}


@pytest.mark.parametrize("observable", OBSERVABLES)
@pytest.mark.parametrize("scheme", ["one-pass", "fresh-data", "epochs", "full-batch"])
def test_both_bases_are_one_expansion(observable, scheme):
    moments = expansion_of(observable, scheme, "moment", 3)
    cumulants = expansion_of(observable, scheme, "cumulant", 3)
    for k in range(4):
        assert in_cumulants(weights_of(moments, k)) == weights_of(cumulants, k)
        assert in_moments(weights_of(cumulants, k)) == weights_of(moments, k)


def test_both_bases_are_one_expansion_at_order_four():
    moments = expansion_of("test-loss", "one-pass", "moment", 4)
    cumulants = expansion_of("test-loss", "one-pass", "cumulant", 4)
    assert in_cumulants(weights_of(moments, 4)) == weights_of(cumulants, 4)


@pytest.mark.parametrize("basis", ["moment", "cumulant"])
def test_each_term_has_the_basis_of_the_expansion(basis):
    for term in expansion_of("generalisation-gap", "epochs", basis, 3).terms:
        tied = any(len(block) > 1 for block in term.contraction.blocks)
        assert term.contraction.basis == (basis if tied else "moment")


# Order of the terms ---------------------------------------------------------------------------------


def growth(weight):
    """Return the degree of a weight in the number of updates (T or E)."""
    numerator, denominator = weight.together().as_numer_denom()
    degrees = [
        numerator.as_poly(s).degree()
        - (denominator.as_poly(s).degree() if denominator.has(s) else 0)
        for s in (T, E)
        if numerator.has(s) or denominator.has(s)
    ]
    return max(degrees, default=0)


@pytest.mark.parametrize("observable", OBSERVABLES)
@pytest.mark.parametrize("scheme", ["one-pass", "epochs"])
@pytest.mark.parametrize("basis", ["moment", "cumulant"])
def test_terms_are_ordered_as_a_person_would(observable, scheme, basis):
    terms = expansion_of(observable, scheme, basis, 3).terms
    keys = [(term.order, -growth(term.weight)) for term in terms]
    assert keys == sorted(keys)
    assert len({term.contraction for term in terms}) == len(terms)
    assert all(term.weight != 0 for term in terms)
    assert all(term.weight == expand_expr(term.weight) for term in terms)


def test_simpler_contractions_come_first():
    expansion = expand("test-loss", order=3, sampling="one-pass")
    names = ["Zpln", "Ypln", None, None, None, "Yerg"]
    found = [term.contraction for term in expansion.order_terms(3)]
    for name, contraction in zip(names, found, strict=True):
        if name:
            assert contraction == Contraction.build(*table.NAMED[name])
    edges = Contraction.from_diagram(Diagram.parse("(0-1)(01)"))
    assert expansion.terms[0].contraction.order == 0
    assert expansion.terms[1].contraction == edges
