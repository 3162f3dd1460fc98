"""Contractions read from text: what is printed is read, and what is no contraction is pointed to."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import forests, relaxed

from sgdiagrams.diagrams.enumeration import enumerate_diagrams
from sgdiagrams.diagrams.errors import DiagramError
from sgdiagrams.symbolic.contractions.contraction import Contraction
from sgdiagrams.symbolic.contractions.placements import contractions
from sgdiagrams.symbolic.observable import OBSERVABLES
from sgdiagrams.symbolic.theorem import expand
from sgdiagrams.symbolic.training.optimizers.sgd import SGD

parse = Contraction.parse


@relaxed
@given(
    forests(names=("loss", "penalised-loss", "norm", "my-task", "two_words"), max_free=3),
    st.sampled_from(["moment", "cumulant", "plug-in", "distinct"]),
    st.sampled_from(["identity", "eta"]),
)
def test_what_is_printed_is_read(forest, basis, metric):
    edges, blocks, labels, free = forest
    for block in blocks:  # the text of a block does not name functions
        assume(len(block) == 1 or all("loss" in labels[v] for v in block))
    made = Contraction.build(edges, blocks, labels=labels, free=free, basis=basis, metric=metric)
    assert parse(str(made)) == made


def test_contractions_of_all_observables_are_read():
    factors = {
        expectation
        for observable in OBSERVABLES.values()
        for product in observable.products
        for expectation in product.expectations
    }
    known = {
        contraction
        for order in range(5)
        for root in ("isolated", "in-partition")
        for diagram in enumerate_diagrams(order, root=root)
        for expectation in factors
        for basis in ("moment", "cumulant")
        for is_penalised in (False, True)
        for contraction in contractions(
            diagram, expectation, basis=basis, is_penalised=is_penalised
        )
    }
    assert len(known) > 1000
    assert [c for c in known if parse(str(c)) != c] == []


@pytest.mark.parametrize("observable", ["test-loss", "covariance", "function:norm"])
def test_contractions_of_expansions_are_read(observable):
    optimizer = SGD(weight_decay="1/10")
    for basis in ("moment", "cumulant"):
        terms = expand(
            observable, order=3, sampling="one-pass", optimizer=optimizer, basis=basis
        ).terms
        for term in terms:
            assert parse(str(term.contraction)) == term.contraction
            tensor = term.contraction.with_metric("eta")
            assert parse(str(tensor)) == tensor


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("tr(C)", "C_aa"),
        ("tr(C H)", "C_ab H_ab"),
        ("tr( H C )", "C_ab H_ab"),
        ("tr(C.H~.H)", "C_ab H~_ac H_bc"),
        ("tr(C C)", "C_ab C_ab"),
        ("G.H.G", "G_a H_ab G_b"),
        ("G.G", "G_a G_a"),
        ("G~.H.C.G", "G~_a H_ab C_bc G_c"),
        ("G.norm", "G_a norm_a"),
        ("|G|^2", "G_a G_a"),
        ("|G|^4", "G_a G_a G_b G_b"),
        ("|G~|^2 l", "l G~_x G~_x"),
        ("l^3", "l l l"),
        ("norm^2", "norm norm"),
        ("  G_z   H_zy\nG_y ", "G_a H_ab G_b"),
        ("M_b|c H_bc", "M_a|b H_ab"),
        ("M_a1|b2 H_a1b2", "M_a|b H_ab"),
        ("D2_ab G_a G_b", "G_a H_ab G_b"),
        ("G_b eta^ba", "G_b eta^ab"),
    ],
)
def test_what_means_the_same(short, long):
    assert parse(short) == parse(long)


def test_free_legs_are_in_alphabetical_order():
    one, two = parse("G_a H_bc G_c"), parse("G_b H_ac G_c")
    assert one != two
    assert (one.legs[one.free[0]], two.legs[two.free[0]]) == (1, 2)


def test_names_with_underscores():
    assert parse("my_norm_a G_a").labels.count("my_norm") == 1
    assert parse("my_norm").labels == ("my_norm",)
    assert parse("two_words").labels == ("two_words",)
    assert parse("f_a").free == (0,)
    assert parse("f_m").labels == ("f_m",)
    assert parse("f_m G_m").labels.count("f") == 1
    assert parse("f_ab G_a G_b").labels.count("f") == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "such as 'G_a H_ab G_b'"),
        ("  ", "such as"),
        ("G", "expected 1 index on G, got 'G' at column 1"),
        ("l G_ab", "got 'G_ab' at column 3"),
        ("G_a G_a G_a", "an index at most twice, got 'a' at column 9"),
        ("M_a G_a", "a bar"),
        ("C_a", "2 indices on C"),
        ("S_ab", "3 indices on S"),
        ("C~_ab", "a tensor"),
        ("tr(G)", "one of H, H~, C"),
        ("tr(C^)", "a tensor"),
        ("|C^|^2", "a tensor"),
        ("|C~|^2", "a tensor"),
        ("G^_a G^u_a", "plug-in values alone, got 'distinct values' at column 6"),
        ("M_a|b H^_ab", "moment values alone, got 'plug-in values'"),
        ("U_a G_a", "a bar"),
        ("H_aaa", "2 indices on H"),
        ("tr()", "a trace"),
        ("tr(C K)", "one of H, H~, C"),
        ("G.K.G", "one of H, H~, C"),
        ("G.", "a tensor"),
        ("G.H", "2 indices on H"),
        ("M_a|b C_ab", "moment values alone, got 'cumulant values' at column 7"),
        ("V_a|b M_ab|", "plug-in values alone"),
        ("eta^ab", "at an index of a tensor"),
        ("eta^aa G_a", "every index at one eta"),
        ("G_a eta^ab eta^ac", "every index at one eta"),
        ("G_a eta^ab G_b G_c G_c", "eta at every index, or at none"),
        ("G_a G_a eta^ab", "at most"),
        ("|G|^3", "an even power"),
        ("|G|", "a tensor"),
        ("G_a^2", "powers of what has no index"),
        ("l^0", "a power 1"),
        ("l^101", "a power 1"),
        ("l^2^3", "one power"),
        ("l" + "^2" * 4000, "one power"),
        ("G_l", "letters a-z without l"),
        ("G_A", "letters a-z without l"),
        ("G_a|b", "letters alone"),
        ("G_a +", "got '\\+' at column 5"),
        ("weights", "a tensor"),
        ("training-loss", "a tensor"),
        ("__import__('os')", "a tensor"),
        ("5", "a tensor"),
        ("l " * 501, "at most 500 factors"),
        ("l" * 10_001, "at most 10000 characters"),
        (5, "a contraction as text"),
        (None, "a contraction as text"),
    ],
)
def test_what_is_no_contraction_is_pointed_to(text, words):
    with pytest.raises(DiagramError, match=words) as refused:
        parse(text)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 500


@relaxed
@given(st.text("lGHJKCSMVUkappaeta_^|~.()bcdtr 123-#é\n", max_size=40))
def test_anything_is_a_contraction_or_an_error_of_one_line(text):
    words = ""
    try:
        made = parse(text)
    except DiagramError as error:
        words = str(error)
    else:
        assert isinstance(made, Contraction)
    assert "\n" not in words
