"""Propagators in two rings: what dressed edges count without curvature is what whole numbers count."""

from fractions import Fraction

import pytest
from sympy import QQ, ring

from sgdiagrams.diagrams import Diagram, enumerate_diagrams
from sgdiagrams.symbolic import (
    SGD,
    Cosine,
    Epochs,
    FullBatch,
    Grid,
    Momentum,
    Nesterov,
    OnePass,
    TailAverage,
    WithReplacement,
)
from sgdiagrams.symbolic.embeddings.forests import update_forest
from sgdiagrams.symbolic.propagation.dressed import DressedPropagator
from sgdiagrams.symbolic.propagation.dynamics import Dynamics
from sgdiagrams.symbolic.propagation.exact import ExactPropagator
from sgdiagrams.symbolic.propagation.rings import FRACTIONS

BASES = ("moment", "cumulant")
HALF, THIRD = Fraction(1, 2), Fraction(1, 3)

SCHEMES = [
    OnePass(T=4, B=2),
    FullBatch(N=3, E=4),
    WithReplacement(N=3, B=2, T=4),
    Epochs(N=4, B=2, E=2, shuffle="every-epoch"),
    Epochs(N=3, B=1, E=2, shuffle="every-epoch"),
    Epochs(N=4, B=2, E=2),
    Grid([[0, 1], [2], [0, 2, 1], [1]], N=4),
]
OPTIMIZERS = [
    SGD(),
    SGD(schedule=Cosine(), average=TailAverage(2)),
    Momentum(beta=HALF),
    Momentum(beta=THIRD, schedule=Cosine(), average=TailAverage(3)),
    Nesterov(beta=HALF, schedule=Cosine(), schedule_scales="gradient"),
]


def label(value):
    return getattr(value, "label", value)


def bare_counts(course, optimizer, forest, basis):
    """Return a count in whole numbers, and in fractions at zero curvature."""
    h = [Fraction(0)] * len(forest.parents)
    exact = ExactPropagator(optimizer, course.updates)
    dressed = DressedPropagator(Dynamics.dressed(optimizer, course.updates, h, FRACTIONS))
    return [course.embed(p, forest, basis) for p in (exact, dressed)]


@pytest.mark.parametrize("basis", BASES)
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=label)
@pytest.mark.parametrize("scheme", SCHEMES, ids=label)
def test_plain_counts_are_dressed_counts_without_curvature(scheme, optimizer, basis):
    diagrams = [*enumerate_diagrams(1), *enumerate_diagrams(2), *enumerate_diagrams(3)][::3]
    for diagram in diagrams:
        exact, dressed = bare_counts(scheme.course(), optimizer, update_forest(diagram), basis)
        assert exact == dressed, diagram


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=label)
def test_many_reshuffled_epochs_are_powered_as_they_are_scanned(optimizer, monkeypatch):
    from sgdiagrams.symbolic.propagation.scan import StepScan

    course = Epochs(N=4, B=2, E=20, shuffle="every-epoch").course()
    forest = update_forest(Diagram.parse("(02-1-3)(03-13-23)"))
    counts = []
    for choice in (True, False):
        monkeypatch.setattr(StepScan, "_prefers_squaring", lambda _, choice=choice: choice)
        counts += bare_counts(course, optimizer, forest, "cumulant")
    assert len(set(counts)) == 1


def test_links_have_a_sign_and_no_batch_size():
    """One update and at most one link above it: h times the ways to place both, of one row each."""
    _, h = ring("h", QQ)
    forest = update_forest(Diagram.parse("(0-1)(01)"))
    for batch in (1, 3):
        course = OnePass(T=3, B=batch).course()
        propagator = DressedPropagator(Dynamics.dressed(SGD(), 3, [h], FRACTIONS))
        assert course.embed(propagator, forest, "cumulant") == 3 - 3 * h + h**2


def test_without_updates_nothing_is_counted():
    course = Epochs(N=2, B=1, E=0).course()
    dot, edge = (update_forest(Diagram.parse(text)) for text in ("(0)()", "(0-1)(01)"))
    for optimizer in OPTIMIZERS[::2]:
        propagator = ExactPropagator(optimizer, 0)
        assert course.embed(propagator, dot, "moment") == 1
        assert course.embed(propagator, edge, "moment") == 0
