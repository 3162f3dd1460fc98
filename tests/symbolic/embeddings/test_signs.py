"""The factor before the embeddings of a diagram: what it is, and that all series ask for it."""

from fractions import Fraction

import pytest

from sgdiagrams import symbols
from sgdiagrams.diagrams import Diagram
from sgdiagrams.symbolic import SGD, Cosine, Epochs, Momentum, OnePass, expand
from sgdiagrams.symbolic.embeddings.forests import update_forest
from sgdiagrams.symbolic.embeddings.signs import Prefactor, prefactor
from sgdiagrams.symbolic.propagation.dressed import DressedPropagator
from sgdiagrams.symbolic.propagation.dynamics import Dynamics
from sgdiagrams.symbolic.propagation.rings import FRACTIONS


def test_prefactors():
    assert prefactor(0) == (1, 0)
    assert prefactor(1) == (-1, -1)
    assert prefactor(4, symmetry_factor=6) == (Fraction(1, 6), -4)


def without_sign(updates, *, symmetry_factor=1):
    return Prefactor(Fraction(1, symmetry_factor), -updates)


def without_symmetry(updates, *, symmetry_factor=1):  # noqa: ARG001
    return Prefactor(Fraction((-1) ** updates, 1), -updates)


def without_batches(updates, *, symmetry_factor=1):
    return Prefactor(Fraction((-1) ** updates, symmetry_factor), 0)


def series(sampling, optimizer):
    """Return a plain series, a re-summed one and what is expanded from that, as they are printed."""
    options = {"order": 3, "sampling": sampling, "optimizer": optimizer}
    plain = expand("test-loss", basis="cumulant", **options)
    resummed = expand("test-loss", resummed=True, **options)
    weights = resummed if resummed.has_closed_form else by_number(sampling, optimizer)
    return str(plain), f"{resummed.pieces}{weights}", str(resummed.expanded())


def by_number(sampling, optimizer):
    """Return the re-summed weight of a small diagram, which has no closed form."""
    course, h = sampling.course(), [Fraction(1, 2)] * 2
    propagator = DressedPropagator(Dynamics.dressed(optimizer, course.updates, h, FRACTIONS))
    forest = update_forest(Diagram.parse("(01-2)(02-12)"))
    return course.embed(propagator, forest, "cumulant")


@pytest.mark.parametrize("broken", [without_sign, without_symmetry, without_batches])
@pytest.mark.parametrize(
    ("sampling", "optimizer"),
    [
        (OnePass(B=symbols.B), SGD()),
        (OnePass(T=3, B=2), Momentum(beta="1/2")),
        (Epochs(N=4, B=2, E=1), SGD(schedule=Cosine())),
    ],
    ids=str,
)
def test_all_series_have_one_prefactor(sampling, optimizer, broken, monkeypatch):
    intact = series(sampling, optimizer)
    monkeypatch.setattr(prefactor, "__code__", broken.__code__)
    for before, after in zip(intact, series(sampling, optimizer), strict=True):
        assert before != after
