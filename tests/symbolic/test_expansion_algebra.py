"""Sums, differences, multiples and substitutions of expansions."""

import pickle
from fractions import Fraction
from functools import cache

import pytest
import slow
import sympy
from sympy import Rational, Symbol

from sgdiagrams.diagrams import RequestError, SamplingError, SgdiagramsError
from sgdiagrams.symbolic import Contraction, Epochs, Expansion, FullBatch, OnePass, expand, symbols

T, N, B, E, eta = (Symbol(name) for name in ("T", "N", "B", "E", "eta"))


@cache
def make(observable="test-loss", sampling="one-pass", order=2, basis="moment"):
    return expand(observable, order=order, sampling=sampling, basis=basis)


def table(expansion):
    return {term.contraction: sympy.factor(term.weight) for term in expansion.terms}


def combined(*scaled):
    """Return the linear combination of tables of weights, by definition."""
    total = {}
    for factor, expansion in scaled:
        for c, w in table(expansion).items():
            total[c] = total.get(c, 0) + factor * w
    return {c: sympy.factor(w) for c, w in total.items() if sympy.expand(w) != 0}


def test_the_gap_is_the_difference():
    for scheme, order in (("one-pass", 3), ("epochs", 2), ("full-batch", 3)):
        for basis in ("moment", "cumulant"):
            test = make("test-loss", scheme, order, basis)
            training = make("training-loss", scheme, order, basis)
            gap = make("generalisation-gap", scheme, order, basis)
            assert table(test - training) == table(gap)
            assert (test - training).terms == gap.terms
            assert table(test) == table(training + gap)


def test_linear_combinations():
    a, b = make(), make("training-loss")
    assert table(a + b) == combined((1, a), (1, b))
    assert table(a - b) == combined((1, a), (-1, b))
    assert table(-a) == combined((-1, a))
    assert table(2 * a) == table(a * 2) == table(a + a)
    assert table(a * Fraction(2, 3)) == combined((Rational(2, 3), a))
    assert table(a * Rational(2, 3)) == combined((Rational(2, 3), a))
    assert (a - a).terms == ()
    assert (a * 0).terms == ()
    assert (a + b - b).terms == a.terms
    assert (3 * (a - b)).terms == (3 * a - 3 * b).terms


def test_parts_say_what_is_expanded():
    a, b = make(), make("training-loss")
    difference = 2 * a - b
    assert [(p.coefficient, p.observable.name) for p in difference.parts] == [
        (2, "test-loss"),
        (-1, "training-loss"),
    ]
    assert difference.sampling == OnePass()
    assert [(p.coefficient, p.observable.name) for p in (a + a).parts] == [(2, "test-loss")]
    assert (a - a).parts == ()
    assert a.observable == "test-loss"
    assert {"test-loss", "training-loss"} == set(difference.observable.split("; "))
    mixed = make("test-loss", "epochs") - a
    assert mixed.sampling is None
    assert mixed.symbols == ("T", "N", "B", "E")


def test_a_sum_keeps_the_lower_order():
    total = make(order=3) + make("training-loss", order=1)
    assert total.order == 1
    assert max(term.order for term in total.terms) == 1
    assert table(total) == combined((1, make(order=1)), (1, make("training-loss", order=1)))


def test_different_bases_make_a_mixed_sum():
    mixed = make() - make(basis="cumulant")
    assert mixed.basis == "mixed"
    assert make().basis == "moment"
    assert make(basis="cumulant").basis == "cumulant"
    moment = Contraction.build([(0, 1), (1, 2)], [[0, 2], [1]])
    cumulant = Contraction.build([(0, 1), (1, 2)], [[0, 2], [1]], basis="cumulant")
    assert table(mixed)[moment] == T / 2
    assert table(mixed)[cumulant] == -T / 2


@pytest.mark.parametrize("factor", [1.5, "2", None, True, 1j])
def test_only_rational_factors(factor):
    with pytest.raises(TypeError):
        make() * factor
    with pytest.raises(TypeError):
        factor * make()


@pytest.mark.parametrize("other", [1, 0, None, "x", Fraction(1, 2)])
def test_only_expansions_are_added(other):
    with pytest.raises(TypeError):
        make() + other
    with pytest.raises(TypeError):
        make() - other


# Substitution ---------------------------------------------------------------------------------------


def test_numbers_and_vectors_are_not_added():
    loss, moved = (expand(o, order=1, sampling="one-pass") for o in ("test-loss", "displacement"))
    with pytest.raises(RequestError, match="got 0 of 'test-loss' and 1 of 'displacement'"):
        loss - moved
    assert (moved - moved + loss).terms == loss.terms


def test_symbols_by_name_and_by_object():
    expansion = make("test-loss", "epochs", 3)
    by_name = expansion.subs({"E": 3})
    assert by_name == expansion.subs({E: 3}) == expansion.subs("E", 3) == expansion.subs(E, 3)
    assert by_name.symbols == ("N", "B")
    assert table(by_name) == {c: sympy.factor(w.subs(E, 3)) for c, w in table(expansion).items()}
    assert expansion.subs({"B": "N"}) == expansion.subs({B: N})


def test_updates_for_epochs():
    # T = E N / B: the one-pass expansion at B batch points of N / B steps is one epoch.
    one_pass = expand("test-loss", order=3, sampling=OnePass(B=symbols.B))
    epochs = make("test-loss", "epochs", 3)
    assert table(one_pass.subs({T: N / B})) == table(epochs.subs({E: 1}))
    restored = epochs.subs({E: T * B / N}).subs({T: E * N / B})
    assert restored.terms == epochs.terms
    assert table(make().subs({T: N * E / B}))[Contraction.build([(0, 1)], [[0], [1]])] == -E * N / B


def test_full_batch_by_substitution():
    for basis in ("moment", "cumulant"):
        epochs = make("generalisation-gap", "epochs", 3, basis)
        full = make("generalisation-gap", "full-batch", 3, basis)
        assert epochs.subs({"B": "N"}).terms == full.terms


def test_simultaneous():
    expansion = make("test-loss", "epochs", 2)
    swapped = expansion.subs({"N": "B", "B": "N"})
    for a, b in ((expansion, swapped), (swapped, expansion)):
        for term in a.terms:
            weight = term.weight.xreplace({N: B, B: N})
            assert sympy.expand(table(b)[term.contraction] - weight) == 0


def test_learning_rate():
    M = Symbol("M")
    expansion = make("test-loss", "one-pass", 3)
    scaled = expansion.subs({eta: eta / M})
    for c, w in table(scaled).items():
        assert sympy.expand(w * M**c.order - table(expansion)[c]) == 0
    assert len(table(scaled)) == len(table(expansion))
    assert scaled == expansion.subs("eta", eta / M)
    assert table(expansion.subs({eta: 2 * eta, T: 5})) == {
        c: w.subs(T, 5) * 2**c.order for c, w in table(expansion).items()
    }


@pytest.mark.parametrize("new", [0, 1, eta**2, eta + 1, Symbol("x"), "x"])
def test_what_is_no_multiple_of_eta(new):
    with pytest.raises(RequestError) as error:
        make().subs({eta: new})
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "arguments", [(), (1, 2, 3), ({"T; import os": 1},), ({"T": "1 + 1"},), ({1: 2},), ({T: None},)]
)
def test_impossible_substitutions(arguments):
    with pytest.raises(RequestError) as error:
        make().subs(*arguments)
    assert "\n" not in str(error.value)


def test_substitutions_that_divide_by_zero():
    for bad in ({"B": 0}, {"N": 0, "B": 0}, {B: sympy.nan}):
        with pytest.raises(SgdiagramsError) as error:
            make("test-loss", "epochs").subs(bad)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("decimal", [0.1, sympy.Float(0.1), sympy.Float("0.1", 30)])
def test_decimals_are_exact(decimal):
    expansion = make().subs({"T": decimal * N})
    assert table(expansion)[Contraction.build([(0, 1)], [[0], [1]])] == Rational(-1, 10) * N
    assert all(not w.has(sympy.Float) for w in table(expansion).values())


@pytest.mark.parametrize(
    "new",
    [
        sympy.sqrt(Symbol("M")),
        sympy.exp(Symbol("M")),
        sympy.log(2),
        sympy.pi,
        sympy.I,
        Symbol("a") ** sympy.sqrt(Symbol("b")),
        Contraction.build([], [[0]]),
    ],
    ids=str,
)
def test_only_rational_functions_are_substituted(new):
    # Weights are rational functions over the rationals: printing, JSON and evaluation rely on it.
    with pytest.raises(RequestError) as error:
        make().subs({"T": new})
    assert "\n" not in str(error.value)


# Values ---------------------------------------------------------------------------------------------


def test_weights_in_numbers():
    for scheme, numbers in [
        ("one-pass", {"T": 7}),
        ("epochs", {"N": 6, "B": 2, "E": 3}),
        ("full-batch", {"N": 5, "E": 4}),
        ("fresh-data", {"T": 5, "B": 3}),
    ]:
        for observable in ("test-loss", "training-loss", "generalisation-gap"):
            expansion = make(observable, scheme, 3)
            expected = tuple(slow.exact(t.weight, **numbers) for t in expansion.terms)
            found = expansion.weights(**numbers)
            assert found == expected
            assert all(type(w) is Fraction for w in found)


def test_weights_with_numbers_given_before():
    early = expand("generalisation-gap", order=3, sampling=Epochs(N=6, B=2))
    late = make("generalisation-gap", "epochs", 3)
    assert early.symbols == ("E",)
    by_contraction = dict(
        zip((t.contraction for t in late.terms), late.weights(N=6, B=2, E=3), strict=True)
    )
    for term, weight in zip(early.terms, early.weights(E=3), strict=True):
        assert by_contraction[term.contraction] == weight
    assert make().subs({T: N / 2}).weights(N=4)[1] == Fraction(-2)


@pytest.mark.parametrize(
    ("sampling", "numbers"),
    [
        ("epochs", {"N": 4, "B": 2, "E": -2}),
        ("epochs", {"E": -2}),
        ("epochs", {"N": 4, "B": 3}),
        ("epochs", {"N": 2, "B": 4}),
        ("one-pass", {"T": 2.5}),
        ("one-pass", {"T": -1}),
        ("with-replacement", {"T": -3}),
    ],
)
def test_impossible_numbers_are_no_substitutes(sampling, numbers):
    expansion = make("test-loss", sampling)
    with pytest.raises(SamplingError, match="expected"):
        expansion.subs(numbers)
    with pytest.raises(SamplingError, match="expected"):
        (expansion - expansion * 2).subs(numbers)


def test_what_is_substituted_is_checked_with_the_numbers():
    expansion = make("test-loss", "epochs").subs({"N": 2 * N, "B": Symbol("b")}).subs({"b": 4})
    for impossible in ({"N": 3, "E": 1}, {"N": 2, "E": -1}, {"N": Fraction(1, 3), "E": 1}):
        with pytest.raises(SamplingError, match="expected"):
            expansion.weights(**impossible)
    assert expansion.weights(N=2, E=3) == make("test-loss", "epochs").weights(N=4, B=4, E=3)
    half = make().subs({T: N / 2})
    with pytest.raises(SamplingError, match="whole number >= 0 for T"):
        half.weights(N=3)
    nothing = make("training-loss", "one-pass").subs({"T": "steps"}).weights(steps=0)
    assert nothing[0] == 1
    assert not any(nothing[1:])
    renamed = expand("test-loss", order=1, sampling="one-pass", optimizer="momentum").subs(
        "beta", "b"
    )
    assert renamed.symbols == ("T", "b")
    with pytest.raises(SamplingError, match="beta"):
        renamed.weights(T=3, b=1)


def test_immutable_and_picklable():
    expansion = make()
    with pytest.raises(AttributeError):
        expansion.order = 5
    with pytest.raises(AttributeError):
        expansion.terms[0].weight = 5
    assert pickle.loads(pickle.dumps(expansion)) == expansion  # noqa: S301 - our own bytes
    assert hash(pickle.loads(pickle.dumps(expansion))) == hash(expansion)  # noqa: S301
    assert isinstance(expansion, Expansion)
    assert expansion == expand("test-loss", order=2, sampling="one-pass")
    assert expansion != make("training-loss")
    assert expansion != make(order=1)


def test_missing_and_unknown_numbers_are_named():
    with pytest.raises(SamplingError, match=r"B"):
        make("test-loss", "epochs").weights(N=4, E=1)
    with pytest.raises(SamplingError, match=r"\bX\b"):
        make().weights(T=1, X=2)
    assert make("test-loss", FullBatch(N=3, E=2)).weights()
