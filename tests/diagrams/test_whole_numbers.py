"""Whole numbers of every library pass at every door, and nothing else does."""

from fractions import Fraction

import numpy as np
import pytest

import sgdiagrams as sd
from sgdiagrams.diagrams.whole_numbers import is_whole
from sgdiagrams.numeric import Digits, PolynomialLandscape, exact_sgd, verify
from sgdiagrams.symbolic import Contraction

KINDS = [int, np.int64, np.int32, np.uint8]
NOT_WHOLE = [True, np.True_, 2.0, np.float64(2), "2", None, Fraction(5, 2), 2 + 0j]


@pytest.mark.parametrize("kind", KINDS)
def test_whole_numbers_of_every_library_pass(kind):
    two = kind(2)
    assert is_whole(two, least=2, most=2)
    assert not is_whole(two, least=3)
    assert not is_whole(two, most=1)
    assert len(list(sd.enumerate_diagrams(two, residue=kind(0), modulus=kind(1)))) == 4
    expansion = sd.expand("test-loss", order=two, sampling="one-pass")
    assert expansion == sd.expand("test-loss", order=2, sampling="one-pass")
    assert type(expansion.order) is int
    assert sd.expand("test-loss", order=two, sampling="epochs").to_json()
    assert expansion.subs({"T": kind(4)}).symbols == ()
    assert expansion * two == two * expansion == expansion + expansion
    resummed = sd.expand("test-loss", order=two, sampling="one-pass", resummed=True)
    assert resummed * two == resummed + resummed
    assert sd.OnePass(T=two, B=two) == sd.OnePass(T=2, B=2)
    assert Contraction.build([(kind(0), kind(1))], [[0], [1]]).order == 1
    comparison = sd.compare("mean", order=two, runs=kind(4), seed=kind(3), eta=0.01, T=two)
    assert comparison.runs == 4
    assert sd.landscape("gauss").statistics(two).max_order == 2
    ground = PolynomialLandscape([{(kind(2),): 1}], start=[1])
    assert exact_sgd(ground, ((kind(0),),), order=two, rows=kind(1)) == exact_sgd(
        ground, ((0,),), order=2
    )


@pytest.mark.parametrize("value", NOT_WHOLE, ids=repr)
def test_nothing_else_does(value):
    assert not is_whole(value)
    doors = [
        lambda: list(sd.enumerate_diagrams(value)),
        lambda: sd.expand("test-loss", order=value, sampling="one-pass"),
        # None stands for the usual order.
        lambda: sd.compare("mean", order=2.0 if value is None else value, eta=0.01, T=2),
        lambda: sd.compare("mean", order=1, runs=value, eta=0.01, T=2),
        lambda: sd.compare("mean", order=1, runs=4, seed=value, eta=0.01, T=2),
        lambda: sd.landscape("gauss").statistics(value),
        lambda: list(verify(value)),
        lambda: Digits(value),
    ]
    for door in doors:
        with pytest.raises(sd.SgdiagramsError) as caught:
            door()
        assert len(str(caught.value).splitlines()) == 1


def test_substitution_takes_numbers_and_no_booleans():
    expansion = sd.expand("test-loss", order=1, sampling="gradient-flow")
    for value in (Fraction(1, 2), 0.5, np.float32(0.5)):
        assert str(expansion.subs({"T": value}).order_terms(1)[0].weight) == "-1/2"
    for value in (True, np.True_, float("nan"), float("inf"), [1], None):
        with pytest.raises(sd.RequestError):
            expansion.subs({"T": value})
