"""Sampling schemes as values: numbers, symbols, names and errors."""

import pickle
from fractions import Fraction

import pytest
import sympy

from sgdiagrams.diagrams import Diagram, RequestError, SamplingError, SgdiagramsError
from sgdiagrams.symbolic import Epochs, FreshData, FullBatch, OnePass, expand, symbols
from sgdiagrams.symbolic.training.names import named_sampling

EDGE = Diagram.parse("(0-1)(01)")
TIED = Diagram.parse("(01)(01)")


def test_symbols_and_values():
    assert OnePass().symbols == ("T",)
    assert OnePass(T=3).symbols == ()
    assert OnePass(B=symbols.B).symbols == ("T", "B")
    assert Epochs().symbols == ("N", "B", "E")
    assert Epochs(B=symbols.N).symbols == ("N", "E")
    assert Epochs(N=6, B=2).symbols == ("E",)
    assert Epochs().values == {"N": symbols.N, "B": symbols.B, "E": symbols.E}
    assert OnePass(T=4).values == {"T": 4, "B": 1}


def test_constructors_return_equal_schemes():
    assert FreshData() == OnePass(B=symbols.B)
    assert FreshData(T=3, B=2) == OnePass(T=3, B=2)
    assert FullBatch() == Epochs(B=symbols.N)
    assert FullBatch(N=8, E=2) == Epochs(N=8, B=8, E=2)
    assert named_sampling("one-pass") == OnePass()
    assert named_sampling("epochs") == Epochs()
    assert named_sampling("fresh-data") == FreshData()
    assert named_sampling("full-batch") == FullBatch()
    scheme = Epochs(N=6)
    assert named_sampling(scheme) is scheme


def test_symbols_are_free_of_assumptions():
    for name in ("T", "N", "B", "E", "eta", "beta"):
        assert getattr(symbols, name) == sympy.Symbol(name)


def test_whole_numbers_in_any_type():
    for six in (6, 6.0, Fraction(6), sympy.Integer(6)):
        assert Epochs(N=six) == Epochs(N=6)
        assert Epochs().at(N=six) == Epochs(N=6)


def test_immutable_hashable_picklable():
    for scheme in (OnePass(), OnePass(T=3), Epochs(), Epochs(N=6, B=2, E=1), FullBatch()):
        with pytest.raises(AttributeError):
            scheme.B = 3
        assert pickle.loads(pickle.dumps(scheme)) == scheme  # noqa: S301 - our own bytes
        assert len({scheme, type(scheme)(**{k: getattr(scheme, k) for k in scheme.numbers})}) == 1


IMPOSSIBLE_NUMBERS = [
    lambda: Epochs().put(N=5, B=2),
    lambda: Epochs(N=5).put(B=2),
    lambda: Epochs().at(N=2, B=5),
    lambda: Epochs().count(EDGE, N=2, B=5),
    lambda: Epochs(N=4, B=8),
    lambda: Epochs(B=0),
    lambda: OnePass(B=0),
    lambda: OnePass(B=-1),
    lambda: Epochs(N=0),
    lambda: Epochs(N=-4),
    lambda: Epochs(E=-1),
    lambda: OnePass(T=-1),
    lambda: Epochs(N=2.5),
    lambda: OnePass(T=Fraction(1, 2)),
    lambda: OnePass(T=sympy.Rational(1, 2)),
    lambda: OnePass(T=float("nan")),
    lambda: OnePass(T=float("inf")),
    lambda: OnePass(T="3"),
    lambda: OnePass(T=True),
    lambda: OnePass(T=symbols.N * 2),
    lambda: OnePass(T=sympy.pi),
    lambda: OnePass(T=1j),
    lambda: Epochs().count(EDGE, E=-1),
    lambda: Epochs().count(EDGE, N=2.5),
    lambda: OnePass().count(EDGE, N=3),
    lambda: OnePass().count(EDGE, B=3),
    lambda: OnePass(T=3).count(EDGE, T=3),
    lambda: OnePass().at(t=3),
    lambda: Epochs().at(T=3),
    lambda: FullBatch().at(B=2),
    lambda: expand("test-loss", order=1, sampling=Epochs(N=5)).weights(B=2, E=1),
    lambda: expand("test-loss", order=1, sampling="epochs").weights(N=5, B=2, E=1),
    lambda: expand("test-loss", order=1, sampling="epochs").weights(N=4, B=2),
    lambda: expand("test-loss", order=1, sampling="epochs").weights(N=4, B=2, E=1, T=2),
    lambda: expand("test-loss", order=1, sampling="one-pass").weights(T=Fraction(5, 2)),
    lambda: expand("test-loss", order=1, sampling="one-pass").weights(T="3; import os"),
]


@pytest.mark.parametrize("call", IMPOSSIBLE_NUMBERS)
def test_impossible_numbers(call):
    with pytest.raises(SamplingError) as error:
        call()
    assert str(error.value)
    assert "\n" not in str(error.value)


IMPOSSIBLE_REQUESTS = [
    lambda: OnePass().count(TIED),
    lambda: Epochs().count(TIED, basis="cumulant"),
    lambda: OnePass().count(EDGE, basis="moments"),
    lambda: OnePass().count(EDGE, basis="plug-in"),
    lambda: OnePass().count(EDGE, root="test"),
    lambda: Epochs(shuffle="twice"),
    lambda: named_sampling("two-pass"),
    lambda: expand("test-loss", order=1, sampling="sgd"),
    lambda: expand("loss", order=1, sampling="one-pass"),
    lambda: expand("test-loss", order=-1, sampling="one-pass"),
    lambda: expand("test-loss", order=1.0, sampling="one-pass"),
    lambda: expand("test-loss", order=True, sampling="one-pass"),
    lambda: expand("test-loss", order=1, sampling="one-pass", basis="plug-in"),
]


@pytest.mark.parametrize("call", IMPOSSIBLE_REQUESTS)
def test_impossible_requests(call):
    with pytest.raises(RequestError) as error:
        call()
    assert isinstance(error.value, SgdiagramsError)
    assert str(error.value)
    assert "\n" not in str(error.value)


def test_very_large_numbers_are_numbers():
    many = 10**400
    assert OnePass().count(EDGE, T=many) == many
    assert OnePass(T=many).count(EDGE) == many


def test_no_update():
    assert OnePass(T=0).is_empty
    assert Epochs(E=0).is_empty
    assert not OnePass().is_empty
    assert not Epochs(E=1).is_empty
    for observable, first in (("test-loss", 1), ("training-loss", 1), ("generalisation-gap", 0)):
        expansion = expand(observable, order=2, sampling="one-pass")
        weights = expansion.weights(T=0)
        assert sum(weights) == first
        assert all(w == 0 for w, t in zip(weights, expansion.terms, strict=True) if t.order)
        weights = expand(observable, order=2, sampling="epochs").weights(N=6, B=3, E=0)
        assert sum(weights) == first
